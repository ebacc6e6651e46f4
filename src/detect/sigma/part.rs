//! Compiles one part of a Sigma rule, such as `selection`: a mapping of lines, each of which is a
//! field with values, or a list of mappings. [`super::compiler`] reads the condition that joins the
//! parts, and [`super::item`] reads what one line says.

use super::compiler::{Compiler, MOST_PROBLEMS, Polarity, joined};
use super::relevance::{CONSTANT, unknown};
use super::{field_names, item};
use crate::detect::predicate::Predicate;
use crate::detect::yaml::{Key, Node, NodeKind, YamlProblem};

/// The maximum number of lists inside each other in one part of a Sigma rule, such as `selection`.
/// More are an attack on the stack of the recursive compiler, not a rule.
const DEEPEST_NESTING: usize = 100;

impl Compiler<'_> {
    /// Compiles one part of the Sigma rule, such as `selection`. A part is a mapping of lines (each
    /// a field with values) that must all be true, or a list of mappings of which one must be true.
    /// `depth` is the number of lists around `node`. If the part is not understood, the problem is
    /// recorded in the compiler.
    pub(super) fn compile_part(&self, node: &Node, polarity: Polarity, depth: usize) -> Predicate {
        if self.problems.get() > MOST_PROBLEMS {
            return unknown();
        }
        let problem = match &node.kind {
            _ if depth > DEEPEST_NESTING => {
                format!("expected at most {DEEPEST_NESTING} lists inside each other")
            }
            NodeKind::Map(entries) if !entries.is_empty() => return self.compile_lines(entries, polarity),
            NodeKind::List(items) if items.iter().any(|item| item.scalar().is_none()) => {
                let items = items.iter().map(|item| self.compile_part(item, polarity, depth + 1)).collect();
                return joined(items, Predicate::Or);
            }
            NodeKind::Scalar(scalar) if !scalar.is_null() => {
                return self.refuse_keywords(node, std::slice::from_ref(node), polarity);
            }
            NodeKind::List(items) if !items.is_empty() => return self.refuse_keywords(node, items, polarity),
            _ => "expected conditions on fields, found none".to_owned(),
        };
        self.not_understood(YamlProblem::at(node.place, problem))
    }

    /// Refuses values of the Sigma rule without a field (`words`), which Sigma calls keywords and
    /// compares with the whole event. If one of them would be a field with a value if it had a
    /// blank after its colon (`QueryName:x`), the recorded problem says so. Returns a predicate
    /// that takes the place of the values.
    fn refuse_keywords(&self, node: &Node, words: &[Node], polarity: Polarity) -> Predicate {
        // Looking for misspelt names takes time, and a condition can name a part many times.
        let words = words.get(..MOST_PROBLEMS).unwrap_or(words);
        self.problems.set(self.problems.get() + words.len());
        let mut texts = words.iter().filter_map(|word| Some((word.place, word.scalar()?.text.as_str())));
        let Some((place, text)) = texts.find(|(_, text)| field_names::text_asks_for_dns(text)) else {
            return self.not_understood(YamlProblem::at(node.place, item::NO_FIELD));
        };
        self.mentions_dns.set(self.mentions_dns.get() || polarity == Polarity::For);
        self.not_understood(YamlProblem::at(place, field_names::without_blank(text)))
    }

    /// Compiles the lines of a mapping in the Sigma rule (each a field with values), which must all
    /// be true. If one of them describes events that a sweep does not read, the other lines need
    /// not be understood, and the predicate is never true.
    fn compile_lines(&self, entries: &[(Key, Node)], polarity: Polarity) -> Predicate {
        if entries.iter().any(|(key, value)| self.is_foreign(key, value, polarity)) {
            return Predicate::Or(Vec::new());
        }
        let line = |(key, value): &(Key, Node)| {
            if self.problems.get() > MOST_PROBLEMS {
                return unknown();
            }
            if polarity == Polarity::For && !self.mentions_dns.get() {
                self.mentions_dns.set(field_names::asks_for_dns(key, value));
            }
            item::predicate(self, key, value, polarity).unwrap_or_else(|problem| self.not_understood(problem))
        };
        joined(entries.iter().map(line).collect(), Predicate::And)
    }

    /// Returns true if a line of the Sigma rule (the field `key` with the values `value`) describes
    /// only events that a sweep does not read, such as `EventID: 3`. For a line that is not
    /// understood, or whose field is not in [`CONSTANT`] (EventID, channel and provider), returns
    /// false. Also records which values describe events that a sweep does not read, for the message
    /// of a refusal, unless the line excludes events.
    fn is_foreign(&self, key: &Key, value: &Node, polarity: Polarity) -> bool {
        if !field_names::field_of_key(key, self.source()).is_some_and(|field| CONSTANT.contains(&field)) {
            return false;
        }
        let holds = |value: &Node| {
            let predicate = item::predicate(self, key, value, polarity).ok()?;
            Some(self.prototypes.iter().any(|event| predicate.evaluate(event)))
        };
        let asked = |value: &Node| match value.scalar() {
            Some(scalar) => format!("{} {}", key.name, scalar.text),
            None => key.name.clone(),
        };
        let Some(is_foreign) = holds(value).map(|holds| !holds) else { return false };
        if polarity == Polarity::For {
            let is_number = key.name.starts_with("EventID");
            self.mentions_dns.set(self.mentions_dns.get() || (is_number && !is_foreign));
            let values = match &value.kind {
                NodeKind::List(values) => values.as_slice(),
                _ => std::slice::from_ref(value),
            };
            for one in values {
                if is_foreign || (!key.name.contains('|') && holds(one) == Some(false)) {
                    let about = YamlProblem::at(
                        one.place,
                        format!("{}; {}", asked(one), self.source().read_events()),
                    );
                    self.foreign.borrow_mut().push(about);
                    self.note(format!(
                        "{} describes events that a sweep does not read",
                        asked(one).escape_debug()
                    ));
                }
            }
        }
        is_foreign
    }
}
