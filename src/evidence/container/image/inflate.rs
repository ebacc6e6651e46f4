//! Inflating blocks on several threads without taking memory for each block.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress, Status};

use crate::evidence::layer::Source;

/// An inflater and a buffer for packed bytes.
pub(super) struct Worker {
    inflater: Decompress,
    packed: Vec<u8>,
}

/// The workers of an image: one for each thread that reads at the same time.
#[derive(Default)]
pub(super) struct Workers(Mutex<Vec<Worker>>);

impl Workers {
    /// Calls `work` with a worker that is idle, or with a new one.
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
    /// Reads the `length` packed bytes at `offset` of `source`. Fails if the source ends before;
    /// the caller bounds `length`.
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

    /// The packed bytes that were read last.
    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// Inflates the packed bytes that were read last. Returns how many bytes of `into` were
    /// filled. A stream with a zlib header ends with an Adler-32, which is verified. Fails if the
    /// stream is damaged or longer than `into`.
    pub(super) fn inflate(&mut self, header: Header, into: &mut [u8]) -> Result<usize, String> {
        inflate(&mut self.inflater, header, &self.packed, into)
    }

    /// Unpacks the Zstandard frame at the start of the packed bytes that were read last. Returns
    /// how many bytes of `into` were filled; less than the frame has if `into` is shorter.
    pub(super) fn unpack_zstandard(&self, into: &mut [u8]) -> Result<usize, String> {
        let damaged = |error: io::Error| format!("a damaged Zstandard frame ({error})");
        let mut decoder =
            zstd::stream::read::Decoder::with_buffer(self.packed.as_slice()).map_err(damaged)?;
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

/// How a deflated stream begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// With the two bytes of zlib, and an Adler-32 at its end.
    Zlib,
    /// With the first block: plain deflate, without a checksum.
    None,
}

/// Inflates `packed` into `into`, as [`Worker::inflate`] does.
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

/// Inflates a zlib stream of unknown length, such as a text in a header. What comes after `limit`
/// inflated bytes is left out; what was inflated before damage is returned.
pub(super) fn inflate_text(packed: &[u8], limit: usize) -> Vec<u8> {
    let mut inflater = Decompress::new(true);
    let mut text = vec![0; limit.min(packed.len().saturating_mul(1032))];
    // Damage shows as a shorter text.
    let _ = inflater.decompress(packed, &mut text, FlushDecompress::Finish);
    text.truncate(usize::try_from(inflater.total_out()).unwrap_or(0));
    text
}
