//! Roots to log files: what is there to read, in which order, and whose evidence it is.
//!
//! Looks at names and kinds of files and at nothing inside them, save the first bytes of those
//! whose name event XML can have or has `.evtx` elsewhere than at its end, and of all where
//! `--any-name` asks for that. What it passes over is counted.

mod evidence;
mod extension;
mod form;
mod listing;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::evidence::EvidenceId;
use self::evidence::{Evidence, Registry};
pub use self::form::Form;
use self::listing::{Found, Listing, Tree, list};
use crate::base::path_text::{escaped_name, path_text};
use crate::base::platform::files::Link;
use crate::base::switch::switch;
use crate::evidence::EvidenceError;
use crate::evidence::source::{FileBytes, FileIdentity, FileState, ListedFile, LogBytes, NotReached};
use crate::ledger::tally::PassedOver;

/// What to look for, and where.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Directories and files to look in, as typed.
    pub roots: Vec<PathBuf>,
    /// How links are taken.
    pub links: Links,
    /// How an event log is known.
    pub names: Names,
    /// What becomes of files that are none.
    pub others: Others,
    /// How deep under a root the folders lie that are one piece of evidence each; `None` to decide
    /// by what the root holds.
    pub evidence_depth: Option<usize>,
}

switch! {
    /// How symbolic links are taken.
    pub enum Links {
        /// Passed over, and counted.
        Ignore,
        /// Followed; each file is then read once, whatever leads to it.
        Follow,
    }
}

switch! {
    /// How a file is known to be an event log.
    pub enum Names {
        /// By `.evtx` at the end of its name, in any case; by its first bytes, if `.evtx` stands
        /// elsewhere in it.
        EventLogs,
        /// By its name or, for any other file, by its first bytes; these also tell event XML of any
        /// name.
        Any,
    }
}

switch! {
    /// What becomes of files that are not event logs.
    pub enum Others {
        /// They are passed over, and counted.
        PassOver,
        /// They are looked through for chunks of event logs.
        Carve,
    }
}

/// A file to read.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// How it is read.
    pub form: Form,
    /// Whose evidence it is.
    pub evidence: EvidenceId,
    /// Bytes it had when it was found.
    pub size: u64,
    /// When it was last changed, in seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// Why it cannot be read, where that is known already.
    pub obstacle: Option<String>,
    /// Which file it is, if it can be listed.
    identity: Option<FileIdentity>,
    /// Whether a link may lie in its place when it is opened. A file that was found by following
    /// links is recognised by its identity alone.
    link: Link,
    root: Arc<Path>,
    relative: PathBuf,
}

impl LogFile {
    /// How it was when it was found.
    #[must_use]
    pub fn state(&self) -> FileState {
        FileState { size: self.size, modified: self.modified }
    }

    /// Its path from its root, with `/`, every byte of a name that is no text as `\xNN` and every
    /// backslash as `\\`, so that the name can be found again.
    #[must_use]
    pub fn source_path(&self) -> String {
        if self.relative.as_os_str().is_empty() {
            return self.root.file_name().map(escaped_name).unwrap_or_default();
        }
        path_text(&self.relative)
    }

    /// Opens it for reading; nothing that has taken its place since it was found.
    pub fn open(&self) -> Result<Box<dyn LogBytes>, NotReached> {
        let listed = |identity| ListedFile { identity, state: self.state() };
        let bytes = match self.identity.map(listed) {
            Some(listed) => FileBytes::open_listed(&self.path(), &listed, self.link)?,
            None => FileBytes::open(&self.path(), self.link)?,
        };
        Ok(Box::new(bytes))
    }

    fn path(&self) -> PathBuf {
        if self.relative.as_os_str().is_empty() {
            self.root.to_path_buf()
        } else {
            self.root.join(&self.relative)
        }
    }
}

/// What there is to read.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// The files, in evidence order: by root as given, and within a root by name.
    pub files: Vec<LogFile>,
    /// The pieces of evidence by name; a file's `evidence` counts in this list. Those without any
    /// file are here too.
    pub evidence: Vec<String>,
    /// How many pieces of evidence each root has: they are in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The roots, as absolute paths.
    pub roots: Vec<PathBuf>,
    /// What was passed over.
    pub passed_over: PassedOver,
}

