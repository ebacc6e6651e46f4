//! The account of one file of the evidence: its header, what was seen in it, and what is wrong with
//! it. A file is read in parts (blocks); the accounts of the parts are joined. An account is plain
//! data, of which [`crate::report`] makes table rows.

use std::ops::Range;

use super::clock::Clock;
use super::damage::{Damage, Problem};
use super::note::{Note, Notes, Remark};
use super::problems::Problems;
use super::tally::{Extents, Tally};

/// The size of an event log's file header in bytes. The first chunk follows the header.
pub const FILE_HEADER_SIZE: u64 = 4096;
/// The size of a chunk of an event log in bytes (64 KiB).
pub const CHUNK_SIZE: u64 = 65536;

/// What a sweep could do with a file of the evidence as a whole. The column `status` of the ledger
/// (`files.parquet`) shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All of the file was read and understood.
    Complete,
    /// A part of the file could not be read or understood; the rest was read.
    Damaged,
    /// The file neither begins like an event log nor contains a chunk of one. A file whose
    /// beginning cannot be read has the status `Damaged` or `Unreadable` instead.
    NotAnEventLog,
    /// The file has no bytes.
    Empty,
    /// Nothing of the file could be read.
    Unreadable,
    /// The sweep was interrupted after it had read a part of the file.
    Interrupted,
    /// The sweep was interrupted before it reached the file.
    NotRead,
    /// The file is a log in a shadow copy, and was not read there: in the next newer state of the
    /// volume, the log has the same bytes, and was read.
    Unchanged,
}

impl Status {
    /// Returns the word for this status in the column `status` of the ledger (`files.parquet`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Complete => "complete",
            Status::Damaged => "damaged",
            Status::NotAnEventLog => "not an event log",
            Status::Empty => "empty",
            Status::Unreadable => "unreadable",
            Status::Interrupted => "interrupted",
            Status::NotRead => "not read",
            Status::Unchanged => "unchanged",
        }
    }
}

/// The amount of a file of the evidence that was lost. Losses are ordered by bytes, then by
/// records, so that the worst files can be listed first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// The number of lost bytes: those of damaged chunks, those that could not be read, and those
    /// of chunks that the header counts and the file does not have.
    pub bytes: u64,
    /// The number of lost records: those that could not be decoded.
    pub records: u64,
}

/// What the beginning of a file shows the file to be: an event log, event XML, something else, or
/// unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Header {
    /// The beginning of the file was not read, or could not be, so that nothing is known about its
    /// header.
    #[default]
    Unread,
    /// The file does not begin like an event log.
    Foreign,
    /// The file is an event log that was closed cleanly, so that its header is up to date.
    Clean,
    /// The file is an event log that was in use when it was copied, so that its header may be out
    /// of date.
    Dirty,
    /// The file is not an event log, but is searched for chunks (`--carve`).
    Carved,
    /// The file is event XML.
    Xml,
}

