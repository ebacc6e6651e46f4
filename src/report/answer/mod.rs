//! The answer of a sweep, read back from its output: what was found on which hosts, what was
//! searched, and what was not. The summary, its other formats and the page show it.
//!
//! An answer is plain data. It is read from `run.json` and from tables, through the trait
//! [`Tables`], so that nothing in this module knows how tables are stored. Memory is bounded for
//! any output: rows are streamed, [`Limits`] say how much is listed, and what is not listed is only
//! counted.

#![cfg_attr(not(feature = "internals"), allow(dead_code, reason = "what only a page and a summary show"))]

mod containers;
mod document;
mod forest;
mod groups;
mod host;
mod hosts;
mod limits;
mod listed;
mod matches;
mod patterns;
mod planting;
mod processes;
mod risk;
mod selection;
mod uncleared;
mod values;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::containers::{Containers, StatusCount};
pub use self::document::{Document, RiskDocument, risk_schema, summary_schema};
pub(in crate::report) use self::document::{schema, write_json};
pub use self::groups::{GroupValue, HostGroups};
pub(in crate::report) use self::host::host_key;
pub use self::host::{HostFacts, HostInDetail, HostMatches, RuleCount, Seen, UtcTime};
pub use self::hosts::{HostLeads, HostRemark, NamedPlace, UnclearedCount, VerdictCount};
pub(in crate::report) use self::hosts::{host_name_in, is_host_named};
pub use self::limits::Limits;
pub use self::listed::{Listed, Ranked};
pub use self::matches::{DayCount, HostMatch, Match, MatchedRule, RecordPlace};
pub(in crate::report) use self::matches::{INSIDE_LABEL, PatternPlace};
pub use self::patterns::PatternCount;
pub use self::processes::{KnownFrom, ProcessCount, TreeProcess};
pub(in crate::report) use self::processes::{SHOWN, count_matches, name_parents};
pub use self::risk::{Risk, RiskOfObject, RiskQuestion};
pub use self::uncleared::Uncleared;
pub(in crate::report) use self::values::LONGEST_VALUE;
pub use self::values::{TopValues, ValueCount};

use self::hosts::HostsRead;
use super::run::Run;
use crate::table::{ReadError, TableId, Tables};

/// The answer of a sweep: what its output says about the hosts in the evidence.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// What `run.json` records of the sweep.
    #[serde(skip)]
    pub run: Run,
    /// The number of hosts with each verdict (what was seen of a host, such as `no matches`), in
    /// the order of the verdicts. Verdicts that no host has are left out.
    pub verdicts: Vec<VerdictCount>,
    /// Why hosts cannot be cleared, each reason with the number of hosts. Hosts with matches are
    /// left out. The reasons by which least is known of a host come first.
    pub uncleared_counts: Vec<UnclearedCount>,
    /// The number of cleared hosts: those without matches whose DNS queries were seen throughout
    /// the requested period, and whose logs were all read.
    pub cleared_count: u64,
    /// The hosts with matches that are not only in deleted records, worst first: by risk score,
    /// then by the number of matches.
    pub hosts: Listed<HostInDetail>,
    /// The hosts without matches that are not cleared: their absence of matches proves nothing.
    /// Hosts with matches in deleted records only come first, and then those of which least is
    /// known.
    pub uncleared: Listed<HostInDetail>,
    /// The hosts that are cleared, by name: those of which enough was seen to say that they have no
    /// matches.
    pub cleared: Listed<HostFacts>,
    /// The earliest match of all hosts, with its host. Matches in deleted records are left out.
    /// `null` if there is no other match.
    pub first_match: Option<HostMatch>,
    /// The names that the unique matches of all hosts query, most frequent first.
    pub query_names: TopValues,
    /// The paths of the programs that made the queries of the unique matches of all hosts, most
    /// frequent first.
    pub processes: TopValues,
    /// The accounts under which programs made the queries of the unique matches of all hosts, most
    /// frequent first.
    pub users: TopValues,
    /// The detections' patterns for the queried name of which not all hits lie on label boundaries,
    /// those with the most hits inside labels first. A pattern's hit lies on label boundaries if
    /// the pattern's text is one or more whole labels of the name, the parts between its dots: that
    /// of `*t.me*` is so in `cdn.t.me`, and not in `client.medium.com`.
    pub patterns_inside_labels: Listed<PatternCount>,
    /// What is odd about hosts' logs: first the worst anomaly of each host with matches, then the
    /// worst of each other host, then what is less grave.
    pub anomalies: Listed<HostRemark>,
    /// What is usual in hosts' logs, but good to know, hosts with matches first. That logs were in
    /// use when they were copied is left out.
    pub notes: Listed<HostRemark>,
    /// The hosts with leads (queries of Windows' own DNS client that a detection describes), most
    /// leads first. `null` if leads were not looked for.
    pub leads: Option<Listed<HostLeads>>,
    /// What became of the archives, disk images, volumes and shadow copies in the evidence. `null`
    /// if there are none.
    pub containers: Option<Containers>,
    /// The number of processes with each status: the processes that made matching queries and their
    /// ancestors, of all hosts. `null` if processes were not looked for (`--context`).
    pub process_counts: Option<Vec<ProcessCount>>,
}

