//! The `System` part of an event: who logged the event, where, when, and its number.

use super::{DNS_QUERY, EventTime};

/// The name of Sysmon's provider, as Sysmon's manifest states it. Sysmon's event 22 is a DNS query.
pub const SYSMON_PROVIDER: &str = "Microsoft-Windows-Sysmon";

/// The channel that Sysmon logs to. A forwarded event still names it.
pub const SYSMON_CHANNEL: &str = "Microsoft-Windows-Sysmon/Operational";

/// The name of the provider of Windows' own DNS client, as its registered manifest states it. The
/// client logs queries only if its log is enabled.
pub const DNS_CLIENT_PROVIDER: &str = "Microsoft-Windows-DNS-Client";
/// The channel to which Windows' own DNS client logs queries.
pub const DNS_CLIENT_CHANNEL: &str = "Microsoft-Windows-DNS-Client/Operational";

/// The elements of an event's `System` part that are used.
///
/// Texts are as logged. A missing element is `None`, or an empty string if a table's column cannot
/// be null.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct System {
    /// `Provider/@Name`; empty if the record has none.
    pub provider: String,
    /// `Channel`; empty if the record has none.
    pub channel: String,
    /// `EventID`, without its qualifiers.
    pub event_id: u32,
    /// `Version`: the version of the event's layout.
    pub version: Option<u32>,
    /// `EventRecordID`: the event's own number. An export keeps it, unlike the number in the
    /// record's header.
    pub event_record_id: Option<u64>,
    /// `Computer`: the machine that logged the event, even if another machine stored it.
    pub computer: String,
    /// `TimeCreated/@SystemTime` as an instant; `None` if it is missing or not a time.
    pub time_created: Option<EventTime>,
    /// `TimeCreated/@SystemTime` as text; empty if it is missing.
    pub time_created_raw: String,
    /// `Security/@UserID`: the SID of the account that logged the event.
    pub user_id: Option<String>,
}

impl System {
    /// Returns whether Sysmon logged the event: its `System` part names Sysmon's provider or
    /// channel, in any letter case. The name of the file does not matter.
    #[must_use]
    pub fn is_sysmon(&self) -> bool {
        DNS_QUERY.is_logger(self)
    }

    /// Returns whether the event is Sysmon's event 22, a DNS query. Other providers have their own
    /// event 22.
    #[must_use]
    pub fn is_dns_query(&self) -> bool {
        DNS_QUERY.includes(self)
    }
}
