//! Tests of the spool, which keeps unpacked copies of packed files.

use std::sync::atomic::AtomicUsize;

use super::*;
use crate::evidence::layer::{Slice, Source, read_exact};

fn spool(limit: u64) -> (tempfile::TempDir, Arc<Spool>) {
    let folder = tempfile::tempdir().unwrap();
    let place = SpoolPlace { folder: folder.path().to_path_buf(), limit, ..SpoolPlace::default() };
    (folder, Arc::new(Spool::new(place)))
}

/// Returns `length` bytes for a packed file of a test. Of three pieces of [`STEP`] bytes, the
/// second has only zeros.
fn pattern(length: usize) -> Vec<u8> {
    let byte = |at: usize| if at / STEP % 3 == 1 { 0 } else { u8::try_from(at / 7 % 251).unwrap() };
    (0..length).map(byte).collect()
}

impl<R: Read, F: Fn() -> R + Send + Sync> Packed for F {
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
        consume(&mut self())
    }
}

fn used(budget: &Budget) -> u64 {
    *budget.used.lock().unwrap()
}

#[test]
fn copies_lie_in_memory_or_on_disk_and_read_alike() {
    let (folder, spool) = spool(DISK);
    for length in [0, 1, STEP, 3 * STEP + 1, 33 << 20] {
        let bytes = Arc::new(pattern(length));
        let packed = {
            let bytes = Arc::clone(&bytes);
            Arc::new(move || io::Cursor::new(bytes.to_vec()))
        };
        for source in [
            spool.unpacked(length as u64, packed.clone()),
            spool.unpacked_now(1 << 30, packed.clone()).unwrap(),
        ] {
            assert_eq!(source.size(), length as u64);
            assert_eq!(source.flaw(), None);
            assert!(read_exact(&*source, 0, length).unwrap() == *bytes, "{length}");
            let middle = read_exact(&*source, (length / 2) as u64, length / 3).unwrap();
            assert!(middle == bytes[length / 2..length / 2 + length / 3]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
    }
    assert_eq!((used(&spool.memory), used(&spool.disk)), (0, 0), "all sources are gone");
}

#[test]
fn what_is_not_read_makes_room_and_comes_back() {
    let (_folder, spool) = spool(0);
    let length = 30_usize << 20;
    let source = |byte| spool.unpacked(length as u64, Arc::new(move || io::repeat(byte).take(length as u64)));
    let sources: Vec<SharedSource> = (1..=20).map(source).collect();
    for round in 0..2 {
        for (number, source) in sources.iter().enumerate() {
            let byte = u8::try_from(number + 1).unwrap();
            assert_eq!(read_exact(&**source, 20 << 20, 5).unwrap(), [byte; 5], "{round}");
            assert!(used(&spool.memory) <= MEMORY);
        }
    }
}

#[test]
fn a_copy_goes_when_all_of_it_was_read_and_its_flaw_stays_known() {
    let (_folder, spool) = spool(DISK);
    let unpacked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&unpacked);
    let steps = 3 * STEP as u64 + 5;
    let one = spool.unpacked(
        steps + 1,
        Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            io::repeat(1).take(steps)
        }),
    );
    let other = || read_exact(&*spool.unpacked(9, Arc::new(|| io::repeat(2).take(9))), 0, 1).unwrap();
    for offset in [0, 5, STEP as u64, 0, 3 * STEP as u64] {
        assert_eq!(read_exact(&*one, offset, 5).unwrap(), [1; 5]);
        other();
    }
    assert_eq!(read_exact(&*one, 0, 1).unwrap(), [1]);
    assert_eq!(unpacked.load(Ordering::Relaxed), 1, "one step was not read yet");
    assert_eq!(read_exact(&*one, 2 * STEP as u64 - 1, 2).unwrap(), [1; 2]);
    other();
    assert!(one.flaw().is_some());
    assert_eq!(unpacked.load(Ordering::Relaxed), 1, "what is wrong is still known");
    assert_eq!(read_exact(&*one, 7, 1).unwrap(), [1]);
    assert_eq!(unpacked.load(Ordering::Relaxed), 2, "it was removed after all steps were read");
}

#[test]
fn a_file_is_unpacked_ahead_only_where_no_copy_is_needed() {
    let (_folder, spool) = spool(50 << 20);
    let large = |byte| spool.unpacked(40 << 20, Arc::new(move || io::repeat(byte).take(40 << 20)));
    let (one, other) = (large(1), large(2));
    assert!(one.make_ready_ahead());
    assert!(!one.make_ready_ahead(), "it is unpacked already");
    assert_eq!(used(&spool.disk), 40 << 20);
    assert_eq!(read_exact(&*one, 9, 20 << 20).unwrap().len(), 20 << 20);
    assert!(!other.make_ready_ahead(), "half of the first file is still to be read");
    assert_eq!(read_exact(&*one, 20 << 20, 20 << 20).unwrap().len(), 20 << 20);
    assert!(other.make_ready_ahead(), "the first file was read through");
    let again = large(3);
    assert_eq!(read_exact(&*again, 5, 1).unwrap(), [3], "a read makes room");
    assert_eq!(read_exact(&*other, 5, 1).unwrap(), [2]);
    assert_eq!(used(&spool.disk), 40 << 20);
    assert_eq!(read_exact(&*one, 5, 1).unwrap(), [1]);
    let small = spool.unpacked(9, Arc::new(|| io::repeat(3).take(9)));
    assert!(Slice::new(Arc::clone(&small), 2, 3).make_ready_ahead(), "a range is ready as its whole");
    assert_eq!(used(&spool.memory), 9);
}

