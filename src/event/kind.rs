//! The kinds of events that are read, each a static table of its fields.
//!
//! All code that reads events takes the fields from these tables. A new field is a line in a table;
//! a new kind is a table and an entry in [`KINDS`], after which the events of the kind can be read
//! from a log. DNS queries alone are counted by the skim, recovered from deleted records, and
//! matched by rules.
//!
//! Sources. Sysmon's fields: the manifests of its versions, as `sysmon -s` prints them. Fields of
//! Windows' DNS client: the provider's registered manifest, as listed by OSSEM's data dictionaries
//! of ETW providers, <https://github.com/OTRF/OSSEM>.

use super::System;
use super::system::{DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, SYSMON_CHANNEL, SYSMON_PROVIDER};

/// The event IDs with which Windows' own DNS client logs a query: 3006 when it is made, 3008 when
/// it is completed, 3020 for a server's response.
pub const DNS_CLIENT_QUERY_EVENT_IDS: [u32; 3] = [3006, 3008, 3020];

/// Every kind of event that is read.
pub const KINDS: [&EventKind; 3] = [&DNS_QUERY, &DNS_CLIENT_QUERY, &PROCESS_CREATION];

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

/// Events 3006, 3008 and 3020 of Windows' own DNS client: a query is made, is completed, or is
/// answered by a server.
///
/// They are logged only if the client's log is enabled, and none of them names an image. 3006 and
/// 3008 are written by the process that asks, 3020 by the service that asks on its behalf. 3006 has
/// neither QueryStatus nor QueryResults. 3020 calls its status `Status`, and later versions of it
/// have ClientPID.
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

/// A kind of event: which provider logs it, under which event IDs, and with which fields.
#[derive(Debug)]
pub struct EventKind {
    /// The kind's name: Sigma's category for such events, if there is one.
    pub name: &'static str,
    /// What messages call one event of the kind, such as `a DNS query`.
    pub title: &'static str,
    /// The provider that logs events of this kind.
    pub provider: &'static str,
    /// The channel that events of this kind are logged to. A forwarded event still names it.
    pub channel: &'static str,
    /// The event IDs of this kind.
    pub event_ids: &'static [u32],
    /// The value of the field `signature` in Splunk, as Splunk's add-on for this kind sets it.
    pub signature: Option<&'static str>,
    /// The value of the field `vendor_product` in Splunk, as Splunk's add-on for this kind sets it.
    pub vendor_product: Option<&'static str>,
    /// The fields of this kind. The hash of an event covers their values in this order.
    pub fields: &'static [FieldSpec],
}

/// A field in the table of a kind of event.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// The field's name in the record and in Sigma: the Name of a `Data` element, or a path in
    /// `System`.
    pub name: &'static str,
    /// The field's names in other versions or other events of the kind.
    pub other_names: &'static [&'static str],
    /// The name that rules use for the field, whatever the kind of event. If several fields of a
    /// kind share a meaning, the last one that an event has is the most exact.
    pub meaning: &'static str,
    /// The field's names in Splunk besides `name`, as Splunk's add-on sets them.
    pub splunk: &'static [&'static str],
    /// The part of an event in which the field is found.
    pub location: FieldLocation,
    /// The type in which the field's value is stored.
    pub field_type: FieldType,
    /// True if every version of the provider writes the field.
    pub always: bool,
    /// True if an event's hash covers the field. A field that is added to a table later is not
    /// hashed, because all hashes in earlier outputs would change.
    pub hashed: bool,
}

/// The part of an event in which a field is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldLocation {
    /// A `Data` element of `EventData`.
    Data,
    /// The attribute `System/Execution/@ProcessID`: the ID of the process that wrote the event.
    ExecutionProcessId,
    /// The attribute `System/Security/@UserID`. The value is in the event's [`System`] part.
    SecurityUserId,
}

/// The type in which a field's value is stored in a record that was not forwarded. A forwarded
/// record stores every value as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Arbitrary text.
    Text,
    /// Text that is a decimal number.
    TextNumber,
    /// Text that is a time.
    TextTime,
    /// A binary number, shown in decimal.
    Number,
    /// A binary 64-bit number, shown in hexadecimal.
    Hexadecimal,
    /// A binary GUID.
    Guid,
}

impl EventKind {
    /// Returns whether an event is of this kind, given its `System` part: its event ID, and its
    /// provider or channel in any letter case. The record decides, not the name of its file. Other
    /// providers use the same event IDs for other events.
    #[must_use]
    pub fn includes(&self, system: &System) -> bool {
        self.event_ids.contains(&system.event_id) && self.is_logger(system)
    }

