//! The time axis of the charts: hours in UTC, or longer steps if the charts cover many hours.

use crate::event::EventTime;

/// The number of ticks of 100 ns in an hour.
const TICKS_PER_HOUR: i64 = 60 * 60 * 10_000_000;
/// The number of hours in a day.
const DAY: i64 = 24;
/// The number of hours in a week.
const WEEK: i64 = 7 * DAY;
/// The first hour of the first Monday after the start of 1970.
const MONDAY: i64 = 4 * DAY;
/// The maximum number of steps of a chart's time axis. More steps would be too narrow to see.
const MOST_STEPS: i64 = 120;
/// The lengths that a step can have, in hours, with their names. An axis has the shortest length
/// with which [`MOST_STEPS`] steps cover all matches and nearly all logs. If the longest is too
/// short for that, the axis leaves out hours that are far from most others.
const STEPS: [(i64, &str); 5] =
    [(1, "hour"), (6, "six hours"), (DAY, "day"), (WEEK, "week"), (4 * WEEK, "four weeks")];
/// At most one in this many of the hours in which logs begin or end may lie outside the time axis,
/// so that one machine's wrong clock does not make all steps long. Matches lie outside only if the
/// axis cannot cover all of them even with the longest steps.
const FEW: u64 = 50;

/// An hour in UTC: the number of hours since the start of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::report) struct Hour(pub i64);

impl Hour {
    /// Returns the hour that contains an instant.
    pub(in crate::report) fn of(time: EventTime) -> Self {
        Hour(time.ticks().div_euclid(TICKS_PER_HOUR))
    }

    /// Returns the start of the hour as text, such as `2025-03-04 08:00`.
    fn text(self) -> String {
        let start = EventTime::from_ticks(self.0.saturating_mul(TICKS_PER_HOUR));
        start.readable().chars().take(16).collect()
    }

    /// Returns the day of the hour as text, such as `2025-03-04`.
    pub(super) fn day(self) -> String {
        self.text().split(' ').next().unwrap_or_default().to_owned()
    }

    /// Returns the time of day at which the hour starts, such as `08:00`.
    pub(super) fn time_of_day(self) -> String {
        self.text().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Returns true if the hour is the first of a day.
    pub(super) fn is_midnight(self) -> bool {
        self.0.rem_euclid(DAY) == 0
    }
}

/// The time axis of a chart: a row of steps, each from an hour to four weeks long.
///
/// A clock that was wrong can put single events centuries away from all others. The axis therefore
/// covers at most [`MOST_STEPS`] steps: those with the most matches, and then with the most logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::page) struct Axis {
    first: i64,
    hours_per_step: i64,
    steps: i64,
    step_name: &'static str,
}

impl Axis {
    /// Returns the time axis for a chart. `matches` has the hours with matches, each with the
    /// number of matches; `logs` has the hours in which logs begin or end. `None` if both are
    /// empty.
    pub(in crate::report::page) fn covering(matches: &[(Hour, u64)], logs: &[Hour]) -> Option<Self> {
        // One match counts more than all logs.
        let weight = logs.len() as u64 + 1;
        let of_matches = matches.iter().map(|(hour, count)| (*hour, count.saturating_mul(weight)));
        let mut hours: Vec<(Hour, u64)> = of_matches.chain(logs.iter().map(|hour| (*hour, 1))).collect();
        hours.sort_unstable();
        let few = (weight - 1) / FEW;
        Axis::finest(&hours, few).or_else(|| {
            let (hours_per_step, step_name) = *STEPS.last()?;
            let longest = Axis::of(&hours, hours_per_step, step_name)?;
            hours.retain(|(hour, _)| longest.step(*hour).is_some());
            Axis::finest(&hours, few)
        })
    }

    /// Returns the time axis with the shortest steps that leaves out hours with a total weight of
    /// at most `few`. `hours` must be sorted; the weight of each hour says how much it matters that
    /// the axis covers it. `None` if every axis leaves out more.
    fn finest(hours: &[(Hour, u64)], few: u64) -> Option<Self> {
        let axes = STEPS.iter().filter_map(|(length, name)| Axis::of(hours, *length, name));
        axes.into_iter().find(|axis| {
            let outside = hours.iter().filter(|(hour, _)| axis.step(*hour).is_none());
            outside.fold(0_u64, |sum, (_, weight)| sum.saturating_add(*weight)) <= few
        })
    }

