//! What has to be found in the samples. It is written from the descriptions of the events, never by
//! a decoder.
//!
//! This module evaluates dnsweep's built-in detection with code of its own, so that dnsweep's
//! reading of the rule is checked against another one.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use crate::event::Event;
use crate::log::Place;
use crate::record::Style;
use crate::sysmon::SYSMON;
use crate::time;
use crate::value::DataValue;

/// One event of a sample, and the place of its record.
#[derive(Debug)]
pub struct SampleRecord {
    /// The event, as described.
    pub event: Event,
    /// The place of the event's record in the undamaged log.
    pub place: Place,
    /// True if damage to the file destroyed the record.
    pub lost: bool,
}

/// One file of the samples.
#[derive(Debug)]
pub struct SampleFile {
    /// The path of the file below `samples/`, with `/` between folders.
    pub path: String,
    /// The contents of the file.
    pub bytes: Vec<u8>,
    /// The style of the log; `None` if the file is no log.
    pub style: Option<Style>,
    /// The records of the log, in file order.
    pub records: Vec<SampleRecord>,
}

/// Returns true if the event is a DNS query as Sysmon logs it.
#[must_use]
pub fn is_dns_query(event: &Event) -> bool {
    event.provider == SYSMON.name && event.event_id == 22
}

/// Returns true if dnsweep's built-in detection, "Suspicious Process DNS Query Known Abuse Web
/// Services", describes the event: the queried name contains one of four strings, and either the
/// process has one of five names or its path contains one of six folders. Case does not matter. As
/// in Splunk, OR joins its two terms before AND joins them with the rest.
#[must_use]
pub fn matches_seed(event: &Event) -> bool {
    const QUERIES: [&str; 4] = ["pastebin", "discord", "api.telegram", "t.me"];
    const PROCESSES: [&str; 4] = ["cmd.exe", "pwsh.exe", "wscript.exe", "cscript.exe"];
    const FOLDERS: [&str; 6] =
        [r"\users\public\", r"\programdata\", r"\temp\", r"\windows\tasks\", r"\appdata\", r"\perflogs\"];
    let lower = |name| event.value(name).map(|value| value.text().to_lowercase()).unwrap_or_default();
    let (query, image) = (lower("QueryName"), lower("Image"));
    let process = image.rsplit('\\').next().unwrap_or_default();
    is_dns_query(event)
        && QUERIES.iter().any(|part| query.contains(part))
        && (PROCESSES.contains(&process)
            || process.contains("powershell")
            || FOLDERS.iter().any(|part| image.contains(part)))
}

/// Returns the truth file about events: one line of JSON for each DNS query of each sample file.
#[must_use]
pub fn events_jsonl(files: &[SampleFile]) -> String {
    let mut lines = String::new();
    for file in files {
        for recorded in file.records.iter().filter(|recorded| is_dns_query(&recorded.event)) {
            event_line(&mut lines, &file.path, recorded);
        }
    }
    lines
}

/// Returns the truth file about processes: one line of JSON for each process creation of Sysmon in
/// each sample file, with all of its data. `EndUtcTime` is the UtcTime at which the process ended,
/// if an event says so.
#[must_use]
pub fn processes_jsonl(files: &[SampleFile]) -> String {
    let sysmon = |recorded: &&SampleRecord| recorded.event.provider == SYSMON.name;
    let records = || files.iter().flat_map(|file| file.records.iter().filter(sysmon));
    let ends: BTreeMap<(String, String), &DataValue> = records()
        .filter(|recorded| recorded.event.event_id == 5 && !recorded.lost)
        .filter_map(|recorded| Some((process_key(&recorded.event)?, recorded.event.value("UtcTime")?)))
        .collect();
    let mut lines = String::new();
    for file in files {
        for recorded in file.records.iter().filter(sysmon).filter(|recorded| recorded.event.event_id == 1) {
            let end = process_key(&recorded.event).and_then(|key| ends.get(&key).copied());
            process_line(&mut lines, &file.path, recorded, end);
        }
    }
    lines
}

/// Returns the machine and the ProcessGuid of the process that an event of Sysmon is about.
fn process_key(event: &Event) -> Option<(String, String)> {
    Some((event.computer.clone(), event.value("ProcessGuid")?.text()))
}

/// Returns the truth file about files: one line of JSON for each sample file.
#[must_use]
pub fn files_jsonl(files: &[SampleFile]) -> String {
    let mut lines = String::new();
    for file in files {
        file_line(&mut lines, file);
    }
    lines
}

fn event_line(lines: &mut String, path: &str, recorded: &SampleRecord) {
    let event = &recorded.event;
    let mut line = Line::new(lines);
    line.text("file", &DataValue::from(path));
    line.text("Computer", &DataValue::from(event.computer.as_str()));
    line.raw("EventRecordID", event.record_id);
    line.text("TimeCreated", &DataValue::from(time::time_created(event.time)));
    for name in ["UtcTime", "QueryName", "QueryStatus", "QueryResults", "Image", "User"] {
        match event.value(name) {
            Some(value) => line.text(name, value),
            None => line.raw(name, "null"),
        }
    }
    if let Some(DataValue::Guid(guid)) = event.value("ProcessGuid") {
        line.text("ProcessGuid", &DataValue::from(guid.to_string()));
    }
    if let Some(DataValue::U32(process_id)) = event.value("ProcessId") {
        line.raw("ProcessId", process_id);
    }
    line.raw("chunk", recorded.place.chunk);
    line.raw("record_offset", recorded.place.offset);
    line.raw("match", matches_seed(event));
    if recorded.lost {
        line.raw("lost", true);
    }
    line.end();
}

fn process_line(lines: &mut String, path: &str, recorded: &SampleRecord, end: Option<&DataValue>) {
    let event = &recorded.event;
    let mut line = Line::new(lines);
    line.text("file", &DataValue::from(path));
    line.text("Computer", &DataValue::from(event.computer.as_str()));
    line.raw("EventRecordID", event.record_id);
    line.text("TimeCreated", &DataValue::from(time::time_created(event.time)));
    for (name, value) in &event.data {
        match value {
            DataValue::U32(number) => line.raw(name, number),
            DataValue::Guid(guid) => line.text(name, &DataValue::from(guid.to_string())),
            _ => line.text(name, value),
        }
    }
    match end {
        Some(time) => line.text("EndUtcTime", time),
        None => line.raw("EndUtcTime", "null"),
    }
    line.raw("chunk", recorded.place.chunk);
    line.raw("record_offset", recorded.place.offset);
    if recorded.lost {
        line.raw("lost", true);
    }
    line.end();
}

fn file_line(lines: &mut String, file: &SampleFile) {
    let count =
        |wanted: &dyn Fn(&SampleRecord) -> bool| file.records.iter().filter(|record| wanted(record)).count();
    let last_chunk = file.records.iter().map(|record| record.place.chunk).max();
    let per_chunk: Vec<String> = (0..last_chunk.map_or(0, |last| last + 1))
        .map(|chunk| count(&|record| record.place.chunk == chunk).to_string())
        .collect();
    let mut line = Line::new(lines);
    line.text("file", &DataValue::from(file.path.as_str()));
    match file.style {
        Some(style) => line.text("style", &DataValue::from(format!("{style:?}").to_lowercase())),
        None => line.raw("style", "null"),
    }
    line.raw("size", file.bytes.len());
    line.raw("records", file.records.len());
    line.raw("sysmon_records", count(&|record| record.event.provider == SYSMON.name));
    line.raw("dns_queries", count(&|record| is_dns_query(&record.event)));
    line.raw("matches", count(&|record| matches_seed(&record.event)));
    line.raw("lost_records", count(&|record| record.lost));
    line.raw("lost_dns_queries", count(&|record| record.lost && is_dns_query(&record.event)));
    line.raw("lost_matches", count(&|record| record.lost && matches_seed(&record.event)));
    line.raw("records_per_chunk", format!("[{}]", per_chunk.join(", ")));
    line.end();
}

/// Writes one JSON object on one line.
struct Line<'a> {
    lines: &'a mut String,
    separator: char,
}

