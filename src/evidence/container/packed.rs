//! Packed files: single files that gzip, Zstandard, bzip2 or xz has packed as a whole, such as
//! `logs.tar.gz`.

use std::io::{self, BufReader};
use std::sync::Arc;

use bzip2::read::MultiBzDecoder;
use lzma_rust2::XzReader;

use super::MOST_DICTIONARY;
use crate::base::deflate::MultiGzDecoder;
use crate::base::zstandard::unpacker;
use crate::evidence::layer::{Cursor, SharedSource, read_up_to};
use crate::evidence::spool::{Consume, Packed};

/// The format in which a packed file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// The file is packed with gzip (RFC 1952). Several gzip streams in one file are unpacked one
    /// after the other, as one file.
    Gzip,
    /// The file is packed with Zstandard (RFC 8878).
    Zstandard,
    /// The file is packed with bzip2. Several bzip2 streams in one file are unpacked one after the
    /// other, as one file.
    Bzip2,
    /// The file is packed with xz. Several xz streams in one file are unpacked one after the other,
    /// as one file.
    Xz,
}

/// The largest window of a Zstandard frame that is unpacked, as the exponent of a power of two: 2²⁸
/// bytes. Unpacking needs this much memory, 256 MiB. A frame with a larger window is an error.
const MOST_ZSTANDARD_WINDOW: u32 = 28;
/// The largest window that Zstandard uses if it is not asked for more, as the exponent of a power
/// of two: 2²³ bytes, which is 8 MiB.
const USUAL_ZSTANDARD_WINDOW: u32 = 23;
/// The most memory that unpacking an xz file may take, in KiB: 256 MiB for the largest dictionary,
/// and 1 MiB for the rest. Unpacking a file that needs more fails.
const MOST_XZ_MEMORY: u32 = 257 << 10;
/// The memory that unpacking a bzip2 file takes at most, in bytes: 4 MiB. That is enough for four
/// bytes for each byte of the largest block of a bzip2 file, which has 900,000.
const BZIP2_MEMORY: u64 = 4 << 20;

/// A file that was packed as a whole: its packed bytes, and the format in which they are packed.
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
                let mut decoder = unpacker(BufReader::new(cursor))?;
                decoder.window_log_max(self.zstandard_window())?;
                consume(&mut decoder)
            }
            Packing::Bzip2 => consume(&mut MultiBzDecoder::new(cursor)),
            Packing::Xz => consume(&mut XzReader::new_mem_limit(cursor, true, MOST_XZ_MEMORY)),
        }
    }

    fn memory(&self) -> u64 {
        match self.packing {
            Packing::Gzip => 0,
            Packing::Bzip2 => BZIP2_MEMORY,
            Packing::Zstandard => 1 << self.zstandard_window(),
            Packing::Xz => MOST_DICTIONARY,
        }
    }
}

impl PackedWhole {
    /// Returns the largest window that frames of this Zstandard file may have, as the exponent of a
    /// power of two in bytes. It is the window of the first frame, rounded up, but at least
    /// [`USUAL_ZSTANDARD_WINDOW`] and at most [`MOST_ZSTANDARD_WINDOW`]. If the first frame states
    /// no window, it is `MOST_ZSTANDARD_WINDOW`.
    fn zstandard_window(&self) -> u32 {
        // Frame_Header_Descriptor, then Window_Descriptor (RFC 8878, section 3.1.1.1), after the
        // magic number. A frame without a window descriptor is one segment, and states its size.
        let head = read_up_to(&*self.source, 0, 14).unwrap_or_default();
        let field = |at: usize| head.get(at).copied().unwrap_or(0);
        let is_single_segment = field(4) & 0x20 != 0;
        let window = if is_single_segment {
            MOST_ZSTANDARD_WINDOW
        } else {
            // Above the power of two, the window can have up to seven eighths more.
            10 + u32::from(field(5) >> 3) + u32::from(field(5) & 7 != 0)
        };
        window.clamp(USUAL_ZSTANDARD_WINDOW, MOST_ZSTANDARD_WINDOW)
    }
}

/// Returns the name of the file in a packed file, derived from the packed file's name: `a.evtx` for
/// `a.evtx.gz`, and `a.tar` for `a.tgz`. A name without a known ending is returned unchanged.
#[must_use]
pub fn unpacked_name(name: &[u8]) -> Vec<u8> {
    let endings: [(&[u8], &[u8]); 9] = [
        (b".gz", b""),
        (b".zst", b""),
        (b".bz2", b""),
        (b".xz", b""),
        (b".tgz", b".tar"),
        (b".tzst", b".tar"),
        (b".tbz2", b".tar"),
        (b".txz", b".tar"),
        (b".z", b""),
    ];
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
