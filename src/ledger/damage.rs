//! Damage as data: what is wrong with evidence ([`Damage`]), and how far the bytes of an event can
//! be trusted ([`Integrity`]). Damage does not stop a sweep: it is kept with the results, and the
//! ledger (`files.parquet`) lists it. It is found elsewhere: in a log's header and its
//! chunks by `scan::evtx` (`log`, `chunk`, `walk`), in the content of records by `scan::decode`, in
//! event XML by `scan::xml`, between chunks by the other modules of `scan`, and in files by
//! `scan::read` and `evidence::discover`. `ledger::file` derives the status of a file from it.
//!
//! A new kind of damage needs a variant of [`Damage`] with its text, a row of the guide's page on
//! damage, and an example in `tests/readme.rs`. Journals and parts contain damage, so their layouts
//! in `sweep::journal` and `sweep::parts::part` must be raised.

use std::fmt;

use crate::ledger::event_form::{EventForm, HOW_TO_EXPORT};

/// How far the bytes that an event was read from can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Integrity {
    /// The event's chunk has the right checksums, and nothing else is wrong with the chunk.
    Verified,
    /// Something is wrong with the event's chunk: a checksum, a record, or missing bytes. The event
    /// contains what could still be decoded.
    Damaged,
    /// No checksum covers the event, for example because it is event XML.
    Unverified,
    /// The event was recovered from a deleted record.
    Recovered(RecoveredFrom),
}

/// The bytes that an event was recovered from, by how far checksums confirm them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RecoveredFrom {
    /// The event was recovered from a whole deleted chunk, whose checksums are right.
    DeletedChunk,
    /// The event was recovered from a deleted record whose values no checksum covers. If the record
    /// needs a template, a checksum covers the template: it lies among the live records of the
    /// chunk, and the checksum of these is right.
    OwnValues,
    /// The event was recovered from a deleted record and its template, neither of which a checksum
    /// covers. The template may have been overwritten. The computer's name, and which value belongs
    /// to which field, are therefore uncertain.
    UnverifiedDefinitions,
}

impl Integrity {
    /// Returns the word for this integrity in the column `integrity` of the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Integrity::Verified => "verified",
            Integrity::Damaged => "damaged",
            Integrity::Unverified | Integrity::Recovered(_) => "unverified",
        }
    }

    /// Returns the word in the column `recovered_from` of the tables: which bytes an event was
    /// recovered from. `None` for an event that was not recovered from a deleted record.
    #[must_use]
    pub fn recovered_from(self) -> Option<&'static str> {
        match self {
            Integrity::Recovered(RecoveredFrom::DeletedChunk) => Some("deleted chunk"),
            Integrity::Recovered(RecoveredFrom::OwnValues) => Some("own values"),
            Integrity::Recovered(RecoveredFrom::UnverifiedDefinitions) => Some("unverified definitions"),
            Integrity::Verified | Integrity::Damaged | Integrity::Unverified => None,
        }
    }
}

/// A range of bytes of a file of the evidence, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// The offset at which the range with the problem starts, in bytes from the start of the file.
    pub offset: u64,
    /// The length of the range with the problem, in bytes. It is 0 if the problem is that bytes are
    /// missing at the offset.
    pub length: u64,
    /// What is wrong with the range of bytes.
    pub damage: Damage,
}

