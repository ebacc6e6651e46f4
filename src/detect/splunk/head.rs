//! Reads the boolean conditions of Splunk's command `search`. The head of a search (the part before
//! its first `|`, which selects events) and the `where` of `tstats` are conditions of this form.
//!
//! Parentheses bind tightest, then `NOT`, `OR` and `AND`; two operands side by side are joined by
//! `AND`. So `a OR b c` is `(a OR b) AND c`, unlike in nearly every other language (and unlike
//! Splunk's own `where`):
//! <https://docs.splunk.com/Documentation/Splunk/9.4.0/Search/Booleanexpressions>.

use std::ops::Range;

use crate::detect::predicate::field::Field;
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::predicate::{Inequality, Predicate};
use crate::detect::splunk::condition_context::{AllowedConditions, ConditionContext, Nesting};
use crate::detect::splunk::event_code::{EXPECTED_DNS_QUERY, EXPECTED_EVENT, selects_no_dns_query};
use crate::detect::splunk::head_value::{ValueContext, list, value};
use crate::detect::splunk::names::EventFields;
use crate::detect::splunk::origin::{EXPECTED_MACRO, is_macro_of_other_data};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token, split_at_pipes};
use crate::detect::term::condition::Condition;
use crate::detect::term::{Assumption, Term};

/// The largest number of parentheses and `NOT`s around a part of a search's condition. A search
/// with deeper nesting is refused, because reading it could exhaust the stack.
const DEEPEST_NESTING: usize = 100;

/// The phrase after "expected" in the error message where a condition of a search is missing.
const EXPECTED_CONDITION: &str = "a condition such as QueryName=\"*example*\"";
const EXPECTED_OPERATOR: &str = "a condition on a field: its name, then one of =, !=, <, <=, >, >= or IN \
                                 (free text is not supported; AND, OR, NOT and IN are upper case)";

/// Reads a condition of a search. The condition must extend to the next `|` or to the end of the
/// search.
pub(in crate::detect) fn parse(
    context: &ConditionContext<'_>,
    cursor: &mut Cursor<'_>,
) -> Result<Condition, SearchError> {
    let condition = context.read(cursor)?;
    if cursor.at_end() {
        Ok(condition)
    } else {
        Err(cursor.unexpected(format!("{EXPECTED_CONDITION}, or `|`")))
    }
}

/// Reads a search that consists of a condition only, such as that of an exclusion (a site's
/// condition on harmless events), and returns its predicate. A command after the condition is an
/// error.
pub(in crate::detect) fn parse_alone(text: &str) -> Result<Predicate, SearchError> {
    let head = split_at_pipes(text)?.into_iter().next().unwrap_or_default();
    if head.end < text.len() {
        let expected = "the end of the search (no command can follow a condition here)";
        return Err(Cursor::new(text, head.clone()).error(head.end..head.end + 1, expected));
    }
    let mut cursor = Cursor::new(text, head);
    eat_search_command(&mut cursor);
    let condition = ConditionContext::of_fields(&EventFields).read(&mut cursor)?;
    if cursor.at_end() { Ok(condition.into_predicate()) } else { Err(cursor.unexpected(EXPECTED_CONDITION)) }
}

/// Skips the word `search` if it is at the start of a search. A search that begins without a
/// command begins with the command `search`.
pub(in crate::detect) fn eat_search_command(cursor: &mut Cursor<'_>) {
    let mut ahead = cursor.clone();
    if ahead.eat_keyword(|word| word == "search") && ahead.peek().is_some_and(char::is_whitespace) {
        *cursor = ahead;
    }
}

