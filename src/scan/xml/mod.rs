//! Scans a block (a part that one thread scans) of a file of event XML: reads the block, and
//! returns the events that begin in it.
//!
//! Tags alone determine where an event lies (`tags`), so that a block can be read without those
//! before it; `quick-xml` reads the event's content (`parse`). An event belongs to the block in
//! which it begins, even if it ends in the next. Neighbouring blocks must agree on this, so a few
//! bytes on either side of a block are read too, and more if they are not enough.

mod parse;
mod start_tag;
mod tags;
mod text;
mod view;

pub use self::view::view_xml_event;

use self::parse::parse;
use self::tags::{Ending, EventSpan};
use self::text::XmlText;
use crate::event::{EventTime, KindSet, Window};
use crate::evidence::event_xml::{Encoding, HEAD_SIZE, Wrapper, wrapper_of};
use crate::evidence::source::LogBytes;
use crate::ledger::clock::RecordHeader;
use crate::ledger::damage::{Damage, Integrity, Problem};
use crate::scan::block_scan::BlockScan;
use crate::scan::decode::document::{Document, read_event};
use crate::scan::evtx::log::Block;
use crate::scan::located::{LocatedEvent, Location};
use crate::scan::read::{BlockBuffer, BlockPart};

/// The greatest size of an event in XML, in bytes. An event without an end tag within this size is
/// damaged. Windows logs at most 64 KiB per event in binary form. As UTF-16, with everything
/// escaped, that is less than this limit.
pub(super) const MOST_EVENT_BYTES: u64 = 1 << 20;
/// The greatest size, in bytes, of a tag or declaration that lies outside of events. A longer one
/// counts as text that must not be there. With a limit, a block can be scanned with few bytes
/// around it.
const MOST_TAG_BYTES: u64 = 4096;
/// The number of bytes on either side of a block (a part of a file that one thread scans) that are
/// read first, to see which events begin in the block: enough for usual events.
const NEAR: u64 = 64 << 10;
/// The number of bytes on either side of a block (a part of a file that one thread scans) that are
/// read if [`NEAR`] bytes do not show which events begin in the block: enough for any event.
const FAR: u64 = MOST_EVENT_BYTES + 2 * MOST_TAG_BYTES;
/// The greatest number of code units that a message about stray text (text between events that is
/// not an event) shows of the text.
const SHOWN: usize = 24;

/// The size and the encoding of a file of event XML. Both are known before a scanner reads the
/// file.
#[derive(Debug, Clone, Copy)]
pub struct XmlFile {
    /// The size of the file of event XML, in bytes.
    pub size: u64,
    /// The encoding of the text in the file of event XML.
    pub encoding: Encoding,
}

/// The settings for scanning event XML: which kinds of events are read, and the period in which DNS
/// queries are counted separately.
#[derive(Debug, Clone, Copy)]
pub(super) struct XmlSelection {
    /// The kinds of events that are read with their fields. Other events are only counted.
    pub kinds: KindSet,
    /// The period that the user requests matches for. DNS queries in it are counted separately too.
    pub window: Window,
}

/// Reads a block (a part that one thread scans) of a file of event XML, and decodes the events that
/// begin in the block. `see` is called with the block's bytes, or with `None` if some could not be
/// read.
pub(super) fn scan_xml(
    buffer: &mut BlockBuffer,
    selection: XmlSelection,
    log: &dyn LogBytes,
    block: Block,
    file: XmlFile,
    see: impl FnOnce(Option<&[u8]>),
) -> BlockScan {
    let mut see = Some(see);
    let scan = within(buffer, selection, log, block, file, NEAR, |bytes| {
        see.take().into_iter().for_each(|see| see(bytes));
    });
    // A margin of this size is always enough.
    scan.or_else(|| within(buffer, selection, log, block, file, FAR, |_| ())).unwrap_or_default()
}

