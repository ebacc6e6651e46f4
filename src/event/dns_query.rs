//! Sysmon event 22: one DNS query of one process, with its fields taken by name.

use super::System;
use crate::base::byte_search::find_last;

/// The fields that every version of Sysmon writes of a DNS query, in its order.
pub const DNS_QUERY_FIELDS: [&str; 7] =
    ["UtcTime", "ProcessGuid", "ProcessId", "QueryName", "QueryStatus", "QueryResults", "Image"];

/// A DNS query as Sysmon logged it. Values are the logged text, less the NUL that ends values of
/// logs taken live; a field that the record does not have is `None`, an empty one is `Some("")`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DnsQueryEvent {
    /// The event's `System` part.
    pub system: System,
    /// Name of the Sysmon rule that let the event through, `-` when none did.
    pub rule_name: Option<String>,
    /// When the query happened, as logged: `2024-01-31 10:15:30.123`, UTC.
    pub utc_time: Option<String>,
    /// The process's GUID in its canonical form: lower case, without braces.
    pub process_guid: Option<String>,
    /// The querying process's number, decimal. (`Execution/@ProcessID` is the Sysmon service.)
    pub process_id: Option<String>,
    /// The name asked for. Need not be a domain.
    pub query_name: Option<String>,
    /// Windows error code, decimal text.
    pub query_status: Option<String>,
    /// What the resolver answered: items ended by `;`, or `-`.
    pub query_results: Option<String>,
    /// Path of the querying process's image.
    pub image: Option<String>,
    /// Account of the querying process; absent in logs of older Sysmon.
    pub user: Option<String>,
    /// Which type of record is asked for, decimal. Only Windows' own DNS client logs it.
    pub query_type: Option<String>,
    /// Options of the query, decimal. Only Windows' own DNS client logs them.
    pub query_options: Option<String>,
}

impl DnsQueryEvent {
    /// Whether it has none of the fields of a DNS query.
    #[must_use]
    pub fn is_without_data(&self) -> bool {
        *self == DnsQueryEvent { system: self.system.clone(), ..DnsQueryEvent::default() }
    }

    /// Which of the fields that every version of Sysmon writes are missing.
    #[must_use]
    pub fn missing_fields(&self) -> Vec<&'static str> {
        let values = [
            &self.utc_time,
            &self.process_guid,
            &self.process_id,
            &self.query_name,
            &self.query_status,
            &self.query_results,
            &self.image,
        ];
        DNS_QUERY_FIELDS
            .into_iter()
            .zip(values)
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name)
            .collect()
    }

    /// Bytes of all its texts.
    #[must_use]
    pub fn text_length(&self) -> usize {
        let System { provider, channel, computer, time_created_raw, user_id, .. } = &self.system;
        let texts = [
            &self.rule_name,
            &self.utc_time,
            &self.process_guid,
            &self.process_id,
            &self.query_name,
            &self.query_status,
            &self.query_results,
            &self.image,
            &self.user,
            user_id,
        ];
        let always = [provider, channel, computer, time_created_raw];
        texts.into_iter().flatten().chain(always).map(String::len).sum()
    }

    /// The image's file name: see [`process_name_of`].
    #[must_use]
    pub fn process_name(&self) -> Option<&str> {
        self.image.as_deref().map(process_name_of)
    }
}

/// What follows the last backslash of an image path; all of it where there is none.
#[must_use]
pub fn process_name_of(image: &str) -> &str {
    find_last(b'\\', image.as_bytes()).and_then(|last| image.get(last + 1..)).unwrap_or(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_name_is_what_follows_the_last_backslash() {
        for (image, name) in [
            (r"C:\Windows\cmd.exe", "cmd.exe"),
            ("cmd.exe", "cmd.exe"),
            (r"C:\dir\", ""),
            ("<unknown process>", "<unknown process>"),
            ("", ""),
        ] {
            assert_eq!(process_name_of(image), name, "{image}");
        }
    }
}
