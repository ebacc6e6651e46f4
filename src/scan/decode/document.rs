//! Converts the JSON that the `evtx` crate makes of a record to an event. Fields are found by name.
//!
//! JSON is used instead of XML because its strings can contain every character that a record can.
//! XML excludes control characters, and a name that contains a terminal escape must stay as it is.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::sentence::sentence;
use crate::event::{DNS_QUERY, Event, EventTime, KindSet, System};
use crate::scan::decode::event_data;

/// A decoded record: an event with its fields, if it is of a kind that the scan reads, or the
/// `System` part of any other event.
#[derive(Debug)]
pub(in crate::scan) enum Document {
    /// An event of a kind that the scan reads, with its fields.
    Event(Event),
    /// The `System` part of an event whose kind the scan does not read. The event is only counted.
    Other(System),
}

impl Document {
    /// Returns the `System` part of the event.
    pub(in crate::scan) fn system(&self) -> &System {
        match self {
            Document::Other(system) => system,
            Document::Event(event) => &event.system,
        }
    }

    /// Returns the event if it is a Sysmon DNS query; otherwise `None`.
    pub(in crate::scan) fn dns_query(&self) -> Option<&Event> {
        match self {
            Document::Event(event) if event.is(&DNS_QUERY) => Some(event),
            _ => None,
        }
    }
}

/// The JSON form of an event, as the decoder (the `evtx` crate) writes it.
#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, rename = "Event")]
    event: EventElement<'a>,
}

/// The JSON form of the element `Event`: the two parts of it that are read, `System` and
/// `EventData`.
#[derive(Deserialize)]
struct EventElement<'a> {
    #[serde(borrow, rename = "System")]
    system: SystemElement<'a>,
    #[serde(borrow, rename = "EventData")]
    event_data: Option<&'a RawValue>,
}

/// The JSON form of the element `System`: those of its elements that are read. All but `EventID`
/// may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SystemElement<'a> {
    #[serde(borrow, default)]
    provider: Element<'a>,
    #[serde(borrow, rename = "EventID")]
    event_id: Element<'a>,
    #[serde(borrow, default)]
    version: Element<'a>,
    #[serde(borrow, default)]
    time_created: Element<'a>,
    #[serde(borrow, default, rename = "EventRecordID")]
    event_record_id: Element<'a>,
    #[serde(borrow, default)]
    channel: Element<'a>,
    #[serde(borrow, default)]
    computer: Element<'a>,
    #[serde(borrow, default)]
    security: Element<'a>,
}

/// Deserializes a JSON field that is present to `Some`, even if its value is `null`, which the
/// decoder (the `evtx` crate) writes for an element without content. For a field that is absent,
/// serde does not call this function, so that the field stays `None`.
pub(in crate::scan) fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Element<'a>>, D::Error> {
    Element::deserialize(deserializer).map(Some)
}

/// Reads an event by calling `read` with `kinds`, the kinds of events that are read with their
/// fields. If `read` fails, calls it once more without the kinds that are looked for beside DNS
/// queries (process events), if there are any: these kinds must not change what is counted as
/// damage. The error is that of the last call.
pub(in crate::scan) fn read_event<E>(
    kinds: KindSet,
    mut read: impl FnMut(KindSet) -> Result<Document, E>,
) -> Result<Document, E> {
    let main = kinds.without_beside();
    read(kinds).or_else(|error| if main == kinds { Err(error) } else { read(main) })
}

/// Parses an event in the JSON form that the decoder (the `evtx` crate) makes of a record. The
/// result is the whole event if its kind is in `kinds`, otherwise its `System` part alone. Fails if
/// the JSON has another form, or the EventID is not a number.
pub(in crate::scan) fn parse(json: &[u8], kinds: KindSet) -> Result<Document, serde_json::Error> {
    let root: Root<'_> = serde_json::from_slice(json)?;
    let system = system(root.event.system)?;
    let Some(kind) = kinds.kind_of(&system) else { return Ok(Document::Other(system)) };
    let data = root.event.event_data.map(RawValue::get).filter(|data| data.starts_with('{')).unwrap_or("{}");
    Ok(Document::Event(event_data::read(kind, system, data, json)?))
}

