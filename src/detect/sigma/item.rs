//! One line of a Sigma rule: a field, its modifiers, and the values it is compared with.

use rsigma_parser::{DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use super::super::expression::{Case, Expression, Flags, Part};
use super::super::field::Field;
use super::super::network::Network;
use super::super::pattern::Pattern;
use super::super::placeholder::Expanded;
use super::super::predicate::Predicate;
use super::condition::{Compiler, Side, one_or};

/// The fields of a DNS query by the names that Sigma has for them.
const FIELDS: [(&str, Field); 13] = [
    ("Channel", Field::Channel),
    ("Computer", Field::Computer),
    ("EventID", Field::EventId),
    ("Image", Field::Image),
    ("ProcessGuid", Field::ProcessGuid),
    ("ProcessId", Field::ProcessId),
    ("Provider_Name", Field::Provider),
    ("QueryName", Field::QueryName),
    ("QueryResults", Field::QueryResults),
    ("QueryStatus", Field::QueryStatus),
    ("RuleName", Field::RuleName),
    ("User", Field::User),
    ("UtcTime", Field::UtcTime),
];

/// The names of the fields that a rule may use.
pub fn sigma_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

pub(super) const NO_FIELD: &str = "expected conditions on fields, found values without a field (keywords)";
/// What `windash` takes for a dash.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// With more dashes a value comes to more variants than a rule means.
const MOST_DASHES: usize = 4;

/// Where in the field the value stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Whole,
    Start,
    End,
    Anywhere,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// As text with wildcards.
    Text(Place, Case),
    /// As regular expressions.
    Expression(Flags),
    /// As networks.
    Network,
    /// Whether the field is there.
    Presence,
}

/// The modifiers of a line, resolved.
#[derive(Debug, PartialEq, Eq)]
struct Modifiers {
    comparison: Comparison,
    /// All values must hold, and not one of them.
    all: bool,
    expand: bool,
    windash: bool,
}

/// The condition of one line.
pub(super) fn predicate(
    compiler: &Compiler<'_>,
    item: &DetectionItem,
    side: Side,
) -> Result<Predicate, String> {
    let name = item.field.name.as_deref().ok_or(NO_FIELD)?;
    let field = field(name)?;
    let line = |problem: String| format!("{name}: {problem}");
    let modifiers = Modifiers::of(&item.field.modifiers).map_err(line)?;
    let mut conditions = Vec::new();
    for value in &item.values {
        conditions.push(condition_of(compiler, field, &modifiers, value, side).map_err(line)?);
    }
    if item.values.is_empty() {
        return Err(line("expected a value, found an empty list".to_owned()));
    }
    Ok(one_or(conditions, if modifiers.all { Predicate::And } else { Predicate::Or }))
}

fn field(name: &str) -> Result<Field, String> {
    let known = FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
    known.ok_or_else(|| {
        let like = FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let like = like.map_or("QueryName or Image", |(known, _)| known);
        format!("expected a field of a Sysmon DNS query, such as {like}, found '{}'", name.escape_debug())
    })
}

/// One value of a line; placeholders and dashes can make several of it.
fn condition_of(
    compiler: &Compiler<'_>,
    field: Field,
    modifiers: &Modifiers,
    value: &SigmaValue,
    side: Side,
) -> Result<Predicate, String> {
    let text = match (value, modifiers.comparison) {
        (SigmaValue::Bool(wanted), Comparison::Presence) => {
            return Ok(if *wanted { present(field) } else { Predicate::Not(Box::new(present(field))) });
        }
        (_, Comparison::Presence) => return Err(format!("expected true or false, found '{value}'")),
        (SigmaValue::Null, Comparison::Text(Place::Whole, _)) => {
            return Ok(Predicate::Not(Box::new(present(field))));
        }
        (SigmaValue::Null, _) => return Err("null cannot be a part of a value".to_owned()),
        (SigmaValue::String(text), _) => text.original.clone(),
        (number, _) => number.to_string(),
    };
    let texts = if modifiers.expand { expanded(compiler, &text, side)? } else { vec![text] };
    let mut conditions = Vec::new();
    for text in texts {
        for variant in if modifiers.windash { dash_variants(&text)? } else { vec![text] } {
            conditions.push(condition(field, modifiers.comparison, &variant)?);
        }
    }
    // The variants of one value are alternatives, also where all values must hold; a value that comes to none never holds.
    Ok(one_or(conditions, Predicate::Or))
}

/// The values of placeholders. Where there are none, what they would exclude is not excluded, which loses nothing; what they
/// would find could not be found, which is an error.
fn expanded(compiler: &Compiler<'_>, text: &str, side: Side) -> Result<Vec<String>, String> {
    match (compiler.placeholders().expand(text)?, side) {
        (Expanded::Values(values), _) => Ok(values),
        (Expanded::Unknown(name), Side::Against) => {
            compiler.note(format!("the placeholder %{name}% has no values: nothing is excluded by it"));
            Ok(Vec::new())
        }
        (Expanded::Unknown(name), Side::For) => {
            Err(format!("the placeholder %{name}% has no values: give them with --placeholders"))
        }
    }
}

