//! Recognises files of events that dnsweep does not read, such as JSON, by their first bytes.

use super::event_xml::first_text;
use crate::ledger::event_form::EventForm;

/// Returns the form of the events in a file whose first bytes are `head`, if dnsweep does not read
/// that form. Returns `None` if the file seems to have no events. The caller must rule out event
/// XML first, which dnsweep reads: this function would report it as [`EventForm::Within`], which
/// means event XML within other text.
#[must_use]
pub fn event_form(head: &[u8]) -> Option<EventForm> {
    let (_, text) = first_text(head)?;
    let text = text.trim_start();
    if text.starts_with(['{', '[']) {
        return is_json(text).then_some(EventForm::Json);
    }
    if is_clixml(text) {
        return Some(EventForm::Clixml);
    }
    if is_csv(text.lines().next()?) {
        return Some(EventForm::Csv);
    }
    if is_text(text) {
        return Some(EventForm::Text);
    }
    let has_event = text.contains("<Event xmlns=") && text.contains(NAMESPACE);
    has_event.then_some(EventForm::Within)
}

/// A part of the XML namespace of the `Event` elements that Windows writes: what follows `http://`.
const NAMESPACE: &str = "schemas.microsoft.com/win/2004/08/events/event";

/// Returns true if `text` contains at least one of `words`, in the same letter case.
fn has_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Returns true if the JSON text is about events: if it has a key for an event's ID, and a key or
/// text that only events have, such as `"Channel"`.
fn is_json(text: &str) -> bool {
    has_one_of(text, &["\"EventID\"", "\"EventId\"", "\"event_id\"", "\"EventCode\"", "\"Id\""])
        && has_one_of(text, &["Microsoft-Windows-", "\"Channel\"", "\"winlog\"", "\"ProviderName\""])
}

/// Returns true if the text is CLIXML, PowerShell's XML form of objects, and the objects are
/// events.
fn is_clixml(text: &str) -> bool {
    let behind = text.strip_prefix("<?xml").and_then(|rest| Some(rest.split_once("?>")?.1));
    behind.unwrap_or(text).trim_start().starts_with("<Objs")
        && has_one_of(text, &["EventLogRecord", "EventLogEntry", "Microsoft-Windows-"])
}

/// Returns true if `line`, the first line of a file, is the header of a table of events: if it has
/// a column for an event's ID and one for its log or provider, or Splunk's column `_raw`.
fn is_csv(line: &str) -> bool {
    let names: Vec<String> =
        line.split([',', ';', '\t']).map(|name| name.trim().trim_matches('"').to_ascii_lowercase()).collect();
    let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    names.len() > 1
        && (has(&["_raw"])
            || has(&["eventid", "event_id", "event id", "eventcode", "id"])
                && has(&["provider", "providername", "provider_name", "channel", "logname", "log", "source"]))
}

/// Returns true if the text has a line with the ID of an event and a line with its log or provider,
/// labelled as Event Viewer, PowerShell or Splunk labels them.
fn is_text(text: &str) -> bool {
    let has_line = |names: &[&str]| {
        text.lines().any(|line| names.iter().any(|name| line.trim_start().starts_with(name)))
    };
    has_line(&["EventCode=", "Event ID:", "Id  ", "EventID  "])
        && has_line(&["LogName=", "Log Name:", "SourceName=", "ProviderName  ", "LogName  ", "Source  "])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_other_forms_are_known() {
        let clixml = "<Objs Version='1.1.0.1' xmlns='http://schemas.microsoft.com/powershell/2004/04'>\
            <Obj><TN><T>System.Diagnostics.Eventing.Reader.EventLogRecord</T></TN>";
        let within = "<all><Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>";
        for (head, form) in [
            (clixml, EventForm::Clixml),
            (r#"{"Event":{"System":{"EventID":22,"Channel":"x"}}}"#, EventForm::Json),
            ("[\n {\"winlog\":{\"event_id\":22}}]", EventForm::Json),
            ("_time,_raw\n\"2025-03-04\",\"<Event xmlns=\"\"x\"\">", EventForm::Csv),
            ("RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel\r\n", EventForm::Csv),
            (r#""Message","Id","Version","ProviderName""#, EventForm::Csv),
            ("03/04/2025 10:00:00 AM\nLogName=Security\nEventCode=22\n", EventForm::Text),
            ("Log Name:      Application\r\nSource:        x\r\nEvent ID:      22\r\n", EventForm::Text),
            (within, EventForm::Within),
        ] {
            assert_eq!(event_form(head.as_bytes()), Some(form), "{head}");
            assert_eq!(event_form(&[b"\xef\xbb\xbf", head.as_bytes()].concat()), Some(form), "{head}");
            let units = head.encode_utf16().flat_map(u16::to_le_bytes);
            let utf16: Vec<u8> = b"\xff\xfe".iter().copied().chain(units).collect();
            assert_eq!(event_form(&utf16), Some(form), "{head}");
        }
    }

    #[test]
    fn other_files_are_none() {
        for head in [
            "",
            r#"{"Id": 7, "name": "x"}"#,
            "id,name,sources",
            "<Objs xmlns='http://schemas.microsoft.com/powershell/2004/04'><Obj><T>System.Int32</T></Obj>",
            "<html><Event xmlns='x'>",
            "Event ID: 7 of a meeting",
            "a,b\nc,d",
        ] {
            assert_eq!(event_form(head.as_bytes()), None, "{head}");
        }
        assert_eq!(event_form(b"ElfFile\0"), None);
        assert_eq!(event_form(&[0xff; 64]), None);
    }
}
