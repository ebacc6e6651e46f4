//! Attributes: the parts of a record. A file's names, streams and times are attributes.

use super::runs::RunList;
use crate::evidence::volume::fields::{length16_at, length32_at, u16_at, u32_at, u64_at};

/// `$STANDARD_INFORMATION`: times and flags of a file.
pub(super) const STANDARD_INFORMATION: u32 = 0x10;
/// `$ATTRIBUTE_LIST`: the records that a file's attributes lie in, if one is not enough.
pub(super) const ATTRIBUTE_LIST: u32 = 0x20;
/// `$FILE_NAME`: a name of a file, and the folder that the name is in.
pub(super) const FILE_NAME: u32 = 0x30;
/// `$DATA`: a stream of a file.
pub(super) const DATA: u32 = 0x80;
/// `$REPARSE_POINT`: says that a driver gives the file another meaning.
pub(super) const REPARSE_POINT: u32 = 0xC0;

/// An attribute in a record. Its bytes lie in the record (resident), or in clusters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'r>(&'r [u8]);

impl<'r> Attribute<'r> {
    /// The attribute's type, such as [`DATA`].
    pub fn kind(self) -> u32 {
        u32_at(self.0, 0).unwrap_or_default()
    }

    /// The attribute's name in UTF-16; empty for a file's main stream.
    pub fn name(self) -> &'r [u8] {
        let length = self.0.get(9).map_or(0, |units| 2 * usize::from(*units));
        let start = length16_at(self.0, 10).unwrap_or_default();
        self.0.get(start..start + length).unwrap_or_default()
    }

    /// The flags for compression (low byte), encryption (0x4000) and sparseness (0x8000).
    pub fn flags(self) -> u16 {
        u16_at(self.0, 12).unwrap_or_default()
    }

    /// The attribute's bytes if they lie in the record.
    pub fn resident(self) -> Option<&'r [u8]> {
        if *self.0.get(8)? != 0 {
            return None;
        }
        let (length, start) = (length32_at(self.0, 16)?, length16_at(self.0, 20)?);
        self.0.get(start..start.checked_add(length)?)
    }

    /// Where the attribute's bytes lie if they do not lie in the record.
    pub fn clusters(self) -> Option<Clusters<'r>> {
        if *self.0.get(8)? == 0 || self.0.len() < 64 {
            return None;
        }
        Some(Clusters {
            first: u64_at(self.0, 16)?,
            unit_shift: *self.0.get(34)?,
            size: u64_at(self.0, 48)?,
            valid: u64_at(self.0, 56)?,
            list: self.0.get(length16_at(self.0, 32)?..).unwrap_or_default(),
        })
    }
}

/// Where the bytes of an attribute lie, or of one part of it. The parts of an attribute can lie in
/// several records; the first part states the sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clusters<'r> {
    /// The first of the attribute's clusters that the run list describes.
    pub first: u64,
    /// The clusters that are compressed together, as a power of two; 0 without compression.
    pub unit_shift: u8,
    /// The attribute's size in bytes.
    pub size: u64,
    /// The valid data length: bytes from here on are zeros, whatever lies in the clusters.
    pub valid: u64,
    list: &'r [u8],
}

impl<'r> Clusters<'r> {
    /// The runs of clusters that the run list describes.
    pub fn runs(self) -> RunList<'r> {
        RunList::new(self.list, self.first)
    }
}

/// Walks the attributes of a record. The walk ends with the record or at the first attribute that
/// is damaged.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'r> {
    record: &'r [u8],
    at: usize,
    is_damaged: bool,
}

impl<'r> Attributes<'r> {
    /// Begins at the attribute at offset `first` of a record.
    pub fn new(record: &'r [u8], first: usize) -> Self {
        Attributes { record, at: first, is_damaged: false }
    }

    /// True if the walk has ended before the mark that ends each record's attributes.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}

/// The least length of an attribute in bytes: that of the header of one in a record.
const SHORTEST: usize = 24;

impl<'r> Iterator for Attributes<'r> {
    type Item = Attribute<'r>;

    fn next(&mut self) -> Option<Attribute<'r>> {
        if self.is_damaged || u32_at(self.record, self.at) == Some(u32::MAX) {
            return None;
        }
        let length = length32_at(self.record, self.at + 4).filter(|length| *length >= SHORTEST);
        let bytes = length.and_then(|length| self.record.get(self.at..self.at.checked_add(length)?));
        self.is_damaged = bytes.is_none();
        self.at += bytes?.len();
        bytes.map(Attribute)
    }
}
