//! Reads the expressions of Splunk's commands `where` and `eval`.
//!
//! `AND` binds tighter than `OR`, unlike in the command `search`, and the case of letters matters
//! when texts are compared. Names of fields are written without quotes or in single quotes, and
//! texts in double quotes.

mod calls;

use crate::detect::predicate::Inequality;
use crate::detect::splunk::names::NameResolver;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::Cursor;
use crate::detect::term::condition::{Condition, Relation};
use crate::detect::term::function::Function;
use crate::detect::term::{DEEPEST_TERM, MOST_STEPS, Number, Term, TermKind};

/// The largest nesting depth of an expression of `where` or `eval`. A search with deeper nesting is
/// refused, because reading it could exhaust the stack.
const DEEPEST_NESTING: usize = 30;

/// The names of the functions of `where` and `eval` that are not a [`Function`], because they
/// return or take conditions or regular expressions. The parser itself turns a call of one of them
/// into a condition, or into a term (an expression with a value).
const OTHER_FUNCTIONS: [&str; 9] =
    ["if", "case", "like", "match", "cidrmatch", "in", "isnull", "isnotnull", "replace"];

/// The phrase after "expected" in the error message for an expression of `where` or `eval` that is
/// a value where a condition is needed.
const EXPECTED_CONDITION: &str = "a condition, such as like(QueryName, \"%example%\") or count > 5";
/// The phrase after "expected" in the error message where a term (an expression with a value) is
/// missing.
const EXPECTED_TERM: &str = "a field, a \"text\", a number or a function of these";

/// What an expression of `where` or `eval` turned out to be when it was read: a condition, which is
/// true or false, or a term, which has a value.
enum ConditionOrTerm {
    /// An expression that is true or false, such as `len(query) > 40`.
    Condition(Condition),
    /// An expression that has a value, such as `len(query)`.
    Term(Term),
}

/// Reads a condition, such as that after the command `where`. An expression that has a value
/// instead is an error.
pub(in crate::detect) fn condition(
    cursor: &mut Cursor<'_>,
    names: &dyn NameResolver,
) -> Result<Condition, SearchError> {
    let start = cursor.at();
    let mut parser = Parser { cursor, names };
    let condition = match parser.disjunction(0)? {
        ConditionOrTerm::Condition(condition) => condition,
        ConditionOrTerm::Term(_) => return Err(parser.error_from(start, EXPECTED_CONDITION)),
    };
    check_cost(cursor, start, condition.cost())?;
    Ok(condition)
}

/// Reads a term (an expression with a value), such as the right side of an `eval`. An expression
/// that is true or false instead is an error.
pub(in crate::detect) fn term(
    cursor: &mut Cursor<'_>,
    names: &dyn NameResolver,
) -> Result<Term, SearchError> {
    cursor.skip_space();
    let start = cursor.at();
    let mut parser = Parser { cursor, names };
    let term = match parser.disjunction(0)? {
        ConditionOrTerm::Term(term) => term,
        ConditionOrTerm::Condition(_) => return Err(parser.error_from(start, EXPECTED_TERM)),
    };
    check_cost(cursor, start, term.cost())?;
    Ok(term)
}

/// Returns an error if evaluating an expression takes too many steps, or if it is nested too
/// deeply. The expression is the text of the search from byte `start` to the cursor. The last
/// argument is the number of steps and the nesting depth of the expression.
fn check_cost(cursor: &Cursor<'_>, start: usize, (steps, depth): (u32, u32)) -> Result<(), SearchError> {
    if steps > MOST_STEPS || depth > DEEPEST_TERM {
        let expected = format!(
            "an expression of at most {MOST_STEPS} evaluation steps and {DEEPEST_TERM} levels of nesting, including the names that it uses"
        );
        return Err(cursor.error(start..cursor.at(), expected));
    }
    Ok(())
}

/// A recursive-descent parser of the expressions of `where` and `eval`.
struct Parser<'p, 'a> {
    cursor: &'p mut Cursor<'a>,
    /// Says what the names in the expression mean: event fields, columns of the search's `stats`
    /// table, or computed values.
    names: &'p dyn NameResolver,
}

impl Parser<'_, '_> {
    /// Returns the error for the text of the search from byte `start` to the cursor. `expected` is
    /// the phrase that says what was expected instead.
    fn error_from(&self, start: usize, expected: &str) -> SearchError {
        self.cursor.error(start..self.cursor.at().max(start + 1), expected)
    }

