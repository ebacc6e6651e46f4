//! The stale records of a chunk, decoded: apart from the live ones, which are never mixed with them.

use std::ops::Range;

use crate::damage::Integrity;

use super::block::{BlockScan, Start};
use super::chunk::{CHUNK_HEADER_SIZE, Place, give_signature, place};
use super::document::{DnsClientQueries, Document};
use super::located::LocatedEvent;
use super::lost_names::Nameless;
use super::record::decode;
use super::stale;
use super::unfit::set_unfit_aside;
use super::walk::{Walk, walk as walk_chunk};

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
        let ranges = free_ranges(&self.chunk, &mut self.walk);
        self.recover_from(&ranges, at, scan);
    }

    /// Decodes the records of a chunk that was deleted, of which all are stale; or of as much as is left of it.
    pub(super) fn recover_deleted(&mut self, chunk: &[u8], at: Start, scan: &mut BlockScan) {
        self.keep(chunk);
        let records = CHUNK_HEADER_SIZE..chunk.len();
        self.recover_from(std::slice::from_ref(&records), at, scan);
    }

    fn recover_from(&mut self, ranges: &[Range<usize>], at: Start, scan: &mut BlockScan) {
        let Recoverer { chunk, walk } = self;
        stale::walk(chunk, ranges, walk);
        let mut nameless = Nameless::of(chunk, walk);
        let first = scan.recovered.len();
        set_unfit_aside(chunk, walk, &mut Vec::new());
        give_signature(chunk);
        let mut add = |nameless: &mut Nameless, start, document| {
            let (document, _) = nameless.told(start, document);
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
            add(&mut nameless, record.range.start, document);
        });
        for aside in nameless.left() {
            add(&mut nameless, aside, Err(String::new()));
        }
        scan.recovered.get_mut(first..).unwrap_or_default().sort_by_key(|located| located.location);
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
