//! A block of a file of event XML: reads it, and gives back the events that begin in it.
//!
//! Where an event lies is told by tags alone (`text`), so that a block can be read without all those before it; what it says is
//! read by `quick-xml` (`parse`). What begins in a block belongs to it, up to its end, be that in the next. So that both agree, a
//! little of what lies on either side of a block is read too; and more, where that does not tell.

mod parse;
mod text;

use self::parse::parse;
use self::text::{Ending, Piece, Text};
use super::block::{BlockScan, LocatedEvent, Location, Scanner};
use super::document::Document;
use super::log::Block;
use super::read::Read;
use crate::bytes::LogBytes;
use crate::clock::Written;
use crate::damage::{Damage, Problem};
use crate::event::{EventTime, System};
use crate::event_xml::Encoding;

/// The most bytes that an event may have. What Windows logs has at most 64 KiB in its binary form; as UTF-16, with all of it
/// escaped, that comes to less than this.
pub(super) const MOST_EVENT_BYTES: u64 = 1 << 20;
/// The most bytes that a tag or declaration outside of events may have.
const MOST_TAG_BYTES: u64 = 4096;
/// How many bytes are read on either side of a block: enough for events as they are, and enough for any.
const NEAR: u64 = 64 << 10;
const FAR: u64 = MOST_EVENT_BYTES + 2 * MOST_TAG_BYTES;
/// How many bytes of what is no event are shown.
const SHOWN: usize = 24;

/// A file of event XML, as far as it is known before it is read.
#[derive(Debug, Clone, Copy)]
pub struct XmlFile {
    /// Its bytes.
    pub size: u64,
    /// How they are text.
    pub encoding: Encoding,
}

impl Scanner {
    /// Reads a block of a file of event XML, and decodes the events that begin in it. `see` is shown the block's bytes as
    /// in [`Scanner::scan_after`].
    pub fn xml_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        file: XmlFile,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        let mut see = Some(see);
        let scan = self
            .xml_within(log, block, file, NEAR, |bytes| see.take().into_iter().for_each(|see| see(bytes)));
        // As far as this the text always tells.
        scan.or_else(|| self.xml_within(log, block, file, FAR, |_| ())).unwrap_or_default()
    }

    /// The same, with so many bytes on either side of the block; `None` if these do not tell what belongs to it.
    fn xml_within(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        file: XmlFile,
        margin: u64,
        see: impl FnOnce(Option<&[u8]>),
    ) -> Option<BlockScan> {
        let around = block.start.saturating_sub(margin)..file.size.min(block.end.saturating_add(margin));
        self.buffer.read(log, around.clone());
        let own = self.buffer.part(block.start..block.end);
        see(own.problems.is_empty().then_some(&*own.bytes));
        let (bytes_read, problems) = (own.bytes_read(), own.problems);
        let read = self.buffer.part(around.clone());
        let is_end = around.end == file.size || read.bytes.len() as u64 != around.end - around.start;
        let text = Text::new(read.bytes, around.start, file.encoding, is_end);
        let start = text.start_of(block, margin == FAR)?;
        let pieces = text.pieces(start..block.end)?;
        let mut walk =
            XmlWalk { text, read: &read, problems, scan: BlockScan { bytes_read, ..BlockScan::default() } };
        walk.walk(start, block.end, pieces);
        Some(walk.finish())
    }
}

/// What is found on the way through a block.
struct XmlWalk<'a> {
    text: Text<'a>,
    read: &'a Read<'a>,
    problems: Vec<Problem>,
    scan: BlockScan,
}

impl XmlWalk<'_> {
    /// Goes through all that belongs to the block.
    fn walk(&mut self, start: u64, end: u64, pieces: Vec<Piece>) {
        let mut at = start;
        for piece in pieces {
            self.between(at, piece.range.start);
            at = piece.range.end;
            self.event(&piece);
        }
        self.between(at, end);
    }

    /// What was found, the problems in their order.
    fn finish(mut self) -> BlockScan {
        self.problems.sort_by_key(|problem| problem.offset);
        for problem in self.problems {
            self.scan.problems.push(problem);
        }
        self.scan
    }

    /// Decodes an event.
    fn event(&mut self, piece: &Piece) {
        let (offset, length) = (piece.range.start, piece.range.end - piece.range.start);
        // What stands in for bytes that cannot be read is no evidence; that they cannot be is said already.
        let is_lacking = self.read.lacks(&self.text.places(piece.range.clone()));
        let document = match piece.ending {
            _ if is_lacking => Err(None),
            Ending::Whole => self.text.decoded(piece.range.clone()).and_then(|xml| parse(&xml)).map_err(Some),
            Ending::Another => Err(Some("expected its end, found another event in it".to_owned())),
            Ending::File => Err(Some("expected its end, found the file's".to_owned())),
            Ending::TooLong => Err(Some(format!("expected its end within {MOST_EVENT_BYTES} bytes"))),
        };
        let tally = &mut self.scan.tally;
        match document {
            Ok(document) => {
                tally.extents.good += length;
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

    fn count(&mut self, offset: u64, document: Document) {
        let BlockScan { tally, clock, events, .. } = &mut self.scan;
        let mut add = |system: &System| {
            tally.add(system);
            // An event has no header that tells when it was written: its own time and number stand for that.
            let filetime = system.time_created.and_then(EventTime::filetime);
            if let (Some(header_id), Some(filetime)) = (system.event_record_id, filetime) {
                clock.add(offset, Written { header_id, filetime });
            }
        };
        match document {
            Document::Other(system) => add(&system),
            Document::DnsQuery(event) => {
                add(&event.system);
                let location = Location { chunk_number: 0, record_offset: offset };
                events.push(LocatedEvent { location, event: *event });
            }
        }
    }

    /// Goes through what lies between events: white space, the tags around them and declarations; anything else is a problem.
    fn between(&mut self, start: u64, end: u64) {
        let there = end.min(self.text.end());
        let mut at = start;
        while at < there {
            let extents = &mut self.scan.tally.extents;
            let from = at;
            if let Some(space) = self.text.space(at..there) {
                at = space;
                extents.empty += at - from;
            } else if let Some(tag) = self.text.around(at) {
                at = tag;
                extents.header += at - from;
            } else {
                at = self.text.stray(at..there);
                extents.damaged += at - from;
                self.stray(from, at);
            }
        }
        // The file has become shorter, which is said already.
        self.scan.tally.extents.damaged += end.saturating_sub(at);
    }

    /// Notes what is no event, unless it is that the bytes cannot be read, which is said already.
    fn stray(&mut self, offset: u64, end: u64) {
        if self.read.lacks(&self.text.places(offset..end)) {
            return;
        }
        let found = self.text.shown(offset..end, SHOWN);
        self.problems.push(Problem { offset, length: end - offset, damage: Damage::NoEventXml { found } });
    }
}
