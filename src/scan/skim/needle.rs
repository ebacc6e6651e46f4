//! Searches a DNS query's stored values for needles: the literals that detections require.
//!
//! A value is UTF-16 and begins where its descriptor says, so code units are compared instead of
//! bytes: the search need not try every byte of a record, and cannot hit across two adjacent
//! values.

use std::sync::Arc;

use aho_corasick::AhoCorasick;

use crate::base::text_set::{SoughtText, TextSet};
use crate::scan::evtx::binxml::text::Text;
use crate::scan::evtx::binxml::{Index, NULL, TEXT};
use crate::scan::evtx::template::DataTemplate;
use crate::scan::evtx::value::Values;
use crate::scan::skim::listed::Listed;
use crate::scan::skim::trigram::Trigrams;

/// Which records are decoded. All other records are only counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every record is decoded. None is only counted.
    #[default]
    Everything,
    /// Two groups of records are decoded: the DNS queries that contain what at least one of these
    /// descriptions requires, and the records that are not understood well enough to be counted
    /// without decoding.
    Wanted(Vec<WantedQueries>),
}

/// What happens to queries that Windows' own DNS client logged. They can only become leads (which
/// rest on the queried name alone), not matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DnsClient {
    /// Queries of the DNS client are only counted, as all events other than Sysmon's DNS queries
    /// are.
    #[default]
    Counted,
    /// Queries of the DNS client that at least one of these descriptions fits are decoded and
    /// returned too. If every record is decoded ([`Selection::Everything`]), all queries of the DNS
    /// client are returned.
    Wanted(Vec<WantedQueries>),
}

/// A description of the DNS queries that a detection could match: those that contain at least one
/// needle (a literal that a detection requires) of each set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedQueries {
    /// The sets of needles, which are literals that a field must contain. If there is no set, the
    /// description fits every DNS query.
    pub sets: Vec<Vec<Needle>>,
}

/// A needle: a text that a detection requires, or a set of texts of which it requires one, and the
/// field that must have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// The name of the `Data` element in which the literal is searched for, or whose value is
    /// looked up in the set of texts, such as `QueryName`.
    pub data: String,
    /// The literal that the field must contain, or the set of texts of which the field's whole
    /// value must be one. The search ignores the case of ASCII letters.
    pub text: SoughtText,
}

/// The needles (literals that a detection requires) of all detections, prepared for searching the
/// values of one DNS query after another. Each field is searched once, however many detections
/// there are.
#[derive(Debug)]
pub(in crate::scan) struct Needles {
    /// The needles (literals that a detection requires) of each field, in the order in which the
    /// fields are searched.
    fields: Vec<FieldNeedles>,
    /// For each description of wanted DNS queries ([`WantedQueries`]), the indexes of its sets of
    /// needles (literals that a detection requires) among the sets of all descriptions.
    wanted: Vec<Vec<usize>>,
    /// For each set of needles (literals that a detection requires), the number of fields, in the
    /// order of searching, after which all fields that the set's needles name have been searched.
    /// If no needle of the set was found by then, none will be found.
    searched: Vec<usize>,
    /// For each set of needles (literals that a detection requires), true if one of its needles was
    /// found in the DNS query that is being searched. Valid only once any needle was found in the
    /// query.
    hits: Vec<bool>,
    /// A buffer for the text that is being searched, with one byte for each UTF-16 unit. It is kept
    /// so that its memory can be reused for the next text.
    text: Vec<u8>,
}

/// The needles (texts that a detection requires) of all detections for one field of a DNS query.
#[derive(Debug)]
struct FieldNeedles {
    /// The name of the searched field: that of its `Data` element, such as `QueryName`.
    data: String,
    /// The literals that detections require in the searched field; `None` if they require none.
    literals: Option<Literals>,
    /// The sets of texts in which the whole value of the searched field is looked up.
    listed: Listed,
    /// True if a detection may still want a DNS query after this field was searched, even if no
    /// needle (a text that a detection requires) was found in this field and those before it. If
    /// false, a query without a needle so far is unwanted, and is not searched further.
    open_without_hits: bool,
}

/// The literals that detections require in one field of a DNS query.
#[derive(Debug)]
struct Literals {
    /// A fast test whether a text may contain any of the literals; `None` if the literals are not
    /// suited to the test, because they are too many or too short.
    marks: Option<Trigrams>,
    /// The search for all of the literals at once.
    finder: AhoCorasick,
    /// For each literal, in the order in which `finder` knows them, the index of the set of needles
    /// that it belongs to. A detection requires at least one needle of a set. The index counts the
    /// sets of all detections.
    sets: Vec<usize>,
    /// The index of the set of needles that all literals belong to, among the sets of all
    /// detections; `None` if they belong to several sets. A detection requires at least one needle
    /// of a set.
    only_set: Option<usize>,
}

