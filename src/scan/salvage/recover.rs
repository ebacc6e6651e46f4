//! Decodes the stale records of a chunk: deleted ones whose bytes still lie outside the live
//! records. Their events are kept apart from those of live records.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::event::KindSet;
use crate::ledger::damage::{Integrity, RecoveredFrom};
use crate::scan::block_scan::BlockScan;
use crate::scan::decode::document::Document;
use crate::scan::decode::lost_names::NamelessQueries;
use crate::scan::decode::record::decode;
use crate::scan::decode::undecodable::remove_undecodable;
use crate::scan::evtx::chunk::{CHUNK_HEADER_SIZE, SlotContent, give_signature, slot_content};
use crate::scan::evtx::walk::{Walk, walk as walk_chunk};
use crate::scan::located::{ChunkPosition, LocatedEvent};
use crate::scan::salvage::reliance::{checked_end, is_plausible, reliance};
use crate::scan::salvage::stale;

/// Decodes the stale (deleted) records of one chunk after another. It keeps a copy of the chunk as
/// it was read from the file, because decoding the live records changes the chunk's bytes.
#[derive(Debug)]
pub(in crate::scan) struct Recoverer {
    /// The kinds of events that are read. Events of other kinds are only counted.
    kinds: KindSet,
    chunk: Vec<u8>,
    walk: Walk,
}

impl Recoverer {
    /// Returns a recoverer that reads events of `kinds`. Callers leave out queries of Windows' own
    /// DNS client, because deleted ones contain too little for a lead (a possible match).
    pub(in crate::scan) fn new(kinds: KindSet) -> Self {
        Recoverer { kinds, chunk: Vec::new(), walk: Walk::default() }
    }

    /// Keeps a copy of a chunk, whose stale (deleted) records are decoded later. The chunk must be
    /// as it was read from the file.
    pub(in crate::scan) fn keep(&mut self, chunk: &[u8]) {
        self.chunk.clear();
        self.chunk.extend_from_slice(chunk);
    }

    /// Decodes the stale (deleted) records of the chunk that was kept last ([`Recoverer::keep`]),
    /// and adds the events among them to `scan`. The chunk lies at `at` in its file. A stale
    /// record that cannot be decoded is not damage, because nothing states that it should exist.
    pub(in crate::scan) fn recover(&mut self, at: ChunkPosition, scan: &mut BlockScan) {
        let ranges = free_ranges(&self.chunk, &mut self.walk);
        self.recover_from(&ranges, 0, at, scan);
    }

    /// Decodes the records of a deleted chunk (an old chunk in the free space of another), or of
    /// what is left of it, and adds the events among them to `scan`. The chunk lies at `at` in
    /// its file. All records of a deleted chunk are stale.
    pub(in crate::scan) fn recover_deleted(&mut self, chunk: &[u8], at: ChunkPosition, scan: &mut BlockScan) {
        self.keep(chunk);
        let whole = checked_end(chunk).unwrap_or(CHUNK_HEADER_SIZE);
        self.recover_from(std::slice::from_ref(&(whole..chunk.len())), whole, at, scan);
    }

    /// Decodes records of the chunk that was kept last, and adds the events among them to `scan`:
    /// all records before offset `whole` in the chunk, which a checksum confirms, and the stale
    /// (deleted) records in `ranges`. For a chunk that is not deleted, `whole` must be 0.
    fn recover_from(
        &mut self,
        ranges: &[Range<usize>],
        whole: usize,
        at: ChunkPosition,
        scan: &mut BlockScan,
    ) {
        let Recoverer { kinds, chunk, walk } = self;
        stale::walk(chunk, whole, ranges, walk);
        let reliances = reliances(chunk, walk, whole);
        let mut nameless = NamelessQueries::of(chunk, walk);
        let first = scan.recovered.len();
        remove_undecodable(chunk, walk, &mut Vec::new());
        give_signature(chunk);
        let mut add = |nameless: &mut NamelessQueries, start, document| {
            let (document, _) = nameless.resolve(start, document);
            scan.tally.recovered_records += u64::from(document.is_ok());
            if let (Ok(Document::Event(event)), Some(from)) = (document, reliances.get(&start))
                && (*from == RecoveredFrom::DeletedChunk || is_plausible(&event))
            {
                let (location, integrity) = (at.of(start as u64), Integrity::Recovered(*from));
                scan.recovered.push(LocatedEvent { location, integrity, event });
            }
        };
        decode(chunk, walk, *kinds, |record, document| {
            add(&mut nameless, record.range.start, document);
        });
        for aside in nameless.remaining() {
            add(&mut nameless, aside, Err(String::new()));
        }
        scan.recovered.get_mut(first..).unwrap_or_default().sort_by_key(|located| located.location);
    }
}

/// Returns how far checksums confirm each record of `walk` (the records found in a chunk), by the
/// record's offset in the chunk. Records that are visibly altered are left out. The chunk must be
/// as it was read from the file; a checksum confirms its records before offset `whole`.
fn reliances(chunk: &[u8], walk: &Walk, whole: usize) -> BTreeMap<usize, RecoveredFrom> {
    let checked = checked_end(chunk).unwrap_or(CHUNK_HEADER_SIZE);
    let of = |range: &Range<usize>| {
        if range.end <= whole { Some(RecoveredFrom::DeletedChunk) } else { reliance(chunk, range, checked) }
    };
    walk.records.iter().filter_map(|record| Some((record.range.start, of(&record.range)?))).collect()
}

/// Returns the ranges of a chunk that contain no live record: damage between records, which may
/// have been a record, and what follows the last record. `walk` is only reused memory, and is
/// overwritten.
fn free_ranges(chunk: &[u8], walk: &mut Walk) -> Vec<Range<usize>> {
    walk.clear();
    if slot_content(chunk) == SlotContent::Chunk {
        walk_chunk(chunk, walk);
    }
    let after = walk.end()..chunk.len();
    walk.gaps.drain(..).chain([after]).filter(|range| !range.is_empty()).collect()
}
