use dnsweep_samples::{Event as Sample, LogWriter, Style};
use proptest::prelude::*;

use super::*;
use crate::event::{Event, KindSet, PROCESS_CREATION, RecordPart};
use crate::scan::decode::document::Document;
use crate::scan::decode::record::decode;
use crate::scan::evtx::walk::{Walk, walk};

/// The ways in which real logs store events.
const STYLES: [Style; 2] = [Style::Live, Style::Export];

fn log(style: Style) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    for number in 1..=3 {
        writer.push(&Sample::dns_query("a&b.example", "a.exe").numbered(number)).unwrap();
        writer.push(&Sample::process_create("a.exe", "a <b> \u{fc}", "c.exe").numbered(number + 10)).unwrap();
    }
    writer.finish()
}

/// Returns the offset of each record of a log with one chunk, with the event that the decoder reads
/// from it.
fn events(log: &[u8]) -> Vec<(u64, Event)> {
    let mut chunk = log[4096..4096 + 65536].to_vec();
    let mut walked = Walk::default();
    walk(&chunk, &mut walked);
    let kinds = KindSet::default().with(&crate::event::DNS_QUERY).with(&PROCESS_CREATION);
    let mut events = Vec::new();
    decode(&mut chunk, &walked, kinds, |span, document| match document {
        Ok(Document::Event(event)) => events.push((4096 + span.range.start as u64, event)),
        other => panic!("{other:?}"),
    });
    events
}

/// Returns what the parts say of the fields of `EventData`, by the fields' names.
fn data(parts: &[RecordPart]) -> Vec<(&str, &str)> {
    let named = |part: &'_ RecordPart| -> Option<(usize, usize)> {
        let start = part.name.find("EventData/Data[")? + "EventData/Data[".len();
        Some((start, part.name.len() - 1))
    };
    let field = |part: &'_ RecordPart| named(part).map(|(start, end)| start..end);
    parts.iter().filter_map(|part| Some((&part.name[field(part)?], part.value.as_deref()?))).collect()
}

fn assert_parts_cover(view: &RecordView) {
    let mut at = 0;
    for part in &view.parts {
        assert_eq!(part.offset, at, "{part:?}");
        assert!(part.length > 0, "{part:?}");
        at += part.length;
    }
    assert_eq!(at, view.bytes.len());
}

#[test]
fn a_view_says_what_the_decoder_reads() {
    for style in STYLES {
        let log = log(style);
        let events = events(&log);
        assert_eq!(events.len(), 6);
        for (offset, event) in events {
            let view = view_record(&log, offset, Some(&event)).unwrap();
            assert_eq!(view.chunk_offset, Some(4096));
            assert_parts_cover(&view);
            let data = data(&view.parts);
            let fields: Vec<(&str, &str)> =
                event.fields().filter_map(|(field, value)| Some((field.name, value?))).collect();
            assert_eq!(data, fields, "{style:?}");
            let id = view.parts.iter().find(|part| part.name.ends_with("System/EventRecordID")).unwrap();
            let number = event.system.event_record_id.unwrap().to_string();
            assert_eq!(id.value.as_deref(), Some(&*number));
            let xml = view.xml.unwrap();
            assert!(xml.contains(&format!("<EventRecordID>{number}</EventRecordID>")), "{xml}");
        }
    }
}

#[test]
fn other_bytes_are_no_record() {
    let log = log(Style::Live);
    for offset in [0, 4096, 4096 + 511, log.len() as u64 - 4, log.len() as u64 + 5] {
        assert!(view_record(&log, offset, None).is_err(), "{offset}");
    }
}

#[test]
fn the_chunk_is_one_whose_templates_give_the_event() {
    let mut log = log(Style::Live);
    let (offset, event) = events(&log).pop().unwrap();
    // Another chunk is planted in the records before, with a sound header, and a definition where
    // the record's lies.
    let middle = usize::try_from(offset).unwrap() - 600;
    let other = log[4096..4096 + 512].to_vec();
    log[middle..middle + 512].copy_from_slice(&other);
    for header in [0, 1] {
        log[4096 + 60] ^= header;
        let view = view_record(&log, offset, Some(&event)).unwrap();
        assert_eq!(view.chunk_offset, Some(4096));
        assert!(view.xml.unwrap().contains("c.exe"));
    }
    let another = Event::clone(&event).with("CommandLine", "other");
    let view = view_record(&log, offset, Some(&another)).unwrap();
    assert_eq!(view.chunk_offset, None);
    assert!(view.xml.is_err());
    log[middle] ^= 1;
    log[4096] ^= 1;
    let view = view_record(&log, offset, Some(&event)).unwrap();
    assert_eq!(view.chunk_offset, None);
    assert!(view.xml.is_err());
    assert_parts_cover(&view);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_the_bytes_say_the_parts_cover_them(
        style in prop::sample::select(STYLES.to_vec()),
        changes in prop::collection::vec((512_usize..12_000, any::<u8>()), 1..40),
        number in 0_usize..6,
    ) {
        let mut log = log(style);
        let (offset, _) = events(&log).swap_remove(number);
        for (at, byte) in changes {
            log[4096 + at] = byte;
        }
        if let Ok(view) = view_record(&log, offset, None) {
            assert_parts_cover(&view);
        }
    }
}
