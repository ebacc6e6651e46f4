//! The command `dnsweep plan`: lists evidence, and writes a plan for a sweep by many processes.

use std::io;
use std::num::NonZeroU32;

use super::arguments::PlanArguments;
use super::console::{MessageWriter, print};
use super::error::CommandError;
use super::exit::Exit;
use super::interrupt;
use super::progress::{BETWEEN_LINES, Progress, Verbosity};
use super::resolve::{count, request};
use crate::base::path_text::path_text;
use crate::config::Sweep;
use crate::event::EventTime;
use crate::sweep::{Plan, PlanSummary};

/// Runs the command `dnsweep plan`: writes a plan, which divides evidence into shards for different
/// processes. Prints how much evidence that is, and the commands to run next. Returns the exit
/// status.
pub(super) fn run(arguments: &PlanArguments) -> Result<Exit, CommandError> {
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let interrupt = interrupt::watch(None, arguments.log_format, verbosity);
    let request = Sweep { threads: count(arguments.threads), ..request(&arguments.request)? };
    let config = request.resolve(EventTime::now())?;
    let mut progress =
        Progress::new(MessageWriter::new(io::stderr(), arguments.log_format), verbosity, BETWEEN_LINES);
    progress.detections(&config.detections, &config.not_run);
    progress.exclusions(&config.exclusions);
    let shards = NonZeroU32::new(arguments.shards).expect("the parser of the arguments accepts no 0");
    let plan = Plan::make(&request, config, shards, &mut progress, &interrupt)?;
    let written = plan.write(&arguments.out)?;
    if arguments.quiet {
        return Ok(Exit::Complete);
    }
    let out = path_text(&arguments.out);
    let text = format!(
        "{}\nplan       {out}, SHA-256 {}\n{}",
        divided(&plan.summary()),
        written.sha256,
        next(&out, shards)
    );
    Ok(print(&text, arguments.log_format).unwrap_or(Exit::Complete))
}

/// Returns a text for the user: how many files, bytes and pieces of evidence a plan has, and into
/// how many shards they are divided.
fn divided(plan: &PlanSummary) -> String {
    let PlanSummary { shards, files, pieces, containers, bytes, largest, empty } = plan;
    let empty = if *empty == 0 { String::new() } else { format!(", {empty} without files") };
    format!(
        "evidence   {files} files, {bytes} bytes, in {pieces} pieces of evidence; {containers} containers\nshards     {shards}{empty}; the largest has {largest} bytes"
    )
}

/// Returns a text for the user with the commands to run after `dnsweep plan`: one for each shard,
/// and then the merge.
fn next(out: &str, shards: NonZeroU32) -> String {
    format!(
        "next       for each shard I from 1 to {shards}: dnsweep sweep --plan {out} --shard I --part part-I\n           then: dnsweep merge --plan {out} part-* --out DIR\n"
    )
}
