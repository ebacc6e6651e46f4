//! What the skim needs of an event's definition, and a memory of the one that chunks begin with.
//!
//! The chunks of a log mostly begin with the same definition at the same place. Where its bytes are those of the
//! chunk before, and it says all that it means itself, it means the same: it need not be read again.

use std::sync::Arc;

use crate::event::{SYSMON_CHANNEL, SYSMON_PROVIDER};

use super::binxml::{DEFINITION_HEADER_SIZE, Index, definition_end};
use super::template::{EventTemplate, Value, event_template};

/// A definition of an event. Holds no part of the chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventDefinition {
    /// The text of `Computer`.
    pub computer: String,
    /// Whether what is written of provider and channel in the definition says that it is Sysmon's.
    pub sysmon: bool,
    /// `Provider/@Name` and `Channel`, where they are substituted.
    pub provider: Option<Index>,
    pub channel: Option<Index>,
    /// `EventID`, `TimeCreated/@SystemTime`, `EventRecordID`.
    pub event_id: Index,
    pub time_created: Index,
    pub event_record_id: Index,
    /// What stands in the place of `EventData`; `None` where it is not a substitution alone.
    pub event_data: Option<Index>,
    /// Substitutions that must not be null, or one of the elements above is left out.
    pub required: Vec<Index>,
}

impl EventDefinition {
    /// `None` if the name of the computer is not whole.
    fn of(template: EventTemplate<'_>) -> Option<Self> {
        let sysmon = [(template.provider, SYSMON_PROVIDER), (template.channel, SYSMON_CHANNEL)]
            .into_iter()
            .any(|(value, name)| matches!(value, Value::Literal(text) if text.is_in_any_case(name)));
        Some(EventDefinition {
            computer: template.computer.decode()?,
            sysmon,
            provider: template.provider.index(),
            channel: template.channel.index(),
            event_id: template.event_id,
            time_created: template.time_created,
            event_record_id: template.event_record_id,
            event_data: template.event_data,
            required: template.required,
        })
    }
}

/// The first definition of the chunks before.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    offset: usize,
    tokens: Vec<u8>,
    definition: Option<Arc<EventDefinition>>,
}

impl Remembered {
    /// The definition at `offset` of a chunk; nothing of it may lie at or behind `end`. `None` if it is not understood.
    pub(super) fn read(&mut self, chunk: &[u8], offset: usize, end: usize) -> Option<Arc<EventDefinition>> {
        let tokens_end = definition_end(chunk, offset).filter(|tokens_end| *tokens_end <= end)?;
        let tokens = chunk.get(offset + DEFINITION_HEADER_SIZE..tokens_end)?;
        if let Some(definition) = &self.definition
            && self.offset == offset
            && self.tokens == tokens
        {
            return Some(Arc::clone(definition));
        }
        let template = event_template(chunk, offset, end)?;
        let says_all = template.says_all;
        let definition = Arc::new(EventDefinition::of(template)?);
        // One that lies behind another is different in each chunk.
        if says_all && (self.definition.is_none() || offset <= self.offset) {
            self.offset = offset;
            self.tokens.clear();
            self.tokens.extend_from_slice(tokens);
            self.definition = Some(Arc::clone(&definition));
        }
        Some(definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnsweep_samples::{Event, LogWriter, Style};

    /// The chunk of a log with records of these computers, and where its definitions of events lie.
    fn chunk(computers: &[&str]) -> (Vec<u8>, Vec<usize>) {
        let mut writer = LogWriter::new(Style::Export);
        for computer in computers {
            writer.push(&Event::dns_query("example.com", "a.exe").on(computer)).unwrap();
        }
        let chunk = writer.finish().split_off(4096);
        let understood = (512..chunk.len()).filter(|at| event_template(&chunk, *at, chunk.len()).is_some());
        let offsets = understood.collect();
        (chunk, offsets)
    }

    /// The twin: read it with no memory.
    fn anew(chunk: &[u8], offset: usize) -> Option<Arc<EventDefinition>> {
        Remembered::default().read(chunk, offset, chunk.len())
    }

    #[test]
    fn what_is_remembered_is_what_would_be_read() {
        let mut remembered = Remembered::default();
        for computers in [["A-01", "B-02"], ["A-01", "B-02"], ["A-02", "B-02"], ["LONGER-01", "A-01"]] {
            let (chunk, offsets) = chunk(&computers);
            assert_eq!(offsets.len(), 2);
            for (offset, computer) in offsets.into_iter().zip(computers) {
                let definition = remembered.read(&chunk, offset, chunk.len());
                assert_eq!(definition.as_ref().unwrap().computer, computer);
                assert_eq!(definition, anew(&chunk, offset));
                assert_eq!(remembered.read(&chunk, offset, offset + 100), None, "it reaches over the end");
            }
        }
    }

    #[test]
    fn a_definition_with_names_elsewhere_is_read_again() {
        let (mut chunk, offsets) = chunk(&["A-01", "B-02"]);
        let mut remembered = Remembered::default();
        assert!(remembered.read(&chunk, offsets[1], chunk.len()).is_some());
        // Its names lie in the first definition: a change of them is one of its meaning, though not of its bytes.
        let name: Vec<u8> = "EventRecordID".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let place = chunk.windows(name.len()).position(|bytes| bytes == name).unwrap();
        assert!((offsets[0]..offsets[1]).contains(&place));
        chunk[place] = b'e';
        assert_eq!(anew(&chunk, offsets[1]), None);
        assert_eq!(remembered.read(&chunk, offsets[1], chunk.len()), None);
    }
}
