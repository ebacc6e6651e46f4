//! A part: the file with what a sweep, or one shard of a plan, found, from which `dnsweep merge`
//! makes an output.
//!
//! A part is a packed file (documents in one zstd stream), encoded with postcard: a head, which
//! says of which shard of which plan the part is; the plan, if the part is of a whole sweep; the
//! hashes of containers; an entry with the result of each block of a file, in evidence order, each
//! before the process events of its block (see [`super::processes`]); and an end.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::{Plan, ShardNumber, encoded};
use super::processes::BlockProcesses;
use crate::evidence::discover::{Discovery, RecordedFile};
use crate::ledger::container::ContainerPart;
use crate::output::{
    OutputError, PackedFile, PackedKind, PackedReader, PackedWriter, PartsError, PendingSync, WrittenFile,
};
use crate::report::OutputRecord;
use crate::sweep::entry::{Entry, EntryUnit};

/// The kind and layout of the file of a part, which has the results of a sweep or of a shard of a
/// plan. The layout's number is raised whenever anything in the file's documents changes.
pub(in crate::sweep) const PART: PackedKind = PackedKind { name: "part", layout: 3 };
/// The first byte of each document (an encoded item) of a part that has the result of a block of a
/// file.
const UNIT: u8 = 1;
/// The first byte of each document (an encoded item) of a part that has process events of a block
/// of a file. The document comes after the one with the block's result. After this byte, it has the
/// position of the file in the plan's list of files, and then a document of [`BlockProcesses`].
pub(super) const PROCESSES: u8 = 2;
/// The first byte of the last document (an encoded item) of a part. The document has the numbers of
/// the other documents ([`Counts`]).
const END: u8 = 0;

/// The first document of a part (the file with the results of a sweep or of a shard). It says of
/// which shard of which plan the part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The SHA-256 that identifies the plan; empty if the part is that of a whole sweep, which
    /// contains its plan.
    pub plan: String,
    /// The number of the shard (a portion of the plan's evidence) whose results the part has, from
    /// 1.
    pub shard: ShardNumber,
}

/// The SHA-256 of the files that a container (such as a disk image) consists of, as a part records
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContainerHashes {
    /// The position of the container in the plan's list of containers, from 0.
    pub container: u64,
    /// The SHA-256 of the container's own file; `None` if the file could not be read whole.
    pub sha256: Option<String>,
    /// The files of the container besides its own, such as the other segments of a disk image, each
    /// with its SHA-256.
    pub parts: Vec<ContainerPart>,
}

/// Writes a part: the file with what a sweep or a shard found, to be merged with others.
pub(in crate::sweep) struct PartWriter {
    writer: PackedWriter,
    counts: Counts,
}

/// The numbers of documents of each kind in a part (a file with the results of a sweep). The last
/// document of a part states them, so that a reader notices a part that was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    /// The number of documents (encoded items) with the result of a block of a file.
    units: u64,
    /// The number of documents (encoded items) with process events.
    processes: u64,
}

/// What is added to a part (a file to be merged with others) for a finished unit of work, which is
/// a block of a file.
#[derive(Debug)]
pub(in crate::sweep) struct ForPart {
    /// The 0-based position of the block's file in the plan's list of files.
    pub file: u64,
    /// The encoded entry of the block: first the file and the block ([`EntryUnit`]), then the
    /// result.
    pub entry: Vec<u8>,
    /// The process events of the block; empty if they are not searched for.
    pub processes: BlockProcesses,
}

impl PartWriter {
    /// Begins the part of a shard of a plan. `writer` writes the part's file; `hashes` are the
    /// SHA-256 of the containers in the shard.
    pub(super) fn of_shard(
        mut writer: PackedWriter,
        head: &Head,
        hashes: &[ContainerHashes],
    ) -> Result<Self, OutputError> {
        writer.push(&[&encoded(head)])?;
        writer.push(&[&encoded(&hashes)])?;
        Ok(PartWriter { writer, counts: Counts::default() })
    }

    /// Begins the part of a whole sweep. It contains a plan of its own: what the sweep looks for,
    /// and all files of `discovery`.
    pub(in crate::sweep) fn of_sweep(
        mut writer: PackedWriter,
        plan: &Plan,
        discovery: &Discovery,
    ) -> Result<Self, OutputError> {
        writer.push(&[&encoded(&Head { plan: String::new(), shard: ShardNumber::MIN })])?;
        let files = discovery.files.iter().cloned().map(RecordedFile::of);
        plan.push_documents(&mut writer, files)?;
        let numbers: Vec<usize> = (0..discovery.containers.len()).collect();
        writer.push(&[&encoded(&hashes(discovery, &numbers))])?;
        Ok(PartWriter { writer, counts: Counts::default() })
    }

