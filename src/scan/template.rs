//! Template definitions, as far as the skim needs them: which substitution holds what.
//!
//! A record of an ordinary log holds only substitutions; the elements around them stand in a
//! definition elsewhere in its chunk. What a definition says is looked up once per chunk. Only definitions of the
//! usual shape are understood, and the records of any other are decoded.
//!
//! Tokens: [MS-EVEN6] 2.2.12 and libevtx's format document, "Binary XML". Dependencies: [MS-EVEN6]
//! 2.2.12, an element whose dependency is a null value is left out.

use super::binxml::{
    DEFINITION_HEADER_SIZE, FRAGMENT_HEADER, Index, TEXT, definition_end, holds_nul, is_letter,
};
use super::log::{u16_at, u32_at};

/// The dependency of an element that depends on nothing.
const NO_DEPENDENCY: u16 = 0xffff;

/// A definition of an event. Borrows from the chunk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EventTemplate<'a> {
    /// The text of `Computer`.
    pub computer: Text<'a>,
    /// `Provider/@Name`.
    pub provider: Value<'a>,
    /// `Channel`.
    pub channel: Value<'a>,
    /// `EventID`.
    pub event_id: Index,
    /// `TimeCreated/@SystemTime`.
    pub time_created: Index,
    /// `EventRecordID`.
    pub event_record_id: Index,
    /// What stands in the place of `EventData`; `None` where it is not a substitution alone.
    pub event_data: Option<Index>,
    /// Substitutions that must not be null, or one of the elements above is left out.
    pub required: Vec<Index>,
    /// Whether every name that it has lies within it, so that its bytes alone tell what it means.
    pub says_all: bool,
}

/// A definition of an `EventData`: the names of its `Data` and their substitutions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DataTemplate<'a> {
    /// Name and substitution.
    pub data: Vec<(Text<'a>, Index)>,
}

/// Text of a definition: UTF-16, as it lies in the chunk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// `None` for text with a NUL in it: the decoder ends it there, and shall decide.
    fn new(bytes: &'a [u8]) -> Option<Self> {
        (!holds_nul(bytes)).then_some(Text(bytes))
    }

    /// Whether it is `ascii`, letter for letter.
    pub(super) fn is(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self.0.chunks_exact(2).zip(ascii.bytes()).all(|(unit, byte)| unit == [byte, 0])
    }

    /// Whether it is `ascii`, in any case.
    pub(super) fn is_in_any_case(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self
                .0
                .chunks_exact(2)
                .zip(ascii.bytes())
                .all(|(unit, byte)| is_letter(unit, byte.to_ascii_lowercase()))
    }

    /// The text; `None` unless it is whole: about the rest, the decoder shall decide.
    pub(super) fn decode(self) -> Option<String> {
        let units =
            self.0.chunks_exact(2).filter_map(|unit| unit.first_chunk().copied().map(u16::from_le_bytes));
        char::decode_utf16(units).collect::<Result<String, _>>().ok()
    }
}

/// A text that is written in the definition or substituted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// The element or attribute is not there.
    #[default]
    Absent,
    /// Written in the definition.
    Literal(Text<'a>),
    /// Substituted.
    Substitution(Index),
}

/// Reads the definition of an event at `offset` of a chunk; nothing of it may lie at or behind `end`. `None` if it is anything else.
pub(super) fn event_template(chunk: &[u8], offset: usize, end: usize) -> Option<EventTemplate<'_>> {
    let mut tokens = tokens(chunk, offset, end)?;
    let (name, dependency) = tokens.open()?;
    let read = if name.is("Event") { event(&mut tokens, dependency) } else { None };
    read.map(|event| EventTemplate { says_all: !tokens.names_outside, ..event })
}

/// Reads the definition of an `EventData` likewise.
pub(super) fn data_template(chunk: &[u8], offset: usize, end: usize) -> Option<DataTemplate<'_>> {
    let mut tokens = tokens(chunk, offset, end)?;
    let (name, dependency) = tokens.open()?;
    if name.is("EventData") && dependency == NO_DEPENDENCY { data(&mut tokens) } else { None }
}

/// The tokens of a definition, behind its fragment header.
fn tokens(chunk: &[u8], offset: usize, end: usize) -> Option<Tokens<'_>> {
    let tokens_end = definition_end(chunk, offset).filter(|tokens_end| *tokens_end <= end)?;
    let at = offset + DEFINITION_HEADER_SIZE;
    let begins = chunk.get(at..at + 4)? == FRAGMENT_HEADER;
    begins.then_some(Tokens {
        chunk,
        start: at,
        at: at + 4,
        end: tokens_end,
        attributes: Attributes::default(),
        names_outside: false,
    })
}

