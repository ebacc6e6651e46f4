//! What there is to do: the blocks of all files, each to be read, or to be taken from the journal of the sweep that is resumed.

use std::collections::HashMap;
use std::sync::Arc;

use super::journal::{EntryAt, FileKey};
use crate::config::Hashing;
use crate::discover::{Discovery, LogFile};
use crate::hash_chain::HashChain;
use crate::scan::{Block, blocks};

/// A block of a file.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    pub file: &'a LogFile,
    pub block: Block,
    pub source: Source,
}

/// Where what is known of a unit comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The evidence; and what the blocks of the file are hashed by, if they are.
    Evidence(Option<Arc<HashChain>>),
    /// The journal of the sweep that is resumed.
    Journal(EntryAt),
}

/// The units of all files, in evidence order.
pub(super) fn units<'a>(
    discovery: &'a Discovery,
    journal: &'a HashMap<FileKey, Vec<EntryAt>>,
    hashing: Hashing,
) -> impl Iterator<Item = Unit<'a>> {
    discovery.files.iter().flat_map(move |file| {
        // Without a journal no key is needed.
        let entries = if journal.is_empty() { None } else { journal.get(&key(discovery, file)) };
        let known = entries.into_iter().flatten().map(move |entry| Unit {
            file,
            block: entry.block,
            source: Source::Journal(entry.clone()),
        });
        let unread = entries.is_none().then(|| blocks(file.size)).into_iter().flatten();
        let chain =
            (hashing == Hashing::Sha256 && entries.is_none()).then(|| Arc::new(HashChain::new(file.size)));
        known.chain(unread.map(move |block| Unit { file, block, source: Source::Evidence(chain.clone()) }))
    })
}

impl Unit<'_> {
    /// Whether the evidence need not be read for it.
    pub(super) fn is_known(&self) -> bool {
        matches!(self.source, Source::Journal(_))
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
