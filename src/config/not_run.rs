//! Files among rules that are not looked for, by why not.

use crate::detect::DetectionError;

/// A rule that is not looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedDetection {
    /// Its file.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// What there is in directories of rules, and is not looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotRun {
    /// Rules that cannot be looked for, though they may be about DNS queries: what they would have
    /// found is not known.
    pub refused: Vec<RefusedDetection>,
    /// Rules about other data: no DNS query could match them.
    pub other_data: Vec<RefusedDetection>,
    /// Files that hold no rule: macros, lookups, stories.
    pub no_rules: Vec<String>,
}

/// Why a file is not looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WhyNot {
    /// It cannot be, for this reason.
    Refused(String),
    /// It is about other data than DNS queries. The text says which.
    OtherData(String),
    /// It holds no rule. The text says what was found.
    NoRule(String),
}

impl WhyNot {
    /// The sentence that tells it.
    pub(super) fn reason(self) -> String {
        match self {
            WhyNot::Refused(reason) | WhyNot::OtherData(reason) | WhyNot::NoRule(reason) => reason,
        }
    }
}

impl From<DetectionError> for WhyNot {
    fn from(error: DetectionError) -> Self {
        let reason = error.to_string();
        if error.is_no_rule() {
            WhyNot::NoRule(reason)
        } else if error.is_about_other_data() {
            WhyNot::OtherData(reason)
        } else {
            WhyNot::Refused(reason)
        }
    }
}

impl NotRun {
    /// Notes a file.
    pub(super) fn add(&mut self, source: String, why: WhyNot) {
        match why {
            WhyNot::Refused(reason) => self.refused.push(RefusedDetection { source, reason }),
            WhyNot::OtherData(reason) => self.other_data.push(RefusedDetection { source, reason }),
            WhyNot::NoRule(_) => self.no_rules.push(source),
        }
    }

    /// How many files there are of each kind, in words; empty without any.
    #[must_use]
    pub fn counted(&self) -> String {
        let kinds = [
            (self.refused.len(), "refused"),
            (self.other_data.len(), "about other data"),
            (
                self.no_rules.len(),
                if self.no_rules.len() == 1 { "file without a rule" } else { "files without a rule" },
            ),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        kinds.map(|(count, kind)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    }

    /// Why the first of the refused rules are refused, and how many more there are.
    #[must_use]
    pub fn first_reasons(&self, most: usize) -> String {
        let reasons: Vec<&str> = self.refused.iter().map(|refused| refused.reason.as_str()).collect();
        first_of(&reasons, most, "; ")
    }
}

/// The first of some texts, and how many more there are: lists that people are shown must not fill
/// the screen.
pub(super) fn first_of(texts: &[&str], most: usize, between: &str) -> String {
    let shown = texts.iter().take(most).copied().collect::<Vec<_>>().join(between);
    match texts.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}{between}and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(first_of(&["a", "b"], 2, ", "), "a, b");
        assert_eq!(first_of(&["a", "b", "c"], 1, ", "), "a, and 2 more");
    }
}
