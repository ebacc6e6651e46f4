//! Reads the modifiers after a field's name in a line of a Sigma rule (`contains` and `all` in
//! `QueryName|contains|all`), and checks that they can be combined.
//!
//! To add a modifier, add a line to the list of modifiers, and one to the guide's page on rules. A
//! new way to compare is also a [`ValueComparison`], from which the module `item` makes a test of
//! `detect::predicate::test`. If the query name alone decides that test, add it to `detect::lead`,
//! too. A new encoding of values is also a `ValueEncoding` of the module `encoding`. A modifier
//! that changes values in another way is a field of [`Modifiers`], which `item` and `many_values`
//! read.

use super::encoding::ValueEncoding;
use crate::detect::nearest::suggestion;
use crate::detect::predicate::Inequality;
use crate::detect::predicate::expression::{Case, Flags};
use crate::detect::predicate::test::Position;
use crate::event::TimePart;

/// A modifier after a field's name in a Sigma rule, such as `contains`: what it changes in the
/// comparison of the field with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modifier {
    /// The rule's value must be at this position in the field's value (`contains`, `startswith`,
    /// `endswith`).
    At(Position),
    /// The case of letters matters when the rule's value is compared with the field (`cased`).
    Cased,
    /// All values that the rule lists for the field must match, not only one of them (`all`).
    All,
    /// The result is reversed: the condition on the field is true if the comparison is false
    /// (`neq`).
    Negated,
    /// Placeholders in the rule's value (`%name%`) are replaced by the site's values (`expand`).
    Expand,
    /// The characters that begin an option on Windows, such as `-` and `/`, are interchangeable in
    /// the rule's value (`windash`).
    WindowsDash,
    /// The rule's value is encoded before it is compared with the field (`base64`, `utf16`).
    Encoded(ValueEncoding),
    /// The rule's value is compared with the field in another way than as text (`re`, `cidr`,
    /// `gt`).
    Comparison(ValueComparison),
    /// The rule's value is a regular expression, in which the case of letters does not matter
    /// (`i`).
    IgnoreCase,
    /// The rule's value is a regular expression, in which `^` and `$` also match at line ends
    /// (`m`).
    MultiLine,
    /// The rule's value is a regular expression, in which `.` also matches a line end (`s`).
    DotAll,
}

/// All modifiers that Sigma's specification defines, by name. A rule may write the names in upper
/// or lower case.
const MODIFIERS: [(&str, Modifier); 34] = [
    ("contains", Modifier::At(Position::Anywhere)),
    ("startswith", Modifier::At(Position::Start)),
    ("endswith", Modifier::At(Position::End)),
    ("all", Modifier::All),
    ("cased", Modifier::Cased),
    ("neq", Modifier::Negated),
    ("exists", Modifier::Comparison(ValueComparison::Presence)),
    ("expand", Modifier::Expand),
    ("fieldref", Modifier::Comparison(ValueComparison::OtherField(Position::Whole, Case::Folded))),
    ("windash", Modifier::WindowsDash),
    ("re", Modifier::Comparison(ValueComparison::Expression(NO_FLAGS))),
    ("i", Modifier::IgnoreCase),
    ("ignorecase", Modifier::IgnoreCase),
    ("m", Modifier::MultiLine),
    ("multiline", Modifier::MultiLine),
    ("s", Modifier::DotAll),
    ("dotall", Modifier::DotAll),
    ("cidr", Modifier::Comparison(ValueComparison::Network)),
    ("base64", Modifier::Encoded(ValueEncoding::Base64)),
    ("base64offset", Modifier::Encoded(ValueEncoding::Base64Offset)),
    ("utf16", Modifier::Encoded(ValueEncoding::Utf16WithMark)),
    ("utf16le", Modifier::Encoded(ValueEncoding::Utf16Le)),
    ("utf16be", Modifier::Encoded(ValueEncoding::Utf16Be)),
    ("wide", Modifier::Encoded(ValueEncoding::Utf16Le)),
    ("gt", Modifier::Comparison(ValueComparison::Number(Inequality::Greater))),
    ("gte", Modifier::Comparison(ValueComparison::Number(Inequality::GreaterOrEqual))),
    ("lt", Modifier::Comparison(ValueComparison::Number(Inequality::Less))),
    ("lte", Modifier::Comparison(ValueComparison::Number(Inequality::LessOrEqual))),
    ("minute", Modifier::Comparison(ValueComparison::Time(TimePart::Minute))),
    ("hour", Modifier::Comparison(ValueComparison::Time(TimePart::Hour))),
    ("day", Modifier::Comparison(ValueComparison::Time(TimePart::Day))),
    ("week", Modifier::Comparison(ValueComparison::Time(TimePart::Week))),
    ("month", Modifier::Comparison(ValueComparison::Time(TimePart::Month))),
    ("year", Modifier::Comparison(ValueComparison::Time(TimePart::Year))),
];

/// The flags of a regular expression in a Sigma rule that has none of the modifiers `i`, `m` and
/// `s`.
const NO_FLAGS: Flags = Flags { ignore_case: false, multi_line: false, dot_all: false };

/// The names of the modifiers that a Sigma rule may use after a field's name, such as `contains`.
pub fn sigma_modifiers() -> impl Iterator<Item = &'static str> {
    MODIFIERS.iter().map(|(name, _)| *name)
}

