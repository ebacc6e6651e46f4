//! The files of a volume, found by one pass over the master file table.

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

/// How many bytes of the table are read at a time.
const STEP: u64 = 1 << 20;
/// The most bytes of memory that the names of folders and the numbers of wanted files take.
const MOST_MEMORY: usize = 256 << 20;
/// The records that describe the volume itself: `$MFT`, `$LogFile` and others.
const SYSTEM_RECORDS: u64 = 24;

/// Decides by a file's or a stream's name whether it is wanted. Names are escaped, as in
/// [`NtfsFile::path`].
pub type Wanted<'w> = dyn Fn(&str) -> bool + 'w;

/// A stream of a file on an NTFS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfsFile {
    /// The path from the volume's root, with `/` between its parts; it begins with `$Orphan/` if
    /// [`NtfsFile::is_orphan`] is true. In names, a backslash is `\\`; `!`, `/` and `:` are `\xNN`,
    /// and UTF-16 that is no text is `\xNN` for each byte that UTF-8 would have for it.
    pub path: String,
    /// The name of the stream, escaped in the same way; `None` for the file's main stream.
    pub stream: Option<String>,
    /// The number of the file's first record in the master file table. Together with
    /// [`NtfsFile::stream`] it says to [`Ntfs::open_stream`] what to open.
    pub record: u64,
    /// The stream's size in bytes.
    pub size: u64,
    /// The offset in the stream from which on all bytes are zeros that are stored nowhere.
    pub stored: u64,
    /// When the file's bytes were last changed: units of 100 nanoseconds since 1601 (FILETIME).
    pub modified: Option<u64>,
    /// True if the file was deleted: its record is marked as free, and has not been reused.
    pub is_deleted: bool,
    /// True if the folder of the file, or one above that, is lost.
    pub is_orphan: bool,
    /// True for a file that describes the volume itself, such as `$MFT`.
    pub is_system: bool,
    /// Why the stream cannot be read; `None` if it can be, at least in part.
    pub obstacle: Option<Obstacle>,
    /// What is wrong with the stream, at most 256 ranges.
    pub problems: Vec<FileProblem>,
}

/// What a pass over the master file table has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The places for records in the table, without those that were never written to.
    pub records: u64,
    /// Records whose fixups fail: they were written in part.
    pub torn: u64,
    /// Places with something that is no record.
    pub no_record: u64,
    /// Records that lie out of the volume or cannot be read from it, or whose place is not known.
    pub unreadable: u64,
    /// Records whose attributes end at a damaged one.
    pub damaged: u64,
    /// Records that were not looked at: those after the one at which names or paths took more than
    /// 256 MiB, or at which more of the table was read than the volume can have.
    pub not_listed: u64,
    /// Regular files in use, without those that describe the volume itself.
    pub files: u64,
}

impl Counts {
    /// What the counts say is wrong with the table.
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

/// Yields the wanted files of a volume, in the order of their records. Takes at most 256 MiB of
/// memory, whatever the volume contains. It ends when the paths of the files that it has yielded
/// come to as much.
pub struct Files<'n> {
    ntfs: &'n Ntfs,
    wanted: &'n Wanted<'n>,
    folders: Folders,
    records: std::vec::IntoIter<u64>,
    ready: VecDeque<NtfsFile>,
    counts: Counts,
    budget: Budget,
    /// The bytes of all paths so far.
    path_bytes: usize,
    yielded: u64,
}

impl<'n> Files<'n> {
    /// Reads the table of the volume.
    pub(super) fn read(ntfs: &'n Ntfs, wanted: &'n Wanted<'n>) -> Self {
        let mut pass = Pass::new(wanted);
        pass.run(ntfs);
        let records = pass.finish();
        let (folders, counts) = (pass.folders, pass.counts);
        let (records, ready) = (records.into_iter(), VecDeque::new());
        let budget = Budget::of_volume(counts.records, ntfs.clusters());
        Files { ntfs, wanted, folders, records, ready, counts, budget, path_bytes: 0, yielded: 0 }
    }

    /// What was counted. The number of records that were not listed is final once the iterator has
    /// ended.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number of regular files in use, without those that describe the volume itself, of which
    /// no stream has been yielded. It is final once the iterator has ended.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.counts.files.saturating_sub(self.yielded)
    }

    /// Adds the wanted streams of a file to what is ready.
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

/// True if the record is the first one of a regular file in use.
fn is_counted(number: u64, record: Record<'_>) -> bool {
    number >= SYSTEM_RECORDS && record.is_in_use() && !record.is_folder() && record.base().is_none()
}

/// One pass over the master file table.
struct Pass<'w> {
    wanted: &'w Wanted<'w>,
    folders: Folders,
    /// Files with a wanted name or stream.
    records: Vec<u64>,
    /// Folders whose name is not in their first record: their sequence number, and whether they
    /// are in use.
    nameless: BTreeMap<u64, (u16, bool)>,
    /// Names in further records, of files and of folders whose first record was not met yet.
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

    /// Looks at all records that lie on the volume. Runs of a damaged table can name the same
    /// clusters again and again, so no more bytes are read than the volume has.
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

    /// How many bytes of memory the names and numbers take that were found.
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

    /// Looks at records that cannot be read together.
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

    /// Notes the folder that a record describes, or the file if it is wanted.
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

    /// Keeps a name from a further record if it may be a folder's.
    fn note_name(&mut self, number: u64, base: Reference, name: &FileName<'_>) {
        let may_be_folder = base.record > number || self.nameless.contains_key(&base.record);
        if may_be_folder && !name.is_short {
            self.memory += 128 + name.name.len();
            self.names.entry(base.record).or_insert_with(|| (base, name.parent, name.name.to_vec()));
        }
    }

    /// Gives the nameless folders their names, and returns the records of the wanted files.
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