/// The kinds of things that can be wrong with a range of a file of the evidence. The text of each
/// kind (`Display`) says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Damage {
    /// Something is wrong with the file according to the container that the file lies in. Examples:
    /// a checksum in an archive does not match the file's bytes, or clusters of a deleted file
    /// belong to another file by now.
    Container {
        /// What is wrong with the file according to its container, in words: what was expected, and
        /// what was found.
        what: String,
    },
    /// The file has no bytes.
    EmptyFile,
    /// The file does not begin with the signature of an event log.
    FileSignature {
        /// The first bytes of the file, where the signature of an event log was expected.
        found: Vec<u8>,
    },
    /// The file contains events in a form that dnsweep does not read.
    OtherForm {
        /// The form in which the file contains events, such as CSV.
        form: EventForm,
    },
    /// The CRC32 that the file header states is not the CRC32 of the header's bytes.
    FileHeaderChecksum {
        /// The CRC32 that the file header states.
        stored: u32,
        /// The CRC32 of the file header's bytes.
        computed: u32,
    },
    /// The file ends before the end of its header of 4096 bytes.
    FileHeaderCutOff,
    /// The file header is missing: the file begins with a chunk. The chunks are read all the same.
    FileHeaderMissing,
    /// The bytes in a slot do not begin with a chunk's signature. A slot is a place for a chunk:
    /// slots lie every 64 KiB after the file header.
    ChunkSignature {
        /// The first bytes of the slot (a place for a chunk), where a chunk's signature was
        /// expected.
        found: Vec<u8>,
    },
    /// A misaligned chunk: a chunk that does not begin at a multiple of 64 KiB after the file
    /// header. Its records are read and counted.
    ChunkMisaligned,
    /// A nested chunk header: a chunk header that lies in the header or in a record of another
    /// chunk. Its bytes are read as a part of that other chunk.
    ChunkEmbedded,
    /// A chunk that is cut off by the end of the file, or by another chunk that overwrote it.
    ChunkCutOff {
        /// The number of bytes that are left of the chunk's 65,536 bytes.
        found: u64,
    },
    /// The CRC32 that a chunk header states is not the CRC32 of the header's bytes.
    ChunkHeaderChecksum {
        /// The CRC32 that the chunk header states.
        stored: u32,
        /// The CRC32 of the chunk header's bytes.
        computed: u32,
    },
    /// The CRC32 that a chunk header states for the chunk's records is not the CRC32 of their
    /// bytes.
    RecordsChecksum {
        /// The CRC32 that the chunk header states for the bytes of the chunk's records.
        stored: u32,
        /// The CRC32 of the bytes of the chunk's records.
        computed: u32,
    },
    /// A chunk header states a wrong end of the chunk's records. The end lies outside the chunk; or
    /// no checksum confirms it, and either no record ends there, or more live records follow.
    FreeSpaceOffset {
        /// The end of the records that the chunk header states, as an offset in the chunk.
        found: u32,
    },
    /// Bytes that are not the header of a record, at a place in a chunk where a record should
    /// start.
    RecordHeader {
        /// The first bytes at the place where a record should start.
        found: Vec<u8>,
    },
    /// The size in a record's header is below the least possible size of a record, or reaches
    /// beyond the end of the chunk.
    RecordSize {
        /// The size in the record's header, in bytes.
        found: u32,
        /// The number of bytes from the record's start to the end of the chunk.
        left: u64,
    },
    /// The copy of a record's size at the record's end differs from the size in its header.
    RecordSizeCopy {
        /// The size in the record's header, in bytes.
        size: u32,
        /// The copy of the record's size that lies at the record's end, in bytes.
        copy: u32,
    },
    /// A record whose content cannot be decoded.
    Record {
        /// The number in the record's header, which in an exported log differs from the
        /// EventRecordID.
        header_id: u64,
        /// The decoder's message: why the content cannot be decoded.
        reason: String,
    },
    /// A DNS query whose template refers to damaged names of XML elements. The DNS query is used
    /// all the same: the template also contains the names of the fields as texts, such as
    /// `QueryName`, and they show which value belongs to which field.
    NamesReplaced {
        /// The number in the header of the record that has the DNS query.
        header_id: u64,
    },
    /// A DNS query whose record does not have all of the fields that every DNS query of Sysmon has.
    FieldsLost {
        /// The number in the header of the DNS query's record. In event XML, which has no record
        /// headers, it is the EventRecordID, or 0 if the event has none.
        header_id: u64,
        /// The names of the fields that the DNS query's record should have and does not have.
        missing: Vec<String>,
    },
    /// An event in XML that cannot be read.
    EventXml {
        /// What was expected in the event, and what was found.
        reason: String,
    },
    /// Bytes between the events of a file of event XML that are something other than an event.
    NoEventXml {
        /// The beginning, as text in UTF-8, of the bytes that are something other than an event.
        found: Vec<u8>,
    },
    /// A file of event XML that ends before its outermost element, `Events`, is closed.
    EventXmlCutOff,
    /// A range of bytes that could not be read.
    Read {
        /// Why the bytes could not be read, for example the operating system's message.
        reason: String,
    },
    /// A log that was closed cleanly, but whose header counts more chunks than the file has. The
    /// end of the file was lost.
    MissingChunks {
        /// The number of chunks that the log's header states.
        promised: u64,
        /// The number of slots (places for a chunk of 64 KiB) that the file has.
        found: u64,
    },
    /// Bytes that the file had when the sweep found it, but no longer when the sweep read it.
    Shrunk,
    /// Bytes that the sweep did not reach before it was interrupted.
    NotRead,
    /// The last problem in a file's list, if the list is full: further problems are counted, but
    /// not listed one by one.
    Further {
        /// The number of the file's problems that are not listed.
        count: u64,
    },
    /// A file that another program wrote to, or replaced by another file, while the sweep read it.
    Changed,
}

