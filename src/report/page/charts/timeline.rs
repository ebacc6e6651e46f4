//! The chart of matches by host and time.

use super::axis::{Axis, Hour};
use super::canvas::{Align, Canvas, Ink};
use super::{Chart, Layout, drawn};
use crate::report::wording::counted;

/// A row of the chart of matches: a host, and its number of matches in each hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report::page) struct TimelineRow {
    /// The host's name, in which characters that a reader would not see are escaped.
    pub host: String,
    /// The hours with matches, each with the number of matches.
    pub hours: Vec<(Hour, u64)>,
}

/// Draws the chart of matches: a row for each host in `rows`, and above them bars for the matches
/// of all hosts. `all` has the hours with matches of all hosts, with the number of matches; `hosts`
/// is the number of all hosts with matches.
pub(in crate::report::page) fn timeline(
    axis: Axis,
    rows: &[TimelineRow],
    all: &[(Hour, u64)],
    hosts: usize,
) -> Chart {
    let layout = Layout::new(axis, rows.len());
    let svg = drawn(layout, |canvas| {
        layout.frame(canvas, rows.iter().map(|row| (row.host.clone(), Ink::Text)));
        layout.bars(canvas, &by_step(axis, all).0, Ink::Match3, "all hosts");
        for (place, row) in rows.iter().enumerate() {
            cells(canvas, layout, place, &by_step(axis, &row.hours).0);
            layout.sum(canvas, place, row.hours.iter().map(|(_, count)| count).sum());
        }
    });
    let mut left_out = Vec::new();
    if let more @ 1.. = (hosts - rows.len().min(hosts)) as u64 {
        let hosts = counted(more, "more host", "more hosts");
        left_out
            .push(format!("{hosts} with matches: only in the bars for all hosts, and in the lists below."));
    }
    if let outside @ 1.. = by_step(axis, all).1 {
        let matches = counted(outside, "match lies", "matches lie");
        left_out.push(format!("{matches} outside this time axis, perhaps because a clock was wrong."));
    }
    Chart { svg, left_out }
}

/// Returns the number of matches in each step of the time axis, and the number of matches outside
/// the axis.
fn by_step(axis: Axis, hours: &[(Hour, u64)]) -> (Vec<u64>, u64) {
    let (mut counts, mut outside) = (vec![0_u64; axis.steps()], 0_u64);
    for (hour, count) in hours {
        let sum = axis.step(*hour).and_then(|step| counts.get_mut(step)).unwrap_or(&mut outside);
        *sum = sum.saturating_add(*count);
    }
    (counts, outside)
}

fn cells(canvas: &Canvas<'_>, layout: Layout, row: usize, counts: &[u64]) {
    for (step, count) in counts.iter().enumerate() {
        let (ink, text) = match count {
            0 => continue,
            1 => (Ink::Match1, Ink::Text),
            2..=9 => (Ink::Match2, Ink::Text),
            10..=99 => (Ink::Match3, Ink::OnMatch),
            100.. => (Ink::Match4, Ink::OnMatch),
        };
        let area = layout.cells(row, step, step);
        canvas.fill(area, ink);
        let number = count.to_string();
        if area.width > 8 * i32::try_from(number.len()).unwrap_or(i32::MAX) {
            let middle = (area.x + area.width / 2, area.y + area.height / 2);
            canvas.text(&number, middle, Align::Middle, text);
        }
    }
}
