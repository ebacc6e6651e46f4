//! The command `dnsweep timeline`: prints the events in the tables of an output in order of time,
//! to standard output or to a file, which is written completely or not at all.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::arguments::{TimelineArguments, TimelineFormat as Typed};
use super::console::{Level, MessageWriter, PIPE_WIDTH, colours, width};
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use super::export::INTERRUPTED_SWEEP;
use super::export_file::{ExportFile, watch};
use crate::output::OutputError;
use crate::report::Colours;
use crate::report::export::Characters;
use crate::report::timeline::{Timeline, TimelineError, TimelineFormat};
use crate::sweep::{CompleteOutput, OutputNotRead, RecordedOutput};
use crate::table::{TableId, Tables};

/// The message for the user if the output has no table of processes.
const NO_PROCESSES: &str = "without starts and ends of processes, which need sweep --context";
/// The message for the user if the output has no table of leads, which are queries in the log of
/// Windows' own DNS client.
const NO_LEADS: &str = "without leads, which need sweep --dns-client";

/// Runs the command `dnsweep timeline`: writes the timeline of an output. Returns the exit status.
pub(super) fn run(arguments: &TimelineArguments) -> Result<Exit, CommandError> {
    let output = RecordedOutput::open(&arguments.out)?.complete()?;
    let file = match arguments.output.as_path() {
        path if path == Path::new("-") => None,
        path => Some(ExportFile::at(path, arguments.force, &output)?),
    };
    let mut messages = MessageWriter::new(io::stderr(), arguments.log_format);
    let written = match &file {
        Some(file) => write_file(arguments, &output, file),
        None => print(arguments, &output),
    };
    let remarks = match written {
        Err(TimelineError::Interrupted) => {
            messages.line(Level::Error, "interrupted: no file was written");
            return Ok(Exit::Interrupted);
        }
        Err(error) => return Err(failed(error, &output, file.as_ref())),
        Ok(remarks) => remarks,
    };
    if output.run.interrupted {
        messages.line(Level::Warning, INTERRUPTED_SWEEP);
    }
    if !arguments.quiet {
        if let Some(file) = &file {
            messages.line(Level::Info, &format!("timeline written to '{}'", file.path.display()));
        }
        let absent = [(TableId::Processes, NO_PROCESSES), (TableId::Leads, NO_LEADS)];
        let absent = absent.into_iter().filter(|(table, _)| !output.tables.has(*table));
        let remarks = remarks.into_iter().chain(absent.map(|(_, remark)| remark.to_owned()));
        remarks.for_each(|remark| messages.line(Level::Info, &remark));
    }
    Ok(Exit::Complete)
}

fn read(
    arguments: &TimelineArguments,
    output: &CompleteOutput,
    stop: &AtomicBool,
) -> Result<Timeline, TimelineError> {
    Timeline::read(&output.tables, &arguments.host, &std::env::temp_dir(), stop)
}

/// Writes the timeline to standard output. Returns sentences for the user on what the timeline
/// contains and leaves out; none if the format is text, which has them itself, or if the reader
/// closes the pipe early (`| head -1`), which ends writing without an error.
fn print(arguments: &TimelineArguments, output: &CompleteOutput) -> Result<Vec<String>, TimelineError> {
    let stop = AtomicBool::new(false);
    let timeline = read(arguments, output, &stop)?;
    let characters = Characters::from(io::stdout().is_terminal());
    let format = match arguments.format {
        Typed::Text => TimelineFormat::Text { width: width(), colours: colours() },
        Typed::Csv => TimelineFormat::Csv(characters),
        Typed::Jsonl => TimelineFormat::Jsonl,
    };
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = timeline
        .write(format, &mut stdout, &stop)
        .and_then(|remarks| stdout.flush().map(|()| remarks).map_err(TimelineError::Write));
    match written {
        Err(TimelineError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Vec::new()),
        written => written,
    }
}

/// Writes the timeline to a file, completely or not at all. Returns sentences for the user on what
/// the timeline contains and leaves out; none if the format is text, which has them itself.
fn write_file(
    arguments: &TimelineArguments,
    output: &CompleteOutput,
    file: &ExportFile,
) -> Result<Vec<String>, TimelineError> {
    let stop = watch();
    let timeline = read(arguments, output, &stop)?;
    let format = match arguments.format {
        Typed::Text => TimelineFormat::Text { width: PIPE_WIDTH, colours: Colours::None },
        Typed::Csv => TimelineFormat::Csv(Characters::AsTheyAre),
        Typed::Jsonl => TimelineFormat::Jsonl,
    };
    file.write(|to| timeline.write(format, to, &stop), |_| false)
}

/// Returns the error that ends the command if the timeline cannot be written. `file` is the file to
/// which it was to be written; `None` for standard output.
fn failed(error: TimelineError, output: &CompleteOutput, file: Option<&ExportFile>) -> CommandError {
    let cannot_write = |path: &Path, error: io::Error| {
        OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }.into()
    };
    match error {
        TimelineError::NoHost(name) => UsageError::Host(name).into(),
        TimelineError::Table(error) => {
            let found = format!("a {} that cannot be read: {}", error.table, error.reason);
            OutputNotRead::Incomplete { path: output.directory.clone(), found }.into()
        }
        TimelineError::Sort(error) => cannot_write(&std::env::temp_dir(), error),
        TimelineError::Write(error) => {
            cannot_write(file.map_or(Path::new("standard output"), |file| &file.path), error)
        }
        TimelineError::Interrupted => {
            cannot_write(Path::new("standard output"), ErrorKind::Interrupted.into())
        }
    }
}
