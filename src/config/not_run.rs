//! The rules and files in directories of rules that a sweep does not run, by the reason.

use serde::{Deserialize, Serialize};

use crate::detect::DetectionError;

/// A rule that a sweep does not run, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedDetection {
    /// The path of the rule's file, as typed or found.
    pub source: String,
    /// Why the rule is not run, with the place in its file.
    pub reason: String,
}

/// The rules, and the files in directories of rules, that a sweep does not run, by the reason. The
/// summary that is printed after the sweep counts them, so that nobody believes that they were run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// The rules that cannot be run although they may be about DNS queries. What they would have
    /// found is unknown.
    pub refused: Vec<RefusedDetection>,
    /// The rules about events other than DNS queries, which no DNS query could match.
    pub other_data: Vec<RefusedDetection>,
    /// The paths of YAML files without a rule in directories of rules, such as Splunk's macros,
    /// lookups and stories.
    pub no_rules: Vec<String>,
}

/// Why a sweep does not run a rule, or a file in a directory of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotRunReason {
    /// The rule may be about DNS queries, but cannot be run. The text says where and why.
    Refused(String),
    /// The rule is about events other than DNS queries. The text names the events.
    OtherData(String),
    /// The file in a directory of rules contains no rule. The text says what was found instead.
    NoRule(String),
}

impl NotRunReason {
    /// Returns the text of the reason why a rule or file is not run, for messages.
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
    /// Adds a rule that is not run, or a file without a rule, to one of the three lists. The
    /// variant of `why` decides which list. `source` is the path of the file.
    pub(super) fn add(&mut self, source: String, why: NotRunReason) {
        match why {
            NotRunReason::Refused(reason) => self.refused.push(RefusedDetection { source, reason }),
            NotRunReason::OtherData(reason) => self.other_data.push(RefusedDetection { source, reason }),
            NotRunReason::NoRule(_) => self.no_rules.push(source),
        }
    }

    /// Returns the numbers of rules and files that are not run, for each reason, as text, such as
    /// `2 refused, 1 about other data`; empty if everything is run.
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

    /// Returns the reasons for the first `most` refused rules as text, which also says how many
    /// more rules are refused.
    #[must_use]
    pub fn first_reasons(&self, most: usize) -> String {
        let reasons: Vec<&str> = self.refused.iter().map(|refused| refused.reason.as_str()).collect();
        first_of(&reasons, most, "; ")
    }
}

/// Returns the first `most` texts joined by `between`, and says how many more there are, so that a
/// list in a message does not fill the screen.
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
