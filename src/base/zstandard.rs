//! Compresses and decompresses streams with zstd. This module is the only user of the crate `zstd`.

use std::io::{self, BufRead, Write};

/// A writer that compresses what is written to it with zstd.
/// [`Packer::finish`](zstd::Encoder::finish) ends the stream.
pub(crate) type Packer<W> = zstd::Encoder<'static, W>;
/// A reader that decompresses a zstd stream.
pub(crate) type Unpacker<R> = zstd::Decoder<'static, R>;

/// The zstd compression level: the lowest positive one, which is the fastest of the ordinary
/// levels. At this level, compressing is as fast as writing to a disk.
const LEVEL: i32 = 1;

/// The base-2 logarithm of the number of decompressed bytes that a reader keeps in memory, because
/// later bytes can refer to them. The number is small, because `dnsweep merge` reads thousands of
/// streams at once.
const WINDOW_LOG: u32 = 17;

/// Returns a writer that compresses what is written to it with zstd, with a checksum at the end of
/// the stream, and writes it to `writer`.
pub(crate) fn packer<W: Write>(writer: W) -> io::Result<Packer<W>> {
    let mut packer = zstd::Encoder::new(writer, LEVEL)?;
    packer.window_log(WINDOW_LOG)?;
    packer.include_checksum(true)?;
    Ok(packer)
}

/// Returns a reader that decompresses the zstd stream in `reader`. It fails where the stream is cut
/// off or damaged.
pub(crate) fn unpacker<R: BufRead>(reader: R) -> io::Result<Unpacker<R>> {
    zstd::Decoder::with_buffer(reader)
}
