//! Discovery: searches the roots (the folders and files of evidence that the user names) for files
//! to read and for containers (archives and disk images), and divides the roots into pieces of
//! evidence.
//!
//! What is done with a file depends on its name where that is enough: `x.evtx` is a log, and a file
//! with an unknown extension is skipped and counted. For other names ([`form`]), and with
//! `--any-name` for all names that do not end with `.evtx`, it depends on the file's first bytes.
//! The files in archives and disk images are listed, too ([`explorer`]).

mod builder;
mod content;
mod evidence;
mod explorer;
mod extension;
mod form;
mod listed;
mod listing;
mod log_file;
mod outer_file;
mod passed_over;
mod recorded;
mod segments;
mod sparse_file;

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::builder::DiscoveryBuilder;
pub use self::evidence::{EvidenceId, Piece};
use self::explorer::Access;
pub use self::form::FileForm;
use self::listing::list;
pub use self::log_file::{LogFile, OpenLog};
pub use self::outer_file::{OuterFile, OuterFiles};
pub use self::recorded::{EvidenceItem, Opened, RecordedEvidence, RecordedFile, Relisted};
use crate::base::platform::files::Link;
use crate::base::switch::switch;
use crate::evidence::EvidenceError;
use crate::evidence::container::Passwords;
use crate::evidence::spool::SpoolPlace;
use crate::ledger::container::ContainerReport;
use crate::ledger::tally::SkippedCounts;

/// The settings of discovery, which searches the evidence for files to read: where it searches, and
/// what it does with each kind of file.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The roots: the folders and files of evidence to search. Their paths are as the user typed
    /// them.
    pub roots: Vec<PathBuf>,
    /// Whether discovery follows symbolic links.
    pub links: Links,
    /// Which names event logs can have: only `.evtx` names, or any name.
    pub names: LogNames,
    /// What discovery does with files that are not event logs: skips them, or has them searched for
    /// chunks of event logs.
    pub non_log_files: NonLogFiles,
    /// What discovery does with archives and disk images: opens or skips them.
    pub containers: Containers,
    /// What discovery does with the shadow copies of volumes: only lists them, or has their logs
    /// read.
    pub shadow_copies: ShadowCopies,
    /// How files in archives are unpacked: with which passwords, and into which folder.
    pub unpacking: Unpacking,
    /// The depth under a root of the folders that are one piece of evidence (usually one machine)
    /// each: 1 for the folders directly in the root. `None` if each root's content decides how the
    /// root is divided.
    pub evidence_depth: Option<usize>,
}

switch! {
    /// Whether discovery follows symbolic links.
    pub enum Links {
        /// Symbolic links are skipped and counted.
        Ignore,
        /// Symbolic links are followed. Each file is read once, however many links lead to it.
        Follow,
    }
}

/// How files in archives are unpacked: with which passwords, and into which folder.
#[derive(Debug, Clone, Default)]
pub struct Unpacking {
    /// The passwords to try on encrypted files of archives.
    pub passwords: Passwords,
    /// The folder in which the unpacked copies of files are stored during the sweep, and the most
    /// disk space that the copies can take.
    pub spool: SpoolPlace,
}

switch! {
    /// What discovery does with the shadow copies of a volume in a disk image: only lists them, or
    /// has their logs read.
    pub enum ShadowCopies {
        /// Shadow copies are listed with their dates, and their files are not read.
        List,
        /// The shadow copies of volumes are searched for event logs, which are read like those of
        /// the volume.
        Read,
    }
}

impl Links {
    /// Returns what opening a file does if a symbolic link is in the file's place: follows it or
    /// fails.
    fn link(self) -> Link {
        if self == Links::Follow { Link::Followed } else { Link::Refused }
    }
}

switch! {
    /// What discovery does with archives and disk images: opens or skips them.
    pub enum Containers {
        /// Archives and disk images are opened, and the files in them are treated like those of a
        /// folder.
        Open,
        /// Archives and disk images are not opened. They are skipped and counted, unless files that
        /// are not event logs are searched for chunks of event logs.
        PassOver,
    }
}

switch! {
    /// Which names event logs can have: only `.evtx` names, or any name.
    pub enum LogNames {
        /// Files whose names end with `.evtx`, in any letter case, are taken for event logs. If a
        /// name has `.evtx` elsewhere, the file's first bytes decide. A file with another name is
        /// not taken for an event log, unless it is a root.
        EventLogs,
        /// An event log can have any name. If a name does not end with `.evtx`, the file's first
        /// bytes decide whether the file is an event log or event XML.
        Any,
    }
}

switch! {
    /// What discovery does with files that are not event logs: skips them, or has them searched for
    /// chunks of event logs.
    pub enum NonLogFiles {
        /// Files that are neither read as event logs or event XML nor treated as containers are
        /// skipped and counted.
        PassOver,
        /// Files that are neither read as event logs or event XML nor opened as containers are
        /// searched for chunks of event logs.
        Carve,
    }
}

