//! The deflate format (RFC 1951), and the checksum CRC-32. This module is the only user of the
//! crate `flate2`; other modules import from here what they need of it.

use std::io::Write;

use flate2::Compression;
pub(crate) use flate2::read::{DeflateDecoder, MultiGzDecoder};
pub(crate) use flate2::write::ZlibEncoder as Compressor;
pub(crate) use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Returns a writer that deflates what is written to it, in the zlib format (RFC 1950), and writes
/// the result to `to`. The same bytes always give the same result.
pub(crate) fn compressor<W: Write>(to: W) -> Compressor<W> {
    Compressor::new(to, Compression::new(LEVEL))
}

/// The deflate compression level, from 0 to 9. Higher levels take several times as long, and make
/// the result only a few percent smaller.
const LEVEL: u32 = 3;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn what_is_compressed_is_smaller_and_is_inflated_again() {
        let bytes = b"0123456789".repeat(1000);
        let mut to = compressor(Vec::new());
        to.write_all(&bytes).unwrap();
        let packed = to.finish().unwrap();
        assert!(packed.len() < 100, "{}", packed.len());
        let mut read = Vec::new();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}
