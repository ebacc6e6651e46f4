//! A text of YAML, read into documents.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::node::{Key, Kind, Node, Scalar};
use super::{Place, Problem};

/// Deeper nesting is no rule but an attempt at the stack.
const DEEPEST_NESTING: usize = 100;
/// More values than these come of no rule but of aliases that name each other.
const MOST_NODES: usize = 500_000;

/// The documents of a text, each with what is in it or what is wrong. Empty ones are left out.
/// After one that is not YAML there are no more: where the next one begins is not known then.
pub(in super::super) fn documents(text: &str) -> Vec<Result<Node, Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::default();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => reader.step(event, place(span.start)),
            Err(error) => Err(problem(&error, text)),
        };
        match step {
            Ok(None) => {}
            Ok(Some(document)) if document.scalar().is_some_and(Scalar::is_null) => {}
            Ok(Some(document)) => documents.push(Ok(document)),
            Err(problem) => {
                documents.push(Err(problem));
                break;
            }
        }
    }
    documents
}

/// A mapping that is not complete.
#[derive(Default)]
struct Entries {
    complete: Vec<(Key, Node)>,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The lines of all keys.
    lines: HashMap<String, usize>,
}

/// Puts nodes together from the parser's events.
#[derive(Default)]
struct Reader {
    /// The lists and mappings that are open, from the outermost on.
    open: Vec<Open>,
    /// The root of the document, once it is complete.
    root: Option<Node>,
    /// Nodes that aliases can name, by their number.
    anchors: Vec<(usize, Node)>,
    /// How many nodes there are, copies by aliases included.
    nodes: usize,
}

/// A list or a mapping that is not complete.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Entries),
}

impl Reader {
    /// Takes an event. The end of a document gives it.
    fn step(&mut self, event: Event<'_>, place: Place) -> Result<Option<Node>, Problem> {
        match event {
            Event::DocumentStart(..) => *self = Reader::default(),
            Event::DocumentEnd => return Ok(self.root.take()),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && !is_text(tag.as_deref());
                let kind = Kind::Scalar(Scalar { text: text.into_owned(), is_plain });
                self.add(Node { place, kind }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place, anchor, Content::List(Vec::new()))?,
            Event::MappingStart(_, anchor, _) => {
                self.begin(place, anchor, Content::Map(Entries::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { place, anchor, content }) = self.open.pop() {
                    let kind = match content {
                        Content::List(items) => Kind::List(items),
                        Content::Map(entries) => Kind::Map(entries.complete),
                    };
                    self.add(Node { place, kind }, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let named = self.anchors.iter().rev().find(|(known, _)| *known == anchor);
                let node = named.map(|(_, node)| node.clone());
                let node = node.ok_or_else(|| {
                    Problem::at(place, "expected a value, found an alias within what it names")
                })?;
                self.nodes += size(&node);
                self.add(Node { place, ..node }, 0)?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Problem> {
        if self.open.len() >= DEEPEST_NESTING {
            let text = format!("expected at most {DEEPEST_NESTING} lists and mappings inside each other");
            return Err(Problem::at(place, text));
        }
        if let Some(Open { content: Content::Map(Entries { key: None, .. }), .. }) = self.open.last() {
            return Err(Problem::at(place, "expected a key, found a list or a mapping"));
        }
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Problem::at(
                node.place,
                format!("expected at most {MOST_NODES} values, aliases resolved"),
            ));
        }
        if anchor != 0 {
            self.nodes += size(&node);
            self.anchors.push((anchor, node.clone()));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries)) => match entries.key.take() {
                Some(key) => entries.complete.push((key, node)),
                None => entries.key = Some(new_key(&mut entries.lines, node)?),
            },
        }
        Ok(())
    }
}

/// The node as a key. One that is there already would hide a value.
fn new_key(lines: &mut HashMap<String, usize>, node: Node) -> Result<Key, Problem> {
    let place = node.place;
    let Kind::Scalar(Scalar { text: name, .. }) = node.kind else {
        return Err(Problem::at(place, "expected a key, found a list or a mapping"));
    };
    match lines.insert(name.clone(), place.line) {
        None => Ok(Key { place, name }),
        Some(first) => Err(Problem::at(
            place,
            format!(
                "expected each key once, found '{}' again, which stands on line {first} already",
                name.escape_debug()
            ),
        )),
    }
}

/// How many nodes it is made of.
fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
    }
}

