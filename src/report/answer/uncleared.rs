//! Why a host without matches is not cleared (why its absence of matches proves nothing), judged by
//! its row of `hosts.parquet`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::coverage::Coverage;
use crate::report::verdict::Verdict;
use crate::table::Row;

/// Why a host without matches is not cleared: why the absence of matches proves nothing. Matches in
/// deleted records are one of the reasons. The greater of two reasons says that less is known about
/// the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Uncleared {
    /// The host's DNS queries cover the requested period, but some of its records have no readable
    /// time.
    UnreadableTimes,
    /// The host's DNS queries cover only a part of the requested period.
    PeriodCoveredInPart,
    /// DNS queries were seen and none matched, but not all of the host's files and containers could
    /// be read completely.
    Incomplete,
    /// DNS queries were seen, but none in the requested period.
    NoDnsQueriesInPeriod,
    /// Sysmon wrote records on the host, but no DNS query.
    NoDnsQueriesLogged,
    /// The host's logs contain records, but none of Sysmon.
    NoSysmon,
    /// Logs were read, but they contain no record.
    NoRecords,
    /// No part of the host's logs could be read.
    Unreadable,
    /// The piece of evidence contains no event log.
    NoEventLogs,
    /// Detections describe events in deleted records of the host, and none in its other records.
    RecoveredMatches,
}

impl Uncleared {
    /// Returns the reason in a few words, which a text shows after the number of hosts that are not
    /// cleared for this reason.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Uncleared::UnreadableTimes => "with times that cannot be read",
            Uncleared::PeriodCoveredInPart => "period covered in part",
            Uncleared::Incomplete => "with incomplete files",
            Uncleared::NoDnsQueriesInPeriod => Verdict::NoDnsQueriesInPeriod.name(),
            Uncleared::NoDnsQueriesLogged => Verdict::NoDnsQueriesLogged.name(),
            Uncleared::NoSysmon => Verdict::NoSysmon.name(),
            Uncleared::NoRecords => Verdict::NoRecords.name(),
            Uncleared::Unreadable => Verdict::Unreadable.name(),
            Uncleared::NoEventLogs => Verdict::NoEventLogs.name(),
            Uncleared::RecoveredMatches => "with matches in deleted records only",
        }
    }

    /// Returns why the host of a row of `hosts.parquet` is not cleared; `None` if it is cleared, or
    /// has matches. An unknown verdict counts as `no event logs`.
    pub(super) fn of(row: &Row<'_>) -> Option<Self> {
        let named = row.text("verdict").unwrap_or_default();
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == named);
        let incomplete = ["damaged_files", "not_read_files", "missed_containers"];
        let coverage = row.text("period_coverage");
        match verdict.unwrap_or(Verdict::NoEventLogs) {
            Verdict::Matches => None,
            Verdict::RecoveredMatches => Some(Uncleared::RecoveredMatches),
            Verdict::NoMatches if incomplete.iter().any(|column| row.count(*column) > 0) => {
                Some(Uncleared::Incomplete)
            }
            Verdict::NoMatches => match coverage.as_deref() {
                Some(coverage) if coverage != Coverage::Whole.name() => Some(Uncleared::PeriodCoveredInPart),
                Some(_) if row.count("unreadable_times") > 0 => Some(Uncleared::UnreadableTimes),
                _ => None,
            },
            Verdict::NoDnsQueriesInPeriod => Some(Uncleared::NoDnsQueriesInPeriod),
            Verdict::NoDnsQueriesLogged => Some(Uncleared::NoDnsQueriesLogged),
            Verdict::NoSysmon => Some(Uncleared::NoSysmon),
            Verdict::NoRecords => Some(Uncleared::NoRecords),
            Verdict::Unreadable => Some(Uncleared::Unreadable),
            Verdict::NoEventLogs => Some(Uncleared::NoEventLogs),
        }
    }
}
