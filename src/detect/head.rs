//! The head of a search, up to its first `|`: the boolean grammar of Splunk's `search` command,
//! made into a [`Predicate`].
//!
//! It binds in the order parentheses, `NOT`, `OR`, `AND`; two terms side by side are an AND. So
//! `a OR b c` is `(a OR b) AND c`, other than in nearly every other language (and in Splunk's own
//! `where`): <https://docs.splunk.com/Documentation/Splunk/9.4.0/Search/Booleanexpressions>.

use super::field::Field;
use super::pattern::Pattern;
use super::predicate::{Order, Predicate};
use super::token::{Cursor, SearchError, Spanned, split_at_pipes};

/// Deeper nesting is no rule but an attempt at the stack.
const DEEPEST_NESTING: usize = 100;

const EXPECTED_CONDITION: &str = "a condition such as QueryName=\"*example*\"";
const EXPECTED_OPERATOR: &str = "a condition on a field: its name, then one of =, !=, <, <=, >, >= or IN \
                                 (free text is not supported; AND, OR, NOT and IN are upper case)";

/// Reads the whole head.
pub(super) fn parse(mut cursor: Cursor<'_>) -> Result<Predicate, SearchError> {
    eat_search_command(&mut cursor);
    let predicate = conjunction(&mut cursor, 0)?;
    if cursor.at_end() {
        Ok(predicate)
    } else {
        Err(cursor.unexpected(format!("{EXPECTED_CONDITION}, or `|`")))
    }
}

/// Reads a condition that stands alone: no commands may follow it.
pub(super) fn parse_alone(text: &str) -> Result<Predicate, SearchError> {
    let head = split_at_pipes(text)?.into_iter().next().unwrap_or_default();
    if head.end < text.len() {
        let expected = "the end of the search (a condition that stands alone has no commands behind it)";
        return Err(Cursor::new(text, head.clone()).error(head.end..head.end + 1, expected));
    }
    let mut cursor = Cursor::new(text, head);
    eat_search_command(&mut cursor);
    let predicate = conjunction(&mut cursor, 0)?;
    if cursor.at_end() { Ok(predicate) } else { Err(cursor.unexpected(EXPECTED_CONDITION)) }
}

/// The command `search` is implied at the head, and may be written.
fn eat_search_command(cursor: &mut Cursor<'_>) {
    let mut ahead = cursor.clone();
    if ahead.eat_keyword(|word| word == "search") && ahead.peek().is_some_and(char::is_whitespace) {
        *cursor = ahead;
    }
}

