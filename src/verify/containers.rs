//! Compares the files that archives and disk images consist of with the output's table of
//! containers.
//!
//! A sweep reads only parts of these files, but with `--hash` it hashes them whole, because they
//! are what was seized. The files inside a container are compared one by one in `verify::evidence`.
//! The hashes that an image states of its disk are not compared with anything.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;

use super::VerifyError;
use super::evidence::{FileComparison, FileKey, RecordedRoots, note, rows_of};
use crate::base::in_order::in_order;
use crate::evidence::discover::{Discovery, OuterFile};
use crate::output::{CONTAINERS_FILE, OutputTables};
use crate::report::{ComparedFile, ComparedFiles, ContainerRow, Difference, Discrepancy, Run};
use crate::table::{Cell, ColumnOf, ReadError, TableId, Tables, Wanted};

/// The weight of each file for `in_order`, which hands files to threads in groups that are full at
/// a certain total weight. It is so large that each file is a group of its own.
const WEIGHT: u64 = 1 << 20;

/// A file that a container consists of, as the output records it.
#[derive(Debug)]
struct RecordedFile {
    evidence: String,
    /// The path of the file from its root (a folder or file that was swept), written as in the
    /// column `source_path`.
    source_path: String,
    /// The size of the container in bytes; for a disk image, the size of the disk in it. `None` for
    /// the second and later files of an image, because their sizes are not recorded.
    container_size: Option<u64>,
    /// The file's SHA-256 at the time of the sweep; `None` if the sweep did not compute it.
    sha256: Option<String>,
}

/// A file that a container consists of, as it is found in the evidence during the verification.
struct FoundFile {
    /// The opened file, or the reason why it cannot be opened.
    file: Result<OuterFile, String>,
    /// The size of the container in bytes; for a disk image, the size of the disk in it. `None` for
    /// the second and later files of an image.
    container_size: Option<u64>,
}

/// Compares the files of containers with the table of containers of the output `out`. Adds each
/// file that differs, is missing or is not in the table to `discrepancies`. Returns how many files
/// were compared and how many agree.
pub(super) fn compare(
    out: &Path,
    recorded: &Run,
    roots: &RecordedRoots<'_>,
    discovery: &Discovery,
    threads: NonZeroUsize,
    discrepancies: &mut Vec<Discrepancy>,
) -> Result<ComparedFiles, VerifyError> {
    // A sweep that found no container writes no such table.
    let has_table = recorded.outputs.iter().any(|table| table.file == CONTAINERS_FILE);
    let listed = if has_table {
        rows_of(CONTAINERS_FILE, recorded, discrepancies, || recorded_files(out))
    } else {
        Some(Vec::new())
    };
    let Some(listed) = listed else { return Ok(ComparedFiles::default()) };
    let mut found = found_files(discovery);
    let place_of = |file: &RecordedFile| (roots.root(&file.evidence), file.source_path.clone());
    let pairs = listed.into_iter().map(|listed| {
        let file = found.by_place.remove(&place_of(&listed));
        (listed, file)
    });
    let work = |(listed, file): (RecordedFile, Option<FoundFile>)| {
        let comparison = comparison(&listed, file.as_ref());
        let bytes = file.and_then(|found| found.file.ok()).map_or(0, |file| file.size());
        (listed, bytes, comparison)
    };
    let mut compared = ComparedFiles::default();
    in_order(
        threads,
        pairs,
        |_| WEIGHT,
        work,
        |(listed, bytes, comparison)| {
            let place = (listed.evidence, listed.source_path);
            note(&mut compared, discrepancies, place, bytes, comparison);
            Ok::<_, VerifyError>(())
        },
    )?;
    // The files that are left are not in the table.
    for (evidence, place) in found.order {
        if found.by_place.contains_key(&place) {
            let file = ComparedFile::Evidence { evidence, source_path: place.1 };
            discrepancies.push(Discrepancy { file, difference: Difference::Unlisted });
        }
    }
    Ok(compared)
}

