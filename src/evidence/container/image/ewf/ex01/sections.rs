//! Reads the sections of an Ex01 segment: a chain of descriptors, from the last to the first, each
//! of which follows its data.

use std::io;
use std::ops::Range;

use simd_adler32::{Adler32, adler32};

use super::super::super::ImageError;
use super::super::super::fields::Fields;
use super::super::super::inflate::inflate_text;
use super::super::super::outcome::{ImageProblem, Problems};
use super::super::header;
use super::super::sections::{MOST_SECTIONS, MOST_UNREAD, TEXT_LIMIT, hash_text};
use super::Contents;
use super::chunks::{ENTRY, Table};
use crate::evidence::layer::{SharedSource, read_exact, read_up_to};

/// The size in bytes of a descriptor in an Ex01 image. A descriptor follows the data of each
/// section, and states the section's kind and size.
const DESCRIPTOR: u64 = 64;

/// The size in bytes of the header at the start of a section's data in an Ex01 image. In a section
/// with a hash of the disk, the header is all of the data.
const HEADER: u64 = 32;

// Kinds of sections.
const DEVICE: u32 = 1;
const CASE: u32 = 2;
const TABLE: u32 = 4;
const ERRORS: u32 = 5;
const MD5: u32 = 8;
const SHA1: u32 = 9;
const KEYS: u32 = 0xb;
const DONE: u32 = 0xf;

/// A segment (file) of an Ex01 image, whose sections are to be read.
pub(super) struct Sections<'a> {
    pub(super) name: &'a str,
    pub(super) source: &'a SharedSource,
    /// The position of the segment (a file of the image) in the list of segments that were found,
    /// counted from 0.
    pub(super) segment: usize,
}

