//! The command `dnsweep sweep`: sweeps evidence, writes tables and prints a summary.

use std::io;

use super::arguments::SweepArguments;
use super::console::{Level, MessageWriter};
use super::error::CommandError;
use super::exit::{Exit, OnMatch};
use super::interrupt;
use super::progress::{BETWEEN_LINES, Progress, Verbosity};
use super::report::{extent, print_summary};
use super::resolve::{output, output_path, request};
use crate::base::path_text::escaped_name;
use crate::event::EventTime;
use crate::evidence::discover::resolve_roots;
use crate::report::{Ending, Totals, nothing_read};
use crate::sweep::{Caller, RecordedOutput, Sink, sweep};

/// Runs the command `dnsweep sweep`: makes a sweep and prints a summary of its results. Returns the
/// exit status.
pub(super) fn run(arguments: &SweepArguments) -> Result<Exit, CommandError> {
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let now = EventTime::now();
    let out = output_path(arguments, now)?;
    let interrupt = interrupt::watch(&out, arguments.log_format, verbosity);
    let config = request(arguments)?.resolve(now)?;
    let output = output(arguments, &out, &resolve_roots(&config.roots)?)?;
    let mut progress =
        Progress::new(MessageWriter::new(io::stderr(), arguments.log_format), verbosity, BETWEEN_LINES);
    progress.detections(&config.detections, &config.not_run);
    progress.exclusions(&config.exclusions);
    let on_match = OnMatch::from(arguments.fail_on_match);
    let exit_status: fn(&Totals) -> u8 = match on_match {
        OnMatch::Ignore => |totals| Exit::of_sweep(totals, OnMatch::Ignore).number(),
        OnMatch::Fail => |totals| Exit::of_sweep(totals, OnMatch::Fail).number(),
    };
    let caller = Caller {
        arguments: std::env::args_os().map(|word| escaped_name(&word)).collect(),
        exit_status: Some(exit_status),
    };
    let outcome = sweep(config, Sink::Directory(output), caller, &mut progress, &interrupt)?;
    if outcome.ending != Ending::Interrupted && !outcome.run.totals.read_any_log() {
        MessageWriter::new(io::stderr(), arguments.log_format)
            .line(Level::Error, &nothing_read(&outcome.run));
    }
    let exit = Exit::of_sweep(&outcome.run.totals, on_match);
    if arguments.quiet {
        return Ok(exit);
    }
    let directory = outcome.directory.clone().expect("the sink is a directory");
    // Its hosts take memory, and the answer is read from the tables.
    drop(outcome);
    let (format, extent) = (arguments.format, extent(arguments.full));
    let print = |output| print_summary(output, format, extent, arguments.log_format);
    match RecordedOutput::open(&directory).map_err(CommandError::from).and_then(print) {
        Ok(failed) => Ok(failed.unwrap_or(exit)),
        Err(error) => {
            let message = format!("the output is complete, but its summary cannot be read back: {error}");
            MessageWriter::new(io::stderr(), arguments.log_format).line(Level::Error, &message);
            Ok(Exit::OutputFailed)
        }
    }
}
