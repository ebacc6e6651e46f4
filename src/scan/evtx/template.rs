//! Reads template definitions as far as needed to count a record without decoding it: which of the
//! record's values fills which element.
//!
//! A record of an ordinary log contains only values. The elements that they fill lie in a
//! definition elsewhere in the record's chunk. A definition is read once per chunk. Only
//! definitions of the usual shape are understood; records of any other definition are decoded.
//!
//! Dependencies: [MS-EVEN6] 2.2.12, an element whose dependency is a null value is left out.

use crate::event::{SYSMON_CHANNEL, SYSMON_PROVIDER};
use crate::scan::evtx::binxml::text::Text;
use crate::scan::evtx::binxml::{Index, NO_DEPENDENCY};
use crate::scan::evtx::element::Value;
use crate::scan::evtx::token_reader::{Token, Tokens, tokens};

/// The template definition of an event, as far as it is needed to read the event's values: which
/// value of a record fills which element. It owns its data, so it can outlive the chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct EventTemplate {
    /// The text of the element `Computer`. The template definition itself contains it, not the
    /// record.
    pub computer: String,
    /// True if the template definition itself contains the name of the provider or channel as a
    /// text, and that name is Sysmon's.
    pub sysmon: bool,
    /// The index, among a record's values, of the value that fills `Provider/@Name`; `None` if the
    /// template definition itself contains the name as a text.
    pub provider: Option<Index>,
    /// The index, among a record's values, of the value that fills the element `Channel`; `None` if
    /// the template definition itself contains the text, or has no such element.
    pub channel: Option<Index>,
    /// The text of the element `Channel`, if the template definition itself contains it; empty if a
    /// value of the record fills the element, or the definition has no such element.
    pub channel_text: String,
    /// The index, among a record's values, of the value that fills the element `EventID`.
    pub event_id: Index,
    /// The index, among a record's values, of the value that fills `TimeCreated/@SystemTime`.
    pub time_created: Index,
    /// The index, among a record's values, of the value that fills the element `EventRecordID`.
    pub event_record_id: Index,
    /// The index, among a record's values, of the value that contains the event's `EventData`;
    /// `None` if no value contains the `EventData` as a whole.
    pub event_data: Option<Index>,
    /// The index, among a record's values, of the value that fills the element `Version`; `None` if
    /// the template definition itself contains the text, or has no such element.
    pub version: Option<Index>,
    /// The index, among a record's values, of the value that fills `Security/@UserID`; `None` if
    /// the template definition itself contains the text, or has no such attribute.
    pub user_id: Option<Index>,
    /// True if an event of this template definition can be read directly from its values, without
    /// the decoder (the `evtx` crate). This requires all of the following:
    ///
    /// - No element of `System` has an attribute that a reader could mistake for that of another
    ///   element.
    /// - The elements `Version` and `Security` are present whenever their own values are not null.
    /// - The value that contains the event's `EventData` fills no other place in the definition.
    /// - All names of elements and attributes consist of letters and digits.
    pub is_plain: bool,
    /// The indexes of a record's values that must not be null. If one of them is null, an element
    /// of the event is left out, so the record must be decoded.
    pub required: Vec<Index>,
    /// True if all names of elements and attributes lie within the template definition, so that the
    /// definition's bytes alone determine what it means.
    pub is_self_contained: bool,
}

/// The template definition of an `EventData`: which value of the record fills which `Data` element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct DataTemplate<'a> {
    /// For each `Data` element of the template definition, in order: the text of its attribute
    /// `Name`, and the index, among the record's values, of the value that fills the element.
    pub data: Vec<(Text<'a>, Index)>,
}

/// Reads the template definition of an event at `offset` in a chunk. All of it must lie before the
/// offset `end`. `None` if the bytes are not the definition of an event, or the definition is
/// unusual. Callers then have its records decoded, instead of reading their values directly.
pub(in crate::scan) fn event_template(chunk: &[u8], offset: usize, end: usize) -> Option<EventTemplate> {
    let mut tokens = tokens(chunk, offset, end)?;
    let (name, dependency) = tokens.open()?;
    let read = if name.is("Event") { event(&mut tokens, dependency) } else { None };
    let is_plain = !tokens.odd_names;
    read.map(|event| EventTemplate {
        is_self_contained: !tokens.names_outside,
        is_plain: event.is_plain && is_plain,
        ..event
    })
}

/// Reads the template definition of an `EventData` at `offset` in a chunk. All of it must lie
/// before the offset `end`. `None` if the bytes are not the definition of an `EventData`, or the
/// definition is unusual. Callers then have its records decoded, instead of reading their values
/// directly.
pub(in crate::scan) fn data_template(chunk: &[u8], offset: usize, end: usize) -> Option<DataTemplate<'_>> {
    let mut tokens = tokens(chunk, offset, end)?;
    let (name, dependency) = tokens.open()?;
    if name.is("EventData") && dependency == NO_DEPENDENCY { data(&mut tokens) } else { None }
}

