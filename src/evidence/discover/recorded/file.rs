//! What is recorded of a file to read. A record is made from a file that discovery found. It can be
//! compared with a file that was listed again, and be converted back to a file, which then cannot
//! be opened.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::place::{RecordedInner, RecordedPlace, RootPlaces};
use crate::base::platform::files::Link;
use crate::evidence::discover::evidence::EvidenceId;
use crate::evidence::discover::form::FileForm;
use crate::evidence::discover::log_file::{LogFile, Place};

/// The reason why a file cannot be opened if it was not listed again, so that only its record is
/// known.
const NOT_AT_HAND: &str = "only what was recorded of the file is at hand";

/// What is recorded of a file to read that discovery found, without the file's bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedFile {
    /// The position, in the list of all pieces of evidence (usually one for each machine), of the
    /// piece to which the file belongs. Counted from 0.
    pub piece: usize,
    /// The size of the file in bytes.
    pub size: u64,
    /// The reason why the file cannot be read, if discovery has found one; `None` otherwise.
    pub obstacle: Option<String>,
    pub(super) place: RecordedPlace,
}

impl RecordedFile {
    /// Returns what is recorded of `file`, a file to read that discovery found.
    #[must_use]
    pub fn of(file: LogFile) -> Self {
        let place = match file.place {
            Place::Folder { relative, .. } => RecordedPlace::Folder(relative),
            Place::Recorded(inner) => RecordedPlace::Container(inner),
            Place::Container(inner) => RecordedPlace::Container(Box::new(RecordedInner {
                source_path: inner.source_path.clone(),
                origin: inner.origin.clone(),
                same_as: inner.same_as.clone(),
            })),
        };
        let obstacle = file.obstacle.filter(|reason| *reason != NOT_AT_HAND).map(Cow::into_owned);
        RecordedFile { piece: file.evidence.index(), size: file.size, obstacle, place }
    }

    /// Returns the recorded file as one that cannot be opened, because it was not listed again. The
    /// reason is the recorded one, or else `obstacle`. If both are `None`, it is [`NOT_AT_HAND`].
    pub(super) fn into_log_file(self, roots: &RootPlaces, obstacle: Option<&'static str>) -> LogFile {
        let RecordedFile { piece, size, obstacle: recorded, place } = self;
        LogFile {
            form: FileForm::Log,
            evidence: EvidenceId::at(piece),
            size,
            modified: (0, 0),
            obstacle: Some(recorded.map_or(Cow::Borrowed(obstacle.unwrap_or(NOT_AT_HAND)), Cow::Owned)),
            place: match place {
                RecordedPlace::Folder(relative) => {
                    Place::Folder { identity: None, link: Link::Refused, root: roots.path(piece), relative }
                }
                RecordedPlace::Container(inner) => Place::Recorded(inner),
            },
        }
    }

    /// For an unchanged log of a shadow copy, returns the path, from the root of the evidence, of
    /// the log with the same bytes, which is read in its place. Returns `None` for a file that must
    /// be read.
    pub(super) fn same_as(&self) -> Option<&str> {
        match &self.place {
            RecordedPlace::Folder(_) => None,
            RecordedPlace::Container(inner) => inner.same_as.as_deref(),
        }
    }

    /// Returns true if `found`, which was listed again, is this recorded file. `is_opened` is true
    /// if `found` was listed as a file of a container or as a sparse file. A file in a folder can
    /// have another size than recorded. A file in a container must have the recorded size, because
    /// otherwise the container is another one.
    pub(super) fn is(&self, found: &LogFile, is_opened: bool) -> bool {
        match &self.place {
            RecordedPlace::Folder(relative) => {
                !is_opened
                    && matches!(&found.place, Place::Folder { relative: other, .. } if other == relative)
            }
            RecordedPlace::Container(inner) => {
                (found.source_path(), found.size, found.same_as())
                    == (inner.source_path.clone(), self.size, inner.same_as.as_deref())
            }
        }
    }
}
