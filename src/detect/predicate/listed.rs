//! The names and addresses of a list of indicators. One lookup finds the entries that an event
//! matches. The text of each entry is kept as it is written in the list, so that a match shows
//! which entry it was.

use crate::base::fast_map::FastMap;
use crate::base::text_set::TextSet;
use crate::detect::predicate::network::{Network, NetworkSet};
use crate::detect::predicate::on_label::is_on_label;
use crate::detect::predicate::pattern::fold;
use crate::detect::predicate::text_index::{Described, TextIndex};
use crate::detect::predicate::text_list::TextList;
use crate::detect::predicate::text_table::TextTable;
use crate::event::ascii_name;

/// The entries of a list of indicators that describe names. They are compared with the name that a
/// DNS query asks for. A full stop at the end of that name and the case of its letters do not
/// matter. If the name is not ASCII, its form in Punycode is compared, too.
#[derive(Debug, Default, Clone)]
pub struct NameList {
    /// The name of the list of indicators, for messages.
    list: String,
    /// The entries for names, as they are written in the list, without repeated ones.
    entries: TextList,
    index: TextIndex,
    /// The entries that are patterns, by their indexes in `entries`.
    patterns: FastMap<u32, NamePattern>,
    /// The texts of the patterns, in lower case, by which a repeated pattern is recognised.
    pattern_texts: TextTable,
}

/// The addresses and networks of a list of indicators. They are compared with the addresses in the
/// answer to a DNS query.
#[derive(Debug, Default, Clone)]
pub struct AddressList {
    /// The name of the list of indicators, for messages.
    list: String,
    /// The entries for addresses and networks, as they are written in the list, without repeated
    /// ones.
    entries: TextList,
    networks: NetworkSet,
}

/// Whether an entry of a list of indicators was added, or was dropped because an earlier entry
/// describes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Added {
    New,
    Repeated,
}

impl Added {
    fn of(known: Option<u32>) -> Self {
        if known.is_some() { Added::Repeated } else { Added::New }
    }
}

impl NameList {
    /// Makes an empty list of entries for names. `list` is the name of the list of indicators, for
    /// messages.
    pub(in crate::detect) fn new(list: &str) -> Self {
        NameList { list: list.to_owned(), ..NameList::default() }
    }

    /// Reserves memory for this number of entries, which have `bytes` bytes together.
    pub(in crate::detect) fn reserve(&mut self, entries: usize, bytes: usize) {
        self.index.reserve(Described::ItselfAndBelow(""), entries, bytes);
        self.entries.reserve(entries, bytes);
    }

    /// Reads the memory at which an entry will be added, as [`TextIndex::prepare`] does.
    /// `described` is the names that the entry describes.
    pub(in crate::detect) fn prepare(&mut self, described: Described<'_>) {
        self.index.prepare(described);
    }

    /// Adds an entry for names, unless an earlier entry describes the same. `text` is the entry as
    /// written in the list, and `described` is the names that it describes. Returns whether the
    /// entry is new.
    pub(in crate::detect) fn add(&mut self, text: &str, described: Described<'_>) -> Added {
        let added = Added::of(self.index.add(described, self.entries.next()));
        if added == Added::New {
            self.entries.push([text]);
        }
        added
    }

    /// Adds an entry that is a pattern for names, unless an equal pattern was added. `text` is the
    /// entry as written in the list. Returns whether the pattern is new.
    pub(in crate::detect) fn add_pattern(&mut self, text: &str, pattern: NamePattern) -> Added {
        let number = self.entries.next();
        let added = Added::of(self.pattern_texts.add(&pattern.0, number));
        if added == Added::New {
            self.index.add_pattern(pattern.literals(), number);
            self.patterns.insert(number, pattern);
            self.entries.push([text]);
        }
        added
    }