impl<'a> Line<'a> {
    fn new(lines: &'a mut String) -> Self {
        Self { lines, separator: '{' }
    }

    fn key(&mut self, name: &str) {
        self.lines.push(self.separator);
        self.lines.push('"');
        self.lines.push_str(name);
        self.lines.push_str("\":");
        self.separator = ',';
    }

    /// Adds a member to the JSON object, with a value that is already JSON.
    fn raw(&mut self, name: &str, value: impl Display) {
        self.key(name);
        self.put(format_args!("{value}"));
    }

    /// Adds a member to the JSON object, with a value that is a string. Unpaired surrogates are
    /// kept.
    fn text(&mut self, name: &str, value: &DataValue) {
        self.key(name);
        self.lines.push('"');
        for decoded in char::decode_utf16(value.units()) {
            match decoded {
                Ok('"') => self.lines.push_str("\\\""),
                Ok('\\') => self.lines.push_str("\\\\"),
                Ok(control) if u32::from(control) < 0x20 => {
                    self.put(format_args!("\\u{:04x}", u32::from(control)));
                }
                Ok(character) => self.lines.push(character),
                Err(error) => self.put(format_args!("\\u{:04x}", error.unpaired_surrogate())),
            }
        }
        self.lines.push('"');
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.lines.write_fmt(text);
    }

    fn end(self) {
        self.lines.push_str("}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_rule_joins_its_two_process_terms_before_the_rest() {
        let matches = |query, image| matches_seed(&Event::dns_query(query, image));
        assert!(matches("PasteBin.com", r"C:\Windows\System32\CMD.EXE"));
        assert!(matches("client.medium.com", r"C:\Users\a\AppData\x.exe"), "t.me is a plain substring");
        assert!(matches("cdn.discordapp.com", r"D:\tools\MyPowerShellHost.exe"));
        assert!(!matches("example.com", r"C:\Users\a\AppData\x.exe"), "a folder alone is not enough");
        assert!(!matches("pastebin.com", r"C:\Program Files\browser.exe"));
        assert!(!matches("pastebin.com", r"C:\Tools\notcmd.exe"));
    }

    #[test]
    fn an_event_22_of_another_provider_is_no_dns_query() {
        assert!(!matches_seed(&Event::resolver_decoy("pastebin.com", r"C:\Windows\System32\cmd.exe")));
    }
}
