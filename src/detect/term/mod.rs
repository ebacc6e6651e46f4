//! Terms: the values that a search compares, aggregates and shows.
//!
//! A [`Term`] is a field of an event, a column of a `stats` table, a constant, or what the commands
//! `eval` and `lookup` compute from other terms. `evaluation` computes the value of a term.

pub(in crate::detect) mod computed;
pub(in crate::detect) mod condition;
pub(in crate::detect) mod conversion;
mod evaluation;
pub(in crate::detect) mod function;
pub(in crate::detect) mod value;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub(in crate::detect) use self::evaluation::{Assumption, EvalInput};
use crate::detect::lookup::LookupOutput;
use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::term::condition::Condition;
use crate::detect::term::function::Function;
use crate::detect::term::value::number_text;

/// The largest number of evaluation steps of a [`Term`]: one step for each term and condition
/// inside it. A search with a longer term is refused, because only an attack on the processor needs
/// one.
pub(in crate::detect) const MOST_STEPS: u32 = 10_000;
/// The largest nesting depth of a [`Term`]. A search with a deeper term is refused, because
/// evaluating it could exhaust the stack.
pub(in crate::detect) const DEEPEST_TERM: u32 = 100;

/// A value that a search computes for each event or `stats` row: a field, a column, a constant, or
/// a function of other terms. Cloning a term is cheap, because clones share its content. Each use
/// of a name that the command `eval` defines clones the term of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct Term(Arc<TermData>);

#[derive(Debug, PartialEq, Eq)]
/// The shared content of a [`Term`]: what kind of value it is, and the cost of evaluating it.
struct TermData {
    kind: TermKind,
    /// The number of steps that evaluating the term takes: one for the term itself, and one for
    /// each term and condition inside it.
    steps: u32,
    /// The nesting depth of the term, which is 1 for a term without other terms inside.
    depth: u32,
}

/// The kinds of [`Term`]s, each with its content: a field, a constant, or the terms that it is
/// computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum TermKind {
    /// A value that is always null, such as a field that Sysmon's DNS queries do not have.
    Absent,
    /// The value that the event has in this field.
    Field(Field),
    /// The value of a column in a row of the `stats` table. The column is given by its 0-based
    /// index among all columns.
    Column(usize),
    /// A constant text that is written in the search.
    Text(String),
    /// A constant number that is written in the search.
    Number(Number),
    /// The result of the command `fillnull`: the value of the given term, or the given text if the
    /// term has no value.
    FillNull(Term, String),
    /// The value of the given term, a time, formatted as text. The given text is the format, in the
    /// notation of `strftime`.
    FormatTime(Term, String),
    /// The result of the function or operator for the values of these arguments.
    Call(Function, Vec<Term>),
    /// The result of Splunk's function `replace`: the value of the given term, in which the given
    /// text replaces each match of the regular expression.
    Replace(Term, Expression, String),
    /// The result of Splunk's function `if` or `case`: the value of the first term whose condition
    /// is true; null if no condition is true.
    Case(Vec<(Condition, Term)>),
    /// The values that a lookup finds in a table of the site: the cells of one of the table's
    /// columns, in the rows whose key columns match the event or `stats` row.
    Lookup(LookupOutput),
}

/// A number that is written in a search. It is compared by `f64::total_cmp`, so that NaN is equal
/// to itself and [`Eq`] can be implemented.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0).is_eq()
    }
}

impl Eq for Number {}

impl From<TermKind> for Term {
    fn from(kind: TermKind) -> Self {
        let (mut steps, mut depth) = (1_u32, 0_u32);
        let mut add = |(more, below): (u32, u32)| {
            steps = steps.saturating_add(more);
            depth = depth.max(below);
        };
        match &kind {
            TermKind::Absent
            | TermKind::Field(_)
            | TermKind::Column(_)
            | TermKind::Text(_)
            | TermKind::Number(_) => {}
            TermKind::FillNull(term, _) | TermKind::FormatTime(term, _) | TermKind::Replace(term, ..) => {
                add(term.cost());
            }
            TermKind::Call(_, terms) => terms.iter().for_each(|term| add(term.cost())),
            TermKind::Case(branches) => branches.iter().for_each(|(condition, term)| {
                add(condition.cost());
                add(term.cost());
            }),
            TermKind::Lookup(found) => found.keys().for_each(|term| add(term.cost())),
        }
        Term(Arc::new(TermData { kind, steps, depth: depth.saturating_add(1) }))
    }
}

impl From<Field> for Term {
    fn from(field: Field) -> Self {
        Term::from(TermKind::Field(field))
    }
}

impl Term {
    /// Returns the number of steps that evaluating the term takes (one for the term itself, and one
    /// for each term and condition inside it), and the term's nesting depth.
    pub fn cost(&self) -> (u32, u32) {
        (self.0.steps, self.0.depth)
    }

    /// Returns the kind of value that the term is, such as a field or a constant, with the terms
    /// that it is computed from.
    pub fn kind(&self) -> &TermKind {
        &self.0.kind
    }

    /// Returns the event field that the term stands for; `None` if the term is computed, a column
    /// or a constant.
    pub fn as_field(&self) -> Option<Field> {
        match self.kind() {
            TermKind::Field(field) => Some(*field),
            _ => None,
        }
    }

