//! The building blocks of the Markdown: texts from the evidence as code spans, times, names of
//! hosts, and the end of a list that is cut.

use std::fmt::Write;

use crate::report::answer::{HostFacts, Listed, UtcTime};
use crate::report::escape::{escaped, middle_cut};
use crate::report::wording::grouped;

/// The maximum number of characters of a value from the evidence that the Markdown shows. Longer
/// values are cut in the middle.
const MOST_SHOWN: usize = 300;

/// Returns a text as a Markdown code span for a cell of a table, with escaped control characters.
/// Nothing in it is read as Markdown, as HTML or as the end of the cell. A long text is cut in the
/// middle.
pub(super) fn code(text: &str) -> String {
    span(text).replace('|', "\\|")
}

/// Returns a text as a Markdown code span outside tables, with escaped control characters. Nothing
/// in it is read as Markdown or HTML. A long text is cut in the middle.
pub(super) fn span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let cut = middle_cut(text, MOST_SHOWN);
    let safe = escaped(&cut);
    let longest = safe.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let blank = if safe.starts_with(['`', ' ']) || safe.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{safe}{blank}{fence}")
}

/// Returns a text as a Markdown code span for a cell of a table; empty if `text` is `None` or
/// empty.
pub(super) fn optional(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map(code).unwrap_or_default()
}

/// Returns an instant in the form `2024-01-31 10:15:30Z`; empty if there is none.
pub(super) fn time(time: Option<UtcTime>) -> String {
    time.map(|UtcTime(time)| time.readable()).unwrap_or_default()
}

/// Returns the name of a host as a Markdown code span. If no record names the machine, returns the
/// word `evidence` and the name of its piece of evidence.
pub(super) fn name(facts: &HostFacts) -> String {
    match (&facts.computer, facts.evidence.items.first()) {
        (None, Some(evidence)) => format!("evidence {}", code(evidence)),
        (computer, _) => optional(computer.as_deref()),
    }
}

/// Writes the end of a list: how many items the list leaves out, if any, and a line break.
pub(super) fn more<T>(text: &mut String, listed: &Listed<T>) {
    if listed.cut() > 0 {
        let _ = writeln!(text, "\n… and {} more", grouped(listed.cut()));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_ends_where_it_should() {
        assert_eq!(code("pastebin.com"), "`pastebin.com`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(code("a|b\n<b>"), "`a\\|b\\u{a}<b>`");
        assert_eq!(span("a|b"), "`a|b`");
        assert_eq!(code(""), "");
    }
}
