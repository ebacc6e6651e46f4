//! Collects what is found in the roots (the folders and files of evidence that the user names) into
//! one [`Discovery`]: files, containers and pieces of evidence. Counts the pieces in each root.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::evidence::{Registry, RootDivision};
use super::explorer::Contents;
use super::form::FileForm;
use super::listed::{ListedItem, Listing};
use super::listing::Tree;
use super::log_file::{InnerFile, LogFile, Place};
use super::recorded::Opened;
use super::{Discovery, FoundContainer, FoundSoFar, Links, Search};
use crate::base::platform::files::Link;
use crate::evidence::source::ListedFile;
use crate::ledger::tally::SkippedCounts;

/// The files, containers and pieces of evidence that discovery has found so far.
#[derive(Default)]
pub(super) struct DiscoveryBuilder {
    links: Links,
    roots: Vec<Root>,
    files: Vec<LogFile>,
    containers: Vec<FoundContainer>,
    /// What was opened: the containers that lie in no other container, and the sparse files with a
    /// Velociraptor index, which states the ranges of the file that were collected.
    opened: Vec<Opened>,
    passed_over: SkippedCounts,
    registry: Registry,
    /// With `--follow`, the device and inode numbers of the files that were found so far, so that a
    /// file that is found again is skipped. Without `--follow`, the set stays empty.
    seen: HashSet<(u64, u64)>,
}

/// A root (a folder or file of evidence that the user names) that discovery is listing, with the
/// division of the root into pieces of evidence.
struct Root {
    /// The absolute path of the root that is being listed.
    path: Arc<Path>,
    evidence: RootDivision,
    /// The number of pieces of evidence (usually one for each machine) that were found in the root
    /// so far.
    pieces: usize,
    /// What opening a file of the root does if a symbolic link is found where the file was listed:
    /// follows the link or fails.
    link: Link,
}

impl DiscoveryBuilder {
    /// Returns a builder to which nothing was added yet, for a discovery with the settings
    /// `search`. `paths` are the absolute paths of the roots.
    pub(super) fn new(search: &Search, paths: &[PathBuf]) -> Self {
        let roots = paths.iter().map(|root| Root::new(root, search)).collect();
        DiscoveryBuilder { links: search.links, roots, ..DiscoveryBuilder::default() }
    }

    /// Returns each root (a folder or file of evidence that the user names) as a folder tree that
    /// is to be listed.
    pub(super) fn trees(&self) -> Vec<Tree> {
        self.roots.iter().enumerate().map(|(number, root)| root.tree(number)).collect()
    }

    /// Returns how many files, containers and pieces of evidence were found so far, to show
    /// progress.
    pub(super) fn so_far(&self) -> FoundSoFar {
        FoundSoFar {
            files: self.files.len() as u64,
            containers: self.containers.len() as u64,
            pieces: self.registry.len() as u64,
        }
    }

    /// Adds what was found in a part of a root (a folder or file of evidence that the user names).
    /// The parts must be added in the order in which one thread alone would walk the root, so that
    /// the result does not depend on threads.
    pub(super) fn add(&mut self, listing: Listing) {
        self.passed_over.merge(listing.passed_over);
        let Some(root) = self.roots.get_mut(listing.root) else { return };
        let before = self.registry.len();
        for found in listing.found {
            match found {
                ListedItem::Piece(path) => self.registry.register(path),
                ListedItem::File { known: Ok(known), .. }
                    if self.links == Links::Follow && !self.seen.insert(known.identity.number) =>
                {
                    self.passed_over.seen_before += 1;
                }
                ListedItem::File { path, form, known } => {
                    self.files.push(root.file(&mut self.registry, &path, form, known));
                }
                ListedItem::Sparse { path, index, file } => {
                    if let Some(place) = replace(&mut self.files, &path, file) {
                        let containers = self.containers.len();
                        self.opened.push(Opened {
                            root: listing.root,
                            relative: index.strip_prefix(&root.path).unwrap_or(&index).to_path_buf(),
                            files: place..place + 1,
                            containers: containers..containers,
                        });
                    }
                }
                ListedItem::Container { number: Some(number), .. }
                    if self.links == Links::Follow && !self.seen.insert(number) =>
                {
                    self.passed_over.seen_before += 1;
                }
                ListedItem::Container {
                    path,
                    contents: Contents { files, containers, passed_over, outer },
                    ..
                } => {
                    self.passed_over.merge(passed_over);
                    let evidence = root.evidence.of(&mut self.registry, &path);
                    self.registry.mark_container(&path);
                    let (first_file, first_container) = (self.files.len(), self.containers.len());
                    self.files.extend(files.into_iter().map(|file| LogFile::in_container(file, evidence)));
                    let mut outer = outer;
                    self.containers.extend(containers.into_iter().map(|report| FoundContainer {
                        evidence,
                        report,
                        // The first one is the file itself, all others lie in it.
                        outer: outer.take(),
                    }));
                    self.opened.push(Opened {
                        root: listing.root,
                        relative: path.strip_prefix(&root.path).unwrap_or(&path).to_path_buf(),
                        files: first_file..self.files.len(),
                        containers: first_container..self.containers.len(),
                    });
                }
            }
        }
        root.pieces += self.registry.len() - before;
    }

