//! Conditions of a search on [`Term`]s, which are fields, constants and computed values. Conditions
//! are evaluated on events or on rows of a `stats` table; [`super::conversion`] makes predicates of
//! them.
//!
//! A comparison with a missing value is false, so its negation is true. If a field has several
//! values, a comparison is true if it is true for one of them.

use std::fmt;

use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::predicate::{Inequality, ordering};
use crate::detect::term::value::Value;
use crate::detect::term::{Assumption, EvalInput, Term};

/// A condition of a search, which is true or false for an event or for a row of a `stats` table. It
/// compares [`Term`]s: fields, columns, constants and computed values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum Condition {
    /// A condition that is true for every event and every row of a `stats` table.
    All,
    /// True if Sysmon logged the event. Always true for a row of a `stats` table: the part of the
    /// search before `stats` has selected the events that the row was made of.
    Sysmon,
    /// True if all of these conditions are true. Without conditions, it is always true.
    And(Vec<Condition>),
    /// True if at least one of these conditions is true. Without conditions, it is always false.
    Or(Vec<Condition>),
    /// True if the condition inside is false.
    Not(Box<Condition>),
    /// True if the term (a field, column or computed value) has a value that is not empty.
    Exists(Term),
    /// The operator `=` of the command `search`: true if a value of the term (a field, column or
    /// computed value) matches the pattern. In the pattern, `*` is a wildcard, and case does not
    /// count.
    Matches(Term, Pattern),
    /// The operator `!=` of the command `search`, for a term (a field, column or computed value)
    /// that can have several values: true if at least one value does not match the pattern.
    Differs(Term, Pattern),
    /// The operator `<`, `<=`, `>` or `>=` of the command `search`, between the term (a field,
    /// column or computed value) on the left and a constant text on the right. Two numbers are
    /// compared as numbers, other values as texts in lower case.
    Inequality(Term, Inequality, String),
    /// A comparison of two terms (expressions with a value) in Splunk's command `where`, such as
    /// `len(query) > 40`.
    Comparison(Term, Relation, Term),
    /// The command `regex`, or a function such as `match`: true if a value of the term (a field,
    /// column or computed value) matches the regular expression.
    Fits(Term, Expression),
    /// True if a value of the term (a field, column or computed value) is an IP address in the
    /// network, or a list (separated by `;`) that contains one.
    InNetwork(Term, Network),
}

/// A comparison operator of the commands `where` and `eval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Relation {
    /// The operator `=` or `==`: both values are equal.
    Equal,
    /// The operator `!=`: both values exist and differ.
    NotEqual,
    /// One of the operators `<`, `<=`, `>` and `>=`. They compare two numbers by size, and other
    /// values as texts.
    Inequality(Inequality),
}

impl Relation {
    /// Returns true if the values `left` and `right`, each a single value, compare as this operator
    /// says.
    fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        let ordering = left.compare(right);
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::NotEqual => ordering.is_ne(),
            Relation::Inequality(order) => order.holds(ordering),
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Relation::Equal => "=",
            Relation::NotEqual => "!=",
            Relation::Inequality(order) => order.symbol(),
        }
    }
}

impl Condition {
    /// Returns a condition that is false for every event and every row of a `stats` table.
    pub fn never() -> Self {
        Condition::Or(Vec::new())
    }

    /// Returns the negation of the condition. The negation of an always true condition is an always
    /// false one, without a `Not` around it, and vice versa.
    pub fn negated(self) -> Self {
        match self {
            Condition::All => Condition::never(),
            Condition::Or(none) if none.is_empty() => Condition::All,
            one => Condition::Not(Box::new(one)),
        }
    }

    /// Returns true if the condition is true for an event or for a row of a `stats` table.
    pub fn holds(&self, input: EvalInput<'_>) -> bool {
        match self {
            Condition::All => true,
            Condition::Sysmon => match input {
                EvalInput::Event(event) => event.system.is_sysmon(),
                EvalInput::Row(_) => true,
            },
            Condition::And(all) => all.iter().all(|one| one.holds(input)),
            Condition::Or(any) => any.iter().any(|one| one.holds(input)),
            Condition::Not(one) => !one.holds(input),
            Condition::Exists(term)
            | Condition::Matches(term, _)
            | Condition::Differs(term, _)
            | Condition::Inequality(term, ..)
            | Condition::Fits(term, _)
            | Condition::InNetwork(term, _) => self.holds_for(term.value(input)),
            Condition::Comparison(left, relation, right) => {
                any_pair_holds(left.value(input), *relation, right.value(input))
            }
        }
    }

