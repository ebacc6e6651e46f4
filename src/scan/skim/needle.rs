//! What detections want of a DNS query, looked for in its stored values.
//!
//! A value is UTF-16 and begins where its descriptor says, so units are compared, not bytes: the
//! search need not try every byte of a record, and does not hit where two values run together.

use aho_corasick::AhoCorasick;

use crate::scan::evtx::binxml::text::Text;
use crate::scan::evtx::binxml::{Index, NULL, TEXT};
use crate::scan::evtx::template::DataTemplate;
use crate::scan::evtx::value::Values;
use crate::scan::skim::trigram::Trigrams;

/// Which records are read whole; of all others it is counted what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    Everything,
    /// DNS queries that one of these could want, and whatever the skim does not understand.
    Wanted(Vec<Wanted>),
}

/// What becomes of the queries of Windows' own DNS client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DnsClient {
    /// They are counted, like all events that are none of Sysmon's queries.
    #[default]
    Counted,
    /// Those that one of these could want are handed on, too; all of them where everything is
    /// decoded.
    Wanted(Vec<Wanted>),
}

/// What a detection wants: DNS queries that hold at least one needle of each of these sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The sets. Without any, every DNS query is wanted.
    pub sets: Vec<Vec<Needle>>,
}

/// A literal, and the field to look for it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// The name of the `Data` element, such as `QueryName`.
    pub data: String,
    /// The literal, in lower case, of ASCII characters other than NUL only. It is looked for in any
    /// case.
    pub literal: String,
}

/// The needles of all detections, made ready for searching: each field is searched once, whatever
/// the number of detections.
#[derive(Debug)]
pub(in crate::scan) struct Needles {
    fields: Vec<FieldNeedles>,
    /// For each detection its sets, by their numbers.
    wanted: Vec<Vec<usize>>,
    /// For each set, behind how many fields it has no more needles.
    searched: Vec<usize>,
    /// Which sets hit, in the DNS query that is looked at.
    hits: Vec<bool>,
    /// The value that is looked at, a byte a unit.
    text: Vec<u8>,
}

/// The needles for one field.
#[derive(Debug)]
struct FieldNeedles {
    data: String,
    /// A quick look at whether text may hold any of them; `None` if they are not fit for that.
    marks: Option<Trigrams>,
    finder: AhoCorasick,
    /// For each literal of the finder, its set.
    sets: Vec<usize>,
    /// The set of all of them, if they are of one.
    only_set: Option<usize>,
    /// Whether a detection may still want a DNS query of which nothing has hit, this field
    /// included.
    open_without_hits: bool,
}

/// Where the values of a definition's fields are, for each of the needles' fields.
#[derive(Debug)]
pub(in crate::scan) struct FieldPlaces(Vec<Option<Index>>);

impl Needles {
    /// Makes what detections want ready for searching.
    pub(in crate::scan) fn new(wanted: &[Wanted]) -> Self {
        let mut fields: Vec<(&str, Vec<(&str, usize)>)> = Vec::new();
        let mut searched = Vec::new();
        let mut numbered = Vec::new();
        for Wanted { sets } in wanted {
            numbered.push((searched.len()..searched.len() + sets.len()).collect());
            for set in sets {
                let number = searched.len();
                searched.push(0);
                for Needle { data, literal } in set {
                    match fields.iter_mut().find(|(name, _)| name == data) {
                        Some((_, literals)) => literals.push((literal, number)),
                        None => fields.push((data, vec![(literal, number)])),
                    }
                }
            }
        }
        for (place, (_, literals)) in fields.iter().enumerate() {
            for (_, set) in literals {
                if let Some(behind) = searched.get_mut(*set) {
                    *behind = place + 1;
                }
            }
        }
        let hits = vec![false; searched.len()];
        let mut needles = Needles { fields: Vec::new(), wanted: numbered, searched, hits, text: Vec::new() };
        for (place, (data, literals)) in fields.into_iter().enumerate() {
            let open_without_hits = needles.is_open(place + 1);
            let Some(finder) = finder(literals.iter().map(|(literal, _)| *literal)) else {
                // More literals than can be searched for at once: all is decoded.
                return Needles { fields: Vec::new(), wanted: vec![Vec::new()], ..needles };
            };
            let marks = Trigrams::of(literals.iter().map(|(literal, _)| *literal));
            let sets: Vec<usize> = literals.into_iter().map(|(_, set)| set).collect();
            let only_set = sets.first().copied().filter(|first| sets.iter().all(|set| set == first));
            let data = data.to_owned();
            needles.fields.push(FieldNeedles { data, marks, finder, sets, only_set, open_without_hits });
        }
        needles
    }

    /// Whether a detection may want a DNS query of which so many fields have been searched.
    fn is_open(&self, fields: usize) -> bool {
        let may_hit = |set: &usize| {
            self.hits.get(*set).is_some_and(|hit| *hit)
                || self.searched.get(*set).is_some_and(|searched| *searched > fields)
        };
        self.wanted.iter().any(|sets| sets.iter().all(may_hit))
    }

