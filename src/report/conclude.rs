//! Conclusions about hosts, drawn once all evidence was read:
//!
//! - Which names belong to one renamed machine. The machine then gets the logs and the clock of all
//!   its names.
//! - Which pieces of evidence contain records of several machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::anomaly::{Anomaly, ListedNames};
use super::host::Host;
use super::host_in_evidence::HostInEvidence;
use super::hosts::EvidencePiece;

/// All hosts of a sweep, each with its name (Computer) in lower case, by which the hosts are
/// sorted.
pub(super) type KnownHosts = [(Box<str>, Box<Host>)];

/// Draws the conclusions about all hosts and adds them to `hosts`: which hosts are one renamed
/// machine, and what is odd about the evidence that contains their records. Returns, for each piece
/// of evidence, the indexes in `hosts` of the hosts whose records it contains.
pub(super) fn conclude(
    hosts: &mut KnownHosts,
    pieces: &BTreeMap<Arc<str>, EvidencePiece>,
) -> BTreeMap<Arc<str>, Vec<usize>> {
    let mut owners: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (place, (_, host)) in hosts.iter().enumerate() {
        for (evidence, _) in &host.places {
            match owners.get_mut(evidence) {
                Some(owners) => owners.push(place),
                None => _ = owners.insert(Arc::clone(evidence), vec![place]),
            }
        }
    }
    let none = EvidencePiece::default();
    for (evidence, places) in &owners {
        let piece = pieces.get(evidence).unwrap_or(&none);
        if places.len() > 1 || piece.clock.step_count() > 0 {
            EvidenceHosts { hosts, evidence, places, piece }.conclude();
        }
    }
    for (_, host) in hosts {
        let Host { places, conclusion, .. } = &mut **host;
        places.each(|found| {
            conclusion.logs.merge(std::mem::take(&mut found.logs));
            conclusion.clock.merge(std::mem::take(&mut found.clock));
        });
        conclusion
            .earlier_names
            .sort_by(|(one, until), (other, other_until)| (until, one).cmp(&(other_until, other)));
    }
    owners
}

/// A piece of evidence (usually what was collected from one machine), and the hosts whose records
/// it contains. The value exists while the conclusions about these hosts are drawn.
struct EvidenceHosts<'a> {
    hosts: &'a mut KnownHosts,
    evidence: &'a Arc<str>,
    /// The indexes, in the list of all hosts, of the hosts whose records this piece of evidence
    /// contains, in ascending order.
    places: &'a [usize],
    piece: &'a EvidencePiece,
}

/// A machine whose records a piece of evidence contains. It is one host, or several hosts that are
/// names of one renamed machine.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// The index, among all hosts, of the host that has the machine's present name.
    host: usize,
    /// The number of files that contain records of this machine alone.
    own_files: u64,
}

