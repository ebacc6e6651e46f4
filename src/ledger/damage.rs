//! What is wrong with evidence without stopping a sweep: problems are data that travel with the
//! results and end up in the ledger.

use std::fmt;

use crate::ledger::event_form::{EventForm, HOW_TO_EXPORT};

/// What is known of the bytes that an event was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Integrity {
    /// Its chunk has the checksums that were written with it, and nothing is wrong with it.
    Verified,
    /// Something is wrong with its chunk: a checksum, a record, bytes that are not there. The event
    /// is what still reads as one.
    Damaged,
    /// No checksum says anything of it.
    Unverified,
    /// It was deleted.
    Recovered(RecoveredFrom),
}

/// What an event from a deleted record rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RecoveredFrom {
    /// A chunk that was deleted whole, and whose checksums hold.
    DeletedChunk,
    /// The record's own values. What else they take to be read lies among live records that have
    /// their checksum, or there is nothing else.
    OwnValues,
    /// The record's own values, and definitions that have no checksum and may be altered: of its
    /// computer, and of which value is which.
    UnverifiedDefinitions,
}

impl Integrity {
    /// The word in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Integrity::Verified => "verified",
            Integrity::Damaged => "damaged",
            Integrity::Unverified | Integrity::Recovered(_) => "unverified",
        }
    }

    /// The word in the tables for what a deleted event rests on; `None` of any other.
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

/// A range of a file that could not be taken as it should be, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// Where the range starts, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes the range has; 0 where nothing is there that should be.
    pub length: u64,
    /// What is wrong.
    pub damage: Damage,
}

