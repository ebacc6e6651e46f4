//! What can be said of a host in a word.

/// What can be said of a host. The less is known of it, the later it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A detection matched.
    Matches,
    /// A detection matched deleted records only.
    RecoveredMatches,
    /// DNS queries were seen, in the period if one was asked for, and none matched.
    NoMatches,
    /// DNS queries were seen, but none in the period: nothing follows from the absence of matches.
    NoDnsQueriesInPeriod,
    /// Sysmon wrote records, but no DNS query: nothing follows from the absence of matches.
    NoDnsQueriesLogged,
    /// There are records, and none is of Sysmon.
    NoSysmon,
    /// Logs were read, and hold no record.
    NoRecords,
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
            Verdict::NoDnsQueriesInPeriod => "no DNS queries in the period",
            Verdict::NoDnsQueriesLogged => "no DNS queries logged",
            Verdict::NoSysmon => "no Sysmon",
            Verdict::NoRecords => "no records",
            Verdict::Unreadable => "unreadable",
            Verdict::NoEventLogs => "no event logs",
        }
    }
}