    /// Prepares the list for fast searches. To be called after all entries were added; without it,
    /// searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.index.seal();
    }

    /// Returns true if an entry of the list describes a queried name.
    #[must_use]
    pub fn describes(&self, name: &str) -> bool {
        let [folded, ascii] = forms(name);
        let any = |name: &String| self.index.any(name, |number| self.is_match(number, name));
        folded.iter().chain(&ascii).any(any)
    }

    /// Returns the entries that describe a queried name, as they are written in the list, in the
    /// order of the list.
    pub fn entries_for(&self, name: &str) -> impl Iterator<Item = &str> {
        let [folded, ascii] = forms(name);
        let all = |name: &String| self.index.all(name, |number| self.is_match(number, name));
        let mut found: Vec<u32> = folded.iter().chain(&ascii).flat_map(all).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|number| self.entries.get(number))
    }

    /// Returns true if the text of an entry lies on label boundaries (is one or more whole labels)
    /// in a queried name that the entry describes; false if the text begins or ends inside a label.
    /// Always true for an entry without wildcards.
    pub(in crate::detect) fn is_on_label(entry: &str, name: &str) -> bool {
        let pieces: Vec<String> = entry.split(['*', '?']).map(fold).collect();
        pieces.len() == 1 || is_on_label(&pieces, name)
    }

    /// Returns the number of entries of the list of indicators that describe names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if the list of indicators has no entry that describes names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns in words what the list of indicators requires of an event: that an entry describes
    /// the queried name. Descriptions of a rule's condition show this text.
    pub(in crate::detect) fn description(&self) -> String {
        format!("QueryName is listed in {} (entries for names: {})", self.list, self.len())
    }

    fn is_match(&self, number: u32, name: &str) -> bool {
        self.patterns.get(&number).is_some_and(|pattern| pattern.matches(name))
    }
}

/// Returns the forms of a queried name that are compared with a list, without a dot at the end: the
/// name in lower case, and the name in Punycode if it is not ASCII and has that form.
fn forms(name: &str) -> [Option<String>; 2] {
    let name = name.strip_suffix('.').unwrap_or(name);
    let ascii = (!name.is_ascii()).then(|| ascii_name(name)).flatten();
    [Some(fold(name)), ascii]
}

impl AddressList {
    /// Makes an empty list of entries for addresses. `list` is the name of the list of indicators,
    /// for messages.
    pub(in crate::detect) fn new(list: &str) -> Self {
        AddressList { list: list.to_owned(), ..AddressList::default() }
    }

    /// Adds an entry for an address or a network, unless an earlier entry is the same network.
    /// `text` is the entry as written in the list. Returns whether the entry is new.
    pub(in crate::detect) fn add(&mut self, text: &str, network: Network) -> Added {
        let added = Added::of(self.networks.add(network, self.entries.next()));
        if added == Added::New {
            self.entries.push([text]);
        }
        added
    }

    /// Prepares the list for fast searches. To be called after all entries were added; without it,
    /// searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.networks.seal();
    }

    /// Returns true if an entry of the list is or contains an address in `results`, the value of
    /// the event's field QueryResults.
    #[must_use]
    pub fn has_any_in(&self, results: &str) -> bool {
        self.networks.in_results(results).next().is_some()
    }

    /// Returns the entries that are or contain an address in `results`, the value of the event's
    /// field QueryResults. They are as written in the list, in the order of the list.
    pub fn entries_for(&self, results: &str) -> impl Iterator<Item = &str> {
        let mut found: Vec<u32> = self.networks.in_results(results).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|number| self.entries.get(number))
    }

    /// Returns the number of entries of the list of indicators that are addresses or networks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if the list of indicators has no entry that is an address or a network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns in words what the list of indicators requires of an event: that an entry contains an
    /// address in the answer. Descriptions of a rule's condition show this text.
    pub(in crate::detect) fn description(&self) -> String {
        format!(
            "an address of QueryResults is listed in {} (entries for addresses: {})",
            self.list,
            self.len()
        )
    }
}