/// The message for [`Damage::Changed`]: another program changed or replaced the file during the
/// sweep.
const CHANGED: &str = "the file changed while the sweep read it: expected the file, size and modification time that were listed, found others";

/// The end of the message for [`Damage::NamesReplaced`]: the names of a DNS query's fields are
/// damaged, and its values were identified in another way. The number of the record comes before
/// it.
const NAMES_REPLACED: &str = "expected readable names of its fields, found damaged ones; identified its values by the texts next to them";

/// The message for [`Damage::ChunkMisaligned`]: a chunk does not lie at a multiple of 64 KiB after
/// the file header.
const MISALIGNED: &str =
    "chunk off its place: expected one every 65536 bytes after the log's header, found one here, and read it";
/// The message for [`Damage::FileHeaderMissing`]: the file begins with a chunk.
const HEADER_MISSING: &str =
    "the log's header is missing: expected its 4096 bytes, found a chunk, and read all chunks from here on";
/// The message for [`Damage::ChunkEmbedded`]: a chunk header lies inside another chunk.
const EMBEDDED: &str =
    "header of a chunk inside the header or a record of another chunk: read as a part of that chunk";

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Container { what } => f.write_str(what),
            Damage::EmptyFile => write!(f, "empty file: expected an event log, found no bytes"),
            Damage::FileSignature { found } => write_signature(f, "file", "ElfFile", found),
            Damage::OtherForm { form } => {
                write_expected(f, "file signature", "\"ElfFile\\0\" or event XML", "events as ")?;
                write!(f, "{}; {HOW_TO_EXPORT}", form.name())
            }
            Damage::FileHeaderChecksum { stored, computed } => {
                write_checksums(f, "file header checksum", *stored, "its bytes", *computed)
            }
            Damage::FileHeaderMissing => f.write_str(HEADER_MISSING),
            Damage::FileHeaderCutOff => write!(f, "the file ends inside its header of 4096 bytes"),
            Damage::ChunkSignature { found } => write_signature(f, "chunk", "ElfChnk", found),
            Damage::ChunkMisaligned => f.write_str(MISALIGNED),
            Damage::ChunkEmbedded => f.write_str(EMBEDDED),
            Damage::ChunkCutOff { found } => write_expected(f, "chunk cut off", "65536 bytes", found),
            Damage::ChunkHeaderChecksum { stored, computed } => {
                write_checksums(f, "chunk header checksum", *stored, "its bytes", *computed)
            }
            Damage::RecordsChecksum { stored, computed } => {
                write_checksums(f, "checksum of the chunk's records", *stored, "the records", *computed)
            }
            Damage::FreeSpaceOffset { found } => {
                write_expected(f, "chunk header", "the last record's end, between 512 and 65536", found)
            }
            Damage::RecordHeader { found } => {
                write_expected(f, "record", "its signature 2a2a0000", Bytes(found))
            }
            Damage::RecordSize { found, left } => {
                let expected = format!("between 28 and the {left} bytes left for records");
                write_expected(f, "record size", &expected, found)
            }
            Damage::RecordSizeCopy { size, copy } => {
                write!(f, "record size: {size} at the record's start, {copy} at its end")
            }
            Damage::Record { header_id, reason } => {
                write!(f, "record with header id {header_id} cannot be decoded: {reason}")
            }
            Damage::NamesReplaced { header_id } => write_query(f, *header_id, NAMES_REPLACED),
            Damage::FieldsLost { header_id, missing } => write_fields_lost(f, *header_id, missing),
            Damage::EventXml { reason } => write!(f, "event in XML cannot be read: {reason}"),
            Damage::NoEventXml { found } => write_expected(f, "event XML", "an event", Bytes(found)),
            Damage::EventXmlCutOff => {
                write_expected(f, "event XML", "the end of the element Events", "the end of the file")
            }
            Damage::Read { reason } => write!(f, "cannot be read: {reason}"),
            Damage::MissingChunks { promised, found } => {
                write!(f, "the file ends early: its header counts {promised} chunks, found {found}")
            }
            Damage::Shrunk => write!(f, "the file was longer when it was found than when it was read"),
            Damage::Changed => f.write_str(CHANGED),
            Damage::NotRead => write!(f, "not read: the sweep was interrupted"),
            Damage::Further { count } => write!(f, "{count} further problems are counted, not listed"),
        }
    }
}

