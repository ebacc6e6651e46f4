//! Remembers the template definition with which chunks begin.
//!
//! Most chunks of a log begin with the same template definition at the same position. If the bytes
//! of a chunk's first definition equal those in the chunk before, and they alone determine the
//! definition's meaning, the definition need not be read again. The layouts by which similar
//! records of the definition are recognised are then valid in this chunk too.

use std::sync::Arc;

use crate::scan::evtx::binxml::{DEFINITION_HEADER_SIZE, definition_end};
use crate::scan::evtx::template::{EventTemplate, event_template};

/// The template definition that lies first in most chunks of a log, at the same offset with the
/// same bytes. It is remembered from chunk to chunk, so that it need not be read again.
#[derive(Debug, Default)]
pub(in crate::scan) struct FirstTemplate {
    /// The offset of the remembered template definition in each chunk that contains it, in bytes.
    offset: usize,
    /// The bytes of the remembered template definition after its header. A later chunk with the
    /// same bytes at the same offset contains the same definition.
    tokens: Vec<u8>,
    /// The remembered template definition as it was read: which value of a record fills which
    /// element of an event. `None` if no definition is remembered yet.
    template: Option<Arc<EventTemplate>>,
}

impl FirstTemplate {
    /// Returns the remembered template definition and its offset, if `chunk` contains the same
    /// bytes at the same offset. All of the definition must lie before the offset `end`, where the
    /// chunk's live records end.
    pub(in crate::scan) fn find(&self, chunk: &[u8], end: usize) -> Option<(usize, Arc<EventTemplate>)> {
        let template = self.template.as_ref()?;
        let tokens_end = definition_end(chunk, self.offset).filter(|tokens_end| *tokens_end <= end)?;
        let tokens = chunk.get(self.offset + DEFINITION_HEADER_SIZE..tokens_end)?;
        (self.tokens == tokens).then(|| (self.offset, Arc::clone(template)))
    }

    /// Reads the template definition at `offset` in a chunk, and remembers it if its bytes alone
    /// determine its meaning and no definition that lies nearer to the chunk's start is remembered.
    /// All of the definition must lie before the offset `end`, where the chunk's live records end.
    /// `None` if the definition is not understood.
    pub(in crate::scan) fn read(
        &mut self,
        chunk: &[u8],
        offset: usize,
        end: usize,
    ) -> Option<Arc<EventTemplate>> {
        let template = Arc::new(event_template(chunk, offset, end)?);
        let tokens = chunk.get(offset + DEFINITION_HEADER_SIZE..definition_end(chunk, offset)?)?;
        // A definition that follows another one differs from chunk to chunk.
        if template.is_self_contained && (self.template.is_none() || offset <= self.offset) {
            self.offset = offset;
            self.tokens.clear();
            self.tokens.extend_from_slice(tokens);
            self.template = Some(Arc::clone(&template));
        }
        Some(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnsweep_samples::{Event, LogWriter, Style};

    /// Returns the chunk of a log with a record of each of these computers, and the offsets of the
    /// template definitions of their events.
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

    /// Reads a template definition as the first of its chunk, while none is remembered yet. Tests
    /// compare remembered definitions with the result.
    fn anew(chunk: &[u8], offset: usize) -> Option<Arc<EventTemplate>> {
        FirstTemplate::default().read(chunk, offset, chunk.len())
    }

    #[test]
    fn what_is_remembered_is_what_would_be_read() {
        let mut remembered = FirstTemplate::default();
        let mut times = 0;
        for computers in [["A-01", "B-02"], ["A-01", "B-02"], ["A-02", "B-02"], ["LONGER-01", "A-01"]] {
            let (chunk, offsets) = chunk(&computers);
            assert_eq!(offsets.len(), 2);
            if let Some((offset, known)) = remembered.find(&chunk, chunk.len()) {
                times += 1;
                assert_eq!(Some(&known), anew(&chunk, offset).as_ref());
                assert_eq!(remembered.find(&chunk, offset + 100), None, "it reaches over the end");
            }
            for (offset, computer) in offsets.into_iter().zip(computers) {
                let definition = remembered.read(&chunk, offset, chunk.len());
                assert_eq!(definition.as_ref().unwrap().computer, computer);
                assert_eq!(remembered.read(&chunk, offset, offset + 100), None, "it reaches over the end");
            }
        }
        assert_eq!(times, 1, "the second chunk begins as the first");
    }

    #[test]
    fn a_definition_with_names_elsewhere_is_not_remembered() {
        let (mut chunk, offsets) = chunk(&["A-01", "B-02"]);
        let mut remembered = FirstTemplate::default();
        assert!(remembered.read(&chunk, offsets[1], chunk.len()).is_some());
        // The names lie in the first definition: if they change, the meaning changes, but not the
        // bytes.
        let name: Vec<u8> = "EventRecordID".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let place = chunk.windows(name.len()).position(|bytes| bytes == name).unwrap();
        assert!((offsets[0]..offsets[1]).contains(&place));
        chunk[place] = b'e';
        assert_eq!(anew(&chunk, offsets[1]), None);
        assert_eq!(remembered.find(&chunk, chunk.len()), None);
    }
}
