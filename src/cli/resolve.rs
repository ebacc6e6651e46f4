//! Converts the arguments of a command to values that the library takes. The only file that this
//! module reads is the list of paths for `--files-from`, and the only directory that it creates is
//! that of the output.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::arguments::{RequestArguments, SweepArguments};
use super::error::UsageError;
use crate::base::platform::files::{MOST_LIST_BYTES, all_of, read_named};
use crate::base::platform::{Access, path_of_bytes};
use crate::config::{Options, Period, Sweep};
use crate::event::EventTime;
use crate::output::{OutputDirectory, OutputError, UnfinishedPolicy, prepare};

/// The greatest length of a path on Linux, in bytes. A longer entry of a list of paths
/// (`--files-from`) is an error.
const MOST_PATH_BYTES: usize = 4096;

/// Converts the arguments of `dnsweep sweep` to a request for a sweep. The error says why a list of
/// paths (`--files-from`) cannot be read.
pub(super) fn sweep_request(arguments: &SweepArguments) -> Result<Sweep, UsageError> {
    Ok(Sweep {
        spool_limit: arguments.spool_limit,
        page: arguments.no_report.into(),
        partitions: arguments.partition_by.is_some().into(),
        threads: count(arguments.threads),
        readers: count(arguments.readers),
        ..request(&arguments.request)?
    })
}

/// Converts the arguments that say what a sweep reads and looks for to a request for a sweep. The
/// error says why a list of paths (`--files-from`) cannot be read.
pub(super) fn request(arguments: &RequestArguments) -> Result<Sweep, UsageError> {
    let (since, until, last) = (&arguments.since, &arguments.until, &arguments.last);
    Ok(Sweep {
        evidence: evidence(&arguments.evidence, arguments.files_from.as_deref())?,
        rules: arguments.detection.clone(),
        indicators: arguments.lists.resolved(),
        placeholders: arguments.placeholders.clone(),
        refused: arguments.strict.into(),
        exclusions: arguments.allow.clone(),
        period: Period { since: since.clone(), until: until.clone(), last: last.clone() },
        options: options(arguments),
        passwords: arguments.passwords.clone(),
        ..Sweep::default()
    })
}

fn options(arguments: &RequestArguments) -> Options {
    Options {
        evidence_depth: arguments.evidence_depth,
        links: arguments.follow.into(),
        names: arguments.any_name.into(),
        decoding: arguments.exhaustive.into(),
        checksums: arguments.checksums.into(),
        hashing: arguments.hash.into(),
        recovery: arguments.recover.into(),
        non_log_files: arguments.carve.into(),
        containers: arguments.no_containers.into(),
        shadow_copies: arguments.vss.into(),
        excluded_rows: arguments.keep_excluded.into(),
        leads: arguments.dns_client.into(),
        context: arguments.context.into(),
        queries: arguments.queries.into(),
    }
}

/// Returns the path of the output directory of a sweep that begins at `now`: the one that the user
/// typed, or else one in the current directory that is named after the time.
pub(super) fn output_path(arguments: &SweepArguments, now: EventTime) -> Result<PathBuf, UsageError> {
    match &arguments.out {
        Some(out) => Ok(out.clone()),
        None if arguments.resume => Err(UsageError::ResumeWithoutOutput),
        None => {
            let time = now.formatted("%Y%m%dT%H%M%SZ").expect("the clock of this machine is in the calendar");
            Ok(PathBuf::from(format!("dnsweep-{time}")))
        }
    }
}

/// Prepares the output directory `out` of a sweep: creates it, resumes an unfinished output in it
/// (`--resume`), or replaces an earlier one (`--force`). `roots` are the roots of the evidence, in
/// which the output must not lie.
pub(super) fn output(
    arguments: &SweepArguments,
    out: &Path,
    roots: &[PathBuf],
) -> Result<OutputDirectory, OutputError> {
    let unfinished = match (arguments.resume, arguments.force) {
        (true, _) => UnfinishedPolicy::Resume,
        (false, true) => UnfinishedPolicy::Discard,
        (false, false) => UnfinishedPolicy::Refuse,
    };
    let access = if arguments.readable { Access::Others } else { Access::Owner };
    prepare(out, roots, arguments.force, unfinished, access)
}

/// Returns the roots of the evidence: the paths `typed` on the command line, then those in the file
/// `list` (`--files-from`). The error says why the file cannot be read.
pub(super) fn evidence(typed: &[PathBuf], list: Option<&Path>) -> Result<Vec<PathBuf>, UsageError> {
    let mut roots = typed.to_vec();
    if let Some(list) = list {
        roots.extend(listed_paths(list)?);
    }
    Ok(roots)
}

/// Reads the paths of evidence in the file `list` (`-` for standard input). The paths are separated
/// by NUL bytes if the file has any, otherwise by line ends.
fn listed_paths(list: &Path) -> Result<Vec<PathBuf>, UsageError> {
    let read = if list == Path::new("-") {
        all_of(io::stdin().lock(), MOST_LIST_BYTES)
    } else {
        read_named(list, MOST_LIST_BYTES)
    };
    let wrong = |source| UsageError::FilesFrom { path: list.to_path_buf(), source };
    let bytes = read.map_err(wrong)?;
    let separator = if bytes.contains(&0) { 0 } else { b'\n' };
    let paths = bytes.split(|byte| *byte == separator).map(|path| match path {
        // Windows ends lines with two characters.
        [path @ .., b'\r'] if separator == b'\n' => path,
        path => path,
    });
    let path = |(place, path): (usize, &[u8])| {
        if path.len() > MOST_PATH_BYTES {
            return Err(wrong(io::Error::other(format!(
                "path {place} of the list: expected at most {MOST_PATH_BYTES} bytes, found {}",
                path.len()
            ))));
        }
        Ok(path_of_bytes(path.to_vec()))
    };
    (1..).zip(paths).filter(|(_, path)| !path.is_empty()).map(path).collect()
}

/// Converts a number of threads that the user typed; `None` if the user typed none. The typed
/// number cannot be 0, because the parser of the arguments accepts no number below 1.
pub(super) fn count(typed: Option<u16>) -> Option<NonZeroUsize> {
    typed.and_then(|count| NonZeroUsize::new(usize::from(count)))
}
