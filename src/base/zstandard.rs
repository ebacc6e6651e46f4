//! zstd: packing and unpacking of streams. The only user of the crate `zstd`.

use std::io::{self, BufRead, Write};

/// Packs what is written to it. [`Packer::finish`](zstd::Encoder::finish) ends the stream.
pub(crate) type Packer<W> = zstd::Encoder<'static, W>;
/// Unpacks what it reads.
pub(crate) type Unpacker<R> = zstd::Decoder<'static, R>;

/// The level of compression: the fastest ordinary one, at which packing is as fast as a disk.
const LEVEL: i32 = 1;

/// The base-2 logarithm of the most bytes back at which a reader must look, which it keeps in memory.
/// It is small, because a merge reads thousands of files at once.
const WINDOW_LOG: u32 = 17;

/// Returns a writer that packs what is written to it, with a checksum at the end of the stream, and
/// writes it to `writer`.
pub(crate) fn packer<W: Write>(writer: W) -> io::Result<Packer<W>> {
    let mut packer = zstd::Encoder::new(writer, LEVEL)?;
    packer.window_log(WINDOW_LOG)?;
    packer.include_checksum(true)?;
    Ok(packer)
}

/// Returns a reader that unpacks what `reader` has. It fails where the stream is cut off or damaged.
pub(crate) fn unpacker<R: BufRead>(reader: R) -> io::Result<Unpacker<R>> {
    zstd::Decoder::with_buffer(reader)
}