/// Scans a block (a part that one thread scans) of a file of event XML, reading `margin` more bytes
/// on either side of the block. `None` if these bytes do not show which events begin in the block;
/// callers then read more.
fn within(
    buffer: &mut BlockBuffer,
    selection: XmlSelection,
    log: &dyn LogBytes,
    block: Block,
    file: XmlFile,
    margin: u64,
    see: impl FnOnce(Option<&[u8]>),
) -> Option<BlockScan> {
    let around = block.start.saturating_sub(margin)..file.size.min(block.end.saturating_add(margin));
    buffer.read(log, around.clone());
    let own = buffer.part(block.start..block.end);
    see(own.problems.is_empty().then_some(&*own.bytes));
    let (bytes_read, problems) = (own.bytes_read(), own.problems);
    let read = buffer.part(around.clone());
    let is_end = around.end == file.size || read.bytes.len() as u64 != around.end - around.start;
    let text = XmlText::new(read.bytes, around.start, file.encoding, is_end);
    let start = text.start_of(block, margin == FAR)?;
    let spans = text.spans(start..block.end)?;
    let cut_off = (block.end == file.size).then(|| cut_off(log, file.size, &text)).flatten();
    let mut walk = XmlWalk {
        text,
        read: &read,
        kinds: selection.kinds,
        window: selection.window,
        problems,
        scan: BlockScan { bytes_read, ..BlockScan::default() },
    };
    walk.walk(start, block.end, spans);
    walk.problems.extend(cut_off);
    Some(walk.finish())
}

/// Returns the problem of a file that has a start tag of an element around its events, but ends
/// without the end tag, so that an unknown number of events is missing. `None` if the file has the
/// end tag or no element around its events, or if its beginning cannot be read. `text` must contain
/// the file's end.
fn cut_off(log: &dyn LogBytes, size: u64, text: &XmlText<'_>) -> Option<Problem> {
    let mut head = [0; HEAD_SIZE];
    let length = log.read_at(0, &mut head).ok()?;
    if wrapper_of(head.get(..length)?) == Wrapper::None || text.ends_with_events(size) {
        return None;
    }
    Some(Problem { offset: size, length: 0, damage: Damage::EventXmlCutOff })
}

/// The state of scanning a block of event XML (a part of a file that one thread scans): what was
/// read, the settings, and the result so far.
struct XmlWalk<'a> {
    text: XmlText<'a>,
    read: &'a BlockPart<'a>,
    /// The kinds of events that are read with their fields. Events of other kinds are only counted.
    kinds: KindSet,
    window: Window,
    /// The problems of the block that were found so far. They are sorted once the whole block is
    /// scanned.
    problems: Vec<Problem>,
    /// The result of scanning the block of event XML so far, without its problems.
    scan: BlockScan,
}

