//! Tests of lists of shadow copies that have no end, or too many entries: reading must end at a
//! limit.

use std::sync::atomic::{AtomicU64, Ordering};

use super::damage::{two, write};
use super::*;
use crate::evidence::layer::Source;
use crate::evidence::source::LogBytes;
use crate::evidence::volume::vss::catalog::MOST_SNAPSHOTS;
use crate::evidence::volume::vss::store::StoreReader;

/// A volume on which the lists that shadow copies keep in linked blocks have no end. After the
/// volume's header of shadow copies, each block of 16 KiB states that the list goes on in the block
/// after it.
struct Endless {
    /// The record type of all blocks, which says what list they are a part of: 2 for the catalog, 3
    /// for a block list.
    kind: u32,
    /// The 128 bytes that are repeated after the header of each block, up to the block's end.
    content: Vec<u8>,
    /// The number of bytes that were read from this volume.
    read: Arc<AtomicU64>,
}

impl LogBytes for Endless {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        let mut header = chain::IDENTIFIER.0.to_vec();
        let is_first = offset == 0x1e00;
        for number in [1, if is_first { 1 } else { self.kind }] {
            header.extend(number.to_le_bytes());
        }
        let next = if is_first { BLOCK_SIZE } else { offset + BLOCK_SIZE };
        for number in [0, offset, next, next] {
            header.extend(number.to_le_bytes());
        }
        header.resize(128, 0);
        for (to, from) in buffer.iter_mut().zip(header.iter().chain(self.content.iter().cycle())) {
            *to = *from;
        }
        Ok(buffer.len())
    }
}

impl Source for Endless {
    fn size(&self) -> u64 {
        1 << 46
    }
}

#[test]
fn chains_without_an_end_are_left_at_a_bound() {
    let read = Arc::new(AtomicU64::new(0));
    let volume: SharedSource = Arc::new(Endless { kind: 2, content: vec![0; 128], read: read.clone() });
    let copies = ShadowCopies::read(&volume).unwrap().unwrap();
    assert!(copies.listed().is_empty() && copies.snapshot(1).is_err());
    let [problem] = copies.catalog_problems() else { panic!("one problem") };
    assert_eq!(problem.kind, ProblemKind::TooLong { chain: "catalog", most: 1024 });
    assert!(read.load(Ordering::Relaxed) <= 16 << 20 | 1024);

    let list = read_bytes(two().bytes()).shared.listed.clone();
    let content = [20 * BLOCK_SIZE, 7, 30 * BLOCK_SIZE, 0].map(u64::to_le_bytes).concat();
    let volume = Endless { kind: 3, content, read: Arc::default() };
    let stores = StoreReader::with_blocks(&volume, 10).read_all(&list);
    let chains = [&stores[1], &stores[0]].map(|store| store.problems[0].kind.clone());
    let too_long = |most| ProblemKind::TooLong { chain: "block list", most };
    assert_eq!(chains, [too_long(10), too_long(0)], "the newest comes first");
}

#[test]
fn no_more_snapshots_are_listed_than_a_bound() {
    // Each block of the catalog has 127 entries of the same snapshots, but for what counts up.
    let mut bytes = two().bytes();
    let blocks = 20_u64;
    let start = bytes.len() as u64;
    let header = bytes[16384..16384 + 128].to_vec();
    let template = bytes[16384 + 128..16384 + 256].to_vec();
    write(&mut bytes, &[(BLOCK_SIZE + 40, start)]);
    for block in 0..blocks {
        let at = bytes.len();
        bytes.extend(&header);
        let next = if block + 1 == blocks { 0 } else { start + (block + 1) * BLOCK_SIZE };
        bytes[at + 40..at + 48].copy_from_slice(&next.to_le_bytes());
        for entry in 0..127 {
            let at = bytes.len();
            bytes.extend(&template);
            bytes[at + 20..at + 28].copy_from_slice(&(block * 127 + entry).to_le_bytes());
        }
    }
    let copies = read_bytes(bytes);
    assert_eq!(copies.listed().len(), MOST_SNAPSHOTS);
    let problems = copies.catalog_problems();
    assert_eq!(
        problems.iter().map(|problem| &problem.kind).collect::<Vec<_>>(),
        [&ProblemKind::TooManySnapshots { most: MOST_SNAPSHOTS }]
    );
}