/// Reads the template definition of an `EventData` at `offset` in a chunk, as [`data_template`]
/// does. Also returns the offset, in the chunk, of each reference to the name of an element or
/// attribute, if all of these names lie outside the definition; otherwise `None` in their place.
pub(in crate::scan) fn data_template_with_names(
    chunk: &[u8],
    offset: usize,
    end: usize,
) -> Option<(DataTemplate<'_>, Option<Vec<usize>>)> {
    let mut tokens = tokens(chunk, offset, end)?;
    tokens.outside_names = Some(Vec::new());
    let (name, dependency) = tokens.open()?;
    let is_data = name.is("EventData") && dependency == NO_DEPENDENCY;
    let template = if is_data { data(&mut tokens)? } else { return None };
    Some((template, tokens.outside_names))
}

/// Reads the template definition of an `EventData` at `offset` in a chunk in which the names of
/// elements may be overwritten. Names that lie outside the definition are ignored: each element is
/// known by the text of its attribute instead. `None` unless each element has one attribute, with a
/// literal text that no other element has, and is filled by one value.
pub(in crate::scan) fn data_template_by_texts(chunk: &[u8], offset: usize) -> Option<DataTemplate<'_>> {
    let mut tokens = tokens(chunk, offset, chunk.len())?.skipping_outside_names();
    let (_, dependency) = tokens.open()?;
    tokens.attributes()?;
    if dependency != NO_DEPENDENCY || !tokens.attributes.is_empty() {
        return None;
    }
    let mut template = DataTemplate::default();
    loop {
        match tokens.next()? {
            Token::Open(_, NO_DEPENDENCY) => {
                let content = tokens.element()?;
                let Value::Literal(text) = tokens.attributes.sole()? else { return None };
                let is_new = template.data.iter().all(|(other, _)| *other != text);
                if !is_new || template.data.len() == MOST_DATA {
                    return None;
                }
                template.data.push((text, content.index()?));
            }
            Token::Close => break,
            _ => return None,
        }
    }
    matches!(tokens.next()?, Token::End).then_some(template)
}

/// Reads the rest of an event's template definition, after the name of the element `Event`.
/// `dependency` is that of the element `Event`: the index of a value that must not be null, or
/// `NO_DEPENDENCY`. `None` if the definition is of a form that is not understood.
fn event(tokens: &mut Tokens<'_>, dependency: u16) -> Option<EventTemplate> {
    let mut event = EventTemplate::default();
    event.require(dependency);
    // The XML namespace does not matter.
    tokens.attributes()?;
    let (name, dependency) = tokens.open()?;
    tokens.attributes()?;
    if !name.is("System") || !tokens.attributes.is_empty() {
        return None;
    }
    event.require(dependency);
    system(tokens, &mut event)?;
    event.event_data = match tokens.next()? {
        Token::Substitution(index) => Some(index),
        // The event has another element instead of EventData, or none. Only a DNS query's data
        // matters.
        Token::Open(name, _) => return tokens.ends_below(name).then_some(event),
        Token::Close => return matches!(tokens.next()?, Token::End).then_some(event),
        _ => return None,
    };
    event.is_plain &= event.event_data.is_some_and(|data| tokens.is_substituted_once(data));
    matches!((tokens.next()?, tokens.next()?), (Token::Close, Token::End)).then_some(event)
}

/// For each element of `System` that is needed, what fills it in a template definition: a text, a
/// value of the record, or nothing if the element is empty. `None` for an element that the
/// definition does not have.
#[derive(Default)]
struct SystemValues<'a> {
    provider: Option<Value<'a>>,
    channel: Option<Value<'a>>,
    computer: Option<Value<'a>>,
    event_id: Option<Value<'a>>,
    time_created: Option<Value<'a>>,
    event_record_id: Option<Value<'a>>,
    version: Option<Value<'a>>,
    user_id: Option<Value<'a>>,
}

