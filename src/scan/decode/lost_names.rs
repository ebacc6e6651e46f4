//! Recovers DNS queries whose template definitions have lost the names of their elements.
//!
//! A template definition refers to an element's name by the name's offset in the chunk, and all
//! elements with one name refer to the same bytes. If those few bytes are overwritten, a decoder
//! finds no field by name, or nothing at all, in any query with that definition. The values still
//! exist, and so do the texts next to them in the definition that say which field is which.

use std::collections::BTreeMap;

use crate::event::DNS_QUERY;
use crate::ledger::damage::Damage;
use crate::scan::decode::direct::{NamelessQuery, nameless_query};
use crate::scan::decode::document::Document;
use crate::scan::evtx::chunk::content_of;
use crate::scan::evtx::walk::{RecordSpan, Walk};

/// The greatest amount of text, in bytes, in the DNS queries of a chunk that are read although
/// their template definitions have lost the names of elements. It is several times what a real
/// chunk can contain. Queries beyond the limit are left as the decoder (the `evtx` crate) read
/// them.
const MOST_TEXT: usize = 1 << 18;

/// The DNS queries of a chunk that could be read although their template definitions have lost the
/// names of elements, by the offsets of their records in the chunk. They are used where the decoder
/// (the `evtx` crate), which needs the names, reads less.
#[derive(Default)]
pub(in crate::scan) struct NamelessQueries(BTreeMap<usize, NamelessQuery>);

impl NamelessQueries {
    /// Reads the DNS queries among the records of the chunk that `walk` lists, without using the
    /// names of elements in their template definitions. Other records are left out. The chunk must
    /// be as it was read from the file, because preparing it for the decoder (the `evtx` crate)
    /// changes bytes.
    pub(in crate::scan) fn of(chunk: &[u8], walk: &Walk) -> Self {
        let mut text = 0;
        let queries = walk.records.iter().filter_map(|RecordSpan { range, .. }| {
            let query = nameless_query(chunk, content_of(range))?;
            text += query.event.text_length();
            (text <= MOST_TEXT).then_some((range.start, query))
        });
        NamelessQueries(queries.collect())
    }

    /// Returns the better of two results for the record at offset `start` of the chunk, and how its
    /// fields were identified. The results are `document`, which comes from the decoder (the `evtx`
    /// crate), and the DNS query that was read without names of elements. The query is returned if
    /// the decoder found none of its fields, or if the decoder failed and the query's `System` part
    /// could be read. Each record must be passed only once.
    pub(in crate::scan) fn resolve(
        &mut self,
        start: usize,
        document: Result<Document, String>,
    ) -> (Result<Document, String>, FieldNames) {
        match (document, self.0.remove(&start)) {
            (Ok(Document::Event(event)), Some(query)) if event.is(&DNS_QUERY) && event.is_without_data() => {
                let mut read = query.event;
                read.system = event.system;
                (Ok(Document::Event(read)), FieldNames::Replaced)
            }
            (Err(_), Some(NamelessQuery { event, has_system: true })) => {
                (Ok(Document::Event(event)), FieldNames::Replaced)
            }
            (document, _) => (document, FieldNames::Stored),
        }
    }

    /// Returns the offsets, in the chunk, of the records with DNS queries that were not passed to
    /// [`NamelessQueries::resolve`], because they were not decoded.
    pub(in crate::scan) fn remaining(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }
}

/// How the fields of a DNS query were identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum FieldNames {
    /// The fields of the DNS query were identified by the names of its elements, which the chunk
    /// contains.
    Stored,
    /// The names of the DNS query's elements were lost. Its fields were identified by the texts in
    /// the template definition, such as `QueryName`.
    Replaced,
}

impl FieldNames {
    /// Returns the damage to report for a DNS query if the names of its elements or some of its
    /// fields were lost; `None` if nothing was lost, or the record is not a DNS query. `header_id`
    /// is the ID in the record's header.
    pub(in crate::scan) fn damage(
        self,
        header_id: u64,
        document: &Result<Document, String>,
    ) -> Option<Damage> {
        let event = document.as_ref().ok()?.dns_query()?;
        if self == FieldNames::Replaced {
            return Some(Damage::NamesReplaced { header_id });
        }
        let missing: Vec<String> = event.missing_fields().into_iter().map(str::to_owned).collect();
        (!missing.is_empty()).then_some(Damage::FieldsLost { header_id, missing })
    }
}
