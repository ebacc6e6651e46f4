//! The command `dnsweep merge`: makes of parts (files with the results of sweeps or shards) the
//! output that one sweep of all their evidence would have written.

use std::io;

use super::arguments::MergeArguments;
use super::console::MessageWriter;
use super::error::CommandError;
use super::exit::{Exit, OnMatch};
use super::interrupt;
use super::progress::{BETWEEN_LINES, Progress, Verbosity};
use super::report::extent;
use super::resolve::count;
use super::sweep::{caller, show};
use crate::base::platform::Access;
use crate::config::Local;
use crate::output::{UnfinishedPolicy, prepare};
use crate::sweep::{Merge, PartSource};

/// Runs the command `dnsweep merge`: merges parts (files with the results of sweeps or shards) into
/// one output, and prints its summary. Returns the exit status.
pub(super) fn run(arguments: &MergeArguments) -> Result<Exit, CommandError> {
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let interrupt = interrupt::watch(None, arguments.log_format, verbosity);
    let source = match &arguments.plan {
        Some(plan) => PartSource::Plan { plan: plan.clone(), parts: arguments.parts.clone() },
        None => PartSource::Outputs(arguments.parts.clone()),
    };
    let merge = Merge::open(&source)?;
    let unfinished = if arguments.force { UnfinishedPolicy::Discard } else { UnfinishedPolicy::Refuse };
    let access = if arguments.readable { Access::Others } else { Access::Owner };
    let output = prepare(&arguments.out, &merge.roots(), arguments.force, unfinished, access)?;
    let mut progress =
        Progress::new(MessageWriter::new(io::stderr(), arguments.log_format), verbosity, BETWEEN_LINES)
            .saying("merging");
    let local = Local {
        page: arguments.no_report.into(),
        partitions: arguments.partition_by.is_some().into(),
        threads: count(arguments.threads),
        ..Local::default()
    };
    let caller = caller(OnMatch::Ignore);
    let outcome = merge.run(local, output, arguments.part, caller, &mut progress, &interrupt)?;
    let summary = (!arguments.quiet).then_some((arguments.format, extent(arguments.full)));
    Ok(show(outcome, OnMatch::Ignore, summary, arguments.log_format))
}
