//! The files that the header of a 7z archive lists: their names, and which of them have bytes.

use super::block::Block;
use super::fields::{Fields, broken};
use crate::evidence::container::{MOST_MEMBERS, NotListed};

/// The numbers that a 7z header gives to the properties of its files, as far as dnsweep reads them.
mod property {
    pub const END: u8 = 0x00;
    pub const EMPTY_STREAM: u8 = 0x0E;
    pub const EMPTY_FILE: u8 = 0x0F;
    pub const NAMES: u8 = 0x11;
}

/// A regular file that a 7z archive lists.
pub(super) struct FileEntry {
    /// The path of the file in the archive, in UTF-8. Half of a surrogate pair, which is not text,
    /// becomes the three bytes that it would have in UTF-8.
    pub path: Vec<u8>,
    /// Where the bytes of the file are: the position of a block in the archive, and the position of
    /// a part in the block. `None` if the file is empty.
    pub place: Option<(usize, usize)>,
}

/// Reads the list of files in a 7z header. `blocks` are the archive's blocks of packed bytes: the
/// files that are not empty are the parts of the blocks, in the order of the archive.
pub(super) fn read(fields: &mut Fields<'_>, blocks: &[Block]) -> Result<Vec<FileEntry>, NotListed> {
    let count = fields.number()?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= MOST_MEMBERS)
        .ok_or(NotListed::TooMany { most: MOST_MEMBERS, found: count })?;
    let (mut names, mut is_empty, mut is_empty_file) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let property = fields.byte()?;
        if property == property::END {
            break;
        }
        let mut fields = fields.sized()?;
        match property {
            property::NAMES => names = self::names(&mut fields, count)?,
            property::EMPTY_STREAM => is_empty = fields.bits(count)?,
            property::EMPTY_FILE => {
                let empty = is_empty.iter().filter(|is_empty| **is_empty).count();
                is_empty_file = fields.bits(empty)?;
            }
            // Times, attributes and padding say nothing about which bytes the file has.
            _ => {}
        }
    }
    if names.len() != count {
        return Err(broken(format!("expected {count} names of files, found {}", names.len())));
    }
    is_empty.resize(count, false);
    let parts = blocks.iter().enumerate();
    let mut places =
        parts.flat_map(|(block, of_block)| (0..of_block.parts.len()).map(move |part| (block, part)));
    let mut is_empty_file = is_empty_file.into_iter();
    let mut files = Vec::new();
    for (path, is_empty) in names.into_iter().zip(is_empty) {
        if !is_empty {
            let place = places.next().ok_or_else(|| broken("it lists more files than it has".to_owned()))?;
            files.push(FileEntry { path, place: Some(place) });
        } else if is_empty_file.next().unwrap_or(false) {
            files.push(FileEntry { path, place: None });
        }
        // What is empty and no empty file is a folder.
    }
    Ok(files)
}

/// Reads the paths of `count` files from a 7z header. Each is in UTF-16, and ends with a zero code
/// unit of two bytes.
fn names(fields: &mut Fields<'_>, count: usize) -> Result<Vec<Vec<u8>>, NotListed> {
    if fields.byte()? != 0 {
        return Err(NotListed::Unsupported("its names of files are in another stream".to_owned()));
    }
    let mut unit = || -> Result<u16, NotListed> {
        Ok(u16::from_le_bytes(*fields.bytes(2)?.first_chunk().expect("it has two bytes")))
    };
    let mut name = || -> Result<Vec<u8>, NotListed> {
        let mut units = Vec::new();
        loop {
            match unit()? {
                0 => return Ok(utf8(&units)),
                other => units.push(other),
            }
        }
    };
    (0..count).map(|_| name()).collect()
}

/// Returns text in UTF-16 as UTF-8. Half of a surrogate pair, which is not text, becomes the three
/// bytes that it would have in UTF-8.
fn utf8(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for letter in char::decode_utf16(units.iter().copied()) {
        match letter {
            Ok(letter) => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => {
                let [high, low] = error.unpaired_surrogate().to_be_bytes();
                bytes.extend([0xE0 | high >> 4, 0x80 | (high & 0xF) << 2 | low >> 6, 0x80 | low & 0x3F]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_keep_their_bytes() {
        assert_eq!(utf8(&"Größe 😀".encode_utf16().collect::<Vec<_>>()), "Größe 😀".as_bytes());
        assert_eq!(utf8(&[0x61, 0xD83D, 0x62]), b"a\xED\xA0\xBDb");
        assert_eq!(utf8(&[0xDE00]), b"\xED\xB8\x80");
    }
}
