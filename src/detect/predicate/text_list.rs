//! A list of texts in one buffer. A list of indicators or a rule can have a hundred thousand texts,
//! and each takes only four bytes more than its letters.

/// A list of texts in one buffer. Each text has a number: its index in the list, from 0.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::detect) struct TextList {
    texts: String,
    /// The end of each text, as an offset in `texts`, in bytes.
    ends: Vec<u32>,
}

impl TextList {
    /// Reserves memory for this number of texts, which have `bytes` bytes together.
    pub(in crate::detect) fn reserve(&mut self, texts: usize, bytes: usize) {
        self.texts.reserve(bytes);
        self.ends.reserve(texts);
    }

    /// Returns the number that the text that is added next gets: its 0-based index, which equals
    /// the count of texts so far.
    pub(in crate::detect) fn next(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("there are fewer texts than bytes in files with them")
    }

    /// Adds a single text, which is the concatenation of `parts`.
    pub(in crate::detect) fn push<'a>(&mut self, parts: impl IntoIterator<Item = &'a str>) {
        self.texts.extend(parts);
        let end = u32::try_from(self.texts.len());
        self.ends.push(end.expect("what is read of files with texts has less than 4 GiB"));
    }

    /// Returns the text with this number, from 0; an empty text if the list has no text with this
    /// number.
    pub(in crate::detect) fn get(&self, number: u32) -> &str {
        let end = |number: u32| self.ends.get(number as usize).copied();
        let start = number.checked_sub(1).and_then(end).unwrap_or(0);
        self.texts.get(start as usize..end(number).unwrap_or(start) as usize).unwrap_or_default()
    }

    /// The number of texts in the list.
    pub(in crate::detect) fn len(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_number() {
        let mut list = TextList::default();
        for parts in [&["a", "é"][..], &[], &["b"]] {
            list.push(parts.iter().copied());
        }
        assert_eq!((0..4).map(|number| list.get(number)).collect::<Vec<_>>(), ["aé", "", "b", ""]);
        assert_eq!((list.len(), list.next()), (3, 3));
    }
}
