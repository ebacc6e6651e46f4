//! What a deleted record rests on, and whether what it says can be what was logged.
//!
//! No checksum is of a deleted record, but for one of a chunk that was deleted whole. Its own
//! values can be looked at for what no writer would have written. What they mean (which is which,
//! and which machine it was) stands in definitions elsewhere in the chunk: those among live records
//! have a checksum, those in the free space may have been altered since. What was altered is left
//! alone where it can be seen, and said to rest on what nothing confirms where it cannot.

use std::net::IpAddr;
use std::ops::Range;

use crate::event::{Event, EventTime, SYSMON_CHANNEL, SYSMON_PROVIDER};
use crate::ledger::clock::Written;
use crate::ledger::damage::RecoveredFrom;
use crate::scan::evtx::binxml::text::is_whole;
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, TEXT, definition_end};
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, FLAGS_OFFSET, FREE_SPACE_OFFSET, NO_CHECKSUMS, Place, RECORD_HEADER_SIZE,
    RECORDS_CHECKSUM_OFFSET, broken_header, place, whole_record,
};
use crate::scan::evtx::log::{u32_at, u64_at};
use crate::scan::evtx::template::event_template;
use crate::scan::evtx::value::Values;

/// The most 100 ns that lie between the time in a record's header and that of its event: a minute.
/// In live logs the two are the same, in real exports mostly within a second.
const MOST_DELAY: u64 = 600_000_000;

/// Where the live records of a chunk end, if they have their checksum and its header has its own.
/// The chunk may be cut short behind them.
pub(in crate::scan) fn checked_end(chunk: &[u8]) -> Option<usize> {
    let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
    let is_checked = u32_at(chunk, FLAGS_OFFSET)? & NO_CHECKSUMS == 0;
    let is_sound = place(chunk) == Place::Chunk && broken_header(chunk).is_none();
    let records = chunk.get(CHUNK_HEADER_SIZE..end).filter(|_| is_checked && is_sound)?;
    (u32_at(chunk, RECORDS_CHECKSUM_OFFSET) == Some(crc32fast::hash(records))).then_some(end)
}

/// What the record in that range of a chunk rests on, whose live records have their checksum up to
/// `checked`; `None` if it can be seen that it is not as it was written.
pub(in crate::scan) fn reliance(
    chunk: &[u8],
    record: &Range<usize>,
    checked: usize,
) -> Option<RecoveredFrom> {
    let content = record.start + RECORD_HEADER_SIZE;
    let Some(values) = Values::head(chunk, content) else {
        // Without a template: all that it says stands in itself, but names, which have hashes.
        return Some(RecoveredFrom::OwnValues);
    };
    let (_, Written { filetime, .. }) = whole_record(chunk, record.start, record.end)?;
    let mut times = values.places(FILETIME).map(|(at, _)| u64_at(chunk, values.start() + at));
    if times.next()?.is_none_or(|time| time.abs_diff(filetime) > MOST_DELAY) {
        return None;
    }
    let fragments = values.places(FRAGMENT).filter(|(_, size)| *size > 0);
    let nested = fragments.filter_map(|(at, _)| Values::head(chunk, values.start() + at));
    let mut is_confirmed = true;
    for values in std::iter::once(values).chain(nested) {
        if !texts_are_whole(chunk, &values) {
            return None;
        }
        let end = definition_end(chunk, values.definition)?;
        is_confirmed &= values.definition >= CHUNK_HEADER_SIZE && end <= checked;
    }
    if is_confirmed {
        return Some(RecoveredFrom::OwnValues);
    }
    event_template(chunk, values.definition, chunk.len())?;
    Some(RecoveredFrom::UnverifiedDefinitions)
}

/// Whether each text is UTF-16 without a NUL but the one that may end it.
fn texts_are_whole(chunk: &[u8], values: &Values<'_>) -> bool {
    values.places(TEXT).all(|(at, size)| {
        let start = values.start() + at;
        chunk.get(start..start + size).is_some_and(is_whole)
    })
}

/// The first letter of the scripts that are not Latin.
const FIRST_OTHER_SCRIPT: char = '\u{370}';

/// Whether a deleted DNS query says what Sysmon could have logged.
pub(in crate::scan) fn is_plausible(event: &Event) -> bool {
    let system = &event.system;
    let field = |name: &str, is_right: fn(&str) -> bool| event.get(name).is_some_and(is_right);
    system.provider.eq_ignore_ascii_case(SYSMON_PROVIDER)
        && system.channel.eq_ignore_ascii_case(SYSMON_CHANNEL)
        && system.time_created.is_some()
        && is_text(&system.computer)
        && event.missing_fields().is_empty()
        && field("UtcTime", is_utc_time)
        && field("ProcessGuid", is_guid)
        && field("ProcessId", is_number)
        && field("QueryName", is_text)
        && field("QueryStatus", is_number)
        && field("QueryResults", are_results)
        && field("Image", is_image)
        && ["RuleName", "User"].into_iter().filter_map(|name| event.get(name)).all(is_text)
}

