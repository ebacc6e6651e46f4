//! Makes the process trees of hosts from the rows of `processes.parquet`, and selects which
//! processes are listed. Only the GUIDs and times of one host are in memory at a time.

use std::collections::HashMap;

use super::Question;
use super::forest::{Forest, Node};
use super::host::{HostInDetail, host_key, kept};
use super::limits::Limits;
use super::processes::{ProcessCount, started};
use crate::event::Guid;
use crate::report::process::ProcessStatus;
use crate::table::Row;

/// The maximum number of processes from a process of a match up to its oldest known ancestor: the
/// process and 16 ancestors. There can be more only if an ancestor made a matching query itself.
const LINE: usize = 17;
/// The maximum number of processes of one host that are put into trees. Forged logs can have any
/// number of processes; further ones are only counted.
const MOST_OF_A_HOST: usize = 500_000;
/// The columns of `processes.parquet` from which the process trees of hosts are made.
pub(super) const PLANTING: [&str; 7] =
    ["computer", "process_guid", "depth", "status", "guid_time", "utc_time", "parent_process_guid"];
/// A process that is listed in the process tree of its host, by its row of `processes.parquet`.
pub(super) struct Planted {
    /// The number, from 0, of the process's row in `processes.parquet`.
    pub row: u64,
    /// The index of the process's host among the hosts that are shown in detail.
    pub host: usize,
    /// The level of the process in its tree: the number of its ancestors that are listed there.
    pub level: u32,
}

/// Makes the process trees of hosts while the rows of `processes.parquet` are read, which are
/// sorted by host.
pub(super) struct Planting<'q> {
    question: &'q Question,
    /// The index of each host that is shown in detail, by the host's name in lower case.
    hosts: HashMap<String, usize>,
    /// The maximum number of processes that are listed of each host that is shown in detail.
    most: Vec<usize>,
    /// The number of processes of each host that is shown in detail, listed or not.
    pub counts: Vec<u64>,
    /// How many processes have each status (whether their event 1, the creation, was found, or why
    /// not).
    pub statuses: Vec<ProcessCount>,
    /// The index of the host whose rows are being read, and the host's processes. `None` if this
    /// host is not shown in detail, and before the first row.
    current: Option<(usize, Forest)>,
    /// The listed processes of all trees that are complete, tree by tree.
    pub planted: Vec<Planted>,
}

impl<'q> Planting<'q> {
    /// Begins to make the process trees of `hosts`, which must be sorted: the worst host first.
    pub(super) fn new(hosts: &[&mut HostInDetail], question: &'q Question) -> Self {
        let statuses = ProcessStatus::ALL.into_iter();
        let statuses = statuses.map(|status| ProcessCount { status: status.name().to_owned(), processes: 0 });
        let named = hosts.iter().enumerate();
        let named =
            named.filter_map(|(place, host)| Some((host_key(host.facts.computer.as_deref()?), place)));
        Planting {
            question,
            hosts: named.collect(),
            most: most(hosts, &question.limits),
            counts: vec![0; hosts.len()],
            statuses: statuses.collect(),
            current: None,
            planted: Vec::new(),
        }
    }

    /// Adds the next row of `processes.parquet`. All rows must be added in the order of the table.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let computer = row.text("computer").unwrap_or_default();
        if !self.question.is_named(&computer) {
            return;
        }
        let status = row.text("status").unwrap_or_default();
        match self.statuses.iter_mut().find(|known| known.status == status) {
            Some(known) => known.processes += 1,
            None => self.statuses.push(ProcessCount { status: kept(status), processes: 1 }),
        }
        let host = self.hosts.get(&host_key(&computer)).copied();
        if self.current.as_ref().map(|(current, _)| *current) != host {
            self.end_host();
            self.current = host.map(|host| (host, Forest::default()));
        }
        let Some((host, forest)) = &mut self.current else { return };
        if let Some(count) = self.counts.get_mut(*host) {
            *count += 1;
        }
        let guid = |column| row.text(column).as_deref().and_then(Guid::parse);
        if let Some(process) = guid("process_guid").filter(|_| forest.len() < MOST_OF_A_HOST) {
            let parent = guid("parent_process_guid");
            let asked = row.count("depth") == 0;
            forest.push(Node { row: row.number(), process, parent, started: started(row), asked });
        }
    }

    /// Makes the tree of the host whose rows were read last, and selects the processes of the tree
    /// that are listed.
    pub(super) fn end_host(&mut self) {
        let Some((host, forest)) = self.current.take() else { return };
        let most = self.most.get(host).copied().unwrap_or(0);
        let planted = forest.planted(most).into_iter();
        self.planted.extend(planted.map(|(row, level)| Planted { row, host, level }));
    }
}

/// Returns how many processes are listed for each of `hosts`, which must be sorted: the worst
/// first. [`LINE`] processes are reserved for each host, until `limits.processes` is used up. What
/// is left after that goes to the worst hosts.
fn most(hosts: &[&mut HostInDetail], limits: &Limits) -> Vec<usize> {
    let matches = |host: &HostInDetail| host.matches.unique.saturating_add(host.matches.recovered);
    let with_matches = hosts.iter().filter(|host| matches(host) > 0).count();
    let mut left = limits.processes.saturating_sub(with_matches.saturating_mul(LINE));
    let lines = limits.processes / LINE;
    let most = hosts.iter().enumerate().map(|(place, host)| {
        let all = usize::try_from(matches(host)).unwrap_or(usize::MAX).saturating_mul(LINE);
        let own = all.min(limits.processes_of_host);
        let more = own.saturating_sub(LINE).min(left);
        left -= more;
        if place < lines { own.min(LINE) + more } else { 0 }
    });
    most.collect()
}
