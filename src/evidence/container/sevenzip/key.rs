//! The encryption of 7z archives: AES-256 in CBC mode, with a key that is made of a password by
//! many rounds of SHA-256. Format: `7zAes` of the LZMA SDK.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};

use crate::base::digest::Hasher;
use crate::evidence::container::Passwords;

/// The size of a block of the cipher AES, in bytes.
const BLOCK: usize = 16;
/// The largest number of rounds of SHA-256 to make a key that is accepted, as a power of two: 2^24.
/// 7-Zip uses 2^19.
const MOST_ROUNDS: u8 = 24;
/// The maximum number of rounds of SHA-256 to make all keys of an archive together. The limit
/// bounds the time that a hostile archive can take to some twenty seconds.
const MOST_ROUNDS_OF_ARCHIVE: u64 = 1 << 28;

/// A key of AES-256.
pub(super) type Key = [u8; 32];

/// What a block of a 7z archive states about its encryption: how a key is made of the password, and
/// with which bytes decryption begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Encryption {
    /// The number of rounds of SHA-256 that make the key, as a power of two. The special value 63
    /// means that the password itself is the key.
    rounds: u8,
    salt: Vec<u8>,
    start: [u8; BLOCK],
}

impl Encryption {
    /// Reads the encryption of a block of a 7z archive from the properties of its AES coder. Fails
    /// with the reason if dnsweep does not read this kind of encryption.
    pub(super) fn of_properties(properties: &[u8]) -> Result<Self, String> {
        let too_short = || "its properties of encryption are too short".to_owned();
        let (first, rest) = properties.split_first().ok_or_else(too_short)?;
        let rounds = first & 0x3F;
        if rounds > MOST_ROUNDS && rounds != PLAIN {
            return Err(format!("expected at most 2^{MOST_ROUNDS} rounds to make its key, found 2^{rounds}"));
        }
        if first & 0xC0 == 0 {
            return Ok(Encryption { rounds, salt: Vec::new(), start: [0; BLOCK] });
        }
        let (sizes, rest) = rest.split_first().ok_or_else(too_short)?;
        let (salt, start) = (usize::from(first >> 7 & 1) + usize::from(sizes >> 4), usize::from(sizes & 0xF));
        let (salt, rest) = rest.split_at_checked(salt).ok_or_else(too_short)?;
        let stated = rest.get(..start + usize::from(first >> 6 & 1)).ok_or_else(too_short)?;
        let mut start = [0; BLOCK];
        start.iter_mut().zip(stated).for_each(|(byte, stated)| *byte = *stated);
        Ok(Encryption { rounds, salt: salt.to_vec(), start })
    }

    fn key(&self, password: &[u8]) -> Key {
        if self.rounds == PLAIN {
            let mut key = Key::default();
            key.iter_mut().zip(self.salt.iter().chain(password)).for_each(|(byte, stated)| *byte = *stated);
            return key;
        }
        let mut hash = Hasher::default();
        let mut round = [self.salt.as_slice(), password, &[0; 8]].concat();
        let counter = round.len() - 8;
        for number in 0..1_u64 << self.rounds {
            let bytes = number.to_le_bytes();
            round.iter_mut().skip(counter).zip(bytes).for_each(|(byte, new)| *byte = new);
            hash.update(&round);
        }
        hash.finish_bytes()
    }
}

/// The stated number of rounds, in 7z encryption, that means that no hash is made: the password
/// itself is the key.
const PLAIN: u8 = 0x3F;

/// The passwords that are tried on the encrypted blocks of a 7z archive, and the keys that were
/// made of them.
pub(super) struct Keys {
    /// The passwords that the user gave, in UTF-16 (little-endian), in the order in which they are
    /// tried.
    passwords: Vec<Vec<u8>>,
    made: Mutex<MadeKeys>,
}

