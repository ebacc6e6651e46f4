//! Encodes values of Sigma rules as UTF-16 and Base64, for the modifiers `utf16`, `utf16le` (or
//! `wide`), `utf16be`, `base64` and `base64offset`.

/// The 64 letters of Base64 (RFC 4648). The index of each letter is the six-bit number that it
/// stands for.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An encoding that a modifier of a Sigma rule, such as `base64`, applies to a value of the rule
/// before the value is compared with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueEncoding {
    /// UTF-16 with the low byte first (the modifiers `utf16le` and `wide`).
    Utf16Le,
    /// UTF-16 with the high byte first (the modifier `utf16be`).
    Utf16Be,
    /// UTF-16 with the low byte first, after a byte order mark (the modifier `utf16`).
    Utf16WithMark,
    /// The Base64 of the whole value (the modifier `base64`).
    Base64,
    /// The Base64 of any longer text that contains the value (the modifier `base64offset`). Three
    /// bytes become four letters, so the value can begin at three alignments, with three results.
    /// Only the letters that do not depend on the surrounding text are compared.
    Base64Offset,
}

/// Applies all `encodings` to `text`, a value of a Sigma rule, one after the other. Returns several
/// texts if one of the encodings is `base64offset`, which has three results. Returns an error if an
/// encoding cannot be applied to the result of the one before it, if the final result is not UTF-8
/// (as can happen for UTF-16 without Base64 after it), or if the value is too short for
/// `base64offset`.
pub(super) fn encoded(text: &str, encodings: &[ValueEncoding]) -> Result<Vec<String>, String> {
    let mut values = vec![text.as_bytes().to_vec()];
    for encoding in encodings {
        let mut next = Vec::new();
        for value in &values {
            next.extend(encoding.apply(value)?);
        }
        values = next;
    }
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .map_err(|_| "expected base64 or base64offset after utf16: fields hold text".to_owned())
    };
    values.into_iter().map(text).collect()
}

impl ValueEncoding {
    fn apply(self, value: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let units = || {
            let text = std::str::from_utf8(value).map_err(|_| "expected utf16 before base64".to_owned())?;
            Ok::<_, String>(text.encode_utf16().collect::<Vec<u16>>())
        };
        Ok(match self {
            ValueEncoding::Utf16Le => vec![units()?.into_iter().flat_map(u16::to_le_bytes).collect()],
            ValueEncoding::Utf16Be => vec![units()?.into_iter().flat_map(u16::to_be_bytes).collect()],
            ValueEncoding::Utf16WithMark => {
                let marked = std::iter::once(0xfeff).chain(units()?);
                vec![marked.flat_map(u16::to_le_bytes).collect()]
            }
            ValueEncoding::Base64 => vec![base64(value)],
            ValueEncoding::Base64Offset => offsets(value)?,
        })
    }
}

/// The three results of the modifier `base64offset`: the Base64 of `value` after zero, one and two
/// other bytes, without the letters that depend on the bytes before and after the value. Fails if
/// the value has fewer than two bytes.
fn offsets(value: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    // At one of the three alignments, all letters of a single byte depend on its neighbours.
    if value.len() < 2 {
        return Err(format!("base64offset: expected a value of at least two bytes, found {}", value.len()));
    }
    let at = |offset: usize| {
        let mut bytes = vec![0; offset];
        bytes.extend_from_slice(value);
        // A letter encodes six bits. `first` is the first letter without bits of the bytes before
        // the value, and `end` the first letter with bits of the bytes after it.
        let first = (offset * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        base64(&bytes).get(first..end).unwrap_or_default().to_vec()
    };
    Ok((0..3).map(at).collect())
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let letter = if place <= group.len() { BASE64.get(index).copied() } else { None };
            text.push(letter.unwrap_or(b'='));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ValueEncoding::{Base64, Base64Offset, Utf16Be, Utf16Le, Utf16WithMark};
    use super::*;

    /// Tests that values are encoded to the same texts as by Python's `base64` and by the Sigma
    /// compiler pySigma 2.0.1.
    #[test]
    fn values_of_another_implementation() {
        for (text, encodings, expected) in [
            ("evil", &[Base64][..], &["ZXZpbA=="][..]),
            ("f", &[Base64], &["Zg=="]),
            ("fo", &[Base64], &["Zm8="]),
            ("foo", &[Base64], &["Zm9v"]),
            ("évil", &[Base64], &["w6l2aWw="]),
            ("evil", &[Base64Offset], &["ZXZpb", "V2aW", "ldmls"]),
            ("/bin/bash", &[Base64Offset], &["L2Jpbi9iYXNo", "9iaW4vYmFza", "vYmluL2Jhc2"]),
            ("evil", &[Utf16Le, Base64], &["ZQB2AGkAbAA="]),
            ("evil", &[Utf16Be, Base64], &["AGUAdgBpAGw="]),
            ("evil", &[Utf16WithMark, Base64], &["//5lAHYAaQBsAA=="]),
            ("evil", &[Utf16Le, Base64Offset], &["ZQB2AGkAbA", "UAdgBpAGwA", "lAHYAaQBsA"]),
            ("ab", &[Utf16Le], &["a\0b\0"]),
        ] {
            assert_eq!(encoded(text, encodings).unwrap(), expected, "{text} {encodings:?}");
        }
    }

    #[test]
    fn values_that_cannot_be_encoded_are_refused() {
        assert!(encoded("a", &[Base64Offset]).unwrap_err().contains("at least two bytes"));
        assert!(encoded("é", &[Utf16WithMark]).unwrap_err().contains("after utf16"));
    }
}
