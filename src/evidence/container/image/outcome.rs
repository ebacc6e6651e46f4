//! What opening a disk image gives: a disk with what was odd about it, or why there is none.

use std::fmt;
use std::io;
use std::ops::Range;

use crate::event::EventTime;
use crate::evidence::layer::SharedSource;
use crate::ledger::container::ContainerStatus;

/// A disk image that was opened.
pub struct Image {
    /// The bytes of the disk. A read that touches bytes that the image does not have, or whose
    /// checksum is wrong, fails; a smaller read beside these bytes does not.
    pub disk: SharedSource,
    /// The names of the further files that belong to the image, such as `disk.E02`.
    pub parts: Vec<String>,
    /// What is wrong with the image. If there is nothing, the image was read whole.
    pub problems: Vec<ImageProblem>,
    /// What the image states about itself and its host.
    pub facts: ImageFacts,
}

impl Image {
    /// An image without problems, further files or facts.
    pub(super) fn of(disk: SharedSource) -> Self {
        Image { disk, parts: Vec::new(), problems: Vec::new(), facts: ImageFacts::default() }
    }
}

/// What an image states about itself. All texts are evidence: whoever shows them escapes them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The MD5 of the disk that the image states, as 32 lower-case hexadecimal digits.
    pub stated_md5: Option<String>,
    /// The SHA-1 of the disk that the image states, as 40 lower-case hexadecimal digits.
    pub stated_sha1: Option<String>,
    /// The case number that the examiner typed.
    pub case_number: Option<String>,
    /// The evidence number that the examiner typed.
    pub evidence_number: Option<String>,
    /// The description of the evidence, often the host's name.
    pub description: Option<String>,
    /// The name of the examiner.
    pub examiner: Option<String>,
    /// The notes of the examiner.
    pub notes: Option<String>,
    /// The time at which the image was taken, if the image states it in UTC.
    pub acquired: Option<EventTime>,
    /// The time at which the image was taken by the clock of the examiner's computer, whose zone the
    /// image does not state, such as `2024-11-29T12:00:05`.
    pub acquired_local: Option<String>,
    /// The numbers of the segments that are missing; the first segment has number 1.
    pub missing_segments: Vec<u32>,
    /// The ranges of bytes of the disk that the imaging tool could not read when the image was
    /// taken. The image has zeros in these ranges.
    pub unread_at_acquisition: Vec<Range<u64>>,
}

/// Something wrong with an image, or with one range of its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageProblem {
    /// The bytes of the disk that cannot be read for this reason; `None` if the problem does not
    /// take bytes away.
    pub range: Option<Range<u64>>,
    /// The file and the part of the file that the problem was found in.
    pub place: String,
    /// What a sound image has in this place.
    pub expected: String,
    /// What the image has.
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

    /// The problem, with the bytes of the disk that it takes away.
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

/// Why an image gives no disk.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The image is of a kind that is not read; the text names the kind.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The image is encrypted; the text names the encryption.
    #[error("the image is encrypted ({0})")]
    Encrypted(String),
    /// The image is damaged so that nothing of its disk can be placed.
    #[error(transparent)]
    Damaged(#[from] ImageProblem),
    /// A file of the image could not be read.
    #[error("{name}: {source}")]
    Read {
        /// The name of the file.
        name: String,
        /// What the operating system, or the layer below, said.
        source: io::Error,
    },
}

impl ImageError {
    /// Returns the status of the image in the table of containers.
    #[must_use]
    pub fn status(&self) -> ContainerStatus {
        match self {
            ImageError::Unsupported(_) => ContainerStatus::Unsupported,
            ImageError::Encrypted(_) => ContainerStatus::Encrypted,
            ImageError::Damaged(_) | ImageError::Read { .. } => ContainerStatus::Unreadable,
        }
    }
}

/// The most problems that one image reports one by one.
const PROBLEMS_LIMIT: usize = 256;

/// The problems of an image while it is opened. Memory is bounded: problems after the first 256
/// are counted only.
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

    /// The problems in the order in which they were found, the last of which says how many more
    /// there were.
    pub(super) fn finish(mut self, name: &str) -> Vec<ImageProblem> {
        if self.further > 0 {
            let found = format!("{} more", self.further);
            self.first.push(ImageProblem::new(name, format!("at most {PROBLEMS_LIMIT} problems"), found));
        }
        self.first
    }
}
