//! The kinds of events that are read. Each is a static table of its fields.
//!
//! All code that reads events takes the fields from these tables. A new field needs a line in a
//! table. A new kind needs a table, an entry in [`KINDS`] and an export in `lib`; `LogEvents` then
//! reads the events of the kind from a log. A field of a type that no kind has yet also needs a
//! [`FieldType`], which `scan::decode` (`event_data`, `direct`) and `scan::salvage::reliance` read.
//!
//! A sweep looks for DNS queries: Sysmon's and, with `--dns-client`, those of Windows' own DNS
//! client. With `--context`, it also looks for the creations and ends of the processes that made
//! the matching queries. A sweep that looks for another kind needs changes in `scan::scanner`,
//! `scan::skim`, `scan::salvage::recover`, `sweep::hits` (the role of an event),
//! `sweep::log_events`, `verify::record`, `detect::predicate::field`, and the log sources of both
//! rule languages (Sigma and SPL).
//!
//! Sources. Sysmon's fields: the manifests of its versions, as `sysmon -s` prints them. Fields of
//! Windows' DNS client: the provider's registered manifest, as listed by OSSEM's data dictionaries
//! of ETW providers, <https://github.com/OTRF/OSSEM>.

use super::System;
use super::field::{FieldLocation, FieldSpec, FieldType};
use super::system::{DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, SYSMON_CHANNEL, SYSMON_PROVIDER};
use crate::base::constant_text::is_same_text;

/// The event IDs with which Windows' own DNS client logs a query: 3006 when the query is made, 3008
/// when it is completed, 3020 when a server responds.
pub const DNS_CLIENT_QUERY_EVENT_IDS: [u32; 3] = [3006, 3008, 3020];

/// Every kind of event that dnsweep can read: Sysmon's DNS queries, queries of Windows' own DNS
/// client, and the creations and ends of processes.
pub const KINDS: [&EventKind; 4] = [&DNS_QUERY, &DNS_CLIENT_QUERY, &PROCESS_CREATION, &PROCESS_END];

/// Sysmon's event 22: a DNS query, with the process that made it.
pub static DNS_QUERY: EventKind = EventKind {
    name: "dns_query",
    title: "a DNS query",
    provider: SYSMON_PROVIDER,
    channel: SYSMON_CHANNEL,
    event_ids: &[22],
    signature: Some("DNS Query"),
    vendor_product: Some("Microsoft Sysmon"),
    fields: &[
        FieldSpec::data("RuleName", FieldType::Text),
        FieldSpec::data("UtcTime", FieldType::TextTime).always(),
        FieldSpec::data("ProcessGuid", FieldType::Guid).always().splunk(&["process_guid"]),
        FieldSpec::data("ProcessId", FieldType::Number).always().splunk(&["process_id"]),
        FieldSpec::data("QueryName", FieldType::Text).always().splunk(&["query"]),
        FieldSpec::data("QueryStatus", FieldType::TextNumber).always().splunk(&["reply_code_id"]),
        FieldSpec::data("QueryResults", FieldType::Text).always(),
        FieldSpec::data("Image", FieldType::Text).always().splunk(&["process_path"]),
        FieldSpec::data("User", FieldType::Text).splunk(&["user"]),
    ],
};

/// Events 3006, 3008 and 3020 of Windows' own DNS client: a query is made, a query is completed, a
/// server responds to a query.
///
/// Windows logs these events only if the log of the DNS client is enabled, and none of them names
/// an executable file. 3006 and 3008 are written by the process that asks, 3020 by the service that
/// asks on the process's behalf. 3006 has neither QueryStatus nor QueryResults. 3020 calls its
/// status `Status`, and later versions of it have the field ClientPID.
pub static DNS_CLIENT_QUERY: EventKind = EventKind {
    name: "dns_client_query",
    title: "a query of Windows' DNS client",
    provider: DNS_CLIENT_PROVIDER,
    channel: DNS_CLIENT_CHANNEL,
    event_ids: &DNS_CLIENT_QUERY_EVENT_IDS,
    signature: None,
    vendor_product: None,
    fields: &[
        FieldSpec::system("Execution/@ProcessID", FieldLocation::ExecutionProcessId).meaning("ProcessId"),
        FieldSpec::system("Security/@UserID", FieldLocation::SecurityUserId).meaning("UserID"),
        FieldSpec::data("ClientPID", FieldType::Number).meaning("ProcessId"),
        FieldSpec::data("QueryName", FieldType::Text),
        FieldSpec::data("QueryType", FieldType::Number),
        FieldSpec::data("QueryOptions", FieldType::Number),
        FieldSpec::data("QueryStatus", FieldType::Number).or_called(&["Status"]),
        FieldSpec::data("QueryResults", FieldType::Text),
    ],
};

