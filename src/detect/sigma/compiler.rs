//! The named parts of a Sigma rule and the condition that joins them, as one predicate.

use std::cell::{Cell, RefCell};

use super::super::bounds::{MOST_EXPRESSION_BYTES, too_much};
use super::super::expression::Expression;
use super::super::field::Field;
use super::super::placeholder::Placeholders;
use super::super::predicate::Predicate;
use super::super::yaml::{Key, Kind, Node, Problem};
use super::Refusal;
use super::choice::{check_number, choices, choose, leaves};
use super::condition::{Condition, Names, Quantifier};
use super::item;
use super::source::Source;
use crate::event::DnsQueryEvent;

/// Deeper nesting is no rule but an attempt at the stack.
const DEEPEST_NESTING: usize = 100;
/// More parts than these are no rule: published ones have a few dozen.
const MOST_PARTS: usize = 1_000;
/// Conditions on a field that a rule may come to: each value of a list is one, each time that a
/// part is named, with each of its variants.
const MOST_CONDITIONS: usize = 200_000;
/// The keys of a detection that name no part of it.
const RESERVED: [&str; 2] = ["condition", "timeframe"];

/// Whether a part speaks for a match or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// For it.
    For,
    /// Against it: below an odd number of `not`s.
    Against,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Side::For => Side::Against,
            Side::Against => Side::For,
        }
    }
}

