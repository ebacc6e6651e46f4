//! The command `dnsweep report`: shows what the output of a sweep says.

use super::arguments::{ReportArguments, ReportFormat};
use super::console::print_with;
use super::error::CommandError;
use super::exit::Exit;
use crate::base::path_text::path_text;
use crate::report::answer::{Document, Limits, Question};
use crate::sweep::RecordedOutput;

/// Runs the command `dnsweep report`: prints what the output of a sweep says. Returns the exit
/// status.
pub(super) fn run(arguments: &ReportArguments) -> Result<Exit, CommandError> {
    let limits = if arguments.full { Limits::FULL } else { Limits::SUMMARY };
    let output = RecordedOutput::open(&arguments.out)?;
    let directory = path_text(&output.directory);
    let answer = output.answer(&Question { host: None, limits })?;
    let exit = match arguments.format {
        ReportFormat::Json => {
            print_with(arguments.log_format, |stdout| Document::new(&answer, &directory).write(stdout))
        }
    };
    Ok(exit.unwrap_or(Exit::Complete))
}
