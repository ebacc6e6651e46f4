//! Files that one program packed whole: gzip and Zstandard.

use std::io;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::evidence::layer::{Cursor, SharedSource};
use crate::evidence::spool::{Consume, Packed};

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// RFC 1952; several members, one after the other, are one file.
    Gzip,
    /// RFC 8878.
    Zstandard,
}

/// The greatest window of a Zstandard frame, as a power of two in bytes: 256 MiB of memory.
const MOST_ZSTANDARD_WINDOW: u32 = 28;

/// A packed file.
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

/// The name of the unpacked file, from that of the packed one.
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