    /// Returns the time axis with steps of this length that covers the hours with the greatest
    /// total weight. `hours` must be sorted; the weight of each hour says how much it matters that
    /// the axis covers it. `None` if `hours` is empty.
    fn of(hours: &[(Hour, u64)], hours_per_step: i64, step_name: &'static str) -> Option<Self> {
        let length = MOST_STEPS * hours_per_step;
        let (earliest, latest) = (hours.first()?.0.0, hours.last()?.0.0);
        // Days begin at midnight, and weeks on Mondays.
        let unit = hours_per_step.min(WEEK);
        let aligned = |hour: i64| hour - (hour - MONDAY).rem_euclid(unit);
        let first =
            if latest - aligned(earliest) < length { earliest } else { busiest(hours, length - unit + 1) };
        let first = aligned(first);
        let within =
            hours.iter().map(|(hour, _)| hour.0).filter(|hour| (first..first + length).contains(hour));
        let last = within.max().unwrap_or(first);
        Some(Axis { first, hours_per_step, steps: (last - first) / hours_per_step + 1, step_name })
    }

    /// Returns the number of steps of the axis, at least 1.
    pub(super) fn steps(self) -> usize {
        usize::try_from(self.steps).unwrap_or(1)
    }

    /// Returns the number of hours that the axis covers.
    pub(super) fn hours(self) -> i64 {
        self.steps * self.hours_per_step
    }

    /// Returns the position of the step that contains an hour, counted from 0; `None` if the axis
    /// does not cover the hour.
    pub(super) fn step(self, hour: Hour) -> Option<usize> {
        let step = (hour.0 - self.first).div_euclid(self.hours_per_step);
        usize::try_from(step).ok().filter(|step| *step < self.steps())
    }

    /// Returns the part of a period that the axis covers: its first and its last hour, counted from
    /// the start of the axis. `None` if the axis covers no hour of the period.
    pub(super) fn part(self, first: Hour, last: Hour) -> Option<(i64, i64)> {
        let (first, last) = (first.0.max(self.first), last.0.min(self.first + self.hours() - 1));
        (first <= last).then_some((first - self.first, last - self.first))
    }

    /// Returns the positions of the first and the last step that the hours from `first` to `last`
    /// touch; `None` if the axis covers none of these hours.
    pub(super) fn range(self, first: Hour, last: Hour) -> Option<(usize, usize)> {
        let step = |hours: i64| usize::try_from(hours / self.hours_per_step).ok();
        let (first, last) = self.part(first, last)?;
        Some((step(first)?, step(last)?))
    }

    /// Returns the hour with which the step at this position, counted from 0, begins.
    pub(super) fn hour(self, step: usize) -> Hour {
        Hour(self.first + self.hours_per_step * i64::try_from(step).unwrap_or_default())
    }

    /// Returns how long a step of the axis is, in words, such as `hour`.
    pub(in crate::report::page) fn step_name(self) -> &'static str {
        self.step_name
    }

    /// Returns the first step of the axis that has a label, and the number of steps from one label
    /// to the next, so that the axis has at most about `most` labels. Labels are at round times,
    /// such as midnight.
    pub(super) fn labels(self, most: i64) -> (usize, usize) {
        const ROUND: [i64; 10] = [1, 2, 3, 6, 12, DAY, 2 * DAY, WEEK, 2 * WEEK, 4 * WEEK];
        let round =
            ROUND.into_iter().find(|hours| hours % self.hours_per_step == 0 && self.hours() / hours <= most);
        let each = round.unwrap_or(self.hours_per_step * (self.steps / most.max(1) + 1));
        let unit = each.min(WEEK);
        let late = (self.first - MONDAY).rem_euclid(unit);
        let start = if late == 0 { 0 } else { unit - late };
        let steps = |hours: i64| usize::try_from(hours / self.hours_per_step).unwrap_or(1);
        (steps(start), steps(each).max(1))
    }
}

