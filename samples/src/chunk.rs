//! One chunk of 64 KiB that is being written: its bytes, the table of names and the table of
//! templates.
//!
//! The two tables in the chunk's header are the only index: a name or template is looked up by
//! following its chain through the chunk's own bytes, as Windows does. To undo a record that does
//! not fit, the bytes are truncated and the two small tables are restored. The modules `binxml`,
//! `template` and `record` decide what the bytes mean.

use crate::value::Guid;

/// The size of a chunk in bytes.
pub const CHUNK_SIZE: usize = 65_536;
/// The offset of a chunk's first record in bytes from the chunk's start, after the header and
/// tables.
pub const FIRST_RECORD: usize = 512;
/// The offset beyond which no record may end. No real chunk is filled further (measured on 2,228
/// real chunks), and libevtx drops a record that ends at 65,536.
const FULL: usize = 65_528;

const NAME_BUCKETS: usize = 64;
const TEMPLATE_BUCKETS: usize = 32;
/// The offset, in a chunk's header, of the field that says where the free space starts (libevtx's
/// format document, "Chunk header").
const FREE_SPACE: usize = 48;
const FLAGS: usize = 120;
const HEADER_CHECKSUM: usize = 124;
const NAME_TABLE: usize = 128;
const TEMPLATE_TABLE: usize = 384;

/// Returns the hash of an element's or attribute's name (libevtx's format document, "Name hash").
/// Real logs have the same hashes.
pub(crate) fn name_hash(name: &str) -> u16 {
    let hash =
        name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(65_599).wrapping_add(unit.into()));
    (hash & 0xFFFF) as u16
}

/// A 64 KiB chunk of a log that is being written, to which records are added.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    names: [u32; NAME_BUCKETS],
    templates: [u32; TEMPLATE_BUCKETS],
    first_number: Option<u64>,
    last_number: u64,
    last_record: usize,
}

/// The length of a chunk and its tables at some time, which [`Chunk::rewind`] restores to undo a
/// record that does not fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    length: usize,
    names: [u32; NAME_BUCKETS],
    templates: [u32; TEMPLATE_BUCKETS],
}

