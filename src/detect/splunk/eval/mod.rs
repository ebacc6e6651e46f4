//! The expressions of `where` and `eval`. AND binds tighter than OR (in `search`, OR binds
//! tighter), and the case of text counts. Fields are written bare or in single quotes, text in
//! double quotes.

mod calls;

use crate::detect::predicate::Inequality;
use crate::detect::splunk::names::NameResolver;
use crate::detect::splunk::token::{Cursor, SearchError};
use crate::detect::term::condition::{Condition, Relation};
use crate::detect::term::function::Function;
use crate::detect::term::{DEEPEST_TERM, MOST_STEPS, Number, Term, TermKind};

/// The deepest nesting of an expression. Deeper nesting is an attack on the stack, not a rule.
const DEEPEST_NESTING: usize = 30;

/// The functions that yield or take conditions, and `match`-like ones that take a regular
/// expression.
const OTHER_FUNCTIONS: [&str; 9] =
    ["if", "case", "like", "match", "cidrmatch", "in", "isnull", "isnotnull", "replace"];

const EXPECTED_CONDITION: &str = "a condition, such as like(QueryName, \"%example%\") or count > 5";
const EXPECTED_TERM: &str = "a field, a \"text\", a number or a function of such";

/// What was read: a condition or a term. Both can stand in parentheses.
enum ConditionOrTerm {
    Condition(Condition),
    Term(Term),
}

/// Reads a condition up to the end of the part.
pub(in crate::detect) fn condition(
    cursor: &mut Cursor<'_>,
    names: &dyn NameResolver,
) -> Result<Condition, SearchError> {
    let start = cursor.at();
    let mut parser = Parser { cursor, names };
    let condition = match parser.any(0)? {
        ConditionOrTerm::Condition(condition) => condition,
        ConditionOrTerm::Term(_) => return Err(parser.wrong(start, EXPECTED_CONDITION)),
    };
    check_cost(cursor, start, condition.cost())?;
    Ok(condition)
}

/// Reads a term, the right side of an `eval`.
pub(in crate::detect) fn term(
    cursor: &mut Cursor<'_>,
    names: &dyn NameResolver,
) -> Result<Term, SearchError> {
    cursor.skip_space();
    let start = cursor.at();
    let mut parser = Parser { cursor, names };
    let term = match parser.any(0)? {
        ConditionOrTerm::Term(term) => term,
        ConditionOrTerm::Condition(_) => return Err(parser.wrong(start, EXPECTED_TERM)),
    };
    check_cost(cursor, start, term.cost())?;
    Ok(term)
}

fn check_cost(cursor: &Cursor<'_>, start: usize, (steps, depth): (u32, u32)) -> Result<(), SearchError> {
    if steps > MOST_STEPS || depth > DEEPEST_TERM {
        let expected = format!(
            "an expression of at most {MOST_STEPS} steps, {DEEPEST_TERM} deep, with those that it builds on"
        );
        return Err(cursor.error(start..cursor.at(), expected));
    }
    Ok(())
}

struct Parser<'p, 'a> {
    cursor: &'p mut Cursor<'a>,
    names: &'p dyn NameResolver,
}

impl Parser<'_, '_> {
    fn wrong(&self, start: usize, expected: &str) -> SearchError {
        self.cursor.error(start..self.cursor.at().max(start + 1), expected)
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.cursor.skip_space();
        let mut ahead = self.cursor.clone();
        let found = ahead.identifier().text.eq_ignore_ascii_case(keyword);
        if found {
            *self.cursor = ahead;
        }
        found
    }

    /// `x OR y`, `x XOR y`: lowest, so outermost.
    fn any(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let mut first = self.all(depth)?;
        let mut terms = Vec::new();
        loop {
            if self.keyword("OR") {
                terms.push(self.taken(first, start)?);
                first = self.all(depth)?;
            } else if self.keyword("XOR") {
                let (left, right) = (self.taken(first, start)?, self.all(depth)?);
                let right = self.taken(right, start)?;
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
                terms.push(self.taken(first, start)?);
                return Ok(ConditionOrTerm::Condition(Condition::Or(terms)));
            }
        }
    }

