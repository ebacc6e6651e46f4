//! What a sweep with process context (`--context`) keeps, while the evidence is read, of Sysmon's
//! process events (a process was created, a process ended) in each unit of work (a block of a
//! file). It keeps their GUIDs, to find the processes of matches later, or the events themselves,
//! for a part (the file from which outputs are merged).

use super::block_reader::BlockReader;
use super::context::{EncodedLinks, UnitLinks, scan_for_processes};
use super::parts::BlockProcesses;
use super::worker::UnitPlace;
use crate::config::{Config, Context};
use crate::evidence::discover::OpenLog;
use crate::scan::{BlockScan, LocatedEvent, ProcessSearch, Scanner};

/// What is kept of Sysmon's process events (a process was created, a process ended) in a unit of
/// work (a block of a file).
#[derive(Default)]
pub(super) struct UnitProcesses {
    /// The process events, for the sweep's part (the file from which outputs are merged); none if
    /// the part does not get them.
    pub for_part: BlockProcesses,
    /// The GUIDs in the process events: that of each process, and of its parent.
    pub links: UnitLinks,
}

/// Collects what a sweep needs of Sysmon's process events (a process was created, a process ended).
/// All threads share it.
pub(super) struct ProcessTaker<'a> {
    /// Reads the process events of a block, without its DNS queries, for the sweep's part (the file
    /// from which outputs are merged). This is needed if the block's result comes from a journal,
    /// or a scan for both could not read all process events. `None` if no part gets process events.
    for_part: Option<BlockReader<'a>>,
    /// True if the GUIDs in process events are noted, because a table of processes is written.
    notes_links: bool,
}

impl<'a> ProcessTaker<'a> {
    /// Makes the collector of a sweep's process events. `leaves_part` is true if the sweep writes a
    /// part (the file from which outputs are merged), and `writes_tables` if it writes tables.
    /// Nothing is collected without `--context`.
    pub(super) fn new(config: &'a Config, leaves_part: bool, writes_tables: bool) -> Self {
        let with_context = config.options.context == Context::Processes;
        let every = || Scanner::for_processes(&ProcessSearch::Every);
        ProcessTaker {
            for_part: (with_context && leaves_part).then(|| BlockReader::new(config, every)),
            notes_links: with_context && writes_tables,
        }
    }

    /// Returns which process events are looked for while the evidence is read; `None` if none are.
    pub(super) fn search(&self) -> Option<ProcessSearch> {
        if self.is_for_part() {
            Some(ProcessSearch::Every)
        } else {
            self.notes_links.then_some(ProcessSearch::Links)
        }
    }

    /// Returns true if the process events of each block are added to a part (the file from which
    /// outputs are merged).
    pub(super) fn is_for_part(&self) -> bool {
        self.for_part.is_some()
    }

    /// Returns what is needed of Sysmon's process events in `scan`, the result of scanning a unit's
    /// block for them and for DNS queries. Events for a part (the file from which outputs are
    /// merged) are moved out of `scan`. `is_whole` is false if not all of the block could be read.
    /// If `scan` does not have all process events, and a part gets all of them, reads the block
    /// again.
    pub(super) fn take(
        &self,
        (place, log): (UnitPlace<'_>, &OpenLog),
        scan: &mut BlockScan,
        is_whole: bool,
    ) -> UnitProcesses {
        if scan.has_unread_processes {
            self.read_in(place, log)
        } else {
            self.take_all(place, scan, is_whole)
        }
    }

    /// Opens the file of a unit, and reads the process events of the unit's block. Returns nothing
    /// and reads nothing if no part (the file from which outputs are merged) gets them.
    pub(super) fn read(&self, place: UnitPlace<'_>) -> UnitProcesses {
        if !self.is_for_part() {
            return UnitProcesses::default();
        }
        match place.file.open() {
            Ok(log) => self.read_in(place, &log),
            Err(_) => self.take_all(place, &mut BlockScan::default(), false),
        }
    }

    fn read_in(&self, place: UnitPlace<'_>, log: &OpenLog) -> UnitProcesses {
        let Some(reader) = &self.for_part else { return UnitProcesses::default() };
        let (mut scan, is_whole) = scan_for_processes(reader, (place.file, log), place.block);
        self.take_all(place, &mut scan, is_whole)
    }

    /// Returns what is needed of Sysmon's process events in `scan`, which must have all that are in
    /// the block. Events for a part (the file from which outputs are merged) are moved out of
    /// `scan`. If `is_whole` is false, the block could not be read whole, and its GUIDs are not
    /// noted.
    fn take_all(
        &self,
        UnitPlace { file, number, block }: UnitPlace<'_>,
        scan: &mut BlockScan,
        is_whole: bool,
    ) -> UnitProcesses {
        let links = if self.notes_links && is_whole {
            UnitLinks::Noted(EncodedLinks::of((number, file), block, scan))
        } else {
            UnitLinks::NotNoted
        };
        let for_part = if self.is_for_part() {
            let take = |events: &mut Vec<LocatedEvent>| {
                events.extract_if(.., |found| found.event.is_process_event()).collect::<Vec<_>>()
            };
            let (live, deleted) = (take(&mut scan.events), take(&mut scan.recovered));
            BlockProcesses::of(live.into_iter().chain(deleted), is_whole)
        } else {
            BlockProcesses::default()
        };
        UnitProcesses { for_part, links }
    }
}
