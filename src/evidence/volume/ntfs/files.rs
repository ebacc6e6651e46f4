//! Lists the files of an NTFS volume, by one pass over the master file table.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use super::Ntfs;
use super::attribute;
use super::budget::Budget;
use super::file::{File, FileName};
use super::folders::Folders;
use super::name::push_name;
use super::obstacle::Obstacle;
use super::problem::{FileProblem, VolumeProblem, problems};
use super::record::{Record, RecordState, Reference, restore};
use crate::evidence::layer::{Source, read_exact};

/// The number of bytes of the master file table that are read at a time.
const STEP: u64 = 1 << 20;
/// The most memory, in bytes, for the names of folders and the numbers of wanted files. Records of
/// the master file table after this limit are counted as not listed. The paths of all listed files
/// together have the same limit.
const MOST_MEMORY: usize = 256 << 20;
/// The number of records at the start of the master file table that describe the volume itself,
/// such as `$MFT` and `$LogFile`.
const SYSTEM_RECORDS: u64 = 24;

/// A function of the caller that decides which files and streams are listed. It gets the name of a
/// file (without its folder) or of an alternate stream, escaped as in [`NtfsFile::path`], and
/// returns true if that is to be listed.
pub type Wanted<'w> = dyn Fn(&str) -> bool + 'w;

/// A stream of a file on an NTFS volume, as [`Files`] lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfsFile {
    /// The path of the file from the volume's root, with `/` between its parts. If
    /// [`NtfsFile::is_orphan`] is true, the path begins with `$Orphan/`. In names, a backslash
    /// becomes `\\`; `!`, `/` and `:` become `\xNN`, where `NN` is hexadecimal; and UTF-16 that is
    /// not text becomes `\xNN` for each byte that it would have in UTF-8.
    pub path: String,
    /// The name of the stream, escaped like the names in [`NtfsFile::path`]. `None` for the main
    /// stream, which has the file's content.
    pub stream: Option<String>,
    /// The number of the file's first record in the master file table. [`Ntfs::open_stream`] opens
    /// a stream by this number and [`NtfsFile::stream`].
    pub record: u64,
    /// The size of the stream in bytes.
    pub size: u64,
    /// The offset in the stream from which on nothing is stored, so that all bytes read as zeros.
    pub stored: u64,
    /// The time at which the file's bytes were last changed, in units of 100 nanoseconds since 1601
    /// (FILETIME). `None` if the file does not state it.
    pub modified: Option<u64>,
    /// True if the file was deleted: its record in the master file table is marked as free, and no
    /// other file uses the record yet.
    pub is_deleted: bool,
    /// True if one of the folders that the file lies in is lost, so that the path is not complete
    /// and begins with `$Orphan/`.
    pub is_orphan: bool,
    /// True if the file describes the volume itself, such as `$MFT`.
    pub is_system: bool,
    /// The reason why nothing of the stream can be read. `None` if it can be read at least in part.
    pub obstacle: Option<Obstacle>,
    /// The ranges of the stream in which something is wrong, at most 256.
    pub problems: Vec<FileProblem>,
}

/// How many records and files a pass over the master file table of a volume has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of places for records in the master file table, up to the end of what was ever
    /// written to the table.
    pub records: u64,
    /// The number of records of the master file table that were written only in part. The marks at
    /// the ends of such a record's sectors differ.
    pub torn: u64,
    /// The number of places in the master file table that contain something that is not a record.
    pub no_record: u64,
    /// The number of records of the master file table that lie outside of the volume, cannot be
    /// read from it, or whose place is not known.
    pub unreadable: u64,
    /// The number of records of the master file table in which an attribute is damaged, so that the
    /// attributes after it are missing.
    pub damaged: u64,
    /// The number of records at the end of the master file table that were not read, because of a
    /// limit: names or paths took more than 256 MiB, or the table seems to be larger than the
    /// volume.
    pub not_listed: u64,
    /// The number of regular files of the volume that are not deleted, without those that describe
    /// the volume itself.
    pub files: u64,
}

