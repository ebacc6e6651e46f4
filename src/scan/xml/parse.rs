//! Parses one event in XML with `quick-xml`. This module and `start_tag` alone import it.
//!
//! Elements and attributes are found by their names, in any namespace. Only character references
//! and XML's five predefined entities are resolved; nothing else is substituted, and a document
//! type declaration is an error. Line ends and control characters are kept, because Windows writes
//! them as the event has them. Tools that indent XML add white space around values too. Numbers,
//! GUIDs and times are read without that white space; if the EventID is surrounded by white space,
//! all other values are read without it too.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event as XmlEvent};

use super::start_tag::{SPACE, attribute, is_name, well_formed};
use crate::event::{Event, EventKind, FieldLocation, FieldSpec, FieldType, KindSet, System};
use crate::scan::decode::document::{Document, SystemTexts};
use crate::scan::decode::event_data::canonical_text;
use crate::scan::decode::record::causes;

/// The depth in the XML of the elements `System` and `EventData`, which are children of `Event`.
/// The element `Event` has depth 1.
const PART_DEPTH: usize = 2;
/// The depth in the XML of the elements that contain values, which are children of `System` or
/// `EventData`.
const FIELD_DEPTH: usize = 3;

/// Parses the XML of one event. The result is the whole event if its kind is in `kinds`, otherwise
/// its `System` part alone. An error says what was expected and what was found.
pub(super) fn parse(xml: &str, kinds: KindSet) -> Result<Document, String> {
    if xml.contains('\0') {
        return Err("expected text, found a NUL".to_owned());
    }
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let reads_process_id = kinds.fields().any(|field| field.location == FieldLocation::ExecutionProcessId);
    let mut reading = EventParser { kinds, reads_process_id, ..EventParser::default() };
    loop {
        match reader.read_event().map_err(|error| causes(&error))? {
            XmlEvent::Start(start) => reading.start(&start)?,
            XmlEvent::Empty(start) => {
                reading.start(&start)?;
                reading.end()?;
            }
            XmlEvent::End(_) => reading.end()?,
            XmlEvent::Text(text) if text.contains("]]>") => {
                return Err("expected text, found ']]>'".to_owned());
            }
            XmlEvent::Text(text) => reading.text(&text.into_inner()),
            XmlEvent::CData(text) => reading.text(&text.into_inner()),
            XmlEvent::GeneralRef(reference) => reading.text(resolved(&reference)?.encode_utf8(&mut [0; 4])),
            XmlEvent::DocType(_) => return Err("expected no document type declaration, found one".to_owned()),
            XmlEvent::Decl(_) => return Err("expected no XML declaration, found one".to_owned()),
            XmlEvent::PI(instruction) if !is_name(instruction.target()) => {
                return Err("expected the name of a processing instruction, found none".to_owned());
            }
            XmlEvent::Comment(_) | XmlEvent::PI(_) => {}
            XmlEvent::Eof => return reading.finish(),
        }
    }
}

/// Returns the character that a reference such as `&amp;` means. Fails for an entity that XML does
/// not predefine.
fn resolved(reference: &BytesRef<'_>) -> Result<char, String> {
    let character = reference.resolve_char_ref().map_err(|error| causes(&error))?;
    let name: &str = reference;
    character.or_else(|| resolve_xml_entity(name)?.chars().next()).ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        format!("expected a reference to a character, found '&{};'", name.escape_debug())
    })
}

/// The children of the element `Event` that the parser distinguishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum EventPart {
    /// The element `System`: who logged the event, where and when.
    System,
    /// The element `EventData`, which contains the event's fields.
    EventData,
    /// Any other child of `Event`, or the `EventData` of an event whose data is not needed. Nothing
    /// is read of it.
    #[default]
    Other,
}

