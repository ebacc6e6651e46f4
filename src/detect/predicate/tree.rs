//! Describes a predicate to people as a tree of lines, and says which parts of it are true of an
//! event.

use std::borrow::Cow;

use crate::detect::predicate::field::Field;
use crate::detect::predicate::{Hits, Predicate};
use crate::detect::term::{EvalInput, Term};
use crate::event::Event;

/// A description of a predicate for people: a line of text, and below it a description of each
/// part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionTree {
    /// What the predicate requires of an event, in one line. The line has unescaped text from rules
    /// and events: escape it before you print it.
    pub text: String,
    /// Whether the predicate is true of the event that it was described for; `None` if no event was
    /// given.
    pub holds: Option<bool>,
    /// The descriptions of the predicate's parts, such as the operands of an AND. For a set of
    /// patterns or a list of indicators, these are the patterns or entries that the event matches.
    /// Empty if there are none.
    pub children: Vec<ConditionTree>,
}

impl ConditionTree {
    /// Describes a predicate as a tree. If an event is given, the tree says of each part of the
    /// predicate whether the part is true of the event, and which value the event has in the field
    /// that the part compares.
    #[must_use]
    pub fn of(predicate: &Predicate, event: Option<&Event>) -> Self {
        let children = match predicate {
            Predicate::And(children) | Predicate::Or(children) => children.as_slice(),
            Predicate::Not(child) => std::slice::from_ref(&**child),
            _ => &[],
        };
        let holds = event.map(|event| predicate.evaluate(event));
        let mut text = text(predicate);
        if let (Some(event), Some(field)) = (event, field(predicate)) {
            let term = Term::from(field);
            let value = term.value(EvalInput::Event(event)).text();
            text.push_str(
                &value
                    .map_or_else(|| " (it has no value)".to_owned(), |value| format!(" (it is \"{value}\")")),
            );
        }
        let mut children: Vec<_> = children.iter().map(|child| ConditionTree::of(child, event)).collect();
        if let Some(event) = event.filter(|_| holds == Some(true)) {
            children.extend(entries(predicate, event).into_iter().map(|text| ConditionTree {
                text,
                holds: Some(true),
                children: Vec::new(),
            }));
        }
        ConditionTree { text, holds, children }
    }
}

/// Returns the patterns or list entries that an event matches, for a predicate that has a set of
/// patterns or a list of indicators; empty for any other predicate, and if the predicate is false.
fn entries(predicate: &Predicate, event: &Event) -> Vec<String> {
    match predicate {
        Predicate::OneOf { .. } | Predicate::ListedName(_) | Predicate::ListedAddress(_) => {
            let Hits { matched_query, matched_process, matched_answer, .. } = predicate.hits(event);
            let texts = matched_query.into_iter().chain(matched_process).map(str::to_owned);
            texts.chain(matched_answer.into_iter().map(Cow::into_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn text(predicate: &Predicate) -> String {
    match predicate {
        Predicate::All => "every event".to_owned(),
        Predicate::And(_) => "all of".to_owned(),
        Predicate::Or(children) if children.is_empty() => "nothing: it never holds".to_owned(),
        Predicate::Or(_) => "one of".to_owned(),
        Predicate::Not(_) => "not".to_owned(),
        Predicate::Sysmon => "written by Sysmon".to_owned(),
        Predicate::Exists(field) => format!("{} has a value", field.name()),
        Predicate::Empty(field) => format!("{} is present and empty", field.name()),
        Predicate::Matches { field, pattern } => format!("{} = \"{}\"", field.name(), pattern.text()),
        Predicate::OneOf { field, patterns } => {
            format!("{} = one of {} patterns", field.name(), patterns.len())
        }
        Predicate::ListedName(names) => names.description(),
        Predicate::ListedAddress(addresses) => addresses.description(),
        Predicate::Fits { field, expression } => format!("{} fits \"{}\"", field.name(), expression.text()),
        Predicate::InNetwork { field, network } => {
            format!("{} contains an address in {}", field.name(), network.text())
        }
        Predicate::Passes { field, test } => test.text(field.name()),
        Predicate::Computed(computed) => computed.to_string(),
        Predicate::Compare { field, operator, value } => {
            format!("{} {} \"{value}\"", field.name(), operator.symbol())
        }
    }
}

/// Returns the field that a predicate on a single field compares; `None` for a predicate of another
/// kind, such as an AND.
fn field(predicate: &Predicate) -> Option<Field> {
    match predicate {
        Predicate::Exists(field)
        | Predicate::Empty(field)
        | Predicate::Matches { field, .. }
        | Predicate::OneOf { field, .. }
        | Predicate::Fits { field, .. }
        | Predicate::InNetwork { field, .. }
        | Predicate::Passes { field, .. }
        | Predicate::Compare { field, .. } => Some(*field),
        Predicate::ListedName(_) => Some(Field::QUERY_NAME),
        Predicate::ListedAddress(_) => Some(Field::QUERY_RESULTS),
        Predicate::All
        | Predicate::And(_)
        | Predicate::Or(_)
        | Predicate::Not(_)
        | Predicate::Sysmon
        | Predicate::Computed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::splunk::search::Search;
    use crate::detect::testing::event;

    fn lines(tree: &ConditionTree, depth: usize, lines: &mut Vec<String>) {
        let holds = match tree.holds {
            None => "",
            Some(true) => "yes ",
            Some(false) => "no ",
        };
        lines.push(format!("{}{holds}{}", ".".repeat(depth), tree.text));
        for child in &tree.children {
            self::lines(child, depth + 1, lines);
        }
    }

    #[test]
    fn each_leaf_says_what_it_asks_for_and_what_it_found() {
        let predicate =
            Search::parse("`sysmon` QueryName IN (*a*, b) NOT User=x ProcessId>=7").unwrap().predicate;
        let mut event = event(r"C:\x.exe", "cab");
        event.set("User", None);
        let mut found = Vec::new();
        lines(&ConditionTree::of(&predicate, None), 0, &mut found);
        assert_eq!(
            found,
            [
                "all of",
                ".written by Sysmon",
                ".one of",
                "..QueryName = \"*a*\"",
                "..QueryName = \"b\"",
                ".not",
                "..User = \"x\"",
                ".ProcessId >= \"7\""
            ]
        );
        found.clear();
        lines(&ConditionTree::of(&predicate, Some(&event)), 0, &mut found);
        assert_eq!(
            found,
            [
                "yes all of",
                ".yes written by Sysmon",
                ".yes one of",
                "..yes QueryName = \"*a*\" (it is \"cab\")",
                "..no QueryName = \"b\" (it is \"cab\")",
                ".yes not",
                "..no User = \"x\" (it has no value)",
                ".yes ProcessId >= \"7\" (it is \"740\")",
            ]
        );
    }
}
