//! Inflating the packed blocks of a disk image on several threads, with buffers that are used
//! again.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use crate::base::deflate::{Decompress, FlushDecompress, Status};
use crate::base::zstandard::unpacker;

use crate::evidence::layer::Source;

/// An inflater, and a buffer for the packed bytes of one block of a disk image. One thread uses it
/// at a time.
pub(super) struct Worker {
    inflater: Decompress,
    packed: Vec<u8>,
}

/// The inflaters of a disk image that no thread uses at the moment. A new one is made only if a
/// read needs one and none is idle.
#[derive(Default)]
pub(super) struct Workers(Mutex<Vec<Worker>>);

impl Workers {
    /// Calls `work` with an idle inflater, or with a new one if none is idle.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Worker) -> R) -> R {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut worker =
            idle.unwrap_or_else(|| Worker { inflater: Decompress::new(true), packed: Vec::new() });
        let result = work(&mut worker);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        result
    }
}

impl Worker {
    /// Reads `length` packed bytes at the offset `offset` of `source` into the worker's buffer.
    /// Fails if `source` ends before the last of them. The buffer takes `length` bytes of memory,
    /// so that the caller must limit `length`.
    pub(super) fn read(&mut self, source: &dyn Source, offset: u64, length: usize) -> io::Result<()> {
        self.packed.resize(length, 0);
        let read = source.read_at(offset, &mut self.packed)?;
        self.packed.truncate(read);
        if read < length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("expected {length} packed bytes at byte {offset}, found {read}"),
            ));
        }
        Ok(())
    }

    /// Returns the bytes that `Worker::read` has last read, still packed.
    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// Inflates the packed bytes that the last call of `Worker::read` read, and writes the result
    /// to `into`. Returns how many bytes were written. Fails if the stream is damaged, if it gives
    /// more bytes than `into` has room for, or if the Adler-32 checksum of a stream with a zlib
    /// header is wrong.
    pub(super) fn inflate(&mut self, header: Header, into: &mut [u8]) -> Result<usize, String> {
        inflate(&mut self.inflater, header, &self.packed, into)
    }

    /// Unpacks the Zstandard frame at the start of the packed bytes that the last call of
    /// `Worker::read` read, and writes the result to `into`. Returns how many bytes were written.
    /// If the frame gives more bytes than `into` has room for, the rest is left out.
    pub(super) fn unpack_zstandard(&self, into: &mut [u8]) -> Result<usize, String> {
        let damaged = |error: io::Error| format!("a damaged Zstandard frame ({error})");
        let mut decoder = unpacker(self.packed.as_slice()).map_err(damaged)?;
        // A window of 8 MiB is more than a frame of one cluster needs.
        decoder.window_log_max(23).map_err(damaged)?;
        let (mut frame, mut filled) = (decoder.single_frame(), 0);
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match frame.read(rest).map_err(damaged)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

/// How a deflated stream begins: with a zlib header or with the first block of data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The stream begins with the two bytes of a zlib header (RFC 1950), and ends with an Adler-32
    /// checksum.
    Zlib,
    /// The stream has no header and no checksum (plain deflate, RFC 1951).
    None,
}

/// Inflates the bytes `packed` into `into` with `inflater`, and returns how many bytes were filled.
/// [`Worker::inflate`] calls it with the worker's own inflater and packed bytes.
fn inflate(
    inflater: &mut Decompress,
    header: Header,
    packed: &[u8],
    into: &mut [u8],
) -> Result<usize, String> {
    inflater.reset(header == Header::Zlib);
    match inflater.decompress(packed, into, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) => Ok(usize::try_from(inflater.total_out()).unwrap_or(into.len())),
        Ok(Status::Ok | Status::BufError) => {
            let (length, out) = (into.len(), inflater.total_out());
            Err(format!("a deflated stream that does not end within {length} bytes (inflated {out})"))
        }
        Err(error) => Err(format!("a damaged deflated stream ({error})")),
    }
}

/// Inflates a zlib stream of unknown length, such as a text in the header of an image. Returns at
/// most `limit` bytes; the rest is left out. If the stream is damaged, returns the bytes before the
/// damage.
pub(super) fn inflate_text(packed: &[u8], limit: usize) -> Vec<u8> {
    let mut inflater = Decompress::new(true);
    let mut text = vec![0; limit.min(packed.len().saturating_mul(1032))];
    // Damage shows as a shorter text.
    let _ = inflater.decompress(packed, &mut text, FlushDecompress::Finish);
    text.truncate(usize::try_from(inflater.total_out()).unwrap_or(0));
    text
}