#[derive(Default)]
struct MadeKeys {
    /// The keys that were made of passwords so far. Each is found by what it was made of: the salt,
    /// the number of rounds as a power of two, and the position of the password in the list.
    by_password: HashMap<(Vec<u8>, u8, usize), Key>,
    /// The number of rounds of SHA-256 that it took to make all keys of the archive so far.
    rounds: u64,
    /// The position in the list of passwords of one that opened a block of the archive. `None`
    /// until a block was opened.
    right: Option<usize>,
}

impl Keys {
    /// Returns the `passwords` to try on a 7z archive, with no keys made of them yet.
    pub(super) fn new(passwords: &Passwords) -> Self {
        let utf16 = |password: &Vec<u8>| {
            String::from_utf8_lossy(password).encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        Keys { passwords: passwords.iter().map(utf16).collect(), made: Mutex::default() }
    }

    /// Returns true if there is no password to try.
    pub(super) fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }

    /// Returns the first key made of a password for which `fits` returns true. Returns `None` if
    /// there is no such password, or if making the keys would take too many rounds of SHA-256.
    ///
    /// If no password fits this block, but one opened another block of the archive, returns the key
    /// made of that password: then the block is more likely damaged than encrypted with another
    /// password.
    pub(super) fn find(&self, encryption: &Encryption, mut fits: impl FnMut(Key) -> bool) -> Option<Key> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, password) in self.passwords.iter().enumerate() {
            if fits(made.key(encryption, (position, password))?) {
                made.right = Some(position);
                break;
            }
        }
        let right = made.right?;
        made.key(encryption, (right, self.passwords.get(right)?))
    }
}

impl MadeKeys {
    /// Returns the key made of a password, which is given with its position in the list of
    /// passwords. Returns `None` if making the keys of this archive would take too many rounds of
    /// SHA-256.
    fn key(&mut self, encryption: &Encryption, (position, password): (usize, &[u8])) -> Option<Key> {
        let place = (encryption.salt.clone(), encryption.rounds, position);
        if let Some(key) = self.by_password.get(&place) {
            return Some(*key);
        }
        self.rounds += if encryption.rounds == PLAIN { 0 } else { 1 << encryption.rounds };
        if self.rounds > MOST_ROUNDS_OF_ARCHIVE {
            return None;
        }
        let key = encryption.key(password);
        self.by_password.insert(place, key);
        Some(key)
    }
}

/// Returns a reader that decrypts the bytes that `packed` reads, with AES-256 in CBC mode.
pub(super) fn decrypted<R: Read>(packed: R, encryption: &Encryption, key: &Key) -> Decrypted<R> {
    let cipher = cbc::Decryptor::<Aes256>::new(&(*key).into(), &encryption.start.into());
    Decrypted { packed, cipher, blocks: Vec::new(), read: 0 }
}

/// The number of blocks of AES that are decrypted at a time.
const BLOCKS: usize = 512;

/// A reader that decrypts, with AES-256 in CBC mode, the bytes that another reader reads.
pub(super) struct Decrypted<R> {
    packed: R,
    cipher: cbc::Decryptor<Aes256>,
    /// The blocks of AES that were decrypted last, some of which the caller has not read yet.
    blocks: Vec<aes::Block>,
    /// The number of decrypted bytes in `blocks` that the caller has read.
    read: usize,
}

impl<R: Read> Read for Decrypted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.blocks.len() * BLOCK {
            let mut bytes = Vec::with_capacity(BLOCKS * BLOCK);
            self.packed.by_ref().take((BLOCKS * BLOCK) as u64).read_to_end(&mut bytes)?;
            if bytes.len() % BLOCK != 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the encrypted bytes end early"));
            }
            let block = |bytes: &[u8]| aes::Block::try_from(bytes).expect("a chunk is as long as a block");
            self.blocks = bytes.chunks_exact(BLOCK).map(block).collect();
            self.cipher.decrypt_blocks(&mut self.blocks);
            self.read = 0;
        }
        let left = self.blocks.iter().flat_map(|block| block.iter()).skip(self.read);
        let read = buffer.iter_mut().zip(left).map(|(to, from)| *to = *from).count();
        self.read += read;
        Ok(read)
    }
}
