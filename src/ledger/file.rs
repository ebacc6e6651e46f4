//! What is known of one file: its header, what was seen in it and what is wrong with it, from the
//! parts in which it was read. Plain data; the rows of tables are made of it elsewhere.

use std::ops::Range;

use super::clock::Clock;
use super::damage::{Damage, Problem};
use super::note::{Note, Notes, Remark};
use super::problems::Problems;
use super::tally::{Extents, Tally};

/// Bytes from the start of a log to its first chunk.
pub const FILE_HEADER_SIZE: u64 = 4096;
/// Bytes of a chunk.
pub const CHUNK_SIZE: u64 = 65536;

/// How a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All of it was read and understood.
    Complete,
    /// Some of it could not be read or understood.
    Damaged,
    /// It neither begins like an event log nor holds a chunk of one.
    NotAnEventLog,
    /// It has no bytes.
    Empty,
    /// None of it could be read.
    Unreadable,
    /// The sweep was interrupted when it had read a part of it.
    Interrupted,
    /// The sweep was interrupted before it came to it.
    NotRead,
}

impl Status {
    /// The word in the table.
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
        }
    }
}

/// How much of a log was lost: what lost more bytes is greater, then what lost more records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// Bytes of damaged chunks, of what could not be read, and of chunks that the header counts and
    /// that are not there.
    pub bytes: u64,
    /// Records that are there and could not be decoded.
    pub records: u64,
}

/// Whether a file begins as an event log does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Header {
    /// The beginning was not read.
    #[default]
    Unread,
    /// The file does not begin as an event log does.
    Foreign,
    /// The file begins as an event log that was closed cleanly.
    Clean,
    /// The file begins as an event log that was in use when it was copied.
    Dirty,
    /// The file does not begin as an event log does, and was looked through for chunks.
    Carved,
    /// The file is event XML.
    Xml,
}

/// What is known of one file. The parts of a file are added in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileReport {
    /// Its size in bytes, when it was found.
    pub size: u64,
    /// The SHA-256 of all its bytes, if it was asked for and all were read.
    pub sha256: Option<String>,
    /// How it begins.
    pub header: Header,
    /// How many chunks the header of a log that was closed cleanly says there are.
    pub promised_chunks: Option<u64>,
    /// How many chunks the header of a log that was closed cleanly says there are, if the header
    /// has a checksum that holds.
    pub counted_chunks: Option<u64>,
    /// Counts of what was seen.
    pub tally: Tally,
    /// What is wrong with it.
    pub problems: Problems,
    /// What is said of it that is no damage.
    pub notes: Notes,
    /// How many bytes could be read.
    pub bytes_read: u64,
    /// How many chunks begin as a chunk does.
    pub signed_chunks: u64,
    /// Where the last of these ends, or its place does; 0 without any.
    pub chunks_end: u64,
    /// What the headers of its records tell of the clock.
    pub clock: Clock,
    /// Matches of all detections.
    pub matches: u64,
    /// Whether it was another one, or written to, when some part of it had been read.
    pub changed: bool,
    /// Where the sweep left off, if it was interrupted in this file.
    pub interrupted_at: Option<u64>,
}

