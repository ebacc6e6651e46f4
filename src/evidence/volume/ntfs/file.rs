//! One file of an NTFS volume: all of its records in the master file table, and the attributes in
//! them.

use std::collections::{BTreeMap, BTreeSet};

use super::Ntfs;
use super::attribute::{self, Attribute};
use super::budget::Budget;
use super::name::name_text;
use super::obstacle::{Obstacle, ReparsePoint};
use super::record::{Record, Reference};
use super::stream::Stream;
use crate::evidence::layer::{Source, read_up_to};
use crate::evidence::volume::fields::{length16_at, u32_at, u64_at};

/// The maximum number of records of the master file table that are read for one file, besides the
/// file's first one. If the file names more, its list of records counts as cut off.
const MOST_RECORDS: usize = 4096;
/// The most memory that a file's records of the master file table may take, in bytes.
const MOST_RECORD_BYTES: usize = 16 << 20;
/// The maximum number of bytes that are read of a file's attribute list, which names the file's
/// records in the master file table. Windows allows 256 KiB.
const MOST_LIST: usize = 1 << 20;
/// The length of the shortest entry of an attribute list (the list of a file's records in the
/// master file table), in bytes. A shorter one is damage.
const SHORTEST_ENTRY: usize = 26;
/// The size of the largest stream that is read, in bytes: 1 TiB. A log is far smaller; but a
/// damaged record can state any size, because holes (ranges that are all zeros) take no clusters.
const MOST_SIZE: u64 = 1 << 40;
/// The Windows file attributes (bits) of a file whose bytes a cloud provider stores and not the
/// volume: offline, recall on open, and recall on access.
const NOT_ON_DISK: u32 = 0x1000 | 0x4_0000 | 0x40_0000;

/// A file of an NTFS volume, with its records from the master file table: the first record, and the
/// further ones that the file's attribute list names. They take at most 16 MiB of memory.
pub(super) struct File {
    number: u64,
    records: Vec<Vec<u8>>,
    lost: BTreeSet<u64>,
    is_list_cut: bool,
}

/// One of the names of a file on an NTFS volume, and the folder in which the file has that name.
pub(super) struct FileName<'f> {
    /// A reference to the record, in the master file table, of the folder that contains the file
    /// under this name.
    pub parent: Reference,
    /// True if the name is a short (8.3) name, which Windows makes for a file with a long name.
    pub is_short: bool,
    /// The bytes of the name, which are UTF-16 (little-endian).
    pub name: &'f [u8],
}

impl<'f> FileName<'f> {
    /// Reads a name from a `$FILE_NAME` attribute. Returns `None` if the attribute is of another
    /// type or too short.
    pub fn parse(attribute: Attribute<'f>) -> Option<Self> {
        if attribute.kind() != attribute::FILE_NAME {
            return None;
        }
        let bytes = attribute.resident()?;
        let length = 2 * usize::from(*bytes.get(64)?);
        Some(FileName {
            parent: Reference::at(bytes, 0)?,
            is_short: *bytes.get(65)? == 2,
            name: bytes.get(66..66 + length)?,
        })
    }
}

impl File {
    /// Reads the records of the file whose first record has the number `number` in the master file
    /// table. If `budget` is not enough for reading the file's attribute list, reads only the first
    /// record. Fails if the first record cannot be read.
    pub fn read(ntfs: &Ntfs, number: u64, budget: &mut Budget) -> Result<Self, Obstacle> {
        let first = ntfs.record(number).ok_or(Obstacle::Record(number))?;
        let mut file = File { number, records: vec![first], lost: BTreeSet::new(), is_list_cut: false };
        let parts: Vec<Attribute<'_>> =
            file.attributes().filter(|attribute| attribute.kind() == attribute::ATTRIBUTE_LIST).collect();
        if parts.is_empty() {
            return Ok(file);
        }
        let list = Stream::new(ntfs.volume.clone(), ntfs.geometry.cluster, parts).ok();
        let list = list.and_then(|list| {
            let length = usize::try_from(list.size()).unwrap_or(MOST_LIST).min(MOST_LIST);
            let entries = length / SHORTEST_ENTRY + 1;
            budget.take_entries(entries as u64).then(|| read_up_to(&list, 0, length).ok())?
        });
        match list {
            Some(list) => file.add_listed(ntfs, &list),
            None => file.is_list_cut = true,
        }
        Ok(file)
    }

    /// Reads the further records of the master file table that the file's attribute list names, and
    /// adds them to this file. `list` has the bytes of the attribute list.
    fn add_listed(&mut self, ntfs: &Ntfs, list: &[u8]) {
        let most = MOST_RECORDS.min(MOST_RECORD_BYTES / ntfs.geometry.record);
        // Records that were met, and whether they belong to the file.
        let mut met = BTreeMap::from([(self.number, true)]);
        let mut at = 0;
        while let Some(reference) = Reference::at(list, at + 16) {
            let length = length16_at(list, at + 4).unwrap_or_default();
            if length < SHORTEST_ENTRY || met.len() > most {
                self.is_list_cut = true;
                break;
            }
            let number = reference.record;
            let is_good = met.get(&number).copied().unwrap_or_else(|| self.add_record(ntfs, number));
            met.insert(number, is_good);
            if !is_good && u32_at(list, at) == Some(attribute::DATA) {
                self.lost.insert(number);
            }
            at += length;
        }
    }

    /// Reads a further record of the file, which has the number `number` in the master file table,
    /// and adds it. Returns false if the record cannot be read or belongs to another file by now.
    fn add_record(&mut self, ntfs: &Ntfs, number: u64) -> bool {
        let (is_in_use, sequence) = (self.first().is_in_use(), self.first().sequence());
        let is_own = |base: Reference| base.record == self.number && base.means(sequence, is_in_use);
        let record = ntfs.record(number).filter(|record| Record(record).base().is_some_and(is_own));
        let is_good = record.is_some();
        self.records.extend(record);
        is_good
    }