impl EvidenceHosts<'_> {
    fn conclude(mut self) {
        let machines = self.machines();
        let most_own = machines.iter().rev().max_by_key(|machine| machine.own_files);
        let Some(owner) = most_own.map(|machine| machine.host) else { return };
        if let [_] = machines.as_slice() {
            let clock = self.piece.clock.clone();
            self.change_host(owner, |found| found.clock.merge(clock));
            return;
        }
        let mut names = [ListedNames::default(), ListedNames::default()];
        for machine in machines.iter().filter(|machine| machine.host != owner) {
            let [own, forwarded] = &mut names;
            let names = if machine.own_files > 0 { own } else { forwarded };
            names.add(self.hosts.get(machine.host).map_or("", |(_, host)| &*host.name));
        }
        let [own, forwarded] = names;
        let steps = self.piece.clock.step_count();
        let Some((_, host)) = self.hosts.get_mut(owner) else { return };
        let about_evidence = &mut host.conclusion.about_evidence;
        if steps > 0 {
            about_evidence.push(Anomaly::SharedClockSteps(steps));
        }
        if !own.is_empty() {
            about_evidence.push(Anomaly::OtherMachines(own));
        }
        if !forwarded.is_empty() {
            about_evidence.push(Anomaly::Forwarded(forwarded));
        }
    }

    /// Returns the machines whose records this piece of evidence contains, sorted by name. A
    /// machine with several names is sorted by the first of them in the alphabet. If a machine was
    /// renamed, moves the logs and clocks that are known under its earlier names to the host with
    /// its present name.
    fn machines(&mut self) -> Vec<Machine> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, machine) in self.places.iter().zip(self.joined()) {
            groups.entry(machine).or_default().push(*place);
        }
        groups.into_values().map(|names| self.machine(&names)).collect()
    }

    /// Finds out which hosts of this piece of evidence are names of one renamed machine. Returns a
    /// number for each host, in the order of the hosts' names. Hosts that are names of one machine
    /// have an equal number: the lowest position that one of them has in that order.
    fn joined(&self) -> Vec<usize> {
        let mut machines: Vec<usize> = (0..self.places.len()).collect();
        let names: Vec<&str> =
            self.places.iter().filter_map(|place| self.hosts.get(*place)).map(|(name, _)| &**name).collect();
        let mut join = |one: usize, other: usize| {
            let root = |mut place: usize| {
                while let Some(next) = machines.get(place).filter(|next| **next != place) {
                    place = *next;
                }
                place
            };
            let (one, other) = (root(one), root(other));
            if let Some(machine) = machines.get_mut(one.max(other)) {
                *machine = one.min(other);
            }
        };
        for (one, other) in &self.piece.renamed {
            let place = |name: &String| names.binary_search(&name.as_str()).ok();
            if let Some((one, other)) = place(one).zip(place(other)) {
                join(one, other);
            }
        }
        for (place, name) in names.iter().enumerate() {
            if let Some(qualified) = only_qualified(&names, name) {
                join(place, qualified);
            }
        }
        // The first host of a machine comes before the machine's other hosts, so one pass is
        // enough.
        for place in 0..machines.len() {
            let next = machines.get(place).and_then(|machine| machines.get(*machine)).copied();
            if let (Some(machine), Some(next)) = (machines.get_mut(place), next) {
                *machine = next;
            }
        }
        machines
    }

    /// Joins hosts that are names of one renamed machine. `names` are the indexes of these hosts in
    /// the list of all hosts. The host with the latest record in this piece of evidence has the
    /// machine's present name, and gets the logs and clocks of the other hosts.
    fn machine(&mut self, names: &[usize]) -> Machine {
        let evidence = &**self.evidence;
        let last = |place: &usize| {
            let (_, host) = self.hosts.get(*place)?;
            host.places.get(evidence)?.span.last
        };
        let present = names.iter().copied().max_by_key(last).unwrap_or_default();
        let mut all = HostInEvidence::default();
        let mut earlier = Vec::new();
        for place in names {
            let Some((_, host)) = self.hosts.get_mut(*place) else { continue };
            let Some(found) = host.places.get_mut(evidence) else { continue };
            all.own_files += found.own_files;
            if *place != present {
                all.logs.merge(std::mem::take(&mut found.logs));
                all.clock.merge(std::mem::take(&mut found.clock));
                earlier.push((host.name.clone(), found.span.last));
            }
        }
        let own_files = all.own_files;
        if let (Some((_, host)), false) = (self.hosts.get_mut(present), earlier.is_empty()) {
            host.conclusion.add_earlier_names(earlier);
            let HostInEvidence { logs, clock, .. } = all;
            self.change_host(present, |found| {
                found.logs.merge(logs);
                found.clock.merge(clock);
            });
        }
        Machine { host: present, own_files }
    }

    fn change_host(&mut self, place: usize, change: impl FnOnce(&mut HostInEvidence)) {
        let host = self.hosts.get_mut(place).map(|(_, host)| host);
        if let Some(found) = host.and_then(|host| host.places.get_mut(&**self.evidence)) {
            change(found);
        }
    }
}

/// Returns the index, in a sorted list of host names, of the only fully qualified name that begins
/// with the plain name `name` and a dot. `None` if there is no such name, or more than one.
fn only_qualified(names: &[&str], name: &str) -> Option<usize> {
    if name.is_empty() || name.contains('.') {
        return None;
    }
    let prefix = format!("{name}.");
    let first = names.partition_point(|other| *other < prefix.as_str());
    let is_qualified = |place: usize| names.get(place).is_some_and(|other| other.starts_with(&prefix));
    (is_qualified(first) && !is_qualified(first + 1)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_joined_with_its_only_qualified_form() {
        let names = ["", "host", "host-a", "host-a.x.example", "host.y.example", "pc", "pc.x", "pc.y", "z.x"];
        let found: Vec<Option<usize>> = names.iter().map(|name| only_qualified(&names, name)).collect();
        assert_eq!(found, [None, Some(4), Some(3), None, None, None, None, None, None]);
    }
}
