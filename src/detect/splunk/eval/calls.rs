//! Reads calls of the functions that the expressions of the commands `where` and `eval` can use.

use super::{ConditionOrTerm, EXPECTED_TERM, OTHER_FUNCTIONS, Parser};
use crate::detect::predicate::expression::{Case, Expression, Flags, PatternPart};
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::Token;
use crate::detect::term::condition::{Condition, Relation};
use crate::detect::term::conversion::is_lower_ascii;
use crate::detect::term::function::Function;
use crate::detect::term::{Term, TermKind};

impl Parser<'_, '_> {
    /// Reads the arguments of a function call in a Splunk expression, such as `lower(x)`, and
    /// returns the condition or the term (an expression with a value) for the call. The function's
    /// name, `name`, was already read, so the parser is at the opening parenthesis. `depth` is the
    /// number of parentheses, `NOT`s and calls that the call lies in.
    pub(super) fn call(&mut self, name: &Token, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = name.range.start;
        let lower = name.text.to_ascii_lowercase();
        if matches!(lower.as_str(), "if" | "case") {
            return self.choice(name, depth).map(ConditionOrTerm::Term);
        }
        let arguments = self.arguments(depth)?;
        let condition = match (lower.as_str(), arguments.as_slice()) {
            ("true", []) => Condition::All,
            ("false", []) => Condition::never(),
            ("null", []) => return Ok(ConditionOrTerm::Term(Term::from(TermKind::Absent))),
            ("isnull", [term]) => Condition::Not(Box::new(Condition::Exists(term.clone()))),
            ("isnotnull", [term]) => Condition::Exists(term.clone()),
            ("like", [term, pattern]) => self.like(term.clone(), pattern, start)?,
            ("match", [term, pattern]) => Condition::Fits(term.clone(), self.expression(pattern, start)?),
            ("cidrmatch", [network, term]) => {
                let text = self.constant(network, start)?;
                let network = Network::parse(&text).map_err(|problem| {
                    self.error_from(start, problem.strip_prefix("expected ").unwrap_or(&problem))
                })?;
                Condition::InNetwork(term.clone(), network)
            }
            ("in", [term, values @ ..]) if !values.is_empty() => self.one_of(term, values.to_vec(), start)?,
            ("replace", [term, pattern, with]) => {
                let (expression, with) = (self.expression(pattern, start)?, self.constant(with, start)?);
                return Ok(ConditionOrTerm::Term(Term::from(TermKind::Replace(
                    term.clone(),
                    expression,
                    with,
                ))));
            }
            _ => return self.function(name, arguments).map(ConditionOrTerm::Term),
        };
        Ok(ConditionOrTerm::Condition(condition))
    }

    /// Returns the term (an expression with a value) that calls the [`Function`] with this name.
    /// The error says that the name is unknown, or that the number of arguments is wrong.
    pub(super) fn function(&self, name: &Token, arguments: Vec<Term>) -> Result<Term, SearchError> {
        let Some((function, least, most)) = Function::named(&name.text).filter(|_| name.text.len() > 1)
        else {
            let names: Vec<&str> = OTHER_FUNCTIONS.iter().copied().chain(Function::names()).collect();
            let error = self.cursor.error_at(name, format!("one of the functions {}", names.join(", ")));
            // Short names of unsupported functions, such as `min`, are close to the names of
            // others.
            return Err(if name.text.len() < 4 { error } else { error.near(&name.text, names) });
        };
        if arguments.len() < least || arguments.len() > most {
            let count = if least == most { least.to_string() } else { format!("{least} to {most}") };
            let noun = if most == 1 { "argument" } else { "arguments" };
            let (name_text, found) = (&name.text, arguments.len());
            let expected = format!("{name_text} with {count} {noun} (the call has {found})");
            return Err(self.cursor.error_at(name, expected));
        }
        Ok(Term::from(TermKind::Call(function, arguments)))
    }

    /// Reads a list of terms (expressions with a value) in parentheses, such as `(x, y)`. `depth`
    /// is the number of parentheses, `NOT`s and calls around the list.
    pub(super) fn arguments(&mut self, depth: usize) -> Result<Vec<Term>, SearchError> {
        let mut arguments = Vec::new();
        self.open()?;
        self.cursor.skip_space();
        if self.cursor.eat(")") {
            return Ok(arguments);
        }
        loop {
            self.cursor.skip_space();
            let start = self.cursor.at();
            match self.disjunction(depth + 1)? {
                ConditionOrTerm::Term(term) => arguments.push(term),
                ConditionOrTerm::Condition(_) => return Err(self.error_from(start, EXPECTED_TERM)),
            }
            if self.closed_or_comma()? {
                return Ok(arguments);
            }
        }
    }

    /// Reads the opening parenthesis of a function call; anything else in its place is an error.
    pub(super) fn open(&mut self) -> Result<(), SearchError> {
        self.cursor.skip_space();
        if self.cursor.eat("(") { Ok(()) } else { Err(self.cursor.unexpected("`(`")) }
    }

