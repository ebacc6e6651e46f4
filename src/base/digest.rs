//! SHA-256 of bytes, texts and streams. This module is the only user of the crate `sha2`.

use std::fmt;
use std::hash::{self, Hash};
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// The SHA-256 of `bytes`, as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 of `bytes`, as 32 raw bytes.
#[must_use]
pub fn sha256_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A SHA-256 digest as 32 raw bytes, which takes less memory than text. It is displayed as 64
/// lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Returns the 32 bytes of the digest.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Sha256Digest(bytes)
    }
}

impl Hash for Sha256Digest {
    /// Feeds only the first eight bytes of the digest to a hash map's hasher. Evidence cannot be
    /// crafted to make keys collide, because nobody can make many texts whose digests agree in
    /// these bytes.
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        if let Some(first) = self.0.first_chunk() {
            state.write_u64(u64::from_le_bytes(*first));
        }
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

/// Reads `reader` to its end. Returns the SHA-256 of its bytes, as 64 lower-case hexadecimal
/// digits, and the number of bytes.
pub fn sha256_of_all(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hashing = HashingWriter::new(io::sink());
    // A larger buffer does not make hashing faster.
    let mut buffer = io::BufReader::with_capacity(1 << 18, &mut reader);
    io::copy(&mut buffer, &mut hashing)?;
    let (_, sha256, bytes) = hashing.finish();
    Ok((sha256, bytes))
}

/// A list of texts of which the SHA-256 is computed. Some of the texts may be absent.
///
/// Each text is preceded by its length in bytes as a little-endian u64; an absent text is only the
/// length 2⁶⁴ − 1. So `["ab", "c"]` and `["a", "bc"]` have different digests, as do an absent text
/// and an empty one.
pub struct HashedTexts {
    /// The texts and their lengths. Hashing one buffer is faster than hashing many short ones.
    bytes: Vec<u8>,
}

impl Default for HashedTexts {
    /// Returns an empty list, with memory reserved for 1024 bytes. The texts of most events fit in
    /// it.
    fn default() -> Self {
        HashedTexts { bytes: Vec::with_capacity(1024) }
    }
}

impl HashedTexts {
    /// Adds a text to the list; `None` is an absent text.
    pub fn push(&mut self, text: Option<&str>) {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
    }

    /// Adds a text to the list, with its ASCII letters in lower case; `None` is an absent text.
    pub fn push_in_lower_case(&mut self, text: Option<&str>) {
        self.push(text);
        let start = self.bytes.len() - text.map_or(0, str::len);
        if let Some(added) = self.bytes.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    }

    /// Adds the text of a value, as its `Display` implementation writes it, to the list.
    pub fn push_shown(&mut self, value: impl fmt::Display) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; size_of::<u64>()]);
        let text = self.bytes.len();
        write!(self.bytes, "{value}").expect("memory takes all that is written");
        let length = (self.bytes.len() - text) as u64;
        let place = self.bytes.get_mut(start..text).expect("the length was written first");
        place.copy_from_slice(&length.to_le_bytes());
    }

    /// Returns the SHA-256 of the list: of the texts, each preceded by its length.
    #[must_use]
    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest(sha256_bytes(&self.bytes))
    }
}

/// Computes the SHA-256 of bytes that arrive in several buffers, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Continues the SHA-256 with `bytes`, which follow all bytes that were added before.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The SHA-256 of all bytes that were added, as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }

    /// Returns the SHA-256 of all bytes that were added, as 32 bytes.
    #[must_use]
    pub fn finish_bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// A writer that passes bytes on to another writer, and computes their SHA-256 on the way.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    digest: Hasher,
    bytes: u64,
}

impl<W> HashingWriter<W> {
    /// Makes a writer that passes bytes on to `inner`. Nothing is written yet.
    pub fn new(inner: W) -> Self {
        HashingWriter { inner, digest: Hasher::default(), bytes: 0 }
    }

    /// Ends the hash. Returns the inner writer, the SHA-256 of all bytes that were written, as 64
    /// lower-case hexadecimal digits, and the number of bytes.
    pub fn finish(self) -> (W, String, u64) {
        (self.inner, self.digest.finish(), self.bytes)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Converts bytes to lower-case hexadecimal digits, two for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    // Memory of the right length is filled many bytes at a time.
    let mut digits = vec![0; 2 * bytes.len()];
    for ([high, low], byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        (*high, *low) = (digit(byte >> 4), digit(byte & 15));
    }
    String::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example in FIPS 180-2, appendix B.1.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn known_digest() {
        assert_eq!(sha256(b"abc"), OF_ABC);
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(b"a").unwrap();
        writer.write_all(b"bc").unwrap();
        assert_eq!(writer.finish(), (b"abc".to_vec(), OF_ABC.to_owned(), 3));
    }

    /// Returns the digest of a list of texts.
    fn of<const N: usize>(texts: [Option<&str>; N]) -> Sha256Digest {
        let mut list = HashedTexts::default();
        for text in texts {
            list.push(text);
        }
        list.sha256()
    }

    #[test]
    fn the_digest_is_that_of_lengths_and_texts() {
        // The bytes as the description of the list says, and nothing else.
        let bytes = b"\x02\0\0\0\0\0\0\0ab\xff\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0\0\0\0\0-17";
        let expected = Sha256Digest(sha256_bytes(bytes));
        assert_eq!(of([Some("ab"), None, Some("-17")]), expected);
        let mut list = HashedTexts::default();
        list.push_in_lower_case(Some("aB"));
        list.push_in_lower_case(None);
        list.push_shown(-17);
        assert_eq!(list.sha256(), expected);
    }

    #[test]
    fn lists_that_join_to_the_same_text_have_different_digests() {
        let all = [
            of([Some("ab"), Some("c")]),
            of([Some("a"), Some("bc")]),
            of([Some("abc"), None]),
            of([Some("abc"), Some("")]),
        ];
        assert!(all.iter().enumerate().all(|(i, one)| all.iter().skip(i + 1).all(|other| one != other)));
    }
}
