//! Packs the rows of the page's grids (lists that can be searched) into text: JSON by columns,
//! deflated, in base64. Texts that repeat are written once, and numbers as differences from the row
//! before. Packed text never contains markup, even if the rows do.

use std::hash::Hash;
use std::io::{BufWriter, Write};

use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::write::EncoderStringWriter;
use serde::Serialize;

use crate::base::deflate;
use crate::base::fast_map::FastMap;

/// Why writing into memory is expected to succeed: the message of a panic that cannot occur.
const INFALLIBLE: &str = "writing into memory does not fail";

/// Packs the rows of one of the page's grids (lists that can be searched) into text, column by
/// column.
pub(super) struct Columns {
    to: BufWriter<deflate::Compressor<EncoderStringWriter<'static, GeneralPurpose, String>>>,
    /// The JSON text before the next column: a comma, or nothing before the first column.
    before: &'static str,
}

impl Columns {
    /// Begins a grid (a list on the page that can be searched) of `rows` rows, which has no column
    /// yet.
    pub(super) fn of(rows: usize) -> Self {
        let to = deflate::compressor(EncoderStringWriter::new(&STANDARD));
        let mut columns = Columns { to: BufWriter::with_capacity(1 << 16, to), before: "" };
        columns.write(&format!("{{\"rows\":{rows},\"columns\":{{"));
        columns
    }

    /// Adds the column `name`, which has a text in each row. `keys` has the key of each row. Rows
    /// with equal keys have the same text: `text` makes it of the key, and is called once for each
    /// distinct key.
    pub(super) fn texts<K: Copy + Eq + Hash>(
        mut self,
        name: &str,
        keys: impl Iterator<Item = K>,
        text: impl Fn(K) -> String,
    ) -> Self {
        self.begin(name, "places");
        let (mut distinct, mut places) = (Vec::new(), FastMap::default());
        let mut before = None;
        for (row, key) in keys.enumerate() {
            let place = match before {
                Some((known, place)) if known == key => place,
                _ => *places.entry(key).or_insert_with(|| {
                    distinct.push(key);
                    distinct.len() - 1
                }),
            };
            before = Some((key, place));
            self.item(row, &place);
        }
        self.write("],\"texts\":[");
        for (place, key) in distinct.into_iter().enumerate() {
            self.item(place, &text(key));
        }
        self.write("]}");
        self
    }

    /// Adds the column `name`, which has a number, or none, in each row. Times must be in seconds
    /// since 1970. Numbers outside the range of [`MOST_EXACT`] are replaced by the nearest number
    /// in it.
    pub(super) fn numbers(mut self, name: &str, numbers: impl Iterator<Item = Option<i64>>) -> Self {
        self.begin(name, "steps");
        let mut before = 0_i64;
        for (row, number) in numbers.enumerate() {
            // The script adds up the differences.
            let number = number.map(|number| number.clamp(-MOST_EXACT, MOST_EXACT));
            self.item(row, &number.map(|number| number - before));
            before = number.unwrap_or(before);
        }
        self.write("]}");
        self
    }

    /// Ends the grid, and returns its rows as text: JSON that is deflated and written in base64.
    pub(super) fn packed(mut self) -> String {
        self.write("}}");
        let to = self.to.into_inner().map_err(|_| INFALLIBLE).expect(INFALLIBLE);
        to.finish().expect(INFALLIBLE).into_inner()
    }

    fn begin(&mut self, name: &str, kind: &str) {
        let before = std::mem::replace(&mut self.before, ",");
        self.write(&format!("{before}\"{name}\":{{\"{kind}\":["));
    }

    fn item(&mut self, place: usize, item: &impl Serialize) {
        if place > 0 {
            self.write(",");
        }
        serde_json::to_writer(&mut self.to, item).expect(INFALLIBLE);
    }

    fn write(&mut self, text: &str) {
        self.to.write_all(text.as_bytes()).expect(INFALLIBLE);
    }
}

/// The greatest number in a grid (a list on the page that can be searched). Greater numbers become
/// this one, and numbers below its negative become its negative. JavaScript computes the difference
/// of any two numbers in this range exactly.
const MOST_EXACT: i64 = 1 << 52;

/// Packs the first of `rows` with `pack`: as many as fit into `most` bytes of packed text, or
/// slightly fewer. Returns the packed text, and the number of rows in it. Only a text without rows
/// can be longer than `most` bytes.
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

    use base64::Engine;

    use super::*;

    #[test]
    fn rows_that_do_not_fit_are_left_out() {
        let rows: Vec<u64> = (0..10_000).map(|row: u64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let pack = |rows: &[u64]| {
            Columns::of(rows.len()).texts("t", rows.iter().copied(), |row| row.to_string()).packed()
        };
        let all = pack(&rows).len();
        assert_eq!(packed_within(&rows, all, pack).1, 10_000);
        let (packed, count) = packed_within(&rows, all / 2, pack);
        assert!(packed.len() <= all / 2 && (4_000..5_000).contains(&count), "{count}");
        assert_eq!(packed_within(&rows, 0, pack).1, 0);
    }

    #[test]
    fn packed_rows_are_read_back_and_have_no_markup() {
        let texts = ["a", "</script>", "a"];
        let columns = Columns::of(3)
            .texts("t", texts.into_iter(), str::to_owned)
            .numbers("n", [Some(1), None, Some(-3)].into_iter());
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
            r#"{"rows":3,"columns":{"t":{"places":[0,1,0],"texts":["a","</script>"]},"n":{"steps":[1,null,-4]}}}"#
        );
    }
}
