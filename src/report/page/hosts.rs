//! The page's list of all hosts: as a table for paper, and packed for the grid (the list that can
//! be searched) that the page's script makes.

use super::columns::{Columns, packed_within};
use super::document::{Kind, Listing};
use super::words::{evidence, host, left_out, optional_time, seconds};
use crate::report::answer::{Answer, HostFacts, HostMatches, Uncleared};
use crate::report::wording::grouped;

/// The maximum number of hosts in the page's table of hosts, which is for paper and for browsers
/// without a script. Further hosts are only counted.
const MOST_ROWS: usize = 200;

/// The maximum number of bytes of the rows of the page's searchable list of hosts, as text for the
/// page's script. Hosts for which there is no room are only counted.
const MOST_PACKED: usize = 600_000;

/// A host of the page's list, with the counts of its matches. `None` if the host is cleared: it
/// has no match, and its logs were read completely.
type HostEntry<'a> = (&'a HostFacts, Option<&'a HostMatches>);

/// Returns the hosts in the order of the page's list: first those with matches, then those that are
/// not cleared, then those that are cleared.
fn entries(answer: &Answer) -> Vec<HostEntry<'_>> {
    let detailed = answer.hosts.items.iter().chain(&answer.uncleared.items);
    let detailed = detailed.map(|of| (&of.facts, Some(&of.matches)));
    detailed.chain(answer.cleared.items.iter().map(|facts| (facts, None))).collect()
}

/// Returns the text above the list of hosts, which says what the list contains and when a host is
/// cleared.
pub(super) fn intro() -> &'static str {
    "Every computer that a record names, and every piece of evidence in which no record names one. A host is \
               cleared only if DNS queries of it were seen, none matches, and nothing of its evidence is missing."
}

/// Returns the page's list of hosts as a table, for paper and for browsers without a script.
pub(super) fn listing(answer: &Answer) -> Listing {
    let mut list = Listing::new(
        "All hosts",
        &[
            ("Host", Kind::Name),
            ("Verdict", Kind::Text),
            ("Risk", Kind::Number),
            ("Matches", Kind::Number),
            ("First match (UTC)", Kind::Time),
            ("DNS queries", Kind::Number),
            ("First DNS query (UTC)", Kind::Time),
            ("Last DNS query (UTC)", Kind::Time),
            ("Evidence", Kind::Text),
        ],
        "No host was found.",
    );
    let entries = entries(answer);
    for (facts, matches) in entries.iter().take(MOST_ROWS) {
        list.push([
            host(facts),
            verdict(facts),
            risk(*matches).map(|risk| risk.to_string()).unwrap_or_default(),
            grouped(matches.map_or(0, |matches| matches.unique)),
            optional_time(matches.and_then(|matches| matches.first_time)),
            grouped(facts.seen.dns_queries),
            optional_time(facts.seen.first_query),
            optional_time(facts.seen.last_query),
            evidence(facts),
        ]);
    }
    let more = answer.run.totals.hosts.saturating_sub(list.rows.len() as u64);
    list.titled("", left_out(more, "host", "hosts", "hosts.parquet"))
}

/// Returns the rows of the page's searchable list of hosts, packed into text for the page's script,
/// and a sentence on how many hosts it leaves out; empty if it has all.
pub(super) fn packed(answer: &Answer) -> (String, String) {
    let entries = entries(answer);
    let (packed, rows) = packed_within(&entries, MOST_PACKED, pack);
    let more = answer.run.totals.hosts.saturating_sub(rows as u64);
    (packed, left_out(more, "host", "hosts", "hosts.parquet"))
}

fn pack(entries: &[HostEntry<'_>]) -> String {
    let rows = || 0..entries.len();
    let facts = || entries.iter().map(|(facts, _)| *facts);
    let matches = || entries.iter().map(|(_, matches)| *matches);
    let number = |number: u64| i64::try_from(number).ok();
    let of = |text: fn(&HostFacts) -> String| {
        move |row: usize| entries.get(row).map(|(facts, _)| text(facts)).unwrap_or_default()
    };
    let states: Vec<(&str, &str, Option<Uncleared>)> =
        facts().map(|facts| (state(facts), facts.verdict.as_str(), facts.uncleared)).collect();
    Columns::of(entries.len())
        .texts("host", rows(), of(host))
        .texts("state", states.iter().map(|(state, ..)| *state), str::to_owned)
        .texts("verdict", states.iter().map(|(_, verdict, why)| (*verdict, *why)), |(named, why)| {
            verdict_text(named, why)
        })
        .numbers("risk", matches().map(risk))
        .numbers("matches", matches().map(|matches| number(matches.map_or(0, |matches| matches.unique))))
        .numbers("first", matches().map(|matches| matches.and_then(|of| of.first_time).map(seconds)))
        .numbers("last", matches().map(|matches| matches.and_then(|of| of.last_time).map(seconds)))
        .numbers("dns_queries", facts().map(|facts| number(facts.seen.dns_queries)))
        .numbers("dns_first", facts().map(|facts| facts.seen.first_query.map(seconds)))
        .numbers("dns_last", facts().map(|facts| facts.seen.last_query.map(seconds)))
        .texts("evidence", rows(), of(evidence))
        .packed()
}

fn risk(matches: Option<&HostMatches>) -> Option<i64> {
    matches.filter(|matches| matches.unique > 0).and_then(|matches| matches.risk_score)
}

/// Returns the state of a host, by which the page's script filters and colours the list of hosts:
/// `matches`, `cleared`, or `unknown` if the host is not cleared (its absence of matches proves
/// nothing).
fn state(facts: &HostFacts) -> &'static str {
    match (facts.uncleared, facts.verdict.as_str()) {
        (Some(_), _) => "unknown",
        (None, "matches") => "matches",
        (None, _) => "cleared",
    }
}

/// Returns the verdict on a host, followed by what limits it, such as a log that could not be read
/// whole.
pub(super) fn verdict(facts: &HostFacts) -> String {
    verdict_text(&facts.verdict, facts.uncleared)
}

fn verdict_text(verdict: &str, why: Option<Uncleared>) -> String {
    match why {
        Some(why @ (Uncleared::UnreadableTimes | Uncleared::PeriodCoveredInPart | Uncleared::Incomplete)) => {
            format!("{verdict}, but {}", why.text())
        }
        _ => verdict.to_owned(),
    }
}
