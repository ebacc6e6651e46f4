//! The command `dnsweep export`: writes a table of an output for other programs, to standard output
//! or to a file, which is written completely or not at all.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::arguments::{ExportArguments, ExportFormat};
use super::console::{Level, MessageWriter};
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use super::export_file::{ExportFile, watch};
use crate::output::OutputError;
use crate::report::export::{Characters, Copies, Export, ExportError, Exported, Format, Source};
use crate::sweep::{CompleteOutput, OutputNotRead, RecordedOutput};

/// Runs the command `dnsweep export`: writes a table of an output in another format. Returns the
/// exit status.
pub(super) fn run(arguments: &ExportArguments) -> Result<Exit, CommandError> {
    let format = Format::from(arguments.to);
    if !format.can_have(&arguments.table) {
        return Err(UsageError::NoEvents(arguments.table.clone()).into());
    }
    let output = RecordedOutput::open(&arguments.out)?.complete()?;
    let table = arguments
        .table
        .find(&output.run)
        .map_err(|reason| UsageError::Table { table: arguments.table.clone(), reason })?;
    let file = match arguments.output.as_path() {
        path if path == Path::new("-") => None,
        path => Some(ExportFile::at(path, arguments.force, &output)?),
    };
    let mut messages = MessageWriter::new(io::stderr(), arguments.log_format);
    if output.run.interrupted {
        messages.line(Level::Warning, INTERRUPTED_SWEEP);
    }
    let is_shown = file.is_none() && io::stdout().is_terminal();
    let characters = Characters::from(is_shown);
    let export = Export { table, format, copies: Copies::from(arguments.copies), characters };
    let exported = match &file {
        Some(file) => write_file(&export, &output, file)?,
        None => print(&export, &output)?,
    };
    if exported.is_cut_short {
        let rest = if file.is_some() { "no file was written" } else { "the export is not complete" };
        messages.line(Level::Error, &format!("interrupted: {rest}"));
        return Ok(Exit::Interrupted);
    }
    if !arguments.quiet {
        for note in notes(&exported, file.as_ref()) {
            messages.line(Level::Info, &note);
        }
    }
    Ok(Exit::Complete)
}

/// The warning for the user that the tables of the output come from a sweep that was interrupted.
pub(super) const INTERRUPTED_SWEEP: &str =
    "the sweep was interrupted: its tables contain only what it had read by then";

/// Returns the messages for the user about a finished export: how many rows it has, and how many
/// were left out and why. `file` is the file with the export; `None` for standard output.
fn notes(exported: &Exported, file: Option<&ExportFile>) -> Vec<String> {
    let rows = |number: u64| format!("{number} row{}", if number == 1 { "" } else { "s" });
    let Exported { copies, excluded, .. } = *exported;
    let written = file.map(|file| format!("{} exported to '{}'", rows(exported.rows), file.path.display()));
    let copies = (copies > 0)
        .then(|| format!("left out: {} of copies of an event (--copies exports them)", rows(copies)));
    let excluded =
        (excluded > 0).then(|| format!("left out: {} that an exclusion takes away", rows(excluded)));
    let processes = (exported.processes_left_out > 0).then(|| {
        format!(
            "{} processes of matches are not described here, because there are more than fit into memory: \
             see processes.parquet",
            exported.processes_left_out
        )
    });
    [written, copies, excluded, processes].into_iter().flatten().collect()
}

/// Writes an export to standard output. Returns how many rows were exported and left out. If the
/// reader closes the pipe early (`| head -1`), writing ends without an error, and all counts are 0.
fn print(export: &Export<'_>, output: &CompleteOutput) -> Result<Exported, CommandError> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = export
        .write(&source(output), &mut stdout, &AtomicBool::new(false))
        .and_then(|exported| stdout.flush().map(|()| exported).map_err(ExportError::Write));
    match written {
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exported::default()),
        written => written.map_err(|error| failed(error, export, output, Path::new("standard output"))),
    }
}

/// Writes an export to a file, completely or not at all. Returns how many rows were exported and
/// left out.
fn write_file(
    export: &Export<'_>,
    output: &CompleteOutput,
    file: &ExportFile,
) -> Result<Exported, CommandError> {
    let stop = watch();
    file.write(|to| export.write(&source(output), to, &stop), |exported| exported.is_cut_short)
        .map_err(|error| failed(error, export, output, &file.path))
}

fn source(output: &CompleteOutput) -> Source<'_> {
    Source { run: &output.run, run_sha256: &output.run_sha256, tables: &output.tables }
}

/// Returns the error that ends the command `dnsweep export` if `export` cannot be completed because
/// of `error`. `path` is the file to which it was to be written, or the text `standard output`.
fn failed(error: ExportError, export: &Export<'_>, output: &CompleteOutput, path: &Path) -> CommandError {
    match error {
        ExportError::Read(reason) => {
            let found = format!("a {} that cannot be read: {reason}", export.table);
            OutputNotRead::Incomplete { path: output.directory.clone(), found }.into()
        }
        ExportError::Write(error) => {
            OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }.into()
        }
    }
}

impl From<ExportFormat> for Format {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Csv => Format::Csv,
            ExportFormat::Jsonl => Format::Jsonl,
            ExportFormat::Timesketch => Format::Timesketch,
            ExportFormat::Ecs => Format::Ecs,
            ExportFormat::SplunkHec => Format::SplunkHec,
            ExportFormat::Ocsf => Format::Ocsf,
        }
    }
}
