//! Leaves the middles of long lists out of a YAML text, so that the parser need not read them. A
//! rule can list a hundred thousand names, and the parser takes ten times as long for each as this
//! module.
//!
//! Only items of a plain form are left out, in runs. A run consists of adjacent items in the same
//! form: one item on each line after `- `, or one after the other on a line, each before a comma.
//! The first and the last item of a run stay in the text. If the parser reads the last one directly
//! after the first, as items of the same list, it would have read the items between them as items
//! of that list, too. If it does not, the run was something else, such as lines of a text, and the
//! caller has the whole text parsed.

use super::LineColumn;
use super::node::{Node, NodeKind, Scalar};
use crate::base::byte_search::{all, find};

/// The smallest number of items that must follow the first item of a run (adjacent items of a
/// list), so that the middle of the run is left out. Shorter lists take little time.
const LEAST_ITEMS: usize = 64;
/// The maximum number of bytes of a list item that can be left out. The parser may treat a long
/// value in another way.
const LONGEST_ITEM: usize = 512;

/// A YAML text without the middles of long lists.
#[derive(Debug)]
pub(super) struct ShortenedText<'t> {
    /// What is left of the YAML text.
    pub text: String,
    /// The runs (adjacent items of a list) of which the middle is left out, in the order of the
    /// text.
    pub runs: Vec<Run<'t>>,
    /// For each run (adjacent items of a list), the place where the text after its middle begins:
    /// in the shortened text, and in the whole text.
    resumed: Vec<(LineColumn, LineColumn)>,
}

/// Adjacent items of a list in a YAML text. All but the first and the last item are left out of the
/// shortened text.
#[derive(Debug)]
pub(super) struct Run<'t> {
    /// The first item of the run (adjacent items of a list), with its place in the whole YAML text.
    pub first: Node,
    /// The last item of the run (adjacent items of a list), with its place in the whole YAML text.
    pub last: Node,
    /// The items of the run after the first. All but the last are left out of the shortened text.
    rest: Items<'t>,
    /// The number of items of the run (adjacent items of a list) that are left out of the shortened
    /// text.
    pub left_out: usize,
}

/// The form in which the items of a run (adjacent items of a YAML list) are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each item of the YAML list is on a line of its own, after this number of blanks, `-` and one
    /// blank.
    OnLines(usize),
    /// The items of the YAML list are on one line. After each is a comma.
    InLine,
}

/// Reads adjacent items of a list, which are single values, from a YAML text. The iterator ends
/// before the first text that is not an item in the form `form`.
#[derive(Debug, Clone)]
struct Items<'t> {
    text: &'t str,
    form: Form,
    /// The offset in bytes of the YAML text at which the next item begins, including the marks
    /// before it (blanks and `- `).
    at: usize,
    /// The line and column, in the YAML text, of the offset `at`, where the next item begins.
    place: LineColumn,
}

impl<'t> ShortenedText<'t> {
    /// Shortens a YAML text; `None` if it has no long list, or has a carriage return without a line
    /// feed, which is a line end to the parser.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        // To the parser, a carriage return alone is a line end, too.
        let is_alone =
            |(at, _): (usize, &str)| !text.get(at + 1..).is_some_and(|rest| rest.starts_with('\n'));
        if text.len() < 2 * LEAST_ITEMS || text.match_indices('\r').any(is_alone) {
            return None;
        }
        let mut shortened = ShortenedText { text: String::new(), runs: Vec::new(), resumed: Vec::new() };
        let (mut kept, mut at, mut line) = (0, 0, 1);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let end = find(b'\n', rest.as_bytes()).map_or(text.len(), |length| at + length + 1);
            let indent = rest.bytes().take_while(|byte| *byte == b' ').count();
            let place = LineColumn { line, column: 1 };
            let mut items = Items { text, form: Form::OnLines(indent), at, place };
            if items.next().is_some() {
                items = Items { at, place, ..items };
                shortened.add_run(&mut items, &mut kept);
                (at, line) = (items.at, items.place.line);
            } else {
                shortened.add_line(Items { at, place, form: Form::InLine, ..items }, end, &mut kept);
                (at, line) = (end, line + 1);
            }
        }
        shortened.text.push_str(text.get(kept..).unwrap_or_default());
        (!shortened.runs.is_empty()).then_some(shortened)
    }

    /// Finds the runs (adjacent items of a list) on one line, from its first `[` on, and leaves the
    /// middles of long ones out. The line ends at the offset `end`. `kept` is the offset up to
    /// which the text has been copied to the shortened text or left out.
    fn add_line(&mut self, mut items: Items<'t>, end: usize, kept: &mut usize) {
        let line = items.text.get(items.at..end).unwrap_or_default();
        let Some(bracket) = find(b'[', line.as_bytes()).filter(|_| line.len() > 2 * LEAST_ITEMS) else {
            return;
        };
        items.pass_over(bracket + 1);
        while items.at < end {
            self.add_run(&mut items, kept);
            // Whatever ended the run is passed over.
            let rest = items.text.get(items.at..end).unwrap_or_default();
            items.pass_over(find(b',', rest.as_bytes()).map_or(rest.len(), |comma| comma + 1));
        }
    }

    /// Reads the run (adjacent items of a list) that begins at the position of `items`, and leaves
    /// its middle out if it is long. `kept` is the offset up to which the text has been copied to
    /// the shortened text or left out.
    fn add_run(&mut self, items: &mut Items<'t>, kept: &mut usize) {
        let Some(first) = items.next() else { return };
        let rest = items.clone();
        let (mut count, mut last, mut before_last) = (0, None, rest.clone());
        loop {
            let before = items.clone();
            let Some(item) = items.next() else { break };
            (count, last, before_last) = (count + 1, Some(item), before);
        }
        let Some(last) = last.filter(|_| count >= LEAST_ITEMS) else { return };
        self.text.push_str(items.text.get(*kept..rest.at).unwrap_or_default());
        *kept = before_last.at;
        self.resumed.push((self.short(rest.place), before_last.place));
        self.runs.push(Run { first: first.node(), last: last.node(), rest, left_out: count - 1 });
    }

    /// Returns the place in the whole text for a place in the shortened text.
    pub(super) fn place(&self, short: LineColumn) -> LineColumn {
        let before = self.resumed.partition_point(|(resumed, _)| *resumed <= short);
        before
            .checked_sub(1)
            .and_then(|last| self.resumed.get(last))
            .map_or(short, |(from, to)| moved(short, *from, *to))
    }

    /// Returns the place in the shortened text for a place in the whole text. The place must be
    /// after all runs (adjacent items of a list) that were added so far.
    fn short(&self, place: LineColumn) -> LineColumn {
        self.resumed.last().map_or(place, |(to, from)| moved(place, *from, *to))
    }
}