/// Makes a predicate of a rule.
pub(super) struct Compiler<'a> {
    detection: &'a Node,
    source: Source,
    /// The events that it is about.
    prototypes: Vec<DnsQueryEvent>,
    placeholders: &'a Placeholders,
    notes: RefCell<Vec<String>>,
    /// What it asks for of events that are not looked at.
    foreign: RefCell<Vec<Problem>>,
    /// Whether some part asks for the events that are looked at by their number.
    asks_by_number: Cell<bool>,
    /// How many conditions on a field it comes to so far.
    conditions: Cell<usize>,
    /// Bytes that all its expressions take, by their estimates.
    expression_bytes: Cell<usize>,
    /// The first part that is not understood.
    problem: RefCell<Option<Problem>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(detection: &'a Node, source: Source, placeholders: &'a Placeholders) -> Self {
        Compiler {
            detection,
            source,
            prototypes: source.prototypes(),
            placeholders,
            notes: RefCell::default(),
            foreign: RefCell::default(),
            asks_by_number: Cell::default(),
            conditions: Cell::default(),
            expression_bytes: Cell::default(),
            problem: RefCell::default(),
        }
    }

    /// The whole condition. Several are alternatives.
    pub(super) fn predicate(&self) -> Result<Predicate, Refusal> {
        if let Some((key, _)) = self.detection.entries().iter().find(|(key, _)| key.name == "timeframe") {
            return Err(Problem::at(
                key.place,
                "a timeframe counts over many events, which is not supported",
            )
            .into());
        }
        let parts = self.part_names().count();
        if parts > MOST_PARTS {
            let about = format!("detection: expected at most {MOST_PARTS} parts, found {parts}");
            return Err(Problem::at(self.detection.place, about).into());
        }
        let condition = self.detection.get("condition").ok_or_else(|| {
            let found = self.detection.description();
            let found =
                if self.detection.entries().is_empty() { format!(", found {found}") } else { String::new() };
            Problem::at(
                self.detection.place,
                format!("detection: expected parts and the key 'condition'{found}"),
            )
        })?;
        let alternatives = match &condition.kind {
            Kind::List(conditions) if !conditions.is_empty() => conditions.as_slice(),
            _ => std::slice::from_ref(condition),
        };
        let alternatives: Result<Vec<_>, _> =
            alternatives.iter().map(|one| self.one_condition(one)).collect();
        let predicate = one_or(alternatives?, Predicate::Or);
        self.refusal(&predicate).map_or(Ok(predicate), Err)
    }

    fn one_condition(&self, node: &Node) -> Result<Predicate, Problem> {
        let at = |problem: String| Problem::at(node.place, format!("condition: {problem}"));
        let Some(scalar) = node.scalar().filter(|scalar| !scalar.is_null()) else {
            return Err(at(format!("expected text, found {}", node.description())));
        };
        let condition = Condition::parse(&scalar.text).map_err(at)?;
        self.expression(&condition, Side::For, node)
    }

    /// Why the rule cannot be looked for, if it cannot.
    fn refusal(&self, predicate: &Predicate) -> Option<Refusal> {
        let problem = self.problem.take();
        if let Some(foreign) = self.foreign.borrow().first()
            && never_holds(predicate)
        {
            return Some(Refusal::other_data(foreign.clone()));
        }
        // Of what is not understood it is not known what it asks for, besides the number.
        let asks = asks_for_dns(predicate) || (problem.is_some() && self.asks_by_number.get());
        let asks_for_all = matches!(self.source, Source::Sysmon | Source::Windows) && !asks;
        if asks_for_all {
            let about = "all events of the log source: none of EventID, QueryName, QueryStatus and QueryResults is asked for";
            return Some(Refusal::other_data(Problem::at(self.detection.place, about)));
        }
        problem.map(Refusal::Problem)
    }

    /// What the user should know of how the rule was taken.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.take()
    }

    pub(super) fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn placeholders(&self) -> &Placeholders {
        self.placeholders
    }

    /// Counts conditions on a field before they are made. The error says that the rule comes to too
    /// many.
    pub(super) fn count(&self, more: usize) -> Result<(), String> {
        let count = self.conditions.get().saturating_add(more);
        self.conditions.set(count);
        if count > MOST_CONDITIONS {
            return Err(format!(
                "expected a rule that comes to at most {MOST_CONDITIONS} conditions on fields"
            ));
        }
        Ok(())
    }

    /// Counts an expression before it is compiled. The error says that all of them take too much.
    pub(super) fn take(&self, expression: &Expression) -> Result<(), String> {
        let size = self.expression_bytes.get().saturating_add(expression.size());
        self.expression_bytes.set(size);
        if size > MOST_EXPRESSION_BYTES {
            Err(too_much("the rule's regular expressions", size))
        } else {
            Ok(())
        }
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    fn expression(&self, condition: &Condition, side: Side, node: &Node) -> Result<Predicate, Problem> {
        let all = |many: &[Condition]| -> Result<Vec<Predicate>, Problem> {
            many.iter().map(|one| self.expression(one, side, node)).collect()
        };
        match condition {
            Condition::And(many) => all(many).map(|many| one_or(many, Predicate::And)),
            Condition::Or(many) => all(many).map(|many| one_or(many, Predicate::Or)),
            Condition::Not(one) => Ok(Predicate::Not(Box::new(self.expression(one, side.other(), node)?))),
            Condition::Name(name) => match self.part(name) {
                Some(part) => Ok(self.named(part, side)),
                None => Err(self.no_part(name, node)),
            },
            Condition::Of(quantifier, names) => self.selected(*quantifier, names, side, node),
        }
    }

    fn part(&self, name: &str) -> Option<&'a Node> {
        if RESERVED.contains(&name) { None } else { self.detection.get(name) }
    }

    fn part_names(&self) -> impl Iterator<Item = &'a str> {
        let names = self.detection.entries().iter().map(|(key, _)| key.name.as_str());
        names.filter(|name| !RESERVED.contains(name))
    }

    fn no_part(&self, name: &str, node: &Node) -> Problem {
        let near = super::suggestion(name, self.part_names());
        let name = name.escape_debug();
        Problem::at(
            node.place,
            format!("condition: it names '{name}', which is no part of the detection{near}"),
        )
    }

    /// A named part. One that is not understood is noted, and holds for nothing: what the rule is
    /// about may be something else.
    fn named(&self, part: &Node, side: Side) -> Predicate {
        self.detection(part, side, 0).unwrap_or_else(|problem| {
            self.problem.borrow_mut().get_or_insert(problem);
            Predicate::Or(Vec::new())
        })
    }

    /// `1 of selection*`, `all of them`.
    fn selected(
        &self,
        quantifier: Quantifier,
        names: &Names,
        side: Side,
        node: &Node,
    ) -> Result<Predicate, Problem> {
        let at = |problem: String| Problem::at(node.place, format!("condition: {problem}"));
        let parts: Vec<Predicate> = self
            .part_names()
            .filter(|name| names.hold(name))
            .filter_map(|name| self.part(name))
            .map(|part| self.named(part, side))
            .collect();
        let text = names.text().escape_debug();
        if parts.is_empty() {
            let near = super::suggestion(names.text(), self.part_names());
            return Err(at(format!("'{text}' is the name of no part of the detection{near}")));
        }
        match quantifier {
            Quantifier::All => Ok(one_or(parts, Predicate::And)),
            Quantifier::AtLeast(1) => Ok(one_or(parts, Predicate::Or)),
            Quantifier::AtLeast(count) => {
                if !(1..=parts.len()).contains(&count) {
                    return Err(at(format!("expected 1 to {} of '{text}', found {count}", parts.len())));
                }
                self.check_choices(&parts, count).map_err(at)?;
                let mut chosen = Vec::new();
                choose(&parts, count, &mut Vec::new(), &mut chosen);
                Ok(one_or(chosen, Predicate::Or))
            }
        }
    }

    /// Refuses choices that come to too much before any is made: each holds copies of its parts.
    fn check_choices(&self, parts: &[Predicate], count: usize) -> Result<(), String> {
        check_number(parts.len(), count)?;
        let of_each = choices(parts.len().saturating_sub(1), count.saturating_sub(1));
        self.count(parts.iter().map(leaves).sum::<usize>().saturating_mul(of_each))
    }

    /// A part: conditions on fields that all hold, or a list of such of which one does.
    fn detection(&self, node: &Node, side: Side, depth: usize) -> Result<Predicate, Problem> {
        match &node.kind {
            _ if depth > DEEPEST_NESTING => Err(Problem::at(
                node.place,
                format!("expected at most {DEEPEST_NESTING} lists inside each other"),
            )),
            Kind::Map(entries) if !entries.is_empty() => self.fields(entries, side),
            Kind::List(items) if items.iter().any(|item| item.scalar().is_none()) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| self.detection(item, side, depth + 1)).collect();
                items.map(|items| one_or(items, Predicate::Or))
            }
            Kind::Scalar(scalar) if !scalar.is_null() => Err(Problem::at(node.place, item::NO_FIELD)),
            Kind::List(items) if !items.is_empty() => Err(Problem::at(node.place, item::NO_FIELD)),
            _ => Err(Problem::at(node.place, "expected conditions on fields, found none")),
        }
    }

    /// Conditions on fields that all hold. If they ask for events that are not looked at, the
    /// others need not be known.
    fn fields(&self, entries: &[(Key, Node)], side: Side) -> Result<Predicate, Problem> {
        for (key, value) in entries {
            if self.is_foreign(key, value, side)? {
                return Ok(Predicate::Or(Vec::new()));
            }
        }
        let items: Result<Vec<_>, _> =
            entries.iter().map(|(key, value)| item::predicate(self, key, value, side)).collect();
        items.map(|items| one_or(items, Predicate::And))
    }

    /// Whether a line on what all events of the source have asks for other ones. If it asks for
    /// some of each, that is noted.
    fn is_foreign(&self, key: &Key, value: &Node, side: Side) -> Result<bool, Problem> {
        let constant = [Field::EventId, Field::Channel, Field::Provider];
        if !item::field_of(key, self.source).is_ok_and(|field| constant.contains(&field)) {
            return Ok(false);
        }
        let holds = |value: &Node| {
            let predicate = item::predicate(self, key, value, side)?;
            Ok::<_, Problem>(self.prototypes.iter().any(|event| predicate.evaluate(event)))
        };
        let asked = |value: &Node| match value.scalar() {
            Some(scalar) => format!("{} {}", key.name, scalar.text),
            None => key.name.clone(),
        };
        let is_foreign = !holds(value)?;
        if side == Side::For {
            let is_number = key.name.starts_with("EventID");
            self.asks_by_number.set(self.asks_by_number.get() || (is_number && !is_foreign));
            let values = match &value.kind {
                Kind::List(values) => values.as_slice(),
                _ => std::slice::from_ref(value),
            };
            for one in values {
                if is_foreign || (!key.name.contains('|') && !holds(one)?) {
                    let about =
                        Problem::at(one.place, format!("{}; {}", asked(one), self.source.looked_at()));
                    self.foreign.borrow_mut().push(about);
                    self.note(format!("{} is not looked at", asked(one).escape_debug()));
                }
            }
        }
        Ok(is_foreign)
    }
}

