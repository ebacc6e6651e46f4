//! Counts of what was seen in a part of the evidence: a block (a range of a file that one thread
//! reads), a file, or a host.
//!
//! `merge` is associative and commutative, and the default value is its identity. Any split of the
//! work over threads therefore gives the same sums.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Span, System, Window};
use crate::ledger::event_form::EventForm;
use crate::ledger::logs::Logs;

/// Counts of live records (records that are not deleted) in a part of the evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordCounts {
    /// The number of live records that were read, of any program that writes logs.
    pub records: u64,
    /// The number of live records that Sysmon wrote.
    pub sysmon_records: u64,
    /// The number of Sysmon's DNS queries (event 22).
    pub dns_queries: u64,
    /// The number of records whose TimeCreated is missing or cannot be read.
    pub unreadable_times: u64,
    /// The number of DNS queries whose time is readable and lies in the period that the user
    /// requested; the number of all DNS queries if no period was requested.
    pub dns_queries_in_period: u64,
    /// The earliest and the latest TimeCreated of the DNS queries.
    pub dns_span: Span,
    /// The earliest and the latest TimeCreated of all records.
    pub span: Span,
}

impl RecordCounts {
    /// Counts one live record, given its `System` part, which states provider, event ID and time.
    /// `window` is the period that the user requested.
    pub fn add(&mut self, system: &System, window: &Window) {
        self.records += 1;
        self.sysmon_records += u64::from(system.is_sysmon());
        self.unreadable_times += u64::from(system.time_created.is_none());
        self.span.add(system.time_created);
        if system.is_dns_query() {
            self.dns_queries += 1;
            self.dns_queries_in_period += u64::from(window.is_covered_by(system.time_created));
            self.dns_span.add(system.time_created);
        }
    }

    /// Adds the counts of live records in another part of the evidence.
    pub fn merge(&mut self, other: RecordCounts) {
        self.records += other.records;
        self.sysmon_records += other.sysmon_records;
        self.dns_queries += other.dns_queries;
        self.unreadable_times += other.unreadable_times;
        self.dns_queries_in_period += other.dns_queries_in_period;
        self.dns_span.merge(other.dns_span);
        self.span.merge(other.span);
    }
}

/// The lowest and the highest EventRecordID of a set of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordIdRange {
    /// The lowest EventRecordID of the records; `None` if no record has an EventRecordID.
    pub first: Option<u64>,
    /// The highest EventRecordID of the records; `None` if no record has an EventRecordID.
    pub last: Option<u64>,
}

impl RecordIdRange {
    /// Widens the range of EventRecordIDs so that it contains `id`; `None` changes nothing.
    pub fn add(&mut self, id: Option<u64>) {
        self.merge(RecordIdRange { first: id, last: id });
    }

    /// Widens the range of EventRecordIDs so that it contains the range `other`.
    pub fn merge(&mut self, other: RecordIdRange) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

/// How many files contain events in one form that dnsweep does not read (such as CSV), and an
/// example.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct EventFormFiles {
    /// The number of files with events in this form.
    pub files: u64,
    /// The path of one of the files with events in this form: the first of their paths in byte
    /// order.
    pub first: String,
}

impl EventFormFiles {
    /// Adds the files of the same form in another part of the evidence.
    pub fn merge(&mut self, other: EventFormFiles) {
        if self.files == 0 || other.files > 0 && other.first < self.first {
            self.first = other.first;
        }
        self.files += other.files;
    }
}

/// Counts of the files and other entries that were found in the evidence but not read, by kind.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct SkippedCounts {
    /// The number of regular files that no other field of this type counts: they are not named like
    /// an event log. With `--any-name`, they begin neither like an event log nor like event XML.
    pub other_files: u64,
    /// The number of files with `.evtx` in their name that are no event logs, such as checksum
    /// files, shortcuts (`.lnk`), and the `._` files in which macOS keeps attributes of other
    /// files.
    pub side_files: u64,
    /// The number of archives, compressed files and disk images, recognised by the ends of their
    /// names. Their contents were not read.
    pub containers: u64,
    /// How many files have events in a form that dnsweep does not read, for each such form.
    pub event_forms: BTreeMap<EventForm, EventFormFiles>,
    /// The numbers of files that `other_files`, `side_files` and `containers` count, by the
    /// extension of the file's name. Only extensions in a list of well-known ones are included.
    pub extensions: BTreeMap<Cow<'static, str>, u64>,
    /// The number of symbolic links that were not followed.
    pub links: u64,
    /// The number of pipes, sockets and devices, which are never read.
    pub special_files: u64,
    /// The number of paths to files that were already found by another path (only with `--follow`).
    pub seen_before: u64,
}