/// Sysmon's event 1: a process was created.
pub static PROCESS_CREATION: EventKind = EventKind {
    name: "process_creation",
    title: "a process creation",
    provider: SYSMON_PROVIDER,
    channel: SYSMON_CHANNEL,
    event_ids: &[1],
    signature: None,
    vendor_product: Some("Microsoft Sysmon"),
    fields: &[
        FieldSpec::data("RuleName", FieldType::Text),
        FieldSpec::data("UtcTime", FieldType::TextTime).always(),
        FieldSpec::data("ProcessGuid", FieldType::Guid).always().splunk(&["process_guid"]),
        FieldSpec::data("ProcessId", FieldType::Number).always().splunk(&["process_id"]),
        FieldSpec::data("Image", FieldType::Text).always().splunk(&["process_path"]),
        FieldSpec::data("FileVersion", FieldType::Text),
        FieldSpec::data("Description", FieldType::Text),
        FieldSpec::data("Product", FieldType::Text),
        FieldSpec::data("Company", FieldType::Text),
        FieldSpec::data("OriginalFileName", FieldType::Text).splunk(&["original_file_name"]),
        FieldSpec::data("CommandLine", FieldType::Text).always().splunk(&["process"]),
        FieldSpec::data("CurrentDirectory", FieldType::Text).always().splunk(&["process_current_directory"]),
        FieldSpec::data("User", FieldType::Text).always().splunk(&["user"]),
        FieldSpec::data("LogonGuid", FieldType::Guid).always(),
        FieldSpec::data("LogonId", FieldType::Hexadecimal).always(),
        FieldSpec::data("TerminalSessionId", FieldType::Number).always(),
        FieldSpec::data("IntegrityLevel", FieldType::Text).always().splunk(&["process_integrity_level"]),
        FieldSpec::data("Hashes", FieldType::Text).always().splunk(&["process_hash"]),
        FieldSpec::data("ParentProcessGuid", FieldType::Guid).always().splunk(&["parent_process_guid"]),
        FieldSpec::data("ParentProcessId", FieldType::Number).always().splunk(&["parent_process_id"]),
        FieldSpec::data("ParentImage", FieldType::Text).always().splunk(&["parent_process_path"]),
        FieldSpec::data("ParentCommandLine", FieldType::Text).always().splunk(&["parent_process"]),
        FieldSpec::data("ParentUser", FieldType::Text),
    ],
};

/// Sysmon's event 5: a process ended.
pub static PROCESS_END: EventKind = EventKind {
    name: "process_termination",
    title: "the end of a process",
    provider: SYSMON_PROVIDER,
    channel: SYSMON_CHANNEL,
    event_ids: &[5],
    signature: None,
    vendor_product: Some("Microsoft Sysmon"),
    fields: &[
        FieldSpec::data("RuleName", FieldType::Text),
        FieldSpec::data("UtcTime", FieldType::TextTime).always(),
        FieldSpec::data("ProcessGuid", FieldType::Guid).always().splunk(&["process_guid"]),
        FieldSpec::data("ProcessId", FieldType::Number).always().splunk(&["process_id"]),
        FieldSpec::data("Image", FieldType::Text).always().splunk(&["process_path"]),
        FieldSpec::data("User", FieldType::Text).splunk(&["user"]),
    ],
};