    /// Returns the text of the term if it is a constant text or number; `None` for any other term,
    /// and for the constant null.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self.kind() {
            TermKind::Text(text) => Some(Cow::Borrowed(text)),
            TermKind::Number(Number(number)) => Some(Cow::Owned(number_text(*number))),
            _ => None,
        }
    }

    /// Returns true if the term is the field `_time`, whose values are times.
    pub fn is_time(&self) -> bool {
        match self.kind() {
            TermKind::Field(field) => *field == Field::Time,
            _ => false,
        }
    }

    /// Returns true if the term is the constant null, so that it never has a value.
    pub fn is_absent(&self) -> bool {
        *self.kind() == TermKind::Absent
    }

    /// Returns the term with each column of a `stats` table replaced by the term that `of` returns
    /// for the column's 0-based index. If these terms read events, a term on rows becomes a term on
    /// events. `None` if `of` returns `None` for one of the columns.
    pub fn with_columns(&self, of: &dyn Fn(usize) -> Option<Term>) -> Option<Term> {
        let all = |terms: &[Term]| terms.iter().map(|term| term.with_columns(of)).collect::<Option<Vec<_>>>();
        Some(Term::from(match self.kind() {
            TermKind::Absent | TermKind::Field(_) | TermKind::Text(_) | TermKind::Number(_) => {
                return Some(self.clone());
            }
            TermKind::Column(place) => return of(*place),
            TermKind::FillNull(term, fill) => TermKind::FillNull(term.with_columns(of)?, fill.clone()),
            TermKind::FormatTime(term, format) => {
                TermKind::FormatTime(term.with_columns(of)?, format.clone())
            }
            TermKind::Call(function, terms) => TermKind::Call(*function, all(terms)?),
            TermKind::Replace(term, expression, with) => {
                TermKind::Replace(term.with_columns(of)?, expression.clone(), with.clone())
            }
            TermKind::Case(branches) => {
                let mut changed = Vec::with_capacity(branches.len());
                for (condition, term) in branches {
                    changed.push((condition.with_columns(of)?, term.with_columns(of)?));
                }
                TermKind::Case(changed)
            }
            TermKind::Lookup(found) => {
                TermKind::Lookup(found.with_keys(all(&found.keys().cloned().collect::<Vec<_>>())?))
            }
        }))
    }

    /// Calls `visitor` with the term, and then with each term that it is computed from, at any
    /// depth.
    pub fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term)) {
        visitor(self);
        match self.kind() {
            TermKind::Absent
            | TermKind::Field(_)
            | TermKind::Column(_)
            | TermKind::Text(_)
            | TermKind::Number(_) => {}
            TermKind::FillNull(term, _) | TermKind::FormatTime(term, _) | TermKind::Replace(term, ..) => {
                term.visit(visitor);
            }
            TermKind::Call(_, terms) => terms.iter().for_each(|term| term.visit(visitor)),
            TermKind::Case(branches) => {
                for (condition, term) in branches {
                    condition.visit(visitor);
                    term.visit(visitor);
                }
            }
            TermKind::Lookup(found) => found.keys().for_each(|term| term.visit(visitor)),
        }
    }

    /// Calls `see` with each regular expression inside the term.
    pub fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        match self.kind() {
            TermKind::Absent
            | TermKind::Field(_)
            | TermKind::Column(_)
            | TermKind::Text(_)
            | TermKind::Number(_) => {}
            TermKind::FillNull(term, _) | TermKind::FormatTime(term, _) => term.each_expression(see),
            TermKind::Replace(term, expression, _) => {
                see(expression);
                term.each_expression(see);
            }
            TermKind::Call(_, terms) => terms.iter().for_each(|term| term.each_expression(see)),
            TermKind::Case(branches) => {
                for (condition, term) in branches {
                    condition.each_expression(see);
                    term.each_expression(see);
                }
            }
            TermKind::Lookup(found) => found.keys().for_each(|term| term.each_expression(see)),
        }
    }

    /// Returns true if the term can have several values for one event.
    pub fn is_multivalued(&self) -> bool {
        match self.kind() {
            TermKind::Field(field) => field.is_multivalued(),
            TermKind::Absent
            | TermKind::Column(_)
            | TermKind::Text(_)
            | TermKind::Number(_)
            | TermKind::FormatTime(..) => false,
            TermKind::FillNull(term, _) | TermKind::Replace(term, ..) => term.is_multivalued(),
            TermKind::Call(function, terms) => {
                function.makes_several()
                    || (function.keeps_several() && terms.iter().any(Term::is_multivalued))
            }
            TermKind::Case(branches) => branches.iter().any(|(_, term)| term.is_multivalued()),
            TermKind::Lookup(_) => true,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            TermKind::Absent => formatter.write_str("null()"),
            TermKind::Field(field) => formatter.write_str(field.name()),
            TermKind::Column(place) => write!(formatter, "column {}", place + 1),
            TermKind::Text(text) => write!(formatter, "\"{text}\""),
            TermKind::Number(Number(number)) => formatter.write_str(&number_text(*number)),
            TermKind::FillNull(term, fill) => write!(formatter, "coalesce({term}, \"{fill}\")"),
            TermKind::FormatTime(term, format) => write!(formatter, "strftime({term}, \"{format}\")"),
            TermKind::Call(function, terms) => {
                write!(formatter, "{}(", function.name())?;
                for (place, term) in terms.iter().enumerate() {
                    write!(formatter, "{}{term}", if place > 0 { ", " } else { "" })?;
                }
                formatter.write_str(")")
            }
            TermKind::Replace(term, expression, with) => {
                write!(formatter, "replace({term}, \"{}\", \"{with}\")", expression.text())
            }
            TermKind::Case(branches) => {
                formatter.write_str("case(")?;
                for (place, (condition, term)) in branches.iter().enumerate() {
                    write!(formatter, "{}{condition}, {term}", if place > 0 { ", " } else { "" })?;
                }
                formatter.write_str(")")
            }
            TermKind::Lookup(found) => write!(formatter, "{found}"),
        }
    }
}
