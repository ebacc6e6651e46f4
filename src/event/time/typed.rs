//! Times, spans and dates that the user types.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, civil};

use super::{EventTime, NANOSECONDS_PER_TICK};

/// The reason why a time, a span or a date that the user stated was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text, which is quoted, is neither a point in time, nor a date, nor a span back from now.
    #[error(
        "'{0}' is not a time: expected a date (2024-01-31), a time with Z for UTC or an offset (2024-01-31T10:15:30Z), a span back from now (14d, 2weeks), today or yesterday"
    )]
    Time(String),
    /// The text, which is quoted, is a time of day without a time zone, so that it can mean several
    /// instants. Contains the text, and the text with the zone UTC added, which the message
    /// proposes.
    #[error("'{0}' has no time zone: give '{1}' if it is UTC, or add an offset such as +02:00")]
    NoZone(String, String),
    /// The text, which is quoted, is not a span of time such as `14d`.
    #[error(
        "'{0}' is not a span: expected a number and a unit, such as 14d, 36h, 90m or 2weeks; a date or 'yesterday' goes with --since"
    )]
    Span(String),
    /// The text, which is quoted, is not a date of the form `2026-12-31`.
    #[error("expected a date, year, month and day, such as 2026-12-31, found '{}'", .0.escape_debug())]
    Date(String),
}

/// The instant of a day that a typed date stands for: the day's first instant if the date is the
/// start of a period, or its last instant if the date is the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// Parses the start of a period: a time with an offset (RFC 3339), a date, which means the day's
/// first instant in UTC, a span back from `now` such as `14d` or `2weeks`, `now`, `today` or
/// `yesterday`.
pub fn parse_since(text: &str, now: EventTime) -> Result<EventTime, TimeError> {
    instant(text, now, End::First)
}

/// Parses the end of a period, in any form that [`parse_since`] reads. A date means the day's last
/// instant in UTC, so that the whole day belongs to the period.
pub fn parse_until(text: &str, now: EventTime) -> Result<EventTime, TimeError> {
    instant(text, now, End::Last)
}

fn instant(text: &str, now: EventTime, end: End) -> Result<EventTime, TimeError> {
    let text = text.trim();
    if let Some(instant) = text.parse::<Timestamp>().ok().and_then(EventTime::from_timestamp) {
        return Ok(instant);
    }
    if let Some(day) = day(text, now) {
        return bound(day, end).ok_or_else(|| TimeError::Time(text.to_owned()));
    }
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    if let Some(time) = text.parse::<civil::DateTime>().ok().filter(|_| text.contains(':')) {
        let utc = time.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string();
        return Err(TimeError::NoZone(text.to_owned(), utc));
    }
    parse_span_back(text, now).map_err(|_| TimeError::Time(text.to_owned()))
}

/// Returns the day that a text names: a date of the form `2024-01-31`, or `today` or `yesterday` in
/// UTC.
fn day(text: &str, now: EventTime) -> Option<civil::Date> {
    let today = || Some(Offset::UTC.to_datetime(now.timestamp()?).date());
    if text.eq_ignore_ascii_case("today") {
        return today();
    }
    if text.eq_ignore_ascii_case("yesterday") {
        return today()?.yesterday().ok();
    }
    text.parse::<civil::Date>().ok().filter(|day| day.to_string() == text)
}

/// Returns the first or the last instant of a day in UTC, as `end` says. `None` if an [`EventTime`]
/// cannot represent it.
fn bound(day: civil::Date, end: End) -> Option<EventTime> {
    let first =
        |day: civil::Date| EventTime::from_timestamp(Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?);
    match end {
        End::First => first(day),
        End::Last => Some(EventTime::from_ticks(first(day.tomorrow().ok()?)?.ticks() - 1)),
    }
}

