//! Instants in evidence and on the command line. This module and its submodules are the only users
//! of `jiff`.
//!
//! An instant is a number of units of 100 ns, the unit of event logs (FILETIME). This is finer than
//! the microseconds in the tables of the output.

mod formatted;
mod logged;
mod typed;

use std::fmt;
use std::num::NonZeroU64;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use self::formatted::{push_two_digits, push_year};
pub use self::typed::{TimeError, parse_end_of_day, parse_since, parse_span_back, parse_until};

/// The number of ticks in a microsecond. A tick is 100 ns, the unit of times in event logs.
const TICKS_PER_MICROSECOND: i64 = 10;
/// The number of nanoseconds in a tick, which is the unit of times in event logs.
const NANOSECONDS_PER_TICK: i64 = 100;
/// The number of ticks in a second. A tick is 100 ns, the unit of times in event logs.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// The instant 1970-01-01 as a FILETIME, which is the number of 100 ns intervals since 1601-01-01.
/// It is the difference between times in event logs and Unix times.
const FILETIME_OF_1970: i64 = 116_444_736_000_000_000;

/// The first FILETIME (100 ns intervals since 1601) of the year 9999. From this instant on, a time
/// in evidence counts as unreadable, because decoders differ on these times, and programs that read
/// the output's tables may not know them.
pub(crate) const FILETIME_OF_9999: u64 = 2_650_152_384_000_000_000;

/// An instant, in intervals of 100 ns since 1970-01-01T00:00:00Z.
///
/// A sweep can hold ten instants, most of them optional, for each of a million hosts. An instant is
/// therefore stored as a number that is never 0 and sorts by time, so that an `Option<EventTime>`
/// takes no more memory than an `EventTime`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct EventTime(NonZeroU64);

/// The highest bit of the number that an [`EventTime`] stores. The number is the signed count of
/// 100 ns intervals since 1970 with this bit flipped, so that unsigned numbers sort by time.
const SIGN: u64 = 1 << 63;

/// A component of a date or time, such as the hour, that [`EventTime::part`] returns as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimePart {
    /// The minute of the hour, 0 to 59.
    Minute,
    /// The hour of the day, 0 to 23.
    Hour,
    /// The day of the month, 1 to 31.
    Day,
    /// The week of the year by ISO 8601, 1 to 53.
    Week,
    /// The month of the year, 1 to 12.
    Month,
    /// The year, −9999 to 9999.
    Year,
}

impl TimePart {
    /// Returns the English name of the component, such as `hour`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TimePart::Minute => "minute",
            TimePart::Hour => "hour",
            TimePart::Day => "day",
            TimePart::Week => "week",
            TimePart::Month => "month",
            TimePart::Year => "year",
        }
    }
}

impl Default for EventTime {
    /// Returns 1970-01-01T00:00:00Z, whose number of ticks is 0.
    fn default() -> Self {
        EventTime::from_ticks(0)
    }
}

impl fmt::Debug for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventTime").field(&self.ticks()).finish()
    }
}

impl EventTime {
    /// The earliest instant that an [`EventTime`] can represent.
    pub const MIN: EventTime = EventTime(NonZeroU64::MIN);
    /// The latest instant that an [`EventTime`] can represent.
    pub const MAX: EventTime = EventTime(NonZeroU64::MAX);

