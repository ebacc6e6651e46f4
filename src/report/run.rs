//! `run.json`: what tells one run from another, and what a second examiner needs to repeat it.

use serde::{Deserialize, Serialize};

use super::exclusion::ExclusionRecord;
use crate::base::platform::Machine;
use crate::config::Options;
use crate::ledger::tally::PassedOver;

/// The whole of `run.json`.
#[derive(Debug, Default, Serialize)]
pub struct Run {
    /// Version of dnsweep.
    pub dnsweep: &'static str,
    /// Version of the layout of tables and of this file.
    pub schema_version: u32,
    /// The command line, word by word.
    pub arguments: Vec<String>,
    /// Where relative paths among the arguments start from; `null` if that was no longer there.
    pub working_directory: Option<String>,
    /// The machine that it ran on.
    pub machine: Machine,
    /// When the run began, by this machine's clock.
    pub started: String,
    /// When its tables were complete.
    pub finished: String,
    /// When it began, as this machine's clock shows it, with its offset from UTC.
    pub started_local: String,
    /// When its tables were complete, likewise.
    pub finished_local: String,
    /// The name of the time zone that this machine is set to; `null` where it has none.
    pub time_zone: Option<String>,
    /// Whether it was interrupted: then the tables hold what was finished until then.
    pub interrupted: bool,
    /// The exit status that the program ended with; `null` where a sweep was run from Rust.
    pub exit_status: Option<u8>,
    /// How many files were not read by this run, but by an unfinished one that it went on from.
    pub resumed_files: u64,
    /// How many threads decoded.
    pub threads: usize,
    /// Only events from this time on could match; `null` for no bound.
    pub since: Option<String>,
    /// Only events up to this time could match; `null` for no bound.
    pub until: Option<String>,
    /// What else was asked for, of what the result depends on.
    pub options: Options,
    /// The roots of the evidence, as absolute paths.
    pub roots: Vec<String>,
    /// The pieces of evidence.
    pub evidence: Vec<String>,
    /// How many of them lie in each root: they are in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// What was passed over, by kind.
    pub passed_over: PassedOver,
    /// The detections.
    pub detections: Vec<DetectionRecord>,
    /// How many rules there were, by what became of them.
    pub rules: RuleCounts,
    /// Rules in directories that could not be looked for, though they may be about DNS queries.
    pub refused_detections: Vec<RefusedRecord>,
    /// Rules in directories about other data, which no DNS query could match.
    pub other_data_detections: Vec<RefusedRecord>,
    /// The site's exclusions, in their order.
    pub exclusions: Vec<ExclusionRecord>,
    /// Sums over all files.
    pub totals: Totals,
    /// The tables.
    pub outputs: Vec<OutputRecord>,
}

impl Run {
    /// The run as JSON, for people to read too.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self)
            .expect("numbers, texts and lists of them, with texts as keys, are JSON")
    }
}

/// A detection, as `run.json` names it.
#[derive(Debug, Clone, Serialize)]
pub struct DetectionRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version; `null` where the rule has none.
    pub version: Option<String>,
    /// The date of this version, as the rule has it; `null` where it has none.
    pub date: Option<String>,
    /// What it is written in: `splunk` or `sigma`.
    pub language: &'static str,
    /// Its risk score, 0 to 100; `null` where the rule states none.
    pub risk_score: Option<u32>,
    /// The MITRE ATT&CK techniques that it names.
    pub mitre_attack_id: Vec<String>,
    /// The stories that it belongs to: Splunk's word for a group of rules about one threat.
    pub analytic_story: Vec<String>,
    /// How it was taken, where that is not a matter of course.
    pub notes: Vec<String>,
    /// Its file, or `built in`.
    pub source: String,
    /// The SHA-256 of its file.
    pub sha256: String,
    /// The files of macros and lookups that it uses.
    pub content: Vec<ContentRecord>,
    /// Its matches, copies of an event included.
    pub matches: u64,
    /// Of these, those that are no copies.
    pub unique_matches: u64,
    /// Its matches among deleted records, counted nowhere else.
    pub recovered_matches: u64,
    /// Its leads; `null` if they were not looked for.
    pub leads: Option<DetectionLeads>,
}

