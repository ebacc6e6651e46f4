//! Wording for numbers and files, which the summary and other messages use.

use super::escape::escaped;
use crate::ledger::event_form::{EventForm, HOW_TO_EXPORT};
use crate::ledger::tally::EventFormFiles;

/// Returns a number and what it counts, in the singular or the plural: `1 file`, `1,234 files`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Returns a number with its digits in groups of three: `1,234,567`.
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

/// Returns the message about files that contain events in a form that dnsweep does not read, such
/// as CSV: how many there are, an example, and how to export the events in a form that it reads.
pub(super) fn of_form(form: EventForm, files: &EventFormFiles) -> String {
    let (name, first) = (form.name(), escaped(&files.first));
    let first = if files.files == 1 { first } else { format!("first {first}").into() };
    format!(
        "{} as {name} ({first}), which are not read: {HOW_TO_EXPORT}",
        counted(files.files, "file of events", "files of events")
    )
}
