//! All hosts in the evidence, and what the files of the evidence say about each of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::conclude::conclude;
use super::coverage::Coverage;
use super::host::{FileCounts, Host};
use super::host_in_evidence::HostInEvidence;
use super::matched_event::MatchedEvent;
use super::matches::Occurrence;
use super::renames::{MachineNames, folded, own_channel};
use crate::event::Window;
use crate::ledger::clock::MachineClock;
use crate::ledger::container::ContainerReport;
use crate::ledger::file::{FileReport, Status};
use crate::ledger::tally::RecordCounts;

/// A host with its name (Computer). The name is `None` for a piece of evidence in which no record
/// names a Computer.
pub type NamedHost = (Option<String>, Box<Host>);

/// The names of all hosts. By them, the Computer of a record, which can differ from the host's name
/// in upper and lower case, is replaced by the host's name.
#[derive(Debug)]
pub struct HostNames<'a>(HashMap<String, &'a str>);

impl<'a> HostNames<'a> {
    /// Collects the names of `hosts`. Pieces of evidence in which no record names a Computer are
    /// left out, because they have no name.
    #[must_use]
    pub fn of(hosts: &'a [NamedHost]) -> Self {
        let names = hosts.iter().filter_map(|(name, _)| name.as_deref());
        HostNames(names.map(|name| (folded(name), name)).collect())
    }

    /// Returns the host's name for `computer`, the Computer of a record. Upper and lower case are
    /// not distinguished. Returns `computer` itself if no host has this name.
    #[must_use]
    pub fn get<'n>(&'n self, computer: &'n str) -> &'n str {
        self.0.get(&folded(computer)).copied().unwrap_or(computer)
    }
}

/// All hosts of a sweep, and what is known about the pieces of evidence. [`merge`](Self::merge) is
/// associative and commutative, so that parts of the evidence can be counted separately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// The hosts, by their Computer in lower case. Records with an empty Computer form a host of
    /// their own.
    ///
    /// Each host is boxed: there can be as many hosts as files, and a map reserves room for up to
    /// twice as many values as it has.
    computers: BTreeMap<Box<str>, Box<Host>>,
    pieces: BTreeMap<Arc<str>, EvidencePiece>,
}

/// What is known about a piece of evidence (usually what was collected from one machine) as a
/// whole, and not about a single host in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EvidencePiece {
    /// The counts of the files of this piece of evidence in which no record names a Computer, and
    /// of its containers (archives, disk images, …) that could not be read, or not completely.
    pub nameless: FileCounts,
    /// The times at which a clock went back in files that contain records of several machines, so
    /// that it is unknown whose clock it was.
    pub clock: MachineClock,
    /// Pairs of Computers (in lower case) that are names of one machine, because a log of this
    /// piece of evidence continues from one name to the other.
    pub renamed: BTreeSet<(String, String)>,
}

impl EvidencePiece {
    fn merge(&mut self, other: EvidencePiece) {
        self.nameless.merge(other.nameless);
        self.clock.merge(other.clock);
        self.renamed.extend(other.renamed);
    }
}

impl Hosts {
    /// Adds a piece of evidence (usually what was collected from one machine), so that it appears
    /// among the hosts even if no file is found in it.
    pub fn add_evidence(&mut self, evidence: &str) {
        self.pieces.entry(evidence.into()).or_default();
    }

    /// Removes a piece of evidence that an interrupted sweep did not reach, so that it does not
    /// become a host without records.
    pub fn forget_evidence(&mut self, evidence: &str) {
        self.pieces.remove(evidence);
    }

    /// Adds a container (an archive, disk image, volume or shadow copy) of a piece of evidence. If
    /// it could not be read, or not completely, no host of that piece is cleared (its absence of
    /// matches proves nothing), because logs may be missing.
    pub fn add_container(&mut self, evidence: &str, container: &ContainerReport) {
        if container.is_missed() {
            let counts = FileCounts { containers: 1, ..FileCounts::default() };
            self.pieces.entry(evidence.into()).or_default().nameless.merge(counts);
        }
    }