impl SkippedCounts {
    /// Adds the counts of skipped files in another part of the evidence.
    pub fn merge(&mut self, other: SkippedCounts) {
        self.other_files += other.other_files;
        self.side_files += other.side_files;
        self.containers += other.containers;
        for (form, files) in other.event_forms {
            self.event_forms.entry(form).or_default().merge(files);
        }
        for (extension, files) in other.extensions {
            *self.extensions.entry(extension).or_default() += files;
        }
        self.links += other.links;
        self.special_files += other.special_files;
        self.seen_before += other.seen_before;
    }

    /// Returns the number of regular files that were not read. Files of events in a form that
    /// dnsweep does not read are not among them.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.other_files + self.side_files + self.containers
    }
}

/// The number of a file's bytes of each kind, such as good, damaged and unread ones. The numbers
/// add up to the file's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extents {
    /// The number of bytes of the file's header, or of what lies in the header's place. In event
    /// XML, the bytes of what may stand before and around events, such as the tags of the outermost
    /// element.
    pub header: u64,
    /// The number of bytes of chunks that have records and no problem. A chunk whose only problem
    /// is that it does not lie at a multiple of 64 KiB after the file header counts too. In event
    /// XML, the bytes of events without a problem.
    pub good: u64,
    /// The number of bytes of chunks that have neither a record nor a problem, and of unused slots
    /// (places for a chunk), which contain only zeros. In event XML, the bytes of white space.
    pub empty: u64,
    /// The number of bytes of chunks with a problem, and of slots (places for a chunk) that contain
    /// something else than a chunk. In event XML, the bytes of events with a problem, and of text
    /// that does not belong in event XML.
    pub damaged: u64,
    /// The number of bytes at the file's end that do not belong to a chunk: a rest of less than 64
    /// KiB, or bytes after the last chunk that the file header counts.
    pub trailing: u64,
    /// The number of bytes that belong to no chunk, in a file that is not an event log but is
    /// searched for chunks (`--carve`).
    pub other: u64,
    /// The number of bytes of an unchanged log of a shadow copy. The log has the same bytes in the
    /// next newer state of the volume, and was read only there.
    #[serde(skip)]
    pub unchanged: u64,
    /// The number of bytes that were not read: they could not be, or the sweep was interrupted.
    pub unread: u64,
}

impl Extents {
    /// Adds the numbers of bytes in another part of the file.
    pub fn merge(&mut self, other: Extents) {
        self.header += other.header;
        self.good += other.good;
        self.empty += other.empty;
        self.damaged += other.damaged;
        self.trailing += other.trailing;
        self.other += other.other;
        self.unchanged += other.unchanged;
        self.unread += other.unread;
    }

    /// Returns the number of bytes of all kinds together. Once all parts of the file were added,
    /// this is the file's size.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let Extents { header, good, empty, damaged, trailing, other, unchanged, unread } = self;
        header + good + empty + damaged + trailing + other + unchanged + unread
    }
}

/// Counts of everything that was seen in a file of the evidence, or in a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// How many bytes of the file are good, damaged, unread or of another kind.
    pub extents: Extents,
    /// The number of slots (places for a chunk of 64 KiB), including one that the file's end cuts
    /// off.
    pub chunks: u64,
    /// The number of chunks without records: the log never used them, or they were emptied.
    pub empty_chunks: u64,
    /// The number of slots and chunks, among those that `chunks` counts, that have a problem of any
    /// kind.
    pub damaged_chunks: u64,
    /// The number of chunks whose records were compared with the checksum in the chunk's header.
    pub checked_chunks: u64,
    /// The number of records that were found, but could not be decoded.
    pub damaged_records: u64,
    /// The number of live records that were read although bytes before them in their chunk are
    /// damaged. Programs that stop reading a chunk at damage do not see these records.
    pub refound_records: u64,
    /// The number of deleted records that could be decoded. No other field of this type counts
    /// them.
    pub recovered_records: u64,
    /// Counts of all live records that were read, including records after damage in their chunk.
    pub counts: RecordCounts,
    /// The lowest and the highest EventRecordID of the live records (those that were not deleted).
    pub record_ids: RecordIdRange,
    /// Counts of the live records for each Computer that the records name.
    pub computers: BTreeMap<String, RecordCounts>,
    /// The EventRecordIDs of each log that the live records belong to. A log is identified by a
    /// Computer and a Channel.
    pub logs: Logs,
    /// The number of renumbered records: their EventRecordID differs from the number in the
    /// record's header. Exports and collectors number the headers anew. Only records in chunks
    /// without damage count. Of the records that are skimmed (counted without being decoded), not
    /// all are compared: among records with consecutive EventRecordIDs, the first and the last
    /// decide for all.
    pub renumbered_records: u64,
}

