//! The process events in parts (files with what a sweep or a shard found). The part of a sweep with
//! process context (`--context`) contains every creation and end of a process that its logs have,
//! because only a merge knows which computers have matches.
//!
//! The process events of a block of a file are documents of limited size, which come after the
//! block's result. A merge reads these documents where a sweep reads ranges of the logs a second
//! time.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::part::{PROCESSES, damaged, open_documents};
use crate::base::in_order::in_order;
use crate::error::SweepError;
use crate::output::{PackedReader, PartsError};
use crate::scan::{LocatedEvent, ProcessLink, ProcessSearch};
use crate::sweep::context::{EncodedLinks, LinkSpool, ProcessPlace, ProcessSource};

/// The number of bytes at which a document (an encoded item) of a part with process events is full,
/// and the next one begins. A merge keeps one of these documents in memory at a time or, if its
/// output gets a part too, those of a few blocks.
const DOCUMENT_BYTES: usize = 256 << 10;

/// The process events of a block (a range) of a file, encoded as documents of limited size. Each
/// becomes an item of a part, in which the byte `PROCESSES` and the file's position come before it.
/// A document begins with a byte, which is 1 if the block could not be read whole and 0 otherwise.
/// The encoded events follow: those of live records in file order, then those of deleted records.
#[derive(Debug, Default)]
pub(in crate::sweep) struct BlockProcesses(Vec<Vec<u8>>);

impl BlockProcesses {
    /// Encodes the process events that were found in a block (a range of a file). `is_whole` is
    /// false if not all of the block could be read.
    pub(in crate::sweep) fn of(events: impl Iterator<Item = LocatedEvent>, is_whole: bool) -> Self {
        let begun = || vec![u8::from(!is_whole)];
        let (mut documents, mut document) = (Vec::new(), begun());
        for located in events {
            document = postcard::to_extend(&located, document)
                .expect("numbers and texts can all be written to memory");
            if document.len() >= DOCUMENT_BYTES {
                documents.push(std::mem::replace(&mut document, begun()));
            }
        }
        if document.len() > 1 || !is_whole {
            documents.push(document);
        }
        BlockProcesses(documents)
    }

    /// Returns true if the block (the range of a file) could not be read whole when its process
    /// events were collected.
    pub(in crate::sweep) fn is_unread(&self) -> bool {
        self.0.iter().any(|document| document.first() == Some(&1))
    }

    /// Adds the next document (an encoded item) with process events of the block, as read from a
    /// part.
    pub(super) fn push(&mut self, document: Vec<u8>) {
        self.0.push(document);
    }

    /// Returns the documents (encoded items of a part) with the encoded process events.
    pub(super) fn documents(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// Returns about how many bytes of memory the documents take.
    pub(super) fn weight(&self) -> u64 {
        self.0.iter().map(|document| document.len() as u64).sum()
    }
}

/// The paths of the parts (files with the results of sweeps) of a merge. The process events in the
/// parts are read in a second pass, after all results.
#[derive(Debug, Clone, Default)]
pub(in crate::sweep) struct PartsAgain(pub(super) Vec<GroupAgain>);

/// The paths of the parts (files with the results of shards) of all shards of one plan, for reading
/// the parts a second time.
#[derive(Debug, Clone)]
pub(super) struct GroupAgain {
    /// The 0-based position of the plan's first file in the list of the files of all plans that are
    /// merged, plan after plan.
    pub first_file: usize,
    /// For each of the plan's files, the 0-based number of its shard. It is also the index in
    /// `parts` of the part that has the file's process events.
    pub shards: Vec<u32>,
    /// For each part, in the order of the shards, its path, and the number of documents (encoded
    /// items) before the first result in it.
    pub parts: Vec<(PathBuf, u64)>,
}

/// Reads the process events in the parts (files with the results of sweeps) of a merge, any number
/// of times.
pub(in crate::sweep) struct PartsPass<'p> {
    parts: &'p PartsAgain,
    /// The files whose events are read, by their positions among the files of all plans, in
    /// ascending order.
    files: &'p [usize],
    threads: NonZeroUsize,
    interrupt: &'p AtomicBool,
    /// The files that could not be read whole, by their positions among the files of all plans.
    unread: HashSet<usize>,
}

