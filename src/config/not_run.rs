//! The files among rules that a sweep does not run, sorted by the reason.

use crate::detect::DetectionError;

/// A rule that is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedDetection {
    /// The path of the rule's file.
    pub source: String,
    /// Why the rule is not run.
    pub reason: String,
}

/// The files in directories of rules that are not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotRun {
    /// Rules that cannot be run although they may be about DNS queries: what they would have found
    /// is unknown.
    pub refused: Vec<RefusedDetection>,
    /// Rules about other data: no DNS query could match them.
    pub other_data: Vec<RefusedDetection>,
    /// Files that hold no rule: macros, lookups, stories.
    pub no_rules: Vec<String>,
}

/// Why a file is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotRunReason {
    /// The rule cannot be run. The text says why.
    Refused(String),
    /// The rule is about other data than DNS queries. The text says which.
    OtherData(String),
    /// The file holds no rule. The text says what was found.
    NoRule(String),
}

impl NotRunReason {
    /// The reason as a sentence.
    pub(super) fn reason(self) -> String {
        match self {
            NotRunReason::Refused(reason)
            | NotRunReason::OtherData(reason)
            | NotRunReason::NoRule(reason) => reason,
        }
    }
}

impl From<DetectionError> for NotRunReason {
    fn from(error: DetectionError) -> Self {
        let reason = error.to_string();
        if error.is_no_rule() {
            NotRunReason::NoRule(reason)
        } else if error.is_about_other_data() {
            NotRunReason::OtherData(reason)
        } else {
            NotRunReason::Refused(reason)
        }
    }
}

impl NotRun {
    /// Adds a file to the list for its reason.
    pub(super) fn add(&mut self, source: String, why: NotRunReason) {
        match why {
            NotRunReason::Refused(reason) => self.refused.push(RefusedDetection { source, reason }),
            NotRunReason::OtherData(reason) => self.other_data.push(RefusedDetection { source, reason }),
            NotRunReason::NoRule(_) => self.no_rules.push(source),
        }
    }

    /// The number of files for each reason, in words; empty if there are no files.
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

    /// The reasons for the first `most` refused rules, and how many more there are.
    #[must_use]
    pub fn first_reasons(&self, most: usize) -> String {
        let reasons: Vec<&str> = self.refused.iter().map(|refused| refused.reason.as_str()).collect();
        first_of(&reasons, most, "; ")
    }
}

/// The first `most` texts, and how many more there are, so that a list does not fill the screen.
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
