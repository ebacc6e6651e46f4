//! The fields of a DNS query, under the names that rules use. This module decides which part of an
//! event the name of a field stands for, and nothing else.

use std::borrow::Cow;

use crate::event::{
    AnswerItem, DNS_CLIENT_QUERY, DNS_QUERY, Event, FieldLocation, FieldSpec, FieldType,
    answer_items as answers, query_status_name,
};

/// The number of 100 ns intervals in a second. [`crate::event::EventTime::ticks`] counts in these
/// intervals.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// A field of a DNS query that a rule can compare: a value in the event's XML, or one that is
/// computed from such values, as Splunk's add-on for Sysmon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A field that only some kinds of events have, in most cases as a `Data` element of their XML.
    /// It is identified by its meaning ([`FieldSpec::meaning`]), such as `QueryName`.
    Data(&'static str),
    /// The answers to the DNS query, one value for each: the names in DNS records, and the
    /// addresses.
    Answer,
    /// The number of answers to the DNS query, which are the values of [`Field::Answer`]; absent if
    /// there are none.
    AnswerCount,
    /// The log channel of the event, from `System/Channel`.
    Channel,
    /// The name of the computer that wrote the event, from `System/Computer`.
    Computer,
    /// The number of the kind of event, such as 22, from `System/EventID`.
    EventId,
    /// The number of the event in its log, from `System/EventRecordID`.
    EventRecordId,
    /// The file name of the executable of the process that made the DNS query, without its folder.
    ProcessName,
    /// The name of the program that wrote the event, from `System/Provider/@Name`.
    Provider,
    /// The number of names in the DNS query, which is always 1. Splunk's data model of DNS events
    /// has this field as `query_count`.
    QueryCount,
    /// The types of the DNS records among the answers to the DNS query, such as `CNAME`: one value
    /// for each record.
    RecordType,
    /// The name of the Windows error code with which the DNS query ended.
    ReplyCode,
    /// The name that Splunk's add-on for Sysmon gives the kind of the event, such as `DNS Query`.
    Signature,
    /// The time at which the event was written, from `System/TimeCreated`. Splunk calls it `_time`.
    Time,
    /// The SID of the account that wrote the event, from `System/Security/@UserID`.
    UserId,
    /// The product that wrote the event, such as `Microsoft Sysmon`. It is a constant of Splunk's
    /// add-on for Sysmon.
    VendorProduct,
}

/// The names that a search of Splunk may use for every [`Field`] except [`Field::Data`]: Sysmon's
/// own names, and those of Splunk's add-on for Sysmon. A field may have several names; each name
/// means one field.
const NAMES: [(&str, Field); 24] = [
    ("Channel", Field::Channel),
    ("Computer", Field::Computer),
    ("EventCode", Field::EventId),
    ("EventID", Field::EventId),
    ("EventRecordID", Field::EventRecordId),
    ("Provider", Field::Provider),
    ("UserID", Field::UserId),
    ("_time", Field::Time),
    ("answer", Field::Answer),
    ("answer_count", Field::AnswerCount),
    ("dest", Field::Computer),
    ("dvc", Field::Computer),
    ("host", Field::Computer),
    ("process_name", Field::ProcessName),
    ("process_exec", Field::ProcessName),
    ("query_count", Field::QueryCount),
    ("record_type", Field::RecordType),
    ("reply_code", Field::ReplyCode),
    ("signature", Field::Signature),
    ("signature_id", Field::EventId),
    ("source_name", Field::Provider),
    ("src", Field::Computer),
    ("user_id", Field::UserId),
    ("vendor_product", Field::VendorProduct),
];

/// Every name that a search of Splunk may use for a [`Field::Data`] of Sysmon's DNS queries, such
/// as `query` for the queried name. Each name is paired with the field.
fn data_names() -> impl Iterator<Item = (&'static str, Field)> {
    let names = |field: &'static FieldSpec| {
        let names = std::iter::once(field.name).chain(field.splunk.iter().copied());
        names.map(|name| (name, Field::Data(field.meaning)))
    };
    DNS_QUERY.fields.iter().flat_map(names)
}

impl Field {
    /// The field with the path of the executable of the process that made the DNS query.
    pub const IMAGE: Field = Field::Data("Image");
    /// The field with the name that the DNS query asks for.
    pub const QUERY_NAME: Field = Field::Data("QueryName");
    /// The field with the answers to the DNS query as one text, as Sysmon logs them.
    pub const QUERY_RESULTS: Field = Field::Data("QueryResults");
    /// The field with the Windows error code of the DNS query; 0 is success.
    pub const QUERY_STATUS: Field = Field::Data("QueryStatus");