/// Returns the first hour of the `length` consecutive hours with the greatest total weight; of
/// several equal ones, the latest. `hours` must be sorted; the weight of each hour says how much it
/// matters that the axis covers it.
fn busiest(hours: &[(Hour, u64)], length: i64) -> i64 {
    let (mut best, mut most) = (0, 0);
    let (mut ahead, mut sum) = (hours.iter().peekable(), 0_u64);
    for (first, weight) in hours {
        while let Some((_, weight)) = ahead.next_if(|(hour, _)| hour.0 < first.0 + length) {
            sum = sum.saturating_add(*weight);
        }
        // Of equal ones, the latest counts: evidence is usually recent.
        if sum >= most {
            (best, most) = (first.0, sum);
        }
        sum = sum.saturating_sub(*weight);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first hour of 2025-03-03, a Monday.
    const START: i64 = 20_150 * DAY;

    fn axis(matches: &[(i64, u64)], logs: &[i64]) -> Axis {
        let matches: Vec<(Hour, u64)> = matches.iter().map(|(hour, count)| (Hour(*hour), *count)).collect();
        let logs: Vec<Hour> = logs.iter().copied().map(Hour).collect();
        Axis::covering(&matches, &logs).unwrap()
    }

    #[test]
    fn steps_are_as_long_as_the_span_needs() {
        assert_eq!(Axis::covering(&[], &[]), None);
        let hours = axis(&[(START + 33, 1), (START + 8, 3)], &[]);
        assert_eq!((hours.steps(), hours.step_name(), hours.hour(0)), (26, "hour", Hour(START + 8)));
        assert_eq!(
            (hours.hour(0).day(), hours.hour(0).time_of_day()),
            ("2025-03-03".to_owned(), "08:00".to_owned())
        );
        let steps = [START + 33, START + 34, START + 7].map(|hour| hours.step(Hour(hour)));
        assert_eq!(steps, [Some(25), None, None]);
        // The first label is at the next midnight.
        assert_eq!(hours.labels(1), (16, 24));
        let six = axis(&[(START + 8, 1), (START + 20 * DAY, 1)], &[]);
        assert_eq!((six.step_name(), six.hour(0), six.steps()), ("six hours", Hour(START + 6), 80));
        let days = axis(&[(START + 8, 1), (START + 40 * DAY, 1)], &[]);
        assert_eq!((days.step_name(), days.hour(0), days.steps()), ("day", Hour(START), 41));
        let weeks = axis(&[(START + 3 * DAY, 1), (START + 200 * DAY, 1)], &[]);
        assert_eq!((weeks.step_name(), weeks.hour(0), weeks.steps()), ("week", Hour(START), 29));
        assert_eq!(weeks.step(Hour(START + 200 * DAY)), Some(28));
        assert_eq!(weeks.range(Hour(0), Hour(START + WEEK)), Some((0, 1)));
        assert_eq!(weeks.part(Hour(0), Hour(START + 5)), Some((0, 5)));
        assert_eq!(weeks.range(Hour(0), Hour(START - 1)), None);
        let longer = axis(&[(START, 1), (START + 1500 * DAY, 1)], &[]);
        assert_eq!((longer.step_name(), longer.step(Hour(START + 1500 * DAY))), ("four weeks", Some(53)));
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_stretch_the_axis() {
        let far = axis(&[(-134_774 * DAY, 1), (START, 5), (START + 90, 2), (2_932_000 * DAY, 2)], &[]);
        assert_eq!((far.step_name(), far.steps()), ("hour", 91));
        assert_eq!((far.step(Hour(START + 90)), far.step(Hour(2_932_000 * DAY))), (Some(90), None));
        // One log of a hundred lies years before the others: days stay days.
        let logs: Vec<i64> = (0..99).map(|log| START + log % 60 * DAY).chain([18_000 * DAY]).collect();
        let days = axis(&[(START + 10 * DAY, 1)], &logs);
        assert_eq!((days.step_name(), days.steps(), days.step(Hour(18_000 * DAY))), ("day", 60, None));
        // A match is never left out for that.
        let first = axis(&[(START + 10 * DAY, 1000), (START - 250 * DAY, 1)], &logs);
        assert_eq!((first.step_name(), first.step(Hour(START - 250 * DAY)).is_some()), ("week", true));
    }
}
