//! What is found in a part of a root (a folder or file of evidence that the user names): files,
//! containers and pieces of evidence, and how many files were skipped. [`super::listing`] finds
//! them.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use super::explorer::Contents;
use super::form::FileForm;
use super::listing::Tree;
use super::log_file::InnerFile;
use crate::evidence::source::ListedFile;
use crate::ledger::tally::SkippedCounts;

/// What was found in a part of a root (a folder or file of evidence that the user names): the
/// files, containers and pieces of evidence, in the order in which a single thread would find them.
#[derive(Debug)]
pub(super) struct Listing {
    /// The position, in the list of all roots, of the root that the listed part belongs to. Counted
    /// from 0.
    pub root: usize,
    /// The files, containers and pieces of evidence that were found, in the order in which a single
    /// thread would find them.
    pub found: Vec<ListedItem>,
    /// The numbers of files that were skipped, by kind.
    pub passed_over: SkippedCounts,
}

/// Something that was found in a root and that the sweep uses: a piece of evidence (usually what
/// was collected from one machine), a file or a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListedItem {
    /// A folder or file that is one piece of evidence, usually what was collected from one machine.
    /// Contains its absolute path. A piece is listed even if no log is found in it.
    Piece(PathBuf),
    /// A file to read, or a folder or file that could not be listed. `known` is the file's
    /// identity, size and modification time when it was listed, or the reason why it could not be
    /// listed.
    File { path: PathBuf, form: FileForm, known: Result<ListedFile, String> },
    /// An archive or a disk image, with the files and containers in it. `number` is the device and
    /// inode number of the container's file, or `None` if it could not be listed.
    Container { path: PathBuf, number: Option<(u64, u64)>, contents: Contents },
    /// The file at `path`, which was listed before, has only the collected ranges of a sparse file.
    /// The file at `index` is its Velociraptor index, which states where these ranges were. `file`
    /// reads as the sparse file on its host did, with zeros between the ranges.
    Sparse { path: PathBuf, index: PathBuf, file: InnerFile },
}

impl Listing {
    /// Returns true if nothing was found in this part of a root, and no file was counted as
    /// skipped.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.passed_over == SkippedCounts::default()
    }

    /// Counts a symbolic link, or a special file such as a pipe or a device, as skipped.
    pub fn count_skipped(&mut self, kind: FileType) {
        if kind.is_symlink() {
            self.passed_over.links += 1;
        } else {
            self.passed_over.special_files += 1;
        }
    }

    /// Records a folder, or the file of a container, as a piece of evidence (usually one machine)
    /// if it lies at the depth of pieces, `tree.depth_of_pieces`. `depth` is its depth under the
    /// root.
    pub fn add_folder(&mut self, tree: &Tree, path: &Path, depth: usize) {
        if depth == tree.depth_of_pieces {
            self.found.push(ListedItem::Piece(path.to_path_buf()));
        }
    }
}