/// A kind of event: the provider that logs these events, their event IDs, and their fields.
#[derive(Debug)]
pub struct EventKind {
    /// The name of this kind of event, such as `dns_query`: the category that Sigma rules state for
    /// events of this kind, if there is one. Serialized events refer to their kind by this name.
    pub name: &'static str,
    /// The words that messages use for one event of this kind, such as `a DNS query`.
    pub title: &'static str,
    /// The provider that logs events of this kind.
    pub provider: &'static str,
    /// The channel that events of this kind are logged to. A forwarded event still names it.
    pub channel: &'static str,
    /// The event IDs that events of this kind have.
    pub event_ids: &'static [u32],
    /// The value of Splunk's field `signature` in events of this kind, as Splunk's add-on for
    /// Sysmon sets it. `None` if the value is not known.
    pub signature: Option<&'static str>,
    /// The value of Splunk's field `vendor_product` in events of this kind, as Splunk's add-on for
    /// Sysmon sets it. `None` if the value is not known.
    pub vendor_product: Option<&'static str>,
    /// The fields of events of this kind. The hash by which the output identifies an event covers
    /// the values of the fields in this order, except those that are not
    /// [`hashed`](FieldSpec::hashed).
    pub fields: &'static [FieldSpec],
}

impl EventKind {
    /// Returns whether an event with the `System` part `system` is of this kind: whether it has one
    /// of the kind's event IDs, and the kind's provider or channel in any letter case. The name of
    /// the log file does not matter. The event ID alone is not enough, because other providers use
    /// the same IDs for other events.
    #[must_use]
    pub fn includes(&self, system: &System) -> bool {
        self.event_ids.contains(&system.event_id) && self.is_logger(system)
    }

    /// Returns whether `system`, the `System` part of an event, names this kind's provider or
    /// channel, in any letter case.
    #[must_use]
    pub fn is_logger(&self, system: &System) -> bool {
        system.provider.eq_ignore_ascii_case(self.provider)
            || system.channel.eq_ignore_ascii_case(self.channel)
    }

    /// Returns a `System` part with this kind's provider, channel and first event ID. All its other
    /// elements are missing.
    #[must_use]
    pub fn system(&self) -> System {
        System {
            provider: self.provider.to_owned(),
            channel: self.channel.to_owned(),
            event_id: self.event_ids.first().copied().unwrap_or_default(),
            ..System::default()
        }
    }

    /// Returns the names of the fields that every version of the provider of this kind writes.
    pub fn required(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.always).map(|field| field.name)
    }

    /// Returns the positions, in [`EventKind::fields`], of the fields whose name in the record or
    /// whose meaning (the name by which detections refer to a field) is `name`. Several fields can
    /// have one meaning.
    pub(super) fn indexes<'k>(&'k self, name: &'k str) -> impl DoubleEndedIterator<Item = usize> + 'k {
        let fields = self.fields.iter().enumerate();
        let named = fields.filter(move |(_, field)| field.meaning == name || field.name == name);
        named.map(|(index, _)| index)
    }

    /// Returns the position, in [`EventKind::fields`], of the last field whose meaning (the name by
    /// which detections refer to a field) is `name`. `None` if there is no such field, or if its
    /// value is stored in the event's `System` part. It is `const`, so that names in the code are
    /// looked up when the code is compiled.
    pub(super) const fn place_of(&self, name: &str) -> Option<usize> {
        let mut fields = self.fields;
        while let [before @ .., field] = fields {
            if is_same_text(field.meaning, name) {
                return if matches!(field.location, FieldLocation::SecurityUserId) {
                    None
                } else {
                    Some(before.len())
                };
            }
            fields = before;
        }
        None
    }

    /// Returns the field whose name in the record or whose meaning (the name by which detections
    /// refer to a field) is `name`. If several fields have that meaning, the result is the last one
    /// in [`EventKind::fields`], which is the most exact. `None` if the kind has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.get(self.indexes(name).next_back()?)
    }
}

/// Two kinds of events are equal if their names are.
impl PartialEq for EventKind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.name == other.name
    }
}

impl Eq for EventKind {}

/// A set of kinds of events. The events of these kinds are read from a log with all their fields.
/// Events of other kinds are only counted.
///
/// Some of the kinds can be read beside the others ([`KindSet::with_beside`]), as an addition that
/// does not change what is counted as damage. If an event of such an added kind cannot be read with
/// its fields, it is only counted, like an event of a kind that is not in the set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindSet {
    /// The members of the set: one bit for each entry of [`KINDS`], the lowest bit for the first
    /// entry.
    members: u8,
    /// The members that are read beside the others (an event of theirs that cannot be read with its
    /// fields is not damage), as bits like those of `members`.
    beside: u8,
}

