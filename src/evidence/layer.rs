//! Sources of bytes, and sources that lie in other sources.
//!
//! A log in a disk image in an archive is read through a chain of layers. Each layer is a
//! [`Source`] that reads from the layer below it, and does not know what kind of layer that is.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::source::{LogBytes, PAGE};

/// A source of bytes of known size, such as a file, a disk image or a volume. Many threads can read
/// from it at the same time, at any offset.
pub trait Source: LogBytes {
    /// Returns the number of bytes of the source.
    fn size(&self) -> u64;

    /// Returns what is wrong with the bytes as a whole, such as a wrong checksum. Returns `None` if
    /// nothing is known to be wrong.
    fn flaw(&self) -> Option<String> {
        None
    }

    /// Prepares the bytes for reading if that takes long, for example by unpacking a file. If
    /// another thread is already preparing them, calls `meanwhile`, which does other work (such as
    /// unpacking another file). Calls it again and again until that thread is done, or until
    /// `meanwhile` returns false because it has no more work. An error is not reported here, but by
    /// the next read.
    fn make_ready(&self, _meanwhile: &mut dyn FnMut() -> bool) {}

    /// Returns true if reads have reached all parts of the source, though perhaps not every byte.
    /// The source is then probably not needed any more. Always false for a source that does not
    /// track reads.
    fn is_read_through(&self) -> bool {
        false
    }

    /// Prepares the bytes for a later read, for example by unpacking a file. Returns true if this
    /// call prepared them, which takes some time. Returns false if nothing had to be done, if
    /// another thread is preparing them, or if there is too little memory or disk space even after
    /// unpacked files that are no longer needed were removed.
    fn make_ready_ahead(&self) -> bool {
        false
    }
}

/// A source of bytes that several users share: threads, logs, and other sources that read from it,
/// such as the volumes of a disk.
pub type SharedSource = Arc<dyn Source>;

impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }
}

/// Reads `length` bytes of the source, beginning at `offset`. Fails with
/// [`io::ErrorKind::UnexpectedEof`] if the source has fewer bytes there. The memory for all
/// `length` bytes is allocated before reading, so the caller must limit `length`.
pub fn read_exact(source: &dyn Source, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = source.read_at(offset, &mut bytes)?;
    if read < length {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("expected {length} bytes at offset {offset}, found {read}"),
        ));
    }
    Ok(bytes)
}

/// Reads up to `length` bytes of the source, beginning at `offset`. Returns fewer bytes if the
/// source ends earlier.
pub fn read_up_to(source: &dyn Source, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = source.read_at(offset, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// A range of another source, such as a partition of a disk, or a file that an archive stores
/// without compression.
pub struct Slice {
    whole: SharedSource,
    start: u64,
    size: u64,
}

impl Slice {
    /// Returns the source that consists of `size` bytes of `whole`, beginning at `start`. If
    /// `whole` ends before the last of them, reads of the missing bytes fail.
    #[must_use]
    pub fn new(whole: SharedSource, start: u64, size: u64) -> Self {
        Slice { whole, start, size }
    }
}

impl LogBytes for Slice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length =
            usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let start = self.start.saturating_add(offset);
        let read = self.whole.read_at(start, buffer.get_mut(..length).unwrap_or_default())?;
        if read < length {
            let end = start.saturating_add(read as u64);
            let what = format!(
                "expected {} more bytes, found the end of the container at its byte {end}",
                length - read
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        Ok(read)
    }

    fn offset_in_page(&self) -> usize {
        let start = usize::try_from(self.start % PAGE as u64).expect("a remainder is less than a page");
        (self.whole.offset_in_page() + start) % PAGE
    }
}

impl Source for Slice {
    fn size(&self) -> u64 {
        self.size
    }

    fn make_ready(&self, meanwhile: &mut dyn FnMut() -> bool) {
        self.whole.make_ready(meanwhile);
    }

    fn make_ready_ahead(&self) -> bool {
        self.whole.make_ready_ahead()
    }
}

/// Several sources one after the other, read as one: the files of a split image.
pub struct Joined {
    parts: Vec<SharedSource>,
}

impl Joined {
    /// Returns a source with all bytes of the parts, in their order.
    #[must_use]
    pub fn new(parts: Vec<SharedSource>) -> Self {
        Joined { parts }
    }
}

impl LogBytes for Joined {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (mut filled, mut start) = (0, 0);
        for part in &self.parts {
            let (at, size) = (offset + filled as u64, part.size());
            if (start..start + size).contains(&at) {
                let wanted =
                    usize::try_from(start + size - at).unwrap_or(usize::MAX).min(buffer.len() - filled);
                let piece = buffer.get_mut(filled..filled + wanted).unwrap_or_default();
                let read = part.read_at(at - start, piece)?;
                filled += read;
                if read < wanted || filled == buffer.len() {
                    break;
                }
            }
            start += size;
        }
        Ok(filled)
    }
}

impl Source for Joined {
    fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size()).sum()
    }
}