    /// Returns the instant `ticks` intervals of 100 ns after 1970-01-01T00:00:00Z. The least `i64`
    /// gives [`EventTime::MIN`], which is one interval later.
    #[must_use]
    #[inline]
    pub fn from_ticks(ticks: i64) -> Self {
        EventTime(NonZeroU64::new(ticks.cast_unsigned() ^ SIGN).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns the instant `filetime` intervals of 100 ns after 1601-01-01T00:00:00Z. `None` for
    /// zero, which means no time, and for instants from the year 9999 on.
    #[must_use]
    #[inline]
    pub fn from_filetime(filetime: u64) -> Option<Self> {
        let ticks = i64::try_from(filetime).ok().filter(|_| (1..FILETIME_OF_9999).contains(&filetime))?;
        Some(EventTime::from_ticks(ticks - FILETIME_OF_1970))
    }

    /// Returns the number of 100 ns intervals since 1601-01-01T00:00:00Z; `None` if the instant is
    /// earlier.
    #[must_use]
    pub fn filetime(self) -> Option<u64> {
        self.ticks().checked_add(FILETIME_OF_1970).and_then(|time| u64::try_from(time).ok())
    }

    /// Returns the number of 100 ns intervals since 1970-01-01T00:00:00Z.
    #[must_use]
    #[inline]
    pub fn ticks(self) -> i64 {
        (self.0.get() ^ SIGN).cast_signed()
    }

    /// Returns the instant `microseconds` after 1970-01-01T00:00:00Z. An instant out of range
    /// becomes the nearest one that an [`EventTime`] can represent.
    #[must_use]
    pub fn from_microseconds(microseconds: i64) -> Self {
        EventTime::from_ticks(microseconds.saturating_mul(TICKS_PER_MICROSECOND))
    }

    /// Returns the number of microseconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn microseconds(self) -> i64 {
        self.ticks().div_euclid(TICKS_PER_MICROSECOND)
    }

    /// Parses a logged time, such as `TimeCreated/@SystemTime` or Sysmon's `UtcTime`, in any form
    /// that means exactly one instant.
    ///
    /// A time without a zone is UTC. Digits beyond the seventh decimal are dropped, because event
    /// logs store no more. `None` for other texts, and for instants outside the range of
    /// [`EventTime::from_filetime`]: up to 1601-01-01T00:00:00Z, or from the year 9999 on.
    #[must_use]
    pub fn parse_logged(text: &str) -> Option<Self> {
        let (time, decimals) = logged::read(text)?;
        let ticks = Self::from_timestamp(time)?.ticks().checked_add(decimals)?;
        let filetime = i128::from(ticks) + i128::from(FILETIME_OF_1970);
        (1..i128::from(FILETIME_OF_9999)).contains(&filetime).then_some(EventTime::from_ticks(ticks))
    }

    /// Returns the instant in the form that messages and reports show: `2024-01-31 10:15:30Z`.
    /// Outside the calendar of years −9999 to 9999, returns the number of 100 ns intervals since
    /// 1970.
    #[must_use]
    pub fn readable(self) -> String {
        self.timestamp()
            .map_or_else(|| self.ticks().to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
    }

    /// Returns the instant in UTC as RFC 3339 with seven decimals: the form in which
    /// `TimeCreated/@SystemTime` shows a time that a record stores in binary. `None` if the year
    /// lies outside 0 to 9999.
    #[must_use]
    pub fn system_time(self) -> Option<String> {
        let time = Offset::UTC.to_datetime(self.timestamp()?);
        let mut text = Vec::with_capacity(28);
        push_year(&mut text, time)?;
        for (separator, number) in [
            (b'-', time.month()),
            (b'-', time.day()),
            (b'T', time.hour()),
            (b':', time.minute()),
            (b':', time.second()),
        ] {
            text.push(separator);
            push_two_digits(&mut text, number.unsigned_abs());
        }
        text.push(b'.');
        let mut rest = self.ticks().rem_euclid(TICKS_PER_SECOND);
        let mut decimals = [0; 7];
        for decimal in decimals.iter_mut().rev() {
            *decimal = b'0' + u8::try_from(rest % 10).expect("a digit is below ten");
            rest /= 10;
        }
        text.extend_from_slice(&decimals);
        text.push(b'Z');
        Some(String::from_utf8(text).expect("digits and separators are ASCII"))
    }

    /// Returns the instant in UTC as RFC 3339 with six decimals, rounded down: the precision of the
    /// times in the output's tables. `None` if the year lies outside 0 to 9999.
    #[must_use]
    pub fn rfc3339_microseconds(self) -> Option<String> {
        let mut text = self.system_time()?;
        text.truncate(text.len() - 2);
        text.push('Z');
        Some(text)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now() -> Self {
        // This machine's clock lies between the years 1601 and 9999, where the conversion succeeds.
        Self::from_timestamp(Timestamp::now()).unwrap_or(EventTime::from_ticks(0))
    }

    /// Returns the instant in UTC as RFC 3339 with seven decimals, the form of times in `run.json`,
    /// the file in the output that describes the sweep. Outside the calendar of years −9999 to
    /// 9999, returns the number of 100 ns intervals since 1970.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.timestamp().map_or_else(
            || self.ticks().to_string(),
            |time| time.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string(),
        )
    }

    /// Returns the instant as RFC 3339 with seven decimals in the time zone of the machine that
    /// dnsweep runs on, with the zone's offset from UTC at that instant. Outside the calendar of
    /// years −9999 to 9999, returns the number of 100 ns intervals since 1970.
    #[must_use]
    pub fn local(self) -> String {
        let local =
            |time: Timestamp| time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S.%7f%:z");
        self.timestamp().map_or_else(|| self.ticks().to_string(), |time| local(time).to_string())
    }

    /// Returns one component of the instant in UTC, such as its hour; `None` if the instant is
    /// outside the calendar of years −9999 to 9999.
    #[must_use]
    pub fn part(self, part: TimePart) -> Option<i64> {
        let time = Offset::UTC.to_datetime(self.timestamp()?);
        Some(match part {
            TimePart::Minute => time.minute().into(),
            TimePart::Hour => time.hour().into(),
            TimePart::Day => time.day().into(),
            TimePart::Week => time.date().iso_week_date().week().into(),
            TimePart::Month => time.month().into(),
            TimePart::Year => time.year().into(),
        })
    }

    /// Returns the instant of a `jiff` [`Timestamp`], rounded down to 100 ns; `None` if an
    /// [`EventTime`] cannot represent it.
    fn from_timestamp(time: Timestamp) -> Option<Self> {
        i64::try_from(time.as_nanosecond().div_euclid(NANOSECONDS_PER_TICK.into()))
            .ok()
            .map(EventTime::from_ticks)
    }

    /// Returns the instant as a `jiff` [`Timestamp`]; `None` if the instant is outside the calendar
    /// of years −9999 to 9999.
    fn timestamp(self) -> Option<Timestamp> {
        let (seconds, ticks) =
            (self.ticks().div_euclid(TICKS_PER_SECOND), self.ticks().rem_euclid(TICKS_PER_SECOND));
        // Below 10⁹, as there are fewer ticks than in a second.
        let nanoseconds = i32::try_from(ticks * NANOSECONDS_PER_TICK).expect("a part of a second fits");
        Timestamp::new(seconds, nanoseconds).ok()
    }
}

/// Returns the IANA name of the time zone of the machine that dnsweep runs on, such as
/// `Europe/Helsinki`; `None` if the machine has no time zone, or if its zone has no name.
#[must_use]
pub fn time_zone() -> Option<String> {
    let zone = TimeZone::try_system().ok().filter(|zone| !zone.is_unknown())?;
    zone.iana_name().map(str::to_owned)
}

/// The times of the earliest and the latest event of a set of events. Spans can be merged in any
/// order. The span of no events has neither time, and merging it changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The time of the earliest event; `None` if no event has a time.
    pub first: Option<EventTime>,
    /// The time of the latest event; `None` if no event has a time.
    pub last: Option<EventTime>,
}

