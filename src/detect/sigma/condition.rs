//! Parses the condition of a Sigma rule, such as `selection and not 1 of filter_*`, into a tree. A
//! condition consists of names of the rule's parts, `and`, `or`, `not`, parentheses, and
//! quantifiers such as `1 of selection*`.

/// The maximum number of parentheses and `not`s that a Sigma rule's condition may have inside each
/// other. More are an attack on the stack of the recursive parser, not a rule.
const DEEPEST_NESTING: usize = 100;
/// The greatest length of a Sigma rule's condition, in bytes. A longer one is refused.
const LONGEST: usize = 4096;

/// The parsed condition of a Sigma rule. Its leaves are the names of the rule's parts, which are
/// the keys of its `detection` section, such as `selection`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SigmaCondition {
    /// A Sigma condition that is true if all of these conditions are true (`a and b`).
    And(Vec<SigmaCondition>),
    /// A Sigma condition that is true if at least one of these conditions is true (`a or b`).
    Or(Vec<SigmaCondition>),
    /// A Sigma condition that is true if this condition is false (`not a`).
    Not(Box<SigmaCondition>),
    /// A Sigma condition that is true if this part of the rule is true. A part is an entry of the
    /// rule's `detection` section, such as `selection`.
    Name(String),
    /// A Sigma condition such as `1 of selection*`. The selection says which parts of the rule
    /// count, and the quantifier how many of them must be true.
    Of(Quantifier, PartSelection),
}

/// How many parts of a Sigma rule must be true. A condition such as `1 of selection*` selects some
/// parts of the rule, and requires this number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// All selected parts of the Sigma rule must be true (`all of`).
    All,
    /// At least this number of the selected parts of the Sigma rule must be true (`1 of`,
    /// `any of`).
    AtLeast(usize),
}

/// The words after `of` in a Sigma rule's condition, which select some of the rule's parts by their
/// names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartSelection {
    /// The word `them`, which selects all parts of a Sigma rule whose names do not begin with an
    /// underscore.
    Them,
    /// A pattern such as `selection*`, which selects the parts of a Sigma rule whose names match
    /// it. In it, `*` stands for any characters.
    Like(String),
}

impl PartSelection {
    /// Returns true if these words of a Sigma rule's condition, such as `selection*`, select the
    /// part of the rule with this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            PartSelection::Them => !name.starts_with('_'),
            PartSelection::Like(pattern) => is_like(pattern, name),
        }
    }

    /// Returns the words that select parts of a Sigma rule: `them` or a pattern such as
    /// `selection*`, spelled as in the rule's condition.
    pub(super) fn text(&self) -> &str {
        match self {
            PartSelection::Them => "them",
            PartSelection::Like(pattern) => pattern,
        }
    }
}

/// Returns true if the name of a part of a Sigma rule matches a pattern such as `selection*`, in
/// which each `*` stands for any characters, including none. Case matters, because names of parts
/// are keys of YAML.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((first, others)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = others.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

impl SigmaCondition {
    /// Parses the condition of a Sigma rule. The error says what was expected and what was found.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("expected a condition of at most {LONGEST} bytes, found {}", text.len()));
        }
        let mut parser = ConditionParser { tokens: tokens(text), at: 0 };
        let condition = parser.alternatives(0)?;
        match parser.peek() {
            None => Ok(condition),
            Some("|") => Err("expected the end of the condition, found '|': what follows it counts over many events, which is not supported".to_owned()),
            Some(_) => Err(parser.expected("and, or, or the end of the condition")),
        }
    }
}

/// Splits the condition of a Sigma rule into parentheses, bars (`|`) and words.
fn tokens(text: &str) -> Vec<&str> {
    let is_mark = |letter: char| matches!(letter, '(' | ')' | '|');
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(is_mark) {
            let (before, behind) = rest.split_at(at);
            // Marks are ASCII: each is a byte.
            let (mark, behind) = behind.split_at(1);
            tokens.extend((!before.is_empty()).then_some(before));
            tokens.push(mark);
            rest = behind;
        }
        tokens.extend((!rest.is_empty()).then_some(rest));
    }
    tokens
}

/// Parses a Sigma rule's condition: reads its words, parentheses and bars (`|`) from left to right,
/// and builds the tree of conditions.
struct ConditionParser<'t> {
    tokens: Vec<&'t str>,
    at: usize,
}

