//! The command `dnsweep sweep --plan`: sweeps one shard (a portion of a plan's evidence), and
//! writes its part (the file with the shard's results, which `dnsweep merge` reads).

use std::io;
use std::path::{Path, PathBuf};

use super::arguments::SweepArguments;
use super::console::{Level, MessageWriter, print};
use super::error::{CommandError, UsageError};
use super::exit::{Exit, OnMatch};
use super::interrupt;
use super::progress::{BETWEEN_LINES, Progress, Verbosity};
use super::resolve::count;
use crate::base::path_text::{escaped_name, path_text};
use crate::base::platform::{name_bytes, path_of_bytes};
use crate::config::Local;
use crate::error::SweepError;
use crate::output::WrittenFile;
use crate::sweep::{Plan, ShardSweep, sweep_shard};

/// The maximum number of roots of a plan (folders and files of its evidence) that an error message
/// lists.
const MOST_ROOTS: usize = 5;

/// Sweeps one shard (a portion of the evidence) of the plan in the file `plan_path`, and writes its
/// part (the file with the shard's results, which `dnsweep merge` reads). Returns the exit status.
pub(super) fn run(arguments: &SweepArguments, plan_path: &Path) -> Result<Exit, CommandError> {
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let Some(Some(part)) = &arguments.part else { return Err(UsageError::PlanWithoutPart.into()) };
    let interrupt = interrupt::watch(None, arguments.log_format, verbosity);
    let remapped = arguments.remap.iter().map(|typed| remapped(typed)).collect::<Result<Vec<_>, _>>()?;
    let (plan, id) = Plan::read(plan_path)?;
    if let Some((old, _)) = remapped.iter().find(|(old, _)| !plan.roots().any(|root| root.starts_with(old))) {
        let roots = plan.roots().take(MOST_ROOTS).map(path_text).collect::<Vec<_>>().join(", ");
        return Err(UsageError::NoRoot { old: path_text(old), roots }.into());
    }
    let (shard, shards) = (arguments.shard.expect("the parser demands it"), plan.shards());
    let shard = plan.shard(shard).ok_or(UsageError::Shard { shard, shards })?;
    let mut progress =
        Progress::new(MessageWriter::new(io::stderr(), arguments.log_format), verbosity, BETWEEN_LINES);
    let request = ShardSweep {
        plan: (&plan, &id),
        shard,
        remapped,
        local: Local {
            passwords: arguments.request.passwords.clone(),
            spool_limit: arguments.spool_limit,
            threads: count(arguments.threads),
            readers: count(arguments.readers),
            ..Local::default()
        },
        part: part.clone(),
    };
    let (totals, written) = match sweep_shard(request, &mut progress, &interrupt) {
        // Another attempt, or another machine, may have the evidence.
        Err(SweepError::Evidence(error)) => {
            MessageWriter::new(io::stderr(), arguments.log_format).line(Level::Error, &error.to_string());
            return Ok(Exit::OutputFailed);
        }
        ended => ended?,
    };
    let Some(WrittenFile { bytes, sha256 }) = written else { return Ok(Exit::Interrupted) };
    let exit = Exit::of_sweep(&totals, OnMatch::from(arguments.fail_on_match));
    if arguments.quiet {
        return Ok(exit);
    }
    let text = format!(
        "shard      {shard} of {shards}: {} files, {} bytes read\npart       {}, {bytes} bytes, SHA-256 {sha256}\n",
        totals.files,
        totals.bytes_read,
        path_text(part)
    );
    Ok(print(&text, arguments.log_format).unwrap_or(exit))
}

/// Parses the argument `OLD=NEW`: the path of evidence where the plan was made, and its path on
/// this machine. The first `=` separates the two.
pub(super) fn remapped(typed: &std::ffi::OsStr) -> Result<(PathBuf, PathBuf), UsageError> {
    let bytes = name_bytes(typed);
    let place = bytes.iter().position(|byte| *byte == b'=');
    let parts = place.and_then(|place| Some((bytes.get(..place)?, bytes.get(place + 1..)?)));
    match parts {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok((path_of_bytes(old.to_vec()), path_of_bytes(new.to_vec())))
        }
        _ => Err(UsageError::Remap(escaped_name(typed))),
    }
}
