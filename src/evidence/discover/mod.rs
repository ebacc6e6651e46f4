//! Searches roots for files to read: in which order, and as part of which piece of evidence.
//!
//! A file's name decides where it can: `x.evtx` is a log, and a file with an unknown extension is
//! skipped and counted. For other names ([`form`]), and with `--any-name` for all, the first bytes
//! decide. Archives and disk images are looked into ([`explorer`]).

mod content;
mod evidence;
mod explorer;
mod extension;
mod form;
mod listing;
mod log_file;
mod outer_file;
mod passed_over;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::evidence::EvidenceId;
use self::evidence::{Registry, RootDivision};
use self::explorer::{Access, Contents};
pub use self::form::FileForm;
use self::listing::{ListedItem, Listing, Tree, list};
use self::log_file::Place;
pub use self::log_file::{LogFile, OpenLog};
pub use self::outer_file::OuterFiles;
use crate::base::platform::files::Link;
use crate::base::switch::switch;
use crate::evidence::EvidenceError;
use crate::evidence::container::Passwords;
use crate::evidence::source::ListedFile;
use crate::evidence::spool::SpoolPlace;
use crate::ledger::container::ContainerReport;
use crate::ledger::tally::SkippedCounts;

/// The settings of a search for files to read.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Directories and files to search, as the user typed them.
    pub roots: Vec<PathBuf>,
    /// Whether symbolic links are followed.
    pub links: Links,
    /// The names that event logs can have.
    pub names: LogNames,
    /// What is done with files that are not event logs.
    pub non_log_files: NonLogFiles,
    /// What is done with archives and disk images.
    pub containers: Containers,
    /// What is done with the shadow copies of volumes.
    pub shadow_copies: ShadowCopies,
    /// How files in archives are unpacked.
    pub unpacking: Unpacking,
    /// The depth under a root of the folders that are one piece of evidence each; `None` to decide
    /// by the root's content.
    pub evidence_depth: Option<usize>,
}

switch! {
    /// Whether symbolic links are followed.
    pub enum Links {
        /// Symbolic links are skipped and counted.
        Ignore,
        /// Symbolic links are followed. Each file is read once, however many links lead to it.
        Follow,
    }
}

/// How files in archives are unpacked.
#[derive(Debug, Clone, Default)]
pub struct Unpacking {
    /// Passwords to try on encrypted files.
    pub passwords: Passwords,
    /// Where unpacked copies lie.
    pub spool: SpoolPlace,
}

switch! {
    /// What is done with the shadow copies of a volume in a disk image.
    pub enum ShadowCopies {
        /// They are listed with their dates, and not read.
        List,
        /// Their logs are read.
        Read,
    }
}

impl Links {
    /// What is done with a link in the place of a file that is opened.
    fn link(self) -> Link {
        if self == Links::Follow { Link::Followed } else { Link::Refused }
    }
}

switch! {
    /// What is done with archives and disk images.
    pub enum Containers {
        /// Their files are listed, and read like those of a folder.
        Open,
        /// They are skipped and counted.
        PassOver,
    }
}

switch! {
    /// The names that event logs can have.
    pub enum LogNames {
        /// Only names that end in `.evtx`, in any letter case, are names of event logs. If a name
        /// has `.evtx` elsewhere, the file's first bytes decide.
        EventLogs,
        /// Any name can be that of an event log. If it does not end in `.evtx`, the file's first
        /// bytes decide. They show event XML too.
        Any,
    }
}

switch! {
    /// What is done with files that are not event logs.
    pub enum NonLogFiles {
        /// Files that are not event logs are skipped and counted.
        PassOver,
        /// Files that are not event logs are searched for chunks of event logs.
        Carve,
    }
}

/// The result of searching the roots: files and pieces of evidence.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// The files in evidence order: by root, as the user gave the roots, and within a root by name.
    pub files: Vec<LogFile>,
    /// The names of the pieces of evidence, including pieces without files. A file's `evidence` is
    /// a position in this list.
    pub evidence: Vec<String>,
    /// The number of pieces of evidence in each root, in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The roots as absolute paths.
    pub roots: Vec<PathBuf>,
    /// Counts of skipped files.
    pub passed_over: SkippedCounts,
    /// The archives, disk images, volumes and shadow copies, in evidence order.
    pub containers: Vec<FoundContainer>,
    /// The bytes of containers that a sweep hashes besides reading the files, in bytes.
    pub hashed_bytes: u64,
}

/// A container that was found in the evidence.
#[derive(Debug, Clone)]
pub struct FoundContainer {
    /// The piece of evidence to which the container belongs.
    pub evidence: EvidenceId,
    /// The account of the container.
    pub report: ContainerReport,
    /// The files of the evidence that the container consists of; `None` if it lies in another
    /// container.
    pub outer: Option<Arc<OuterFiles>>,
}

impl Discovery {
    /// Returns the size in bytes of the files that containers consist of.
    #[must_use]
    pub fn container_bytes(&self) -> u64 {
        self.containers.iter().filter_map(|found| Some(found.outer.as_ref()?.size())).sum()
    }

    /// Returns the total size of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Returns the position of the root that contains a piece of evidence, from 0.
    #[must_use]
    pub fn root_of(&self, id: EvidenceId) -> usize {
        root_of(&self.evidence_of_roots, id.index())
    }