/// Whether a predicate holds for no event, whatever it says.
fn never_holds(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::And(children) => children.iter().any(never_holds),
        Predicate::Or(children) => children.iter().all(never_holds),
        Predicate::Not(child) => always_holds(child),
        _ => false,
    }
}

/// Whether a predicate holds for each event, whatever it says.
fn always_holds(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::And(children) => children.iter().all(always_holds),
        Predicate::Or(children) => children.iter().any(always_holds),
        Predicate::Not(child) => never_holds(child),
        _ => false,
    }
}

/// Whether all that a predicate holds for is asked for by its number or by what only DNS queries
/// have.
fn asks_for_dns(predicate: &Predicate) -> bool {
    let is_own = |field: &Field| {
        matches!(field, Field::EventId | Field::QueryName | Field::QueryStatus | Field::QueryResults)
    };
    match predicate {
        Predicate::And(children) => children.iter().any(asks_for_dns),
        Predicate::Or(children) => {
            let mut possible = children.iter().filter(|child| !never_holds(child)).peekable();
            possible.peek().is_some() && possible.all(asks_for_dns)
        }
        Predicate::Exists(field)
        | Predicate::Empty(field)
        | Predicate::Matches { field, .. }
        | Predicate::Fits { field, .. }
        | Predicate::InNetwork { field, .. }
        | Predicate::Passes { field, .. } => is_own(field),
        _ => false,
    }
}

/// A single part stands for itself.
pub(super) fn one_or(mut parts: Vec<Predicate>, many: impl Fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}
