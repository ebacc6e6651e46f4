//! The command `dnsweep sweep`: sweeps evidence, writes tables and prints a summary.

use std::io;

use super::arguments::{LogFormat, SummaryFormat, SweepArguments};
use super::console::{Level, MessageWriter};
use super::error::{CommandError, UsageError};
use super::exit::{Exit, OnMatch};
use super::interrupt;
use super::progress::{BETWEEN_LINES, Progress, Verbosity};
use super::report::{extent, print_summary};
use super::resolve::{output, output_path, sweep_request};
use super::shard;
use crate::base::path_text::escaped_name;
use crate::config::CarriedConfig;
use crate::event::EventTime;
use crate::evidence::discover::resolve_roots;
use crate::report::{Ending, Extent, Totals, nothing_read};
use crate::sweep::{Caller, Outcome, RecordedOutput, Sink, sweep};

/// Runs the command `dnsweep sweep`: makes a sweep and prints a summary of its results. Returns the
/// exit status.
pub(super) fn run(arguments: &SweepArguments) -> Result<Exit, CommandError> {
    if let Some(plan) = &arguments.plan {
        return shard::run(arguments, plan);
    }
    if let Some(Some(file)) = &arguments.part {
        return Err(UsageError::PartWithoutPlan(file.clone()).into());
    }
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let now = EventTime::now();
    let out = output_path(arguments, now)?;
    let interrupt = interrupt::watch(Some(&out), arguments.log_format, verbosity);
    let request = sweep_request(arguments)?;
    let mut config = request.resolve(now)?;
    let roots = resolve_roots(&config.roots)?;
    if arguments.part.is_some() {
        config.part = Some(CarriedConfig::of(&request, &config, &roots)?);
    }
    let output = output(arguments, &out, &roots)?;
    let mut progress =
        Progress::new(MessageWriter::new(io::stderr(), arguments.log_format), verbosity, BETWEEN_LINES);
    progress.detections(&config.detections, &config.not_run);
    progress.exclusions(&config.exclusions);
    let on_match = OnMatch::from(arguments.fail_on_match);
    let caller = caller(on_match);
    let outcome = sweep(config, Sink::Directory(output), caller, &mut progress, &interrupt)?;
    let summary = (!arguments.quiet).then_some((arguments.format, extent(arguments.full)));
    Ok(show(outcome, on_match, summary, arguments.log_format))
}

/// Prints the summary of what a sweep or a merge has written to its directory. `summary` is the
/// format and extent of the summary; `None` to print none. Returns the exit status.
pub(super) fn show(
    outcome: Outcome,
    on_match: OnMatch,
    summary: Option<(SummaryFormat, Extent)>,
    log_format: LogFormat,
) -> Exit {
    if outcome.ending != Ending::Interrupted && !outcome.run.totals.read_any_log() {
        MessageWriter::new(io::stderr(), log_format).line(Level::Error, &nothing_read(&outcome.run));
    }
    let exit = Exit::of_sweep(&outcome.run.totals, on_match);
    let Some((format, extent)) = summary else { return exit };
    let directory = outcome.directory.clone().expect("the sink is a directory");
    // Its hosts take memory, and the answer is read from the tables.
    drop(outcome);
    let print = |output| print_summary(output, format, extent, log_format);
    match RecordedOutput::open(&directory).map_err(CommandError::from).and_then(print) {
        Ok(failed) => failed.unwrap_or(exit),
        Err(error) => {
            let message = format!("the output is complete, but its summary cannot be read back: {error}");
            MessageWriter::new(io::stderr(), log_format).line(Level::Error, &message);
            Exit::OutputFailed
        }
    }
}

/// Returns what `run.json` records about this process: the command line, and the function from a
/// sweep's totals to the exit status. `on_match` says whether matches change the exit status.
pub(super) fn caller(on_match: OnMatch) -> Caller {
    let exit_status: fn(&Totals) -> u8 = match on_match {
        OnMatch::Ignore => |totals| Exit::of_sweep(totals, OnMatch::Ignore).number(),
        OnMatch::Fail => |totals| Exit::of_sweep(totals, OnMatch::Fail).number(),
    };
    let arguments = std::env::args_os().map(|word| escaped_name(&word)).collect();
    Caller { arguments, exit_status: Some(exit_status) }
}
