//! What discovery found, as plain data: the files, the containers and the pieces of evidence. A
//! plan, which divides a sweep into shards, keeps this data. Another process can list any of it
//! again ([`relisted`]). A merge, which joins the results of shards or sweeps, uses this data and
//! does not read the evidence itself.

mod file;
mod place;
mod relisted;

use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::file::RecordedFile;
pub(super) use self::place::RecordedInner;
pub use self::place::RecordedRoot;
use self::place::RootPlaces;
pub use self::relisted::Relisted;
use super::evidence::{EvidenceId, Piece, Registry};
use super::{Discovery, FoundContainer, no_overlap};
use crate::base::platform::path_as_bytes;
use crate::evidence::EvidenceError;
use crate::ledger::container::ContainerReport;
use crate::ledger::tally::SkippedCounts;

/// A number of recorded files. Each time [`RecordedEvidence::into_discovery`] has converted this
/// many, it frees the memory that they took.
const FILES_GIVEN_BACK: usize = 1 << 16;

/// Everything that discovery found in the roots (the folders and files that the user names),
/// without the bytes of the files. A plan, which divides a sweep into shards, stores it, and so
/// does a part (the file with what a sweep found) of a whole sweep.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecordedEvidence {
    /// The roots, in the order in which the user gave them.
    pub roots: Vec<RecordedRoot>,
    /// The pieces of evidence (usually one for each machine), in the order in which they were
    /// found.
    pub pieces: Vec<Piece>,
    /// Counts of the files and other entries that were found in the evidence but not read, by kind.
    pub passed_over: SkippedCounts,
    /// The files to read, in evidence order (by root, and by name within a root).
    pub files: Vec<RecordedFile>,
    /// The archives, disk images, volumes and shadow copies, in evidence order (by root, and by
    /// name within a root).
    pub containers: Vec<RecordedContainer>,
    /// What was opened: the containers that lie in no other container, and the sparse files with a
    /// Velociraptor index, which states the ranges of the file that were collected. They are in
    /// evidence order (by root, and by name within a root).
    pub opened: Vec<Opened>,
}

/// What is recorded of a container that discovery found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedContainer {
    /// The position, in the list of all pieces of evidence (usually one for each machine), of the
    /// piece to which the container belongs. Counted from 0.
    pub piece: usize,
    /// The container's row in the table of containers: its path, its kind, and what is wrong with
    /// it.
    pub report: ContainerReport,
}

/// A file of the evidence that is a container, or a sparse file with a Velociraptor index, which
/// states the ranges of the file that were collected; and the positions of the files and containers
/// that were found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The position, in the list of roots, of the root that the container or the sparse file lies
    /// in, counted from 0.
    pub root: usize,
    /// The path of the container's file from the root that it lies in. For a sparse file, the path
    /// of its Velociraptor index, which states the ranges of the file that were collected.
    #[serde(with = "path_as_bytes")]
    pub relative: PathBuf,
    /// The positions, in the list of all files to read, of those that lie in the opened container,
    /// or of the opened sparse file. Counted from 0.
    pub files: Range<usize>,
    /// The positions, in the list of all containers, of the opened container and of those that lie
    /// in it. Counted from 0. Empty for a sparse file.
    pub containers: Range<usize>,
}

/// A part of the evidence that one process reads as a whole: a file in a folder, or an outermost
/// container (one that lies in no other) with all files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceItem {
    /// The positions of the item's files in the list of all files to read, counted from 0. An item
    /// is a file in a folder, or an outermost container with all files in it.
    pub files: Range<usize>,
    /// The positions, in the list of all containers, of the item's outermost container and of the
    /// containers in it. Counted from 0. Empty if the item is a file in a folder.
    pub containers: Range<usize>,
    /// The total size, in bytes, of the files of the item that must be read. Unchanged logs of
    /// shadow copies are left out.
    pub bytes: u64,
    /// The position of the item's outermost container, or of its sparse file, in the list of what
    /// was opened. `None` if the item is any other file in a folder.
    opened: Option<usize>,
}