    /// `x AND y`.
    fn all(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let first = self.negation(depth)?;
        if !self.keyword("AND") {
            return Ok(first);
        }
        let mut terms = vec![self.taken(first, start)?];
        loop {
            let next = self.negation(depth)?;
            terms.push(self.taken(next, start)?);
            if !self.keyword("AND") {
                return Ok(ConditionOrTerm::Condition(Condition::And(terms)));
            }
        }
    }

    fn taken(&self, read: ConditionOrTerm, start: usize) -> Result<Condition, SearchError> {
        match read {
            ConditionOrTerm::Condition(condition) => Ok(condition),
            ConditionOrTerm::Term(_) => Err(self.wrong(start, EXPECTED_CONDITION)),
        }
    }

    /// `NOT x`.
    fn negation(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        self.cursor.skip_space();
        if depth > DEEPEST_NESTING {
            return Err(self.cursor.unexpected(format!(
                "at most {DEEPEST_NESTING} parentheses, NOTs and functions inside each other"
            )));
        }
        let start = self.cursor.at();
        if self.keyword("NOT") {
            let read = self.negation(depth + 1)?;
            let condition = self.taken(read, start)?;
            return Ok(ConditionOrTerm::Condition(Condition::Not(Box::new(condition))));
        }
        self.comparison(depth)
    }

    /// `x = y`, `x LIKE "y"`, `x IN (y, z)`.
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
        if self.keyword("LIKE") {
            let pattern = self.operand(depth)?;
            return self.like(left, &pattern, start).map(ConditionOrTerm::Condition);
        }
        if self.keyword("IN") {
            let values = self.arguments(depth)?;
            return self.one_of(&left, values, start).map(ConditionOrTerm::Condition);
        }
        Ok(ConditionOrTerm::Term(left))
    }

    fn operand(&mut self, depth: usize) -> Result<Term, SearchError> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        match self.sum(depth)? {
            ConditionOrTerm::Term(term) => Ok(term),
            ConditionOrTerm::Condition(_) => Err(self.wrong(start, EXPECTED_TERM)),
        }
    }

    /// `x + y`, `x - y`, `x . y`.
    fn sum(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        const OPERATORS: [(&str, Function); 3] =
            [("+", Function::Add), ("-", Function::Subtract), (".", Function::Concatenate)];
        self.operation(&OPERATORS, |parser| parser.product(depth))
    }

    /// `x * y`, `x / y`, `x % y`.
    fn product(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        const OPERATORS: [(&str, Function); 3] =
            [("*", Function::Multiply), ("/", Function::Divide), ("%", Function::Remainder)];
        self.operation(&OPERATORS, |parser| parser.primary(depth))
    }

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
                return Err(self.wrong(start, EXPECTED_TERM));
            };
            let term = Term::from(TermKind::Call(*function, vec![one, other]));
            check_cost(self.cursor, start, term.cost())?;
            left = ConditionOrTerm::Term(term);
        }
    }

    /// Reads an operand: what stands between the operators.
    fn primary(&mut self, depth: usize) -> Result<ConditionOrTerm, SearchError> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.eat("(");
                let inside = self.any(depth + 1)?;
                self.cursor.skip_space();
                if self.cursor.eat(")") {
                    return Ok(inside);
                }
                let opened = self.cursor.shown(start);
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

    fn number(&mut self) -> Result<ConditionOrTerm, SearchError> {
        let start = self.cursor.at();
        let negative = self.cursor.eat("-");
        let digits = self.cursor.taken_while(|character| character.is_ascii_digit() || character == '.');
        let number = digits.text.parse::<f64>().ok().filter(|number| number.is_finite());
        let Some(number) = number else { return Err(self.wrong(start, EXPECTED_TERM)) };
        Ok(ConditionOrTerm::Term(Term::from(TermKind::Number(Number(if negative {
            -number
        } else {
            number
        })))))
    }
}
