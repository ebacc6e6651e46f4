//! Reads the texts that an examiner typed into an imaging tool, from the sections `header` and
//! `header2` of an E01 or Ex01 image.

use super::super::outcome::ImageFacts;
use crate::event::EventTime;

/// The number of intervals of 100 ns in a second. Event times are counted in these intervals.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// The maximum number of characters that are kept of each text that the examiner typed when taking
/// a disk image, such as the notes.
const TEXT_CHARS: usize = 4096;

/// Adds the texts that the examiner typed when taking an E01 image to `facts`, which is what the
/// image states about itself. `bytes` is the inflated data of a section `header` or `header2` of
/// the image: a line of identifiers and a line of values, both separated by tabs. `wide` is true
/// for `header2`, which is UTF-16. A text that is already in `facts` is not replaced.
pub(super) fn read(bytes: &[u8], wide: bool, facts: &mut ImageFacts) {
    let text = if wide { utf16(bytes) } else { String::from_utf8_lossy(bytes).into_owned() };
    for (identifier, value) in pairs(&text) {
        let field = match identifier {
            "c" => &mut facts.case_number,
            "n" => &mut facts.evidence_number,
            "a" => &mut facts.description,
            "e" => &mut facts.examiner,
            "t" => &mut facts.notes,
            "m" => {
                read_time(value, facts);
                continue;
            }
            _ => continue,
        };
        if field.is_none() && !value.is_empty() {
            *field = kept(value);
        }
    }
}

/// Returns the identifiers and values in the text of a section that has what the examiner typed
/// when taking an E01 or Ex01 image. Line 0 of the text has the number of categories, line 1 names
/// the category `main`, line 2 has the identifiers, and line 3 has the values.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let line = |number| text.split('\n').nth(number).unwrap_or_default();
    line(2).split('\t').map(str::trim).zip(line(3).split('\t').map(str::trim))
}

/// Returns a value that the examiner typed, cut to its first 4,096 characters. Returns `None` if it
/// is empty.
pub(super) fn kept(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.chars().take(TEXT_CHARS).collect())
}

/// Decodes little-endian UTF-16, with or without a byte order mark.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let text: String =
        char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Adds `value`, the time at which an E01 or Ex01 image was taken, to `facts`, which is what the
/// image states about itself. The section `header2` of E01 and the sections of Ex01 have seconds
/// since 1970, in UTC. The section `header` of E01 has six numbers, from the year to the second, by
/// the clock of the examiner's computer, whose time zone is not stated.
pub(super) fn read_time(value: &str, facts: &mut ImageFacts) {
    if let Ok(seconds) = value.parse::<i64>() {
        let time = seconds.checked_mul(TICKS_PER_SECOND).map(EventTime::from_ticks);
        facts.acquired = facts.acquired.or(time);
    } else if facts.acquired_local.is_none() {
        facts.acquired_local = local_time(value);
    }
}

/// Returns the time `value` in the form `2024-11-29T12:00:05`. `value` is six numbers from the year
/// to the second, such as `2024 11 29 12 0 5`. Returns `None` if it is anything else.
fn local_time(value: &str) -> Option<String> {
    let numbers: Vec<u16> = value.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let [year, month, day, hour, minute, second] = numbers.as_slice() else { return None };
    let sound =
        (1..=12).contains(month) && (1..=31).contains(day) && *hour < 24 && *minute < 60 && *second < 61;
    sound.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_from_both_headers_and_the_first_one_counts() {
        let wide = "\u{feff}3\nmain\na\tc\tn\te\tt\tav\tm\tu\nHOST-7\t25-1\t\tJo\t\t1\t1732881600\t1\n\n";
        let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut facts = ImageFacts::default();
        read(&wide, true, &mut facts);
        read(b"1\r\nmain\r\nc\tn\tm\r\nother\tE-2\t2024 11 29 12 0 5\r\n\r\n", false, &mut facts);
        assert_eq!(facts.description.as_deref(), Some("HOST-7"));
        assert_eq!(facts.case_number.as_deref(), Some("25-1"));
        assert_eq!(facts.evidence_number.as_deref(), Some("E-2"));
        assert_eq!(facts.acquired, EventTime::parse_logged("2024-11-29T12:00:00Z"));
        assert_eq!(facts.acquired_local.as_deref(), Some("2024-11-29T12:00:05"));
        assert_eq!((facts.notes, facts.examiner.as_deref()), (None, Some("Jo")));
        assert_eq!(local_time("2024 13 29 12 0 5"), None);
    }
}
