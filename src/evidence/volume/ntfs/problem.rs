//! What is wrong with an NTFS volume or a file on it, if either can be read at least in part.

use std::fmt;
use std::ops::Range;

use super::Ntfs;
use super::budget::Budget;
use super::file::File;
use super::obstacle::ReparsePoint;
use super::stream::Stream;

/// What is wrong with an NTFS volume whose files can nevertheless be read. Displayed as text, it
/// says what was expected and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeProblem {
    /// The boot sector is damaged. Its copy in the last sector of the volume was used instead.
    BootSector,
    /// The first record of the master file table is damaged. Its copy was used instead.
    FirstRecord {
        /// The offset in the volume at which the record was expected, in bytes.
        expected: u64,
    },
    /// The volume has fewer bytes than its boot sector states: its end is missing.
    CutOff {
        /// The size of the volume that the boot sector states, in bytes.
        expected: u64,
        /// The number of bytes that the cut-off volume has.
        found: u64,
    },
    /// Some records of the master file table were written only in part: the marks at the ends of
    /// their sectors differ. They are not used.
    Torn {
        /// The number of torn records of the master file table, which Windows wrote only in part.
        records: u64,
    },
    /// Some places in the master file table contain something that is not a record of the table.
    NoRecord {
        /// The number of places in the master file table that contain no record.
        records: u64,
    },
    /// Some records of the master file table lie outside of the volume, cannot be read, or lie in a
    /// place that is not known.
    Unreadable {
        /// The number of records of the master file table that cannot be read.
        records: u64,
    },
    /// Some records of the master file table have a damaged attribute. Only the attributes before
    /// it are used.
    Damaged {
        /// The number of records of the master file table with a damaged attribute.
        records: u64,
    },
    /// Some records of the master file table were not read, because a limit was reached.
    NotListed {
        /// The number of records of the master file table that were not read.
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

/// A range of a file's stream on an NTFS volume in which something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The offset in the stream of the range of bytes that has the problem, in bytes.
    pub offset: u64,
    /// The number of bytes of the stream that have the problem. 0 if the problem concerns no
    /// particular range.
    pub length: u64,
    /// What is wrong with this range of the stream.
    pub fault: FileFault,
}

/// What is wrong with a range of a stream. Displayed as text, it says what was expected and found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// The clusters that should have this range of a file's stream lie outside of the volume. Reads
    /// of the range fail.
    OutOfVolume,
    /// No record of the master file table tells in which clusters this range of a file's stream
    /// lies. Reads of the range fail.
    LostRun,
    /// The file is deleted, and the clusters that had this range of its stream belong to other
    /// files by now. Reads return the bytes in these clusters, which may be those of the other
    /// files.
    GivenAway,
    /// The file is deleted, and it is not known if the clusters that had this range of its stream
    /// belong to other files by now.
    NotChecked,
    /// A record of the master file table that should have a part of the file's stream cannot be
    /// read, or belongs to another file by now.
    LostRecord {
        /// The number of the lost record in the master file table.
        record: u64,
    },
    /// The file's attribute list, which names all of its records in the master file table, cannot
    /// be read to its end.
    ListCut,
    /// The file has a reparse point whose tag dnsweep does not know, so a driver may have the
    /// file's content elsewhere. Reads return what the volume has for the file. Contains the tag.
    Driver(ReparsePoint),
}

impl FileFault {
    /// Returns true if reads of a stream's bytes with this fault fail.
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

/// The maximum number of problems of one stream that are listed. If there are more, the last one
/// that is listed covers everything that is wrong from its start on.
const MOST_PROBLEMS: usize = 256;

/// Returns the ranges of a stream in which something is wrong. `budget` limits how many clusters of
/// deleted files are looked up in the volume's bitmap, to see if other files use them by now.
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

/// The problems of one stream that were found so far.
struct Problems<'s> {
    stream: &'s Stream,
    problems: Vec<FileProblem>,
}

impl Problems<'_> {
    /// Adds a problem with a range of clusters, which are counted from the start of the stream.
    /// Extends the last problem instead if the range begins where that one ends and the fault is
    /// the same, or if [`MOST_PROBLEMS`] problems are listed already.
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

    /// Looks up clusters of a deleted file in the volume's bitmap, and adds a problem for those
    /// that other files use by now, or for all of them if that cannot be found out. `places` are
    /// the numbers of the clusters on the volume. `first` is the number of the first of these
    /// clusters, counted from the start of the stream.
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