    /// Returns whether an event names this kind's provider or channel, in any letter case.
    #[must_use]
    pub fn is_logger(&self, system: &System) -> bool {
        system.provider.eq_ignore_ascii_case(self.provider)
            || system.channel.eq_ignore_ascii_case(self.channel)
    }

    /// Returns a `System` part with this kind's provider, channel and first event ID, and nothing
    /// else.
    #[must_use]
    pub fn system(&self) -> System {
        System {
            provider: self.provider.to_owned(),
            channel: self.channel.to_owned(),
            event_id: self.event_ids.first().copied().unwrap_or_default(),
            ..System::default()
        }
    }

    /// Returns the names of the fields that every version of the provider writes.
    pub fn required(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.always).map(|field| field.name)
    }

    /// Returns the positions, in the kind's table, of the fields whose name in the record or whose
    /// meaning is `name`.
    pub(super) fn indexes<'k>(&'k self, name: &'k str) -> impl DoubleEndedIterator<Item = usize> + 'k {
        let fields = self.fields.iter().enumerate();
        let named = fields.filter(move |(_, field)| field.meaning == name || field.name == name);
        named.map(|(index, _)| index)
    }

    /// Returns the field whose name in the record or whose meaning is `name`; the most exact one if
    /// there are several.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.get(self.indexes(name).next_back()?)
    }
}

/// Kinds are equal if their names are.
impl PartialEq for EventKind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.name == other.name
    }
}

impl Eq for EventKind {}

impl FieldSpec {
    /// Returns a field of `EventData`.
    const fn data(name: &'static str, field_type: FieldType) -> Self {
        FieldSpec {
            name,
            other_names: &[],
            meaning: name,
            splunk: &[],
            location: FieldLocation::Data,
            field_type,
            always: false,
            hashed: true,
        }
    }

    /// Returns a field of `System`.
    const fn system(name: &'static str, location: FieldLocation) -> Self {
        FieldSpec { location, ..FieldSpec::data(name, FieldType::Number) }
    }

    /// Returns the field, marked as one that every version of the provider writes.
    const fn always(self) -> Self {
        FieldSpec { always: true, ..self }
    }

    /// Returns the field with the names that Splunk's add-on gives it.
    const fn splunk(self, splunk: &'static [&'static str]) -> Self {
        FieldSpec { splunk, ..self }
    }

    /// Returns the field with `meaning` as the name that rules use for it.
    const fn meaning(self, meaning: &'static str) -> Self {
        FieldSpec { meaning, ..self }
    }

    /// Returns the field with names that it has in some events instead.
    const fn or_called(self, other_names: &'static [&'static str]) -> Self {
        FieldSpec { other_names, ..self }
    }

    /// Returns the field's possible names in `EventData`, the preferred one first. A field of
    /// `System` has none.
    pub fn data_names(&self) -> impl Iterator<Item = &'static str> {
        let name = (self.location == FieldLocation::Data).then_some(self.name);
        name.into_iter().chain(self.other_names.iter().copied())
    }
}

impl FieldType {
    /// Returns whether a record stores a value of this type as text, in which a substring can be
    /// searched for.
    #[must_use]
    pub fn is_searchable(self) -> bool {
        matches!(self, FieldType::Text | FieldType::TextNumber)
    }
}

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindSet(
    /// One bit for each entry of [`KINDS`].
    u8,
);

impl KindSet {
    /// Returns the set with `kind` added.
    #[must_use]
    pub fn with(self, kind: &EventKind) -> Self {
        let index = KINDS.iter().position(|known| *known == kind);
        index.map_or(self, |index| KindSet(self.0 | 1 << index))
    }

    /// Returns the kind of an event with this `System` part, if that kind is in the set.
    #[must_use]
    pub fn kind_of(self, system: &System) -> Option<&'static EventKind> {
        let chosen = KINDS.iter().enumerate().filter(|(index, _)| self.0 >> index & 1 == 1);
        chosen.map(|(_, kind)| *kind).find(|kind| kind.includes(system))
    }

    /// Returns the fields of all kinds in the set.
    pub fn fields(self) -> impl Iterator<Item = &'static FieldSpec> {
        let chosen = KINDS.into_iter().enumerate().filter(move |(index, _)| self.0 >> index & 1 == 1);
        chosen.flat_map(|(_, kind)| kind.fields)
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
