//! Reads the fields of an event from the record's JSON, by the names that the event's kind
//! (`EventKind`) states for its fields.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::event::{Event, EventKind, FieldLocation, FieldType, System};
use crate::scan::decode::document::{Element, canonical_guid, present};

/// Reads an event of `kind`, whose `System` part is read already, from the JSON that the decoder
/// (the `evtx` crate) makes of a record. `data` is the JSON of the event's `EventData`, `json` that
/// of the whole event. Fails if the name of one of the kind's fields occurs twice, or if one of
/// these fields contains an element instead of text.
pub(in crate::scan) fn read(
    kind: &'static EventKind,
    system: System,
    data: &str,
    json: &[u8],
) -> Result<Event, serde_json::Error> {
    let mut event =
        DataSeed(Event::new(kind, system)).deserialize(&mut serde_json::Deserializer::from_str(data))?;
    // Most kinds have no field in `System/Execution`, so their JSON is not parsed a second time.
    if let Some(index) =
        kind.fields.iter().position(|field| field.location == FieldLocation::ExecutionProcessId)
    {
        event.set_at(index, process_id(json));
    }
    Ok(event)
}

/// Returns the text of a field in the form that [`Event`] keeps: a GUID in canonical form, any
/// other text unchanged.
pub(in crate::scan) fn canonical_text(field_type: FieldType, text: Cow<'_, str>) -> String {
    match field_type {
        FieldType::Guid => canonical_guid(&text),
        FieldType::Text
        | FieldType::TextNumber
        | FieldType::TextTime
        | FieldType::Number
        | FieldType::Hexadecimal => text.into_owned(),
    }
}

/// Deserializes the JSON of an `EventData`. Contains the event to which the fields are added; no
/// field of it has a value yet.
struct DataSeed(Event);

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Event;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DataSeed {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let DataSeed(mut event) = self;
        // A bit for each name of the kind's fields, in order, which is set if the name was present.
        let mut seen = 0_u64;
        while let Some(named) = map.next_key_seed(FieldNameSeed(event.kind()))? {
            let Some(named) = named else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let bit = 1 << named.number;
            if seen & bit != 0 {
                return Err(Error::duplicate_field(named.name));
            }
            let element: Element<'de> = map.next_value()?;
            // If a field is present under several names, its first name counts.
            if seen & (named.first..named.number).fold(0, |bits, number| bits | 1 << number) == 0 {
                event.set_at(named.index, Some(canonical_text(named.field_type, element.text)));
            }
            seen |= bit;
        }
        Ok(event)
    }
}

/// Deserializes the name of a field by looking it up among the fields of this kind of event. The
/// result is `None` if no field of the kind has the name.
struct FieldNameSeed(&'static EventKind);

impl<'de> DeserializeSeed<'de> for FieldNameSeed {
    type Value = Option<FieldName>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<FieldName>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldNameSeed {
    type Value = Option<FieldName>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<FieldName>, E> {
        Ok(named(self.0, name))
    }
}

/// A name that a field can have in the `EventData` of one kind of event, and the field that the
/// name stands for.
struct FieldName {
    /// The name by which the field was looked up: one of its names in `EventData`.
    name: &'static str,
    /// The number of the name, from 0, among all names of all fields of the kind, in order.
    number: u32,
    /// The number of the field's first name. The names of a field have consecutive numbers. If an
    /// event has a field under several names, the value under the name with the lowest number
    /// counts.
    first: u32,
    /// The index of the field among the fields of the event's kind (in [`EventKind::fields`]).
    index: usize,
    field_type: FieldType,
}

/// Returns the field of a kind of event that has `name` as one of its names in `EventData`; `None`
/// if there is none.
fn named(kind: &EventKind, name: &str) -> Option<FieldName> {
    let mut number = 0;
    for (index, field) in kind.fields.iter().enumerate() {
        let first = number;
        for known in field.data_names() {
            if known == name {
                return Some(FieldName { name: known, number, first, index, field_type: field.field_type });
            }
            number += 1;
        }
    }
    None
}

/// The JSON form of an event, as far as it is needed to read the attribute
/// `System/Execution/@ProcessID`.
#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, rename = "Event")]
    event: EventElement<'a>,
}

/// The JSON form of the element `Event`, as far as it is needed to read the attribute
/// `System/Execution/@ProcessID`.
#[derive(Deserialize)]
struct EventElement<'a> {
    #[serde(borrow, rename = "System")]
    system: SystemElement<'a>,
}

