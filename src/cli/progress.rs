//! Shows progress and messages on standard error while a sweep runs. On a terminal, one line shows
//! the progress and changes; in a log, a new line is written each minute. This module is the only
//! user of the crate `indicatif`.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::pace::Pace;
use crate::cli::arguments::LogFormat;
use crate::cli::console::{Level, MessageWriter};
use crate::config::{LoadedDetection, LoadedExclusion, NotRun};
use crate::evidence::discover::{Discovery, FoundSoFar};
use crate::report::{FileReport, Status};
use crate::sweep::Observer;

/// How much a sweep shows on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The sweep shows only errors, the number of rules that do not run, and the number of entries
    /// of each list of indicators that are not understood (`--quiet`).
    Quiet,
    /// The sweep shows all messages, and its progress.
    Normal,
}

/// The time between two lines that report the progress of a sweep, if standard error is a file or a
/// pipe.
pub const BETWEEN_LINES: Duration = Duration::from_secs(60);
/// The time between two updates of the line that shows the progress of a sweep on a terminal.
const BETWEEN_CHANGES: Duration = Duration::from_millis(100);
/// The maximum number of warnings of one kind that a sweep shows before it begins. There can be
/// thousands, one for each rule or exclusion.
const MOST_LINES: usize = 10;

/// Shows the progress of a sweep on standard error. The sweep reports to it as its [`Observer`].
pub struct Progress<W> {
    log: Arc<Mutex<MessageWriter<W>>>,
    verbosity: Verbosity,
    bar: ProgressBar,
    state: Arc<Mutex<State>>,
    /// The thread that shows the sweep's progress again and again. `None` before the sweep begins
    /// and after it has ended, and if the user wants no progress shown.
    ticker: Option<Ticker>,
    between_lines: Duration,
    /// The verb with which the first message begins, for what is done with the files: `sweeping` or
    /// `merging`.
    verb: &'static str,
}

/// What a sweep is doing, for the line that shows its progress.
#[derive(Debug, Clone, Copy)]
enum State {
    /// The sweep is listing the evidence, and has found this so far.
    Listing(FoundSoFar),
    /// The sweep has been reading the evidence since this instant, and has come this far. The field
    /// `elapsed` of the [`Pace`] is filled in only when the progress is shown.
    Reading(Pace, Instant),
    /// The sweep has been reading logs again since this instant, for the processes of matches, and
    /// has come this far.
    ReadingAgain(Pace, Instant),
    /// The sweep is writing the table of all DNS queries.
    Writing {
        /// The number of DNS queries that the sweep has written to the table so far.
        queries: u64,
        /// The number of DNS queries that the sweep writes to the table in all.
        all_queries: u64,
    },
}

impl State {
    /// Returns the line that shows what the sweep is doing and how far it has come.
    fn line(&self) -> String {
        match self {
            State::Listing(FoundSoFar { files, containers, pieces }) => {
                format!(
                    "listing evidence: {files} files, {containers} containers, {pieces} pieces of evidence"
                )
            }
            State::Reading(pace, begun) => Pace { elapsed: begun.elapsed(), ..*pace }.to_string(),
            State::ReadingAgain(pace, begun) => Pace { elapsed: begun.elapsed(), ..*pace }.again(),
            State::Writing { queries, all_queries } => {
                format!("writing queries.parquet: {queries}/{all_queries} queries")
            }
        }
    }
}

