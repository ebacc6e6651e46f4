//! Shows progress and messages on standard error while a sweep runs: a progress bar for people, and
//! lines for logs. This module is the only user of the crate `indicatif`.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::arguments::LogFormat;
use crate::cli::console::{Level, MessageWriter};
use crate::config::{LoadedDetection, LoadedExclusion, NotRun};
use crate::evidence::discover::Discovery;
use crate::report::{FileReport, Status};
use crate::sweep::Observer;

/// How much a sweep shows on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The sweep shows only errors, and the number of rules that do not run (`--quiet`).
    Quiet,
    /// The sweep shows all messages, and a progress bar if standard error is a terminal.
    Normal,
}

/// Shows the progress of a sweep on standard error. The sweep reports to it as its [`Observer`].
pub struct Progress<W> {
    log: MessageWriter<W>,
    verbosity: Verbosity,
    bar: ProgressBar,
    matches: u64,
}

impl<W: Write> Progress<W> {
    /// Prepares to show the progress of a sweep, and to write messages to `log`. The progress bar
    /// is drawn only on a terminal, and only if the messages are text, not JSON.
    pub fn new(log: MessageWriter<W>, verbosity: Verbosity) -> Self {
        let drawn = verbosity == Verbosity::Normal
            && log.format == LogFormat::Text
            && std::io::stderr().is_terminal();
        let target = if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress { log, verbosity, bar: ProgressBar::with_draw_target(None, target), matches: 0 }
    }

    fn message(&mut self, level: Level, message: &str) {
        if self.verbosity == Verbosity::Normal {
            let log = &mut self.log;
            self.bar.suspend(|| log.line(level, message));
        }
    }

    fn show_matches(&self) {
        self.bar.set_message(if self.matches == 1 {
            "1 match".to_owned()
        } else {
            format!("{} matches", self.matches)
        });
    }
}

/// The template of the progress bar in the syntax of `indicatif`. The line fits 80 columns; the bar
/// takes the columns that the numbers leave.
const TEMPLATE: &str = "{bytes}/{total_bytes} {wide_bar} {binary_bytes_per_sec} ETA {eta} {msg}";
/// The most messages of one kind that a sweep shows at its start. There can be thousands of rules
/// and exclusions.
const MOST_LINES: usize = 10;

impl<W: Write> Progress<W> {
    /// Shows which rules do not run, and the notes on the rules that do, such as that a key of a
    /// rule is ignored. The number of rules that do not run is shown even with `--quiet`, so that
    /// nobody believes that all rules ran.
    pub fn detections(&mut self, detections: &[LoadedDetection], not_run: &NotRun) {
        let noted = |loaded: &LoadedDetection| {
            let source = loaded.source.clone();
            loaded.detection.notes.clone().into_iter().map(move |note| format!("detection {source}: {note}"))
        };
        self.warn_of(detections.iter().flat_map(noted), "notes on detections");
        let refused = &not_run.refused;
        let reasons = refused.iter().map(|refused| format!("detection refused: {}", refused.reason));
        self.warn_of(reasons, "refused detections");
        if !refused.is_empty() {
            let all = detections.len() + refused.len();
            let message = format!(
                "{} of {all} rules run, {} do not: run.json says why (refused_detections); with --strict this is an error",
                detections.len(),
                refused.len()
            );
            let log = &mut self.log;
            self.bar.suspend(|| log.line(Level::Warning, &message));
        }
        let others = NotRun { refused: Vec::new(), ..not_run.clone() }.counted();
        if !others.is_empty() {
            self.message(Level::Info, &format!("not looked for: {others}"));
        }
    }

    /// Shows a warning for each exclusion that is not applied, because it has expired.
    pub fn exclusions(&mut self, exclusions: &[LoadedExclusion]) {
        self.warn_of(
            exclusions.iter().filter_map(LoadedExclusion::warning),
            "exclusions that are not applied",
        );
    }

    /// Shows the first [`MOST_LINES`] messages as warnings. If there are more, a last warning says
    /// how many; `what` names the messages in it, such as `refused detections`.
    fn warn_of(&mut self, messages: impl Iterator<Item = String>, what: &str) {
        let mut more = 0_u64;
        for (place, message) in messages.enumerate() {
            if place < MOST_LINES {
                self.message(Level::Warning, &message);
            } else {
                more += 1;
            }
        }
        if more > 0 {
            self.message(Level::Warning, &format!("{more} more {what}: run.json lists them"));
        }
    }
}

impl<W: Write> Observer for Progress<W> {
    fn found(&mut self, discovery: &Discovery) {
        let (files, bytes) = (discovery.files.len(), discovery.bytes() + discovery.hashed_bytes);
        self.message(Level::Info, &format!("sweeping {files} files, {bytes} bytes"));
        self.bar.set_length(bytes);
        self.bar.set_style(
            ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        self.show_matches();
    }

    fn advanced(&mut self, bytes: u64, matches: u64) {
        if matches > 0 {
            self.matches += matches;
            self.show_matches();
        }
        self.bar.inc(bytes);
    }

    fn file_done(&mut self, evidence: &str, source_path: &str, file: &FileReport) {
        // Files that an interruption left unread are not listed, because there can be many.
        // Nothing is wrong with unchanged logs of shadow copies.
        let is_sound = matches!(file.status(), Status::Complete | Status::Unchanged);
        if is_sound || matches!(file.status(), Status::Interrupted | Status::NotRead) {
            return;
        }
        let problems = file.problems();
        let first =
            problems.first().map(|problem| format!(": at byte {}, {}", problem.offset, problem.damage));
        let message =
            format!("{evidence}: {source_path}: {}{}", file.status().name(), first.unwrap_or_default());
        self.message(Level::Warning, &message);
    }

    fn finished(&mut self) {
        self.bar.finish_and_clear();
    }
}
