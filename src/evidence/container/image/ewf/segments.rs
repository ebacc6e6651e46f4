//! Finds the files (segments) of an E01 image: `disk.E01` to `disk.E99`, then `disk.EAA` to
//! `disk.ZZZ`.

use std::sync::Arc;

use super::super::fields::Fields;
use super::super::outcome::Problems;
use super::super::{ImageError, ImageProblem, Opening};
use super::contents::{Contents, GroupOrGap};
use super::sections;
use crate::evidence::layer::{SharedSource, read_up_to};

/// The size of the header of an E01 segment (a file of the image), in bytes. The first section
/// follows it.
pub(super) const SEGMENT_HEADER: u64 = 13;

/// The number of consecutive missing segments (files) after which no more segments of an E01 or
/// Ex01 image are looked for.
pub(super) const LOOK_AHEAD: usize = 100;

/// The segments (files) of an E01 image: those that were found, and the numbers of those that were
/// not.
pub(super) struct Segments {
    /// The files of the segments that were found, in the order of their numbers.
    pub(super) files: Vec<SegmentFile>,
    /// The numbers of the segments that are missing from the image's folder. The first segment has
    /// number 1.
    pub(super) missing: Vec<u32>,
}

pub(super) struct SegmentFile {
    pub(super) name: String,
    pub(super) source: SharedSource,
}

/// Reads the sections of all segments (files) of an E01 image, up to the segment that ends the
/// image, and adds what they contain to `contents`. Returns the segments that were found and those
/// that are missing.
pub(super) fn read_all(
    opening: &Opening<'_>,
    contents: &mut Contents,
    problems: &mut Problems,
) -> Result<Segments, ImageError> {
    let mut segments = Segments { files: Vec::new(), missing: Vec::new() };
    let first = SegmentFile { name: opening.name.to_owned(), source: Arc::clone(&opening.first) };
    add(first, 1, &mut segments, contents, problems)?;
    let mut absent = Vec::new();
    for number in 2.. {
        let Some(name) = segment_name(opening.name, number).filter(|_| !contents.ended) else { break };
        match opening.sibling(&name)? {
            Some(source) => {
                note_missing(&mut absent, contents, &mut segments.missing);
                add(SegmentFile { name, source }, number, &mut segments, contents, problems)?;
            }
            None => absent.push((number, name)),
        }
        if absent.len() >= LOOK_AHEAD {
            break;
        }
    }
    if !contents.ended {
        let last = segments.files.last().map_or(opening.name, |file| &file.name).to_owned();
        let (number, name) = absent.into_iter().next().unwrap_or((0, "a further segment".into()));
        segments.missing.push(number);
        contents.groups.push(GroupOrGap::Gap(ImageProblem::new(
            name,
            "the segment that ends the image",
            format!("no file; the last one is {last}"),
        )));
    }
    Ok(segments)
}

/// Adds a gap to `contents` for the E01 segments (files) in `absent`, which are missing before a
/// segment that was found, and moves their numbers to `missing`. Does nothing if `absent` is empty.
/// `absent` has the number and the name of each segment.
fn note_missing(absent: &mut Vec<(u32, String)>, contents: &mut Contents, missing: &mut Vec<u32>) {
    let Some((_, first)) = absent.first() else { return };
    let count = absent.len();
    let found =
        if count == 1 { "no file".to_owned() } else { format!("no file, nor the {} next", count - 1) };
    contents.groups.push(GroupOrGap::Gap(ImageProblem::new(first, "a segment of the image", found)));
    missing.extend(absent.drain(..).map(|(number, _)| number));
}

/// Reads the sections of one E01 segment (file) into `contents`, and adds the segment to
/// `segments`. A wrong header is a gap in `contents`, at which an unknown number of EWF chunks is
/// missing; in the first segment, it is an error.
fn add(
    file: SegmentFile,
    number: u32,
    segments: &mut Segments,
    contents: &mut Contents,
    problems: &mut Problems,
) -> Result<(), ImageError> {
    let failed = |source| ImageError::Read { name: file.name.clone(), source };
    let length = usize::try_from(SEGMENT_HEADER).unwrap_or(0);
    let head = read_up_to(file.source.as_ref(), 0, length).map_err(failed)?;
    let stated = u32::from(Fields(&head).le16(9));
    // Numbers above 65,535 do not fit into the header.
    if !head.starts_with(b"EVF\x09\x0d\x0a\xff\x00") || stated != number & 0xffff {
        let found = if head.starts_with(b"EVF") { format!("segment {stated}") } else { "other bytes".into() };
        let problem = ImageProblem::new(&file.name, format!("the header of E01 segment {number}"), found);
        if number == 1 {
            return Err(problem.into());
        }
        contents.groups.push(GroupOrGap::Gap(problem));
    } else {
        sections::read(&file, segments.files.len(), contents, problems).map_err(failed)?;
    }
    segments.files.push(file);
    Ok(())
}

