//! What will be compared: what was typed, resolved once. Every wrong order is found here.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::base::digest::sha256;
use crate::base::platform::files::{Link, MOST_LIST_BYTES, read_at_most};
use crate::cli::arguments::VerifyArguments;
use crate::cli::resolve::{listed_paths, threads};
use crate::error::SweepError;
use crate::evidence::discover::{Links, Names, Others, Search, resolve_roots};
use crate::output::RUN_FILE;
use crate::report::{NotStated, Options, Stated};
use crate::sweep::SCHEMA_VERSION;

/// A verification, ready to run.
#[derive(Debug)]
pub struct Order {
    /// The output.
    pub(super) out: PathBuf,
    /// The SHA-256 of its `run.json`.
    pub(super) run_sha256: String,
    /// What that states, or why it cannot be read.
    pub(super) stated: Result<Stated, String>,
    /// Where the evidence lies now, if it is to be compared: found as it was then.
    pub(super) evidence: Option<Search>,
    /// How many threads read.
    pub(super) threads: NonZeroUsize,
}

impl Order {
    /// Resolves what was typed.
    pub fn resolve(arguments: &VerifyArguments) -> Result<Self, SweepError> {
        let VerifyArguments { out, .. } = arguments;
        let json = run_json(out)?;
        let stated = match Stated::parse(&json, SCHEMA_VERSION) {
            Ok(stated) => Ok(stated),
            Err(NotStated::Damaged(reason)) => Err(reason),
            Err(NotStated::Foreign) => return Err(not_an_output(out, "a run.json that is not of dnsweep")),
            Err(NotStated::Version(found)) => {
                return Err(SweepError::SchemaVersion { path: out.clone(), known: SCHEMA_VERSION, found });
            }
        };
        Ok(Order {
            evidence: evidence(arguments, stated.as_ref().ok())?,
            run_sha256: sha256(&json),
            stated,
            // Without links, as a sweep names it; its run.json was read, so it is there.
            out: fs::canonicalize(out).unwrap_or_else(|_| out.clone()),
            threads: threads(arguments.threads),
        })
    }
}

/// The bytes of an output's `run.json`.
fn run_json(out: &Path) -> Result<Vec<u8>, SweepError> {
    // A link could lead anywhere, and a pipe have no end.
    read_at_most(&out.join(RUN_FILE), Link::Refused, MOST_LIST_BYTES)
        .map_err(|error| not_an_output(out, &format!("no run.json that can be read: {error}")))
}

fn not_an_output(out: &Path, found: &str) -> SweepError {
    SweepError::NotAnOutput { path: out.to_path_buf(), found: found.to_owned() }
}

/// Where to look for evidence, if any was named: as many roots as were swept.
fn evidence(arguments: &VerifyArguments, stated: Option<&Stated>) -> Result<Option<Search>, SweepError> {
    let mut roots = arguments.evidence.clone();
    if let Some(list) = &arguments.files_from {
        roots.extend(listed_paths(list)?);
    } else if roots.is_empty() {
        return Ok(None);
    }
    resolve_roots(&roots)?;
    let Some(Stated { options, roots: swept, .. }) = stated else { return Ok(None) };
    if swept.len() != roots.len() {
        return Err(SweepError::RootCount { stated: swept.len(), given: roots.len() });
    }
    let Options { evidence_depth, follow, any_name, carve, .. } = *options;
    Ok(Some(Search {
        links: if follow { Links::Follow } else { Links::Ignore },
        names: if any_name { Names::Any } else { Names::EventLogs },
        others: if carve { Others::Carve } else { Others::PassOver },
        evidence_depth,
        roots,
    }))
}