    /// The field with this name in Splunk; `None` if no field has the name. Case matters, as in
    /// Splunk.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut names = NAMES.into_iter().chain(data_names());
        names.find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    /// Every name that a search of Splunk may use for a field of a DNS query, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let mut names: Vec<&str> = NAMES.into_iter().chain(data_names()).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The field's name, for messages to the user. If a search of Splunk can use several names for
    /// the field, this is the first of them in the list of names, such as `EventCode` for
    /// [`Field::EventId`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Data(name) => name,
            _ => NAMES.into_iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name),
        }
    }

    /// Returns the name of a field that equals `name` except for upper and lower case: the field
    /// that the rule's author probably meant. `None` if no field has a name like this.
    pub(in crate::detect) fn name_like(name: &str) -> Option<&'static str> {
        Field::names().find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The field's value in an event; `None` if the event does not have the field, or has it with
    /// an empty value. (Splunk makes no field of an empty XML element.) If the field has several
    /// values, returns the first.
    #[must_use]
    pub fn value(self, event: &Event) -> Option<Cow<'_, str>> {
        match self {
            // Nearly all events are Sysmon's DNS queries.
            Field::EventId if event.system.event_id == 22 => return Some(Cow::Borrowed("22")),
            Field::EventId => return Some(Cow::Owned(event.system.event_id.to_string())),
            Field::EventRecordId => return event.system.event_record_id.map(|id| Cow::Owned(id.to_string())),
            Field::Time => {
                return event.system.time_created.map(|time| Cow::Owned(epoch_seconds(time.ticks())));
            }
            Field::Answer | Field::RecordType => return self.values(event).next().map(Cow::Borrowed),
            Field::AnswerCount => {
                let count = Field::Answer.values(event).count();
                return (count > 0).then(|| Cow::Owned(count.to_string()));
            }
            _ => {}
        }
        self.text(event).filter(|text| !text.is_empty()).map(Cow::Borrowed)
    }

    /// Returns true if an event can have several values of the field, such as several answers.
    #[must_use]
    pub fn is_multivalued(self) -> bool {
        matches!(self, Field::Answer | Field::RecordType)
    }

    /// The field's values in an event, for a field that can have several
    /// ([`Field::is_multivalued`]). For any other field this returns none; use [`Field::value`].
    pub fn values(self, event: &Event) -> impl Iterator<Item = &str> {
        let results = event.query_results().filter(|_| self.is_multivalued()).unwrap_or_default();
        answers(results).filter_map(move |item| match (self, item) {
            (Field::RecordType, AnswerItem::Record { kind, .. }) => Some(kind),
            (Field::Answer, AnswerItem::Record { data, .. } | AnswerItem::Address(data)) => Some(data),
            _ => None,
        })
    }

    /// Returns true if the event has the field, but with an empty value. Returns false if the event
    /// does not have the field at all.
    #[must_use]
    pub fn is_empty(self, event: &Event) -> bool {
        self.text(event) == Some("")
    }

    /// The text that an event stores for the field, which may be empty; `None` if the event does
    /// not have the field, or does not store it as text.
    fn text(self, event: &Event) -> Option<&str> {
        let system = &event.system;
        match self {
            // What most rules compare is found without looking for the name.
            Field::IMAGE => event.image(),
            Field::QUERY_NAME => event.query_name(),
            Field::QUERY_RESULTS => event.query_results(),
            Field::QUERY_STATUS => event.query_status(),
            Field::Data(name) => event.get(name),
            Field::Channel => Some(system.channel.as_str()),
            Field::Computer => Some(system.computer.as_str()),
            Field::Answer
            | Field::AnswerCount
            | Field::EventId
            | Field::EventRecordId
            | Field::RecordType
            | Field::Time => None,
            Field::ProcessName => event.process_name(),
            Field::Provider => Some(system.provider.as_str()),
            Field::QueryCount => event.query_name().filter(|name| !name.is_empty()).map(|_| "1"),
            Field::ReplyCode => event.query_status().and_then(query_status_name),
            Field::Signature => event.kind().signature.filter(|_| event.kind().is_logger(system)),
            Field::UserId => system.user_id.as_deref(),
            Field::VendorProduct => event.kind().vendor_product.filter(|_| event.kind().is_logger(system)),
        }
    }

    /// Returns the text of a rule's value or pattern in the form in which events contain values of
    /// the field. For a field with a GUID, the braces are removed; for any other field, the text is
    /// unchanged.
    #[must_use]
    pub(in crate::detect) fn kept_form(self, text: &str) -> Cow<'_, str> {
        if self.stored_type() == Some(FieldType::Guid) {
            Cow::Owned(text.replace(['{', '}'], ""))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The [`FieldSpec`] that describes the field, from the list of fields of Sysmon's DNS queries,
    /// or else from that of the queries of Windows' own DNS client. `None` for a field other than
    /// [`Field::Data`].
    fn spec(self) -> Option<&'static FieldSpec> {
        let Field::Data(name) = self else { return None };
        [&DNS_QUERY, &DNS_CLIENT_QUERY].into_iter().find_map(|kind| kind.field(name))
    }

    /// The type in which an event's record stores the field's value; `None` for a field other than
    /// [`Field::Data`].
    pub(in crate::detect) fn stored_type(self) -> Option<FieldType> {
        self.spec().map(|field| field.field_type)
    }

    /// The name of the `Data` element whose text contains the field's value, so that a sweep can
    /// search the bytes of records for a part of the value. `None` if records need not contain the
    /// value as text: numbers, GUIDs, SIDs and times are stored in binary, and the provider,
    /// channel and computer may be in a template to which the record only refers.
    #[must_use]
    pub fn data_name(self) -> Option<&'static str> {
        let source = match self {
            Field::ProcessName => Field::IMAGE,
            // Each value is a part of what was logged.
            Field::Answer => Field::QUERY_RESULTS,
            field => field,
        };
        let field = source.spec().filter(|field| field.location == FieldLocation::Data)?;
        field.field_type.is_searchable().then_some(field.name)
    }
}

