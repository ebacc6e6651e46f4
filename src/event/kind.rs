//! The kinds of events that are read, each a static table of its fields. Whatever reads an event,
//! or makes something of one, takes the fields from its table: a new field is a line of a table
//! here, and a new kind is a table here and a place in [`KINDS`].
//!
//! Fields of Sysmon's events: the manifests of its versions, as `sysmon -s` prints them. Those of
//! Windows' DNS client: the provider's registered manifest, as listed by OSSEM's data dictionaries
//! of ETW providers, <https://github.com/OTRF/OSSEM>.

use super::System;
use super::system::{DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, SYSMON_CHANNEL, SYSMON_PROVIDER};

/// The numbers of the events that Windows' own DNS client logs of a query: it is made, it is
/// completed, a server's response.
pub const DNS_CLIENT_QUERY_EVENT_IDS: [u32; 3] = [3006, 3008, 3020];

/// The kinds of events that are read.
pub const KINDS: [&EventKind; 3] = [&DNS_QUERY, &DNS_CLIENT_QUERY, &PROCESS_CREATION];

/// Sysmon's event 22: a DNS query, with the process that asked.
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

/// What Windows' own DNS client logs of a query, where its log is enabled. No such event names an
/// image. 3006 and 3008 are written by the process that asks, 3020 by the service that asks on its
/// behalf. 3006 has neither QueryStatus nor QueryResults; 3020 calls its status Status, and later
/// versions of it have ClientPID.
pub static DNS_CLIENT_QUERY: EventKind = EventKind {
    name: "dns_client_query",
    title: "a query of Windows' DNS client",
    provider: DNS_CLIENT_PROVIDER,
    channel: DNS_CLIENT_CHANNEL,
    event_ids: &DNS_CLIENT_QUERY_EVENT_IDS,
    signature: None,
    vendor_product: None,
    fields: &[
        FieldSpec::system("Execution/@ProcessID", Place::ExecutionProcessId).meaning("ProcessId"),
        FieldSpec::system("Security/@UserID", Place::SecurityUserId).meaning("UserID"),
        FieldSpec::data("ClientPID", FieldType::Number).meaning("ProcessId"),
        FieldSpec::data("QueryName", FieldType::Text),
        FieldSpec::data("QueryType", FieldType::Number),
        FieldSpec::data("QueryOptions", FieldType::Number),
        FieldSpec::data("QueryStatus", FieldType::Number).or_called(&["Status"]),
        FieldSpec::data("QueryResults", FieldType::Text),
    ],
};

/// Sysmon's event 1: a process begins.
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

/// A kind of event: who logs it, as which numbers, and which fields it has.
#[derive(Debug)]
pub struct EventKind {
    /// Its name: the category that Sigma has for it, where there is one.
    pub name: &'static str,
    /// What one such event is called in messages.
    pub title: &'static str,
    /// The provider that logs it.
    pub provider: &'static str,
    /// The channel that it is logged to, which a forwarded copy keeps.
    pub channel: &'static str,
    /// Its event numbers.
    pub event_ids: &'static [u32],
    /// What Splunk's add-on says of it in `signature`.
    pub signature: Option<&'static str>,
    /// What Splunk's add-on says of it in `vendor_product`.
    pub vendor_product: Option<&'static str>,
    /// Its fields. An event's hash is of their values in this order.
    pub fields: &'static [FieldSpec],
}

/// A field of a kind of event.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// What the record calls it, and Sigma too: the Name of its `Data`; or where in `System` it is.
    pub name: &'static str,
    /// What other versions, or other events of the kind, call it.
    pub other_names: &'static [&'static str],
    /// The name under which rules ask for it, whatever the kind. Where several fields of a kind
    /// have one meaning, the last of them that an event has is the most exact.
    pub meaning: &'static str,
    /// What Splunk's add-on calls it besides `name`.
    pub splunk: &'static [&'static str],
    /// Where in an event it is.
    pub place: Place,
    /// How its value is stored.
    pub field_type: FieldType,
    /// Whether every version writes it.
    pub always: bool,
    /// Whether an event's hash is of it, too. A field that is added to a table later is none of the
    /// hash, or the hashes of all outputs before would be others.
    pub hashed: bool,
}

/// Where in an event a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A `Data` of `EventData`.
    Data,
    /// `System/Execution/@ProcessID`: the process that wrote the event.
    ExecutionProcessId,
    /// `System/Security/@UserID`, which [`System`] has.
    SecurityUserId,
}

/// How a value is stored in a record that was not forwarded; a forwarded one holds all as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// As text that can say anything.
    Text,
    /// As text that is a decimal number.
    TextNumber,
    /// As text that is a time.
    TextTime,
    /// As a number that is shown in decimal.
    Number,
    /// As a number of 64 bits that is shown in hexadecimal.
    Hexadecimal,
    /// As a GUID.
    Guid,
}