/// A file that a detection takes a macro or a lookup from.
#[derive(Debug, Clone, Serialize)]
pub struct ContentRecord {
    /// The file, from the folder that holds `macros` and `lookups`.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// The leads of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DetectionLeads {
    /// Which names its condition asks for.
    pub names: NameCondition,
    /// How many leads there are, copies of an event included.
    pub leads: u64,
    /// Of these, those that are no copies.
    pub unique_leads: u64,
}

/// Which names a detection's condition asks for, whatever else it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameCondition {
    /// Some: queries for these are leads.
    Some,
    /// Any: no query is a lead, or all would be.
    Every,
    /// None can match.
    None,
}

/// How many rules there were, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounts {
    /// Rules that are about DNS queries, as far as is known: those that ran and those that are
    /// refused.
    pub found: u64,
    /// Of these, those that ran.
    pub run: u64,
    /// Of these, those that are refused.
    pub refused: u64,
    /// Rules about other data, counted nowhere else.
    pub about_other_data: u64,
    /// YAML files among the rules that hold none.
    pub files_without_a_rule: u64,
}

/// A rule in a directory that was not looked for.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedRecord {
    /// The file.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// A table, as `run.json` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its file, from the output directory.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every byte of the evidence was read and understood.
    Complete,
    /// Some evidence was damaged or unreadable.
    Damaged,
    /// No event log could be read at all.
    NothingRead,
    /// The sweep was interrupted: the tables hold what was finished until then.
    Interrupted,
}

/// Sums over all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Hosts: Computers, and pieces of evidence in which no record names one.
    pub hosts: u64,
    /// Hosts with a match.
    pub hosts_with_matches: u64,
    /// Hosts without a match that cannot be cleared: no DNS queries were seen, or the period is not
    /// covered whole, or not all was read.
    pub hosts_not_cleared: u64,
    /// Files found.
    pub files: u64,
    /// Of these, all read and understood.
    pub complete_files: u64,
    /// Of these, no event logs, but looked through for chunks of some.
    pub carved_files: u64,
    /// Of the files, damaged.
    pub damaged_files: u64,
    /// Of these, no event logs.
    pub not_event_logs: u64,
    /// Of these, without a byte.
    pub empty_files: u64,
    /// Of these, unreadable.
    pub unreadable_files: u64,
    /// Of these, begun and not read to their end, because of an interruption.
    pub interrupted_files: u64,
    /// Of these, those that the sweep had not come to when it was interrupted.
    pub not_read_files: u64,
    /// Pieces of evidence of which it had come to no file then: no hosts.
    pub evidence_not_reached: u64,
    /// Event logs that were in use when they were copied.
    pub files_in_use: u64,
    /// Files with a SHA-256 in the ledger.
    pub hashed_files: u64,
    /// Bytes of the files found.
    pub bytes: u64,
    /// Bytes that could be read.
    pub bytes_read: u64,
    /// Places for a chunk.
    pub chunks: u64,
    /// Chunks without a record.
    pub empty_chunks: u64,
    /// Chunks with a problem.
    pub damaged_chunks: u64,
    /// Chunks whose records were held to their checksum.
    pub checked_chunks: u64,
    /// Records decoded, the refound included.
    pub records: u64,
    /// Of these, those found again behind damage.
    pub refound_records: u64,
    /// Records that could not be decoded.
    pub damaged_records: u64,
    /// Records of Sysmon.
    pub sysmon_records: u64,
    /// DNS queries.
    pub dns_queries: u64,
    /// Records whose TimeCreated cannot be read, so that no period leaves them out.
    pub unreadable_times: u64,
    /// Of these, those in the period that was asked for; all of them if none was.
    pub dns_queries_in_period: u64,
    /// Events that at least one detection describes, each once whatever the number of detections;
    /// copies of an event included.
    pub matches: u64,
    /// Of these, those that are no copies of one before.
    pub unique_matches: u64,
    /// The matches, copies included, once for each detection that describes one.
    pub hits: u64,
    /// Deleted records that could be decoded, counted nowhere else.
    pub recovered_records: u64,
    /// Events among deleted records that a detection describes, counted nowhere else.
    pub recovered_matches: u64,
    /// Of the unique matches, those whose record lies in a chunk with which something is wrong.
    pub damaged_matches: u64,
    /// Events that an exclusion takes away from a detection, copies and those among deleted records
    /// included.
    pub excluded_matches: u64,
    /// Events that are a lead of some detection, copies of an event included; they are no matches.
    pub leads: u64,
    /// Of these, those that are no copies of one before.
    pub unique_leads: u64,
    /// Hosts with a lead.
    pub hosts_with_leads: u64,
    /// Leads that an exclusion holds for, counted nowhere else.
    pub excluded_leads: u64,
}

