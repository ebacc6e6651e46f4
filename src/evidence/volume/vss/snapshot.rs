//! Reads a volume as it was when a snapshot was taken.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::evidence::layer::Source;
use crate::evidence::source::LogBytes;

use super::store::{Overlay, Store};
use super::{BLOCK_SIZE, Shared};

/// The size in bytes of a part of a block of 16 KiB. An overlay, which is an entry of a snapshot's
/// store that keeps only some parts of a block, has a bit for each part.
const PART_SIZE: u64 = 512;

/// A volume as it was when a snapshot was taken. Its bytes are read from the snapshot's own store
/// (where Windows keeps overwritten blocks), from the stores of newer snapshots, and from the live
/// volume.
pub(super) struct Snapshot {
    shared: Arc<Shared>,
    /// The position of the snapshot's store (where Windows keeps overwritten blocks) among the
    /// stores of all snapshots of the volume, which are sorted from the oldest to the newest.
    store: usize,
    /// The size of the snapshot in bytes.
    size: u64,
}

/// A range of bytes that still has to be read: from a snapshot, without its overlays (entries of
/// its store that keep only parts of a block), or from the live volume.
struct Piece {
    /// Where to read from: the position of a snapshot's store (where Windows keeps overwritten
    /// blocks) among the stores of all snapshots, from the oldest to the newest. The number of
    /// stores stands for the live volume.
    store: usize,
    /// The range of bytes to read, counted from the start of the snapshot or of the live volume.
    range: Range<u64>,
    /// The position in the buffer, which the read fills, at which the bytes of this piece belong.
    to: usize,
}

impl Piece {
    /// Returns the part of this piece that has the bytes `range`, which count from the start of the
    /// snapshot or of the live volume. The range must lie within the piece.
    fn part(&self, range: Range<u64>) -> Piece {
        // Within the piece, which fits the buffer.
        let skipped = usize::try_from(range.start - self.range.start).unwrap_or(usize::MAX);
        Piece { store: self.store, range, to: self.to.saturating_add(skipped) }
    }
}

impl Snapshot {
    pub fn new(shared: Arc<Shared>, store: usize, size: u64) -> Self {
        Snapshot { shared, store, size }
    }

    /// Reads the bytes `range` of the snapshot into `buffer`, which must have the length of the
    /// range. The range must lie within the snapshot.
    fn read(&self, range: &Range<u64>, buffer: &mut [u8]) -> io::Result<()> {
        let stores = self.shared.stores();
        // A piece is only ever replaced by pieces of the next newer store, which are for different
        // bytes of the buffer. So the loop ends, and few more pieces wait than the buffer has
        // blocks.
        let mut pieces = vec![Piece { store: self.store, range: range.clone(), to: 0 }];
        while let Some(piece) = pieces.pop() {
            match stores.get(piece.store) {
                Some(store) => self.read_piece(store, &piece, &mut pieces, buffer)?,
                None => self.read_volume(piece.range.start, piece.to, length(&piece.range), buffer)?,
            }
        }
        for overlay in stores.get(self.store).map(|store| store.overlays(range)).unwrap_or_default() {
            self.read_overlay(overlay, range, buffer)?;
        }
        Ok(())
    }

    /// Reads into `buffer` those bytes of `piece` that `store` keeps. (A store is where Windows
    /// keeps overwritten blocks of a snapshot.) Adds the rest to `pieces`, to be read from the next
    /// newer snapshot or from the live volume.
    fn read_piece(
        &self,
        store: &Store,
        piece: &Piece,
        pieces: &mut Vec<Piece>,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let mut start = piece.range.start;
        for kept in store.kept(&piece.range) {
            let block = u64::from(kept.original) * BLOCK_SIZE;
            let known = block.max(piece.range.start)..(block + BLOCK_SIZE).min(piece.range.end);
            self.pass_on(store, &piece.part(start..known.start), pieces, buffer);
            start = known.end;
            let part = piece.part(known);
            let within = part.range.start - block;
            let from = kept.at.saturating_add(within);
            let length = length(&part.range);
            if kept.is_forwarded {
                let range = from..from.saturating_add(length as u64);
                pieces.push(Piece { store: piece.store + 1, range, to: part.to });
            } else {
                self.read_volume(from, part.to, length, buffer)?;
            }
        }
        self.pass_on(store, &piece.part(start..piece.range.end), pieces, buffer);
        Ok(())
    }