#[expect(clippy::indexing_slicing, reason = "offsets are those of bytes this type wrote itself")]
impl Chunk {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(CHUNK_SIZE + 4096);
        bytes.resize(FIRST_RECORD, 0);
        Self {
            bytes,
            names: [0; NAME_BUCKETS],
            templates: [0; TEMPLATE_BUCKETS],
            first_number: None,
            last_number: 0,
            last_record: 0,
        }
    }

    /// Returns the offset, from the start of the chunk, at which the next byte is added.
    pub(crate) fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Returns [`Chunk::position`] as the 32-bit number as which a chunk stores offsets. It fits,
    /// because a chunk that is being written exceeds its size by one record at most.
    pub(crate) fn offset(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn put_u8(&mut self, number: u8) {
        self.put(&[number]);
    }

    pub(crate) fn put_u16(&mut self, number: u16) {
        self.put(&number.to_le_bytes());
    }

    pub(crate) fn put_u32(&mut self, number: u32) {
        self.put(&number.to_le_bytes());
    }

    pub(crate) fn put_u64(&mut self, number: u64) {
        self.put(&number.to_le_bytes());
    }

    pub(crate) fn put_units(&mut self, units: &[u16]) {
        self.bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }

    /// Adds a field for a size that is known later, and returns the field's offset for
    /// [`Chunk::close_size`].
    pub(crate) fn open_size(&mut self) -> usize {
        let at = self.position();
        self.put_u32(0);
        at
    }

    /// Stores, in the size field at offset `at`, the number of bytes that were added after the
    /// field.
    pub(crate) fn close_size(&mut self, at: usize) {
        let size = self.position() - at - 4;
        self.set_u32(at, u32::try_from(size).unwrap_or(u32::MAX));
    }

    pub(crate) fn set_u16(&mut self, at: usize, number: u16) {
        self.bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn set_u32(&mut self, at: usize, number: u32) {
        self.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    fn set_u64(&mut self, at: usize, number: u64) {
        self.bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }

    fn u32_at(&self, at: usize) -> u32 {
        self.bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    /// Writes a reference to a name: the name's offset and, on its first use in the chunk, the name
    /// itself directly after (libevtx's format document, "Name"). The name consists of the offset
    /// of the next name in its bucket of the name table, its hash, its length, its UTF-16 text and
    /// a terminator.
    pub(crate) fn put_name(&mut self, name: &str) {
        let hash = name_hash(name);
        let bucket = usize::from(hash) % NAME_BUCKETS;
        let units: Vec<u16> = name.encode_utf16().collect();
        let text: Vec<u8> = units.iter().chain(&[0]).flat_map(|unit| unit.to_le_bytes()).collect();
        let mut known = self.names[bucket];
        while known != 0 {
            let at = known as usize;
            if self.bytes[at + 4..at + 6] == hash.to_le_bytes() && self.bytes[at + 8..].starts_with(&text) {
                self.put_u32(known);
                return;
            }
            known = self.u32_at(at);
        }
        let at = self.offset() + 4;
        self.put_u32(at);
        self.put_u32(self.names[bucket]);
        self.put_u16(hash);
        self.put_u16(u16::try_from(units.len()).unwrap_or(u16::MAX));
        self.put(&text);
        self.names[bucket] = at;
    }

    /// Returns the offset of the template with this GUID; `None` if the chunk does not have it yet.
    pub(crate) fn find_template(&self, guid: Guid) -> Option<u32> {
        let mut known = self.templates[template_bucket(guid)];
        while known != 0 {
            if self.bytes[known as usize + 4..].starts_with(&guid.0) {
                return Some(known);
            }
            known = self.u32_at(known as usize);
        }
        None
    }

    /// Enters a template definition, which is about to be written at the current position, into the
    /// chunk's table of templates. Returns the offset of the next template in its bucket of the
    /// table, which the definition has to store.
    pub(crate) fn add_template(&mut self, guid: Guid) -> u32 {
        let at = self.offset();
        std::mem::replace(&mut self.templates[template_bucket(guid)], at)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { length: self.bytes.len(), names: self.names, templates: self.templates }
    }

    pub(crate) fn rewind(&mut self, mark: &Mark) {
        self.bytes.truncate(mark.length);
        self.names = mark.names;
        self.templates = mark.templates;
    }

    pub(crate) fn is_overfull(&self) -> bool {
        self.bytes.len() > FULL
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first_number.is_none()
    }

    /// Counts the record that starts at `offset` as a record of the chunk.
    pub(crate) fn count_record(&mut self, number: u64, offset: usize) {
        self.first_number.get_or_insert(number);
        self.last_number = number;
        self.last_record = offset;
    }

    /// Returns the finished chunk's bytes. `end` is where its records end and the free space
    /// starts; the bytes after that are slack.
    pub(crate) fn seal(mut self, end: &Mark) -> Vec<u8> {
        self.bytes.resize(CHUNK_SIZE, 0);
        self.bytes[..8].copy_from_slice(b"ElfChnk\0");
        // In real logs, an empty chunk has the records and ids from 1 to -1.
        let last = if self.is_empty() { u64::MAX } else { self.last_number };
        self.set_u64(8, self.first_number.unwrap_or(1));
        self.set_u64(16, last);
        self.set_u64(24, self.first_number.unwrap_or(u64::MAX));
        self.set_u64(32, last);
        self.set_u32(40, 128);
        self.set_u32(44, u32::try_from(self.last_record).unwrap_or(u32::MAX));
        self.set_u32(FREE_SPACE, u32::try_from(end.length).unwrap_or(u32::MAX));
        for (index, offset) in end.names.into_iter().enumerate() {
            self.set_u32(NAME_TABLE + 4 * index, offset);
        }
        for (index, offset) in end.templates.into_iter().enumerate() {
            self.set_u32(TEMPLATE_TABLE + 4 * index, offset);
        }
        self.set_u32(FLAGS, 1);
        write_checksums(&mut self.bytes);
        self.bytes
    }
}

/// Returns the bucket of the chunk's template table into which a template is entered. Windows' rule
/// is unknown (one GUID lies in different buckets of two real logs), and readers follow offsets, so
/// any bucket is right.
fn template_bucket(guid: Guid) -> usize {
    let [first, ..] = guid.0;
    usize::from(first) % TEMPLATE_BUCKETS
}

/// Writes both checksums of a chunk: the CRC-32 of its records up to the free space, and that of
/// its header without the sixteen bytes that contain flags and checksum (libevtx's format document,
/// "Chunk header").
#[expect(clippy::indexing_slicing, reason = "a chunk has its full size")]
pub(crate) fn write_checksums(chunk: &mut [u8]) {
    let free = chunk[FREE_SPACE..FREE_SPACE + 4]
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | usize::from(*byte));
    let records = crc32fast::hash(&chunk[FIRST_RECORD..free.clamp(FIRST_RECORD, CHUNK_SIZE)]);
    chunk[52..56].copy_from_slice(&records.to_le_bytes());
    let mut header = crc32fast::Hasher::new();
    header.update(&chunk[..FLAGS]);
    header.update(&chunk[NAME_TABLE..FIRST_RECORD]);
    chunk[HEADER_CHECKSUM..HEADER_CHECKSUM + 4].copy_from_slice(&header.finalize().to_le_bytes());
}
