//! LZNT1, the compression of NTFS.

/// The size of a chunk of LZNT1 (the compression of NTFS) after decompression, in bytes.
const CHUNK: usize = 4096;

/// Decompresses `data`, which LZNT1 has compressed, into `out`, which must contain only zeros. If
/// `data` ends before `out` is full, the rest of `out` stays zeros, as LZNT1 requires. If `data` is
/// damaged, the error is the number of bytes of `out` that are right: those before the damaged
/// chunk.
pub(super) fn decompress(mut data: &[u8], out: &mut [u8]) -> Result<(), usize> {
    for (place, chunk) in out.chunks_mut(CHUNK).enumerate() {
        let Some((head, rest)) = data.split_first_chunk() else { return Ok(()) };
        let head = u16::from_le_bytes(*head);
        if head == 0 {
            return Ok(());
        }
        let damaged = place * CHUNK;
        let (body, rest) = rest.split_at_checked(usize::from(head & 0xFFF) + 1).ok_or(damaged)?;
        data = rest;
        if head & 0x8000 != 0 {
            decompress_chunk(body, chunk).ok_or(damaged)?;
        } else {
            let length = body.len().min(chunk.len());
            chunk
                .get_mut(..length)
                .unwrap_or_default()
                .copy_from_slice(body.get(..length).unwrap_or_default());
        }
    }
    Ok(())
}

/// Decompresses one chunk of LZNT1 into `out`. The chunk consists of groups of eight items, each of
/// which is a byte or a reference to earlier bytes of the decompressed chunk. Returns `None` if a
/// reference is cut off or points to before the start of the chunk.
fn decompress_chunk(mut data: &[u8], out: &mut [u8]) -> Option<()> {
    let mut length = 0;
    while let Some((flags, rest)) = data.split_first() {
        data = rest;
        for bit in 0..8 {
            if data.is_empty() || length >= out.len() {
                break;
            }
            if flags >> bit & 1 == 0 {
                let (byte, rest) = data.split_first()?;
                *out.get_mut(length)? = *byte;
                (data, length) = (rest, length + 1);
            } else {
                let (reference, rest) = data.split_first_chunk()?;
                data = rest;
                length = copy(out, length, u16::from_le_bytes(*reference))?;
            }
        }
    }
    Some(())
}

/// Appends to the first `length` bytes of `out`, which are decompressed, the earlier bytes that
/// `reference` points to. Returns the new length. Returns `None` if the reference points to before
/// the start of `out`.
fn copy(out: &mut [u8], length: usize, reference: u16) -> Option<usize> {
    // The further the chunk is decompressed, the more bits the distance needs, and the fewer are
    // left for the count.
    let mut count_bits = 12;
    while count_bits > 4 && 1 << (16 - count_bits) < length {
        count_bits -= 1;
    }
    let count = usize::from(reference & ((1 << count_bits) - 1)) + 3;
    let distance = usize::from(reference >> count_bits) + 1;
    let start = length.checked_sub(distance)?;
    let end = (length + count).min(out.len());
    // Byte by byte: the bytes that are copied may be among those that are written.
    for place in length..end {
        let byte = *out.get(start + (place - length))?;
        *out.get_mut(place)? = byte;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Compresses `data` by LZNT1 (the compression of NTFS), into chunks of literal bytes and
    /// references to earlier bytes, by the simplest search for references.
    fn compress(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in data.chunks(CHUNK) {
            let mut body = Vec::new();
            let mut at = 0;
            while at < chunk.len() {
                let flags = body.len();
                body.push(0);
                for bit in 0..8 {
                    if at >= chunk.len() {
                        break;
                    }
                    let count_bits = (4..=12).rev().find(|bits| 1 << (16 - bits) >= at).unwrap();
                    let most = ((1 << count_bits) + 2).min(chunk.len() - at);
                    let common = |from: usize| {
                        (0..most).take_while(|place| chunk[from + place] == chunk[at + place]).count()
                    };
                    let best = (at.saturating_sub(1 << (16 - count_bits))..at)
                        .filter(|from| chunk[*from] == chunk[at])
                        .max_by_key(|from| common(*from));
                    if let Some(from) = best.filter(|from| common(*from) >= 3) {
                        let item = (at - from - 1) << count_bits | (common(from) - 3);
                        body.extend(u16::try_from(item).unwrap().to_le_bytes());
                        body[flags] |= 1 << bit;
                        at += common(from);
                    } else {
                        body.push(chunk[at]);
                        at += 1;
                    }
                }
            }
            let (flag, body) = if body.len() < CHUNK { (0xB000, body) } else { (0x3000, chunk.to_vec()) };
            out.extend((flag | u16::try_from(body.len() - 1).unwrap()).to_le_bytes());
            out.extend(body);
        }
        out
    }

    #[test]
    fn the_example_of_the_format_document() {
        let data = b"\x38\xb0\x88F# aaaaaaaaaaaaaaa";
        let mut out = [0; 8];
        assert_eq!(decompress(&data[..3], &mut out), Err(0));
        // "#" and 18 repetitions of it, then the end of data.
        let data = [0x04, 0xB0, 0b10, b'#', 0x0F, 0x00, b'!', 0, 0];
        let mut out = [0; 24];
        assert_eq!(decompress(&data, &mut out), Ok(()));
        assert_eq!(&out, b"###################!\0\0\0\0");
    }

    #[test]
    fn damage_is_told_by_the_chunk_that_it_is_in() {
        let data = compress(&[b'x'; 3 * CHUNK]);
        let length = data.len() / 3;
        let mut out = vec![0; 3 * CHUNK];
        assert_eq!(decompress(&data[..data.len() - 1], &mut out), Err(2 * CHUNK));
        // A reference to before the chunk.
        let mut odd = data.clone();
        odd[length + 2] = 1;
        assert_eq!(decompress(&odd, &mut out), Err(CHUNK));
        // Data that ends with a chunk means zeros.
        let mut out = vec![0; 3 * CHUNK];
        assert_eq!(decompress(&data[..length], &mut out), Ok(()));
        assert!(out[..CHUNK].iter().all(|byte| *byte == b'x') && out[CHUNK..].iter().all(|byte| *byte == 0));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(words in prop::collection::vec(prop::collection::vec(0..4_u8, 1..60), 0..200), times in 1..4_usize) {
            let data: Vec<u8> = words.concat().repeat(times);
            let mut out = vec![0; data.len()];
            prop_assert_eq!(decompress(&compress(&data), &mut out), Ok(()));
            prop_assert_eq!(out, data);
        }

        #[test]
        fn any_bytes_are_decompressed_or_refused(data: Vec<u8>, size in 0..20_000_usize) {
            let mut out = vec![0; size];
            if let Err(right) = decompress(&data, &mut out) {
                prop_assert!(right < size);
            }
        }
    }
}