    /// Returns true if the condition is true when the [`Term`] that it tests (a field, column or
    /// computed value) has this value. False for a condition that does not test exactly one term,
    /// such as an `AND`.
    fn holds_for(&self, value: Value<'_>) -> bool {
        let mut texts = value.texts().into_iter().filter(|text| !text.is_empty());
        match self {
            Condition::Exists(_) => texts.next().is_some(),
            Condition::Matches(_, pattern) => texts.any(|text| pattern.matches(&text)),
            Condition::Differs(_, pattern) => texts.any(|text| !pattern.matches(&text)),
            Condition::Inequality(_, order, right) => texts.any(|text| order.holds(ordering(&text, right))),
            Condition::Fits(_, expression) => texts.any(|text| expression.matches(&text)),
            Condition::InNetwork(_, network) => texts.any(|text| network.contains_any(&text)),
            _ => false,
        }
    }

    /// Returns the condition's result if it is the same for all events to which an assumption
    /// applies; `None` if it depends on the event. So the parser recognises conditions that no DNS
    /// query can meet.
    pub fn known(&self, assumption: Assumption) -> Option<bool> {
        match self {
            Condition::All => Some(true),
            Condition::Sysmon => (assumption == Assumption::DnsQuery).then_some(true),
            Condition::And(all) => {
                let known = || all.iter().map(|one| one.known(assumption));
                if known().any(|one| one == Some(false)) {
                    return Some(false);
                }
                known().all(|one| one == Some(true)).then_some(true)
            }
            Condition::Or(any) => {
                let known = || any.iter().map(|one| one.known(assumption));
                if known().any(|one| one == Some(true)) {
                    return Some(true);
                }
                known().all(|one| one == Some(false)).then_some(false)
            }
            Condition::Not(one) => one.known(assumption).map(|holds| !holds),
            Condition::Exists(term)
            | Condition::Matches(term, _)
            | Condition::Differs(term, _)
            | Condition::Inequality(term, ..)
            | Condition::Fits(term, _)
            | Condition::InNetwork(term, _) => term.known(assumption).map(|value| self.holds_for(value)),
            Condition::Comparison(left, relation, right) => {
                Some(any_pair_holds(left.known(assumption)?, *relation, right.known(assumption)?))
            }
        }
    }

    /// Returns the condition with each column of a `stats` table replaced by the term that `of`
    /// returns for the column's 0-based index. If these terms read events, a condition on rows
    /// becomes a condition on events. `None` if `of` returns `None` for one of the columns.
    pub fn with_columns(&self, of: &dyn Fn(usize) -> Option<Term>) -> Option<Condition> {
        let all =
            |many: &[Condition]| many.iter().map(|one| one.with_columns(of)).collect::<Option<Vec<_>>>();
        Some(match self {
            Condition::All | Condition::Sysmon => self.clone(),
            Condition::And(many) => Condition::And(all(many)?),
            Condition::Or(many) => Condition::Or(all(many)?),
            Condition::Not(one) => Condition::Not(Box::new(one.with_columns(of)?)),
            Condition::Exists(term) => Condition::Exists(term.with_columns(of)?),
            Condition::Matches(term, pattern) => Condition::Matches(term.with_columns(of)?, pattern.clone()),
            Condition::Differs(term, pattern) => Condition::Differs(term.with_columns(of)?, pattern.clone()),
            Condition::Inequality(term, order, right) => {
                Condition::Inequality(term.with_columns(of)?, *order, right.clone())
            }
            Condition::Comparison(left, relation, right) => {
                Condition::Comparison(left.with_columns(of)?, *relation, right.with_columns(of)?)
            }
            Condition::Fits(term, expression) => Condition::Fits(term.with_columns(of)?, expression.clone()),
            Condition::InNetwork(term, network) => Condition::InNetwork(term.with_columns(of)?, *network),
        })
    }

