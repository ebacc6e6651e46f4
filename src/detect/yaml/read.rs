//! Reads the text of a YAML file, and builds a tree of nodes from each YAML document in it.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::document_text::{DocumentText, document_texts};
use super::long_list::{Run, ShortenedText};
use super::node::{Key, Node, NodeKind, Scalar};
use super::{LineColumn, YamlProblem, syntax_error};

/// The maximum number of lists and mappings that a YAML document may have inside each other. More
/// are an attack on the stack, not a rule.
const DEEPEST_NESTING: usize = 100;
/// The maximum number of values that the documents of a YAML file may have together, after each
/// alias (`*name`) is replaced by a copy of what it names. More are an attack on the memory, such
/// as by aliases that repeat each other.
const MOST_NODES: usize = 500_000;
/// The maximum number of documents in a YAML file. Each can become a rule, or a message about an
/// error.
const MOST_DOCUMENTS: usize = 20_000;
/// The greatest size in bytes of a single value, such as the search of a Splunk rule. The time and
/// the memory to process a value grow with its size.
const MOST_VALUE_BYTES: usize = 1 << 20;
/// YAML's key `<<`. The entries of its value, a mapping or a list of mappings, are merged into the
/// mapping that has the key.
const MERGE: &str = "<<";

/// Reads all documents of a YAML text. Each becomes a tree, or an error that does not affect the
/// others. Empty documents are left out.
pub(in crate::detect) fn documents(text: &str) -> Vec<Result<Node, YamlProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let texts = document_texts(text);
    let mut nodes = 0;
    let within = |found: Result<Node, YamlProblem>| {
        let document = found?;
        nodes += size(&document);
        if nodes > MOST_NODES { Err(YamlProblem::at(document.place, too_many_nodes())) } else { Ok(document) }
    };
    let documents = texts.iter().take(MOST_DOCUMENTS).filter_map(document).map(within);
    let too_many = texts.get(MOST_DOCUMENTS).map(|next| {
        let reason = format!("expected at most {MOST_DOCUMENTS} documents, found {}", texts.len());
        Err(YamlProblem::at(next.in_file(LineColumn { line: 1, column: 1 }), reason))
    });
    documents.chain(too_many).collect()
}

/// The message for a YAML file with more than [`MOST_NODES`] values.
fn too_many_nodes() -> String {
    format!("expected at most {MOST_NODES} values in a file after aliases are resolved, found more")
}

/// Reads one YAML document; `None` if it is empty. An error after the document's end, but before
/// the next document, counts as an error of this document.
fn document(document_text: &DocumentText<'_>) -> Option<Result<Node, YamlProblem>> {
    match without_long_lists(document_text) {
        Some(document) => Some(Ok(document)),
        None => whole_document(document_text),
    }
}

/// Reads one YAML document like [`document`], but has the parser read it without the middles of
/// long lists, which is faster. `None` if there are no long lists, if what was left out is not a
/// list, or if there is an error; the caller must then have the parser read all of the document.
fn without_long_lists(document_text: &DocumentText<'_>) -> Option<Node> {
    let shortened = ShortenedText::of(document_text.text)?;
    let mut builder = TreeBuilder::of(document_text);
    let mut document = None;
    let mut runs = shortened.runs.iter().peekable();
    let mut open = None;
    for event in Parser::new_from_str(&shortened.text) {
        let (event, span) = event.ok()?;
        let start = LineColumn { line: span.start.line(), column: span.start.col() + 1 };
        let place = shortened.place(start);
        if let Some(run) = open.take() {
            let run: &Run<'_> = run;
            if !is_node(&event, place, &run.last) {
                return None;
            }
            builder.add_left_out(run)?;
        } else if runs.peek().is_some_and(|run| is_node(&event, place, &run.first)) {
            open = runs.next();
        }
        let complete = builder.step(event, document_text.in_file(place), span.is_empty()).ok()?;
        document = complete.or(document);
    }
    let is_all = runs.next().is_none() && open.is_none();
    document.filter(|document| is_all && !document.scalar().is_some_and(Scalar::is_null))
}

/// Returns true if an event of the YAML parser at `place` is the single value `node`, without an
/// anchor or a tag.
fn is_node(event: &Event<'_>, place: LineColumn, node: &Node) -> bool {
    let (Event::Scalar(text, style, 0, None), NodeKind::Scalar(scalar)) = (event, &node.kind) else {
        return false;
    };
    node.place == place && scalar.text == *text && scalar.is_plain == (*style == ScalarStyle::Plain)
}

