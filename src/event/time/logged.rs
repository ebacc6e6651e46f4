//! Parses times in the forms that tools which render events write. A text that could mean several
//! instants is refused.

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::Offset;
use jiff::{Timestamp, civil};

/// The number of decimals of a second that are kept of a logged time: units of 100 ns, which is
/// what event logs store.
const DECIMALS: usize = 7;

/// Parses a logged time. Returns its whole seconds, and the remainder in units of 100 ns.
///
/// The text is a date, a time of day and a time zone. The date is written in one of three ways:
///
/// - With the year first: `2024-01-31`, `2024/1/31`, `20240131`, `2024-Jan-31`.
/// - With the month by name: `31 Jan 2024`, `31-Jan-2024`, `January 31, 2024`. The day of the week
///   may precede it.
/// - As C prints it: `Wed Jan 31 10:15:30 2024`. The time of day lies within the date.
///
/// `T` or blanks precede the time of day (`10:15:30`, `9:15:30 AM`, `101530`), which may have
/// decimals after a point or a comma. For the time zone, see [`TimeParser::zone`]. All forms used
/// in mail and HTTP are read too.
///
/// `None` if the text is not a time, or could mean several times: a numeric date that begins with
/// the day or the month (`03/04/2025`) has two readings, and zone names other than UTC can have
/// several.
pub(super) fn read(text: &str) -> Option<(Timestamp, i64)> {
    as_sysmon_writes(text).or_else(|| in_any_form(text))
}

/// Parses a time in the form in which Sysmon writes UtcTime, such as `2024-01-31 10:15:30.123`, in
/// a fifth of the time that [`in_any_form`] takes. `None` if the text has another form, even if it
/// is a time.
fn as_sysmon_writes(text: &str) -> Option<(Timestamp, i64)> {
    let (date, time) = text.as_bytes().split_first_chunk::<10>()?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let &[b' ', h1, h2, b':', n1, n2, b':', s1, s2, b'.', f1, f2, f3] = time else { return None };
    let (year, month, day) = (decimal([y1, y2, y3, y4])?, decimal([m1, m2])?, decimal([d1, d2])?);
    let (hour, minute, second) = (decimal([h1, h2])?, decimal([n1, n2])?, decimal([s1, s2])?);
    let part = |number: i16| i8::try_from(number).ok();
    let time =
        civil::DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0);
    Some((Offset::UTC.to_timestamp(time.ok()?).ok()?, i64::from(decimal([f1, f2, f3])?) * 10_000))
}

/// Returns the number that at most four digits are; `None` if one of them is not a digit.
fn decimal<const DIGITS: usize>(digits: [u8; DIGITS]) -> Option<i16> {
    let digit = |digit: u8| digit.is_ascii_digit().then(|| i16::from(digit - b'0'));
    digits.into_iter().try_fold(0, |number, next| Some(number * 10 + digit(next)?))
}

/// Parses a logged time in any form, with the same result as [`read`].
fn in_any_form(text: &str) -> Option<(Timestamp, i64)> {
    let text = text.trim_ascii();
    let of_mail = || Some((DateTimeParser::new().parse_timestamp(text).ok()?, 0));
    instant(text).or_else(of_mail)
}

/// A date as year, month and day.
type Date = (i16, i16, i16);

/// Parses a time in any form that [`read`] knows, except those that only mail and HTTP use. Returns
/// its whole seconds, and the remainder in units of 100 ns.
fn instant(text: &str) -> Option<(Timestamp, i64)> {
    let mut parser = TimeParser(text);
    let (date, time) = match parser.year_first() {
        Some(date) => (date, parser.separated_time()?),
        None => parser.month_by_name()?,
    };
    let (year, month, day) = date;
    let Time { hour, minute, second, decimals } = time;
    parser.blanks();
    let offset = parser.zone()?;
    // A leap second counts as the second before it.
    let second = if second == 60 { 59 } else { second };
    let part = |number: i16| i8::try_from(number).ok();
    let time =
        civil::DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0);
    Some((offset.to_timestamp(time.ok()?).ok()?, decimals))
}

/// A time of day, as it is parsed from text.
struct Time {
    hour: i16,
    minute: i16,
    second: i16,
    /// The fraction of the second, in units of 100 ns.
    decimals: i64,
}

/// English month names. A text can also spell a month by the first three letters of its name.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// English names of the days of the week. A text can also spell a day by the first three letters of
/// its name.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Returns the position, from 1 on, of the name in `names` that `word` spells, whole or by its
/// first three letters, in any letter case.
fn named(word: &str, names: &[&str]) -> Option<i16> {
    let is_word = |name: &&str| {
        word.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
    };
    names.iter().zip(1..).find_map(|(name, number)| is_word(name).then_some(number))
}

