//! Makes messages about YAML syntax errors for people who write rules. Each says where the error
//! is, what was expected, what was found and what to do. The YAML parser's own messages are never
//! shown, because they use terms that authors of rules do not know.

use granit_parser::{ErrorKind, ScanError};

use super::document_text::DocumentText;
use super::{LineColumn, YamlProblem};

/// The maximum number of characters of a YAML file's text that a message about a syntax error
/// quotes.
const MOST_QUOTED: usize = 30;

/// Converts a syntax error of the YAML parser to a problem with a message that authors of rules
/// understand, instead of the parser's own.
pub(super) fn problem(error: &ScanError, document_text: &DocumentText<'_>) -> YamlProblem {
    let site = ErrorSite { at: document_text.place(*error.marker()), document_text };
    let kind = error.kind();
    site.of_values(kind)
        .or_else(|| site.of_brackets(kind))
        .or_else(|| site.of_layout(kind))
        .unwrap_or_else(|| site.problem("expected YAML, found something that is not"))
}

/// The problem that a value begins with `!` or `&`, which YAML takes for a tag or an anchor. `mark`
/// is this character, and `value` is the place after the tag or anchor, where the parser reports
/// the value.
pub(super) fn property(document_text: &DocumentText<'_>, value: LineColumn, mark: char) -> YamlProblem {
    let line = document_text.line(value.line);
    let before: Vec<char> = line.chars().take(value.column.saturating_sub(1)).collect();
    let column = before.iter().rposition(|letter| *letter == mark).map_or(value.column, |place| place + 1);
    let site = ErrorSite { at: LineColumn { line: value.line, column }, document_text };
    site.begins_with(mark)
}

/// A YAML syntax error: its place in the file, and the text of the document with the error.
struct ErrorSite<'p, 't> {
    at: LineColumn,
    document_text: &'p DocumentText<'t>,
}

impl ErrorSite<'_, '_> {
    fn problem(&self, text: impl Into<String>) -> YamlProblem {
        YamlProblem::at(self.at, text)
    }

    fn line(&self) -> &str {
        self.document_text.line(self.at.line)
    }

    /// Returns the rest of the line with the YAML syntax error, from the place of the error on.
    fn rest(&self) -> String {
        self.line().chars().skip(self.at.column.saturating_sub(1)).collect()
    }

    /// Returns the first word from the place of the YAML syntax error on, escaped and shortened for
    /// messages. A list item (`- x`) counts as one word.
    fn word(&self) -> String {
        let rest = self.rest();
        let words = if rest.starts_with("- ") { 2 } else { 1 };
        let word = rest.split_whitespace().take(words).collect::<Vec<_>>().join(" ");
        let shown = |letter: char| match letter {
            '\'' | '"' | '\\' => letter.to_string(),
            letter => letter.escape_debug().to_string(),
        };
        word.chars().take(MOST_QUOTED).map(shown).collect()
    }

    /// Returns true if the YAML syntax error is at the start of its line: only blanks and the
    /// dashes of list items are before it.
    fn is_first(&self) -> bool {
        let mut before = self.line().chars().take(self.at.column.saturating_sub(1));
        before.all(|letter| letter.is_whitespace() || letter == '-')
    }

    fn begins_with(&self, mark: char) -> YamlProblem {
        let word = self.word();
        let mark = mark.escape_debug();
        self.problem(format!(
            "expected a value, found '{word}': put a value that begins with '{mark}' in quotes"
        ))
    }

