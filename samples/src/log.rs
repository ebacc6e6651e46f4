//! A whole log: file header and chunks.
//!
//! ```
//! use dnsweep_samples::{Event, LogWriter, Style};
//!
//! # fn main() -> Result<(), dnsweep_samples::Error> {
//! let mut log = LogWriter::new(Style::Live);
//! log.push(&Event::dns_query("pastebin.com", r"C:\Windows\System32\cmd.exe").numbered(4711))?;
//! let bytes = log.finish();
//! assert_eq!(bytes.len(), 4096 + 65_536);
//! # Ok(())
//! # }
//! ```

use crate::chunk::{CHUNK_SIZE, Chunk, Mark};
use crate::error::Error;
use crate::event::Event;
use crate::record::{Style, write_record};

/// The size in bytes of a log's file header with its padding. The first chunk follows.
pub const HEADER_SIZE: usize = 4096;

/// The place of a record in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The 0-based index of the record's chunk.
    pub chunk: usize,
    /// The offset of the record in bytes from the start of the file.
    pub offset: usize,
    /// The size of the record in bytes.
    pub size: usize,
}

/// Writes a log event by event.
#[derive(Debug)]
pub struct LogWriter {
    style: Style,
    dirty: bool,
    stale_header: bool,
    first_number: u64,
    own_numbers: bool,
    pushed: u64,
    finished: Vec<u8>,
    used_chunks: usize,
    open: Option<Chunk>,
}

