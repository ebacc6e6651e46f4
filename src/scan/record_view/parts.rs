//! Takes a record apart: into its header, and its template instance with the values. Values that
//! are nested binary XML are taken apart too.
//!
//! Layout: [MS-EVEN6] 2.2.12, and libevtx's format document, "Event record". The parts always cover
//! all bytes of the record, in order, even if the record is damaged: a size that reaches too far
//! ends where the record does.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::definition::places;
use super::value_text::{number, type_name, value_text};
use crate::event::{EventTime, RecordPart};
use crate::scan::evtx::binxml::descriptor::{DESCRIPTOR_SIZE, size, value_type};
use crate::scan::evtx::binxml::token::END_OF_FRAGMENT;
use crate::scan::evtx::binxml::{FRAGMENT, FRAGMENT_HEADER, GUID, INSTANCE_START, Index};
use crate::scan::evtx::chunk::SIZE_COPY_SIZE;

/// The greatest depth to which nested binary XML is divided into parts; deeper binary XML is one
/// part. Windows nests `EventData` once; crafted records can nest as often as their size allows.
const MOST_DEPTH: usize = 4;
/// The maximum number of parts into which a record is taken apart. Real records have some hundred.
/// In a crafted record with more, the remaining content is one part.
const MOST_PARTS: usize = 4000;
/// The name of the part with the rest of a record that has too many parts.
const NOT_TAKEN_APART: &str = "not taken apart: there are too many parts";

/// Divides the record in the range `record` of a chunk into parts, in order: bytes that mean one
/// thing, such as a field of the header or a value. The record must have at least the size of a
/// header and of the copy of its size.
pub(super) fn parts(chunk: &[u8], record: Range<usize>) -> Vec<RecordPart> {
    let mut cursor =
        Cursor { chunk, start: record.start, at: record.start, parts: Vec::new(), places: BTreeMap::new() };
    let content_end = record.end - SIZE_COPY_SIZE;
    cursor.header(content_end);
    cursor.binary_xml(content_end, 0);
    cursor.rest(content_end, 0, "unused");
    cursor.number(SIZE_COPY_SIZE, record.end, 0, "copy of the size");
    cursor.parts
}

/// Divides a record into parts, which are bytes that mean one thing. It moves over the record's
/// bytes from the first to the last, and adds a part for each piece that it passes.
struct Cursor<'a> {
    chunk: &'a [u8],
    /// The offset of the record in the chunk.
    start: usize,
    /// The offset, in the chunk, of the first byte that belongs to no part yet.
    at: usize,
    parts: Vec<RecordPart>,
    /// For the offset of each template definition that was read, the places (elements and
    /// attributes) that values fill. Kept because nested values often use one definition many
    /// times.
    places: BTreeMap<usize, Rc<BTreeMap<Index, String>>>,
}

