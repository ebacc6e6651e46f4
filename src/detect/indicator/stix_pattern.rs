//! STIX patterns, if they are comparisons that are joined by `OR`. Parentheses and brackets do not
//! change the meaning of these, so a pattern is read from left to right, at any depth of nesting.

use super::entry::expected;

/// The operators in comparisons of STIX patterns that are understood: `=`, `IN`, `LIKE` and
/// `ISSUBSET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    In,
    Like,
    IsSubset,
}

/// A comparison in a STIX pattern: of one property of an object with one or more values, of which
/// one must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison<'p> {
    /// The path of the STIX object's property that is compared, such as `domain-name:value`.
    pub object: &'p str,
    pub operator: Operator,
    pub values: Vec<String>,
}

/// Returns the comparisons of a STIX pattern, which must all be joined by `OR`. Any other pattern
/// is an error, which says what was expected and shows what the pattern has instead.
pub(super) fn comparisons(pattern: &str) -> Result<Vec<Comparison<'_>>, String> {
    let mut rest = Rest(pattern.trim());
    let mut found = Vec::new();
    let (mut brackets, mut parentheses) = (0_usize, 0_usize);
    // Whether a comparison comes next, or an OR.
    let mut is_comparison_next = true;
    while let Some(next) = rest.peek() {
        let depth = match next {
            '[' | ']' => &mut brackets,
            _ => &mut parentheses,
        };
        match next {
            '[' | '(' if is_comparison_next => {
                *depth += 1;
                rest.skip(1);
            }
            ']' | ')' if !is_comparison_next && *depth > 0 => {
                *depth -= 1;
                rest.skip(1);
            }
            _ if is_comparison_next => {
                found.push(rest.comparison()?);
                is_comparison_next = false;
            }
            _ => {
                let word = rest.word();
                if word != "OR" {
                    return Err(expected("comparisons that are joined by OR", rest.or_word(word)));
                }
                is_comparison_next = true;
            }
        }
    }
    if is_comparison_next || brackets > 0 || parentheses > 0 {
        return Err(expected("a whole pattern of STIX", pattern));
    }
    Ok(found)
}

/// The rest of a STIX pattern that is not parsed yet. Each method that parses something removes it
/// from the start.
struct Rest<'p>(&'p str);

impl<'p> Rest<'p> {
    /// Removes white space from the start of the rest, and returns the next character without
    /// removing it; `None` at the end.
    fn peek(&mut self) -> Option<char> {
        self.0 = self.0.trim_start();
        self.0.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }

