//! Compares the tables of an output with their records in its `run.json`.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use super::output;
use crate::base::digest::sha256_of_all;
use crate::base::path_text::escaped_name;
use crate::base::platform::files::{self, FileOpenError, Link};
use crate::output::{PAGE_FILE, RUN_FILE, STATS_FOLDER, row_count};
use crate::report::{ComparisonCounts, Difference, Discrepancy, OutputRecord};

/// Compares each table of the output `out` with what `run.json` says about it (size, SHA-256 and
/// number of rows), and finds files that `run.json` does not list. Adds what differs to
/// `discrepancies`, and returns how many tables were compared and how many agree.
pub(super) fn compare(
    out: &Path,
    recorded: &[OutputRecord],
    discrepancies: &mut Vec<Discrepancy>,
) -> ComparisonCounts {
    let mut compared = ComparisonCounts { files: recorded.len() as u64, ..ComparisonCounts::default() };
    for table in recorded {
        match difference(out, table) {
            None => compared.same += 1,
            Some(difference) => discrepancies.push(output(&table.file, difference)),
        }
    }
    unlisted(out, "", recorded, discrepancies);
    compared
}

/// Compares a table of the output `out` with what `run.json` says about it (size, SHA-256 and
/// number of rows). Returns the first difference; `None` if they agree.
fn difference(out: &Path, recorded: &OutputRecord) -> Option<Difference> {
    let unreadable = |error: io::Error| Some(Difference::Unreadable(error.to_string()));
    let name = Path::new(&recorded.file);
    // A forged run.json must not make us read files outside the output.
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Some(Difference::Outside);
    }
    let file = match files::open(&out.join(name), Link::Refused) {
        Err(FileOpenError::Kind(_)) => return Some(Difference::NotAFile),
        Err(FileOpenError::System(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Some(Difference::Missing);
        }
        Err(FileOpenError::System(error)) => return unreadable(error),
        Ok(file) => file,
    };
    match file.metadata() {
        Err(error) => return unreadable(error),
        Ok(metadata) if metadata.len() != recorded.bytes => {
            return Some(Difference::Size { recorded: recorded.bytes, found: metadata.len() });
        }
        Ok(_) => {}
    }
    // With the limit, a file that grows meanwhile is not read for ever.
    match sha256_of_all((&file).take(recorded.bytes.saturating_add(1))) {
        Err(error) => return unreadable(error),
        Ok((found, _)) if found != recorded.sha256 => {
            return Some(Difference::Content { recorded: recorded.sha256.clone(), found });
        }
        Ok(_) => {}
    }
    match row_count(file) {
        Err(reason) => Some(Difference::Unreadable(reason.to_string())),
        Ok(found) if found != recorded.rows => Some(Difference::Rows { recorded: recorded.rows, found }),
        Ok(_) => None,
    }
}

/// Adds a discrepancy for each file of the output that `run.json` does not list. `folder` is the
/// folder to look in, relative to the output directory `out`; `""` is that directory itself.
fn unlisted(out: &Path, folder: &str, recorded: &[OutputRecord], discrepancies: &mut Vec<Discrepancy>) {
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
        if name == STATS_FOLDER && is_folder {
            unlisted(out, STATS_FOLDER, recorded, discrepancies);
        } else if name != RUN_FILE && name != PAGE_FILE && !recorded.iter().any(|table| table.file == name) {
            discrepancies.push(output(&name, Difference::Unlisted));
        }
    }
}
