//! A pass over logs: reads blocks of them once more, for process events.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::source::{FoundProcesses, ProcessSource};
use crate::base::in_order::in_order;
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::{LogFile, OpenLog};
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
struct BlockPlace {
    /// The position of the file in the list of the pass's files.
    file: u32,
    block: Block,
}

/// Reads blocks of logs for process events, any number of times.
pub(super) struct Pass<'p, 'f> {
    config: &'p Config,
    files: &'p [ContextFile<'f>],
    /// All blocks of the files, in evidence order. Unchanged logs of shadow copies have none,
    /// because the same bytes are read elsewhere.
    blocks: Vec<BlockPlace>,
    interrupt: &'p AtomicBool,
    /// The files that could not be read whole, by their positions among all files of the sweep.
    unread: HashSet<usize>,
    is_interrupted: bool,
}

impl<'p, 'f> Pass<'p, 'f> {
    /// Makes a pass over `files`. When `interrupt` becomes true, no further block is read.
    pub(super) fn new(config: &'p Config, files: &'p [ContextFile<'f>], interrupt: &'p AtomicBool) -> Self {
        let read = (0_u32..).zip(files).filter(|(_, file)| file.file.same_as().is_none());
        let blocks = read.flat_map(|(file, of)| file_blocks(of.file).map(move |block| (file, block)));
        let blocks = blocks.map(|(file, block)| BlockPlace { file, block }).collect();
        Pass { config, files, blocks, interrupt, unread: HashSet::new(), is_interrupted: false }
    }

    fn block(&self, place: u32) -> BlockPlace {
        *self.blocks.get(place as usize).expect("places are those of the pass's blocks")
    }
}

impl ProcessSource for Pass<'_, '_> {
    fn read(
        &mut self,
        search: &ProcessSearch,
        blocks: Option<&[u32]>,
        found: &mut dyn FnMut(FoundProcesses),
    ) -> Result<(), SweepError> {
        let all: Vec<u32> = if blocks.is_none() {
            (0_u32..).zip(&self.blocks).map(|(place, _)| place).collect()
        } else {
            Vec::new()
        };
        let blocks = blocks.unwrap_or(&all);
        let reader = BlockReader::new(self.config, || Scanner::for_processes(search));
        let files = self.files;
        let work = |(place, at): (u32, BlockPlace)| {
            let ContextFile { number, file } =
                *files.get(at.file as usize).expect("blocks are of these files");
            let scan = file.open().ok().map(|log| scan_for_processes(&reader, (file, &log), at.block));
            (place, number, scan)
        };
        let mut read = 0;
        let places = blocks.iter().map(|place| (*place, self.block(*place)));
        let before = places.take_while(|_| !self.interrupt.load(Ordering::Relaxed));
        let mut unread = HashSet::new();
        in_order(
            self.config.threads,
            before,
            |(_, at)| at.block.length(),
            work,
            |(place, number, scan)| {
                read += 1;
                let is_whole = scan.as_ref().is_some_and(|(_, is_whole)| *is_whole);
                if !is_whole {
                    unread.insert(number);
                }
                if let Some((BlockScan { links, mut events, recovered, .. }, _)) = scan {
                    events.extend(recovered);
                    found(FoundProcesses { place, number, links, events });
                }
                Ok::<(), SweepError>(())
            },
        )?;
        self.is_interrupted |= read < blocks.len();
        self.unread.extend(unread);
        Ok(())
    }

    fn has_not_read(&self, file: usize) -> bool {
        self.is_interrupted || self.unread.contains(&file)
    }

    fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }
}

/// Reads a block of a file with `reader`, which scans for process events. Also returns whether the
/// block could be read whole, and the file did not change.
pub(in crate::sweep) fn scan_for_processes(
    reader: &BlockReader<'_>,
    (file, log): (&LogFile, &OpenLog),
    block: Block,
) -> (BlockScan, bool) {
    let mut is_whole = true;
    let scan = reader.scan((file, log), block, |_, bytes| is_whole &= bytes.is_some());
    (scan, is_whole && !log.has_changed())
}
