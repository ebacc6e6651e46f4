//! Compares the evidence with the ledger (`files.parquet`), which accounts for every file of the
//! evidence at the time of the sweep.
//!
//! The roots of the evidence may have moved or been renamed since the sweep. So a file is
//! identified by the position of its root in the list of roots, and by its path below that root.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use super::{VerifyError, containers, output};
use crate::base::digest::Hasher;
use crate::base::in_order::in_order;
use crate::evidence::discover::{Discovery, LogFile, Search, discover, root_of};
use crate::evidence::source::LogBytes;
use crate::output::{FILES_FILE, OutputTables};
use crate::report::{
    ComparedFile, ComparedFiles, Difference, Discrepancy, EvidenceComparison, FileRow, Run, Status,
};
use crate::table::{ColumnOf, ReadError, TableId, Tables, Wanted};

/// The maximum number of bytes of a file of the evidence that are read at once to hash it.
const READ_BYTES: u64 = 1 << 20;

/// A row of the ledger (`files.parquet`): the columns that identify a file of the evidence, and
/// those that describe it at the time of the sweep.
#[derive(Debug, Default)]
struct LedgerRow {
    /// The name of the piece of evidence (a root, or a folder in a root) that contains the file.
    evidence: String,
    /// The path of the file from its root (a folder or file that was swept).
    source_path: String,
    /// The file's size at the time of the sweep, in bytes.
    size: u64,
    /// The file's SHA-256 at the time of the sweep, in hexadecimal digits; `None` if the sweep did
    /// not compute it.
    sha256: Option<String>,
    /// True if the file was a log in a shadow copy with the same bytes as another file, and has no
    /// SHA-256 of its own for that reason.
    is_unchanged: bool,
}

/// Identifies a file of the evidence: the 0-based number of its root, and its path below that root.
pub(super) type FileKey = (usize, String);

/// The result of comparing a file of the evidence with what the output records of it: with its row
/// of the ledger (`files.parquet`) or, for a file of a container, with the table of containers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileComparison {
    /// The file's bytes have the SHA-256 that the output records for the file (in `files.parquet`
    /// or `containers.parquet`). Or the file is a log in a shadow copy that has the same bytes as
    /// another file, now and at the time of the sweep.
    SameContent,
    /// The output records no SHA-256 of the file, so its bytes were not compared. The size that the
    /// output records (in `files.parquet` or `containers.parquet`), if any, agrees, or could not be
    /// compared.
    SameSize,
    /// The file differs from what the output records of it (in `files.parquet` or
    /// `containers.parquet`), is missing, or cannot be read.
    Different(Difference),
}

/// Finds the evidence by `search`, and compares it with the ledger (`files.parquet`) of the output
/// `out`. Adds each file that differs to `discrepancies`. Returns how many files were compared and
/// how many agree. If the ledger itself is not as `run.json` (`recorded`) describes it, adds a
/// discrepancy and returns `None`, because no evidence was compared.
pub(super) fn compare(
    out: &Path,
    recorded: &Run,
    search: &Search,
    threads: NonZeroUsize,
    discrepancies: &mut Vec<Discrepancy>,
) -> Result<Option<EvidenceComparison>, VerifyError> {
    let Some(listed) = rows_of(FILES_FILE, recorded, discrepancies, || ledger(out)) else {
        return Ok(None);
    };
    let discovery = discover(search, threads)?;
    let roots = RecordedRoots::of(recorded);
    let files = compare_files(listed, &roots, &discovery, threads, discrepancies)?;
    let containers = containers::compare(out, recorded, &roots, &discovery, threads, discrepancies)?;
    Ok(Some(EvidenceComparison { files, containers }))
}

/// Returns the rows of the table `table` of an output, which `read` reads. If `run.json`
/// (`recorded`) does not list the table, if `discrepancies` already contains the table, or if the
/// table cannot be read, adds a discrepancy and returns `None`.
pub(super) fn rows_of<R>(
    table: &str,
    recorded: &Run,
    discrepancies: &mut Vec<Discrepancy>,
    read: impl FnOnce() -> Result<Vec<R>, ReadError>,
) -> Option<Vec<R>> {
    let is_table =
        |discrepancy: &Discrepancy| matches!(&discrepancy.file, ComparedFile::Output(file) if file == table);
    let is_listed = recorded.outputs.iter().any(|output| output.file == table);
    if !is_listed || discrepancies.iter().any(is_table) {
        discrepancies.push(output(table, Difference::NoLedger));
        return None;
    }
    match read() {
        Ok(rows) => Some(rows),
        Err(reason) => {
            discrepancies.push(output(table, Difference::Unreadable(reason.to_string())));
            None
        }
    }
}

/// The 0-based number of the root of each piece of evidence (a root, or a folder in a root) that
/// was swept, by the name of the piece.
pub(super) struct RecordedRoots<'r>(HashMap<&'r str, usize>);

impl<'r> RecordedRoots<'r> {
    fn of(recorded: &'r Run) -> Self {
        let root = |index| root_of(&recorded.evidence_of_roots, index);
        let names = recorded.evidence.iter().enumerate();
        RecordedRoots(names.map(|(index, name)| (name.as_str(), root(index))).collect())
    }

    /// Returns the 0-based number of the root that contains the piece of evidence named `evidence`
    /// (the root itself, or a folder in it). Returns a number that no root has if there is no such
    /// piece.
    pub(super) fn root(&self, evidence: &str) -> usize {
        self.0.get(evidence).copied().unwrap_or(usize::MAX)
    }
}

