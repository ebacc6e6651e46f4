//! Reads the sections of an E01 segment: a chain of descriptors, each of which is followed by data.

use std::io;
use std::ops::Range;

use simd_adler32::{Adler32, adler32};

use super::super::fields::Fields;
use super::super::inflate::inflate_text;
use super::super::outcome::{ImageProblem, Problems};
use super::contents::{Contents, Group, GroupOrGap, Media};
use super::header;
use super::segments::{SEGMENT_HEADER, SegmentFile};
use crate::evidence::layer::{read_exact, read_up_to};

/// The size in bytes of a descriptor in an E01 image. A descriptor precedes the data of each
/// section, and states the section's kind and size.
const DESCRIPTOR: u64 = 76;

/// The size in bytes of the header of a table in an E01 image. The table lists EWF chunks (blocks
/// of the disk).
const TABLE_HEADER: u64 = 24;

/// The maximum number of sections of one E01 or Ex01 image that are read. Images of 64 TiB have
/// fewer. The limit keeps the memory for what is noted about the sections below some 20 MiB.
pub(super) const MOST_SECTIONS: u32 = 1 << 18;

/// The maximum number of bytes that are read of one section with the examiner's packed texts in an
/// E01 or Ex01 image, and the most bytes that the texts may have after inflating.
pub(super) const TEXT_LIMIT: u64 = 1 << 20;

/// The maximum number of ranges of unread sectors that are kept from one section of an E01 or Ex01
/// image. The imaging tool could not read these sectors when the image was taken.
pub(super) const MOST_UNREAD: u32 = 1 << 16;

/// The size of the largest EWF chunk (block of the disk) that is read from an E01 or Ex01 image, in
/// bytes. A larger size is taken for damage.
pub(super) const LARGEST_CHUNK: u64 = 32 << 20;

/// The bit, in an entry of an E01 image's table, that is set if the EWF chunk (block of the disk)
/// is deflated. The other bits are the offset of the chunk.
pub(super) const DEFLATED: u32 = 1 << 31;

/// A section of an E01 segment (a file of the image), of which the descriptor was read and the data
/// was not.
struct Section<'a> {
    file: &'a SegmentFile,
    segment: usize,
    kind: String,
    start: u64,
    /// The range of bytes, in the segment's file, of the section's data.
    data: Range<u64>,
}

/// What is remembered while the sections of one segment (file) of an E01 image are read, because
/// later sections refer to it.
#[derive(Default)]
struct Walk {
    /// The range of the segment's file with the data of the `sectors` section that was read last:
    /// the EWF chunks (blocks of the image) that the next `table` section lists. `None` before the
    /// first such section.
    chunks: Option<Range<u64>>,
    /// The table of the last `table` section, if the table could not be read. It is kept until the
    /// section `table2`, which has a copy of that table, or a further table is found. `None` if no
    /// such table is kept.
    failed: Option<GroupOrGap>,
}

/// Reads the sections of one segment (file) of an E01 image, and adds what they contain to
/// `contents`. `segment` is the position of the segment in the list of segments that were found.
/// Damage becomes a problem, or a gap or an unreadable group in `contents`.
pub(super) fn read(
    file: &SegmentFile,
    segment: usize,
    contents: &mut Contents,
    problems: &mut Problems,
) -> io::Result<()> {
    let (mut at, mut walk) = (SEGMENT_HEADER, Walk::default());
    let broken = loop {
        contents.sections += 1;
        if contents.sections > MOST_SECTIONS {
            break Some(ImageProblem::new(&file.name, format!("at most {MOST_SECTIONS} sections"), "more"));
        }
        let (section, next) = match read_descriptor(file, segment, at)? {
            Ok(found) => found,
            Err(problem) => break Some(problem),
        };
        let ends = section.kind == "next" || section.kind == "done";
        contents.ended |= section.kind == "done";
        if ends {
            break None;
        }
        read_section(&section, &mut walk, contents, problems)?;
        // Each section lies after the one before, so the chain ends with the file.
        if next <= at {
            let expected = format!("a next section after byte {at}");
            break Some(ImageProblem::new(section.place(), expected, format!("byte {next}")));
        }
        at = next;
    };
    contents.groups.extend(walk.failed);
    if let Some(problem) = broken {
        contents.groups.push(GroupOrGap::Gap(problem));
    }
    Ok(())
}

