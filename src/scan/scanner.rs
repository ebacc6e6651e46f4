//! Scans blocks of files of any form: logs, carved files, event XML. A scanner contains the
//! settings, and a thread's reused memory.

use crate::base::switch::switch;
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, EventKind, KindSet, PROCESS_CREATION, PROCESS_END, Window};
use crate::evidence::source::LogBytes;
use crate::scan::block::{ReadSize, scan_pieces};
use crate::scan::block_scan::BlockScan;
use crate::scan::carved::carve;
use crate::scan::evtx::chunk::Checksums;
use crate::scan::evtx::log::Block;
use crate::scan::salvage::headerless::{is_headerless, scan_headerless};
use crate::scan::salvage::recover::Recoverer;
use crate::scan::skim::needle::{DnsClient, Selection};
use crate::scan::skim::process::ProcessSearch;
use crate::scan::skim::select::Skimmer;
use crate::scan::slot::SlotScanner;
use crate::scan::xml::{XmlFile, XmlSelection, scan_xml};

switch! {
    /// Whether a sweep reads deleted records.
    pub enum Recovery {
        /// Only live records (those that are not deleted) are read.
        Live,
        /// Stale records, which are left over from a deleted part of a log, are read too. Their
        /// events are kept apart from those of live records.
        Stale,
    }
}

/// Scans blocks of files (the parts that one thread reads at a time): of logs, of event XML, and of
/// carved files, which are not logs but may contain chunks at any sector. A scanner contains the
/// settings of a scan and a buffer that is reused, so each thread has its own scanner.
#[derive(Debug)]
pub struct Scanner {
    reads: ReadSize,
    slots: SlotScanner,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner::new(&Selection::Everything)
    }
}

impl Scanner {
    /// Returns a scanner for Sysmon's DNS queries that decodes the records which `selection`
    /// chooses, and only counts the others.
    #[must_use]
    pub fn new(selection: &Selection) -> Self {
        let skimmer = match selection {
            Selection::Everything => None,
            Selection::Wanted(wanted) => Some(Skimmer::new(wanted)),
        };
        let kinds = KindSet::default().with(&DNS_QUERY);
        Scanner { reads: ReadSize::default(), slots: SlotScanner::new(skimmer, kinds) }
    }

    /// Returns a scanner for those of Sysmon's process events that `search` describes: event 1 (a
    /// process was created) and event 5 (a process ended). It reads no DNS queries. A record of an
    /// unusual form is decoded before its process is known, so the result can contain events of
    /// other processes.
    #[must_use]
    pub fn for_processes(search: &ProcessSearch) -> Self {
        let skimmer = Skimmer::new(&[]).finding_processes(search);
        let kinds = KindSet::default().with(&PROCESS_CREATION).with(&PROCESS_END);
        Scanner { reads: ReadSize::default(), slots: SlotScanner::new(Some(skimmer), kinds) }
    }

    /// Returns the scanner, set to also read those queries of Windows' own DNS client that
    /// `dns_client` chooses. If it chooses none (`DnsClient::Counted`), the scanner is returned
    /// unchanged.
    #[must_use]
    pub fn with_dns_client(mut self, dns_client: &DnsClient) -> Self {
        let DnsClient::Wanted(wanted) = dns_client else { return self };
        self.change_skimmer(|skimmer| skimmer.leaving_dns_client(wanted));
        self.slots.kinds = self.slots.kinds.with(&DNS_CLIENT_QUERY);
        self
    }

    /// Returns the scanner, set to also look for those of Sysmon's process events that `search`
    /// describes: event 1 (a process was created) and event 5 (a process ended). What it counts,
    /// which checksums it verifies and what it reports as damage does not change. In return, it can
    /// miss some of these events; [`BlockScan::has_unread_processes`] is then true.
    #[must_use]
    pub fn with_processes(mut self, search: &ProcessSearch) -> Self {
        self.change_skimmer(|skimmer| skimmer.finding_processes_beside(search));
        self.slots.kinds = self.slots.kinds.with_beside(&PROCESS_CREATION).with_beside(&PROCESS_END);
        self
    }