sentence! {
    /// The reason why a JSON text is not a Sysmon DNS query in the form that the `evtx` crate
    /// writes.
    pub struct NoDnsQuery;
}

/// Parses a Sysmon DNS query from JSON in the form that the `evtx` crate writes, which is also that
/// of the program `evtx_dump`. Fails if the JSON has another form, or is another event.
pub fn dns_query_of_json(json: &[u8]) -> Result<Event, NoDnsQuery> {
    let kinds = KindSet::default().with(&DNS_QUERY);
    match parse(json, kinds).map_err(|error| NoDnsQuery::from(error.to_string()))? {
        Document::Event(event) => Ok(event),
        Document::Other(system) => Err(format!(
            "expected Sysmon's event 22, found event {} of '{}'",
            system.event_id, system.provider
        )
        .into()),
    }
}

/// Returns the `System` part of an event, given its JSON. Fails if the EventID is not a number.
fn system(element: SystemElement<'_>) -> Result<System, serde_json::Error> {
    let texts = SystemTexts {
        provider: element.provider.attributes.name,
        channel: Some(element.channel.text),
        event_id: Some(element.event_id.text),
        version: Some(element.version.text),
        event_record_id: Some(element.event_record_id.text),
        computer: Some(element.computer.text),
        time_created: element.time_created.attributes.system_time,
        user_id: element.security.attributes.user_id,
    };
    texts.read().map_err(serde::de::Error::custom)
}

/// The texts of the elements of an event's `System` part, as logged; `None` for an element that is
/// missing.
#[derive(Debug, Default)]
pub(in crate::scan) struct SystemTexts<'a> {
    pub provider: Option<Cow<'a, str>>,
    pub channel: Option<Cow<'a, str>>,
    pub event_id: Option<Cow<'a, str>>,
    pub version: Option<Cow<'a, str>>,
    pub event_record_id: Option<Cow<'a, str>>,
    pub computer: Option<Cow<'a, str>>,
    pub time_created: Option<Cow<'a, str>>,
    pub user_id: Option<Cow<'a, str>>,
}

impl SystemTexts<'_> {
    /// Makes the `System` part of an event from the texts of its elements. Fails if the EventID is
    /// not a number. A version, EventRecordID or time that cannot be read becomes `None`.
    pub(in crate::scan) fn read(self) -> Result<System, String> {
        let event_id = self.event_id.unwrap_or_default();
        let event_id = event_id
            .trim_ascii()
            .parse()
            .map_err(|_| format!("EventID: expected a number, found '{}'", event_id.escape_debug()))?;
        let time_created_raw = self.time_created.unwrap_or_default().into_owned();
        Ok(System {
            provider: self.provider.unwrap_or_default().into_owned(),
            channel: self.channel.unwrap_or_default().into_owned(),
            event_id,
            version: self.version.and_then(|text| text.trim_ascii().parse().ok()),
            event_record_id: self.event_record_id.and_then(|text| text.trim_ascii().parse().ok()),
            computer: self.computer.unwrap_or_default().into_owned(),
            time_created: EventTime::parse_logged(&time_created_raw),
            time_created_raw,
            user_id: self.user_id.map(Cow::into_owned),
        })
    }
}

/// Returns a GUID in canonical form: lower case, without braces. Records store a GUID as 16 bytes
/// or, if they were forwarded, as text in braces in either case.
pub(in crate::scan) fn canonical_guid(text: &str) -> String {
    text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text).to_ascii_lowercase()
}

/// An XML element in the JSON form that the decoder (the `evtx` crate) writes: a plain value, or an
/// object with attributes and text.
#[derive(Debug, Default)]
pub(in crate::scan) struct Element<'a> {
    pub text: Cow<'a, str>,
    attributes: Attributes<'a>,
}

/// The attributes of an XML element of an event that are read. Each is `None` if the element does
/// not have it.
#[derive(Debug, Default, Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, default, rename = "Name")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "SystemTime")]
    system_time: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "UserID")]
    user_id: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

