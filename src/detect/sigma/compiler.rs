//! Compiles the `detection` section of a Sigma rule to one predicate, which is a condition on an
//! event. The section has named parts, such as `selection`, and a condition that joins the parts.
//! The parts themselves are compiled in `part`.

use std::cell::{Cell, RefCell};

use super::Refusal;
use super::combinations::{check_number, choices, choose, condition_count};
use super::condition::{PartSelection, Quantifier, SigmaCondition};
use super::relevance::{asks_for_dns, never_holds, unknown};
use super::source::LogSource;
use crate::detect::bounds::{MOST_EXPRESSION_BYTES, memory_limit_error};
use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::Expression;
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::yaml::{Node, NodeKind, YamlProblem};
use crate::event::Event;

/// The maximum number of parts, such as `selection`, that a Sigma rule's `detection` section may
/// have. Published rules have a few dozen.
const MOST_PARTS: usize = 1_000;
/// The maximum number of conditions on fields that a Sigma rule may become when it is compiled, so
/// that a small rule cannot fill the memory. A value counts once for each text that its
/// placeholders and modifiers make of it. A part of the rule, such as `selection`, counts as often
/// as the rule's condition names it.
const MOST_CONDITIONS: usize = 200_000;
/// If more lines of a Sigma rule than this (each a field with values) are not understood, the
/// compiler reads no more lines. One is enough to refuse the rule, and looking for the names that
/// were probably meant takes time.
pub(super) const MOST_PROBLEMS: usize = 1_000;
/// The keys of a Sigma rule's `detection` section that are not names of parts: the condition, and a
/// time frame, which is not supported.
const RESERVED: [&str; 2] = ["condition", "timeframe"];

/// Says whether a part of a Sigma rule makes a match more likely or less likely when it is true of
/// an event. If the site gives no values for a placeholder (`%name%`) in the part, the rule is
/// refused (`For`), or the placeholder excludes no events (`Against`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polarity {
    /// The part of the Sigma rule, such as `selection`, describes matches: if it is true of an
    /// event, a match is more likely.
    For,
    /// The part of the Sigma rule, such as `filter`, excludes events: it is inside an odd number of
    /// `not`s of the rule's condition. So a match is less likely if the part is true of an event.
    Against,
}

impl Polarity {
    pub(super) fn negated(self) -> Self {
        match self {
            Polarity::For => Polarity::Against,
            Polarity::Against => Polarity::For,
        }
    }
}

