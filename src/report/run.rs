//! `run.json`: the description of a run, with all that a second examiner needs to repeat it.

use serde::{Deserialize, Serialize};

use super::exclusion::ExclusionRecord;
use crate::base::platform::Machine;
use crate::config::Options;
use crate::ledger::container::{ContainerReport, ContainerStatus, SHADOW_COPY};
use crate::ledger::tally::SkippedCounts;

/// The whole of `run.json`.
#[derive(Debug, Default, Serialize)]
pub struct Run {
    /// The version of dnsweep.
    pub dnsweep: &'static str,
    /// The version of the layout of the tables and of this file.
    pub schema_version: u32,
    /// The command line, word by word.
    pub arguments: Vec<String>,
    /// The working directory, from which relative paths among the arguments start; `null` if it no
    /// longer existed.
    pub working_directory: Option<String>,
    /// The machine that the sweep ran on.
    pub machine: Machine,
    /// When the run began, UTC, by this machine's clock.
    pub started: String,
    /// When the tables were complete, UTC, by this machine's clock.
    pub finished: String,
    /// When the run began, in this machine's local time, with the offset from UTC.
    pub started_local: String,
    /// When the tables were complete, in this machine's local time, with the offset from UTC.
    pub finished_local: String,
    /// The name of this machine's time zone; `null` if none is set.
    pub time_zone: Option<String>,
    /// True if the run was interrupted, so that the tables contain only what was finished until
    /// then.
    pub interrupted: bool,
    /// The exit status of the program; `null` if the sweep was run from Rust.
    pub exit_status: Option<u8>,
    /// How many files were read by an earlier, unfinished run that this one resumed.
    pub resumed_files: u64,
    /// The number of threads that decoded events.
    pub threads: usize,
    /// The start of the period: earlier events could not match; `null` if there is no start.
    pub since: Option<String>,
    /// The end of the period: later events could not match; `null` if there is no end.
    pub until: Option<String>,
    /// All other options on which the results depend.
    pub options: Options,
    /// The roots of the evidence, as absolute paths.
    pub roots: Vec<String>,
    /// The pieces of evidence.
    pub evidence: Vec<String>,
    /// How many pieces of evidence lie in each root. `evidence` is in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The counts of files that were found, but not read, by kind.
    pub passed_over: SkippedCounts,
    /// The detections that ran.
    pub detections: Vec<DetectionRecord>,
    /// How many rules were found, and how many of them ran.
    pub rules: RuleCounts,
    /// Rules in directories that dnsweep cannot run, though they may be about DNS queries.
    pub refused_detections: Vec<RefusedRecord>,
    /// Rules in directories about other data, which no DNS query can match.
    pub other_data_detections: Vec<RefusedRecord>,
    /// The site's exclusions, in the order of the command line.
    pub exclusions: Vec<ExclusionRecord>,
    /// The totals over all files and hosts.
    pub totals: Totals,
    /// The tables that were written.
    pub outputs: Vec<OutputRecord>,
}

impl Run {
    /// Returns the run as indented JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self)
            .expect("numbers, texts and lists of them, with texts as keys, are JSON")
    }
}

/// A detection in `run.json`.
#[derive(Debug, Clone, Serialize)]
pub struct DetectionRecord {
    /// The detection's id.
    pub id: String,
    /// The detection's name.
    pub name: String,
    /// The detection's version; `null` if the rule has none.
    pub version: Option<String>,
    /// The date of this version of the detection, as the rule states it; `null` if it states none.
    pub date: Option<String>,
    /// The rule language: `splunk` or `sigma`.
    pub language: &'static str,
    /// The risk score, 0 to 100; `null` if the rule states none.
    pub risk_score: Option<u32>,
    /// The MITRE ATT&CK techniques that the rule names.
    pub mitre_attack_id: Vec<String>,
    /// The analytic stories that the rule belongs to: in Splunk, groups of rules about one threat.
    pub analytic_story: Vec<String>,
    /// Remarks on how the rule was understood.
    pub notes: Vec<String>,
    /// The rule's file, or `built in`.
    pub source: String,
    /// The SHA-256 of the rule's file.
    pub sha256: String,
    /// The files of macros and lookups that the rule uses.
    pub content: Vec<ContentRecord>,
    /// The number of matches, including copies of an event.
    pub matches: u64,
    /// The number of unique matches: those that are no copies of an earlier one.
    pub unique_matches: u64,
    /// The number of matches among deleted records; no other field counts them.
    pub recovered_matches: u64,
    /// The detection's leads; `null` if leads were not looked for.
    pub leads: Option<DetectionLeads>,
}

