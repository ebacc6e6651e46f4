//! Instants as text by a pattern of `strftime`. The `stats` tables of detections have two such
//! texts in each row, and there can be as many rows as matches, so patterns of the usual
//! conversions are formatted without `jiff`.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::EventTime;

impl EventTime {
    /// Returns the instant in UTC, formatted by a pattern such as `%Y-%m-%d %H:%M:%S`; `None` if
    /// the pattern `form` is not valid.
    #[must_use]
    pub fn formatted(self, form: &str) -> Option<String> {
        let timestamp = self.timestamp()?;
        usual(Offset::UTC.to_datetime(timestamp), form).or_else(|| {
            let time = timestamp.to_zoned_datetime(TimeZone::UTC);
            jiff::fmt::strtime::format(form, &time).ok()
        })
    }
}

/// Formats a time by a pattern whose conversions are all among `%Y`, `%m`, `%d`, `%H`, `%M` and
/// `%S`; `None` for any other pattern, and for a year outside 0 to 9999.
fn usual(time: DateTime, form: &str) -> Option<String> {
    let mut text = Vec::with_capacity(form.len() + 8);
    let mut bytes = form.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let part = match bytes.next()? {
            b'Y' => {
                push_year(&mut text, time)?;
                continue;
            }
            b'm' => time.month(),
            b'd' => time.day(),
            b'H' => time.hour(),
            b'M' => time.minute(),
            b'S' => time.second(),
            _ => return None,
        };
        push_two_digits(&mut text, part.unsigned_abs());
    }
    Some(String::from_utf8(text).expect("digits and parts of a text are UTF-8"))
}

/// Appends the year of a time to a text, with four digits; `None` for a year outside 0 to 9999.
pub(super) fn push_year(text: &mut Vec<u8>, time: DateTime) -> Option<()> {
    let year = time.year();
    push_two_digits(text, u8::try_from(year / 100).ok().filter(|_| year >= 0)?);
    push_two_digits(text, (year % 100).unsigned_abs().try_into().expect("a remainder is below 100"));
    Some(())
}

/// Appends a number below 100 to a text, with two decimal digits.
pub(super) fn push_two_digits(text: &mut Vec<u8>, number: u8) {
    text.extend_from_slice(&[b'0' + number / 10 % 10, b'0' + number % 10]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns a time of the years 0 to 9999, or of the years before and after them.
    fn time() -> impl Strategy<Value = EventTime> {
        prop_oneof![
            4 => -621_672_192_000_000_000..2_534_023_008_000_000_000_i64,
            1 => any::<i64>(),
        ]
        .prop_map(EventTime::from_ticks)
    }

    proptest! {
        #[test]
        fn usual_patterns_give_what_the_library_gives(
            time in time(),
            parts in prop::collection::vec("%[YmdHMS]|%[YmdHMS]|[-a-z :%é]|%%|%[a-zA-Z]", 0..9),
        ) {
            let form = parts.concat();
            let by_library = time.timestamp().and_then(|time| {
                jiff::fmt::strtime::format(&form, &time.to_zoned_datetime(TimeZone::UTC)).ok()
            });
            prop_assert_eq!(time.formatted(&form), by_library);
        }
    }

    #[test]
    fn usual_patterns_need_no_library() {
        let time = EventTime::from_ticks(16_787_553_076_701_444);
        let time = Offset::UTC.to_datetime(time.timestamp().unwrap());
        for (form, expected) in [
            ("%Y-%m-%dT%H:%M:%S", Some("2023-03-14T00:55:07")),
            ("", Some("")),
            ("at %H", Some("at 00")),
            ("%Y%", None),
            ("%%", None),
            ("%b", None),
        ] {
            assert_eq!(usual(time, form).as_deref(), expected, "{form}");
        }
    }
}