impl Sections<'_> {
    /// Reads the sections of the segment from the last to the first, because each descriptor states
    /// where the one before lies. Adds what the sections contain to `contents`. A damaged
    /// descriptor becomes a problem, and ends the reading. Returns an [`ImageError`] if the image
    /// is encrypted, and `None` otherwise.
    pub(super) fn read(
        &self,
        contents: &mut Contents,
        problems: &mut Problems,
    ) -> io::Result<Option<ImageError>> {
        let Some(mut at) = self.source.size().checked_sub(DESCRIPTOR) else { return Ok(None) };
        loop {
            let place = format!("{}, section before byte {at}", self.name);
            contents.sections += 1;
            let descriptor = read_exact(self.source.as_ref(), at, usize::try_from(DESCRIPTOR).unwrap_or(0))?;
            let fields = Fields(&descriptor);
            let (kind, flags, before, size) =
                (fields.le32(0), fields.le32(4), fields.le64(8), fields.le64(16));
            let sum = adler32(&descriptor.get(..60).unwrap_or_default());
            let mut found = None;
            if fields.le32(60) != sum {
                found = Some("a wrong one, as of a file that was cut off".to_owned());
            } else if size > at || contents.sections > MOST_SECTIONS {
                found = Some(format!("a section of {size} bytes"));
            } else if before != 0 && before.saturating_add(DESCRIPTOR) > at - size {
                found = Some(format!("a previous section at byte {before}"));
            }
            if let Some(found) = found {
                problems.push(ImageProblem::new(
                    place,
                    format!("a descriptor with Adler-32 {sum:#010x}"),
                    found,
                ));
                return Ok(None);
            }
            if flags & 2 != 0 || kind == KEYS {
                return Ok(Some(ImageError::Encrypted("EnCase".into())));
            }
            self.read_section(kind, at - size..at, &place, contents, problems)?;
            if before == 0 {
                return Ok(None);
            }
            at = before;
        }
    }

    fn read_section(
        &self,
        kind: u32,
        data: Range<u64>,
        place: &str,
        contents: &mut Contents,
        problems: &mut Problems,
    ) -> io::Result<()> {
        match kind {
            DEVICE | CASE => {
                let packed = self.bytes(&data, TEXT_LIMIT)?;
                let text = inflate_text(&packed, usize::try_from(TEXT_LIMIT).unwrap_or(0));
                read_text(&text, contents);
            }
            TABLE => {
                let head = self.bytes(&data, HEADER)?;
                if check_sum(&head, 16, place, problems) {
                    contents.tables.push(self.read_table(Fields(&head), &data, place)?);
                }
            }
            ERRORS => {
                let head = self.bytes(&data, HEADER)?;
                if check_sum(&head, 16, place, problems) {
                    let there = (data.end - data.start).saturating_sub(HEADER) / ENTRY;
                    let count = u64::from(Fields(&head).le32(0).min(MOST_UNREAD)).min(there);
                    let length = usize::try_from(count * ENTRY).unwrap_or(0);
                    let entries = read_exact(self.source.as_ref(), data.start + HEADER, length)?;
                    let range = |entry: &[u8]| (Fields(entry).le64(0), Fields(entry).le32(8).into());
                    contents.unread.extend(entries.chunks_exact(16).map(range));
                }
            }
            MD5 => {
                let hash = self.bytes(&data, HEADER)?;
                if check_sum(&hash, 16, place, problems) {
                    contents.facts.stated_md5 = hash_text(Fields(&hash).array::<16>(0));
                }
            }
            SHA1 => {
                let hash = self.bytes(&data, HEADER)?;
                if check_sum(&hash, 20, place, problems) {
                    contents.facts.stated_sha1 = hash_text(Fields(&hash).array::<20>(0));
                }
            }
            DONE => contents.ended = true,
            // The chunks themselves, sessions of optical discs, and what other tools add.
            _ => {}
        }
        Ok(())
    }

    /// Returns the first bytes of a section's data, at most `limit`. `data` is the range of the
    /// segment's file that has the data.
    fn bytes(&self, data: &Range<u64>, limit: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from((data.end - data.start).min(limit)).unwrap_or(0);
        read_up_to(self.source.as_ref(), data.start, length)
    }

    /// Reads a table of an Ex01 image. The table lists EWF chunks (blocks of the disk). Verifies
    /// the checksum of its entries, which are not kept in memory, but read again when a chunk is
    /// read. `head` is the header of the table, `data` the range of the segment's file with the
    /// header and the entries, and `place` names the section in messages. A damaged table is not an
    /// error: it is returned, marked as unreadable.
    fn read_table(&self, head: Fields<'_>, data: &Range<u64>, place: &str) -> io::Result<Table> {
        const STEP: u64 = 64 << 10;
        let (stated, entries) = (head.le32(8), data.start + HEADER);
        let there = data.end.saturating_sub(entries + 4) / ENTRY;
        let count = u32::try_from(there).map_or(stated, |there| stated.min(there));
        let length = u64::from(count) * ENTRY;
        let (mut sum, mut at) = (Adler32::new(), 0);
        while at < length {
            let step = usize::try_from(STEP.min(length - at)).unwrap_or(0);
            sum.write(&read_exact(self.source.as_ref(), entries + at, step)?);
            at += step as u64;
        }
        let footer: Vec<u8> = read_up_to(self.source.as_ref(), entries + length, 4)?;
        let (footer, sum) = (Fields(&footer).le32(0), sum.finish());
        let found = if count < stated {
            Some(format!("{stated} entries where {count} fit"))
        } else if footer != sum {
            Some(format!("entries with Adler-32 {footer:#010x} where {sum:#010x} is due"))
        } else {
            None
        };
        let unreadable = found.map(|found| ImageProblem::new(place, "a table of chunks", found));
        Ok(Table { first: head.le64(0), count: stated, segment: self.segment, entries, unreadable })
    }
}

/// Returns true if the Adler-32 checksum that follows the first `length` of `bytes`, the start of
/// an Ex01 section's data, is right. If it is wrong, adds a problem at `place`, which names the
/// section.
fn check_sum(bytes: &[u8], length: usize, place: &str, problems: &mut Problems) -> bool {
    let (stated, sum) = (Fields(bytes).le32(length), adler32(&bytes.get(..length).unwrap_or_default()));
    if stated != sum {
        let expected = format!("{length} bytes with Adler-32 {sum:#010x}");
        problems.push(ImageProblem::new(place, expected, format!("{stated:#010x}")));
    }
    stated == sum
}

/// Reads the inflated text of an Ex01 section about the imaged device or about the case. Adds the
/// size of the disk and the texts that the examiner typed to `contents`. Other values are ignored.
fn read_text(text: &[u8], contents: &mut Contents) {
    let text = header::utf16(text);
    for (identifier, value) in header::pairs(&text) {
        let number = || value.parse::<u64>().ok();
        match identifier {
            "ts" => contents.sectors = number(),
            "bp" => contents.sector = number(),
            "sb" => contents.sectors_per_chunk = number(),
            "nm" => contents.facts.description = header::kept(value),
            "cn" => contents.facts.case_number = header::kept(value),
            "en" => contents.facts.evidence_number = header::kept(value),
            "ex" => contents.facts.examiner = header::kept(value),
            "nt" => contents.facts.notes = header::kept(value),
            "at" => header::read_time(value, &mut contents.facts),
            _ => {}
        }
    }
}