impl<'p> PartsPass<'p> {
    /// Makes a pass over the process events of `files`, which are given by their positions among
    /// the files of all plans, in ascending order. When `interrupt` becomes true, reading ends with
    /// an error.
    pub(in crate::sweep) fn new(
        parts: &'p PartsAgain,
        files: &'p [usize],
        threads: NonZeroUsize,
        interrupt: &'p AtomicBool,
    ) -> Self {
        PartsPass { parts, files, threads, interrupt, unread: HashSet::new() }
    }
}

impl PartsPass<'_> {
    /// Reads the documents with process events at the places `wanted`, which must be in ascending
    /// order; all documents of the files if `wanted` is `None`. Several threads call `take` with
    /// each document and its events. `found` gets the results of `take`, in evidence order.
    fn read<T: Send>(
        &mut self,
        wanted: Option<&[ProcessPlace]>,
        take: impl Fn(&Document<'_>, Vec<LocatedEvent>) -> T + Sync,
        mut found: impl FnMut(T) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        let mut documents = Documents {
            groups: self.parts.0.iter().map(OpenedGroup::new).collect(),
            files: self.files,
            wanted,
            next_of_file: 0,
            interrupt: self.interrupt,
            failed: None,
        };
        let unread = &mut self.unread;
        in_order(
            self.threads,
            documents.by_ref(),
            |document| document.bytes.len() as u64 * 4,
            |document| {
                let (is_whole, events) = document.decode()?;
                Ok::<_, SweepError>((document.place.file(), is_whole, take(&document, events)))
            },
            |decoded| {
                let (file, is_whole, taken) = decoded?;
                if !is_whole {
                    unread.insert(file);
                }
                found(taken)
            },
        )?;
        documents.failed.map_or(Ok(()), Err)
    }
}

impl ProcessSource for PartsPass<'_> {
    /// Adds the process GUIDs in all process events of the files to `links`. To find them, reads
    /// all events, because a part does not store the GUIDs separately.
    fn read_links(&mut self, links: &mut LinkSpool) -> Result<(), SweepError> {
        let encoded = |document: &Document<'_>, events: Vec<LocatedEvent>| {
            let mut encoded = EncodedLinks::default();
            let found: Vec<_> = events.iter().filter_map(|found| ProcessLink::of(&found.event)).collect();
            encoded.push(document.place, found.into_iter());
            encoded
        };
        self.read(None, encoded, |encoded| links.add(&encoded))
    }

    fn read_events(
        &mut self,
        search: &ProcessSearch,
        places: &[ProcessPlace],
        found: &mut dyn FnMut(usize, Vec<LocatedEvent>),
    ) -> Result<(), SweepError> {
        let is_wanted = |found: &LocatedEvent| {
            ProcessLink::of(&found.event).is_some_and(|link| search.includes(link.process))
        };
        let wanted = |document: &Document<'_>, mut events: Vec<LocatedEvent>| {
            events.retain(is_wanted);
            (document.place.file(), events)
        };
        self.read(Some(places), wanted, |(file, events)| {
            found(file, events);
            Ok(())
        })
    }

    fn has_not_read(&self, file: usize) -> bool {
        self.unread.contains(&file)
    }

    /// Always returns false: an interrupted merge writes nothing, so the results of an interrupted
    /// pass are never used.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// A document (an encoded item) of a part with process events of a block of a file, not decoded
/// yet.
struct Document<'p> {
    /// The 0-based position of the block's file in the list of the files of all plans that are
    /// merged, and the number, from 0, of the document among those of the file.
    place: ProcessPlace,
    /// The path of the part that contains the document. Errors name it.
    path: &'p Path,
    bytes: Vec<u8>,
}

impl Document<'_> {
    /// Decodes the document to process events. The returned boolean is true if the block (the range
    /// of a file) that the events are from could be read whole.
    fn decode(&self) -> Result<(bool, Vec<LocatedEvent>), SweepError> {
        let wrong = |reason: &str| damaged(self.path, reason);
        let (first, mut rest) = self.bytes.split_first().ok_or_else(|| wrong("a document is empty"))?;
        let mut events = Vec::new();
        while !rest.is_empty() {
            let (located, after) =
                postcard::take_from_bytes::<LocatedEvent>(rest).map_err(|error| wrong(&error.to_string()))?;
            rest = after;
            events.push(located);
        }
        Ok((*first == 0, events))
    }
}

/// The parts (files with the results of shards) of all shards of one plan. A part is opened when it
/// is first needed.
struct OpenedGroup<'p> {
    group: &'p GroupAgain,
    readers: Vec<Option<PartDocuments>>,
}

