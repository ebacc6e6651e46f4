//! Recognises lead-ins: texts that tools write before an event's XML, on the same line or on a line
//! before.

/// The number of bytes at the start of a line in which a lead-in is looked for. A lead-in is a text
/// that a tool wrote before an event's XML.
pub const MOST_LEAD_IN: usize = 1024;

/// Returns the length in bytes of the lead-in at the start of `line`, which must not begin with
/// white space. A lead-in is a text that a tool wrote before an event's XML. Returns `None` if the
/// line begins with none of these:
///
/// - a hyphen, as in details copied from Event Viewer: `- <Event …>`;
/// - a line with a record's number, as `evtx_dump` writes it: `Record 17`;
/// - the header of a syslog line (RFC 3164 or 5424), with or without its priority: `<14>Mar  4
///   10:00:00 HOST <Event …>`.
#[must_use]
pub fn lead_in(line: &str) -> Option<usize> {
    hyphen(line).or_else(|| record(line)).or_else(|| syslog(line))
}

/// Returns true if a lead-in, which is a text that a tool wrote before an event's XML, can begin
/// with the byte `first`.
#[must_use]
pub fn may_begin_lead_in(first: u8) -> bool {
    matches!(first, b'-' | b'<') || first.is_ascii_digit() || first.is_ascii_uppercase()
}

fn hyphen(line: &str) -> Option<usize> {
    let behind = line.strip_prefix('-')?;
    behind.trim_start_matches([' ', '\t']).starts_with('<').then_some(1)
}

fn record(line: &str) -> Option<usize> {
    let line = line.lines().next()?.trim_end();
    let number = line.strip_prefix("Record ")?;
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some(line.len())
}

fn syslog(line: &str) -> Option<usize> {
    const EVENT: &str = "<Event";
    let (header, event) = line.split_at_checked(line.find(EVENT)?)?;
    let is_event = event.get(EVENT.len()..)?.starts_with([' ', '\t', '\r', '\n', '>', '/']);
    let priority = header.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|(priority, _)| {
        (1..=3).contains(&priority.len()) && priority.bytes().all(|digit| digit.is_ascii_digit())
    });
    let behind = priority.map_or(header, |(_, rest)| rest);
    let is_header = priority.is_some() || begins_with_time(behind);
    let is_plain = !behind.contains(['<', '\r', '\n']);
    (is_event && is_header && is_plain && !header.is_empty()).then_some(header.len())
}

/// Returns true if a text begins with a time as syslog writes it: `Mar  4 10:00:00` or
/// `2025-03-04T10:00:00`.
fn begins_with_time(text: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let has_form = |text: &str, form: &str| {
        let fits = |(byte, form): (u8, u8)| match form {
            b'0' => byte.is_ascii_digit(),
            b'?' => byte.is_ascii_digit() || byte == b' ',
            _ => byte == form,
        };
        text.len() >= form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let of_month = || MONTHS.iter().find_map(|month| text.strip_prefix(month));
    has_form(text, "0000-00-00T00:00:00") || of_month().is_some_and(|rest| has_form(rest, " ?0 00:00:00 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_tools_write_are_known() {
        for (line, length) in [
            ("- <Event xmlns='x'>", 1),
            ("-\t<System>", 1),
            ("Record 17\n<?xml", 9),
            ("Record 17\r\n<Event>", 9),
            ("Record 17", 9),
            ("<14>Mar  4 10:00:00 WS01 <Event xmlns='x'>", 25),
            ("<14>1 2025-03-04T10:00:00.5Z WS01 app 7 - - <Event>", 44),
            ("<14>WS01 <Event>", 9),
            ("Mar 14 10:00:00 WS01 Sysmon[7]: <Event>", 32),
            ("2025-03-04T10:00:00+00:00 WS01 <Event>", 31),
        ] {
            assert_eq!(lead_in(line), Some(length), "{line}");
            assert!(may_begin_lead_in(line.as_bytes()[0]), "{line}");
        }
    }

    #[test]
    fn other_text_is_none() {
        for line in [
            "",
            "-",
            "- x <Event>",
            "Record",
            "Record x",
            "Record 1 of 2",
            "<Event>",
            "<14",
            "<1400>WS01 <Event>",
            "<x>WS01 <Event>",
            "<14>WS01 <Events>",
            "<14>WS01 <b><Event>",
            "<14>WS01\n<Event>",
            "Mar 4 10:00:00 WS01 <Event>",
            "2024-05-06 INFO <Event>",
            "what <Event>",
        ] {
            assert_eq!(lead_in(line), None, "{line}");
        }
    }
}