impl ConditionContext<'_> {
    /// Reads a condition up to the next `|`, or up to the word `by`, which ends the condition of
    /// the command `tstats`. If the condition has unknown names, the error is about the first of
    /// them.
    pub fn read(&self, cursor: &mut Cursor<'_>) -> Result<Condition, SearchError> {
        let read = self.conjunction(cursor, Nesting::default());
        // The first of several unknown names is reported.
        match self.unknown.take().into_iter().next() {
            Some(unknown) => Err(unknown),
            None => read,
        }
    }

    /// Reads operands that are joined by `AND`, written or implied: `x AND y z`. `AND` binds least,
    /// so it is the outermost operator. `nesting` is how deep the operands lie in parentheses and
    /// `NOT`s.
    fn conjunction(&self, cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SearchError> {
        let unknown = self.unknown.borrow().len();
        let mut terms = vec![self.disjunction(cursor, nesting)?];
        while !cursor.at_end() && cursor.peek() != Some(')') && !(nesting.depth == 0 && is_by(cursor)) {
            cursor.eat_keyword(|word| word == "AND");
            terms.push(self.disjunction(cursor, nesting)?);
        }
        let condition = join_conditions(terms, Condition::And);
        // No DNS query meets this part, so unknown names in it do not matter.
        if condition.known(Assumption::DnsQuery) == Some(false) {
            self.unknown.borrow_mut().truncate(unknown);
        }
        Ok(condition)
    }

    /// Reads operands that are joined by `OR`. A single operand is returned as it is. `nesting` is
    /// how deep the operands lie in parentheses and `NOT`s.
    fn disjunction(&self, cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SearchError> {
        let mut terms = vec![self.negation(cursor, nesting)?];
        while cursor.eat_keyword(|word| word == "OR") {
            terms.push(self.negation(cursor, nesting)?);
        }
        Ok(join_conditions(terms, Condition::Or))
    }

    /// Reads `NOT x` or, if no `NOT` is next, an operand. `nesting` is how deep this lies in
    /// parentheses and `NOT`s. Nesting deeper than `DEEPEST_NESTING` is an error, because reading
    /// it could exhaust the stack.
    fn negation(&self, cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SearchError> {
        cursor.skip_space();
        if nesting.depth > DEEPEST_NESTING {
            let expected = format!("at most {DEEPEST_NESTING} nested parentheses and NOTs");
            return Err(cursor.unexpected(expected));
        }
        if cursor.eat_keyword(|word| word == "NOT") {
            return Ok(self.negation(cursor, nesting.negated())?.negated());
        }
        self.term(cursor, nesting)
    }

    /// Reads an operand of `AND`, `OR` or `NOT`: a condition in parentheses, a macro call or a
    /// condition on a field. `nesting` is how deep the operand lies in parentheses and `NOT`s.
    fn term(&self, cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SearchError> {
        let start = cursor.at();
        match cursor.peek() {
            Some('(') => {
                cursor.eat("(");
                let inside = self.conjunction(cursor, nesting.deeper())?;
                if cursor.eat(")") {
                    Ok(inside)
                } else {
                    let opened = cursor.excerpt(start);
                    Err(cursor.unexpected(format!("`)` for the `(` that opens at {opened}")))
                }
            }
            Some('`') => self.macro_condition(cursor, nesting.is_excluded),
            Some('[') => {
                Err(cursor.unexpected(format!("{EXPECTED_CONDITION} (subsearches are not supported)")))
            }
            _ => self.condition(cursor, nesting.is_excluded),
        }
    }

    /// Reads a macro call as a condition. The macro `sysmon` selects Sysmon's events. The text of a
    /// macro `…_filter`, with which a site excludes events, is not known here, so the macro leaves
    /// no event out, also inside a `NOT`. A macro with the name of other data, such as
    /// `wineventlog`, selects no event; it is allowed only in a condition that selects events, not
    /// in one on the rows of the `stats` table. Any other macro is an error. `is_excluded` is true
    /// inside an odd number of `NOT`s.
    fn macro_condition(&self, cursor: &mut Cursor<'_>, is_excluded: bool) -> Result<Condition, SearchError> {
        let call = cursor.macro_call()?;
        match (call.name.as_str(), &call.argument) {
            ("sysmon", None) => Ok(self.record_if_unmet(Condition::Sysmon, &call.range, is_excluded)),
            // The site's macro is not known, so it leaves no event out.
            (name, None) if name.ends_with("_filter") && is_excluded => Ok(Condition::never()),
            (name, None) if name.ends_with("_filter") => Ok(Condition::All),
            (name, _)
                if self.allowed == AllowedConditions::FieldsAndOrigins && is_macro_of_other_data(name) =>
            {
                if !is_excluded {
                    self.record_unmet(&call.range, EXPECTED_MACRO);
                }
                Ok(Condition::never())
            }
            _ => Err(cursor.error(
                call.range,
                "the macro `sysmon`, or a condition on a field (no other macro is known in a condition)",
            )),
        }
    }

    /// Records `place`, the range of bytes of a condition, for an error message, if the condition
    /// selects no DNS query because it is about other events. Returns the condition unchanged in
    /// any case. `is_excluded` is true if the condition is inside an odd number of `NOT`s.
    pub fn record_if_unmet(
        &self,
        condition: Condition,
        place: &Range<usize>,
        is_excluded: bool,
    ) -> Condition {
        if selects_no_dns_query(&condition, is_excluded) {
            let mut is_number = false;
            condition.visit(&mut |term| is_number |= term.as_field() == Some(Field::EventId));
            let expected = if is_number && !is_excluded { EXPECTED_EVENT } else { EXPECTED_DNS_QUERY };
            self.record_unmet(place, expected);
        }
        condition
    }

    /// Reads a condition on a field, such as `field=value`, `field IN (a, b)` or `field<5`.
    /// `is_excluded` is true inside an odd number of `NOT`s.
    fn condition(&self, cursor: &mut Cursor<'_>, is_excluded: bool) -> Result<Condition, SearchError> {
        let name = if cursor.peek() == Some('"') { cursor.quoted()? } else { cursor.word() };
        let is_quoted = name.range.len() > name.text.len();
        if name.text.is_empty() || (is_operator(&name.text) && !is_quoted) {
            return Err(cursor.error_at(&name, EXPECTED_CONDITION));
        }
        cursor.skip_space();
        if self.allowed == AllowedConditions::FieldsAndOrigins
            && !is_quoted
            && self.names.term(cursor, &name).is_err()
            && let Some(condition) = self.origin(cursor, &name, is_excluded)?
        {
            return Ok(condition);
        }
        if cursor.eat("!=") {
            let term = self.term_named(cursor, &name, is_excluded)?;
            let value = value(cursor, ValueContext::Alone)?;
            if term.is_multivalued() {
                return Ok(Condition::Differs(term, Pattern::new(&value.text)));
            }
            let equal = equality(&term, &value);
            let differs = Condition::And(vec![Condition::Exists(term), Condition::Not(Box::new(equal))]);
            return Ok(self.record_if_unmet(differs, &value.range, is_excluded));
        }
        for (text, order) in [
            ("<=", Inequality::LessOrEqual),
            (">=", Inequality::GreaterOrEqual),
            ("<", Inequality::Less),
            (">", Inequality::Greater),
        ] {
            if cursor.eat(text) {
                let (condition, place) =
                    comparison(cursor, self.term_named(cursor, &name, is_excluded)?, order)?;
                return Ok(self.record_if_unmet(condition, &place, is_excluded));
            }
        }
        let is_one_of = |term: &Term, values: &[Token]| {
            let equal = values
                .iter()
                .map(|value| self.record_if_unmet(equality(term, value), &value.range, is_excluded))
                .collect();
            join_conditions(equal, Condition::Or)
        };
        if cursor.eat("=") {
            let term = self.term_named(cursor, &name, is_excluded)?;
            return Ok(is_one_of(&term, &[value(cursor, ValueContext::Alone)?]));
        }
        if cursor.eat_keyword(|word| word == "IN") {
            let term = self.term_named(cursor, &name, is_excluded)?;
            return Ok(is_one_of(&term, &list(cursor)?));
        }
        // `*` is the only supported free text: every event contains it.
        if name.text == "*" { Ok(Condition::All) } else { Err(cursor.error_at(&name, EXPECTED_OPERATOR)) }
    }

    /// Returns the [`Term`] that a name in a condition means. An unknown name is an error, except
    /// in a condition that selects events: a part of that condition may turn out to be about events
    /// other than DNS queries. There, the error is only recorded, and the result is a stand-in: a
    /// field whose value differs from event to event. `is_excluded` is true inside an odd number of
    /// `NOT`s.
    fn term_named(&self, cursor: &Cursor<'_>, name: &Token, is_excluded: bool) -> Result<Term, SearchError> {
        let term = match self.names.term(cursor, name) {
            Ok(term) => term,
            Err(error) if self.allowed == AllowedConditions::FieldsAndOrigins => {
                self.unknown.borrow_mut().push(error);
                return Ok(Term::from(Field::QUERY_NAME));
            }
            Err(error) => return Err(error),
        };
        if term.is_absent() && is_excluded {
            self.note(format!(
                "Sysmon's DNS queries do not have the field '{}', so its condition excludes nothing",
                name.text
            ));
        } else if term.is_absent() {
            self.record_unmet(&name.range, "a field that Sysmon's DNS queries have");
        }
        Ok(term)
    }
}

/// Returns true if the word `by` or `groupby` is next and ends the condition of `tstats`. Returns
/// false if a comparison operator follows the word, which is then the name of a field.
fn is_by(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let is_word =
        ahead.eat_keyword(|word| word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("groupby"));
    // `by` before a comparison operator is the name of a field.
    is_word && {
        ahead.skip_space();
        !ahead.peek().is_some_and(|next| "=!<>".contains(next))
    }
}

/// Reads the value after the operator `order` (`<`, `<=`, `>` or `>=`), which has been read.
/// Returns the condition that compares `term` with the value, and the value's range of bytes in the
/// search.
fn comparison(
    cursor: &mut Cursor<'_>,
    term: Term,
    order: Inequality,
) -> Result<(Condition, Range<usize>), SearchError> {
    let value = value(cursor, ValueContext::Alone)?;
    if value.text.contains('*') {
        return Err(
            cursor.error(value.range, "a value without `*` (<, <=, > and >= compare without wildcards)")
        );
    }
    Ok((Condition::Inequality(term, order, value.text), value.range))
}

/// Returns the condition for `=` in a search: `term` matches the value, in which `*` is a wildcard.
/// A value that is an IP network, such as `10.0.0.0/8`, also matches the addresses in the network.
fn equality(term: &Term, value: &Token) -> Condition {
    let matches = Condition::Matches(term.clone(), Pattern::new(&value.text));
    match Network::parse(&value.text) {
        Ok(network) if value.text.contains('/') => {
            Condition::Or(vec![matches, Condition::InNetwork(term.clone(), network)])
        }
        _ => matches,
    }
}

/// Returns true if a word is one of the operators of the command `search`: `AND`, `OR`, `NOT` or
/// `IN`.
pub(in crate::detect) fn is_operator(word: &str) -> bool {
    ["AND", "OR", "NOT", "IN"].contains(&word)
}

/// Joins conditions by `many`, which makes an `And` or an `Or` of them. A single condition is
/// returned as it is.
pub(in crate::detect) fn join_conditions(
    mut terms: Vec<Condition>,
    many: impl Fn(Vec<Condition>) -> Condition,
) -> Condition {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => many(terms),
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::splunk::search::Search;
    use crate::detect::testing::event;
    use crate::event::Event;

    fn holds(search: &str, event: &Event) -> bool {
        Search::parse(search).unwrap_or_else(|error| panic!("{search}: {error}")).predicate.evaluate(event)
    }

    /// Tests how `NOT`, `OR` and `AND` bind. In the searches, `y` stands for a true condition and
    /// `n` for a false one.
    #[test]
    fn order_of_operators() {
        let event = event(r"C:\a.exe", "b.example");
        for (short, expected) in [
            ("y", true),
            ("n", false),
            ("y y", true),
            ("y n", false),
            ("y AND n", false),
            ("n OR y", true),
            // OR binds tighter than AND, written or implied. If AND bound tighter, these would be
            // true.
            ("n AND n OR y", false),
            ("n n OR y", false),
            ("y OR n n", false),
            ("y OR n AND n", false),
            // NOT binds tighter than both.
            ("NOT n n", false),
            ("NOT y OR y", true),
            ("NOT (y OR y)", false),
            ("NOT NOT y", true),
            ("NOT(n)", true),
            ("(n AND n) OR y", true),
            ("((y))", true),
            ("(y) (n)", false),
            ("search y", true),
            ("  search\n (y)", true),
            ("*", true),
            ("NOT *", false),
        ] {
            let spelled = |letter: char| match letter {
                'y' => "ProcessId=740".to_owned(),
                'n' => "ProcessId=1".to_owned(),
                other => other.to_string(),
            };
            let search: String = short.chars().map(spelled).collect();
            assert_eq!(holds(&search, &event), expected, "{search}");
        }
    }

    #[test]
    fn conditions_on_a_field() {
        let mut event = event(r"C:\Users\Public\a(1).exe", "Client.Medium.com");
        event.set("User", None);
        event.set("RuleName", Some(String::new()));
        for (search, expected) in [
            ("EventCode=22", true),
            ("EventCode =22", true),
            ("EventCode = 22", true),
            ("EventCode=\"22\"", true),
            ("ProcessId=0740", false),
            ("ProcessId=74", false),
            ("EventCode=2*", true),
            ("QueryName=client.medium.com", true),
            ("QueryName=medium", false),
            ("QueryName=*MEDIUM*", true),
            ("QueryName=*t.me*", true),
            ("QueryName=\"client?medium.com\"", false),
            (r#"Image="*\\users\\public\\*""#, true),
            (r#"Image="*\users\public\*""#, true),
            (r"Image=*\\users\\public\\*", true),
            (r#"Image="*\\public""#, false),
            ("Image=\"*(1).exe\"", true),
            ("(QueryName=*com)", true),
            ("process_name IN (a.exe, \"b.exe\",a*)", true),
            ("process_name IN (a.exe)", false),
            ("process_name IN(*exe)", true),
            // An absent or empty field equals nothing. `!=` requires the field to exist, `NOT` does
            // not.
            ("User=*", false),
            ("User!=x", false),
            ("NOT User=x", true),
            ("RuleName=*", false),
            ("RuleName=\"\"", false),
            ("RuleName!=x", false),
            ("QueryName!=x", true),
            ("QueryName != \"*medium*\"", false),
            ("NOT User IN (x, y)", true),
            // Inequality: by number if both are numbers, otherwise by text.
            ("ProcessId<1000", true),
            ("ProcessId<=740", true),
            ("ProcessId>740", false),
            ("ProcessId >= 740.0", true),
            ("ProcessId>9", true),
            ("QueryName>B", true),
            ("QueryName<9", false),
            ("User<x", false),
            ("_time>=1706696131", true),
            // Unquoted commas belong to the value, outside IN.
            ("QueryName=a,b", false),
            ("ProcessGuid=\"{F20B227D-C5D4-640F-3005-000000000700}\"", true),
            ("ProcessGuid=f20b227d-c5d4-640f-3005-000000000700", true),
            ("`sysmon`", true),
            ("vendor_product=\"microsoft sysmon\"", true),
        ] {
            assert_eq!(holds(search, &event), expected, "{search}");
        }
    }

    /// Tests what the errors about conditions say. Each case has a search, the text that its error
    /// quotes, and a part of what was expected. `«` marks the place of the error.
    #[test]
    fn errors_say_where_and_what() {
        let deep = format!("{}«({}", "(".repeat(101), "(".repeat(50));
        let negated = format!("{}«NOT ProcessId=1", "NOT ".repeat(101));
        for (marked, found, expected) in [
            ("«", "the end of the search", "a condition"),
            ("  «| stats count", "'|'", "a condition"),
            ("EventCode=22 «powershell", "'powershell'", "free text is not supported"),
            ("EventCode=22 «\"power shell\" OR", "'\"power shell\"'", "free text is not supported"),
            ("EventCode=22 «and ProcessId=1", "'and'", "AND, OR, NOT and IN are upper case"),
            ("EventCode=22 AND «AND ProcessId=1", "'AND'", "a condition"),
            ("EventCode=22 OR«", "the end of the search", "a condition"),
            ("«OR EventCode=22", "'OR'", "a condition"),
            ("EventCode=22 OR «) ", "')'", "a condition"),
            ("EventCode=22 «)", "')'", "a condition"),
            ("(EventCode=22 «| stats count", "'|'", "`)` for the `(` that opens at '(EventCode=22'"),
            ("«ImageLoaded=x", "'ImageLoaded'", "a field of a Sysmon DNS query"),
            ("«image=x", "'image'", "such as Image (names differ by case)"),
            ("«imageloaded IN (x)", "'imageloaded'", "a field of"),
            ("«QueryName in (x)", "'QueryName'", "IN are upper case"),
            ("QueryName=«", "the end of the search", "a value"),
            ("QueryName=«=x", "'=x'", "a value"),
            ("QueryName= «OR x=y", "'OR'", "a value (in quotes if it is this word)"),
            ("QueryName=«)", "')'", "a value"),
            ("QueryName=«[search x]", "'[search'", "subsearches are not supported"),
            ("EventCode=22 «[search x]", "'[search'", "subsearches are not supported"),
            ("QueryName=«\"abc", "'\"abc'", "a closing quote"),
            ("QueryName=«a\"b\"", "'a\"b\"'", "quotes around the whole value"),
            ("QueryName=\"a\"«b", "'b'", "a blank after the value"),
            ("QueryName IN «x", "'x'", "`(` and a list"),
            ("QueryName IN («)", "')'", "a value"),
            ("QueryName IN (a,«)", "')'", "a value"),
            ("QueryName IN (a «b)", "'b'", "`,` or `)`"),
            ("QueryName IN (a«", "the end of the search", "`,` or `)`"),
            ("ProcessId<«7*", "'7*'", "without `*`"),
            ("«`wineventlog` EventCode=22", "'`wineventlog`'", "a macro that selects Sysmon's events"),
            ("EventCode=22 «`my_own`", "'`my_own`'", "NAME.yml is in a folder `macros`"),
            ("EventCode=22 «`x_filter(y)`", "'`x_filter(y)`'", "a macro that is built in"),
            ("«`sysmon EventCode=22", "'`sysmon EventCode=22'", "a closing backtick"),
            ("«`sysmon(x`", "'`sysmon(x`'", "a macro call"),
            (&deep, "'('", "at most 100"),
            (&negated, "'NOT'", "at most 100"),
        ] {
            let offset = marked.find('«').unwrap();
            let error = Search::parse(&marked.replace('«', "")).expect_err(marked);
            assert_eq!((error.offset, error.found.as_str()), (offset, found), "{marked}: {error}");
            assert!(error.expected.contains(expected), "{marked}: {error}");
        }
    }
}
