//! Packed files: single files that gzip or Zstandard has packed as a whole, such as `logs.tar.gz`.

use std::io;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::evidence::layer::{Cursor, SharedSource};
use crate::evidence::spool::{Consume, Packed};

/// The format in which a packed file is packed: gzip or Zstandard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// The file is packed with gzip (RFC 1952). Several gzip streams in one file are unpacked one
    /// after the other, as one file.
    Gzip,
    /// The file is packed with Zstandard (RFC 8878).
    Zstandard,
}

/// The largest window of a Zstandard frame that is unpacked, as a power of two in bytes. Unpacking
/// needs this much memory: 256 MiB. A frame with a larger window is an error.
const MOST_ZSTANDARD_WINDOW: u32 = 28;

/// A file that was packed as a whole, with its packed bytes and the format in which they are
/// packed.
pub(super) struct PackedWhole {
    pub packing: Packing,
    pub source: SharedSource,
}

impl Packed for PackedWhole {
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
        let cursor = Cursor::new(Arc::clone(&self.source));
        match self.packing {
            Packing::Gzip => consume(&mut MultiGzDecoder::new(cursor)),
            Packing::Zstandard => {
                let mut decoder = zstd::Decoder::new(cursor)?;
                decoder.window_log_max(MOST_ZSTANDARD_WINDOW)?;
                consume(&mut decoder)
            }
        }
    }
}

/// Returns the name of the file in a packed file, made of the packed file's name: `a.evtx` for
/// `a.evtx.gz`, and `a.tar` for `a.tgz`. A name without a known ending is returned as it is.
#[must_use]
pub fn unpacked_name(name: &[u8]) -> Vec<u8> {
    let endings: [(&[u8], &[u8]); 5] =
        [(b".gz", b""), (b".zst", b""), (b".tgz", b".tar"), (b".tzst", b".tar"), (b".z", b"")];
    for (ending, replacement) in endings {
        let stem = name.len().checked_sub(ending.len()).filter(|length| *length > 0);
        if let Some((stem, end)) = stem.and_then(|length| name.split_at_checked(length))
            && end.eq_ignore_ascii_case(ending)
        {
            return [stem, replacement].concat();
        }
    }
    name.to_vec()
}