impl RecordedEvidence {
    /// Returns a record of what discovery found: the files, containers and pieces of evidence,
    /// without the bytes of the files.
    #[must_use]
    pub fn of(discovery: Discovery) -> Self {
        let frame = Self::frame_of(&discovery);
        RecordedEvidence { files: discovery.files.into_iter().map(RecordedFile::of).collect(), ..frame }
    }

    /// Returns a record of what discovery found in which the list of files is empty.
    #[must_use]
    pub fn frame_of(discovery: &Discovery) -> Self {
        let roots = discovery.roots.iter().zip(&discovery.evidence_of_roots);
        RecordedEvidence {
            roots: roots.map(|(path, pieces)| RecordedRoot { path: path.clone(), pieces: *pieces }).collect(),
            pieces: discovery.pieces.clone(),
            passed_over: discovery.passed_over.clone(),
            files: Vec::new(),
            containers: discovery.containers.iter().map(RecordedContainer::of).collect(),
            opened: discovery.opened.clone(),
        }
    }

    /// Fails if one of the roots is listed twice or lies in another one, because the events in it
    /// would count twice.
    pub fn check_roots(&self) -> Result<(), EvidenceError> {
        no_overlap(self.roots.iter().map(|root| &root.path))
    }

    /// Adds the evidence that another discovery recorded. Returns what one discovery of all roots
    /// would have found: first the roots of `self`, then those of `next`. The roots
    /// must not lie in one another ([`check_roots`](Self::check_roots)).
    #[must_use]
    pub fn join(mut self, next: RecordedEvidence) -> Self {
        let (roots, pieces) = (self.roots.len(), self.pieces.len());
        let (files, containers) = (self.files.len(), self.containers.len());
        self.roots.extend(next.roots);
        self.pieces.extend(next.pieces);
        self.passed_over.merge(next.passed_over);
        let mut next_files = next.files;
        if self.files.is_empty() {
            // There can be millions of files: they are not copied.
            self.files = std::mem::take(&mut next_files);
        }
        let placed = |file: RecordedFile| RecordedFile { piece: file.piece + pieces, ..file };
        self.files.extend(next_files.into_iter().map(placed));
        let placed = |found: RecordedContainer| RecordedContainer { piece: found.piece + pieces, ..found };
        self.containers.extend(next.containers.into_iter().map(placed));
        self.opened.extend(next.opened.into_iter().map(|opened| Opened {
            root: opened.root + roots,
            files: opened.files.start + files..opened.files.end + files,
            containers: opened.containers.start + containers..opened.containers.end + containers,
            ..opened
        }));
        self
    }

    /// Returns a copy of the recorded evidence without its files, of which there can be millions.
    #[must_use]
    pub fn without_files(&self) -> Self {
        RecordedEvidence {
            roots: self.roots.clone(),
            pieces: self.pieces.clone(),
            passed_over: self.passed_over.clone(),
            files: Vec::new(),
            containers: self.containers.clone(),
            opened: self.opened.clone(),
        }
    }

    /// Checks that all positions (of pieces, roots, files and containers) lie in the lists that
    /// they refer to. They do unless someone forged the file from which the evidence was read: a
    /// plan, or the part (the file with what a sweep found) of a whole sweep. The error says what
    /// is wrong.
    pub fn check(&self) -> Result<(), String> {
        let pieces = self.pieces.len();
        let is_whole = self.roots.iter().map(|root| root.pieces).sum::<usize>() == pieces
            && self.files.iter().all(|file| file.piece < pieces)
            && self.containers.iter().all(|container| container.piece < pieces);
        let within = |range: &Range<usize>, length: usize| range.start <= range.end && range.end <= length;
        let (mut files, mut containers) = (0, 0);
        let mut opened: Vec<&Opened> = self.opened.iter().collect();
        opened.sort_by_key(|opened| (opened.files.start, opened.containers.start));
        let are_apart = opened.iter().all(|opened| {
            let is_next = opened.files.start >= files && opened.containers.start >= containers;
            (files, containers) = (opened.files.end, opened.containers.end);
            is_next
                && opened.root < self.roots.len()
                && within(&opened.files, self.files.len())
                && within(&opened.containers, self.containers.len())
        });
        if is_whole && are_apart {
            Ok(())
        } else {
            Err("its files and containers do not fit together".to_owned())
        }
    }

