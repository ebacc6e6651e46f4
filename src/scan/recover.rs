//! The stale records of a chunk, decoded: apart from the live ones, which are never mixed with them.

use std::ops::Range;

use super::block::{BlockScan, Start, set_unfit_aside};
use super::chunk::{Place, Walk, give_signature, place, walk as walk_chunk};
use super::document::{DnsClientQueries, Document};
use super::located::LocatedEvent;
use super::record::decode;
use super::stale;

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
        set_unfit_aside(chunk, walk, &mut Vec::new());
        give_signature(chunk);
        // What is left of the DNS client's queries is too little for a lead: it is counted only.
        decode(chunk, walk, DnsClientQueries::PassedOver, |record, document| {
            scan.tally.recovered_records += u64::from(document.is_ok());
            if let Ok(Document::DnsQuery(event)) = document {
                let location = at.of(record.range.start as u64);
                scan.recovered.push(LocatedEvent { location, event: *event });
            }
        });
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
