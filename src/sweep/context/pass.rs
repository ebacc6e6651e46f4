//! A pass over logs: reads places (parts of files) in them once more, for process events.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::links::{EncodedLinks, LinkSpool, ProcessPlace};
use super::source::ProcessSource;
use crate::base::in_order::in_order;
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::{Discovery, LogFile, OpenLog};
use crate::scan::{Block, BlockScan, LocatedEvent, ProcessSearch, Scanner};
use crate::sweep::Observer;
use crate::sweep::block_reader::BlockReader;

/// Reads places (parts of files) in logs once more, for process events.
pub(super) struct Pass<'p> {
    config: &'p Config,
    discovery: &'p Discovery,
    /// The blocks of files in which the first reading did not note the GUIDs of process events, in
    /// evidence order.
    not_noted: Vec<ProcessPlace>,
    observer: &'p mut dyn Observer,
    interrupt: &'p AtomicBool,
    /// The files that could not be read whole, by their positions among all files of the sweep.
    unread: HashSet<usize>,
    is_interrupted: bool,
}

impl<'p> Pass<'p> {
    /// Makes a pass over logs, which reports its progress to `observer`. `not_noted` must be the
    /// blocks in which the first reading did not note the GUIDs of process events, in evidence
    /// order. When `interrupt` becomes true, no further place (part of a file) is read.
    pub(super) fn new(
        (config, discovery): (&'p Config, &'p Discovery),
        not_noted: Vec<ProcessPlace>,
        observer: &'p mut dyn Observer,
        interrupt: &'p AtomicBool,
    ) -> Self {
        let unread = HashSet::new();
        Pass { config, discovery, not_noted, observer, interrupt, unread, is_interrupted: false }
    }

    /// Scans these places (parts of files) for the process events that `search` describes. Threads
    /// call `take` with what was found in each place. `found` gets the results of `take`, in the
    /// order of the places. Places in files that cannot be opened give no result.
    fn read<T: Send>(
        &mut self,
        places: &[ProcessPlace],
        search: &ProcessSearch,
        take: impl Fn(ProcessPlace, &LogFile, BlockScan) -> T + Sync,
        mut found: impl FnMut(ProcessPlace, T) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        let Pass { config, discovery, observer, interrupt, unread, is_interrupted, .. } = self;
        *is_interrupted |= interrupt.load(Ordering::Relaxed);
        observer.reading_again(places.iter().map(|place| place.block().length()).sum());
        let before = places.iter().copied().take_while(|_| !interrupt.load(Ordering::Relaxed));
        let reader = BlockReader::new(config, || Scanner::for_processes(search));
        let work = |place: ProcessPlace| {
            let file = discovery.files.get(place.file()).expect("places lie in files of the sweep");
            let scan = file.open().ok().map(|log| scan_for_processes(&reader, (file, &log), place.block()));
            (place, scan.map(|(scan, is_whole)| (take(place, file, scan), is_whole)))
        };
        let mut read = 0;
        let consume = |(place, scan): (ProcessPlace, Option<(T, bool)>)| {
            read += 1;
            observer.advanced_again(place.block().length());
            if scan.as_ref().is_none_or(|(_, is_whole)| !is_whole) {
                unread.insert(place.file());
            }
            scan.map_or(Ok(()), |(taken, _)| found(place, taken))
        };
        in_order(config.threads, before, |place| place.block().length(), work, consume)?;
        *is_interrupted |= read < places.len();
        Ok(())
    }
}

impl ProcessSource for Pass<'_> {
    fn read_links(&mut self, links: &mut LinkSpool) -> Result<(), SweepError> {
        let blocks = std::mem::take(&mut self.not_noted);
        if blocks.is_empty() {
            return Ok(());
        }
        let encoded = |place: ProcessPlace, file: &LogFile, scan: BlockScan| {
            EncodedLinks::of((place.file(), file), place.block(), &scan)
        };
        self.read(&blocks, &ProcessSearch::Links, encoded, |_, found| links.add(&found))
    }

    fn read_events(
        &mut self,
        search: &ProcessSearch,
        places: &[ProcessPlace],
        found: &mut dyn FnMut(usize, Vec<LocatedEvent>),
    ) -> Result<(), SweepError> {
        let events = |_: ProcessPlace, _: &LogFile, scan: BlockScan| {
            let BlockScan { mut events, recovered, .. } = scan;
            events.extend(recovered);
            events
        };
        self.read(&without_overlap(places), search, events, |place, events| {
            found(place.file(), events);
            Ok(())
        })
    }

    fn has_not_read(&self, file: usize) -> bool {
        self.is_interrupted || self.unread.contains(&file)
    }

    fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }
}

/// Returns these places (parts of files), which must be in ascending order, with overlapping ones
/// joined: a chunk can be needed by itself and with the block that contains it.
fn without_overlap(places: &[ProcessPlace]) -> Vec<ProcessPlace> {
    let mut separate: Vec<ProcessPlace> = Vec::with_capacity(places.len());
    for place in places {
        match separate.last_mut() {
            Some(last) if last.file == place.file && place.start < last.end => {
                last.end = last.end.max(place.end);
            }
            _ => separate.push(*place),
        }
    }
    separate
}

/// Reads a block of a file with `reader`, which must scan for process events. Also returns true if
/// the block could be read whole and the file did not change.
pub(in crate::sweep) fn scan_for_processes(
    reader: &BlockReader<'_>,
    (file, log): (&LogFile, &OpenLog),
    block: Block,
) -> (BlockScan, bool) {
    let mut is_whole = true;
    let scan = reader.scan((file, log), block, |_, bytes| is_whole &= bytes.is_some());
    (scan, is_whole && !log.has_changed())
}
