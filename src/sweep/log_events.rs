//! The events of one log, read block by block. No detection is applied to them.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::Path;

use super::block_reader::scan_block;
use super::unit::file_blocks;
use crate::error::SweepError;
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, EventKind, PROCESS_CREATION};
use crate::evidence::EvidenceError;
use crate::evidence::discover::{FileForm, LogFile, OpenLog, Search, discover};
use crate::ledger::damage::Problem;
use crate::scan::{
    BLOCK_CHUNKS, Block, BlockScan, HELD_BLOCK_CHUNKS, LocatedEvent, Recovery, Scanner, Selection,
    WantedQueries, XmlFile, blocks,
};

/// An iterator over the events of one log that are of certain kinds, in file order, without deleted
/// records. The log is an event log or event XML. Damage does not end the iteration:
/// [`problems`](LogEvents::problems) returns it.
pub struct LogEvents {
    log: OpenLog,
    form: FileForm,
    size: u64,
    kinds: Vec<&'static EventKind>,
    scanner: Scanner,
    blocks: Box<dyn Iterator<Item = Block>>,
    read: VecDeque<LocatedEvent>,
    problems: Vec<Problem>,
}

impl std::fmt::Debug for LogEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogEvents")
            .field("form", &self.form)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl LogEvents {
    /// Opens the log at `path`, to read its events of these kinds. If only DNS queries are asked
    /// for, not all records are decoded, which is faster. It is an error if the file is neither an
    /// event log nor event XML.
    pub fn open(path: &Path, kinds: &[&'static EventKind]) -> Result<Self, SweepError> {
        let search = Search { roots: vec![path.to_path_buf()], ..Search::default() };
        let files = discover(&search, NonZeroUsize::MIN)?.files;
        let [file] = files.as_slice() else {
            let found = if path.is_dir() { "a directory" } else { "another file" };
            return Err(EvidenceError::NotALog { path: path.to_path_buf(), found }.into());
        };
        let unread = |source| EvidenceError::Root { path: path.to_path_buf(), source, hint: String::new() };
        let log = file.open().map_err(|obstacle| unread(obstacle.into()))?;
        Ok(LogEvents {
            log,
            form: file.form,
            size: file.size,
            kinds: kinds.to_vec(),
            scanner: scanner(kinds),
            blocks: Box::new(blocks(file.size, block_chunks(file))),
            read: VecDeque::new(),
            problems: Vec::new(),
        })
    }

    /// Returns what is wrong with the part of the log that was read so far, in file order.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn scan(&mut self, block: Block) -> BlockScan {
        let (log, size) = (&self.log, self.size);
        match self.form {
            FileForm::Log => self.scanner.scan(log, block, size),
            FileForm::Carved => self.scanner.carve_after(log, block, size, |_| ()),
            FileForm::Xml(encoding) => self.scanner.xml_after(log, block, XmlFile { size, encoding }, |_| ()),
        }
    }
}

impl Iterator for LogEvents {
    type Item = LocatedEvent;

    fn next(&mut self) -> Option<LocatedEvent> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(event);
            }
            let block = self.blocks.next()?;
            let scan = self.scan(block);
            self.problems.extend(scan.problems.iter());
            let is_wanted = |event: &LocatedEvent| self.kinds.iter().any(|kind| event.event.is(kind));
            self.read.extend(scan.events.into_iter().filter(is_wanted));
        }
    }
}

/// Reads the events of a file whose record begins at `offset`, in bytes from the file's start, in
/// the same way as a sweep. Deleted ones are read only if `recovery` asks for them. Returns at most
/// one event, or one live and one deleted event.
#[cfg(feature = "cli")]
pub(crate) fn events_at(file: &LogFile, log: &OpenLog, offset: u64, recovery: Recovery) -> Vec<LocatedEvent> {
    let mut scanner =
        Scanner::default().reading_all(&DNS_CLIENT_QUERY).reading_all(&PROCESS_CREATION).recovering(recovery);
    let before: Vec<Block> = file_blocks(file).take_while(|block| block.start <= offset).collect();
    // A chunk that is not at its place can begin in the block before.
    for block in before.into_iter().rev().take(2) {
        let BlockScan { events, recovered, .. } = scan_block(&mut scanner, log, file, block, |_, _| ());
        let mut found = events;
        found.extend(recovered);
        found.retain(|event| event.location.record_offset == offset);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn scanner(kinds: &[&'static EventKind]) -> Scanner {
    let every = Selection::Wanted(vec![WantedQueries { sets: Vec::new() }]);
    let others = kinds.iter().filter(|kind| **kind != &DNS_QUERY);
    others.fold(Scanner::new(&every), |scanner, kind| scanner.reading_all(kind))
}

fn block_chunks(file: &LogFile) -> u64 {
    match file.form {
        FileForm::Log => BLOCK_CHUNKS,
        FileForm::Carved | FileForm::Xml(_) => HELD_BLOCK_CHUNKS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_log_is_refused_by_its_kind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let refused = LogEvents::open(folder.path(), &[&DNS_QUERY]).expect_err("a folder is not a log");
        let expected = format!(
            "'{}': expected an event log or a file of event XML, found a directory",
            folder.path().display()
        );
        assert_eq!(refused.to_string(), expected);
    }
}