impl Tally {
    /// Counts one live record, given its `System` part, which states Computer, Channel, time and
    /// EventRecordID. `window` is the period that the user requested.
    pub fn add(&mut self, system: &System, window: &Window) {
        self.counts.add(system, window);
        self.record_ids.add(system.event_record_id);
        if let Some(id) = system.event_record_id {
            self.logs.change(&system.computer, &system.channel, |runs| runs.add(id, system.time_created));
        }
        if let Some(counts) = self.computers.get_mut(&system.computer) {
            counts.add(system, window);
        } else {
            self.computers.entry(system.computer.clone()).or_default().add(system, window);
        }
    }

    /// Compares the number in a record's header (`header_id`) with the record's EventRecordID, and
    /// counts the record as renumbered if they differ. `is_sound` is true if the record's chunk has
    /// no damage; records of other chunks are not counted, because they prove nothing.
    pub fn note_number(&mut self, header_id: u64, system: &System, is_sound: bool) {
        let differs = system.event_record_id.is_some_and(|id| id != header_id);
        self.renumbered_records += u64::from(differs && is_sound);
    }

    /// Adds the counts of one Computer's skimmed records: records that were counted without being
    /// decoded. `ids` is the range of their EventRecordIDs.
    pub fn add_counts(&mut self, computer: &str, counts: RecordCounts, ids: RecordIdRange) {
        self.counts.merge(counts);
        self.record_ids.merge(ids);
        if let Some(known) = self.computers.get_mut(computer) {
            known.merge(counts);
        } else {
            self.computers.insert(computer.to_owned(), counts);
        }
    }

    /// Adds the counts of another part of the same file.
    pub fn merge(&mut self, other: Tally) {
        self.extents.merge(other.extents);
        self.chunks += other.chunks;
        self.empty_chunks += other.empty_chunks;
        self.damaged_chunks += other.damaged_chunks;
        self.checked_chunks += other.checked_chunks;
        self.damaged_records += other.damaged_records;
        self.refound_records += other.refound_records;
        self.recovered_records += other.recovered_records;
        self.counts.merge(other.counts);
        self.record_ids.merge(other.record_ids);
        for (computer, counts) in other.computers {
            self.computers.entry(computer).or_default().merge(counts);
        }
        self.logs.merge(other.logs);
        self.renumbered_records += other.renumbered_records;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventTime;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = System> {
        (
            0u64..50,
            prop::sample::select(vec!["a", "b", ""]),
            20u32..24,
            any::<bool>(),
            prop::option::of(-9i64..9),
        )
            .prop_map(|(id, computer, event_id, sysmon, time)| System {
                provider: if sysmon { "Microsoft-Windows-Sysmon" } else { "Other" }.to_owned(),
                event_id,
                event_record_id: Some(id),
                computer: computer.to_owned(),
                time_created: time.map(EventTime::from_ticks),
                ..System::default()
            })
    }

    fn tally(records: &[System]) -> Tally {
        let mut tally = Tally { chunks: records.len() as u64, ..Tally::default() };
        let at = |ticks| Some(EventTime::from_ticks(ticks));
        for record in records {
            tally.add(record, &Window { since: at(-4), until: at(3), ends: None });
        }
        tally
    }

    fn merged(mut left: Tally, right: Tally) -> Tally {
        left.merge(right);
        left
    }

    proptest! {
        #[test]
        fn merging_tallies_is_counting_all(left in prop::collection::vec(record(), 0..9), right in prop::collection::vec(record(), 0..9)) {
            let all: Vec<System> = left.iter().chain(&right).cloned().collect();
            let (left, right) = (tally(&left), tally(&right));
            prop_assert_eq!(merged(left.clone(), right.clone()), tally(&all));
            prop_assert_eq!(merged(right.clone(), left.clone()), tally(&all));
            prop_assert_eq!(merged(Tally::default(), left.clone()), left);
        }
    }
}