/// Reads the descriptor at the offset `at` of an E01 segment, which precedes a section's data.
/// Returns the section, and the offset of the next descriptor; or the problem, if the descriptor is
/// damaged or cut off. `segment` is the position of the segment in the list of segments that were
/// found.
fn read_descriptor(
    file: &SegmentFile,
    segment: usize,
    at: u64,
) -> io::Result<Result<(Section<'_>, u64), ImageProblem>> {
    let length = usize::try_from(DESCRIPTOR).unwrap_or(0);
    let bytes = read_up_to(file.source.as_ref(), at, length)?;
    let fields = Fields(&bytes);
    let place = format!("{}, section at byte {at}", file.name);
    if bytes.len() < length {
        let found = format!("the end of the file at byte {}", file.source.size());
        return Ok(Err(ImageProblem::new(place, "a section's descriptor of 76 bytes", found)));
    }
    let (stated, sum) = (fields.le32(72), adler32(&bytes.get(..72).unwrap_or_default()));
    if stated != sum {
        let expected = format!("a section's descriptor with Adler-32 {sum:#010x}");
        return Ok(Err(ImageProblem::new(place, expected, format!("{stated:#010x}"))));
    }
    let kind: [u8; 16] = fields.array(0);
    let kind = kind.split(|byte| *byte == 0).next().unwrap_or_default();
    let (next, size) = (fields.le64(16), fields.le64(24));
    let start = at + DESCRIPTOR;
    // Data end where the next section begins, so that no byte is read for two sections.
    let limit = if next > at { next.min(file.source.size()) } else { file.source.size() };
    let end = at.saturating_add(size).min(limit).max(start);
    let kind = String::from_utf8_lossy(kind).into_owned();
    Ok(Ok((Section { file, segment, kind, start: at, data: start..end }, next)))
}

impl Section<'_> {
    fn place(&self) -> String {
        format!("{}, section `{}` at byte {}", self.file.name, self.kind, self.start)
    }

    fn length(&self) -> u64 {
        self.data.end - self.data.start
    }

    /// Returns the first bytes of the section's data, at most `limit`.
    fn bytes(&self, limit: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.length().min(limit)).unwrap_or(0);
        read_up_to(self.file.source.as_ref(), self.data.start, length)
    }
}

fn read_section(
    section: &Section<'_>,
    walk: &mut Walk,
    contents: &mut Contents,
    problems: &mut Problems,
) -> io::Result<()> {
    match section.kind.as_str() {
        "volume" | "disk" | "data" => read_media(section, contents, problems)?,
        "sectors" => walk.chunks = Some(section.data.clone()),
        "table" => {
            contents.groups.extend(walk.failed.take());
            match read_table(section, walk)? {
                group @ GroupOrGap::Group(Group { unreadable: None, .. }) => contents.groups.push(group),
                failed => walk.failed = Some(failed),
            }
        }
        "table2" => {
            if let Some(failed) = walk.failed.take() {
                let copy = read_table(section, walk)?;
                if matches!(&copy, GroupOrGap::Group(Group { unreadable: None, .. })) {
                    problems.push(failed.into_problem());
                    contents.groups.push(copy);
                } else {
                    contents.groups.push(failed);
                }
            }
        }
        "header" | "header2" => {
            let text = inflate_text(&section.bytes(TEXT_LIMIT)?, usize::try_from(TEXT_LIMIT).unwrap_or(0));
            header::read(&text, section.kind == "header2", &mut contents.facts);
        }
        "hash" => {
            let bytes = section.bytes(36)?;
            if check_sum(section, &bytes, 32, problems) {
                contents.facts.stated_md5 = hash_text(Fields(&bytes).array::<16>(0));
            }
        }
        "digest" => {
            let bytes = section.bytes(80)?;
            if check_sum(section, &bytes, 76, problems) {
                let fields = Fields(&bytes);
                contents.facts.stated_md5 =
                    hash_text(fields.array::<16>(0)).or(contents.facts.stated_md5.take());
                contents.facts.stated_sha1 = hash_text(fields.array::<20>(16));
            }
        }
        "error2" => read_unread(section, contents, problems)?,
        // Sessions of optical discs, texts of other tools, and kinds of later versions.
        _ => {}
    }
    Ok(())
}