impl Counts {
    /// Returns what is wrong with the master file table: a problem for each of these counts that
    /// stands for damage or for a limit, and is not 0.
    #[must_use]
    pub fn problems(&self) -> Vec<VolumeProblem> {
        let problems = [
            (self.torn, VolumeProblem::Torn { records: self.torn }),
            (self.no_record, VolumeProblem::NoRecord { records: self.no_record }),
            (self.unreadable, VolumeProblem::Unreadable { records: self.unreadable }),
            (self.damaged, VolumeProblem::Damaged { records: self.damaged }),
            (self.not_listed, VolumeProblem::NotListed { records: self.not_listed }),
        ];
        problems.into_iter().filter(|(count, _)| *count > 0).map(|(_, problem)| problem).collect()
    }
}

/// An iterator over those files and streams of an NTFS volume that the caller wants, in the order
/// of the files' records in the master file table. It takes at most 256 MiB of memory for any
/// volume. It ends early if the paths of the files that it has returned take more than 256 MiB
/// together.
pub struct Files<'n> {
    ntfs: &'n Ntfs,
    wanted: &'n Wanted<'n>,
    folders: Folders,
    records: std::vec::IntoIter<u64>,
    ready: VecDeque<NtfsFile>,
    counts: Counts,
    budget: Budget,
    /// The total length of the paths of files that were returned so far, in bytes. If it exceeds
    /// 256 MiB, the iterator ends.
    path_bytes: usize,
    yielded: u64,
}

impl<'n> Files<'n> {
    /// Reads the master file table of the volume `ntfs` once from start to end, and returns an
    /// iterator over the files and streams for whose names `wanted` returns true.
    pub(super) fn read(ntfs: &'n Ntfs, wanted: &'n Wanted<'n>) -> Self {
        let mut pass = Pass::new(wanted);
        pass.run(ntfs);
        let records = pass.finish();
        let (folders, counts) = (pass.folders, pass.counts);
        let (records, ready) = (records.into_iter(), VecDeque::new());
        let budget = Budget::of_volume(counts.records, ntfs.clusters());
        Files { ntfs, wanted, folders, records, ready, counts, budget, path_bytes: 0, yielded: 0 }
    }

    /// Returns how many records and files were found in the master file table.
    /// [`Counts::not_listed`] can still grow until the iterator has ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the number of regular files that are not deleted and of which the iterator has
    /// returned no stream, without files that describe the volume itself. The number is final once
    /// the iterator has ended.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.counts.files.saturating_sub(self.yielded)
    }

    /// Adds the wanted streams of the file whose first record has the number `number` to the
    /// streams that the iterator returns next.
    fn add(&mut self, number: u64) {
        let Ok(file) = File::read(self.ntfs, number, &mut self.budget) else { return };
        let names = file.names();
        let mut text = String::new();
        let mut is_wanted = |name: &FileName<'_>| {
            text.clear();
            push_name(&mut text, name.name);
            (self.wanted)(&text)
        };
        let wanted_name = names.iter().find(|name| is_wanted(name));
        let Some(name) = wanted_name.or(names.first()) else { return };
        let path = self.folders.path(name);
        let has_main = wanted_name.is_some() && !file.first().is_folder() && file.may_have_main_stream();
        let others = file.stream_names().into_iter().filter(|name| (self.wanted)(name)).map(Some);
        for stream in has_main.then_some(None).into_iter().chain(others) {
            let opened = file.stream(self.ntfs, stream.as_deref());
            let (size, stored) = match &opened {
                Ok(opened) => (opened.size(), opened.stored()),
                Err(_) => (file.stated_size(stream.as_deref()), 0),
            };
            self.path_bytes += path.text.len();
            self.ready.push_back(NtfsFile {
                path: path.text.clone(),
                record: number,
                size,
                stored,
                modified: file.modified(),
                is_deleted: !file.first().is_in_use(),
                is_orphan: path.is_orphan,
                is_system: number < SYSTEM_RECORDS,
                obstacle: opened.as_ref().err().copied(),
                problems: opened
                    .map(|opened| problems(self.ntfs, &file, &opened, &mut self.budget))
                    .unwrap_or_default(),
                stream,
            });
        }
        let is_counted = is_counted(number, file.first()) && !self.ready.is_empty();
        self.yielded += u64::from(is_counted);
    }
}

