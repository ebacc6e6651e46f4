//! The verdict on a host: what was seen of the host, in a word.

/// The verdict on a host, or on a piece of evidence in which no record names a host: what was seen
/// of it, in a word or two. In the order by `Ord`, the greatest verdict is the one by which least
/// is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// At least one detection describes an event of the host in a record that was not deleted.
    Matches,
    /// Detections describe events in deleted records of the host, and none in its other records.
    RecoveredMatches,
    /// DNS queries of the host were seen (in the period, if the user requested one), and none of
    /// them matched.
    NoMatches,
    /// DNS queries of the host were seen, but none in the requested period. The absence of matches
    /// therefore proves nothing.
    NoDnsQueriesInPeriod,
    /// Sysmon wrote records on the host, but no DNS query. The absence of matches therefore proves
    /// nothing.
    NoDnsQueriesLogged,
    /// The host's logs contain records, but none of Sysmon.
    NoSysmon,
    /// Logs were read, but they contain no record.
    NoRecords,
    /// The evidence has files or containers that should contain logs, but no part of them could be
    /// read.
    Unreadable,
    /// The piece of evidence that the verdict is on contains no event log.
    NoEventLogs,
}

impl Verdict {
    /// All verdicts, from that on a host with matches to that on evidence without event logs. The
    /// user's guide explains them in this order.
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

    /// Returns what was seen of a host that has this verdict, in a few words, for the text of
    /// `--help`.
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

    /// Returns the words for this verdict, such as `no matches`, in the tables and in the printed
    /// summary of a sweep.
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
