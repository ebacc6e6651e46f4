//! Templates, as events in a machine's own logs use them: the outer template describes the event's
//! System element, the inner one its EventData.
//!
//! A template's definition lies in the record that first needs it in a chunk, and later records
//! point to it. The outer template has the Computer as literal text, so there is one for each
//! computer and chunk. Its eighteen substitutions and their order were measured on real logs.

use crate::binxml::{END_OF_FRAGMENT, Element, ElementContent, FRAGMENT_HEADER};
use crate::chunk::Chunk;
use crate::error::Error;
use crate::event::Event;
use crate::value::{Guid, code};

/// The XML namespace of every event (the published event schema).
pub(crate) const NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

const TEMPLATE_INSTANCE: u8 = 0x0c;

/// The indexes of the substitutions of the outer template, which describes an event's System
/// element.
pub(crate) mod outer {
    pub(crate) const LEVEL: u16 = 0;
    pub(crate) const OPCODE: u16 = 1;
    pub(crate) const TASK: u16 = 2;
    pub(crate) const EVENT_ID: u16 = 3;
    pub(crate) const QUALIFIERS: u16 = 4;
    pub(crate) const KEYWORDS: u16 = 5;
    pub(crate) const TIME_CREATED: u16 = 6;
    pub(crate) const ACTIVITY_ID: u16 = 7;
    pub(crate) const PROCESS_ID: u16 = 8;
    pub(crate) const THREAD_ID: u16 = 9;
    pub(crate) const EVENT_RECORD_ID: u16 = 10;
    pub(crate) const VERSION: u16 = 11;
    pub(crate) const USER_ID: u16 = 12;
    pub(crate) const RELATED_ACTIVITY_ID: u16 = 13;
    pub(crate) const PROVIDER_NAME: u16 = 14;
    pub(crate) const CHANNEL: u16 = 16;
    pub(crate) const PROVIDER_GUID: u16 = 15;
    pub(crate) const EVENT_DATA: u16 = 17;
}

/// Computes a template's GUID from its content: equal templates have equal GUIDs in every chunk and
/// file. Windows' own rule is unknown; this one is two runs of FNV-1a.
#[derive(Debug)]
struct Identity(u64, u64);

impl Identity {
    fn new(kind: &str) -> Self {
        let mut identity = Self(0xCBF2_9CE4_8422_2325, 0x9E37_79B9_7F4A_7C15);
        identity.add(kind.as_bytes());
        identity
    }

    fn add(&mut self, bytes: &[u8]) {
        // The byte 0xFF is in no UTF-8 text, so it separates two names.
        for byte in bytes.iter().chain(&[0xFF]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
            self.1 = (self.1 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(7);
        }
    }

    fn guid(&self) -> Guid {
        let joined = u128::from(self.0 ^ (self.0 >> 32)) << 64 | u128::from(self.1);
        Guid(joined.to_be_bytes())
    }
}

/// Writes the start of an instance of a computer's outer template, which describes System:
/// everything but the values. Defines the template if the chunk does not have it yet.
pub(crate) fn write_outer_head(chunk: &mut Chunk, computer: &str) -> Result<(), Error> {
    let mut identity = Identity::new("System");
    identity.add(computer.as_bytes());
    write_head(chunk, identity.guid(), || outer_element(computer))
}

/// Writes the start of an instance of the inner template, which describes an event's data:
/// everything but the values. Defines the template if the chunk does not have it yet.
pub(crate) fn write_inner_head(chunk: &mut Chunk, event: &Event) -> Result<(), Error> {
    let mut identity = Identity::new("EventData");
    for (name, value) in &event.data {
        identity.add(name.as_bytes());
        identity.add(&[value.declared_code()]);
    }
    write_head(chunk, identity.guid(), || inner_element(event))
}

/// Writes the start of a template instance: the token, an unknown byte that is always 1, the
/// template's id (the first four bytes of its GUID), and the offset of its definition. The
/// definition follows if the chunk does not have it yet: offset of the next template in the bucket,
/// GUID, size, fragment (libevtx's format document, "Template instance" and "Template definition").
fn write_head(chunk: &mut Chunk, guid: Guid, element: impl FnOnce() -> Element) -> Result<(), Error> {
    let (id, _) = guid.0.split_at(4);
    chunk.put_u8(TEMPLATE_INSTANCE);
    chunk.put_u8(1);
    chunk.put(id);
    if let Some(known) = chunk.find_template(guid) {
        chunk.put_u32(known);
        return Ok(());
    }
    chunk.put_u32(chunk.offset() + 4);
    let next = chunk.add_template(guid);
    chunk.put_u32(next);
    chunk.put(&guid.0);
    let size = chunk.open_size();
    chunk.put(&FRAGMENT_HEADER);
    element().write(chunk, true)?;
    chunk.put_u8(END_OF_FRAGMENT);
    chunk.close_size(size);
    Ok(())
}

fn optional(index: u16, code: u8) -> ElementContent {
    ElementContent::Substitution { index, code, optional: true }
}

/// Makes an element of a template that contains the substitution with this index, and is left out
/// if its value is null.
fn dependent(name: &'static str, index: u16, code: u8) -> Element {
    Element::new(name).depends_on(index).holding(optional(index, code))
}

fn outer_element(computer: &str) -> Element {
    let system = Element::new("System")
        .child(
            Element::new("Provider")
                .attribute("Name", optional(outer::PROVIDER_NAME, code::TEXT))
                .attribute("Guid", optional(outer::PROVIDER_GUID, code::GUID)),
        )
        .child(
            dependent("EventID", outer::EVENT_ID, code::U16)
                .attribute("Qualifiers", optional(outer::QUALIFIERS, code::U16)),
        )
        .child(dependent("Version", outer::VERSION, code::U8))
        .child(dependent("Level", outer::LEVEL, code::U8))
        .child(dependent("Task", outer::TASK, code::U16))
        .child(dependent("Opcode", outer::OPCODE, code::U8))
        .child(dependent("Keywords", outer::KEYWORDS, code::HEX64))
        .child(
            Element::new("TimeCreated")
                .attribute("SystemTime", optional(outer::TIME_CREATED, code::FILETIME)),
        )
        .child(dependent("EventRecordID", outer::EVENT_RECORD_ID, code::U64))
        .child(
            Element::new("Correlation")
                .attribute("ActivityID", optional(outer::ACTIVITY_ID, code::GUID))
                .attribute("RelatedActivityID", optional(outer::RELATED_ACTIVITY_ID, code::GUID)),
        )
        .child(
            Element::new("Execution")
                .attribute("ProcessID", optional(outer::PROCESS_ID, code::U32))
                .attribute("ThreadID", optional(outer::THREAD_ID, code::U32)),
        )
        .child(dependent("Channel", outer::CHANNEL, code::TEXT))
        .child(Element::new("Computer").holding(ElementContent::text(computer)))
        .child(Element::new("Security").attribute("UserID", optional(outer::USER_ID, code::SID)));
    Element::new("Event")
        .depends_on(outer::EVENT_DATA)
        .attribute("xmlns", ElementContent::text(NAMESPACE))
        .child(system)
        .holding(optional(outer::EVENT_DATA, code::BINXML))
}

fn inner_element(event: &Event) -> Element {
    (0_u16..).zip(&event.data).fold(Element::new("EventData"), |event_data, (index, (name, value))| {
        let mut item = Element::new("Data");
        if !name.is_empty() {
            item = item.attribute("Name", ElementContent::text(name));
        }
        event_data.child(item.holding(ElementContent::Substitution {
            index,
            code: value.declared_code(),
            optional: false,
        }))
    })
}
