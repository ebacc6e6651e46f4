//! What the sections of an E01 image say, before any data of the disk is read: the sizes of the
//! disk, and where its chunks lie.

use super::super::outcome::{ImageFacts, ImageProblem};

/// What has been read so far from the segments (files) of an E01 image while the image is opened.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) media: Option<Media>,
    /// The groups of EWF chunks (blocks of the disk) in the order of the disk, one group for each
    /// table. Between them are gaps, at which an unknown number of chunks is missing.
    pub(super) groups: Vec<GroupOrGap>,
    pub(super) facts: ImageFacts,
    /// True if the section that ends an image was found, so that no segment (file) is missing at
    /// the end.
    pub(super) ended: bool,
    pub(super) sections: u32,
}

/// The sizes of the disk in an E01 or Ex01 image, and of its sectors and chunks. A chunk is the
/// block in which the image stores the disk.
#[derive(Clone, Copy)]
pub(super) struct Media {
    /// The size of the imaged disk in bytes.
    pub(super) size: u64,
    /// The size of a chunk in bytes. A chunk is the block in which the image stores the disk.
    pub(super) chunk: u64,
    /// The size of a sector of the imaged disk, in bytes.
    pub(super) sector: u64,
    /// The number of chunks (blocks of the image) in which the disk is stored, computed from its
    /// size.
    pub(super) chunks: u64,
}

pub(super) enum GroupOrGap {
    Group(Group),
    /// A place on the disk at which an unknown number of EWF chunks (blocks of the disk) is missing
    /// from the image. Contains the reason.
    Gap(ImageProblem),
}

impl GroupOrGap {
    /// Returns the problem because of which a table of an E01 image could not be read. `self` is
    /// what was read of that table: a gap, or a group that is marked as unreadable.
    pub(super) fn into_problem(self) -> ImageProblem {
        match self {
            GroupOrGap::Gap(problem) | GroupOrGap::Group(Group { unreadable: Some(problem), .. }) => problem,
            GroupOrGap::Group(_) => ImageProblem::new("table", "a table of chunks", "one that is sound"),
        }
    }
}

/// A group of chunks (blocks in which the image stores the disk): those that one table of an E01
/// image lists.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// The position, in the list of segments (files of the image) that were found, of the segment
    /// with this group of EWF chunks.
    pub(super) segment: usize,
    /// The offset of the first entry of the group's table in its segment (a file of the image), in
    /// bytes. The table lists the EWF chunks of the group.
    pub(super) entries: u64,
    pub(super) count: u32,
    /// The number that is added to an EWF chunk's offset in the group's table to get the chunk's
    /// offset in the segment (a file of the image).
    pub(super) base: u64,
    /// The offset at which the last EWF chunk of the group ends in its segment (a file of the
    /// image), in bytes.
    pub(super) end: u64,
    /// The number of the table's first entry, counted from 0, that is an offset of 32 bits. Entries
    /// before it are an offset of 31 bits and a flag. EnCase and FTK write offsets of 32 bits in
    /// sections of more than 2 GiB, for chunks that are not deflated. `u32::MAX` if there are none.
    pub(super) wide_from: u32,
    /// The reason why the group's EWF chunks (blocks of the disk) cannot be read, although it is
    /// known how many there are. `None` if they can be read.
    pub(super) unreadable: Option<ImageProblem>,
}
