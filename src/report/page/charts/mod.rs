//! The charts of the page, as SVG: matches by host and time, and the DNS logging by host and time.
//!
//! Both charts have the same time axis and the same columns, so that their rows can be compared.
//! All texts that come from evidence must be escaped by the caller; the markup is escaped here.

mod axis;
mod canvas;
mod coverage;
mod timeline;

pub(super) use self::axis::Axis;
pub(in crate::report) use self::axis::Hour;
pub(super) use self::coverage::{CoverageRow, coverage};
pub(super) use self::timeline::{TimelineRow, timeline};

use self::canvas::{Align, Area, Canvas, Ink};
use crate::report::wording;

/// A chart: its SVG, and what it does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    /// The chart as an SVG element.
    pub svg: String,
    /// What the chart leaves out, in sentences; empty if it shows everything.
    pub left_out: Vec<String>,
}

/// The width of a chart in pixels. The page scales it to the width of the window.
const WIDTH: i32 = 1120;
/// The width in pixels of the column with the names of hosts.
const NAMES: i32 = 236;
/// The width in pixels of the space at the right edge of a chart, which has room for the last date
/// and for the total of each row.
const RIGHT: i32 = 60;
/// The height in pixels of a chart's row, which is about one host.
const ROW: i32 = 20;
/// The height in pixels of the space above a chart's rows, in which bars show the totals of all
/// hosts.
const BARS: i32 = 56;
/// The height in pixels of the line of dates below a chart's rows.
const DATES: i32 = 24;
/// The greatest width in pixels of a step of the time axis.
const WIDEST_STEP: i32 = 130;
/// The smallest distance in pixels between two dates of the time axis.
const DATE_DISTANCE: i32 = 84;
/// The width in pixels of a label of the time axis that has a date and a time of day.
const LONG_DATE: i32 = 112;
/// The maximum number of characters of a host's name in a chart.
const MOST_NAME: usize = 30;

/// Computes where the parts of a chart are on its canvas: the names, the rows, the bars and the
/// dates.
#[derive(Debug, Clone, Copy)]
struct Layout {
    axis: Axis,
    rows: i32,
}

impl Layout {
    fn new(axis: Axis, rows: usize) -> Self {
        Layout { axis, rows: i32::try_from(rows).unwrap_or_default() }
    }

    fn steps(self) -> i32 {
        i32::try_from(self.axis.steps()).unwrap_or(1)
    }

    /// Returns the width in pixels of the steps of the time axis together.
    fn plot_width(self) -> i32 {
        (WIDTH - NAMES - RIGHT).min(self.steps() * WIDEST_STEP)
    }

    fn height(self) -> i32 {
        BARS + self.rows * ROW + DATES
    }

    /// Returns the distance in pixels of a step's left edge from the left edge of the canvas.
    fn x(self, step: usize) -> i32 {
        let step = i32::try_from(step).unwrap_or_default();
        NAMES + step * self.plot_width() / self.steps()
    }

    /// Returns the area that the steps from `first` to `last`, both included, take in a row of the
    /// chart, without a margin above and below it.
    fn cells(self, row: usize, first: usize, last: usize) -> Area {
        let (left, right) = (self.x(first), self.x(last + 1));
        let row = i32::try_from(row).unwrap_or_default();
        Area { x: left, y: BARS + row * ROW + 2, width: (right - left - 1).max(1), height: ROW - 4 }
    }

    /// Returns the area that the hours from `first` to `last` take in a row of the chart. The hours
    /// are counted from the start of the time axis; both are included.
    fn hours(self, row: usize, (first, last): (i64, i64)) -> Area {
        let x = |hours: i64| {
            let width = i64::from(self.plot_width());
            NAMES + i32::try_from(hours * width / self.axis.hours().max(1)).unwrap_or_default()
        };
        let (left, right) = (x(first), x(last + 1));
        Area { x: left, width: (right - left).max(2), ..self.cells(row, 0, 0) }
    }

    /// Writes a number, the sum of a row of the chart, at the right end of the row.
    fn sum(self, canvas: &Canvas<'_>, row: usize, sum: u64) {
        let Area { y, height, .. } = self.cells(row, 0, 0);
        let right = NAMES + self.plot_width() + 8;
        canvas.text(&wording::grouped(sum), (right, y + height / 2), Align::Start, Ink::Muted);
    }