impl<W: Write + Send + 'static> Progress<W> {
    /// Prepares to show the progress of a sweep, and to write messages with `log`. If `log` writes
    /// text to a terminal, the progress is one line that changes. Otherwise it is a new line after
    /// each period of `between_lines`.
    pub fn new(log: MessageWriter<W>, verbosity: Verbosity, between_lines: Duration) -> Self {
        let is_drawn = verbosity == Verbosity::Normal
            && log.format == LogFormat::Text
            && std::io::stderr().is_terminal();
        let target = if is_drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style());
        let (log, state) = (Arc::new(Mutex::new(log)), State::Listing(FoundSoFar::default()));
        let state = Arc::new(Mutex::new(state));
        Progress { log, verbosity, bar, state, ticker: None, between_lines, verb: "sweeping" }
    }

    /// Sets the verb with which the first message begins to `verb`, such as `merging`, in place of
    /// `sweeping`.
    pub fn saying(self, verb: &'static str) -> Self {
        Progress { verb, ..self }
    }

    /// Starts the thread that shows the sweep's progress again and again, unless it already runs or
    /// the user wants no progress shown.
    fn begin(&mut self) {
        if self.ticker.is_some() || self.verbosity == Verbosity::Quiet {
            return;
        }
        let (state, bar, log) = (Arc::clone(&self.state), self.bar.clone(), Arc::clone(&self.log));
        let line = move || state.lock().unwrap_or_else(PoisonError::into_inner).line();
        self.ticker = Some(if self.bar.is_hidden() {
            Ticker::start(self.between_lines, move || write_line(&log, Level::Info, &line()))
        } else {
            bar.set_message(line());
            Ticker::start(BETWEEN_CHANGES, move || bar.set_message(line()))
        });
    }

    /// Lets `change` update the numbers that the user sees of the sweep, such as the number of
    /// bytes read. Has no effect unless the sweep is reading evidence, for the first time or again.
    fn change(&self, change: impl FnOnce(&mut Pace)) {
        if let State::Reading(pace, _) | State::ReadingAgain(pace, _) =
            &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner)
        {
            change(pace);
        }
    }
}

/// Returns the style of the line that shows the progress on a terminal: the text of the line alone,
/// without the bar or the spinner that the crate `indicatif` can draw.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").expect("the template is valid")
}

fn write_line<W: Write>(log: &Mutex<MessageWriter<W>>, level: Level, message: &str) {
    log.lock().unwrap_or_else(PoisonError::into_inner).line(level, message);
}

/// A thread that calls a function again and again, at a fixed interval. The thread ends when the
/// ticker is dropped.
struct Ticker {
    end: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(between: Duration, mut tick: impl FnMut() + Send + 'static) -> Self {
        let end = Arc::new((Mutex::new(false), Condvar::new()));
        let shared = Arc::clone(&end);
        let run = move || {
            let (ended, changed) = &*shared;
            let mut has_ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            while !*has_ended {
                let wait = changed.wait_timeout(has_ended, between);
                let (now, waited) = wait.unwrap_or_else(PoisonError::into_inner);
                has_ended = now;
                if waited.timed_out() && !*has_ended {
                    tick();
                }
            }
        };
        // Without the thread, the sweep is shown less often, and all else is the same.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(run).ok();
        Ticker { end, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.end.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was shown already.
            let _ = thread.join();
        }
    }
}