fn condition(field: Field, comparison: Comparison, text: &str) -> Result<Predicate, String> {
    match comparison {
        Comparison::Text(place, case) => wildcards(field, place, case, text),
        Comparison::Expression(flags) => {
            let expression = Expression::new(text, flags)?;
            let or_empty = expression.matches("");
            Ok(or_if(Predicate::Fits { field, expression }, or_empty, field))
        }
        Comparison::Network => Ok(Predicate::InNetwork { field, network: Network::parse(text)? }),
        Comparison::Presence => Err("expected true or false".to_owned()),
    }
}

/// A value with wildcards, at its place in the field.
fn wildcards(field: Field, place: Place, case: Case, text: &str) -> Result<Predicate, String> {
    let mut parts = Vec::new();
    if matches!(place, Place::End | Place::Anywhere) {
        parts.push(Part::Any);
    }
    for part in SigmaString::new(&field.kept_form(text)).parts {
        let part = match part {
            StringPart::Plain(text) => Part::Literal(text),
            StringPart::Special(SpecialChar::WildcardMulti) => Part::Any,
            StringPart::Special(SpecialChar::WildcardSingle) => Part::One,
        };
        if part != Part::Any || parts.last() != Some(&Part::Any) {
            parts.push(part);
        }
    }
    if matches!(place, Place::Start | Place::Anywhere) && parts.last() != Some(&Part::Any) {
        parts.push(Part::Any);
    }
    if parts.is_empty() {
        return Ok(Predicate::Empty(field));
    }
    let written = written(&parts);
    let or_empty = parts == [Part::Any];
    let matches = if case == Case::Kept || parts.contains(&Part::One) {
        Predicate::Fits { field, expression: Expression::of_parts(&written, &parts, case)? }
    } else {
        Predicate::Matches { field, pattern: pattern(&written, &parts) }
    };
    Ok(or_if(matches, or_empty, field))
}

/// Sigma's empty value is one that can match, other than Splunk's.
fn or_if(condition: Predicate, or_empty: bool, field: Field) -> Predicate {
    if or_empty { Predicate::Or(vec![condition, Predicate::Empty(field)]) } else { condition }
}

fn present(field: Field) -> Predicate {
    Predicate::Or(vec![Predicate::Exists(field), Predicate::Empty(field)])
}

/// A pattern of literals and `*`s, neighbouring literals being one.
fn pattern(written: &str, parts: &[Part]) -> Pattern {
    let mut pieces = vec![String::new()];
    for part in parts {
        match (part, pieces.last_mut()) {
            (Part::Literal(text), Some(piece)) => piece.push_str(text),
            _ => pieces.push(String::new()),
        }
    }
    Pattern::from_pieces(written, pieces.iter().map(String::as_str))
}

/// The parts as one would write them in a rule.
fn written(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Any => "*".to_owned(),
        Part::One => "?".to_owned(),
        Part::Literal(text) => text.replace('*', r"\*").replace('?', r"\?"),
    };
    parts.iter().map(part).collect()
}

/// A value with each dash that begins a word (`-x`, `/x`) as each of [`DASHES`], as the specification's own implementation takes
/// it: the dashes within words are not those of options.
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

impl Modifiers {
    fn of(modifiers: &[Modifier]) -> Result<Self, String> {
        let mut place = Place::Whole;
        let (mut case, mut flags) = (Case::Folded, Flags::default());
        let (mut all, mut expand, mut windash, mut has_flags) = (false, false, false, false);
        let mut other: Option<Comparison> = None;
        for modifier in modifiers {
            match modifier {
                Modifier::Contains => place = once(place, Place::Anywhere)?,
                Modifier::StartsWith => place = once(place, Place::Start)?,
                Modifier::EndsWith => place = once(place, Place::End)?,
                Modifier::All => all = true,
                Modifier::Cased => case = Case::Kept,
                Modifier::WindAsh => windash = true,
                Modifier::Expand => expand = true,
                Modifier::Re => other = Some(Comparison::Expression(Flags::default())),
                Modifier::Cidr => other = Some(Comparison::Network),
                Modifier::Exists => other = Some(Comparison::Presence),
                Modifier::IgnoreCase => (flags.ignore_case, has_flags) = (true, true),
                Modifier::Multiline => (flags.multi_line, has_flags) = (true, true),
                Modifier::DotAll => (flags.dot_all, has_flags) = (true, true),
                unsupported => return Err(unsupported_modifier(*unsupported)),
            }
        }
        let is_expression = matches!(other, Some(Comparison::Expression(_)));
        if other.is_some() && (place != Place::Whole || case == Case::Kept || windash)
            || has_flags && !is_expression
        {
            return Err("these modifiers do not go together".to_owned());
        }
        let comparison = match other {
            Some(Comparison::Expression(_)) => Comparison::Expression(flags),
            Some(other) => other,
            None => Comparison::Text(place, case),
        };
        Ok(Modifiers { comparison, all, expand, windash })
    }
}

/// A value stands in one place only.
fn once(place: Place, new: Place) -> Result<Place, String> {
    if place == Place::Whole {
        Ok(new)
    } else {
        Err("expected one of contains, startswith and endswith".to_owned())
    }
}

fn unsupported_modifier(modifier: Modifier) -> String {
    let name = format!("{modifier:?}").to_lowercase();
    format!(
        "expected a modifier out of contains, startswith, endswith, all, re, cased, windash, cidr, exists and expand, found {name}"
    )
}
