//! Decoded events as pure data: what a record says, with no knowledge of where it was stored,
//! how it was decoded, or what will be made of it.

mod dns_client;
mod dns_query;
mod query_results;
mod query_status;
mod system;
mod time;
mod window;

pub use dns_client::DnsClientEvent;
pub use dns_query::{DNS_QUERY_FIELDS, DnsQueryEvent, process_name_of};
pub use query_results::{Answer, AnswerItem, QueryResults, answer_items, whole_items};
pub use query_status::query_status_name;
pub use system::{
    DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, DNS_CLIENT_QUERY_EVENT_IDS, SYSMON_CHANNEL, SYSMON_PROVIDER,
    System,
};
pub(crate) use time::FILETIME_OF_9999;
pub use time::{
    EventTime, Span, TimeError, TimePart, parse_end_of_day, parse_instant, parse_span_back, time_zone,
};
pub use window::Window;