/// The rest of an event's definition, behind its name.
fn event<'a>(tokens: &mut Tokens<'a>, dependency: u16) -> Option<EventTemplate<'a>> {
    let mut event = EventTemplate::default();
    event.require(dependency);
    // The name space is of no concern.
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
        // Another element in the place of EventData, or none. Only a DNS query's matters.
        Token::Open(name, _) => return tokens.ends_below(name).then_some(event),
        Token::Close => return matches!(tokens.next()?, Token::End).then_some(event),
        _ => return None,
    };
    matches!((tokens.next()?, tokens.next()?), (Token::Close, Token::End)).then_some(event)
}

/// The elements of `System`, to its end.
fn system<'a>(tokens: &mut Tokens<'a>, event: &mut EventTemplate<'a>) -> Option<()> {
    let [mut provider, mut channel, mut computer, mut event_id, mut time_created, mut record_id] = [None; 6];
    loop {
        let (name, dependency) = match tokens.next()? {
            Token::Open(name, dependency) => (name, dependency),
            Token::Close => break,
            _ => return None,
        };
        let text = tokens.element()?;
        let (place, value) = if name.is("Provider") {
            (&mut provider, tokens.attributes.only("Name")?)
        } else if name.is("TimeCreated") {
            (&mut time_created, tokens.attributes.only("SystemTime")?)
        } else if name.is("EventID") {
            (&mut event_id, text)
        } else if name.is("EventRecordID") {
            (&mut record_id, text)
        } else if name.is("Channel") {
            (&mut channel, text)
        } else if name.is("Computer") {
            (&mut computer, text)
        } else {
            // What else there is of an event is not needed to count it.
            continue;
        };
        // An element that is there twice is unusual enough for the decoder.
        if place.replace(value).is_some() {
            return None;
        }
        event.require(dependency);
    }
    let (Some(Value::Literal(computer)), Some(provider)) = (computer, provider) else { return None };
    event.computer = computer;
    event.provider = provider;
    event.channel = channel.unwrap_or_default();
    event.event_id = event_id?.index()?;
    event.time_created = time_created?.index()?;
    event.event_record_id = record_id?.index()?;
    Some(())
}

/// The rest of an `EventData`'s definition: nothing but `Data` elements, each with a name of its
/// own and one substitution.
fn data<'a>(tokens: &mut Tokens<'a>) -> Option<DataTemplate<'a>> {
    let mut template = DataTemplate { data: Vec::with_capacity(9) };
    tokens.attributes()?;
    if !tokens.attributes.is_empty() {
        return None;
    }
    loop {
        match tokens.next()? {
            Token::Open(name, NO_DEPENDENCY) if name.is("Data") => {
                let text = tokens.element()?;
                let Value::Literal(name) = tokens.attributes.only("Name")? else { return None };
                if tokens.attributes.count != 1 || template.data.iter().any(|(other, _)| *other == name) {
                    return None;
                }
                template.data.push((name, text.index()?));
            }
            Token::Close => break,
            _ => return None,
        }
    }
    matches!(tokens.next()?, Token::End).then_some(template)
}

impl EventTemplate<'_> {
    fn require(&mut self, dependency: u16) {
        if dependency != NO_DEPENDENCY && !self.required.contains(&dependency) {
            self.required.push(dependency);
        }
    }
}

impl Value<'_> {
    /// Which substitution it is.
    pub(super) fn index(self) -> Option<Index> {
        match self {
            Value::Substitution(index) => Some(index),
            _ => None,
        }
    }
}

/// The attributes of an element. Real ones have up to seven; of those that are looked at, up to three.
#[derive(Debug, Default, Clone, Copy)]
struct Attributes<'a> {
    first: [(Text<'a>, Value<'a>); 4],
    /// How many there are, those that are not kept included.
    count: usize,
}

impl<'a> Attributes<'a> {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value of the one attribute with that name; `None` if there is none, or may be several: the decoder
    /// leaves out empty ones, so which of them counts is not known here.
    fn only(&self, wanted: &str) -> Option<Value<'a>> {
        let mut named = self.first.get(..self.count)?.iter().filter(|(name, _)| name.is(wanted));
        let (_, value) = named.next()?;
        named.next().is_none().then_some(*value)
    }
}

