//! Chunks of DNS queries, made with the encoder of the samples, for tests of code that examines
//! single records.

use std::ops::Range;

use dnsweep_samples::{Event, LogWriter, Style};

use crate::event::SYSMON_CHANNEL;
use crate::scan::evtx::chunk::content_of;
use crate::scan::evtx::walk::{Walk, walk};

/// Returns a chunk of three DNS queries, numbered from 1, and for each query's record the range of
/// its content (without header and copy of the size) in the chunk. `style` is one of the ways in
/// which real logs store events. If it has templates, the first record contains the template
/// definitions to which all three refer.
pub(super) fn chunk(style: Style) -> (Vec<u8>, Vec<Range<usize>>) {
    chunk_in(style, SYSMON_CHANNEL)
}

/// Returns a chunk of three DNS queries that name `channel` as their channel, and for each query's
/// record the range of its content (without header and copy of the size) in the chunk. `style` is
/// one of the ways in which real logs store events.
pub(super) fn chunk_in(style: Style, channel: &str) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut writer = LogWriter::new(style);
    for number in 1..=3 {
        let query = Event::dns_query("a&b.example", "a.exe").numbered(number);
        writer.push(&Event { channel: channel.to_owned(), ..query }).unwrap();
    }
    let chunk = writer.finish()[4096..4096 + 65536].to_vec();
    let mut walked = Walk::default();
    walk(&chunk, &mut walked);
    let contents = walked.records.iter().map(|record| content_of(&record.range)).collect();
    (chunk, contents)
}
