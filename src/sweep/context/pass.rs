//! A pass over logs: reads blocks of them once more, for process events.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::source::{FoundProcesses, ProcessSource};
use crate::base::in_order::in_order;
use crate::config::Config;
use crate::error::SweepError;
use crate::evidence::discover::{LogFile, OpenLog};
use crate::scan::{Block, BlockScan, ProcessSearch, Scanner};
use crate::sweep::Observer;
use crate::sweep::block_reader::BlockReader;
use crate::sweep::unit::file_blocks;

/// A file that is read for process events.
#[derive(Clone, Copy)]
pub(in crate::sweep) struct ContextFile<'f> {
    /// The position of the file among all files of the sweep, in evidence order.
    pub number: usize,
    pub file: &'f LogFile,
}

/// A block (a range of bytes that is read as one piece of work) of one of the files of a pass.
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
    observer: &'p mut dyn Observer,
    interrupt: &'p AtomicBool,
    /// The files that could not be read whole, by their positions among all files of the sweep.
    unread: HashSet<usize>,
    is_interrupted: bool,
}

impl<'p, 'f> Pass<'p, 'f> {
    /// Makes a pass over `files`, which reports its progress to `observer`. When `interrupt`
    /// becomes true, no further block is read.
    pub(super) fn new(
        config: &'p Config,
        files: &'p [ContextFile<'f>],
        observer: &'p mut dyn Observer,
        interrupt: &'p AtomicBool,
    ) -> Self {
        let read = (0_u32..).zip(files).filter(|(_, file)| file.file.same_as().is_none());
        let blocks = read.flat_map(|(file, of)| file_blocks(of.file).map(move |block| (file, block)));
        let blocks = blocks.map(|(file, block)| BlockPlace { file, block }).collect();
        Pass { config, files, blocks, observer, interrupt, unread: HashSet::new(), is_interrupted: false }
    }
}

impl ProcessSource for Pass<'_, '_> {
    fn read(
        &mut self,
        search: &ProcessSearch,
        blocks: Option<&[u32]>,
        found: &mut dyn FnMut(FoundProcesses),
    ) -> Result<(), SweepError> {
        let Pass { config, files, blocks: all, observer, interrupt, unread, is_interrupted } = self;
        let every: Vec<u32> = if blocks.is_some() { Vec::new() } else { places_of(all) };
        let wanted = blocks.unwrap_or(&every);
        let block = |place: u32| *all.get(place as usize).expect("places are those of the pass's blocks");
        observer.reading_again(wanted.iter().map(|place| block(*place).block.length()).sum());
        let places = wanted.iter().map(|place| (*place, block(*place)));
        let before = places.take_while(|_| !interrupt.load(Ordering::Relaxed));
        let reader = BlockReader::new(config, || Scanner::for_processes(search));
        let work = |(place, at): (u32, BlockPlace)| {
            let ContextFile { number, file } =
                *files.get(at.file as usize).expect("blocks are of these files");
            let scan = file.open().ok().map(|log| scan_for_processes(&reader, (file, &log), at.block));
            (place, number, at.block.length(), scan)
        };
        let mut read = 0;
        let consume = |(place, number, bytes, scan): (u32, usize, u64, Option<(BlockScan, bool)>)| {
            read += 1;
            observer.advanced_again(bytes);
            if scan.as_ref().is_none_or(|(_, is_whole)| !is_whole) {
                unread.insert(number);
            }
            if let Some((BlockScan { links, mut events, recovered, .. }, _)) = scan {
                events.extend(recovered);
                found(FoundProcesses { place, number, links, events });
            }
            Ok::<(), SweepError>(())
        };
        in_order(config.threads, before, |(_, at)| at.block.length(), work, consume)?;
        *is_interrupted |= read < wanted.len();
        Ok(())
    }

    fn has_not_read(&self, file: usize) -> bool {
        self.is_interrupted || self.unread.contains(&file)
    }

    fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }
}

/// Returns the positions of all blocks in `blocks`, which are the numbers from 0.
fn places_of(blocks: &[BlockPlace]) -> Vec<u32> {
    (0_u32..).zip(blocks).map(|(place, _)| place).collect()
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