#[test]
fn what_does_not_fit_on_the_disk_fails() {
    let (_folder, spool) = spool(40 << 20);
    let source = spool.unpacked(50 << 20, Arc::new(|| io::repeat(1).take(50 << 20)));
    let error = read_exact(&*source, 0, 1).unwrap_err().to_string();
    assert!(error.contains("--spool-limit"), "{error}");
    assert_eq!(used(&spool.disk), 0);
    let unpacked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&unpacked);
    let source = spool.unpacked(
        50 << 20,
        Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            io::repeat(1).take(50 << 20)
        }),
    );
    assert!((0..3).all(|_| read_exact(&*source, 0, 1).is_err()));
    assert_eq!(unpacked.load(Ordering::Relaxed), 1, "it is unpacked once");
    let zeros = spool.unpacked(50 << 20, Arc::new(|| io::repeat(0).take(50 << 20)));
    assert_eq!(read_exact(&*zeros, 49 << 20, 3).unwrap(), [0; 3], "zeros take no space");
}

#[test]
fn an_interruption_ends_unpacking_and_leaves_nothing() {
    let (_folder, spool) = spool(DISK);
    let whole = spool.unpacked(100_000, Arc::new(|| io::repeat(7).take(100_000)));
    assert_eq!(read_exact(&*whole, 0, 1000).unwrap(), [7; 1000]);
    // The flag is set while a file of 16 TiB is unpacked.
    let interrupt = Arc::clone(&spool.place.interrupt);
    let endless = move || {
        interrupt.store(true, Ordering::Relaxed);
        io::repeat(0).take(1 << 44)
    };
    let endless: Arc<dyn Packed> = Arc::new(endless);
    let source = spool.unpacked(1 << 44, Arc::clone(&endless));
    assert!(!spool.gave_up());
    let error = read_exact(&*source, 0, 1).unwrap_err();
    assert!(error.to_string().contains("was interrupted") && spool.gave_up(), "{error}");
    assert_ne!(error.kind(), io::ErrorKind::Interrupted, "the read would be repeated");
    assert!(spool.unpacked_now(1 << 44, endless).is_err());
    assert_eq!(read_exact(&*whole, 0, 1000).unwrap(), [7; 1000], "what is there can be read");
    drop(whole);
    assert_eq!((used(&spool.memory), used(&spool.disk)), (0, 0));
}

/// A reader that fails at once.
struct Fails;

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("bad block"))
    }
}

#[test]
fn bytes_before_a_fault_can_be_read() {
    let (_folder, spool) = spool(DISK);
    let failing = Arc::new(|| io::repeat(7).take(100_000).chain(Fails));
    let source = spool.unpacked(200_000, failing.clone());
    assert_eq!(read_exact(&*source, 99_000, 1000).unwrap(), [7; 1000]);
    let error = read_exact(&*source, 99_500, 1000).unwrap_err().to_string();
    assert_eq!(error, "unpacking failed: bad block");
    assert_eq!(source.flaw().unwrap(), error);
    // A wrong checksum shows at the end, when all bytes are there.
    let source = spool.unpacked(100_000, failing.clone());
    assert_eq!(read_exact(&*source, 0, 100_000).unwrap(), vec![7; 100_000]);
    assert_eq!(source.flaw().unwrap(), error);
    let short = spool.unpacked(100_001, Arc::new(|| io::repeat(7).take(100_000)));
    assert_eq!(read_exact(&*short, 0, 100_000).unwrap(), vec![7; 100_000]);
    assert!(read_exact(&*short, 100_000, 1).unwrap_err().to_string().contains("found 100000"));
    let long = spool.unpacked(99_999, Arc::new(|| io::repeat(7).take(100_000)));
    assert_eq!(read_exact(&*long, 0, 99_999).unwrap(), vec![7; 99_999]);
    assert!(long.flaw().unwrap().contains("as the archive states, found more"));
    let endless = spool.unpacked_now(99_999, Arc::new(|| io::repeat(7).take(100_000))).unwrap();
    assert_eq!(endless.flaw().unwrap(), "expected at most 99999 bytes, found more; they are not read");
    let now = spool.unpacked_now(1 << 20, failing).unwrap();
    assert_eq!((now.size(), now.flaw()), (100_000, Some(error)));
}
