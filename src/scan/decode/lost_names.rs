//! DNS queries whose definitions have lost the names of their elements: what else shows which field
//! is which.
//!
//! A definition names an element by a place in the chunk, and all that have one name refer to the
//! same. Where those few bytes were overwritten, a decoder finds no field by its name, or nothing
//! at all, in any query of the definition; yet the values are there, and the texts beside them that
//! say which is which.

use std::collections::BTreeMap;

use crate::event::DNS_QUERY;
use crate::ledger::damage::Damage;
use crate::scan::decode::direct::{NamelessQuery, nameless_query};
use crate::scan::decode::document::Document;
use crate::scan::evtx::chunk::{RECORD_HEADER_SIZE, SIZE_COPY_SIZE};
use crate::scan::evtx::walk::{RecordSpan, Walk};

/// Bytes of text of a chunk's queries that are read so: several times what a real one can hold.
const MOST_TEXT: usize = 1 << 18;

/// The DNS queries among a chunk's records of which more can be read than a decoder reads, by the
/// places where they start.
#[derive(Default)]
pub(in crate::scan) struct Nameless(BTreeMap<usize, NamelessQuery>);

impl Nameless {
    /// Those among the records of a walk. The chunk must be as it was read: for the decoder, bytes
    /// are changed.
    pub(in crate::scan) fn of(chunk: &[u8], walk: &Walk) -> Self {
        let mut text = 0;
        let told = walk.records.iter().filter_map(|RecordSpan { range, .. }| {
            let content = range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE;
            let query = nameless_query(chunk, content)?;
            text += query.event.text_length();
            (text <= MOST_TEXT).then_some((range.start, query))
        });
        Nameless(told.collect())
    }

    /// What the decoder found of the record that starts there or, where it found none of a DNS
    /// query's fields or could not decode it, what else is known of it. Each record can be asked
    /// for once.
    pub(in crate::scan) fn told(
        &mut self,
        start: usize,
        document: Result<Document, String>,
    ) -> (Result<Document, String>, Names) {
        match (document, self.0.remove(&start)) {
            (Ok(Document::Event(event)), Some(query)) if event.is(&DNS_QUERY) && event.is_without_data() => {
                let mut read = query.event;
                read.system = event.system;
                (Ok(Document::Event(read)), Names::Replaced)
            }
            (Err(_), Some(NamelessQuery { event, has_system: true })) => {
                (Ok(Document::Event(event)), Names::Replaced)
            }
            (document, _) => (document, Names::Taken),
        }
    }

    /// Where those start that were not asked for.
    pub(in crate::scan) fn left(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }
}

/// What became of the names of a record's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Names {
    /// They were taken as they are.
    Taken,
    /// The names were lost, and the fields were read without them.
    Replaced,
}

impl Names {
    /// What is to be said of a record in a chunk that may be damaged, and of its names.
    pub(in crate::scan) fn damage(
        self,
        header_id: u64,
        document: &Result<Document, String>,
    ) -> Option<Damage> {
        let event = document.as_ref().ok()?.dns_query()?;
        if self == Names::Replaced {
            return Some(Damage::NamesReplaced { header_id });
        }
        let missing: Vec<String> = event.missing_fields().into_iter().map(str::to_owned).collect();
        (!missing.is_empty()).then_some(Damage::FieldsLost { header_id, missing })
    }
}