/// Converts a place in one text to the place in another text. The second text has after `to` what
/// the first has after `from`. `place` must not be before `from`.
fn moved(place: LineColumn, from: LineColumn, to: LineColumn) -> LineColumn {
    let column = if place.line == from.line { place.column - from.column + to.column } else { place.column };
    LineColumn { line: place.line - from.line + to.line, column }
}

impl Run<'_> {
    /// Returns the items of the run (adjacent items of a list) that are left out of the shortened
    /// text, with their places in the whole text.
    pub(super) fn left_out(&self) -> impl Iterator<Item = Node> {
        self.rest.clone().take(self.left_out).map(Item::node)
    }
}

/// An item of a list in a YAML text that is a single value (neither a list nor a mapping).
#[derive(Debug, Clone, Copy)]
struct Item<'t> {
    place: LineColumn,
    text: &'t str,
    is_plain: bool,
}

impl Item<'_> {
    fn node(self) -> Node {
        let kind = NodeKind::Scalar(Scalar { text: self.text.to_owned(), is_plain: self.is_plain });
        Node { place: self.place, kind }
    }
}

impl Items<'_> {
    /// Moves the reading position in the YAML text past this number of bytes, which must be on the
    /// same line.
    fn pass_over(&mut self, bytes: usize) {
        let passed = self.text.get(self.at..self.at + bytes).unwrap_or_default();
        self.place.column += passed.chars().count();
        self.at += bytes;
    }
}

impl<'t> Iterator for Items<'t> {
    type Item = Item<'t>;

    fn next(&mut self) -> Option<Item<'t>> {
        let rest = self.text.get(self.at..)?;
        let value = match self.form {
            Form::OnLines(indent) => {
                let (blanks, marked) = rest.split_at_checked(indent)?;
                marked.strip_prefix("- ").filter(|_| blanks.bytes().all(|byte| byte == b' '))?
            }
            Form::InLine => rest.trim_start_matches(' '),
        };
        let (text, is_plain, after) = value_at_start(value)?;
        let column = self.place.column + rest.len() - value.len();
        let place = LineColumn { column, ..self.place };
        let next = match self.form {
            Form::OnLines(_) => match after.strip_prefix('\r').unwrap_or(after) {
                "" => "",
                after => after.strip_prefix('\n')?,
            },
            Form::InLine => after.strip_prefix(',')?,
        };
        match self.form {
            Form::OnLines(_) => self.place.line += 1,
            Form::InLine => self.place.column += rest.len() - next.len(),
        }
        self.at = self.text.len() - next.len();
        Some(Item { place, text, is_plain })
    }
}

/// Returns the value at the start of a YAML text, without its quotes; whether it has no quotes; and
/// the text after it. `None` unless the value has one of two simple forms: in quotes, only
/// printable ASCII characters and no escapes; without quotes, only characters that mean nothing to
/// YAML.
fn value_at_start(text: &str) -> Option<(&str, bool, &str)> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'*');
    let is_inside = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
    let Some(quote) = text.bytes().next().filter(|byte| matches!(byte, b'\'' | b'"')) else {
        let length = text.bytes().take(LONGEST_ITEM).take_while(is_plain).count();
        let (value, after) = text.split_at_checked(length)?;
        return (!value.is_empty() && !value.starts_with(['-', '*'])).then_some((value, true, after));
    };
    let inner = text.get(1..)?;
    let length = find(quote, inner.as_bytes().get(..LONGEST_ITEM.min(inner.len()))?)?;
    let (value, after) = inner.split_at_checked(length)?;
    let after = after.get(1..)?;
    // Two single quotes are one in the value.
    let is_known = all(value.as_bytes(), is_inside) && !after.starts_with('\'');
    is_known.then_some((value, false, after))
}