    /// The problem for a YAML syntax error within a single value, such as a wrong escape; `None`
    /// for an error of another kind.
    fn of_values(&self, kind: &ErrorKind) -> Option<YamlProblem> {
        let first = self.rest().chars().next();
        Some(match kind {
            ErrorKind::UnknownQuotedScalarEscape
            | ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidLowSurrogateHexEscape
            | ErrorKind::InvalidLowSurrogate
            | ErrorKind::MissingLowSurrogate
            | ErrorKind::UnpairedLowSurrogate
            | ErrorKind::InvalidUnicodeEscape => self.problem(
                "expected an escape that YAML knows after '\\' in double quotes, found another: put a value with '\\' in single quotes",
            ),
            ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
                self.problem("expected a quote that closes this one, found none: close it at the end of the value")
            }
            ErrorKind::InvalidTrailingSingleQuotedScalar => self.trailing("'", "twice ('')"),
            ErrorKind::InvalidTrailingDoubleQuotedScalar => self.trailing("\"", "as \\\""),
            ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => {
                self.begins_with(first.unwrap_or('|'))
            }
            ErrorKind::UnknownAnchor => self.problem(format!(
                "expected a value, found {}, an alias of a value that the document does not have: put a value that begins with '*' in quotes",
                self.word()
            )),
            ErrorKind::UnexpectedCharacter { character } if "@`%|>".contains(*character) => {
                self.begins_with(*character)
            }
            ErrorKind::UnexpectedCharacter { character } => self.forbidden(*character),
            ErrorKind::BomInsideDocument => self.forbidden('\u{feff}'),
            ErrorKind::MissingAnchorOrAliasName
            | ErrorKind::UndeclaredTagHandle
            | ErrorKind::UnclosedVerbatimTag
            | ErrorKind::InvalidTagEscape
            | ErrorKind::InvalidTagTerminator
            | ErrorKind::InvalidTagUtf8
            | ErrorKind::InvalidTagUtf8LeadingByte
            | ErrorKind::InvalidTagUtf8TrailingByte
            | ErrorKind::MissingTagUri
            | ErrorKind::ExpectedTagBang
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::MappingKeyNotAllowed
            | ErrorKind::PlainScalarStartsWithDashFlowIndicator
                if first.is_some_and(|first| "*&!?,-".contains(first)) =>
            {
                self.begins_with(first.unwrap_or_default())
            }
            ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => self.problem(
                "expected a value, found '- ': put each item of a list on a line of its own, below its key, and a value that begins with '- ' in quotes",
            ),
            ErrorKind::CommentNotSeparated => {
                self.problem("expected a blank before '#', found none: put a value with '#' in quotes")
            }
            ErrorKind::CommentInterceptedScalar => self.problem(
                "expected no more of a value after its comment ('#'), found more on the next line: put a value with '#' in quotes, and its end on its own line",
            ),
            _ => return None,
        })
    }

    /// Returns the problem that text follows a closing quote in a YAML file. `quote` is the quote,
    /// and `how` says how to write a quote within a value.
    fn trailing(&self, quote: &str, how: &str) -> YamlProblem {
        let word = self.word();
        self.problem(format!(
            "expected the end of the value after the quote that closes it, found '{word}': write a quote within such quotes {how}, and see that each {quote} before it is closed"
        ))
    }

    /// Returns the problem that the YAML file has a character that YAML does not allow. The place
    /// of the problem is the character's first occurrence at or after the place that the parser
    /// reports.
    fn forbidden(&self, character: char) -> YamlProblem {
        let is_after = |line: usize, place: usize| line > self.at.line || place + 1 >= self.at.column;
        let found = self.document_text.lines_from(self.at.line).find_map(|(number, line)| {
            let mut letters = line.chars().enumerate();
            let place = letters.find(|(place, letter)| *letter == character && is_after(number, *place))?.0;
            Some(LineColumn { line: number, column: place + 1 })
        });
        YamlProblem::at(
            found.unwrap_or(self.at),
            format!(
                "expected text, found the character U+{:04X}, which YAML does not allow: remove it",
                u32::from(character)
            ),
        )
    }

    /// The problem for a YAML syntax error in brackets (`[]`, `{}`), such as one that is not
    /// closed; `None` for an error of another kind.
    fn of_brackets(&self, kind: &ErrorKind) -> Option<YamlProblem> {
        let word = self.word();
        Some(match kind {
            ErrorKind::RecursionLimitExceeded => self.problem(super::read::too_deep()),
            ErrorKind::UnclosedFlowCollection { open } => {
                self.problem(format!("expected a bracket that closes '{open}', found none: close it"))
            }
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => self.problem(format!(
                "expected the bracket that closes '{open}', found '{close}': close each bracket with its own"
            )),
            ErrorKind::MisplacedFlowCollectionEnd => self.problem(format!(
                "expected a value or a key, found '{word}', a closing bracket without an opening one: put a value that begins with it in quotes"
            )),
            ErrorKind::InvalidColonPlacement
            | ErrorKind::FlowMappingValueAdjacentCollection
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping => self.problem(format!(
                "expected ',' or a bracket that closes what '[' or '{{' opened before, found '{word}': close the bracket, or put a value with brackets in quotes"
            )),
            _ => return None,
        })
    }

    /// The problem for a YAML syntax error in the indentation or in the division into lines; `None`
    /// for an error of another kind.
    fn of_layout(&self, kind: &ErrorKind) -> Option<YamlProblem> {
        match kind {
            ErrorKind::TabInIndentation
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::InvalidBlockEntryWhitespace
            | ErrorKind::InvalidMappingValueWhitespace => {
                Some(self.tab().unwrap_or_else(|| Self::tab_at(self.at)))
            }
            ErrorKind::MappingValueNotAllowed => Some(self.tab_here().unwrap_or_else(|| self.colon())),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
                Some(self.tab_here().unwrap_or_else(|| self.no_key(self.at)))
            }
            ErrorKind::ExpectedDocumentStart | ErrorKind::ExpectedBlockMappingKey
                if self.directive().is_some() =>
            {
                self.directive()
            }
            ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedNodeContent if !self.is_first() => {
                Some(self.problem(format!(
                    "expected the end of the line after a value, found '{}': put the whole value in quotes",
                    self.word()
                )))
            }
            ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedDocumentStart
            | ErrorKind::ExpectedNodeContent
            | ErrorKind::InvalidIndentation
            | ErrorKind::InvalidBlockScalarIndent
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::InvalidFlowScalarIndent => {
                Some(self.tab_here().unwrap_or_else(|| self.indentation()))
            }
            _ => self.directive(),
        }
    }

    /// Returns the problem that a tab is before a key or a value, which YAML does not allow. Its
    /// place is the first such tab on the line with the syntax error or a later line; `None` if
    /// there is no such tab.
    fn tab(&self) -> Option<YamlProblem> {
        self.document_text
            .lines_from(self.at.line)
            .find_map(|(line, text)| tab_in(text).map(|column| Self::tab_at(LineColumn { line, column })))
    }

    /// Returns the problem that a tab is before the key or value on the line with the YAML syntax
    /// error; `None` if that line has no such tab.
    fn tab_here(&self) -> Option<YamlProblem> {
        tab_in(self.line()).map(|column| Self::tab_at(LineColumn { line: self.at.line, column }))
    }

    fn tab_at(place: LineColumn) -> YamlProblem {
        YamlProblem::at(place, "expected spaces before a key or a value, found a tab: indent with spaces")
    }

    /// Returns the problem that a `:` is at a place of a YAML file where no key can end. The cause
    /// may be a value that contains a colon and a blank, a missing colon on the line before, or a
    /// wrong indentation.
    fn colon(&self) -> YamlProblem {
        let before: String = self.line().chars().take(self.at.column.saturating_sub(1)).collect();
        if before.contains(": ") {
            return self.problem(
                "expected the end of the value, found a second ':': put a value with ': ' in quotes",
            );
        }
        // If the line before is neither a key nor a list item, its colon, or the blank after the
        // colon, is missing.
        let indent = indent_of(self.line());
        match self.line_before() {
            Some((line, text)) if indent_of(text) >= indent && !is_key(text) => {
                self.no_key(LineColumn { line, column: indent_of(text) + 1 })
            }
            _ => self.indentation(),
        }
    }

    /// The last line before the syntax error that is neither empty nor a comment, with its number
    /// in the file; `None` if there is no such line.
    fn line_before(&self) -> Option<(usize, &str)> {
        let mut before = self.document_text.lines_up_to(self.at.line.saturating_sub(1));
        before.find(|(_, line)| !matches!(line.trim_start().chars().next(), None | Some('#')))
    }

    fn no_key(&self, at: LineColumn) -> YamlProblem {
        let site = ErrorSite { at, document_text: self.document_text };
        let word = site.word();
        site.problem(format!(
            "expected a key, ': ' and a value, found '{word}': put ': ' after a key; indent what belongs to the value above"
        ))
    }

    /// Returns the problem that the indentation of the line with the YAML syntax error does not fit
    /// any mapping or list above the line.
    fn indentation(&self) -> YamlProblem {
        let indent = indent_of(self.line());
        let above = self.line_before().map(|(line, text)| format!(" (line {line} by {})", indent_of(text)));
        let at = LineColumn { line: self.at.line, column: indent + 1 };
        let word = ErrorSite { at, document_text: self.document_text }.word();
        YamlProblem::at(
            at,
            format!(
                "expected the indentation of the lines that it belongs to, found '{word}' indented by {indent}{}: indent keys of one mapping, and items of one list, alike",
                above.unwrap_or_default()
            ),
        )
    }

    /// The problem that a line begins with `%`, which YAML takes for a directive (an instruction to
    /// the parser). If several lines do, the place of the problem is the last of them that is not
    /// after the syntax error. `None` if there is none.
    fn directive(&self) -> Option<YamlProblem> {
        let (line, text) =
            self.document_text.lines_up_to(self.at.line).find(|(_, text)| text.starts_with('%'))?;
        let site = ErrorSite { at: LineColumn { line, column: 1 }, document_text: self.document_text };
        let word = site.word();
        text.starts_with('%').then(|| {
            site.problem(format!(
                "expected a key or a value, found '{word}', which YAML takes for a directive: remove the line, or put what begins with '%' in quotes"
            ))
        })
    }
}

