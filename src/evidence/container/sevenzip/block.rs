//! A block of a 7z archive: bytes that are packed together, and the parts of the block, each of
//! which is a file. A part can only be unpacked after the parts before it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::coder::{Stage, Unpacked};
use super::key::{Key, Keys};
use crate::base::deflate::Crc;
use crate::evidence::container::{MOST_UNPACKED, no_password};
use crate::evidence::layer::{Cursor, SharedSource, Slice};
use crate::evidence::spool::{Consume, Packed};

/// One file's bytes in a block of a 7z archive. A block has the bytes of files that are packed
/// together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The offset of the part (a file in a block of a 7z archive) in the unpacked block, in bytes.
    pub start: u64,
    /// The size of the part, which is a file in a block of a 7z archive, in unpacked bytes.
    pub size: u64,
    /// The CRC-32 of the part (a file in a block of a 7z archive), as the archive states it. `None`
    /// if the archive does not state it.
    pub checksum: Option<u32>,
}

impl Part {
    fn end(&self) -> u64 {
        self.start + self.size
    }
}

/// A block of a 7z archive: bytes that are packed together, usually of several files.
pub(super) struct Block {
    archive: SharedSource,
    /// The range of the 7z archive that contains the packed bytes of the block.
    packed: Range<u64>,
    stages: Result<Vec<Stage>, String>,
    /// The parts of the 7z block, each of which is a file, in the order of their offsets in the
    /// unpacked block and without gaps.
    pub parts: Vec<Part>,
    /// The key of a block of a 7z archive, which is found once, when it is first needed: `None` if
    /// the block is not encrypted, and an error if no password opens the block.
    key: OnceLock<Result<Option<Key>, String>>,
    /// What is wrong with the parts of the 7z block (its files) that were unpacked so far. The key
    /// is the position of the part in the block.
    flaws: Mutex<BTreeMap<usize, String>>,
}

impl Block {
    /// Returns a block of a 7z archive whose packed bytes lie in the range `packed` of the archive.
    /// `stages` are the stages of unpacking in the order in which they follow one another, or the
    /// reason why dnsweep cannot unpack the block.
    pub(super) fn new(
        archive: &SharedSource,
        packed: Range<u64>,
        stages: Result<Vec<Stage>, String>,
        parts: Vec<Part>,
    ) -> Self {
        let archive = Arc::clone(archive);
        Block { archive, packed, stages, parts, key: OnceLock::new(), flaws: Mutex::default() }
    }

    /// Returns the size of the unpacked 7z block in bytes.
    pub(super) fn size(&self) -> u64 {
        self.parts.last().map_or(0, Part::end)
    }

    /// Returns the memory in bytes that unpacking the 7z block needs.
    pub(super) fn memory(&self) -> u64 {
        self.stages.iter().flatten().map(Stage::memory).sum()
    }

    /// Returns the range of the archive that contains a part of the block (a file) as it is.
    /// Returns `None` if the block is packed or encrypted.
    pub(super) fn stored(&self, part: &Part) -> Option<Range<u64>> {
        let is_plain = self.stages.as_ref().is_ok_and(|stages| stages.iter().all(Stage::is_plain));
        let start = self.packed.start.saturating_add(part.start);
        (is_plain && self.packed.end - self.packed.start == self.size()).then(|| start..start + part.size)
    }

    /// Checks that the block can be unpacked: dnsweep undoes its methods of packing, its bytes lie
    /// in the archive, and one of the passwords opens it. Fails with the reason if not.
    pub(super) fn check(&self, keys: &Keys) -> Result<(), String> {
        self.stages.as_ref().map_err(String::clone)?;
        if self.packed.end > self.archive.size() {
            return Err(format!(
                "expected {} bytes at offset {}, found the archive's end",
                self.packed.end - self.packed.start,
                self.packed.start
            ));
        }
        if self.size() > MOST_UNPACKED {
            let size = self.size();
            return Err(format!(
                "expected at most {MOST_UNPACKED} bytes that are packed together, found {size}"
            ));
        }
        self.key(keys).map(drop)
    }