    /// Where a definition's records have the fields that are looked into. `None` where it lacks one
    /// that all are said to have: whether its name was damaged, a checksum shall tell.
    pub(in crate::scan) fn places(
        &self,
        template: &DataTemplate<'_>,
        all_have: &[&str],
    ) -> Option<FieldPlaces> {
        let mut places = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let named = |(name, _): &&(Text<'_>, Index)| name.is(&field.data);
            let place = template.data.iter().find(named).map(|(_, index)| *index);
            if place.is_none() && all_have.contains(&field.data.as_str()) {
                return None;
            }
            places.push(place);
        }
        Some(FieldPlaces(places))
    }

    /// Whether a detection could want the DNS query with these values. `None` where a field that
    /// is looked into is not text in UTF-16.
    pub(in crate::scan) fn want(&mut self, places: &FieldPlaces, values: &Values<'_>) -> Option<bool> {
        let mut hit = false;
        for place in 0..self.fields.len() {
            // A definition without the field makes events without it, which hold nothing; so does a
            // null value.
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

    /// Searches UTF-16 text of a field, and notes which sets hit. `noted` says whether some have
    /// before.
    fn search(&mut self, place: usize, text: &[u8], noted: bool) -> bool {
        let Some(FieldNeedles { marks, finder, sets, only_set, .. }) = self.fields.get(place) else {
            return false;
        };
        if marks.as_ref().is_some_and(|marks| !marks.may_be_in(text)) {
            return false;
        }
        self.text.clear();
        self.text.extend(text.as_chunks::<2>().0.iter().copied().map(folded));
        if !noted || only_set.is_some() {
            if !finder.is_match(&self.text) {
                return false;
            }
            if !noted {
                self.hits.fill(false);
            }
        }
        if let Some(set) = only_set {
            if let Some(hit) = self.hits.get_mut(*set) {
                *hit = true;
            }
            return true;
        }
        for found in finder.find_overlapping_iter(&self.text) {
            if let Some(hit) = sets.get(found.pattern().as_usize()).and_then(|set| self.hits.get_mut(*set)) {
                *hit = true;
            }
        }
        true
    }
}

/// A unit of UTF-16 as one byte: itself if it is an ASCII character, or else a byte that no literal
/// holds.
fn folded(unit: [u8; 2]) -> u8 {
    match unit {
        [letter, 0] if letter.is_ascii() => letter,
        _ => u8::MAX,
    }
}

/// Finds literals in any ASCII case. `None` if they are too many for that.
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

    /// Whether the text holds one of the literals.
    fn hit(literals: &[&str], text: &str) -> bool {
        let needle = |literal: &&str| Needle { data: "QueryName".to_owned(), literal: (*literal).to_owned() };
        let set = literals.iter().map(needle).collect();
        let mut needles = Needles::new(&[Wanted { sets: vec![set] }]);
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

    /// A detection's sets, each of needles for a field by its number.
    fn wanted() -> impl Strategy<Value = Vec<Wanted>> {
        let needle = (0..3_usize, "[ab.k]{1,3}")
            .prop_map(|(field, literal)| Needle { data: format!("Field{field}"), literal });
        let set = prop::collection::vec(needle, 0..4);
        let sets = prop::collection::vec(set, 0..3).prop_map(|sets| Wanted { sets });
        prop::collection::vec(sets, 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// The twin: lower the case of the whole text and look for each literal.
        #[test]
        fn a_hit_is_what_a_plain_search_finds(text in "[abAB.ÄK\u{212a}]{0,12}", literals in prop::collection::vec("[ab.k]{1,3}", 0..4)) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let plain = literals.iter().any(|literal| text.to_ascii_lowercase().contains(literal));
            prop_assert_eq!(hit(&literals, &text), plain);
        }

        /// The twin: look at each detection, each of its sets and each needle.
        #[test]
        fn what_is_wanted_is_what_a_look_at_each_needle_tells(
            wanted in wanted(),
            queries in prop::collection::vec(prop::collection::vec(prop::option::of("[abAB.ÄK]{0,12}"), 3), 1..4),
        ) {
            let mut needles = Needles::new(&wanted);
            // One after the other, so that nothing of one query is left for the next.
            for texts in queries {
                let (chunk, places) = query(&needles, &texts);
                let values = Values::head(&chunk, 0).unwrap();
                let holds = |needle: &Needle| {
                    let field: usize = needle.data.strip_prefix("Field").unwrap().parse().unwrap();
                    texts[field].as_ref().is_some_and(|text| text.to_ascii_lowercase().contains(&needle.literal))
                };
                let plain = wanted.iter().any(|wanted| wanted.sets.iter().all(|set| set.iter().any(holds)));
                prop_assert_eq!(needles.want(&places, &values), Some(plain));
            }
        }
    }

    /// A template instance with these texts, and where the needles' fields are in it.
    fn query(needles: &Needles, texts: &[Option<String>]) -> (Vec<u8>, FieldPlaces) {
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
        (chunk, FieldPlaces(needles.fields.iter().map(place).collect()))
    }
}
