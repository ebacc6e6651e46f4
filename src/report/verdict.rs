//! The verdict on a host: what can be said about it in a word.

/// The verdict on a host: what can be said about it in a word. The less is known about the host,
/// the later its verdict is in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A detection describes an event of the host.
    Matches,
    /// Detections describe events in deleted records of the host only.
    RecoveredMatches,
    /// DNS queries were seen (in the period, if there is one), and none matched.
    NoMatches,
    /// DNS queries were seen, but none in the period, so that the absence of matches proves
    /// nothing.
    NoDnsQueriesInPeriod,
    /// Sysmon wrote records, but no DNS query, so that the absence of matches proves nothing.
    NoDnsQueriesLogged,
    /// The host's logs contain records, but none of Sysmon.
    NoSysmon,
    /// Logs were read, but contain no record.
    NoRecords,
    /// The host has logs, but no part of them could be read.
    Unreadable,
    /// The evidence contains no event log.
    NoEventLogs,
}

impl Verdict {
    /// All verdicts, in the order in which the guide explains them.
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

    /// Returns what was seen of a host with this verdict, in a few words for `--help`.
    #[must_use]
    pub fn seen(self) -> &'static str {
        match self {
            Verdict::Matches => "a detection describes an event",
            Verdict::RecoveredMatches => "matches among deleted records only",
            Verdict::NoMatches => "DNS queries, in the period if there is one, and no match",
            Verdict::NoDnsQueriesInPeriod => "DNS queries, but none in the period",
            Verdict::NoDnsQueriesLogged => "records of Sysmon, but no DNS query",
            Verdict::NoSysmon => "records, but none of Sysmon",
            Verdict::NoRecords => "logs without a record",
            Verdict::Unreadable => "logs of which no part could be read",
            Verdict::NoEventLogs => "no log",
        }
    }

    /// Returns the verdict's name in the tables and the summary.
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
