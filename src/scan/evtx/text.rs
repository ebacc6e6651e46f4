//! Text of a definition, compared where it lies.

use crate::scan::evtx::binxml::{holds_nul, is_letter};

/// Text of a definition: UTF-16, as it lies in the chunk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// `None` for text with a NUL in it: the decoder ends it there, and shall decide.
    pub(in crate::scan) fn new(bytes: &'a [u8]) -> Option<Self> {
        (!holds_nul(bytes)).then_some(Text(bytes))
    }

    /// Whether it is `ascii`, letter for letter.
    pub(in crate::scan) fn is(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self.0.chunks_exact(2).zip(ascii.bytes()).all(|(unit, byte)| unit == [byte, 0])
    }

    /// Whether it is made of ASCII letters and digits only, as the names of elements and attributes
    /// are.
    pub(in crate::scan) fn is_letters(self) -> bool {
        self.0.as_chunks::<2>().0.iter().all(|[low, high]| low.is_ascii_alphanumeric() && *high == 0)
    }

    /// Whether it is `ascii`, in any case.
    pub(in crate::scan) fn is_in_any_case(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self
                .0
                .chunks_exact(2)
                .zip(ascii.bytes())
                .all(|(unit, byte)| is_letter(unit, byte.to_ascii_lowercase()))
    }

    /// The text; `None` unless it is whole: about the rest, the decoder shall decide.
    pub(in crate::scan) fn decode(self) -> Option<String> {
        let units =
            self.0.chunks_exact(2).filter_map(|unit| unit.first_chunk().copied().map(u16::from_le_bytes));
        char::decode_utf16(units).collect::<Result<String, _>>().ok()
    }
}
