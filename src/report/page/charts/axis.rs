//! The time axis of the charts: days in UTC, or weeks if the charts cover many days.

use crate::event::EventTime;

/// The number of ticks of 100 ns in a day.
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;
/// The most steps of an axis. More would be too narrow to see.
const MOST_STEPS: i64 = 120;
/// The lengths that a step can have, in days, with their names. The first with which
/// [`MOST_STEPS`] steps cover enough is taken.
const STEPS: [(i64, &str); 3] = [(1, "day"), (7, "week"), (28, "four weeks")];
/// One in this many ends of logs may lie outside an axis with short steps, because clocks of some
/// machines are wrong. Matches may not.
const FEW: u64 = 50;

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

/// The time axis of a chart: a row of steps, each a day, a week or four weeks.
///
/// A clock that was wrong can put single events centuries away from all others. The axis therefore
/// covers at most [`MOST_STEPS`] steps: those with the most matches, and then with the most logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::page) struct Axis {
    first: i64,
    days_per_step: i64,
    steps: i64,
    step_name: &'static str,
}

impl Axis {
    /// Returns the axis for matches on these days, each with the number of matches, and for logs
    /// that begin or end on the days `logs`; `None` without any.
    pub(in crate::report::page) fn covering(matches: &[(Day, u64)], logs: &[Day]) -> Option<Self> {
        // One match counts more than all logs.
        let weight = logs.len() as u64 + 1;
        let of_matches = matches.iter().map(|(day, count)| (*day, count.saturating_mul(weight)));
        let mut days: Vec<(Day, u64)> = of_matches.chain(logs.iter().map(|day| (*day, 1))).collect();
        days.sort_unstable();
        let few = (weight - 1) / FEW;
        Axis::finest(&days, few).or_else(|| {
            let (days_per_step, step_name) = *STEPS.last()?;
            let longest = Axis::of(&days, days_per_step, step_name)?;
            days.retain(|(day, _)| longest.step(*day).is_some());
            Axis::finest(&days, few)
        })
    }

    /// Returns the axis with the shortest steps that leaves out at most `few` of the weight of
    /// `days`, which are sorted; `None` if none does.
    fn finest(days: &[(Day, u64)], few: u64) -> Option<Self> {
        let axes = STEPS.iter().filter_map(|(days_per_step, name)| Axis::of(days, *days_per_step, name));
        axes.into_iter().find(|axis| {
            let outside = days.iter().filter(|(day, _)| axis.step(*day).is_none());
            outside.fold(0_u64, |sum, (_, weight)| sum.saturating_add(*weight)) <= few
        })
    }

    /// Returns the axis with steps of this length that covers the most of `days`, which are sorted
    /// and have a weight each; `None` without days.
    fn of(days: &[(Day, u64)], days_per_step: i64, step_name: &'static str) -> Option<Self> {
        let length = MOST_STEPS * days_per_step;
        let (earliest, latest) = (days.first()?.0.0, days.last()?.0.0);
        // Weeks begin on Mondays; 1970-01-05 was one.
        let aligned = |day: i64| if days_per_step == 1 { day } else { day - (day - 4).rem_euclid(7) };
        let first = if latest - aligned(earliest) < length { earliest } else { busiest(days, length - 6) };
        let first = aligned(first);
        let within = days.iter().map(|(day, _)| day.0).filter(|day| (first..first + length).contains(day));
        let last = within.max().unwrap_or(first);
        Some(Axis { first, days_per_step, steps: (last - first) / days_per_step + 1, step_name })
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

    /// Returns the words for a step, such as `day`.
    pub(in crate::report::page) fn step_name(self) -> &'static str {
        self.step_name
    }
}

/// Returns the first day of the `length` days with the greatest weight. `days` are sorted, each with
/// its weight.
fn busiest(days: &[(Day, u64)], length: i64) -> i64 {
    let (mut best, mut most) = (0, 0);
    let (mut ahead, mut sum) = (days.iter().peekable(), 0_u64);
    for (first, weight) in days {
        while let Some((_, weight)) = ahead.next_if(|(day, _)| day.0 < first.0 + length) {
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

    fn axis(matches: &[(i64, u64)], logs: &[i64]) -> Axis {
        let matches: Vec<(Day, u64)> = matches.iter().map(|(day, count)| (Day(*day), *count)).collect();
        let logs: Vec<Day> = logs.iter().copied().map(Day).collect();
        Axis::covering(&matches, &logs).unwrap()
    }

    #[test]
    fn steps_are_as_long_as_the_span_needs() {
        assert_eq!(Axis::covering(&[], &[]), None);
        let days = axis(&[(20_151, 1), (20_150, 3)], &[]);
        assert_eq!((days.steps(), days.step_name(), days.day(0).text()), (2, "day", "2025-03-03".to_owned()));
        assert_eq!(
            (days.step(Day(20_151)), days.step(Day(20_152)), days.step(Day(20_149))),
            (Some(1), None, None)
        );
        let weeks = axis(&[(20_150, 1), (20_150 + 200, 1)], &[]);
        assert_eq!(
            (weeks.step_name(), weeks.day(0).text(), weeks.steps()),
            ("week", "2025-03-03".to_owned(), 29)
        );
        assert_eq!(weeks.step(Day(20_150 + 200)), Some(28));
        assert_eq!(weeks.range(Day(0), Day(20_157)), Some((0, 1)));
        assert_eq!(weeks.range(Day(0), Day(20_149)), None);
        let longer = axis(&[(20_150, 1), (20_150 + 1500, 1)], &[]);
        assert_eq!((longer.step_name(), longer.step(Day(20_150 + 1500))), ("four weeks", Some(53)));
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_stretch_the_axis() {
        let far = axis(&[(-134_774, 1), (20_150, 5), (20_160, 2), (2_932_000, 2)], &[]);
        assert_eq!((far.step_name(), far.steps()), ("day", 11));
        assert_eq!((far.step(Day(20_160)), far.step(Day(2_932_000))), (Some(10), None));
        // One log of a hundred lies years before the others: days stay days.
        let logs: Vec<i64> = (0..99).map(|log| 20_150 + log % 30).chain([18_000]).collect();
        let days = axis(&[(20_160, 1)], &logs);
        assert_eq!((days.step_name(), days.steps(), days.step(Day(18_000))), ("day", 30, None));
        // A match is never left out for that.
        let first = axis(&[(20_160, 1000), (19_900, 1)], &logs);
        assert_eq!((first.step_name(), first.step(Day(19_900)).is_some()), ("week", true));
    }
}
