//! How a value is less or greater than another, as Splunk compares them: by number if both are
//! numbers, otherwise by text.

use std::cmp::Ordering;

/// An operator that compares a field's value, on its left, with a rule's value, on its right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inequality {
    /// The field's value is less than the rule's (`<`).
    Less,
    /// The field's value is less than the rule's, or equal to it (`<=`).
    LessOrEqual,
    /// The field's value is greater than the rule's (`>`).
    Greater,
    /// The field's value is greater than the rule's, or equal to it (`>=`).
    GreaterOrEqual,
}

impl Inequality {
    /// The operator as searches of Splunk write it, such as `<=`.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Inequality::Less => "<",
            Inequality::LessOrEqual => "<=",
            Inequality::Greater => ">",
            Inequality::GreaterOrEqual => ">=",
        }
    }

    pub(in crate::detect) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Inequality::Less => ordering.is_lt(),
            Inequality::LessOrEqual => ordering.is_le(),
            Inequality::Greater => ordering.is_gt(),
            Inequality::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// Compares two values as Splunk does: as numbers if both are numbers, otherwise as texts in lower
/// case.
pub(in crate::detect) fn ordering(left: &str, right: &str) -> Ordering {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

/// Reads a text as a decimal number; `None` if it is not one. (Rust's parser would also accept
/// texts such as `inf` and `nan`. In a log they are names, such as of a host or a user.)
pub(in crate::detect) fn number(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    // Adding zero turns -0.0 into 0.0, which compare as different in a total order.
    text.parse::<f64>().ok().filter(|number| decimal && number.is_finite()).map(|number| number + 0.0)
}