/// How a field is compared with the values that a Sigma rule lists for it. The modifiers after the
/// field's name decide this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueComparison {
    /// The rule's value is text that may have wildcards. It must be at this position in the field.
    /// The `Case` says whether the case of letters matters.
    Text(Position, Case),
    /// The rule's value is a regular expression with these flags, which must match somewhere in the
    /// field (`re`).
    Expression(Flags),
    /// The rule's value is a network of IP addresses (`cidr`), which must contain the field's
    /// address.
    Network,
    /// The rule's value, true or false, says whether the event must have the field (`exists`).
    Presence,
    /// The rule's value is a number. The field's number must compare with it by this operator (`gt`
    /// is "greater than").
    Number(Inequality),
    /// The rule's value is the name of another field (`fieldref`). That field's value must be at
    /// this position in the value of the compared field. The `Case` says whether the case of
    /// letters matters.
    OtherField(Position, Case),
    /// The rule's value is a number. This part of the field's time, such as the hour, must equal it
    /// (`hour`).
    Time(TimePart),
}

/// The modifiers after a field's name in a Sigma rule, such as `contains` and `all` in
/// `QueryName|contains|all`. They have been checked: they can be combined.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a modifier that stands there or not")]
pub(super) struct Modifiers {
    /// How the rule's values are compared with the field, for example as text or as numbers.
    pub comparison: ValueComparison,
    /// The encodings that are applied to each of the rule's values before the comparison, one after
    /// the other.
    pub encodings: Vec<ValueEncoding>,
    /// Whether all values that the rule lists for the field must match, not only one of them
    /// (`all`).
    pub all: bool,
    /// Whether the condition on the field is true if the comparison is false (`neq`).
    pub negated: bool,
    /// Whether placeholders in the rule's values (`%name%`) are replaced by the site's values
    /// (`expand`).
    pub expand: bool,
    /// Whether the characters that begin an option on Windows, such as `-` and `/`, are
    /// interchangeable in the rule's values (`windash`).
    pub windows_dash: bool,
}

/// The modifiers after a field's name in a Sigma rule that have been read so far. It is not checked
/// yet that they can be combined.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a modifier that stands there or not")]
struct ParsedModifiers {
    position: Option<Position>,
    kind: Option<ValueComparison>,
    encodings: Vec<ValueEncoding>,
    cased: bool,
    all: bool,
    negated: bool,
    expand: bool,
    windows_dash: bool,
    flags: Flags,
}

impl Modifiers {
    /// Reads the modifiers after a field's name in a Sigma rule from their names, and checks that
    /// they can be combined. The error says what was expected.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut parsed = ParsedModifiers::default();
        for name in names {
            parsed.add(named(name)?)?;
        }
        parsed.resolved()
    }
}

fn named(name: &str) -> Result<Modifier, String> {
    let name = name.trim();
    let known = MODIFIERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, modifier)| *modifier).ok_or_else(|| {
        if name.eq_ignore_ascii_case("not") {
            return "expected a modifier, found 'not': write neq, or not in the condition".to_owned();
        }
        let near = suggestion(name, sigma_modifiers());
        let known = if near.is_empty() {
            format!(" (one of {})", sigma_modifiers().collect::<Vec<_>>().join(", "))
        } else {
            String::new()
        };
        format!("expected a modifier{known}, found '{}'{near}", name.escape_debug())
    })
}

impl ParsedModifiers {
    fn add(&mut self, modifier: Modifier) -> Result<(), String> {
        match modifier {
            Modifier::At(position) if self.position.is_none() => self.position = Some(position),
            Modifier::At(_) => {
                return Err("expected only one of contains, startswith and endswith, found two".to_owned());
            }
            Modifier::Cased => self.cased = true,
            Modifier::All => self.all = true,
            Modifier::Negated => self.negated = true,
            Modifier::Expand => self.expand = true,
            Modifier::WindowsDash => self.windows_dash = true,
            Modifier::Encoded(encoding) => self.encodings.push(encoding),
            Modifier::Comparison(kind) if self.kind.is_none() => self.kind = Some(kind),
            Modifier::Comparison(_) => {
                return Err(
                    "expected only one of re, cidr, exists, fieldref, gt, gte, lt, lte and the parts of a time, found two"
                        .to_owned(),
                );
            }
            Modifier::IgnoreCase => self.flags.ignore_case = true,
            Modifier::MultiLine => self.flags.multi_line = true,
            Modifier::DotAll => self.flags.dot_all = true,
        }
        Ok(())
    }

    fn resolved(self) -> Result<Modifiers, String> {
        let ParsedModifiers { position, kind, encodings, cased, all, negated, expand, windows_dash, flags } =
            self;
        let is_text = kind.is_none();
        let is_expression = matches!(kind, Some(ValueComparison::Expression(_)));
        let is_other_field = matches!(kind, Some(ValueComparison::OtherField(..)));
        let takes_text = is_text || is_expression || kind == Some(ValueComparison::Network);
        let fits = (is_text || is_other_field || (position.is_none() && !cased))
            && (is_text || (encodings.is_empty() && !windows_dash))
            && (takes_text || !expand)
            && (is_expression || flags == NO_FLAGS);
        if !fits {
            return Err("expected modifiers that can be combined, found some that cannot".to_owned());
        }
        let (position, case) = (position.unwrap_or_default(), if cased { Case::Kept } else { Case::Folded });
        let comparison = match kind {
            None => ValueComparison::Text(position, case),
            Some(ValueComparison::Expression(_)) => ValueComparison::Expression(flags),
            Some(ValueComparison::OtherField(..)) => ValueComparison::OtherField(position, case),
            Some(other) => other,
        };
        Ok(Modifiers { comparison, encodings, all, negated, expand, windows_dash })
    }
}
