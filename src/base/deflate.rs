//! The deflate format (RFC 1951), and the checksum CRC-32. This is the only user of `flate2`; other
//! modules take from here what they need of it.

use std::io::Write;

use flate2::Compression;
pub(crate) use flate2::read::{DeflateDecoder, MultiGzDecoder};
use flate2::write::ZlibEncoder;
pub(crate) use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Returns `bytes` deflated, in the zlib format (RFC 1950). The same bytes always give the same
/// result.
pub(crate) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn what_is_compressed_is_smaller_and_is_inflated_again() {
        let bytes = b"0123456789".repeat(1000);
        let packed = compressed(&bytes);
        assert!(packed.len() < 100, "{}", packed.len());
        let mut read = Vec::new();
        ZlibDecoder::new(packed.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}
