//! All hosts of the evidence, and what its files say of each.

use std::collections::BTreeMap;

use super::coverage::Coverage;
use super::host::{FileCounts, Host};
use super::ledger::FileReport;
use super::matched_event::MatchedEvent;
use super::matches::Occurrence;
use crate::event::Window;

/// Machines of the same evidence that are named with each: of a collector's logs, with thousands of them, not all.
const MOST_NEIGHBOURS: usize = 20;

/// A host as it is in the end, with its Computer; `None` for evidence in which no record names one.
pub type HostRow = (Option<String>, Box<Host>);

/// All hosts, and the files that could not be given to one. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// By Computer; one that is empty is a host of its own. Each by itself, for there can be as many as files, and a map has room for twice
    /// as many as it holds.
    computers: BTreeMap<String, Box<Host>>,
    /// By evidence: files in which no record names a Computer.
    nameless: BTreeMap<String, FileCounts>,
}

impl Hosts {
    /// Makes a piece of evidence known, even if no file is found in it.
    pub fn add_evidence(&mut self, evidence: &str) {
        self.nameless.entry(evidence.to_owned()).or_default();
    }

    /// Forgets a piece of evidence of which nothing was read: it says nothing of any host.
    pub fn forget_evidence(&mut self, evidence: &str) {
        self.nameless.remove(evidence);
    }

    /// Adds what a file says of its hosts.
    pub fn add_file(&mut self, evidence: &str, file: &FileReport) {
        let status = file.status();
        let counts = FileCounts { files: 1, damaged: u64::from(status != super::Status::Complete) };
        // Of the many files that are looked through for chunks, those without any say nothing of a host.
        let says_nothing = file.header == super::Header::Carved && file.tally.chunks == 0;
        if file.tally.computers.is_empty() && !says_nothing {
            self.nameless.entry(evidence.to_owned()).or_default().merge(counts);
        }
        let is_alone = file.tally.computers.len() == 1;
        for (computer, records) in &file.tally.computers {
            self.change(computer, |host| {
                if !host.evidence.contains(evidence) {
                    host.evidence.insert(evidence.to_owned());
                }
                host.counts.merge(*records);
                host.files.merge(counts);
                let steps = if is_alone { &mut host.clock_steps } else { &mut host.shared_clock_steps };
                *steps += file.clock.step_count();
                host.files_in_use += u64::from(file.header == super::Header::Dirty);
            });
        }
        for (computer, channel, runs) in file.tally.logs.iter() {
            self.change(computer, |host| {
                host.channels.merge(channel, runs);
                host.channels.limit();
            });
        }
    }

    fn change(&mut self, computer: &str, change: impl FnOnce(&mut Host)) {
        // Looked up first, so that a name is copied only once.
        match self.computers.get_mut(computer) {
            Some(host) => change(host),
            None => change(self.computers.entry(computer.to_owned()).or_default()),
        }
    }

    /// Counts a match.
    pub fn add_match(&mut self, matched: &MatchedEvent<'_>) {
        self.change(&matched.event.system.computer, |host| host.add_match(matched));
    }

    /// Counts an event that an exclusion takes away from a detection.
    pub fn add_excluded(&mut self, computer: &str) {
        self.change(computer, |host| host.excluded_matches += 1);
    }

    /// Counts a lead.
    pub fn add_lead(&mut self, computer: &str, occurrence: Occurrence) {
        self.change(computer, |host| host.add_lead(occurrence));
    }

    /// Adds what was seen in another part of the evidence.
    pub fn merge(&mut self, other: Hosts) {
        for (computer, host) in other.computers {
            self.computers.entry(computer).or_default().merge(*host);
        }
        for (evidence, files) in other.nameless {
            self.nameless.entry(evidence).or_default().merge(files);
        }
    }