/// Whether it is a character that texts are written with: no control character, none for private
/// use, none that stands for a lost one.
fn is_written(letter: char) -> bool {
    let is_none =
        matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}');
    !letter.is_control() && !is_none
}

/// Whether it is a text as people and programs write it: of characters that texts are written with,
/// and without a single letter of another script inside a word of ASCII, as a byte that was
/// overwritten leaves.
fn is_text(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let is_other = |letter: &char| *letter >= FIRST_OTHER_SCRIPT;
    let is_stray = |place: usize| {
        let beside = [place.checked_sub(1), place.checked_add(1)].map(|place| letters.get(place?));
        let beside = || beside.into_iter().flatten();
        !beside().any(is_other) && beside().any(char::is_ascii_alphanumeric)
    };
    letters.iter().copied().all(is_written)
        && !letters.iter().enumerate().any(|(place, letter)| is_other(letter) && is_stray(place))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// `2024-01-31 10:15:30.123`.
fn is_utc_time(text: &str) -> bool {
    text.len() == 23 && text.as_bytes().get(10) == Some(&b' ') && EventTime::parse_logged(text).is_some()
}

/// A GUID in its canonical form, without braces.
fn is_guid(text: &str) -> bool {
    let is_right = |(place, letter): (usize, u8)| match place {
        8 | 13 | 18 | 23 => letter == b'-',
        _ => letter.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

/// Items that each end in `;`, but the last one if it was cut off: addresses, and types of records
/// with what they hold.
fn are_results(text: &str) -> bool {
    let is_item = |item: &str| {
        let item = item.trim();
        let address = item.split_once('%').map_or(item, |(address, _)| address);
        let typed =
            item.strip_prefix("type:").map(|rest| rest.trim_start().split(' ').next().unwrap_or_default());
        address.parse::<IpAddr>().is_ok() || typed.is_some_and(is_number)
    };
    let mut whole = text.split_inclusive(';').filter_map(|item| item.strip_suffix(';'));
    // Names of other letters than ASCII's are encoded in the answers of DNS.
    let is_ascii = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_ascii && whole.all(is_item)
}

/// A path with a drive or of the network, or a word for a process without one.
fn is_image(text: &str) -> bool {
    // A path that Windows is to take as it is begins with `\\?\` or `\??\`.
    let bare = if text.starts_with('\\') { text.trim_start_matches(['\\', '?']) } else { text };
    let path = match bare.as_bytes() {
        [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic() => bare.get(2..).unwrap_or_default(),
        _ if bare.len() < text.len() => bare,
        _ => return !text.contains('\\') && is_text(text),
    };
    is_text(path) && !path.contains(['<', '>', '"', '|', '*', ':', '?', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sysmon_writes_is_plausible_and_what_it_does_not_is_not() {
        type Check = (fn(&str) -> bool, &'static [&'static str], &'static [&'static str]);
        let checks: [Check; 5] = [
            (is_number, &["0", "9003"], &["", "90a3", "-1"]),
            (
                is_utc_time,
                &["2024-01-31 10:15:30.123"],
                &["-", "2024-01-31 10:15:30", "2024-13-31 10:15:30.123"],
            ),
            (
                is_guid,
                &["fa4a0de6-e8a8-5d2f-0000-001094619900"],
                &["fa4a0de6-e8a8-5d2f-0000-00109461990", "fa4a0de6_e8a8-5d2f-0000-001094619900"],
            ),
            (
                are_results,
                &["", "-", "type:  5 a.example;::ffff:192.0.2.7;2001:db8::1;192.0.2.", "type: 33 ;"],
                &[
                    "type:  5 b\u{e4}.example;",
                    "typ\u{e5}:  5 a.example;",
                    "::ffff:192.0\u{12e}2.7;",
                    "a\u{7};",
                ],
            ),
            (
                is_image,
                &[
                    r"C:\Users\Jürgen\ü.exe",
                    r"C:\Users\Иван\файл.exe",
                    r"C:\QQ音乐\王.exe",
                    r"\\server\share\a.exe",
                    r"\\?\C:\a.exe",
                    r"\??\C:\a.exe",
                    "<unknown process>",
                    "System",
                ],
                &[
                    "\u{143}:\\a.exe",
                    "C:\\a\u{1}.exe",
                    "C:\\a|.exe",
                    r"C;\a.exe",
                    r"C:\a.e?e",
                    r"?C:\a.exe",
                    "C:\\Progr\u{af61}mData\\a.exe",
                ],
            ),
        ];
        for (check, right, wrong) in checks {
            assert!(right.iter().all(|text| check(text)), "{right:?}");
            assert!(!wrong.iter().any(|text| check(text)), "{wrong:?}");
        }
    }
}
