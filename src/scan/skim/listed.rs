//! Looks up the whole stored value of a field in sets of texts, such as a list of a hundred
//! thousand names: one lookup for each set, however many texts it has.

use std::sync::Arc;

use crate::base::text_set::TextSet;
use crate::scan::evtx::binxml::text::text as decoded;

/// The sets of texts for one field of an event. A detection can require that the field's whole
/// value is a text of one set.
#[derive(Debug, Default)]
pub(in crate::scan) struct Listed {
    /// The sets of texts in which the field's value is looked up, each with the index of the set of
    /// needles to which it belongs. A needle is a literal or a set of texts; a detection requires
    /// at least one needle of each of its sets.
    sets: Vec<(Arc<dyn TextSet>, usize)>,
    /// A buffer for the value that is looked up. It is kept so that its memory can be reused.
    value: String,
}

impl Listed {
    /// Adds a set of texts. `number` is the index of the set of needles (texts of which a detection
    /// requires at least one) that it belongs to.
    pub(in crate::scan) fn add(&mut self, set: Arc<dyn TextSet>, number: usize) {
        self.sets.push((set, number));
    }

    /// Returns, for each set of texts in which values are looked up, the index of the set of
    /// needles to which it belongs. A needle is a literal or a set of texts; a detection requires
    /// at least one needle of each of its sets.
    pub(in crate::scan) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.sets.iter().map(|(_, number)| *number)
    }

    /// Looks up a field's value, which is `stored` as UTF-16, in each set of texts. For each set
    /// that contains the value, calls `found` with the index of the set of needles (texts of which
    /// a detection requires at least one) that the set of texts belongs to. A value that cannot be
    /// read counts as one of every set, so that its record is decoded.
    pub(in crate::scan) fn find(&mut self, stored: &[u8], mut found: impl FnMut(usize)) {
        if self.sets.is_empty() {
            return;
        }
        let Listed { sets, value } = self;
        let is_read = read(stored, value);
        for (set, number) in sets {
            if !is_read || set.contains(value) {
                found(*number);
            }
        }
    }
}

/// Reads a value that is stored as UTF-16 into `value`, with ASCII letters in lower case. Leaves
/// out a NUL at its end, as the decoder (the `evtx` crate) does. Returns false if the value has
/// another NUL or is not valid UTF-16, because the decoder may then read something else.
fn read(stored: &[u8], value: &mut String) -> bool {
    let pairs = stored.as_chunks::<2>().0;
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    // Bytes and not characters, so that the processor converts several at a time.
    let mut bytes = std::mem::take(value).into_bytes();
    bytes.clear();
    bytes.extend(pairs.iter().map(|[low, _]| low.to_ascii_lowercase()));
    let is_ascii =
        pairs.iter().fold(true, |all, pair| all & (u16::from_le_bytes(*pair).wrapping_sub(1) < 0x7f));
    if is_ascii && let Ok(read) = String::from_utf8(bytes) {
        *value = read;
        return true;
    }
    let Some(mut whole) = decoded(stored) else { return false };
    whole.make_ascii_lowercase();
    *value = whole;
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compares a value with what the decoder reads of it.
        #[test]
        fn values_are_read_as_the_decoder_reads_them(text in "[aB.é\u{212a}\u{1f600}\0]{0,8}", ends in any::<bool>()) {
            let mut stored: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            if ends {
                stored.extend([0, 0]);
            }
            let mut value = "left from before".to_owned();
            let is_read = read(&stored, &mut value);
            let expected = decoded(&stored);
            prop_assert_eq!(is_read, expected.is_some());
            if let Some(expected) = expected {
                prop_assert_eq!(value, expected.to_ascii_lowercase());
            }
        }
    }
}