/// The account of one file of the evidence, or of a part of it: what was read, and what is wrong. A
/// file is read in parts (blocks), whose accounts are joined in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileReport {
    /// The file's size in bytes when the sweep found it.
    pub size: u64,
    /// The SHA-256 of the file; `None` if hashing was not requested, if not all bytes were read, or
    /// if the file changed while the sweep read it.
    pub sha256: Option<String>,
    /// What the beginning of the file shows it to be.
    pub header: Header,
    /// The number of chunks that the file header states. `None` if the log was not closed cleanly,
    /// because the number is then out of date, or if the header is damaged.
    pub promised_chunks: Option<u64>,
    /// The number of chunks that the file header states, if a checksum confirms it. `None` if the
    /// log was not closed cleanly, or if the header's checksum is absent or wrong.
    pub counted_chunks: Option<u64>,
    /// Counts of the chunks, records and bytes that were read.
    pub tally: Tally,
    /// What is wrong with the file: damage, and bytes that could not be read.
    pub problems: Problems,
    /// Remarks on ranges of the file that are not damage, such as deleted chunks.
    pub notes: Notes,
    /// The number of the file's bytes that could be read.
    pub bytes_read: u64,
    /// The number of chunks in the file that begin with a chunk's signature, including those that
    /// do not lie at a multiple of 64 KiB after the file header. The number helps to decide whether
    /// the file is a log.
    pub signed_chunks: u64,
    /// The offset in bytes, from the start of the file, at which the last chunk with a chunk's
    /// signature ends. For a chunk in its slot (a place for a chunk of 64 KiB), it is the end of
    /// the slot. It is 0 if the file has no such chunk.
    pub chunks_end: u64,
    /// The places in the file where the clock of the machine that wrote it went back.
    pub clock: Clock,
    /// The number of matches in the file: DNS queries that a detection describes, without those
    /// that an exclusion (the user's description of harmless events) removes.
    pub matches: u64,
    /// True if another program wrote to the file, or replaced it, while the sweep read it.
    pub changed: bool,
    /// True if the file was deleted in its volume. Bytes of it that are missing do not count as a
    /// loss of evidence, because Windows gave their place to other files.
    pub deleted: bool,
    /// True if the file is a log in a shadow copy, and the log has the same bytes in the next newer
    /// state of the volume. The file was then not read in the shadow copy.
    #[serde(skip)]
    pub unchanged: bool,
    /// The offset in bytes that the sweep had reached in this file when it was interrupted; 0 if
    /// the sweep had not begun the file. `None` if the file was read to its end.
    pub interrupted_at: Option<u64>,
}

impl FileReport {
    /// Adds `part`, the account of the next part (block) of the file. The parts must be added in
    /// file order.
    pub fn append(&mut self, part: FileReport) {
        self.size = self.size.max(part.size);
        self.sha256 = self.sha256.take().or(part.sha256);
        if self.header == Header::Unread {
            self.header = part.header;
            self.promised_chunks = part.promised_chunks;
            self.counted_chunks = part.counted_chunks;
        }
        self.tally.merge(part.tally);
        self.clock.append(0, &part.clock);
        self.problems.append(part.problems);
        self.notes.append(part.notes);
        self.chunks_end = self.chunks_end.max(part.chunks_end);
        self.bytes_read += part.bytes_read;
        self.signed_chunks += part.signed_chunks;
        self.matches += part.matches;
        self.changed |= part.changed;
        self.deleted |= part.deleted;
    }

    /// Records that the rest of the file, from `offset` on, was not read because the sweep was
    /// interrupted.
    pub fn interrupt(&mut self, offset: u64) {
        // The last event of a block of event XML, and a misaligned chunk, can end after the block.
        let offset = offset.max(self.tally.extents.sum());
        self.interrupted_at = Some(offset);
        let length = self.size.saturating_sub(offset);
        self.tally.extents.unread += length;
        self.problems.sort();
        self.problems.push(Problem { offset, length, damage: Damage::NotRead });
        self.note_change();
    }

    /// Completes the account of the file. Must be called once, after all of its parts were added.
    /// Sorts the problems by offset, and compares the chunks that were found with those that the
    /// file header counts.
    pub fn complete(&mut self) {
        // Bytes of an unreadable block count as read if they belong to a chunk or an event that
        // begins in an earlier block. Conversely, bytes that a block left to a chunk of an earlier
        // block count as unread if that block was unreadable.
        let extents = &mut self.tally.extents;
        extents.unread = extents.unread.saturating_sub(extents.sum().saturating_sub(self.size));
        if extents.unread > 0 {
            extents.unread += self.size.saturating_sub(extents.sum());
        }
        // A misaligned chunk reaches into the next place for a chunk, and into the next block.
        self.problems.sort();
        // A cut-off place that does not begin like a chunk is not a chunk.
        let found = self.tally.chunks - u64::from(self.tally.extents.trailing > 0);
        self.set_end_apart();
        if let Some(promised) = self.promised_chunks.filter(|promised| *promised > found) {
            let damage = Damage::MissingChunks { promised, found };
            self.problems.push(Problem { offset: self.size, length: 0, damage });
        }
        self.note_change();
    }