    /// The hosts in the order of their names, and behind them, without a name, the evidence in
    /// which no record names a Computer. Files that name none are counted with every host of their evidence. `window` is the period
    /// that was asked for.
    #[must_use]
    pub fn into_rows(self, window: &Window) -> Vec<HostRow> {
        let Hosts { computers, nameless } = self;
        // There can be as many hosts as files: they are handed on, not copied.
        let mut rows: Vec<HostRow> =
            computers.into_iter().map(|(computer, host)| (Some(computer), host)).collect();
        let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (row, (_, host)) in rows.iter().enumerate() {
            for evidence in &host.evidence {
                match owners.get_mut(evidence) {
                    Some(owners) => owners.push(row),
                    None => _ = owners.insert(evidence.clone(), vec![row]),
                }
            }
        }
        for together in owners.values().filter(|together| together.len() > 1) {
            for row in together {
                let others = together.iter().filter(|other| *other != row).take(MOST_NEIGHBOURS);
                let names: Vec<String> = others.filter_map(|other| rows.get(*other)?.0.clone()).collect();
                if let Some((_, host)) = rows.get_mut(*row) {
                    host.neighbours.extend(names);
                }
            }
        }
        for (evidence, files) in nameless {
            let Some(owners) = owners.get(&evidence) else {
                let host = Host { evidence: [evidence].into(), files, ..Host::default() };
                rows.push((None, Box::new(host)));
                continue;
            };
            for row in owners {
                if let Some((_, host)) = rows.get_mut(*row) {
                    host.files.merge(files);
                }
            }
        }
        for (_, host) in &mut rows {
            host.coverage = Coverage::of(&host.counts, window);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::HOSTS_COLUMNS;
    use super::super::ledger::Header;
    use super::super::verdict::Verdict;
    use super::*;
    use crate::tally::RecordCounts;
    use proptest::prelude::*;

    /// Files with up to three computers, some of them damaged, in one of two pieces of evidence.
    fn file() -> impl Strategy<Value = (&'static str, FileReport)> {
        let computers = prop::collection::btree_map(prop::sample::select(vec!["a", "b", ""]), 1u64..9, 0..3);
        (prop::sample::select(vec!["left", "right"]), computers, any::<bool>()).prop_map(
            |(evidence, computers, complete)| {
                let mut report =
                    FileReport { size: 1, bytes_read: 1, header: Header::Clean, ..FileReport::default() };
                report.interrupted_at = (!complete).then_some(0);
                for (computer, records) in computers {
                    report
                        .tally
                        .computers
                        .insert(computer.to_owned(), RecordCounts { records, ..RecordCounts::default() });
                }
                (evidence, report)
            },
        )
    }

    fn hosts(files: &[(&str, FileReport)]) -> Hosts {
        let mut hosts = Hosts::default();
        for (evidence, file) in files {
            hosts.add_file(evidence, file);
        }
        hosts
    }

    fn merged(mut left: Hosts, right: Hosts) -> Hosts {
        left.merge(right);
        left
    }

    proptest! {
        #[test]
        fn merging_hosts_is_adding_all_files(left in prop::collection::vec(file(), 0..6), right in prop::collection::vec(file(), 0..6)) {
            let all: Vec<_> = left.iter().chain(&right).cloned().collect();
            let (left, right) = (hosts(&left), hosts(&right));
            prop_assert_eq!(merged(left.clone(), right.clone()), hosts(&all));
            prop_assert_eq!(merged(right, left.clone()), hosts(&all));
            prop_assert_eq!(merged(Hosts::default(), left.clone()), left);
        }
    }

    #[test]
    fn files_without_a_computer_count_for_the_hosts_of_their_evidence() {
        let mut named = FileReport { size: 1, bytes_read: 1, header: Header::Clean, ..FileReport::default() };
        named.tally.computers.insert("a".to_owned(), RecordCounts { records: 1, ..RecordCounts::default() });
        let unreadable = FileReport { size: 1, ..FileReport::default() };
        let mut all = hosts(&[("one", named), ("one", unreadable.clone()), ("two", unreadable)]);
        all.add_evidence("three");
        let rows: Vec<_> = all
            .into_rows(&Window::default())
            .into_iter()
            .map(|(computer, host)| (computer, host.files.files, host.files.damaged, host.verdict()))
            .collect();
        assert_eq!(
            rows,
            [
                (Some("a".to_owned()), 2, 1, Verdict::NoSysmon),
                (None, 0, 0, Verdict::NoEventLogs),
                (None, 1, 1, Verdict::Unreadable),
            ]
        );
        assert_eq!(Host::default().cells(None).len(), HOSTS_COLUMNS.len());
    }
}