/// `x AND y z`: lowest, so outermost.
fn conjunction(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, SearchError> {
    let mut terms = vec![disjunction(cursor, depth)?];
    while !cursor.at_end() && cursor.peek() != Some(')') {
        cursor.eat_keyword(|word| word == "AND");
        terms.push(disjunction(cursor, depth)?);
    }
    Ok(one_or(terms, Predicate::And))
}

/// `x OR y`.
fn disjunction(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, SearchError> {
    let mut terms = vec![negation(cursor, depth)?];
    while cursor.eat_keyword(|word| word == "OR") {
        terms.push(negation(cursor, depth)?);
    }
    Ok(one_or(terms, Predicate::Or))
}

/// `NOT x`.
fn negation(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, SearchError> {
    cursor.skip_space();
    if depth > DEEPEST_NESTING {
        return Err(
            cursor.unexpected(format!("at most {DEEPEST_NESTING} parentheses and NOTs inside each other"))
        );
    }
    if cursor.eat_keyword(|word| word == "NOT") {
        return Ok(Predicate::Not(Box::new(negation(cursor, depth + 1)?)));
    }
    term(cursor, depth)
}

/// What stands between the operators.
fn term(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, SearchError> {
    let start = cursor.at();
    match cursor.peek() {
        Some('(') => {
            cursor.eat("(");
            let inside = conjunction(cursor, depth + 1)?;
            if cursor.eat(")") {
                Ok(inside)
            } else {
                Err(cursor.unexpected(format!("`)` for the `(` at byte {start}")))
            }
        }
        Some('`') => {
            let call = cursor.macro_call()?;
            if call.name == "sysmon" && call.argument.is_none() {
                Ok(Predicate::Sysmon)
            } else {
                Err(cursor.error(call.range, "no macro other than `sysmon` before the first `|`"))
            }
        }
        Some('"') => Err(cursor.unexpected(EXPECTED_OPERATOR)),
        Some('[') => Err(cursor.unexpected(format!("{EXPECTED_CONDITION} (subsearches are not supported)"))),
        _ => condition(cursor),
    }
}

/// `field=value` and its like.
fn condition(cursor: &mut Cursor<'_>) -> Result<Predicate, SearchError> {
    let name = cursor.word();
    if name.text.is_empty() || is_operator(&name.text) {
        return Err(cursor.error_at(&name, EXPECTED_CONDITION));
    }
    cursor.skip_space();
    if cursor.eat("!=") {
        let field = field(cursor, &name)?;
        let matches = matches(field, &value(cursor, Place::Alone)?);
        return Ok(Predicate::And(vec![Predicate::Exists(field), Predicate::Not(Box::new(matches))]));
    }
    for (text, order) in
        [("<=", Order::LessOrEqual), (">=", Order::GreaterOrEqual), ("<", Order::Less), (">", Order::Greater)]
    {
        if cursor.eat(text) {
            return comparison(cursor, field(cursor, &name)?, order);
        }
    }
    if cursor.eat("=") {
        let field = field(cursor, &name)?;
        return Ok(matches(field, &value(cursor, Place::Alone)?));
    }
    if cursor.eat_keyword(|word| word == "IN") {
        return list(cursor, field(cursor, &name)?);
    }
    // `*` is the one free text that says nothing about text.
    if name.text == "*" { Ok(Predicate::All) } else { Err(cursor.error(name.range, EXPECTED_OPERATOR)) }
}

fn comparison(cursor: &mut Cursor<'_>, field: Field, order: Order) -> Result<Predicate, SearchError> {
    let value = value(cursor, Place::Alone)?;
    if value.text.contains('*') {
        return Err(cursor.error(value.range, "a value without `*` (an order knows no wildcards)"));
    }
    Ok(Predicate::Compare { field, order, value: value.text })
}

/// `IN (a, b)`, the cursor standing behind `IN`.
fn list(cursor: &mut Cursor<'_>, field: Field) -> Result<Predicate, SearchError> {
    cursor.skip_space();
    if !cursor.eat("(") {
        return Err(cursor.unexpected("`(` and a list of values after IN"));
    }
    let mut items = Vec::new();
    loop {
        items.push(matches(field, &value(cursor, Place::InList)?));
        cursor.skip_space();
        if cursor.eat(")") {
            return Ok(one_or(items, Predicate::Or));
        }
        if !cursor.eat(",") {
            return Err(cursor.unexpected("`,` or `)` in a list of values"));
        }
    }
}

/// Where a value stands: a comma ends it in a list only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    InList,
}

fn value(cursor: &mut Cursor<'_>, place: Place) -> Result<Spanned, SearchError> {
    const EXPECTED: &str = "a value";
    cursor.skip_space();
    let value = match cursor.peek() {
        Some('"') => cursor.quoted()?,
        Some('=' | '!' | '<' | '>') => return Err(cursor.unexpected(EXPECTED)),
        Some('[') => return Err(cursor.unexpected("a value (subsearches are not supported)")),
        _ => {
            let bare = cursor.bare(|character| character == ',' && place == Place::InList)?;
            if bare.text.is_empty() || is_operator(&bare.text) {
                return Err(cursor.error_at(&bare, "a value (in quotes if the word is meant)"));
            }
            bare
        }
    };
    let ends_here =
        |next: char| next.is_whitespace() || next == ')' || (next == ',' && place == Place::InList);
    if cursor.peek().is_none_or(ends_here) {
        Ok(value)
    } else {
        Err(cursor.unexpected("a blank after the value"))
    }
}

fn field(cursor: &Cursor<'_>, name: &Spanned) -> Result<Field, SearchError> {
    Field::from_name(&name.text).ok_or_else(|| cursor.error_at(name, expected_field(&name.text)))
}

/// What to say of a name that is no field's.
pub(super) fn expected_field(name: &str) -> String {
    Field::name_like(name).map_or_else(
        || "a field of a Sysmon DNS query, such as QueryName, Image or process_name".to_owned(),
        |like| format!("a field of a Sysmon DNS query, such as {like} (names differ by case)"),
    )
}

fn matches(field: Field, value: &Spanned) -> Predicate {
    Predicate::Matches { field, pattern: Pattern::new(&field.kept_form(&value.text)) }
}

fn is_operator(word: &str) -> bool {
    ["AND", "OR", "NOT", "IN"].contains(&word)
}

/// A single term stands for itself.
fn one_or(mut terms: Vec<Predicate>, many: impl Fn(Vec<Predicate>) -> Predicate) -> Predicate {
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
    use super::super::search::Search;
    use super::super::testing::event;
    use crate::event::DnsQueryEvent;

    fn holds(search: &str, event: &DnsQueryEvent) -> bool {
        Search::parse(search).unwrap_or_else(|error| panic!("{search}: {error}")).predicate.evaluate(event)
    }

    /// `y` and `n` stand for a true and a false condition.
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
            // OR binds tighter than AND, written or implied. With AND first these would be true.
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
                'y' => "EventCode=22".to_owned(),
                'n' => "EventCode=1".to_owned(),
                other => other.to_string(),
            };
            let search: String = short.chars().map(spelled).collect();
            assert_eq!(holds(&search, &event), expected, "{search}");
        }
    }

    #[test]
    fn conditions_on_a_field() {
        let mut event = event(r"C:\Users\Public\a(1).exe", "Client.Medium.com");
        event.user = None;
        event.rule_name = Some(String::new());
        for (search, expected) in [
            ("EventCode=22", true),
            ("EventCode =22", true),
            ("EventCode = 22", true),
            ("EventCode=\"22\"", true),
            ("EventCode=022", false),
            ("EventCode=2", false),
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
            // An absent or empty field equals nothing; != wants it to exist, NOT does not.
            ("User=*", false),
            ("User!=x", false),
            ("NOT User=x", true),
            ("RuleName=*", false),
            ("RuleName=\"\"", false),
            ("RuleName!=x", false),
            ("QueryName!=x", true),
            ("QueryName != \"*medium*\"", false),
            ("NOT User IN (x, y)", true),
            // Order: by number where both are numbers, else by text.
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

    /// Each case: a search, what its error quotes, and a part of what it expected. `«` marks the place.
    #[test]
    fn errors_say_where_and_what() {
        let deep = format!("{}«({}", "(".repeat(101), "(".repeat(50));
        let negated = format!("{}«NOT EventCode=1", "NOT ".repeat(101));
        for (marked, found, expected) in [
            ("«", "the end of the search", "a condition"),
            ("  «| stats count", "'|'", "a condition"),
            ("EventCode=22 «powershell", "'powershell'", "free text is not supported"),
            ("EventCode=22 «\"power shell\" OR", "'\"power shell\"'", "free text is not supported"),
            ("EventCode=22 «and EventCode=1", "'and'", "AND, OR, NOT and IN are upper case"),
            ("EventCode=22 AND «AND EventCode=1", "'AND'", "a condition"),
            ("EventCode=22 OR«", "the end of the search", "a condition"),
            ("«OR EventCode=22", "'OR'", "a condition"),
            ("EventCode=22 OR «) ", "')'", "a condition"),
            ("EventCode=22 «)", "')'", "a condition"),
            ("(EventCode=22 «| stats count", "'|'", "`)` for the `(` at byte 0"),
            ("«ImageLoaded=x", "'ImageLoaded'", "a field of a Sysmon DNS query"),
            ("«index=main EventCode=22", "'index'", "a field of a Sysmon DNS query"),
            ("«image=x", "'image'", "such as Image (names differ by case)"),
            ("«imageloaded IN (x)", "'imageloaded'", "a field of"),
            ("«QueryName in (x)", "'QueryName'", "IN are upper case"),
            ("QueryName=«", "the end of the search", "a value"),
            ("QueryName=«=x", "'=x'", "a value"),
            ("QueryName= «OR x=y", "'OR'", "a value (in quotes if the word is meant)"),
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
            ("«`wineventlog` EventCode=22", "'`wineventlog`'", "no macro other than `sysmon`"),
            ("EventCode=22 «`x_filter`", "'`x_filter`'", "no macro other than `sysmon`"),
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