/// The result of discovery, which searches the evidence that the user names: the files to read, the
/// containers (archives and disk images), and the pieces of evidence (usually one for each
/// machine).
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// The files to read, in evidence order: by root, in the order in which the user gave the
    /// roots, and by name within a root.
    pub files: Vec<LogFile>,
    /// The names of the pieces of evidence (usually one for each machine), including pieces without
    /// files. The number of a piece is its position in this list, counted from 0.
    pub evidence: Vec<String>,
    /// The pieces of evidence (usually one for each machine), in the order of their numbers: a
    /// piece and its name in `evidence` have the same position.
    pub pieces: Vec<Piece>,
    /// What was opened: the containers that lie in no other container, and the sparse files with a
    /// Velociraptor index, which states the ranges of the file that were collected. They are in
    /// evidence order (by root, and by name within a root).
    pub opened: Vec<Opened>,
    /// The number of pieces of evidence in each root, in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The absolute paths of the roots, in the order in which the user gave them.
    pub roots: Vec<PathBuf>,
    /// The numbers of files that were skipped, by kind.
    pub passed_over: SkippedCounts,
    /// The archives, disk images, volumes and shadow copies that were found, in evidence order (by
    /// root, and by name within a root).
    pub containers: Vec<FoundContainer>,
    /// The number of bytes of container files that the sweep reads to hash the containers, in
    /// addition to the files in them. The display of progress counts this work. It is 0 if the
    /// sweep does not hash containers.
    pub hashed_bytes: u64,
}

/// A container, volume or shadow copy that discovery found in the evidence.
#[derive(Debug, Clone)]
pub struct FoundContainer {
    /// The piece of evidence (usually what was collected from one machine) to which the container
    /// belongs.
    pub evidence: EvidenceId,
    /// The container's row in the table of containers: its path, its kind, and what is wrong with
    /// it.
    pub report: ContainerReport,
    /// The files of the evidence that the container consists of. `None` if the container lies in
    /// another container, if its file could not be listed, or if it is known only from a plan
    /// (which divides a sweep into shards) or a part (the file with what a sweep or a shard found).
    pub outer: Option<Arc<OuterFiles>>,
}

impl Discovery {
    /// Returns the total size, in bytes, of those files of the evidence that are containers, or
    /// parts of split images.
    #[must_use]
    pub fn container_bytes(&self) -> u64 {
        self.containers.iter().filter_map(|found| Some(found.outer.as_ref()?.size())).sum()
    }

    /// Returns the total size of the files that the sweep has to read, in bytes. Unchanged logs of
    /// shadow copies are left out, because they are not read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter(|file| file.same_as().is_none()).map(|file| file.size).sum()
    }

    /// Returns the root that contains the piece of evidence, as a position in the list of roots,
    /// counted from 0.
    #[must_use]
    pub fn root_of(&self, id: EvidenceId) -> usize {
        root_of(&self.evidence_of_roots, id.index())
    }

    /// Returns the name of the piece of evidence with the number `id`. Returns an empty text for a
    /// number that does not exist.
    #[must_use]
    pub fn evidence_name(&self, id: EvidenceId) -> &str {
        self.evidence.get(id.index()).map_or("", String::as_str)
    }
}

/// Returns the root that contains the piece of evidence with the number `index`, as a position in
/// the list of roots, counted from 0. `evidence_of_roots` is the number of pieces in each root.
/// Returns the number of roots if no piece has this number.
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

/// Returns the absolute paths of the roots (the folders and files to search), with symbolic links
/// resolved, in the order given. Fails if no root is given, or if a root is missing, is neither a
/// folder nor a regular file, is given twice, or lies in another root.
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
    no_overlap(resolved.iter())?;
    Ok(resolved)
}

/// Fails if one of the roots is given twice, or lies in another one. The paths must be absolute and
/// without symbolic links.
fn no_overlap<'r>(roots: impl Iterator<Item = &'r PathBuf>) -> Result<(), EvidenceError> {
    let mut sorted: Vec<&PathBuf> = roots.collect();
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
    Ok(())
}

/// Returns a hint for the message about a root that does not exist: the nearest folder above it
/// that does exist. Returns an empty text if `error` does not say that the path is missing.
fn hint(path: &Path, error: &io::Error) -> String {
    let there = std::path::absolute(path).ok().filter(|_| error.kind() == io::ErrorKind::NotFound);
    let there = there.and_then(|path| path.ancestors().find(|folder| folder.is_dir()).map(Path::to_path_buf));
    there.map_or_else(String::new, |folder| {
        format!(": expected a directory or a file; of its path, only '{}' exists", folder.display())
    })
}

/// How many files, containers and pieces of evidence discovery has found so far, while it is still
/// searching.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FoundSoFar {
    /// The number of files to read.
    pub files: u64,
    /// The number of archives, disk images, volumes and shadow copies.
    pub containers: u64,
    /// The number of pieces of evidence: usually one for each machine.
    pub pieces: u64,
}

/// Searches the roots (the folders and files of evidence that the user names) with `threads`
/// threads, and returns the files to read, the containers and the pieces of evidence. The result
/// does not depend on the number of threads. Fails if `resolve_roots` fails for the roots, or if
/// threads cannot be started.
pub fn discover(search: &Search, threads: NonZeroUsize) -> Result<Discovery, EvidenceError> {
    discover_observed(search, threads, &mut |_| ())
}

/// Searches the roots like [`discover`]. Each time a part of a root has been listed, calls
/// `observe` with the numbers of files, containers and pieces of evidence that were found so far.
pub fn discover_observed(
    search: &Search,
    threads: NonZeroUsize,
    observe: &mut dyn FnMut(FoundSoFar),
) -> Result<Discovery, EvidenceError> {
    let paths = resolve_roots(&search.roots)?;
    let mut found = DiscoveryBuilder::new(search, &paths);
    let access = Access::new(search);
    list(found.trees(), (search, &access), threads, |listing| {
        found.add(listing);
        observe(found.so_far());
        Ok(())
    })?;
    Ok(found.finish(paths))
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