/// Returns a hash of the imaged disk, which the image states, as hexadecimal digits. Returns `None`
/// if all bytes are 0, which tools write if there is no hash.
pub(super) fn hash_text<const N: usize>(bytes: [u8; N]) -> Option<String> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * N);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    (bytes != [0; N]).then_some(text)
}

/// Returns true if the Adler-32 checksum that follows the first `length` of `bytes`, the start of
/// the section's data, is right. If it is wrong, adds a problem.
fn check_sum(section: &Section<'_>, bytes: &[u8], length: usize, problems: &mut Problems) -> bool {
    let covered = bytes.get(..length).unwrap_or_default();
    let (stated, sum) = (Fields(bytes).le32(length), adler32(&covered));
    let right = covered.len() == length && stated == sum;
    if !right {
        let expected = format!("{length} bytes with Adler-32 {sum:#010x}");
        problems.push(ImageProblem::new(section.place(), expected, format!("{stated:#010x}")));
    }
    right
}

/// Reads the sizes of the disk, its sectors and its EWF chunks (blocks of the disk) from a section
/// of an E01 image. Later segments (files) repeat the sizes; only the first valid ones are used.
fn read_media(section: &Section<'_>, contents: &mut Contents, problems: &mut Problems) -> io::Result<()> {
    if contents.media.is_some() {
        return Ok(());
    }
    // SMART writes 94 bytes, EnCase and FTK 1,052, both with an Adler-32 in the last four.
    let bytes = section.bytes(1052)?;
    let smart = bytes.len() < 1052;
    check_sum(section, &bytes, if smart { 90 } else { 1048 }, problems);
    let fields = Fields(&bytes);
    let sectors = if smart { fields.le32(16).into() } else { fields.le64(16) };
    let (per_chunk, sector) = (u64::from(fields.le32(8)), u64::from(fields.le32(12)));
    let chunk = per_chunk.saturating_mul(sector);
    if !(1..=LARGEST_CHUNK).contains(&chunk) {
        let expected = format!("chunks of 1 to {LARGEST_CHUNK} bytes");
        problems.push(ImageProblem::new(section.place(), expected, format!("{chunk} bytes")));
        return Ok(());
    }
    let size = sectors.saturating_mul(sector);
    contents.media = Some(Media { size, chunk, sector, chunks: size.div_ceil(chunk) });
    Ok(())
}

/// Reads, from a section of an E01 image, the ranges of sectors that the imaging tool could not
/// read when the image was taken. Adds them, as ranges of the disk's bytes, to `contents.facts`,
/// which is what the image states about itself.
fn read_unread(section: &Section<'_>, contents: &mut Contents, problems: &mut Problems) -> io::Result<()> {
    let Some(media) = contents.media else { return Ok(()) };
    let head = section.bytes(520)?;
    if !check_sum(section, &head, 516, problems) {
        return Ok(());
    }
    let stated = Fields(&head).le32(0);
    let there = u32::try_from(section.length().saturating_sub(520) / 8).unwrap_or(u32::MAX);
    let count = stated.min(there).min(MOST_UNREAD);
    if count < stated {
        let expected = format!("{stated} ranges of unread sectors");
        problems.push(ImageProblem::new(section.place(), expected, format!("{count} that are read")));
    }
    let length = usize::try_from(count).unwrap_or(0) * 8;
    let entries = read_exact(section.file.source.as_ref(), section.data.start + 520, length)?;
    for entry in entries.chunks_exact(8) {
        let fields = Fields(entry);
        let sectors = (u64::from(fields.le32(0)), u64::from(fields.le32(4)));
        contents.facts.unread_at_acquisition.extend(media.unread(sectors, &section.place(), problems));
    }
    Ok(())
}

