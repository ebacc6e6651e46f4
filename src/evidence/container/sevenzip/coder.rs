//! The coders of a block of a 7z archive, which are the methods by which the block was packed, and
//! the order in which they are undone. Format: `7zFormat.txt` and `Methods.txt` of the LZMA SDK.

use std::io::{self, Read};

use bzip2::read::BzDecoder;
use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::filter::delta::DeltaReader;
use lzma_rust2::{Lzma2Reader, LzmaReader};

use super::fields::{Fields, broken};
use super::key::{self, Encryption, Key};
use crate::base::deflate::DeflateDecoder;
use crate::evidence::container::{MOST_DICTIONARY, NotListed};

/// The maximum number of coders (methods of packing) that a block of a 7z archive may have, and the
/// most inputs or outputs of a coder. 7-Zip has the same limit.
const MOST_CODERS: u64 = 32;

/// A coder of a block of a 7z archive, as the archive's header states it: a method of packing with
/// its properties, and how many inputs and outputs it has.
pub(super) struct Coder {
    method: Vec<u8>,
    properties: Vec<u8>,
    inputs: u64,
    outputs: u64,
}

/// The coders (methods of packing) of a block of a 7z archive, as the archive's header states them,
/// and how their inputs and outputs are joined.
pub(super) struct Coders {
    coders: Vec<Coder>,
    /// Each input of a coder (a method of packing) that reads the output of another coder: the
    /// number of the input, and the number of the output. Inputs and outputs are numbered through
    /// all coders of the 7z block.
    joints: Vec<(u64, u64)>,
    /// The number of outputs of all coders (methods of packing) of the 7z block together.
    pub outputs: u64,
    /// The number of streams of packed bytes in the archive that the coders (methods of packing) of
    /// the 7z block read.
    pub streams: usize,
}