impl EventKind {
    /// Whether an event is of this kind: by its number, and by the provider or the channel that the
    /// record itself names, in any case of letters, whatever its file is called. Other providers
    /// give the same numbers to other events.
    #[must_use]
    pub fn includes(&self, system: &System) -> bool {
        self.event_ids.contains(&system.event_id) && self.is_logger(system)
    }

    /// Whether the event was logged by what logs this kind: it names the same provider or channel,
    /// in any case of letters.
    #[must_use]
    pub fn is_logger(&self, system: &System) -> bool {
        system.provider.eq_ignore_ascii_case(self.provider)
            || system.channel.eq_ignore_ascii_case(self.channel)
    }

    /// The `System` part of an event of this kind that says nothing but its kind, with the first of
    /// the kind's numbers.
    #[must_use]
    pub fn system(&self) -> System {
        System {
            provider: self.provider.to_owned(),
            channel: self.channel.to_owned(),
            event_id: self.event_ids.first().copied().unwrap_or_default(),
            ..System::default()
        }
    }

    /// The names of the fields that every version writes.
    pub fn required(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.always).map(|field| field.name)
    }

    /// The places in the table of the fields with that name in the record, or with that meaning.
    pub(super) fn places<'k>(&'k self, name: &'k str) -> impl DoubleEndedIterator<Item = usize> + 'k {
        let fields = self.fields.iter().enumerate();
        let named = fields.filter(move |(_, field)| field.meaning == name || field.name == name);
        named.map(|(place, _)| place)
    }

    /// The field with that name in the record, or the most exact one with that meaning.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.get(self.places(name).next_back()?)
    }
}

/// Two kinds are the same if they have the same name.
impl PartialEq for EventKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for EventKind {}

impl FieldSpec {
    /// A field of `EventData`.
    const fn data(name: &'static str, field_type: FieldType) -> Self {
        FieldSpec {
            name,
            other_names: &[],
            meaning: name,
            splunk: &[],
            place: Place::Data,
            field_type,
            always: false,
            hashed: true,
        }
    }

    /// A number or a text of `System`.
    const fn system(name: &'static str, place: Place) -> Self {
        FieldSpec { place, ..FieldSpec::data(name, FieldType::Number) }
    }

    /// This field, which every version writes.
    const fn always(self) -> Self {
        FieldSpec { always: true, ..self }
    }

    /// This field, which Splunk's add-on calls so, too.
    const fn splunk(self, splunk: &'static [&'static str]) -> Self {
        FieldSpec { splunk, ..self }
    }

    /// This field, which rules ask for under that name.
    const fn meaning(self, meaning: &'static str) -> Self {
        FieldSpec { meaning, ..self }
    }

    /// This field, which some events call so instead.
    const fn or_called(self, other_names: &'static [&'static str]) -> Self {
        FieldSpec { other_names, ..self }
    }

    /// All that events call it in their data, the first to be preferred; nothing for a field of
    /// `System`.
    pub fn data_names(&self) -> impl Iterator<Item = &'static str> {
        let name = (self.place == Place::Data).then_some(self.name);
        name.into_iter().chain(self.other_names.iter().copied())
    }
}

impl FieldType {
    /// Whether a record holds the value as text in which a part of it can be searched for.
    #[must_use]
    pub fn is_searchable(self) -> bool {
        matches!(self, FieldType::Text | FieldType::TextNumber)
    }
}

/// A choice of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindSet(
    /// A bit for each of [`KINDS`].
    u8,
);

impl KindSet {
    /// This choice, and that kind.
    #[must_use]
    pub fn with(self, kind: &EventKind) -> Self {
        let place = KINDS.iter().position(|known| *known == kind);
        place.map_or(self, |place| KindSet(self.0 | 1 << place))
    }

    /// The kind of an event, if it is one of these.
    #[must_use]
    pub fn kind_of(self, system: &System) -> Option<&'static EventKind> {
        let chosen = KINDS.iter().enumerate().filter(|(place, _)| self.0 >> place & 1 == 1);
        chosen.map(|(_, kind)| *kind).find(|kind| kind.includes(system))
    }

    /// The fields of all of these kinds.
    pub fn fields(self) -> impl Iterator<Item = &'static FieldSpec> {
        let chosen = KINDS.into_iter().enumerate().filter(move |(place, _)| self.0 >> place & 1 == 1);
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
            for (place, name) in names.iter().enumerate() {
                assert!(!names.iter().skip(place + 1).any(|other| other == name), "{}: {name}", kind.name);
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
