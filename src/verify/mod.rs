//! Verification from end to end: whether an output is as its `run.json` states, and evidence as the
//! output's ledger does. The only module, with those below it and `sweep`, that knows several
//! stages. It only reads.
//!
//! What `run.json` states of itself cannot be verified: whoever keeps its SHA-256 apart from it
//! can.

mod evidence;
mod order;
mod outputs;

pub use self::order::Order;
use crate::error::SweepError;
use crate::exit::Exit;
use crate::output::RUN_FILE;
use crate::report::{Compared, Difference, Discrepancy, Place, Verification};

/// Compares all that the order names.
pub fn verify(order: Order) -> Result<Verification, SweepError> {
    let Order { out, run_sha256, stated, evidence, threads } = order;
    let mut findings = Vec::new();
    let (mut outputs, mut compared) = (Compared::default(), None);
    let stated = match stated {
        Err(reason) => {
            findings.push(output(RUN_FILE, Difference::Unreadable(reason)));
            None
        }
        Ok(stated) => {
            outputs = outputs::compare(&out, &stated.outputs, &mut findings);
            compared = match evidence {
                None => None,
                Some(search) => evidence::compare(&out, &stated, &search, threads, &mut findings)?,
            };
            Some(stated)
        }
    };
    Ok(Verification { directory: out, run_sha256, stated, outputs, evidence: compared, findings })
}

/// The exit status that goes with what was found.
#[must_use]
pub fn exit(verification: &Verification) -> Exit {
    if verification.findings.is_empty() { Exit::Complete } else { Exit::Damaged }
}

/// A finding about a file of the output.
fn output(file: &str, difference: Difference) -> Discrepancy {
    Discrepancy { place: Place::Output(file.to_owned()), difference }
}