/// What an answer is to contain: which hosts of the output, and how much of each list.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The name of the only host that is wanted, in any case; `None` for all hosts. A name without
    /// a domain stands for all hosts of that name.
    pub host: Option<String>,
    /// The maximum number of items in each list of the answer. What is not listed is only counted.
    pub limits: Limits,
}

/// Why an answer cannot be read from an output: one of the output's tables cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table} cannot be read: {reason}")]
pub struct AnswerError {
    /// The path of the table that cannot be read, from the output directory.
    pub table: String,
    /// Why the table cannot be read.
    pub reason: String,
}

impl AnswerError {
    pub(in crate::report) fn of(table: TableId<'_>) -> impl Fn(ReadError) -> AnswerError {
        move |reason| AnswerError { table: table.to_string(), reason: reason.to_string() }
    }
}

impl Answer {
    /// Reads the answer to `question` (which hosts it is about, and how much is listed) from the
    /// output of a sweep. `tables` are the output's tables, and `run` is what its `run.json`
    /// contains.
    pub fn read(run: Run, tables: &dyn Tables, question: &Question) -> Result<Self, AnswerError> {
        let limits = &question.limits;
        let looked_for_leads = run.options.leads == crate::config::Leads::DnsClient;
        let HostsRead {
            verdicts,
            uncleared_counts,
            cleared_count,
            mut hosts,
            mut uncleared,
            cleared,
            query_names,
            processes,
            users,
            anomalies,
            notes,
            leads,
        } = hosts::read(tables, question)?;
        let mut patterns = patterns::Tally::default();
        let first_match = if limits.matches > 0 {
            let detailed = hosts.items.iter_mut().chain(&mut uncleared.items).collect();
            matches::read(tables, detailed, question, &mut patterns)?
        } else {
            patterns.read(tables, question)?;
            None
        };
        if limits.groups > 0 {
            let detailed: Vec<&mut HostInDetail> =
                hosts.items.iter_mut().chain(&mut uncleared.items).collect();
            groups::read(tables, &run, detailed, limits.groups)?;
        }
        let detailed = hosts.items.iter_mut().chain(&mut uncleared.items).collect();
        let process_counts = processes::read(tables, detailed, question)?;
        let containers = containers::read(tables)?;
        Ok(Answer {
            run,
            verdicts,
            uncleared_counts,
            cleared_count,
            hosts,
            uncleared,
            cleared,
            first_match,
            query_names,
            processes,
            users,
            patterns_inside_labels: patterns.inside_labels(limits.patterns),
            anomalies,
            notes,
            leads: looked_for_leads.then_some(leads),
            containers,
            process_counts,
        })
    }
}
