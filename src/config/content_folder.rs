//! The folder that contains a site's folders `macros` and `lookups`, whose files Splunk rules use.
//! It is a folder on a disk, or a copy in a plan (by which several machines share one sweep).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::digest::sha256;
use crate::base::platform::files::{Link, read_at_most};
use crate::detect::ContentError;

/// A folder that contains the folders `macros` and `lookups`, whose files Splunk rules use.
#[derive(Debug, Clone)]
pub(super) enum ContentFolder {
    /// The folder lies on a disk, at this path.
    OnDisk(PathBuf),
    /// The folder is a copy in a plan, by which several machines share one sweep. The plan has only
    /// those files of the folder that its rules use.
    Carried(CarriedFolder),
}

/// A copy of a folder with Splunk macros and lookups in a plan, by which several machines share one
/// sweep. It has only the files that the rules of the plan use.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct CarriedFolder {
    /// The path that the folder had where the plan was made.
    pub path: PathBuf,
    /// The bytes of each file, by its path from the folder, such as `lookups/csv/tools.csv`.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl ContentFolder {
    /// Returns the path of the folder. For a copy in a plan (by which several machines share one
    /// sweep), it is the path that the folder had where the plan was made.
    pub(super) fn path(&self) -> &Path {
        match self {
            ContentFolder::OnDisk(path) => path,
            ContentFolder::Carried(folder) => &folder.path,
        }
    }

    /// Returns true if the folder has a file at `file`, a path relative to the folder.
    pub(super) fn has(&self, file: &str) -> bool {
        match self {
            ContentFolder::OnDisk(path) => path.join(file).exists(),
            ContentFolder::Carried(folder) => folder.files.contains_key(file),
        }
    }

    /// Returns the names of the files and folders in `inside`, a path relative to this folder, in
    /// alphabetical order. On a disk, names that begin with a full stop are left out. Empty if
    /// `inside` cannot be read.
    pub(super) fn entries(&self, inside: &str) -> Vec<String> {
        match self {
            ContentFolder::OnDisk(path) => entries(&path.join(inside)).map(|(name, _)| name).collect(),
            ContentFolder::Carried(folder) => folder.below(inside).map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// Returns the names of the folders in `inside`, a path relative to this folder, in
    /// alphabetical order.
    pub(super) fn subfolders(&self, inside: &str) -> Vec<String> {
        match self {
            ContentFolder::OnDisk(path) => {
                entries(&path.join(inside)).filter(|(_, path)| path.is_dir()).map(|(name, _)| name).collect()
            }
            ContentFolder::Carried(folder) => {
                let folders = folder.below(inside).filter(|(_, is_folder)| *is_folder);
                folders.map(|(name, _)| name.to_owned()).collect()
            }
        }
    }

    /// Reads the file of a macro or lookup at `file`, a path relative to the folder. Returns its
    /// text and its SHA-256 in hexadecimal digits. On a disk, fails if the file has more than
    /// `most` bytes.
    pub(super) fn read(&self, file: &str, most: u64) -> Result<(String, String), ContentError> {
        let text = |bytes: &[u8]| (String::from_utf8_lossy(bytes).into_owned(), sha256(bytes));
        match self {
            ContentFolder::OnDisk(path) => {
                let path = path.join(file);
                let bytes = read_at_most(&path, Link::Followed, most);
                Ok(text(&bytes.map_err(|error| format!("{}: {error}", path.display()))?))
            }
            ContentFolder::Carried(folder) => {
                let bytes =
                    folder.files.get(file).ok_or_else(|| format!("{file}: the plan has no such file"))?;
                Ok(text(bytes))
            }
        }
    }
}

impl CarriedFolder {
    /// Returns the names of the files and folders directly in `inside` (a path relative to this
    /// folder), in alphabetical order, each with true if it is a folder.
    fn below(&self, inside: &str) -> impl Iterator<Item = (&str, bool)> {
        let names = self.files.keys().filter_map(|file| {
            let rest = file.strip_prefix(inside)?.strip_prefix('/')?;
            Some(rest.split_once('/').map_or((rest, false), |(folder, _)| (folder, true)))
        });
        names.collect::<BTreeSet<_>>().into_iter()
    }
}

/// Returns the names and paths of the files and folders in `folder`, sorted by name. Names that
/// begin with a full stop are left out. Empty if the folder cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let read = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut entries: Vec<(String, PathBuf)> = read
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    entries.sort();
    entries.into_iter()
}
