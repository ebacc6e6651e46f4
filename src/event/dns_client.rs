//! What Windows' own DNS client logs of a query, with its fields taken by name.
//!
//! Fields, from the provider's registered manifest (as listed by OSSEM's data dictionaries of ETW
//! providers, <https://github.com/OTRF/OSSEM>): 3006, a query is made, has `QueryName`, `QueryType`
//! and `QueryOptions`; 3008, it is completed, has `QueryStatus` and `QueryResults` besides; 3020, a
//! server's response, has `QueryName`, `QueryType`, `Status` and `QueryResults`, and in its later
//! versions `ClientPID`. 3006 and 3008 are written by the process that asks, 3020 by the service
//! that asks on its behalf.

use super::{DnsQueryEvent, System};

/// A query as Windows' DNS client logged it. No such event names an image. Values are the logged
/// text; a field that the record does not have is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DnsClientEvent {
    /// The event's `System` part. Its user is that of the process that wrote the event.
    pub system: System,
    /// `Execution/@ProcessID`: the number of the process that wrote the event, decimal.
    pub process_id: Option<String>,
    /// `ClientPID`: the number of the process that asks, where another one wrote the event.
    pub client_process_id: Option<String>,
    /// The name asked for.
    pub query_name: Option<String>,
    /// Which type of record is asked for, decimal.
    pub query_type: Option<String>,
    /// Options of the query, decimal.
    pub query_options: Option<String>,
    /// Windows error code, decimal: `QueryStatus`, or `Status` where the event calls it so.
    pub query_status: Option<String>,
    /// What the resolver answered, in the form of Sysmon's.
    pub query_results: Option<String>,
}

impl DnsClientEvent {
    /// The name asked for, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.query_name.as_deref().filter(|name| !name.is_empty())
    }

    /// The event in the form of Sysmon's, so that a condition on one can be asked of it: the fields
    /// that only Sysmon has are absent.
    #[must_use]
    pub fn as_dns_query(&self) -> DnsQueryEvent {
        DnsQueryEvent {
            system: self.system.clone(),
            process_id: self.client_process_id.clone().or_else(|| self.process_id.clone()),
            query_name: self.query_name.clone(),
            query_status: self.query_status.clone(),
            query_results: self.query_results.clone(),
            query_type: self.query_type.clone(),
            query_options: self.query_options.clone(),
            ..DnsQueryEvent::default()
        }
    }
}