/// The JSON form of the element `System`, as far as it is needed to read the attribute
/// `Execution/@ProcessID`.
#[derive(Deserialize)]
struct SystemElement<'a> {
    #[serde(borrow, rename = "Execution")]
    execution: Option<ExecutionElement<'a>>,
}

/// The JSON form of the element `Execution`, as far as it is needed to read the attribute
/// `ProcessID`.
#[derive(Deserialize)]
struct ExecutionElement<'a> {
    #[serde(borrow, rename = "#attributes")]
    attributes: Option<ExecutionAttributes<'a>>,
}

/// The JSON form of the attributes of the element `Execution`, of which only `ProcessID` is read.
#[derive(Deserialize)]
struct ExecutionAttributes<'a> {
    #[serde(borrow, default, rename = "ProcessID", deserialize_with = "present")]
    process_id: Option<Element<'a>>,
}

/// Returns `System/Execution/@ProcessID` from an event's JSON; `None` if it is missing or the
/// element has an unknown form. The event is still read, without that field.
fn process_id(json: &[u8]) -> Option<String> {
    let root: Root<'_> = serde_json::from_slice(json).ok()?;
    let process_id = root.event.system.execution?.attributes?.process_id?;
    Some(process_id.text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DNS_CLIENT_QUERY, KindSet};
    use crate::scan::decode::document::{Document, parse};

    fn json(execution: &str, data: &str) -> String {
        format!(
            r##"{{"Event":{{"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-DNS-Client"}}}},"EventID":3020,
            "Execution":{execution},"Computer":"a"}},"EventData":{data}}}}}"##
        )
    }

    fn taken() -> KindSet {
        KindSet::default().with(&DNS_CLIENT_QUERY)
    }

    fn query(json: &str) -> Event {
        match parse(json.as_bytes(), taken()).unwrap() {
            Document::Event(event) => event,
            other @ Document::Other(_) => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_are_taken_by_name_in_any_form() {
        let typed = query(&json(
            r##"{"#attributes":{"ProcessID":4711,"ThreadID":8}}"##,
            r#"{"QueryName":"a","QueryType":28,"Status":9003,"QueryResults":"","ClientPID":815}"#,
        ));
        let forwarded = query(&json(
            r##"{"#attributes":{"ProcessID":"4711","ThreadID":"8"}}"##,
            r#"{"QueryName":"a","QueryType":"28","Status":"9003","QueryResults":null,"ClientPID":"815"}"#,
        ));
        assert_eq!(typed, forwarded);
        for (name, value) in [
            ("Execution/@ProcessID", Some("4711")),
            ("ClientPID", Some("815")),
            ("QueryStatus", Some("9003")),
            ("QueryType", Some("28")),
            ("QueryResults", Some("")),
            ("QueryOptions", None),
        ] {
            assert_eq!(typed.get(name), value, "{name}");
        }
    }

    #[test]
    fn of_several_names_of_a_field_the_first_counts_wherever_it_stands() {
        for data in [r#"{"QueryStatus":"1","Status":"2"}"#, r#"{"Status":"2","QueryStatus":"1"}"#] {
            assert_eq!(query(&json("null", data)).query_status(), Some("1"), "{data}");
        }
        let twice = json("null", r#"{"Status":"2","QueryStatus":"1","Status":"3"}"#);
        assert!(parse(twice.as_bytes(), taken()).is_err_and(|error| error.to_string().contains("duplicate")));
    }

    #[test]
    fn a_query_without_its_process_is_one_all_the_same() {
        for execution in ["null", "{}", "7", r#"[{"a":1}]"#] {
            let event = query(&json(execution, r#"{"QueryName":"a"}"#));
            assert_eq!((event.process_id(), event.query_name()), (None, Some("a")), "{execution}");
        }
        assert_eq!(query(&json("null", "null")).query_name(), None);
    }

    #[test]
    fn it_is_an_event_like_others_where_it_is_not_taken() {
        let json = json("null", r#"{"QueryName":{"b":"c"}}"#);
        assert!(matches!(parse(json.as_bytes(), KindSet::default()), Ok(Document::Other(_))));
        assert!(parse(json.as_bytes(), taken()).is_err(), "an element in a field");
    }
}
