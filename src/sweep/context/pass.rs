//! A pass: reads blocks of logs once more, for process events.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::in_order::in_order;
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::LogFile;
use crate::scan::{Block, BlockScan, ProcessSearch, Scanner};
use crate::sweep::block_reader::BlockReader;
use crate::sweep::unit::file_blocks;

/// A file that is read for process events.
#[derive(Clone, Copy)]
pub(in crate::sweep) struct ContextFile<'f> {
    /// The position of the file among all files of the sweep, in evidence order.
    pub number: usize,
    pub file: &'f LogFile,
}

/// A block of one of the files of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockPlace {
    /// The position of the block among all blocks of the pass.
    place: u32,
    /// The position of the file in the list of the pass's files.
    file: u32,
    block: Block,
}

/// What was found in a block that a pass read.
pub(super) struct ScannedBlock {
    /// The position of the block among all blocks of the pass.
    pub place: u32,
    /// The position of the block's file among all files of the sweep.
    pub number: usize,
    pub scan: BlockScan,
}

/// Reads blocks of logs for process events, any number of times.
pub(super) struct Pass<'p, 'f> {
    config: &'p Config,
    files: &'p [ContextFile<'f>],
    interrupt: &'p AtomicBool,
    /// The files that could not be read whole, by their positions among all files of the sweep.
    unread: HashSet<usize>,
    /// True if an interruption kept blocks from being read.
    pub is_interrupted: bool,
}

impl<'p, 'f> Pass<'p, 'f> {
    /// Makes a pass over `files`. When `interrupt` becomes true, no further block is read.
    pub(super) fn new(config: &'p Config, files: &'p [ContextFile<'f>], interrupt: &'p AtomicBool) -> Self {
        Pass { config, files, interrupt, unread: HashSet::new(), is_interrupted: false }
    }

    /// Returns all blocks of the files, in evidence order. Unchanged logs of shadow copies have
    /// none, because the same bytes are read elsewhere.
    pub(super) fn all_blocks(&self) -> Vec<BlockPlace> {
        let read = (0_u32..).zip(self.files).filter(|(_, file)| file.file.same_as().is_none());
        let blocks = read.flat_map(|(file, of)| file_blocks(of.file).map(move |block| (file, block)));
        (0_u32..).zip(blocks).map(|(place, (file, block))| BlockPlace { place, file, block }).collect()
    }

    /// Reads `blocks`, which are in evidence order, and calls `found` with what `search` finds in
    /// each of them, in the same order.
    pub(super) fn run(
        &mut self,
        search: &ProcessSearch,
        blocks: &[BlockPlace],
        mut found: impl FnMut(ScannedBlock),
    ) -> Result<(), SweepError> {
        let reader = BlockReader::new(self.config, || Scanner::for_processes(search));
        let files = self.files;
        let work = |at: BlockPlace| {
            let ContextFile { number, file } =
                *files.get(at.file as usize).expect("blocks are of these files");
            let scan = file
                .open()
                .ok()
                .map(|log| (reader.scan((file, &log), at.block, |_, _| ()), log.has_changed()));
            (at, number, scan)
        };
        let mut read = 0;
        let before = blocks.iter().copied().take_while(|_| !self.interrupt.load(Ordering::Relaxed));
        let unread = &mut self.unread;
        in_order(
            self.config.threads,
            before,
            |at| at.block.length(),
            work,
            |(at, number, scan)| {
                read += 1;
                match scan {
                    Some((scan, has_changed)) => {
                        if has_changed || scan.problems.has_unread_bytes() {
                            unread.insert(number);
                        }
                        found(ScannedBlock { place: at.place, number, scan });
                    }
                    None => {
                        unread.insert(number);
                    }
                }
                Ok::<(), SweepError>(())
            },
        )?;
        self.is_interrupted |= read < blocks.len();
        Ok(())
    }

    /// Returns whether a file, given by its position among all files of the sweep, could not be read
    /// whole.
    pub(super) fn has_not_read(&self, file: usize) -> bool {
        self.is_interrupted || self.unread.contains(&file)
    }
}
