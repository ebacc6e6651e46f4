//! What detections want of a DNS query, looked for in its stored values.
//!
//! A value is UTF-16 and begins where its descriptor says, so units are compared, not bytes: the
//! search need not try every byte of a record, and does not hit where two values run together.

use super::binxml::{Index, NULL, TEXT, is_letter};
use super::template::DataTemplate;
use super::token::Text;
use super::value::Values;

/// Which records are decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    Everything,
    /// DNS queries that one of these could want, and whatever the skim does not understand.
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
    /// The literal, in lower case, of ASCII characters other than NUL only. It is looked for in any case.
    pub literal: String,
}

/// The needles of all detections, made ready for searching.
#[derive(Debug, Default)]
pub(super) struct Needles {
    fields: Vec<FieldNeedles>,
    /// For each detection its sets, and for each set the positions in `fields` of which one must hit.
    wanted: Vec<Vec<Vec<usize>>>,
}

/// The needles of one set for one field.
#[derive(Debug)]
struct FieldNeedles {
    data: String,
    literals: Vec<String>,
    /// Which ASCII characters a literal begins with, in any case.
    begins: [bool; 128],
}

/// Where the values of a definition's fields are, for each of the needles' fields.
#[derive(Debug)]
pub(super) struct FieldPlaces(Vec<Option<Index>>);

impl Needles {
    /// Makes what detections want ready for searching.
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        let mut needles = Needles::default();
        for Wanted { sets } in wanted {
            let sets = sets.iter().map(|set| needles.add_set(set)).collect();
            needles.wanted.push(sets);
        }
        needles
    }

    fn add_set(&mut self, set: &[Needle]) -> Vec<usize> {
        let first = self.fields.len();
        for Needle { data, literal } in set {
            let known = self.fields.iter_mut().skip(first).find(|field| field.data == *data);
            if let Some(field) = known {
                field.add(literal);
            } else {
                let mut field =
                    FieldNeedles { data: data.clone(), literals: Vec::new(), begins: [false; 128] };
                field.add(literal);
                self.fields.push(field);
            }
        }
        (first..self.fields.len()).collect()
    }

    /// Where a definition's records have the fields that are looked into.
    pub(super) fn places(&self, template: &DataTemplate<'_>) -> FieldPlaces {
        let place = |field: &FieldNeedles| {
            template
                .data
                .iter()
                .find(|(name, _): &&(Text<'_>, Index)| name.is(&field.data))
                .map(|(_, index)| *index)
        };
        FieldPlaces(self.fields.iter().map(place).collect())
    }

    /// Whether a detection could want the DNS query with these values. `None` where a field that
    /// is looked into is not text in UTF-16.
    pub(super) fn want(&self, places: &FieldPlaces, values: &Values<'_>) -> Option<bool> {
        for sets in &self.wanted {
            let mut wanted = true;
            for set in sets {
                if !self.any(set, places, values)? {
                    wanted = false;
                    break;
                }
            }
            if wanted {
                return Some(true);
            }
        }
        Some(false)
    }

    fn any(&self, set: &[usize], places: &FieldPlaces, values: &Values<'_>) -> Option<bool> {
        for field in set {
            // A definition without the field makes events without it, which hold nothing.
            let Some(index) = places.0.get(*field).copied().flatten() else { continue };
            if values.kind(index)? == NULL {
                continue;
            }
            let text = values.bytes(index, TEXT).filter(|text| text.len().is_multiple_of(2))?;
            if self.fields.get(*field)?.hit(text) {
                return Some(true);
            }
        }
        Some(false)
    }
}

impl FieldNeedles {
    fn add(&mut self, literal: &str) {
        let first = literal.bytes().next().unwrap_or_default();
        for letter in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
            if let Some(begins) = self.begins.get_mut(usize::from(letter)) {
                *begins = true;
            }
        }
        self.literals.push(literal.to_owned());
    }

    /// Whether UTF-16 text holds one of the literals, in any case.
    fn hit(&self, text: &[u8]) -> bool {
        let (units, _) = text.as_chunks::<2>();
        units.iter().enumerate().any(|(place, unit)| {
            let [letter, 0] = *unit else { return false };
            self.begins.get(usize::from(letter)).is_some_and(|begins| *begins)
                && units
                    .get(place..)
                    .is_some_and(|rest| self.literals.iter().any(|literal| begins_with(rest, literal)))
        })
    }
}

fn begins_with(units: &[[u8; 2]], literal: &str) -> bool {
    units.len() >= literal.len()
        && units.iter().zip(literal.bytes()).all(|(unit, letter)| is_letter(unit, letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn needles(literals: &[&str]) -> FieldNeedles {
        let mut field = FieldNeedles { data: String::new(), literals: Vec::new(), begins: [false; 128] };
        for literal in literals {
            field.add(literal);
        }
        field
    }

    #[test]
    fn literals_hit_in_any_case_and_only_whole() {
        let field = needles(&["t.me", r"\temp\"]);
        for (text, hit) in [
            ("T.Me", true),
            ("client.medium.com", true),
            ("t.m", false),
            (r"C:\TEMP\x", true),
            ("ẗ.me", false),
            ("", false),
        ] {
            assert_eq!(field.hit(&utf16(text)), hit, "{text}");
        }
    }

    proptest! {
        /// The twin: lower the case of the whole text and look for each literal.
        #[test]
        fn a_hit_is_what_a_plain_search_finds(text in "[abAB.ÄK\u{212a}]{0,12}", literals in prop::collection::vec("[ab.k]{1,3}", 0..4)) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let plain = literals.iter().any(|literal| text.to_ascii_lowercase().contains(literal));
            prop_assert_eq!(needles(&literals).hit(&utf16(&text)), plain);
        }
    }
}