    /// Adds the listing of a part of a root like [`DiscoveryBuilder::add`], but returns the files
    /// and containers in it and does not keep them. The pieces of evidence and the counts of
    /// skipped files are kept.
    pub(super) fn take(&mut self, listing: Listing) -> (Vec<LogFile>, Vec<FoundContainer>) {
        self.add(listing);
        self.opened.clear();
        (std::mem::take(&mut self.files), std::mem::take(&mut self.containers))
    }

    /// Returns the result of discovery: all that was added to this builder. `roots` are the
    /// absolute paths of the roots.
    pub(super) fn finish(self, roots: Vec<PathBuf>) -> Discovery {
        Discovery {
            files: self.files,
            evidence: self.registry.names(),
            pieces: self.registry.pieces(),
            opened: self.opened,
            evidence_of_roots: self.roots.iter().map(|root| root.pieces).collect(),
            roots,
            passed_over: self.passed_over,
            containers: self.containers,
            hashed_bytes: 0,
        }
    }
}

/// Replaces the sparse file at `path`, which was added to `files` just now, by `file`, which has
/// the bytes that the sparse file had on its host. The form of the replaced file is kept. Returns
/// the position in `files`. Does nothing, and returns `None`, if the sparse file was not added,
/// because it was seen before.
fn replace(files: &mut [LogFile], path: &Path, file: InnerFile) -> Option<usize> {
    for (place, known) in files.iter_mut().enumerate().rev() {
        let known_path = known.path_in_folder().filter(|known| known.parent() == path.parent())?;
        if known_path == path {
            // The form that its name or its first bytes gave it is kept.
            *known = LogFile::in_container(InnerFile { form: known.form, ..file }, known.evidence);
            return Some(place);
        }
    }
    None
}

impl Root {
    fn new(path: &Path, search: &Search) -> Self {
        Root {
            path: Arc::from(path),
            evidence: RootDivision::new(path, search.evidence_depth, search.links),
            pieces: 0,
            link: search.links.link(),
        }
    }

    /// Returns the whole root as a folder tree that is to be listed. `root` is the position of this
    /// root in the list of roots, counted from 0.
    fn tree(&self, root: usize) -> Tree {
        Tree { root, path: self.path.to_path_buf(), depth: 0, depth_of_pieces: self.evidence.depth }
    }

    /// Returns the file at `path` of this root as a log file to read, with the piece of evidence
    /// that it belongs to. A piece that is new is added to `registry`. `known` is the size and time
    /// of the file when it was listed, or the reason why it could not be listed.
    fn file(
        &self,
        registry: &mut Registry,
        path: &Path,
        form: FileForm,
        known: Result<ListedFile, String>,
    ) -> LogFile {
        // Only an entry that could not be listed may be a folder. A listed file need not be
        // examined again.
        let is_folder = known.is_err() && path.is_dir();
        let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
        LogFile {
            form,
            evidence: self.evidence.of(registry, folder),
            size: known.as_ref().map_or(0, |known| known.state.size),
            modified: known.as_ref().map_or((0, 0), |known| known.state.modified),
            place: Place::Folder {
                identity: known.as_ref().ok().map(|known| known.identity),
                link: self.link,
                root: Arc::clone(&self.path),
                relative: path.strip_prefix(&self.path).unwrap_or(path).to_path_buf(),
            },
            obstacle: known.err().map(Into::into),
        }
    }
}
