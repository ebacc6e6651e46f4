//! The command `dnsweep verify`: compares the output of a sweep with its `run.json`, and evidence
//! with the output's ledger (`files.parquet`, which accounts for every file of the evidence).

use super::arguments::VerifyArguments;
use super::console::print;
use super::error::CommandError;
use super::exit::Exit;
use super::resolve::{count, evidence};
use crate::report::ResultDetail;
use crate::verify::{Subject, verify};

/// Runs the command `dnsweep verify`: verifies the output of a sweep, and prints what differs from
/// what the sweep recorded. Returns the exit status.
pub(super) fn run(arguments: &VerifyArguments) -> Result<Exit, CommandError> {
    let evidence = evidence(&arguments.evidence, arguments.files_from.as_deref())?;
    let verification = verify(Subject::new(
        &arguments.out,
        evidence,
        arguments.passwords.as_deref(),
        count(arguments.threads),
    )?)?;
    let text =
        verification.text(if arguments.quiet { ResultDetail::Discrepancies } else { ResultDetail::All });
    Ok(print(&text, arguments.log_format).unwrap_or(Exit::of_verification(&verification)))
}
