//! What can be said of a host in a word.

/// What can be said of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A detection matched.
    Matches,
    /// A detection matched deleted records only.
    RecoveredMatches,
    /// DNS queries were logged, and none matched.
    NoMatches,
    /// Logs were read, but they hold no DNS query: nothing follows from the absence of matches.
    NoDnsQueriesLogged,
    /// There are logs, and nothing of them could be read.
    Unreadable,
    /// There are no event logs in this evidence.
    NoEventLogs,
}

impl Verdict {
    /// The words in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Matches => "matches",
            Verdict::RecoveredMatches => "recovered matches",
            Verdict::NoMatches => "no matches",
            Verdict::NoDnsQueriesLogged => "no DNS queries logged",
            Verdict::Unreadable => "unreadable",
            Verdict::NoEventLogs => "no event logs",
        }
    }
}