/// Which of the `EventData` values of a template definition's records contain the searched fields:
/// for each field of [`Needles`], in the order of searching, the index of the value; `None` if the
/// definition does not have the field.
#[derive(Debug)]
pub(in crate::scan) struct FieldIndexes(Vec<Option<Index>>);

impl Needles {
    /// Prepares the needles (literals that a detection requires) of `wanted` for searching. If they
    /// are too many for one search, every query counts as wanted.
    pub(in crate::scan) fn new(wanted: &[WantedQueries]) -> Self {
        let mut fields: Vec<(&str, SoughtInField<'_>)> = Vec::new();
        let mut searched = Vec::new();
        let mut numbered = Vec::new();
        for WantedQueries { sets } in wanted {
            numbered.push((searched.len()..searched.len() + sets.len()).collect());
            for set in sets {
                let number = searched.len();
                searched.push(0);
                for Needle { data, text } in set {
                    let known = fields.iter().position(|(name, _)| name == data);
                    let place = known.unwrap_or(fields.len());
                    if known.is_none() {
                        fields.push((data, SoughtInField::default()));
                    }
                    if let Some((_, sought)) = fields.get_mut(place) {
                        sought.add(text, number);
                    }
                }
            }
        }
        for (place, (_, sought)) in fields.iter().enumerate() {
            for set in sought.numbers() {
                if let Some(behind) = searched.get_mut(set) {
                    *behind = place + 1;
                }
            }
        }
        let hits = vec![false; searched.len()];
        let mut needles = Needles { fields: Vec::new(), wanted: numbered, searched, hits, text: Vec::new() };
        for (place, (data, SoughtInField { literals, listed })) in fields.into_iter().enumerate() {
            let open_without_hits = needles.is_open(place + 1);
            let Some(literals) = Literals::of(literals) else {
                // There are more literals than one search can handle: every query is decoded.
                return Needles { fields: Vec::new(), wanted: vec![Vec::new()], ..needles };
            };
            needles.fields.push(FieldNeedles { data: data.to_owned(), literals, listed, open_without_hits });
        }
        needles
    }

    /// Returns whether a detection may still want the DNS query that is being searched, after its
    /// first `fields` fields, in the order of searching, have been searched and at least one needle
    /// (a literal that a detection requires) was found in them.
    fn is_open(&self, fields: usize) -> bool {
        let may_hit = |set: &usize| {
            self.hits.get(*set).is_some_and(|hit| *hit)
                || self.searched.get(*set).is_some_and(|searched| *searched > fields)
        };
        self.wanted.iter().any(|sets| sets.iter().all(may_hit))
    }

    /// Returns the indexes of the values that contain the searched fields, for a template
    /// definition of `EventData`. `None` if the definition does not have a searched field that is
    /// in `all_have`, the fields that every event of the searched kind has: the field's name may be
    /// damaged, so that callers have the records decoded.
    pub(in crate::scan) fn places(
        &self,
        template: &DataTemplate<'_>,
        all_have: &[&str],
    ) -> Option<FieldIndexes> {
        let mut places = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let named = |(name, _): &&(Text<'_>, Index)| name.is(&field.data);
            let place = template.data.iter().find(named).map(|(_, index)| *index);
            if place.is_none() && all_have.contains(&field.data.as_str()) {
                return None;
            }
            places.push(place);
        }
        Some(FieldIndexes(places))
    }

    /// Returns whether a detection could match the DNS query with these values. `places` states
    /// which of the values are the searched fields. `None` if a searched field is not UTF-16 text;
    /// callers then have the record decoded.
    pub(in crate::scan) fn want(&mut self, places: &FieldIndexes, values: &Values<'_>) -> Option<bool> {
        let mut hit = false;
        for place in 0..self.fields.len() {
            // A field that the definition does not have, or whose value is null, contains no
            // needle.
            if let Some(index) = *places.0.get(place)?
                && values.kind(index)? != NULL
            {
                let text = values.bytes(index, TEXT).filter(|text| text.len().is_multiple_of(2))?;
                hit |= self.search(place, text, hit);
            }
            let open = if hit { self.is_open(place + 1) } else { self.fields.get(place)?.open_without_hits };
            if !open {
                return Some(false);
            }
        }
        Some(hit || self.wanted.iter().any(Vec::is_empty))
    }

    /// Searches the UTF-16 text of a field for the field's needles (texts that a detection
    /// requires), and marks each set of needles of which one is found. `place` is the index of the
    /// field in the order of searching. `noted` says whether a needle was found in an earlier field
    /// of the DNS query. Returns whether one is found in this field.
    fn search(&mut self, place: usize, text: &[u8], noted: bool) -> bool {
        let Needles { fields, hits, text: buffer, .. } = self;
        let Some(FieldNeedles { literals, listed, .. }) = fields.get_mut(place) else { return false };
        let mut found = literals.as_ref().is_some_and(|literals| literals.search(text, buffer, hits, noted));
        listed.find(text, |set| {
            if !noted && !found {
                hits.fill(false);
            }
            found = true;
            if let Some(hit) = hits.get_mut(set) {
                *hit = true;
            }
        });
        found
    }
}

/// The literals and sets of texts that detections require in one field of a DNS query, as they are
/// collected before the search is prepared.
#[derive(Default)]
struct SoughtInField<'n> {
    /// Each literal that is sought in the field, and the index of the set of needles (texts of
    /// which a detection requires at least one) that it belongs to.
    literals: Vec<(&'n str, usize)>,
    listed: Listed,
}

impl<'n> SoughtInField<'n> {
    fn add(&mut self, text: &'n SoughtText, number: usize) {
        match text {
            SoughtText::Literal(literal) => self.literals.push((literal, number)),
            SoughtText::OneOf(set) => self.listed.add(Arc::<dyn TextSet>::clone(set), number),
        }
    }