    /// Skips a keyword, such as `AND`, if it is next (in upper or lower case), and returns true if
    /// it was skipped.
    fn eat_keyword(&mut self, keyword: &str) -> bool {
        self.cursor.skip_space();
        let mut ahead = self.cursor.clone();
        let found = ahead.identifier().text.eq_ignore_ascii_case(keyword);
        if found {
            *self.cursor = ahead;
        }
        found
    }

    /// Reads operands that are joined by `OR` or `XOR`, which bind least, so they are the outermost
    /// operators. A single operand is returned as it is. `depth` is the number of parentheses,
    /// `NOT`s and calls around the operands.
    fn disjunction(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let mut first = self.conjunction(depth)?;
        let mut terms = Vec::new();
        loop {
            if self.eat_keyword("OR") {
                terms.push(self.require_condition(first, start)?);
                first = self.conjunction(depth)?;
            } else if self.eat_keyword("XOR") {
                let (left, right) = (self.require_condition(first, start)?, self.conjunction(depth)?);
                let right = self.require_condition(right, start)?;
                let not = |one: &Condition| Condition::Not(Box::new(one.clone()));
                first = ConditionOrTerm::Condition(Condition::Or(vec![
                    Condition::And(vec![left.clone(), not(&right)]),
                    Condition::And(vec![not(&left), right]),
                ]));
                if let ConditionOrTerm::Condition(condition) = &first {
                    check_cost(self.cursor, start, condition.cost())?;
                }
            } else if terms.is_empty() {
                return Ok(first);
            } else {
                terms.push(self.require_condition(first, start)?);
                return Ok(ConditionOrTerm::Condition(Condition::Or(terms)));
            }
        }
    }

    /// Reads operands that are joined by `AND`. A single operand is returned as it is. `depth` is
    /// the number of parentheses, `NOT`s and calls around the operands.
    fn conjunction(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let first = self.negation(depth)?;
        if !self.eat_keyword("AND") {
            return Ok(first);
        }
        let mut terms = vec![self.require_condition(first, start)?];
        loop {
            let next = self.negation(depth)?;
            terms.push(self.require_condition(next, start)?);
            if !self.eat_keyword("AND") {
                return Ok(ConditionOrTerm::Condition(Condition::And(terms)));
            }
        }
    }

    /// Returns the condition `read`, which was read from byte `start` of the search on. If `read`
    /// is a term (an expression with a value) instead of a condition, returns an error.
    fn require_condition(&self, read: ConditionOrTerm, start: usize) -> Result<Condition, SearchError> {
        match read {
            ConditionOrTerm::Condition(condition) => Ok(condition),
            ConditionOrTerm::Term(_) => Err(self.error_from(start, EXPECTED_CONDITION)),
        }
    }

    /// Reads `NOT x` or, if no `NOT` is next, a comparison. `depth` is the number of parentheses,
    /// `NOT`s and calls that it lies in.
    fn negation(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        self.cursor.skip_space();
        if depth > DEEPEST_NESTING {
            return Err(self
                .cursor
                .unexpected(format!("at most {DEEPEST_NESTING} nested parentheses, NOTs and functions")));
        }
        let start = self.cursor.at();
        if self.eat_keyword("NOT") {
            let read = self.negation(depth + 1)?;
            let condition = self.require_condition(read, start)?;
            return Ok(ConditionOrTerm::Condition(Condition::Not(Box::new(condition))));
        }
        self.comparison(depth)
    }

    /// Reads a comparison, such as `x = y`, `x LIKE "y"` or `x IN (y, z)`. A single operand is
    /// returned as it is. `depth` is the number of parentheses, `NOT`s and calls around the
    /// comparison.
    fn comparison(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let left = match self.sum(depth)? {
            ConditionOrTerm::Term(left) => left,
            condition @ ConditionOrTerm::Condition(_) => return Ok(condition),
        };
        self.cursor.skip_space();
        for (symbol, relation) in [
            ("==", Relation::Equal),
            ("=", Relation::Equal),
            ("!=", Relation::NotEqual),
            ("<=", Relation::Inequality(Inequality::LessOrEqual)),
            (">=", Relation::Inequality(Inequality::GreaterOrEqual)),
            ("<", Relation::Inequality(Inequality::Less)),
            (">", Relation::Inequality(Inequality::Greater)),
        ] {
            if self.cursor.eat(symbol) {
                let right = self.operand(depth)?;
                return Ok(ConditionOrTerm::Condition(Condition::Comparison(left, relation, right)));
            }
        }
        if self.eat_keyword("LIKE") {
            let pattern = self.operand(depth)?;
            return self.like(left, &pattern, start).map(ConditionOrTerm::Condition);
        }
        if self.eat_keyword("IN") {
            let values = self.arguments(depth)?;
            return self.one_of(&left, values, start).map(ConditionOrTerm::Condition);
        }
        Ok(ConditionOrTerm::Term(left))
    }

