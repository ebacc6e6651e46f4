//! Divides roots into pieces of evidence, usually one for each machine, and names the pieces.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::Links;
use super::extension::Extension;
use super::form::is_event_log;
use crate::base::path_text::escaped_name;

/// The identity of a piece of evidence: its position in the list of their names. Usually a piece is
/// what was collected from one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(usize);

impl EvidenceId {
    /// Returns the piece's position in the list of names, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// The rule by which one root is divided into pieces of evidence.
#[derive(Debug)]
pub(super) struct RootDivision {
    /// The absolute path of the root.
    root: PathBuf,
    /// The depth under the root of the folders that are one piece of evidence each; 0 if the whole
    /// root is one piece.
    pub depth: usize,
}

impl RootDivision {
    /// Decides how the root is divided. With `depth`, the folders at that depth are the pieces.
    /// Without it, the root is one piece if it directly contains a `Windows` folder or event logs;
    /// otherwise each of its children is one.
    pub(super) fn new(root: &Path, depth: Option<usize>, links: Links) -> Self {
        let depth = depth.unwrap_or_else(|| usize::from(!is_one_piece(root, links)));
        RootDivision { root: root.to_path_buf(), depth }
    }

    /// Returns the piece of evidence that the content of `folder` belongs to.
    pub(super) fn of(&self, registry: &mut Registry, folder: &Path) -> EvidenceId {
        let within = folder.strip_prefix(&self.root).into_iter().flat_map(Path::iter).take(self.depth);
        let mut path = self.root.clone();
        path.extend(within);
        registry.id(path)
    }
}

/// Returns whether the root is a file, or a folder that directly contains a `Windows` folder or
/// event logs.
fn is_one_piece(root: &Path, links: Links) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return true };
    entries.flatten().any(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        if is_folder { name.eq_ignore_ascii_case("windows") } else { is_event_log(&entry.path(), links) }
    })
}

/// All pieces of evidence found so far, by their absolute paths, in the order of discovery.
#[derive(Debug, Default)]
pub(super) struct Registry {
    paths: Vec<PathBuf>,
    ids: HashMap<PathBuf, EvidenceId>,
    /// The pieces that are containers, by position.
    containers: HashSet<usize>,
}

impl Registry {
    /// Returns the identity of the piece at `path`, which is added if it is new.
    fn id(&mut self, path: PathBuf) -> EvidenceId {
        if let Some(id) = self.ids.get(&path) {
            return *id;
        }
        let id = EvidenceId(self.paths.len());
        self.paths.push(path.clone());
        self.ids.insert(path, id);
        id
    }

    /// Adds a folder that is a piece of evidence, so that a piece without any event log is listed
    /// too.
    pub(super) fn register(&mut self, folder: PathBuf) {
        self.id(folder);
    }

    /// Says that the file at `path` is a container. If it is a piece of evidence, its name loses the
    /// ending that says so: `FIN-WS07.zip` becomes `FIN-WS07`.
    pub(super) fn mark_container(&mut self, path: &Path) {
        self.containers.extend(self.ids.get(path).map(|id| id.index()));
    }

    /// Returns the number of pieces.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Returns the parts of each piece's path. The last part of a container's path has no ending,
    /// unless another piece has the same path then.
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

    /// Returns the names of the pieces. A name is the last part of the piece's path, preceded by
    /// earlier parts if several pieces would otherwise have the same name.
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

/// Returns a file name without the endings of archives and disk images. A name that is nothing but
/// endings stays as it is.
fn without_container_endings(name: &str) -> &str {
    let mut rest = name;
    while let Some((stem, _)) = rest.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
        && matches!(Extension::of(rest.as_bytes()), Extension::Container(_))
    {
        rest = stem;
    }
    rest
}

/// Returns the last `length` parts of a path, joined by `/`, or `/` for the root of the file
/// system.
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