    /// Decides whether the bytes at the file's end are a lost part of the log (damage), or lie
    /// after the log's last chunk. In the second case, the bytes are counted as trailing, with a
    /// note instead of the problem.
    ///
    /// The header of a cleanly closed log counts the chunks. If the header's checksum is right and
    /// no chunk lies after the counted ones, the bytes at the end are what the disk contained
    /// before, and no damage. The header of a log in use was written before the log's last chunks,
    /// so it proves nothing.
    fn set_end_apart(&mut self) {
        let Some(counted) = self.counted_chunks else { return };
        let end = FILE_HEADER_SIZE + counted * CHUNK_SIZE;
        if self.chunks_end > end {
            // The number in the header has 16 bits, so it is right only for files of up to 4 GiB.
            if u16::try_from(self.size.div_ceil(CHUNK_SIZE)).is_ok() {
                let remark = Remark::UncountedChunks { counted };
                self.notes.push(Note { offset: end, length: self.chunks_end - end, remark });
            }
            return;
        }
        // A cut-off last place has been counted already.
        let last = self.size - (self.size.saturating_sub(FILE_HEADER_SIZE)) % CHUNK_SIZE;
        for Range { start, end } in self.problems.take_foreign_from(end) {
            let whole = end.min(last).saturating_sub(start);
            self.tally.extents.damaged -= whole;
            self.tally.extents.trailing += whole;
            self.tally.damaged_chunks -= (end - start).div_ceil(CHUNK_SIZE);
            let remark = Remark::AfterLastChunk { counted };
            self.notes.push(Note { offset: start, length: end - start, remark });
        }
    }

    fn note_change(&mut self) {
        if self.changed {
            self.problems.put_first(Problem { offset: 0, length: self.size, damage: Damage::Changed });
            // The hash would be of bytes that the file never held at any one time.
            self.sha256 = None;
        }
    }

    /// Returns true if another sweep may read more of the file, or read other bytes: the file
    /// changed, or some of its bytes could not be read. A resumed sweep reads such a file again.
    #[must_use]
    pub fn is_to_be_read_again(&self) -> bool {
        self.changed || self.problems.has_unread_bytes()
    }

    /// Records that the file is a log in a shadow copy and was not read, because it has the same
    /// bytes as the log at the path `same_as`. That log lies in the next newer state of the volume.
    pub fn set_unchanged(&mut self, same_as: &str) {
        self.unchanged = true;
        let remark = Remark::Unchanged { same_as: same_as.to_owned() };
        self.notes.push(Note { offset: 0, length: self.size, remark });
    }

    /// Returns true if the file was read and something is wrong with it. Returns false for a file
    /// that was deleted in its volume, because its lost bytes are not a loss of evidence. Also
    /// returns false for a file that was not read because of an interruption, or is an unchanged
    /// log of a shadow copy.
    #[must_use]
    pub fn is_flawed(&self) -> bool {
        let is_sound = matches!(self.status(), Status::Complete | Status::Unchanged);
        !is_sound && !matches!(self.status(), Status::Interrupted | Status::NotRead) && !self.deleted
    }

    /// Returns the status of the file: what the sweep could do with the file as a whole. The status
    /// is not stored, but follows from everything else in this account.
    #[must_use]
    pub fn status(&self) -> Status {
        let holds_log = self.signed_chunks > 0
            || matches!(self.header, Header::Clean | Header::Dirty | Header::Carved | Header::Xml);
        // A file whose beginning could not be read may be a log.
        let is_unknown = self.header == Header::Unread && self.problems.has_unread_bytes();
        // What was read of a file that changed does not say what the file was before.
        let is_lost = self.bytes_read == 0 && self.changed && self.size > 0;
        match self.interrupted_at {
            None => {}
            Some(0) => return Status::NotRead,
            Some(_) => return Status::Interrupted,
        }
        if self.unchanged {
            Status::Unchanged
        } else if is_lost || self.bytes_read == 0 && self.header == Header::Unread {
            Status::Unreadable
        } else if self.size == 0 && self.header != Header::Carved {
            Status::Empty
        } else if !holds_log && !is_unknown && !self.changed {
            Status::NotAnEventLog
        } else if self.problems.is_empty() {
            Status::Complete
        } else {
            Status::Damaged
        }
    }