    /// Adds the result and the process events of a block of a file to the part. Blocks must be
    /// added in evidence order.
    pub(in crate::sweep) fn push(&mut self, unit: &ForPart) -> Result<(), OutputError> {
        let ForPart { file, entry, processes } = unit;
        self.counts.units += 1;
        self.writer.push(&[&[UNIT], entry])?;
        for document in processes.documents() {
            self.counts.processes += 1;
            self.writer.push(&[&[PROCESSES], &encoded(file), document])?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<(PackedWriter, u64), OutputError> {
        self.writer.push(&[&[END], &encoded(&self.counts)])?;
        Ok((self.writer, self.counts.units))
    }

    /// Ends the part of a sweep, which is the file `name` of the sweep's output. Returns the file's
    /// record for `run.json`, and the pending sync of the file to the disk.
    pub(in crate::sweep) fn finish(self, name: &str) -> Result<(OutputRecord, PendingSync), OutputError> {
        let (writer, units) = self.end()?;
        let (WrittenFile { bytes, sha256 }, syncing) = writer.finish_synced()?;
        Ok((OutputRecord { file: name.to_owned(), rows: units, bytes, sha256 }, syncing))
    }

    /// Ends the part of a shard, and renames the complete file from its temporary name to its own.
    pub(super) fn complete(self, file: PackedFile) -> Result<WrittenFile, OutputError> {
        file.complete(self.end()?.0)
    }
}

/// Returns the SHA-256 of those containers in `discovery` that were hashed. `numbers` has, for each
/// container of `discovery`, its position in the plan's list of containers.
pub(super) fn hashes(discovery: &Discovery, numbers: &[usize]) -> Vec<ContainerHashes> {
    let containers = discovery.containers.iter().zip(numbers);
    let hashed = containers.filter(|(found, _)| {
        found.report.sha256.is_some() || found.report.parts.iter().any(|part| part.sha256.is_some())
    });
    hashed
        .map(|(found, number)| ContainerHashes {
            container: *number as u64,
            sha256: found.report.sha256.clone(),
            parts: found.report.parts.clone(),
        })
        .collect()
}

/// Reads a part (the file with the results of a sweep or of a shard). [`open`](Self::open) reads
/// the part's head, plan and hashes; after that, `next_of` reads the results of blocks of files one
/// after the other.
pub(super) struct PartReader {
    reader: PackedReader,
    /// The first document of the part, which says of which shard of which plan the part is.
    pub head: Head,
    /// The plan that the part of a whole sweep contains, with the SHA-256 that identifies it;
    /// `None` for the part of a shard.
    pub plan: Option<(Plan, String)>,
    /// The SHA-256 of the containers in the part's evidence; empty if none was hashed.
    pub hashes: Vec<ContainerHashes>,
    /// The path of the part, the file with what a sweep or a shard found.
    pub path: PathBuf,
    /// The number of documents (encoded items of the part) before the first result of a block.
    pub before: u64,
    /// Whether the process events of a block are returned with its result. If false, they are
    /// skipped.
    pub keeps_processes: bool,
    /// The next unit of work (a block of a file, with its result), which was read ahead; `None`
    /// before the first unit and after the last one.
    next: Option<PartUnit>,
    counts: Counts,
    is_at_end: bool,
}

/// A unit of work (a block of a file) in a part, with its result, which is not decoded yet.
#[derive(Debug)]
pub(super) struct PartUnit {
    /// The block, and its file as a position in the plan's list of files.
    pub unit: EntryUnit<u64>,
    /// The result of the block, encoded.
    pub entry: PartEntry,
}

/// The result of a block of a file in a part, which is not decoded yet. Any thread can decode it.
#[derive(Debug)]
pub(in crate::sweep) struct PartEntry {
    document: Vec<u8>,
    /// The offset in bytes in `document` at which the result begins. The bytes before it state the
    /// file and the block ([`EntryUnit`]).
    after_unit: usize,
    path: PathBuf,
    /// The process events of the block; empty if the part's reader skips them.
    pub processes: BlockProcesses,
}

impl PartEntry {
    /// Decodes the result of the block.
    pub(in crate::sweep) fn decode(&self) -> Result<Entry, PartsError> {
        let rest = self.document.get(self.after_unit..).unwrap_or_default();
        Entry::decode(rest).map_err(|reason| damaged(&self.path, &reason))
    }

    /// Returns about how many bytes of memory the result takes when it is decoded.
    pub(in crate::sweep) fn weight(&self) -> u64 {
        self.document.len() as u64 * 4 + self.processes.weight()
    }
}

impl PartReader {
    /// Opens a part, and reads its head, plan and hashes, which come before the results of the
    /// blocks.
    pub(super) fn open(path: &Path) -> Result<Self, PartsError> {
        let mut reader = PackedReader::open(path, PART)?;
        let head: Head = next(&mut reader)?;
        let plan = head.plan.is_empty().then(|| Plan::read_documents(&mut reader)).transpose()?;
        let hashes = next(&mut reader)?;
        let (path, before) = (path.to_path_buf(), reader.documents_read());
        Ok(PartReader {
            reader,
            head,
            plan,
            hashes,
            path,
            before,
            keeps_processes: false,
            next: None,
            counts: Counts::default(),
            is_at_end: false,
        })
    }

    /// Returns the next unit of work (a block of a file) of the part if it is of the file with the
    /// position `file` in the plan's list of files; `None` otherwise, and at the end of the part.
    pub(super) fn next_of(&mut self, file: u64) -> Result<Option<PartUnit>, PartsError> {
        self.begin()?;
        let Some(mut unit) = self.next.take_if(|next| next.unit.file == file) else { return Ok(None) };
        unit.entry.processes = self.read_ahead()?;
        Ok(Some(unit))
    }

    /// Reads the first unit of work (a block of a file) ahead, unless a unit was read ahead already
    /// or the part is at its end.
    fn begin(&mut self) -> Result<(), PartsError> {
        if self.next.is_none() && !self.is_at_end && !self.read_ahead()?.documents().is_empty() {
            return Err(self.wrong("it is damaged: make it anew"));
        }
        Ok(())
    }

    /// Reads the next unit of work (a block of a file) ahead, or the end of the part. Returns the
    /// process events that come before it, which belong to the block of the unit read before. They
    /// are empty if `keeps_processes` is false.
    fn read_ahead(&mut self) -> Result<BlockProcesses, PartsError> {
        let mut processes = BlockProcesses::default();
        loop {
            let Some(document) = self.reader.next_document()? else {
                return Err(self.wrong("it is incomplete: make it anew"));
            };
            match document.split_first() {
                Some((&PROCESSES, rest)) => {
                    self.counts.processes += 1;
                    if self.keeps_processes {
                        let (_, rest) = postcard::take_from_bytes::<u64>(rest)
                            .map_err(|error| damaged(&self.path, &error.to_string()))?;
                        processes.push(rest.to_vec());
                    }
                }
                Some((&UNIT, entry)) => {
                    let unit = EntryUnit::<u64>::decode(entry)
                        .map(|(unit, rest)| (unit, document.len() - rest.len()));
                    let document = document.to_vec();
                    let (unit, after_unit) = unit.ok_or_else(|| self.wrong("it is damaged: make it anew"))?;
                    let (path, none) = (self.path.clone(), BlockProcesses::default());
                    let entry = PartEntry { document, after_unit, path, processes: none };
                    self.counts.units += 1;
                    self.next = Some(PartUnit { unit, entry });
                    return Ok(processes);
                }
                Some((&END, counts)) => {
                    let is_whole = postcard::from_bytes(counts) == Ok(self.counts);
                    self.is_at_end = true;
                    let is_last = is_whole && self.reader.next_document()?.is_none();
                    return if is_last {
                        Ok(processes)
                    } else {
                        Err(self.wrong("it is damaged: units are missing: make it anew"))
                    };
                }
                _ => return Err(self.wrong("it is damaged: make it anew")),
            }
        }
    }

    /// Checks that no unit of work (a block of a file) is left in the part, and that the part is
    /// complete.
    pub(super) fn check_end(&mut self) -> Result<(), PartsError> {
        self.begin()?;
        match &self.next {
            None => Ok(()),
            Some(_) => Err(self.wrong("it has units of files that its plan does not give to its shard")),
        }
    }

    /// Returns the error that this part cannot be used, because of `reason`.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> PartsError {
        self.reader.wrong(reason)
    }
}

/// Opens the part at `path` again, and skips its first `before` documents (encoded items), which
/// come before the results of blocks.
pub(super) fn open_documents(path: &Path, before: u64) -> Result<PackedReader, PartsError> {
    let mut reader = PackedReader::open(path, PART)?;
    for _ in 0..before {
        reader.next_document()?;
    }
    Ok(reader)
}

/// Returns the error that the part at `path` is damaged. `reason` says what is wrong, and is quoted
/// in the message.
pub(super) fn damaged(path: &Path, reason: &str) -> PartsError {
    PartsError { path: path.to_path_buf(), reason: format!("it is damaged ({reason}): make it anew") }
}

fn next<T: serde::de::DeserializeOwned>(reader: &mut PackedReader) -> Result<T, PartsError> {
    let Some(document) = reader.next_document()? else {
        return Err(reader.wrong("it is incomplete: make it anew"));
    };
    postcard::from_bytes(document)
        .map_err(|error| reader.wrong(format!("it is damaged ({error}): make it anew")))
}
