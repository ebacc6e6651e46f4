//! The exit statuses of the program: their numbers, their meanings, and which of them a command
//! returns.

use super::error::CommandError;
use crate::base::switch::switch;
use crate::error::SweepError;
use crate::report::{Ending, Totals, Verification};

/// An exit status of the program. The numbers are part of the program's interface, so they never
/// change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command did all its work. After a sweep: every byte of the evidence was read and
    /// understood.
    Complete = 0,
    /// An argument, a detection or the path of the output cannot be used, so the command did
    /// nothing.
    Usage = 2,
    /// `sweep`: some evidence was damaged or unreadable. `verify`: an output or evidence differs
    /// from what the sweep recorded. `show`: a record in the evidence differs from the output, or
    /// is missing. `detections`: a rule cannot be run, or failed its test.
    Damaged = 3,
    /// `dnsweep sweep`: no event log was found. `dnsweep detections test`: the data of a test is
    /// missing.
    NothingRead = 4,
    /// The results of the command could not be written.
    OutputFailed = 5,
    /// The sweep read everything and found matches, and `--fail-on-match` was given.
    Matches = 10,
    /// The command was interrupted, by a signal or by the caller of the sweep. The tables of a
    /// sweep contain what was finished by then.
    Interrupted = 130,
}

switch! {
    /// Whether matches change the exit status of a sweep.
    pub enum OnMatch {
        /// Matches do not change the exit status of the sweep.
        Ignore,
        /// A complete sweep with matches has the exit status 10 (`--fail-on-match`).
        Fail,
    }
}

/// The exit statuses of `dnsweep sweep` with their meanings, for the guide and `--help`.
pub const EXIT_STATUSES: [(Exit, &str); 7] = [
    (Exit::Complete, "every byte of the evidence was read and understood"),
    (
        Exit::Usage,
        "wrong arguments, detection or output path, or with `--strict` a rule that is refused; nothing was done",
    ),
    (Exit::Damaged, "finished, but some evidence was damaged or unreadable: the ledger says what"),
    (Exit::NothingRead, "no event log was found; standard error says what was found instead"),
    (Exit::OutputFailed, "an output could not be written, or with `--plan` the evidence is not there"),
    (Exit::Matches, "like 0, but there are matches and `--fail-on-match` was given"),
    (Exit::Interrupted, "interrupted; the outputs contain what was finished before, and say so"),
];

/// The exit statuses of `dnsweep plan` with their meanings, for the guide and `--help`.
pub const PLAN_EXIT_STATUSES: [(Exit, &str); 4] = [
    (Exit::Complete, "the plan was written; it lists what could not be read, too"),
    (Exit::Usage, "wrong arguments, evidence, rules or path of the plan; nothing was written"),
    (Exit::OutputFailed, "the plan could not be written"),
    (Exit::Interrupted, "interrupted; no plan was written"),
];

/// The exit statuses of `dnsweep merge` with their meanings, for the guide and `--help`.
pub const MERGE_EXIT_STATUSES: [(Exit, &str); 6] = [
    (Exit::Complete, "merged; every byte of the evidence was read and understood"),
    (
        Exit::Usage,
        "wrong arguments, or parts that are damaged, missing or do not belong together; nothing was written",
    ),
    (Exit::Damaged, "merged; some evidence was damaged or unreadable: the ledger says what"),
    (Exit::NothingRead, "merged; no event log was found"),
    (Exit::OutputFailed, "an output could not be written"),
    (Exit::Interrupted, "interrupted; nothing was written"),
];

/// The exit statuses of `dnsweep verify` with their meanings, for the guide and `--help`.
pub const VERIFY_EXIT_STATUSES: [(Exit, &str); 4] = [
    (Exit::Complete, "no difference was found in what was compared"),
    (Exit::Usage, "wrong arguments, or no output of this dnsweep; nothing was compared"),
    (
        Exit::Damaged,
        "a file is missing, differs, is not listed or cannot be read: each has a line on standard output",
    ),
    (Exit::OutputFailed, "the result could not be written"),
];

