//! Logs for tests, made by the encoder of the samples. A number distinguishes the events of a test.

use std::ops::RangeInclusive;

use dnsweep_samples::{Event, LogWriter, Style};

pub const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
pub const BROWSER: &str = r"C:\Program Files\Browser\browser.exe";

/// Makes a DNS query that the built-in detection describes. `number` is its EventRecordID.
pub fn matching(number: u64) -> Event {
    Event::dns_query("pastebin.com", POWERSHELL).numbered(number)
}

/// Makes a DNS query that the built-in detection does not describe. `number` is its EventRecordID.
pub fn harmless(number: u64) -> Event {
    Event::dns_query("example.com", BROWSER).numbered(number)
}

/// Makes a log of these events as a running machine has it, with as many chunks as the events need.
pub fn log(events: &[Event]) -> Vec<u8> {
    styled(Style::Live, events)
}

/// Makes a log of these events in a style, such as that of an export.
pub fn styled(style: Style, events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    writer.push_all(events).unwrap();
    writer.finish()
}

/// Makes a log, as a running machine has it, with one match on this computer.
pub fn log_of(computer: &str) -> Vec<u8> {
    log(&[harmless(1).on(computer), matching(2).on(computer), harmless(3).on(computer)])
}

/// Makes a log, as a running machine has it. Each of `chunks` has the numbers of the matches in one
/// chunk.
pub fn chunks_of(chunks: &[RangeInclusive<u64>]) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Live);
    for numbers in chunks {
        writer.push_all(&numbers.clone().map(matching).collect::<Vec<_>>()).unwrap();
        writer.end_chunk();
    }
    writer.finish()
}