/// Compiles the `detection` section of one Sigma rule to a predicate. It limits the number of
/// conditions and the memory that the rule takes. On the way it collects notes for the user, and
/// the problems of lines that are not understood.
pub(super) struct Compiler<'a> {
    detection: &'a Node,
    source: LogSource,
    /// Sample events of the Sigma rule's log source ([`LogSource::prototypes`]). They show whether
    /// any event that a sweep reads can match the rule.
    pub(super) prototypes: Vec<Event>,
    placeholders: &'a Placeholders,
    notes: RefCell<Vec<String>>,
    /// The places where the Sigma rule describes events that a sweep does not read, such as
    /// `EventID: 3`, each with a message that says so.
    pub(super) foreign: RefCell<Vec<YamlProblem>>,
    /// Whether at least one line of the Sigma rule (a field with values) describes DNS queries,
    /// such as one on `QueryName`, even if the line is not understood. It counts only if a line of
    /// the rule is not understood, and an event may match. If true, the rule is refused as not
    /// understood. If false, a rule on all events of Sysmon or of Windows is refused as one about
    /// other data.
    pub(super) mentions_dns: Cell<bool>,
    /// The number of conditions on fields that the Sigma rule has become so far, while it is
    /// compiled. It is limited by [`MOST_CONDITIONS`].
    conditions: Cell<usize>,
    /// The estimated memory, in bytes, of those regular expressions of the Sigma rule that were
    /// made so far. It is limited by [`MOST_EXPRESSION_BYTES`].
    expression_bytes: Cell<usize>,
    /// The problem with the first line of the Sigma rule (a field with values) that is not
    /// understood; `None` if all lines so far are understood.
    problem: RefCell<Option<YamlProblem>>,
    /// The number of the Sigma rule's lines (each a field with values) that are not understood so
    /// far. A line counts as often as the rule's condition names the part (such as `selection`)
    /// that has the line. Each keyword (a value without a field) counts, too, because looking for
    /// the field that it may name takes time.
    pub(super) problems: Cell<usize>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(detection: &'a Node, source: LogSource, placeholders: &'a Placeholders) -> Self {
        Compiler {
            detection,
            source,
            prototypes: source.prototypes(),
            placeholders,
            notes: RefCell::default(),
            foreign: RefCell::default(),
            mentions_dns: Cell::default(),
            conditions: Cell::default(),
            expression_bytes: Cell::default(),
            problem: RefCell::default(),
            problems: Cell::default(),
        }
    }

    /// Compiles the Sigma rule's condition, with the parts of the rule that the condition names. If
    /// the rule has a list of conditions, the predicate is an OR of them. The error says why the
    /// rule cannot be run.
    pub(super) fn predicate(&self) -> Result<Predicate, Refusal> {
        if let Some((key, _)) = self.detection.entries().iter().find(|(key, _)| key.name == "timeframe") {
            return Err(YamlProblem::at(
                key.place,
                "expected no timeframe, because counting over many events is not supported",
            )
            .into());
        }
        let parts = self.part_names().count();
        if parts > MOST_PARTS {
            let about = format!("detection: expected at most {MOST_PARTS} parts, found {parts}");
            return Err(YamlProblem::at(self.detection.place, about).into());
        }
        let condition = self.detection.get("condition").ok_or_else(|| {
            let found = self.detection.description();
            let found =
                if self.detection.entries().is_empty() { format!(", found {found}") } else { String::new() };
            let expected = format!("detection: expected parts and the key 'condition'{found}");
            super::missing(self.detection, "condition", &expected)
        })?;
        let alternatives = match &condition.kind {
            NodeKind::List(conditions) if !conditions.is_empty() => conditions.as_slice(),
            _ => std::slice::from_ref(condition),
        };
        let alternatives: Result<Vec<_>, _> = alternatives.iter().map(|one| self.compile_text(one)).collect();
        let predicate = joined(alternatives?, Predicate::Or);
        self.refusal(&predicate).map_or(Ok(predicate), Err)
    }

    fn compile_text(&self, node: &Node) -> Result<Predicate, YamlProblem> {
        let at = |problem: String| YamlProblem::at(node.place, format!("condition: {problem}"));
        let Some(scalar) = node.scalar().filter(|scalar| !scalar.is_null()) else {
            return Err(at(format!("expected text, found {}", node.description())));
        };
        let condition = SigmaCondition::parse(&scalar.text).map_err(at)?;
        self.compile_condition(&condition, Polarity::For, node)
    }

    /// The reason why the Sigma rule, compiled to `predicate`, cannot be run: it is about events
    /// that a sweep does not read, or a line (a field with values) is not understood. `None` if the
    /// rule can be run.
    fn refusal(&self, predicate: &Predicate) -> Option<Refusal> {
        let problem = self.problem.take();
        if never_holds(predicate, &self.prototypes) {
            let foreign = self.foreign.borrow().first().cloned();
            let about = foreign.unwrap_or_else(|| {
                let about = format!("no event that a sweep reads can match; {}", self.source.read_events());
                YamlProblem::at(self.detection.place, about)
            });
            return Some(Refusal::other_data(about));
        }
        // With lines that are not understood, the predicate is incomplete. What each line was
        // about has been recorded instead.
        let asks = match &problem {
            Some(_) => self.mentions_dns.get(),
            None => asks_for_dns(predicate, &self.prototypes),
        };
        if matches!(self.source, LogSource::Sysmon | LogSource::Windows) && !asks {
            let about = "all events of the log source: the rule has no condition on EventID, QueryName, QueryStatus or QueryResults";
            return Some(Refusal::other_data(YamlProblem::at(self.detection.place, about)));
        }
        problem.map(Refusal::NotUnderstood)
    }

    /// Removes and returns the notes for the user about parts of the Sigma rule that have no
    /// effect. A second call returns none.
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

    /// Adds `more` to the number of conditions on fields that the Sigma rule becomes, before these
    /// conditions are built. Fails if the number is now above [`MOST_CONDITIONS`].
    pub(super) fn count_conditions(&self, more: usize) -> Result<(), String> {
        let count = self.conditions.get().saturating_add(more);
        self.conditions.set(count);
        if count > MOST_CONDITIONS {
            return Err(format!(
                "expected a rule that comes to at most {MOST_CONDITIONS} conditions on fields"
            ));
        }
        Ok(())
    }

    /// Adds `more` to the number of conditions on fields that the Sigma rule becomes. Returns
    /// `None`, and adds nothing, if the number would be above [`MOST_CONDITIONS`].
    pub(super) fn count_conditions_if_allowed(&self, more: usize) -> Option<()> {
        let count = self.conditions.get().saturating_add(more);
        (count <= MOST_CONDITIONS).then(|| self.conditions.set(count))
    }

    /// Adds the estimated size of a regular expression to the Sigma rule's total, before the
    /// expression is compiled. Returns an error if the total is now more than
    /// [`MOST_EXPRESSION_BYTES`].
    pub(super) fn count_expression(&self, expression: &Expression) -> Result<(), String> {
        let size = self.expression_bytes.get().saturating_add(expression.size());
        self.expression_bytes.set(size);
        if size > MOST_EXPRESSION_BYTES {
            Err(memory_limit_error("the rule's regular expressions", size))
        } else {
            Ok(())
        }
    }

    pub(super) fn source(&self) -> LogSource {
        self.source
    }

    fn compile_condition(
        &self,
        condition: &SigmaCondition,
        polarity: Polarity,
        node: &Node,
    ) -> Result<Predicate, YamlProblem> {
        let all = |many: &[SigmaCondition]| -> Result<Vec<Predicate>, YamlProblem> {
            many.iter().map(|one| self.compile_condition(one, polarity, node)).collect()
        };
        match condition {
            SigmaCondition::And(many) => all(many).map(|many| joined(many, Predicate::And)),
            SigmaCondition::Or(many) => all(many).map(|many| joined(many, Predicate::Or)),
            SigmaCondition::Not(one) => {
                Ok(Predicate::Not(Box::new(self.compile_condition(one, polarity.negated(), node)?)))
            }
            SigmaCondition::Name(name) => match self.part(name) {
                Some(part) => Ok(self.compile_part(part, polarity, 0)),
                None => Err(self.no_part(name, node)),
            },
            SigmaCondition::Of(quantifier, names) => {
                self.compile_quantifier(*quantifier, names, polarity, node)
            }
        }
    }

    fn part(&self, name: &str) -> Option<&'a Node> {
        if RESERVED.contains(&name) { None } else { self.detection.get(name) }
    }

    fn part_names(&self) -> impl Iterator<Item = &'a str> {
        let names = self.detection.entries().iter().map(|(key, _)| key.name.as_str());
        names.filter(|name| !RESERVED.contains(name))
    }

    fn no_part(&self, name: &str, node: &Node) -> YamlProblem {
        let near = super::suggestion(name, self.part_names());
        let name = name.escape_debug();
        YamlProblem::at(
            node.place,
            format!("condition: expected the name of a part of the detection, found '{name}'{near}"),
        )
    }

    /// Records the problem with a piece of the Sigma rule that is not understood, such as a field
    /// with its values. Returns a predicate that takes the place of the piece, so that the rest of
    /// the rule can still be compiled. The rest may show that the rule is about events that a sweep
    /// does not read.
    pub(super) fn not_understood(&self, problem: YamlProblem) -> Predicate {
        self.problem.borrow_mut().get_or_insert(problem);
        self.problems.set(self.problems.get() + 1);
        unknown()
    }

    /// Compiles a condition on several parts of the Sigma rule, such as `1 of selection*` or
    /// `all of them`. `names` selects the parts, and `polarity` says whether these parts describe
    /// matches or exclude events. `node` is the condition in the file, at which errors are
    /// reported.
    fn compile_quantifier(
        &self,
        quantifier: Quantifier,
        names: &PartSelection,
        polarity: Polarity,
        node: &Node,
    ) -> Result<Predicate, YamlProblem> {
        let at = |problem: String| YamlProblem::at(node.place, format!("condition: {problem}"));
        let parts: Vec<Predicate> = self
            .part_names()
            .filter(|name| names.contains(name))
            .filter_map(|name| self.part(name))
            .map(|part| self.compile_part(part, polarity, 0))
            .collect();
        let text = names.text().escape_debug();
        if parts.is_empty() {
            let near = super::suggestion(names.text(), self.part_names());
            return Err(at(format!(
                "expected the name of a part of the detection, or a pattern that fits one, found '{text}'{near}"
            )));
        }
        match quantifier {
            Quantifier::All => Ok(joined(parts, Predicate::And)),
            Quantifier::AtLeast(1) => Ok(joined(parts, Predicate::Or)),
            Quantifier::AtLeast(count) => {
                if !(1..=parts.len()).contains(&count) {
                    return Err(at(format!("expected 1 to {} of '{text}', found {count}", parts.len())));
                }
                self.check_choices(&parts, count).map_err(at)?;
                let mut chosen = Vec::new();
                choose(&parts, count, &mut Vec::new(), &mut chosen);
                Ok(joined(chosen, Predicate::Or))
            }
        }
    }

    /// Checks a Sigma rule's condition that `count` of `parts` (such as `selection1`) are true.
    /// Fails if there are too many ways to choose the parts, or too many conditions on fields in
    /// all of these ways. This is checked before any way is built, because each way needs copies of
    /// its parts.
    fn check_choices(&self, parts: &[Predicate], count: usize) -> Result<(), String> {
        check_number(parts.len(), count)?;
        let of_each = choices(parts.len().saturating_sub(1), count.saturating_sub(1));
        self.count_conditions(parts.iter().map(condition_count).sum::<usize>().saturating_mul(of_each))
    }
}

/// Joins predicates with `many`, which makes an AND or an OR of them. A single predicate is
/// returned unchanged.
pub(super) fn joined(mut parts: Vec<Predicate>, many: impl Fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}
