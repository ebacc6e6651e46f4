//! The `System` part of an event: who logged the event, where, when, and its number.

use super::{DNS_QUERY, EventTime};

/// The name of Sysmon's provider, as Sysmon's manifest states it. An event of this provider is
/// Sysmon's.
pub const SYSMON_PROVIDER: &str = "Microsoft-Windows-Sysmon";

/// The channel that Sysmon logs to. An event that was forwarded to another machine, and stored in
/// another log, still names this channel.
pub const SYSMON_CHANNEL: &str = "Microsoft-Windows-Sysmon/Operational";

/// The name of the provider of Windows' own DNS client, as its registered manifest states it. The
/// client logs queries only if its log is enabled.
pub const DNS_CLIENT_PROVIDER: &str = "Microsoft-Windows-DNS-Client";
/// The channel to which Windows' own DNS client logs its queries, if the log of that channel is
/// enabled.
pub const DNS_CLIENT_CHANNEL: &str = "Microsoft-Windows-DNS-Client/Operational";

/// The `System` part of an event: the elements of `System` that dnsweep uses.
///
/// Texts are as logged. A missing element is `None`, or an empty string if its column in the
/// output's tables cannot be null.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct System {
    /// The provider that logged the event (`Provider/@Name`); empty if the record has none.
    pub provider: String,
    /// The channel that the event was logged to (`Channel`); empty if the record has none.
    pub channel: String,
    /// The ID by which the provider numbers its types of events (`EventID`), such as 22, without
    /// its qualifiers.
    pub event_id: u32,
    /// The version of the event's layout (`Version`); `None` if the record has none.
    pub version: Option<u32>,
    /// The event's own number in its log (`EventRecordID`); `None` if the record has none. If
    /// Windows exports the event to another log, this number stays, while the number in the
    /// record's header is a new one.
    pub event_record_id: Option<u64>,
    /// The machine that logged the event (`Computer`), even if another machine stored it; empty if
    /// the record has none.
    pub computer: String,
    /// The time at which the event was logged (`TimeCreated/@SystemTime`), as an instant. `None` if
    /// the text is missing or not a time.
    pub time_created: Option<EventTime>,
    /// The time at which the event was logged (`TimeCreated/@SystemTime`), as text; empty if the
    /// record has none.
    pub time_created_raw: String,
    /// The SID of the account that logged the event (`Security/@UserID`); `None` if the record has
    /// none.
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
