//! The chart of DNS logging by host and hour: when DNS queries were logged on a host, when only
//! other records were, and when nothing is known.

use super::axis::{Axis, Hour};
use super::canvas::{Align, Area, Canvas, Ink};
use super::{Chart, Layout, drawn};
use crate::report::wording::counted;

/// A row of the chart of DNS logging: a host, and the times of its DNS queries, other records and
/// matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::report::page) struct CoverageRow {
    /// The host's name, in which characters that a reader would not see are escaped.
    pub host: String,
    /// The periods from the first to the last DNS query of each log of the host.
    pub logged: Vec<(Hour, Hour)>,
    /// The hours of the host's first and last record of any kind; `None` if it has none.
    pub records: Option<(Hour, Hour)>,
    /// The periods in which records of Sysmon on the host are missing.
    pub gaps: Vec<(Hour, Hour)>,
    /// The hours in which the host has matches.
    pub matches: Vec<Hour>,
    /// Why the host cannot be cleared (why its absence of matches proves nothing), in a few words;
    /// `None` if it is cleared or has matches.
    pub not_cleared: Option<String>,
}

/// Draws the chart of DNS logging: a row for each host in `rows`, and above them a bar for each
/// step of the time axis, which shows how many hosts have DNS logging. `all` has the periods with
/// DNS logging of each host that the bars count; `hosts` is the number of all hosts.
pub(in crate::report::page) fn coverage(
    axis: Axis,
    rows: &[CoverageRow],
    all: &[Vec<(Hour, Hour)>],
    hosts: usize,
) -> Chart {
    let layout = Layout::new(axis, rows.len());
    let svg = drawn(layout, |canvas| {
        let names = rows.iter().map(|row| (name(row), name_ink(row)));
        layout.frame(canvas, names);
        layout.bars(canvas, &logging_hosts(axis, all), Ink::Logged, "hosts with DNS logging");
        for (place, row) in rows.iter().enumerate() {
            draw_row(canvas, layout, place, row);
        }
    });
    let mut left_out = Vec::new();
    if let more @ 1.. = (hosts - rows.len().min(hosts)) as u64 {
        let hosts = counted(more, "more host", "more hosts");
        left_out.push(format!("{hosts}: only in the bars above, and in the list of hosts."));
    }
    let outside = |row: &&Vec<(Hour, Hour)>| {
        !row.is_empty() && row.iter().all(|(first, last)| axis.range(*first, *last).is_none())
    };
    if let outside @ 1.. = all.iter().filter(outside).count() as u64 {
        let hosts = counted(outside, "host has", "hosts have");
        left_out.push(format!("{hosts} DNS queries only outside this time axis."));
    }
    Chart { svg, left_out }
}

/// Returns the name of a host, with a sign if it has matches (`!`) or is not cleared (`?`), because
/// not everyone can tell the colours apart.
fn name(row: &CoverageRow) -> String {
    match (&row.not_cleared, row.matches.is_empty()) {
        (_, false) => format!("! {}", row.host),
        (Some(_), true) => format!("? {}", row.host),
        (None, true) => row.host.clone(),
    }
}

fn name_ink(row: &CoverageRow) -> Ink {
    match (&row.not_cleared, row.matches.is_empty()) {
        (_, false) => Ink::Match3,
        (Some(_), true) => Ink::Unknown,
        (None, true) => Ink::Text,
    }
}

/// Returns how many hosts have DNS logging in each step of the time axis. `all` has the periods
/// with DNS logging of each host.
fn logging_hosts(axis: Axis, all: &[Vec<(Hour, Hour)>]) -> Vec<u64> {
    let mut counts = vec![0_u64; axis.steps()];
    let mut last_host = vec![usize::MAX; axis.steps()];
    for (host, periods) in all.iter().enumerate() {
        for (first, last) in periods.iter().filter_map(|(first, last)| axis.range(*first, *last)) {
            for step in first..=last {
                let Some((count, last_host)) = counts.get_mut(step).zip(last_host.get_mut(step)) else {
                    continue;
                };
                // Periods of one host can overlap.
                *count += u64::from(*last_host != host);
                *last_host = host;
            }
        }
    }
    counts
}

fn draw_row(canvas: &Canvas<'_>, layout: Layout, place: usize, row: &CoverageRow) {
    let axis = layout.axis;
    if let Some(part) = row.records.and_then(|(first, last)| axis.part(first, last)) {
        let Area { x, y, width, height } = layout.hours(place, part);
        canvas.outline(Area { x, y: y + 1, width, height: height - 2 }, Ink::OtherRecords);
    }
    for part in row.logged.iter().filter_map(|(first, last)| axis.part(*first, *last)) {
        canvas.fill(layout.hours(place, part), Ink::Logged);
    }
    for part in row.gaps.iter().filter_map(|(first, last)| axis.part(*first, *last)) {
        let Area { x, y, width, height } = layout.hours(place, part);
        canvas.fill(Area { x, y: y + height - 5, width, height: 5 }, Ink::Gap);
    }
    for part in row.matches.iter().filter_map(|hour| axis.part(*hour, *hour)) {
        let Area { x, y, width, height } = layout.hours(place, part);
        let size = width.clamp(4, 10);
        canvas
            .fill(Area { x: x + (width - size) / 2, y: y + 3, width: size, height: height - 6 }, Ink::Match3);
    }
    if let Some(reason) = row.not_cleared.as_deref().filter(|_| row.logged.is_empty()) {
        let area = layout.cells(place, 0, axis.steps() - 1);
        canvas.text(reason, (area.x + 6, area.y + area.height / 2), Align::Start, Ink::Unknown);
    }
}