    /// Draws the frame of a chart: a line and a name for each row, and the vertical lines and dates
    /// of the time axis. `names` has the name of each host and its colour, from the first row to
    /// the last.
    fn frame(self, canvas: &Canvas<'_>, names: impl Iterator<Item = (String, Ink)>) {
        let bottom = BARS + self.rows * ROW;
        let right = NAMES + self.plot_width();
        for (row, (name, ink)) in (0_i32..).zip(names) {
            let y = BARS + row * ROW;
            canvas.line((0, y), (right, y), Ink::Grid);
            canvas.text(&in_column(&name), (NAMES - 10, y + ROW / 2), Align::End, ink);
        }
        canvas.line((0, bottom), (right, bottom), Ink::Grid);
        let (start, each) = self.axis.labels(i64::from(self.plot_width() / DATE_DISTANCE).max(1));
        // The first label has the date, so that no chart is without one.
        let first = self.axis.hour(0);
        let mut free_from = NAMES;
        if !first.is_midnight() || start > 0 {
            canvas.text(
                &format!("{} {}", first.day(), first.time_of_day()),
                (NAMES + 1, bottom + 14),
                Align::Start,
                Ink::Muted,
            );
            free_from += LONG_DATE;
        }
        for step in (start..self.axis.steps()).step_by(each) {
            let (x, hour) = (self.x(step), self.axis.hour(step));
            canvas.line((x, BARS), (x, bottom + 4), Ink::Grid);
            let label = if hour.is_midnight() { hour.day() } else { hour.time_of_day() };
            if x >= free_from {
                canvas.text(&label, (x + 1, bottom + 14), Align::Start, Ink::Muted);
            }
        }
    }

    /// Draws a bar for each step of the time axis, above the rows. `counts` has the number that
    /// each bar shows. `label` says what is counted; the greatest number is written beside it.
    fn bars(self, canvas: &Canvas<'_>, counts: &[u64], ink: Ink, label: &str) {
        let most = counts.iter().copied().max().unwrap_or_default().max(1);
        let space = BARS - 22;
        for (step, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let share = u64::from(space.unsigned_abs()).saturating_mul(*count) / most;
            let height = i32::try_from(share).unwrap_or(space).clamp(2, space);
            let (left, right) = (self.x(step), self.x(step + 1));
            let width = (right - left - 1).max(1);
            canvas.fill(Area { x: left, y: BARS - 4 - height, width, height }, ink);
            if width > 8 * i32::try_from(count.to_string().len()).unwrap_or(i32::MAX) {
                let middle = left + width / 2;
                canvas.text(&count.to_string(), (middle, BARS - 12 - height), Align::Middle, Ink::Muted);
            }
        }
        let label = format!("{label}, at most {}", wording::grouped(most));
        canvas.text(&label, (NAMES - 10, BARS - 14), Align::End, Ink::Muted);
    }
}

/// Returns a name, cut to fit the column of names. The end is cut, because the name of a machine
/// comes before its domain.
fn in_column(name: &str) -> String {
    match name.char_indices().nth(MOST_NAME) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
    }
}

/// Draws a chart with this layout by calling `draw`, and returns the chart's SVG.
fn drawn(layout: Layout, draw: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    let canvas = Canvas::begin(&mut svg, WIDTH, layout.height());
    draw(&canvas);
    canvas.finish();
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dark_pages_have_a_colour_for_each_of_the_charts() {
        let style = include_str!("../page.css");
        for ink in Ink::ALL {
            let [red, green, blue] = ink.rgb();
            let rule = format!("[fill=\"#{red:02X}{green:02X}{blue:02X}\"]");
            let strokes = format!("[stroke=\"#{red:02X}{green:02X}{blue:02X}\"]");
            assert!(style.contains(&rule) || style.contains(&strokes), "{ink:?}: {rule}");
        }
    }

    #[test]
    fn names_become_text_and_no_markup() {
        let hours = vec![(Hour(483_600), 3)];
        let hostile = "</text><script>alert(1)</script>\"'&";
        let axis = Axis::covering(&hours, &[]).unwrap();
        let rows = [TimelineRow { host: hostile.to_owned(), hours }];
        let chart = timeline(axis, &rows, &[(Hour(483_600), 3)], 1);
        assert!(!chart.svg.contains("<script"), "{}", chart.svg);
        assert!(chart.svg.contains("&lt;/text&gt;&lt;script&gt;"), "{}", chart.svg);
        assert!(!chart.svg.contains("style="), "{}", chart.svg);
    }
}