/// Returns the instant that lies a span such as `14d`, `36h`, `2w` or `2 weeks` before `now`. A day
/// is 24 hours, because evidence is in UTC. Fails if the text is not a span, or if the span is
/// negative.
pub fn parse_span_back(text: &str, now: EventTime) -> Result<EventTime, TimeError> {
    let fail = || TimeError::Span(text.to_owned());
    let span = text.trim().parse::<jiff::Span>().map_err(|_| fail())?;
    let length: SignedDuration =
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| fail())?;
    let ticks = i64::try_from(length.as_nanos() / i128::from(NANOSECONDS_PER_TICK)).map_err(|_| fail())?;
    // "14 days ago" is a negative span. What else is negative lies in the future.
    let is_ago = text.trim().ends_with("ago");
    if (ticks < 0) != is_ago {
        return Err(fail());
    }
    now.ticks().checked_sub(ticks.abs()).map(EventTime::from_ticks).ok_or_else(fail)
}

/// Returns the last instant of a day in UTC. The day must be written in the form `2024-01-31`;
/// other forms of ISO 8601 are refused.
pub fn parse_end_of_day(text: &str) -> Result<EventTime, TimeError> {
    let day = text.parse::<civil::Date>().ok().filter(|day| day.to_string() == text);
    day.and_then(|day| bound(day, End::Last)).ok_or_else(|| TimeError::Date(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> EventTime {
        EventTime::parse_logged(text).unwrap()
    }

    #[test]
    fn typed_times() {
        let now = at("2023-11-14T22:13:20Z");
        for (text, since, until) in [
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
            ("2023-11-15T00:13:20+02:00", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
            ("2023-11-01", "2023-11-01T00:00:00Z", "2023-11-01T23:59:59.9999999Z"),
            ("today", "2023-11-14T00:00:00Z", "2023-11-14T23:59:59.9999999Z"),
            ("Yesterday", "2023-11-13T00:00:00Z", "2023-11-13T23:59:59.9999999Z"),
            ("now", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ] {
            assert_eq!(parse_since(text, now), Ok(at(since)), "{text}");
            assert_eq!(parse_until(text, now), Ok(at(until)), "{text}");
        }
        for text in ["14d", "2w", "2weeks", "2 weeks", "14 days", "336h", " 14d ", "P14D", "14 days ago"] {
            assert_eq!(parse_since(text, now), Ok(at("2023-10-31T22:13:20Z")), "{text}");
            assert_eq!(parse_span_back(text, now), Ok(at("2023-10-31T22:13:20Z")), "{text}");
        }
    }

    #[test]
    fn what_can_mean_several_instants_or_none_is_refused_with_the_remedy() {
        let now = at("2023-11-14T22:13:20Z");
        for text in ["2023-11-14 22:13:20", "2023-11-14T22:13:20", "2023-11-14 22:13"] {
            let error = parse_since(text, now).unwrap_err();
            assert!(matches!(error, TimeError::NoZone(..)), "{text}");
            assert!(error.to_string().contains("give '2023-11-14T22:13:"), "{error}");
        }
        for text in
            ["", "fortnight", "tomorrow", "03/04/2025", "2023-02-30", "2023-2-3", "-14d", "14", "20231114"]
        {
            assert_eq!(parse_since(text, now), Err(TimeError::Time(text.to_owned())), "{text}");
        }
        for text in ["-14d", "fortnight", "yesterday", "2023-11-01", ""] {
            assert!(parse_span_back(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_ends_before_the_next_begins() {
        let end = parse_end_of_day("2024-02-29").unwrap();
        assert_eq!(end.rfc3339(), "2024-02-29T23:59:59.9999999Z");
        for text in [
            "2023-02-29",
            "2024-2-9",
            "20240229",
            "2024-02-29T10:00:00",
            "29.2.2024",
            "tomorrow",
            "",
            "9999-12-31",
        ] {
            assert_eq!(parse_end_of_day(text), Err(TimeError::Date(text.to_owned())), "{text}");
        }
    }
}