/// The text of a time as Splunk has it in `_time`: seconds since 1970, with as many decimals as
/// needed. `ticks` is the time in 100 ns intervals since 1970.
pub(in crate::detect) fn epoch_seconds(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let (seconds, fraction) = (
        ticks.unsigned_abs() / TICKS_PER_SECOND.unsigned_abs(),
        ticks.unsigned_abs() % TICKS_PER_SECOND.unsigned_abs(),
    );
    let text = format!("{sign}{seconds}.{fraction:07}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::event;
    use crate::event::System;

    #[test]
    fn every_name_and_its_value() {
        let event = event(r"C:\Windows\cmd.exe", "example.com");
        for (names, value) in [
            (&["Computer", "dest", "dvc", "src", "host"][..], "PC1.corp.example"),
            (&["EventCode", "EventID", "signature_id"], "22"),
            (&["EventRecordID"], "7"),
            (&["Image", "process_path"], r"C:\Windows\cmd.exe"),
            (&["process_name", "process_exec"], "cmd.exe"),
            (&["ProcessGuid", "process_guid"], "f20b227d-c5d4-640f-3005-000000000700"),
            (&["ProcessId", "process_id"], "740"),
            (&["Provider", "source_name"], "Microsoft-Windows-Sysmon"),
            (&["Channel"], "Microsoft-Windows-Sysmon/Operational"),
            (&["QueryName", "query"], "example.com"),
            (&["QueryStatus", "reply_code_id"], "0"),
            (&["QueryResults"], "::ffff:192.0.2.1;"),
            (&["query_count", "answer_count"], "1"),
            (&["answer"], "192.0.2.1"),
            (&["reply_code"], query_status_name("0").unwrap()),
            (&["signature"], "DNS Query"),
            (&["RuleName"], "-"),
            (&["User", "user"], r"CORP\alice"),
            (&["UserID", "user_id"], "S-1-5-18"),
            (&["UtcTime"], "2024-01-31 10:15:30.123"),
            (&["_time"], "1706696131.5"),
            (&["vendor_product"], "Microsoft Sysmon"),
        ] {
            for name in names {
                let field = Field::from_name(name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(field.value(&event).as_deref(), Some(value), "{name}");
            }
        }
    }

    #[test]
    fn fields_of_several_values() {
        let mut event = event("a.exe", "example.com");
        event.set(
            "QueryResults",
            Some("type:  5 edge.example;type: 28 2001:db8::2;::ffff:192.0.2.1;192.0.2".to_owned()),
        );
        let values = |field: Field| field.values(&event).collect::<Vec<_>>();
        assert_eq!(values(Field::Answer), ["edge.example", "2001:db8::2", "192.0.2.1"]);
        assert_eq!(values(Field::RecordType), ["CNAME", "AAAA"]);
        assert_eq!(Field::AnswerCount.value(&event).as_deref(), Some("3"));
        event.set("QueryResults", Some("-".to_owned()));
        assert_eq!(Field::Answer.value(&event), None);
        assert_eq!(Field::AnswerCount.value(&event), None);
        assert_eq!(Field::QueryCount.value(&event).as_deref(), Some("1"));
        event.set("QueryName", None);
        assert_eq!(Field::QueryCount.value(&event), None);
    }

    #[test]
    fn names_differ_by_case() {
        assert_eq!(Field::from_name("queryname"), None);
        assert_eq!(Field::name_like("queryname"), Some("QueryName"));
        assert_eq!(Field::name_like("ImageLoaded"), None);
    }

    #[test]
    fn no_name_is_listed_twice() {
        let names: Vec<&str> = Field::names().collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }

    #[test]
    fn empty_and_absent_have_no_value() {
        let nothing = Event::new(&DNS_QUERY, System::default());
        let empty = event("", "");
        assert_eq!(Field::QUERY_NAME.value(&nothing), None);
        assert_eq!(Field::QUERY_NAME.value(&empty), None);
        assert_eq!(Field::Computer.value(&nothing), None);
        assert_eq!(Field::Time.value(&nothing), None);
        assert_eq!(Field::VendorProduct.value(&nothing), None, "not Sysmon's");
        assert_eq!(Field::ProcessName.value(&event(r"C:\dir\", "a")), None);
    }

    #[test]
    fn epoch_times() {
        for (ticks, text) in [(0, "0"), (100_000_000, "10"), (1, "0.0000001"), (-15_000_000, "-1.5")] {
            assert_eq!(epoch_seconds(ticks), text);
        }
    }
}