    /// Returns, for each literal and each set of texts that is sought in the field, the index of
    /// the set of needles (texts of which a detection requires at least one) that it belongs to.
    fn numbers(&self) -> impl Iterator<Item = usize> {
        self.literals.iter().map(|(_, number)| *number).chain(self.listed.numbers())
    }
}

impl Literals {
    /// Prepares literals for searching. Each comes with the index of the set of needles (texts of
    /// which a detection requires at least one) that it belongs to. The inner `None` means that
    /// there are no literals, the outer one that there are more than one search can handle.
    #[expect(clippy::option_option, reason = "no literals, or too many")]
    fn of(literals: Vec<(&str, usize)>) -> Option<Option<Self>> {
        if literals.is_empty() {
            return Some(None);
        }
        let finder = finder(literals.iter().map(|(literal, _)| *literal))?;
        let marks = Trigrams::of(literals.iter().map(|(literal, _)| *literal));
        let sets: Vec<usize> = literals.into_iter().map(|(_, set)| set).collect();
        let only_set = sets.first().copied().filter(|first| sets.iter().all(|set| set == first));
        Some(Some(Literals { marks, finder, sets, only_set }))
    }

    /// Searches a UTF-16 text for the literals, and returns whether one is found. `hits` has an
    /// entry for each set of needles (texts of which a detection requires at least one); the
    /// entries of the sets of which a literal is found become true. `noted` says whether the
    /// entries already state what was found in other fields of the same DNS query; if not, they are
    /// cleared once a literal is found. `buffer` is memory for the search.
    fn search(&self, text: &[u8], buffer: &mut Vec<u8>, hits: &mut [bool], noted: bool) -> bool {
        let Literals { marks, finder, sets, only_set } = self;
        if marks.as_ref().is_some_and(|marks| !marks.may_be_in(text)) {
            return false;
        }
        buffer.clear();
        buffer.extend(text.as_chunks::<2>().0.iter().copied().map(folded));
        if !noted || only_set.is_some() {
            if !finder.is_match(&buffer) {
                return false;
            }
            if !noted {
                hits.fill(false);
            }
        }
        if let Some(set) = only_set {
            if let Some(hit) = hits.get_mut(*set) {
                *hit = true;
            }
            return true;
        }
        for found in finder.find_overlapping_iter(&buffer) {
            if let Some(hit) = sets.get(found.pattern().as_usize()).and_then(|set| hits.get_mut(*set)) {
                *hit = true;
            }
        }
        true
    }
}

/// Returns a UTF-16 unit as one byte for the search: an ASCII character as it is, any other
/// character as a byte that no literal contains.
fn folded(unit: [u8; 2]) -> u8 {
    match unit {
        [letter, 0] if letter.is_ascii() => letter,
        _ => u8::MAX,
    }
}

/// Returns a search for all of the literals at once, in any ASCII letter case; `None` if there are
/// more literals than one search can handle.
fn finder<'a>(literals: impl Iterator<Item = &'a str>) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(literals).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::binxml::INSTANCE_START;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// Returns whether the search finds one of the literals in the text.
    fn hit(literals: &[&str], text: &str) -> bool {
        let needle = |literal: &&str| Needle { data: "QueryName".to_owned(), text: (*literal).into() };
        let set = literals.iter().map(needle).collect();
        let mut needles = Needles::new(&[WantedQueries { sets: vec![set] }]);
        !needles.fields.is_empty() && needles.search(0, &utf16(text), false) && needles.is_open(1)
    }

    #[test]
    fn literals_hit_in_any_case_and_only_whole() {
        for (text, expected) in [
            ("T.Me", true),
            ("client.medium.com", true),
            ("t.m", false),
            (r"C:\TEMP\x", true),
            ("ẗ.me", false),
            ("", false),
        ] {
            assert_eq!(hit(&["t.me", r"\temp\"], text), expected, "{text}");
        }
    }

    /// A set of texts that is looked through one by one.
    #[derive(Debug)]
    struct PlainSet(Vec<String>);

    impl TextSet for PlainSet {
        fn contains(&self, text: &str) -> bool {
            self.0.iter().any(|one| one == text)
        }

        fn count(&self) -> usize {
            self.0.len()
        }
    }

    /// A proptest strategy for what detections want: sets of needles (texts that a detection
    /// requires) in numbered fields.
    fn wanted() -> impl Strategy<Value = Vec<WantedQueries>> {
        let literal = "[ab.k]{1,3}".prop_map(SoughtText::Literal);
        let set = prop::collection::vec("[ab.k]{0,3}", 1..5)
            .prop_map(|texts| SoughtText::OneOf(Arc::new(PlainSet(texts))));
        let needle = (0..3_usize, prop_oneof![literal, set])
            .prop_map(|(field, text)| Needle { data: format!("Field{field}"), text });
        let set = prop::collection::vec(needle, 0..4);
        let sets = prop::collection::vec(set, 0..3).prop_map(|sets| WantedQueries { sets });
        prop::collection::vec(sets, 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Compares the search with a simple, slow one, which converts the whole text to lower case
        /// and looks for each literal in it.
        #[test]
        fn a_hit_is_what_a_plain_search_finds(text in "[abAB.ÄK\u{212a}]{0,12}", literals in prop::collection::vec("[ab.k]{1,3}", 0..4)) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let plain = literals.iter().any(|literal| text.to_ascii_lowercase().contains(literal));
            prop_assert_eq!(hit(&literals, &text), plain);
        }

        /// Compares [`Needles::want`] with a simple, slow function, which tests each detection,
        /// each of its sets and each needle (a text that a detection requires).
        #[test]
        fn what_is_wanted_is_what_a_look_at_each_needle_tells(
            wanted in wanted(),
            queries in prop::collection::vec(prop::collection::vec(prop::option::of("[abAB.ÄK]{0,12}"), 3), 1..4),
        ) {
            let mut needles = Needles::new(&wanted);
            // In sequence, so that a query cannot affect the next one unnoticed.
            for texts in queries {
                let (chunk, places) = query(&needles, &texts);
                let values = Values::head(&chunk, 0).unwrap();
                let holds = |needle: &Needle| {
                    let field: usize = needle.data.strip_prefix("Field").unwrap().parse().unwrap();
                    texts[field].as_ref().is_some_and(|text| needle.text.is_in(&text.to_ascii_lowercase()))
                };
                let plain = wanted.iter().any(|wanted| wanted.sets.iter().all(|set| set.iter().any(holds)));
                prop_assert_eq!(needles.want(&places, &values), Some(plain));
            }
        }
    }

    /// Returns a template instance whose values are these texts, and which of the values are the
    /// fields that `needles` searches.
    fn query(needles: &Needles, texts: &[Option<String>]) -> (Vec<u8>, FieldIndexes) {
        let mut chunk = [&INSTANCE_START[..], &[0, 0, 0, 0, 0xff, 0xff, 0, 0]].concat();
        chunk.extend(u32::try_from(texts.len()).unwrap().to_le_bytes());
        let texts: Vec<Option<Vec<u8>>> = texts.iter().map(|text| text.as_deref().map(utf16)).collect();
        for text in &texts {
            let [low, high] = u16::try_from(text.as_ref().map_or(0, Vec::len)).unwrap().to_le_bytes();
            let kind = if text.is_some() { TEXT } else { NULL };
            chunk.extend([low, high, kind.number(), 0]);
        }
        chunk.extend(texts.into_iter().flatten().flatten());
        let place = |field: &FieldNeedles| field.data.strip_prefix("Field").unwrap().parse().ok();
        (chunk, FieldIndexes(needles.fields.iter().map(place).collect()))
    }
}
