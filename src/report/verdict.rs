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
    /// All, in the order in which they are explained.
    pub const ALL: [Verdict; 9] = [
        Verdict::Matches,
        Verdict::RecoveredMatches,
        Verdict::NoMatches,
        Verdict::NoDnsQueriesInPeriod,
        Verdict::NoDnsQueriesLogged,
        Verdict::NoSysmon,
        Verdict::NoRecords,
        Verdict::Unreadable,
        Verdict::NoEventLogs,
    ];

    /// What was seen of a host with this verdict, in a few words.
    #[must_use]
    pub fn seen(self) -> &'static str {
        match self {
            Verdict::Matches => "a detection describes an event",
            Verdict::RecoveredMatches => "matches among deleted records only",
            Verdict::NoMatches => "DNS queries, in the period if there is one, and no match",
            Verdict::NoDnsQueriesInPeriod => "DNS queries, but none in the period",
            Verdict::NoDnsQueriesLogged => "records of Sysmon, but no DNS query",
            Verdict::NoSysmon => "records, but none of Sysmon",
            Verdict::NoRecords => "logs that hold no record",
            Verdict::Unreadable => "logs of which nothing could be read",
            Verdict::NoEventLogs => "no log",
        }
    }

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
