//! Divides roots (the folders and files of evidence that the user names) into pieces of evidence,
//! usually one for each machine, and gives the pieces names.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Links;
use super::extension::Extension;
use super::form::is_event_log;
use crate::base::path_text::escaped_name;
use crate::base::platform::path_as_bytes;

/// The number of a piece of evidence: its position in `Discovery::evidence`, the list of the
/// pieces' names. Usually a piece is what was collected from one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(usize);

impl EvidenceId {
    /// Returns the number of the piece of evidence at this position in the list of all pieces,
    /// counted from 0.
    pub(super) fn at(index: usize) -> Self {
        EvidenceId(index)
    }

    /// Returns the position of the piece of evidence in the list of all pieces, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// A piece of evidence: usually what was collected from one machine. Its name is made of the parts
/// of its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The absolute path of the folder, or of the container, that is the piece of evidence.
    #[serde(with = "path_as_bytes")]
    pub path: PathBuf,
    /// True if the piece of evidence is a container, such as `FIN-WS07.zip`.
    pub is_container: bool,
}

/// How one root (a folder or file of evidence that the user names) is divided into pieces of
/// evidence: at which depth of folders.
#[derive(Debug)]
pub(super) struct RootDivision {
    /// The absolute path of the root that is divided.
    root: PathBuf,
    /// The depth under the root of the folders that are one piece of evidence each: 1 for the
    /// folders directly in the root. It is 0 if the whole root is one piece.
    pub depth: usize,
}

impl RootDivision {
    /// Returns how the root is divided into pieces of evidence. With `depth`, each folder at that
    /// depth is a piece. Without it, the root is one piece if it is a file, or directly contains a
    /// `Windows` folder or event logs; otherwise each folder and container directly in the root is
    /// a piece. `links` says whether a symbolic link is followed where a file's first bytes must be
    /// read to recognise an event log.
    pub(super) fn new(root: &Path, depth: Option<usize>, links: Links) -> Self {
        let depth = depth.unwrap_or_else(|| usize::from(!is_one_piece(root, links)));
        RootDivision { root: root.to_path_buf(), depth }
    }

    /// Returns the number of the piece of evidence that the content of `folder` belongs to.
    /// `folder` can also be a container. A piece that is new is added to `registry`.
    pub(super) fn of(&self, registry: &mut Registry, folder: &Path) -> EvidenceId {
        let within = folder.strip_prefix(&self.root).into_iter().flat_map(Path::iter).take(self.depth);
        let mut path = self.root.clone();
        path.extend(within);
        registry.id(path)
    }
}

/// Returns true if the root is one piece of evidence: if it is a file or cannot be read, or if it
/// is a folder that directly contains a `Windows` folder or event logs. `links` says whether a
/// symbolic link is followed where a file's first bytes must be read to recognise an event log.
fn is_one_piece(root: &Path, links: Links) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return true };
    entries.flatten().any(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        if is_folder { name.eq_ignore_ascii_case("windows") } else { is_event_log(&entry.path(), links) }
    })
}

/// All pieces of evidence that discovery has found so far, by their absolute paths, in the order in
/// which they were found.
#[derive(Debug, Default)]
pub(super) struct Registry {
    paths: Vec<PathBuf>,
    ids: HashMap<PathBuf, EvidenceId>,
    /// The numbers of those pieces of evidence that are containers, such as `FIN-WS07.zip`. The
    /// number is the position in the list of all pieces, counted from 0.
    containers: HashSet<usize>,
}

impl Registry {
    /// Returns the number of the piece of evidence (usually one machine) whose folder or container
    /// has the path `path`. A piece that is new is added.
    fn id(&mut self, path: PathBuf) -> EvidenceId {
        if let Some(id) = self.ids.get(&path) {
            return *id;
        }
        let id = EvidenceId(self.paths.len());
        self.paths.push(path.clone());
        self.ids.insert(path, id);
        id
    }

    /// Adds `folder` as a piece of evidence (usually one machine), so that the piece is listed even
    /// if no event log is found in it.
    pub(super) fn register(&mut self, folder: PathBuf) {
        self.id(folder);
    }

    /// Records that the file at `path` is a container. Does nothing unless that file itself is a
    /// piece of evidence (usually one machine). The name of the piece is then the file's name
    /// without the endings of archives and images: `FIN-WS07` for `FIN-WS07.zip`.
    pub(super) fn mark_container(&mut self, path: &Path) {
        self.containers.extend(self.ids.get(path).map(|id| id.index()));
    }