/// Reads the header of a table of an E01 image, which lists EWF chunks (blocks of the disk), and
/// checks the table's entries. They are not kept in memory, but read again when a chunk is read.
/// `walk` says where in the file the chunks lie. If the header is damaged, so that the number of
/// chunks is not known, returns a gap. If only the entries are damaged, returns a group that is
/// marked as unreadable.
fn read_table(section: &Section<'_>, walk: &Walk) -> io::Result<GroupOrGap> {
    let head = section.bytes(TABLE_HEADER)?;
    let fields = Fields(&head);
    let entries = section.data.start + TABLE_HEADER;
    let (count, base) = (fields.le32(0), fields.le64(8));
    let sum = adler32(&head.get(..20).unwrap_or_default());
    let there = section.data.end.saturating_sub(entries) / 4;
    let mut found = None;
    if fields.le32(20) != sum {
        found = Some("a header whose Adler-32 is wrong".to_owned());
    } else if u64::from(count) > there {
        found = Some(format!("{count} entries where {there} fit"));
    }
    if let Some(found) = found {
        return Ok(GroupOrGap::Gap(ImageProblem::new(section.place(), "a table of chunks", found)));
    }
    let data = walk.chunks.clone().filter(|data| data.contains(&base) || base <= data.start);
    // EnCase 1 writes the chunks after the entries, into the section of the table.
    let end = data.map_or(section.data.end, |data| data.end);
    let mut group =
        Group { segment: section.segment, entries, count, base, end, wide_from: u32::MAX, unreadable: None };
    if let Some(found) = check_entries(section, &mut group)? {
        group.unreadable = Some(ImageProblem::new(section.place(), "a table of chunks", found));
    }
    Ok(GroupOrGap::Group(group))
}

/// Verifies the Adler-32 checksum of the entries of an E01 image's table. An entry is an offset of
/// 31 bits and a flag, or an offset of 32 bits. Sets `group.wide_from` to the number of the first
/// entry with 32 bits. Returns what is wrong with the table, or `None` if nothing is.
fn check_entries(section: &Section<'_>, group: &mut Group) -> io::Result<Option<String>> {
    const STEP: u64 = 64 << 10;
    let source = section.file.source.as_ref();
    let length = u64::from(group.count) * 4;
    let (mut sum, mut at, mut number) = (Adler32::new(), 0, 0_u32);
    let (mut first, mut before) = (0_u32, 0_u32);
    while at < length {
        let step = usize::try_from(STEP.min(length - at)).unwrap_or(0);
        let bytes = read_exact(source, group.entries + at, step)?;
        sum.write(&bytes);
        for entry in bytes.chunks_exact(4) {
            let entry = Fields(entry).le32(0);
            let narrow = entry & !DEFLATED;
            // Offsets of 31 bits ascend. The first one that does not is one of 32 bits, whose
            // highest bit belongs to the offset.
            if number == 0 {
                first = narrow;
            } else if group.wide_from == u32::MAX && narrow < before {
                group.wide_from = number;
            }
            before = narrow;
            number += 1;
        }
        at += step as u64;
    }
    let end = group.entries + length;
    let footer = read_up_to(source, end, 4)?;
    // EnCase 1 and SMART write no Adler-32: the first chunk follows the entries.
    let has_footer = section.data.end >= end + 4 && group.base.saturating_add(first.into()) != end;
    let (stated, sum) = (Fields(&footer).le32(0), sum.finish());
    Ok((has_footer && stated != sum)
        .then(|| format!("entries with Adler-32 {stated:#010x} where {sum:#010x} is due")))
}