    /// Removes white space and then the ASCII letters at the start of the rest, and returns the
    /// letters; empty if there are none.
    fn word(&mut self) -> &'p str {
        self.0 = self.0.trim_start();
        let end = self.0.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(self.0.len());
        self.take(end)
    }

    /// Returns the text that an error shows: `word`, or all that is left of the pattern if `word`
    /// is empty.
    fn or_word(&self, word: &'p str) -> &'p str {
        if word.is_empty() { self.0 } else { word }
    }

    fn take(&mut self, bytes: usize) -> &'p str {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    fn comparison(&mut self) -> Result<Comparison<'p>, String> {
        let object = self.object();
        if !object.contains(':') {
            return Err(expected(
                "a comparison such as domain-name:value = 'evil.example'",
                self.or_word(object),
            ));
        }
        let operator = match self.peek() {
            Some('=') => {
                let equals = self.0.find(|letter| letter != '=').unwrap_or(self.0.len());
                self.skip(equals.min(2));
                Operator::Equal
            }
            _ => match self.word() {
                "IN" => Operator::In,
                "LIKE" => Operator::Like,
                "ISSUBSET" => Operator::IsSubset,
                word => return Err(expected("one of =, IN, LIKE and ISSUBSET", self.or_word(word))),
            },
        };
        let values = if operator == Operator::In { self.values()? } else { vec![self.value()?] };
        Ok(Comparison { object, operator, values })
    }

    /// Removes the path of an object's property from the start of the rest, such as
    /// `domain-name:value`, and returns it. Parts of it can be in brackets or quotes.
    fn object(&mut self) -> &'p str {
        let (mut is_quoted, mut is_in_brackets) = (false, false);
        let end = self.0.find(|letter: char| {
            match letter {
                '\'' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                '[' => is_in_brackets = true,
                ']' if is_in_brackets => is_in_brackets = false,
                _ => return letter.is_whitespace() || "=!<>()],".contains(letter),
            }
            false
        });
        self.take(end.unwrap_or(self.0.len()))
    }

    /// Removes a list of quoted values in parentheses from the start of the rest, and returns the
    /// values. The error says what was expected and what was found.
    fn values(&mut self) -> Result<Vec<String>, String> {
        if self.peek() != Some('(') {
            return Err(expected("a list of values in parentheses", self.0));
        }
        self.skip(1);
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            match self.peek() {
                Some(',') => self.skip(1),
                Some(')') => {
                    self.skip(1);
                    return Ok(values);
                }
                _ => return Err(expected("a comma or a closing parenthesis", self.0)),
            }
        }
    }

    /// Removes a value in single quotes from the start of the rest, and returns it unescaped. A
    /// backslash escapes the character after it. The error says what was expected and what was
    /// found.
    fn value(&mut self) -> Result<String, String> {
        if self.peek() != Some('\'') {
            return Err(expected("a value in quotes", self.0));
        }
        let mut value = String::new();
        let mut letters = self.0.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\'' => {
                    self.skip(at + 1);
                    return Ok(value);
                }
                '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
                _ => value.push(letter),
            }
        }
        Err(expected("a closing quote", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str) -> Vec<(String, Operator, Vec<String>)> {
        let found = comparisons(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        found.into_iter().map(|one| (one.object.to_owned(), one.operator, one.values)).collect()
    }

    fn one(object: &str, operator: Operator, values: &[&str]) -> (String, Operator, Vec<String>) {
        (object.to_owned(), operator, values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn comparisons_that_are_joined_by_or() {
        let domain = |value: &str| one("domain-name:value", Operator::Equal, &[value]);
        for (pattern, expected) in [
            ("[domain-name:value = 'a.b']", vec![domain("a.b")]),
            ("[domain-name:value='a.b']", vec![domain("a.b")]),
            (r"[domain-name:value = 'it\'s\\x']", vec![domain(r"it's\x")]),
            ("[domain-name:value = 'a' OR domain-name:value = 'b']", vec![domain("a"), domain("b")]),
            ("([domain-name:value = 'a'] OR [(domain-name:value = 'b')])", vec![domain("a"), domain("b")]),
            (
                "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
                vec![one("ipv4-addr:value", Operator::IsSubset, &["192.0.2.0/24"])],
            ),
            ("[domain-name:value IN ('a', 'b')]", vec![one("domain-name:value", Operator::In, &["a", "b"])]),
            ("[url:value LIKE '%a%']", vec![one("url:value", Operator::Like, &["%a%"])]),
            (
                "[file:hashes.'SHA-256' = 'ff' OR network-traffic:x[*].y = 'z']",
                vec![
                    one("file:hashes.'SHA-256'", Operator::Equal, &["ff"]),
                    one("network-traffic:x[*].y", Operator::Equal, &["z"]),
                ],
            ),
        ] {
            assert_eq!(found(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn everything_else_is_named() {
        for (pattern, part) in [
            ("[a:b = 'c' AND d:e = 'f']", "found 'AND'"),
            ("[a:b = 'c'] FOLLOWEDBY [d:e = 'f']", "found 'FOLLOWEDBY'"),
            ("[a:b = 'c'] WITHIN 5 SECONDS", "found 'WITHIN'"),
            ("[NOT a:b = 'c']", "found 'NOT'"),
            ("[a:b NOT = 'c']", "found 'NOT'"),
            ("[a:b != 'c']", "found '!= "),
            ("[a:b MATCHES 'c']", "found 'MATCHES'"),
            ("[a:b = 5]", "a value in quotes"),
            ("[a:b = 'c]", "a closing quote"),
            ("[a:b IN 'c']", "in parentheses"),
            ("[a:b IN ('c'", "a comma or"),
            ("[a:b = 'c'", "a whole pattern"),
            ("[a:b = 'c']]", "joined by OR"),
            ("[a:b = 'c' OR]", "a comparison such as"),
            ("", "a whole pattern"),
            ("((((", "a whole pattern"),
        ] {
            let error = comparisons(pattern).expect_err(pattern);
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }

    #[test]
    fn long_and_deep_patterns_take_linear_time() {
        let started = std::time::Instant::now();
        let terms = vec!["domain-name:value = 'a.example'"; 100_000].join(" OR ");
        let deep = format!("{}{terms}{}", "(".repeat(200_000), ")".repeat(200_000));
        assert_eq!(comparisons(&format!("[{deep}]")).unwrap().len(), 100_000);
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    }
}