    /// Adds what a file of a piece of evidence says about the hosts whose records it contains. A
    /// file with the status `Unchanged` is ignored: it is a log of a shadow copy that has the same
    /// bytes in a newer state of its volume, and is counted there.
    pub fn add_file(&mut self, evidence: &str, mut file: FileReport) {
        if file.status() == Status::Unchanged {
            return;
        }
        let counts = FileCounts::of(&file);
        // The host is looked up first, so that its name is copied only once.
        let known = self.pieces.get_key_value(evidence).map(|(known, _)| Arc::clone(known));
        let evidence = known.unwrap_or_else(|| evidence.into());
        // With `--carve`, many files are searched for chunks. Those without a chunk say nothing
        // about a host.
        let says_nothing = file.header == super::Header::Carved && file.tally.chunks == 0;
        if file.tally.computers.is_empty() {
            if !says_nothing {
                self.pieces.entry(evidence).or_default().nameless.merge(counts);
            }
            return;
        }
        let names = MachineNames::of(&file);
        let is_alone = names.is_one_machine();
        let clock = (file.clock.step_count() > 0).then(|| MachineClock::of(&file.clock));
        let renamed: Vec<_> = names.renamed().collect();
        if !renamed.is_empty() || (!is_alone && clock.is_some()) {
            let piece = self.pieces.entry(Arc::clone(&evidence)).or_default();
            piece.renamed.extend(renamed);
            clock.iter().filter(|_| !is_alone).for_each(|clock| piece.clock.merge(clock.clone()));
        }
        let own_channel = own_channel(&file).filter(|_| is_alone).map(str::to_owned);
        let in_use = u64::from(file.header == super::Header::Dirty);
        for (computer, records) in std::mem::take(&mut file.tally.computers) {
            let logs = file.tally.logs.take(&computer);
            self.change(&computer, |host| {
                host.counts.merge(records);
                host.files.merge(counts);
                host.files_in_use += in_use;
                let mut found = HostInEvidence {
                    span: records.span,
                    own_files: u64::from(is_alone),
                    ..HostInEvidence::default()
                };
                found.logs.add(logs, own_channel.as_deref());
                clock.iter().filter(|_| is_alone).for_each(|clock| found.clock.merge(clock.clone()));
                host.places.change(&evidence, || Arc::clone(&evidence), |known| known.merge(found));
            });
        }
    }

    fn change(&mut self, computer: &str, change: impl FnOnce(&mut Host)) {
        let key = folded(computer);
        // The host is looked up first, so that its name is copied only once.
        let host = match self.computers.get_mut(&*key) {
            Some(host) => host,
            None => self.computers.entry(key.into()).or_default(),
        };
        host.add_spelling(computer);
        change(host);
    }

    /// Counts a match for the host that the match's event names (its Computer).
    pub fn add_match(&mut self, matched: &MatchedEvent<'_>) {
        self.change(&matched.event.system.computer, |host| host.add_match(matched));
    }

    /// Counts an event of the host `computer` that an exclusion (a site's description of harmless
    /// events) removes from the matches of a detection.
    pub fn add_excluded(&mut self, computer: &str) {
        self.change(computer, |host| host.excluded_matches += 1);
    }

    /// Counts a lead (a query of Windows' own DNS client that a detection describes) for the host
    /// `computer`. `occurrence` says whether the lead's event is a copy of an earlier one.
    pub fn add_lead(&mut self, computer: &str, occurrence: Occurrence) {
        self.change(computer, |host| host.add_lead(occurrence));
    }

    /// Adds the hosts of another part of the evidence, and what that part shows of each piece of
    /// evidence.
    pub fn merge(&mut self, other: Hosts) {
        for (computer, host) in other.computers {
            self.computers.entry(computer).or_default().merge(*host);
        }
        for (evidence, piece) in other.pieces {
            self.pieces.entry(evidence).or_default().merge(piece);
        }
    }

    /// Returns the hosts, sorted by name, and after them each piece of evidence in which no record
    /// names a Computer. Draws the conclusions about all hosts first, such as a machine's earlier
    /// names.
    ///
    /// A file in which no record names a Computer is counted for every host of its piece of
    /// evidence. `window` is the period that the user requested.
    #[must_use]
    pub fn into_rows(self, window: &Window) -> Vec<NamedHost> {
        let Hosts { computers, pieces } = self;
        // There can be as many hosts as files, so they are moved, not copied.
        let mut hosts: Vec<(Box<str>, Box<Host>)> = computers.into_iter().collect();
        let owners = conclude(&mut hosts, &pieces);
        let mut without_host = Vec::new();
        for (evidence, piece) in pieces {
            let Some(owners) = owners.get(&evidence) else {
                let host = Host {
                    places: [(evidence, HostInEvidence::default())].into_iter().collect(),
                    files: piece.nameless,
                    coverage: Coverage::of(&RecordCounts::default(), window),
                    ..Host::default()
                };
                without_host.push((None, Box::new(host)));
                continue;
            };
            for place in owners {
                if let Some((_, host)) = hosts.get_mut(*place) {
                    host.files.merge(piece.nameless);
                }
            }
        }
        for (_, host) in &mut hosts {
            host.coverage = Coverage::of(&host.counts, window);
        }
        let named =
            hosts.into_iter().map(|(_, mut host)| (Some(std::mem::take(&mut host.name).into_string()), host));
        let mut rows: Vec<NamedHost> = named.collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.extend(without_host);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Verdict;
    use super::*;
    use crate::ledger::file::Header;
    use crate::ledger::tally::RecordCounts;
    use proptest::prelude::*;

    /// Generates files with up to three computers, some of the files damaged, in one of two pieces
    /// of evidence.
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
            hosts.add_file(evidence, file.clone());
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
    }
}
