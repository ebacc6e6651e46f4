//! VMDK disk images: a disk in one or more extents, which a descriptor lists. A flat extent has the
//! bytes of the disk as they are. A sparse extent has them in blocks, called grains, with a table
//! of where they are; its grains may be deflated. All numbers are little-endian.

mod descriptor;
mod sparse;

use std::sync::Arc;
use std::{io, mem};

use self::descriptor::{Descriptor, Extent, ExtentKind};
use self::sparse::SparseExtent;
use super::blocks::{BlockDisk, BlockMap, UNPACKED_LIMIT};
use super::cache::{BlockCache, PAGES_LIMIT, Paged};
use super::outcome::Problems;
use super::{Image, ImageError, ImageProblem, Opening};
use crate::evidence::layer::{Joined, SharedSource, Slice, Source, read_up_to};
use crate::evidence::source::LogBytes;

/// The size of a sector in bytes, the unit of sizes and offsets in a VMDK.
const SECTOR: u64 = 512;

/// The maximum number of bytes of a VMDK descriptor that are read.
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

/// Returns the name of the descriptor file of the VMDK that the extent file `name` belongs to, by
/// VMware's naming: `disk.vmdk` for `disk-flat.vmdk`, `disk-s001.vmdk` and `disk-f001.vmdk`.
/// Returns `None` if `name` is not the name of an extent file.
pub(super) fn first_name(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.').filter(|(_, ending)| ending.eq_ignore_ascii_case("vmdk"))?;
    let (disk, extent) = stem.rsplit_once('-')?;
    let is_numbered = extent
        .strip_prefix(['s', 'f'])
        .is_some_and(|number| number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit()));
    (is_numbered || extent == "flat").then(|| format!("{disk}.{ending}"))
}

/// Opens a VMDK whose first file is a sparse extent. If the file is one extent of a larger disk,
/// such as `disk-s001.vmdk`, the image's disk is only that extent.
fn open_whole(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let file = &opening.first;
    let extent = SparseExtent::open(Paged::only(Arc::clone(file)), opening.name, &mut problems)?;
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

/// Opens the extents that a VMDK descriptor lists, and joins them to one disk. If the file of an
/// extent is missing, reads of its part of the disk fail.
fn open_extents(opening: &Opening<'_>, descriptor: &Descriptor) -> Result<Image, ImageError> {
    let (mut opened, mut problems) = (Opened::default(), Problems::default());
    let (mut sources, mut start) = (Vec::new(), 0_u64);
    for extent in &descriptor.extents {
        let end = start.saturating_add(extent.size);
        let (source, unread) = open_extent(opening, extent, &mut opened)?;
        if let Some((from, problem)) = unread {
            opened.problems.push(problem.at(from..extent.size));
        }
        problems.add_part(mem::take(&mut opened.problems), &(start..end));
        sources.push(source);
        start = end;
    }
    opening.check_size(start)?;
    let mut parts = opened.parts;
    parts.dedup();
    let mut image = Image::of(Arc::new(Joined::new(sources)));
    image.parts = parts;
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// What the extents (consecutive parts of the disk) of a VMDK have in common while they are opened
/// one after the other.
struct Opened {
    /// The names of the files that were found for the extents (parts of the disk).
    parts: Vec<String>,
    /// What is wrong with the extent that is being opened. Offsets are from the extent's start.
    problems: Problems,
    /// The number of sparse extents that were opened so far. The caches `tables` and `unpacked`
    /// identify each sparse extent by its number, counted from 0.
    sparse: usize,
    /// The cache for the tables of all sparse extents. The tables say where the grains (blocks of
    /// the disk) are stored.
    tables: Arc<BlockCache>,
    /// The cache for unpacked grains (blocks of the disk) of all sparse extents.
    unpacked: Arc<BlockCache>,
}

impl Default for Opened {
    fn default() -> Self {
        Opened {
            parts: Vec::new(),
            problems: Problems::default(),
            sparse: 0,
            tables: Arc::new(BlockCache::new(PAGES_LIMIT)),
            unpacked: Arc::new(BlockCache::new(UNPACKED_LIMIT)),
        }
    }
}

impl Opened {
    /// Opens the sparse extent in `file`, whose name is `name`. Returns the extent's part of the
    /// disk.
    fn sparse(&mut self, file: SharedSource, name: &str) -> Result<SharedSource, ImageError> {
        let number = self.sparse;
        self.sparse += 1;
        let tables = Paged::new(file, number, Arc::clone(&self.tables));
        let extent = SparseExtent::open(tables, name, &mut self.problems)?;
        Ok(Arc::new(BlockDisk::of_file(extent, number, &self.unpacked)))
    }
}

/// Opens one extent of a VMDK as a source that has exactly the extent's size. If its last bytes
/// cannot be read, also returns the offset in the extent of the first of them, and the problem.
fn open_extent(
    opening: &Opening<'_>,
    extent: &Extent,
    opened: &mut Opened,
) -> Result<(SharedSource, Option<(u64, ImageProblem)>), ImageError> {
    if extent.kind == ExtentKind::Zeros {
        return Ok((Arc::new(Zeros(extent.size)), None));
    }
    let absent = |problem: ImageProblem| {
        let source = Arc::new(Absent { size: extent.size, problem: problem.clone() });
        Ok((source as SharedSource, Some((0, problem))))
    };
    let Some(file) = opening.sibling(&extent.file)? else {
        let expected = format!("an extent of {} bytes", extent.size);
        return absent(ImageProblem::new(&extent.file, expected, "no file"));
    };
    opened.parts.push(extent.file.clone());
    let (source, there): (SharedSource, u64) = match extent.kind {
        ExtentKind::Flat => {
            let there = file.size().saturating_sub(extent.offset);
            (Arc::new(Slice::new(file, extent.offset, extent.size.min(there))), there)
        }
        _ => match opened.sparse(file, &extent.file) {
            Ok(disk) => {
                let there = disk.size();
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
    Ok((Arc::new(Joined::new(vec![source, rest])), Some((there, problem))))
}

/// An extent of a VMDK that has no file: all of its bytes are zero. Contains the size in bytes.
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

/// The bytes of a VMDK extent whose file is missing or cut off. Every read of them fails.
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