impl Coder {
    /// Reads the coders (methods of packing) of a block of a 7z archive from the archive's header.
    pub(super) fn read_all(fields: &mut Fields<'_>) -> Result<Coders, NotListed> {
        let count = at_most(fields.number()?, "coders")?;
        let coders = (0..count).map(|_| Self::read(fields)).collect::<Result<Vec<_>, _>>()?;
        let (inputs, outputs) = coders
            .iter()
            .fold((0, 0), |(inputs, outputs), coder| (inputs + coder.inputs, outputs + coder.outputs));
        if outputs == 0 || inputs + 1 < outputs {
            return Err(broken(format!(
                "expected coders that belong together, found {inputs} inputs, {outputs} outputs"
            )));
        }
        let joints = (1..outputs)
            .map(|_| Ok((fields.number()?, fields.number()?)))
            .collect::<Result<Vec<_>, NotListed>>()?;
        let streams = inputs + 1 - outputs;
        if streams > 1 {
            (0..streams).try_for_each(|_| fields.number().map(drop))?;
        }
        let streams = usize::try_from(streams).expect("there are at most 32 coders with 32 inputs each");
        Ok(Coders { coders, joints, outputs, streams })
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, NotListed> {
        let flags = fields.byte()?;
        if flags & 0xC0 != 0 {
            return Err(NotListed::Unsupported(format!("its coder has the unknown flags {flags:#04x}")));
        }
        let method = fields.bytes(usize::from(flags & 0x0F))?.to_vec();
        let (inputs, outputs) = if flags & 0x10 == 0 {
            (1, 1)
        } else {
            (at_most(fields.number()?, "inputs")?, at_most(fields.number()?, "outputs")?)
        };
        let mut properties = Vec::new();
        if flags & 0x20 != 0 {
            let length = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
            properties = fields.bytes(length)?.to_vec();
        }
        Ok(Coder { method, properties, inputs, outputs })
    }
}

fn at_most(count: u64, what: &str) -> Result<u64, NotListed> {
    if count > MOST_CODERS {
        return Err(broken(format!("expected at most {MOST_CODERS} {what} in a block, found {count}")));
    }
    Ok(count)
}

impl Coders {
    /// Returns the stages of unpacking a 7z block, in the order in which they follow one another,
    /// or the reason why dnsweep cannot unpack the block; and the size in bytes of the unpacked
    /// block. `sizes` are the sizes of the outputs of all coders (methods of packing). Fails if the
    /// coders do not form one chain.
    pub(super) fn in_order(&self, sizes: &[u64]) -> Result<(Result<Vec<Stage>, String>, u64), NotListed> {
        let is_joined = |output: u64| self.joints.iter().any(|(_, from)| *from == output);
        let last = (0..self.outputs).find(|output| !is_joined(*output));
        let size = last.and_then(|last| sizes.get(usize::try_from(last).ok()?));
        let size =
            *size.ok_or_else(|| broken("expected coders with an end, found a ring of coders".to_owned()))?;
        if self.coders.iter().any(|coder| (coder.inputs, coder.outputs) != (1, 1)) {
            let name = |coder: &Coder| method_name(&coder.method);
            let several = self.coders.iter().find(|coder| (coder.inputs, coder.outputs) != (1, 1)).map(name);
            return Ok((Err(not_read(&several.unwrap_or_default())), size));
        }
        // The only input that is not joined to an output reads the packed bytes.
        let count = self.outputs;
        let is_first = |input: &u64| !self.joints.iter().any(|(to, _)| to == input);
        let mut next = (0..count).find(is_first);
        let mut stages = Vec::new();
        while let Some(number) = next {
            let position = usize::try_from(number).unwrap_or(usize::MAX);
            let (Some(coder), Some(size)) = (self.coders.get(position), sizes.get(position)) else { break };
            match Method::of(coder, *size) {
                Ok(method) => stages.push(Stage { method, size: *size }),
                Err(reason) => return Ok((Err(reason), *size)),
            }
            if stages.len() > self.coders.len() {
                break;
            }
            next = self.joints.iter().find(|(_, from)| *from == number).map(|(to, _)| *to);
        }
        if stages.len() != self.coders.len() {
            return Err(broken("expected coders in a row, found others".to_owned()));
        }
        Ok((Ok(stages), size))
    }
}

/// A stage of unpacking a block of a 7z archive: a method, and the number of bytes that come out.
#[derive(Clone)]
pub(super) struct Stage {
    method: Method,
    size: u64,
}

impl Stage {
    /// Returns the encryption that this stage of unpacking a 7z block decrypts. Returns `None` for
    /// a stage that does not decrypt.
    pub(super) fn encryption(&self) -> Option<&Encryption> {
        if let Method::Aes(encryption) = &self.method { Some(encryption) } else { None }
    }

    /// Returns true if this stage of unpacking a 7z block passes its bytes on unchanged.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.method, Method::Stored)
    }

    /// Returns true if this stage of unpacking a 7z block fails on bytes that its packer cannot
    /// have made, so that it soon fails on random bytes.
    pub(super) fn shows_wrong_bytes(&self) -> bool {
        match self.method {
            Method::Lzma { .. } | Method::Lzma2 { .. } | Method::Deflate | Method::Bzip2 => true,
            Method::Stored | Method::Delta(_) | Method::Branches(_) | Method::Aes(_) => false,
        }
    }

    /// Returns the memory that this stage of unpacking a 7z block needs for its dictionary (the
    /// last unpacked bytes), in bytes.
    pub(super) fn memory(&self) -> u64 {
        match self.method {
            Method::Lzma { dictionary, .. } | Method::Lzma2 { dictionary } => u64::from(dictionary),
            _ => 0,
        }
    }