/// A source with a position, for libraries that read from a file-like value. It reads ahead,
/// because such libraries read a few bytes at a time and often change the position.
#[derive(Clone)]
pub struct Cursor {
    source: SharedSource,
    position: u64,
    /// Bytes that were read ahead. The first of them is at the offset `window_start` of the source.
    window: Vec<u8>,
    window_start: u64,
}

/// The number of bytes that a [`Cursor`] reads ahead.
const WINDOW: usize = 32 << 10;

impl Cursor {
    /// Returns a cursor at the first byte of the source.
    #[must_use]
    pub fn new(source: SharedSource) -> Self {
        Cursor { source, position: 0, window: Vec::new(), window_start: 0 }
    }

    /// Returns the bytes that were read ahead, beginning at the cursor's position.
    fn ahead(&self) -> &[u8] {
        let skipped =
            self.position.checked_sub(self.window_start).and_then(|from| usize::try_from(from).ok());
        skipped.and_then(|from| self.window.get(from..)).unwrap_or_default()
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead().is_empty() {
            if buffer.len() >= WINDOW {
                let read = self.source.read_at(self.position, buffer)?;
                self.position += read as u64;
                return Ok(read);
            }
            self.window.resize(WINDOW, 0);
            let read = self.source.read_at(self.position, &mut self.window);
            self.window.truncate(*read.as_ref().unwrap_or(&0));
            self.window_start = self.position;
            read?;
        }
        let read = self.ahead().read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.source.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the first byte"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joined_parts_and_slices_read_like_the_bytes_they_are_made_of(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            offset in 0..200_u64,
            length in 0..200_usize,
            start in 0..100_u64,
            size in 0..100_u64,
        ) {
            let whole: Vec<u8> = parts.concat();
            let joined = Joined::new(parts.into_iter().map(|part| Arc::new(part) as SharedSource).collect());
            prop_assert_eq!(joined.size(), whole.len() as u64);
            let from = |bytes: &[u8]| {
                let first = bytes.len().min(usize::try_from(offset).unwrap());
                bytes[first..bytes.len().min(first + length)].to_vec()
            };
            prop_assert_eq!(read_up_to(&joined, offset, length).unwrap(), from(&whole));
            let first = whole.len().min(usize::try_from(start).unwrap());
            let end = whole.len().min(first + usize::try_from(size).unwrap());
            let slice = Slice::new(Arc::new(joined), first as u64, (end - first) as u64);
            prop_assert_eq!(read_up_to(&slice, offset, length).unwrap(), from(&whole[first..end]));
            prop_assert_eq!(read_exact(&slice, offset, length).is_ok(), from(&whole[first..end]).len() == length);
            let mut cursor = Cursor::new(Arc::new(slice));
            cursor.seek(SeekFrom::Start(offset)).unwrap();
            let mut rest = Vec::new();
            cursor.take(length as u64).read_to_end(&mut rest).unwrap();
            prop_assert_eq!(rest, from(&whole[first..end]));
        }
    }

    #[test]
    fn bytes_that_a_container_promises_and_does_not_have_cannot_be_read() {
        let slice = Slice::new(Arc::new(vec![7; 10]), 6, 8);
        assert_eq!(read_exact(&slice, 0, 4).unwrap(), [7; 4]);
        let error = read_up_to(&slice, 2, 6).unwrap_err().to_string();
        assert_eq!(error, "expected 4 more bytes, found the end of the container at its byte 10");
    }
}