/// What can be wrong. The text (`Display`) says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Damage {
    /// The file has no bytes at all.
    EmptyFile,
    /// The file does not begin with the signature of an event log.
    FileSignature {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// The file holds events in a form that is not read.
    OtherForm {
        /// Which form.
        form: EventForm,
    },
    /// The file header's CRC32 does not fit its bytes.
    FileHeaderChecksum {
        /// The CRC32 that the header holds.
        stored: u32,
        /// The CRC32 of its bytes.
        computed: u32,
    },
    /// The file ends before its header does.
    FileHeaderCutOff,
    /// The file begins with a chunk, not with its header.
    FileHeaderMissing,
    /// The bytes of a chunk do not begin with the signature of one.
    ChunkSignature {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// A chunk lies in a log where none begins. Its records count.
    ChunkMisaligned,
    /// The header of a chunk lies in the header or in a record of another one. It is read as a part
    /// of that one.
    ChunkEmbedded,
    /// A chunk ends early: with its file, or where another one begins that was written over it.
    ChunkCutOff {
        /// How many bytes of the chunk are there.
        found: u64,
    },
    /// A chunk header's CRC32 does not fit its bytes.
    ChunkHeaderChecksum {
        /// The CRC32 that the header holds.
        stored: u32,
        /// The CRC32 of its bytes.
        computed: u32,
    },
    /// The CRC32 of a chunk's records does not fit them.
    RecordsChecksum {
        /// The CRC32 that the chunk's header holds.
        stored: u32,
        /// The CRC32 of the records.
        computed: u32,
    },
    /// A chunk header puts the end of its records outside the chunk or, in a chunk without
    /// checksums, where they do not end.
    FreeSpaceOffset {
        /// The offset in the header.
        found: u32,
    },
    /// No record where one should start.
    RecordHeader {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// A record's size is less than a record's least, or reaches out of its chunk.
    RecordSize {
        /// The size in the record's header.
        found: u32,
        /// How many bytes are left of the chunk.
        left: u64,
    },
    /// The copy of a record's size at its end differs from the one in its header.
    RecordSizeCopy {
        /// The size in the record's header.
        size: u32,
        /// The size at the record's end.
        copy: u32,
    },
    /// A record's content could not be decoded.
    Record {
        /// The id in the record's header, which in an export is not the EventRecordID.
        header_id: u64,
        /// Why, in the decoder's words.
        reason: String,
    },
    /// A DNS query has none of the names of its fields. Which value is which, the texts beside them
    /// say.
    NamesReplaced {
        /// The id in the record's header.
        header_id: u64,
    },
    /// Fields that every DNS query has are missing in one.
    FieldsLost {
        /// The id in the record's header.
        header_id: u64,
        /// Their names.
        missing: Vec<String>,
    },
    /// An event in XML cannot be read.
    EventXml {
        /// What was expected and found.
        reason: String,
    },
    /// Something else stands where in a file of event XML only an event could.
    NoEventXml {
        /// The first of its text, in UTF-8.
        found: Vec<u8>,
    },
    /// A file of event XML ends before the element that its events lie in.
    EventXmlCutOff,
    /// Bytes could not be read.
    Read {
        /// Why, in the system's words.
        reason: String,
    },
    /// The header of a log that was closed cleanly counts more chunks than there are.
    MissingChunks {
        /// How many the header says.
        promised: u64,
        /// How many places for a chunk there are.
        found: u64,
    },
    /// The file was longer when it was found than when it was read.
    Shrunk,
    /// The sweep was interrupted before it came to these bytes.
    NotRead,
    /// Problems that are not listed one by one.
    Further {
        /// How many.
        count: u64,
    },
    /// The file was written to while it was read, or another one took its place.
    Changed,
}

/// What is said of a file that was written to, or that another one took the place of.
const CHANGED: &str = "the file changed while the sweep read it: expected the file that was found, with its size and modification time, found another one or others";

/// What is said of a query whose fields have lost their names.
const NAMES_REPLACED: &str = "its fields cannot be read by their names, found them by the texts beside those";

/// What is said of a chunk off its place.
const MISALIGNED: &str =
    "chunk off its place: expected one every 65536 bytes after the log's header, found one here, and read it";
/// What is said of a log without a header.
const HEADER_MISSING: &str =
    "the log's header is missing: expected its 4096 bytes, found a chunk, and read all chunks from here on";
const EMBEDDED: &str =
    "header of a chunk in the header or in a record of another one: read as a part of that one";

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::EmptyFile => write!(f, "empty file: expected an event log, found no bytes"),
            Damage::FileSignature { found } => {
                write_expected(f, "file signature", "\"ElfFile\\0\"", Bytes(found))
            }
            Damage::OtherForm { form } => {
                write_expected(f, "file signature", "\"ElfFile\\0\" or event XML", "events as ")?;
                write!(f, "{}; {HOW_TO_EXPORT}", form.name())
            }
            Damage::FileHeaderChecksum { stored, computed } => {
                write_checksums(f, "file header checksum", *stored, "its bytes", *computed)
            }
            Damage::FileHeaderMissing => f.write_str(HEADER_MISSING),
            Damage::FileHeaderCutOff => write!(f, "the file ends inside its header of 4096 bytes"),
            Damage::ChunkSignature { found } => {
                write_expected(f, "chunk signature", "\"ElfChnk\\0\"", Bytes(found))
            }
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
            Damage::FieldsLost { header_id, missing } => {
                let lost = format!("expected all of its fields, found none called {}", missing.join(", "));
                write_query(f, *header_id, &lost)
            }
            Damage::EventXml { reason } => write!(f, "event in XML cannot be read: {reason}"),
            Damage::NoEventXml { found } => write_expected(f, "event XML", "an event", Bytes(found)),
            Damage::EventXmlCutOff => {
                write_expected(f, "event XML", "the end of the element Events", "the file's")
            }
            Damage::Read { reason } => write!(f, "cannot be read: {reason}"),
            Damage::MissingChunks { promised, found } => {
                write!(f, "the file ends early: its header says {promised} chunks, found {found}")
            }
            Damage::Shrunk => write!(f, "the file was longer when it was found than when it was read"),
            Damage::Changed => f.write_str(CHANGED),
            Damage::NotRead => write!(f, "not read: the sweep was interrupted"),
            Damage::Further { count } => write!(f, "{count} further problems are counted, not listed"),
        }
    }
}

/// What is wrong with a query, which its record tells apart.
fn write_query(f: &mut fmt::Formatter<'_>, header_id: u64, what: &str) -> fmt::Result {
    write!(f, "DNS query with header id {header_id}: {what}")
}

/// Says what is wrong in the words that most kinds of damage share: what was expected, and what was
/// found.
fn write_expected(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    expected: &str,
    found: impl fmt::Display,
) -> fmt::Result {
    write!(f, "{what}: expected {expected}, found {found}")
}

/// Two checksums that should be one: what they are of, what the header says, and what these bytes
/// give.
fn write_checksums(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    stored: u32,
    bytes: &str,
    computed: u32,
) -> fmt::Result {
    write!(f, "{what}: header says {stored:#010x}, {bytes} give {computed:#010x}")
}

/// Bytes as they are shown in a message: text where it is ASCII, hexadecimal besides.
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
