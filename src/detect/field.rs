//! The fields of a DNS query event under the names that rules use. Which event member a name stands
//! for is decided here; what a rule does with the value is not.

use std::borrow::Cow;

use crate::event::{AnswerItem, DnsQueryEvent, answer_items as answers, query_status_name};

/// 100 ns intervals in a second, the unit of [`crate::event::EventTime::ticks`].
const TICKS_PER_SECOND: i64 = 10_000_000;

/// A field of a DNS query event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What the resolver answered, one value an item: the names that records hold, and the
    /// addresses.
    Answer,
    /// How many values [`Field::Answer`] has.
    AnswerCount,
    /// `System/Channel`.
    Channel,
    /// `System/Computer`.
    Computer,
    /// `System/EventID`.
    EventId,
    /// `System/EventRecordID`.
    EventRecordId,
    /// Path of the querying process's image.
    Image,
    /// Number of the querying process.
    ProcessId,
    /// GUID of the querying process.
    ProcessGuid,
    /// File name of the querying process's image.
    ProcessName,
    /// `System/Provider/@Name`.
    Provider,
    /// How many names were asked for: one.
    QueryCount,
    /// The name asked for.
    QueryName,
    /// Options of the query. Only Windows' own DNS client logs them.
    QueryOptions,
    /// What the resolver answered.
    QueryResults,
    /// Windows error code of the query.
    QueryStatus,
    /// The type of record that is asked for. Only Windows' own DNS client logs it.
    QueryType,
    /// The types of the records among the answers, one value a record.
    RecordType,
    /// The name of the query's Windows error code.
    ReplyCode,
    /// Name of the Sysmon rule that let the event through.
    RuleName,
    /// What Splunk's add-on calls this kind of event.
    Signature,
    /// `_time`: `System/TimeCreated`.
    Time,
    /// Account of the querying process.
    User,
    /// `System/Security/@UserID`.
    UserId,
    /// When the query happened, as Sysmon says it.
    UtcTime,
    /// The product that wrote the event: a constant of Splunk's add-on for Sysmon.
    VendorProduct,
}

/// Every name that a rule may use: Sysmon's own, then those that Splunk's add-on for Sysmon gives
/// the same values. Several names may stand for one field; each name stands for one.
const NAMES: &[(&str, Field)] = &[
    ("Channel", Field::Channel),
    ("Computer", Field::Computer),
    ("EventCode", Field::EventId),
    ("EventID", Field::EventId),
    ("EventRecordID", Field::EventRecordId),
    ("Image", Field::Image),
    ("ProcessGuid", Field::ProcessGuid),
    ("ProcessId", Field::ProcessId),
    ("Provider", Field::Provider),
    ("QueryName", Field::QueryName),
    ("QueryResults", Field::QueryResults),
    ("QueryStatus", Field::QueryStatus),
    ("RuleName", Field::RuleName),
    ("User", Field::User),
    ("UserID", Field::UserId),
    ("UtcTime", Field::UtcTime),
    ("_time", Field::Time),
    ("answer", Field::Answer),
    ("answer_count", Field::AnswerCount),
    ("dest", Field::Computer),
    ("dvc", Field::Computer),
    ("host", Field::Computer),
    ("process_guid", Field::ProcessGuid),
    ("process_id", Field::ProcessId),
    ("process_name", Field::ProcessName),
    ("process_exec", Field::ProcessName),
    ("process_path", Field::Image),
    ("query", Field::QueryName),
    ("query_count", Field::QueryCount),
    ("record_type", Field::RecordType),
    ("reply_code", Field::ReplyCode),
    ("reply_code_id", Field::QueryStatus),
    ("signature", Field::Signature),
    ("signature_id", Field::EventId),
    ("source_name", Field::Provider),
    ("src", Field::Computer),
    ("user", Field::User),
    ("user_id", Field::UserId),
    ("vendor_product", Field::VendorProduct),
];

