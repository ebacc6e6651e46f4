//! Arguments to exit status; the only place where an error is printed.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use mimalloc::MiMalloc;

use dnsweep::base::path_text::escaped_name;
use dnsweep::cli::arguments::{
    Command, CommandLine, DetectionsCommand, LogFormat, SweepArguments, VerifyArguments,
};
use dnsweep::cli::detections;
use dnsweep::cli::guide::guide;
use dnsweep::cli::interrupt;
use dnsweep::cli::progress::{Level, Log, Progress, Verbosity};
use dnsweep::config::Config;
use dnsweep::error::SweepError;
use dnsweep::event::EventTime;
use dnsweep::exit::Exit;
use dnsweep::report::{Shown, Summary, escaped, nothing_read};
use dnsweep::sweep::sweep;
use dnsweep::verify::{self, Order, verify};

/// Matches are made of many short texts. With this allocator a sweep in which every tenth record
/// matches took a seventh less time than with the C library's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Columns of a summary that no terminal shows.
const PIPE_WIDTH: usize = 100;

fn main() -> ExitCode {
    // A panic's message could hold text of the evidence.
    std::panic::set_hook(Box::new(|panic| {
        Log::new(io::stderr(), LogFormat::Text)
            .line(Level::Error, &format!("fault of this program: {panic}"));
    }));
    let exit = match CommandLine::try_parse() {
        Ok(CommandLine { command: Command::Sweep(arguments) }) => {
            ended(try_sweep(&arguments), arguments.log_format)
        }
        Ok(CommandLine { command: Command::Verify(arguments) }) => {
            ended(try_verify(&arguments), arguments.log_format)
        }
        Ok(CommandLine { command: Command::Detections(command) }) => {
            ended(try_detections(&command), LogFormat::Text)
        }
        Ok(CommandLine { command: Command::Guide(arguments) }) => {
            print(&guide(arguments.topic.as_deref()), LogFormat::Text).unwrap_or(Exit::Complete)
        }
        Err(error) => {
            // Help goes to standard output and an error to standard error; if that is closed,
            // nobody reads it.
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                let _ = error.print();
                Exit::Complete
            } else {
                // A shell makes arguments of names in the evidence.
                let text = error.render().to_string();
                let lines: Vec<_> = text.lines().map(escaped).collect();
                let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
                Exit::WrongOrder
            }
        }
    };
    ExitCode::from(exit.number())
}

fn ended(result: Result<Exit, SweepError>, format: LogFormat) -> Exit {
    result.unwrap_or_else(|error| {
        Log::new(io::stderr(), format).line(Level::Error, &error.to_string());
        error.exit()
    })
}

fn try_sweep(arguments: &SweepArguments) -> Result<Exit, SweepError> {
    let verbosity = if arguments.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let interrupt = interrupt::watch(&arguments.out, arguments.log_format, verbosity);
    let config = Config::resolve(arguments, EventTime::now())?;
    let mut progress = Progress::new(Log::new(io::stderr(), arguments.log_format), verbosity);
    progress.detections(&config.detections, &config.not_run);
    progress.exclusions(&config.exclusions);
    let words = std::env::args_os().map(|word| escaped_name(&word)).collect();
    let outcome = sweep(config, words, &mut progress, &interrupt)?;
    if outcome.exit == Exit::NothingRead {
        Log::new(io::stderr(), arguments.log_format).line(Level::Error, &nothing_read(&outcome.run));
    }
    let summary = Summary {
        run: &outcome.run,
        hosts: &outcome.hosts,
        flawed: &outcome.flawed,
        directory: &outcome.directory,
        width: width(),
    };
    Ok(print(&summary.to_string(), arguments.log_format).unwrap_or(outcome.exit))
}

fn try_verify(arguments: &VerifyArguments) -> Result<Exit, SweepError> {
    let verification = verify(Order::resolve(arguments)?)?;
    let text = verification.text(if arguments.quiet { Shown::Findings } else { Shown::All });
    Ok(print(&text, arguments.log_format).unwrap_or(verify::exit(&verification)))
}

fn try_detections(command: &DetectionsCommand) -> Result<Exit, SweepError> {
    let answer = match command {
        DetectionsCommand::List(arguments) => detections::list(arguments),
        DetectionsCommand::Show(arguments) => detections::show(arguments),
        DetectionsCommand::Check(arguments) => detections::check(arguments),
        DetectionsCommand::Explain(arguments) => detections::explain(arguments),
        DetectionsCommand::Test(arguments) => detections::test(arguments),
    }?;
    Ok(print(&answer.text, LogFormat::Text).unwrap_or(answer.exit))
}

/// Prints the summary; if that cannot be written, says so and gives the exit status for that. The
/// tables are complete by now: a reader that does not want all of it (`| head -1`) is no failure.
fn print(summary: &str, format: LogFormat) -> Option<Exit> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(summary.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Log::new(io::stderr(), format).line(Level::Error, &format!("standard output: {error}"));
            Some(Exit::OutputFailed)
        }
        _ => None,
    }
}

fn width() -> usize {
    if io::stdout().is_terminal() { dnsweep::report::terminal_width().clamp(60, 200) } else { PIPE_WIDTH }
}