impl FileReport {
    /// Adds the next part of the file.
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
    }

    /// Notes that the rest of the file, from `offset` on, was not read because of an interruption.
    pub fn interrupt(&mut self, offset: u64) {
        // The last event of a block of event XML ends behind it, and so does a chunk off its place.
        let offset = offset.max(self.tally.extents.sum());
        self.interrupted_at = Some(offset);
        let length = self.size.saturating_sub(offset);
        self.tally.extents.unread += length;
        self.problems.sort();
        self.problems.push(Problem { offset, length, damage: Damage::NotRead });
        self.note_change();
    }

    /// Checks the whole file, all parts of which were added, against what its header says of it.
    pub fn complete(&mut self) {
        // What could not be read of a block was read if it belongs to a chunk or an event that
        // begins before. And what a block left to a chunk that begins in the one before it was not
        // read, if that could not be.
        let extents = &mut self.tally.extents;
        extents.unread = extents.unread.saturating_sub(extents.sum().saturating_sub(self.size));
        if extents.unread > 0 {
            extents.unread += self.size.saturating_sub(extents.sum());
        }
        // A chunk off its place reaches into the next one, and into the next block.
        self.problems.sort();
        // What is left of a place that does not begin as a chunk is none.
        let found = self.tally.chunks - u64::from(self.tally.extents.trailing > 0);
        self.set_end_apart();
        if let Some(promised) = self.promised_chunks.filter(|promised| *promised > found) {
            let damage = Damage::MissingChunks { promised, found };
            self.problems.push(Problem { offset: self.size, length: 0, damage });
        }
        self.note_change();
    }

    /// Tells what lies after the last chunk from a lost part of the log. The header of a log that
    /// was closed cleanly counts its chunks, and if it has its checksum and no chunk lies after
    /// those, what does is whatever the disk held there before. The header of a log in use was
    /// written before its last chunks were: it cannot know.
    fn set_end_apart(&mut self) {
        let Some(counted) = self.counted_chunks else { return };
        let end = FILE_HEADER_SIZE + counted * CHUNK_SIZE;
        if self.chunks_end > end {
            // The header's number has 16 bits.
            if u16::try_from(self.size.div_ceil(CHUNK_SIZE)).is_ok() {
                let remark = Remark::UncountedChunks { counted };
                self.notes.push(Note { offset: end, length: self.chunks_end - end, remark });
            }
            return;
        }
        // The last place, if it is not whole, has been counted as what it is.
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
            // It would be of no file that there ever was.
            self.sha256 = None;
        }
    }

    /// Whether another sweep may find more in it, or something else.
    #[must_use]
    pub fn is_to_be_read_again(&self) -> bool {
        self.changed || self.problems.has_unread_bytes()
    }

    /// How the file was found to be.
    #[must_use]
    pub fn status(&self) -> Status {
        let holds_log = self.signed_chunks > 0
            || matches!(self.header, Header::Clean | Header::Dirty | Header::Carved | Header::Xml);
        // Of a file that changed, what was found in it says nothing of what it was.
        let is_lost = self.bytes_read == 0 && self.changed && self.size > 0;
        match self.interrupted_at {
            None => {}
            Some(0) => return Status::NotRead,
            Some(_) => return Status::Interrupted,
        }
        if is_lost || self.bytes_read == 0 && self.header == Header::Unread {
            Status::Unreadable
        } else if self.size == 0 && self.header != Header::Carved {
            Status::Empty
        } else if !holds_log && !self.changed {
            Status::NotAnEventLog
        } else if self.problems.is_empty() {
            Status::Complete
        } else {
            Status::Damaged
        }
    }

    /// How much of it was lost: of a file that is called an event log and is none, all.
    #[must_use]
    pub fn loss(&self) -> Loss {
        let missing = self.promised_chunks.unwrap_or(0).saturating_sub(self.tally.chunks);
        let Extents { damaged, unread, .. } = self.extents();
        let bytes = missing.saturating_mul(CHUNK_SIZE).saturating_add(damaged).saturating_add(unread);
        Loss { bytes, records: self.tally.damaged_records }
    }

    /// What is wrong with the file. Of one that is no event log at all, only that is said.
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

    /// How many of its bytes are what. All of a file that is no event log is damaged.
    #[must_use]
    pub fn extents(&self) -> Extents {
        match self.status() {
            Status::NotAnEventLog => Extents { damaged: self.tally.extents.sum(), ..Extents::default() },
            // What was not there when it was to be read was not looked at.
            Status::Unreadable => Extents { unread: self.tally.extents.sum(), ..Extents::default() },
            _ => self.tally.extents,
        }
    }

    /// How many problems there are, those that are not listed included.
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