    /// Returns the key of the 7z block: `None` if the block is not encrypted. Fails with the reason
    /// if no password opens it.
    pub(super) fn key(&self, keys: &Keys) -> Result<Option<Key>, String> {
        let find = || {
            let stages = self.stages.as_ref().map_err(String::clone)?;
            let Some(encryption) = stages.iter().find_map(Stage::encryption) else { return Ok(None) };
            let found = keys.find(encryption, |key| self.is_opened_by(key));
            found.map(Some).ok_or_else(|| no_password(keys.is_empty()))
        };
        self.key.get_or_init(find).clone()
    }

    /// Returns true if the 7z block can be unpacked with the key `key`, as far as its first part
    /// (its first file) shows. A wrong key gives bytes that cannot be unpacked, or that have
    /// another checksum.
    fn is_opened_by(&self, key: Key) -> bool {
        let Some(first) = self.parts.iter().find(|part| part.size > 0) else { return true };
        let Ok(reader) = self.reader(Some(key)) else { return false };
        let tried = if self.shows_wrong_bytes() { first.size.min(MOST_TRIED) } else { first.size };
        let mut hash = Crc::new();
        let mut reader = reader.take(tried);
        let mut piece = vec![0; PIECE];
        let mut left = tried;
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    hash.update(piece.get(..read).unwrap_or_default());
                    left -= read as u64;
                }
                Err(_) => return false,
            }
        }
        let is_whole = tried == first.size;
        left == 0 && (!is_whole || first.checksum.is_none_or(|stated| stated == hash.sum()))
    }

    /// Returns true if unpacking the 7z block soon fails when its bytes were decrypted with a wrong
    /// key. If the block is only stored, any bytes can be unpacked, and only a checksum shows that
    /// they are wrong.
    fn shows_wrong_bytes(&self) -> bool {
        self.stages.as_ref().is_ok_and(|stages| stages.iter().any(Stage::shows_wrong_bytes))
    }

    /// Returns a reader of the whole unpacked 7z block. `key` is the key of an encrypted block.
    /// Fails with the reason if the block cannot be unpacked.
    pub(super) fn reader(&self, key: Option<Key>) -> Result<Unpacked, String> {
        let stages = self.stages.as_ref().map_err(String::clone)?;
        let size = self.packed.end - self.packed.start;
        let packed = Slice::new(Arc::clone(&self.archive), self.packed.start, size);
        let mut reader: Unpacked = Box::new(Cursor::new(Arc::new(packed)));
        for stage in stages {
            reader = stage.reader(reader, key.as_ref()).map_err(|error| error.to_string())?;
        }
        Ok(Box::new(UntilError { reader, error: None }))
    }

    /// Returns a reader of the whole unpacked 7z block, with the key that [`Block::check`] found
    /// before.
    pub(super) fn opened(&self) -> Result<Unpacked, String> {
        let key = self.key.get().cloned().expect("a block is checked before it is read")?;
        self.reader(key)
    }

    /// Returns what is wrong with the part (the file) at the position `part` in the 7z block.
    /// Returns `None` if nothing is wrong with it, or if it was not unpacked yet.
    pub(super) fn flaw(&self, part: usize) -> Option<String> {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).get(&part).cloned()
    }

    fn add_flaw(&self, part: usize, what: &str) {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).insert(part, what.to_owned());
    }
}

/// A reader that, once it has failed, fails at each further call. Some of the readers that unpack
/// never end if they are read after an error.
struct UntilError {
    reader: Unpacked,
    error: Option<String>,
}

impl Read for UntilError {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.error {
            return Err(io::Error::other(error.clone()));
        }
        let read = self.reader.read(buffer);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.error = Some(error.to_string());
        }
        read
    }
}

