//! VMDK: a disk in one or several extents, which a descriptor lists. An extent is flat (bytes as
//! they are), or sparse (grains with a table), or packed (deflated grains). All numbers are
//! little-endian.

mod descriptor;
mod sparse;

use std::io;
use std::sync::Arc;

use self::descriptor::{Descriptor, Extent, ExtentKind};
use self::sparse::SparseExtent;
use super::blocks::{BlockDisk, BlockMap};
use super::outcome::Problems;
use super::{Image, ImageError, ImageProblem, Opening};
use crate::evidence::layer::{Joined, SharedSource, Slice, Source, read_up_to};
use crate::evidence::source::LogBytes;

/// Bytes of a sector.
const SECTOR: u64 = 512;

/// The most bytes that are read of a descriptor.
const DESCRIPTOR_LIMIT: usize = 256 << 10;

pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let head = read_up_to(opening.first.as_ref(), 0, 4).map_err(|error| opening.failed(error))?;
    if head == *b"KDMV" || head == *b"COWD" {
        return open_whole(opening);
    }
    let text = read_up_to(opening.first.as_ref(), 0, DESCRIPTOR_LIMIT);
    let descriptor = Descriptor::read(&text.map_err(|error| opening.failed(error))?, opening)?;
    open_extents(opening, &descriptor)
}

/// The name of the descriptor, if `name` is that of an extent by VMware's rule: `disk-flat.vmdk`,
/// `disk-s001.vmdk` or `disk-f001.vmdk` for `disk.vmdk`.
pub(super) fn first_name(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.').filter(|(_, ending)| ending.eq_ignore_ascii_case("vmdk"))?;
    let (disk, extent) = stem.rsplit_once('-')?;
    let is_numbered = extent
        .strip_prefix(['s', 'f'])
        .is_some_and(|number| number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit()));
    (is_numbered || extent == "flat").then(|| format!("{disk}.{ending}"))
}

/// Opens a disk of one sparse extent. A file that is an extent of a larger disk, such as
/// `disk-s001.vmdk`, is read as what it contains: its bytes are those of the disk's range.
fn open_whole(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let file = &opening.first;
    let extent = SparseExtent::open(file, opening.name, &mut problems)?;
    if let Some((start, length)) = extent.descriptor_range() {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(DESCRIPTOR_LIMIT);
        let text = read_up_to(file.as_ref(), start, length).map_err(|error| opening.failed(error))?;
        Descriptor::read(&text, opening)?;
    }
    opening.check_size(extent.size())?;
    let mut image = Image::of(Arc::new(BlockDisk::new(extent)));
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Opens the extents that a descriptor lists. Reads of an extent whose file is missing fail.
fn open_extents(opening: &Opening<'_>, descriptor: &Descriptor) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let (mut sources, mut parts, mut start) = (Vec::new(), Vec::new(), 0_u64);
    for extent in &descriptor.extents {
        let end = start.saturating_add(extent.size);
        let (source, problem) = open_extent(opening, extent, &mut parts, &mut problems)?;
        if let Some(problem) = problem {
            problems.push(problem.at(start..end));
        }
        sources.push(source);
        start = end;
    }
    opening.check_size(start)?;
    parts.dedup();
    let mut image = Image::of(Arc::new(Joined::new(sources)));
    image.parts = parts;
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Opens one extent: a source of exactly the extent's size. A problem, if there is one, means that
/// some of the extent's bytes cannot be read.
fn open_extent(
    opening: &Opening<'_>,
    extent: &Extent,
    parts: &mut Vec<String>,
    problems: &mut Problems,
) -> Result<(SharedSource, Option<ImageProblem>), ImageError> {
    if extent.kind == ExtentKind::Zeros {
        return Ok((Arc::new(Zeros(extent.size)), None));
    }
    let absent = |problem: ImageProblem| {
        let source = Arc::new(Absent { size: extent.size, problem: problem.clone() });
        Ok((source as SharedSource, Some(problem)))
    };
    let Some(file) = opening.sibling(&extent.file)? else {
        let expected = format!("an extent of {} bytes", extent.size);
        return absent(ImageProblem::new(&extent.file, expected, "no file"));
    };
    parts.push(extent.file.clone());
    let (source, there): (SharedSource, u64) = match extent.kind {
        ExtentKind::Flat => {
            let there = file.size().saturating_sub(extent.offset);
            (Arc::new(Slice::new(file, extent.offset, extent.size.min(there))), there)
        }
        _ => match SparseExtent::open(&file, &extent.file, problems) {
            Ok(sparse) => {
                let there = sparse.size();
                let disk = Arc::new(BlockDisk::new(sparse));
                (Arc::new(Slice::new(disk, 0, extent.size.min(there))), there)
            }
            Err(ImageError::Damaged(problem)) => return absent(problem),
            Err(other) => return Err(other),
        },
    };
    if there >= extent.size {
        return Ok((source, None));
    }
    let expected = format!("an extent of {} bytes", extent.size);
    let problem = ImageProblem::new(&extent.file, expected, format!("{there} bytes"));
    let rest = Arc::new(Absent { size: extent.size - there, problem: problem.clone() });
    Ok((Arc::new(Joined::new(vec![source, rest])), Some(problem)))
}

/// An extent that a descriptor lists as zeros, without a file.
struct Zeros(u64);

impl LogBytes for Zeros {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.0.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        buffer.get_mut(..length).unwrap_or_default().fill(0);
        Ok(length)
    }
}

impl Source for Zeros {
    fn size(&self) -> u64 {
        self.0
    }
}

/// Bytes of an extent that is missing or cut off.
struct Absent {
    size: u64,
    problem: ImageProblem,
}

impl LogBytes for Absent {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size || buffer.is_empty() { Ok(0) } else { Err(self.problem.clone().into()) }
    }
}

impl Source for Absent {
    fn size(&self) -> u64 {
        self.size
    }
}
