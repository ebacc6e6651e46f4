//! The journal of a sweep: what came of each unit, so that a sweep which was killed or interrupted
//! can be resumed.
//!
//! An entry for each unit, in the order of the units, framed as [`crate::output`] does: a document
//! in postcard's format. It holds what was seen of the unit and the events that matched, not the
//! tables: these are made from it anew, by the code that makes them in any other sweep, and so are
//! the same to the byte. The first entry says what the sweep was asked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::platform::files::read_exact_at;
use crate::base::platform::open_own;
use crate::config::{InputDifference, SweepInputs};
use crate::event::Window;
use crate::output::{OutputError, document, framed, read_framed};
use crate::report::FileReport;
use crate::scan::{Block, LocatedEvent};

/// Bytes of evidence that are read again at most because their entries were not written when a
/// sweep was killed.
const FLUSHED_AT_LEAST: u64 = 1 << 20;

/// What the first entry begins with: that it is a journal, and the version of its layout, which
/// changes with anything that an entry holds. A journal of another one cannot be read, whatever its
/// entries seem to say.
const LAYOUT: (&str, u32) = ("journal of dnsweep", 4);

/// What the sweep that began the journal was asked. It follows [`LAYOUT`].
#[derive(Debug, Serialize, Deserialize)]
struct FirstEntry {
    /// [`SweepInputs`] as JSON, which says by name what differs.
    asked: String,
    window: Window,
}

/// Which file a unit belongs to, and how to tell that it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct FileKey {
    /// The piece of evidence.
    pub evidence: String,
    /// The file, from its root.
    pub source_path: String,
    /// Its size.
    pub size: u64,
    /// When it was last changed.
    pub modified: (i64, i64),
}

/// What came of a unit, as it is written: without a copy of it.
#[derive(Debug, Serialize)]
pub(super) struct NewEntry<'a> {
    pub file: FileKey,
    pub block: Block,
    pub part: &'a FileReport,
    pub events: Vec<&'a LocatedEvent>,
    pub recovered: Vec<&'a LocatedEvent>,
}

/// What came of a unit, as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    /// Which unit it is of.
    #[expect(dead_code, reason = "whoever reads it knows; the format has it")]
    place: EntryPlace,
    /// What was seen of it.
    pub part: FileReport,
    /// The events that have hits, in the order of the file.
    pub events: Vec<LocatedEvent>,
    /// Those among stale records.
    pub recovered: Vec<LocatedEvent>,
}

/// What an entry begins with: which unit it is of.
#[derive(Debug, Deserialize)]
struct EntryPlace {
    file: FileKey,
    block: Block,
}

/// Where the entry of a unit lies in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryAt {
    /// The unit's block.
    pub block: Block,
    bytes: Range<u64>,
}

/// A journal that is written, and read as far as an earlier sweep wrote it.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    writer: BufWriter<File>,
    /// Bytes of evidence whose entries the system does not have yet.
    unflushed: u64,
    files: HashMap<FileKey, Vec<EntryAt>>,
    /// The times that can match: those of the sweep that began the journal.
    pub window: Window,
}

impl Journal {
    /// Opens the journal, or begins it if there is none.
    pub(super) fn open(path: &Path, asked: &SweepInputs, window: Window) -> Result<Self, OutputError> {
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
        let whole = journal.read(&mut file, asked)?;
        // What follows the last whole entry was being written when the sweep ended. Of a file
        // that was cut to nothing, ext4 hands all to the disk when it is closed, even if it was
        // removed before: so none is cut that is as long as it is to be.
        if file.metadata().map_err(failed)?.len() != whole {
            file.set_len(whole).map_err(failed)?;
        }
        if whole == 0 {
            let first = FirstEntry { asked: asked.to_json(), window };
            journal.write(&entry(&(LAYOUT, first), 0))?;
            journal.flush()?;
        }
        Ok(journal)
    }

