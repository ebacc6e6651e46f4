//! Writes a command's output to standard output, and its messages to standard error.

use std::io::{self, BufWriter, IsTerminal, Write};

use crate::cli::arguments::LogFormat;
use crate::cli::exit::Exit;
use crate::event::EventTime;
use crate::report::{Colours, escaped, escaped_json, terminal_width};

/// The width, in columns, of the summary of a sweep's results if it is not printed on a terminal
/// but to a file or a pipe.
pub(super) const PIPE_WIDTH: usize = 100;

/// Prints the output of a command to standard output. If it cannot be written, prints an error and
/// returns the exit status for that; otherwise returns `None`. A reader that closes the pipe early
/// (`| head -1`) causes no error, because the command has done its work by then.
pub(super) fn print(answer: &str, format: LogFormat) -> Option<Exit> {
    print_with(format, |stdout| stdout.write_all(answer.as_bytes()))
}

/// Calls `write`, which writes the output of a command to standard output. Returns `None` if that
/// succeeds, or if the reader closes the pipe early (`| head -1`). Otherwise prints an error and
/// returns the exit status for that.
pub(super) fn print_with(
    format: LogFormat,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Option<Exit> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            MessageWriter::new(io::stderr(), format).line(Level::Error, &format!("standard output: {error}"));
            Some(Exit::OutputFailed)
        }
        _ => None,
    }
}

/// Returns the width, in columns, in which the summary of a sweep's results is printed: that of the
/// terminal, but at least 60 and at most 200; for a file or a pipe, `PIPE_WIDTH`.
pub(super) fn width() -> usize {
    if io::stdout().is_terminal() { terminal_width().clamp(60, 200) } else { PIPE_WIDTH }
}

/// Returns whether the summary of a sweep's results is coloured: only on a terminal that shows
/// colours, and never if the environment variable `NO_COLOR` is set.
pub(super) fn colours() -> Colours {
    let stdout = io::stdout();
    let is_wanted = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    if stdout.is_terminal() && is_wanted { Colours::Ansi } else { Colours::None }
}

/// The severity of a message on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The message says something that the user may want to know, and nothing is wrong.
    Info,
    /// The message says that something is wrong with the evidence, or is not as the user may
    /// expect.
    Warning,
    /// The message says why the command failed.
    Error,
}

/// Writes messages of the program, as text for people or as JSON for logs.
#[derive(Debug)]
pub struct MessageWriter<W> {
    /// The stream to which the messages are written: standard error, except in tests.
    to: W,
    /// The format of the messages: text or JSON.
    pub(super) format: LogFormat,
}

impl<W: Write> MessageWriter<W> {
    /// Makes a writer of messages to `to`, which is usually standard error.
    pub fn new(to: W, format: LogFormat) -> Self {
        MessageWriter { to, format }
    }

    /// Writes a message as one line. Control characters, which can come from evidence, are escaped.
    /// In JSON, they are escaped as JSON prescribes.
    pub fn line(&mut self, level: Level, message: &str) {
        let line = match self.format {
            LogFormat::Text => format!("dnsweep: {}{}\n", prefix(level), escaped(message)),
            LogFormat::Json => {
                let object = serde_json::json!({
                    "time": EventTime::now().rfc3339(),
                    "level": name(level),
                    "message": message,
                });
                format!("{}\n", escaped_json(&object.to_string()))
            }
        };
        // An error is ignored: standard error may be closed.
        let _ = self.to.write_all(line.as_bytes());
    }
}

fn prefix(level: Level) -> &'static str {
    match level {
        Level::Info => "",
        Level::Warning => "warning: ",
        Level::Error => "error: ",
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat) -> String {
        let mut log = MessageWriter::new(Vec::new(), format);
        log.line(Level::Warning, "a\x1b[31m\nb");
        String::from_utf8(log.to).unwrap()
    }

    #[test]
    fn a_message_is_one_line_whatever_text_it_contains() {
        assert_eq!(line(LogFormat::Text), "dnsweep: warning: a\\u{1b}[31m\\u{a}b\n");
        let json = line(LogFormat::Json);
        assert_eq!(json.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["message"], "a\x1b[31m\nb");
        assert_eq!(value["level"], "warning");
    }
}
