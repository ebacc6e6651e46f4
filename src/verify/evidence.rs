//! The evidence against the ledger.
//!
//! The roots may lie elsewhere than they did, under other names: a file is the same if it has the
//! same path from the same root, counted in the order in which they are given.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use super::{VerifyError, output};
use crate::base::digest::Hasher;
use crate::base::in_order::in_order;
use crate::evidence::discover::{Discovery, LogFile, Search, discover, root_of};
use crate::output::{FILES_FILE, read_rows};
use crate::report::{Difference, Discrepancy, EvidenceCompared, Place, Stated};
use crate::table::Cell;

/// The most that is read at once.
const READ_BYTES: u64 = 1 << 20;

/// A file, as the ledger has it.
#[derive(Debug, Default)]
struct Listed {
    evidence: String,
    source_path: String,
    size: u64,
    sha256: Option<String>,
}

/// A file by its root, from 0, and its path from there.
type Key = (usize, String);

/// What came of comparing a file.
#[derive(Debug, PartialEq, Eq)]
enum Comparison {
    /// Its bytes are those that were hashed.
    SameContent,
    /// It has as many bytes as it had, of which there is no hash.
    SameSize,
    /// The file is not as it was.
    Different(Difference),
}

/// Compares the evidence with the ledger, if that is itself as stated.
pub(super) fn compare(
    out: &Path,
    stated: &Stated,
    search: &Search,
    threads: NonZeroUsize,
    findings: &mut Vec<Discrepancy>,
) -> Result<Option<EvidenceCompared>, VerifyError> {
    let is_ledger =
        |finding: &Discrepancy| matches!(&finding.place, Place::Output(file) if file == FILES_FILE);
    let is_stated = stated.outputs.iter().any(|table| table.file == FILES_FILE);
    if !is_stated || findings.iter().any(is_ledger) {
        findings.push(output(FILES_FILE, Difference::NoLedger));
        return Ok(None);
    }
    let listed = match ledger(&out.join(FILES_FILE)) {
        Ok(listed) => listed,
        Err(reason) => {
            findings.push(output(FILES_FILE, Difference::Unreadable(reason)));
            return Ok(None);
        }
    };
    let discovery = discover(search, threads)?;
    let mut found = by_key(&discovery);
    let roots: HashMap<&str, usize> = stated
        .evidence
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), root_of(&stated.evidence_of_roots, index)))
        .collect();
    let pairs = listed.into_iter().map(|listed| {
        let root = roots.get(listed.evidence.as_str()).copied().unwrap_or(usize::MAX);
        let file = found.remove(&(root, listed.source_path.clone()));
        (listed, file)
    });
    let mut compared = EvidenceCompared::default();
    let work = |(listed, file): (Listed, Option<&LogFile>)| {
        let comparison = comparison(&listed, file);
        (listed, comparison)
    };
    let weight = |(_, file): &(Listed, Option<&LogFile>)| file.map_or(0, |file| file.size);
    in_order(threads, pairs, weight, work, |(listed, comparison)| {
        note(&mut compared, findings, listed, comparison);
        Ok::<_, VerifyError>(())
    })?;
    // What is left of the files that were found is not listed; the list has their order.
    for file in &discovery.files {
        if found.contains_key(&key(&discovery, file)) {
            let evidence = discovery.evidence_name(file.evidence).to_owned();
            let place = Place::Evidence { evidence, source_path: file.source_path() };
            findings.push(Discrepancy { place, difference: Difference::Unlisted });
        }
    }
    Ok(Some(compared))
}

/// The rows of the ledger.
fn ledger(path: &Path) -> Result<Vec<Listed>, String> {
    let mut listed = Vec::new();
    read_rows(path, &["evidence", "source_path", "size", "sha256"], |cells| {
        let mut row = Listed::default();
        if let [Cell::Text(evidence), Cell::Text(source_path), Cell::Integer(size), sha256] = cells {
            (row.evidence, row.source_path) = (evidence.to_string(), source_path.to_string());
            row.size = u64::try_from(*size).unwrap_or_default();
            row.sha256 = if let Cell::Text(sha256) = sha256 { Some(sha256.to_string()) } else { None };
        }
        listed.push(row);
    })?;
    Ok(listed)
}

fn by_key(discovery: &Discovery) -> HashMap<Key, &LogFile> {
    discovery.files.iter().map(|file| (key(discovery, file), file)).collect()
}

fn key(discovery: &Discovery, file: &LogFile) -> Key {
    (discovery.root_of(file.evidence), file.source_path())
}

/// Counts what came of a file, or adds it to the findings.
fn note(
    compared: &mut EvidenceCompared,
    findings: &mut Vec<Discrepancy>,
    listed: Listed,
    comparison: Comparison,
) {
    compared.all.files += 1;
    match comparison {
        Comparison::Different(difference) => {
            let Listed { evidence, source_path, .. } = listed;
            findings.push(Discrepancy { place: Place::Evidence { evidence, source_path }, difference });
            return;
        }
        Comparison::SameSize => compared.by_size_only += 1,
        Comparison::SameContent => {}
    }
    compared.all.same += 1;
    compared.bytes += listed.size;
}

/// Compares a file with what is listed of it.
fn comparison(listed: &Listed, file: Option<&LogFile>) -> Comparison {
    let Some(file) = file else { return Comparison::Different(Difference::Missing) };
    let size = |found| Comparison::Different(Difference::Size { stated: listed.size, found });
    if file.obstacle.is_none() && file.size != listed.size {
        return size(file.size);
    }
    let Some(stated) = &listed.sha256 else { return Comparison::SameSize };
    match hash(file) {
        Err(reason) => Comparison::Different(Difference::Unreadable(reason)),
        Ok((_, found)) if found != listed.size => size(found),
        Ok((found, _)) if found != *stated => {
            Comparison::Different(Difference::Content { stated: stated.clone(), found })
        }
        Ok(_) => Comparison::SameContent,
    }
}

/// The SHA-256 of a file and how many bytes it has, or why it cannot be read.
fn hash(file: &LogFile) -> Result<(String, u64), String> {
    if let Some(reason) = &file.obstacle {
        return Err(reason.clone());
    }
    let read = || -> io::Result<(String, u64)> {
        let log = file.open()?;
        // One more than there are, to see that there are no more.
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