/// A token of a definition.
#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    /// An element begins: its name and dependency.
    Open(Text<'a>, u16),
    /// An attribute's name.
    Attribute(Text<'a>),
    /// The element's attributes are over, content follows.
    EndOfAttributes,
    /// The element is over, without content.
    CloseEmpty,
    /// The element is over.
    Close,
    /// Text.
    Text(Text<'a>),
    /// A value of the record.
    Substitution(Index),
    /// The definition is over.
    End,
}

struct Tokens<'a> {
    chunk: &'a [u8],
    start: usize,
    at: usize,
    end: usize,
    /// Those of the element that was read last.
    attributes: Attributes<'a>,
    /// Whether a name that was read lies outside the definition.
    names_outside: bool,
}

impl<'a> Tokens<'a> {
    /// The token at the cursor; `None` for one that is not among the usual, or that reaches over the end.
    fn next(&mut self) -> Option<Token<'a>> {
        let kind = *self.chunk.get(self.at)?;
        self.at += 1;
        let token = match kind {
            0x00 => Token::End,
            0x01 | 0x41 => {
                let dependency = u16_at(self.chunk, self.at)?;
                // Behind the dependency lies the element's size, which is not needed.
                self.at += 6;
                let name = self.name()?;
                if kind == 0x41 {
                    // The size of the attribute list.
                    self.at += 4;
                }
                Token::Open(name, dependency)
            }
            0x02 => Token::EndOfAttributes,
            0x03 => Token::CloseEmpty,
            0x04 => Token::Close,
            0x05 | 0x45 => {
                if *self.chunk.get(self.at)? != TEXT {
                    return None;
                }
                let length = usize::from(u16_at(self.chunk, self.at + 1)?) * 2;
                self.at += 3 + length;
                Token::Text(Text::new(self.chunk.get(self.at - length..self.at)?)?)
            }
            0x06 | 0x46 => Token::Attribute(self.name()?),
            0x0d | 0x0e => {
                let index = u16_at(self.chunk, self.at)?;
                self.at += 3;
                Token::Substitution(index)
            }
            _ => return None,
        };
        (self.at <= self.end).then_some(token)
    }

    fn open(&mut self) -> Option<(Text<'a>, u16)> {
        match self.next()? {
            Token::Open(name, dependency) => Some((name, dependency)),
            _ => None,
        }
    }

    /// Reads the attributes of an element that has content.
    fn attributes(&mut self) -> Option<()> {
        matches!(self.attributes_and_end()?, Token::EndOfAttributes).then_some(())
    }

    /// Reads the attributes of an element without elements in it, and gives its content.
    fn element(&mut self) -> Option<Value<'a>> {
        if matches!(self.attributes_and_end()?, Token::CloseEmpty) {
            return Some(Value::Absent);
        }
        let value = match self.next()? {
            Token::Close => return Some(Value::Absent),
            token => value(token)?,
        };
        matches!(self.next()?, Token::Close).then_some(value)
    }

    /// Reads attributes, and gives the token behind them.
    fn attributes_and_end(&mut self) -> Option<Token<'a>> {
        self.attributes.count = 0;
        loop {
            match self.next()? {
                Token::Attribute(name) => {
                    let value = value(self.next()?)?;
                    if let Some(attribute) = self.attributes.first.get_mut(self.attributes.count) {
                        *attribute = (name, value);
                    }
                    self.attributes.count += 1;
                }
                token @ (Token::EndOfAttributes | Token::CloseEmpty) => return Some(token),
                _ => return None,
            }
        }
    }

    /// Whether the definition is understood to its end from the element `name` on, which is open below the
    /// event, and holds no second `System`.
    fn ends_below(&mut self, name: Text<'_>) -> bool {
        if name.is("System") {
            return false;
        }
        let mut open = 2_usize;
        while open > 0 {
            match self.next() {
                Some(Token::Open(name, _)) if open == 1 && name.is("System") => return false,
                Some(Token::Open(_, _)) => open += 1,
                Some(Token::Close | Token::CloseEmpty) => open -= 1,
                Some(Token::End) | None => return false,
                Some(_) => {}
            }
        }
        matches!(self.next(), Some(Token::End))
    }

    /// A name: its offset in the chunk and, where that is here, the name itself.
    fn name(&mut self) -> Option<Text<'a>> {
        let offset = usize::try_from(u32_at(self.chunk, self.at)?).ok()?;
        self.at += 4;
        // A name's own header: the next name in its hash bucket, its hash, its length.
        let length = usize::from(u16_at(self.chunk, offset.checked_add(6)?)?) * 2;
        if offset == self.at {
            self.at += 8 + length + 2;
        }
        self.names_outside |= offset < self.start || offset + 8 + length > self.end;
        self.chunk.get(offset + 8..offset + 8 + length).and_then(Text::new)
    }
}

fn value(token: Token<'_>) -> Option<Value<'_>> {
    match token {
        Token::Text(text) => Some(Value::Literal(text)),
        Token::Substitution(index) => Some(Value::Substitution(index)),
        _ => None,
    }
}
