//! `run.json`: the file in an output that describes the sweep, with all that a second examiner
//! needs to repeat it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exclusion::ExclusionRecord;
use super::flawed_file::{FlawedFile, MissedContainer};
use super::totals::Totals;
use crate::base::platform::Machine;
use crate::config::Options;
use crate::event::PublicSuffixList;
use crate::ledger::tally::SkippedCounts;

/// The whole of `run.json`, the file in an output that describes the sweep (the run) that wrote it,
/// with all that is needed to repeat it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Run {
    /// The version of the dnsweep that ran.
    pub dnsweep: Cow<'static, str>,
    /// The version of the layout of the tables and of `run.json`.
    pub schema_version: u32,
    /// The command line, word by word; empty if a Rust program ran the sweep through the library.
    pub arguments: Vec<String>,
    /// The working directory, from which relative paths in the command line start; `null` if the
    /// directory no longer existed.
    pub working_directory: Option<String>,
    /// The machine that the sweep ran on, not one whose evidence was read.
    pub machine: Machine,
    /// When the run began, UTC, by the clock of the machine that the sweep ran on.
    pub started: String,
    /// When the tables were complete, UTC, by the clock of the machine that the sweep ran on.
    pub finished: String,
    /// When the run began, in the local time of the machine that the sweep ran on, with the offset
    /// from UTC.
    pub started_local: String,
    /// When the tables were complete, in the local time of the machine that the sweep ran on, with
    /// the offset from UTC.
    pub finished_local: String,
    /// The name of the time zone of the machine that the sweep ran on; `null` if none is set.
    pub time_zone: Option<String>,
    /// True if the run was interrupted. The tables then contain only what had been read by that
    /// time.
    pub interrupted: bool,
    /// The exit status of the program `dnsweep`; `null` if a Rust program ran the sweep through the
    /// library.
    pub exit_status: Option<u8>,
    /// The number of files that were not read, because an earlier, unfinished run had read them and
    /// this run resumed it (`--resume`).
    pub resumed_files: u64,
    /// The parts from which `dnsweep merge` made the output; empty for a sweep of evidence. A part
    /// is the file with what was found by a sweep, or by the process that swept one shard (a
    /// portion of the evidence that a plan lists).
    #[serde(default)]
    pub merged: Vec<MergedPart>,
    /// The number of threads that read and decoded events.
    pub threads: usize,
    /// The start of the requested period: events before it could not match. `null` if the period
    /// has no start.
    pub since: Option<String>,
    /// The end of the requested period: events after it could not match. `null` if the period has
    /// no end.
    pub until: Option<String>,
    /// The SHA-256 of what the run looked for: the version of dnsweep, rules, exclusions and
    /// period. Each table has the same hash in its metadata (`dnsweep.looked_for_sha256`).
    pub looked_for_sha256: String,
    /// The public suffix list by which queried names were split into public suffix and registered
    /// domain for the tables.
    pub public_suffix_list: PublicSuffixList,
    /// All options on which the results depend, except the period, the rules and the exclusions.
    pub options: Options,
    /// The roots of the evidence (the folders and files that the user named), as absolute paths.
    pub roots: Vec<String>,
    /// The names of the pieces of evidence, in the order of the roots (the folders and files that
    /// the user named). A piece is usually what was collected from one machine.
    pub evidence: Vec<String>,
    /// The number of pieces of evidence in each root (a folder or file that the user named), in the
    /// order of `roots`.
    pub evidence_of_roots: Vec<usize>,
    /// The numbers of files that were found in the evidence but not read, by kind: for example
    /// symbolic links, and files that are not named like event logs.
    pub passed_over: SkippedCounts,
    /// The detections that ran, each with its numbers of matches and leads (queries of Windows' own
    /// DNS client that a detection describes).
    pub detections: Vec<DetectionRecord>,
    /// The numbers of rules that were found, that ran, and that did not.
    pub rules: RuleCounts,
    /// The rules that were found in directories of rules and that dnsweep cannot run, although they
    /// may be about DNS queries.
    pub refused_detections: Vec<RefusedRecord>,
    /// The rules that were found in directories of rules and that are about other data than DNS
    /// queries, such as logons. No DNS query can match them, so they did not run.
    pub other_data_detections: Vec<RefusedRecord>,
    /// The site's exclusions (descriptions of harmless events), in the order of the command line,
    /// each with the number of matches and leads that it removed.
    pub exclusions: Vec<ExclusionRecord>,
    /// The totals of the sweep over all files and hosts.
    pub totals: Totals,
    /// The files that could not be read and understood completely, those that lost most data first.
    /// At most a hundred are listed.
    pub flawed_files: Vec<FlawedFile>,
    /// The containers (archives, disk images, volumes and shadow copies) that could not be read, or
    /// not completely, in evidence order. Containers that lie inside a volume as files are left
    /// out. If there are more than a hundred, only the first hundred are listed.
    pub missed_containers: Vec<MissedContainer>,
    /// The tables that were written, each with its size and hash.
    pub outputs: Vec<OutputRecord>,
    /// The files of the tables that are divided by host (`--partition-by host`), each with its size
    /// and hash. The rows in these files are also in the tables of `outputs`.
    #[serde(default)]
    pub partitions: Vec<OutputRecord>,
    /// The part that the sweep wrote (`--part`): the file with its results, from which
    /// `dnsweep merge` makes an output, usually with other parts. `rows` in this record is the
    /// number of results in the part: one for each block of a file. `null` if the sweep wrote no
    /// part.
    #[serde(default)]
    pub part: Option<OutputRecord>,
}

