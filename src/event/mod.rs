//! Events as plain data: what a record says, independent of the log that stores the record and of
//! the code that decodes it.

mod domain_name;
#[expect(clippy::module_inception, reason = "it holds an event as this module holds what there is of events")]
mod event;
mod field;
mod guid;
mod kind;
mod queried_name;
mod query_results;
mod query_status;
mod record_view;
mod system;
mod time;
mod window;

pub use domain_name::ascii_name;
pub use event::{Event, process_name_of};
pub use field::{FieldLocation, FieldSpec, FieldType};
pub use guid::Guid;
pub use kind::{
    DNS_CLIENT_QUERY, DNS_CLIENT_QUERY_EVENT_IDS, DNS_QUERY, EventKind, KINDS, KindSet, PROCESS_CREATION,
    PROCESS_END,
};
pub use queried_name::{PUBLIC_SUFFIX_LIST, PublicSuffixList, QueriedName, is_public_suffix};
pub use query_results::{Answer, AnswerItem, QueryResults, answer_items, record_type_name, whole_items};
pub use query_status::query_status_name;
pub use record_view::{RecordPart, RecordView};
pub use system::{DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, SYSMON_CHANNEL, SYSMON_PROVIDER, System};
pub(crate) use time::FILETIME_OF_9999;
pub use time::{
    EventTime, Span, TimeError, TimePart, parse_end_of_day, parse_since, parse_span_back, parse_until,
    time_zone,
};
pub use window::Window;
