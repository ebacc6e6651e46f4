//! The result of scanning a block of a file, which is the part that one thread scans, and how the
//! results of several blocks are joined.

use crate::ledger::clock::Clock;
use crate::ledger::damage::{Damage, Problem};
use crate::ledger::note::Notes;
use crate::ledger::problems::Problems;
use crate::ledger::tally::Tally;
use crate::scan::evtx::log::{FILE_HEADER_SIZE, FileHeader};
use crate::scan::located::LocatedEvent;
use crate::scan::skim::process::ChunkLinks;

/// The result of scanning a block of a file (a run of consecutive chunks): events, counts, problems
/// and notes. The results of a file's blocks are later joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BlockScan {
    /// The log's file header; `None` if the block is not the first one of its file, or the header
    /// could not be read.
    pub header: Option<FileHeader>,
    /// Counts of the chunks, records and bytes in the block, which is the part of a file that one
    /// thread scans.
    pub tally: Tally,
    /// What is wrong with the block (the part of a file that one thread scans), such as damaged
    /// chunks and records, in file order.
    pub problems: Problems,
    /// Remarks about the block (the part of a file that one thread scans) that are not damage, in
    /// file order.
    pub notes: Notes,
    /// The number of bytes of the block (the part of a file that one thread scans) that could be
    /// read.
    pub bytes_read: u64,
    /// The number of chunks in the block (the part of a file that one thread scans) that begin with
    /// a chunk's signature. The number helps to decide whether the file is a log.
    pub signed_chunks: u64,
    /// The greatest offset in the file at which a chunk of the scanned block with a chunk's
    /// signature ends: 64 KiB after the chunk's start, or earlier if another chunk or the end of
    /// the file cuts it short. 0 if no chunk has a signature.
    pub chunks_end: u64,
    /// The places in the block (the part of a file that one thread scans) where the clock of the
    /// machine that wrote the log went back, as the headers of its records show.
    pub clock: Clock,
    /// The events that were read, in file order: Sysmon's DNS queries and, if the scanner is set to
    /// read them, queries of Windows' own DNS client, process events, and events of other kinds.
    pub events: Vec<LocatedEvent>,
    /// The events that were recovered from stale (deleted) records, in file order: DNS queries and
    /// process events, as far as the scanner is set to look for those. Empty unless the scanner is
    /// set to read deleted records.
    pub recovered: Vec<LocatedEvent>,
    /// The GUIDs of processes and of their parents in those process events that were not decoded,
    /// in file order: one entry for each chunk that has any. Empty unless the scanner is set to
    /// look for these GUIDs.
    pub links: Vec<ChunkLinks>,
    /// True if the scanner is set to look for process events beside DNS queries
    /// ([`Scanner::with_processes`]), but could not read all of them in the block. To find all, a
    /// scanner for process events alone ([`Scanner::for_processes`]) must scan the block. False if
    /// none is missing, or if the scanner is not set to look for them in this way.
    ///
    /// [`Scanner::with_processes`]: super::Scanner::with_processes
    /// [`Scanner::for_processes`]: super::Scanner::for_processes
    pub has_unread_processes: bool,
}

impl BlockScan {
    /// Adds the result of scanning a misaligned chunk (not at a multiple of 64 KiB after the file
    /// header), which overlaps places where chunks of a log are expected (slots). Its numbers of
    /// chunks and of bytes read, and its bytes that could not be read, are left out: they are
    /// counted and reported with those slots.
    pub(super) fn add_misaligned(&mut self, found: BlockScan) {
        self.tally.merge(Tally {
            chunks: 0,
            empty_chunks: 0,
            damaged_chunks: 0,
            checked_chunks: 0,
            ..found.tally
        });
        // Unreadable bytes are reported with the slots, not with the chunk.
        let is_its_own = |problem: &Problem| !matches!(problem.damage, Damage::Read { .. } | Damage::Shrunk);
        self.problems.append_only(found.problems, is_its_own);
        self.signed_chunks += found.signed_chunks;
        self.chunks_end = self.chunks_end.max(found.chunks_end);
        self.clock.append(0, &found.clock);
        self.events.extend(found.events);
        self.recovered.extend(found.recovered);
        self.links.extend(found.links);
        self.has_unread_processes |= found.has_unread_processes;
    }

    /// Lowers all offsets in the result by 4096 bytes, the size of a file header. This corrects the
    /// result for a log that has no header, but was read as if it had one.
    pub(super) fn subtract_header_size(&mut self) {
        let up = |offset: &mut u64| *offset = offset.saturating_sub(FILE_HEADER_SIZE);
        self.problems.change_offsets(up);
        self.notes.change_offsets(up);
        self.clock.change_offsets(up);
        up(&mut self.chunks_end);
        for located in self.events.iter_mut().chain(&mut self.recovered) {
            up(&mut located.location.record_offset);
        }
        self.links.iter_mut().for_each(|of_chunk| up(&mut of_chunk.chunk));
    }

    /// Corrects the result for a log that has no file header, but was read as if it had one:
    /// removes what was derived from the assumed header, and adds the problem that the header is
    /// missing.
    pub(super) fn report_missing_header(&mut self) {
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
