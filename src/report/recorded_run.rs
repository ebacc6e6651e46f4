//! What a `run.json` states, for whoever verifies its output.

use serde::Deserialize;
use serde_json::Value;

use super::run::OutputRecord;
use crate::config::Options;

/// The part of a `run.json` that can be verified, and what is needed for that.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedRun {
    /// Version of the dnsweep that wrote it.
    pub dnsweep: String,
    /// When its tables were complete.
    pub finished: String,
    /// Whether the sweep was interrupted.
    pub interrupted: bool,
    /// What was asked for.
    pub options: Options,
    /// The roots of the evidence.
    pub roots: Vec<String>,
    /// The pieces of evidence.
    pub evidence: Vec<String>,
    /// How many of them lie in each root.
    pub evidence_of_roots: Vec<usize>,
    /// The tables.
    pub outputs: Vec<OutputRecord>,
}

/// Why a `run.json` states nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunNotRead {
    /// The file was not written by dnsweep.
    Foreign,
    /// Its layout is of another version, this one.
    Version(String),
    /// The file is damaged: for this reason it is no JSON, or something is missing in it.
    Damaged(String),
}

impl RecordedRun {
    /// What a `run.json` with these bytes states, if its layout is that of `schema_version`.
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
    fn what_is_no_run_of_this_version_states_nothing() {
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