    /// Reads the right operand of a comparison, which must be a term (an expression with a value).
    /// `depth` is the number of parentheses, `NOT`s and calls around the comparison.
    fn operand(&mut self, depth: usize) -> Result<Term, SearchError> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        match self.sum(depth)? {
            ConditionOrTerm::Term(term) => Ok(term),
            ConditionOrTerm::Condition(_) => Err(self.error_from(start, EXPECTED_TERM)),
        }
    }

    /// Reads operands that are joined by `+`, `-` or `.` (concatenation). `depth` is the number of
    /// parentheses, `NOT`s and calls around the operands.
    fn sum(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        const OPERATORS: [(&str, Function); 3] =
            [("+", Function::Add), ("-", Function::Subtract), (".", Function::Concatenate)];
        self.operation(&OPERATORS, |parser| parser.product(depth))
    }

    /// Reads operands that are joined by `*`, `/` or `%`. `depth` is the number of parentheses,
    /// `NOT`s and calls around the operands.
    fn product(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        const OPERATORS: [(&str, Function); 3] =
            [("*", Function::Multiply), ("/", Function::Divide), ("%", Function::Remainder)];
        self.operation(&OPERATORS, |parser| parser.primary(depth))
    }

    /// Reads operands that are joined by any of the `operators`, and makes a term of them that is
    /// computed from left to right. `operand` is the function that reads one operand. A single
    /// operand is returned as it is.
    fn operation(
        &mut self,
        operators: &[(&str, Function)],
        operand: impl Fn(&mut Self) -> Result<ConditionOrTerm, SearchError>,
    ) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let mut left = operand(self)?;
        loop {
            self.cursor.skip_space();
            let Some((_, function)) = operators.iter().find(|(symbol, _)| self.cursor.eat(symbol)) else {
                return Ok(left);
            };
            let (ConditionOrTerm::Term(one), ConditionOrTerm::Term(other)) = (left, operand(self)?) else {
                return Err(self.error_from(start, EXPECTED_TERM));
            };
            let term = Term::from(TermKind::Call(*function, vec![one, other]));
            check_cost(self.cursor, start, term.cost())?;
            left = ConditionOrTerm::Term(term);
        }
    }

    /// Reads the innermost part of a Splunk expression: an expression in parentheses, a text, a
    /// number, a name or a call. `depth` is the number of parentheses, `NOT`s and calls that it
    /// lies in.
    fn primary(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.eat("(");
                let inside = self.disjunction(depth + 1)?;
                self.cursor.skip_space();
                if self.cursor.eat(")") {
                    return Ok(inside);
                }
                let opened = self.cursor.excerpt(start);
                Err(self.cursor.unexpected(format!("`)` for the `(` that opens at {opened}")))
            }
            Some('"') => Ok(ConditionOrTerm::Term(Term::from(TermKind::Text(self.cursor.quoted()?.text)))),
            Some('\'') => {
                let name = self.cursor.single_quoted()?;
                self.names.term(self.cursor, &name).map(ConditionOrTerm::Term)
            }
            Some('-' | '0'..='9') => self.number(),
            _ => {
                let name = self.cursor.identifier();
                if name.text.is_empty() {
                    return Err(self.cursor.unexpected(EXPECTED_TERM));
                }
                self.cursor.skip_space();
                if self.cursor.peek() == Some('(') {
                    return self.call(&name, depth);
                }
                self.names.term(self.cursor, &name).map(ConditionOrTerm::Term)
            }
        }
    }

    /// Reads a decimal number with an optional minus sign, as a term. Anything else is an error.
    fn number(&mut self) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let negative = self.cursor.eat("-");
        let digits = self.cursor.take_while(|character| character.is_ascii_digit() || character == '.');
        let number = digits.text.parse::<f64>().ok().filter(|number| number.is_finite());
        let Some(number) = number else { return Err(self.error_from(start, EXPECTED_TERM)) };
        Ok(ConditionOrTerm::Term(Term::from(TermKind::Number(Number(if negative {
            -number
        } else {
            number
        })))))
    }
}
