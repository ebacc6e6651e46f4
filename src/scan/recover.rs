//! The stale records of a chunk, decoded: apart from the live ones, which are never mixed with them.

use std::ops::Range;

use crate::damage::Integrity;
use crate::event::DnsQueryEvent;

use super::block::{BlockScan, Start, set_unfit_aside};
use super::chunk::{
    Place, RECORD_HEADER_SIZE, RecordSpan, SIZE_COPY_SIZE, Walk, give_signature, place, walk as walk_chunk,
};
use super::direct::{DeletedQuery, deleted_query};
use super::document::{DnsClientQueries, Document};
use super::located::LocatedEvent;
use super::record::decode;
use super::stale;

/// Bytes of text of a chunk's stale queries that are read without the decoder: several times what a real one can hold.
const MOST_TEXT: usize = 1 << 18;

/// Decodes stale records. It has a copy of a chunk, as decoding the live records changes the bytes.
#[derive(Debug, Default)]
pub(super) struct Recoverer {
    chunk: Vec<u8>,
    walk: Walk,
}

impl Recoverer {
    /// Keeps the chunk as it was read.
    pub(super) fn keep(&mut self, chunk: &[u8]) {
        self.chunk.clear();
        self.chunk.extend_from_slice(chunk);
    }

    /// Decodes the stale records of the chunk that was kept. What cannot be decoded is no damage: nothing was promised.
    pub(super) fn recover(&mut self, at: Start, scan: &mut BlockScan) {
        let Recoverer { chunk, walk } = self;
        let ranges = free_ranges(chunk, walk);
        stale::walk(chunk, &ranges, walk);
        // Before the decoder, for whom bytes are changed.
        let mut told = told(chunk, walk).into_iter().peekable();
        set_unfit_aside(chunk, walk, &mut Vec::new());
        give_signature(chunk);
        let mut add = |start: usize, document: Result<Document, String>| {
            scan.tally.recovered_records += u64::from(document.is_ok());
            if let Ok(Document::DnsQuery(event)) = document {
                let location = at.of(start as u64);
                // Checksums are of live records.
                let integrity = Integrity::Unverified;
                scan.recovered.push(LocatedEvent { location, integrity, event: *event });
            }
        };
        // What is left of the DNS client's queries is too little for a lead: it is counted only.
        decode(chunk, walk, DnsClientQueries::PassedOver, |record, document| {
            let start = record.range.start;
            while let Some((aside, query)) = told.next_if(|(place, _)| *place < start) {
                add(aside, with_lost_names(Err(String::new()), Some(query)));
            }
            let query = told.next_if(|(place, _)| *place == start).map(|(_, query)| query);
            add(start, with_lost_names(document, query));
        });
        for (aside, query) in told {
            add(aside, with_lost_names(Err(String::new()), Some(query)));
        }
    }
}

/// Those of the records that are DNS queries of which more can be told than the decoder does, with the places where they start.
fn told(chunk: &[u8], walk: &Walk) -> Vec<(usize, DeletedQuery)> {
    let mut text = 0;
    let told = walk.records.iter().filter_map(|RecordSpan { range, .. }| {
        let content = range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE;
        let query = deleted_query(chunk, content)?;
        text += query.event.text_length();
        (text <= MOST_TEXT).then_some((range.start, query))
    });
    told.collect()
}

/// What the decoder found or, where the names that its definitions refer to had been overwritten so that it found none of a DNS query's
/// fields, or could not decode it, what these and the values tell.
fn with_lost_names(
    document: Result<Document, String>,
    told: Option<DeletedQuery>,
) -> Result<Document, String> {
    let Some(DeletedQuery { event: told, has_system }) = told else { return document };
    match document {
        Ok(Document::DnsQuery(event)) if event.is_without_data() => {
            Ok(Document::DnsQuery(Box::new(DnsQueryEvent { system: event.system, ..told })))
        }
        Err(_) if has_system => Ok(Document::DnsQuery(Box::new(told))),
        document => document,
    }
}

/// The ranges of a chunk that hold no live record: damage between them, which may have been one, and what lies behind them.
/// `walk` is made use of.
fn free_ranges(chunk: &[u8], walk: &mut Walk) -> Vec<Range<usize>> {
    walk.clear();
    if place(chunk) == Place::Chunk {
        walk_chunk(chunk, walk);
    }
    let behind = walk.end()..chunk.len();
    walk.gaps.drain(..).chain([behind]).filter(|range| !range.is_empty()).collect()
}