impl<'p> OpenedGroup<'p> {
    fn new(group: &'p GroupAgain) -> Self {
        OpenedGroup { group, readers: group.parts.iter().map(|_| None).collect() }
    }

    /// Returns the next document with process events of a file, given by its position in the plan,
    /// and the path of its part; `None` if the file has no further one. Files must be asked for in
    /// ascending order.
    fn next_of(&mut self, file: usize) -> Result<Option<(&'p Path, Vec<u8>)>, PartsError> {
        let shard = *self.group.shards.get(file).expect("files are those of the plan") as usize;
        let part = self.group.parts.get(shard).zip(self.readers.get_mut(shard));
        let ((path, before), reader) = part.expect("the plan has as many shards");
        let reader = match reader {
            Some(reader) => reader,
            None => reader.insert(PartDocuments { reader: open_documents(path, *before)?, next: None }),
        };
        Ok(reader.next_of(file as u64)?.map(|document| (path.as_path(), document)))
    }
}

/// Reads the documents (encoded items) with process events of one part, one after the other.
struct PartDocuments {
    reader: PackedReader,
    /// The document that was read last, if it was not returned yet: the position of its file in the
    /// plan's list of files, and the bytes after that position.
    next: Option<(u64, Vec<u8>)>,
}

impl PartDocuments {
    /// Returns the next document with process events of the file at this position in the plan's
    /// list of files; `None` if there is no other. Documents of earlier files are skipped.
    fn next_of(&mut self, file: u64) -> Result<Option<Vec<u8>>, PartsError> {
        loop {
            match &self.next {
                Some((of, _)) if *of > file => return Ok(None),
                Some((of, _)) if *of == file => {
                    return Ok(self.next.take().map(|(_, document)| document));
                }
                _ => {}
            }
            self.next = None;
            let Some(document) = self.reader.next_document()? else { return Ok(None) };
            let Some((&PROCESSES, rest)) = document.split_first() else { continue };
            let decoded = postcard::take_from_bytes::<u64>(rest).map(|(of, rest)| (of, rest.to_vec()));
            let next = decoded
                .map_err(|error| self.reader.wrong(format!("it is damaged ({error}): make it anew")))?;
            self.next = Some(next);
        }
    }
}

/// Reads the documents (encoded items of parts) with process events of the files in `files`, from
/// all parts of a merge, in evidence order.
struct Documents<'p> {
    groups: Vec<OpenedGroup<'p>>,
    /// The files whose documents were not all returned, by their positions among the files of all
    /// plans, in ascending order.
    files: &'p [usize],
    /// The places of the documents to return, in ascending order; `None` for all.
    wanted: Option<&'p [ProcessPlace]>,
    /// The number, from 0, of the next document among those of the first of `files`.
    next_of_file: u64,
    interrupt: &'p AtomicBool,
    failed: Option<SweepError>,
}

impl<'p> Documents<'p> {
    fn next_document(&mut self) -> Result<Option<Document<'p>>, SweepError> {
        while let Some(&number) = self.files.first() {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(SweepError::Interrupted);
            }
            if self.wanted.is_some_and(<[ProcessPlace]>::is_empty) {
                return Ok(None);
            }
            let group = self.groups.partition_point(|opened| opened.group.first_file <= number) - 1;
            let opened = self.groups.get_mut(group).expect("the first plan begins with the first file");
            let Some((path, bytes)) = opened.next_of(number - opened.group.first_file)? else {
                self.files = self.files.get(1..).unwrap_or_default();
                self.next_of_file = 0;
                continue;
            };
            let place = ProcessPlace::new(number, self.next_of_file, self.next_of_file + 1);
            self.next_of_file += 1;
            match self.wanted.and_then(<[ProcessPlace]>::split_first) {
                Some((wanted, _)) if *wanted != place => continue,
                Some((_, rest)) => self.wanted = Some(rest),
                None => {}
            }
            return Ok(Some(Document { place, path, bytes }));
        }
        Ok(None)
    }
}

impl<'p> Iterator for Documents<'p> {
    type Item = Document<'p>;

    fn next(&mut self) -> Option<Document<'p>> {
        if self.failed.is_some() {
            return None;
        }
        self.next_document().unwrap_or_else(|error| {
            self.failed = Some(error);
            None
        })
    }
}
