//! The `by` values of a row of a `stats` table, encoded as one byte string. Two byte strings
//! compare as the values that they encode do, so rows can be sorted by them.
//!
//! There can be as many rows as matches, each with a dozen values. Separate values would take
//! several times the memory, and each would be hashed and compared by itself.

use crate::base::byte_search::find;
use crate::detect::stats::column::StatsValue;
use crate::event::EventTime;

/// The first byte of a text that is encoded in a [`RowKey`].
const TEXT: u8 = 1;
/// The first byte of a time that is encoded in a [`RowKey`].
const TIME: u8 = 2;
/// The byte that ends a text in a [`RowKey`]: it is written twice after the text. A byte of the
/// text itself that has this value is followed by [`IN_TEXT`]. So a text sorts before every longer
/// text that begins with it.
const END: u8 = 0;
/// The byte that is written after an [`END`] byte that belongs to the text itself.
const IN_TEXT: u8 = 1;

/// The values of the `by` columns in a row of a `stats` table, encoded as one byte string. The keys
/// of a table's rows sort like the values, so the rows can be sorted by their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::detect) struct RowKey(Vec<u8>);

impl RowKey {
    /// Encodes the values of the `by` columns in a row of a `stats` table as the key of the row.
    pub(in crate::detect) fn of<'a>(values: impl IntoIterator<Item = &'a StatsValue>) -> Self {
        let mut key = RowKey::with_room();
        values.into_iter().for_each(|value| key.push(value));
        key
    }

    /// Appends the encoding of a value of a `by` column to the row's key. The value is a text or a
    /// time; a value of another type is left out.
    fn push(&mut self, value: &StatsValue) {
        match value {
            StatsValue::Text(text) => self.push_text(text),
            StatsValue::Time(time) => self.push_time(*time),
            StatsValue::Null | StatsValue::Integer(_) | StatsValue::List(_) => {}
        }
    }

    /// Appends the encoding of a text to the row's key.
    pub(super) fn push_text(&mut self, text: &str) {
        self.0.push(TEXT);
        let mut rest = text.as_bytes();
        while let Some((before, behind)) = find(END, rest).and_then(|end| rest.split_at_checked(end + 1)) {
            self.0.extend_from_slice(before);
            self.0.push(IN_TEXT);
            rest = behind;
        }
        self.0.extend_from_slice(rest);
        self.0.extend([END, END]);
    }

    /// Appends the encoding of a time, which takes 9 bytes, to the row's key.
    pub(super) fn push_time(&mut self, time: EventTime) {
        self.0.push(TIME);
        // With the highest bit inverted, signed numbers sort like unsigned ones.
        self.0.extend((time.ticks() ^ i64::MIN).to_be_bytes());
    }

    /// Returns an empty row key with memory for the values of most events, so that adding the
    /// values seldom needs more memory.
    pub(super) fn with_room() -> Self {
        RowKey(Vec::with_capacity(512))
    }

    /// Returns a copy of the row's key without spare memory. A `stats` table keeps this copy for
    /// each row.
    pub(in crate::detect) fn compact_copy(&self) -> Self {
        RowKey(self.0.as_slice().to_vec())
    }

    /// Decodes the key of a row of a `stats` table into the values of the `by` columns. The result
    /// has capacity for `columns` values, so that those of the other columns can be appended.
    pub(in crate::detect) fn values(&self, columns: usize) -> Vec<StatsValue> {
        let mut values = Vec::with_capacity(columns);
        let mut rest = self.0.as_slice();
        while let Some((kind, bytes)) = rest.split_first() {
            let (value, behind) = if *kind == TEXT { text(bytes) } else { time(bytes) };
            values.push(value);
            rest = behind;
        }
        values
    }
}

/// Decodes the text at the start of `bytes`, which follow the byte [`TEXT`]. Returns the text, and
/// the bytes that follow its encoding.
fn text(mut bytes: &[u8]) -> (StatsValue, &[u8]) {
    let mut text = Vec::with_capacity(find(END, bytes).unwrap_or(0));
    let mut behind: &[u8] = &[];
    while let Some(end) = find(END, bytes) {
        let (before, rest) = bytes.split_at(end);
        text.extend_from_slice(before);
        let Some(rest) = rest.strip_prefix(&[END, IN_TEXT]) else {
            behind = rest.get(2..).unwrap_or_default();
            break;
        };
        text.push(END);
        bytes = rest;
    }
    // Only text was encoded, so decoding cannot fail.
    (StatsValue::Text(String::from_utf8(text).unwrap_or_default()), behind)
}

/// Decodes the time at the start of `bytes`, which follow the byte [`TIME`]. Returns the time, and
/// the bytes that follow its encoding.
fn time(bytes: &[u8]) -> (StatsValue, &[u8]) {
    let (ticks, behind) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
    (StatsValue::Time(EventTime::from_ticks(i64::from_be_bytes(*ticks) ^ i64::MIN)), behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(values: &[StatsValue]) -> RowKey {
        let mut key = RowKey::default();
        for value in values {
            key.push(value);
        }
        key
    }

    fn row() -> impl Strategy<Value = Vec<StatsValue>> {
        let text = || prop_oneof!["[a\0\u{1}é]{0,4}", any::<String>()].prop_map(StatsValue::Text);
        let time =
            prop_oneof![-2..2_i64, any::<i64>()].prop_map(EventTime::from_ticks).prop_map(StatsValue::Time);
        (text(), time, text()).prop_map(|(first, second, third)| vec![first, second, third])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Tests that row keys compare like the values that they encode, which are compared
        /// directly.
        #[test]
        fn a_key_is_ordered_as_its_values(left in row(), right in row()) {
            prop_assert_eq!(key(&left).cmp(&key(&right)), left.cmp(&right));
            prop_assert_eq!(key(&left).values(0), left);
        }
    }
}
