//! Where recorded files lie: in which root, and where in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::platform::path_as_bytes;
use crate::ledger::container::Origin;

/// A root (a folder or file of evidence that the user names) in which discovery has searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRoot {
    /// The absolute path of the root.
    #[serde(with = "path_as_bytes")]
    pub path: PathBuf,
    /// The number of pieces of evidence (usually one for each machine) in the root.
    pub pieces: usize,
}

/// Finds the recorded root in which a piece of evidence lies.
pub(super) struct RootPlaces {
    /// For each root, the number of pieces of evidence (usually one for each machine) in it and in
    /// all roots before it together.
    ends: Vec<usize>,
    /// The absolute path of each root, which its files share.
    paths: Vec<Arc<Path>>,
}

impl RootPlaces {
    pub(super) fn of(roots: &[RecordedRoot]) -> Self {
        let mut end = 0;
        let ends = roots.iter().map(|root| {
            end += root.pieces;
            end
        });
        RootPlaces {
            ends: ends.collect(),
            paths: roots.iter().map(|root| Arc::from(root.path.as_path())).collect(),
        }
    }

    /// Returns the position, in the list of roots, of the root in which the piece of evidence with
    /// the number `piece` lies. Both count from 0. Returns the number of roots if no piece has this
    /// number.
    pub(super) fn of_piece(&self, piece: usize) -> usize {
        self.ends.partition_point(|end| *end <= piece)
    }

    /// Returns the absolute path of the root in which the piece of evidence with the number `piece`
    /// lies. Returns an empty path if there is no piece with this number.
    pub(super) fn path(&self, piece: usize) -> Arc<Path> {
        self.paths.get(self.of_piece(piece)).map_or_else(|| Arc::from(Path::new("")), Arc::clone)
    }
}

/// Where a file to read lies: in a folder, or in a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum RecordedPlace {
    /// The file lies in a folder. Contains its path from the root (a folder or file of evidence
    /// that the user names) in which its piece of evidence lies.
    Folder(#[serde(with = "path_as_bytes")] PathBuf),
    /// The file lies in a container, or is a sparse file with a Velociraptor index.
    Container(Box<RecordedInner>),
}

/// What is recorded of a file to read that lies in a container, or that is a sparse file with a
/// Velociraptor index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::evidence::discover) struct RecordedInner {
    /// The path of the file from the root of the evidence (the folder or file that the user names).
    /// A `!` separates the path of a container from the path in it.
    pub source_path: String,
    /// What the container states about where the file comes from: its original path, the shadow
    /// copy, and whether it was deleted.
    pub origin: Origin,
    /// For an unchanged log of a shadow copy: the path, from the root of the evidence, of the log
    /// with the same bytes, which is read in its place. `None` for a file that must be read.
    pub same_as: Option<String>,
}