impl<W: Write + Send + 'static> Progress<W> {
    fn message(&mut self, level: Level, message: &str) {
        if self.verbosity == Verbosity::Normal {
            self.bar.suspend(|| write_line(&self.log, level, message));
        }
    }

    /// Shows which rules do not run, and the notes on the rules that do, such as that a key of a
    /// rule is ignored. The number of rules that do not run, and of entries of lists of indicators
    /// that are not understood, is shown even with `--quiet`, so that nobody believes that all were
    /// looked for.
    pub fn detections(&mut self, detections: &[LoadedDetection], not_run: &NotRun) {
        let noted = |loaded: &LoadedDetection| {
            let source = loaded.source.clone();
            loaded.detection.notes.clone().into_iter().map(move |note| format!("detection {source}: {note}"))
        };
        self.warn_of(detections.iter().flat_map(noted), "notes on detections");
        for LoadedDetection { detection, source, .. } in detections {
            let counts = detection.indicators.as_ref().filter(|counts| counts.not_understood.count > 0);
            if let Some(counts) = counts {
                let message = format!(
                    "list {source}: {} entries are looked for, {} are not understood: run.json has the first (not_understood); \
                     with --strict this is an error",
                    counts.entries(),
                    counts.not_understood.count
                );
                self.bar.suspend(|| write_line(&self.log, Level::Warning, &message));
            }
        }
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
            self.bar.suspend(|| write_line(&self.log, Level::Warning, &message));
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

impl<W: Write + Send + 'static> Observer for Progress<W> {
    fn listing(&mut self, found: FoundSoFar) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Listing(found);
        self.begin();
    }

    fn found(&mut self, discovery: &Discovery) {
        let (files, bytes) = (discovery.files.len() as u64, discovery.bytes() + discovery.hashed_bytes);
        self.message(Level::Info, &format!("{} {files} files, {bytes} bytes", self.verb));
        let pace = Pace { all_bytes: bytes, all_files: files, ..Pace::default() };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Reading(pace, Instant::now());
        self.begin();
    }

    fn advanced(&mut self, bytes: u64, matches: u64) {
        self.change(|pace| {
            pace.bytes += bytes;
            pace.matches += matches;
        });
    }

    fn file_done(&mut self, evidence: &str, source_path: &str, file: &FileReport) {
        self.change(|pace| pace.files += 1);
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

    fn reading_again(&mut self, bytes: u64) {
        let pace = Pace { all_bytes: bytes, ..Pace::default() };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) =
            State::ReadingAgain(pace, Instant::now());
    }

    fn advanced_again(&mut self, bytes: u64) {
        self.change(|pace| pace.bytes += bytes);
    }

    fn writing(&mut self, queries: u64, all_queries: u64) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Writing { queries, all_queries };
    }

    fn finished(&mut self) {
        self.ticker = None;
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer into memory. The test can read the text while other threads still write.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Shared {
        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    fn progress(format: LogFormat, verbosity: Verbosity) -> (Progress<Shared>, Shared) {
        let text = Shared::default();
        (Progress::new(MessageWriter::new(text.clone(), format), verbosity, Duration::from_millis(2)), text)
    }

    #[test]
    fn where_there_is_no_terminal_lines_are_written_from_time_to_time_until_the_end() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let (mut progress, text) = progress(format, Verbosity::Normal);
            progress.listing(FoundSoFar { files: 3, containers: 2, pieces: 1 });
            while !text.lines().iter().any(|line| line.contains("3 files, 2 containers")) {
                thread::sleep(Duration::from_millis(1));
            }
            progress.found(&Discovery::default());
            progress.advanced(10, 1);
            while !text.lines().iter().any(|line| line.contains("files") && line.contains("1 match")) {
                thread::sleep(Duration::from_millis(1));
            }
            progress.reading_again(100);
            progress.advanced_again(50);
            while !text.lines().iter().any(|line| line.contains("processes: 50% 50/100 B")) {
                thread::sleep(Duration::from_millis(1));
            }
            progress.writing(5, 10);
            while !text.lines().iter().any(|line| line.contains("queries.parquet: 5/10 queries")) {
                thread::sleep(Duration::from_millis(1));
            }
            progress.finished();
            let after = text.lines().len();
            thread::sleep(Duration::from_millis(20));
            assert_eq!(text.lines().len(), after, "nothing is written after the end");
            assert!(text.lines().iter().all(|line| line.starts_with(if format == LogFormat::Json {
                "{"
            } else {
                "dnsweep: "
            })));
        }
    }

    #[test]
    fn a_quiet_sweep_shows_no_progress() {
        let (mut progress, text) = progress(LogFormat::Text, Verbosity::Quiet);
        progress.listing(FoundSoFar::default());
        progress.found(&Discovery::default());
        thread::sleep(Duration::from_millis(20));
        progress.finished();
        assert_eq!(text.lines(), [""; 0]);
    }
}