/// A file that a detection takes a macro or a lookup from.
#[derive(Debug, Clone, Serialize)]
pub struct ContentRecord {
    /// The file's path from the folder that contains the folders `macros` and `lookups`.
    pub file: String,
    /// The SHA-256 of the file.
    pub sha256: String,
}

/// The leads of a detection in `run.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DetectionLeads {
    /// Whether the detection's condition restricts the name, so that it can have leads.
    pub names: NameCondition,
    /// The number of leads, including copies of an event.
    pub leads: u64,
    /// The number of leads that are no copies of an earlier one.
    pub unique_leads: u64,
}

/// Which queried names can satisfy a detection's condition, whatever else the condition demands.
/// It decides whether the detection can have leads, because only the name of a lead is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameCondition {
    /// Some names can satisfy the condition, and queries for them are leads.
    Some,
    /// Every name can satisfy the condition. The detection has no leads, because every query would
    /// be one.
    Every,
    /// No name can satisfy the condition. The detection has no leads.
    None,
}

/// How many rules were found, and how many of them ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounts {
    /// Rules that are or may be about DNS queries: those that ran and those that are refused.
    pub found: u64,
    /// Rules that ran.
    pub run: u64,
    /// Rules that are refused because dnsweep cannot run them.
    pub refused: u64,
    /// Rules about other data; no other field counts them.
    pub about_other_data: u64,
    /// YAML files in rule directories that contain no rule.
    pub files_without_a_rule: u64,
}

/// A rule in a directory that did not run, and why.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedRecord {
    /// The rule's file.
    pub source: String,
    /// Why the rule did not run.
    pub reason: String,
}

/// A table of the output, as `run.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// The table's path from the output directory.
    pub file: String,
    /// The number of rows.
    pub rows: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file.
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
    /// The sweep was interrupted, and the tables contain what was finished until then.
    Interrupted,
}