/// Two lists are equal if they have equal entries in the same order. The names of the lists do not
/// matter.
impl PartialEq for NameList {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for NameList {}

impl PartialEq for AddressList {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for AddressList {}

impl TextSet for NameList {
    fn contains(&self, text: &str) -> bool {
        if !text.is_ascii() {
            return self.describes(text);
        }
        // The text is in lower case already.
        let name = text.strip_suffix('.').unwrap_or(text);
        self.index.any(name, |number| self.is_match(number, name))
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl TextSet for AddressList {
    fn contains(&self, text: &str) -> bool {
        self.has_any_in(text)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// A pattern for names in lower case, in which `*` stands for any number of characters, including
/// none and dots, and `?` for one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct NamePattern(String);

impl NamePattern {
    /// Makes a pattern for names from its text, which is in lower case and can have the wildcards
    /// `*` and `?`.
    pub(in crate::detect) fn new(text: String) -> Self {
        NamePattern(text)
    }

    /// Returns the texts before, between and after the pattern's wildcards, some of which may be
    /// empty.
    pub(in crate::detect) fn literals(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split(['*', '?'])
    }

    /// Returns true if the pattern matches the whole of a name, which must be in lower case. A `*`
    /// first matches as little as possible. If the text after it does not match, only the last `*`
    /// is made to match more, so the time is at most the product of both lengths.
    fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.as_str(), name);
        // What follows the last `*`, and the rest of the name of which that `*` has taken nothing
        // more yet.
        let mut last: Option<(&str, &str)> = None;
        loop {
            let (mut wanted, mut letters) = (pattern.chars(), rest.chars());
            match (wanted.next(), letters.next()) {
                (Some('*'), _) => {
                    pattern = wanted.as_str();
                    last = Some((pattern, rest));
                    continue;
                }
                (None, None) => return true,
                (Some(wanted_letter), Some(letter)) if wanted_letter == '?' || wanted_letter == letter => {
                    (pattern, rest) = (wanted.as_str(), letters.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = last else { return false };
            let mut letters = from.chars();
            if letters.next().is_none() {
                return false;
            }
            (pattern, rest) = (after, letters.as_str());
            last = Some((after, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Matches a name with a pattern by the definition, slowly.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some('*'), None) => naive(&pattern[1..], name),
            (Some('*'), Some(_)) => naive(&pattern[1..], name) || naive(pattern, &name[1..]),
            (Some('?'), Some(_)) => naive(&pattern[1..], &name[1..]),
            (Some(one), Some(other)) if one == other => naive(&pattern[1..], &name[1..]),
            _ => false,
        }
    }

    #[test]
    fn many_wildcards_take_no_exponential_time() {
        let pattern = NamePattern::new(format!("{}b", "*a".repeat(120)));
        let started = std::time::Instant::now();
        assert!(!pattern.matches(&"a".repeat(60_000)));
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn names_outside_ascii_are_compared_in_both_forms() {
        let mut list = NameList::new("list");
        list.add("bücher.example", Described::ItselfAndBelow("xn--bcher-kva.example"));
        list.add_pattern("*CAFÉ*", NamePattern::new("*café*".to_owned()));
        for (name, expected) in [
            ("bücher.example", &["bücher.example"][..]),
            ("www.BÜCHER.example.", &["bücher.example"]),
            ("xn--bcher-kva.example", &["bücher.example"]),
            ("a.Café.example", &["*CAFÉ*"]),
            ("a.cafe.example", &[]),
            ("", &[]),
            (".", &[]),
        ] {
            assert_eq!(list.entries_for(name).collect::<Vec<_>>(), expected, "{name}");
            assert_eq!(list.describes(name), !expected.is_empty(), "{name}");
            assert_eq!(TextSet::contains(&list, &name.to_ascii_lowercase()), !expected.is_empty(), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn a_pattern_matches_by_the_definition(pattern in "[ab*?é.]{0,8}", name in "[abé.]{0,10}") {
            let expected = naive(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(NamePattern::new(pattern).matches(&name), expected);
        }

        /// Compares a list of networks with each network, one after the other.
        #[test]
        fn addresses_are_found_as_by_a_look_at_each_network(
            networks in prop::collection::vec("10\\.[01]\\.0\\.[0-3](/(3|8|16|20|22|30|32))?|2001:d[bc]8::[0-3](/(32|127))?|2001::/16", 0..10),
            items in prop::collection::vec("(::ffff:|::FFFF:)?(10|12)\\.[0-2]\\.[01]\\.[0-3]|2001:d[bc]8::[0-3]|type: 5 a\\.b|10\\.0", 0..4),
            cut in any::<bool>(),
        ) {
            let results = format!("{}{}", items.join(";"), if cut { "" } else { ";" });
            let mut list = AddressList::new("list");
            let mut expected: Vec<&str> = Vec::new();
            for text in &networks {
                let network = Network::parse(text).unwrap();
                if list.add(text, network) == Added::New
                    && network.contains_any_in(crate::detect::Field::QUERY_RESULTS, &results)
                {
                    expected.push(text);
                }
            }
            prop_assert_eq!(list.entries_for(&results).collect::<Vec<_>>(), expected.as_slice());
            list.seal();
            prop_assert_eq!(list.has_any_in(&results), !expected.is_empty());
            prop_assert_eq!(list.entries_for(&results).collect::<Vec<_>>(), expected);
        }
    }
}
