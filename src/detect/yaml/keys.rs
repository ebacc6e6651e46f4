//! Finds misspelt keys in a YAML file. An unknown key counts as misspelt if it is similar to a
//! known key that the mapping does not have. Any other unknown key is ignored, because rule files
//! have many keys that are not needed, and new versions of their formats add more.

use crate::detect::nearest::nearest;
use crate::detect::yaml::{Key, Node, NodeKind, YamlProblem};

/// The keys that one kind of YAML mapping may have, such as a rule or an exclusion.
#[derive(Debug)]
pub(in crate::detect) struct KnownKeys {
    /// The keys that dnsweep reads from this kind of YAML mapping.
    pub read: &'static [&'static str],
    /// The keys that the format of the file defines for this kind of YAML mapping, but that dnsweep
    /// does not read.
    pub others: &'static [&'static str],
    /// The keys among `read` that this kind of YAML mapping must have. If one of them is misspelt,
    /// this is an error and not only a note.
    pub required: &'static [&'static str],
}

/// A misspelt key of a YAML mapping, and the known key that the file's author probably meant.
#[derive(Debug)]
pub(in crate::detect) struct MisspeltKey<'n> {
    /// The misspelt key of the YAML mapping, with its place in the file.
    pub key: &'n Key,
    /// The known key that the file's author probably meant.
    pub meant: &'static str,
}

impl KnownKeys {
    /// Makes a set of known keys that dnsweep reads and of which none is required.
    pub const fn optional(read: &'static [&'static str]) -> Self {
        KnownKeys { read, others: &[], required: &[] }
    }

    /// Finds the misspelt keys of a YAML mapping: those that are unknown and similar to a key that
    /// dnsweep reads and the mapping does not have.
    pub fn misspelt<'n>(&self, node: &'n Node) -> impl Iterator<Item = MisspeltKey<'n>> {
        let is_missing = |name: &&str| node.get(name).is_none();
        let missing: Vec<&'static str> = self.read.iter().copied().filter(is_missing).collect();
        node.entries().iter().filter_map(move |(key, _)| {
            let name = key.name.as_str();
            if self.read.contains(&name) || self.others.contains(&name) {
                return None;
            }
            let same = missing.iter().copied().find(|known| singular(known) == singular(name));
            let meant = same.or_else(|| nearest(name, missing.iter().copied()))?;
            Some(MisspeltKey { key, meant })
        })
    }

    /// Adds a note to `notes` for each misspelt key of a YAML mapping, or of each mapping in a
    /// list. Returns an error instead if the key that was meant is required. `of` is the text after
    /// the key in messages, such as ` of 'x'`; it is empty for the mapping that is the whole file.
    pub fn check(&self, node: &Node, of: &str, notes: &mut Vec<String>) -> Result<(), YamlProblem> {
        if let NodeKind::List(items) = &node.kind {
            return items.iter().try_for_each(|item| self.check(item, of, notes));
        }
        for MisspeltKey { key, meant } in self.misspelt(node) {
            let name = key.name.escape_debug();
            if self.required.contains(&meant) {
                return Err(YamlProblem::at(
                    key.place,
                    format!("expected the key '{meant}'{of}, found '{name}'"),
                ));
            }
            notes.push(format!(
                "{}: the key '{name}'{of} is not known and is passed over; did you mean '{meant}'?",
                key.place
            ));
        }
        Ok(())
    }
}

/// Returns `word` in lower case, without the ending of an English plural (`entities` becomes
/// `entity`). Authors of rules often confuse keys that differ only in this.
fn singular(word: &str) -> String {
    let word = word.to_lowercase();
    match (word.strip_suffix("ies"), word.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::yaml::only_document;

    const KEYS: KnownKeys = KnownKeys {
        read: &["search", "entity", "title", "risk_objects"],
        others: &["titles", "source"],
        required: &["search"],
    };

    fn checked(yaml: &str) -> Result<Vec<String>, String> {
        let mut notes = Vec::new();
        let checked = KEYS.check(&only_document(yaml).unwrap(), " of 'x'", &mut notes);
        checked.map(|()| notes).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_key_similar_to_a_missing_one_is_noted() {
        for (yaml, expected) in [
            (
                "search: a\ntitel: b",
                &[
                    "line 2, column 1: the key 'titel' of 'x' is not known and is passed over; did you mean 'title'?",
                ][..],
            ),
            (
                "- search: a\n  entities: b",
                &[
                    "line 2, column 3: the key 'entities' of 'x' is not known and is passed over; did you mean 'entity'?",
                ],
            ),
            (
                "search: a\nRisk_Object: b",
                &[
                    "line 2, column 1: the key 'Risk_Object' of 'x' is not known and is passed over; did you mean 'risk_objects'?",
                ],
            ),
            // No note: for a known key, for one that is similar to none, and for one whose nearest
            // key the mapping has.
            ("search: a\ntitles: b\nsource: c\nwhatever: d", &[]),
            ("search: a\ntitle: b\ntitel: c", &[]),
            ("a text", &[]),
        ] {
            assert_eq!(checked(yaml).unwrap(), expected, "{yaml}");
        }
        assert_eq!(
            checked("title: a\nserach: b").unwrap_err(),
            "line 2, column 1: expected the key 'search' of 'x', found 'serach'"
        );
    }
}