impl LogWriter {
    /// Begins a log of this style. Its file header is as usual for the style: for a live log, it is
    /// dirty and says what it said when the log was created; otherwise it is right and clean.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            dirty: style == Style::Live,
            stale_header: style == Style::Live,
            first_number: 1,
            own_numbers: false,
            pushed: 0,
            finished: Vec::new(),
            used_chunks: 0,
            open: Some(Chunk::new()),
        }
    }

    /// Sets the number in the header of the first record, which need not be its EventRecordID. Must
    /// be called before any event is added.
    #[must_use]
    pub fn first_number(mut self, number: u64) -> Self {
        self.first_number = number;
        self
    }

    /// Numbers each record in its header by the event's EventRecordID, as Windows does in a
    /// machine's own log. Without this, records are numbered from the first record of the log on,
    /// as in an export or a collector's log.
    #[must_use]
    pub fn own_numbers(mut self) -> Self {
        self.own_numbers = true;
        self
    }

    /// Sets or clears the dirty flag of the file header.
    #[must_use]
    pub fn dirty(mut self, dirty: bool) -> Self {
        self.dirty = dirty;
        self
    }

    /// Sets whether the file header still says what it said when the log was created: one chunk,
    /// and the first record number as the next one. All real Sysmon logs with several chunks that
    /// were copied while in use have such a header.
    #[must_use]
    pub fn stale_header(mut self, stale: bool) -> Self {
        self.stale_header = stale;
        self
    }

    /// Appends an event, in a new chunk if the current one has no room for it. Returns where the
    /// record lies.
    pub fn push(&mut self, event: &Event) -> Result<Place, Error> {
        if let Some(place) = self.try_push(event)? {
            return Ok(place);
        }
        self.end_chunk();
        self.try_push(event)?.ok_or(Error::RecordTooLarge(event.record_id))
    }

    /// Appends events, in this order.
    pub fn push_all<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> Result<(), Error> {
        events.into_iter().try_for_each(|event| self.push(event).map(|_| ()))
    }

    /// Ends the current chunk, full or not. The next event starts a new one.
    pub fn end_chunk(&mut self) {
        if let Some(chunk) = self.open.take() {
            let end = chunk.mark();
            self.seal(chunk, &end);
        }
    }

    /// Ends the current chunk and leaves complete records of the events `stale` after its records,
    /// where the chunk's header says that the free space is: a chunk that is overwritten keeps
    /// parts of older records. They are no events of the log. Their record numbers are their
    /// EventRecordIDs. It is an error if they do not fit.
    pub fn end_chunk_leaving(&mut self, stale: &[Event]) -> Result<(), Error> {
        let mut chunk = self.open.take().unwrap_or_else(Chunk::new);
        let end = chunk.mark();
        chunk.put(&remains());
        for event in stale {
            write_record(&mut chunk, self.style, event.record_id, event)?;
            if chunk.is_overfull() {
                return Err(Error::RecordTooLarge(event.record_id));
            }
        }
        self.seal(chunk, &end);
        Ok(())
    }

    /// Ends the current chunk and appends chunks of zeros, as in a log that grew in advance.
    pub fn add_zeroed_chunks(&mut self, count: usize) {
        self.end_chunk();
        self.finished.resize(self.finished.len() + count * CHUNK_SIZE, 0);
    }

    /// Returns the bytes of the log. A log without any event has one chunk without records, as
    /// Windows writes it.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.end_chunk();
        let mut bytes = self.header();
        bytes.append(&mut self.finished);
        bytes
    }

    /// Appends the event to the chunk that is being written. Returns `None` and changes nothing if
    /// the chunk has no room for it.
    fn try_push(&mut self, event: &Event) -> Result<Option<Place>, Error> {
        let number = if self.own_numbers { event.record_id } else { self.first_number + self.pushed };
        let chunk = self.open.get_or_insert_with(Chunk::new);
        let before = chunk.mark();
        let written = write_record(chunk, self.style, number, event);
        if written.is_err() || chunk.is_overfull() {
            chunk.rewind(&before);
            return written.map(|_| None);
        }
        let start = written?;
        let size = chunk.position() - start;
        chunk.count_record(number, start);
        self.pushed += 1;
        let chunk = self.finished.len() / CHUNK_SIZE;
        Ok(Some(Place { chunk, offset: HEADER_SIZE + self.finished.len() + start, size }))
    }

    fn seal(&mut self, chunk: Chunk, end: &Mark) {
        self.finished.append(&mut chunk.seal(end));
        self.used_chunks = self.finished.len() / CHUNK_SIZE;
    }

    /// Returns the file header: 128 bytes with fields, padded to 4096 (libevtx's format document,
    /// "File header").
    fn header(&self) -> Vec<u8> {
        let (chunks, next) = if self.stale_header {
            (1, self.first_number)
        } else {
            (self.used_chunks, self.first_number + self.pushed)
        };
        // Real exports have version 3.2, and real logs in use 3.1 (measured).
        let minor: u16 = if self.style == Style::Export { 2 } else { 1 };
        let mut header = Vec::with_capacity(HEADER_SIZE + self.finished.len());
        header.extend(b"ElfFile\0");
        header.extend(0_u64.to_le_bytes());
        header.extend((chunks.saturating_sub(1) as u64).to_le_bytes());
        header.extend(next.to_le_bytes());
        header.extend(128_u32.to_le_bytes());
        header.extend(minor.to_le_bytes());
        header.extend(3_u16.to_le_bytes());
        header.extend(4096_u16.to_le_bytes());
        header.extend(u16::try_from(chunks).unwrap_or(u16::MAX).to_le_bytes());
        header.resize(120, 0);
        let checksum = crc32fast::hash(&header);
        header.extend(u32::from(self.dirty).to_le_bytes());
        header.extend(checksum.to_le_bytes());
        header.resize(HEADER_SIZE, 0);
        header
    }
}

/// Returns the end of a record whose start was overwritten. It is put at the start of a chunk's
/// free space, before whole deleted records, so that a reader that simply walks on from record to
/// record, as dissect does, stops there.
fn remains() -> Vec<u8> {
    let text = "C:\\Windows\\System32\\svchost.exe\0CORP\\old\0\0\0".encode_utf16();
    let mut bytes: Vec<u8> = text.flat_map(u16::to_le_bytes).collect();
    // A record ends with its size, at a multiple of eight.
    bytes.resize(bytes.len().next_multiple_of(8) + 4, 0);
    bytes.extend(728_u32.to_le_bytes());
    bytes
}
