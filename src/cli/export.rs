//! The command `dnsweep export`: writes a table of an output for other programs, to standard output
//! or to a file that is complete or absent.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use super::arguments::{ExportArguments, ExportFormat};
use super::console::{Level, MessageWriter};
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use crate::base::path_text::path_text;
use crate::base::platform::signals;
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

/// The warning that an exported table comes from a sweep that was interrupted.
const INTERRUPTED_SWEEP: &str = "the sweep was interrupted: its tables contain only what it had read by then";

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

/// Writes an export to standard output. A reader that closes the pipe early (`| head -1`) ends the
/// export without an error.
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

/// Writes an export to a temporary file in the folder of `file`, and renames it to `file` when it
/// is complete. If the export is interrupted or fails, `file` is not changed.
fn write_file(
    export: &Export<'_>,
    output: &CompleteOutput,
    file: &ExportFile,
) -> Result<Exported, CommandError> {
    let stop = watch();
    let fails = |error: io::Error| failed(ExportError::Write(error), export, output, &file.path);
    let new = tempfile::Builder::new().prefix(".dnsweep-export-").tempfile_in(&file.folder).map_err(fails)?;
    let mut writer = BufWriter::new(new);
    let exported = export
        .write(&source(output), &mut writer, &stop)
        .map_err(|error| failed(error, export, output, &file.path))?;
    let new = writer.into_inner().map_err(|error| fails(error.into_error()))?;
    if !exported.is_cut_short {
        new.as_file().sync_all().map_err(fails)?;
        file.replace_by(new).map_err(fails)?;
    }
    Ok(exported)
}

/// Watches for signals such as that of Ctrl-C. The first signal sets the returned flag, which ends
/// the export early; the second one ends the process.
fn watch() -> Arc<AtomicBool> {
    let silent: Arc<dyn Fn() + Send + Sync> = Arc::new(|| ());
    signals::watch(i32::from(Exit::Interrupted.number()), Arc::clone(&silent), silent)
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

/// The file to which an export is written.
#[derive(Debug)]
struct ExportFile {
    /// The path of the file for the export, as typed.
    path: PathBuf,
    /// The folder that contains the file for the export, with symbolic links resolved.
    folder: PathBuf,
    /// True if a file that already exists is replaced by the export (`--force`).
    replaces: bool,
}

impl ExportFile {
    /// Returns the file `path` if an export can be written there. The file must not exist, unless
    /// `replaces` is true. It must not lie in the sweep's output or in the evidence that was swept,
    /// because nothing is added to either.
    fn at(path: &Path, replaces: bool, output: &CompleteOutput) -> Result<Self, UsageError> {
        let refused = |reason: String| UsageError::ExportFile { path: path.to_path_buf(), reason };
        let name = path.file_name().ok_or_else(|| refused("expected the path of a file".to_owned()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = fs::canonicalize(parent.unwrap_or(Path::new(".")))
            .map_err(|error| refused(format!("the folder of this file cannot be used: {error}")))?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error.to_string())),
            Ok(metadata) if !metadata.is_file() => {
                return Err(refused("expected a file, found a directory, link, pipe or device".to_owned()));
            }
            Ok(_) if !replaces => {
                return Err(refused("it exists: give another file, or --force to replace it".to_owned()));
            }
            Ok(_) => {}
        }
        if folder.starts_with(&output.directory) {
            return Err(refused("it lies in the output, to which nothing may be added".to_owned()));
        }
        let target = path_text(&folder.join(name));
        match output.run.roots.iter().find(|root| lies_in(&target, root)) {
            Some(root) => Err(refused(format!("it lies in evidence '{root}': nothing is written there"))),
            None => Ok(ExportFile { path: path.to_path_buf(), folder, replaces }),
        }
    }

    /// Gives the temporary file `new`, in which the export is complete, the name of this file.
    fn replace_by(&self, new: NamedTempFile) -> io::Result<()> {
        let kept = if self.replaces { new.persist(&self.path) } else { new.persist_noclobber(&self.path) };
        kept.map(|_| ()).map_err(|error| error.error)
    }
}

/// Returns true if the file `path` lies in the evidence root `root`, or is the root itself. Both
/// are texts of absolute paths, as `run.json` has them.
fn lies_in(path: &str, root: &str) -> bool {
    let within = |root: &str| {
        path.strip_prefix(root.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(root) || fs::canonicalize(root).is_ok_and(|root| within(&path_text(&root)))
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
