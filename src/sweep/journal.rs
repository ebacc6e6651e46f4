//! The journal of a sweep: the result of each unit of work, so that a sweep that was killed or
//! interrupted can be resumed. A unit is a block of a file.
//!
//! The journal has an entry for each unit, in the order of the units. An entry is encoded with
//! postcard, and framed by [`crate::output`]. It contains the account of the unit and the events
//! that detections describe (with `--queries`, all DNS queries), but no rows. A resumed sweep makes
//! the tables from the entries with the same code as any other sweep, so that the tables are the
//! same to the byte. The first entry contains the options of the sweep.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryUnit};
use crate::base::platform::files::read_exact_at;
use crate::base::platform::open_own;
use crate::config::{InputDifference, SweepInputs};
use crate::event::Window;
use crate::output::{OutputError, document, framed, read_framed};
use crate::scan::Block;

/// The number of bytes of evidence after which entries are written to the file of the sweep's
/// journal, in which the sweep keeps what it has read so far. If a sweep is killed, a resumed sweep
/// reads about this many bytes of evidence again at most.
const FLUSHED_AT_LEAST: u64 = 1 << 20;

/// The beginning of the first entry of a sweep's journal, in which the sweep keeps what it has read
/// so far: a name, and the version of the journal's layout. The version is raised whenever anything
/// in an entry changes. A sweep cannot be resumed from a journal with another version.
const LAYOUT: (&str, u32) = ("journal of dnsweep", 4);

/// The options of the sweep that began a journal. In its journal, a sweep keeps what it has read so
/// far, so that it can be resumed. In the journal's first entry, the options follow [`LAYOUT`].
#[derive(Debug, Serialize, Deserialize)]
struct FirstEntry {
    /// The options ([`SweepInputs`]) of the sweep that began the journal, as JSON. A sweep that is
    /// resumed from the journal must have the same options; if not, a message names the one that
    /// differs.
    inputs: String,
    window: Window,
}

/// Identifies a file of the evidence in the journal, in which a sweep keeps what it has read so
/// far. If the file's size or modification time has changed, a resumed sweep reads the file again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct FileKey {
    /// The name of the piece of evidence (usually what was collected from one machine) that
    /// contains the file.
    pub evidence: String,
    /// The file's path from its root (a folder or file that was swept).
    pub source_path: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// The file's modification time: seconds and nanoseconds since the start of 1970.
    pub modified: (i64, i64),
}

/// The place of an entry in a sweep's journal. An entry is the result of reading one block of a
/// file; it is read from the journal only when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryLocation {
    /// The block of a file that the journal's entry is about.
    pub block: Block,
    bytes: Range<u64>,
}

/// The journal of a sweep: a file in which the sweep keeps what it has read so far, so that it can
/// be resumed. A resumed sweep first takes from the journal what the unfinished sweep has read, and
/// then adds its own entries.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    writer: BufWriter<File>,
    /// The number of bytes of evidence whose entries are in the writer's buffer, and not yet in the
    /// journal's file.
    unflushed: u64,
    files: HashMap<FileKey, Vec<EntryLocation>>,
    /// The period of the sweep that began the journal. A resumed sweep uses the same period, even
    /// if its options give a period that counts back from now.
    pub window: Window,
}

impl Journal {
    /// Opens a sweep's journal at `path` and finds its entries, or begins a new journal if there is
    /// none. `window` is the period for a new journal. It is an error if the journal was begun by a
    /// sweep with other options than `inputs`, because the tables would differ.
    pub(super) fn open(path: &Path, inputs: &SweepInputs, window: Window) -> Result<Self, OutputError> {
        let failed = |error: io::Error| failed(path, &error);
        let mut file = open_own(path).map_err(failed)?;
        let mut journal = Journal {
            path: path.to_path_buf(),
            writer: BufWriter::new(file.try_clone().map_err(failed)?),
            unflushed: 0,
            file: file.try_clone().map_err(failed)?,
            files: HashMap::new(),
            window,
        };
        let whole = journal.read(&mut file, inputs)?;
        // An incomplete entry at the end is cut off. A file that already has the right length is
        // not truncated: when ext4 closes a file that was truncated to nothing, it writes all of it
        // to the disk, even if the file was removed.
        if file.metadata().map_err(failed)?.len() != whole {
            file.set_len(whole).map_err(failed)?;
        }
        if whole == 0 {
            let first = FirstEntry { inputs: inputs.to_json(), window };
            journal.write(&framed(0, |bytes| {
                postcard::to_extend(&(LAYOUT, first), bytes)
                    .expect("texts and numbers can be written to memory")
            }))?;
            journal.flush()?;
        }
        Ok(journal)
    }

