//! Reads and scans blocks of files of any form, on many threads at once.

use std::sync::{Mutex, PoisonError};

use crate::config::Config;
use crate::evidence::discover::{FileForm, LogFile, OpenLog};
use crate::evidence::read_permits::ReadPermits;
use crate::evidence::source::LogBytes;
use crate::scan::{Block, BlockScan, ReadSize, Scanner, XmlFile};

/// Reads and scans blocks of files. All threads share one reader, which limits how many of them
/// read at once and keeps their scanners.
pub(super) struct BlockReader<'a> {
    config: &'a Config,
    /// Makes a new scanner for a thread. The reader then applies the sweep's options to it, for
    /// example which checksums are verified.
    scanner: Box<dyn Fn() -> Scanner + Sync + 'a>,
    /// Limits how many threads read evidence at once; `None` without `--readers`.
    permits: Option<ReadPermits>,
    /// The scanners that no thread is using at the moment. They are kept, so that their buffers are
    /// used again.
    idle: Mutex<Vec<Scanner>>,
}

impl<'a> BlockReader<'a> {
    /// Makes a reader. It calls `scanner` to make a new scanner when all earlier ones are in use.
    pub(super) fn new(config: &'a Config, scanner: impl Fn() -> Scanner + Sync + 'a) -> Self {
        BlockReader {
            config,
            scanner: Box::new(scanner),
            permits: config.readers.map(ReadPermits::new),
            idle: Mutex::default(),
        }
    }

    /// Returns true if the number of threads that read evidence at once is limited (`--readers`).
    pub(super) fn is_limited(&self) -> bool {
        self.permits.is_some()
    }

    /// Reads and scans a block of a file. Calls `see` with the bytes of the block before scanning
    /// changes them: in one or several pieces, each with its offset in the file; `None` for a piece
    /// that could not be read whole.
    pub(super) fn scan(
        &self,
        (file, log): (&LogFile, &OpenLog),
        block: Block,
        see: impl FnMut(u64, Option<&[u8]>),
    ) -> BlockScan {
        // A panic of another thread cannot leave the list in a broken state.
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut scanner = kept.unwrap_or_else(|| self.new_scanner());
        let scan = match &self.permits {
            None => scan_block(&mut scanner, log, file, block, see),
            Some(permits) => scan_block(&mut scanner, &permits.in_turn(log), file, block, see),
        };
        idle().push(scanner);
        scan
    }

    fn new_scanner(&self) -> Scanner {
        let reads = if self.is_limited() { ReadSize::Blocks } else { ReadSize::Pieces };
        (self.scanner)()
            .verifying(self.config.options.checksums)
            .recovering(self.config.options.recovery)
            .reading(reads)
    }
}

/// Scans a block of a file in the way that fits the file's form. Calls `see` with the bytes of the
/// block before scanning changes them: in one or several pieces, each with its offset in the file;
/// `None` for a piece that could not be read whole.
pub(super) fn scan_block(
    scanner: &mut Scanner,
    log: &dyn LogBytes,
    file: &LogFile,
    block: Block,
    mut see: impl FnMut(u64, Option<&[u8]>),
) -> BlockScan {
    let mut see_block = |bytes: Option<&[u8]>| see(block.start, bytes);
    match file.form {
        FileForm::Carved => scanner.carve_after(log, block, file.size, see_block),
        FileForm::Xml(encoding) => {
            let xml = XmlFile { size: file.size, encoding };
            scanner.xml_after(log, block, xml, &mut see_block)
        }
        FileForm::Log => scanner.scan_after(log, block, file.size, see),
    }
}
