//! What stands after a field's name in a Sigma rule (`QueryName|contains|all`), resolved.

use super::encoding::ValueEncoding;
use crate::detect::nearest::suggestion;
use crate::detect::predicate::Inequality;
use crate::detect::predicate::expression::{Case, Flags};
use crate::detect::predicate::test::Position;
use crate::event::TimePart;

/// A modifier, by what it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modifier {
    /// Where in the field the value stands.
    At(Position),
    /// The case of letters counts.
    Cased,
    /// All values must hold, and not one of them.
    All,
    /// What holds must not, and the other way round.
    Negated,
    /// Values of placeholders are put in.
    Expand,
    /// Dashes of options are taken for each other.
    WindowsDash,
    /// The value is encoded.
    Encoded(ValueEncoding),
    /// The value is a regular expression, ….
    Comparison(ValueComparison),
    /// A flag of a regular expression.
    IgnoreCase,
    MultiLine,
    DotAll,
}

/// All modifiers of the specification by their names, which count in any case.
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

const NO_FLAGS: Flags = Flags { ignore_case: false, multi_line: false, dot_all: false };

/// The names of the modifiers that a rule may use.
pub fn sigma_modifiers() -> impl Iterator<Item = &'static str> {
    MODIFIERS.iter().map(|(name, _)| *name)
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueComparison {
    /// As text with wildcards.
    Text(Position, Case),
    /// As regular expressions.
    Expression(Flags),
    /// As networks.
    Network,
    /// Whether the field is there.
    Presence,
    /// As numbers.
    Number(Inequality),
    /// As names of fields, whose values are compared.
    OtherField(Position, Case),
    /// As a part of a time.
    Time(TimePart),
}

/// The modifiers of a line, resolved.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a modifier that stands there or not")]
pub(super) struct Modifiers {
    pub comparison: ValueComparison,
    /// How values are encoded, in this order.
    pub encodings: Vec<ValueEncoding>,
    /// All values must hold, and not one of them.
    pub all: bool,
    /// The line holds where it would not.
    pub negated: bool,
    pub expand: bool,
    pub windows_dash: bool,
}

/// The modifiers of a line as they were read, before their combination is checked.
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
    /// Resolves the names that stand after a field's.
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
            format!(" (of {})", sigma_modifiers().collect::<Vec<_>>().join(", "))
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
            Modifier::At(_) => return Err("expected one of contains, startswith and endswith".to_owned()),
            Modifier::Cased => self.cased = true,
            Modifier::All => self.all = true,
            Modifier::Negated => self.negated = true,
            Modifier::Expand => self.expand = true,
            Modifier::WindowsDash => self.windows_dash = true,
            Modifier::Encoded(encoding) => self.encodings.push(encoding),
            Modifier::Comparison(kind) if self.kind.is_none() => self.kind = Some(kind),
            Modifier::Comparison(_) => {
                return Err(
                    "expected one of re, cidr, exists, fieldref, gt, gte, lt, lte and the parts of a time"
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
            return Err("these modifiers do not go together".to_owned());
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
