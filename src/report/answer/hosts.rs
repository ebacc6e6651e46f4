//! The hosts in the answer of a sweep: counts over all hosts, and the hosts that are listed.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::host::{DETAILS, FACTS, HostFacts, HostInDetail, HostMatches, kept};
use super::listed::{Listed, Ranked};
use super::uncleared::Uncleared;
use super::values::{Tally, TopValues};
use super::{AnswerError, Question};
use crate::report::anomaly::is_of_use;
use crate::report::host_row::HostRow;
use crate::report::renames::folded;
use crate::report::verdict::Verdict;
use crate::table::{ColumnOf, Row, TableId, Tables, Wanted};

/// A verdict (what was seen of a host, such as `no matches`), and how many hosts have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictCount {
    /// The verdict: what was seen of the hosts, such as `matches` or `no Sysmon`.
    pub verdict: String,
    /// The number of hosts with this verdict.
    pub hosts: u64,
}

/// A reason why hosts without matches are not cleared (why their absence of matches proves
/// nothing), and how many hosts have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnclearedCount {
    /// Why the hosts are not cleared: why their absence of matches proves nothing.
    pub why: Uncleared,
    /// The number of hosts that are not cleared for this reason.
    pub hosts: u64,
    /// The first few of the hosts that are not cleared for this reason.
    pub first: Vec<NamedPlace>,
}

/// A host by its name or, for a piece of evidence in which no record names a machine, the name of
/// the piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedPlace {
    /// The host's name; `null` for evidence in which no record names a machine.
    pub computer: Option<String>,
    /// The name of the first piece of evidence that contains the host's records.
    pub evidence: Option<String>,
}

/// The maximum number of hosts that are named for each reason why hosts are not cleared. Further
/// hosts are only counted.
const MOST_NAMED: usize = 10;

/// A remark on a host's logs: something odd (an anomaly), or usual but good to know (a note).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostRemark {
    /// The host's name; `null` for evidence in which no record names a machine.
    pub computer: Option<String>,
    /// What is odd about the host's logs, or good to know of them, in a sentence.
    pub remark: String,
}

/// How many leads a host has. A lead is a query that Windows' own DNS client logged for a name that
/// a detection describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostLeads {
    /// The host's name; `null` for evidence in which no record names a machine.
    pub computer: Option<String>,
    /// The number of the host's leads, including copies of an event. A lead is a query that
    /// Windows' own DNS client logged.
    pub leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that are
    /// not copies of an earlier lead.
    pub unique_leads: u64,
}

/// What an answer takes from `hosts.parquet`. Each field becomes the field of the same name of
/// [`Answer`](super::Answer).
pub(super) struct HostsRead {
    pub verdicts: Vec<VerdictCount>,
    pub uncleared_counts: Vec<UnclearedCount>,
    pub cleared_count: u64,
    pub hosts: Listed<HostInDetail>,
    pub uncleared: Listed<HostInDetail>,
    pub cleared: Listed<HostFacts>,
    pub query_names: TopValues,
    pub processes: TopValues,
    pub users: TopValues,
    pub anomalies: Listed<HostRemark>,
    pub notes: Listed<HostRemark>,
    pub leads: Listed<HostLeads>,
}

/// Reads from `hosts.parquet` what the answer to `question` contains about hosts.
pub(super) fn read(tables: &dyn Tables, question: &Question) -> Result<HostsRead, AnswerError> {
    let columns = ColumnOf::named(HostRow::COLUMNS, &[&FACTS[..], &DETAILS].concat());
    let mut collected = Collected::new(question);
    let each = &mut |row: &Row<'_>| collected.add(row);
    tables.read(TableId::Hosts, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Hosts))?;
    Ok(collected.finish())
}

/// The key by which hosts with matches are sorted, the worst host first: by risk score and number
/// of unique matches, both descending, and then by the row's number in `hosts.parquet`.
type Worst = (Reverse<(Option<i64>, u64)>, u64);
/// The key by which remarks on hosts' logs are sorted; the remark with the least key comes first.
/// The key consists of the remark's position among those of its host, true if the host has no
/// matches, and the key of the host.
type Gravest = (usize, bool, Worst);

/// What was collected so far from the rows of `hosts.parquet`.
struct Collected<'q> {
    question: &'q Question,
    verdicts: BTreeMap<usize, (String, u64)>,
    uncleared_counts: BTreeMap<Reverse<Uncleared>, Listed<NamedPlace>>,
    cleared_count: u64,
    hosts: Ranked<Worst, HostInDetail>,
    uncleared: Ranked<(Reverse<Uncleared>, u64), HostInDetail>,
    cleared: Listed<HostFacts>,
    query_names: Tally,
    processes: Tally,
    users: Tally,
    anomalies: Ranked<Gravest, HostRemark>,
    notes: Ranked<Gravest, HostRemark>,
    leads: Ranked<(Reverse<u64>, u64), HostLeads>,
}

