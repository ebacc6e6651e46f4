//! Any disk image: it is refused, or its disk can be read at any offset; no panic, all that is read
//! ends, and problems lie within the disk.

use std::io;
use std::sync::Arc;

use dnsweep::internals::evidence::container::image::{self, ImageFormat, Siblings};
use dnsweep::internals::evidence::layer::{SharedSource, read_up_to};

/// A folder without further files.
struct Alone;

impl Siblings for Alone {
    fn open(&self, _: &str) -> io::Result<Option<SharedSource>> {
        Ok(None)
    }
}

/// The input is the file of an image of any format, as it is: a VHD, VMDK or QCOW2, whose tables
/// have no checksums.
pub fn check(data: &[u8]) {
    let first: SharedSource = Arc::new(data.to_vec());
    let format = ImageFormat::of(first.as_ref(), "image.raw").expect("all can be read");
    let Ok(image) = image::open(format, first, "image.raw", &Alone) else { return };
    let size = image.disk.size();
    for problem in &image.problems {
        assert!(problem.to_string().len() < 4096, "{problem}");
        let range = problem.range.clone().unwrap_or_default();
        assert!(range.start <= range.end && range.end <= size, "{problem}");
    }
    for offset in [0, 1, 511, 4095, 65_536, size / 2, size.saturating_sub(3), size, u64::MAX] {
        for length in [1, 512, 70_000] {
            if let Ok(read) = read_up_to(image.disk.as_ref(), offset, length) {
                assert_eq!(read.len() as u64, size.saturating_sub(offset).min(length as u64));
            }
        }
    }
}

/// The input is the only segment of an E01, whose checksums are made right: without that, no change
/// of a section or a table would be looked at.
pub fn check_ewf(data: &[u8]) {
    let mut bytes = b"EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00".to_vec();
    bytes.extend(data);
    let mut at = 13;
    while at + 76 <= bytes.len() {
        put_adler32(&mut bytes, at, 72);
        let data = at + 76;
        let kind = bytes.get(at..at + 6).unwrap_or_default().to_vec();
        match kind.as_slice() {
            b"table\0" | b"table2" => {
                put_adler32(&mut bytes, data, 20);
                let entries = number(&bytes, data, 4).saturating_mul(4);
                put_adler32(&mut bytes, data + 24, entries);
            }
            b"volume" => put_adler32(&mut bytes, data, 1048),
            b"error2" => put_adler32(&mut bytes, data, 516),
            _ => {}
        }
        let next = number(&bytes, at + 16, 8);
        if next <= at {
            break;
        }
        at = next;
    }
    check(&bytes);
}

/// The little-endian number of `length` bytes at `at`; 0 outside the bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    let field = at.checked_add(length).and_then(|end| bytes.get(at..end)).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Puts the Adler-32 of the `length` bytes from `start` on after them, if there is room.
fn put_adler32(bytes: &mut [u8], start: usize, length: usize) {
    let Some(end) = start.checked_add(length) else { return };
    let Some(covered) = bytes.get(start..end) else { return };
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in covered {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let sum = high << 16 | low;
    if let Some(field) = bytes.get_mut(end..).and_then(|rest| rest.first_chunk_mut()) {
        *field = sum.to_le_bytes();
    }
}