/// The exit statuses of `dnsweep report` with their meanings, for the guide and `--help`.
pub const REPORT_EXIT_STATUSES: [(Exit, &str); 3] = [
    (Exit::Complete, "the report was written; it does not depend on what was found"),
    (Exit::Usage, "wrong arguments, or no complete output of this dnsweep"),
    (Exit::OutputFailed, "the report could not be written"),
];

/// The exit statuses of `dnsweep show` with their meanings, for the guide and `--help`.
pub const SHOW_EXIT_STATUSES: [(Exit, &str); 4] = [
    (Exit::Complete, "the events were shown; with `--evidence`, each record has the event's hash"),
    (Exit::Usage, "wrong arguments, no complete output of this dnsweep, or no event that was asked for"),
    (
        Exit::Damaged,
        "with `--evidence`: shown, but a record was not found at its place, or its event has another hash",
    ),
    (Exit::OutputFailed, "the events could not be written"),
];

/// The exit statuses of `dnsweep timeline` with their meanings, for the guide and `--help`.
pub const TIMELINE_EXIT_STATUSES: [(Exit, &str); 4] = [
    (Exit::Complete, "the timeline was written, or its reader wanted no more"),
    (
        Exit::Usage,
        "wrong arguments, no host of that name, or no complete output of this dnsweep; with `-o`, no file was written",
    ),
    (
        Exit::OutputFailed,
        "the timeline or a temporary file could not be written completely; with `-o`, no file was written",
    ),
    (Exit::Interrupted, "interrupted; with `-o`, no file was written"),
];

/// The exit statuses of `dnsweep export` with their meanings, for the guide and `--help`.
pub const EXPORT_EXIT_STATUSES: [(Exit, &str); 4] = [
    (Exit::Complete, "the export was written, or its reader wanted no more"),
    (Exit::Usage, "wrong arguments, or no complete output of this dnsweep; with `-o`, no file was written"),
    (Exit::OutputFailed, "the export could not be written completely; with `-o`, no file was written"),
    (Exit::Interrupted, "interrupted; with `-o`, no file was written"),
];

/// The exit statuses of the commands `dnsweep detections` with their meanings, for the guide and
/// `--help`.
pub const DETECTIONS_EXIT_STATUSES: [(Exit, &str); 5] = [
    (
        Exit::Complete,
        "the command succeeded; `check`: all rules run except those about other data; `test`: all tests passed",
    ),
    (Exit::Usage, "wrong arguments, or nothing that can be read as a detection"),
    (Exit::Damaged, "`check`: a rule is refused; `test`: a test failed, or a rule is refused"),
    (Exit::NothingRead, "`test`: no test failed, but the data of some is missing"),
    (Exit::OutputFailed, "the answer could not be written"),
];

impl Exit {
    /// Returns the exit status for a sweep with these totals, which count what was read, damaged
    /// and matched. `on_match` says whether matches change the exit status.
    #[must_use]
    pub fn of_sweep(totals: &Totals, on_match: OnMatch) -> Self {
        match totals.ending() {
            Ending::Interrupted => Exit::Interrupted,
            Ending::NothingRead => Exit::NothingRead,
            Ending::Damaged => Exit::Damaged,
            Ending::Complete if totals.matches > 0 && on_match == OnMatch::Fail => Exit::Matches,
            Ending::Complete => Exit::Complete,
        }
    }

    /// The exit status of `dnsweep verify`: [`Exit::Damaged`] if an output or evidence differs from
    /// what the sweep recorded, otherwise [`Exit::Complete`].
    #[must_use]
    pub fn of_verification(verification: &Verification) -> Self {
        if verification.discrepancies.is_empty() { Exit::Complete } else { Exit::Damaged }
    }

    /// Returns the exit status for a command that ended with an error: [`Exit::OutputFailed`] if an
    /// output could not be written, [`Exit::Interrupted`] if a sweep was interrupted, and
    /// [`Exit::Usage`] for any other error.
    #[must_use]
    pub fn of_error(error: &CommandError) -> Self {
        match error {
            CommandError::Sweep(SweepError::Output(error)) if error.is_failed_write() => Exit::OutputFailed,
            CommandError::Sweep(SweepError::Interrupted) => Exit::Interrupted,
            _ => Exit::Usage,
        }
    }

    /// The number of the exit status, which the process returns to the system.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}