impl Totals {
    /// Adds a file.
    pub fn add(&mut self, file: &super::FileReport) {
        use super::Status;
        self.files += 1;
        *match file.status() {
            Status::Complete => &mut self.complete_files,
            Status::Damaged => &mut self.damaged_files,
            Status::NotAnEventLog => &mut self.not_event_logs,
            Status::Empty => &mut self.empty_files,
            Status::Unreadable => &mut self.unreadable_files,
            Status::Interrupted => &mut self.interrupted_files,
            Status::NotRead => &mut self.not_read_files,
        } += 1;
        self.files_in_use += u64::from(file.header == super::Header::Dirty);
        self.hashed_files += u64::from(file.sha256.is_some());
        self.carved_files += u64::from(file.header == super::Header::Carved);
        self.bytes += file.size;
        self.bytes_read += file.bytes_read;
        if file.status() != Status::NotAnEventLog {
            self.chunks += file.tally.chunks;
            self.empty_chunks += file.tally.empty_chunks;
            self.damaged_chunks += file.tally.damaged_chunks;
            self.checked_chunks += file.tally.checked_chunks;
        }
        self.records += file.tally.counts.records;
        self.refound_records += file.tally.refound_records;
        self.recovered_records += file.tally.recovered_records;
        self.damaged_records += file.tally.damaged_records;
        self.sysmon_records += file.tally.counts.sysmon_records;
        self.dns_queries += file.tally.counts.dns_queries;
        self.unreadable_times += file.tally.counts.unreadable_times;
        self.dns_queries_in_period += file.tally.counts.dns_queries_in_period;
        self.matches += file.matches;
    }

    /// Adds up what is said of hosts.
    pub fn add_hosts(&mut self, hosts: &[super::NamedHost]) {
        for (_, host) in hosts {
            self.hosts += 1;
            self.hosts_with_matches += u64::from(host.matches > 0);
            self.hosts_not_cleared += u64::from(host.matches == 0 && !host.is_cleared());
            self.hosts_with_leads += u64::from(host.leads > 0);
            self.unique_matches += host.unique_matches;
            self.hits += host.hits;
            self.recovered_matches += host.recovered_matches;
            self.damaged_matches += host.damaged_matches;
            self.excluded_matches += host.excluded_matches;
            self.leads += host.leads;
            self.unique_leads += host.unique_leads;
        }
    }

    /// How the sweep ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.was_interrupted() {
            Ending::Interrupted
        } else if !self.read_any_log() {
            Ending::NothingRead
        } else if self.all_complete() {
            Ending::Complete
        } else {
            Ending::Damaged
        }
    }

    /// Whether anything of an event log was read.
    #[must_use]
    pub fn read_any_log(&self) -> bool {
        self.complete_files + self.damaged_files > self.carved_files || self.chunks > 0
    }

    /// Whether the sweep was interrupted before it had read all files.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted_files + self.not_read_files > 0
    }

    /// Whether every file was read and understood.
    #[must_use]
    pub fn all_complete(&self) -> bool {
        self.complete_files == self.files
    }
}