/// Returns the bit that stands for `kind` in a [`KindSet`]; 0 if it is not in [`KINDS`].
fn bit_of(kind: &EventKind) -> u8 {
    let index = KINDS.iter().position(|known| *known == kind);
    index.map_or(0, |index| 1 << index)
}

impl KindSet {
    /// Returns the set with `kind` added. A kind that is not in [`KINDS`] is ignored. If `kind` was
    /// read beside the others ([`KindSet::with_beside`]), it no longer is: an event of it that
    /// cannot be read with its fields is damage from now on.
    #[must_use]
    pub fn with(self, kind: &EventKind) -> Self {
        KindSet { members: self.members | bit_of(kind), beside: self.beside & !bit_of(kind) }
    }

    /// Returns the set with `kind` added, to be read beside the kinds that are in the set already:
    /// an event of `kind` that cannot be read with its fields is not damage. Nothing changes if
    /// `kind` is in the set already.
    #[must_use]
    pub fn with_beside(self, kind: &EventKind) -> Self {
        let new = bit_of(kind) & !self.members;
        KindSet { members: self.members | new, beside: self.beside | new }
    }

    /// Returns the set with `kind` removed.
    #[must_use]
    pub fn without(self, kind: &EventKind) -> Self {
        KindSet { members: self.members & !bit_of(kind), beside: self.beside & !bit_of(kind) }
    }

    /// Returns the set without the kinds that are read beside the others. These were added by
    /// [`KindSet::with_beside`]: an event of theirs that cannot be read with its fields is not
    /// damage.
    #[must_use]
    pub fn without_beside(self) -> Self {
        KindSet { members: self.members & !self.beside, beside: 0 }
    }

    /// Returns the kind of an event with this `System` part; `None` if the event is of no kind in
    /// the set.
    #[must_use]
    pub fn kind_of(self, system: &System) -> Option<&'static EventKind> {
        self.kinds().find(|kind| kind.includes(system))
    }

    /// Returns the fields of all kinds in the set.
    pub fn fields(self) -> impl Iterator<Item = &'static FieldSpec> {
        self.kinds().flat_map(|kind| kind.fields)
    }

    fn kinds(self) -> impl Iterator<Item = &'static EventKind> {
        let members = KINDS.into_iter().enumerate();
        members.filter(move |(index, _)| self.members >> index & 1 == 1).map(|(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_field_of_a_kind() {
        for kind in KINDS {
            let names: Vec<&str> = kind
                .fields
                .iter()
                .flat_map(|field| field.data_names().chain(field.splunk.iter().copied()))
                .collect();
            for (index, name) in names.iter().enumerate() {
                assert!(!names.iter().skip(index + 1).any(|other| other == name), "{}: {name}", kind.name);
            }
            assert!(names.len() <= 64, "{}: a bit for each name", kind.name);
        }
    }

    #[test]
    fn an_event_is_of_a_kind_by_its_number_and_by_who_logged_it() {
        let system = |provider: &str, channel: &str, event_id| System {
            provider: provider.to_owned(),
            channel: channel.to_owned(),
            event_id,
            ..System::default()
        };
        let all = KINDS.iter().fold(KindSet::default(), |set, kind| set.with(kind));
        for (provider, channel, id, kind) in [
            ("MICROSOFT-WINDOWS-SYSMON", "", 22, Some(&DNS_QUERY)),
            ("", "Microsoft-Windows-Sysmon/Operational", 22, Some(&DNS_QUERY)),
            ("Microsoft-Windows-Sysmon", "", 1, Some(&PROCESS_CREATION)),
            ("Microsoft-Windows-Sysmon", "", 3, None),
            ("Microsoft-Windows-Sysmon", "", 3008, None),
            ("Microsoft-Windows-DNS-Client", "", 3008, Some(&DNS_CLIENT_QUERY)),
            ("Microsoft-Windows-DNS-Client", "", 22, None),
            ("Other", "System", 22, None),
        ] {
            let system = system(provider, channel, id);
            assert_eq!(all.kind_of(&system), kind, "{provider} {channel} {id}");
            assert_eq!(KindSet::default().kind_of(&system), None);
        }
    }
}