    /// Adds to `pieces` a piece that `store` (where Windows keeps overwritten blocks) does not
    /// have, to be read from the next newer snapshot or from the live volume. If the newest
    /// snapshot itself is being read, its undefined blocks (those not in use when it was taken)
    /// become zeros in `buffer` instead. For older snapshots, these blocks are read from the live
    /// volume, as libvshadow does.
    fn pass_on(&self, store: &Store, piece: &Piece, pieces: &mut Vec<Piece>, buffer: &mut [u8]) {
        let mut start = piece.range.start;
        if piece.store == self.store && store.has_undefined(&piece.range) {
            for block in piece.range.start / BLOCK_SIZE..piece.range.end.div_ceil(BLOCK_SIZE) {
                if store.is_undefined(block) {
                    let zeros = piece.part(
                        (block * BLOCK_SIZE).max(start)..((block + 1) * BLOCK_SIZE).min(piece.range.end),
                    );
                    let newer = Piece { store: piece.store + 1, ..piece.part(start..zeros.range.start) };
                    if !newer.range.is_empty() {
                        pieces.push(newer);
                    }
                    if let Some(bytes) = buffer.get_mut(zeros.to..zeros.to + length(&zeros.range)) {
                        bytes.fill(0);
                    }
                    start = zeros.range.end;
                }
            }
        }
        if start < piece.range.end {
            pieces.push(Piece { store: piece.store + 1, ..piece.part(start..piece.range.end) });
        }
    }

    /// Reads those parts of a block that `overlay` keeps. (An overlay is an entry of the store that
    /// keeps only some parts of a block.) `buffer` has the bytes of the snapshot at the offsets
    /// `range`; the parts replace bytes in it.
    fn read_overlay(&self, overlay: &Overlay, range: &Range<u64>, buffer: &mut [u8]) -> io::Result<()> {
        let block = u64::from(overlay.original) * BLOCK_SIZE;
        let mut parts = overlay.parts;
        while parts != 0 {
            let first = parts.trailing_zeros();
            let count = (parts >> first).trailing_ones();
            parts &= u32::MAX.checked_shl(first + count).unwrap_or(0);
            let start = block + u64::from(first) * PART_SIZE;
            let wanted = start.max(range.start)..(start + u64::from(count) * PART_SIZE).min(range.end);
            if wanted.start < wanted.end {
                let piece = Piece { store: self.store, range: range.clone(), to: 0 }.part(wanted);
                let from = overlay.at.saturating_add(piece.range.start - block);
                self.read_volume(from, piece.to, length(&piece.range), buffer)?;
            }
        }
        Ok(())
    }

    /// Reads `length` bytes of the live volume at the offset `offset` into `buffer`, from the
    /// position `to` of the buffer on. Fails if the volume ends before the last of these bytes.
    fn read_volume(&self, offset: u64, to: usize, length: usize, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = buffer.get_mut(to..).and_then(|rest| rest.get_mut(..length)).unwrap_or_default();
        // Offsets in stores can be any number, which not every layer below can add to.
        let is_within = offset <= self.shared.volume.size();
        let read = if is_within { self.shared.volume.read_at(offset, bytes)? } else { 0 };
        if read < length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "a shadow copy's bytes: expected {length} at offset {offset} of the volume, found {read}"
                ),
            ));
        }
        Ok(())
    }
}

/// Returns the length of a range of bytes as a `usize`, for slices of buffers.
fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

impl LogBytes for Snapshot {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.size.min(offset.saturating_add(buffer.len() as u64));
        let range = offset.min(end)..end;
        let length = length(&range);
        self.read(&range, buffer.get_mut(..length).unwrap_or_default())?;
        Ok(length)
    }
}

impl Source for Snapshot {
    fn size(&self) -> u64 {
        self.size
    }
}
