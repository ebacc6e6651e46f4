//! What is wrong with a volume, or with a file, that can be read at least in part.

use std::fmt;
use std::ops::Range;

use super::Ntfs;
use super::budget::Budget;
use super::file::File;
use super::obstacle::ReparsePoint;
use super::stream::Stream;

/// What is wrong with a volume of which files can be read nevertheless. Its text says what was
/// expected and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeProblem {
    /// The boot sector is damaged; its copy in the volume's last sector was used.
    BootSector,
    /// The first record of the master file table is damaged; its copy was used.
    FirstRecord {
        /// The offset in the volume at which the record was expected.
        expected: u64,
    },
    /// The volume ends before its boot sector says.
    CutOff {
        /// The size in bytes that the boot sector states.
        expected: u64,
        /// The number of bytes that there are.
        found: u64,
    },
    /// Records were written in part: their fixups fail.
    Torn {
        /// How many records were written in part.
        records: u64,
    },
    /// Places in the table have something else than a record.
    NoRecord {
        /// How many places have something else.
        records: u64,
    },
    /// Records lie out of the volume or cannot be read, or their place is not known.
    Unreadable {
        /// How many records cannot be read.
        records: u64,
    },
    /// Records have a damaged attribute; the attributes before that one are used.
    Damaged {
        /// How many records have damaged attributes.
        records: u64,
    },
    /// Records were not looked at because a limit was reached.
    NotListed {
        /// How many records were not looked at.
        records: u64,
    },
}

impl fmt::Display for VolumeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeProblem::BootSector => {
                write!(f, "the boot sector is damaged: its copy in the volume's last sector is used")
            }
            VolumeProblem::FirstRecord { expected } => write!(
                f,
                "the first record of the master file table, expected at byte {expected}, is damaged: its copy is used"
            ),
            VolumeProblem::CutOff { expected, found } => {
                write!(f, "the volume is cut off: expected {expected} bytes, found {found}")
            }
            VolumeProblem::Torn { records } => {
                write!(f, "records of the master file table that were written in part (fixup): {records}")
            }
            VolumeProblem::NoRecord { records } => {
                write!(f, "places in the master file table with something else than a record: {records}")
            }
            VolumeProblem::Unreadable { records } => {
                write!(f, "records of the master file table that cannot be read: {records}")
            }
            VolumeProblem::Damaged { records } => {
                write!(f, "records of the master file table with damaged attributes: {records}")
            }
            VolumeProblem::NotListed { records } => {
                write!(f, "records of the master file table that are too many to be listed: {records}")
            }
        }
    }
}

/// A range of a stream with something wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The offset of the range in the stream, in bytes.
    pub offset: u64,
    /// The length of the range in bytes; 0 if the problem has no range.
    pub length: u64,
    /// What is wrong.
    pub fault: FileFault,
}

/// What is wrong with a range of a stream. Its text says what was expected and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// The clusters lie out of the volume. Reads of the range fail.
    OutOfVolume,
    /// No record says where the clusters are. Reads of the range fail.
    LostRun,
    /// The file is deleted, and its clusters belong to other files by now. Reads return what lies
    /// there, which may be bytes of the other files.
    GivenAway,
    /// The file is deleted, and whether its clusters belong to other files by now is not known.
    NotChecked,
    /// A record with a part of a stream of the file cannot be read, or belongs to another file by
    /// now.
    LostRecord {
        /// The number of the record.
        record: u64,
    },
    /// The list of the file's records cannot be read to its end.
    ListCut,
    /// A driver that is not known gives the file another meaning. Reads return what is stored.
    Driver(ReparsePoint),
}

impl FileFault {
    /// True if reads that touch the range fail.
    #[cfg_attr(
        not(feature = "internals"),
        allow(dead_code, reason = "tests compare it with what can be read")
    )]
    #[must_use]
    pub fn is_unreadable(self) -> bool {
        matches!(self, FileFault::OutOfVolume | FileFault::LostRun)
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFault::OutOfVolume => write!(f, "the file's clusters lie out of the volume"),
            FileFault::LostRun => write!(f, "no record says where the file's clusters lie"),
            FileFault::GivenAway => {
                write!(f, "the file is deleted, and its clusters belong to other files by now")
            }
            FileFault::NotChecked => {
                write!(f, "the file is deleted, and whether its clusters belong to other files is not known")
            }
            FileFault::LostRecord { record } => {
                write!(f, "record {record} of the file cannot be read, or belongs to another file by now")
            }
            FileFault::ListCut => write!(f, "the list of the file's records cannot be read to its end"),
            FileFault::Driver(point) => {
                write!(f, "the file's bytes are {point}; what the volume has for it is read")
            }
        }
    }
}

