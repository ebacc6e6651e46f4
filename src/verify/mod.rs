//! Verification from end to end: whether an output is as its `run.json` states, and evidence as the
//! output's ledger does. The only module, with those below it and `sweep`, that knows several
//! stages. It only reads.
//!
//! What `run.json` states of itself cannot be verified: whoever keeps its SHA-256 apart from it
//! can.

mod error;
mod evidence;
mod outputs;
mod subject;

pub use self::error::VerifyError;
pub use self::subject::Subject;
use crate::output::RUN_FILE;
use crate::report::{Compared, Difference, Discrepancy, Place, Verification};

/// Compares an output with its `run.json`, and evidence with the ledger.
pub fn verify(subject: Subject) -> Result<Verification, VerifyError> {
    let Subject { out, run_sha256, stated, evidence, threads } = subject;
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

/// A finding about a file of the output.
fn output(file: &str, difference: Difference) -> Discrepancy {
    Discrepancy { place: Place::Output(file.to_owned()), difference }
}
