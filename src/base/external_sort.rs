//! Sorts records that may not all fit in memory. Records for which there is no room are sorted,
//! packed and written to temporary files, which have no names and disappear with the process.

use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::zstandard::{Packer, Unpacker, packer, unpacker};

/// The number of bytes of records in memory at which a sorter writes them to a temporary file.
const MOST_BYTES: usize = 64 << 20;
/// The number of temporary files at which a sorter merges them into one. The limit keeps the number
/// of files that are open at once, and of their buffers, small.
const MOST_RUNS: usize = 64;

/// Sorts records by their keys, which are compared byte by byte. Records with equal keys come in
/// the order in which they were added.
pub(crate) struct ExternalSorter {
    folder: PathBuf,
    /// The number of bytes in memory after which records are written to a temporary file.
    most_bytes: usize,
    most_runs: usize,
    /// The bytes of the records in memory: for each record its key, then its value.
    bytes: Vec<u8>,
    records: Vec<RecordPlace>,
    /// Temporary files, each with sorted records. The records in an earlier file were added
    /// earlier.
    runs: Vec<File>,
}

/// Where a record is in [`ExternalSorter::bytes`], the bytes of the records in memory: the offset
/// of its start, and the lengths of its key and of the whole record, in bytes.
#[derive(Clone, Copy)]
struct RecordPlace {
    start: usize,
    key: u32,
    length: u32,
}

/// A record: a key and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SortedRecord {
    /// The bytes of the key, then those of the value.
    bytes: Vec<u8>,
    /// The length of the key in bytes.
    key: usize,
}

impl SortedRecord {
    /// The key by which the record is sorted.
    pub(crate) fn key(&self) -> &[u8] {
        self.bytes.get(..self.key).expect("the key is a part of the record")
    }

    /// The record's value: the bytes that were added together with the key.
    pub(crate) fn value(&self) -> &[u8] {
        self.bytes.get(self.key..).expect("the key is a part of the record")
    }
}

impl ExternalSorter {
    /// Makes a sorter that writes its temporary files to `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with_limits(folder, MOST_BYTES, MOST_RUNS)
    }

    fn with_limits(folder: &Path, most_bytes: usize, most_runs: usize) -> Self {
        let folder = folder.to_path_buf();
        ExternalSorter {
            folder,
            most_bytes,
            most_runs,
            bytes: Vec::new(),
            records: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds a record. Fails if the key or the value has 4 GiB or more, or if a temporary file
    /// cannot be written.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let place = RecordPlace {
            start: self.bytes.len(),
            key: length(key)?,
            length: length(key)?.saturating_add(length(value)?),
        };
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.records.push(place);
        if self.bytes.len() >= self.most_bytes { self.write_run() } else { Ok(()) }
    }

    /// Returns all records in the order of their keys. Fails if a temporary file cannot be read.
    pub(crate) fn finish(mut self) -> io::Result<SortedRecords> {
        self.sort();
        let ExternalSorter { bytes, records, runs, .. } = self;
        let files = runs.into_iter().map(Source::file).collect::<io::Result<Vec<_>>>()?;
        let memory = Source::Memory { bytes, records: records.into_iter() };
        SortedRecords::of(files.into_iter().chain([memory]).collect())
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        let key = |place: &RecordPlace| bytes.get(place.start..place.start + place.key as usize);
        self.records.sort_by(|a, b| key(a).cmp(&key(b)));
    }

    /// Sorts the records in memory and writes them to a temporary file. If there are then
    /// `most_runs` temporary files, merges them into one.
    fn write_run(&mut self) -> io::Result<()> {
        self.sort();
        let mut writer = RunWriter::new(&self.folder)?;
        for place in &self.records {
            let record = self.bytes.get(record_range(*place)).expect("each record lies in the bytes");
            writer.push(record, place.key as usize)?;
        }
        self.runs.push(writer.finish()?);
        self.records.clear();
        self.bytes.clear();
        if self.runs.len() < self.most_runs {
            return Ok(());
        }
        let runs = std::mem::take(&mut self.runs).into_iter().map(Source::file);
        let mut writer = RunWriter::new(&self.folder)?;
        for record in SortedRecords::of(runs.collect::<io::Result<_>>()?)? {
            let SortedRecord { bytes, key } = record?;
            writer.push(&bytes, key)?;
        }
        self.runs.push(writer.finish()?);
        Ok(())
    }
}

fn record_range(place: RecordPlace) -> Range<usize> {
    place.start..place.start + place.length as usize
}