impl<'a> Cursor<'a> {
    /// Takes the next `length` bytes, or those up to offset `end` of the chunk if there are fewer,
    /// as a part of the record, and returns them. `depth`, `name` and `value` describe the part as
    /// the fields of [`RecordPart`] do.
    fn take(
        &mut self,
        length: usize,
        end: usize,
        depth: usize,
        name: impl Into<String>,
        value: impl FnOnce(&[u8]) -> Option<String>,
    ) -> &'a [u8] {
        let length = length.min(end.saturating_sub(self.at));
        let bytes = self.chunk.get(self.at..self.at + length).unwrap_or_default();
        if !bytes.is_empty() {
            let offset = self.at - self.start;
            let part =
                RecordPart { offset, length: bytes.len(), depth, name: name.into(), value: value(bytes) };
            self.parts.push(part);
            self.at += bytes.len();
        }
        bytes
    }

    /// Takes a number of `length` bytes as a part of the record, and returns the number. `end`,
    /// `depth` and `name` are those of [`Cursor::take`].
    fn number(&mut self, length: usize, end: usize, depth: usize, name: &str) -> u64 {
        number(self.take(length, end, depth, name, |bytes| Some(number(bytes).to_string())))
    }

    /// Takes all bytes up to offset `end` of the chunk as one part of the record, without a value.
    /// `depth` and `name` describe the part as the fields of [`RecordPart`] do.
    fn rest(&mut self, end: usize, depth: usize, name: &str) {
        self.take(usize::MAX, end, depth, name, |_| None);
    }

    fn header(&mut self, end: usize) {
        self.take(4, end, 0, "signature of a record", |_| None);
        self.number(4, end, 0, "size of the record in bytes");
        self.number(8, end, 0, "number of the record in its log");
        self.take(8, end, 0, "time written", |bytes| {
            EventTime::from_filetime(number(bytes)).and_then(EventTime::system_time)
        });
    }

    /// Takes binary XML that ends at offset `end` of the chunk, with the token that ends it, as
    /// parts of the record. `depth` is the number of values in which the binary XML lies.
    fn binary_xml(&mut self, end: usize, depth: usize) {
        if self.begins_with(&FRAGMENT_HEADER) {
            self.take(FRAGMENT_HEADER.len(), end, depth, "start of binary XML", |_| {
                Some("version 1.1".to_owned())
            });
        }
        if !self.begins_with(&INSTANCE_START) {
            return self.rest(end, depth, "binary XML without a template");
        }
        self.take(INSTANCE_START.len(), end, depth, "use of a template", |_| None);
        self.take(4, end, depth, "number of the template", |bytes| Some(format!("{:#010x}", number(bytes))));
        let offset = self.take(4, end, depth, "offset of the template in the chunk", |bytes| {
            Some(format!("{:#x}", number(bytes)))
        });
        let definition = usize::try_from(number(offset)).unwrap_or(usize::MAX);
        if definition == self.at {
            self.definition(end, depth);
        }
        let chunk = self.chunk;
        let places =
            Rc::clone(self.places.entry(definition).or_insert_with(|| Rc::new(places(chunk, definition))));
        let count = self.number(4, end, depth, "number of values");
        let mut descriptors: Vec<[u8; DESCRIPTOR_SIZE]> = Vec::new();
        for index in 0..count {
            if self.parts.len() >= MOST_PARTS {
                return self.rest(end, depth, NOT_TAKEN_APART);
            }
            let value = |bytes: &[u8]| {
                let descriptor = *bytes.first_chunk()?;
                let (kind, size) = (type_name(value_type(descriptor)), size(descriptor));
                Some(if size == 1 { format!("{kind} of 1 byte") } else { format!("{kind} of {size} bytes") })
            };
            let name = format!("type and size of value {index}");
            let Some(descriptor) = self.take(DESCRIPTOR_SIZE, end, depth, name, value).first_chunk() else {
                break;
            };
            descriptors.push(*descriptor);
        }
        for (index, descriptor) in (0..).zip(descriptors) {
            if self.parts.len() >= MOST_PARTS {
                return self.rest(end, depth, NOT_TAKEN_APART);
            }
            let place = places.get(&index).map_or(String::new(), |place| format!(": {place}"));
            self.value(descriptor, end, depth, format!("value {index}{place}"));
        }
        if self.begins_with(&[END_OF_FRAGMENT]) {
            self.take(1, end, depth, "end of binary XML", |_| None);
        }
    }

    /// Takes the template definition that lies in the record, because the record is the first of
    /// its chunk to use it, as parts of the record.
    fn definition(&mut self, end: usize, depth: usize) {
        self.take(4, end, depth, "offset of the next template in the chunk, 0 for none", |bytes| {
            Some(format!("{:#x}", number(bytes)))
        });
        self.take(16, end, depth, "GUID of the template", |bytes| value_text(GUID, bytes));
        let size = self.number(4, end, depth, "size of the template in bytes");
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.take(size, end, depth, "the template: elements and attributes, which the values fill", |_| None);
    }

    /// Takes the value that has this descriptor (its size and type) as a part `name` of the record.
    /// If the value is binary XML, takes its parts instead. `depth` is the number of values in
    /// which the value lies.
    fn value(&mut self, descriptor: [u8; DESCRIPTOR_SIZE], end: usize, depth: usize, name: String) {
        let (kind, size) = (value_type(descriptor), size(descriptor));
        if kind == FRAGMENT && size > 0 && depth < MOST_DEPTH {
            let end = end.min(self.at.saturating_add(size));
            self.binary_xml(end, depth + 1);
            return self.rest(end, depth + 1, "unused");
        }
        self.take(size, end, depth, name, |bytes| value_text(kind, bytes));
    }

    fn begins_with(&self, bytes: &[u8]) -> bool {
        self.chunk.get(self.at..).is_some_and(|rest| rest.starts_with(bytes))
    }
}
