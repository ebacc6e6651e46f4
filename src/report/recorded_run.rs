//! Reads what a `run.json` records about its output, so that the output can be verified.

use serde::Deserialize;
use serde_json::Value;

use super::run::OutputRecord;
use crate::config::Options;

/// The part of a `run.json` (the file in an output that describes the sweep) that is needed to
/// verify the output and the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedRun {
    /// The version of the dnsweep that wrote the output.
    pub dnsweep: String,
    /// When the tables of the output were complete, as a UTC time.
    pub finished: String,
    /// True if the sweep that wrote the output was interrupted, so that the tables do not cover all
    /// evidence.
    pub interrupted: bool,
    /// The options of the sweep that wrote the output.
    pub options: Options,
    /// The roots of the evidence, as absolute paths.
    pub roots: Vec<String>,
    /// The names of the pieces of evidence, in the order of the roots.
    pub evidence: Vec<String>,
    /// The number of pieces of evidence in each root, in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The tables of the output, each with its number of rows, its size and its hash.
    pub outputs: Vec<OutputRecord>,
}

/// Why a `run.json` (the file in an output that describes the sweep) cannot be used to verify the
/// output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunNotRead {
    /// The file was not written by dnsweep, because it does not name a version of dnsweep.
    Foreign,
    /// The `run.json` has another version of its layout than the version that can be read. Contains
    /// the version that the file states, or `none`.
    Version(String),
    /// The `run.json` is no JSON, or a field is missing. Contains the reason.
    Damaged(String),
}

impl RecordedRun {
    /// Parses a `run.json`. It is an error if the file's layout has another version than
    /// `schema_version`.
    pub fn parse(json: &[u8], schema_version: u32) -> Result<Self, RunNotRead> {
        let damaged = |error: serde_json::Error| RunNotRead::Damaged(error.to_string());
        let run: Value = serde_json::from_slice(json).map_err(damaged)?;
        if run.get("dnsweep").is_none() {
            return Err(RunNotRead::Foreign);
        }
        match run.get("schema_version") {
            Some(found) if *found == schema_version => serde_json::from_value(run).map_err(damaged),
            Some(found) => Err(RunNotRead::Version(found.to_string())),
            None => Err(RunNotRead::Version("none".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_another_version_or_program_is_refused() {
        let parse = |json: &str| RecordedRun::parse(json.as_bytes(), 1).unwrap_err();
        assert_eq!(parse(r#"{"schema_version": 1}"#), RunNotRead::Foreign);
        assert_eq!(parse("[]"), RunNotRead::Foreign);
        assert_eq!(parse(r#"{"dnsweep": "9", "schema_version": 2}"#), RunNotRead::Version("2".to_owned()));
        assert_eq!(parse(r#"{"dnsweep": "9"}"#), RunNotRead::Version("none".to_owned()));
        for damaged in ["", r#"{"dnsweep""#, r#"{"dnsweep": "0.1.0", "schema_version": 1}"#] {
            assert!(matches!(parse(damaged), RunNotRead::Damaged(_)), "{damaged}");
        }
    }
}
