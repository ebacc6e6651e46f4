//! The command line: arguments, commands (a file for each), progress, signals and exit statuses.
//! Only `cli` prints errors; all other modules of the library return them.

mod arguments;
mod console;
mod destination;
mod detections;
mod error;
pub(crate) mod exit;
mod export;
mod export_file;
mod guide;
mod interrupt;
mod merge;
mod pace;
mod plan;
mod progress;
mod report;
mod resolve;
mod schema;
mod shard;
mod shell;
mod show;
mod sweep;
mod timeline;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use self::arguments::{Command, CommandLine, LogFormat};
use self::console::{Level, MessageWriter};
use self::error::CommandError;
use self::exit::Exit;
use crate::report::escaped;

/// What the program was built from, such as the commit. The build script `build.rs` records it.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// The first digits of the commit's hash; empty if the commit is not known.
    pub commit: &'static str,
    /// The commit, the compiler, the target and the build profile, as one text.
    pub description: &'static str,
}

/// Runs the command that the command line of this process names, and returns the exit status.
/// `build` is what the program was built from, which `--version` prints.
#[must_use]
pub fn main(build: Build) -> ExitCode {
    // The message of a panic could contain text from evidence, so it is escaped.
    std::panic::set_hook(Box::new(|panic| {
        MessageWriter::new(io::stderr(), LogFormat::Text)
            .line(Level::Error, &format!("fault of this program: {panic}"));
    }));
    let exit = match parse(build) {
        Ok(CommandLine { command }) => {
            let (result, format) = match &command {
                Command::Sweep(arguments) => (sweep::run(arguments), arguments.log_format),
                Command::Plan(arguments) => (plan::run(arguments), arguments.log_format),
                Command::Merge(arguments) => (merge::run(arguments), arguments.log_format),
                Command::Verify(arguments) => (verify::run(arguments), arguments.log_format),
                Command::Report(arguments) => (report::run(arguments), arguments.log_format),
                Command::Show(arguments) => (show::run(arguments), arguments.log_format),
                Command::Timeline(arguments) => (timeline::run(arguments), arguments.log_format),
                Command::Export(arguments) => (export::run(arguments), arguments.log_format),
                Command::Detections(command) => (detections::run(command), LogFormat::Text),
                Command::Schema(arguments) => (schema::run(arguments), LogFormat::Text),
                Command::Guide(arguments) => (Ok(guide::run(arguments)), LogFormat::Text),
                Command::Completions(arguments) => (Ok(shell::completions(arguments)), LogFormat::Text),
                Command::Man(arguments) => (shell::man(arguments), LogFormat::Text),
            };
            result.unwrap_or_else(|error| failed(&error, format))
        }
        Err(error) => not_understood(&error),
    };
    ExitCode::from(exit.number())
}

/// Parses the command line of this process. `build` is what the program was built from, which
/// `--version` prints.
fn parse(build: Build) -> Result<CommandLine, clap::Error> {
    let version = env!("CARGO_PKG_VERSION");
    let short =
        if build.commit.is_empty() { version.to_owned() } else { format!("{version} ({})", build.commit) };
    let command = CommandLine::command()
        .version(short)
        .long_version(format!("{version}\nbuilt from {}", build.description))
        .propagate_version(true);
    command.try_get_matches().and_then(|matches| CommandLine::from_arg_matches(&matches))
}

fn failed(error: &CommandError, format: LogFormat) -> Exit {
    MessageWriter::new(io::stderr(), format).line(Level::Error, &error.to_string());
    Exit::of_error(error)
}

/// Prints what `clap` returns if it finds no command to run: help to standard output, or a usage
/// error to standard error. Returns the exit status. An error in printing is ignored, because the
/// stream may be closed.
fn not_understood(error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return Exit::Complete;
    }
    // Arguments can be file names from evidence, expanded by a shell, so the text is escaped.
    let text = error.render().to_string();
    let lines: Vec<_> = text.lines().map(escaped).collect();
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
    Exit::Usage
}
