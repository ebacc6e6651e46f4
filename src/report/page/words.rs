//! How the page writes values: names, times and numbers, as text that is safe to show.

use crate::event::EventTime;
use crate::report::answer::{HostFacts, UtcTime};
use crate::report::escape::{escaped, middle_cut};
use crate::report::wording::grouped;

/// The maximum number of characters of a value on the page. Longer values are cut in the middle.
const LONGEST: usize = 300;
/// The maximum number of characters of a path in the evidence on the page. Longer paths are cut in
/// the middle.
const LONGEST_PATH: usize = 1000;
/// The maximum number of characters of a text that people wrote, such as the description of a rule.
/// Longer texts are cut in the middle.
const LONGEST_PROSE: usize = 2000;
/// The maximum number of characters of a value at the top of the page. Longer values are cut in the
/// middle.
const LONGEST_BRIEF: usize = 120;
/// The number of ticks of 100 ns in a second.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// Returns a value from evidence or from a rule as the page shows it: cut in the middle if it has
/// more than [`LONGEST`] characters, and with characters escaped that a reader would not see. The
/// template escapes markup.
pub(super) fn text(value: &str) -> String {
    escaped(&middle_cut(value, LONGEST)).into_owned()
}

/// Returns a path in the evidence as the page shows it: escaped like [`text`], and cut only if it
/// is longer than [`LONGEST_PATH`].
pub(super) fn path(value: &str) -> String {
    escaped(&middle_cut(value, LONGEST_PATH)).into_owned()
}

/// Returns a text that people wrote as the page shows it: escaped like [`text`], and cut only if it
/// is longer than [`LONGEST_PROSE`].
pub(super) fn prose(value: &str) -> String {
    escaped(&middle_cut(value, LONGEST_PROSE)).into_owned()
}

/// Returns a value as the top of the page shows it: escaped like [`text`], and cut if it is longer
/// than [`LONGEST_BRIEF`].
pub(super) fn brief(value: &str) -> String {
    escaped(&middle_cut(value, LONGEST_BRIEF)).into_owned()
}

/// Returns an optional value as the page shows it (see [`text`]); empty for `None`.
pub(super) fn optional(value: Option<&str>) -> String {
    value.map(text).unwrap_or_default()
}

/// Returns the name of a host as the page shows it. If no record names the machine, returns the
/// name of its piece of evidence, in parentheses, such as `(evidence disk.E01)`.
pub(super) fn host(facts: &HostFacts) -> String {
    match (facts.computer.as_deref(), facts.evidence.items.first()) {
        (Some(""), _) => "(empty name)".to_owned(),
        (Some(name), _) => text(name),
        (None, Some(evidence)) => format!("(evidence {})", text(evidence)),
        (None, None) => "(no name)".to_owned(),
    }
}

/// Returns the name of a host as the page shows it in lists for which the host's evidence is not
/// read.
pub(super) fn named(computer: Option<&str>) -> String {
    match computer {
        None => "(no name)".to_owned(),
        Some("") => "(empty name)".to_owned(),
        Some(name) => text(name),
    }
}

/// Returns an instant in UTC as text, such as `2025-03-04 08:35:10`. The text does not say that it
/// is UTC: the column or the sentence that has it does.
pub(super) fn time(time: UtcTime) -> String {
    time.0.readable().trim_end_matches('Z').to_owned()
}

/// Returns an optional instant in UTC as text, in the form of [`time`]; empty for `None`.
pub(super) fn optional_time(of: Option<UtcTime>) -> String {
    of.map(time).unwrap_or_default()
}

/// Returns the number of seconds from 1970 to an instant, for the page's script.
pub(super) fn seconds(time: UtcTime) -> i64 {
    let UtcTime(time): UtcTime = time;
    EventTime::ticks(time).div_euclid(TICKS_PER_SECOND)
}

/// Returns the sentence below a list that does not show `more` items; empty if `more` is 0. `one`
/// and `many` are the words for an item and for items, and `table` is the place where the others
/// are listed.
pub(super) fn left_out(more: u64, one: &str, many: &str, table: &str) -> String {
    match more {
        0 => String::new(),
        1 => format!("1 more {one} is not shown here: see {table}."),
        more => format!("{} more {many} are not shown here: see {table}.", grouped(more)),
    }
}

/// The maximum number of pieces of evidence of a host that the page names. Further ones are only
/// counted.
const MOST_EVIDENCE: usize = 4;

/// Returns the names of the first [`MOST_EVIDENCE`] pieces of evidence that contain a host's
/// records, and how many more there are, in a line.
pub(super) fn evidence(of: &HostFacts) -> String {
    let named = of.evidence.items.iter().take(MOST_EVIDENCE).map(String::as_str);
    joined(named, of.evidence.count.saturating_sub(MOST_EVIDENCE as u64))
}

/// Returns `items` as the page shows them (see [`text`]), joined by commas. If `more` is not 0,
/// words such as `and 3 more` follow.
pub(super) fn joined<'t>(items: impl IntoIterator<Item = &'t str>, more: u64) -> String {
    let mut shown: Vec<String> = items.into_iter().map(text).collect();
    if more > 0 {
        shown.push(format!("and {} more", grouped(more)));
    }
    shown.join(", ")
}