    /// Finds the entries in the file of the sweep's journal. Returns the offset in bytes at which
    /// the last complete entry ends; what follows was not written completely. It is an error if the
    /// sweep that began the journal had other options than `inputs`.
    fn read(&mut self, file: &mut File, inputs: &SweepInputs) -> Result<u64, OutputError> {
        let size = file.metadata().map_err(|error| failed(&self.path, &error))?.len();
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&self.path, &error))?;
        let mut reader = BufReader::new(file);
        let (mut at, mut bytes) = (0_u64, Vec::new());
        let mut units: HashMap<FileKey, Vec<EntryLocation>> = HashMap::new();
        loop {
            read_framed(&mut reader, &mut bytes, size - at).map_err(|error| failed(&self.path, &error))?;
            let length = bytes.len();
            let Some(document) = document(&bytes) else { break };
            if at == 0 {
                let first = self.first(document)?;
                self.check(&first, inputs)?;
                self.window = first.window;
            } else {
                let Some((EntryUnit { file, block }, _)) = EntryUnit::<FileKey>::decode(document) else {
                    break;
                };
                let entries = units.entry(file).or_default();
                if block.is_first() {
                    // An earlier sweep began to read this file, but did not finish it.
                    entries.clear();
                }
                entries.push(EntryLocation { block, bytes: at..at + length as u64 });
            }
            at += length as u64;
        }
        units.retain(|file, entries| is_whole(file, entries));
        self.files = units;
        Ok(at)
    }

    /// Decodes `document`, the content of the journal's first entry. It is an error if the journal
    /// has another layout than this version of dnsweep writes.
    fn first(&self, document: &[u8]) -> Result<FirstEntry, OutputError> {
        let (name, known) = LAYOUT;
        let other = |found: &str| OutputError::Resume {
            path: self.path.clone(),
            reason: format!(
                "it was begun by another version of dnsweep: expected a journal of layout {known}, found {found}; go on with that \
                 version, or give --force instead of --resume to begin anew"
            ),
        };
        match postcard::take_from_bytes::<(&str, u32)>(document) {
            Ok(((found, version), rest)) if found == name && version == known => {
                postcard::from_bytes(rest).map_err(|_| other("one whose first entry cannot be read"))
            }
            Ok(((found, version), _)) if found == name => Err(other(&format!("layout {version}"))),
            // The first layout of the journal had neither a name nor a version.
            _ => Err(other("layout 1")),
        }
    }

    /// Checks that this sweep, with the options `inputs`, has the options of the sweep that began
    /// the journal (`first`), because only then do both make the same tables.
    fn check(&self, first: &FirstEntry, inputs: &SweepInputs) -> Result<(), OutputError> {
        inputs.differs_from(&first.inputs).map_or(Ok(()), |InputDifference { what, first, second }| {
            let reason = format!("{what}: it was begun with '{first}', found '{second}'");
            Err(OutputError::Resume { path: self.path.clone(), reason })
        })
    }

    /// Removes and returns the files that an earlier, unfinished sweep read to their end, each with
    /// the places of all its entries in the journal.
    pub(super) fn take_files(&mut self) -> HashMap<FileKey, Vec<EntryLocation>> {
        std::mem::take(&mut self.files)
    }

    /// Returns a reader for the entries of the sweep's journal, which any thread can use.
    pub(super) fn reader(&self) -> Result<JournalReader, OutputError> {
        let file = self.file.try_clone().map_err(|error| failed(&self.path, &error))?;
        Ok(JournalReader { path: self.path.clone(), file })
    }

    /// Adds the entry of a unit of work to the sweep's journal. The unit is the block `block` of a
    /// file. The entry may wait in a buffer until [`flush`](Self::flush).
    pub(super) fn append(&mut self, entry: &[u8], block: Block) -> Result<(), OutputError> {
        self.write(entry)?;
        self.unflushed += block.length();
        if self.unflushed >= FLUSHED_AT_LEAST { self.flush() } else { Ok(()) }
    }

    fn write(&mut self, entry: &[u8]) -> Result<(), OutputError> {
        self.writer.write_all(entry).map_err(|error| failed(&self.path, &error))
    }

    /// Writes the entries in the buffer to the file of the sweep's journal, where they stay even if
    /// this process is killed.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        self.unflushed = 0;
        self.writer.flush().map_err(|error| failed(&self.path, &error))
    }
}

/// Reads entries of a sweep's journal, in which an earlier, unfinished sweep kept what it had read.
/// Any thread can use it.
#[derive(Debug)]
pub(super) struct JournalReader {
    path: PathBuf,
    file: File,
}

impl JournalReader {
    /// Reads the entry at this place of the sweep's journal. It is an error if the entry has
    /// changed since the journal was opened.
    pub(super) fn read(&self, at: &EntryLocation) -> Result<Entry, OutputError> {
        let mut bytes = vec![0; usize::try_from(at.bytes.end - at.bytes.start).unwrap_or_default()];
        let read = read_exact_at(&self.file, &mut bytes, at.bytes.start);
        let entry = read.and_then(|()| {
            let document = document(&bytes)
                .ok_or_else(|| io::Error::other("an entry changed while the sweep read it"))?;
            let unit = EntryUnit::<FileKey>::decode(document);
            let (_, rest) =
                unit.ok_or_else(|| io::Error::other("expected the entry of a file, found another"))?;
            Entry::decode(rest).map_err(io::Error::other)
        });
        entry.map_err(|error| failed(&self.path, &error))
    }
}

/// Returns true if `entries`, the journal's entries of a file, cover all of the file without a gap,
/// so that a resumed sweep need not read any of the file again.
fn is_whole(file: &FileKey, entries: &[EntryLocation]) -> bool {
    let mut end = 0;
    let follows =
        entries.iter().all(|entry| entry.block.start == std::mem::replace(&mut end, entry.block.end));
    follows && end >= file.size
}

fn failed(path: &Path, error: &io::Error) -> OutputError {
    OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }
}
