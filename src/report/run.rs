//! `run.json`: what tells one run from another, and what a second examiner needs to repeat it.

use serde::Serialize;

use crate::tally::PassedOver;

/// The whole of `run.json`.
#[derive(Debug, Serialize)]
pub struct Run {
    /// Version of dnsweep.
    pub dnsweep: &'static str,
    /// Version of the layout of tables and of this file.
    pub schema_version: u32,
    /// The command line, word by word.
    pub arguments: Vec<String>,
    /// When the run began, by this machine's clock.
    pub started: String,
    /// When its tables were complete.
    pub finished: String,
    /// Whether it was interrupted: then the tables hold what was finished until then.
    pub interrupted: bool,
    /// The exit status that it ended with.
    pub exit_status: u8,
    /// How many files were not read by this run, but by an unfinished one that it went on from.
    pub resumed_files: u64,
    /// How many threads decoded.
    pub threads: usize,
    /// Only events from this time on could match; `null` for no bound.
    pub since: Option<String>,
    /// Only events up to this time could match; `null` for no bound.
    pub until: Option<String>,
    /// The roots of the evidence, as absolute paths.
    pub roots: Vec<String>,
    /// The pieces of evidence.
    pub evidence: Vec<String>,
    /// What was passed over, by kind.
    pub passed_over: PassedOver,
    /// The detections.
    pub detections: Vec<DetectionRecord>,
    /// Sums over all files.
    pub totals: Totals,
    /// The tables.
    pub outputs: Vec<OutputRecord>,
}

impl Run {
    /// The run as JSON, for people to read too.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Numbers, texts and lists of them, with texts as keys: nothing of it cannot be JSON.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// A detection, as `run.json` names it.
#[derive(Debug, Clone, Serialize)]
pub struct DetectionRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its file, or `built in`.
    pub source: String,
    /// The SHA-256 of its file.
    pub sha256: String,
    /// Its matches, copies of an event included.
    pub matches: u64,
    /// Of these, those that are no copies.
    pub unique_matches: u64,
}

/// A table, as `run.json` names it.
#[derive(Debug, Clone, Serialize)]
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

/// Sums over all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Hosts: Computers, and pieces of evidence in which no record names one.
    pub hosts: u64,
    /// Hosts with a match.
    pub hosts_with_matches: u64,
    /// Files found.
    pub files: u64,
    /// Of these, all read and understood.
    pub complete_files: u64,
    /// Of these, damaged.
    pub damaged_files: u64,
    /// Of these, no event logs.
    pub not_event_logs: u64,
    /// Of these, without a byte.
    pub empty_files: u64,
    /// Of these, unreadable.
    pub unreadable_files: u64,
    /// Of these, not read to their end because of an interruption.
    pub interrupted_files: u64,
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
    /// Matches of all detections, copies of an event included.
    pub matches: u64,
    /// Of these, those that are no copies of one before.
    pub unique_matches: u64,
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
        } += 1;
        self.bytes += file.size;
        self.bytes_read += file.bytes_read;
        if file.status() != Status::NotAnEventLog {
            self.chunks += file.tally.chunks;
            self.empty_chunks += file.tally.empty_chunks;
            self.damaged_chunks += file.tally.damaged_chunks;
        }
        self.records += file.tally.counts.records;
        self.refound_records += file.tally.refound_records;
        self.damaged_records += file.tally.damaged_records;
        self.sysmon_records += file.tally.counts.sysmon_records;
        self.dns_queries += file.tally.counts.dns_queries;
        self.matches += file.matches;
    }

    /// Whether anything of an event log was read.
    #[must_use]
    pub fn read_any_log(&self) -> bool {
        self.complete_files + self.damaged_files > 0
    }

    /// Whether every file was read and understood.
    #[must_use]
    pub fn all_complete(&self) -> bool {
        self.complete_files == self.files
    }
}