/// Reads the elements of `System` in a template definition, to the end of `System`, and stores in
/// `event` what fills them. `None` if an element is of a form that is not understood, or a needed
/// one is missing.
fn system(tokens: &mut Tokens<'_>, event: &mut EventTemplate) -> Option<()> {
    let mut values = SystemValues::default();
    event.is_plain = true;
    loop {
        let (name, dependency) = match tokens.next()? {
            Token::Open(name, dependency) => (name, dependency),
            Token::Close => return values.store_in(event),
            _ => return None,
        };
        let text = tokens.element()?;
        let attributes = &tokens.attributes;
        let own = [("Provider", "Name"), ("TimeCreated", "SystemTime"), ("Security", "UserID")];
        let own = own.into_iter().find(|(element, _)| name.is(element)).map(|(_, attribute)| attribute);
        event.is_plain &= attributes.are_plain(own);
        let (place, value) = if name.is("Provider") {
            (&mut values.provider, attributes.only("Name")?)
        } else if name.is("TimeCreated") {
            (&mut values.time_created, attributes.only("SystemTime")?)
        } else if name.is("EventID") {
            (&mut values.event_id, text)
        } else if name.is("EventRecordID") {
            (&mut values.event_record_id, text)
        } else if name.is("Channel") {
            (&mut values.channel, text)
        } else if name.is("Computer") {
            (&mut values.computer, text)
        } else if name.is("Version") {
            (&mut values.version, text)
        } else if name.is("Security") {
            (&mut values.user_id, attributes.only("UserID").unwrap_or_default())
        } else {
            // Other parts of `System` are not needed.
            continue;
        };
        // A repeated element is unusual and left to the decoder.
        if place.replace(value).is_some() {
            return None;
        }
        if name.is("Version") || name.is("Security") {
            // An event can be counted without the elements `Version` and `Security`.
            event.is_plain &= dependency == NO_DEPENDENCY || Some(dependency) == value.index();
        } else {
            event.require(dependency);
        }
    }
}

impl SystemValues<'_> {
    /// Stores in `event` what fills the elements of `System`. `None` if a required element is
    /// missing, or is filled in a way that is not understood, such as a text in place of a value.
    fn store_in(self, event: &mut EventTemplate) -> Option<()> {
        let (Some(Value::Literal(computer)), Some(provider)) = (self.computer, self.provider) else {
            return None;
        };
        let channel = self.channel.unwrap_or_default();
        event.computer = computer.decode()?;
        if let Value::Literal(channel) = channel {
            event.channel_text = channel.decode()?;
        }
        event.sysmon = [(provider, SYSMON_PROVIDER), (channel, SYSMON_CHANNEL)]
            .into_iter()
            .any(|(value, name)| matches!(value, Value::Literal(text) if text.is_in_any_case(name)));
        event.provider = provider.index();
        event.channel = channel.index();
        event.event_id = self.event_id?.index()?;
        event.time_created = self.time_created?.index()?;
        event.event_record_id = self.event_record_id?.index()?;
        event.version = self.version.and_then(Value::index);
        event.user_id = self.user_id.and_then(Value::index);
        Some(())
    }
}

/// The greatest number of `Data` elements in a template definition. A definition with more is not
/// understood, because each element is compared with those before it. A DNS query has nine.
const MOST_DATA: usize = 64;

/// Reads the rest of an `EventData`'s template definition, after the name of the element
/// `EventData`: nothing but `Data` elements, each with a different name and filled by one value.
/// `None` if the definition contains anything else.
fn data<'a>(tokens: &mut Tokens<'a>) -> Option<DataTemplate<'a>> {
    let mut template = DataTemplate { data: Vec::with_capacity(24) };
    tokens.attributes()?;
    if !tokens.attributes.is_empty() {
        return None;
    }
    loop {
        // After the first element, most elements are like the one before.
        let alike = if template.data.is_empty() { None } else { tokens.similar_element() };
        let (name, index) = match alike {
            Some(alike) => alike,
            None => match tokens.next()? {
                Token::Open(name, NO_DEPENDENCY) if name.is("Data") => data_element(tokens)?,
                Token::Close => break,
                _ => return None,
            },
        };
        if template.data.len() == MOST_DATA || template.data.iter().any(|(other, _)| *other == name) {
            return None;
        }
        template.data.push((name, index));
    }
    matches!(tokens.next()?, Token::End).then_some(template)
}

/// Reads the rest of a `Data` element in a template definition, after the element's name. Returns
/// the text of the attribute `Name`, and the index of the record's value that fills the element.
/// `None` if the element has another attribute too, or is not filled by one value.
fn data_element<'a>(tokens: &mut Tokens<'a>) -> Option<(Text<'a>, Index)> {
    let text = tokens.element()?;
    let Value::Literal(name) = tokens.attributes.only("Name")? else { return None };
    (tokens.attributes.count == 1).then_some((name, text.index()?))
}

impl EventTemplate {
    /// Adds the dependency of an element to the indexes of values that must not be null. Does
    /// nothing if the element depends on no value (`NO_DEPENDENCY`).
    fn require(&mut self, dependency: u16) {
        if dependency != NO_DEPENDENCY && !self.required.contains(&dependency) {
            self.required.push(dependency);
        }
    }
}