impl Discovery {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Which root a piece of evidence lies in, from 0.
    #[must_use]
    pub fn root_of(&self, id: EvidenceId) -> usize {
        root_of(&self.evidence_of_roots, id.index())
    }

    /// The name of a piece of evidence.
    #[must_use]
    pub fn evidence_name(&self, id: EvidenceId) -> &str {
        self.evidence.get(id.index()).map_or("", String::as_str)
    }
}

/// Which root the piece of evidence at `index` of their list lies in, by how many each root has.
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

/// The roots as absolute paths without links, in the order given; an error if one is missing, is
/// neither a directory nor a regular file, or lies in another.
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

/// How far the path of a root leads that is not there, for whoever mistyped it; nothing if that is
/// not what is wrong with it.
fn hint(path: &Path, error: &io::Error) -> String {
    let there = std::path::absolute(path).ok().filter(|_| error.kind() == io::ErrorKind::NotFound);
    let there = there.and_then(|path| path.ancestors().find(|folder| folder.is_dir()).map(Path::to_path_buf));
    there.map_or_else(String::new, |folder| {
        format!(": expected a directory or a file; of its path, '{}' is there", folder.display())
    })
}

/// Lists what the roots hold, on so many threads; what is found does not depend on their number.
pub fn discover(search: &Search, threads: NonZeroUsize) -> Result<Discovery, EvidenceError> {
    let paths = resolve_roots(&search.roots)?;
    let roots: Vec<Root> = paths.iter().map(|root| Root::new(root, search)).collect();
    let trees = roots.iter().enumerate().map(|(number, root)| root.tree(number)).collect();
    let mut collected = Collected { links: search.links, roots, ..Collected::default() };
    list(trees, search, threads, |listing| {
        collected.add(listing);
        Ok(())
    })?;
    let Collected { files, passed_over, registry, roots, .. } = collected;
    Ok(Discovery {
        files,
        evidence: registry.names(),
        evidence_of_roots: roots.iter().map(|root| root.pieces).collect(),
        roots: paths,
        passed_over,
    })
}

/// What was found so far.
#[derive(Default)]
struct Collected {
    links: Links,
    roots: Vec<Root>,
    files: Vec<LogFile>,
    passed_over: PassedOver,
    registry: Registry,
    /// Device and inode of each file taken, with `--follow`.
    seen: HashSet<(u64, u64)>,
}

struct Root {
    path: Arc<Path>,
    evidence: Evidence,
    /// How many pieces of evidence it has.
    pieces: usize,
    link: Link,
}

impl Collected {
    /// Adds what a part of a root holds. The parts come in order.
    fn add(&mut self, listing: Listing) {
        self.passed_over.merge(listing.passed_over);
        let Some(root) = self.roots.get_mut(listing.root) else { return };
        let before = self.registry.len();
        for found in listing.found {
            match found {
                Found::Piece(path) => self.registry.register(path),
                Found::File { known: Ok(known), .. }
                    if self.links == Links::Follow && !self.seen.insert(known.identity.number) =>
                {
                    self.passed_over.seen_before += 1;
                }
                Found::File { path, form, known } => {
                    self.files.push(root.file(&mut self.registry, &path, form, known));
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
            evidence: Evidence::new(path, search.evidence_depth, search.links),
            pieces: 0,
            link: if search.links == Links::Follow { Link::Followed } else { Link::Refused },
        }
    }

    fn tree(&self, root: usize) -> Tree {
        Tree { root, path: self.path.to_path_buf(), depth: 0, depth_of_pieces: self.evidence.depth }
    }

    fn file(
        &self,
        registry: &mut Registry,
        path: &Path,
        form: Form,
        known: Result<ListedFile, String>,
    ) -> LogFile {
        // Only what could not be listed may be a folder; a file that was found needs no second
        // look.
        let is_folder = known.is_err() && path.is_dir();
        let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
        LogFile {
            form,
            evidence: self.evidence.of(registry, folder),
            size: known.as_ref().map_or(0, |known| known.state.size),
            modified: known.as_ref().map_or((0, 0), |known| known.state.modified),
            identity: known.as_ref().ok().map(|known| known.identity),
            link: self.link,
            obstacle: known.err(),
            root: Arc::clone(&self.path),
            relative: path.strip_prefix(&self.path).unwrap_or(path).to_path_buf(),
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