impl Run {
    /// Parses a `run.json`. Fails if the text is damaged, was not written by dnsweep, or has
    /// another version of the file's layout than `schema_version`.
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

    /// Returns the run as indented JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self)
            .expect("numbers, texts and lists of them, with texts as keys, are JSON")
    }
}

/// A detection that ran, as `run.json` lists it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DetectionRecord {
    /// The detection's id.
    pub id: String,
    /// The detection's name.
    pub name: String,
    /// The detection's version; `null` if its rule has none.
    pub version: Option<String>,
    /// The date of this version of the detection, as its rule states it; `null` if the rule states
    /// none.
    pub date: Option<String>,
    /// The language of the detection's rule: `splunk` or `sigma`; `indicators` for a list of
    /// indicators.
    pub language: Cow<'static, str>,
    /// The detection's risk score, 0 to 100; `null` if its rule states none.
    pub risk_score: Option<u32>,
    /// What is at risk if an event matches, as the detection's rule states it.
    pub risk_objects: Vec<RiskObjectRecord>,
    /// The author of the detection's rule; `null` if the rule states none.
    pub author: Option<String>,
    /// What the detection finds, in the words of its rule; `null` if the rule has no description.
    pub description: Option<String>,
    /// What the detection's rule says about matches that are harmless.
    pub false_positives: Vec<String>,
    /// The sources that the detection's rule refers to, usually URLs.
    pub references: Vec<String>,
    /// The MITRE ATT&CK techniques that the detection's rule names.
    pub mitre_attack_id: Vec<String>,
    /// The analytic stories that the detection belongs to. In Splunk, these are groups of rules
    /// about one threat.
    pub analytic_story: Vec<String>,
    /// Remarks on how dnsweep understood the detection's rule.
    pub notes: Vec<String>,
    /// The path of the detection's rule, or `built in`.
    pub source: String,
    /// The SHA-256 of the file with the detection's rule.
    pub sha256: String,
    /// The files with the Splunk macros and lookups that the detection's rule uses.
    pub content: Vec<ContentRecord>,
    /// The entries of a list of indicators, by their kinds; `null` for a rule.
    #[serde(default)]
    pub indicators: Option<IndicatorRecord>,
    /// The number of the detection's matches, including copies: the same event found again in
    /// another place of the evidence.
    pub matches: u64,
    /// The number of the detection's unique matches. A match is not unique if it is a copy of an
    /// earlier match: the same event, found again in another place of the evidence.
    pub unique_matches: u64,
    /// The number of the detection's matches among deleted records. No other field of this type
    /// counts them.
    pub recovered_matches: u64,
    /// The number of the detection's leads (queries of Windows' own DNS client that a detection
    /// describes); `null` if leads were not looked for.
    pub leads: Option<DetectionLeads>,
}

/// The entries of a list of indicators, by their kinds, as `run.json` lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IndicatorRecord {
    /// The number of names that stand for themselves and all names below them.
    pub names: u64,
    /// The number of names that stand for themselves only.
    pub exact_names: u64,
    /// The number of patterns for names.
    pub patterns: u64,
    /// The number of single addresses.
    pub addresses: u64,
    /// The number of networks with more than one address.
    pub networks: u64,
    /// The number of the entries above that the list has as URLs, of which only the host counts.
    pub urls: u64,
    /// The number of entries that mean the same as an earlier one. No other field of this type
    /// counts them.
    pub repeated: u64,
    /// The entries that are not understood. What they would find is unknown.
    pub not_understood: LeftOutRecord,
    /// The entries that no DNS query shows, such as hashes of files, and those that the list itself
    /// withdraws.
    pub other: LeftOutRecord,
}

/// Entries that are left out of a list of indicators, as `run.json` lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutRecord {
    /// The number of entries that are left out.
    pub count: u64,
    /// Where the first ten of them are in the list, and why they are left out.
    pub first: Vec<String>,
}

impl IndicatorRecord {
    /// The number of entries of the list of indicators that were looked for.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.names + self.exact_names + self.patterns + self.addresses + self.networks
    }
}

/// What is at risk if an event matches a detection, as `run.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskObjectRecord {
    /// The name of the field that contains the object at risk, in the result of the detection's
    /// search.
    pub field: String,
    /// The type of the object at risk: `system`, `user` or `other`.
    pub object_type: String,
    /// The risk score for this object at risk; `null` if the detection's rule states none for it.
    pub score: Option<u32>,
}

