//! The charts of the page, made of the answer: which hosts they show, and what they leave out.

use super::charts::{Axis, CoverageRow, Day, TimelineRow, coverage, timeline};
use super::document::Figure;
use super::groups::{GroupedMatches, HostGroups};
use super::logging::{Days, Logging};
use super::words::host;
use crate::report::answer::{Answer, HostFacts, HostInDetail};
use crate::report::wording::{self, counted};

/// The most hosts in the chart of matches.
const MOST_MATCHING: usize = 30;
/// The most hosts of each kind in the chart of DNS logging: with matches, not cleared, cleared.
const MOST_OF_A_KIND: usize = 20;

/// The charts of the page: matches by host and day, and DNS logging by host and day. `None` where
/// there is nothing to draw.
pub(super) struct Figures {
    pub timeline: Option<Figure>,
    pub coverage: Option<Figure>,
}

/// Returns the charts of the page.
pub(super) fn figures(answer: &Answer, grouped: &GroupedMatches, logging: &Logging) -> Figures {
    let matches: Vec<(Day, u64)> = grouped.hosts.iter().flat_map(days).collect();
    let logged: Vec<Vec<Days>> = all_hosts(answer).map(|of| periods(logging, of)).collect();
    let mut ends: Vec<Day> = logged.iter().flatten().flat_map(|(first, last)| [*first, *last]).collect();
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

fn days(of: &HostGroups) -> impl Iterator<Item = (Day, u64)> {
    of.hours.iter().map(|(hour, matches)| (Day(hour.div_euclid(24)), *matches))
}

/// Returns all hosts that the answer lists: those with matches, not cleared, and cleared.
fn all_hosts(answer: &Answer) -> impl Iterator<Item = &HostFacts> {
    let detailed = answer.hosts.items.iter().chain(&answer.uncleared.items);
    detailed.map(|of| &of.facts).chain(&answer.cleared.items)
}

fn periods(logging: &Logging, of: &HostFacts) -> Vec<Days> {
    logging.of(of).map(|logging| logging.logged.clone()).unwrap_or_default()
}

/// Returns the days of a host's first and last record; `None` if it has none with a time.
fn records(of: &HostFacts) -> Option<Days> {
    let (first, last) = of.seen.first_record.zip(of.seen.last_record)?;
    Some((Day::of(first.0), Day::of(last.0)))
}

fn matches_figure(answer: &Answer, grouped: &GroupedMatches, axis: Axis, all: &[(Day, u64)]) -> Figure {
    let row = |(of, matches): (&HostInDetail, &HostGroups)| TimelineRow {
        host: host(&of.facts),
        days: days(matches).collect(),
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
    let label =
        format!("Chart of matches by host and {step}, of {} hosts", wording::grouped(answer.hosts.count));
    let intro = format!(
        "Each number is that of the matches on the host in one {step} (UTC), without copies of an event."
    );
    Figure::new(chart, step, label, intro)
}

fn logging_figure(
    answer: &Answer,
    grouped: &GroupedMatches,
    logging: &Logging,
    axis: Axis,
    all: &[Vec<Days>],
) -> Figure {
    let of_hosts = answer.hosts.items.iter().zip(&grouped.hosts).take(MOST_OF_A_KIND);
    let with_matches =
        of_hosts.map(|(of, matches)| row(logging, &of.facts, days(matches).map(|(day, _)| day).collect()));
    let uncleared = answer.uncleared.items.iter().take(MOST_OF_A_KIND);
    let uncleared = uncleared.map(|of| row(logging, &of.facts, Vec::new()));
    let cleared = answer.cleared.items.iter().take(MOST_OF_A_KIND).map(|of| row(logging, of, Vec::new()));
    let rows: Vec<CoverageRow> = with_matches.chain(uncleared).chain(cleared).collect();
    let hosts = usize::try_from(answer.run.totals.hosts).unwrap_or(usize::MAX);
    let step = axis.step_name();
    let label = format!(
        "Chart of DNS logging by host and {step}, of {} hosts",
        wording::grouped(answer.run.totals.hosts)
    );
    let intro = "A bar reaches from the first to the last DNS query of a log (Sysmon event 22); not every day within it \
                 need have one. Where a row has no bar, nothing is known of the host's DNS queries: it is not clean."
        .to_owned();
    Figure::new(coverage(axis, &rows, all, hosts), step, label, intro)
}

fn row(logging: &Logging, of: &HostFacts, matches: Vec<Day>) -> CoverageRow {
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
