//! Reads the rules of a Sigma file, and gives each rule an id. A file can have several YAML
//! documents (separated by `---`). With `action: global` and `action: repeat`, documents share
//! keys.

use std::collections::HashMap;
use std::sync::Arc;

use super::header::text;
use crate::base::digest::sha256;
use crate::detect::nearest::nearest;
use crate::detect::rule_id;
use crate::detect::yaml::{LineColumn, Node, NodeKind, YamlProblem};

/// The values that the key `action` of a YAML document in a Sigma file may have. `global`: later
/// documents share this document's keys. `reset`: they no longer do. `repeat`: this document shares
/// the keys of the rule before it.
const ACTIONS: [&str; 3] = ["global", "reset", "repeat"];
/// The keys that only Sigma has. A YAML document with one of them is read as Sigma, not as a rule
/// of Splunk.
const KEYS: [&str; 5] = ["logsource", "detection", "correlation", "filter", "action"];
/// The number of hexadecimal digits in each of the five parts of a UUID, which hyphens separate.
/// Rules without an id get a UUID.
const ID_PARTS: [usize; 5] = [8, 4, 4, 4, 12];

/// One rule of a Sigma file, or the reason why it cannot be read. It has the keys of its own YAML
/// document and those that it shares with other documents of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigmaDocument {
    /// The place in the Sigma file where the rule's YAML document begins.
    pub(super) place: LineColumn,
    /// The rule as a YAML mapping. It includes the keys that the rule shares with other documents
    /// of the file (`action: global`, `action: repeat`). The error says why the rule cannot be
    /// read.
    pub(super) rule: Result<Arc<Node>, YamlProblem>,
    /// Where the rule's id comes from: the rule's own YAML document, one that it shares with other
    /// rules, or the rule's content if no document has an id. Tables that a sweep writes name the
    /// rule by its id.
    pub(super) id: RuleId,
}

impl SigmaDocument {
    /// The line of the Sigma file on which the rule's YAML document begins, counted from 1.
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// The line of the Sigma file that has the rule's id, counted from 1; the rule's first line if
    /// it has no id. Messages about an id name this line.
    pub fn id_line(&self) -> usize {
        let id = self.rule.as_ref().ok().filter(|_| self.id != RuleId::None).and_then(|rule| rule.get("id"));
        id.map_or(self.place.line, |id| id.place.line)
    }
}

/// Where the id of a Sigma rule comes from. [`RuleId::text`] makes the id from it. Tables that a
/// sweep writes name the rule by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleId {
    /// The Sigma rule's own YAML document has this id.
    Own(String),
    /// The id is in a YAML document that several Sigma rules of the file share (`action: global` or
    /// `action: repeat`). The number is that of this rule among the file's rules with the id, from
    /// 1. It is appended to the id of all but the first rule, so that the ids differ.
    Shared(String, usize),
    /// No YAML document has an id for the Sigma rule. Its id is computed from its content instead.
    None,
}

/// Returns true if a YAML document is to be read as Sigma. This is so if it has a key that only
/// Sigma has, such as `logsource`, or keys that are nearly `logsource` and nearly `detection`,
/// which are probably misspelt.
pub fn is_sigma(document: &Node) -> bool {
    let is_almost =
        |known: &str| document.entries().iter().any(|(key, _)| nearest(&key.name, [known]).is_some());
    KEYS.iter().any(|key| document.get(key).is_some()) || (is_almost("logsource") && is_almost("detection"))
}

/// Reads the YAML documents of one Sigma file, which must be added in the order of the file, and
/// returns the rules in them. It remembers the documents whose keys later documents share.
#[derive(Default)]
pub struct SigmaFile {
    /// The last YAML document with `action: global`. All later documents of the Sigma file share
    /// its keys, until one with `action: reset`. `None` before the first document with
    /// `action: global`, and after one with `action: reset`.
    global: Option<Node>,
    /// For each id so far in the Sigma file, the number of the last rule with it. Rules that take
    /// their id from a shared document (`action: global`) are numbered, so that their ids differ;
    /// all rules that state the id themselves count as number 1. The key is the id's canonical
    /// form, in which spellings of the same UUID are equal.
    counts: HashMap<String, usize>,
    /// The last rule that was read from the Sigma file. A YAML document with `action: repeat`
    /// shares its keys. Correlation and filter rules do not count. `None` before the first rule,
    /// and after a document that cannot be read (`add_unreadable`).
    previous: Option<Arc<Node>>,
}

