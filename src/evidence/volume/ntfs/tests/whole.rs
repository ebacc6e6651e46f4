//! Reads all of an NTFS volume, and checks what must be true of every volume, sound or damaged.
//! Fuzz targets include this file as well.

use std::cell::Cell;
use std::sync::Arc;

use super::{LogBytes, Ntfs, Source};

/// Lists the NTFS volume with the bytes `bytes`, and reads parts of each stream. Panics if what is
/// found contradicts itself. Returns the number of streams.
pub fn read_all(bytes: Vec<u8>) -> u64 {
    let Ok(ntfs) = Ntfs::open(Arc::new(bytes)) else { return 0 };
    let asked = Cell::new(0_u64);
    let wanted = |_: &str| {
        asked.set(asked.get() + 1);
        true
    };
    let mut count = 0;
    for file in ntfs.files(&wanted) {
        count += 1;
        assert!(file.stored <= file.size && file.problems.len() <= 256);
        for problem in &file.problems {
            assert!(problem.offset + problem.length <= file.size && !problem.fault.to_string().is_empty());
        }
        let stream = ntfs.open_stream(file.record, file.stream.as_deref());
        assert_eq!(stream.is_err(), file.obstacle.is_some());
        let Ok(stream) = stream else { continue };
        assert_eq!(stream.size(), file.size);
        for offset in [0, 1000, file.size / 2, file.size.saturating_sub(100)] {
            read_twice(&*stream, offset);
        }
    }
    assert!(count <= asked.get());
    if let Some(free) = ntfs.unallocated() {
        // What cannot be read of the bitmap is an error.
        let _ = free.ranges(&mut |range| range.start < range.end && range.end <= free.size());
        let _ = free.read_at(0, &mut vec![0; 100_000]);
        assert!(free.read_at(u64::MAX, &mut [0; 10]).is_ok_and(|read| read == 0));
    }
    count
}

/// Reads up to 100,000 bytes of the stream at `offset`, and then parts of them again. Panics if the
/// bytes of a part differ from those read first.
fn read_twice(stream: &dyn Source, offset: u64) {
    let mut whole = vec![0; 100_000];
    let Ok(read) = stream.read_at(offset, &mut whole) else { return };
    let left = stream.size().saturating_sub(offset);
    assert_eq!(read as u64, left.min(whole.len() as u64));
    for (start, length) in [(0, 1), (read / 3, read / 2), (read.saturating_sub(1), 10)] {
        let mut part = vec![0; length];
        let again = stream.read_at(offset + start as u64, &mut part).unwrap_or(usize::MAX);
        let end = (start + length).min(read);
        assert!(again >= end - start && part[..end - start] == whole[start..end]);
    }
}