/// Reads one YAML document, and has the parser read all of it, also the middles of long lists.
/// `None` if the document is empty.
fn whole_document(document_text: &DocumentText<'_>) -> Option<Result<Node, YamlProblem>> {
    let mut builder = TreeBuilder::of(document_text);
    let mut document = None;
    for event in Parser::new_from_str(document_text.text) {
        let step = match event {
            Ok((event, span)) => builder.step(event, document_text.place(span.start), span.is_empty()),
            Err(error) => Err(syntax_error::problem(&error, document_text)),
        };
        match step {
            Ok(None) => {}
            Ok(complete) => document = complete,
            Err(problem) => return Some(Err(problem)),
        }
    }
    document.filter(|document| !document.scalar().is_some_and(Scalar::is_null)).map(Ok)
}

/// The message for a YAML document that has more than [`DEEPEST_NESTING`] lists and mappings inside
/// each other.
pub(super) fn too_deep() -> String {
    format!("expected at most {DEEPEST_NESTING} lists and mappings inside each other, found more")
}

/// A YAML mapping that is being read: its end has not been reached yet.
#[derive(Default)]
struct OpenMapping {
    /// The entries of the YAML mapping whose key and value were both read, in the order of the
    /// document.
    complete: Vec<(Key, Node)>,
    /// The key of the YAML mapping that was read last and whose value comes next; `None` if a key
    /// comes next.
    key: Option<Key>,
    /// For each key of the YAML mapping so far, the line on which it is, to find keys that occur
    /// twice.
    lines: HashMap<String, usize>,
}

/// Builds the tree of a YAML document from the parser's events, such as "a list begins".
struct TreeBuilder<'p, 't> {
    /// The text of the YAML document, which messages about errors quote.
    document_text: &'p DocumentText<'t>,
    /// The YAML lists and mappings whose ends have not been read yet, from the outermost to the
    /// innermost.
    open: Vec<OpenCollection>,
    /// The root of the YAML document's tree; `None` until the tree is complete.
    root: Option<Node>,
    /// The YAML nodes with an anchor (`&name`), to which aliases (`*name`) can refer, each with the
    /// parser's number for the anchor.
    anchors: Vec<(usize, Node)>,
    /// The number of nodes of the YAML document so far, including the copies that are kept for
    /// anchors and those that aliases make. It is limited by [`MOST_NODES`].
    nodes: usize,
}

/// A YAML list or mapping that is being read: its end has not been reached yet.
struct OpenCollection {
    place: LineColumn,
    anchor: usize,
    content: OpenContent,
}

/// What was read so far of a YAML list or mapping.
enum OpenContent {
    List(Vec<Node>),
    Map(OpenMapping),
}

impl<'p, 't> TreeBuilder<'p, 't> {
    fn of(document_text: &'p DocumentText<'t>) -> Self {
        TreeBuilder { document_text, open: Vec::new(), root: None, anchors: Vec::new(), nodes: 0 }
    }