impl SigmaFile {
    /// Returns true if a YAML document with `action: global` is in effect. If so, each later
    /// document of the Sigma file is a rule, even without the usual keys of a rule, because it
    /// shares the keys of that document.
    pub fn is_open(&self) -> bool {
        self.global.is_some()
    }

    /// Notes that a YAML document of the Sigma file cannot be read. If the next document has
    /// `action: repeat`, it has no rule to repeat, because the unreadable document may have been
    /// that rule.
    pub fn add_unreadable(&mut self) {
        self.previous = None;
    }

    /// Adds the next YAML document of the Sigma file, and returns the rule in it. `None` if the
    /// document is not a rule, but sets keys that later documents share (`action: global`), or ends
    /// this sharing (`action: reset`).
    pub fn add(&mut self, document: Node) -> Option<SigmaDocument> {
        let place = document.place;
        let at = |key: &str| document.get(key).map_or(place, |value| value.place);
        let wrong = |problem| Some(SigmaDocument { place, rule: Err(problem), id: RuleId::None });
        let action = match text(&document, "action") {
            Ok(action) => action.map(|action| action.trim().to_lowercase()),
            Err(problem) => return wrong(problem),
        };
        let own_id = match text(&document, "id") {
            Ok(id) => id.and_then(|id| rule_id::stated_id(&id)),
            Err(problem) => return wrong(problem),
        };
        match action.as_deref() {
            None => {}
            Some("global") => {
                self.global = Some(document);
                return None;
            }
            Some("reset") => {
                self.global = None;
                return None;
            }
            Some("repeat") if self.previous.is_some() => {}
            Some("repeat") => {
                return wrong(YamlProblem::at(
                    at("action"),
                    "action: expected a rule before repeat, found none",
                ));
            }
            Some(other) => {
                let near = super::suggestion(other, ACTIONS);
                let other = other.escape_debug();
                let text = format!("action: expected global, reset or repeat, found '{other}'{near}");
                return wrong(YamlProblem::at(at("action"), text));
            }
        }
        // Correlations and filters share nothing.
        let is_alone = document.get("correlation").is_some() || document.get("filter").is_some();
        let base = if action.is_some() { self.previous.as_deref() } else { self.global.as_ref() };
        let rule = match base.filter(|_| !is_alone) {
            Some(base) => merged(base, document),
            None => document,
        };
        let shared_id = text(&rule, "id").ok().flatten().and_then(|id| rule_id::stated_id(&id));
        let id = self.rule_id(own_id, shared_id);
        let rule = Arc::new(rule);
        if !is_alone {
            self.previous = Some(Arc::clone(&rule));
        }
        Some(SigmaDocument { place, rule: Ok(rule), id })
    }

    /// Returns where the id of a Sigma rule comes from: `own_id` if the rule's own YAML document
    /// states one, else `shared_id` from the documents whose keys the rule shares. `RuleId::None`
    /// if both are `None`. Counts the rules of the file that have the same shared id.
    fn rule_id(&mut self, own_id: Option<String>, shared_id: Option<String>) -> RuleId {
        match (own_id, shared_id) {
            (Some(own), _) => {
                self.counts.entry(rule_id::canonical_id(&own)).or_insert(1);
                RuleId::Own(own)
            }
            (None, Some(shared)) => {
                let count = self.counts.entry(rule_id::canonical_id(&shared)).or_default();
                *count += 1;
                RuleId::Shared(shared, *count)
            }
            (None, None) => RuleId::None,
        }
    }
}

/// Merges two YAML documents of a Sigma file: `own`, which is a rule, and `base`, whose keys the
/// rule shares. If both have a mapping for a key, the mappings are merged. For any other key that
/// both have, the value of `own` is kept. The key `action` of `base` is left out.
fn merged(base: &Node, own: Node) -> Node {
    let place = own.place;
    let (NodeKind::Map(base), NodeKind::Map(own)) = (&base.kind, own.kind) else {
        return Node { place, kind: base.kind.clone() };
    };
    let mut entries: Vec<_> = base.iter().filter(|(key, _)| key.name != "action").cloned().collect();
    for (key, value) in own {
        match entries.iter_mut().find(|(known, _)| known.name == key.name) {
            None => entries.push((key, value)),
            Some((_, known))
                if matches!((&known.kind, &value.kind), (NodeKind::Map(_), NodeKind::Map(_))) =>
            {
                *known = merged(known, value);
            }
            Some(known) => *known = (key, value),
        }
    }
    Node { place, kind: NodeKind::Map(entries) }
}