/// Returns the file name of the segment with the number `number` of an E01 or Ex01 image, in the
/// letter case of `first`, the name of the first segment. Returns `None` after the last possible
/// name. The segments of E01 are `.E01` to `.E99`, then `.EAA` to `.ZZZ`; those of Ex01 are `.Ex01`
/// to `.Ex99`, then `.ExAA` to `.EzZZ`.
pub(super) fn segment_name(first: &str, number: u32) -> Option<String> {
    let (stem, ending) = first.rsplit_once('.')?;
    let mut letters = ending.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    match letters.next().filter(|second| second.eq_ignore_ascii_case(&'x')) {
        Some(second) => Some(format!("{stem}.{letter}{}", counted(second, number)?)),
        None => Some(format!("{stem}.{}", counted(letter, number)?)),
    }
}

/// Returns the name of the first segment (file) of the E01 or Ex01 image that the segment `name`
/// belongs to: `disk.E01` for `disk.E07`. Returns `None` if `name` cannot be the name of a segment.
/// From segment 776 on, the extension does not begin with `E` any more, so an extension of three
/// letters is taken to belong to an image that begins with `.E01`.
pub(in super::super) fn first_name(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let mut letters = ending.chars();
    let (letter, second) = (letters.next()?, letters.next()?);
    match ending.len() {
        3 if second.is_ascii_digit() => Some(format!("{stem}.{letter}01")),
        3 if letter.is_ascii_lowercase() => Some(format!("{stem}.e01")),
        3 => Some(format!("{stem}.E01")),
        4 if second.is_ascii_lowercase() => Some(format!("{stem}.{letter}x01")),
        4 => Some(format!("{stem}.{letter}X01")),
        _ => None,
    }
}

/// Returns the three characters with which the name of the segment (file) `number` of an E01 image
/// ends: `E01` to `E99`, `EAA` to `EZZ`, `FAA` and so on, if `letter` is `E`. In the name of an
/// Ex01 segment, they are the last three of four characters, and `letter` is `x`. Returns `None`
/// after the last possible name.
fn counted(letter: char, number: u32) -> Option<String> {
    if number <= 99 {
        return Some(format!("{letter}{number:02}"));
    }
    let (beyond, base) = (number - 100, if letter.is_ascii_lowercase() { b'a' } else { b'A' });
    // The last two letters are upper case after the lower-case x of Ex01.
    let lower = letter.is_ascii_lowercase() && letter != 'x';
    let place = |value: u32| {
        let base = if lower { b'a' } else { b'A' };
        u8::try_from(value).ok().map(|value| char::from(base + value))
    };
    let begin = u32::from(letter as u8 - base) + beyond / (26 * 26);
    let begin = u8::try_from(begin).ok().filter(|begin| *begin <= 25)?;
    Some(format!("{}{}{}", char::from(base + begin), place(beyond / 26 % 26)?, place(beyond % 26)?))
}

#[cfg(test)]
mod tests {
    use super::segment_name;

    #[test]
    fn segments_are_named_by_number_and_then_by_letters() {
        let name = |number| segment_name("a.b.E01", number).unwrap();
        assert_eq!(name(2), "a.b.E02");
        assert_eq!(name(99), "a.b.E99");
        assert_eq!(name(100), "a.b.EAA");
        assert_eq!(name(125), "a.b.EAZ");
        assert_eq!(name(126), "a.b.EBA");
        assert_eq!(name(775), "a.b.EZZ");
        assert_eq!(name(776), "a.b.FAA");
        assert_eq!(segment_name("d.s01", 100).unwrap(), "d.saa");
        assert_eq!(segment_name("d.E01", 100 + 22 * 676 - 1).unwrap(), "d.ZZZ");
        assert_eq!(segment_name("d.E01", 100 + 22 * 676), None);
        assert_eq!(segment_name("disk", 2), None);
        assert_eq!(segment_name("d.Ex01", 2).unwrap(), "d.Ex02");
        assert_eq!(segment_name("d.Ex01", 100).unwrap(), "d.ExAA");
        assert_eq!(segment_name("d.Ex01", 100 + 676).unwrap(), "d.EyAA");
        assert_eq!(segment_name("d.Ex01", 100 + 3 * 676), None);
    }
}