    /// Returns the scanner, set to also read every event of `kind`. Every record is then decoded,
    /// because the test that finds the records worth decoding knows only DNS queries, not events of
    /// any other kind.
    #[must_use]
    pub fn reading_all(mut self, kind: &EventKind) -> Self {
        self.slots.skimmer = None;
        self.slots.kinds = self.slots.kinds.with(kind);
        self
    }

    /// Returns the scanner, set to count separately those DNS queries that lie in the requested
    /// period `window`.
    #[must_use]
    pub fn within(mut self, window: Window) -> Self {
        self.change_skimmer(|skimmer| skimmer.within(window));
        self.slots.window = window;
        self
    }

    /// Returns the scanner, set to read as much of a log at a time as `reads` says.
    #[must_use]
    pub fn reading(self, reads: ReadSize) -> Self {
        Scanner { reads, ..self }
    }

    /// Returns the scanner, set to verify the checksum of the records in the chunks that
    /// `checksums` chooses.
    #[must_use]
    pub fn verifying(mut self, checksums: Checksums) -> Self {
        self.change_skimmer(|skimmer| skimmer.verifying(checksums));
        self
    }

    /// Returns the scanner, set to read deleted records or not, as `recovery` states. Of deleted
    /// records, it reads the kinds of events that were chosen before this call, without queries of
    /// Windows' own DNS client.
    #[must_use]
    pub fn recovering(mut self, recovery: Recovery) -> Self {
        let kinds = self.slots.kinds.without(&DNS_CLIENT_QUERY);
        self.slots.recovery = (recovery == Recovery::Stale).then(|| Recoverer::new(kinds));
        self
    }

    /// Applies `change` to the scanner's [`Skimmer`], which counts the records that need no
    /// decoding. Does nothing if every record is decoded, because there is no skimmer then.
    fn change_skimmer(&mut self, change: impl FnOnce(Skimmer) -> Skimmer) {
        self.slots.skimmer = self.slots.skimmer.take().map(change);
    }

    /// Reads and decodes `block` (the part that one thread scans) of a log of `size` bytes. Chunks
    /// that begin in the block are also read if they do not begin at a multiple of 64 KiB after the
    /// file header. The result's problems list what is wrong with the block.
    pub fn scan(&mut self, log: &dyn LogBytes, block: Block, size: u64) -> BlockScan {
        self.scan_after(log, block, size, |_, _| ())
    }