/// The most problems of a file. The last one extends to the end of what is wrong.
const MOST_PROBLEMS: usize = 256;

/// Returns what is wrong with a stream of a file.
pub(super) fn problems(ntfs: &Ntfs, file: &File, stream: &Stream, budget: &mut Budget) -> Vec<FileProblem> {
    let mut found = Problems { stream, problems: Vec::new() };
    if file.is_list_cut() {
        found.problems.push(FileProblem { offset: 0, length: 0, fault: FileFault::ListCut });
    }
    for record in file.lost().iter().take(MOST_PROBLEMS / 2) {
        let fault = FileFault::LostRecord { record: *record };
        found.problems.push(FileProblem { offset: 0, length: 0, fault });
    }
    if let Some(point) = file.reparse_point().filter(|point| !point.is_elsewhere() && !point.is_cloud()) {
        let fault = FileFault::Driver(point);
        found.problems.push(FileProblem { offset: 0, length: stream.stored(), fault });
    }
    let is_deleted = !file.first().is_in_use();
    let (end, clusters) = (stream.valid_clusters(), ntfs.clusters());
    let mut expected = 0;
    for run in stream.runs().iter().filter_map(|run| run.within(0, end)) {
        found.add(expected..run.first, FileFault::LostRun);
        expected = run.end();
        let Some(place) = run.place() else { continue };
        let on_volume = clusters.saturating_sub(place).min(run.count);
        found.add(run.first + on_volume..run.end(), FileFault::OutOfVolume);
        if is_deleted {
            found.check(ntfs, run.first, place..place + on_volume, budget);
        }
    }
    found.add(expected..end, FileFault::LostRun);
    found.problems
}

/// The problems of a stream that were found so far.
struct Problems<'s> {
    stream: &'s Stream,
    problems: Vec<FileProblem>,
}

impl Problems<'_> {
    /// Adds a problem of clusters of the file. It continues the last one if they follow each other.
    fn add(&mut self, clusters: Range<u64>, fault: FileFault) {
        let bytes = self.stream.bytes_of(clusters);
        if bytes.is_empty() {
            return;
        }
        let is_full = self.problems.len() >= MOST_PROBLEMS;
        let continues =
            |last: &FileProblem| is_full || last.fault == fault && last.offset + last.length == bytes.start;
        match self.problems.last_mut().filter(|last| continues(last)) {
            Some(last) => last.length = bytes.end - last.offset,
            None => {
                self.problems.push(FileProblem {
                    offset: bytes.start,
                    length: bytes.end - bytes.start,
                    fault,
                });
            }
        }
    }

    /// Looks up clusters of the volume in its bitmap. The file's cluster `first` lies at the first
    /// of them.
    fn check(&mut self, ntfs: &Ntfs, first: u64, places: Range<u64>, budget: &mut Budget) {
        let file = |place: u64| first + (place - places.start);
        let bitmap = ntfs.bitmap().filter(|_| budget.take_clusters(places.end - places.start));
        let mut given = Vec::new();
        let mut visit = |run: Range<u64>, is_allocated: bool| {
            if is_allocated {
                given.push(run);
            }
            given.len() < MOST_PROBLEMS
        };
        if bitmap.is_none_or(|bitmap| bitmap.runs(places.clone(), &mut visit).is_err()) {
            return self.add(first..file(places.end), FileFault::NotChecked);
        }
        // After so many runs the lookup has ended: the last one counts to the end.
        if let Some(last) = given.get_mut(MOST_PROBLEMS - 1) {
            last.end = places.end;
        }
        for run in given {
            self.add(file(run.start)..file(run.end), FileFault::GivenAway);
        }
    }
}
