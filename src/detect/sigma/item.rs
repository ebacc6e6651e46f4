//! Compiles one line of a Sigma rule, such as `QueryName|endswith: [a.com, b.com]`: a field, its
//! modifiers, and the values that the field is compared with.

use super::compiler::{Compiler, Polarity, joined};
use super::encoding::encoded;
use super::field_names::field_named;
use super::many_values;
use super::modifier::{Modifiers, ValueComparison};
use super::source::LogSource;
use crate::detect::predicate::expression::{Case, Expression, PatternPart};
use crate::detect::predicate::field::Field;
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::predicate::test::{FieldTest, Position};
use crate::detect::predicate::{Predicate, number};
use crate::detect::sigma::placeholder::Expansion;
use crate::detect::yaml::{Key, Node, NodeKind, Scalar, YamlProblem};
use crate::event::FieldType;

/// The error message for values of a Sigma rule without a field to compare them with (keywords).
pub(super) const NO_FIELD: &str = "expected conditions on fields, found values without a field (keywords)";
/// The characters that the modifier `windash` of Sigma treats as equal, because programs on Windows
/// accept them before an option. The last three are the en dash, the em dash and the horizontal
/// bar.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// The maximum number of dashes that may begin options in a value with Sigma's modifier `windash`.
/// Each dash multiplies the number of variants of the value by five.
const MOST_DASHES: usize = 4;

/// Returns the field that `key`, the key of a line in a Sigma rule, names. A line is a field with
/// values. Modifiers after the field's name are ignored, such as `contains` in
/// `QueryName|contains`. The error says that the key names no field of the log source's events.
fn field_of(key: &Key, source: LogSource) -> Result<Field, YamlProblem> {
    let name = key.name.split('|').next().unwrap_or_default().trim();
    if name.is_empty() {
        return Err(YamlProblem::at(key.place, NO_FIELD));
    }
    field_named(name, source).map_err(|problem| YamlProblem::at(key.place, problem))
}

/// Compiles one line of a Sigma rule (a field with values) to a predicate. `key` is the field with
/// its modifiers, and `value` is a value or a list of values. `polarity` says whether the line
/// describes matches or excludes events.
pub(super) fn predicate(
    compiler: &Compiler<'_>,
    key: &Key,
    value: &Node,
    polarity: Polarity,
) -> Result<Predicate, YamlProblem> {
    let field = field_of(key, compiler.source())?;
    let at_key =
        |problem: String| YamlProblem::at(key.place, format!("{}: {problem}", key.name.escape_debug()));
    let modifiers = Modifiers::of(key.name.split('|').skip(1)).map_err(at_key)?;
    if matches!(modifiers.comparison, ValueComparison::Time(_))
        && field.stored_type() != Some(FieldType::TextTime)
    {
        return Err(at_key("expected UtcTime, the field that holds a time".to_owned()));
    }
    let values = match &value.kind {
        NodeKind::List(values) if values.is_empty() => {
            return Err(at_key("expected a value, found an empty list".to_owned()));
        }
        NodeKind::List(values) => values.as_slice(),
        _ => std::slice::from_ref(value),
    };
    // A value below `neq` makes a match less likely if its line makes one more likely.
    let polarity = if modifiers.negated { polarity.negated() } else { polarity };
    if let Some(set) = many_values::set(compiler, field, &modifiers, values) {
        return Ok(if modifiers.negated { Predicate::Not(Box::new(set)) } else { set });
    }
    let mut conditions = Vec::new();
    for value in values {
        let condition = condition_of(compiler, field, &modifiers, value, polarity);
        conditions.push(condition.map_err(|problem| {
            YamlProblem::at(value.place, format!("{}: {problem}", key.name.escape_debug()))
        })?);
    }
    let condition = joined(conditions, if modifiers.all { Predicate::And } else { Predicate::Or });
    Ok(if modifiers.negated { Predicate::Not(Box::new(condition)) } else { condition })
}

/// Compiles the comparison of a field with one of the values that a Sigma rule lists for it.
/// Placeholders, dashes and encodings can make several variants of the value; at least one variant
/// must match.
fn condition_of(
    compiler: &Compiler<'_>,
    field: Field,
    modifiers: &Modifiers,
    value: &Node,
    polarity: Polarity,
) -> Result<Predicate, String> {
    let Some(scalar) = value.scalar() else {
        return Err(format!("expected a value, found {}", value.description()));
    };
    match modifiers.comparison {
        ValueComparison::Presence => match scalar.truth() {
            Some(true) => return Ok(present(field)),
            Some(false) => return Ok(Predicate::Not(Box::new(present(field)))),
            None => return Err(format!("expected true or false, found {}", value.description())),
        },
        ValueComparison::Text(Position::Whole, _) if scalar.is_null() && modifiers.encodings.is_empty() => {
            return Ok(Predicate::Not(Box::new(present(field))));
        }
        _ if scalar.is_null() => return Err("null cannot be a part of a value".to_owned()),
        _ => {}
    }
    let is_whole = matches!(modifiers.comparison, ValueComparison::Text(Position::Whole, _));
    if field == Field::EventId
        && is_whole
        && !modifiers.expand
        && !scalar.text.contains(['*', '?'])
        && scalar.integer().is_none()
    {
        return Err(format!("expected a whole number, found {}", value.description()));
    }
    let text = text_of(field, modifiers, scalar);
    let texts = if modifiers.expand { expanded(compiler, &text, polarity)? } else { vec![text] };
    let mut conditions = Vec::new();
    for text in texts {
        for variant in if modifiers.windows_dash { dash_variants(&text)? } else { vec![text] } {
            compiler.count_conditions(1)?;
            conditions.push(condition(compiler, field, modifiers, &variant)?);
        }
    }
    // The variants of one value are alternatives, even with the modifier `all`. A value without
    // variants is never true.
    Ok(joined(conditions, Predicate::Or))
}