impl<'t> ConditionParser<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).copied()
    }

    /// Advances past the next token of the Sigma rule's condition if it is `word`, in upper or
    /// lower case. Returns true if it advanced.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.at += usize::from(is_next);
        is_next
    }

    fn expected(&self, what: &str) -> String {
        match self.peek() {
            None => format!("expected {what}, found the end of the condition"),
            Some(token) => {
                format!("expected {what}, found '{}' (word {})", token.escape_debug(), self.at + 1)
            }
        }
    }

    fn alternatives(&mut self, depth: usize) -> Result<SigmaCondition, String> {
        let mut parts = vec![self.conjunction(depth)?];
        while self.take("or") {
            parts.push(self.conjunction(depth)?);
        }
        Ok(joined(parts, SigmaCondition::Or))
    }

    fn conjunction(&mut self, depth: usize) -> Result<SigmaCondition, String> {
        let mut parts = vec![self.part(depth)?];
        while self.take("and") {
            parts.push(self.part(depth)?);
        }
        Ok(joined(parts, SigmaCondition::And))
    }

    fn part(&mut self, depth: usize) -> Result<SigmaCondition, String> {
        if depth > DEEPEST_NESTING {
            return Err(format!(
                "expected at most {DEEPEST_NESTING} parentheses and nots inside each other in the condition"
            ));
        }
        if self.take("not") {
            return Ok(SigmaCondition::Not(Box::new(self.part(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.alternatives(depth + 1)?;
            return if self.take(")") { Ok(inner) } else { Err(self.expected("')'")) };
        }
        let is_word =
            |token: &&str| !matches!(token.to_ascii_lowercase().as_str(), ")" | "|" | "and" | "or" | "of");
        let Some(word) = self.peek().filter(is_word) else {
            return Err(self.expected("the name of a part of the detection"));
        };
        self.at += 1;
        match quantifier(word) {
            Some(quantifier) if self.take("of") => {
                self.names().map(|names| SigmaCondition::Of(quantifier, names))
            }
            _ => Ok(SigmaCondition::Name(word.to_owned())),
        }
    }

    fn names(&mut self) -> Result<PartSelection, String> {
        if self.take("them") {
            return Ok(PartSelection::Them);
        }
        let Some(word) = self.peek().filter(|token| !matches!(*token, "(" | ")" | "|")) else {
            return Err(self.expected("them, or names such as selection*"));
        };
        self.at += 1;
        Ok(PartSelection::Like(word.to_owned()))
    }
}

fn quantifier(word: &str) -> Option<Quantifier> {
    match word.to_ascii_lowercase().as_str() {
        "all" => Some(Quantifier::All),
        "any" => Some(Quantifier::AtLeast(1)),
        number => number.parse().ok().map(Quantifier::AtLeast),
    }
}

/// Joins conditions of a Sigma rule with `many`, which makes an AND or an OR of them. A single
/// condition is returned unchanged.
fn joined(
    mut parts: Vec<SigmaCondition>,
    many: impl Fn(Vec<SigmaCondition>) -> SigmaCondition,
) -> SigmaCondition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(condition: &SigmaCondition) -> String {
        let all = |many: &[SigmaCondition], word: &str| {
            format!("({})", many.iter().map(short).collect::<Vec<_>>().join(&format!(" {word} ")))
        };
        match condition {
            SigmaCondition::And(many) => all(many, "and"),
            SigmaCondition::Or(many) => all(many, "or"),
            SigmaCondition::Not(one) => format!("!{}", short(one)),
            SigmaCondition::Name(name) => name.clone(),
            SigmaCondition::Of(Quantifier::All, names) => format!("all:{}", names.text()),
            SigmaCondition::Of(Quantifier::AtLeast(count), names) => format!("{count}:{}", names.text()),
        }
    }

    #[test]
    fn precedence_and_words() {
        for (text, expected) in [
            ("a", "a"),
            ("a or b and c", "(a or (b and c))"),
            ("not a and b", "(!a and b)"),
            ("not (a or b)", "!(a or b)"),
            ("a AND NOT b", "(a and !b)"),
            ("1 of sel* and not all of filter_*", "(1:sel* and !all:filter_*)"),
            ("any of them", "1:them"),
            ("2 of them", "2:them"),
            ("(a)and(b)", "(a and b)"),
            ("all", "all"),
            ("a\n  and\n  b", "(a and b)"),
            ("1", "1"),
        ] {
            assert_eq!(short(&SigmaCondition::parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn errors_say_what_was_expected() {
        for (text, expected) in [
            ("", "expected the name of a part of the detection, found the end"),
            ("a and", "found the end of the condition"),
            ("a b", "expected and, or, or the end of the condition, found 'b' (word 2)"),
            ("(a", "expected ')', found the end"),
            ("a)", "found ')'"),
            ("and a", "found 'and' (word 1)"),
            ("1 of", "expected them, or names"),
            ("a | count() > 5", "counts over many events"),
        ] {
            let error = SigmaCondition::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        for unit in ["not ", "(", "not("] {
            let error = SigmaCondition::parse(&unit.repeat(4000 / unit.len())).unwrap_err();
            assert!(error.contains("at most 100"), "{unit}: {error}");
        }
        assert!(SigmaCondition::parse(&"a".repeat(5000)).unwrap_err().contains("at most 4096 bytes"));
    }

    #[test]
    fn names_with_stars() {
        for (pattern, name, expected) in [
            ("sel*", "selection", true),
            ("sel*", "Selection", false),
            ("*_main", "filter_main", true),
            ("sel*main", "selection_main", true),
            ("sel*main", "selmain", true),
            ("sel*lmain", "selmain", false),
            ("*", "_x", true),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axcxb", false),
            ("a", "ab", false),
        ] {
            assert_eq!(PartSelection::Like(pattern.to_owned()).contains(name), expected, "{pattern} {name}");
        }
        assert!(!PartSelection::Them.contains("_x") && PartSelection::Them.contains("x"));
    }
}