/// A parser of a time. It contains the rest of the text, which is not parsed yet.
struct TimeParser<'a>(&'a str);

impl TimeParser<'_> {
    /// Parses a number with exactly `digits` digits; `None` if fewer digits come next.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse().ok())?
    }

    /// Parses one of `texts` and returns it; returns an empty text if none of them comes next.
    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        let found = texts.iter().find_map(|text| Some((*text, self.0.strip_prefix(text)?)));
        let (text, rest) = found.unwrap_or(("", self.0));
        self.0 = rest;
        text
    }

    /// Parses a date that begins with the year. Parses nothing if the text does not begin with a
    /// year.
    fn year_first(&mut self) -> Option<Date> {
        let before = self.0;
        let mut date = || {
            let year = self.number(4)?;
            let separator = self.one_of(&["-", "/"]);
            if separator.is_empty() {
                return Some((year, self.number(2)?, self.number(2)?));
            }
            let month = self.short_number().or_else(|| named(self.word(), &MONTHS))?;
            self.0 = self.0.strip_prefix(separator)?;
            Some((year, month, self.short_number()?))
        };
        let date = date();
        if date.is_none() {
            self.0 = before;
        }
        date
    }

    /// Parses a date with the month's name, and the time of day after or within it.
    fn month_by_name(&mut self) -> Option<(Date, Time)> {
        let mut word = self.word();
        if named(word, &DAYS).is_some() {
            self.one_of(&[","]);
            self.blanks();
            word = self.word();
        }
        if word.is_empty() {
            let day = self.short_number()?;
            let separator = if self.blanks() { " " } else { self.one_of(&["-"]) };
            let month = named(self.word(), &MONTHS)?;
            let is_separated =
                if self.blanks() { separator == " " } else { self.one_of(&["-"]) == separator };
            let year = self.number(4).filter(|_| is_separated && !separator.is_empty())?;
            self.one_of(&[","]);
            return Some(((year, month, day), self.separated_time()?));
        }
        let month = named(word, &MONTHS)?;
        self.blanks();
        let day = self.short_number()?;
        self.one_of(&[","]);
        if !self.blanks() {
            return None;
        }
        let ahead = self.0;
        if let Some(year) = self.number(4) {
            self.one_of(&[","]);
            return Some(((year, month, day), self.separated_time()?));
        }
        self.0 = ahead;
        let time = self.time()?;
        let year = self.blanks().then(|| self.number(4))??;
        Some(((year, month, day), time))
    }

    /// Parses a time of day that follows a date after `T` or blanks.
    fn separated_time(&mut self) -> Option<Time> {
        let is_separated = self.blanks() || !self.one_of(&["T", "t"]).is_empty();
        if is_separated { self.time() } else { None }
    }

    /// Parses a time of day, such as `10:15:30`, `9:15:30 AM` or `101530`, with or without
    /// decimals.
    fn time(&mut self) -> Option<Time> {
        let hour = if self.0.as_bytes().get(1) == Some(&b':') { self.number(1) } else { self.number(2) }?;
        let separator = self.one_of(&[":"]);
        let minute = self.number(2)?;
        self.0 = self.0.strip_prefix(separator)?;
        let second = self.number(2)?;
        let decimals = if self.one_of(&[".", ","]).is_empty() { 0 } else { self.decimals()? };
        let half = self.half();
        let hour = match half {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(start) => start + hour % 12,
        };
        Some(Time { hour, minute, second, decimals })
    }

    /// Parses `AM` or `PM` after a time of day. Returns the hour at which that half of the day
    /// begins: 0 or 12. `None` if neither comes next.
    fn half(&mut self) -> Option<i16> {
        let rest = self.0.trim_ascii_start();
        let (half, rest) = rest.split_at_checked(2)?;
        let start = if half.eq_ignore_ascii_case("AM") { 0 } else { 12 };
        let is_half = start == 0 || half.eq_ignore_ascii_case("PM");
        let is_whole = !rest.starts_with(|next: char| next.is_ascii_alphanumeric());
        (is_half && is_whole).then(|| {
            self.0 = rest;
            start
        })
    }

    /// Parses a number of one or two digits; `None` if no digit comes next.
    fn short_number(&mut self) -> Option<i16> {
        let digits = self.0.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if digits == 0 { None } else { self.number(digits) }
    }

    /// Parses consecutive ASCII letters; the result is empty if no letter comes next.
    fn word(&mut self) -> &str {
        let length = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.0.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        word
    }

    /// Parses white space, and returns whether there was any.
    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_ascii_start();
        let taken = rest.len() < self.0.len();
        self.0 = rest;
        taken
    }

    /// Parses the decimals of a second, after their point or comma. Returns them in units of 100
    /// ns; further decimals are dropped. `None` if no digit comes next.
    fn decimals(&mut self) -> Option<i64> {
        let rest = self.0.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let digits = self.0.get(..self.0.len() - rest.len()).filter(|digits| !digits.is_empty())?;
        self.0 = rest;
        let kept =
            digits.bytes().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0)).take(DECIMALS);
        Some(kept.fold(0, |number, digit| number * 10 + digit))
    }

    /// Parses a time zone, which must be all that is left of the text. No zone and `Z` mean UTC.
    /// Any other zone is a name of UTC, in brackets or not, or an offset (`+01:00`, `+0100`,
    /// `+01`), alone or after a name of UTC. A name may follow an offset or `Z` (`+0100 CET`,
    /// `Z[UTC]`); the offset decides.
    fn zone(&mut self) -> Option<Offset> {
        let bare = self.0.trim_matches(['(', ')', '[', ']']);
        if bare.is_empty() || is_utc(bare) {
            return Some(Offset::UTC);
        }
        let is_z = !self.one_of(&["Z", "z"]).is_empty();
        if !is_z && (self.0.starts_with(|first: char| first.is_ascii_alphabetic()) && !is_utc(self.word())) {
            return None;
        }
        let offset = if is_z { Offset::UTC } else { self.offset()? };
        let is_named = self.blanks() || self.0.starts_with(['(', '[']);
        let name = self.0.trim_matches(['(', ')', '[', ']']);
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"/_".contains(&byte));
        let is_end = self.0.is_empty() || is_named && is_name && (!is_z || is_utc(name));
        is_end.then_some(offset)
    }

    /// Parses an offset from UTC: a sign, two digits for hours, and two for minutes that may be
    /// missing. `None` for anything else.
    fn offset(&mut self) -> Option<Offset> {
        let sign = match self.one_of(&["+", "-"]) {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let hours = self.number(2)?;
        let is_separated = !self.one_of(&[":"]).is_empty();
        let has_minutes = is_separated || self.0.starts_with(|first: char| first.is_ascii_digit());
        let minutes = if has_minutes { self.number(2)? } else { 0 };
        let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60 * sign;
        if hours < 24 && minutes < 60 { Offset::from_seconds(seconds).ok() } else { None }
    }
}