/// The maximum number of bytes of a file in a 7z archive that are unpacked to find out if a
/// password is the right one. If this many can be unpacked without an error, the password counts as
/// right.
const MOST_TRIED: u64 = 16 << 20;
/// The number of bytes that are unpacked at a time where the bytes themselves are not used: to try
/// a password, and to pass over files in a block of a 7z archive that are not wanted.
const PIECE: usize = 64 << 10;

/// Some of the parts (files) of a block of a 7z archive, which are unpacked in one pass, one after
/// the other. The unpacked bytes of the parts between them are dropped.
pub(super) struct SomeParts {
    pub block: Arc<Block>,
    /// The positions in the 7z block of the parts (files) that are unpacked, in ascending order.
    pub parts: Vec<usize>,
}

impl Packed for SomeParts {
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
        let reader = self.block.opened().map_err(io::Error::other)?;
        consume(&mut PartsReader {
            block: &self.block,
            reader,
            position: 0,
            parts: &self.parts,
            hash: Crc::new(),
        })
    }

    fn memory(&self) -> u64 {
        self.block.memory()
    }
}

/// Unpacks some parts (files) of a block of a 7z archive, and compares the CRC-32 of each with the
/// one that the archive states.
struct PartsReader<'b> {
    block: &'b Block,
    reader: Unpacked,
    /// The number of bytes of the 7z block that were unpacked so far, including those of parts
    /// (files) that are not wanted.
    position: u64,
    /// The positions in the 7z block of the parts (files) that are wanted and not read to their end
    /// yet.
    parts: &'b [usize],
    /// The CRC-32 of what was read so far of the file of the 7z block that is being read.
    hash: Crc,
}

impl PartsReader<'_> {
    /// Unpacks up to `wanted.len()` bytes of the 7z block into `wanted`. If unpacking fails,
    /// records the error for all parts (files) that are not read to their end yet, because none of
    /// them can be unpacked any more.
    fn advance(&mut self, wanted: &mut [u8]) -> io::Result<usize> {
        let read = match self.reader.read(wanted) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the packed bytes end early")),
            read => read,
        };
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            let what = format!("unpacking failed: {error}");
            self.parts.iter().for_each(|part| self.block.add_flaw(*part, &what));
        }
        let read = read?;
        self.position += read as u64;
        Ok(read)
    }

    /// Ends the part `part`, which is the file of the 7z block that is being read, once all its
    /// bytes were read: compares its CRC-32 with the stated one, and goes on to the next wanted
    /// part.
    fn end_part(&mut self, part: &Part) {
        let found = std::mem::take(&mut self.hash).sum();
        let Some((position, rest)) = self.parts.split_first() else { return };
        if part.checksum.is_some_and(|stated| stated != found) {
            self.block.add_flaw(*position, WRONG_CHECKSUM);
        }
        self.parts = rest;
    }
}

/// The message about a file in a 7z archive whose CRC-32 is not the one that the archive states.
pub(super) const WRONG_CHECKSUM: &str =
    "the CRC-32 that the archive states is not that of the unpacked bytes";

impl Read for PartsReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let first = self.parts.first().and_then(|position| self.block.parts.get(*position));
            let Some(part) = first.copied() else { return Ok(0) };
            if self.position < part.start {
                let length = usize::try_from(part.start - self.position).unwrap_or(PIECE).min(PIECE);
                self.advance(&mut vec![0; length])?;
                // The caller can end the sweep here, however much is left out.
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.position == part.end() {
                self.end_part(&part);
                continue;
            }
            let length = usize::try_from(part.end() - self.position).unwrap_or(usize::MAX).min(buffer.len());
            let wanted = buffer.get_mut(..length).unwrap_or_default();
            let read = self.advance(wanted)?;
            self.hash.update(buffer.get(..read).unwrap_or_default());
            return Ok(read);
        }
    }
}