/// The texts of the fields found so far in an event's data, by the names of the fields. If a name
/// occurs several times, the first text counts.
#[derive(Debug, Default)]
struct DataTexts(Vec<(&'static str, String)>);

impl DataTexts {
    /// Adds the text of a field, unless the field already has one under the same name. Decoding a
    /// log treats such a repetition in the same way.
    fn add(&mut self, name: &'static str, text: String) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, text));
        }
    }

    /// Removes and returns the text of a field. A field can have several names; the first of them
    /// under which a text was found counts. `None` if no text was found.
    fn take(&mut self, field: &FieldSpec) -> Option<String> {
        let place = |name| self.0.iter().position(|(known, _)| *known == name);
        let place = field.data_names().find_map(place)?;
        Some(self.0.swap_remove(place).1)
    }
}

/// The state of parsing an event: which elements are open, and what was read so far.
#[derive(Debug, Default)]
struct EventParser {
    /// The number of elements that are open at the place in the XML that the parser has reached.
    depth: usize,
    /// The child element of `Event` (`System`, `EventData` or another) that is open or was open
    /// last.
    part: EventPart,
    /// The texts found so far of the elements of `System`.
    texts: SystemTexts<'static>,
    /// The event's `System` part; `None` until the first element `System` has ended.
    system: Option<System>,
    /// The value of `System/Execution/@ProcessID`; `None` if it was not found or is not read.
    process_id: Option<String>,
    /// True if the EventID is surrounded by white space. A tool has then added white space around
    /// every value of the event, so the white space is removed from every value.
    is_set_apart: bool,
    /// The number of `Data` elements without an attribute `Name`. If no known field is found in the
    /// event, the error message states this number.
    nameless: usize,
    /// The kinds of events whose data is read. Of other events, only `System` is read.
    kinds: KindSet,
    /// True if a kind of event whose data is read has the field `Execution/@ProcessID`.
    reads_process_id: bool,
    /// The texts of the event's fields found so far.
    data: DataTexts,
    /// The name of the element whose text is being read: that of an element of `System`, or the
    /// `Name` of a `Data` element. `None` if no text is being read.
    field: Option<Cow<'static, str>>,
    /// The text, so far, of the element whose text is being read.
    text: String,
    /// The message about the first element that is nested in a field of the event's data; `None` if
    /// there is none. The message becomes an error only if the event is of a kind that is read.
    nested: Option<String>,
}

impl EventParser {
    /// Handles the start of an element. Fails if the element is not well formed, or is nested where
    /// a text is expected.
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        well_formed(start)?;
        if start.attributes_raw().contains('&') {
            // References must be defined, even in attributes that are not read.
            unescape(start.attributes_raw()).map_err(|error| causes(&error))?;
        }
        let name = start.local_name().into_inner();
        match self.depth {
            PART_DEPTH => {
                let kinds = self.kinds;
                let is_other = self.system.as_ref().is_some_and(|system| kinds.kind_of(system).is_none());
                self.part = match name {
                    "System" if self.system.is_none() => EventPart::System,
                    "EventData" if !is_other => EventPart::EventData,
                    _ => EventPart::Other,
                };
            }
            FIELD_DEPTH => self.start_field(name, start)?,
            depth if depth > FIELD_DEPTH && self.field.is_some() => {
                // The content of nested elements is not the element's text.
                let name: String = name.chars().take(40).collect();
                let found = format!("expected text, found an element '{}'", name.escape_debug());
                match self.part {
                    EventPart::System => return Err(found),
                    _ => self.nested.get_or_insert(found),
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// Handles the start of an element that can contain a value: a child of `System` or
    /// `EventData`. Fails if an attribute that is needed cannot be read.
    fn start_field(&mut self, name: &str, start: &BytesStart<'_>) -> Result<(), String> {
        self.text.clear();
        self.field = match self.part {
            // An event whose `Execution` has an unknown form still counts as a query.
            EventPart::System if name == "Execution" => {
                if self.reads_process_id && self.process_id.is_none() {
                    self.process_id = attribute(start, "ProcessID")?.map(trimmed);
                }
                None
            }
            EventPart::System => {
                let (wanted, attribute_name) = match name {
                    "Provider" => (&mut self.texts.provider, "Name"),
                    "TimeCreated" => (&mut self.texts.time_created, "SystemTime"),
                    "Security" => (&mut self.texts.user_id, "UserID"),
                    _ => {
                        self.field = self.system_text(name).is_some().then(|| name.to_owned().into());
                        return Ok(());
                    }
                };
                if wanted.is_none() {
                    *wanted = attribute(start, attribute_name)?.map(Cow::Owned);
                }
                None
            }
            EventPart::EventData if name == "Data" => {
                let name = attribute(start, "Name")?;
                self.nameless += usize::from(name.is_none());
                let mut names = self.kinds.fields().flat_map(FieldSpec::data_names);
                name.and_then(|name| names.find(|known| *known == name)).map(Cow::Borrowed)
            }
            EventPart::EventData | EventPart::Other => None,
        };
        Ok(())
    }

    /// Returns where the text of the element `name` of `System` is stored; `None` if the element is
    /// not used.
    fn system_text(&mut self, name: &str) -> Option<&mut Option<Cow<'static, str>>> {
        Some(match name {
            "EventID" => &mut self.texts.event_id,
            "Version" => &mut self.texts.version,
            "EventRecordID" => &mut self.texts.event_record_id,
            "Channel" => &mut self.texts.channel,
            "Computer" => &mut self.texts.computer,
            _ => return None,
        })
    }

    /// Handles text. It is kept if it lies directly in an element whose text is being read;
    /// otherwise it is ignored.
    fn text(&mut self, text: &str) {
        if self.depth == FIELD_DEPTH && self.field.is_some() {
            self.text.push_str(text);
        }
    }

    /// Handles the end of an element: stores what was read in it. Fails at the end of `System` if
    /// the EventID or the EventRecordID is not a number.
    fn end(&mut self) -> Result<(), String> {
        match self.depth {
            FIELD_DEPTH => self.end_field(),
            PART_DEPTH if self.part == EventPart::System => self.end_system()?,
            _ => {}
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// Handles the end of the element `System`. Fails if the EventID or the EventRecordID is not a
    /// number.
    fn end_system(&mut self) -> Result<(), String> {
        let mut texts = std::mem::take(&mut self.texts);
        texts.time_created = texts.time_created.map(|time| as_in_a_log(time.trim_matches(SPACE)).into());
        let id = texts.event_record_id.as_ref().map(|id| id.trim_matches(SPACE));
        if let Some(id) = id.filter(|id| !id.is_empty() && id.parse::<u64>().is_err()) {
            // Without its EventRecordID, an event could be mistaken for a copy of another.
            let id: String = id.chars().take(40).collect();
            return Err(format!("EventRecordID: expected a number, found '{}'", id.escape_debug()));
        }
        let id = texts.event_id.as_deref().unwrap_or_default();
        self.is_set_apart = id.trim_matches(SPACE).len() < id.len();
        let mut system = texts.read()?;
        if self.is_set_apart {
            for text in [&mut system.channel, &mut system.computer] {
                *text = trimmed(std::mem::take(text));
            }
        }
        self.system = Some(system);
        Ok(())
    }

    /// Handles the end of an element whose text was read. If the same name occurs several times,
    /// the first text counts, as it does when a binary log is decoded.
    fn end_field(&mut self) {
        let Some(name) = self.field.take() else { return };
        let text = std::mem::take(&mut self.text);
        match self.part {
            EventPart::System => {
                if let Some(known @ None) = self.system_text(&name) {
                    *known = Some(text.into());
                }
            }
            _ => {
                // A borrowed name is the name of a known field.
                if let Cow::Borrowed(name) = name {
                    self.data.add(name, text);
                }
            }
        }
    }

    /// Returns the event after all of its XML was handled. Fails if an element is still open, or
    /// the event has no `System`. An event of a kind that is read must also have a known field, if
    /// any is required, and no element nested in a field.
    fn finish(self) -> Result<Document, String> {
        if self.depth > 0 {
            return Err("expected the end of an element, found that of the event".to_owned());
        }
        let system = self.system.ok_or("expected an element System, found none")?;
        let Some(kind) = self.kinds.kind_of(&system) else { return Ok(Document::Other(system)) };
        if let Some(found) = self.nested {
            return Err(found);
        }
        let mut event = Event::new(kind, system);
        let (mut data, mut process_id) = (self.data, self.process_id);
        for (place, field) in kind.fields.iter().enumerate() {
            let text = match field.location {
                FieldLocation::Data => data.take(field),
                FieldLocation::ExecutionProcessId => process_id.take(),
                // The value is in the event's `System` part.
                FieldLocation::SecurityUserId => continue,
            };
            // White space around a number, a GUID or a time is not part of it.
            let is_trimmed = self.is_set_apart || field.field_type != FieldType::Text;
            let text = if is_trimmed { text.map(trimmed) } else { text };
            event.set_at(place, text.map(|text| canonical_text(field.field_type, text.into())));
        }
        if kind.required().next().is_some() && event.is_without_data() {
            return Err(without_names(kind, self.nameless));
        }
        Ok(Document::Event(event))
    }
}

/// Returns the message about an event of `kind` in which no known field was found. Such an event
/// could contain anything, so it is reported as damaged. `nameless` is the number of `Data`
/// elements without a `Name`.
fn without_names(kind: &EventKind, nameless: usize) -> String {
    let found = match nameless {
        0 => "none of these".to_owned(),
        1 => "1 Data without a Name".to_owned(),
        _ => format!("{nameless} Data without a Name"),
    };
    let (title, names) = (kind.title, kind.required().collect::<Vec<_>>().join(", "));
    format!(
        "{title} without any known field: expected elements Data with the Names {names} in EventData, found {found}"
    )
}

/// Returns the text without the white space around it.
fn trimmed(text: String) -> String {
    let inside = text.trim_matches(SPACE);
    if inside.len() == text.len() { text } else { inside.to_owned() }
}

/// Returns a TimeCreated of event XML as decoding a binary log gives it, with seven decimals. Many
/// versions of Windows render two more decimals, which are always 0, into event XML. Any other text
/// is returned unchanged.
fn as_in_a_log(time: &str) -> String {
    let decimals = time.strip_suffix('Z').and_then(|time| time.split_once('.')).map(|(_, decimals)| decimals);
    let has_nine = decimals
        .is_some_and(|digits| digits.len() == 9 && digits.bytes().all(|digit| digit.is_ascii_digit()));
    match time.strip_suffix("00Z").filter(|_| has_nine) {
        Some(kept) => format!("{kept}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DNS_QUERY;

    fn parse(xml: &str) -> Result<Document, String> {
        super::parse(xml, KindSet::default().with(&DNS_QUERY))
    }

    const SYSTEM: &str = "<System><Provider Name='Microsoft-Windows-Sysmon'/><EventID> </EventID></System>";

    /// Returns the XML of an event with this `EventData`.
    fn event(data: &str) -> String {
        format!("<Event>{}<EventData>{data}</EventData></Event>", SYSTEM.replace("> <", ">22<"))
    }

    #[test]
    fn what_is_not_well_formed_is_no_event() {
        let wrong = [
            "<Data Name='QueryName' Name='x'>a</Data>",
            "<Data Name='QueryName' x='<'>a</Data>",
            "<Data Name='QueryName' x>a</Data>",
            "<Data Name='QueryName' x=>a</Data>",
            "<Data Name='QueryName' x=1>a</Data>",
            "<Data x='1'Name='QueryName'>a</Data>",
            "<Data Name='QueryName' 1x='1'>a</Data>",
            "<Data Name='QueryName' ='1'>a</Data>",
            "<Data Name='QueryName'>a]]>b</Data>",
            "<Data Name='QueryName'>a<!-- b -- c --></Data>",
            "<Data Name='QueryName'>a<1b/></Data>",
            "<Data Name='QueryName'>a<b!/></Data>",
            "<Data Name='QueryName'>a</Data>< />",
            "<Data Name='QueryName'>a<?xml version='1.0'?></Data>",
            "<Data Name='QueryName'>a<? x?></Data>",
        ];
        for data in wrong {
            assert!(query(data).is_err(), "{data}");
        }
        let right = [
            "<Data  Name = 'QueryName'\tx=\"'\"\r\n>a</Data >",
            "<Data a:Name='x' Name='QueryName'>a</Data>",
            "<Data Name='QueryName'>a<!-- b - c --></Data><?of no interest?><\u{e9}-1.x:y/>",
        ];
        for data in right {
            let data = format!("{data}<Data Name='Image'/>");
            assert!(query(&data).is_ok(), "{data}: {:?}", query(&data));
        }
    }

    #[test]
    fn a_number_of_an_event_is_one() {
        let numbered = |id: &str| {
            parse(
                &event("<Data Name='Image'/>")
                    .replace("</EventID>", &format!("</EventID><EventRecordID>{id}</EventRecordID>")),
            )
        };
        for id in ["-1", "abc", "18446744073709551616", "0x10", "1.5", "1 2"] {
            assert!(
                numbered(id).is_err_and(|error| error.starts_with("EventRecordID: expected a number")),
                "{id}"
            );
        }
        for id in ["", "1", "18446744073709551615", " 1", "\r\n  1\t"] {
            assert!(numbered(id).is_ok(), "{id}");
        }
    }

    fn query(data: &str) -> Result<Event, String> {
        match parse(&event(data))? {
            Document::Event(event) => Ok(event),
            other @ Document::Other(_) => Err(format!("{other:?}")),
        }
    }

    fn query_name(text: &str) -> Result<Option<String>, String> {
        query(&format!("<Data Name='QueryName'>{text}</Data>"))
            .map(|event| event.query_name().map(str::to_owned))
    }

    #[test]
    fn text_is_what_it_stands_for_and_nothing_more() {
        for (text, name) in [
            ("", ""),
            (" a\r\n\tb ", " a\r\n\tb "),
            ("\u{1b}[2J\u{1}", "\u{1b}[2J\u{1}"),
            ("&lt;&gt;&amp;&apos;&quot;", "<>&'\""),
            ("&#65;&#x1b;&#x1F4A9;", "A\u{1b}\u{1F4A9}"),
            ("&amp;lt;", "&lt;"),
            ("<![CDATA[a&lt;b]]>c<!-- d -->e<?f?>", "a&lt;bce"),
        ] {
            assert_eq!(query_name(text), Ok(Some(name.to_owned())), "{text}");
        }
        assert_eq!(query("<Data Name='QueryName'/>").unwrap().query_name(), Some(""));
        assert_eq!(query("<Data Name='Image'/><QueryName>b</QueryName>").unwrap().query_name(), None);
    }

    #[test]
    fn what_stands_for_nothing_is_an_error() {
        for (text, reason) in [
            ("a\0b", "a NUL"),
            ("&nbsp;", "found '&nbsp;'"),
            ("&a b", ""),
            ("&#0;", ""),
            ("&#xD800;", ""),
            ("&#x110000;", ""),
            ("<b>a</b>", "an element 'b'"),
            ("<!DOCTYPE a>", "document type"),
            ("</Data></EventData><EventData><Data>", ""),
        ] {
            let found = query_name(text);
            let is_split = text.starts_with("</Data>");
            assert_eq!(found.is_ok(), is_split, "{text}: {found:?}");
            assert!(is_split || found.unwrap_err().contains(reason), "{text}");
        }
    }

    #[test]
    fn an_event_needs_a_system_with_a_number() {
        let whole = |inside: &str| parse(&format!("<Event>{inside}</Event>")).map(|_| ());
        assert_eq!(whole(&SYSTEM.replace("> <", ">7<")), Ok(()));
        assert_eq!(whole("<EventData/>"), Err("expected an element System, found none".to_owned()));
        assert_eq!(whole(SYSTEM), Err("EventID: expected a number, found ' '".to_owned()));
        assert_eq!(whole("<a>").map_err(|reason| reason.is_empty()), Err(false));
        assert_eq!(parse("<Event><System>").map(|_| ()).map_err(|reason| reason.is_empty()), Err(false));
        assert!(parse("<Event><System/></Event>").is_err());
    }

    #[test]
    fn a_part_may_come_first_and_have_any_namespace() {
        let data =
            "<x:EventData><Data Name='QueryName' >a</Data><Data Name='QueryName'>b</Data></x:EventData>";
        let system = SYSTEM.replace("> <", " Qualifiers=''>22<").replace("System", "e:System");
        let Ok(Document::Event(event)) = parse(&format!("<Event xmlns:x='y'>{data}{system}</Event>")) else {
            panic!("no DNS query");
        };
        assert_eq!(event.query_name(), Some("a"));
    }

    #[test]
    fn white_space_that_sets_elements_apart_is_no_part_of_values() {
        let data = "<Data Name='UtcTime'>\n 2025-03-04 10:00:00.000 </Data><Data Name='ProcessGuid'> {AB} </Data>\
            <Data Name='ProcessId'>\t42\r\n</Data><Data Name='QueryStatus'> 0 </Data>\
            <Data Name='QueryName'>\n  a b.example\n </Data><Data Name='Image'> a.exe </Data>";
        let plain = query(data).unwrap();
        assert_eq!(plain.utc_time(), Some("2025-03-04 10:00:00.000"));
        assert_eq!(plain.get("ProcessGuid"), Some("ab"));
        assert_eq!((plain.process_id(), plain.query_status()), (Some("42"), Some("0")));
        // Windows adds no white space: what a text has is its own.
        assert_eq!(plain.query_name(), Some("\n  a b.example\n "));
        let system = "<System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>\n 22\n</EventID><Version> 5 </Version>\
            <TimeCreated SystemTime=' 2025-03-04T10:00:00.123456700Z '/><EventRecordID>\n7 </EventRecordID>\
            <Channel> c </Channel><Computer>\n a </Computer></System>";
        let Ok(Document::Event(apart)) =
            parse(&format!("<Event><EventData>{data}</EventData>{system}</Event>"))
        else {
            panic!("no DNS query");
        };
        assert_eq!((apart.query_name(), apart.image()), (Some("a b.example"), Some("a.exe")));
        let System { version, event_record_id, channel, computer, time_created_raw, .. } = apart.system;
        assert_eq!(
            (version, event_record_id, channel.as_str(), computer.as_str()),
            (Some(5), Some(7), "c", "a")
        );
        assert_eq!(time_created_raw, "2025-03-04T10:00:00.1234567Z");
    }

    #[test]
    fn a_query_without_a_known_field_is_a_problem() {
        for (data, found) in [
            ("<Data>-</Data><Data>2025-03-04 10:00:00.000</Data><Data/>", "found 3 Data without a Name"),
            ("<Data>a</Data>", "found 1 Data without a Name"),
            ("", "found none of these"),
            ("<Data Name='Other'>a</Data>", "found none of these"),
            (
                "</EventData><UserData><Data Name='QueryName'>a</Data></UserData><EventData>",
                "found none of these",
            ),
        ] {
            let reason = query(data).unwrap_err();
            assert!(reason.ends_with(found) && reason.contains("QueryName"), "{data}: {reason}");
        }
        assert!(query("<Data>a</Data><Data Name='QueryName'/>").is_ok());
    }

    #[test]
    fn times_have_the_decimals_of_a_log() {
        for (rendered, logged) in [
            ("2024-05-06T08:00:00.123456700Z", "2024-05-06T08:00:00.1234567Z"),
            ("2024-05-06T08:00:00.000000000Z", "2024-05-06T08:00:00.0000000Z"),
            ("2024-05-06T08:00:00.1234500Z", "2024-05-06T08:00:00.1234500Z"),
            ("2024-05-06T08:00:00.123456789Z", "2024-05-06T08:00:00.123456789Z"),
            ("2024-05-06T08:00:00Z", "2024-05-06T08:00:00Z"),
            ("x.1234567é00Z", "x.1234567é00Z"),
            ("", ""),
        ] {
            assert_eq!(as_in_a_log(rendered), logged);
        }
    }
}
