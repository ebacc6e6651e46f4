//! The totals of a sweep over all files and hosts, and how the sweep ended, which follows from
//! them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::container::{ContainerReport, ContainerStatus, SHADOW_COPY};

/// How a sweep ended. The exit status of the program depends on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every byte of the evidence was read and understood. Lost parts of files that had been
    /// deleted in a volume do not count.
    Complete,
    /// Some evidence was damaged or could not be read. The rest was swept.
    Damaged,
    /// No event log was found: everything in the evidence could be looked at, and none of it is an
    /// event log.
    NothingRead,
    /// The sweep was interrupted. The tables contain only what had been read by that time.
    Interrupted,
}

/// The totals of a sweep, over all files and hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// The number of hosts. A host is each different `Computer` that records state, or a piece of
    /// evidence in which no record states one.
    pub hosts: u64,
    /// The number of hosts with at least one match.
    pub hosts_with_matches: u64,
    /// The number of hosts without a match that cannot be cleared: no DNS queries were seen, the
    /// DNS queries do not cover the whole period, or not everything was read.
    pub hosts_not_cleared: u64,
    /// The number of all files in the ledger (`files.parquet`): those that were read as event logs
    /// or event XML, or should have been.
    pub files: u64,
    /// The number of files that were completely read and understood.
    pub complete_files: u64,
    /// The number of files that are no event logs, but were searched for chunks (`--carve`).
    pub carved_files: u64,
    /// The number of files of which some part could not be read or understood.
    pub damaged_files: u64,
    /// The number of files that were read, but are neither event logs nor event XML.
    pub not_event_logs: u64,
    /// The number of files of 0 bytes.
    pub empty_files: u64,
    /// The number of files of which nothing could be read.
    pub unreadable_files: u64,
    /// The number of files that were begun, but not read to their end because of an interruption.
    pub interrupted_files: u64,
    /// The number of files that the sweep had not begun when it was interrupted.
    pub not_read_files: u64,
    /// The number of pieces of evidence of which no file had been begun when the sweep was
    /// interrupted. They do not count as hosts.
    pub evidence_not_reached: u64,
    /// The number of files of which at least a part was read as an event log or as event XML, or in
    /// which a chunk was found. It is not written to `run.json`.
    #[serde(skip)]
    pub logs_read: u64,
    /// The number of event logs that were in use when they were copied.
    pub files_in_use: u64,
    /// The number of files with a SHA-256 in the ledger (`files.parquet`).
    pub hashed_files: u64,
    /// The number of files that were deleted in their volume and of which only a part is left. No
    /// field for another state of files, such as `damaged_files`, counts them.
    pub partial_deleted_files: u64,
    /// The number of logs of shadow copies that have the same bytes in the next newer state of
    /// their volume. They are read in that newer state, and no other field but `files` counts them.
    pub unchanged_files: u64,
    /// The number of archives, disk images, volumes and shadow copies that were found.
    pub containers: u64,
    /// The number of containers that could not be read, or not completely. Containers that lie
    /// inside a volume as files are left out, because nobody handed them in as evidence.
    pub missed_containers: u64,
    /// The number of containers that were not listed to their end because of an interruption.
    pub not_read_containers: u64,
    /// The number of shadow copies that were listed, but not read (without `--vss`).
    pub shadow_copies_not_looked_at: u64,
    /// The size of all files in the ledger (`files.parquet`), in bytes.
    pub bytes: u64,
    /// The size of the files that `unchanged_files` counts, in bytes.
    pub unchanged_bytes: u64,
    /// The number of bytes that could be read, in all files of the ledger (`files.parquet`)
    /// together.
    pub bytes_read: u64,
    /// The number of slots (places for a chunk of 64 KiB) in the event logs, and of chunks found in
    /// files that are no event logs (`--carve`).
    pub chunks: u64,
    /// The number of slots and chunks, among those that `chunks` counts, that have no record. They
    /// include slots that were never used.
    pub empty_chunks: u64,
    /// The number of slots and chunks, among those that `chunks` counts, that have a problem of any
    /// kind.
    pub damaged_chunks: u64,
    /// The number of chunks whose records were compared with the checksum in the chunk's header.
    pub checked_chunks: u64,
    /// The number of records that were read and were not deleted, including records after damage in
    /// their chunk.
    pub records: u64,
    /// The number of records that were read although they follow damage: bytes of their chunk that
    /// form no record.
    pub refound_records: u64,
    /// The number of records that could not be decoded.
    pub damaged_records: u64,
    /// The number of records that Sysmon wrote.
    pub sysmon_records: u64,
    /// The number of Sysmon's DNS queries (event 22).
    pub dns_queries: u64,
    /// The number of records whose TimeCreated cannot be read. If the user limits the sweep to a
    /// period, they count as lying in it.
    pub unreadable_times: u64,
    /// The number of DNS queries in the requested period; all DNS queries if no period was
    /// requested.
    pub dns_queries_in_period: u64,
    /// The number of matches: events that at least one detection describes. Each event counts once,
    /// however many detections describe it. Copies of an event, found in another place of the
    /// evidence, count too.
    pub matches: u64,
    /// The number of unique matches: those that are not copies of an earlier match.
    pub unique_matches: u64,
    /// The number of hits: pairs of a match (copies included) and a detection that describes it.
    pub hits: u64,
    /// The number of deleted records that could be decoded. No other field of this type counts
    /// them.
    pub recovered_records: u64,
    /// The number of matches among deleted records. No other field of this type counts them.
    pub recovered_matches: u64,
    /// The number of unique matches whose record lies in a damaged chunk of its log.
    pub damaged_matches: u64,
    /// The number of events that an exclusion takes away from at least one detection, including
    /// copies of an event and deleted records.
    pub excluded_matches: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes),
    /// including copies: the same event found again in another place of the evidence. Leads are not
    /// matches.
    pub leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that are
    /// not copies of an earlier lead.
    pub unique_leads: u64,
    /// The number of hosts with at least one lead (a query of Windows' own DNS client that a
    /// detection describes).
    pub hosts_with_leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that an
    /// exclusion takes away. No other field of this type counts them.
    pub excluded_leads: u64,
    /// The number of rows in the table of processes: processes of matches and their ancestors, with
    /// `--context`.
    pub processes: u64,
    /// The number of processes in the table of processes whose event 1 was found.
    pub processes_found: u64,
    /// True if the sweep was interrupted while it looked for the processes of matches.
    pub processes_interrupted: bool,
}

