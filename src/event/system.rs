//! The `System` part of an event: who wrote it, where, when, and as which number.

use super::EventTime;

/// The provider whose event 22 is a DNS query (the provider's name in Sysmon's own manifest).
pub const SYSMON_PROVIDER: &str = "Microsoft-Windows-Sysmon";

/// The channel that Sysmon writes to, which a forwarded copy of its events keeps.
pub const SYSMON_CHANNEL: &str = "Microsoft-Windows-Sysmon/Operational";

/// Sysmon's event number for a DNS query.
const DNS_QUERY_EVENT_ID: u32 = 22;

/// The provider of Windows' own DNS client, as its registered manifest calls it. Its queries are
/// logged where that is enabled.
pub const DNS_CLIENT_PROVIDER: &str = "Microsoft-Windows-DNS-Client";
/// The channel that the queries of Windows' own DNS client go to.
pub const DNS_CLIENT_CHANNEL: &str = "Microsoft-Windows-DNS-Client/Operational";

/// Its event numbers for queries: one is made, one is completed, a server's response.
pub const DNS_CLIENT_QUERY_EVENT_IDS: [u32; 3] = [3006, 3008, 3020];

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
        self.provider.eq_ignore_ascii_case(SYSMON_PROVIDER)
            || self.channel.eq_ignore_ascii_case(SYSMON_CHANNEL)
    }

    /// Whether this is Sysmon's event 22. Other providers have an event 22 of their own.
    #[must_use]
    pub fn is_dns_query(&self) -> bool {
        self.event_id == DNS_QUERY_EVENT_ID && self.is_sysmon()
    }

    /// Whether this is a query that Windows' own DNS client logged: by provider or channel,
    /// likewise.
    #[must_use]
    pub fn is_dns_client_query(&self) -> bool {
        DNS_CLIENT_QUERY_EVENT_IDS.contains(&self.event_id)
            && (self.provider.eq_ignore_ascii_case(DNS_CLIENT_PROVIDER)
                || self.channel.eq_ignore_ascii_case(DNS_CLIENT_CHANNEL))
    }
}