    /// Handles one event of the YAML parser, such as "a list begins". `is_empty` is true if the
    /// event covers no characters of the text. At the event of the document's end, returns the tree
    /// of the document; otherwise `None`.
    fn step(
        &mut self,
        event: Event<'_>,
        place: LineColumn,
        is_empty: bool,
    ) -> Result<Option<Node>, YamlProblem> {
        match event {
            Event::DocumentStart(..) => *self = TreeBuilder::of(self.document_text),
            Event::DocumentEnd => return Ok(self.root.take()),
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), place)?;
                if text.len() > MOST_VALUE_BYTES {
                    let found = text.len();
                    let reason =
                        format!("expected a value of at most {MOST_VALUE_BYTES} bytes, found {found}");
                    return Err(YamlProblem::at(place, reason));
                }
                if anchor != 0 && is_empty && tag.is_none() {
                    return Err(syntax_error::property(self.document_text, place, '&'));
                }
                let is_plain = style == ScalarStyle::Plain && !is_text(tag.as_deref());
                let kind = NodeKind::Scalar(Scalar { text: text.into_owned(), is_plain });
                self.add(Node { place, kind }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, OpenContent::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, OpenContent::Map(OpenMapping::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(OpenCollection { place, anchor, content }) = self.open.pop() {
                    let kind = match content {
                        OpenContent::List(items) => NodeKind::List(items),
                        OpenContent::Map(entries) => NodeKind::Map(with_merged(entries.complete)?),
                    };
                    self.add(Node { place, kind }, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let named = self.anchors.iter().rev().find(|(known, _)| *known == anchor);
                let node = named.map(|(_, node)| node.clone());
                let node = node.ok_or_else(|| {
                    YamlProblem::at(place, "expected a value, found an alias inside the value that it names")
                })?;
                self.nodes += size(&node);
                self.add(Node { place, ..node }, 0)?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Refuses a tag (`!name`) that YAML itself does not define, because it is most probably a
    /// value that begins with an exclamation mark and needs quotes. `value` is the place after the
    /// tag, where the parser reports the value.
    fn check_tag(&self, tag: Option<&Tag>, value: LineColumn) -> Result<(), YamlProblem> {
        match tag {
            Some(tag) if tag.core_suffix().is_none() => {
                Err(syntax_error::property(self.document_text, value, '!'))
            }
            _ => Ok(()),
        }
    }

    /// Adds the items of `run` (adjacent items of a list) that were left out of the text for the
    /// parser, after the first item of the run was added. `None` if that item is in no list, or if
    /// the document now has more than `MOST_NODES` nodes.
    fn add_left_out(&mut self, run: &Run<'_>) -> Option<()> {
        self.nodes += run.left_out;
        let Some(OpenCollection { content: OpenContent::List(items), .. }) = self.open.last_mut() else {
            return None;
        };
        items.reserve(run.left_out + 1);
        items.extend(
            run.left_out().map(|node| Node { place: self.document_text.in_file(node.place), ..node }),
        );
        (self.nodes <= MOST_NODES).then_some(())
    }

    fn begin(&mut self, place: LineColumn, anchor: usize, content: OpenContent) -> Result<(), YamlProblem> {
        if self.open.len() >= DEEPEST_NESTING {
            return Err(YamlProblem::at(place, too_deep()));
        }
        if let Some(OpenCollection { content: OpenContent::Map(OpenMapping { key: None, .. }), .. }) =
            self.open.last()
        {
            return Err(YamlProblem::at(place, "expected a key, found a list or a mapping"));
        }
        self.open.push(OpenCollection { place, anchor, content });
        Ok(())
    }

    /// Adds a complete node to the innermost YAML list or mapping that is being read. If there is
    /// none, the node is the root of the document. `anchor` is the parser's number for the node's
    /// anchor; 0 if it has none.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), YamlProblem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(YamlProblem::at(node.place, too_many_nodes()));
        }
        if anchor != 0 {
            self.nodes += size(&node);
            self.anchors.push((anchor, node.clone()));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Map(entries)) => match entries.key.take() {
                Some(key) => entries.complete.push((key, node)),
                None => entries.key = Some(new_key(&mut entries.lines, node)?),
            },
        }
        Ok(())
    }
}

/// Converts a node to a key of a YAML mapping. `lines` are the lines of the mapping's keys so far,
/// by name. The error says that the node is not text, or that the mapping already has the key.
fn new_key(lines: &mut HashMap<String, usize>, node: Node) -> Result<Key, YamlProblem> {
    let place = node.place;
    let NodeKind::Scalar(Scalar { text: name, .. }) = node.kind else {
        return Err(YamlProblem::at(place, "expected a key, found a list or a mapping"));
    };
    match lines.insert(name.clone(), place.line) {
        None => Ok(Key { place, name }),
        Some(first) => Err(YamlProblem::at(
            place,
            format!(
                "expected each key once, found '{}' again, which is already on line {first}",
                name.escape_debug()
            ),
        )),
    }
}

/// The number of nodes in a YAML tree, including its root.
fn size(node: &Node) -> usize {
    1 + match &node.kind {
        NodeKind::Scalar(_) => 0,
        NodeKind::List(items) => items.iter().map(size).sum(),
        NodeKind::Map(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
    }
}

/// Returns true if a tag of YAML makes a value text, even if the value is written like a number.
/// The tag for this is `!!str`.
fn is_text(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.core_suffix() == Some("str"))
}

/// Merges the mappings that are values of YAML's key `<<` into the entries of the mapping that has
/// the key. For a key that several mappings have, the mapping's own entry is kept, or else that of
/// the first merged mapping. A value of `<<` that is not a mapping or a list of mappings is an
/// error.
fn with_merged(entries: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, YamlProblem> {
    if entries.iter().all(|(key, _)| key.name != MERGE) {
        return Ok(entries);
    }
    let (merges, mut entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key.name == MERGE);
    let mut known: HashSet<String> = entries.iter().map(|(key, _)| key.name.clone()).collect();
    for (_, merge) in merges {
        let Node { place, kind } = merge;
        let mappings = match kind {
            NodeKind::List(items) => items,
            kind => vec![Node { place, kind }],
        };
        for mapping in mappings {
            let NodeKind::Map(more) = mapping.kind else {
                let found = mapping.description();
                let text = format!("{MERGE}: expected a mapping, or an alias of one, found {found}");
                return Err(YamlProblem::at(mapping.place, text));
            };
            entries.extend(more.into_iter().filter(|(key, _)| known.insert(key.name.clone())));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::fmt::Write;

    use super::*;

    /// A YAML document as text in a short form, for comparisons: `[a b]` for lists, `{k=v}` for
    /// mappings, and double quotes around all values that are quoted in the document.
    fn short(node: &Node) -> String {
        match &node.kind {
            NodeKind::Scalar(Scalar { text, is_plain: true }) => text.clone(),
            NodeKind::Scalar(Scalar { text, is_plain: false }) => format!("\"{text}\""),
            NodeKind::List(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
            NodeKind::Map(entries) => {
                let entry = |(key, value): &(Key, Node)| format!("{}={}", key.name, short(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn read(yaml: &str) -> Vec<String> {
        let text = |document: Result<Node, YamlProblem>| match document {
            Ok(node) => format!("{} {}", node.place.line, short(&node)),
            Err(problem) => problem.to_string(),
        };
        documents(yaml).into_iter().map(text).collect()
    }

    #[test]
    fn documents_and_their_lines() {
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
    fn errors_are_a_line_of_text() {
        for (text, expected) in [
            (
                "a: 1\nb: 2\na: 3\n",
                "line 3, column 1: expected each key once, found 'a' again, which is already on line 1",
            ),
            ("? [a]\n: 1\n", "expected a key"),
            ("a: &x [*x]\n", "found an alias inside the value that it names"),
            ("b: &x 1\n<<: *x\n", "line 2, column 5: <<: expected a mapping, or an alias of one, found '1'"),
            // An error after a document's end is an error of the document.
            ("[a]\nb: 1\n", "line 2, column 1: expected"),
        ] {
            let read = read(text);
            assert!(read.len() == 1 && read[0].contains(expected), "{text:?}: {read:?}");
            assert!(!read[0].contains('\n'), "{read:?}");
        }
    }

    #[test]
    fn an_error_in_a_document_hides_no_other_document() {
        for wrong in
            ["b: *c", "b: \"x", "b: 'x", "b: [x", "b: {x", "b: |t.me", "\tb:\n\t1", "b: &x", "a: 1\n b: 2"]
        {
            for mark in ["---", "---\r", "--- # x", "...\n---"] {
                let text = format!("a: 1\n---\n{wrong}\n{mark}\nc: 3\n...\nd: 4\n");
                let read = read(&text);
                let line = 3 + wrong.matches('\n').count() + 1 + mark.matches('\n').count() + 1;
                assert_eq!(read.len(), 4, "{text:?}: {read:?}");
                assert_eq!(
                    (read[0].as_str(), read[2].ends_with(" {c=3}"), read[3].clone()),
                    ("1 {a=1}", true, format!("{} {{d=4}}", line + 2)),
                    "{text:?}"
                );
                assert!(read[1].contains(": expected "), "{read:?}");
            }
        }
    }

    #[test]
    fn mappings_are_merged_into_others() {
        for (text, expected) in [
            ("x: &x {p: 1, q: 2}\ny:\n  <<: *x\n  q: 3\n", "1 {x={p=1 q=2} y={q=3 p=1}}"),
            (
                "x: &x {p: 1}\ny: &y {p: 2, q: 2}\nz:\n  r: 3\n  <<: [*x, *y]\n",
                "1 {x={p=1} y={p=2 q=2} z={r=3 p=1 q=2}}",
            ),
        ] {
            assert_eq!(read(text), [expected], "{text:?}");
        }
    }

    #[test]
    fn documents_that_would_fill_memory_or_the_stack_are_refused() {
        let deep = format!("a: {}1{}", "[".repeat(200), "]".repeat(200));
        assert!(read(&deep)[0].contains("inside each other"), "{:?}", read(&deep));
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let _ = writeln!(laughs, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", "));
        }
        assert!(read(&laughs)[0].contains("after aliases are resolved"), "{:?}", read(&laughs));
    }

    /// Returns items of a list of this form, one text for each, of which a few are no plain ones.
    fn items() -> impl Strategy<Value = Vec<String>> {
        let plain = "[a-c]{1,3}\\.[a-c-]{0,3}|'[a-c *:,#.é]{0,4}'|\"[a-c *:,#'.]{0,4}\"";
        let odd = "[a-c]{1,3} #x|'a''b'|&x a|!!str a|a: b|\\[a, b\\]|\"a\\\\tb\"||\\*a|-";
        let item = prop_oneof![200 => plain.prop_map(String::from), 1 => odd.prop_map(String::from)];
        prop::collection::vec(item, 0..150)
    }

    /// Returns a text with lists in places where they are lists, and in others.
    fn text_with_lists() -> impl Strategy<Value = String> {
        let list = (items(), 0..12_usize, 0..5_usize, any::<bool>());
        let list = list.prop_map(|(items, kind, indent, ends)| {
            let blanks = " ".repeat(indent);
            let end = if ends { "\r\n" } else { "\n" };
            let on_lines: Vec<String> = items.iter().map(|item| format!("{blanks}- {item}{end}")).collect();
            let on_lines = on_lines.concat();
            let in_line = items.join(if ends { ", " } else { "," });
            match kind {
                0 | 1 => format!("é{kind}:\n{on_lines}"),
                2 => format!("k: |\n{on_lines}"),
                3 => format!("k: text\n{on_lines}"),
                4 => format!("k: \"text\n{on_lines}\"\n"),
                5 => format!("{blanks}- - a\n{on_lines}"),
                6 | 7 => format!("ü{kind}: [{in_line}] # [\n"),
                8 => format!("k: [{in_line}, [{in_line}]]\n"),
                9 => format!("k: {{{in_line}}}\n"),
                10 => format!("k: 'text [{in_line}]'\n"),
                _ => format!("k:\n  l: [[{in_line}], {in_line},\n  {in_line},]\n"),
            }
        });
        prop::collection::vec(list, 1..4).prop_map(|lists| lists.concat() + "end: 'é'\n")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// Compares what is read without the middles of long lists with what the parser reads of
        /// the whole text.
        #[test]
        fn long_lists_are_read_as_the_parser_reads_them(text in text_with_lists()) {
            for document_text in document_texts(&text) {
                if let Some(document) = without_long_lists(&document_text) {
                    prop_assert_eq!(Some(Ok(document)), whole_document(&document_text));
                }
            }
        }
    }

    #[test]
    fn long_lists_are_left_out_where_they_are_lists() {
        let on_lines = |mark: &str| {
            (0..500).map(|number| format!("  {mark}a{number}.example\n")).collect::<Vec<_>>().concat()
        };
        let in_line = (0..500).map(|number| format!("'a{number}.example'")).collect::<Vec<_>>().join(", ");
        for (text, expected) in [
            (format!("a:\n  b: c\nd:\n{}e:\n{}f: g\n", on_lines("- "), on_lines("- ")), Some(2)),
            (format!("a: é\nb: [x y, {in_line}]\nc: [{in_line}]\n"), Some(2)),
            (format!("a: |\n{}b:\n{}", on_lines("- "), on_lines("- ")), None),
            (format!("a:\n{}", on_lines("- 'x' ")), None),
            ("a:\n  - b\n".to_owned(), None),
        ] {
            let document_texts = document_texts(&text);
            let read = without_long_lists(&document_texts[0]);
            let runs = ShortenedText::of(document_texts[0].text).map(|shortened| shortened.runs.len());
            assert_eq!(read.as_ref().and(runs), expected, "{text}");
            if let Some(read) = read {
                assert_eq!(Some(Ok(read)), whole_document(&document_texts[0]));
            }
        }
    }
}
