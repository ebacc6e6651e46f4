//! The subject of a verification: the output of a sweep, its `run.json`, and where its evidence is
//! now.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::VerifyError;
use crate::config::{self, search};
use crate::evidence::discover::{Search, Unpacking, resolve_roots};
use crate::report::Run;
use crate::sweep::RecordedOutput;

/// What is verified: the output of a sweep, and the evidence that is compared with the output's
/// ledger (`files.parquet`), if any.
#[derive(Debug)]
pub struct Subject {
    /// The path of the output directory that is verified, with symbolic links resolved.
    pub(super) out: PathBuf,
    /// The SHA-256 of the output's `run.json`, in hexadecimal digits.
    pub(super) run_sha256: String,
    /// The contents of the output's `run.json`, or the reason why it is damaged.
    pub(super) recorded: Result<Run, String>,
    /// Where and how to find the evidence now, with the options of the verified sweep; `None` if
    /// the evidence is not compared.
    pub(super) evidence: Option<Search>,
    /// The number of threads that list and read evidence.
    pub(super) threads: NonZeroUsize,
}

impl Subject {
    /// Reads the `run.json` of the output `out`. `evidence` are the roots of the swept evidence, in
    /// the same order as in the sweep, with the paths that they have now. If `evidence` is empty,
    /// only the output is compared. `passwords` is a file with passwords for encrypted files in
    /// archives, one a line. `threads` is `None` for one thread on each core.
    pub fn new(
        out: &Path,
        evidence: Vec<PathBuf>,
        passwords: Option<&Path>,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, VerifyError> {
        let RecordedOutput { directory, run_sha256, run } = RecordedOutput::open(out)?;
        Ok(Subject {
            evidence: evidence_to_compare(evidence, run.as_ref().ok(), passwords)?,
            run_sha256,
            recorded: run,
            out: directory,
            threads: threads.unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN)),
        })
    }
}

/// Returns where and how to find the evidence that is compared with the ledger (`files.parquet`);
/// `None` if the user named no root, or if `run.json` cannot be read. Returns an error if the
/// number of roots is not that of the sweep.
fn evidence_to_compare(
    roots: Vec<PathBuf>,
    recorded: Option<&Run>,
    passwords: Option<&Path>,
) -> Result<Option<Search>, VerifyError> {
    if roots.is_empty() {
        return Ok(None);
    }
    resolve_roots(&roots)?;
    let Some(Run { options, roots: swept, .. }) = recorded else { return Ok(None) };
    if swept.len() != roots.len() {
        return Err(VerifyError::RootCount { recorded: swept.len(), given: roots.len() });
    }
    let passwords = passwords.map(config::passwords).transpose()?;
    let passwords = passwords.map(|(passwords, _)| passwords).unwrap_or_default();
    Ok(Some(search(roots, options, Unpacking { passwords, ..Unpacking::default() })))
}