impl Span {
    /// Widens the span to contain the time of another event. `None`, an event without a time,
    /// changes nothing.
    pub fn add(&mut self, time: Option<EventTime>) {
        self.merge(Span { first: time, last: time });
    }

    /// Widens the span to contain `other`, the span of other events.
    pub fn merge(&mut self, other: Span) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(seconds: i64, ticks: i64) -> EventTime {
        EventTime::from_ticks(seconds * 10_000_000 + ticks)
    }

    #[test]
    fn a_logged_time_keeps_seven_digits() {
        let expected = ticks(1_678_755_307, 6_701_444);
        for text in [
            "2023-03-14T00:55:07.6701444Z",
            "2023-03-14T00:55:07.670144400Z",
            "2023-03-14T00:55:07.670144499Z",
            "2023-03-14T01:55:07.6701444+01:00",
        ] {
            assert_eq!(EventTime::parse_logged(text), Some(expected), "{text}");
        }
        assert_eq!(expected.microseconds(), 1_678_755_307_670_144);
        assert_eq!(expected.readable(), "2023-03-14 00:55:07Z");
        assert_eq!(expected.rfc3339(), "2023-03-14T00:55:07.6701444Z");
        assert_eq!(EventTime::parse_logged("soon"), None);
    }

    #[test]
    fn utc_time_is_utc() {
        assert_eq!(EventTime::parse_logged("2023-03-14 00:55:07.124"), Some(ticks(1_678_755_307, 1_240_000)));
        assert_eq!(EventTime::parse_logged("-"), None);
    }

    #[test]
    fn a_time_that_a_number_cannot_be_is_none_as_text_either() {
        let last = EventTime::from_filetime(FILETIME_OF_9999 - 1);
        assert_eq!(EventTime::parse_logged("9998-12-31T23:59:59.9999999Z"), last);
        let first = EventTime::from_filetime(1);
        assert!(first.is_some());
        assert_eq!(EventTime::parse_logged("1601-01-01T00:00:00.0000001Z"), first);
        for text in [
            "9999-01-01T00:00:00Z",
            "9998-12-31 23:30:00-01:00",
            "9999-12-31 23:59:59",
            // What programs print for a time of zero, or for no time.
            "1601-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(EventTime::parse_logged(text), None, "{text}");
        }
        assert_eq!(EventTime::from_filetime(0), None);
    }

    #[test]
    fn times_before_1970_round_down() {
        let time = EventTime::parse_logged("1969-12-31T23:59:59.9999999Z").unwrap();
        assert_eq!((time.ticks(), time.microseconds()), (-1, -1));
        assert_eq!(time.readable(), "1969-12-31 23:59:59Z");
    }

    #[test]
    fn an_instant_is_its_intervals_in_order_and_takes_no_more_where_it_is_optional() {
        let all = [i64::MIN + 1, -1, 0, 1, 7, i64::MAX];
        assert_eq!(all.map(|ticks| EventTime::from_ticks(ticks).ticks()), all);
        assert!(all.map(EventTime::from_ticks).is_sorted());
        assert_eq!(
            (all.map(EventTime::from_ticks)[0], EventTime::from_ticks(i64::MAX)),
            (EventTime::MIN, EventTime::MAX)
        );
        assert_eq!(EventTime::from_ticks(i64::MIN), EventTime::MIN);
        assert_eq!(EventTime::default().ticks(), 0);
        assert_eq!(size_of::<Option<EventTime>>(), size_of::<i64>());
    }
}