impl RuleId {
    /// The id of a Sigma rule, which stands for the rule in the tables that a sweep writes. A rule
    /// without an id gets one that is computed from its title, log source and detection, so that
    /// the same rule has the same id in every file and every sweep.
    pub(super) fn text(&self, rule: &Node) -> String {
        match self {
            RuleId::Own(id) | RuleId::Shared(id, 0 | 1) => id.clone(),
            RuleId::Shared(id, number) => format!("{id}-{number}"),
            RuleId::None => {
                let mut content = String::new();
                for key in ["title", "logsource", "detection"] {
                    write(rule.get(key), &mut content);
                }
                as_uuid(&sha256(content.as_bytes()))
            }
        }
    }
}

/// Appends a text for a YAML node to `content`. The hash of `content` becomes the id of a Sigma
/// rule that states none. Nodes with different content have different texts; the place of a node in
/// its file does not matter. `node` is `None` for a key that the rule does not have.
fn write(node: Option<&Node>, content: &mut String) {
    let mut text = |mark: char, text: &str| {
        content.push(mark);
        content.push_str(&text.len().to_string());
        content.push(':');
        content.push_str(text);
    };
    match node.map(|node| &node.kind) {
        None => content.push('-'),
        Some(NodeKind::Scalar(scalar)) => text(if scalar.is_plain { 'p' } else { 'q' }, &scalar.text),
        Some(NodeKind::List(items)) => {
            content.push('[');
            for item in items {
                write(Some(item), content);
            }
            content.push(']');
        }
        Some(NodeKind::Map(entries)) => {
            content.push('{');
            for (key, value) in entries {
                content.push('k');
                content.push_str(&key.name.len().to_string());
                content.push(':');
                content.push_str(&key.name);
                write(Some(value), content);
            }
            content.push('}');
        }
    }
}

