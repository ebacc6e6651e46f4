//! Earlier outputs: finds out which files in an output directory were written by a sweep, and
//! removes them.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::names::{
    DOCUMENTS, PARTITION_FILE, PARTITIONED, PARTITIONS_FOLDER, RUN_FILE, STATS_FOLDER, TABLES, is_partition,
    partition_folder, stats_id,
};
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
    #[serde(default)]
    partitions: Vec<EarlierFile>,
}

#[derive(Debug, Deserialize)]
struct EarlierFile {
    file: String,
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

    /// Returns the files that the earlier output may have in its folders: tables in `stats`, one
    /// for each detection that its `run.json` lists, and the listed files of tables divided by
    /// host.
    pub(super) fn written(&self) -> VaryingFiles<'_> {
        let ids = self.detections.iter().map(|detection| detection.id.as_str());
        VaryingFiles::Of {
            stats: ids.filter(|id| is_plain_name(id)).collect(),
            partitions: self.partitions.iter().map(|partition| partition.file.as_str()).collect(),
        }
    }
}

/// Which files a sweep may have written to the folders of an output. Their names depend on the
/// sweep: each table in the folder `stats` is named after a detection, and each folder of a table
/// divided by host after a host.
#[derive(Debug)]
pub(super) enum VaryingFiles<'a> {
    /// A sweep may have written only the files that the fields name.
    Of {
        /// The ids of the detections with a table in the folder `stats`.
        stats: HashSet<&'a str>,
        /// The paths of the files of tables divided by host, relative to the output directory.
        partitions: HashSet<&'a str>,
    },
    /// A sweep may have written files for any detections and hosts. This is right for the partial
    /// directory, to which only sweeps write.
    OfAny,
}

impl VaryingFiles<'_> {
    fn has(&self, name: &str) -> bool {
        stats_id(name).is_some_and(|id| match self {
            VaryingFiles::Of { stats, .. } => stats.contains(id),
            VaryingFiles::OfAny => is_plain_name(id),
        })
    }

    /// Returns true if a sweep may have written the file `name` into the folder `folder`. That is
    /// the folder of one host in a table divided by host; its path is relative to the output
    /// directory.
    fn has_partition(&self, folder: &str, name: &str) -> bool {
        name == PARTITION_FILE
            && match self {
                VaryingFiles::Of { partitions, .. } => partitions.contains(&*format!("{folder}/{name}")),
                VaryingFiles::OfAny => true,
            }
    }
}