    /// Returns how much of the file was lost to damage: the bytes that were damaged, missing or
    /// could not be read, and the damaged records. In a file that is not an event log, all bytes
    /// count.
    #[must_use]
    pub fn loss(&self) -> Loss {
        let missing = self.promised_chunks.unwrap_or(0).saturating_sub(self.tally.chunks);
        let Extents { damaged, unread, .. } = self.extents();
        let bytes = missing.saturating_mul(CHUNK_SIZE).saturating_add(damaged).saturating_add(unread);
        Loss { bytes, records: self.tally.damaged_records }
    }

    /// Returns what is wrong with the file. If the file is not an event log, the only problems
    /// returned are its wrong beginning and failed reads, because problems with chunks would mean
    /// nothing.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.problems.iter().collect();
        if self.status() == Status::NotAnEventLog {
            problems.retain(|problem| {
                let damage = &problem.damage;
                matches!(
                    damage,
                    Damage::FileSignature { .. } | Damage::OtherForm { .. } | Damage::Read { .. }
                )
            });
            if let Some(first) = problems.first_mut() {
                first.length = self.size;
            }
        }
        problems
    }

    /// Returns how many bytes of the file are good, damaged, unread and so on. All bytes of a file
    /// that is not an event log count as damaged, all bytes of an unreadable file as unread, and
    /// all bytes of an unchanged log of a shadow copy as unchanged.
    #[must_use]
    pub fn extents(&self) -> Extents {
        match self.status() {
            Status::Unchanged => Extents { unchanged: self.size, ..Extents::default() },
            Status::NotAnEventLog => Extents { damaged: self.tally.extents.sum(), ..Extents::default() },
            // Bytes that were gone when they were to be read count as unread.
            Status::Unreadable => Extents { unread: self.tally.extents.sum(), ..Extents::default() },
            _ => self.tally.extents,
        }
    }

    /// Returns the number of all problems of the file, including those that are not listed. If the
    /// file is not an event log, counts only those that [`Self::problems`] returns.
    #[must_use]
    pub fn problem_count(&self) -> u64 {
        if self.status() == Status::NotAnEventLog {
            self.problems().len() as u64
        } else {
            self.problems.count()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(header: Header, bytes_read: u64, signed_chunks: u64, problem: Option<Damage>) -> FileReport {
        let mut report =
            FileReport { size: 69_632, header, bytes_read, signed_chunks, ..FileReport::default() };
        if let Some(damage) = problem {
            report.problems.push(Problem { offset: 0, length: 8, damage });
        }
        report
    }

    #[test]
    fn an_unchanged_log_has_no_flaw_and_its_bytes_are_accounted_for() {
        let mut unchanged = report(Header::Unread, 0, 0, None);
        unchanged.complete();
        assert_eq!(unchanged.status(), Status::Unreadable);
        unchanged.set_unchanged("a.E01!p1/x.evtx");
        assert_eq!((unchanged.status(), unchanged.is_flawed()), (Status::Unchanged, false));
        assert_eq!(unchanged.extents(), Extents { unchanged: 69_632, ..Extents::default() });
        assert_eq!(unchanged.loss(), Loss::default());
    }

    #[test]
    fn a_file_whose_beginning_cannot_be_read_is_damaged() {
        let read = || Some(Damage::Read { reason: "no segment".into() });
        let mut log = report(Header::Unread, 40_000, 0, read());
        log.tally.extents = Extents { empty: 40_000, unread: 29_632, ..Extents::default() };
        log.complete();
        assert_eq!((log.status(), log.loss().bytes), (Status::Damaged, 29_632));
        assert_eq!(log.problems()[0].damage, read().unwrap());
        assert_eq!(report(Header::Unread, 0, 0, read()).status(), Status::Unreadable);
        // Its beginning was read, and is that of another file.
        assert_eq!(report(Header::Foreign, 40_000, 0, read()).status(), Status::NotAnEventLog);
    }

    #[test]
    fn status_follows_from_what_was_seen() {
        let foreign = || Some(Damage::FileSignature { found: b"text".to_vec() });
        let cases = [
            (report(Header::Clean, 69_632, 1, None), Status::Complete),
            (report(Header::Dirty, 69_632, 0, None), Status::Complete),
            (report(Header::Clean, 69_632, 1, Some(Damage::Shrunk)), Status::Damaged),
            (report(Header::Foreign, 69_632, 1, foreign()), Status::Damaged),
            (report(Header::Foreign, 69_632, 0, foreign()), Status::NotAnEventLog),
            (report(Header::Unread, 0, 0, Some(Damage::Read { reason: String::new() })), Status::Unreadable),
            (FileReport { header: Header::Foreign, ..FileReport::default() }, Status::Empty),
        ];
        for (report, status) in cases {
            assert_eq!(report.status(), status, "{report:?}");
        }
    }

    #[test]
    fn bytes_are_lost_before_records_and_all_of_what_is_no_log() {
        let lost = |damaged, unread, damaged_records, promised| {
            let mut file = report(Header::Clean, 1, 1, Some(Damage::Shrunk));
            (file.tally.extents.damaged, file.tally.extents.unread) = (damaged, unread);
            (file.tally.damaged_records, file.tally.chunks, file.promised_chunks) =
                (damaged_records, 2, promised);
            file.loss()
        };
        assert_eq!(lost(7, 3, 5, Some(4)), Loss { bytes: 10 + 2 * 65_536, records: 5 });
        let sorted =
            [lost(0, 0, 1, None), lost(0, 0, 9, Some(2)), lost(1, 0, 0, Some(1)), lost(0, 0, 0, Some(3))];
        assert!(sorted.is_sorted_by(|one, other| one < other), "{sorted:?}");
        let mut text = report(Header::Foreign, 69_632, 0, Some(Damage::Shrunk));
        text.tally.extents.damaged = 69_632;
        assert_eq!((text.status(), text.loss()), (Status::NotAnEventLog, Loss { bytes: 69_632, records: 0 }));
    }

    #[test]
    fn what_an_interruption_leaves_counts_from_the_last_event_or_chunk_on() {
        for header in [Header::Xml, Header::Clean, Header::Carved] {
            let mut report = report(header, 4096, 0, None);
            report.tally.extents = Extents { header: 96, good: 4500, ..Extents::default() };
            report.interrupt(4096);
            assert_eq!((report.extents().unread, report.extents().sum()), (69_632 - 4596, 69_632));
            let problem = report.problems().remove(0);
            assert_eq!((problem.offset, problem.length), (4596, 69_632 - 4596));
        }
    }

    #[test]
    fn what_could_not_be_read_was_read_where_a_chunk_reaches_into_it() {
        let mut report = report(Header::Clean, 40_000, 1, None);
        report.tally.extents = Extents { header: 4096, good: 40_000, unread: 29_632, ..Extents::default() };
        report.complete();
        assert_eq!((report.extents().unread, report.extents().sum()), (69_632 - 44_096, 69_632));
    }

    #[test]
    fn what_a_block_left_to_a_chunk_that_could_not_be_read_was_not_read() {
        let mut report = report(Header::Clean, 0, 1, None);
        report.tally.extents = Extents { header: 4096, good: 30_000, unread: 20_000, ..Extents::default() };
        report.complete();
        assert_eq!((report.extents().unread, report.extents().sum()), (69_632 - 34_096, 69_632));
    }

    #[test]
    fn of_a_file_that_changed_there_is_no_hash() {
        let part = |changed| FileReport { changed, sha256: Some(String::new()), ..FileReport::default() };
        for (first, second) in [(false, false), (true, false), (false, true)] {
            let mut report = part(first);
            report.append(part(second));
            report.complete();
            assert_eq!(report.sha256.is_some(), !first && !second);
            assert_eq!(
                report.problems().iter().any(|problem| problem.damage == Damage::Changed),
                first || second
            );
        }
    }
}