impl Totals {
    /// Adds a container (an archive, disk image, volume or shadow copy) to the counts of
    /// containers.
    pub fn add_container(&mut self, container: &ContainerReport) {
        self.containers += 1;
        self.missed_containers += u64::from(container.is_missed());
        self.not_read_containers += u64::from(container.status == ContainerStatus::NotRead);
        self.shadow_copies_not_looked_at +=
            u64::from(container.kind == SHADOW_COPY && container.status == ContainerStatus::NotLookedAt);
    }

    /// Adds a file to the counts of files, bytes, chunks and records, and the file's matches to the
    /// number of matches.
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
            Status::Unchanged => &mut self.unchanged_files,
        } += 1;
        let is_log = matches!(file.status(), Status::Complete | Status::Damaged);
        let has_log = file.header != super::Header::Carved || file.tally.chunks > 0;
        self.logs_read += u64::from(is_log && has_log);
        self.files_in_use += u64::from(file.header == super::Header::Dirty);
        self.hashed_files += u64::from(file.sha256.is_some());
        self.carved_files += u64::from(file.header == super::Header::Carved);
        self.bytes += file.size;
        self.unchanged_bytes += file.extents().unchanged;
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

    /// Adds hosts to the totals, with their matches and leads.
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

    /// Returns how the sweep ended: completely, with damage, interrupted, or without any event log.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.was_interrupted() {
            Ending::Interrupted
        } else if !self.read_any_log() && !self.missed_any() {
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
        self.logs_read > 0
    }

    /// Returns true if a file could not be read at all, or a container not at all or not
    /// completely. The evidence's only event log may have been that file, or in that container.
    #[must_use]
    pub fn missed_any(&self) -> bool {
        self.unreadable_files + self.missed_containers > 0
    }

    /// Returns true if the sweep was interrupted before it had read all files, listed all
    /// containers, and found the processes of matches.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted_files + self.not_read_files + self.not_read_containers > 0
            || self.processes_interrupted
    }

    /// Returns true if every file and every container was read and understood. Lost parts of files
    /// that had been deleted in a volume do not count.
    #[must_use]
    pub fn all_complete(&self) -> bool {
        self.sound_files() == self.files && self.missed_containers == 0
    }

    /// Returns the number of files that are damaged, empty, unreadable or not event logs, without
    /// deleted files and files that an interrupted sweep left unread.
    #[must_use]
    pub fn flawed_files(&self) -> u64 {
        (self.files.saturating_sub(self.sound_files()))
            .saturating_sub(self.not_read_files + self.interrupted_files)
    }

    /// Returns the number of files in which nothing that should be there is missing: complete
    /// files, unchanged logs of shadow copies, and deleted files, even if only a part of them is
    /// left.
    #[must_use]
    pub fn sound_files(&self) -> u64 {
        self.complete_files + self.partial_deleted_files + self.unchanged_files
    }
}
