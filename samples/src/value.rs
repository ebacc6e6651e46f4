//! The values of events: their types, their bytes in a record, and their text.
//!
//! The type codes are those of [MS-EVEN6] 2.2.12 (BinXml value types). Whether a value gets a
//! terminating NUL is decided by the style of the log (see `record`).

use std::fmt;

use crate::time;

/// A GUID: the sixteen bytes as they are stored in a file (the first three parts little-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// Makes the GUID that is written as `{first-second-third-last}`.
    #[must_use]
    pub const fn new(first: u32, second: u16, third: u16, last: [u8; 8]) -> Self {
        let [a0, a1, a2, a3] = first.to_le_bytes();
        let [b0, b1] = second.to_le_bytes();
        let [c0, c1] = third.to_le_bytes();
        let [d0, d1, d2, d3, d4, d5, d6, d7] = last;
        Self([a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7])
    }
}

impl fmt::Display for Guid {
    /// Writes the GUID in lower case, without braces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, last @ ..] = self.0;
        let first = u32::from_le_bytes([a0, a1, a2, a3]);
        write!(
            formatter,
            "{first:08x}-{:04x}-{:04x}-",
            u16::from_le_bytes([b0, b1]),
            u16::from_le_bytes([c0, c1])
        )?;
        for (index, byte) in last.iter().enumerate() {
            if index == 2 {
                formatter.write_str("-")?;
            }
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A security identifier ([MS-DTYP] 2.4.2.2): `S-1-<authority>-<sub-authorities>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sid {
    /// The identifier authority, of which the lower 48 bits are stored.
    pub authority: u64,
    /// The sub-authorities, 255 at most.
    pub sub_authorities: Vec<u32>,
}

impl Sid {
    /// Returns `S-1-5-18`, the account that services such as Sysmon's run under.
    #[must_use]
    pub fn local_system() -> Self {
        Self { authority: 5, sub_authorities: vec![18] }
    }

    /// Returns `S-1-5-21-…-<relative>`, an account of the invented domain of the samples.
    #[must_use]
    pub fn domain_user(relative: u32) -> Self {
        Self { authority: 5, sub_authorities: vec![21, 1_004_336_348, 1_177_238_915, 682_003_330, relative] }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.sub_authorities.len().min(255);
        let mut bytes = vec![1, u8::try_from(count).unwrap_or(u8::MAX)];
        bytes.extend(self.authority.to_be_bytes().iter().skip(2));
        bytes.extend(self.sub_authorities.iter().take(count).flat_map(|part| part.to_le_bytes()));
        bytes
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "S-1-{}", self.authority)?;
        self.sub_authorities.iter().try_for_each(|part| write!(formatter, "-{part}"))
    }
}

/// A value in the data of an event, with the type that a log stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataValue {
    /// No value: an empty element.
    Null,
    /// Text.
    Text(String),
    /// Text as raw UTF-16 code units, which can contain unpaired surrogates and NULs.
    Units(Vec<u16>),
    /// Text in a Windows code page, as the stored bytes.
    Ansi(Vec<u8>),
    /// An unsigned number of 8 bits.
    U8(u8),
    /// An unsigned number of 16 bits.
    U16(u16),
    /// A signed number of 32 bits.
    I32(i32),
    /// An unsigned number of 32 bits.
    U32(u32),
    /// A signed number of 64 bits.
    I64(i64),
    /// An unsigned number of 64 bits.
    U64(u64),
    /// A number of 32 bits that is shown in hexadecimal.
    Hex32(u32),
    /// A number of 64 bits that is shown in hexadecimal.
    Hex64(u64),
    /// True or false, stored in four bytes.
    Bool(bool),
    /// Bytes.
    Binary(Vec<u8>),
    /// GUID.
    Guid(Guid),
    /// A time, in units of 100 ns since 1601.
    FileTime(u64),
    /// A security identifier.
    Sid(Sid),
}

/// The type codes of [MS-EVEN6] 2.2.12 that this crate writes.
pub(crate) mod code {
    pub(crate) const NULL: u8 = 0x00;
    pub(crate) const TEXT: u8 = 0x01;
    pub(crate) const ANSI: u8 = 0x02;
    pub(crate) const U8: u8 = 0x04;
    pub(crate) const U16: u8 = 0x06;
    pub(crate) const I32: u8 = 0x07;
    pub(crate) const U32: u8 = 0x08;
    pub(crate) const I64: u8 = 0x09;
    pub(crate) const U64: u8 = 0x0a;
    pub(crate) const BOOL: u8 = 0x0d;
    pub(crate) const BINARY: u8 = 0x0e;
    pub(crate) const GUID: u8 = 0x0f;
    pub(crate) const FILETIME: u8 = 0x11;
    pub(crate) const SID: u8 = 0x13;
    pub(crate) const HEX32: u8 = 0x14;
    pub(crate) const HEX64: u8 = 0x15;
    pub(crate) const BINXML: u8 = 0x21;
}

impl DataValue {
    /// Returns the code of the value's type, which a record states together with the value's size.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Null => code::NULL,
            Self::Text(_) | Self::Units(_) => code::TEXT,
            Self::Ansi(_) => code::ANSI,
            Self::U8(_) => code::U8,
            Self::U16(_) => code::U16,
            Self::I32(_) => code::I32,
            Self::U32(_) => code::U32,
            Self::I64(_) => code::I64,
            Self::U64(_) => code::U64,
            Self::Hex32(_) => code::HEX32,
            Self::Hex64(_) => code::HEX64,
            Self::Bool(_) => code::BOOL,
            Self::Binary(_) => code::BINARY,
            Self::Guid(_) => code::GUID,
            Self::FileTime(_) => code::FILETIME,
            Self::Sid(_) => code::SID,
        }
    }

    /// Returns the type code that a template declares for the value. A null has no type of its own,
    /// and is declared as text.
    pub(crate) fn declared_code(&self) -> u8 {
        if *self == Self::Null { code::TEXT } else { self.code() }
    }

    /// Returns the bytes with which a record stores the value, without a terminator.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(_) | Self::Units(_) => {
                self.units().iter().flat_map(|unit| unit.to_le_bytes()).collect()
            }
            Self::Ansi(bytes) | Self::Binary(bytes) => bytes.clone(),
            Self::U8(number) => vec![*number],
            Self::U16(number) => number.to_le_bytes().to_vec(),
            Self::I32(number) => number.to_le_bytes().to_vec(),
            Self::U32(number) | Self::Hex32(number) => number.to_le_bytes().to_vec(),
            Self::I64(number) => number.to_le_bytes().to_vec(),
            Self::U64(number) | Self::Hex64(number) | Self::FileTime(number) => number.to_le_bytes().to_vec(),
            Self::Bool(truth) => u32::from(*truth).to_le_bytes().to_vec(),
            Self::Guid(guid) => guid.0.to_vec(),
            Self::Sid(sid) => sid.bytes(),
        }
    }

    /// Returns the value as text in UTF-16 code units, as a forwarded event stores it.
    #[must_use]
    pub fn units(&self) -> Vec<u16> {
        if let Self::Units(units) = self { units.clone() } else { self.text().encode_utf16().collect() }
    }

    /// Returns the value as text; invalid Unicode becomes U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Units(units) => String::from_utf16_lossy(units),
            // Windows-1252 and Latin-1 are the same for all characters that the samples use.
            Self::Ansi(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Self::U8(number) => number.to_string(),
            Self::U16(number) => number.to_string(),
            Self::I32(number) => number.to_string(),
            Self::U32(number) => number.to_string(),
            Self::I64(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::Hex32(number) => format!("{number:#x}"),
            Self::Hex64(number) => format!("{number:#x}"),
            Self::Bool(truth) => truth.to_string(),
            Self::Binary(bytes) => {
                bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat()
            }
            Self::Guid(guid) => format!("{{{guid}}}"),
            Self::FileTime(filetime) => time::time_created(*filetime),
            Self::Sid(sid) => sid.to_string(),
        }
    }
}

impl From<&str> for DataValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for DataValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for DataValue {
    fn from(number: u32) -> Self {
        Self::U32(number)
    }
}

impl From<Guid> for DataValue {
    fn from(guid: Guid) -> Self {
        Self::Guid(guid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_and_sid_read_as_windows_writes_them() {
        let guid = Guid::new(0x5770_385F, 0xC22A, 0x43E0, [0xBF, 0x4C, 0x06, 0xF5, 0x69, 0x8F, 0xFB, 0xD9]);
        assert_eq!(guid.to_string(), "5770385f-c22a-43e0-bf4c-06f5698ffbd9");
        // The bytes of the provider's GUID were measured in real logs.
        assert_eq!(guid.0[..6], [0x5f, 0x38, 0x70, 0x57, 0x2a, 0xc2]);
        assert_eq!(Sid::local_system().to_string(), "S-1-5-18");
        assert_eq!(Sid::local_system().bytes(), [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
    }
}