/// Returns the path, relative to `folder`, of the first file or folder in an output that no sweep
/// writes; `None` if there is none, so that the output can be removed. `folder` is the finished or
/// unfinished output, and `written` says which files a sweep may have written to its folders.
pub(super) fn foreign(folder: &Path, written: &VaryingFiles<'_>) -> io::Result<Option<String>> {
    for entry in entries(folder)? {
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if name == STATS_FOLDER && kind.is_dir() {
            for table in entries(&entry.path())? {
                let name = table.file_name();
                if !table.file_type()?.is_file() || !name.to_str().is_some_and(|name| written.has(name)) {
                    return Ok(Some(format!("{STATS_FOLDER}/{}", name.to_string_lossy())));
                }
            }
            continue;
        }
        if name == PARTITIONS_FOLDER && kind.is_dir() {
            if let Some(foreign) = foreign_partition(folder, written)? {
                return Ok(Some(foreign));
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

/// Looks through an output's folder of tables divided by host. Returns the path, relative to the
/// output, of the first file or folder that no sweep writes; `None` if there is none.
fn foreign_partition(output: &Path, written: &VaryingFiles<'_>) -> io::Result<Option<String>> {
    let path = |one: &str, other: &DirEntry| format!("{one}/{}", other.file_name().to_string_lossy());
    for table in entries(&output.join(PARTITIONS_FOLDER))? {
        let is_ours = PARTITIONED.iter().any(|ours| table.file_name() == *ours);
        if !is_ours || !table.file_type()?.is_dir() {
            return Ok(Some(path(PARTITIONS_FOLDER, &table)));
        }
        let table_path = path(PARTITIONS_FOLDER, &table);
        for host in entries(&table.path())? {
            let is_ours = host.file_name().to_str().is_some_and(is_partition);
            let host_path = path(&table_path, &host);
            if !is_ours || !host.file_type()?.is_dir() {
                return Ok(Some(host_path));
            }
            for file in entries(&host.path())? {
                let name = file.file_name();
                let is_ours = name.to_str().is_some_and(|name| written.has_partition(&host_path, name));
                if !is_ours || !file.file_type()?.is_file() {
                    return Ok(Some(path(&host_path, &file)));
                }
            }
        }
    }
    Ok(None)
}

/// Returns all entries (files and folders) of a folder.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(folder)?.collect()
}

/// Removes a finished or unfinished output, file by file, by the names of the files that sweeps
/// write. `written` says which files in the output's folders are removed. If anything else lies in
/// the output, it stays, and an error is returned. A missing folder is not an error.
pub(super) fn remove(folder: &Path, written: &VaryingFiles<'_>) -> io::Result<()> {
    let stats_folder = folder.join(STATS_FOLDER);
    if is_own_folder(&stats_folder) {
        for table in entries(&stats_folder)? {
            if table.file_name().to_str().is_some_and(|name| written.has(name)) {
                fs::remove_file(table.path())?;
            }
        }
        fs::remove_dir(&stats_folder)?;
    }
    remove_partitions(folder, written)?;
    for name in TABLES.iter().chain(&DOCUMENTS) {
        absent(fs::remove_file(folder.join(name)))?;
    }
    absent(fs::remove_dir(folder))
}

/// Removes the tables divided by host from an output. `written` says which of their files are
/// removed.
fn remove_partitions(output: &Path, written: &VaryingFiles<'_>) -> io::Result<()> {
    let folder = output.join(PARTITIONS_FOLDER);
    if !is_own_folder(&folder) {
        return Ok(());
    }
    for table in PARTITIONED {
        let table_folder = folder.join(table);
        if !is_own_folder(&table_folder) {
            continue;
        }
        for host in entries(&table_folder)? {
            let name = host.file_name();
            let Some(name) = name.to_str().filter(|name| is_partition(name)) else { continue };
            if is_own_folder(&host.path()) {
                if written.has_partition(&partition_folder(table, name), PARTITION_FILE) {
                    absent(fs::remove_file(host.path().join(PARTITION_FILE)))?;
                }
                fs::remove_dir(host.path())?;
            }
        }
        fs::remove_dir(&table_folder)?;
    }
    fs::remove_dir(&folder)
}

/// Returns true if `path` is a folder. Returns false for a symbolic link to a folder, because the
/// folder lies elsewhere.
fn is_own_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Turns the error that a file to be removed does not exist into success. Returns all other results
/// unchanged.
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
        for host in ["computer=A", "computer=B"] {
            fs::create_dir_all(out.join("by-host/matches").join(host)).unwrap();
        }
        let run = r#"{
            "dnsweep": "1", "detections": [{"id": "one"}, {"id": "../x"}],
            "partitions": [{"file": "by-host/matches/computer=A/part-0.parquet"}, {"file": "../x.parquet"}]
        }"#;
        let partitions = ["A", "B"].map(|host| format!("by-host/matches/computer={host}/part-0.parquet"));
        let tables = ["run.json", "report.html", "matches.parquet", "stats/one.parquet"];
        for name in tables.into_iter().chain(partitions.iter().map(String::as_str)) {
            fs::write(out.join(name), run).unwrap();
        }
        let run = EarlierRun::of(&out).unwrap();
        assert_eq!(foreign(&out, &run.written()).unwrap().as_deref(), Some(&*partitions[1]));
        assert!(remove(&out, &run.written()).is_err());
        assert!(out.join(&partitions[1]).exists() && !out.join(&partitions[0]).exists());
        fs::remove_file(out.join(&partitions[1])).unwrap();
        fs::create_dir(out.join("by-host/matches/computer=B/more")).unwrap();
        let found = foreign(&out, &VaryingFiles::OfAny).unwrap();
        assert_eq!(found.as_deref(), Some("by-host/matches/computer=B/more"));
        fs::remove_dir(out.join("by-host/matches/computer=B/more")).unwrap();
        assert_eq!(foreign(&out, &run.written()).unwrap(), None);
        for name in ["stats/one.parquet", "stats/two.parquet"] {
            fs::create_dir_all(out.join("stats")).unwrap();
            fs::write(out.join(name), "").unwrap();
        }
        fs::write(folder.path().join("x.parquet"), "mine").unwrap();
        let run = EarlierRun::of(&out).unwrap();
        assert_eq!(foreign(&out, &run.written()).unwrap().as_deref(), Some("stats/two.parquet"));
        assert_eq!(foreign(&out, &VaryingFiles::OfAny).unwrap(), None);
        assert!(remove(&out, &run.written()).is_err());
        assert!(out.join("stats/two.parquet").exists() && out.join("run.json").exists());
        assert!(!out.join("stats/one.parquet").exists() && folder.path().join("x.parquet").exists());
        remove(&out, &VaryingFiles::OfAny).unwrap();
        assert!(!out.exists());
        remove(&out, &VaryingFiles::OfAny).unwrap();
    }
}
