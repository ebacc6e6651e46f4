//! Units of work: a unit is a block of a file. The block is read from the evidence, or its result
//! is taken from the journal of the sweep that is being resumed, or from a part that is being
//! merged.

use std::collections::HashMap;
use std::sync::Arc;

use super::journal::{EntryLocation, FileKey};
use super::parts::PartEntry;
use crate::base::ordered_hash::OrderedHash;
use crate::config::{Config, Hashing};
use crate::evidence::discover::{Discovery, FileForm, LogFile};
use crate::scan::{BLOCK_CHUNKS, Block, HELD_BLOCK_CHUNKS, blocks};

/// A unit of work: a block of a file, and where the block's contents come from.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub file: &'a LogFile,
    /// The position of the file among all files to read, in evidence order.
    pub number: usize,
    pub block: Block,
    pub source: UnitSource,
}

/// Where the contents of a unit of work (a block of a file) come from.
#[derive(Debug)]
pub(super) enum UnitSource {
    /// The block is read from the evidence. If evidence is hashed, contains the hash of the whole
    /// file, to which the block's bytes are added.
    Evidence(Option<Arc<OrderedHash>>),
    /// An earlier, unfinished sweep has read the block. Its result lies at this place of the
    /// sweep's journal, from which the sweep is resumed.
    Journal(EntryLocation),
    /// The result of the block is taken from a part (a file with the results of a sweep or a shard)
    /// that is being merged.
    Part(PartEntry),
    /// The file is a log of a shadow copy, and has the same bytes in the next newer state of the
    /// volume, so that nothing is read here.
    Unchanged,
}

/// Returns the units of work (blocks of files) of all files, in evidence order. If an earlier,
/// unfinished sweep has read a file, the units of the file are taken from its journal. An unchanged
/// log of a shadow copy has one unit without any bytes.
pub(super) fn units<'a>(
    discovery: &'a Discovery,
    journal: &'a HashMap<FileKey, Vec<EntryLocation>>,
    config: &'a Config,
) -> impl Iterator<Item = Unit<'a>> {
    discovery.files.iter().enumerate().flat_map(move |(number, file)| {
        let is_unchanged = file.same_as().is_some();
        let end = Block { start: file.size, end: file.size };
        let unchanged =
            is_unchanged.then_some(Unit { file, number, block: end, source: UnitSource::Unchanged });
        // The key is made only if there is a journal.
        let entries = if journal.is_empty() { None } else { journal.get(&key(discovery, file)) };
        let known = entries.into_iter().flatten().map(move |entry| Unit {
            file,
            number,
            block: entry.block,
            source: UnitSource::Journal(entry.clone()),
        });
        let is_read = entries.is_none() && !is_unchanged;
        let unread = is_read.then(|| file_blocks(file)).into_iter().flatten();
        let chain = (config.options.hashing == Hashing::Sha256 && is_read)
            .then(|| Arc::new(OrderedHash::new(file.size)));
        unchanged.into_iter().chain(known).chain(unread.map(move |block| Unit {
            file,
            number,
            block,
            source: UnitSource::Evidence(chain.clone()),
        }))
    })
}

/// Returns the blocks of a file, in file order.
pub(super) fn file_blocks(file: &LogFile) -> impl Iterator<Item = Block> + use<> {
    blocks(file.size, block_chunks(file.form))
}

/// Returns how many chunks of 64 KiB a block of a file has. Blocks are smaller in files that are
/// read a whole block at a time, because each block is then kept in memory.
///
/// The number must not depend on options that leave the tables unchanged, such as the number of
/// threads. Some limits count per block, so the size of blocks can show in the tables.
fn block_chunks(form: FileForm) -> u64 {
    match form {
        FileForm::Log => BLOCK_CHUNKS,
        FileForm::Carved | FileForm::Xml(_) => HELD_BLOCK_CHUNKS,
    }
}

impl Unit<'_> {
    /// Returns the memory in bytes that the unit (a block of a file) takes while it is worked on.
    /// This is the size of its block, or twice that if a copy of the block may have to wait to be
    /// hashed. If the result is taken from a part (a file with the results of a sweep), it is about
    /// the memory that the result takes.
    pub(super) fn weight(&self) -> u64 {
        match &self.source {
            UnitSource::Evidence(Some(_)) => self.block.length() * 2,
            UnitSource::Part(entry) => entry.weight(),
            _ => self.block.length(),
        }
    }

    /// Returns true if the evidence need not be read for the unit (a block of a file): its result
    /// is taken from the journal of an unfinished sweep or from a part (a file with results), or
    /// the file is an unchanged log of a shadow copy. `with_processes` is true if the unit's
    /// process events are needed too. The journal does not have them, so that the evidence must be
    /// read.
    pub(super) fn is_known(&self, with_processes: bool) -> bool {
        match self.source {
            UnitSource::Evidence(_) => false,
            UnitSource::Journal(_) => !with_processes,
            UnitSource::Part(_) | UnitSource::Unchanged => true,
        }
    }
}

/// Returns how many files of the evidence an earlier, unfinished sweep has read. They are taken
/// from its journal, and not read again.
pub(super) fn resumed(discovery: &Discovery, journal: &HashMap<FileKey, Vec<EntryLocation>>) -> u64 {
    if journal.is_empty() {
        return 0;
    }
    let known = discovery.files.iter().filter(|file| journal.contains_key(&key(discovery, file)));
    known.count() as u64
}

/// Returns the key by which a sweep's journal identifies a file: its piece of evidence, path, size
/// and modification time.
pub(super) fn key(discovery: &Discovery, file: &LogFile) -> FileKey {
    FileKey {
        evidence: discovery.evidence_name(file.evidence).to_owned(),
        source_path: file.source_path(),
        size: file.size,
        modified: file.modified,
    }
}