/// Deserializes the JSON form of an XML element into an [`Element`].
struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element's value: text, a number, or an object with '#text' and '#attributes'")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Element { text: Cow::Borrowed(text), ..Element::default() })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Element { text: Cow::Owned(text.to_owned()), ..Element::default() })
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<Self::Value, E> {
        self.visit_str(if truth { "true" } else { "false" })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Element::default())
    }

    /// Reads the value of an element that is a JSON array. The array's items are joined by commas,
    /// as the decoder (the `evtx` crate) joins the items of a stored array.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut text = String::new();
        let mut separator = "";
        while let Some(item) = sequence.next_element::<Element<'de>>()? {
            text.push_str(separator);
            text.push_str(&item.text);
            separator = ",";
        }
        Ok(Element { text: Cow::Owned(text), ..Element::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut element = Element::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "#text" => element.text = map.next_value::<Element<'de>>()?.text,
                "#attributes" => element.attributes = map.next_value()?,
                name => {
                    // The content of nested elements is not the element's text.
                    return Err(serde::de::Error::custom(format!(
                        "expected text, found an element '{}'",
                        name.escape_debug()
                    )));
                }
            }
        }
        Ok(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Document, serde_json::Error> {
        parse(json.as_bytes(), KindSet::default().with(&DNS_QUERY))
    }

    fn dns(json: &str) -> Event {
        match read(json).unwrap() {
            Document::Event(event) => event,
            other @ Document::Other(_) => panic!("{other:?}"),
        }
    }

    #[test]
    fn typed_and_forwarded_forms_say_the_same() {
        let typed = dns(
            r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon","Guid":"{x}"}},
            "EventID":22,"Version":5,"TimeCreated":{"#attributes":{"SystemTime":"2023-03-14T00:55:07.6701444Z"}},"EventRecordID":107,
            "Correlation":null,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"a","Security":{"#attributes":{"UserID":"S-1-5-18"}}},
            "EventData":{"ProcessGuid":"{F20B227D-C5EA-640F-5F05-000000000700}","ProcessId":6628,"QueryName":"a\u001b[31m","QueryStatus":"0","Image":""}}}"##,
        );
        let forwarded = dns(
            r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},
            "EventID":{"#attributes":{"Qualifiers":""},"#text":"22"},"Version":"5","TimeCreated":{"#attributes":{"SystemTime":"2023-03-14T00:55:07.6701444Z"}},"EventRecordID":"107",
            "Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"a","Security":{"#attributes":{"UserID":"S-1-5-18"}}},
            "EventData":{"ProcessGuid":"{f20b227d-c5ea-640f-5f05-000000000700}","ProcessId":"6628","QueryName":"a\u001b[31m","QueryStatus":"0","Image":null}}}"##,
        );
        assert_eq!(typed, forwarded);
        assert_eq!(typed.get("ProcessGuid"), Some("f20b227d-c5ea-640f-5f05-000000000700"));
        assert_eq!(typed.query_name(), Some("a\x1b[31m"));
        assert_eq!((typed.image(), typed.user()), (Some(""), None));
    }

    #[test]
    fn a_record_without_an_event_id_is_an_error() {
        for id in ["", r#""EventID":null,"#, r#""EventID":"x","#] {
            let json = format!(r#"{{"Event":{{"System":{{{id}"Computer":"a"}}}}}}"#);
            assert!(read(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_element_in_a_field_is_an_error() {
        let json = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},"EventID":22},
            "EventData":{"QueryName":{"b":"pastebin.com"}}}}"##;
        let error = read(json).unwrap_err();
        assert!(error.to_string().contains("found an element 'b'"));
    }

    #[test]
    fn a_dns_query_without_data_is_still_a_dns_query() {
        let event = dns(
            r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"MICROSOFT-WINDOWS-SYSMON"}},"EventID":22},"EventData":null}}"##,
        );
        assert_eq!(event.query_name(), None);
    }
}
