//! The charts of the page, made from what the output says about the hosts: which hosts the charts
//! show, and what they leave out.

use super::charts::{Axis, CoverageRow, Hour, TimelineRow, coverage, timeline};
use super::document::Figure;
use super::groups::{GroupedMatches, HostGroups};
use super::logging::{Hours, Logging};
use super::words::host;
use crate::report::answer::{Answer, HostFacts, HostInDetail};
use crate::report::wording::counted;

/// The maximum number of hosts in the chart of matches.
const MOST_MATCHING: usize = 30;
/// The maximum number of hosts of each kind in the chart of DNS logging: those with matches, those
/// that are not cleared (their absence of matches proves nothing), and those that are cleared.
const MOST_OF_A_KIND: usize = 20;

/// The charts of the page: matches and DNS logging, each by host and time. A chart is `None` if
/// there is nothing to draw.
pub(super) struct Figures {
    pub timeline: Option<Figure>,
    pub coverage: Option<Figure>,
}

/// Returns the charts of the page, both with the same time axis. `grouped` has the hours of
/// matches, and `logging` the periods with DNS logging.
pub(super) fn figures(answer: &Answer, grouped: &GroupedMatches, logging: &Logging) -> Figures {
    let matches: Vec<(Hour, u64)> = grouped.hosts.iter().flat_map(hours).collect();
    let logged: Vec<Vec<Hours>> = all_hosts(answer).map(|of| periods(logging, of)).collect();
    let mut ends: Vec<Hour> = logged.iter().flatten().flat_map(|(first, last)| [*first, *last]).collect();
    if ends.is_empty() {
        ends.extend(all_hosts(answer).filter_map(records).flat_map(|(first, last)| [first, last]));
    }
    let Some(axis) = Axis::covering(&matches, &ends) else {
        return Figures { timeline: None, coverage: None };
    };
    Figures {
        timeline: (!matches.is_empty()).then(|| matches_figure(answer, grouped, axis, &matches)),
        coverage: Some(logging_figure(answer, grouped, logging, axis, &logged)),
    }
}

fn hours(of: &HostGroups) -> impl Iterator<Item = (Hour, u64)> {
    of.hours.iter().map(|(hour, matches)| (Hour(*hour), *matches))
}

/// Returns all hosts that the answer lists: first those with matches, then those not cleared, then
/// those cleared.
fn all_hosts(answer: &Answer) -> impl Iterator<Item = &HostFacts> {
    let detailed = answer.hosts.items.iter().chain(&answer.uncleared.items);
    detailed.map(|of| &of.facts).chain(&answer.cleared.items)
}

fn periods(logging: &Logging, of: &HostFacts) -> Vec<Hours> {
    logging.of(of).map(|logging| logging.logged.clone()).unwrap_or_default()
}

/// Returns the hours of a host's first and last record; `None` if it has none with a time.
fn records(of: &HostFacts) -> Option<Hours> {
    let (first, last) = of.seen.first_record.zip(of.seen.last_record)?;
    Some((Hour::of(first.0), Hour::of(last.0)))
}

fn matches_figure(answer: &Answer, grouped: &GroupedMatches, axis: Axis, all: &[(Hour, u64)]) -> Figure {
    let row = |(of, matches): (&HostInDetail, &HostGroups)| TimelineRow {
        host: host(&of.facts),
        hours: hours(matches).collect(),
    };
    let matching =
        answer.hosts.items.iter().zip(&grouped.hosts).filter(|(_, matches)| !matches.hours.is_empty());
    let rows: Vec<TimelineRow> = matching.clone().take(MOST_MATCHING).map(row).collect();
    let step = axis.step_name();
    let mut chart = timeline(axis, &rows, all, matching.count());
    if answer.hosts.cut() > 0 {
        let hosts = counted(answer.hosts.cut(), "host with matches is", "hosts with matches are");
        chart.left_out.push(format!("{hosts} in no part of this chart: the page has no room for them."));
    }
    if let unplaced @ 1.. = grouped.hosts.iter().map(|of| of.unplaced).sum() {
        let matches = counted(unplaced, "match is", "matches are");
        chart
            .left_out
            .push(format!("{matches} in no part of this chart: their hosts match in too many hours."));
    }
    let hosts = counted(answer.hosts.count, "host", "hosts");
    let label = format!(
        "Chart of matches by host and {step}, of {hosts}. The section Matches has the same in words."
    );
    let intro = format!(
        "Each cell is one {step} (UTC) on one host: the stronger its colour, the more matches, without copies of an event. The number \
         at the right is the sum."
    );
    Figure::new(chart, label, intro)
}

fn logging_figure(
    answer: &Answer,
    grouped: &GroupedMatches,
    logging: &Logging,
    axis: Axis,
    all: &[Vec<Hours>],
) -> Figure {
    let of_hosts = answer.hosts.items.iter().zip(&grouped.hosts).take(MOST_OF_A_KIND);
    let with_matches =
        of_hosts.map(|(of, matches)| row(logging, &of.facts, hours(matches).map(|(hour, _)| hour).collect()));
    let uncleared = answer.uncleared.items.iter().take(MOST_OF_A_KIND);
    let uncleared = uncleared.map(|of| row(logging, &of.facts, Vec::new()));
    let cleared = answer.cleared.items.iter().take(MOST_OF_A_KIND).map(|of| row(logging, of, Vec::new()));
    let rows: Vec<CoverageRow> = with_matches.chain(uncleared).chain(cleared).collect();
    let hosts = usize::try_from(answer.run.totals.hosts).unwrap_or(usize::MAX);
    let hosts_text = counted(answer.run.totals.hosts, "host", "hosts");
    let label =
        format!("Chart of DNS logging by host, of {hosts_text}. The section Hosts has the same in words.");
    let intro = "A bar reaches from the hour of the first DNS query of a log (Sysmon event 22) to that of the last; not every \
                 hour within it need have one. Outside the bars, nothing is known of the host's DNS queries: matches \
                 there could not be found."
        .to_owned();
    Figure::new(coverage(axis, &rows, all, hosts), label, intro)
}

fn row(logging: &Logging, of: &HostFacts, matches: Vec<Hour>) -> CoverageRow {
    let known = logging.of(of);
    CoverageRow {
        host: host(of),
        logged: known.map(|known| known.logged.clone()).unwrap_or_default(),
        gaps: known.map(|known| known.gaps.clone()).unwrap_or_default(),
        records: records(of),
        matches,
        not_cleared: of.uncleared.map(|why| why.text().to_owned()),
    }
}
