//! The fields of a 7z archive's header: numbers of variable length, bits and checksums. Format:
//! `7zFormat.txt` of the LZMA SDK.

use crate::evidence::container::NotListed;

/// The bytes of a 7z header that were not read yet. Each method reads a field from their start, and
/// fails if the header ends within the field.
pub(super) struct Fields<'h>(&'h [u8]);

impl<'h> Fields<'h> {
    /// Returns the fields of a 7z header, of which `bytes` are all bytes. Reading beyond them
    /// fails.
    pub(super) fn new(bytes: &'h [u8]) -> Self {
        Fields(bytes)
    }

    /// Reads `length` bytes from the 7z header. Fails if fewer are left.
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'h [u8], NotListed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Reads one byte from the 7z header. Fails if none is left.
    pub(super) fn byte(&mut self) -> Result<u8, NotListed> {
        let (byte, rest) = self.0.split_first().ok_or_else(cut_off)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// Reads a number of variable length from the 7z header. The 1-bits at the start of its first
    /// byte say how many bytes follow, lowest byte first. The other bits of the first byte are the
    /// number's highest bits.
    pub(super) fn number(&mut self) -> Result<u64, NotListed> {
        let first = self.byte()?;
        let (mut number, mut bit) = (0, 0x80_u8);
        for place in 0..8 {
            if first & bit == 0 {
                return Ok(number | u64::from(first & bit.wrapping_sub(1)) << (8 * place));
            }
            number |= u64::from(self.byte()?) << (8 * place);
            bit >>= 1;
        }
        Ok(number)
    }

    /// Reads a count of things that the 7z header then describes. Each takes at least one bit of
    /// the header, so a count with which the header would be too short is refused before memory is
    /// taken.
    pub(super) fn count(&mut self) -> Result<usize, NotListed> {
        let count = self.number()?;
        let most = self.0.len() as u64 * 8;
        usize::try_from(count).ok().filter(|_| count <= most).ok_or_else(|| {
            broken(format!(
                "expected at most {most} in the {} bytes of the header, found {count}",
                self.0.len()
            ))
        })
    }

    /// Reads a field of the 7z header that begins with its size. Returns the bytes after the size,
    /// to be read as fields of their own.
    pub(super) fn sized(&mut self) -> Result<Fields<'h>, NotListed> {
        let size = self.number()?;
        Ok(Fields(self.bytes(usize::try_from(size).map_err(|_| cut_off())?)?))
    }

    /// Reads `count` bits, the highest bit of each byte first.
    pub(super) fn bits(&mut self, count: usize) -> Result<Vec<bool>, NotListed> {
        let bytes = self.bytes(count.div_ceil(8))?;
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
        Ok(bits.take(count).collect())
    }

    /// Reads the CRC-32 of each of `count` things, such as files, from the 7z header. The result is
    /// `None` for a thing whose CRC-32 is not stated.
    pub(super) fn checksums(&mut self, count: usize) -> Result<Vec<Option<u32>>, NotListed> {
        let are_all_stated = self.byte()? != 0;
        let stated = if are_all_stated { vec![true; count] } else { self.bits(count)? };
        let mut checksum = |is_stated| {
            let mut read = || {
                let bytes = self.bytes(4)?.first_chunk().expect("it has four bytes");
                Ok(u32::from_le_bytes(*bytes))
            };
            if is_stated { read().map(Some) } else { Ok(None) }
        };
        stated.into_iter().map(&mut checksum).collect()
    }

    /// Reads the byte 0 with which a list in the 7z header ends. Fails if another byte is found.
    pub(super) fn end(&mut self) -> Result<(), NotListed> {
        match self.byte()? {
            0 => Ok(()),
            other => Err(broken(format!("expected the end of a list, found the field {other:#04x}"))),
        }
    }
}

/// Returns the error for a 7z header that ends too early.
pub(super) fn cut_off() -> NotListed {
    broken("the header ends early".to_owned())
}

/// Returns the error for a damaged 7z archive. `what` says what was expected and found.
pub(super) fn broken(what: String) -> NotListed {
    NotListed::Broken(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Option<u64> {
        Fields::new(bytes).number().ok()
    }

    #[test]
    fn numbers_have_the_length_that_their_first_byte_states() {
        assert_eq!(number(&[0x00]), Some(0));
        assert_eq!(number(&[0x7F]), Some(127));
        assert_eq!(number(&[0x80, 0x80]), Some(128));
        assert_eq!(number(&[0xBF, 0xFF]), Some(0x3FFF));
        assert_eq!(number(&[0xC1, 0x34, 0x12]), Some(0x01_1234));
        assert_eq!(number(&[0xFE, 1, 2, 3, 4, 5, 6, 7]), Some(0x0007_0605_0403_0201));
        assert_eq!(number(&[0xFF, 1, 2, 3, 4, 5, 6, 7, 8]), Some(0x0807_0605_0403_0201));
        assert_eq!(number(&[0xFF, 1, 2, 3, 4, 5, 6, 7]), None);
        assert_eq!(number(&[]), None);
    }

    #[test]
    fn counts_are_no_larger_than_the_header_allows() {
        assert_eq!(Fields::new(&[16, 0, 0]).count().ok(), Some(16));
        assert_eq!(Fields::new(&[17, 0, 0]).count().ok(), None);
    }

    #[test]
    fn bits_are_read_from_the_highest_on() {
        assert_eq!(Fields::new(&[0b1010_0000]).bits(4).unwrap(), [true, false, true, false]);
        let two = [0, 0b0100_0000, 1, 0, 0, 0];
        assert_eq!(Fields::new(&two).checksums(2).unwrap(), [None, Some(1)]);
    }
}