/// Compares the logs that are found in the evidence during the verification with the rows of the
/// ledger (`files.parquet`). Adds each file that differs, is missing or has no row to
/// `discrepancies`. Returns how many files were compared and how many agree.
fn compare_files(
    listed: Vec<LedgerRow>,
    roots: &RecordedRoots<'_>,
    discovery: &Discovery,
    threads: NonZeroUsize,
    discrepancies: &mut Vec<Discrepancy>,
) -> Result<ComparedFiles, VerifyError> {
    let mut found = by_key(discovery);
    let pairs = listed.into_iter().map(|listed| {
        let file = found.remove(&(roots.root(&listed.evidence), listed.source_path.clone()));
        (listed, file)
    });
    let mut compared = ComparedFiles::default();
    let work = |(listed, file): (LedgerRow, Option<&LogFile>)| {
        let comparison = comparison(&listed, file);
        (listed, comparison)
    };
    let weight = |(_, file): &(LedgerRow, Option<&LogFile>)| file.map_or(0, |file| file.size);
    in_order(threads, pairs, weight, work, |(listed, comparison)| {
        let LedgerRow { evidence, source_path, size, .. } = listed;
        note(&mut compared, discrepancies, (evidence, source_path), size, comparison);
        Ok::<_, VerifyError>(())
    })?;
    // The files that are left have no row in the ledger. They are reported in the order of the
    // discovery.
    for file in &discovery.files {
        if found.contains_key(&key(discovery, file)) {
            let evidence = discovery.evidence_name(file.evidence).to_owned();
            let file = ComparedFile::Evidence { evidence, source_path: file.source_path() };
            discrepancies.push(Discrepancy { file, difference: Difference::Unlisted });
        }
    }
    Ok(compared)
}

/// Reads the rows of the ledger (`files.parquet`) of the output `out`.
fn ledger(out: &Path) -> Result<Vec<LedgerRow>, ReadError> {
    let columns = ColumnOf::named(FileRow::COLUMNS, &["evidence", "source_path", "size", "sha256", "status"]);
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let mut listed = Vec::new();
    OutputTables::new(out).read(TableId::Files, &columns, Wanted::All, &mut |row| {
        listed.push(LedgerRow {
            evidence: owned(row.text("evidence")).unwrap_or_default(),
            source_path: owned(row.text("source_path")).unwrap_or_default(),
            size: row.count("size"),
            sha256: owned(row.text("sha256")),
            is_unchanged: row.text("status").as_deref() == Some(Status::Unchanged.name()),
        });
    })?;
    Ok(listed)
}

fn by_key(discovery: &Discovery) -> HashMap<FileKey, &LogFile> {
    discovery.files.iter().map(|file| (key(discovery, file), file)).collect()
}

fn key(discovery: &Discovery, file: &LogFile) -> FileKey {
    (discovery.root_of(file.evidence), file.source_path())
}

/// Counts a compared file in `compared`. Its size, `bytes`, is added to the compared bytes only if
/// the file agrees. The pair is the name of the file's piece of evidence (a root, or a folder in a
/// root) and its path. If the file differs from its row in the ledger, or in the table of
/// containers, adds the difference to `discrepancies`.
pub(super) fn note(
    compared: &mut ComparedFiles,
    discrepancies: &mut Vec<Discrepancy>,
    (evidence, source_path): (String, String),
    bytes: u64,
    comparison: FileComparison,
) {
    compared.all.files += 1;
    match comparison {
        FileComparison::Different(difference) => {
            let file = ComparedFile::Evidence { evidence, source_path };
            return discrepancies.push(Discrepancy { file, difference });
        }
        FileComparison::SameSize => compared.by_size_only += 1,
        FileComparison::SameContent => {}
    }
    compared.all.same += 1;
    compared.bytes += bytes;
}

/// Compares a file of the evidence with its row in the ledger (`files.parquet`): by its SHA-256 if
/// the row has one, otherwise by its size. `file` is `None` if the file is missing from the
/// evidence.
fn comparison(listed: &LedgerRow, file: Option<&LogFile>) -> FileComparison {
    let Some(file) = file else { return FileComparison::Different(Difference::Missing) };
    let size = |found| FileComparison::Different(Difference::Size { recorded: listed.size, found });
    if file.obstacle.is_none() && file.size != listed.size {
        return size(file.size);
    }
    let Some(recorded) = &listed.sha256 else {
        // Discovery has shown again that the log has the bytes of another one, which has a row too.
        let is_unchanged = listed.is_unchanged && file.same_as().is_some();
        return if is_unchanged { FileComparison::SameContent } else { FileComparison::SameSize };
    };
    match hash(file) {
        Err(reason) => FileComparison::Different(Difference::Unreadable(reason)),
        Ok((_, found)) if found != listed.size => size(found),
        Ok((found, _)) if found != *recorded => {
            FileComparison::Different(Difference::Content { recorded: recorded.clone(), found })
        }
        Ok(_) => FileComparison::SameContent,
    }
}

/// Reads a file of the evidence. Returns its SHA-256 in hexadecimal digits and its size in bytes.
/// The error says why it cannot be read.
fn hash(file: &LogFile) -> Result<(String, u64), String> {
    if let Some(reason) = &file.obstacle {
        return Err(reason.clone().into_owned());
    }
    let read = || -> io::Result<(String, u64)> {
        let log = file.open()?;
        // The buffer has one byte more than the file should have, to notice a file that has grown.
        let mut buffer = vec![0; usize::try_from(READ_BYTES.min(file.size + 1)).unwrap_or_default()];
        let (mut hasher, mut at) = (Hasher::default(), 0);
        loop {
            let read = log.read_at(at, &mut buffer)?;
            if read == 0 {
                return Ok((hasher.finish(), at));
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            at += read as u64;
        }
    };
    read().map_err(|error| error.to_string())
}