/// The totals of a sweep, over all files and hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Hosts: Computers, and pieces of evidence in which no record names one.
    pub hosts: u64,
    /// Hosts with a match.
    pub hosts_with_matches: u64,
    /// Hosts without a match that cannot be cleared: no DNS queries were seen, the queries do not
    /// cover the whole period, or not everything was read.
    pub hosts_not_cleared: u64,
    /// Files found.
    pub files: u64,
    /// Files that were completely read and understood.
    pub complete_files: u64,
    /// Files that are no event logs, but were searched for chunks (`--carve`).
    pub carved_files: u64,
    /// Files that are damaged.
    pub damaged_files: u64,
    /// Files that are no event logs.
    pub not_event_logs: u64,
    /// Files of 0 bytes.
    pub empty_files: u64,
    /// Files that cannot be read.
    pub unreadable_files: u64,
    /// Files that were begun, but not read to their end because of an interruption.
    pub interrupted_files: u64,
    /// Files that the sweep had not begun when it was interrupted.
    pub not_read_files: u64,
    /// Pieces of evidence of which no file had been begun when the sweep was interrupted. They do
    /// not count as hosts.
    pub evidence_not_reached: u64,
    /// Event logs that were in use when they were copied.
    pub files_in_use: u64,
    /// Files with a SHA-256 in the ledger.
    pub hashed_files: u64,
    /// Files that were deleted in their volume and of which only a part is left. No other field on
    /// the state of files counts them.
    pub partial_deleted_files: u64,
    /// Archives, disk images, volumes and shadow copies found.
    pub containers: u64,
    /// Containers that could not be read, or not whole, without those that are files of a volume.
    pub missed_containers: u64,
    /// Shadow copies that were listed, and not read.
    pub shadow_copies_not_looked_at: u64,
    /// The size of all files found, in bytes.
    pub bytes: u64,
    /// Bytes that could be read.
    pub bytes_read: u64,
    /// Places for a chunk of 64 KiB in the event logs.
    pub chunks: u64,
    /// Chunks that have no record.
    pub empty_chunks: u64,
    /// Chunks that have a problem.
    pub damaged_chunks: u64,
    /// Chunks whose records were verified against their checksum.
    pub checked_chunks: u64,
    /// Live records that were read, including those after damage.
    pub records: u64,
    /// Records that were read after bytes of their chunk that are no record.
    pub refound_records: u64,
    /// Records that could not be decoded.
    pub damaged_records: u64,
    /// Records that Sysmon wrote.
    pub sysmon_records: u64,
    /// Sysmon's DNS queries (event 22).
    pub dns_queries: u64,
    /// Records whose TimeCreated cannot be read. They can match in every period.
    pub unreadable_times: u64,
    /// DNS queries in the period that was asked for; all DNS queries if there was no period.
    pub dns_queries_in_period: u64,
    /// Matches: events that at least one detection describes, each counted once, including copies
    /// of an event.
    pub matches: u64,
    /// Matches that are no copies of an earlier one.
    pub unique_matches: u64,
    /// Hits: pairs of a match (copies included) and a detection that describes it.
    pub hits: u64,
    /// Deleted records that could be decoded; no other field counts them.
    pub recovered_records: u64,
    /// Matches among deleted records; no other field counts them.
    pub recovered_matches: u64,
    /// Unique matches whose record lies in a damaged chunk.
    pub damaged_matches: u64,
    /// Events that an exclusion takes away from at least one detection, including copies and
    /// deleted records.
    pub excluded_matches: u64,
    /// Leads, including copies of an event. They are not matches.
    pub leads: u64,
    /// Leads that are no copies of an earlier one.
    pub unique_leads: u64,
    /// Hosts that have a lead.
    pub hosts_with_leads: u64,
    /// Leads that an exclusion takes away; no other field counts them.
    pub excluded_leads: u64,
}

impl Totals {
    /// Adds a container.
    pub fn add_container(&mut self, container: &ContainerReport) {
        self.containers += 1;
        self.missed_containers += u64::from(container.is_missed());
        self.shadow_copies_not_looked_at +=
            u64::from(container.kind == SHADOW_COPY && container.status == ContainerStatus::NotLookedAt);
    }

    /// Adds a file to the counts of files, bytes, chunks and records.
    pub fn add(&mut self, file: &super::FileReport) {
        use super::Status;
        self.files += 1;
        *match file.status() {
            status if file.deleted && status != Status::Complete && status != Status::NotRead => {
                &mut self.partial_deleted_files
            }
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

    /// Adds the counts of hosts, and of their matches and leads.
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

    /// Returns how the sweep ended.
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

    /// Returns true if any part of an event log was read.
    #[must_use]
    pub fn read_any_log(&self) -> bool {
        self.complete_files + self.damaged_files > self.carved_files || self.chunks > 0
    }

    /// Returns true if the sweep was interrupted before it had read all files.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted_files + self.not_read_files > 0
    }

    /// Returns true if every file was read and understood.
    #[must_use]
    pub fn all_complete(&self) -> bool {
        self.complete_files + self.partial_deleted_files == self.files && self.missed_containers == 0
    }
}