impl RiskObjectRecord {
    /// Returns the object at risk for detections whose rule states none: the host, which Splunk's
    /// data model calls `dest`.
    pub(super) fn host() -> Self {
        RiskObjectRecord { field: "dest".to_owned(), object_type: "system".to_owned(), score: None }
    }

    /// Returns the name of the column of `matches.parquet` that contains the object at risk. A
    /// detection can name the object's field as Sysmon does or as Splunk's data model does. An
    /// unknown field gives `user` for an object of type `user`, and otherwise `computer`.
    pub(super) fn column(&self) -> &'static str {
        match self.field.to_ascii_lowercase().as_str() {
            "user" | "user_id" | "src_user" => "user",
            "image" | "process" | "process_path" => "image",
            "process_name" => "process_name",
            "queryname" | "query" => "query_name",
            _ if self.object_type == "user" => "user",
            _ => "computer",
        }
    }
}

/// A file that defines a Splunk macro or a lookup which a detection uses, as `run.json` lists it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContentRecord {
    /// The file's path from the folder that contains the folders `macros` and `lookups`.
    pub file: String,
    /// The SHA-256 of the file that defines the macro or the lookup.
    pub sha256: String,
}

/// The number of a detection's leads (queries of Windows' own DNS client that a detection
/// describes), as `run.json` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DetectionLeads {
    /// Tells whether the detection's condition restricts the queried name. Only then can the
    /// detection have leads.
    pub names: NameCondition,
    /// The number of the detection's leads, including copies: the same event found again in another
    /// place of the evidence. A lead is a query that Windows' own DNS client logged; it is not a
    /// match.
    pub leads: u64,
    /// The number of the detection's leads (queries of Windows' own DNS client that a detection
    /// describes) that are not copies of an earlier lead.
    pub unique_leads: u64,
}

/// Which queried names can satisfy a detection's condition, if the condition's demands on other
/// fields are left aside. This decides whether the detection can have leads, because only the name
/// of a lead (a query of Windows' own DNS client that a detection describes) is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NameCondition {
    /// Some names can satisfy the condition. Queries for these names are leads.
    Some,
    /// Every name can satisfy the condition. The detection has no leads, because every query would
    /// be one.
    Every,
    /// No name can satisfy the condition. The detection has no leads.
    None,
}

/// The numbers of rules that were found, that ran, and that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleCounts {
    /// The number of rules that are or may be about DNS queries: those that ran and those that are
    /// refused.
    pub found: u64,
    /// The number of rules that ran as detections.
    pub run: u64,
    /// The number of rules that may be about DNS queries, but are refused because dnsweep cannot
    /// run them.
    pub refused: u64,
    /// The number of rules that are about other data than DNS queries, such as logons. No other
    /// field of this type counts them.
    pub about_other_data: u64,
    /// The number of YAML files in directories of rules that contain no rule.
    pub files_without_a_rule: u64,
}

/// A rule that was found in a directory and did not run, with the reason why not.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRecord {
    /// The path of the rule's file.
    pub source: String,
    /// Why the rule did not run.
    pub reason: String,
}

/// A table of the output, as `run.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputRecord {
    /// The table's path from the output directory.
    pub file: String,
    /// The number of rows in the table.
    pub rows: u64,
    /// The size of the table's file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the table's file.
    pub sha256: String,
}

/// A part from which an output was merged, as `run.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedPart {
    /// The path of the part's file.
    pub file: String,
    /// The size of the part's file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the part's file.
    pub sha256: String,
    /// The SHA-256 that identifies the plan of the part.
    pub plan: String,
    /// The number of the part's shard in the plan, from 1.
    pub shard: u32,
}

/// Why a `run.json` (the file in an output that describes the sweep) cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunNotRead {
    /// The file was not written by dnsweep, because it does not name a version of dnsweep.
    Foreign,
    /// The `run.json` has another version of its layout than this dnsweep can read. Contains the
    /// version that the file states, or `none`.
    Version(String),
    /// The `run.json` is not JSON, or its fields are not those that dnsweep writes. Contains the
    /// reason.
    Damaged(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_another_version_or_program_is_refused() {
        let parse = |json: &str| Run::parse(json.as_bytes(), 1).unwrap_err();
        assert_eq!(parse(r#"{"schema_version": 1}"#), RunNotRead::Foreign);
        assert_eq!(parse("[]"), RunNotRead::Foreign);
        assert_eq!(parse(r#"{"dnsweep": "9", "schema_version": 2}"#), RunNotRead::Version("2".to_owned()));
        assert_eq!(parse(r#"{"dnsweep": "9"}"#), RunNotRead::Version("none".to_owned()));
        for damaged in ["", r#"{"dnsweep""#, r#"{"dnsweep": "0.1.0", "schema_version": 1}"#] {
            assert!(matches!(parse(damaged), RunNotRead::Damaged(_)), "{damaged}");
        }
    }
}