/// Returns the text of a Sigma rule's value that is compared with the field. It is the text in the
/// rule, except that a whole number for a field of numbers becomes decimal (22 for `0x16`), because
/// events have numbers in decimal form.
fn text_of(field: Field, modifiers: &Modifiers, scalar: &Scalar) -> String {
    let is_of_numbers = field == Field::EventId
        || matches!(field.stored_type(), Some(FieldType::Number | FieldType::TextNumber));
    let is_number = matches!(
        modifiers.comparison,
        ValueComparison::Text(Position::Whole, _) | ValueComparison::Number(_) | ValueComparison::Time(_)
    );
    let decimal = (is_of_numbers && scalar.is_plain
        || !matches!(modifiers.comparison, ValueComparison::Text(..)))
        && is_number
        && modifiers.encodings.is_empty();
    match scalar.integer().filter(|_| decimal) {
        Some(number) => number.to_string(),
        None => scalar.text.clone(),
    }
}

/// Replaces the placeholders (`%name%`) in a value of a Sigma rule by the site's values. For a
/// placeholder for which the site has no values, the result depends on `polarity`:
///
/// - If the value excludes events, the result is empty. The value then excludes nothing, which
///   loses no match.
/// - If the value describes matches, the result is an error, because the rule could find nothing.
fn expanded(compiler: &Compiler<'_>, text: &str, polarity: Polarity) -> Result<Vec<String>, String> {
    match (compiler.placeholders().expand(text)?, polarity) {
        (Expansion::Values(values), _) => Ok(values),
        (Expansion::Unknown(name), Polarity::Against) => {
            compiler.note(format!("the placeholder %{name}% has no values, so it excludes nothing"));
            Ok(Vec::new())
        }
        (Expansion::Unknown(name), Polarity::For) => {
            Err(format!("the placeholder %{name}% has no values: give them with --placeholders"))
        }
    }
}

fn condition(
    compiler: &Compiler<'_>,
    field: Field,
    modifiers: &Modifiers,
    text: &str,
) -> Result<Predicate, String> {
    match modifiers.comparison {
        ValueComparison::Text(position, case) => text_condition(field, position, case, modifiers, text),
        ValueComparison::Expression(flags) => {
            let expression = Expression::new(text, flags).map_err(|problem| {
                format!("expected a regular expression that Sigma's specification allows, found an error: {problem}")
            })?;
            compiler.count_expression(&expression)?;
            let or_empty = expression.matches("");
            Ok(or_if(Predicate::Fits { field, expression }, or_empty, field))
        }
        ValueComparison::Network => Ok(Predicate::InNetwork { field, network: Network::parse(text)? }),
        ValueComparison::Presence => Err("expected true or false".to_owned()),
        ValueComparison::Number(operator) => match number(text) {
            Some(_) => {
                Ok(Predicate::Passes { field, test: FieldTest::Number { operator, value: text.to_owned() } })
            }
            None => Err(format!("expected a number, found '{}'", text.escape_debug())),
        },
        ValueComparison::OtherField(position, case) => {
            let other = field_named(text.trim(), compiler.source())?;
            Ok(Predicate::Passes { field, test: FieldTest::OtherField { field: other, position, case } })
        }
        ValueComparison::Time(part) => match text.parse() {
            Ok(value) => Ok(Predicate::Passes { field, test: FieldTest::Time { part, value } }),
            Err(_) => Err(format!("expected a number, found '{}'", text.escape_debug())),
        },
    }
}

/// Compiles the comparison of a field with a text of a Sigma rule that may have wildcards. If the
/// field has modifiers such as `base64` in the rule, the text is encoded first, and must have no
/// wildcards.
fn text_condition(
    field: Field,
    position: Position,
    case: Case,
    modifiers: &Modifiers,
    text: &str,
) -> Result<Predicate, String> {
    let parts = parts(&field.kept_form(text));
    if modifiers.encodings.is_empty() {
        return wildcards(field, position, case, parts);
    }
    let literal: Option<String> = parts
        .iter()
        .map(|part| match part {
            PatternPart::Literal(text) => Some(text.as_str()),
            PatternPart::Any | PatternPart::One => None,
        })
        .collect();
    let literal = literal.ok_or("expected a value without wildcards, because it is encoded")?;
    let variants = encoded(&literal, &modifiers.encodings)?.into_iter();
    let conditions: Result<Vec<_>, _> = variants
        .map(|variant| wildcards(field, position, case, vec![PatternPart::Literal(variant)]))
        .collect();
    conditions.map(|conditions| joined(conditions, Predicate::Or))
}