impl Iterator for Files<'_> {
    type Item = NtfsFile;

    fn next(&mut self) -> Option<NtfsFile> {
        while self.ready.is_empty() {
            if self.path_bytes > MOST_MEMORY {
                self.counts.not_listed += self.records.by_ref().count() as u64;
            }
            let number = self.records.next()?;
            self.add(number);
        }
        self.ready.pop_front()
    }
}

/// Returns true if `record` is the first record of a regular file that is not deleted and does not
/// describe the volume itself. `number` is the number of the record in the master file table.
fn is_counted(number: u64, record: Record<'_>) -> bool {
    number >= SYSTEM_RECORDS && record.is_in_use() && !record.is_folder() && record.base().is_none()
}

/// What one pass over the master file table of an NTFS volume has found so far.
struct Pass<'w> {
    wanted: &'w Wanted<'w>,
    folders: Folders,
    /// The numbers, in the master file table, of the first records of files with a wanted name or
    /// stream.
    records: Vec<u64>,
    /// The folders that have no name in their first record. The key is the number of that record.
    /// The value is the record's sequence number (how often it was used again for another file),
    /// and whether the folder is in use, not deleted.
    nameless: BTreeMap<u64, (u16, bool)>,
    /// Names from further records of files, by the number of the file's first record. They are kept
    /// because the file may be a folder whose first record comes later in the table. Each value is
    /// a reference to the first record, one to the parent folder's record, and the name in UTF-16.
    names: BTreeMap<u64, (Reference, Reference, Vec<u8>)>,
    memory: usize,
    counts: Counts,
    text: String,
}

impl<'w> Pass<'w> {
    fn new(wanted: &'w Wanted<'w>) -> Self {
        Pass {
            wanted,
            folders: Folders::default(),
            records: Vec::new(),
            nameless: BTreeMap::new(),
            names: BTreeMap::new(),
            memory: 0,
            counts: Counts::default(),
            text: String::new(),
        }
    }

    /// Reads all records of the master file table that lie on the volume. A damaged table can refer
    /// to the same clusters again and again. So the pass ends once as many bytes were read as the
    /// volume has. It also ends once it takes more memory than [`MOST_MEMORY`].
    fn run(&mut self, ntfs: &Ntfs) {
        let size = ntfs.geometry.record as u64;
        self.counts.records = ntfs.table.valid() / size;
        let mut left = ntfs.volume.size() / size;
        let mut next = 0;
        for bytes in ntfs.table.on_volume(ntfs.clusters()) {
            let first = (bytes.start / size).max(next);
            let end = bytes.end.div_ceil(size).min(self.counts.records);
            self.counts.unreadable += first.min(self.counts.records) - next;
            next = first;
            while next < end {
                if left == 0 || self.memory() > MOST_MEMORY {
                    self.counts.not_listed = self.counts.records - next;
                    return;
                }
                let count = (STEP / size).min(end - next).min(left);
                self.look_at_block(ntfs, next..next + count);
                (next, left) = (next + count, left - count);
            }
        }
        self.counts.unreadable += self.counts.records - next;
    }

    /// Returns the memory, in bytes, that the pass takes for the folders, names and record numbers
    /// that it has found so far.
    fn memory(&self) -> usize {
        self.folders.memory() + self.memory + size_of::<u64>() * self.records.len()
    }