    /// Reads what is there; returns where the last whole entry ends.
    fn read(&mut self, file: &mut File, asked: &SweepInputs) -> Result<u64, OutputError> {
        let size = file.metadata().map_err(|error| failed(&self.path, &error))?.len();
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&self.path, &error))?;
        let mut reader = BufReader::new(file);
        let (mut at, mut bytes) = (0_u64, Vec::new());
        let mut units: HashMap<FileKey, Vec<EntryAt>> = HashMap::new();
        loop {
            read_framed(&mut reader, &mut bytes, size - at).map_err(|error| failed(&self.path, &error))?;
            let length = bytes.len();
            let Some(document) = document(&bytes) else { break };
            if at == 0 {
                let first = self.first(document)?;
                self.check(&first, asked)?;
                self.window = first.window;
            } else {
                let Ok((EntryPlace { file, block }, _)) = postcard::take_from_bytes(document) else { break };
                let entries = units.entry(file).or_default();
                if block.is_first() {
                    // An earlier sweep began the file and did not end it.
                    entries.clear();
                }
                entries.push(EntryAt { block, bytes: at..at + length as u64 });
            }
            at += length as u64;
        }
        units.retain(|file, entries| is_whole(file, entries));
        self.files = units;
        Ok(at)
    }

    /// What was ordered, if the journal has the layout that is known here. Its first entry is
    /// whole: it says what was written.
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
            // The first layout had neither a name nor a version.
            _ => Err(other("layout 1")),
        }
    }

    /// A sweep is resumed only by one that would have made the same tables.
    fn check(&self, first: &FirstEntry, asked: &SweepInputs) -> Result<(), OutputError> {
        asked.differs_from(&first.asked).map_or(Ok(()), |InputDifference { what, first, second }| {
            let reason = format!("{what}: it was begun with '{first}', found '{second}'");
            Err(OutputError::Resume { path: self.path.clone(), reason })
        })
    }

    /// The files that an earlier sweep read to their end, with the entries of all their units.
    pub(super) fn take_files(&mut self) -> HashMap<FileKey, Vec<EntryAt>> {
        std::mem::take(&mut self.files)
    }

    /// What reads entries, for any thread.
    pub(super) fn reader(&self) -> Result<JournalReader, OutputError> {
        let file = self.file.try_clone().map_err(|error| failed(&self.path, &error))?;
        Ok(JournalReader { path: self.path.clone(), file })
    }

    /// Adds the entry of a unit.
    pub(super) fn append(&mut self, entry: &[u8], block: Block) -> Result<(), OutputError> {
        self.write(entry)?;
        self.unflushed += block.length();
        if self.unflushed >= FLUSHED_AT_LEAST { self.flush() } else { Ok(()) }
    }

    fn write(&mut self, entry: &[u8]) -> Result<(), OutputError> {
        self.writer.write_all(entry).map_err(|error| failed(&self.path, &error))
    }

    /// Hands what was added to the system, which keeps it even if this process is killed.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        self.unflushed = 0;
        self.writer.flush().map_err(|error| failed(&self.path, &error))
    }
}

/// Reads entries.
#[derive(Debug)]
pub(super) struct JournalReader {
    path: PathBuf,
    file: File,
}

impl JournalReader {
    /// The entry there.
    pub(super) fn read(&self, at: &EntryAt) -> Result<Entry, OutputError> {
        let mut bytes = vec![0; usize::try_from(at.bytes.end - at.bytes.start).unwrap_or_default()];
        let read = read_exact_at(&self.file, &mut bytes, at.bytes.start);
        let entry = read.and_then(|()| {
            let document = document(&bytes).ok_or_else(|| io::Error::other("an entry is not as it was"))?;
            postcard::from_bytes(document).map_err(io::Error::other)
        });
        entry.map_err(|error| failed(&self.path, &error))
    }
}

/// The units of a file that was read to its end cover it.
fn is_whole(file: &FileKey, entries: &[EntryAt]) -> bool {
    let mut end = 0;
    let follows =
        entries.iter().all(|entry| entry.block.start == std::mem::replace(&mut end, entry.block.end));
    follows && end >= file.size
}

/// An entry that holds a document, of about so many bytes.
pub(super) fn entry(document: &impl Serialize, expected: usize) -> Vec<u8> {
    framed(expected, |entry| {
        postcard::to_extend(document, entry)
            .expect("numbers, texts, lists and maps of known length can all be written to memory")
    })
}

fn failed(path: &Path, error: &io::Error) -> OutputError {
    OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }
}
