//! Reads the JSON file in which Velociraptor states which ranges of a sparse file it collected.
//!
//! Velociraptor leaves out the ranges of a file for which its volume has no clusters. It writes the
//! other ranges one directly after the other into a file such as `x.evtx`, and beside it the index,
//! here `x.evtx.idx`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

/// The ending of the file name of a Velociraptor index, which states the collected ranges of a
/// sparse file. What precedes the ending is the name of the collected file.
const ENDING: &[u8] = b".idx";
/// The largest Velociraptor index of a sparse file that is read, in bytes: 4 MiB. An index of a
/// file with ten thousand ranges has about a MiB.
pub const MOST_INDEX: usize = 4 << 20;
/// The size in bytes of the largest sparse file whose Velociraptor index is accepted: 1 TiB.
const MOST_SIZE: u64 = 1 << 40;

/// A range of a sparse file that Velociraptor collected: where it was in the file on the host, and
/// where it is in the collected copy. Bytes of the file outside of the collected ranges are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectedRange {
    /// The offset of the range in the sparse file on its host, in bytes.
    pub original: u64,
    /// The offset of the range in the collected copy of the sparse file, in bytes.
    pub stored: u64,
    /// The length of the collected range in bytes, which is never 0.
    pub length: u64,
}

/// What a Velociraptor index says of a sparse file: the file's size, and the ranges that were
/// collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseIndex {
    /// The size of the sparse file on its host, in bytes.
    pub size: u64,
    /// The ranges of the sparse file that were collected, in the order of their offsets in the file
    /// on its host. None overlaps another.
    pub ranges: Vec<CollectedRange>,
}

/// A Velociraptor index of a sparse file, with the fields that its JSON has.
#[derive(Deserialize)]
struct Document {
    ranges: Vec<Entry>,
}

/// A range in a Velociraptor index, with the fields that its JSON has. Velociraptor leaves out a
/// field that is 0.
#[derive(Deserialize)]
struct Entry {
    #[serde(default, alias = "originalOffset", deserialize_with = "number")]
    original_offset: u64,
    #[serde(default, alias = "fileOffset", deserialize_with = "number")]
    file_offset: u64,
    #[serde(default, alias = "fileLength", deserialize_with = "number")]
    file_length: u64,
    #[serde(default, deserialize_with = "number")]
    length: u64,
}

/// Reads a number from JSON. The number can also be in quotation marks, because some writers of
/// JSON put numbers of 64 bits into them.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number<'a> {
        Plain(u64),
        Quoted(#[serde(borrow)] Cow<'a, str>),
    }
    match Number::deserialize(from)? {
        Number::Plain(number) => Ok(number),
        Number::Quoted(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

impl SparseIndex {
    /// Returns the name or path of the sparse file to which a Velociraptor index belongs. `index`
    /// is the name or path of the index: `x.evtx.idx` gives `x.evtx`. Returns `None` if `index` is
    /// not the name of an index.
    #[must_use]
    pub fn file_of(index: &[u8]) -> Option<&[u8]> {
        let (file, ending) = index.split_at_checked(index.len().checked_sub(ENDING.len())?)?;
        (ending == ENDING && !file.is_empty()).then_some(file)
    }

    /// Reads the bytes of a Velociraptor index of a sparse file. `stored` is the size in bytes of
    /// the collected copy of the file. Fails if the index is not valid or larger than
    /// [`MOST_INDEX`], or if the lengths of its ranges do not add up to `stored`.
    pub fn parse(index: &[u8], stored: u64) -> Result<Self, String> {
        if index.len() > MOST_INDEX {
            return Err(format!("expected at most {MOST_INDEX} bytes, found more"));
        }
        let document: Document = serde_json::from_slice(index)
            .map_err(|error| format!("expected JSON with the ranges of a file, found other text: {error}"))?;
        let (mut size, mut expected, mut ranges) = (0, 0, Vec::new());
        for (number, entry) in document.ranges.iter().enumerate() {
            let Entry { original_offset: original, file_offset, file_length, length } = *entry;
            let end = original.checked_add(length).filter(|end| *end <= MOST_SIZE);
            let fits = original >= size && file_length <= length;
            let end = end.filter(|_| fits && (file_length == 0 || file_offset == expected)).ok_or_else(|| {
                format!("expected ranges in order, each after the other, found another range {number}: {length} bytes at {original}, stored as {file_length} bytes at {file_offset}")
            })?;
            if file_length > 0 {
                ranges.push(CollectedRange { original, stored: file_offset, length: file_length });
            }
            (size, expected) = (end, expected + file_length);
        }
        if expected != stored {
            return Err(format!("expected ranges of {stored} bytes, which the file has, found {expected}"));
        }
        Ok(SparseIndex { size, ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_the_ranges_that_were_collected() {
        let range = |original, stored, length| CollectedRange { original, stored, length };
        for text in [
            // Go leaves out what is 0.
            r#"{"ranges":[{"file_length":10,"length":10},{"file_offset":10,"original_offset":10,"length":90},{"original_offset":100,"file_offset":10,"file_length":5,"length":8}]}"#,
            r#"{"ranges":[{"fileLength":"10","length":"10"},{"fileOffset":"10","originalOffset":"10","length":"90"},{"originalOffset":"100","fileOffset":"10","fileLength":"5","length":"8"}]}"#,
        ] {
            let index = SparseIndex::parse(text.as_bytes(), 15).unwrap();
            assert_eq!(index, SparseIndex { size: 108, ranges: vec![range(0, 0, 10), range(100, 10, 5)] });
            let error = SparseIndex::parse(text.as_bytes(), 16).unwrap_err();
            assert_eq!(error, "expected ranges of 16 bytes, which the file has, found 15");
        }
        let holes = SparseIndex::parse(br#"{"ranges":[{"length":70}]}"#, 0).unwrap();
        assert_eq!(holes, SparseIndex { size: 70, ranges: Vec::new() });
    }

    #[test]
    fn an_index_that_cannot_be_right_is_refused() {
        for (text, part) in [
            ("", "expected JSON"),
            ("[]", "expected JSON"),
            (r#"{"ranges":[{"length":-1}]}"#, "expected JSON"),
            (r#"{"ranges":[{"length":"x"}]}"#, "expected JSON"),
            (r#"{"ranges":[{"length":18446744073709551615,"original_offset":9}]}"#, "another range 0"),
            (r#"{"ranges":[{"length":1099511627777}]}"#, "another range 0"),
            (r#"{"ranges":[{"length":4,"file_length":5}]}"#, "another range 0"),
            (r#"{"ranges":[{"length":4,"file_length":4,"file_offset":1}]}"#, "another range 0"),
            (r#"{"ranges":[{"length":9},{"length":4,"original_offset":8}]}"#, "another range 1"),
        ] {
            let error = SparseIndex::parse(text.as_bytes(), 0).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = [br#"{"ranges":[]}"#, &vec![b' '; MOST_INDEX][..]].concat();
        assert!(SparseIndex::parse(&long, 0).unwrap_err().contains("at most"));
    }

    #[test]
    fn an_index_is_named_after_its_file() {
        assert_eq!(SparseIndex::file_of(b"a/x.evtx.idx"), Some(&b"a/x.evtx"[..]));
        assert_eq!([SparseIndex::file_of(b".idx"), SparseIndex::file_of(b"x.evtx")], [None, None]);
    }
}
