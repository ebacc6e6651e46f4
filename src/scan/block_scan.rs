//! What a block of a file holds, and how what was found elsewhere is added to it.

use crate::ledger::clock::Clock;
use crate::ledger::damage::{Damage, Problem};
use crate::ledger::note::Notes;
use crate::ledger::problems::Problems;
use crate::ledger::tally::Tally;
use crate::scan::evtx::log::{FILE_HEADER_SIZE, FileHeader};
use crate::scan::located::LocatedEvent;

/// What a block holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BlockScan {
    /// The file's header, if this is the file's first block and could be read.
    pub header: Option<FileHeader>,
    /// Counts of what was seen.
    pub tally: Tally,
    /// What is wrong with it, in the order of the file.
    pub problems: Problems,
    /// What is said of it that is no damage, in the order of the file.
    pub notes: Notes,
    /// How many bytes could be read.
    pub bytes_read: u64,
    /// How many of its chunks begin with the signature of a chunk.
    pub signed_chunks: u64,
    /// Where the last of these ends, or its place does; 0 without any.
    pub chunks_end: u64,
    /// What the headers of its records tell of the clock.
    pub clock: Clock,
    /// Those of its events that were read, by the decoder or without, in the order of the file:
    /// Sysmon's DNS queries and, if these were asked for, queries of Windows' own DNS client and
    /// other kinds.
    pub events: Vec<LocatedEvent>,
    /// The DNS queries among its stale records, if these were asked for, in the order of the file.
    pub recovered: Vec<LocatedEvent>,
}

impl BlockScan {
    /// Adds what was found in a chunk off its place. The places that it lies in count as such, and
    /// as read, by themselves.
    pub(super) fn add_off_grid(&mut self, found: BlockScan) {
        self.tally.merge(Tally {
            chunks: 0,
            empty_chunks: 0,
            damaged_chunks: 0,
            checked_chunks: 0,
            ..found.tally
        });
        // What could not be read of it is said of its places.
        let is_its_own = |problem: &Problem| !matches!(problem.damage, Damage::Read { .. } | Damage::Shrunk);
        self.problems.append_only(found.problems, is_its_own);
        self.signed_chunks += found.signed_chunks;
        self.chunks_end = self.chunks_end.max(found.chunks_end);
        self.clock.append(0, &found.clock);
        self.events.extend(found.events);
        self.recovered.extend(found.recovered);
    }

    /// Counts all places from where a header would have ended.
    pub(super) fn move_up(&mut self) {
        let up = |offset: &mut u64| *offset = offset.saturating_sub(FILE_HEADER_SIZE);
        self.problems.change_offsets(up);
        self.notes.change_offsets(up);
        self.clock.change_offsets(up);
        up(&mut self.chunks_end);
        for located in self.events.iter_mut().chain(&mut self.recovered) {
            up(&mut located.location.record_offset);
        }
    }

    /// Takes away what was made of a header that is not there, and says so.
    pub(super) fn lose_header(&mut self) {
        let problem = Problem { offset: 0, length: 0, damage: Damage::FileHeaderMissing };
        self.problems.drop_of_header();
        self.problems.put_first(problem.clone());
        self.header = Some(FileHeader {
            is_event_log: false,
            dirty: false,
            promised_chunks: None,
            is_checked: false,
            problem: Some(problem),
        });
        self.tally.extents.header = 0;
        self.bytes_read -= FILE_HEADER_SIZE;
    }
}
