//! Numbers and files in words, as the summary and messages say them.

use super::escape::escaped;
use crate::ledger::event_form::{EventForm, HOW_TO_EXPORT};
use crate::ledger::tally::OtherForms;

/// A number and what it counts.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number with its digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is said of files of events in a form that is not read.
pub(super) fn of_form(form: EventForm, files: &OtherForms) -> String {
    let (name, first) = (form.name(), escaped(&files.first));
    let first = if files.files == 1 { first } else { format!("first {first}").into() };
    format!(
        "{} as {name} ({first}), which are not read: {HOW_TO_EXPORT}",
        counted(files.files, "file of events", "files of events")
    )
}