    /// Returns the items of the evidence: files in folders, and outermost containers with all files
    /// in them. One process reads an item as a whole. The items are in evidence order (by root, and
    /// by name within a root).
    #[must_use]
    pub fn items(&self) -> Vec<EvidenceItem> {
        let mut opened: Vec<(usize, &Opened)> = self.opened.iter().enumerate().collect();
        opened.sort_by_key(|(_, opened)| (opened.files.start, opened.containers.start));
        let (mut items, mut file) = (Vec::new(), 0);
        for (place, Opened { files, containers, .. }) in opened {
            let before = self.files.get(file..files.start).unwrap_or_default();
            items.extend(
                (file..).zip(before).map(|(file, recorded)| EvidenceItem::of_file(file, recorded.size)),
            );
            let read = self.files.get(files.clone()).unwrap_or_default();
            let bytes = read.iter().filter(|file| file.same_as().is_none()).map(|file| file.size).sum();
            let (files, containers) = (files.clone(), containers.clone());
            file = files.end;
            items.push(EvidenceItem { files, containers, bytes, opened: Some(place) });
        }
        let after = self.files.get(file..).unwrap_or_default();
        items.extend((file..).zip(after).map(|(file, recorded)| EvidenceItem::of_file(file, recorded.size)));
        items
    }

    /// Returns the recorded evidence as a discovery. Its files cannot be opened, because only what
    /// was recorded of them is known.
    #[must_use]
    pub fn into_discovery(mut self) -> Discovery {
        let places = RootPlaces::of(&self.roots);
        // The last file is taken first, so that the memory of the files that were taken can be
        // given back: there can be millions.
        let mut files = Vec::with_capacity(self.files.len());
        while let Some(file) = self.files.pop() {
            files.push(file.into_log_file(&places, None));
            if self.files.len().is_multiple_of(FILES_GIVEN_BACK) {
                self.files.shrink_to_fit();
            }
        }
        files.reverse();
        let container = |found: RecordedContainer| FoundContainer {
            evidence: EvidenceId::at(found.piece),
            report: found.report,
            outer: None,
        };
        let containers = std::mem::take(&mut self.containers).into_iter().map(container).collect();
        Discovery { files, containers, ..self.frame() }
    }

    /// Returns the recorded evidence as a discovery without its files and containers, and without
    /// what was opened.
    fn frame(&self) -> Discovery {
        Discovery {
            files: Vec::new(),
            evidence: Registry::of(&self.pieces).names(),
            pieces: self.pieces.clone(),
            opened: Vec::new(),
            evidence_of_roots: self.roots.iter().map(|root| root.pieces).collect(),
            roots: self.roots.iter().map(|root| root.path.clone()).collect(),
            passed_over: self.passed_over.clone(),
            containers: Vec::new(),
            hashed_bytes: 0,
        }
    }
}

impl EvidenceItem {
    /// Returns the item of a file in a folder. `file` is the position of the file in the list of
    /// all files, and `bytes` is its size.
    #[must_use]
    pub fn of_file(file: usize, bytes: u64) -> Self {
        EvidenceItem { files: file..file + 1, containers: 0..0, bytes, opened: None }
    }
}

impl RecordedContainer {
    fn of(found: &FoundContainer) -> Self {
        RecordedContainer { piece: found.evidence.index(), report: found.report.clone() }
    }
}