/// Whether a tag says that a value is text, however it is written.
fn is_text(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.core_suffix() == Some("str"))
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// What the parser found, in words for whoever writes rules.
fn problem(error: &ScanError, text: &str) -> Problem {
    let at = place(*error.marker());
    let alias = || {
        let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
        let rest: String = line.chars().skip(at.column.saturating_sub(1)).collect();
        rest.split_whitespace().next().unwrap_or_default().escape_debug().to_string()
    };
    let found = match error.kind() {
        ErrorKind::UnknownAnchor => {
            return Problem::at(
                at,
                format!(
                    "expected a value, found {}, an alias of what is not there: put a value that begins with '*' in quotes",
                    alias()
                ),
            );
        }
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => "a tab: indent with spaces".to_owned(),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "a ':' where no key ends: put a value that holds ': ' in quotes".to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "a quote that is not closed".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("a '{open}' that is not closed"),
        ErrorKind::UnexpectedCharacter { character } => {
            format!("'{}': put a value that begins with it in quotes", character.escape_debug())
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "an unknown escape: put a value with '\\' in single quotes".to_owned()
        }
        other => other.to_string(),
    };
    Problem::at(at, format!("expected YAML, found {found}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// A document in a short form of its own: what is plain stands as it is, what is quoted in
    /// quotes.
    fn short(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar(Scalar { text, is_plain: true }) => text.clone(),
            Kind::Scalar(Scalar { text, is_plain: false }) => format!("\"{text}\""),
            Kind::List(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
            Kind::Map(entries) => {
                let entry = |(key, value): &(Key, Node)| format!("{}={}", key.name, short(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn read(yaml: &str) -> Vec<String> {
        let text = |document: Result<Node, Problem>| match document {
            Ok(node) => format!("{} {}", node.place.line, short(&node)),
            Err(problem) => problem.to_string(),
        };
        documents(yaml).into_iter().map(text).collect()
    }

    #[test]
    fn documents_and_where_they_stand() {
        for (text, expected) in [
            ("a: 1\nb: [x, 'y', \"z\"]\n", &["1 {a=1 b=[x \"y\" \"z\"]}"][..]),
            ("\u{feff}a: 1\r\nb: 2\r\n", &["1 {a=1 b=2}"]),
            ("---\na: 1\n---\nb: 022\n...\n", &["2 {a=1}", "4 {b=022}"]),
            ("# nothing\n", &[]),
            ("", &[]),
            ("---\n---\na: 1\n---\n", &["3 {a=1}"]),
            ("a: &x [1, 2]\nb: *x\n", &["1 {a=[1 2] b=[1 2]}"]),
            ("a: !!str 1\n", &["1 {a=\"1\"}"]),
            ("a: |\n  x\n  y\n", &["1 {a=\"x\ny\n\"}"]),
            ("a:\n- b: ~\n", &["1 {a=[{b=~}]}"]),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line() {
        for (text, expected) in [
            ("a: 1\nb: *paste*\n", "line 2, column 4: expected a value, found *paste*, an alias"),
            ("a:\n\tb: 1\n", "line 2, column 2: expected YAML, found a tab"),
            ("a: b: c\n", "line 1, column 5: expected YAML, found a ':'"),
            ("a: 'b\n", "expected YAML, found a quote that is not closed"),
            ("a: [b\n", "expected YAML, found"),
            (
                "a: 1\nb: 2\na: 3\n",
                "line 3, column 1: expected each key once, found 'a' again, which stands on line 1",
            ),
            ("? [a]\n: 1\n", "expected a key"),
            ("a: \"\\q\"\n", "an unknown escape"),
            ("a: @b\n", "'@': put a value"),
        ] {
            let read = read(text);
            assert!(read.last().is_some_and(|last| last.contains(expected)), "{text:?}: {read:?}");
            assert!(read.iter().all(|line| !line.contains('\n')), "{read:?}");
        }
        // What stands before it is there.
        assert_eq!(read("a: 1\n---\nb: *c\n").len(), 2);
    }

    #[test]
    fn what_would_fill_memory_or_the_stack_is_refused() {
        let deep = format!("a: {}1{}", "[".repeat(200), "]".repeat(200));
        assert!(read(&deep)[0].contains("inside each other"), "{:?}", read(&deep));
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let _ = writeln!(laughs, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", "));
        }
        assert!(read(&laughs)[0].contains("aliases resolved"), "{:?}", read(&laughs));
    }
}
