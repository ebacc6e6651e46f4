//! What was seen in a part of the evidence: counts with laws.
//!
//! A tally of a block, of a file and of a host are the same thing at different sizes. `merge` is
//! associative and commutative and the default is its identity, so that any split of the work
//! over threads gives the same sums.

use std::collections::BTreeMap;

use crate::event::{Span, System, Window};
use crate::ledger::event_form::EventForm;
use crate::ledger::logs::Logs;

/// Counts of live records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordCounts {
    /// Records that were read.
    pub records: u64,
    /// Of these, the records that Sysmon wrote.
    pub sysmon_records: u64,
    /// Of these, the DNS queries (event 22).
    pub dns_queries: u64,
    /// Records whose TimeCreated is no time, or not there.
    pub unreadable_times: u64,
    /// Of the DNS queries, those that certainly lie in the period that was asked for; all of them
    /// if none was.
    pub dns_queries_in_period: u64,
    /// First and last TimeCreated of the DNS queries.
    pub dns_span: Span,
    /// First and last TimeCreated of all records that have one.
    pub span: Span,
}

impl RecordCounts {
    /// Counts one record. `window` is the period that was asked for.
    pub fn add(&mut self, system: &System, window: &Window) {
        self.records += 1;
        self.sysmon_records += u64::from(system.is_sysmon());
        self.unreadable_times += u64::from(system.time_created.is_none());
        self.span.add(system.time_created);
        if system.is_dns_query() {
            self.dns_queries += 1;
            self.dns_queries_in_period += u64::from(window.is_shown_by(system.time_created));
            self.dns_span.add(system.time_created);
        }
    }

    /// Adds the counts of another part of the evidence.
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

/// Lowest and highest EventRecordID of a set of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordIdRange {
    /// The lowest; `None` when no record had one.
    pub first: Option<u64>,
    /// The highest.
    pub last: Option<u64>,
}

impl RecordIdRange {
    /// Widens the range to hold `id`.
    pub fn add(&mut self, id: Option<u64>) {
        self.merge(RecordIdRange { first: id, last: id });
    }

    /// Widens the range to hold `other`.
    pub fn merge(&mut self, other: RecordIdRange) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

/// Files of events in one of the forms that are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct OtherForms {
    /// How many there are.
    pub files: u64,
    /// The path of the first of them, in the order of its bytes.
    pub first: String,
}

impl OtherForms {
    /// Adds those that were found elsewhere.
    pub fn merge(&mut self, other: OtherForms) {
        if self.files == 0 || other.files > 0 && other.first < self.first {
            self.first = other.first;
        }
        self.files += other.files;
    }
}

/// What was passed over, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    /// Regular files that are of none of the kinds below (with `--any-name`: that do not begin like
    /// an event log or event XML either).
    pub other_files: u64,
    /// Files with `.evtx` in their name that are no event logs: their checksums, links to them,
    /// what macOS keeps beside them.
    pub side_files: u64,
    /// Archives, compressed files and disk images, by the end of their name. What they hold was not
    /// looked at.
    pub containers: u64,
    /// Files of events in a form that is not read, by that form.
    pub event_forms: BTreeMap<EventForm, OtherForms>,
    /// How many of all but these have which end of their name, as far as it is one of a list.
    pub extensions: BTreeMap<&'static str, u64>,
    /// Symbolic links that were not followed.
    pub links: u64,
    /// Pipes, sockets and devices.
    pub special_files: u64,
    /// Files that another path had led to already (only with `--follow`).
    pub seen_before: u64,
}

impl PassedOver {
    /// Adds what was passed over elsewhere.
    pub fn merge(&mut self, other: PassedOver) {
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

    /// How many regular files were passed over, but those of events in another form.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.other_files + self.side_files + self.containers
    }
}

/// How many bytes of a file are what. The parts add up to the file's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extents {
    /// The file's header, or what lies in its place.
    pub header: u64,
    /// Chunks with records and without a problem.
    pub good: u64,
    /// Chunks without a record and without a problem.
    pub empty: u64,
    /// Chunks with a problem, and what lies in the place of a chunk.
    pub damaged: u64,
    /// What lies behind the last whole chunk and is not the beginning of one.
    pub trailing: u64,
    /// Of a file that was carved: what belongs to no chunk.
    pub other: u64,
    /// What was not read: nothing of it could be, or the sweep was interrupted before it came to
    /// it.
    pub unread: u64,
}

impl Extents {
    /// Adds those of another part of the file.
    pub fn merge(&mut self, other: Extents) {
        self.header += other.header;
        self.good += other.good;
        self.empty += other.empty;
        self.damaged += other.damaged;
        self.trailing += other.trailing;
        self.other += other.other;
        self.unread += other.unread;
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.header + self.good + self.empty + self.damaged + self.trailing + self.other + self.unread
    }
}

/// What was seen in a part of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// How many bytes are what.
    pub extents: Extents,
    /// Places for a chunk: whole ones, and what is left of one at the file's end.
    pub chunks: u64,
    /// Of these, those that hold no record: never used, or emptied.
    pub empty_chunks: u64,
    /// Of these, those with a problem of any kind.
    pub damaged_chunks: u64,
    /// Of these, those whose records were held to their checksum.
    pub checked_chunks: u64,
    /// Records whose place is known but whose content could not be decoded.
    pub damaged_records: u64,
    /// Records read that lie behind bytes of their chunk that are no record.
    pub refound_records: u64,
    /// Stale records that could be decoded. They are no events of the log, and count nowhere else.
    pub recovered_records: u64,
    /// Counts of all records read, those behind damage included.
    pub counts: RecordCounts,
    /// Range of their EventRecordIDs.
    pub record_ids: RecordIdRange,
    /// Counts of the records read, for each Computer that records name.
    pub computers: BTreeMap<String, RecordCounts>,
    /// The EventRecordIDs of each log that they belong to.
    pub logs: Logs,
    /// Of the records in sound chunks, those whose EventRecordID is not the number in their header:
    /// an export and a collector number the headers anew. Of neighbouring records whose
    /// EventRecordIDs follow one another, the first and the last decide for all.
    pub renumbered_records: u64,
}

impl Tally {
    /// Counts one record. `window` is the period that was asked for.
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

    /// Notes the number in the header of a record that was counted. Of a chunk that is not sound,
    /// it says nothing.
    pub fn note_number(&mut self, header_id: u64, system: &System, is_sound: bool) {
        let differs = system.event_record_id.is_some_and(|id| id != header_id);
        self.renumbered_records += u64::from(differs && is_sound);
    }

    /// Counts records of one computer that were counted already.
    pub fn add_counts(&mut self, computer: &str, counts: RecordCounts, ids: RecordIdRange) {
        self.counts.merge(counts);
        self.record_ids.merge(ids);
        if let Some(known) = self.computers.get_mut(computer) {
            known.merge(counts);
        } else {
            self.computers.insert(computer.to_owned(), counts);
        }
    }

    /// Adds the tally of another part.
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
