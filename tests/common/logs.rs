//! Logs for tests, by the encoder of the samples. A number tells one event of a test from another.

use std::ops::RangeInclusive;

use dnsweep_samples::{Event, LogWriter, Style};

pub const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
pub const BROWSER: &str = r"C:\Program Files\Browser\browser.exe";

/// A DNS query that the seed detection describes.
pub fn matching(number: u64) -> Event {
    Event::dns_query("pastebin.com", POWERSHELL).numbered(number)
}

/// One that it does not.
pub fn harmless(number: u64) -> Event {
    Event::dns_query("example.com", BROWSER).numbered(number)
}

/// A log in use, of these events; as many chunks as they need.
pub fn log(events: &[Event]) -> Vec<u8> {
    styled(Style::Live, events)
}

/// A log of that style.
pub fn styled(style: Style, events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    writer.push_all(events).unwrap();
    writer.finish()
}

/// A log in use with one match on that computer.
pub fn log_of(computer: &str) -> Vec<u8> {
    log(&[harmless(1).on(computer), matching(2).on(computer), harmless(3).on(computer)])
}

/// A log in use of chunks that each hold these matches.
pub fn chunks_of(chunks: &[RangeInclusive<u64>]) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Live);
    for numbers in chunks {
        writer.push_all(&numbers.clone().map(matching).collect::<Vec<_>>()).unwrap();
        writer.end_chunk();
    }
    writer.finish()
}
