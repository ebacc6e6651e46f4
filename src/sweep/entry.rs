//! Entries: an entry is the result of a unit of work (a block of a file), as the journal and the
//! parts of a sweep keep it. Tables are made from an entry with the same code as from the evidence.

use serde::{Deserialize, Serialize};

use super::worker::FinishedUnit;
use crate::output::framed;
use crate::report::FileReport;
use crate::scan::{Block, LocatedEvent};

/// The usual size in bytes of an event in an entry, by which memory for the entry is reserved. An
/// entry has the events of one block of a file.
const EVENT_BYTES: usize = 400;

/// An entry that is to be written: the result, which is borrowed, of a unit of work (a block of a
/// file). `F` says which file that is. The fields are those of [`EntryUnit`] and then of [`Entry`].
#[derive(Debug, Serialize)]
struct NewEntry<'a, F> {
    file: F,
    block: Block,
    part: &'a FileReport,
    events: Vec<&'a LocatedEvent>,
    recovered: Vec<&'a LocatedEvent>,
}

/// The beginning of an entry (the result of a block of a file): which file and which block that is.
#[derive(Debug, Deserialize)]
pub(super) struct EntryUnit<F> {
    /// The file that the block is a part of.
    pub file: F,
    /// The block that was read.
    pub block: Block,
}

/// What an entry says of its block of a file, after its beginning ([`EntryUnit`]).
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    /// The account of the block: how many bytes and records it has, and which of them are damaged.
    pub part: FileReport,
    /// The block's events that have hits, in file order.
    pub events: Vec<LocatedEvent>,
    /// The events from deleted records of the block that have hits.
    pub recovered: Vec<LocatedEvent>,
}

impl<F: for<'f> Deserialize<'f>> EntryUnit<F> {
    /// Decodes the beginning of an entry (the result of a block of a file). Returns it with the
    /// rest of the entry, which [`Entry::decode`] decodes; `None` if `entry` is no entry.
    pub(super) fn decode(entry: &[u8]) -> Option<(Self, &[u8])> {
        postcard::take_from_bytes(entry).ok()
    }
}

impl Entry {
    /// Decodes what an entry says of its block from `rest`, the bytes after its beginning
    /// ([`EntryUnit`]). Returns the reason if that fails.
    pub(super) fn decode(rest: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(rest).map_err(|error| error.to_string())
    }
}

/// Appends the entry of `done`, a finished block of the file `file`, to `bytes`, and returns these.
fn append_entry<F: Serialize>(done: &FinishedUnit<'_>, file: F, bytes: Vec<u8>) -> Vec<u8> {
    let entry = NewEntry {
        file,
        block: done.block,
        part: &done.part,
        events: done.detected.iter().map(|detected| &detected.located).collect(),
        recovered: done.recovered.iter().map(|detected| &detected.located).collect(),
    };
    postcard::to_extend(&entry, bytes)
        .expect("numbers, texts, lists and maps of known length can all be written to memory")
}

fn expected_size(done: &FinishedUnit<'_>) -> usize {
    (done.detected.len() + done.recovered.len()) * EVENT_BYTES
}

/// Makes the entry of `done`, a finished block of the file `file`, as a part (the file from which
/// outputs are merged) has it.
pub(super) fn entry<F: Serialize>(done: &FinishedUnit<'_>, file: F) -> Vec<u8> {
    append_entry(done, file, Vec::with_capacity(expected_size(done)))
}

/// Makes the entry of `done`, a finished block of the file `file`, as a journal has it: after its
/// length and its SHA-256.
pub(super) fn framed_entry<F: Serialize>(done: &FinishedUnit<'_>, file: F) -> Vec<u8> {
    framed(expected_size(done), |bytes| append_entry(done, file, bytes))
}
