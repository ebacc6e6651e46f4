//! The time axis of the charts: days in UTC, or weeks if the charts cover many days.

use crate::event::EventTime;

/// The number of ticks of 100 ns in a day.
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;
/// The most steps of an axis. More would be too narrow to see.
const MOST_STEPS: i64 = 120;
/// The number of days in a week, which is a step of an axis that covers more than [`MOST_STEPS`]
/// days.
const WEEK: i64 = 7;

/// A day in UTC: the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::report) struct Day(pub i64);

impl Day {
    /// Returns the day that contains an instant.
    pub(in crate::report) fn of(time: EventTime) -> Self {
        Day(time.ticks().div_euclid(TICKS_PER_DAY))
    }

    /// Returns the day as text, such as `2025-03-04`.
    pub(super) fn text(self) -> String {
        let start = EventTime::from_ticks(self.0.saturating_mul(TICKS_PER_DAY));
        start.readable().chars().take_while(|letter| *letter != ' ').collect()
    }
}

/// The time axis of a chart: a row of steps, each a day or a week.
///
/// A clock that was wrong can put single events centuries away from all others. The axis therefore
/// covers at most [`MOST_STEPS`] weeks: those with the most events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::page) struct Axis {
    first: i64,
    days_per_step: i64,
    steps: i64,
}

impl Axis {
    /// Returns the axis for events on these days, each with the number of its events; `None`
    /// without events.
    pub(in crate::report::page) fn covering(days: &mut [(Day, u64)]) -> Option<Self> {
        days.sort_unstable();
        let (first, last) = (days.first()?.0.0, days.last()?.0.0);
        if last - first < MOST_STEPS {
            return Some(Axis { first, days_per_step: 1, steps: last - first + 1 });
        }
        let first = if last - first < MOST_STEPS * WEEK { first } else { busiest(days) };
        // Weeks begin on Mondays; 1970-01-05 was one.
        let first = first - (first - 4).rem_euclid(WEEK);
        let steps = ((last - first) / WEEK + 1).min(MOST_STEPS);
        Some(Axis { first, days_per_step: WEEK, steps })
    }

    /// Returns the number of steps, at least 1.
    pub(super) fn steps(self) -> usize {
        usize::try_from(self.steps).unwrap_or(1)
    }

    /// Returns the step that contains a day; `None` if the axis does not cover the day.
    pub(super) fn step(self, day: Day) -> Option<usize> {
        let step = (day.0 - self.first).div_euclid(self.days_per_step);
        usize::try_from(step).ok().filter(|step| *step < self.steps())
    }

    /// Returns the first and the last step that the days from `first` to `last` touch; `None` if
    /// the axis covers none of them.
    pub(super) fn range(self, first: Day, last: Day) -> Option<(usize, usize)> {
        let end = Day(self.first + self.steps * self.days_per_step - 1);
        let (first, last) = (first.max(Day(self.first)), last.min(end));
        if first > last { None } else { Some((self.step(first)?, self.step(last)?)) }
    }

    /// Returns the day on which a step begins.
    pub(super) fn day(self, step: usize) -> Day {
        Day(self.first + self.days_per_step * i64::try_from(step).unwrap_or_default())
    }

    /// Returns the word for a step: `day` or `week`.
    pub(in crate::report::page) fn step_name(self) -> &'static str {
        if self.days_per_step == 1 { "day" } else { "week" }
    }
}

/// Returns the first day of the [`MOST_STEPS`] weeks with the most events. `days` are sorted, each
/// with the number of its events.
fn busiest(days: &[(Day, u64)]) -> i64 {
    let length = (MOST_STEPS - 1) * WEEK;
    let (mut best, mut most) = (0, 0);
    let (mut ahead, mut sum) = (days.iter().peekable(), 0_u64);
    for (first, count) in days {
        while let Some((_, count)) = ahead.next_if(|(day, _)| day.0 < first.0 + length) {
            sum = sum.saturating_add(*count);
        }
        // Of equal ones, the latest counts: evidence is usually recent.
        if sum >= most {
            (best, most) = (first.0, sum);
        }
        sum = sum.saturating_sub(*count);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(days: &[(i64, u64)]) -> Axis {
        let mut days: Vec<(Day, u64)> = days.iter().map(|(day, count)| (Day(*day), *count)).collect();
        Axis::covering(&mut days).unwrap()
    }

    #[test]
    fn few_days_are_days_and_many_are_weeks() {
        assert_eq!(Axis::covering(&mut []), None);
        let days = axis(&[(20_151, 1), (20_150, 3)]);
        assert_eq!((days.steps(), days.step_name(), days.day(0).text()), (2, "day", "2025-03-03".to_owned()));
        assert_eq!(
            (days.step(Day(20_151)), days.step(Day(20_152)), days.step(Day(20_149))),
            (Some(1), None, None)
        );
        let weeks = axis(&[(20_150, 1), (20_150 + 200, 1)]);
        assert_eq!((weeks.step_name(), weeks.day(0).text()), ("week", "2025-03-03".to_owned()));
        assert_eq!(weeks.steps(), 29);
        assert_eq!(weeks.step(Day(20_150 + 200)), Some(28));
        assert_eq!(weeks.range(Day(0), Day(20_157)), Some((0, 1)));
        assert_eq!(weeks.range(Day(0), Day(20_149)), None);
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_stretch_the_axis() {
        let days = axis(&[(-134_774, 1), (20_150, 5), (20_160, 2), (2_932_000, 2)]);
        assert!(days.steps() <= 120);
        assert!(days.step(Day(20_150)).is_some() && days.step(Day(20_160)).is_some(), "{days:?}");
        assert_eq!(days.step(Day(2_932_000)), None);
    }
}