impl<'q> Collected<'q> {
    fn new(question: &'q Question) -> Self {
        let limits = &question.limits;
        Collected {
            question,
            verdicts: BTreeMap::new(),
            uncleared_counts: BTreeMap::new(),
            cleared_count: 0,
            hosts: Ranked::new(limits.hosts),
            uncleared: Ranked::new(limits.hosts),
            cleared: Listed::default(),
            query_names: Tally::default(),
            processes: Tally::default(),
            users: Tally::default(),
            anomalies: Ranked::new(limits.remarks),
            notes: Ranked::new(limits.remarks),
            leads: Ranked::new(limits.hosts),
        }
    }

    /// Adds the host of a row of `hosts.parquet`, if `question` is about this host.
    fn add(&mut self, row: &Row<'_>) {
        let limits = &self.question.limits;
        if !self.question.is_about(row) {
            return;
        }
        let named = row.text("verdict").unwrap_or_default();
        let place = Verdict::ALL.iter().position(|verdict| verdict.name() == named);
        let verdict = self.verdicts.entry(place.unwrap_or(usize::MAX)).or_default();
        if verdict.0.is_empty() {
            verdict.0 = kept(named);
        }
        verdict.1 += 1;
        let number = row.number();
        let worst = (Reverse((row.integer("risk_score"), row.count("unique_matches"))), number);
        let has_matches = row.count("matches") > 0;
        let in_detail = || HostInDetail {
            facts: HostFacts::of(row, limits.remarks),
            matches: HostMatches::of(row, limits.values),
        };
        match Uncleared::of(row) {
            _ if has_matches => {
                self.query_names.add(row, "query_names");
                self.processes.add(row, "processes");
                self.users.add(row, "users");
                self.hosts.add(worst, in_detail);
            }
            Some(why) => {
                self.uncleared_counts.entry(Reverse(why)).or_default().add(MOST_NAMED, || NamedPlace {
                    computer: row.text("computer").map(kept),
                    evidence: row.texts("evidence").into_iter().next().map(kept),
                });
                self.uncleared.add((Reverse(why), number), in_detail);
            }
            None => {
                self.cleared_count += 1;
                self.cleared.add(limits.cleared, || HostFacts::of(row, limits.remarks));
            }
        }
        self.add_remarks(row, has_matches, worst);
        let unique_leads = row.count("unique_leads");
        if row.count("leads") > 0 {
            self.leads.add((Reverse(unique_leads), number), || HostLeads {
                computer: row.text("computer").map(kept),
                leads: row.count("leads"),
                unique_leads,
            });
        }
    }

    fn add_remarks(&mut self, row: &Row<'_>, has_matches: bool, worst: Worst) {
        let lists = [(&mut self.anomalies, "anomalies"), (&mut self.notes, "notes")];
        for (ranked, column) in lists {
            for (place, remark) in row.texts(column).into_iter().enumerate() {
                // On a running machine, all logs are in use. The totals say so for all machines.
                if is_of_use(&remark) {
                    continue;
                }
                ranked.add((place, !has_matches, worst), || HostRemark {
                    computer: row.text("computer").map(kept),
                    remark: kept(remark),
                });
            }
        }
    }

    fn finish(self) -> HostsRead {
        let values = self.question.limits.values;
        let verdict = |(verdict, hosts)| VerdictCount { verdict, hosts };
        let reason = |(Reverse(why), hosts): (Reverse<Uncleared>, Listed<NamedPlace>)| UnclearedCount {
            why,
            hosts: hosts.count,
            first: hosts.items,
        };
        HostsRead {
            verdicts: self.verdicts.into_values().map(verdict).collect(),
            uncleared_counts: self.uncleared_counts.into_iter().map(reason).collect(),
            cleared_count: self.cleared_count,
            hosts: self.hosts.into_listed(),
            uncleared: self.uncleared.into_listed(),
            cleared: self.cleared,
            query_names: self.query_names.top(values),
            processes: self.processes.top(values),
            users: self.users.top(values),
            anomalies: self.anomalies.into_listed(),
            notes: self.notes.into_listed(),
            leads: self.leads.into_listed(),
        }
    }
}

impl Question {
    /// Returns true if the question is about the host in this row of `hosts.parquet`: about all
    /// hosts, or about a host of this name. Evidence in which no record names a machine is compared
    /// by the name of its piece of evidence.
    fn is_about(&self, row: &Row<'_>) -> bool {
        self.host.is_none() || host_name_in(row).is_some_and(|name| self.is_named(&name))
    }

    /// Returns true if the question is about all hosts, or about the host `name`. Upper and lower
    /// case are not distinguished, and the question can name the host without its domain.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.host.as_ref().is_none_or(|wanted| is_host_named(wanted, name))
    }
}

/// Returns true if a user who types the name `wanted` means the host `name`. Upper and lower case
/// are not distinguished, and `wanted` can be the host's name without its domain.
pub(in crate::report) fn is_host_named(wanted: &str, name: &str) -> bool {
    let (wanted, name) = (folded(wanted), folded(name));
    name == wanted || (!wanted.contains('.') && name.split('.').next() == Some(&*wanted))
}

/// Returns the name by which a user can ask for the host in this row of `hosts.parquet`: the host's
/// name or, where no record names a machine, that of its first piece of evidence.
pub(in crate::report) fn host_name_in<'r>(row: &Row<'r>) -> Option<Cow<'r, str>> {
    row.text("computer").or_else(|| row.texts("evidence").into_iter().next())
}
