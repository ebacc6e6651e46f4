//! Verifies the output of a sweep. Compares the output with its `run.json`, the evidence with the
//! output's ledger (`files.parquet`), and single records with the hashes of their events. Nothing
//! is written. Like the module `sweep`, this one connects several stages of the data flow.
//!
//! `run.json` cannot prove that it is unchanged itself. That requires its SHA-256, kept elsewhere.

mod containers;
mod error;
mod evidence;
mod outputs;
mod page;
#[cfg(feature = "cli")]
mod record;
mod subject;

pub use self::error::VerifyError;
#[cfg(feature = "cli")]
pub(crate) use self::record::RecordReader;
pub use self::subject::Subject;
use crate::output::RUN_FILE;
use crate::report::{ComparedFile, ComparisonCounts, Difference, Discrepancy, Verification};

/// Compares the output of a sweep with its `run.json`, and the evidence (if the user named any)
/// with the output's ledger (`files.parquet`). Returns the differences. An error means that the
/// comparison could not be made.
pub fn verify(subject: Subject) -> Result<Verification, VerifyError> {
    let Subject { out, run_sha256, recorded, evidence, threads } = subject;
    let mut discrepancies = Vec::new();
    let (mut outputs, mut page, mut compared) = (ComparisonCounts::default(), None, None);
    let recorded = match recorded {
        Err(reason) => {
            discrepancies.push(output(RUN_FILE, Difference::Unreadable(reason)));
            None
        }
        Ok(recorded) => {
            let tables = [&*recorded.outputs, &*recorded.partitions].concat();
            outputs = outputs::compare(&out, (&tables, recorded.part.as_ref()), &mut discrepancies);
            page = page::compare(&out, (&recorded, &run_sha256), outputs, &mut discrepancies);
            compared = match evidence {
                None => None,
                Some(search) => evidence::compare(&out, &recorded, &search, threads, &mut discrepancies)?,
            };
            Some(recorded)
        }
    };
    Ok(Verification {
        directory: out,
        run_sha256,
        recorded,
        outputs,
        page,
        evidence: compared,
        discrepancies,
    })
}

/// Makes a discrepancy (a file, and how it differs from what was recorded) for a file of the
/// output. `file` is the file's path, relative to the output directory.
fn output(file: &str, difference: Difference) -> Discrepancy {
    Discrepancy { file: ComparedFile::Output(file.to_owned()), difference }
}
