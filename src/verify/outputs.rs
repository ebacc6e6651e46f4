//! Compares the tables of an output with their records in its `run.json`.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use super::output;
use crate::base::digest::sha256_of_all;
use crate::base::path_text::escaped_name;
use crate::base::platform::files::{self, FileOpenError, Link};
use crate::output::{DOCUMENTS, PART_FILE, PARTITIONS_FOLDER, STATS_FOLDER, row_count};
use crate::report::{ComparisonCounts, Difference, Discrepancy, OutputRecord};

/// Compares each table of the output `out` with what `run.json` says about it (size, SHA-256 and
/// number of rows), and the output's part (the file from which `dnsweep merge` makes outputs), if
/// it has one, by size and SHA-256. Adds what differs, and each file that `run.json` does not list,
/// to `discrepancies`. Returns how many tables were compared and how many agree.
pub(super) fn compare(
    out: &Path,
    (recorded, part): (&[OutputRecord], Option<&OutputRecord>),
    discrepancies: &mut Vec<Discrepancy>,
) -> ComparisonCounts {
    let lists_part = part.is_some_and(|part| part.file == PART_FILE);
    if let Some(part) = part
        && let Err(difference) = contents(out, part)
    {
        discrepancies.push(output(&part.file, difference));
    }
    let mut compared = ComparisonCounts { files: recorded.len() as u64, ..ComparisonCounts::default() };
    for table in recorded {
        match difference(out, table) {
            None => compared.same += 1,
            Some(difference) => discrepancies.push(output(&table.file, difference)),
        }
    }
    if !lists_part && out.join(PART_FILE).exists() {
        discrepancies.push(output(PART_FILE, Difference::Unlisted));
    }
    let listed = recorded.iter().map(|table| table.file.as_str()).chain(DOCUMENTS).collect();
    unlisted(out, "", &listed, discrepancies);
    compared
}

/// Compares a table of the output `out` with what `run.json` says about it (size, SHA-256 and
/// number of rows). Returns the first difference; `None` if they agree.
fn difference(out: &Path, recorded: &OutputRecord) -> Option<Difference> {
    let file = match contents(out, recorded) {
        Ok(file) => file,
        Err(difference) => return Some(difference),
    };
    match row_count(file) {
        Err(reason) => Some(Difference::Unreadable(reason.to_string())),
        Ok(found) if found != recorded.rows => Some(Difference::Rows { recorded: recorded.rows, found }),
        Ok(_) => None,
    }
}

/// Compares the bytes of a file of the output `out` with what `run.json` says about them (size and
/// SHA-256). Returns the file if they agree, and otherwise the first difference.
fn contents(out: &Path, recorded: &OutputRecord) -> Result<File, Difference> {
    let unreadable = |error: io::Error| Difference::Unreadable(error.to_string());
    let name = Path::new(&recorded.file);
    // A forged run.json must not make us read files outside the output.
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Difference::Outside);
    }
    let file = files::open(&out.join(name), Link::Refused).map_err(|error| match error {
        FileOpenError::Kind(_) => Difference::NotAFile,
        FileOpenError::System(error) if error.kind() == io::ErrorKind::NotFound => Difference::Missing,
        FileOpenError::System(error) => unreadable(error),
    })?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size != recorded.bytes {
        return Err(Difference::Size { recorded: recorded.bytes, found: size });
    }
    // With the limit, a file that grows meanwhile is not read for ever.
    let (found, _) = sha256_of_all((&file).take(recorded.bytes.saturating_add(1))).map_err(unreadable)?;
    if found == recorded.sha256 {
        Ok(file)
    } else {
        Err(Difference::Content { recorded: recorded.sha256.clone(), found })
    }
}

/// Returns true if a folder of an output can contain tables: if it is `stats`, with a table for
/// each detection, or is `by-host` or lies in it, with the tables divided by host. `folder` is its
/// path, relative to the output directory.
fn may_have_tables(folder: &str) -> bool {
    let mut parts = folder.split('/');
    match parts.next() {
        Some(STATS_FOLDER) => parts.next().is_none(),
        Some(PARTITIONS_FOLDER) => parts.count() <= 2,
        _ => false,
    }
}

/// Adds a discrepancy for each file of the output that `run.json` does not list. `folder` is the
/// folder to look in, relative to the output directory `out`; `""` is that directory itself.
fn unlisted(out: &Path, folder: &str, listed: &HashSet<&str>, discrepancies: &mut Vec<Discrepancy>) {
    let entries = fs::read_dir(out.join(folder)).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        // If the folder is missing, its tables are already reported as missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return discrepancies.push(output(folder, Difference::Unreadable(error.to_string()))),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = escaped_name(&entry.file_name());
        let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && may_have_tables(&name) {
            unlisted(out, &name, listed, discrepancies);
        } else if !listed.contains(name.as_str()) {
            discrepancies.push(output(&name, Difference::Unlisted));
        }
    }
}
