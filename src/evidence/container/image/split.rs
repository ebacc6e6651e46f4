//! Raw disk images that are split into several files (parts): `disk.001`, `disk.002` and so on.

use std::io;
use std::sync::Arc;

use super::outcome::Problems;
use super::{Image, ImageError, ImageProblem, Opening};
use crate::evidence::layer::{Joined, SharedSource, Source};
use crate::evidence::source::LogBytes;

/// The number of consecutive missing parts after which the search for parts of a split image stops.
const LOOK_AHEAD: u32 = 100;

/// The greatest number that a part (file) of a split image can have, because the names of the parts
/// end with three digits.
const LAST_PART: u32 = 999;

/// Returns true if `name` is the name of the first part of a split image, such as `disk.001`.
pub(super) fn is_first(name: &str) -> bool {
    name.len() > 4 && name.ends_with(".001")
}

/// Returns the name of the first part of the split image that the file `name` belongs to:
/// `disk.001` for `disk.007`. Returns `None` if `name` does not end with a dot and three digits.
pub(super) fn first_name(name: &str) -> Option<String> {
    let (stem, digits) = name.rsplit_once('.')?;
    let is_part = digits.len() == 3 && digits != "000" && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_part && !stem.is_empty()).then(|| format!("{stem}.001"))
}

/// Opens a split image with all of its parts. A missing part between others is taken to be as long
/// as the first part. Reads of its bytes fail.
pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let stem = opening.name.strip_suffix("001").unwrap_or(opening.name);
    let length = opening.first.size();
    let (mut sources, mut names) = (vec![Arc::clone(&opening.first)], Vec::new());
    let (mut missing, mut problems, mut start) = (Vec::new(), Problems::default(), length);
    for number in 2..=LAST_PART {
        let name = format!("{stem}{number:03}");
        match opening.sibling(&name)? {
            Some(part) => {
                for gap in missing.drain(..) {
                    let hole: MissingPart = gap;
                    problems.push(hole.problem().at(start..start.saturating_add(length)));
                    start = start.saturating_add(length);
                    sources.push(Arc::new(hole) as SharedSource);
                }
                start = start.saturating_add(part.size());
                sources.push(part);
                names.push(name);
            }
            None => missing.push(MissingPart { name, number, length }),
        }
        if missing.len() >= LOOK_AHEAD as usize {
            break;
        }
    }
    opening.check_size(start)?;
    let mut image = Image::of(Arc::new(Joined::new(sources)));
    image.problems = problems.finish(opening.name);
    image.facts.missing_segments = missing_numbers(&names);
    image.parts = names;
    Ok(image)
}

/// Returns the numbers of the parts of a split image that are missing before the last part in
/// `names`. `names` has the names of the parts that were found after part 1, in order.
fn missing_numbers(names: &[String]) -> Vec<u32> {
    let number = |name: &String| name.get(name.len().saturating_sub(3)..).and_then(|end| end.parse().ok());
    let present: Vec<u32> = names.iter().filter_map(number).collect();
    let last = present.last().copied().unwrap_or(1);
    (2..last).filter(|number| !present.contains(number)).collect()
}

/// A part of a split image that is missing from the folder. Every read of its bytes fails.
struct MissingPart {
    name: String,
    number: u32,
    length: u64,
}

impl MissingPart {
    fn problem(&self) -> ImageProblem {
        let expected = format!("part {} of the image, {} bytes like part 1", self.number, self.length);
        ImageProblem::new(self.name.clone(), expected, "no file")
    }
}

impl LogBytes for MissingPart {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.length || buffer.is_empty() { Ok(0) } else { Err(self.problem().into()) }
    }
}

impl Source for MissingPart {
    fn size(&self) -> u64 {
        self.length
    }
}
