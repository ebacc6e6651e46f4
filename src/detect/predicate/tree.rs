//! A predicate as a tree of lines, for people: what it asks for, and what of that holds for an
//! event.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::term::{EvalInput, Term};
use crate::event::Event;

/// A condition, and those that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionTree {
    /// What it says, in a line. Text of rules and events is as it is: whoever prints it must escape
    /// it.
    pub text: String,
    /// Whether it holds for the event, if there is one.
    pub holds: Option<bool>,
    /// What it is made of.
    pub children: Vec<ConditionTree>,
}

impl ConditionTree {
    /// The tree of a predicate; with an event, what holds for it, and what it has where something
    /// does not.
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
                &value.map_or_else(|| " (there is none)".to_owned(), |value| format!(" (it is \"{value}\")")),
            );
        }
        ConditionTree {
            text,
            holds,
            children: children.iter().map(|child| ConditionTree::of(child, event)).collect(),
        }
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
        Predicate::Empty(field) => format!("{} is there and empty", field.name()),
        Predicate::Matches { field, pattern } => format!("{} = \"{}\"", field.name(), pattern.text()),
        Predicate::Fits { field, expression } => format!("{} fits \"{}\"", field.name(), expression.text()),
        Predicate::InNetwork { field, network } => {
            format!("{} holds an address of {}", field.name(), network.text())
        }
        Predicate::Passes { field, test } => test.text(field.name()),
        Predicate::Computed(computed) => computed.to_string(),
        Predicate::Compare { field, operator, value } => {
            format!("{} {} \"{value}\"", field.name(), operator.symbol())
        }
    }
}

/// The field that a leaf looks at.
fn field(predicate: &Predicate) -> Option<Field> {
    match predicate {
        Predicate::Exists(field)
        | Predicate::Empty(field)
        | Predicate::Matches { field, .. }
        | Predicate::Fits { field, .. }
        | Predicate::InNetwork { field, .. }
        | Predicate::Passes { field, .. }
        | Predicate::Compare { field, .. } => Some(*field),
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
                "..no User = \"x\" (there is none)",
                ".yes ProcessId >= \"7\" (it is \"740\")",
            ]
        );
    }
}
