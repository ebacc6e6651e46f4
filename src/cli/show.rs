//! The command `dnsweep show`: shows single events of an output, with their processes, rules and
//! places and, if the evidence is at hand, their records.

use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use super::arguments::{ShowEventsArguments, ShowFormat};
use super::console::{Level, MessageWriter};
use super::destination::Destination;
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use super::export::INTERRUPTED_SWEEP;
use super::report::extent;
use super::resolve::count;
use crate::base::path_text::path_text;
use crate::report::show::{
    ProcessName, RecordAgain, ShowDocument, ShowError, ShowQuestion, ShowText, Shown, Wish,
};
use crate::sweep::{CompleteOutput, OutputNotRead, RecordedOutput};
use crate::verify::RecordReader;

/// The maximum number of events that are shown of a host or process, unless the user asks for all
/// (`--full`).
const MOST_EVENTS: usize = 20;

/// Runs the command `dnsweep show`: shows events of the output of a sweep. Returns the exit status.
pub(super) fn run(arguments: &ShowEventsArguments) -> Result<Exit, CommandError> {
    let output = RecordedOutput::open(&arguments.out)?.complete()?;
    // The evidence can lie elsewhere now than when it was swept.
    let given = arguments.evidence.iter().filter_map(|root| root.canonicalize().ok());
    let roots: Vec<String> =
        output.run.roots.iter().cloned().chain(given.map(|root| path_text(&root))).collect();
    let destination = Destination::of(arguments.output.as_deref(), &output.directory, &roots)?;
    let mut shown =
        Shown::read(&output.tables, &question(arguments)).map_err(|error| failed(error, &output))?;
    if !arguments.evidence.is_empty() {
        let threads =
            count(arguments.threads).unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let (roots, passwords) = (arguments.evidence.clone(), arguments.passwords.as_deref());
        let reader = RecordReader::new(roots, &output.run, passwords, threads)?;
        shown.events.iter_mut().for_each(|event| reader.read(event));
    }
    if output.run.interrupted {
        MessageWriter::new(io::stderr(), arguments.log_format).line(Level::Warning, INTERRUPTED_SWEEP);
    }
    let directory = path_text(&output.directory);
    let (width, colours) = (destination.width(), destination.colours());
    let failed = destination.write(arguments.log_format, |to| match arguments.format {
        ShowFormat::Text => to.write_all(ShowText { shown: &shown, width, colours }.text().as_bytes()),
        ShowFormat::Json => ShowDocument::new(&shown, &directory, &output.run_sha256).write(to),
    });
    Ok(failed.unwrap_or_else(|| of_records(&shown)))
}

fn question(arguments: &ShowEventsArguments) -> ShowQuestion {
    let wish = if arguments.ids.is_empty() {
        let process = arguments.process.as_deref().map(ProcessName::from);
        Wish::Of { host: arguments.host.clone(), process }
    } else {
        Wish::Ids(arguments.ids.clone())
    };
    ShowQuestion { wish, most: extent(arguments.full).most(MOST_EVENTS) }
}

/// Returns the exit status for the shown events: [`Exit::Damaged`] if the record of an event was
/// read again from the evidence and is missing or not as the output records it, otherwise
/// [`Exit::Complete`].
fn of_records(shown: &Shown) -> Exit {
    let mut records = shown.events.iter().flat_map(|event| &event.records);
    if records.all(RecordAgain::is_as_recorded) { Exit::Complete } else { Exit::Damaged }
}

fn failed(error: ShowError, output: &CompleteOutput) -> CommandError {
    match error {
        ShowError::NotFound(reason) => UsageError::Events(reason).into(),
        ShowError::Table(error) => {
            OutputNotRead::Incomplete { path: output.directory.clone(), found: error.to_string() }.into()
        }
    }
}