/// Returns a UUID of version 8, which is the version for ids that programs define themselves (RFC
/// 9562). Its digits are the first ones of the hexadecimal `hash`, except those of the version and
/// the variant. The UUID becomes the id of a Sigma rule that states none.
fn as_uuid(hash: &str) -> String {
    let mut digits = hash.chars().enumerate().map(|(place, digit)| match (place, digit) {
        (12, _) => '8',
        // The variant is the two highest bits.
        (16, digit) => {
            let low = digit.to_digit(16).unwrap_or_default() & 3;
            char::from_digit(8 | low, 16).unwrap_or('8')
        }
        (_, digit) => digit,
    });
    let parts: Vec<String> = ID_PARTS.iter().map(|length| digits.by_ref().take(*length).collect()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::yaml::documents;

    fn read(text: &str) -> Vec<SigmaDocument> {
        let mut file = SigmaFile::default();
        documents(text).into_iter().filter_map(|document| file.add(document.unwrap())).collect()
    }

    fn ids(text: &str) -> Vec<String> {
        read(text).iter().map(|document| document.id.text(document.rule.as_ref().unwrap())).collect()
    }

    fn at<'n>(document: &'n SigmaDocument, path: &[&str]) -> Option<&'n str> {
        let root = document.rule.as_deref().unwrap();
        let node = path.iter().try_fold(root, |node, key| node.get(key))?;
        node.scalar().map(|scalar| scalar.text.as_str())
    }

    #[test]
    fn documents_share_the_keys_of_a_global_one_until_a_reset() {
        let text = "action: global\ntitle: G\nid: g\nlogsource: {product: windows}\n---\nlogsource: {category: a}\ndetection: {x: 1}\n\
                    ---\ntitle: Own\nid: own\ndetection: {x: 2}\n---\ndetection: {x: 3}\n---\naction: reset\n---\ntitle: Alone\nid: z\n";
        let rules = read(text);
        assert_eq!(ids(text), ["g", "own", "g-2", "z"]);
        assert_eq!(rules.iter().map(|rule| rule.place.line).collect::<Vec<_>>(), [6, 9, 13, 17]);
        assert_eq!(at(&rules[0], &["title"]), Some("G"));
        assert_eq!(at(&rules[0], &["logsource", "product"]), Some("windows"));
        assert_eq!(at(&rules[0], &["logsource", "category"]), Some("a"));
        assert_eq!(at(&rules[0], &["action"]), None);
        assert_eq!(
            (at(&rules[1], &["title"]), at(&rules[1], &["logsource", "category"])),
            (Some("Own"), None)
        );
        assert_eq!(at(&rules[3], &["logsource", "product"]), None);
    }

    #[test]
    fn a_repeated_rule_is_the_previous_one_with_changes() {
        let text = "title: A\nid: a\ndetection: {x: {F: 1}, condition: x}\n---\naction: repeat\ndetection: {x: {F: 2}}\n";
        let rules = read(text);
        assert_eq!(
            (at(&rules[1], &["detection", "x", "F"]), at(&rules[1], &["detection", "condition"])),
            (Some("2"), Some("x"))
        );
        assert_eq!(ids(text), ["a", "a-2"]);
        let wrong = read("action: repeat\ntitle: x\n");
        assert!(wrong[0].rule.as_ref().unwrap_err().to_string().contains("expected a rule before repeat"));
        let wrong = read("title: x\naction: globl\n");
        assert!(wrong[0].rule.as_ref().unwrap_err().to_string().starts_with("line 2, column 9: action: "));
        assert!(wrong[0].rule.as_ref().unwrap_err().to_string().contains("did you mean 'global'?"));
    }

    #[test]
    fn actions_are_read_in_any_case() {
        for action in ["Global", "GLOBAL", "' global '"] {
            let text = format!(
                "action: {action}\nid: g\n---\ndetection: {{x: 1}}\n---\naction: Repeat\n---\naction: RESET\n---\ntitle: z\n"
            );
            assert_eq!(ids(&text).len(), 3, "{text}");
            assert_eq!(&ids(&text)[..2], ["g", "g-2"]);
        }
    }

    #[test]
    fn an_unreadable_document_leaves_no_rule_to_repeat() {
        let mut file = SigmaFile::default();
        let mut documents =
            documents("id: a\ndetection: {x: 1}\n---\naction: repeat\n").into_iter().map(Result::unwrap);
        file.add(documents.next().unwrap());
        file.add_unreadable();
        assert!(file.add(documents.next().unwrap()).unwrap().rule.is_err());
    }

    #[test]
    fn ids_as_they_are_written() {
        let rule = "title: A\ndetection: {x: {F: 1}}\n";
        let without = ids(rule);
        for (id, expected) in [
            ("''", without[0].as_str()),
            ("'  '", &without[0]),
            ("'{b-1}'", "b-1"),
            ("' c '", "c"),
            ("12", "12"),
        ] {
            assert_eq!(ids(&format!("{rule}id: {id}\n")), [expected], "{id}");
        }
        let lines = |text: &str| read(text).iter().map(SigmaDocument::id_line).collect::<Vec<_>>();
        assert_eq!(lines(&format!("{rule}id: a\n---\n{rule}id: ''\n---\n{rule}")), [3, 5, 9]);
        assert_eq!(lines("action: global\nid: a\n---\n\ntitle: x\n---\nid: b\n"), [2, 7]);
        let wrong = read("title: A\nid: {a: b}\ndetection: {x: 1}\n");
        assert_eq!(
            wrong[0].rule.as_ref().unwrap_err().to_string(),
            "line 2, column 5: id: expected text, found a mapping"
        );
    }

    #[test]
    fn a_document_with_both_keys_misspelt_is_still_a_sigma_document() {
        let is = |text: &str| is_sigma(documents(text)[0].as_ref().unwrap());
        assert!(is("logsource: a") && is("detection: a") && is("logsorce: a\ndetecton: b"));
        assert!(!is("logsorce: a") && !is("name: a\ndefinition: b") && !is("[a]"));
    }

    #[test]
    fn a_rule_without_an_id_gets_one_computed_from_its_content() {
        let rule = "title: A\nlogsource: {category: dns_query}\ndetection: {x: {F: 1}, condition: x}\n";
        let id = ids(rule).remove(0);
        let is_digit = |place: usize, digit: char| match place {
            8 | 13 | 18 | 23 => digit == '-',
            14 => digit == '8',
            19 => "89ab".contains(digit),
            _ => digit.is_ascii_hexdigit(),
        };
        assert!(
            id.len() == 36 && id.chars().enumerate().all(|(place, digit)| is_digit(place, digit)),
            "{id}"
        );
        assert_eq!(
            ids(&format!("# a remark\nlevel: high\n{rule}author: x\n")),
            std::slice::from_ref(&id),
            "what it looks for is the same"
        );
        for other in [rule.replace('A', "B"), rule.replace("F: 1", "F: 2"), rule.replace("F: 1", "F: '1'")] {
            assert_ne!(ids(&other), std::slice::from_ref(&id), "{other}");
        }
    }
}