    /// Returns a reader of the bytes that this stage of unpacking a 7z block makes of those that
    /// `packed` reads. `key` is the key of an encrypted block.
    pub(super) fn reader(&self, packed: Unpacked, key: Option<&Key>) -> io::Result<Unpacked> {
        let unpacked: Unpacked = match &self.method {
            Method::Stored => packed,
            Method::Lzma { properties, dictionary } => {
                Box::new(LzmaReader::new_with_props(packed, self.size, *properties, *dictionary, None)?)
            }
            Method::Lzma2 { dictionary } => Box::new(Lzma2Reader::new(packed, *dictionary, None)),
            Method::Deflate => Box::new(DeflateDecoder::new(packed)),
            Method::Bzip2 => Box::new(BzDecoder::new(packed)),
            Method::Delta(distance) => Box::new(DeltaReader::new(packed, *distance)),
            Method::Branches(filter) => Box::new(filter(packed, 0)),
            Method::Aes(encryption) => {
                let key = key.ok_or_else(|| io::Error::other("there is no key for it"))?;
                Box::new(key::decrypted(packed, encryption, key))
            }
        };
        Ok(Box::new(unpacked.take(self.size)))
    }
}

/// A reader of the bytes of a block of a 7z archive, after any of the stages of unpacking it.
pub(super) type Unpacked = Box<dyn Read + Send>;

/// A method of packing in 7z archives that dnsweep can undo.
#[derive(Clone)]
enum Method {
    Stored,
    Lzma {
        properties: u8,
        dictionary: u32,
    },
    Lzma2 {
        dictionary: u32,
    },
    Deflate,
    Bzip2,
    /// The filter Delta: each packed byte is the difference of the original byte from the one that
    /// lies this number of bytes before it.
    Delta(usize),
    /// A filter of the BCJ family, for machine code of one kind of processor: in the packed bytes,
    /// the targets of branches are absolute, so that equal targets are equal bytes.
    Branches(fn(Unpacked, usize) -> BcjReader<Unpacked>),
    Aes(Encryption),
}

impl Method {
    /// Returns the method of packing of a coder that the archive's header states. `size` is the
    /// size of its output in bytes. Fails with the reason if dnsweep cannot undo the method.
    fn of(coder: &Coder, size: u64) -> Result<Self, String> {
        let properties = coder.properties.as_slice();
        let method = match coder.method.as_slice() {
            [0x00] => Method::Stored,
            [0x03] => Method::Delta(1 + usize::from(properties.first().copied().unwrap_or(0))),
            [0x21] => Method::Lzma2 { dictionary: dictionary(lzma2_dictionary(properties), size)? },
            [0x03, 0x01, 0x01] => {
                let (first, rest) = properties.split_first().ok_or("its properties of LZMA are too short")?;
                let stated = rest.first_chunk().ok_or("its properties of LZMA are too short")?;
                let stated = u64::from(u32::from_le_bytes(*stated));
                Method::Lzma { properties: *first, dictionary: dictionary(Some(stated), size)? }
            }
            [0x04, 0x01, 0x08] => Method::Deflate,
            [0x04, 0x02, 0x02] => Method::Bzip2,
            [0x04] | [0x03, 0x03, 0x01, 0x03] => Method::Branches(BcjReader::new_x86),
            [0x05] | [0x03, 0x03, 0x02, 0x05] => Method::Branches(BcjReader::new_ppc),
            [0x06] | [0x03, 0x03, 0x04, 0x01] => Method::Branches(BcjReader::new_ia64),
            [0x07] | [0x03, 0x03, 0x05, 0x01] => Method::Branches(BcjReader::new_arm),
            [0x08] | [0x03, 0x03, 0x07, 0x01] => Method::Branches(BcjReader::new_arm_thumb),
            [0x09] | [0x03, 0x03, 0x08, 0x05] => Method::Branches(BcjReader::new_sparc),
            [0x0A] => Method::Branches(BcjReader::new_arm64),
            [0x0B] => Method::Branches(BcjReader::new_riscv),
            [0x06, 0xF1, 0x07, 0x01] => Method::Aes(Encryption::of_properties(properties)?),
            other => return Err(not_read(&method_name(other))),
        };
        Ok(method)
    }
}

/// Returns the size in bytes of the dictionary (the last unpacked bytes) that the properties of the
/// packing method LZMA2 state. Returns `None` if they are not valid.
fn lzma2_dictionary(properties: &[u8]) -> Option<u64> {
    match *properties.first()? {
        bits @ 0..40 => Some((2 | u64::from(bits) & 1) << (bits / 2 + 11)),
        40 => Some(u64::from(u32::MAX)),
        _ => None,
    }
}

