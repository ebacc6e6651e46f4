//! Tests of a field's value that are not comparisons with a pattern: as a number, with another
//! field, or as a time.

use crate::detect::predicate::expression::Case;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern::fold;
use crate::detect::predicate::{Inequality, number};
use crate::event::{Event, EventTime, TimePart};

/// A test of a field's value that is not a comparison with a pattern: as a number, with another
/// field, or as a time. An absent or empty field passes no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldTest {
    /// Passed if the field's value is a number that is less or greater than the rule's number, as
    /// the operator says. A value that is not a number does not pass.
    Number {
        /// The operator between the field's number, on its left, and the rule's number.
        operator: Inequality,
        /// The rule's number, on the right of the operator, in decimal form.
        value: String,
    },
    /// Passed if the field's value contains the value of another field of the event at the given
    /// position. Not passed if that other field is absent or empty.
    OtherField {
        /// The field whose value is looked for in the tested field.
        field: Field,
        /// Where in the tested field's value the other field's value must be.
        position: Position,
        /// Whether the case of letters matters when the values of the two fields are compared.
        case: Case,
    },
    /// Passed if the field's value is a time (UTC) of which one part, such as the hour, is the
    /// given number.
    Time {
        /// The part of the time that is compared, such as the hour.
        part: TimePart,
        /// The number that the compared part of the time must be, such as 23 for the hour.
        value: i64,
    },
}

/// Where in a field's value a rule expects its own value: at the start, at the end, anywhere, or as
/// the whole value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Position {
    /// The rule's value must be the field's whole value.
    #[default]
    Whole,
    /// The field's value must begin with the rule's value.
    Start,
    /// The field's value must end with the rule's value.
    End,
    /// The field's value must contain the rule's value.
    Anywhere,
}

impl Position {
    /// Returns true if `text` has `value` at this position: as the whole text, at its start, at its
    /// end, or anywhere.
    fn holds(self, text: &str, value: &str) -> bool {
        match self {
            Position::Whole => text == value,
            Position::Start => text.starts_with(value),
            Position::End => text.ends_with(value),
            Position::Anywhere => text.contains(value),
        }
    }
}

impl FieldTest {
    /// Returns true if `text`, the value of a field of `event`, passes the test.
    pub(in crate::detect) fn passes(&self, text: &str, event: &Event) -> bool {
        match self {
            FieldTest::Number { operator, value } => number(text)
                .zip(number(value))
                .is_some_and(|(left, right)| operator.holds(left.total_cmp(&right))),
            FieldTest::OtherField { field, position, case } => {
                field.value(event).is_some_and(|other| match case {
                    Case::Kept => position.holds(text, &other),
                    Case::Folded => position.holds(&fold(text), &fold(&other)),
                })
            }
            FieldTest::Time { part, value } => {
                EventTime::parse_logged(text).and_then(|time| time.part(*part)) == Some(*value)
            }
        }
    }

    /// A description of the test for people, such as `QueryStatus > 0, as numbers`. `name` is the
    /// name of the field that is tested.
    pub(in crate::detect) fn text(&self, name: &str) -> String {
        match self {
            FieldTest::Number { operator, value } => {
                format!("{name} {} {value}, as numbers", operator.symbol())
            }
            FieldTest::OtherField { field, position, .. } => {
                let verb = match position {
                    Position::Whole => "is",
                    Position::Start => "starts with",
                    Position::End => "ends with",
                    Position::Anywhere => "contains",
                };
                format!("{name} {verb} the value of {}", field.name())
            }
            FieldTest::Time { part, value } => format!("the {} of {name} is {value}", part.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::event;

    #[test]
    fn numbers_are_compared_as_numbers_only() {
        let event = event("", "x");
        for (text, operator, value, expected) in [
            ("9", Inequality::Less, "10", true),
            ("10", Inequality::Less, "9", false),
            ("10", Inequality::GreaterOrEqual, "10", true),
            ("-", Inequality::Less, "10", false),
            ("-", Inequality::Greater, "10", false),
            ("1.5", Inequality::Greater, "1", true),
        ] {
            let test = FieldTest::Number { operator, value: value.to_owned() };
            assert_eq!(test.passes(text, &event), expected, "{text} {operator:?} {value}");
        }
    }

    #[test]
    fn another_field_is_found_at_its_position() {
        let mut event = event("C:\\x.exe", "pc1.CORP.example");
        let name = event.query_name().unwrap().to_owned();
        let test = |position, case| FieldTest::OtherField { field: Field::Computer, position, case };
        for (position, folded, kept) in [
            (Position::Whole, true, false),
            (Position::Start, true, false),
            (Position::End, true, false),
            (Position::Anywhere, true, false),
        ] {
            assert_eq!(test(position, Case::Folded).passes(&name, &event), folded, "{position:?}");
            assert_eq!(test(position, Case::Kept).passes(&name, &event), kept, "{position:?}");
        }
        assert!(!test(Position::Start, Case::Folded).passes("www.pc1.corp.example", &event));
        assert!(test(Position::End, Case::Folded).passes("www.pc1.corp.example", &event));
        assert!(test(Position::Anywhere, Case::Folded).passes("www.pc1.corp.example.", &event));
        event.system.computer.clear();
        assert!(!test(Position::Anywhere, Case::Folded).passes(&name, &event), "an empty field is nowhere");
    }

    #[test]
    fn parts_of_a_time() {
        let event = event("", "x");
        for (part, value) in [
            (TimePart::Minute, 15),
            (TimePart::Hour, 10),
            (TimePart::Day, 31),
            (TimePart::Week, 5),
            (TimePart::Month, 1),
            (TimePart::Year, 2024),
        ] {
            assert!(FieldTest::Time { part, value }.passes("2024-01-31 10:15:30.123", &event), "{part:?}");
            assert!(
                !FieldTest::Time { part, value: value + 1 }.passes("2024-01-31 10:15:30.123", &event),
                "{part:?}"
            );
        }
        assert!(!FieldTest::Time { part: TimePart::Hour, value: 0 }.passes("-", &event));
    }
}