    fn look_at_block(&mut self, ntfs: &Ntfs, numbers: Range<u64>) {
        let size = ntfs.geometry.record;
        let length = usize::try_from(numbers.end - numbers.start).unwrap_or(0) * size;
        match read_exact(&ntfs.table, numbers.start * size as u64, length) {
            Ok(mut block) => {
                for (number, record) in numbers.zip(block.chunks_exact_mut(size)) {
                    self.look_at(number, record, ntfs.geometry.sector);
                }
            }
            Err(_) => self.look_at_each(ntfs, numbers),
        }
    }

    /// Reads the records of the master file table with the numbers `numbers` one by one, because a
    /// read of all of them together has failed.
    fn look_at_each(&mut self, ntfs: &Ntfs, numbers: Range<u64>) {
        let size = ntfs.geometry.record;
        for number in numbers {
            match read_exact(&ntfs.table, number * size as u64, size) {
                Ok(mut record) => self.look_at(number, &mut record, ntfs.geometry.sector),
                Err(_) => self.counts.unreadable += 1,
            }
        }
    }

    fn look_at(&mut self, number: u64, record: &mut [u8], sector: u64) {
        match restore(record, sector) {
            RecordState::Good => self.look_into(number, Record(record)),
            RecordState::Unused => {}
            RecordState::NoRecord => self.counts.no_record += 1,
            RecordState::Torn => self.counts.torn += 1,
        }
    }

    /// Notes what a record of the master file table states: the name of a folder, or the name of a
    /// file or stream that is wanted. `number` is the number of the record.
    fn look_into(&mut self, number: u64, record: Record<'_>) {
        let base = record.base();
        self.counts.files += u64::from(is_counted(number, record));
        let (mut name, mut is_wanted) = (None::<FileName<'_>>, false);
        let mut attributes = record.attributes();
        for found in attributes.by_ref() {
            match found.kind() {
                attribute::FILE_NAME => {
                    let Some(found) = FileName::parse(found) else { continue };
                    is_wanted = is_wanted || self.is_wanted(found.name);
                    if name.as_ref().is_none_or(|name| name.is_short) {
                        name = Some(found);
                    }
                }
                attribute::DATA if !found.name().is_empty() => {
                    is_wanted = is_wanted || self.is_wanted(found.name());
                }
                _ => {}
            }
        }
        self.counts.damaged += u64::from(attributes.is_damaged());
        if is_wanted {
            self.records.push(base.map_or(number, |base| base.record));
        }
        match (base, name) {
            (None, Some(name)) if record.is_folder() => self.folders.add(number, record, &name),
            (None, None) if record.is_folder() => {
                self.nameless.insert(number, (record.sequence(), record.is_in_use()));
                self.memory += 64;
            }
            (Some(base), Some(name)) => self.note_name(number, base, &name),
            _ => {}
        }
    }

    fn is_wanted(&mut self, name: &[u8]) -> bool {
        self.text.clear();
        push_name(&mut self.text, name);
        (self.wanted)(&self.text)
    }

    /// Keeps the name `name` if it may be the name of a folder. It is in the record with the number
    /// `number`, which is a further record of the file whose first record is `base`.
    fn note_name(&mut self, number: u64, base: Reference, name: &FileName<'_>) {
        let may_be_folder = base.record > number || self.nameless.contains_key(&base.record);
        if may_be_folder && !name.is_short {
            self.memory += 128 + name.name.len();
            self.names.entry(base.record).or_insert_with(|| (base, name.parent, name.name.to_vec()));
        }
    }

    /// Gives the folders without a name the names that were found in their further records. Returns
    /// the numbers of the records of the wanted files, sorted.
    fn finish(&mut self) -> Vec<u64> {
        for (number, (sequence, is_in_use)) in std::mem::take(&mut self.nameless) {
            if let Some((base, parent, name)) = self.names.remove(&number)
                && base.means(sequence, is_in_use)
            {
                self.folders.add_named(number, sequence, is_in_use, parent, &name);
            }
        }
        self.folders.finish();
        let records: BTreeSet<u64> = std::mem::take(&mut self.records).into_iter().collect();
        records.into_iter().collect()
    }
}
