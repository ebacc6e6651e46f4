//! Checks of any bytes as the shadow copies of a volume: no panic, all that is read ends, and what
//! is said to be unchanged has the same bytes in the next newer state of the volume.

use std::io;
use std::sync::Arc;

use dnsweep::internals::evidence::layer::{SharedSource, Source, read_exact};
use dnsweep::internals::evidence::source::LogBytes;
use dnsweep::internals::evidence::volume::vss::{BLOCK_SIZE, ShadowCopies};

/// The number of bytes that an input has for each 16 KiB block of the volume: the start of the
/// block, which is a header of 128 bytes and what fits after it. The rest of the block is filled
/// with the block's number, so that an input is small and has many structures.
const PIECE: usize = 512;
/// The largest volume that an input may describe, in blocks.
const MOST_BLOCKS: usize = 64;
/// The offset in the volume at which the first 512 bytes of an input lie: there begins the header
/// of a volume's shadow copies.
const HEADER: u64 = 0x1e00;

/// A volume with shadow copies that an input describes: the input has the start of each block.
struct Volume(Vec<u8>);

/// Returns a number of bytes or blocks as a `usize`. It fits, because the volume is small.
fn length_of(number: u64) -> usize {
    usize::try_from(number).expect("a small volume")
}

impl Volume {
    /// Returns the bytes with which the block of this number begins, as the input states them.
    fn piece(&self, block: u64) -> &[u8] {
        let rest = self.0.get(length_of(block) * PIECE..).unwrap_or_default();
        &rest[..rest.len().min(PIECE)]
    }
}

impl LogBytes for Volume {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.size().min(offset.saturating_add(buffer.len() as u64));
        let (mut at, mut length) = (offset, 0);
        while at < end {
            let (block, within) = (at / BLOCK_SIZE, at % BLOCK_SIZE);
            let count = length_of((BLOCK_SIZE - within).min(end - at));
            let part = &mut buffer[length..length + count];
            // Which block it is can be seen.
            part.fill(block.to_le_bytes()[0]);
            let from = if block == 0 { HEADER } else { 0 };
            for (place, byte) in (from..).zip(self.piece(block)) {
                if let Some(to) = place.checked_sub(within).and_then(|to| part.get_mut(length_of(to))) {
                    *to = *byte;
                }
            }
            (at, length) = (at + count as u64, length + count);
        }
        Ok(length)
    }
}

impl Source for Volume {
    fn size(&self) -> u64 {
        self.0.len().div_ceil(PIECE) as u64 * BLOCK_SIZE
    }
}

/// Reads the shadow copies of the volume that an input describes, and compares each with the next
/// newer state. The input has the volume's header and then the start of each block, 512 bytes each.
pub fn check(data: &[u8]) {
    if data.len() > MOST_BLOCKS * PIECE {
        return;
    }
    let volume: SharedSource = Arc::new(Volume(data.to_vec()));
    let Some(copies) = ShadowCopies::read(&volume).expect("all can be read") else { return };
    for problem in copies.catalog_problems() {
        assert!(problem.to_string().len() < 4096, "{problem}");
    }
    let mut newer: Option<SharedSource> = Some(volume.clone());
    for copy in copies.listed().iter().rev() {
        assert!(copy.size <= volume.size(), "{copy:?}");
        for problem in copies.problems(copy.number) {
            assert!(problem.to_string().len() < 4096, "{problem}");
        }
        let snapshot = copies.snapshot(copy.number).ok();
        assert!(snapshot.is_some() || copies.listed().iter().any(|copy| copy.is_elsewhere));
        for at in (0..copy.size).step_by(length_of(BLOCK_SIZE)) {
            let end = copy.size.min(at + BLOCK_SIZE);
            let ours = snapshot.as_ref().map(|ours| read_exact(&**ours, at, length_of(end - at)));
            if copies.is_changed(copy.number, at..end) {
                continue;
            }
            let theirs = newer.as_ref().map(|theirs| read_exact(&**theirs, at, length_of(end - at)));
            if let (Some(Ok(ours)), Some(Ok(theirs))) = (ours, theirs) {
                assert!(ours == theirs, "block at {at} of shadow copy {}", copy.number);
            }
        }
        newer = snapshot;
    }
}