/// Splits a value of a Sigma rule into literals and wildcards. `*` and `?` are wildcards unless a
/// backslash is before them. Two backslashes are one literal backslash; a single backslash before
/// any other character is literal.
fn parts(text: &str) -> Vec<PatternPart> {
    let mut parts: Vec<PatternPart> = Vec::new();
    let push = |parts: &mut Vec<PatternPart>, letter: char| match parts.last_mut() {
        Some(PatternPart::Literal(text)) => text.push(letter),
        _ => parts.push(PatternPart::Literal(letter.to_string())),
    };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => parts.push(PatternPart::Any),
            '?' => parts.push(PatternPart::One),
            '\\' => {
                let escaped = letters.next_if(|next| matches!(next, '*' | '?' | '\\'));
                push(&mut parts, escaped.unwrap_or('\\'));
            }
            letter => push(&mut parts, letter),
        }
    }
    parts
}

/// Compiles the comparison of a field with a value of a Sigma rule that may have wildcards.
/// `position` says where in the field the value must be.
fn wildcards(
    field: Field,
    position: Position,
    case: Case,
    value: Vec<PatternPart>,
) -> Result<Predicate, String> {
    let mut parts = Vec::new();
    if matches!(position, Position::End | Position::Anywhere) {
        parts.push(PatternPart::Any);
    }
    for part in value {
        if part != PatternPart::Any || parts.last() != Some(&PatternPart::Any) {
            parts.push(part);
        }
    }
    if matches!(position, Position::Start | Position::Anywhere) && parts.last() != Some(&PatternPart::Any) {
        parts.push(PatternPart::Any);
    }
    if parts.is_empty() {
        return Ok(Predicate::Empty(field));
    }
    let rule_text = rule_text(&parts);
    let or_empty = parts == [PatternPart::Any];
    let matches = if case == Case::Kept || parts.contains(&PatternPart::One) {
        Predicate::Fits { field, expression: Expression::of_parts(&rule_text, &parts, case)? }
    } else {
        Predicate::Matches { field, pattern: pattern(&rule_text, &parts) }
    };
    Ok(or_if(matches, or_empty, field))
}

/// Returns the predicate `condition`. If `or_empty`, returns a predicate that is also true for an
/// empty field. In Sigma an empty value can match, but the comparisons of a [`Predicate`] never
/// match an empty value, as in Splunk.
fn or_if(condition: Predicate, or_empty: bool, field: Field) -> Predicate {
    if or_empty { Predicate::Or(vec![condition, Predicate::Empty(field)]) } else { condition }
}

fn present(field: Field) -> Predicate {
    Predicate::Or(vec![Predicate::Exists(field), Predicate::Empty(field)])
}

/// Makes a pattern of literals and wildcards `*` (`parts`). Neighbouring literals are joined to
/// one. `rule_text` is the text that messages show for the pattern.
fn pattern(rule_text: &str, parts: &[PatternPart]) -> Pattern {
    let mut pieces = vec![String::new()];
    for part in parts {
        match (part, pieces.last_mut()) {
            (PatternPart::Literal(text), Some(piece)) => piece.push_str(text),
            _ => pieces.push(String::new()),
        }
    }
    Pattern::from_pieces(rule_text, pieces.iter().map(String::as_str))
}

/// Returns literals and wildcards as the text of a value in a Sigma rule: `*` and `?` for the
/// wildcards, and `\*` and `\?` for these characters in literals.
fn rule_text(parts: &[PatternPart]) -> String {
    let part = |part: &PatternPart| match part {
        PatternPart::Any => "*".to_owned(),
        PatternPart::One => "?".to_owned(),
        PatternPart::Literal(text) => text.replace('*', r"\*").replace('?', r"\?"),
    };
    parts.iter().map(part).collect()
}

/// All variants of a value that Sigma's modifier `windash` makes: each dash that begins a word
/// (`-x`, `/x`) becomes each of [`DASHES`]. Dashes within words are kept, because they do not begin
/// options. The Sigma compiler pySigma does the same. Fails for more than [`MOST_DASHES`] dashes
/// that begin words.
fn dash_variants(text: &str) -> Result<Vec<String>, String> {
    let is_word =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let letters: Vec<char> = text.chars().collect();
    let mut texts = vec![String::new()];
    let mut dashes = 0;
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| letters.get(before).copied());
        let begins_word =
            matches!(letter, '-' | '/') && !is_word(before) && is_word(letters.get(place + 1).copied());
        if begins_word {
            dashes += 1;
            if dashes > MOST_DASHES {
                return Err(format!("windash: expected at most {MOST_DASHES} dashes in a value"));
            }
            texts = texts.iter().flat_map(|text| DASHES.map(|dash| format!("{text}{dash}"))).collect();
        } else {
            for text in &mut texts {
                text.push(*letter);
            }
        }
    }
    Ok(texts)
}