/// Returns the column of the first tab in the indentation of a line, counted from 1; `None` if
/// there is no tab.
fn tab_in(line: &str) -> Option<usize> {
    let mut blanks = line.chars().enumerate().take_while(|(_, letter)| matches!(letter, ' ' | '\t'));
    blanks.find(|(_, letter)| *letter == '\t').map(|(place, _)| place + 1)
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|letter| *letter == ' ').count()
}

/// Returns true if a line of a YAML file has a key, or begins a list item or a document.
fn is_key(line: &str) -> bool {
    let line = line.trim();
    line.contains(": ") || line.ends_with(':') || line.starts_with("- ") || line.starts_with("---")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use granit_parser::Parser;

    use super::super::documents;

    /// Texts with a YAML syntax error, each with the line and column of the error and a part of the
    /// message.
    const SYNTAX_ERRORS: [(&str, &str, &str); 62] = [
        (r#"a: "C:\Users""#, "1:4", "put a value with '\\' in single quotes"),
        (r#"a: "C:\Temp""#, "1:4", "put a value with '\\' in single quotes"),
        (r#"a: "\d+""#, "1:4", "expected an escape that YAML knows after '\\' in double quotes"),
        (r#"a: "\ud800""#, "1:4", "put a value with '\\' in single quotes"),
        (r#"a: "\ud800\u0041""#, "1:4", "put a value with '\\' in single quotes"),
        (r#"a: "\U99999999""#, "1:4", "put a value with '\\' in single quotes"),
        ("a: |t.me", "1:4", "found '|t.me': put a value that begins with '|' in quotes"),
        ("a: >t.me", "1:4", "found '>t.me': put a value that begins with '>' in quotes"),
        ("a: |0\n x", "1:4", "put a value that begins with '|' in quotes"),
        ("a: [|x]", "1:5", "put a value that begins with '|' in quotes"),
        ("a: @x", "1:4", "expected a value, found '@x': put a value that begins with '@' in quotes"),
        ("a: `x`", "1:4", "found '`x`': put a value that begins with '`' in quotes"),
        ("a: %x", "1:4", "put a value that begins with '%' in quotes"),
        ("%x: 1\na: 1", "1:1", "found '%x:', which YAML takes for a directive"),
        ("%YAML 1.2\n%YAML 1.2\n---\na: 1", "2:1", "which YAML takes for a directive: remove the line"),
        (
            "a: *x",
            "1:4",
            "found *x, an alias of a value that the document does not have: put a value that begins with '*' in quotes",
        ),
        ("a: *", "1:4", "put a value that begins with '*' in quotes"),
        ("a: & x", "1:4", "put a value that begins with '&' in quotes"),
        (
            "b: 1\na: &t.me",
            "2:4",
            "expected a value, found '&t.me': put a value that begins with '&' in quotes",
        ),
        ("a: [x, &t.me]", "1:8", "put a value that begins with '&' in quotes"),
        (
            "b: 1\na: !t.me",
            "2:4",
            "expected a value, found '!t.me': put a value that begins with '!' in quotes",
        ),
        ("a:\n- !t.me\n- b", "2:3", "put a value that begins with '!' in quotes"),
        ("a: !t.me x", "1:4", "put a value that begins with '!' in quotes"),
        ("a: !e!x y", "1:4", "put a value that begins with '!' in quotes"),
        ("a: !<x y", "1:4", "put a value that begins with '!' in quotes"),
        ("a: !%zz", "1:4", "put a value that begins with '!' in quotes"),
        ("a: ,x", "1:4", "put a value that begins with ',' in quotes"),
        ("a: ? b", "1:4", "put a value that begins with '?' in quotes"),
        ("a: - x", "1:4", "put each item of a list on a line of its own"),
        ("a: \"x\nb: 1\n", "1:4", "expected a quote that closes this one, found none"),
        ("b: 1\na: 'x\n", "2:4", "expected a quote that closes this one, found none"),
        ("a: 'it's'", "1:8", "found 's'': write a quote within such quotes twice ('')"),
        ("a: 'x\nb: 'y'\nc: 1\n", "2:5", "see that each ' before it is closed"),
        ("a: \"x\nb: \"y\"\nc: 1\n", "2:5", "write a quote within such quotes as \\\""),
        ("a: [x, y\nb: 1\n", "2:2", "a bracket that closes what '[' or '{' opened before"),
        ("a: {x: 1\nb: 2\n", "2:2", "a bracket that closes what '[' or '{' opened before"),
        ("a: [x, y", "1:4", "expected a bracket that closes '[', found none"),
        ("a: [x, y}", "1:4", "expected the bracket that closes '[', found '}'"),
        (
            "a: ]x",
            "1:4",
            "a closing bracket without an opening one: put a value that begins with it in quotes",
        ),
        ("a: [b] c", "1:8", "expected the end of the line after a value, found 'c'"),
        ("a: b: c", "1:5", "found a second ':': put a value with ': ' in quotes"),
        ("title: a:\nb: 1", "1:9", "put a value with ': ' in quotes"),
        ("a: 'x'# c", "1:7", "put a value with '#' in quotes"),
        ("a: x #c\n  y", "1:6", "put a value with '#' in quotes"),
        ("a:b\nc: 1", "1:1", "expected a key, ': ' and a value, found 'a:b': put ': ' after a key"),
        ("x: 1\n\na b\n# c\nc: 1", "3:1", "found 'a': put ': ' after a key"),
        ("a:\n  b\n  c: 1", "2:3", "found 'b': put ': ' after a key"),
        ("a: 1\nb", "2:1", "found 'b': put ': ' after a key; indent what belongs to the value above"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "found 'c:' indented by 1 (line 2 by 2): indent keys of one mapping"),
        ("a:\n  b: 1\n    c: 2\n", "3:5", "found 'c:' indented by 4 (line 2 by 2)"),
        ("a: 1\n# x\n\n b: 2\n", "4:2", "found 'b:' indented by 1 (line 1 by 0)"),
        ("  a: 1\nb: 2\n", "2:1", "found 'b:' indented by 0 (line 1 by 2)"),
        ("a:\n  b: 1\n- x\n", "3:1", "found '- x' indented by 0 (line 2 by 2)"),
        ("- x\nb: 1", "2:1", "found 'b:' indented by 0"),
        ("a: |\n  x\n y\nb: 1", "3:2", "found 'y' indented by 1 (line 2 by 2)"),
        ("a:\n\tb: 1", "2:1", "expected spaces before a key or a value, found a tab: indent with spaces"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1", "found a tab: indent with spaces"),
        ("a:\n  - x\n \t- y", "3:2", "found a tab: indent with spaces"),
        ("a: |\n  x\n\ty", "3:1", "found a tab: indent with spaces"),
        (
            "a: x\u{7}",
            "1:5",
            "expected text, found the character U+0007, which YAML does not allow: remove it",
        ),
        ("a: 1\n\u{feff}b: 1", "2:1", "the character U+FEFF"),
        ("---\na: 1\n...\n---\nb: \"\\d\"", "5:4", "put a value with '\\' in single quotes"),
    ];

    #[test]
    fn each_syntax_error_has_its_place_and_our_own_message() {
        let mut others = Vec::new();
        for (text, place, expected) in SYNTAX_ERRORS {
            let problem = documents(text).pop().unwrap_or_else(|| panic!("{text:?}")).expect_err(text);
            let at = problem.place.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
            let said = problem.to_string();
            if at != place || !said.contains(expected) {
                others.push(format!("{text:?}: expected {place} {expected}, found {said}"));
            }
            assert!(problem.text.starts_with("expected ") && !said.contains('\n'), "{said}");
        }
        assert!(others.is_empty(), "{others:#?}");
    }

    #[test]
    fn messages_of_the_parser_are_never_shown() {
        let mut deep = String::new();
        for depth in 0..300 {
            let _ = writeln!(deep, "{}a:", " ".repeat(depth));
        }
        let others = [
            "{x",
            "a: &.t.me,x",
            "{...",
            "-\t- x",
            "a: [x]#c",
            "%TAG ! \n---\na",
            "%YAML 3.0\n---\na",
            "a: |\n     \n  x\n",
            "[a]\nb: 1",
            "&",
        ];
        let texts =
            SYNTAX_ERRORS.iter().map(|(text, ..)| (*text).to_owned()).chain(others.map(str::to_owned));
        for text in texts.chain([deep, "[".repeat(2_000), "- ".repeat(300)]) {
            let Some(Err(problem)) = documents(&text).pop() else { panic!("{text:?}") };
            assert!(problem.text.starts_with("expected "), "{text:?}: {problem}");
            for error in Parser::new_from_str(&text).filter_map(Result::err) {
                let theirs = error.kind().to_string();
                assert!(!problem.text.contains(&theirs), "{text:?}: {problem}");
            }
        }
    }
}