impl XmlWalk<'_> {
    /// Scans everything that belongs to the block (a part of a file that one thread scans): the
    /// events `spans`, and what lies between them. The block's own text begins at offset `start`
    /// and ends at offset `end` of the file.
    fn walk(&mut self, start: u64, end: u64, spans: Vec<EventSpan>) {
        let mut at = start;
        for span in spans {
            self.between(at, span.range.start);
            at = span.range.end;
            self.event(&span);
        }
        self.between(at, end);
    }

    /// Returns the result of scanning the block, with its problems in file order.
    fn finish(mut self) -> BlockScan {
        self.problems.sort_by_key(|problem| problem.offset);
        for problem in self.problems {
            self.scan.problems.push(problem);
        }
        self.scan
    }

    /// Decodes the event at `span`, and adds it to the result, or the problem if it cannot be
    /// decoded.
    fn event(&mut self, span: &EventSpan) {
        let (offset, length) = (span.range.start, span.range.end - span.range.start);
        // Bytes that cannot be read are replaced by zeros, which are not evidence. That they cannot
        // be read is reported elsewhere.
        let is_lacking = self.read.has_unread(&self.text.byte_range(span.range.clone()));
        let document = match span.ending {
            _ if is_lacking => Err(None),
            Ending::Whole => {
                let text = self.text.decoded(span.range.clone()).map_err(String::from);
                let document = |xml: &str| read_event(self.kinds, |kinds| parse(xml, kinds));
                text.and_then(|xml| document(&xml)).map_err(Some)
            }
            Ending::Another => Err(Some("expected its end tag, found the start of another event".to_owned())),
            Ending::File => Err(Some("expected its end tag, found the end of the file".to_owned())),
            Ending::TooLong => {
                Err(Some(format!("expected its end tag within {MOST_EVENT_BYTES} bytes, found none")))
            }
        };
        let tally = &mut self.scan.tally;
        match document {
            Ok(document) => {
                tally.extents.good += length;
                let damage = missing_query_name(&document);
                self.problems.extend(damage.map(|damage| Problem { offset, length, damage }));
                self.count(offset, document);
            }
            Err(reason) => {
                tally.extents.damaged += length;
                tally.damaged_records += 1;
                let damage = reason.map(|reason| Damage::EventXml { reason });
                self.problems.extend(damage.map(|damage| Problem { offset, length, damage }));
            }
        }
    }

    /// Counts an event at `offset` of the file, and adds it to the result if it is of a kind that
    /// is read.
    fn count(&mut self, offset: u64, document: Document) {
        let BlockScan { tally, clock, events, .. } = &mut self.scan;
        let system = document.system();
        tally.add(system, &self.window);
        // An event in XML has no record header, so its own time and number are used instead.
        let filetime = system.time_created.and_then(EventTime::filetime);
        if let (Some(header_id), Some(filetime)) = (system.event_record_id, filetime) {
            clock.add(offset, RecordHeader { header_id, filetime });
        }
        if let Document::Event(event) = document {
            let location = Location { chunk_number: 0, record_offset: offset };
            events.push(LocatedEvent { location, integrity: Integrity::Unverified, event });
        }
    }

    /// Scans the text between two events, from offset `start` to offset `end`: white space, the
    /// tags around events, declarations, and the lines that tools write before events (lead-ins).
    /// Anything else is a problem.
    fn between(&mut self, start: u64, end: u64) {
        let there = end.min(self.text.end());
        let mut at = start;
        while at < there {
            let extents = &mut self.scan.tally.extents;
            let from = at;
            if let Some(space) = self.text.space(at..there) {
                at = space;
                extents.empty += at - from;
            } else if let Some(end) = self.text.around(at).or_else(|| self.text.lead_in(at)) {
                at = end;
                extents.header += at - from;
            } else {
                at = self.text.stray(at..there);
                extents.damaged += at - from;
                self.stray(from, at);
            }
        }
        // The bytes after `at` no longer exist, which is reported elsewhere.
        self.scan.tally.extents.unread += end.saturating_sub(at);
    }

    /// Reports the text from `offset` to `end` of the file as a problem: it lies between events,
    /// and is not allowed there. Does nothing if some of it could not be read, because the failed
    /// read is a problem of its own.
    fn stray(&mut self, offset: u64, end: u64) {
        if self.read.has_unread(&self.text.byte_range(offset..end)) {
            return;
        }
        let found = self.text.shown(offset..end, SHOWN);
        self.problems.push(Problem { offset, length: end - offset, damage: Damage::NoEventXml { found } });
    }
}

