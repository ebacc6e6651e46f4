//! The condition of a Sigma rule, and the named parts that it joins, as one predicate.

use std::cell::RefCell;

use rsigma_parser::{ConditionExpr, Detection, Detections, Quantifier, SelectorPattern};

use super::super::placeholder::Placeholders;
use super::super::predicate::Predicate;
use super::item;

/// Deeper nesting is no rule but an attempt at the stack.
const DEEPEST_NESTING: usize = 100;
/// `2 of x*` is written out as all pairs; more alternatives than these are refused.
const MOST_ALTERNATIVES: usize = 1_000;

/// Whether a part speaks for a match or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// For it.
    For,
    /// Against it: below an odd number of `not`s.
    Against,
}

/// Makes a predicate of a rule.
pub(super) struct Compiler<'a> {
    detections: &'a Detections,
    placeholders: &'a Placeholders,
    notes: RefCell<Vec<String>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(detections: &'a Detections, placeholders: &'a Placeholders) -> Self {
        Compiler { detections, placeholders, notes: RefCell::default() }
    }

    /// The whole condition. Several are alternatives.
    pub(super) fn predicate(&self) -> Result<Predicate, String> {
        let conditions = self.detections.conditions.iter();
        if self.detections.timeframe.is_some() {
            return Err("a timeframe is not supported".to_owned());
        }
        let conditions: Result<Vec<_>, _> =
            conditions.map(|one| self.expression(one, Side::For, 0)).collect();
        match conditions? {
            none if none.is_empty() => Err("expected a condition".to_owned()),
            many => Ok(one_or(many, Predicate::Or)),
        }
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

    fn expression(&self, expression: &ConditionExpr, side: Side, depth: usize) -> Result<Predicate, String> {
        if depth > DEEPEST_NESTING {
            return Err(format!(
                "expected at most {DEEPEST_NESTING} parentheses and nots inside each other in the condition"
            ));
        }
        let all = |many: &[ConditionExpr]| -> Result<Vec<Predicate>, String> {
            many.iter().map(|one| self.expression(one, side, depth + 1)).collect()
        };
        match expression {
            ConditionExpr::And(many) => all(many).map(|many| one_or(many, Predicate::And)),
            ConditionExpr::Or(many) => all(many).map(|many| one_or(many, Predicate::Or)),
            ConditionExpr::Not(one) => {
                let other = if side == Side::For { Side::Against } else { Side::For };
                Ok(Predicate::Not(Box::new(self.expression(one, other, depth + 1)?)))
            }
            ConditionExpr::Identifier(name) => self.named(name, side),
            ConditionExpr::Selector { quantifier, pattern } => self.selected(quantifier, pattern, side),
        }
    }

    fn named(&self, name: &str, side: Side) -> Result<Predicate, String> {
        let detection = self.detections.named.get(name);
        let detection = detection
            .ok_or_else(|| format!("the condition names '{}', which is not there", name.escape_debug()))?;
        self.detection(detection, side, 0).map_err(|problem| format!("{}: {problem}", name.escape_debug()))
    }

    /// `1 of selection*`, `all of them`.
    fn selected(
        &self,
        quantifier: &Quantifier,
        pattern: &SelectorPattern,
        side: Side,
    ) -> Result<Predicate, String> {
        // In the order of their names: the reader keeps none.
        let mut names: Vec<&String> =
            self.detections.named.keys().filter(|name| pattern.matches_detection_name(name)).collect();
        names.sort();
        if names.is_empty() {
            return Err(format!("the condition's '{pattern}' is the name of nothing"));
        }
        let parts: Result<Vec<_>, _> = names.into_iter().map(|name| self.named(name, side)).collect();
        let parts = parts?;
        match quantifier {
            Quantifier::Any => Ok(one_or(parts, Predicate::Or)),
            Quantifier::All => Ok(one_or(parts, Predicate::And)),
            Quantifier::Count(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                if !(1..=parts.len()).contains(&count) {
                    return Err(format!("expected 1 to {} of {pattern}, found {count}", parts.len()));
                }
                let mut chosen = Vec::new();
                choose(&parts, count, &mut Vec::new(), &mut chosen)?;
                Ok(one_or(chosen, Predicate::Or))
            }
        }
    }

    /// A named part: conditions on fields that all hold, or a list of such of which one does.
    fn detection(&self, detection: &Detection, side: Side, depth: usize) -> Result<Predicate, String> {
        if depth > DEEPEST_NESTING {
            return Err(format!("expected at most {DEEPEST_NESTING} lists inside each other"));
        }
        let all = |many: &[Detection]| -> Result<Vec<Predicate>, String> {
            many.iter().map(|one| self.detection(one, side, depth + 1)).collect()
        };
        match detection {
            Detection::AllOf(items) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|one| item::predicate(self, one, side)).collect();
                items.map(|items| one_or(items, Predicate::And))
            }
            Detection::AnyOf(many) => all(many).map(|many| one_or(many, Predicate::Or)),
            Detection::And(many) => all(many).map(|many| one_or(many, Predicate::And)),
            Detection::Keywords(_) => Err(item::NO_FIELD.to_owned()),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
                Err("expected conditions on fields, found one on the members of a list".to_owned())
            }
        }
    }
}

/// All choices of so many parts, each as an AND.
fn choose(
    parts: &[Predicate],
    count: usize,
    taken: &mut Vec<Predicate>,
    chosen: &mut Vec<Predicate>,
) -> Result<(), String> {
    if count == 0 {
        if chosen.len() == MOST_ALTERNATIVES {
            return Err(format!("the condition comes to more than {MOST_ALTERNATIVES} alternatives"));
        }
        chosen.push(one_or(taken.clone(), Predicate::And));
        return Ok(());
    }
    for (place, part) in parts.iter().enumerate().take((parts.len() + 1).saturating_sub(count)) {
        taken.push(part.clone());
        choose(parts.get(place + 1..).unwrap_or_default(), count - 1, taken, chosen)?;
        taken.pop();
    }
    Ok(())
}

/// A single part stands for itself.
pub(super) fn one_or(mut parts: Vec<Predicate>, many: impl Fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}
