//! Packs the rows of the page's grids: JSON by columns, deflated, in base64. Texts that repeat are
//! written once. Packed text contains no markup, whatever the rows contain.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::base::deflate;

/// The rows of a grid, column by column.
#[derive(Debug, Default, Serialize)]
pub(super) struct Columns {
    rows: usize,
    columns: BTreeMap<&'static str, Values>,
}

/// The values of a column of a grid, one for each row.
#[derive(Debug, Serialize)]
struct Values {
    /// The distinct texts of the column, in the order of their first row; `None` for numbers.
    words: Option<Vec<String>>,
    /// The numbers of the column; for texts, their places in `words`.
    values: Vec<Option<i64>>,
}

impl Columns {
    /// Returns the columns for rows, of which there are `rows`.
    pub(super) fn of(rows: usize) -> Self {
        Columns { rows, columns: BTreeMap::new() }
    }

    /// Adds a column of texts.
    pub(super) fn texts(mut self, name: &'static str, texts: impl Iterator<Item = String>) -> Self {
        let (mut words, mut places) = (Vec::new(), HashMap::new());
        let values = texts.map(|text| {
            let next = i64::try_from(words.len()).ok();
            *places.entry(text).or_insert_with_key(|text| {
                words.push(text.clone());
                next
            })
        });
        let values = values.collect();
        self.columns.insert(name, Values { words: Some(words), values });
        self
    }

    /// Adds a column of numbers. Times are numbers of seconds since 1970.
    pub(super) fn numbers(mut self, name: &'static str, numbers: impl Iterator<Item = Option<i64>>) -> Self {
        self.columns.insert(name, Values { words: None, values: numbers.collect() });
        self
    }

    /// Returns the rows, packed.
    pub(super) fn packed(&self) -> String {
        let json = serde_json::to_vec(self).expect("numbers, texts and lists of them are JSON");
        STANDARD.encode(deflate::compressed(&json))
    }
}

/// Packs as many of the first `rows` as fit into `most` bytes, by `pack`. Returns them, and how many
/// they are.
pub(super) fn packed_within<R>(rows: &[R], most: usize, pack: impl Fn(&[R]) -> String) -> (String, usize) {
    let mut count = rows.len();
    loop {
        let packed = pack(rows.get(..count).unwrap_or_default());
        if packed.len() <= most || count == 0 {
            return (packed, count);
        }
        // A little less than would fit if all rows took the same space.
        count = count * 15 / 16 * most / packed.len();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn rows_that_do_not_fit_are_left_out() {
        let rows: Vec<u64> = (0..10_000).map(|row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let pack =
            |rows: &[u64]| Columns::of(rows.len()).texts("t", rows.iter().map(u64::to_string)).packed();
        let all = pack(&rows).len();
        assert_eq!(packed_within(&rows, all, pack).1, 10_000);
        let (packed, count) = packed_within(&rows, all / 2, pack);
        assert!(packed.len() <= all / 2 && (4_000..5_000).contains(&count), "{count}");
        assert_eq!(packed_within(&rows, 0, pack).1, 0);
    }

    #[test]
    fn packed_rows_are_read_back_and_have_no_markup() {
        let texts = ["a", "</script>", "a"].map(str::to_owned);
        let columns =
            Columns::of(3).texts("t", texts.into_iter()).numbers("n", [Some(1), None, Some(-3)].into_iter());
        let packed = columns.packed();
        assert!(
            packed.chars().all(|letter| letter.is_ascii_alphanumeric() || "+/=".contains(letter)),
            "{packed}"
        );
        let packed = STANDARD.decode(packed).unwrap();
        let mut json = String::new();
        flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_string(&mut json).unwrap();
        assert_eq!(
            json,
            r#"{"rows":3,"columns":{"n":{"words":null,"values":[1,null,-3]},"t":{"words":["a","</script>"],"values":[0,1,0]}}}"#
        );
    }
}
