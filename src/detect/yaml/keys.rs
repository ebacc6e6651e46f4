//! Keys of a file that are misspelt: those that are not known, and near to one that is and that is
//! missing. Any other key that is not known is passed over: files have keys that are not needed
//! here, and new ones all the time.

use crate::detect::nearest::nearest;
use crate::detect::yaml::{Key, Kind, Node, Problem};

/// The keys of a mapping.
#[derive(Debug)]
pub(in crate::detect) struct Keys {
    /// The keys that are read.
    pub read: &'static [&'static str],
    /// The keys that are known but not read.
    pub others: &'static [&'static str],
    /// The key without which the mapping is of no use.
    pub required: &'static [&'static str],
}

/// A misspelt key, and the one that is meant.
#[derive(Debug)]
pub(in crate::detect) struct MisspeltKey<'n> {
    pub key: &'n Key,
    pub meant: &'static str,
}

impl Keys {
    /// Keys of which none is required.
    pub const fn optional(read: &'static [&'static str]) -> Self {
        Keys { read, others: &[], required: &[] }
    }

    /// The misspelt keys of a mapping.
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

    /// Says which keys of a mapping, or of each in a list, are misspelt. One that is required is an
    /// error. `of` is what the mapping is called; nothing for that of the whole file.
    pub fn check(&self, node: &Node, of: &str, notes: &mut Vec<String>) -> Result<(), Problem> {
        if let Kind::List(items) = &node.kind {
            return items.iter().try_for_each(|item| self.check(item, of, notes));
        }
        for MisspeltKey { key, meant } in self.misspelt(node) {
            let name = key.name.escape_debug();
            if self.required.contains(&meant) {
                return Err(Problem::at(
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

/// A word without the ending of its plural.
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

    const KEYS: Keys = Keys {
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
    fn a_key_near_to_a_missing_one_is_said() {
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
            // One that is known, one that is near nothing, and one beside what it could be.
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
