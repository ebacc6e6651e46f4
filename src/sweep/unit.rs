//! What there is to do: the blocks of all files, each to be read, or to be taken from the journal
//! of the sweep that is resumed.

use std::collections::HashMap;
use std::sync::Arc;

use super::journal::{EntryAt, FileKey};
use crate::base::ordered_hash::OrderedHash;
use crate::config::{Config, Hashing};
use crate::evidence::discover::{Discovery, Form, LogFile};
use crate::scan::{BLOCK_CHUNKS, Block, HELD_BLOCK_CHUNKS, blocks};

/// A block of a file.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    pub file: &'a LogFile,
    pub block: Block,
    pub source: UnitSource,
}

/// Where what is known of a unit comes from.
#[derive(Debug, Clone)]
pub(super) enum UnitSource {
    /// The evidence; and what the blocks of the file are hashed by, if they are.
    Evidence(Option<Arc<OrderedHash>>),
    /// The journal of the sweep that is resumed.
    Journal(EntryAt),
}

/// The units of all files, in evidence order.
pub(super) fn units<'a>(
    discovery: &'a Discovery,
    journal: &'a HashMap<FileKey, Vec<EntryAt>>,
    config: &'a Config,
) -> impl Iterator<Item = Unit<'a>> {
    discovery.files.iter().flat_map(move |file| {
        // Without a journal no key is needed.
        let entries = if journal.is_empty() { None } else { journal.get(&key(discovery, file)) };
        let known = entries.into_iter().flatten().map(move |entry| Unit {
            file,
            block: entry.block,
            source: UnitSource::Journal(entry.clone()),
        });
        let unread =
            entries.is_none().then(|| blocks(file.size, block_chunks(file.form))).into_iter().flatten();
        let chain = (config.options.hashing == Hashing::Sha256 && entries.is_none())
            .then(|| Arc::new(OrderedHash::new(file.size)));
        known.chain(unread.map(move |block| Unit {
            file,
            block,
            source: UnitSource::Evidence(chain.clone()),
        }))
    })
}

/// How many chunks the blocks of a file have: fewer where all of a block is looked at together. It
/// must not depend on anything that leaves the tables as they are, for what is kept of a block has
/// bounds.
fn block_chunks(form: Form) -> u64 {
    match form {
        Form::Log => BLOCK_CHUNKS,
        Form::Carved | Form::Xml(_) => HELD_BLOCK_CHUNKS,
    }
}

impl Unit<'_> {
    /// A measure of the memory that it takes while it is under way: the bytes of its block, and as
    /// many again where a copy of these may have to wait until it is their turn to be hashed.
    pub(super) fn weight(&self) -> u64 {
        let copies = if matches!(self.source, UnitSource::Evidence(Some(_))) { 2 } else { 1 };
        self.block.length() * copies
    }

    /// Whether the evidence need not be read for it.
    pub(super) fn is_known(&self) -> bool {
        matches!(self.source, UnitSource::Journal(_))
    }
}

/// How many of the files are not read, but taken from the journal.
pub(super) fn resumed(discovery: &Discovery, journal: &HashMap<FileKey, Vec<EntryAt>>) -> u64 {
    if journal.is_empty() {
        return 0;
    }
    let known = discovery.files.iter().filter(|file| journal.contains_key(&key(discovery, file)));
    known.count() as u64
}

/// How the journal tells a file.
pub(super) fn key(discovery: &Discovery, file: &LogFile) -> FileKey {
    FileKey {
        evidence: discovery.evidence_name(file.evidence).to_owned(),
        source_path: file.source_path(),
        size: file.size,
        modified: file.modified,
    }
}