    /// Returns the name of a piece of evidence.
    #[must_use]
    pub fn evidence_name(&self, id: EvidenceId) -> &str {
        self.evidence.get(id.index()).map_or("", String::as_str)
    }
}

/// Returns the position of the root that contains the piece of evidence at `index`, given the
/// number of pieces in each root.
#[must_use]
pub fn root_of(evidence_of_roots: &[usize], index: usize) -> usize {
    let mut end = 0;
    evidence_of_roots
        .iter()
        .take_while(|count| {
            end += **count;
            end <= index
        })
        .count()
}

/// Returns the roots as absolute paths without links, in the order given. Fails if a root is
/// missing, is neither a directory nor a regular file, or lies in another root.
pub fn resolve_roots(roots: &[PathBuf]) -> Result<Vec<PathBuf>, EvidenceError> {
    if roots.is_empty() {
        return Err(EvidenceError::NoEvidence);
    }
    let mut resolved = Vec::with_capacity(roots.len());
    for path in roots {
        let fail = |source| EvidenceError::Root { path: path.clone(), hint: hint(path, &source), source };
        let absolute = fs::canonicalize(path).map_err(fail)?;
        let kind = fs::metadata(&absolute).map_err(fail)?.file_type();
        if !kind.is_dir() && !kind.is_file() {
            return Err(EvidenceError::RootKind { path: path.clone(), found: "a pipe, socket or device" });
        }
        resolved.push(absolute);
    }
    let mut sorted: Vec<&PathBuf> = resolved.iter().collect();
    sorted.sort();
    let mut outer: Option<&PathBuf> = None;
    for path in sorted {
        match outer {
            Some(outer) if path.starts_with(outer) => {
                return Err(EvidenceError::OverlappingRoots { inner: path.clone(), outer: outer.clone() });
            }
            _ => outer = Some(path),
        }
    }
    Ok(resolved)
}

/// Returns a hint for a mistyped root: how far its path exists. The hint is empty if `error` does
/// not say that the path is missing.
fn hint(path: &Path, error: &io::Error) -> String {
    let there = std::path::absolute(path).ok().filter(|_| error.kind() == io::ErrorKind::NotFound);
    let there = there.and_then(|path| path.ancestors().find(|folder| folder.is_dir()).map(Path::to_path_buf));
    there.map_or_else(String::new, |folder| {
        format!(": expected a directory or a file; of its path, only '{}' exists", folder.display())
    })
}

/// Lists what the roots contain, with this number of threads. The result does not depend on the
/// number.
pub fn discover(search: &Search, threads: NonZeroUsize) -> Result<Discovery, EvidenceError> {
    let paths = resolve_roots(&search.roots)?;
    let roots: Vec<Root> = paths.iter().map(|root| Root::new(root, search)).collect();
    let trees = roots.iter().enumerate().map(|(number, root)| root.tree(number)).collect();
    let mut collected = DiscoveryBuilder { links: search.links, roots, ..DiscoveryBuilder::default() };
    let access = Access::new(search);
    list(trees, (search, &access), threads, |listing| {
        collected.add(listing);
        Ok(())
    })?;
    let DiscoveryBuilder { files, containers, passed_over, registry, roots, .. } = collected;
    Ok(Discovery {
        files,
        evidence: registry.names(),
        evidence_of_roots: roots.iter().map(|root| root.pieces).collect(),
        roots: paths,
        passed_over,
        containers,
        hashed_bytes: 0,
    })
}

/// The files and pieces of evidence that were found so far.
#[derive(Default)]
struct DiscoveryBuilder {
    links: Links,
    roots: Vec<Root>,
    files: Vec<LogFile>,
    containers: Vec<FoundContainer>,
    passed_over: SkippedCounts,
    registry: Registry,
    /// The device and inode number of each file that was found; used with `--follow`.
    seen: HashSet<(u64, u64)>,
}

/// A root that is being listed.
struct Root {
    /// The absolute path of the root.
    path: Arc<Path>,
    evidence: RootDivision,
    /// The number of pieces of evidence found so far in the root.
    pieces: usize,
    /// Whether links in the place of the root's files are followed when the files are opened.
    link: Link,
}

impl DiscoveryBuilder {
    /// Adds the listing of a part of a root. Parts arrive in order.
    fn add(&mut self, listing: Listing) {
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
                    self.files.extend(files.into_iter().map(|file| LogFile::in_container(file, evidence)));
                    let mut outer = outer;
                    self.containers.extend(containers.into_iter().map(|report| FoundContainer {
                        evidence,
                        report,
                        // The first one is the file itself, all others lie in it.
                        outer: outer.take(),
                    }));
                }
            }
        }
        root.pieces += self.registry.len() - before;
    }
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

    /// Returns the whole root, the one at position `root`, as a tree to list.
    fn tree(&self, root: usize) -> Tree {
        Tree { root, path: self.path.to_path_buf(), depth: 0, depth_of_pieces: self.evidence.depth }
    }

    /// Returns a file of the root as one to read. For an entry that could not be listed, `known` is
    /// the reason.
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
            obstacle: known.err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_evidence_lie_in_the_order_of_the_roots() {
        let roots: Vec<usize> = (0..7).map(|index| root_of(&[2, 0, 3, 1], index)).collect();
        assert_eq!(roots, [0, 0, 2, 2, 2, 3, 4]);
    }
}
