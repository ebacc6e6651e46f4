//! Attributes of NTFS files. A record of the master file table consists of attributes: a file's
//! names, streams and times are one each.

use super::runs::RunList;
use crate::evidence::volume::fields::{length16_at, length32_at, u16_at, u32_at, u64_at};

/// The type of the attribute `$STANDARD_INFORMATION`, which has the times and flags of a file.
pub(super) const STANDARD_INFORMATION: u32 = 0x10;
/// The type of the attribute `$ATTRIBUTE_LIST`. If the attributes of a file do not fit into one
/// record of the master file table, this attribute lists the records that have them.
pub(super) const ATTRIBUTE_LIST: u32 = 0x20;
/// The type of the attribute `$FILE_NAME`, which states one of a file's names, and the folder in
/// which the file has that name.
pub(super) const FILE_NAME: u32 = 0x30;
/// The type of the attribute `$DATA`, which is a stream of a file: the main stream with the file's
/// content, or a named stream.
pub(super) const DATA: u32 = 0x80;
/// The type of the attribute `$REPARSE_POINT`. When a file with this attribute is opened, Windows
/// follows a link or asks a driver, instead of reading the file's own bytes.
pub(super) const REPARSE_POINT: u32 = 0xC0;

/// An attribute of an NTFS file, such as a name or a stream, in a record of the master file table.
/// The bytes of the attribute lie in the record itself (resident) or in clusters of the volume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'r>(&'r [u8]);

impl<'r> Attribute<'r> {
    /// Returns the type of the attribute: a number such as [`DATA`].
    pub fn kind(self) -> u32 {
        u32_at(self.0, 0).unwrap_or_default()
    }

    /// Returns the name of the attribute in UTF-16. The name of a file's main stream is empty.
    pub fn name(self) -> &'r [u8] {
        let length = self.0.get(9).map_or(0, |units| 2 * usize::from(*units));
        let start = length16_at(self.0, 10).unwrap_or_default();
        self.0.get(start..start + length).unwrap_or_default()
    }

    /// Returns the flags of the attribute, which tell if it is compressed (low byte), encrypted
    /// (0x4000) or sparse (0x8000).
    pub fn flags(self) -> u16 {
        u16_at(self.0, 12).unwrap_or_default()
    }

    /// Returns the bytes of the attribute if they lie in the record of the master file table.
    /// Returns `None` if they lie in clusters, or if the attribute is damaged.
    pub fn resident(self) -> Option<&'r [u8]> {
        if *self.0.get(8)? != 0 {
            return None;
        }
        let (length, start) = (length32_at(self.0, 16)?, length16_at(self.0, 20)?);
        self.0.get(start..start.checked_add(length)?)
    }

    /// Returns where on the volume the bytes of the attribute lie. Returns `None` if they lie in
    /// the record of the master file table, or if the attribute is damaged.
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

/// Where on the volume the bytes of an NTFS file's attribute lie, or those of one part of it. An
/// attribute can have parts in several records of the master file table. The first part states the
/// sizes of the whole attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clusters<'r> {
    /// The number of the first cluster in this part of the attribute, counted from the start of the
    /// whole attribute.
    pub first: u64,
    /// How many clusters are compressed together, as the exponent of a power of two: 4 means 16
    /// clusters. 0 if the attribute is not compressed.
    pub unit_shift: u8,
    /// The size of the whole attribute in bytes. If the attribute consists of several parts, only
    /// the first part states it.
    pub size: u64,
    /// The valid data length: the offset in the attribute from which on all bytes read as zeros,
    /// even if the clusters contain other bytes.
    pub valid: u64,
    list: &'r [u8],
}

impl<'r> Clusters<'r> {
    /// Returns an iterator over the runs (ranges of consecutive clusters) in which the bytes of
    /// this part lie. They are decoded from the run list in the attribute.
    pub fn runs(self) -> RunList<'r> {
        RunList::new(self.list, self.first)
    }
}

/// An iterator over the attributes in a record of the master file table. It ends at the record's
/// end or at the first damaged attribute.
#[derive(Debug, Clone)]
pub(super) struct Attributes<'r> {
    record: &'r [u8],
    at: usize,
    is_damaged: bool,
}

impl<'r> Attributes<'r> {
    /// Returns an iterator over the attributes in `record`, which has the bytes of a record of the
    /// master file table. `first` is the offset of the first attribute in the record.
    pub fn new(record: &'r [u8], first: usize) -> Self {
        Attributes { record, at: first, is_damaged: false }
    }

    /// Returns true if the iterator has ended at a damaged attribute, before the mark that ends a
    /// record's attributes.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}

/// The length of the shortest possible attribute in bytes: that of the header of an attribute whose
/// bytes lie in the record. A shorter attribute is damage.
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
