//! A time as tools that render events write it: which instant it is, where it can be one only.

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::Offset;
use jiff::{Timestamp, civil};

/// How many decimals of a second are kept: those of 100 ns.
const DECIMALS: usize = 7;

/// The instant that a text stands for: its whole seconds, and how many intervals of 100 ns it lies
/// behind these.
///
/// A date that begins with the year (`2024-01-31`, `2024/01/31`, `20240131`); `T` or blanks; a time
/// of the day with its seconds (`10:15:30`, `101530`); decimals behind a point or a comma, or none;
/// and a zone: none, `Z`, `UTC` or `GMT`, which all are UTC, or an offset (`+01:00`, `+0100`,
/// `+01`). Besides, the form of mails and of HTTP (`Wed, 31 Jan 2024 10:15:30 GMT`). A date that
/// begins with the day or the month (`03/04/2025`) can be two days, and other names of zones can be
/// several: `None` for these, as for whatever is no time.
pub(super) fn read(text: &str) -> Option<(Timestamp, i64)> {
    let text = text.trim_ascii();
    let of_mail = || Some((DateTimeParser::new().parse_timestamp(text).ok()?, 0));
    year_first(text).or_else(of_mail)
}

fn year_first(text: &str) -> Option<(Timestamp, i64)> {
    let mut rest = Rest(text);
    let year = rest.number(4)?;
    let separator = rest.one_of(&["-", "/"]);
    let (month, day) = rest.pair(separator)?;
    let blanks = rest.blanks();
    if !blanks && rest.one_of(&["T", "t"]).is_empty() {
        return None;
    }
    let hour = rest.number(2)?;
    let separator = rest.one_of(&[":"]);
    let (minute, second) = rest.pair(separator)?;
    let decimals = if rest.one_of(&[".", ","]).is_empty() { 0 } else { rest.decimals()? };
    rest.blanks();
    let offset = rest.offset()?;
    // A leap second counts as the one before it.
    let second = if second == 60 { 59 } else { second };
    let part = |number: i16| i8::try_from(number).ok();
    let time =
        civil::DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0);
    Some((offset.to_timestamp(time.ok()?).ok()?, decimals))
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Takes a number of so many digits.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse().ok())?
    }

    /// Takes one of these texts, and says which; nothing if none of them comes next.
    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        let found = texts.iter().find_map(|text| Some((*text, self.0.strip_prefix(text)?)));
        let (text, rest) = found.unwrap_or(("", self.0));
        self.0 = rest;
        text
    }

    /// Takes two numbers of two digits, and the separator between them that came before them, too.
    fn pair(&mut self, separator: &'static str) -> Option<(i16, i16)> {
        let first = self.number(2)?;
        self.0 = self.0.strip_prefix(separator)?;
        Some((first, self.number(2)?))
    }

    /// Takes white space, and says whether there was any.
    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_ascii_start();
        let taken = rest.len() < self.0.len();
        self.0 = rest;
        taken
    }

    /// Takes decimals of a second, in units of 100 ns.
    fn decimals(&mut self) -> Option<i64> {
        let rest = self.0.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let digits = self.0.get(..self.0.len() - rest.len()).filter(|digits| !digits.is_empty())?;
        self.0 = rest;
        let kept =
            digits.bytes().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0)).take(DECIMALS);
        Some(kept.fold(0, |number, digit| number * 10 + digit))
    }

    /// Takes a zone, which must be all that is left.
    fn offset(&mut self) -> Option<Offset> {
        if self.0.is_empty() || ["Z", "UTC", "GMT"].iter().any(|zone| self.0.eq_ignore_ascii_case(zone)) {
            return Some(Offset::UTC);
        }
        let sign = match self.one_of(&["+", "-"]) {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let hours = self.number(2)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.one_of(&[":"]);
            self.number(2)?
        };
        let is_offset = self.0.is_empty() && hours < 24 && minutes < 60;
        let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60 * sign;
        if is_offset { Offset::from_seconds(seconds).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventTime;

    /// 2025-03-04T10:00:00Z, as `date -u -d 2025-03-04T10:00:00Z +%s` gives it.
    const SECONDS: i64 = 1_741_082_400;

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
        ] {
            let expected = EventTime::from_ticks(SECONDS * 10_000_000 + decimals);
            assert_eq!(EventTime::parse_logged(text), Some(expected), "{text}");
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
            "2025-03-04 10:00:00 AM",
            "2025-03-04 10:00:00+1",
            "2025-03-04 10:00:00+24:00",
            "2025-03-04 10:00:00+01:60",
            "2025-03-04 10:00:00Z UTC",
            "2025-03-04 \u{661}0:00:00",
            "133855776000000000",
            "1741082400",
        ] {
            assert_eq!(EventTime::parse_logged(text), None, "{text}");
        }
    }
}