    /// Reads the `)` or `,` after an argument of a function call, and returns true if it was `)`.
    /// Anything else in its place is an error.
    pub(super) fn closed_or_comma(&mut self) -> Result<bool, SearchError> {
        self.cursor.skip_space();
        if self.cursor.eat(")") {
            return Ok(true);
        }
        if self.cursor.eat(",") { Ok(false) } else { Err(self.cursor.unexpected("`,` or `)`")) }
    }

    /// Reads the arguments of Splunk's function `if(condition, x, y)`, or of its function `case`,
    /// which has pairs of a condition and a value. Returns the term (an expression with a value)
    /// for the call. `depth` is the number of parentheses, `NOT`s and calls around the call.
    pub(super) fn choice(&mut self, name: &Token, depth: usize) -> Result<Term, SearchError> {
        let mut branches = Vec::new();
        self.open()?;
        loop {
            self.cursor.skip_space();
            let start = self.cursor.at();
            let is_else = name.text.eq_ignore_ascii_case("if") && branches.len() == 1;
            let condition = if is_else {
                Condition::All
            } else {
                let read = self.disjunction(depth + 1)?;
                let condition = self.require_condition(read, start)?;
                if self.closed_or_comma()? {
                    return Err(self.cursor.error_at(name, "a value for each condition"));
                }
                condition
            };
            let start = self.cursor.at();
            match self.disjunction(depth + 1)? {
                ConditionOrTerm::Term(term) => branches.push((condition, term)),
                ConditionOrTerm::Condition(_) => return Err(self.error_from(start, EXPECTED_TERM)),
            }
            if self.closed_or_comma()? {
                return Ok(Term::from(TermKind::Case(branches)));
            }
            if is_else {
                return Err(self.cursor.error_at(name, "if with at most three arguments"));
            }
        }
    }

    /// Returns the text of `term`, a function's argument that must be a constant, such as a
    /// pattern. If `term` is not a constant, the error quotes the text of the search from byte
    /// `start` to where the parser is.
    pub(super) fn constant(&self, term: &Term, start: usize) -> Result<String, SearchError> {
        let text = term.as_text().map(std::borrow::Cow::into_owned);
        text.ok_or_else(|| self.error_from(start, "a constant \"text\" as the pattern, not a field"))
    }

    /// Compiles an argument of a function, which must be a constant text, to a regular expression.
    /// If this fails, the error quotes the text of the search from byte `start` to where the parser
    /// is.
    pub(super) fn expression(&self, pattern: &Term, start: usize) -> Result<Expression, SearchError> {
        let text = self.constant(pattern, start)?;
        Expression::new(&text, Flags::default())
            .map_err(|problem| self.error_from(start, &format!("a regular expression ({problem})")))
    }

    /// Returns the condition for SPL's function and operator `in`: `term` is equal to one of
    /// `values`. If there are no values, the error quotes the text of the search from byte `start`
    /// to where the parser is.
    pub(super) fn one_of(
        &self,
        term: &Term,
        values: Vec<Term>,
        start: usize,
    ) -> Result<Condition, SearchError> {
        if values.is_empty() {
            return Err(self.error_from(start, "at least one value"));
        }
        let equal = |value: Term| Condition::Comparison(term.clone(), Relation::Equal, value);
        Ok(Condition::Or(values.into_iter().map(equal).collect()))
    }

    /// Returns the condition for SPL's function and operator `like`: the whole value of `term`
    /// matches `pattern`, in which `%` stands for any number of characters, and `_` for exactly
    /// one. If the pattern is not a constant, the error quotes the text of the search from byte
    /// `start` to where the parser is.
    pub(super) fn like(&self, term: Term, pattern: &Term, start: usize) -> Result<Condition, SearchError> {
        let text = self.constant(pattern, start)?;
        // With `lower(field)`, a pattern without upper-case letters matches exactly the values that
        // it matches without regard to case, so the plain field can be compared.
        let (term, case) = match term.kind() {
            TermKind::Call(Function::Lower, terms) if is_lower_ascii(&text) => {
                (terms.first().cloned().unwrap_or(term), Case::Folded)
            }
            _ => (term, Case::Kept),
        };
        if case == Case::Folded && !text.contains('_') {
            let shown = text.replace('%', "*");
            return Ok(Condition::Matches(term, Pattern::from_pieces(&shown, text.split('%'))));
        }
        let mut parts: Vec<PatternPart> = Vec::new();
        for character in text.chars() {
            match (character, parts.last_mut()) {
                ('%', _) => parts.push(PatternPart::Any),
                ('_', _) => parts.push(PatternPart::One),
                (_, Some(PatternPart::Literal(literal))) => literal.push(character),
                _ => parts.push(PatternPart::Literal(character.to_string())),
            }
        }
        let expression = Expression::of_parts(&text, &parts, case)
            .map_err(|problem| self.error_from(start, &format!("a pattern ({problem})")))?;
        Ok(Condition::Fits(term, expression))
    }
}
