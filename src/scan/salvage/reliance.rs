//! Determines how far a deleted record can be trusted, and whether its content can be what was
//! logged.
//!
//! No checksum covers a deleted record, unless its whole chunk was deleted. Its own values can be
//! tested for content that no writer would have written. Their meaning (which field is which, and
//! which machine it was) lies in template definitions elsewhere in the chunk: those among live
//! records are covered by a checksum, those in free space may have been altered later. A record
//! that is visibly altered is left out; one that may be altered is marked as resting on unconfirmed
//! bytes.

use std::net::IpAddr;
use std::ops::Range;

use crate::event::{Event, EventTime, FieldSpec, FieldType, SYSMON_CHANNEL, SYSMON_PROVIDER};
use crate::ledger::clock::RecordHeader;
use crate::ledger::damage::RecoveredFrom;
use crate::scan::evtx::binxml::text::is_whole;
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, TEXT, definition_end};
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, FLAGS_OFFSET, FREE_SPACE_OFFSET, NO_CHECKSUMS, RECORD_HEADER_SIZE,
    RECORDS_CHECKSUM_OFFSET, SlotContent, broken_header, slot_content, whole_record,
};
use crate::scan::evtx::log::{u32_at, u64_at};
use crate::scan::evtx::template::event_template;
use crate::scan::evtx::value::Values;

/// The greatest difference between the time in the header of a deleted record and its event's time,
/// in units of 100 ns: a minute. With a greater difference, the record counts as altered. In the
/// logs of a running Windows, the two times are equal; in real exports of logs, they mostly differ
/// by less than a second.
const MOST_DELAY: u64 = 600_000_000;

/// Returns the offset at which a chunk's live records end; `None` unless the checksums of the
/// records and of the chunk's header are right. The chunk may be cut off after the records.
pub(in crate::scan) fn checked_end(chunk: &[u8]) -> Option<usize> {
    let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
    let is_checked = u32_at(chunk, FLAGS_OFFSET)? & NO_CHECKSUMS == 0;
    let is_sound = slot_content(chunk) == SlotContent::Chunk && broken_header(chunk).is_none();
    let records = chunk.get(CHUNK_HEADER_SIZE..end).filter(|_| is_checked && is_sound)?;
    (u32_at(chunk, RECORDS_CHECKSUM_OFFSET) == Some(crc32fast::hash(records))).then_some(end)
}

/// Returns how far checksums confirm the deleted record in range `record` of a chunk; `None` if the
/// record is visibly altered. `checked` is the offset at which the live records end, if the
/// checksum of the live records is right; otherwise the end of the chunk's header.
pub(in crate::scan) fn reliance(
    chunk: &[u8],
    record: &Range<usize>,
    checked: usize,
) -> Option<RecoveredFrom> {
    let content = record.start + RECORD_HEADER_SIZE;
    let Some(values) = Values::head(chunk, content) else {
        // A record without a template contains everything it says, except names, and names have
        // hashes.
        return Some(RecoveredFrom::OwnValues);
    };
    let (_, RecordHeader { filetime, .. }) = whole_record(chunk, record.start, record.end)?;
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

/// Returns whether each text among the values is valid UTF-16 that contains no NUL, except for one
/// at its end.
fn texts_are_whole(chunk: &[u8], values: &Values<'_>) -> bool {
    values.places(TEXT).all(|(at, size)| {
        let start = values.start() + at;
        chunk.get(start..start + size).is_some_and(is_whole)
    })
}

/// The first letter of the scripts that follow Latin in Unicode (Greek). A single such letter in an
/// ASCII word is a sign of an overwritten byte.
const FIRST_OTHER_SCRIPT: char = '\u{370}';

/// Returns whether Sysmon could have logged this content of a deleted event. If not, the record was
/// altered, and is left out.
pub(in crate::scan) fn is_plausible(event: &Event) -> bool {
    let system = &event.system;
    system.provider.eq_ignore_ascii_case(SYSMON_PROVIDER)
        && system.channel.eq_ignore_ascii_case(SYSMON_CHANNEL)
        && system.time_created.is_some()
        && is_text(&system.computer)
        && event.missing_fields().is_empty()
        && event.fields().all(|(field, value)| value.is_none_or(|value| is_plausible_value(field, value)))
}

/// Returns whether Sysmon could have logged this value of a field.
fn is_plausible_value(field: &FieldSpec, value: &str) -> bool {
    match (field.name, field.field_type) {
        ("QueryResults", _) => are_results(value),
        ("Image" | "ParentImage", _) => is_image(value),
        ("CommandLine" | "ParentCommandLine", _) => is_command_line(value),
        (_, FieldType::Text) => is_text(value),
        (_, FieldType::TextTime) => is_utc_time(value),
        (_, FieldType::TextNumber | FieldType::Number) => is_number(value),
        (_, FieldType::Hexadecimal) => value.strip_prefix("0x").is_some_and(is_hexadecimal),
        (_, FieldType::Guid) => is_guid(value),
    }
}

/// Returns whether a text consists of hexadecimal digits, at least one.
fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Returns whether a text can be a logged command line: unlike other texts, it may have several
/// lines and tabs.
fn is_command_line(text: &str) -> bool {
    text.split(['\t', '\r', '\n']).all(is_text)
}

/// Returns whether a character occurs in texts that programs log: it is not a control character, a
/// private-use character, a noncharacter, or a replacement for a lost character.
fn is_written(letter: char) -> bool {
    let is_none =
        matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}');
    !letter.is_control() && !is_none
}

/// Returns whether a text looks as if people or programs wrote it. It has only usual characters,
/// and no word of ASCII contains a single letter of another script, which is what an overwritten
/// byte leaves.
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

/// Returns whether a text consists of decimal digits, at least one.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Returns whether a text has the form `2024-01-31 10:15:30.123`.
fn is_utc_time(text: &str) -> bool {
    text.len() == 23 && text.as_bytes().get(10) == Some(&b' ') && EventTime::parse_logged(text).is_some()
}

/// Returns whether a text is a GUID in hexadecimal digits and hyphens, without braces.
fn is_guid(text: &str) -> bool {
    let is_right = |(place, letter): (usize, u8)| match place {
        8 | 13 | 18 | 23 => letter == b'-',
        _ => letter.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

/// Returns whether a text can be a logged `QueryResults`: items that each end in `;`, except for a
/// last one that was cut off. An item is an address, or a record type with its data.
fn are_results(text: &str) -> bool {
    let is_item = |item: &str| {
        let item = item.trim();
        let address = item.split_once('%').map_or(item, |(address, _)| address);
        let typed =
            item.strip_prefix("type:").map(|rest| rest.trim_start().split(' ').next().unwrap_or_default());
        address.parse::<IpAddr>().is_ok() || typed.is_some_and(is_number)
    };
    let mut whole = text.split_inclusive(';').filter_map(|item| item.strip_suffix(';'));
    // DNS answers encode names that have other letters than ASCII's.
    let is_ascii = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_ascii && whole.all(is_item)
}

/// Returns whether a text can be a logged `Image`: a path with a drive or on the network, or a word
/// for a process without a path.
fn is_image(text: &str) -> bool {
    // A path that Windows takes literally begins with `\\?\` or `\??\`.
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
