//! The result of opening a disk image: the disk with its problems and facts, or the error.

use std::fmt;
use std::io;
use std::ops::Range;

use crate::event::EventTime;
use crate::evidence::layer::SharedSource;
use crate::ledger::container::ContainerStatus;

/// A disk image that was opened: its disk, the names of its files after the first one, its
/// problems, and what it states about itself.
pub struct Image {
    /// The bytes of the disk in the image. A read fails if it touches bytes that the image does not
    /// have, or whose checksum is wrong. A read of neighbouring bytes does not fail.
    pub disk: SharedSource,
    /// The names of the image's files after the first one, such as `disk.E02`.
    pub parts: Vec<String>,
    /// What is wrong with the image. The list is empty if the image is sound.
    pub problems: Vec<ImageProblem>,
    /// What the image states about itself and about the examined computer, such as a case number.
    pub facts: ImageFacts,
}

impl Image {
    /// Returns an image with the disk `disk`, which consists of one file and has neither problems
    /// nor facts.
    pub(super) fn of(disk: SharedSource) -> Self {
        Image { disk, parts: Vec::new(), problems: Vec::new(), facts: ImageFacts::default() }
    }
}

/// What a disk image states about itself, such as the case number. All texts come from the evidence
/// and may contain anything, so that they must be escaped before they are shown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The MD5 of the whole disk, as stated in the image: 32 lower-case hexadecimal digits. `None`
    /// if the image states none.
    pub stated_md5: Option<String>,
    /// The SHA-1 of the whole disk, as stated in the image: 40 lower-case hexadecimal digits.
    /// `None` if the image states none.
    pub stated_sha1: Option<String>,
    /// The case number that the examiner typed when taking the image.
    pub case_number: Option<String>,
    /// The evidence number that the examiner typed when taking the image.
    pub evidence_number: Option<String>,
    /// The description of the evidence that the examiner typed when taking the image, often the
    /// name of the examined computer.
    pub description: Option<String>,
    /// The name of the examiner who took the image.
    pub examiner: Option<String>,
    /// The notes about the image that the examiner typed when taking it.
    pub notes: Option<String>,
    /// The time at which the image was taken. `None` if the image does not state it in UTC.
    pub acquired: Option<EventTime>,
    /// The local time at which the image was taken, such as `2024-11-29T12:00:05`, by the clock of
    /// the examiner's computer. The image does not state the time zone.
    pub acquired_local: Option<String>,
    /// The numbers of the image's files that are missing from the folder. The first file has number
    /// 1.
    pub missing_segments: Vec<u32>,
    /// The ranges of bytes of the disk that the imaging tool could not read when the image was
    /// taken. The image has zeros in these ranges.
    pub unread_at_acquisition: Vec<Range<u64>>,
}

/// Something that is wrong with a disk image or with one range of its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageProblem {
    /// The range of bytes of the disk that cannot be read because of the problem. `None` if all
    /// bytes can be read despite the problem.
    pub range: Option<Range<u64>>,
    /// Where the problem is: the name of the image's file, often with the part of the file, such as
    /// its header.
    pub place: String,
    /// What a sound image has in the place of the problem.
    pub expected: String,
    /// What the image has in the place of the problem, instead of what was expected.
    pub found: String,
}

impl ImageProblem {
    pub(super) fn new(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        ImageProblem { range: None, place: place.into(), expected: expected.into(), found: found.into() }
    }

    /// Returns the problem with `range`, the bytes of the disk that cannot be read because of it.
    pub(super) fn at(self, range: Range<u64>) -> Self {
        ImageProblem { range: Some(range), ..self }
    }
}

impl fmt::Display for ImageProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: expected {}, found {}", self.place, self.expected, self.found)?;
        match &self.range {
            Some(range) => {
                write!(formatter, "; bytes {} to {} of the disk are not read", range.start, range.end)
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for ImageProblem {}

impl From<ImageProblem> for io::Error {
    fn from(problem: ImageProblem) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, problem)
    }
}

/// The reason why the disk of an image cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The image is of a kind that dnsweep does not read. Contains the name of the kind.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The image is encrypted. Contains the name of the encryption.
    #[error("the image is encrypted ({0})")]
    Encrypted(String),
    /// The image is so damaged that none of the disk's bytes can be found. Contains what is wrong.
    #[error(transparent)]
    Damaged(#[from] ImageProblem),
    /// A file of the image cannot be read, so that the image cannot be opened.
    #[error("{name}: {source}")]
    Read {
        /// The name of the image's file that cannot be read.
        name: String,
        /// The error of the operating system, or of the container that the image lies in.
        source: io::Error,
    },
}

impl ImageError {
    /// Returns the image's status in the table `containers.parquet`, such as encrypted.
    #[must_use]
    pub fn status(&self) -> ContainerStatus {
        match self {
            ImageError::Unsupported(_) => ContainerStatus::Unsupported,
            ImageError::Encrypted(_) => ContainerStatus::Encrypted,
            ImageError::Damaged(_) | ImageError::Read { .. } => ContainerStatus::Unreadable,
        }
    }
}

/// The maximum number of problems of one image that are reported one by one. Further problems are
/// only counted, so that a badly damaged image does not fill the memory.
const PROBLEMS_LIMIT: usize = 256;

/// The problems of an image, collected while it is opened. The first 256 are kept. Further problems
/// are only counted, so that memory is bounded.
#[derive(Default)]
pub(super) struct Problems {
    first: Vec<ImageProblem>,
    further: u64,
}

impl Problems {
    pub(super) fn push(&mut self, problem: ImageProblem) {
        if self.first.len() < PROBLEMS_LIMIT {
            self.first.push(problem);
        } else {
            self.further += 1;
        }
    }

    /// Adds the problems `others` of a part of the disk. Their ranges are counted from the start of
    /// the part; `part` is the range of the disk that it makes up.
    pub(super) fn add_part(&mut self, others: Problems, part: &Range<u64>) {
        let on_disk = |offset: u64| part.start.saturating_add(offset).min(part.end);
        for problem in others.first {
            let range = problem.range.map(|range| on_disk(range.start)..on_disk(range.end));
            self.push(ImageProblem { range: range.filter(|range| !range.is_empty()), ..problem });
        }
        self.further += others.further;
    }

    /// Returns the kept problems in the order in which they were found. If there were more, another
    /// problem at the end of the list says how many. `name` is the name of the image's first file.
    pub(super) fn finish(mut self, name: &str) -> Vec<ImageProblem> {
        if self.further > 0 {
            let found = format!("{} more", self.further);
            self.first.push(ImageProblem::new(name, format!("at most {PROBLEMS_LIMIT} problems"), found));
        }
        self.first
    }
}
