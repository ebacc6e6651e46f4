//! Builds E01 and Ex01 images, and makes the checksums of changed ones right again.

use simd_adler32::adler32;

use super::super::Folder;
use super::deflated;

/// Returns an E01 of `disk` in `segments` files. Its EWF chunks (blocks of the disk) have 4,096
/// bytes. Every second chunk is deflated; the others are stored as they are.
pub fn e01(disk: &[u8], segments: usize) -> Folder {
    let chunks: Vec<&[u8]> = disk.chunks(4096).collect();
    let per_segment = chunks.len().div_ceil(segments);
    let mut folder = Folder::default();
    for (number, chunks) in chunks.chunks(per_segment).enumerate() {
        let last = number + 1 == segments;
        let mut out = b"EVF\x09\x0d\x0a\xff\x00\x01".to_vec();
        out.extend(u16::try_from(number + 1).unwrap().to_le_bytes());
        out.extend([0; 2]);
        if number == 0 {
            let text = b"1\r\nmain\r\na\tm\r\nHOST-7\t2024 1 2 3 4 5\r\n\r\n";
            section(&mut out, "header", &deflated(text));
            section(&mut out, "volume", &volume(disk.len()));
        }
        chunk_sections(&mut out, chunks);
        if last {
            let mut errors = 1_u32.to_le_bytes().to_vec();
            errors.resize(516, 0);
            let mut errors = with_sum(errors);
            errors.extend(with_sum([2_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat()));
            section(&mut out, "error2", &errors);
            let digest = [vec![0x11; 16], vec![0x22; 20], vec![0; 40]].concat();
            section(&mut out, "digest", &with_sum(digest));
        }
        section(&mut out, if last { "done" } else { "next" }, &[]);
        folder.0.insert(format!("disk.E{:02}", number + 1), out);
    }
    folder
}

fn volume(size: usize) -> Vec<u8> {
    let mut volume = vec![0; 1048];
    volume[4..8].copy_from_slice(&u32::try_from(size.div_ceil(4096)).unwrap().to_le_bytes());
    volume[8..12].copy_from_slice(&8_u32.to_le_bytes());
    volume[12..16].copy_from_slice(&512_u32.to_le_bytes());
    volume[16..24].copy_from_slice(&(size as u64 / 512).to_le_bytes());
    with_sum(volume)
}

fn chunk_sections(out: &mut Vec<u8>, chunks: &[&[u8]]) {
    let (base, mut data, mut entries) = (out.len() as u64, Vec::new(), Vec::new());
    for (number, chunk) in chunks.iter().enumerate() {
        let offset = u32::try_from(data.len() + 76).unwrap();
        if number % 2 == 0 {
            entries.extend(offset.to_le_bytes());
            data.extend(with_sum(chunk.to_vec()));
        } else {
            entries.extend((offset | 1 << 31).to_le_bytes());
            data.extend(deflated(chunk));
        }
    }
    section(out, "sectors", &data);
    let mut table = u32::try_from(chunks.len()).unwrap().to_le_bytes().to_vec();
    table.resize(8, 0);
    table.extend(base.to_le_bytes());
    table.resize(20, 0);
    let table = [with_sum(table), with_sum(entries)].concat();
    section(out, "table", &table);
    section(out, "table2", &table);
}

/// Appends a section of an E01 to `out`: a descriptor and `data`. The descriptor states that the
/// next section follows directly, except in the last section of a file (`next` or `done`), where it
/// refers to the section itself.
fn section(out: &mut Vec<u8>, kind: &str, data: &[u8]) {
    let mut head = kind.as_bytes().to_vec();
    head.resize(16, 0);
    let length = data.len() as u64 + 76;
    let next = if matches!(kind, "next" | "done") { 0 } else { length } + out.len() as u64;
    head.extend(next.to_le_bytes());
    head.extend(length.to_le_bytes());
    head.resize(72, 0);
    out.extend(with_sum(head));
    out.extend(data);
}

/// The offsets, in a file of an E01, of the first EWF chunk (block of the disk) and of the
/// descriptors of the first sections `table` and `table2`.
pub struct E01Places {
    pub chunks: usize,
    pub table: usize,
    pub table2: usize,
}

pub fn e01_places(file: &[u8]) -> E01Places {
    let find = |kind: &[u8]| file.windows(kind.len()).position(|window| window == kind).unwrap();
    E01Places {
        chunks: find(b"sectors\0\0\0\0\0\0\0\0\0") + 76,
        table: find(b"table\0\0\0\0\0\0\0\0\0\0\0"),
        table2: find(b"table2\0\0\0\0\0\0\0\0\0\0"),
    }
}

/// Returns an Ex01 of `disk` in `segments` files. Its EWF chunks (blocks of the disk) have 4,096
/// bytes. Even chunks are stored as they are, chunks of zeros as a repeated pattern, and all others
/// deflated.
pub fn ex01(disk: &[u8], segments: usize) -> Folder {
    let chunks: Vec<&[u8]> = disk.chunks(4096).collect();
    let per_segment = chunks.len().div_ceil(segments);
    let mut folder = Folder::default();
    for (number, chunks) in chunks.chunks(per_segment).enumerate() {
        let last = number + 1 == segments;
        let mut out = b"EVF2\x0d\x0a\x81\x00\x02\x01\x01\x00".to_vec();
        out.extend(u32::try_from(number + 1).unwrap().to_le_bytes());
        out.extend([7; 16]);
        let mut before = 0;
        if number == 0 {
            let sectors = disk.len() / 512;
            let device = format!("1\nmain\nts\tbp\n{sectors}\t512\n\n");
            section2(&mut out, 1, &wide_text(&device), &mut before);
            let case = "1\nmain\nnm\tcn\tat\tsb\nHOST-7\t\t1732881600\t8\n\n";
            section2(&mut out, 2, &wide_text(case), &mut before);
        }
        let (mut data, mut entries) = (Vec::new(), Vec::new());
        for (number, chunk) in chunks.iter().enumerate() {
            let offset = out.len() + data.len();
            let (stored, bits) = match number {
                _ if chunk.iter().all(|byte| *byte == 0) => (Vec::new(), 5_u32),
                even if even % 2 == 0 => (with_sum(chunk.to_vec()), 2),
                _ => (deflated(chunk), 3),
            };
            entries.extend(if bits == 5 { 0 } else { offset as u64 }.to_le_bytes());
            entries.extend(u32::try_from(stored.len()).unwrap().to_le_bytes());
            entries.extend(bits.to_le_bytes());
            data.extend(stored);
            data.resize(data.len().next_multiple_of(16), 0);
        }
        section2(&mut out, 3, &data, &mut before);
        let mut table = (number as u64 * per_segment as u64).to_le_bytes().to_vec();
        table.extend((chunks.len() as u64).to_le_bytes());
        let mut table = with_sum(table);
        table.resize(32, 0);
        table.extend(with_sum(entries));
        table.resize(table.len() + 12, 0);
        section2(&mut out, 4, &table, &mut before);
        if last {
            let mut errors = with_sum([1_u64.to_le_bytes(), [0; 8]].concat());
            errors.resize(32, 0);
            errors.extend(with_sum([2_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat()));
            section2(&mut out, 5, &errors, &mut before);
            section2(&mut out, 8, &with_sum(vec![0x11; 16]), &mut before);
            section2(&mut out, 9, &with_sum(vec![0x22; 20]), &mut before);
        }
        section2(&mut out, if last { 0xf } else { 0xd }, &[], &mut before);
        folder.0.insert(format!("disk.Ex{:02}", number + 1), out);
    }
    folder
}

/// Appends a section of an Ex01 to `out`: `data`, and the descriptor that follows it. `before` is
/// the offset of the previous section's descriptor, and is set to the offset of this one.
fn section2(out: &mut Vec<u8>, kind: u32, data: &[u8], before: &mut u64) {
    out.extend(data);
    let at = out.len() as u64;
    let mut head = [kind.to_le_bytes(), 0_u32.to_le_bytes()].concat();
    head.extend(before.to_le_bytes());
    head.extend((data.len() as u64).to_le_bytes());
    head.extend(64_u32.to_le_bytes());
    head.resize(60, 0);
    out.extend(with_sum(head));
    *before = at;
}

fn wide_text(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    deflated(&[&[0xff, 0xfe], bytes.as_slice()].concat())
}

fn with_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = adler32(&bytes.as_slice());
    bytes.extend(sum.to_le_bytes());
    bytes
}

pub fn put_e01_sums(bytes: &mut [u8]) {
    let mut at = 13_usize;
    while at.saturating_add(76) <= bytes.len() {
        put_sum(bytes, at, 72);
        let data = at + 76;
        if bytes[at..].starts_with(b"table") {
            put_sum(bytes, data, 20);
            put_sum(bytes, data + 24, number(bytes, data, 4).saturating_mul(4));
        } else if bytes[at..].starts_with(b"volume") {
            put_sum(bytes, data, 1048);
        } else if bytes[at..].starts_with(b"error2") {
            put_sum(bytes, data, 516);
        }
        let next = number(bytes, at + 16, 8);
        if next <= at {
            break;
        }
        at = next;
    }
}

pub fn put_ex01_sums(bytes: &mut [u8]) {
    let Some(mut at) = bytes.len().checked_sub(64) else { return };
    loop {
        put_sum(bytes, at, 60);
        let (kind, before, size) =
            (number(bytes, at, 4), number(bytes, at + 8, 8), number(bytes, at + 16, 8));
        if let Some(data) = at.checked_sub(size).filter(|_| kind == 4 || kind == 5) {
            put_sum(bytes, data, 16);
            // A table of chunks has the number of its first chunk before that of its entries.
            let count = number(bytes, if kind == 4 { data + 8 } else { data }, 4);
            put_sum(bytes, data + 32, count.saturating_mul(16));
        }
        if before == 0 || before.saturating_add(64) > at {
            break;
        }
        at = before;
    }
}

/// Writes the Adler-32 of the `length` bytes from `start` on into the four bytes that follow them.
/// Does nothing if `bytes` ends before that.
fn put_sum(bytes: &mut [u8], start: usize, length: usize) {
    let end = start.saturating_add(length);
    if bytes.len() >= end.saturating_add(4) {
        let sum = adler32(&&bytes[start..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    let field = at.checked_add(length).and_then(|end| bytes.get(at..end)).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