    /// Scans a block (the part that one thread scans) of a log of `size` bytes as [`Scanner::scan`]
    /// does, and calls `see` with the block's bytes before decoding changes them: piece by piece,
    /// each with its offset in the file. `see` gets `None` for a piece that could not be read
    /// whole.
    pub fn scan_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        mut see: impl FnMut(u64, Option<&[u8]>),
    ) -> BlockScan {
        let Scanner { reads, slots } = self;
        let mut scan = |log: &dyn LogBytes, part, see: &mut dyn FnMut(u64, Option<&[u8]>)| {
            scan_pieces(slots, *reads, log, part, see)
        };
        if is_headerless(log, block) {
            scan_headerless(log, (block, size), &mut see, scan)
        } else {
            scan(log, (block, size), &mut see)
        }
    }

    /// Carves a block (the part that one thread scans) of a file of `size` bytes that is not a log:
    /// decodes the chunks that begin in the block at any sector. `see` is called with the block's
    /// bytes before decoding changes them, or with `None` if some could not be read.
    pub fn carve_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        carve(&mut self.slots, log, block, size, see)
    }

    /// Reads a block (the part that one thread scans) of a file of event XML, and decodes the
    /// events that begin in the block. `see` is called with the block's bytes, or with `None` if
    /// some could not be read.
    pub fn xml_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        file: XmlFile,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        let SlotScanner { buffer, kinds, window, .. } = &mut self.slots;
        scan_xml(buffer, XmlSelection { kinds: *kinds, window: *window }, log, block, file, see)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::damage::{Damage, Integrity};
    use crate::scan::LocatedEvent;
    use crate::scan::evtx::log::{BLOCK_CHUNKS, blocks};
    use dnsweep_samples::{Event, LogWriter, Style};
    use std::io;

    /// A log for tests in which the pages at these offsets cannot be read.
    struct BadPages(Vec<u8>, Vec<u64>);

    impl LogBytes for BadPages {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let end = offset + buffer.len() as u64;
            let bad = self.1.iter().any(|page| page * 4096 < end && offset < (page + 1) * 4096);
            if bad { Err(io::Error::other("bad sector")) } else { self.0.read_at(offset, buffer) }
        }
    }

    fn scan(log: &BadPages) -> BlockScan {
        let size = log.0.len() as u64;
        let block = blocks(size, BLOCK_CHUNKS).next().unwrap();
        Scanner::default().scan(log, block, size)
    }

    #[test]
    fn a_bad_sector_costs_the_records_in_it() {
        let mut writer = LogWriter::new(Style::Export);
        for number in 1..=20 {
            writer.push(&Event::dns_query("example.com", "a.exe").numbered(number)).unwrap();
        }
        let bytes = writer.finish();
        let size = bytes.len() as u64;
        let whole = scan(&BadPages(bytes.clone(), Vec::new()));
        assert_eq!((whole.events.len(), whole.bytes_read), (20, size));
        // The lost bytes are the third page of the chunk; and the second and the third as one
        // range.
        for (pages, lost) in [(vec![3], 4096), (vec![2, 3], 8192)] {
            let damaged = scan(&BadPages(bytes.clone(), pages.clone()));
            let first = damaged
                .problems
                .iter()
                .find(|problem| matches!(problem.damage, Damage::Read { .. }))
                .unwrap();
            assert_eq!((first.offset, first.length), (pages[0] * 4096, lost));
            assert_eq!(damaged.bytes_read, size - lost);
            assert!((1..20).contains(&damaged.events.len()), "{}", damaged.events.len());
            // Each event that is read is one of those in the log, and is marked as damaged.
            let marked =
                |event: &LocatedEvent| LocatedEvent { integrity: Integrity::Damaged, ..event.clone() };
            let known: Vec<LocatedEvent> = whole.events.iter().map(marked).collect();
            assert!(damaged.events.iter().all(|event| known.contains(event)));
        }
        let none = scan(&BadPages(bytes.clone(), (0..17).collect()));
        assert_eq!((none.bytes_read, none.tally.damaged_chunks, none.header), (0, 1, None));
    }

    #[test]
    fn a_block_is_shown_as_it_was_read_and_only_if_it_is_whole() {
        let mut writer = LogWriter::new(Style::Live);
        for number in 1..=20 {
            writer.push(&Event::dns_query("example.com", "a.exe").numbered(number)).unwrap();
        }
        let bytes = writer.finish();
        let seen = |log: &BadPages, size: usize| {
            let (mut scanner, mut seen) = (Scanner::default(), None);
            let block = blocks(size as u64, BLOCK_CHUNKS).next().unwrap();
            // The buffer held other bytes before.
            scanner.scan(&BadPages(vec![7; 200_000], Vec::new()), Block { start: 0, end: 200_000 }, 200_000);
            scanner.scan_after(log, block, size as u64, |_, bytes| seen = bytes.map(<[u8]>::to_vec));
            seen
        };
        let size = bytes.len();
        assert!(seen(&BadPages(bytes.clone(), Vec::new()), size).as_ref() == Some(&bytes));
        assert_eq!(seen(&BadPages(Vec::new(), Vec::new()), 0), Some(Vec::new()));
        assert_eq!(seen(&BadPages(bytes.clone(), vec![2]), size), None, "a bad sector");
        assert_eq!(seen(&BadPages(bytes.clone(), Vec::new()), size + 1), None, "the file shrank");
        assert!(seen(&BadPages(bytes.clone(), Vec::new()), 5000).as_deref() == Some(&bytes[..5000]));
    }
}