    /// Returns the file's first record in the master file table.
    pub fn first(&self) -> Record<'_> {
        Record(self.records.first().map_or(&[], Vec::as_slice))
    }

    /// Returns the numbers of those records of the master file table that should have parts of the
    /// file's streams, but cannot be read or belong to another file by now.
    pub fn lost(&self) -> &BTreeSet<u64> {
        &self.lost
    }

    /// Returns true if the file's attribute list cannot be read to its end, so that some of the
    /// file's records in the master file table can be missing from this value.
    pub fn is_list_cut(&self) -> bool {
        self.is_list_cut
    }

    /// Returns all attributes of the file, from all of its records in the master file table.
    fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.records.iter().flat_map(|record| Record(record).attributes())
    }

    /// Returns the names of the file. Short (8.3) names are left out if the file has a long one.
    pub fn names(&self) -> Vec<FileName<'_>> {
        let mut names: Vec<FileName<'_>> = self.attributes().filter_map(FileName::parse).collect();
        if names.iter().any(|name| !name.is_short) {
            names.retain(|name| !name.is_short);
        }
        names
    }

    /// Returns true if the file has a main stream, or may have one because not all of its records
    /// in the master file table could be read. Files that describe the volume itself, such as
    /// `$Secure`, can have only named streams.
    pub fn may_have_main_stream(&self) -> bool {
        let mut attributes = self.attributes();
        let has_one = attributes.any(|found| found.kind() == attribute::DATA && found.name().is_empty());
        let is_damaged = |record: &Vec<u8>| {
            let mut attributes = Record(record).attributes();
            attributes.by_ref().for_each(drop);
            attributes.is_damaged()
        };
        has_one || self.is_list_cut || !self.lost.is_empty() || self.records.iter().any(is_damaged)
    }

    /// Returns the names of the file's alternate streams, sorted, and escaped as [`name_text`]
    /// does. The main stream has no name.
    pub fn stream_names(&self) -> BTreeSet<String> {
        let data = self.attributes().filter(|attribute| attribute.kind() == attribute::DATA);
        data.filter(|attribute| !attribute.name().is_empty())
            .map(|attribute| name_text(attribute.name()))
            .collect()
    }

    /// Returns the bytes of the file's attribute `$STANDARD_INFORMATION`, which are empty if the
    /// file has none.
    fn standard_information(&self) -> &[u8] {
        let mut attributes = self.attributes();
        let found = attributes.find(|attribute| attribute.kind() == attribute::STANDARD_INFORMATION);
        found.and_then(Attribute::resident).unwrap_or_default()
    }

    /// Returns the time at which the file's bytes were last changed, in units of 100 nanoseconds
    /// since 1601. Returns `None` if the file does not state it.
    pub fn modified(&self) -> Option<u64> {
        u64_at(self.standard_information(), 8)
    }

    /// Returns the tag of the file's reparse point. It says which link or driver Windows uses for
    /// the file, instead of reading the file's own bytes. Returns `None` if the file has no reparse
    /// point.
    pub fn reparse_point(&self) -> Option<ReparsePoint> {
        let mut attributes = self.attributes();
        let found = attributes.find(|attribute| attribute.kind() == attribute::REPARSE_POINT)?;
        Some(ReparsePoint(u32_at(found.resident()?, 0)?))
    }

    /// Opens the file's main stream, or the stream named `name` if that is given. `name` is escaped
    /// as [`name_text`] does. Fails with the reason why nothing of the stream can be read.
    pub fn stream(&self, ntfs: &Ntfs, name: Option<&str>) -> Result<Stream, Obstacle> {
        if let Some(obstacle) = self.obstacle().filter(|_| name.is_none()) {
            return Err(obstacle);
        }
        let is_named = |attribute: &Attribute<'_>| match name {
            None => attribute.name().is_empty(),
            Some(name) => name_text(attribute.name()) == name,
        };
        let data = self.attributes().filter(|attribute| attribute.kind() == attribute::DATA);
        let parts = data.filter(is_named).collect();
        let stream = Stream::new(ntfs.volume.clone(), ntfs.geometry.cluster, parts)?;
        let size = stream.size();
        if size > MOST_SIZE { Err(Obstacle::Size { size, limit: MOST_SIZE }) } else { Ok(stream) }
    }

    /// Returns the reason why the main stream does not have the file's content, such as that a
    /// cloud provider stores it. Returns `None` if the main stream has the content.
    fn obstacle(&self) -> Option<Obstacle> {
        let point = self.reparse_point()?;
        let flags = u32_at(self.standard_information(), 32).unwrap_or_default();
        let is_elsewhere = point.is_elsewhere() || point.is_cloud() && flags & NOT_ON_DISK != 0;
        is_elsewhere.then_some(Obstacle::Elsewhere(point))
    }

    /// Returns the size in bytes that the file's records in the master file table state for the
    /// stream named `name`, or for the main stream if `name` is `None`. It is used if the stream
    /// cannot be opened. Returns 0 if no record states a size.
    pub fn stated_size(&self, name: Option<&str>) -> u64 {
        let data = self.attributes().filter(|attribute| attribute.kind() == attribute::DATA);
        let mut named = data.filter(|attribute| name_text(attribute.name()) == name.unwrap_or_default());
        named
            .find_map(|attribute| match attribute.clusters() {
                Some(clusters) => (clusters.first == 0).then_some(clusters.size),
                None => attribute.resident().map(|bytes| bytes.len() as u64),
            })
            .unwrap_or_default()
    }
}