    /// Calls `visitor` with each term of the condition (each field, column, constant and computed
    /// value), including terms that lie inside other terms.
    pub fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term)) {
        match self {
            Condition::All | Condition::Sysmon => {}
            Condition::And(many) | Condition::Or(many) => many.iter().for_each(|one| one.visit(visitor)),
            Condition::Not(one) => one.visit(visitor),
            Condition::Exists(term)
            | Condition::Matches(term, _)
            | Condition::Differs(term, _)
            | Condition::Inequality(term, ..)
            | Condition::Fits(term, _)
            | Condition::InNetwork(term, _) => term.visit(visitor),
            Condition::Comparison(left, _, right) => {
                left.visit(visitor);
                right.visit(visitor);
            }
        }
    }

    /// Calls `see` with each regular expression of the condition, including those inside its terms.
    pub fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        match self {
            Condition::And(many) | Condition::Or(many) => {
                for one in many {
                    one.each_expression(see);
                }
            }
            Condition::Not(one) => one.each_expression(see),
            Condition::Fits(term, expression) => {
                see(expression);
                term.each_expression(see);
            }
            Condition::All | Condition::Sysmon => {}
            Condition::Exists(term)
            | Condition::Matches(term, _)
            | Condition::Differs(term, _)
            | Condition::Inequality(term, ..)
            | Condition::InNetwork(term, _) => term.each_expression(see),
            Condition::Comparison(left, _, right) => {
                left.each_expression(see);
                right.each_expression(see);
            }
        }
    }

    /// Returns the number of steps that the condition's evaluation takes, one for each condition
    /// and term (field, column, constant or computed value) in it, and its nesting depth. Both are
    /// limited, by [`MOST_STEPS`](super::MOST_STEPS) and [`DEEPEST_TERM`](super::DEEPEST_TERM).
    pub fn cost(&self) -> (u32, u32) {
        let (steps, depth) = match self {
            Condition::All | Condition::Sysmon => (0, 0),
            Condition::And(many) | Condition::Or(many) => many
                .iter()
                .map(Condition::cost)
                .fold((0_u32, 0), |sum, one| (sum.0.saturating_add(one.0), sum.1.max(one.1))),
            Condition::Not(one) => one.cost(),
            Condition::Exists(term)
            | Condition::Matches(term, _)
            | Condition::Differs(term, _)
            | Condition::Inequality(term, ..)
            | Condition::Fits(term, _)
            | Condition::InNetwork(term, _) => term.cost(),
            Condition::Comparison(left, _, right) => {
                let (left, right) = (left.cost(), right.cost());
                (left.0.saturating_add(right.0), left.1.max(right.1))
            }
        };
        (steps.saturating_add(1), depth.saturating_add(1))
    }

    /// Splits an `AND` condition into the conditions that it joins. A condition of another kind is
    /// the only element of the result.
    pub fn conjuncts(self) -> Vec<Condition> {
        match self {
            Condition::And(all) => all.into_iter().flat_map(Condition::conjuncts).collect(),
            one => vec![one],
        }
    }
}

/// Returns true if a comparison is true for at least one pair of a single value of `left` and a
/// single value of `right`.
fn any_pair_holds(left: Value<'_>, relation: Relation, right: Value<'_>) -> bool {
    let rights = right.into_single_values();
    left.into_single_values().iter().any(|left| rights.iter().any(|right| relation.holds(left, right)))
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joined = |many: &[Condition], between: &str| {
            formatter.write_str("(")?;
            for (place, one) in many.iter().enumerate() {
                write!(formatter, "{}{one}", if place > 0 { between } else { "" })?;
            }
            formatter.write_str(")")
        };
        match self {
            Condition::All => formatter.write_str("true()"),
            Condition::Sysmon => formatter.write_str("written by Sysmon"),
            Condition::And(many) => joined(many, " AND "),
            Condition::Or(many) if many.is_empty() => formatter.write_str("false()"),
            Condition::Or(many) => joined(many, " OR "),
            Condition::Not(one) => write!(formatter, "NOT {one}"),
            Condition::Exists(term) => write!(formatter, "{term} has a value"),
            Condition::Matches(term, pattern) => write!(formatter, "{term} = \"{}\"", pattern.text()),
            Condition::Differs(term, pattern) => write!(formatter, "{term} != \"{}\"", pattern.text()),
            Condition::Inequality(term, order, right) => {
                write!(formatter, "{term} {} \"{right}\"", order.symbol())
            }
            Condition::Comparison(left, relation, right) => {
                write!(formatter, "{left} {} {right}", relation.symbol())
            }
            Condition::Fits(term, expression) => write!(formatter, "{term} fits \"{}\"", expression.text()),
            Condition::InNetwork(term, network) => {
                write!(formatter, "{term} contains an address in {}", network.text())
            }
        }
    }
}

/// Returns the event fields that the condition reads, each once.
pub(in crate::detect) fn fields_of(condition: &Condition) -> Vec<Field> {
    let mut fields = Vec::new();
    condition.visit(&mut |term| fields.extend(term.as_field().filter(|field| !fields.contains(field))));
    fields
}