/// Reads the files that containers consist of from the table of containers of the output `out`. The
/// rows of containers in other containers, of volumes and of shadow copies are left out: their
/// paths have a `!`.
fn recorded_files(out: &Path) -> Result<Vec<RecordedFile>, ReadError> {
    let names = ["evidence", "source_path", "size", "sha256", "parts"];
    let columns = ColumnOf::named(ContainerRow::COLUMNS, &names);
    let mut files = Vec::new();
    OutputTables::new(out).read(TableId::Containers, &columns, Wanted::All, &mut |row| {
        let source_path = row.text("source_path").unwrap_or_default();
        if source_path.contains('!') {
            return;
        }
        let evidence = row.text("evidence").unwrap_or_default();
        let file = |source_path: String, container_size, sha256: Option<Cow<'_, str>>| RecordedFile {
            evidence: evidence.to_string(),
            source_path,
            container_size,
            sha256: sha256.map(Cow::into_owned),
        };
        files.push(file(source_path.to_string(), Some(row.count("size")), row.text("sha256")));
        for part in row.records("parts") {
            if let [Cell::Text(name), sha256] = part.as_slice() {
                let sha256 = if let Cell::Text(sha256) = sha256 { Some(sha256.clone()) } else { None };
                files.push(file(beside(&source_path, name), None, sha256));
            }
        }
    })?;
    Ok(files)
}

/// The files that containers consist of, as they are found in the evidence during the verification.
struct FoundFiles {
    by_place: HashMap<FileKey, FoundFile>,
    /// The root and path of each file, with the name of the piece of evidence (a root, or a folder
    /// in a root) that the file belongs to. The files are in the order in which they were found.
    order: Vec<(String, FileKey)>,
}

fn found_files(discovery: &Discovery) -> FoundFiles {
    let mut files = FoundFiles { by_place: HashMap::new(), order: Vec::new() };
    for container in discovery.containers.iter().filter(|found| !found.report.source_path.contains('!')) {
        let (own, size) = (&container.report.source_path, container.report.size);
        let mut add = |path: String, file, container_size| {
            let place = (discovery.root_of(container.evidence), path);
            files.order.push((discovery.evidence_name(container.evidence).to_owned(), place.clone()));
            files.by_place.insert(place, FoundFile { file, container_size });
        };
        let mut outer = container.outer.iter().flat_map(|outer| outer.all());
        let reason = || container.report.problems.first().map(|problem| problem.what.clone());
        let first = outer.next().ok_or_else(|| reason().unwrap_or_default());
        add(own.clone(), first, Some(size));
        outer.for_each(|file| add(beside(own, &file.name()), Ok(file), None));
    }
    files
}

/// Returns the path of the file `name` that lies in the same folder as the file `source_path`. As
/// in the table of containers, a `!` in the name is written as `\x21`.
fn beside(source_path: &str, name: &str) -> String {
    let folder = source_path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    folder + &name.replace('!', "\\x21")
}

/// Compares a file of a container with what the output records of it: its SHA-256 or, if none is
/// recorded, the size of the container. `found` is `None` if the file is missing from the evidence.
fn comparison(recorded: &RecordedFile, found: Option<&FoundFile>) -> FileComparison {
    let Some(FoundFile { file, container_size }) = found else {
        return FileComparison::Different(Difference::Missing);
    };
    let Some(expected) = &recorded.sha256 else {
        return match recorded.container_size.zip(*container_size) {
            Some((recorded, found)) if recorded != found => {
                FileComparison::Different(Difference::Size { recorded, found })
            }
            _ => FileComparison::SameSize,
        };
    };
    let hash = |file: &OuterFile| file.sha256(|| false).map_err(|error| error.to_string());
    match file.as_ref().map_err(String::clone).and_then(hash) {
        Err(reason) => FileComparison::Different(Difference::Unreadable(reason)),
        Ok(found) if found != *expected => {
            FileComparison::Different(Difference::Content { recorded: expected.clone(), found })
        }
        Ok(_) => FileComparison::SameContent,
    }
}