/// Writes sorted records to a temporary file, packed with zstd. For each record, writes the length
/// of its key and the length of the whole record, each as a little-endian u32, and then its bytes.
struct RunWriter(Packer<BufWriter<File>>);

impl RunWriter {
    fn new(folder: &Path) -> io::Result<Self> {
        packer(BufWriter::new(tempfile::tempfile_in(folder)?)).map(RunWriter)
    }

    fn push(&mut self, record: &[u8], key: usize) -> io::Result<()> {
        for length in [key, record.len()] {
            self.0.write_all(&u32::try_from(length).map_err(io::Error::other)?.to_le_bytes())?;
        }
        self.0.write_all(record)
    }

    fn finish(self) -> io::Result<File> {
        self.0.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// A source of sorted records: the memory, or a temporary file.
enum Source {
    Memory { bytes: Vec<u8>, records: std::vec::IntoIter<RecordPlace> },
    File(Box<Unpacker<BufReader<File>>>),
}

impl Source {
    fn file(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        unpacker(BufReader::new(file)).map(|reader| Source::File(Box::new(reader)))
    }

    fn next(&mut self) -> io::Result<Option<SortedRecord>> {
        match self {
            Source::Memory { bytes, records } => Ok(records.next().map(|place| SortedRecord {
                bytes: bytes.get(record_range(place)).expect("each record lies in the bytes").to_vec(),
                key: place.key as usize,
            })),
            Source::File(reader) => {
                let Some(key) = read_length(reader)? else { return Ok(None) };
                let length = read_length(reader)?.ok_or(ErrorKind::UnexpectedEof)?;
                let mut bytes = vec![0; length];
                reader.read_exact(&mut bytes)?;
                Ok(Some(SortedRecord { bytes, key }))
            }
        }
    }
}

/// Reads a length, which is a little-endian u32. Returns `None` at the end of the file.
fn read_length(reader: &mut impl Read) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    let (first, rest) = length.split_at_mut(1);
    if reader.read(first)? == 0 {
        return Ok(None);
    }
    reader.read_exact(rest)?;
    usize::try_from(u32::from_le_bytes(length)).map(Some).map_err(io::Error::other)
}

/// Iterates over the records of an [`ExternalSorter`] in the order of their keys. An item is an
/// error if a temporary file cannot be read; no items follow it.
pub(crate) struct SortedRecords {
    sources: Vec<Source>,
    /// The next record of each source (the memory or a temporary file) that has records left.
    heads: BinaryHeap<Head>,
}

/// The next record of one of the sources (the memory or a temporary file), with the source's index
/// in [`SortedRecords::sources`].
struct Head {
    record: SortedRecord,
    source: usize,
}

/// Compares the next records of two sources. The record that comes first in sorted order is the
/// greatest, because a [`BinaryHeap`] gives out its greatest item. Among records with equal keys,
/// that of the earlier source comes first.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.record.key(), other.source).cmp(&(self.record.key(), self.source))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl SortedRecords {
    fn of(sources: Vec<Source>) -> io::Result<Self> {
        let mut records = SortedRecords { heads: BinaryHeap::with_capacity(sources.len()), sources };
        for source in 0..records.sources.len() {
            records.advance(source)?;
        }
        Ok(records)
    }

    fn advance(&mut self, source: usize) -> io::Result<()> {
        let next = self.sources.get_mut(source).expect("heads are of these places").next()?;
        self.heads.extend(next.map(|record| Head { record, source }));
        Ok(())
    }
}

impl Iterator for SortedRecords {
    type Item = io::Result<SortedRecord>;

    fn next(&mut self) -> Option<io::Result<SortedRecord>> {
        let Head { record, source } = self.heads.pop()?;
        match self.advance(source) {
            Ok(()) => Some(Ok(record)),
            Err(error) => {
                self.heads.clear();
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn records_come_as_a_stable_sort_in_memory_has_them(
            records in prop::collection::vec((prop::collection::vec(0..3_u8, 0..4), any::<u16>()), 0..60),
            most_bytes in 1..40_usize,
            most_runs in 2..5_usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = ExternalSorter::with_limits(folder.path(), most_bytes, most_runs);
            for (key, value) in &records {
                sorter.push(key, &value.to_le_bytes()).unwrap();
            }
            prop_assert!(sorter.runs.len() < most_runs);
            let sorted: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
            let found: Vec<_> =
                sorted.iter().map(|record| (record.key().to_vec(), record.value().to_vec())).collect();
            let mut expected: Vec<_> =
                records.into_iter().map(|(key, value)| (key, value.to_le_bytes().to_vec())).collect();
            expected.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the files have no names");
        }
    }
}
