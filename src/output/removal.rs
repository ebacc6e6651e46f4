//! An output that is there already: which of what lies in it is a sweep's, and its removal.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::names::{RUN_FILE, STATS_FOLDER, TABLES, stats_id};
use crate::base::plain_name::is_plain_name;
use crate::base::platform::files::{Link, MOST_LIST_BYTES, read_at_most};

/// What is read of an earlier output's `run.json`.
#[derive(Debug, Deserialize)]
pub(super) struct EarlierRun {
    #[expect(dead_code, reason = "that it is there makes the file one of dnsweep")]
    dnsweep: IgnoredAny,
    /// Whether its sweep was interrupted.
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
    /// Of the output in a folder; `None` if it has no `run.json` of dnsweep.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let json = read_at_most(&folder.join(RUN_FILE), Link::Refused, MOST_LIST_BYTES).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// The tables in its folder of stats: those of its detections, whatever else it names.
    pub(super) fn stats(&self) -> Stats<'_> {
        let ids = self.detections.iter().map(|detection| detection.id.as_str());
        Stats::Of(ids.filter(|id| is_plain_name(id)).collect())
    }
}

/// Which tables in a folder of stats are a sweep's.
#[derive(Debug)]
pub(super) enum Stats<'a> {
    /// Those of detections with these ids.
    Of(HashSet<&'a str>),
    /// Those of any detection: in a folder that only sweeps write to.
    OfAny,
}

impl Stats<'_> {
    fn has(&self, name: &str) -> bool {
        stats_id(name).is_some_and(|id| match self {
            Stats::Of(ids) => ids.contains(id),
            Stats::OfAny => is_plain_name(id),
        })
    }
}

/// What lies in an output, or in one in the making, and is no sweep's; `None` if all is.
pub(super) fn foreign(folder: &Path, stats: &Stats<'_>) -> io::Result<Option<String>> {
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
        let is_ours = name == RUN_FILE || TABLES.iter().any(|table| name == *table);
        if !is_ours || !kind.is_file() {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// What a folder directly holds.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(folder)?.collect()
}

/// Removes an output, or one in the making: what sweeps write, by its names. A folder in which
/// anything else lies stays, with that, and is an error; one that is not there is none.
pub(super) fn remove(folder: &Path, stats: &Stats<'_>) -> io::Result<()> {
    let stats_folder = folder.join(STATS_FOLDER);
    // A link in the place of the folder leads elsewhere.
    if stats_folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        for table in entries(&stats_folder)? {
            if table.file_name().to_str().is_some_and(|name| stats.has(name)) {
                fs::remove_file(table.path())?;
            }
        }
        fs::remove_dir(&stats_folder)?;
    }
    for name in TABLES.iter().chain([&RUN_FILE]) {
        absent(fs::remove_file(folder.join(name)))?;
    }
    absent(fs::remove_dir(folder))
}

/// That there is nothing to remove is no error.
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
        for name in ["run.json", "matches.parquet", "stats/one.parquet", "stats/two.parquet"] {
            fs::write(out.join(name), r#"{"dnsweep": "1", "detections": [{"id": "one"}, {"id": "../x"}]}"#)
                .unwrap();
        }
        fs::write(folder.path().join("x.parquet"), "mine").unwrap();
        let run = EarlierRun::of(&out).unwrap();
        assert_eq!(foreign(&out, &run.stats()).unwrap().as_deref(), Some("stats/two.parquet"));
        assert_eq!(foreign(&out, &Stats::OfAny).unwrap(), None);
        assert!(remove(&out, &run.stats()).is_err());
        assert!(out.join("stats/two.parquet").exists() && out.join("run.json").exists());
        assert!(!out.join("stats/one.parquet").exists() && folder.path().join("x.parquet").exists());
        remove(&out, &Stats::OfAny).unwrap();
        assert!(!out.exists());
        remove(&out, &Stats::OfAny).unwrap();
    }
}
