//! Events as a collector stores them: inline elements without templates, and every value as text.
//!
//! The tree is that of real forwarded events (measured), except RenderingInfo, which follows the
//! published event schema.

use crate::binxml::{Element, ElementContent};
use crate::event::{Event, Rendering};
use crate::template::NAMESPACE;
use crate::time;

/// Returns the whole event as one tree of XML elements, in which every value is text.
pub(crate) fn event_element(event: &Event) -> Element {
    let mut element = Element::new("Event")
        .attribute("xmlns", ElementContent::text(NAMESPACE))
        .child(system_element(event))
        .child(data_element(event));
    if let Some(rendering) = &event.rendering {
        element = element.child(rendering_element(event, rendering));
    }
    element
}

fn leaf(name: &'static str, text: &str) -> Element {
    Element::new(name).holding(ElementContent::text(text))
}

fn system_element(event: &Event) -> Element {
    // A collector writes nine decimals of a second, of which the last two are always zero.
    let time = time::time_created(event.time).replace('Z', "00Z");
    let guid = format!("{{{}}}", event.provider_guid.to_string().to_uppercase());
    let mut security = Element::new("Security");
    if let Some(user) = &event.user {
        security = security.attribute("UserID", ElementContent::text(&user.to_string()));
    }
    Element::new("System")
        .child(
            Element::new("Provider")
                .attribute("Name", ElementContent::text(&event.provider))
                .attribute("Guid", ElementContent::text(&guid)),
        )
        .child(leaf("EventID", &event.event_id.to_string()))
        .child(leaf("Version", &event.version.to_string()))
        .child(leaf("Level", &event.level.to_string()))
        .child(leaf("Task", &event.task.to_string()))
        .child(leaf("Opcode", &event.opcode.to_string()))
        .child(leaf("Keywords", &format!("{:#x}", event.keywords)))
        .child(Element::new("TimeCreated").attribute("SystemTime", ElementContent::text(&time)))
        .child(leaf("EventRecordID", &event.record_id.to_string()))
        .child(Element::new("Correlation"))
        .child(
            Element::new("Execution")
                .attribute("ProcessID", ElementContent::text(&event.process_id.to_string()))
                .attribute("ThreadID", ElementContent::text(&event.thread_id.to_string())),
        )
        .child(leaf("Channel", &event.channel))
        .child(leaf("Computer", &event.computer))
        .child(security)
}

fn data_element(event: &Event) -> Element {
    event.data.iter().fold(Element::new("EventData"), |event_data, (name, value)| {
        let mut item = Element::new("Data");
        if !name.is_empty() {
            item = item.attribute("Name", ElementContent::text(name));
        }
        event_data.child(item.holding(ElementContent::Text(value.units())))
    })
}

fn rendering_element(event: &Event, rendering: &Rendering) -> Element {
    Element::new("RenderingInfo")
        .attribute("Culture", ElementContent::text("en-US"))
        .child(leaf("Message", &rendering.message))
        .child(leaf("Level", "Information"))
        .child(leaf("Task", &rendering.task))
        .child(leaf("Opcode", "Info"))
        .child(leaf("Channel", &event.channel))
        .child(leaf("Provider", &event.provider))
        .child(Element::new("Keywords"))
}