/// Returns the damage of a DNS query without a `QueryName`; `None` for any other event. Sysmon
/// writes the field in every DNS query, even if its value is empty. The query still counts, and its
/// other fields can match.
fn missing_query_name(document: &Document) -> Option<Damage> {
    let event = document.dns_query()?;
    if event.query_name().is_some() {
        return None;
    }
    let missing = event.missing_fields().into_iter().map(str::to_owned).collect();
    Some(Damage::FieldsLost { header_id: event.system.event_record_id.unwrap_or_default(), missing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::problems::Problems;
    use crate::ledger::tally::Tally;
    use crate::scan::Scanner;
    use dnsweep_samples::{Event, event_xml};
    use proptest::prelude::*;
    use proptest::sample::Index;
    use std::io;

    /// The joined result of scanning all blocks of a file of event XML, for tests.
    #[derive(Debug, Default, PartialEq)]
    struct Scanned {
        events: Vec<LocatedEvent>,
        tally: Tally,
        problems: Vec<Problem>,
        bytes_read: u64,
    }

    impl Scanned {
        /// Returns the parts of the result that do not depend on how the file was divided into
        /// blocks. White space between events is left out, because it is counted in different ways
        /// if a block begins within it.
        fn lasting(&self) -> (&[LocatedEvent], u64, u64, u64, u64, Vec<&Problem>) {
            let extents = self.tally.extents;
            let of_events = self
                .problems
                .iter()
                .filter(|problem| matches!(problem.damage, Damage::EventXml { .. } | Damage::EventXmlCutOff));
            let counts = (self.tally.counts.records, self.tally.damaged_records);
            (&self.events, counts.0, counts.1, extents.good, extents.header, of_events.collect())
        }
    }

    fn scan(log: &dyn LogBytes, size: u64, encoding: Encoding, block: u64) -> Scanned {
        let (mut found, mut problems) = (Scanned::default(), Problems::default());
        let mut scanner = Scanner::default();
        for start in (0..size.max(1)).step_by(usize::try_from(block).unwrap()) {
            let block = Block { start, end: size.min(start + block) };
            let scan = scanner.xml_after(log, block, XmlFile { size, encoding }, |_| ());
            found.events.extend(scan.events);
            found.tally.merge(scan.tally);
            found.bytes_read += scan.bytes_read;
            problems.append(scan.problems);
        }
        found.problems = problems.iter().collect();
        found
    }

    fn events() -> Vec<Event> {
        let names = ["pastebin.com", "a<b>&'", "", "\u{1b}[2J", "ß\u{1F4A9}", "]]>", "</Event>", "<Event >"];
        let queries = names
            .iter()
            .zip(1..)
            .map(|(name, number)| Event::dns_query(name, r"C:\Windows\cmd.exe").on("PC").numbered(number));
        queries.chain([Event::process_create("a.exe", "b", "c").numbered(9)]).collect()
    }

    fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        let bytes: Vec<u8> = match encoding {
            Encoding::Utf8 => text.as_bytes().to_vec(),
            Encoding::Utf16Le => units(u16::to_le_bytes),
            Encoding::Utf16Be => units(u16::to_be_bytes),
        };
        [encoding.mark(), &bytes].concat()
    }

    fn document(encoding: Encoding, separator: &str) -> Vec<u8> {
        let events: Vec<String> = events().iter().map(event_xml).collect();
        let text = format!(
            "<?xml version='1.0'?>\r\n<Events x='y'>{separator}{}</Events>\n",
            events.join(separator)
        );
        encoded(&text, encoding)
    }

    fn encoding() -> impl Strategy<Value = Encoding> {
        prop::sample::select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be])
    }

    /// A proptest strategy for text that a test inserts into a file of event XML.
    fn piece() -> impl Strategy<Value = String> {
        let tags = vec![
            "<Event>",
            "<Event ",
            "</Event>",
            "</Event",
            "<Events>",
            "</Events>",
            "<?xml ",
            "?>",
            "<",
            ">",
            "&a;",
            "&#1;",
            "<System>",
            "</System>",
            "<EventData>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "<!DOCTYPE a [",
            "\0",
            " ",
            "'",
            "x=",
            "<a:Event ",
            "</a:Event>",
            "</a:Events>",
            "\n- ",
            "\nRecord 17\n",
            "\n<14>Mar  4 10:00:00 a ",
            "\nMar  4 10:00:00 a ",
        ];
        let tag = prop::sample::select(tags).prop_map(str::to_owned);
        prop_oneof![3 => tag, 1 => "[ -~]{1,20}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// Whatever is changed in a file of event XML: nothing panics, each byte is counted once,
        /// the division into blocks does not matter, unchanged events read as before, and no event
        /// is invented.
        #[test]
        fn what_is_not_touched_stays_as_it_is(
            encoding in encoding(),
            separator in prop::sample::select(vec!["", "\n", " \r\n", "\n - ", "\nRecord 1\r\n", "\n<14>Mar  4 10:00:00 a b: "]),
            at in any::<Index>(),
            (gone, put) in (0_usize..40, piece()),
            blocks in (100_u64..400, 400_u64..4000),
        ) {
            let whole = document(encoding, separator);
            let before = scan(&whole, whole.len() as u64, encoding, 1 << 21);
            prop_assert_eq!((before.events.len(), before.problems.len()), (8, 0), "{:?}", before.problems);
            let unit = encoding.unit_size();
            let (at, gone) = (at.index(whole.len() / unit) * unit, gone * unit);
            let put = encoded(&put, encoding).split_off(encoding.mark().len());
            let behind = whole.len().min(at + gone);
            let bytes = [&whole[..at], &put[..], &whole[behind..]].concat();
            let size = bytes.len() as u64;
            let found = scan(&bytes, size, encoding, 1 << 21);
            prop_assert_eq!((found.tally.extents.sum(), found.bytes_read), (size, size));
            for block in [blocks.0 * 2, blocks.1 * 2] {
                let cut = scan(&bytes, size, encoding, block);
                prop_assert_eq!(cut.tally.extents.sum(), size);
                prop_assert_eq!(cut.lasting(), found.lasting(), "{}", block);
            }
            let (at, behind, put) = (at as u64, behind as u64, put.len() as u64);
            let ends = before.events.iter().skip(1).map(|event| event.location.record_offset);
            let ends: Vec<u64> = ends.chain([whole.len() as u64]).collect();
            for (event, end) in before.events.iter().zip(&ends) {
                let start = event.location.record_offset;
                let moved = if *end <= at { Some(start) } else if start >= behind { Some(start - behind + at + put) } else { None };
                if let Some(start) = moved {
                    let same = found.events.iter().find(|event| event.location.record_offset == start);
                    prop_assert_eq!(same.map(|event| &event.event), Some(&event.event));
                }
            }
            // At most the changed event can be different, or become two.
            prop_assert!(found.events.len() <= 9 && found.tally.counts.records <= 10);
            for problem in &found.problems {
                // A problem about something missing has no length.
                let is_there = problem.damage != Damage::EventXmlCutOff;
                prop_assert_eq!(problem.length > 0, is_there, "{:?}", problem);
                prop_assert!(problem.offset + problem.length <= size, "{:?}", problem);
            }
        }

        /// Whatever bytes a file contains, scanning it as event XML does not panic and counts each
        /// byte once.
        #[test]
        fn any_bytes_are_all_accounted_for(
            pieces in prop::collection::vec(piece(), 0..40),
            encoding in encoding(),
            odd in any::<bool>(),
            block in 1_u64..200,
        ) {
            let mut bytes = encoded(&pieces.concat(), encoding);
            bytes.extend(odd.then_some(b'<'));
            let size = bytes.len() as u64;
            let (whole, cut) = (scan(&bytes, size, encoding, 1 << 21), scan(&bytes, size, encoding, block * 2));
            prop_assert_eq!((whole.tally.extents.sum(), cut.tally.extents.sum()), (size, size));
            prop_assert_eq!(cut.lasting(), whole.lasting());
        }
    }

    /// A file of event XML for tests in which this range of bytes cannot be read.
    struct BadRange(Vec<u8>, std::ops::Range<u64>);

    impl LogBytes for BadRange {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let is_bad = offset < self.1.end && self.1.start < offset + buffer.len() as u64;
            if is_bad { Err(io::Error::other("bad sector")) } else { self.0.read_at(offset, buffer) }
        }
    }

    #[test]
    fn bytes_that_cannot_be_read_cost_the_events_in_them() {
        let line = |number| event_xml(&Event::dns_query("a", "b").numbered(number)) + "\n";
        let bytes: Vec<u8> = (1..=100).flat_map(|number| line(number).into_bytes()).collect();
        let size = bytes.len() as u64;
        let found = scan(&BadRange(bytes.clone(), 40_960..45_056), size, Encoding::Utf8, 1 << 21);
        assert_eq!((found.tally.extents.sum(), found.bytes_read), (size, size - 4096));
        let [problem] = &found.problems[..] else { panic!("{:?}", found.problems) };
        assert_eq!((problem.offset, problem.length), (40_960, 4096));
        let (records, damaged) = (found.tally.counts.records, found.tally.damaged_records);
        // Nothing is known of what begins in that range.
        assert!(damaged == 1 && (94..99).contains(&records), "{records} {damaged}");
        let whole = scan(&bytes, size, Encoding::Utf8, 1 << 21);
        assert!(found.events.iter().all(|event| whole.events.contains(event)));
        // The file has become shorter.
        let found = scan(&bytes[..1000].to_vec(), size, Encoding::Utf8, 4096);
        assert_eq!((found.tally.extents.sum(), found.bytes_read), (size, 1000));
        assert_eq!(found.tally.extents.unread, size - 1000);
        assert!(found.problems.iter().any(|problem| problem.damage == Damage::Shrunk));
    }

    #[test]
    fn an_event_may_be_as_long_as_the_bound_and_no_longer() {
        let xml = |length: usize| {
            let (head, tail) = ("<Event><System><EventID>1</EventID></System>", "</Event>");
            format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len()))
        };
        let most = usize::try_from(MOST_EVENT_BYTES).unwrap();
        for (length, records) in [(most, 2), (most + 1, 1)] {
            let text = format!("{}{}{}", " ".repeat(100_000), xml(length), xml(80));
            let bytes = text.into_bytes();
            for block in [50_000, 200_000, 1 << 21] {
                let found = scan(&bytes, bytes.len() as u64, Encoding::Utf8, block);
                assert_eq!(
                    (found.tally.counts.records, found.tally.damaged_records),
                    (records, 2 - records),
                    "{length}"
                );
                assert_eq!(found.tally.extents.sum(), bytes.len() as u64);
            }
        }
    }

    #[test]
    fn a_byte_order_mark_that_two_blocks_share_counts_once() {
        let bytes = encoded("\n", Encoding::Utf8);
        let extents = scan(&bytes, 4, Encoding::Utf8, 2).tally.extents;
        assert_eq!((extents.header, extents.empty, extents.sum()), (3, 1, 4));
    }

    #[test]
    fn the_hash_sees_the_blocks_bytes_and_only_if_all_are_there() {
        let bytes = document(Encoding::Utf8, "\n");
        let size = bytes.len() as u64;
        let seen = |log: &dyn LogBytes, block: Block, size| {
            let mut seen = None;
            let file = XmlFile { size, encoding: Encoding::Utf8 };
            Scanner::default().xml_after(log, block, file, |bytes| seen = Some(bytes.map(<[u8]>::to_vec)));
            seen.unwrap()
        };
        let block = Block { start: 500, end: 1700 };
        assert!(seen(&bytes, block, size).as_deref() == Some(&bytes[500..1700]));
        assert_eq!(seen(&bytes, Block { start: 0, end: size + 1 }, size + 1), None);
        assert_eq!(seen(&BadRange(bytes.clone(), 0..9), Block { start: 0, end: size }, size), None);
    }
}
