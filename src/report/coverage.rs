//! Coverage: how much of the period that the user requested is covered by a host's DNS queries.
//!
//! Only DNS queries count: other logs of the host, and other events of Sysmon, say nothing about
//! the names that were queried. Nothing depends on the clock of the machine that sweeps: another
//! run on the same evidence with the same bounds gives the same answer.

use crate::event::{EventTime, Window};
use crate::ledger::tally::RecordCounts;

/// How near a host's DNS query must be to the start or the end of a period, if the user left that
/// bound open: a day, in units of 100 ns. A machine that nobody uses can be without queries for a
/// night.
///
/// If the period has no start, the host's first DNS query must be at most this far from the host's
/// first record of any log. If the period has no end, the host's last DNS query must be at most
/// this far from the host's last record of any log. If the period counts back from now, the last
/// DNS query must be at most this far before now.
const OPEN_END: u64 = 24 * 60 * 60 * 10_000_000;

/// How much of the period that the user requested is covered by a host's DNS queries. The worst
/// case comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// DNS queries were seen in the period, and they reach from its start to its end.
    Whole,
    /// DNS queries were seen in the period, but they do not reach both its start and its end.
    Part,
    /// No DNS query was seen in the period.
    Nothing,
}

impl Coverage {
    /// Returns how much of the requested period is covered by a host's DNS queries, from the host's
    /// counts; `None` if the user requested no period.
    ///
    /// Both ends of the period must be covered:
    ///
    /// - An end that the user gave is covered by a DNS query at this time or beyond it.
    /// - The end of a period that counts back from now is covered by a DNS query at most a day
    ///   before now.
    /// - An end that nobody gave is covered by a DNS query at most a day from the host's first (or
    ///   last) record of any log. So a host that was collected an hour after its last query is
    ///   covered. A host whose DNS queries stop weeks before its other logs is not.
    #[must_use]
    pub fn of(counts: &RecordCounts, window: &Window) -> Option<Self> {
        if !window.is_bounded() {
            return None;
        }
        if counts.dns_queries_in_period == 0 {
            return Some(Coverage::Nothing);
        }
        let (queries, records) = (counts.dns_span, counts.span);
        let covers_start = match window.since {
            Some(since) => queries.first.is_some_and(|first| first <= since),
            None => are_close(queries.first, records.first),
        };
        let covers_end = match (window.until, window.ends) {
            (Some(until), _) => queries.last.is_some_and(|last| until <= last),
            (None, Some(ends)) => reaches(queries.last, ends),
            (None, None) => are_close(queries.last, records.last),
        };
        Some(if covers_start && covers_end { Coverage::Whole } else { Coverage::Part })
    }

    /// Returns the word for this coverage in the column `period_coverage` of `hosts.parquet`:
    /// `whole`, `part` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Coverage::Whole => "whole",
            Coverage::Part => "part",
            Coverage::Nothing => "none",
        }
    }
}

/// Returns true if both times are known and at most a day ([`OPEN_END`]) apart.
fn are_close(one: Option<EventTime>, other: Option<EventTime>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.ticks().abs_diff(other.ticks()) <= OPEN_END)
}

/// Returns true if `time` is known and at most a day ([`OPEN_END`]) before `other`. Any time after
/// `other` counts, too.
fn reaches(time: Option<EventTime>, other: EventTime) -> bool {
    time.is_some_and(|time| other <= time || are_close(Some(time), Some(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    const HOUR: i64 = 60 * 60 * 10_000_000;
    const WEEK: i64 = 7 * 24 * HOUR;

    fn window(since: Option<i64>, until: Option<i64>) -> Window {
        let time = |ticks: Option<i64>| ticks.map(EventTime::from_ticks);
        Window { since: time(since), until: time(until), ends: None }
    }

    fn span(first: i64, last: i64) -> Span {
        Span { first: Some(EventTime::from_ticks(first)), last: Some(EventTime::from_ticks(last)) }
    }

    /// Returns the counts of a host with DNS queries from `first` to `last`, all of them in the
    /// period, and records from `log_first` to `log_last`.
    fn counts((first, last): (i64, i64), (log_first, log_last): (i64, i64)) -> RecordCounts {
        RecordCounts {
            dns_queries: 2,
            dns_queries_in_period: 2,
            dns_span: span(first, last),
            span: span(log_first, log_last),
            ..RecordCounts::default()
        }
    }

    #[test]
    fn a_bound_is_covered_by_a_query_on_it_or_beyond() {
        let period = window(Some(10), Some(20));
        for ((first, last), expected) in [
            ((10, 20), Coverage::Whole),
            ((9, 21), Coverage::Whole),
            ((11, 20), Coverage::Part),
            ((10, 19), Coverage::Part),
            ((11, 19), Coverage::Part),
        ] {
            // Records of other logs do not matter.
            let counts = counts((first, last), (0, 30));
            assert_eq!(Coverage::of(&counts, &period), Some(expected), "{first} to {last}");
        }
    }

    #[test]
    fn without_a_bound_the_period_is_that_of_the_hosts_logs() {
        let since = window(Some(0), None);
        for (last, log_last, expected) in [
            (HOUR, 2 * HOUR, Coverage::Whole),
            (HOUR, 25 * HOUR, Coverage::Whole),
            (HOUR, 25 * HOUR + 1, Coverage::Part),
            (HOUR, 3 * WEEK, Coverage::Part),
        ] {
            assert_eq!(Coverage::of(&counts((-1, last), (-WEEK, log_last)), &since), Some(expected));
        }
        let until = window(None, Some(WEEK));
        for (log_first, expected) in [(-HOUR, Coverage::Whole), (-WEEK, Coverage::Part)] {
            assert_eq!(Coverage::of(&counts((0, WEEK), (log_first, WEEK)), &until), Some(expected));
        }
    }

    #[test]
    fn a_period_counted_back_from_now_ends_now() {
        let now = Some(EventTime::from_ticks(2 * WEEK));
        let last_weeks = Window { ends: now, ..window(Some(0), None) };
        for (last, expected) in [
            (2 * WEEK - 24 * HOUR, Coverage::Whole),
            (3 * WEEK, Coverage::Whole),
            (2 * WEEK - 25 * HOUR, Coverage::Part),
            (HOUR, Coverage::Part),
        ] {
            // The host's other logs end with its queries, so they do not show whether it was in use
            // later.
            assert_eq!(Coverage::of(&counts((-1, last), (-1, last)), &last_weeks), Some(expected), "{last}");
        }
    }

    #[test]
    fn queries_around_a_period_do_not_cover_it() {
        let period = window(Some(10), Some(20));
        let around = RecordCounts { dns_queries_in_period: 0, ..counts((9, 21), (9, 21)) };
        assert_eq!(Coverage::of(&around, &period), Some(Coverage::Nothing));
        assert_eq!(Coverage::of(&RecordCounts::default(), &period), Some(Coverage::Nothing));
        assert_eq!(Coverage::of(&around, &Window::default()), None);
    }

    #[test]
    fn a_query_without_a_readable_time_covers_nothing_but_itself() {
        // One query is in the period, but no query has a readable time: neither end is covered.
        let counts = RecordCounts { dns_queries: 1, dns_queries_in_period: 1, ..RecordCounts::default() };
        for window in [window(Some(0), None), window(None, Some(0))] {
            assert_eq!(Coverage::of(&counts, &window), Some(Coverage::Part));
        }
    }
}
