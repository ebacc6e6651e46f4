//! One event as XML, as Windows renders it (`EvtRender`, and so `wevtutil`, Event Viewer and
//! collectors): on one line, attributes in single quotes, TimeCreated with nine decimals.
//!
//! The elements are those of the published event schema, in the order of real renderings. In
//! values, `&`, `<`, `>` and quotes are escaped and nothing else is. Control characters stay as
//! they are, which XML does not allow; readers of such XML had to cope with that (elastic/beats,
//! pull request 11006).

use crate::event::{Event, Rendering};
use crate::template::NAMESPACE;
use crate::time;
use crate::value::DataValue;

/// Returns the event as Windows renders it, as XML.
#[must_use]
pub fn event_xml(event: &Event) -> String {
    let (system, data) = (system(event), data(event));
    let rendering = event.rendering.as_ref().map(rendering).unwrap_or_default();
    format!("<Event xmlns='{NAMESPACE}'>{system}{data}{rendering}</Event>")
}

fn system(event: &Event) -> String {
    let time = time::time_created(event.time).replace('Z', "00Z");
    let user = event.user.as_ref().map(|user| format!(" UserID='{user}'")).unwrap_or_default();
    format!(
        "<System><Provider Name='{}' Guid='{{{}}}'/><EventID>{}</EventID><Version>{}</Version><Level>{}</Level>\
         <Task>{}</Task><Opcode>{}</Opcode><Keywords>{:#x}</Keywords><TimeCreated SystemTime='{time}'/>\
         <EventRecordID>{}</EventRecordID><Correlation/><Execution ProcessID='{}' ThreadID='{}'/>\
         <Channel>{}</Channel><Computer>{}</Computer><Security{user}/></System>",
        escaped(&event.provider),
        event.provider_guid,
        event.event_id,
        event.version,
        event.level,
        event.task,
        event.opcode,
        event.keywords,
        event.record_id,
        event.process_id,
        event.thread_id,
        escaped(&event.channel),
        escaped(&event.computer),
    )
}

fn data(event: &Event) -> String {
    let element = |(name, value): &(String, DataValue)| {
        let name = if name.is_empty() { String::new() } else { format!(" Name='{}'", escaped(name)) };
        ["<Data", &name, ">", &escaped(&value.text()), "</Data>"].concat()
    };
    let elements: String = event.data.iter().map(element).collect();
    if elements.is_empty() { elements } else { format!("<EventData>{elements}</EventData>") }
}

fn rendering(rendering: &Rendering) -> String {
    let (message, task) = (escaped(&rendering.message), escaped(&rendering.task));
    format!("<RenderingInfo Culture='en-US'><Message>{message}</Message><Task>{task}</Task></RenderingInfo>")
}

/// Returns a value with the characters that XML reserves escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_with_its_values_escaped() {
        let event = Event::dns_query("a<b>&'\"\u{1b}", "C:\\x.exe").numbered(7).rendered("m", "t");
        let xml = event_xml(&event);
        assert!(xml.contains("<Data Name='QueryName'>a&lt;b&gt;&amp;&apos;&quot;\u{1b}</Data>"), "{xml}");
        assert!(xml.contains("<TimeCreated SystemTime='2025-03-04T09:00:00.000000000Z'/>"), "{xml}");
        assert!(
            xml.contains("<EventRecordID>7</EventRecordID>") && xml.ends_with("</RenderingInfo></Event>")
        );
        assert!(!xml.contains('\n'));
    }
}
