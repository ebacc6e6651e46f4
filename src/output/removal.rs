//! Earlier outputs: finds out which files in an output directory were written by a sweep, and
//! removes them.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::names::{DOCUMENTS, RUN_FILE, STATS_FOLDER, TABLES, stats_id};
use crate::base::plain_name::is_plain_name;
use crate::base::platform::files::{Link, MOST_LIST_BYTES, read_at_most};

/// The part of an earlier output's `run.json` that a sweep needs to know before it replaces that
/// output.
#[derive(Debug, Deserialize)]
pub(super) struct EarlierRun {
    #[expect(dead_code, reason = "that it is there makes the file one of dnsweep")]
    dnsweep: IgnoredAny,
    /// True if the sweep that wrote the earlier output was interrupted.
    #[serde(default)]
    pub interrupted: bool,
    #[serde(default)]
    detections: Vec<EarlierDetection>,
}

#[derive(Debug, Deserialize)]
struct EarlierDetection {
    id: String,
}

impl EarlierRun {
    /// Reads the `run.json` in a folder; `None` if the folder has no `run.json` that dnsweep wrote.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let json = read_at_most(&folder.join(RUN_FILE), Link::Refused, MOST_LIST_BYTES).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Returns the tables that the earlier output may have in its folder `stats`: one for each
    /// detection that its `run.json` lists.
    pub(super) fn stats(&self) -> StatsTables<'_> {
        let ids = self.detections.iter().map(|detection| detection.id.as_str());
        StatsTables::Of(ids.filter(|id| is_plain_name(id)).collect())
    }
}

/// Which tables a sweep may have written to the folder `stats` of an output. Each table in that
/// folder belongs to one detection, and is named after it.
#[derive(Debug)]
pub(super) enum StatsTables<'a> {
    /// Only the tables of the detections with these ids.
    Of(HashSet<&'a str>),
    /// The tables of any detections. This is right for the partial directory, to which only sweeps
    /// write.
    OfAny,
}

impl StatsTables<'_> {
    fn has(&self, name: &str) -> bool {
        stats_id(name).is_some_and(|id| match self {
            StatsTables::Of(ids) => ids.contains(id),
            StatsTables::OfAny => is_plain_name(id),
        })
    }
}

/// Returns the name of the first file or folder in an output that no sweep writes; `None` if there
/// is none, so that the output can be removed. `folder` is the finished or unfinished output, and
/// `stats` says which tables a sweep may have written to its folder `stats`.
pub(super) fn foreign(folder: &Path, stats: &StatsTables<'_>) -> io::Result<Option<String>> {
    for entry in entries(folder)? {
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if name == STATS_FOLDER && kind.is_dir() {
            for table in entries(&entry.path())? {
                let name = table.file_name();
                if !table.file_type()?.is_file() || !name.to_str().is_some_and(|name| stats.has(name)) {
                    return Ok(Some(format!("{STATS_FOLDER}/{}", name.to_string_lossy())));
                }
            }
            continue;
        }
        let is_ours = TABLES.iter().chain(&DOCUMENTS).any(|ours| name == *ours);
        if !is_ours || !kind.is_file() {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Returns all entries (files and folders) of a folder.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(folder)?.collect()
}

/// Removes a finished or unfinished output, file by file, by the names of the files that sweeps
/// write. `stats` says which tables in the output's folder `stats` are removed. If anything else
/// lies in the output, it stays, and an error is returned. A missing folder is no error.
pub(super) fn remove(folder: &Path, stats: &StatsTables<'_>) -> io::Result<()> {
    let stats_folder = folder.join(STATS_FOLDER);
    // If the folder is a symbolic link, it is not followed, because it would lead elsewhere.
    if stats_folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        for table in entries(&stats_folder)? {
            if table.file_name().to_str().is_some_and(|name| stats.has(name)) {
                fs::remove_file(table.path())?;
            }
        }
        fs::remove_dir(&stats_folder)?;
    }
    for name in TABLES.iter().chain(&DOCUMENTS) {
        absent(fs::remove_file(folder.join(name)))?;
    }
    absent(fs::remove_dir(folder))
}

/// Turns the error that a file to be removed does not exist into success. All other results stay.
pub(super) fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_sweep_writes_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir_all(out.join("stats")).unwrap();
        for name in ["run.json", "report.html", "matches.parquet", "stats/one.parquet", "stats/two.parquet"] {
            fs::write(out.join(name), r#"{"dnsweep": "1", "detections": [{"id": "one"}, {"id": "../x"}]}"#)
                .unwrap();
        }
        fs::write(folder.path().join("x.parquet"), "mine").unwrap();
        let run = EarlierRun::of(&out).unwrap();
        assert_eq!(foreign(&out, &run.stats()).unwrap().as_deref(), Some("stats/two.parquet"));
        assert_eq!(foreign(&out, &StatsTables::OfAny).unwrap(), None);
        assert!(remove(&out, &run.stats()).is_err());
        assert!(out.join("stats/two.parquet").exists() && out.join("run.json").exists());
        assert!(!out.join("stats/one.parquet").exists() && folder.path().join("x.parquet").exists());
        remove(&out, &StatsTables::OfAny).unwrap();
        assert!(!out.exists());
        remove(&out, &StatsTables::OfAny).unwrap();
    }
}