/// Writes a message about a DNS query: the number in the header of its record, and what is wrong
/// with the query.
fn write_query(f: &mut fmt::Formatter<'_>, header_id: u64, what: &str) -> fmt::Result {
    write!(f, "DNS query with header id {header_id}: {what}")
}

/// Writes a message about a DNS query in whose record the fields `missing` are not found.
fn write_fields_lost(f: &mut fmt::Formatter<'_>, header_id: u64, missing: &[String]) -> fmt::Result {
    let lost = format!("expected all of its fields, found none called {}", missing.join(", "));
    write_query(f, header_id, &lost)
}

/// Writes the message that a `whole` (a file or a chunk) does not begin with its signature:
/// `signature` and a zero byte. `found` is what it begins with.
fn write_signature(f: &mut fmt::Formatter<'_>, whole: &str, signature: &str, found: &[u8]) -> fmt::Result {
    let (what, expected) = (format!("{whole} signature"), format!("\"{signature}\\0\""));
    write_expected(f, &what, &expected, Bytes(found))
}

/// Writes a message that names a thing that is wrong (`what`), what was expected of it, and what
/// was found.
fn write_expected(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    expected: &str,
    found: impl fmt::Display,
) -> fmt::Result {
    write!(f, "{what}: expected {expected}, found {found}")
}

/// Writes a message about a wrong checksum. `what` names the checksum, `stored` is its value in a
/// header, and `computed` is the checksum of the bytes that `bytes` names.
fn write_checksums(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    stored: u32,
    bytes: &str,
    computed: u32,
) -> fmt::Result {
    write!(f, "{what}: header says {stored:#010x}, {bytes} give {computed:#010x}")
}

/// Bytes in the form in which messages show them: as text if all are printable ASCII, otherwise in
/// hexadecimal.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return write!(f, "nothing");
        }
        if self.0.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return write!(f, "\"{}\"", String::from_utf8_lossy(self.0));
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_text_only_where_they_are_text() {
        let text = |found: &[u8]| Damage::FileSignature { found: found.to_vec() }.to_string();
        assert!(text(b"hello!!!").ends_with("found \"hello!!!\""));
        assert!(text(b"\x1b[31mred").ends_with("found 1b5b33316d726564"));
    }
}