/// Returns whether `word` is one of the names of UTC, such as `GMT`, in any letter case.
fn is_utc(word: &str) -> bool {
    ["Z", "UTC", "GMT", "Etc/UTC", "Etc/GMT"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::EventTime;
    use super::*;

    /// 2025-03-04T10:00:00Z in seconds since 1970, as `date -u -d 2025-03-04T10:00:00Z +%s` prints
    /// it.
    const SECONDS: i64 = 1_741_082_400;

    proptest! {
        /// Compares the reader of the form that Sysmon writes with the one that reads every form.
        #[test]
        fn the_form_of_sysmon_is_read_as_all_forms_are(
            text in r"[0-9]{3}[0-9 ]-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9][.,][0-9]{2}[0-9Z]",
        ) {
            if let Some(time) = as_sysmon_writes(&text) {
                prop_assert_eq!(Some(time), in_any_form(&text));
            }
        }
    }

    #[test]
    fn the_form_of_sysmon_needs_no_other_reader() {
        let time = (Timestamp::from_second(SECONDS).unwrap(), 1_230_000);
        assert_eq!(as_sysmon_writes("2025-03-04 10:00:00.123"), Some(time));
        for other in [
            "",
            "2025-03-04 10:00:00",
            "2025-03-04 10:00:00.12",
            "2025-03-04 10:00:00.1234",
            "2025-03-04T10:00:00.123",
            "2025-03-04 10:00:60.123",
            "2025-02-29 10:00:00.123",
        ] {
            assert_eq!(as_sysmon_writes(other), None, "{other}");
        }
    }

    #[test]
    fn every_form_of_one_instant_is_read() {
        for (text, decimals) in [
            ("2025-03-04T10:00:00Z", 0),
            ("2025-03-04 10:00:00", 0),
            ("2025-03-04T10:00:00", 0),
            ("2025-03-04 10:00:00.123456", 1_234_560),
            ("2025-03-04 10:00:00.123456 UTC", 1_234_560),
            ("2025-03-04 10:00:00.1234567 utc", 1_234_567),
            ("2025-03-04   10:00:00.5 GMT", 5_000_000),
            ("2025-03-04T10:00:00.123456789123Z", 1_234_567),
            ("2025-03-04t10:00:00,5z", 5_000_000),
            ("2025-03-04T10:00:00.1234567+00:00", 1_234_567),
            ("2025-03-04T10:00:00+0000", 0),
            ("2025-03-04 11:30:00.5 +01:30", 5_000_000),
            ("2025-03-04T05:00:00-0500", 0),
            ("2025-03-04T05:00:00-05", 0),
            ("2025-03-04T00:00:00-10:00", 0),
            ("2025/03/04 10:00:00", 0),
            ("20250304T100000Z", 0),
            ("\r\n\t2025-03-04 10:00:00\n", 0),
            ("Tue, 04 Mar 2025 10:00:00 GMT", 0),
            ("4 Mar 2025 11:00:00 +0100", 0),
            ("2025-03-04 10:00:00Z UTC", 0),
            // The form that Go prints.
            ("2025-03-04 10:00:00.123456 +0000 UTC", 1_234_560),
            ("2025-03-04 11:00:00 +0100 CET", 0),
            ("2025-03-04 10:00:00 (UTC)", 0),
            ("2025-03-04 10:00:00 UTC+00:00", 0),
            ("2025-03-04 12:00:00 GMT+02:00", 0),
            ("2025-03-04T10:00:00Z[UTC]", 0),
            ("2025-03-04T11:00:00+01:00[Europe/Berlin]", 0),
            ("2025-03-04 10:00:00 Etc/UTC", 0),
            ("2025-3-4 10:00:00", 0),
            ("2025/3/04 10:00:00", 0),
            ("2025-Mar-04 10:00:00", 0),
            ("04-Mar-2025 10:00:00.5", 5_000_000),
            ("4 March 2025, 10:00:00", 0),
            ("March 4, 2025 10:00:00 AM", 0),
            ("Mar 4 2025 10:00:00 UTC", 0),
            ("Tue Mar  4 10:00:00 2025", 0),
            ("Tuesday, March 4, 2025 10:00:00 AM", 0),
            ("2025-03-04 10:00:00 AM", 0),
            ("2025-03-04 10:00:00.25am", 2_500_000),
        ] {
            let expected = EventTime::from_ticks(SECONDS * 10_000_000 + decimals);
            assert_eq!(EventTime::parse_logged(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_hours_of_half_a_day_are_counted_from_twelve() {
        for (text, hour) in [("12:00:00 AM", 0), ("1:00:00 AM", 1), ("12:00:00 PM", 12), ("11:00:00 PM", 23)]
        {
            let expected = EventTime::from_ticks((SECONDS + (hour - 10) * 3600) * 10_000_000);
            assert_eq!(EventTime::parse_logged(&format!("2025-03-04 {text}")), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_can_be_several_instants_or_none_is_not_read() {
        for text in [
            "",
            "-",
            "03/04/2025 10:00:00",
            "3/4/2025 10:00:00 AM",
            "04.03.2025 10:00:00",
            "04-03-2025 10:00:00",
            "2025-03-04",
            "10:00:00",
            "2025-03-04 10:00",
            "2025-03/04 10:00:00",
            "2025-03-04 10:0000",
            "2025-03-0410:00:00",
            "2025-02-29 10:00:00",
            "2025-03-04 24:00:00",
            "2025-03-04 10:00:00.",
            "2025-03-04 10:00:00 CST",
            "2025-03-04 13:00:00 AM",
            "2025-03-04 0:00:00 PM",
            "2025-03-04 10:00:00 AMT",
            "2025-Mrz-04 10:00:00",
            "Mar 4 10:00:00",
            "Mar 4, 25 10:00:00",
            "04-Mar 2025 10:00:00",
            "4Mar2025 10:00:00",
            "2025-03-04T10:00:00Z[Europe/Berlin]",
            "2025-03-04 10:00:00 CET+01:00",
            "2025-03-04 10:00:00 +0100CET",
            "2025-03-04 10:00:00+1",
            "2025-03-04 10:00:00+24:00",
            "2025-03-04 10:00:00+01:60",
            "2025-03-04 \u{661}0:00:00",
            "133855776000000000",
            "1741082400",
        ] {
            assert_eq!(EventTime::parse_logged(text), None, "{text}");
        }
    }
}
