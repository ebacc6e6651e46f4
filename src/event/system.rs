//! The `System` part of an event: who wrote it, where, when, and as which number.

use super::{DNS_QUERY, EventTime};

/// The provider whose event 22 is a DNS query (the provider's name in Sysmon's own manifest).
pub const SYSMON_PROVIDER: &str = "Microsoft-Windows-Sysmon";

/// The channel that Sysmon writes to, which a forwarded copy of its events keeps.
pub const SYSMON_CHANNEL: &str = "Microsoft-Windows-Sysmon/Operational";

/// The provider of Windows' own DNS client, as its registered manifest calls it. Its queries are
/// logged where that is enabled.
pub const DNS_CLIENT_PROVIDER: &str = "Microsoft-Windows-DNS-Client";
/// The channel that the queries of Windows' own DNS client go to.
pub const DNS_CLIENT_CHANNEL: &str = "Microsoft-Windows-DNS-Client/Operational";

/// `Event/System`, as far as anything downstream needs it.
///
/// Text is as logged. A missing element is `None`, or an empty string where a table's column
/// cannot be null.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct System {
    /// `Provider/@Name`; empty when the record names none.
    pub provider: String,
    /// `Channel`; empty when the record names none.
    pub channel: String,
    /// `EventID`, without its qualifiers.
    pub event_id: u32,
    /// `Version`, the layout version of the event.
    pub version: Option<u32>,
    /// `EventRecordID`: the event's own number, which an export keeps (the record header's does
    /// not).
    pub event_record_id: Option<u64>,
    /// `Computer`: the machine that logged the event, even where another one stored it.
    pub computer: String,
    /// `TimeCreated/@SystemTime`, as an instant; `None` when it is missing or no time.
    pub time_created: Option<EventTime>,
    /// `TimeCreated/@SystemTime`, as text; empty when it is missing.
    pub time_created_raw: String,
    /// `Security/@UserID`: the SID that the event was logged under.
    pub user_id: Option<String>,
}

impl System {
    /// Whether Sysmon wrote this event: by the provider or the channel that the record itself
    /// names, in any case of letters, whatever its file is called.
    #[must_use]
    pub fn is_sysmon(&self) -> bool {
        DNS_QUERY.is_logger(self)
    }

    /// Whether this is Sysmon's event 22. Other providers have an event 22 of their own.
    #[must_use]
    pub fn is_dns_query(&self) -> bool {
        DNS_QUERY.includes(self)
    }
}