impl Field {
    /// The field of that name. As in Splunk, names differ by case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Every name that a rule may use.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// What to call it: the first of its names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            // Splunk's add-on for Sysmon has no names for them.
            Field::QueryOptions => "QueryOptions",
            Field::QueryType => "QueryType",
            _ => NAMES.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name),
        }
    }

    /// A known name that differs from `name` in case only: what the author probably meant.
    pub(super) fn name_like(name: &str) -> Option<&'static str> {
        NAMES.iter().map(|(known, _)| *known).find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The value in an event; `None` where it is absent. An empty value counts as absent, as Splunk
    /// makes no field of an empty XML element.
    #[must_use]
    pub fn value(self, event: &DnsQueryEvent) -> Option<Cow<'_, str>> {
        match self {
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

    /// Whether an event can have several values of it.
    #[must_use]
    pub fn is_multivalued(self) -> bool {
        matches!(self, Field::Answer | Field::RecordType)
    }

    /// The values in an event, of a field that can have several; see [`Field::value`] for others.
    pub fn values(self, event: &DnsQueryEvent) -> impl Iterator<Item = &str> {
        let results = event.query_results.as_deref().filter(|_| self.is_multivalued()).unwrap_or_default();
        answers(results).filter_map(move |item| match (self, item) {
            (Field::RecordType, AnswerItem::Record { kind, .. }) => Some(kind),
            (Field::Answer, AnswerItem::Record { data, .. } | AnswerItem::Address(data)) => Some(data),
            _ => None,
        })
    }

    /// Whether the event has the field, with an empty value.
    #[must_use]
    pub fn is_empty(self, event: &DnsQueryEvent) -> bool {
        self.text(event) == Some("")
    }

    /// The value as text, where it is text in the event.
    fn text(self, event: &DnsQueryEvent) -> Option<&str> {
        let system = &event.system;
        match self {
            Field::Channel => Some(system.channel.as_str()),
            Field::Computer => Some(system.computer.as_str()),
            Field::Answer
            | Field::AnswerCount
            | Field::EventId
            | Field::EventRecordId
            | Field::RecordType
            | Field::Time => None,
            Field::Image => event.image.as_deref(),
            Field::ProcessId => event.process_id.as_deref(),
            Field::ProcessGuid => event.process_guid.as_deref(),
            Field::ProcessName => event.process_name(),
            Field::Provider => Some(system.provider.as_str()),
            Field::QueryCount => event.query_name.as_deref().filter(|name| !name.is_empty()).map(|_| "1"),
            Field::QueryName => event.query_name.as_deref(),
            Field::QueryOptions => event.query_options.as_deref(),
            Field::QueryResults => event.query_results.as_deref(),
            Field::QueryStatus => event.query_status.as_deref(),
            Field::QueryType => event.query_type.as_deref(),
            Field::ReplyCode => event.query_status.as_deref().and_then(query_status_name),
            Field::RuleName => event.rule_name.as_deref(),
            Field::Signature => system.is_sysmon().then_some("DNS Query"),
            Field::User => event.user.as_deref(),
            Field::UserId => system.user_id.as_deref(),
            Field::UtcTime => event.utc_time.as_deref(),
            Field::VendorProduct => system.is_sysmon().then_some("Microsoft Sysmon"),
        }
    }

    /// A value or pattern of a rule in the form that events have here: GUIDs are kept without
    /// braces.
    #[must_use]
    pub(super) fn kept_form(self, text: &str) -> Cow<'_, str> {
        if self == Field::ProcessGuid {
            Cow::Owned(text.replace(['{', '}'], ""))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The name of the `Data` element whose text holds the field's value, where a record holds it
    /// as text of its own. Numbers, GUIDs, SIDs and times are stored in binary; the provider,
    /// channel and computer may stand in a template that the record merely refers to.
    #[must_use]
    pub fn data_name(self) -> Option<&'static str> {
        match self {
            Field::Image | Field::ProcessName => Some("Image"),
            Field::QueryName => Some("QueryName"),
            // Each value is a part of what was logged.
            Field::Answer | Field::QueryResults => Some("QueryResults"),
            Field::QueryStatus => Some("QueryStatus"),
            Field::RuleName => Some("RuleName"),
            Field::User => Some("User"),
            Field::AnswerCount
            | Field::Channel
            | Field::Computer
            | Field::EventId
            | Field::EventRecordId
            | Field::ProcessId
            | Field::ProcessGuid
            | Field::Provider
            | Field::QueryOptions
            | Field::QueryType
            | Field::QueryCount
            | Field::RecordType
            | Field::ReplyCode
            | Field::Signature
            | Field::Time
            | Field::UserId
            | Field::UtcTime
            | Field::VendorProduct => None,
        }
    }
}

/// How Splunk writes `_time`: seconds since 1970, here with as many decimals as needed.
pub(super) fn epoch_seconds(ticks: i64) -> String {
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
    use super::super::testing::event;
    use super::*;

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
        event.query_results =
            Some("type:  5 edge.example;type: 28 2001:db8::2;::ffff:192.0.2.1;192.0.2".to_owned());
        let values = |field: Field| field.values(&event).collect::<Vec<_>>();
        assert_eq!(values(Field::Answer), ["edge.example", "2001:db8::2", "192.0.2.1"]);
        assert_eq!(values(Field::RecordType), ["CNAME", "AAAA"]);
        assert_eq!(Field::AnswerCount.value(&event).as_deref(), Some("3"));
        event.query_results = Some("-".to_owned());
        assert_eq!(Field::Answer.value(&event), None);
        assert_eq!(Field::AnswerCount.value(&event), None);
        assert_eq!(Field::QueryCount.value(&event).as_deref(), Some("1"));
        event.query_name = None;
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
        for (index, (name, _)) in NAMES.iter().enumerate() {
            assert!(NAMES.iter().skip(index + 1).all(|(other, _)| other != name), "{name}");
        }
    }

    #[test]
    fn empty_and_absent_have_no_value() {
        let nothing = DnsQueryEvent::default();
        let empty = event("", "");
        assert_eq!(Field::QueryName.value(&nothing), None);
        assert_eq!(Field::QueryName.value(&empty), None);
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
