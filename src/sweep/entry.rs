//! Entries: an entry is the encoded result of a unit of work (a block of a file). It is kept in the
//! journal, from which a sweep is resumed, and in a part, from which outputs are merged. Tables are
//! made from an entry with the same code as from the evidence.

use serde::{Deserialize, Serialize};

use super::worker::FinishedUnit;
use crate::output::framed;
use crate::report::FileReport;
use crate::scan::{Block, LocatedEvent};

/// The usual size in bytes of an event in an entry, by which memory for the entry is reserved. An
/// entry is the encoded result of one block of a file, and has the block's events.
const EVENT_BYTES: usize = 400;

/// An entry that is to be written: the borrowed result of a unit of work (a block of a file). `F`
/// is the type that identifies the file. The fields must be those of [`EntryUnit`], and then those
/// of [`Entry`].
#[derive(Debug, Serialize)]
struct NewEntry<'a, F> {
    file: F,
    block: Block,
    part: &'a FileReport,
    events: Vec<&'a LocatedEvent>,
    recovered: Vec<&'a LocatedEvent>,
}

/// The first fields of an entry of a journal or a part (files that keep the results of blocks, one
/// entry for each block): they identify the block of a file whose result the entry has.
#[derive(Debug, Deserialize)]
pub(super) struct EntryUnit<F> {
    /// The file that the block is a part of: its key in a journal, or its number in a part.
    pub file: F,
    /// The block that was read.
    pub block: Block,
}

/// The result of reading a block of a file: the fields of the block's entry in a journal or a part
/// (files that keep results of blocks) after the first ones ([`EntryUnit`]).
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    /// The account of the block: how many bytes and records it has, and which of them are damaged.
    pub part: FileReport,
    /// The block's events that detections describe, in file order. With `--queries`, also all other
    /// DNS queries of Sysmon.
    pub events: Vec<LocatedEvent>,
    /// The events from deleted records of the block that detections describe. With `--queries`,
    /// also all other DNS queries of Sysmon in these records.
    pub recovered: Vec<LocatedEvent>,
}

impl<F: for<'f> Deserialize<'f>> EntryUnit<F> {
    /// Decodes the beginning of an entry (the result of a block of a file). Returns it with the
    /// rest of the entry, which [`Entry::decode`] decodes; `None` if the beginning cannot be
    /// decoded.
    pub(super) fn decode(entry: &[u8]) -> Option<(Self, &[u8])> {
        postcard::take_from_bytes(entry).ok()
    }
}

impl Entry {
    /// Decodes the result of a block from `rest`, the bytes of its entry after the beginning
    /// ([`EntryUnit`]). If that fails, returns the decoder's message.
    pub(super) fn decode(rest: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(rest).map_err(|error| error.to_string())
    }
}

/// Appends the entry (the encoded result) of `done`, a finished block of the file `file`, to
/// `bytes`. Returns the extended `bytes`.
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

/// Makes the entry (the encoded result) of `done`, a finished block of the file `file`, for a part
/// (the file from which outputs are merged). No frame (length and SHA-256) comes before it.
pub(super) fn entry<F: Serialize>(done: &FinishedUnit<'_>, file: F) -> Vec<u8> {
    append_entry(done, file, Vec::with_capacity(expected_size(done)))
}

/// Makes the entry (the encoded result) of `done`, a finished block of the file `file`, for a
/// journal: its length and its SHA-256 come before it.
pub(super) fn framed_entry<F: Serialize>(done: &FinishedUnit<'_>, file: F) -> Vec<u8> {
    framed(expected_size(done), |bytes| append_entry(done, file, bytes))
}