    /// Returns a registry that contains the pieces of evidence `pieces`, numbered in this order
    /// from 0.
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let mut registry = Registry::default();
        for piece in pieces {
            registry.id(piece.path.clone());
            if piece.is_container {
                registry.mark_container(&piece.path);
            }
        }
        registry
    }

    /// Returns the pieces of evidence that were found so far, in the order in which they were
    /// found.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let piece = |(place, path): (usize, &PathBuf)| Piece {
            path: path.clone(),
            is_container: self.containers.contains(&place),
        };
        self.paths.iter().enumerate().map(piece).collect()
    }

    /// Returns the number of pieces of evidence that were found so far.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Returns the parts of the path of each piece of evidence, from which the pieces' names are
    /// made. If a piece is a container, the last part loses its ending (`FIN-WS07` for
    /// `FIN-WS07.zip`), unless another piece would then have an equal path.
    fn parts(&self) -> Vec<Vec<String>> {
        let split = |path: &PathBuf| -> Vec<String> {
            path.iter().map(escaped_name).filter(|part| part != "/").collect()
        };
        let whole: Vec<Vec<String>> = self.paths.iter().map(split).collect();
        let shortened: Vec<Vec<String>> = whole
            .iter()
            .enumerate()
            .map(|(place, parts)| {
                let mut parts = parts.clone();
                if let Some(name) = parts.last_mut().filter(|_| self.containers.contains(&place)) {
                    *name = without_container_endings(name).to_owned();
                }
                parts
            })
            .collect();
        let mut counts: HashMap<&[String], usize> = HashMap::new();
        for parts in &shortened {
            *counts.entry(parts).or_default() += 1;
        }
        let is_unique = |parts: &[String]| counts.get(parts) == Some(&1);
        whole
            .into_iter()
            .zip(&shortened)
            .map(|(whole, short)| if is_unique(short) { short.clone() } else { whole })
            .collect()
    }

    /// Returns the names of the pieces of evidence, in the order of their numbers. A name is the
    /// last part of the piece's path; if other pieces would have an equal name, it has earlier
    /// parts of the path as well.
    pub(super) fn names(&self) -> Vec<String> {
        let parts = self.parts();
        let mut lengths = vec![1_usize; parts.len()];
        loop {
            let names: Vec<String> =
                parts.iter().zip(&lengths).map(|(parts, length)| last(parts, *length)).collect();
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for name in &names {
                *counts.entry(name).or_default() += 1;
            }
            let mut grew = false;
            for ((name, parts), length) in names.iter().zip(&parts).zip(&mut lengths) {
                if counts.get(name.as_str()).is_some_and(|count| *count > 1) && *length < parts.len() {
                    *length += 1;
                    grew = true;
                }
            }
            if !grew {
                return names;
            }
        }
    }
}

/// Returns a file name without the endings of archives and disk images: `a` for `a.tar.gz`. The
/// first part of a name is kept even if it is such an ending.
fn without_container_endings(name: &str) -> &str {
    let mut rest = name;
    while let Some((stem, _)) = rest.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
        && matches!(Extension::of(rest.as_bytes()), Extension::Container(_))
    {
        rest = stem;
    }
    rest
}

/// Returns the last `length` parts of a path, joined by `/`. The root of the file system, whose
/// path has no parts, becomes `/`.
fn last(parts: &[String], length: usize) -> String {
    let from = parts.len().saturating_sub(length);
    let name = parts.get(from..).unwrap_or_default().join("/");
    if name.is_empty() { "/".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_collide_are_lengthened() {
        let mut registry = Registry::default();
        for path in ["/a/x/HOST", "/b/x/HOST", "/b/OTHER", "/"] {
            registry.id(PathBuf::from(path));
        }
        assert_eq!(registry.names(), ["a/x/HOST", "b/x/HOST", "OTHER", "/"]);
    }

    #[test]
    fn containers_are_named_without_their_endings_where_that_is_clear() {
        let mut registry = Registry::default();
        for path in [
            "/a/FIN-WS07.zip",
            "/a/x.tar.gz",
            "/a/HR.E01",
            "/a/HR",
            "/b/C.vhdx.zip",
            "/a/.zip",
            "/b/x.folder",
        ] {
            registry.id(PathBuf::from(path));
            registry.mark_container(Path::new(path));
        }
        registry.containers.remove(&3);
        assert_eq!(registry.names(), ["FIN-WS07", "x", "HR.E01", "HR", "C", ".zip", "x.folder"]);
    }

    #[test]
    fn a_file_belongs_to_the_folder_at_the_depth() {
        let of = |depth, path: &str| {
            let mut registry = Registry::default();
            RootDivision { root: PathBuf::from("/root"), depth }.of(&mut registry, Path::new(path));
            registry.paths[0].to_str().unwrap().to_owned()
        };
        assert_eq!(of(0, "/root/a/b"), "/root");
        assert_eq!(of(1, "/root/a/b"), "/root/a");
        assert_eq!(of(2, "/root/a/b"), "/root/a/b");
        assert_eq!(of(2, "/root/a"), "/root/a");
        assert_eq!(of(1, "/root"), "/root");
        // The folder that contains a root lies outside the root, even if the root is a file.
        assert_eq!(of(1, "/"), "/root");
    }
}