/// Returns the size in bytes of the dictionary with which `size` bytes are unpacked, if the
/// archive's header states `stated`. It need not be larger than the unpacked bytes, because nothing
/// but them is ever looked up in it. Fails if it would be too large.
fn dictionary(stated: Option<u64>, size: u64) -> Result<u32, String> {
    const LEAST: u64 = 4096;
    let stated = stated.ok_or("the size of its dictionary is not stated")?;
    let needed = stated.min(size).max(LEAST);
    u32::try_from(needed).ok().filter(|_| needed <= MOST_DICTIONARY).ok_or_else(|| {
        format!(
            "expected a dictionary of at most {MOST_DICTIONARY} bytes, found one of {stated}: unpack it first"
        )
    })
}

/// Returns the reason why a block of a 7z archive that is packed by the method `name` is not read.
fn not_read(name: &str) -> String {
    format!("it is packed by {name}, which dnsweep does not read: unpack it first")
}

/// Returns the name of the 7z method of packing with the number `number`, for messages about
/// methods that dnsweep does not read.
fn method_name(number: &[u8]) -> String {
    let name = match number {
        [0x03, 0x03, 0x01, 0x1B] => "BCJ2",
        [0x03, 0x04, 0x01] => "PPMd",
        [0x04, 0x01, 0x09] => "Deflate64",
        [0x04, 0xF7, 0x11, 0x01] => "Zstandard",
        [0x04, 0xF7, 0x11, 0x02] => "Brotli",
        [0x04, 0xF7, 0x11, 0x04] => "LZ4",
        _ => {
            let digits: Vec<_> = number.iter().map(|byte| format!("{byte:02x}")).collect();
            return format!("the method {}", digits.concat());
        }
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_no_larger_than_what_is_unpacked_or_is_refused() {
        assert_eq!(dictionary(Some(1 << 32), 100), Ok(4096));
        assert_eq!(dictionary(Some(1 << 26), 1 << 40), Ok(1 << 26));
        assert_eq!(dictionary(Some(1 << 32), MOST_DICTIONARY), Ok(256 << 20));
        let error = dictionary(Some(1 << 32), 1 << 40).unwrap_err();
        assert!(error.contains("at most 268435456 bytes, found one of 4294967296"), "{error}");
        assert!(dictionary(None, 100).is_err());
        // The sizes that the property of LZMA2 can state: from 4 KiB on, by a half and a third.
        let sizes = [0, 1, 2, 18, 40].map(|bits| lzma2_dictionary(&[bits]));
        assert_eq!(sizes, [4 << 10, 6 << 10, 8 << 10, 2 << 20, u64::from(u32::MAX)].map(Some));
        assert_eq!(lzma2_dictionary(&[41]), None);
    }

    /// Returns `count` coders of a 7z archive that store bytes unchanged, with one input and one
    /// output each, which are joined as `joints` says.
    fn coders(count: u64, joints: &[(u64, u64)]) -> Coders {
        let coder = |_| Coder { method: vec![0], properties: Vec::new(), inputs: 1, outputs: 1 };
        Coders {
            coders: (0..count).map(coder).collect(),
            joints: joints.to_vec(),
            outputs: count,
            streams: 1,
        }
    }

    #[test]
    fn coders_are_put_in_a_row_or_refused() {
        // The first coder reads what the third gives, and the third what the second gives.
        let (stages, size) = coders(3, &[(0, 2), (2, 1)]).in_order(&[10, 20, 30]).unwrap();
        assert_eq!(size, 10);
        assert_eq!(stages.unwrap().iter().map(|stage| stage.size).collect::<Vec<_>>(), [20, 30, 10]);
        // A ring, two rings, a coder that reads itself, and coders that do not exist.
        for joints in [&[(0, 1), (1, 0)][..], &[(0, 0), (1, 1)], &[(0, 0)], &[(1, 7)], &[(7, 0), (1, 1)]] {
            assert!(coders(2, joints).in_order(&[10, 20]).is_err(), "{joints:?}");
        }
    }
}
