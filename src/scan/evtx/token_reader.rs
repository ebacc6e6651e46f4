//! Reads the tokens of a template definition: elements, attributes, texts and substitutions,
//! without their meaning.
//!
//! Tokens: [MS-EVEN6] 2.2.12 and libevtx's format document, "Binary XML". Only the usual ones are
//! understood.

use crate::scan::evtx::binxml::text::Text;
use crate::scan::evtx::binxml::{
    self, DEFINITION_HEADER_SIZE, FRAGMENT_HEADER, Index, ValueType, definition_end, token,
};
use crate::scan::evtx::chunk::CHUNK_HEADER_SIZE;
use crate::scan::evtx::element::{Attributes, Value};
use crate::scan::evtx::log::{u16_at, u32_at};

/// The greatest length, in UTF-16 units, of a name of an element or attribute. A template
/// definition (or a record without a template) with a longer name counts as not understood: without
/// this limit, a crafted definition could refer a thousand times to a name of 32 thousand units.
pub(in crate::scan) const LONGEST_NAME: u16 = 256;

/// The number by which binary XML states that a value is text. A literal value in a template
/// definition begins with the number of its type.
const TEXT: u8 = binxml::TEXT.number();

/// Returns a cursor over the tokens of the template definition at `offset` in a chunk, placed after
/// the definition's fragment header. `None` if the definition does not end before the offset `end`,
/// or does not begin with the usual fragment header.
pub(in crate::scan) fn tokens(chunk: &[u8], offset: usize, end: usize) -> Option<Tokens<'_>> {
    let tokens_end = definition_end(chunk, offset).filter(|tokens_end| *tokens_end <= end)?;
    let at = offset + DEFINITION_HEADER_SIZE;
    let begins = chunk.get(at..at + 4)? == FRAGMENT_HEADER;
    begins.then_some(Tokens {
        chunk,
        start: at,
        at: at + 4,
        end: tokens_end,
        attributes: Attributes::default(),
        element_name: 0,
        attribute_name: 0,
        names: OutsideNames::Read,
        names_outside: false,
        outside_names: None,
        odd_names: false,
        substituted: 0,
        substituted_again: 0,
    })
}

/// What a cursor does with names of elements and attributes that lie in the chunk, but outside the
/// template definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutsideNames {
    /// The cursor reads the names of elements and attributes that lie elsewhere in the chunk than
    /// in the template definition.
    Read,
    /// The cursor treats each name outside the template definition as empty, because it may be
    /// overwritten.
    Skipped,
}

/// A token of a template definition in binary XML.
#[derive(Debug, Clone, Copy)]
pub(in crate::scan) enum Token<'a> {
    /// The start of an element, with the element's name and its dependency: the index of a value
    /// that must not be null, or `NO_DEPENDENCY`.
    Open(Text<'a>, u16),
    /// The start of an attribute, with the attribute's name. Its value is the next token.
    Attribute(Text<'a>),
    /// The end of the attributes of an element with content. The content follows.
    EndOfAttributes,
    /// The end of an element without content.
    CloseEmpty,
    /// The end of an element with content.
    Close,
    /// A text that the template definition contains.
    Text(Text<'a>),
    /// A place in the template that the record's value at this index fills.
    Substitution(Index),
    /// The end of the template definition.
    End,
}

/// A cursor over the tokens of a template definition in a chunk.
#[derive(Debug, Clone)]
pub(in crate::scan) struct Tokens<'a> {
    chunk: &'a [u8],
    /// The offset, in the chunk, of the template definition's first token.
    start: usize,
    /// The offset, in the chunk, of the next token to be read.
    at: usize,
    /// The offset in the chunk at which the template definition ends.
    end: usize,
    /// The attributes of the element that the cursor read last. [`Tokens::similar_element`] does
    /// not change this field.
    pub attributes: Attributes<'a>,
    /// The offset, in the chunk, of the name of the element that was read last.
    element_name: u32,
    /// The offset, in the chunk, of the name of the attribute that was read last.
    attribute_name: u32,
    /// What the cursor does with names of elements and attributes that lie outside the template
    /// definition: it reads them, or treats them as empty.
    names: OutsideNames,
    /// True if a name of an element or attribute that was read lies outside the template
    /// definition.
    pub names_outside: bool,
    /// The offset, in the chunk, of each reference to a name that was read. `None` if the caller
    /// does not want the offsets, or once a name was read that lies wholly or partly inside the
    /// template definition.
    pub outside_names: Option<Vec<usize>>,
    /// True if a name of an element or attribute that was read has other characters than ASCII
    /// letters and digits. The decoder (the `evtx` crate) does not write such a name as it is.
    pub odd_names: bool,
    /// A bit for each of the record's first 64 values. It is set once the cursor has read a place
    /// in the template definition that the value fills.
    substituted: u64,
    /// A bit for each of the record's first 64 values. It is set once the cursor has read more than
    /// one place in the template definition that the value fills.
    substituted_again: u64,
}

impl<'a> Tokens<'a> {
    /// Returns the cursor, set to treat names of elements and attributes outside the template
    /// definition as empty, because they may be overwritten.
    pub(in crate::scan) fn skipping_outside_names(self) -> Self {
        Tokens { names: OutsideNames::Skipped, ..self }
    }

    /// Reads the next token, and moves the cursor to its end. `None` if the bytes are none of the
    /// tokens that [`Token`] has, or the token reaches beyond the template definition's end.
    pub(in crate::scan) fn next(&mut self) -> Option<Token<'a>> {
        let kind = *self.chunk.get(self.at)?;
        self.at += 1;
        let token = match kind {
            token::END_OF_FRAGMENT => Token::End,
            token::ELEMENT | token::ELEMENT_WITH_ATTRIBUTES => {
                let dependency = u16_at(self.chunk, self.at)?;
                // The element's size follows the dependency and is not needed.
                self.at += 6;
                self.element_name = u32_at(self.chunk, self.at)?;
                let name = self.name()?;
                if kind == token::ELEMENT_WITH_ATTRIBUTES {
                    // Skips the size of the attribute list.
                    self.at += 4;
                }
                Token::Open(name, dependency)
            }
            token::END_OF_START_TAG => Token::EndOfAttributes,
            token::END_OF_EMPTY_ELEMENT => Token::CloseEmpty,
            token::END_OF_ELEMENT => Token::Close,
            token::VALUE | token::VALUE_MORE => {
                if *self.chunk.get(self.at)? != TEXT {
                    return None;
                }
                let length = usize::from(u16_at(self.chunk, self.at + 1)?) * 2;
                self.at += 3 + length;
                Token::Text(Text::new(self.chunk.get(self.at - length..self.at)?)?)
            }
            token::ATTRIBUTE | token::ATTRIBUTE_MORE => {
                self.attribute_name = u32_at(self.chunk, self.at)?;
                Token::Attribute(self.name()?)
            }
            token::SUBSTITUTION | token::OPTIONAL_SUBSTITUTION => {
                let index = u16_at(self.chunk, self.at)?;
                if !ValueType::of(*self.chunk.get(self.at + 2)?).exists() {
                    return None;
                }
                self.at += 3;
                self.note(index);
                Token::Substitution(index)
            }
            _ => return None,
        };
        (self.at <= self.end).then_some(token)
    }

    /// Reads an element that is like the element before, as the `Data` elements of an `EventData`
    /// are. Returns the text of the element's attribute, and the index of the record's value that
    /// fills the element. `None` if no similar element follows; then nothing is read.
    ///
    /// A similar element depends on no value and has one attribute. It has the name of the last
    /// element, and its attribute has the name of the last attribute; the caller knows both names.
    /// This function is faster than reading the element token by token.
    pub(in crate::scan) fn similar_element(&mut self) -> Option<(Text<'a>, Index)> {
        let rest = self.chunk.get(self.at..self.end)?;
        // The bytes of the element's token, dependency, size, name and size of the attribute list;
        // the attribute's token and name; its text's token, type and length.
        #[rustfmt::skip]
        let (
            &[token::ELEMENT_WITH_ATTRIBUTES, 0xff, 0xff, _, _, _, _, e0, e1, e2, e3, _, _, _, _,
              token::ATTRIBUTE, a0, a1, a2, a3, token::VALUE, TEXT, low, high],
            rest,
        ) = rest.split_first_chunk::<24>()? else { return None };
        let length = usize::from(u16::from_le_bytes([low, high])) * 2;
        let (text, rest) = rest.split_at_checked(length)?;
        // The bytes of the end of the attributes; a substitution with index and type; the end of
        // the element.
        #[rustfmt::skip]
        let (
            &[token::END_OF_START_TAG, token::SUBSTITUTION | token::OPTIONAL_SUBSTITUTION, i0, i1, kind,
              token::END_OF_ELEMENT],
            _,
        ) = rest.split_first_chunk::<6>()? else { return None };
        if !ValueType::of(kind).exists() {
            return None;
        }
        let (element_name, attribute_name) =
            (u32::from_le_bytes([e0, e1, e2, e3]), u32::from_le_bytes([a0, a1, a2, a3]));
        let is_here = |name: u32, behind: usize| usize::try_from(name).ok() == Some(self.at + behind);
        if (element_name, attribute_name) != (self.element_name, self.attribute_name)
            || is_here(element_name, 11)
            || is_here(attribute_name, 20)
        {
            return None;
        }
        let text = Text::new(text)?;
        let index = u16::from_le_bytes([i0, i1]);
        if let Some(names) = &mut self.outside_names {
            // Both names are those of an element before, so that they lie outside, too.
            names.extend([self.at + 7, self.at + 16]);
        }
        self.at += 24 + length + 6;
        self.note(index);
        Some((text, index))
    }

    /// Remembers that the cursor has read a place in the template definition that the record's
    /// value at `index` fills. [`Tokens::is_substituted_once`] needs this.
    fn note(&mut self, index: Index) {
        let bit = bit(index);
        self.substituted_again |= self.substituted & bit;
        self.substituted |= bit;
    }

    /// Returns whether the cursor has read exactly one place in the template definition that the
    /// record's value at `index` fills. The result is false for all but the first 64 values,
    /// because no places are remembered for them.
    pub(in crate::scan) fn is_substituted_once(&self, index: Index) -> bool {
        self.substituted & !self.substituted_again & bit(index) != 0
    }

    /// Reads the start of an element in a template definition. Returns the element's name and its
    /// dependency: the index of a value that must not be null, or `NO_DEPENDENCY`. `None` if the
    /// next token is not the start of an element.
    pub(in crate::scan) fn open(&mut self) -> Option<(Text<'a>, u16)> {
        match self.next()? {
            Token::Open(name, dependency) => Some((name, dependency)),
            _ => None,
        }
    }

    /// Reads the attributes of an element that has content into the field `attributes`, and moves
    /// the cursor to where the content begins. `None` if the element has no content, or an
    /// attribute cannot be read.
    pub(in crate::scan) fn attributes(&mut self) -> Option<()> {
        matches!(self.attributes_and_end()?, Token::EndOfAttributes).then_some(())
    }

    /// Reads the rest of an element without nested elements: its attributes into the field
    /// `attributes`, and its content, which is returned (a text, a substitution, or nothing).
    /// `None` if it contains anything else.
    pub(in crate::scan) fn element(&mut self) -> Option<Value<'a>> {
        if matches!(self.attributes_and_end()?, Token::CloseEmpty) {
            return Some(Value::Absent);
        }
        let value = match self.next()? {
            Token::Close => return Some(Value::Absent),
            token => value(token)?,
        };
        matches!(self.next()?, Token::Close).then_some(value)
    }

    /// Reads an element's attributes into the field `attributes`, and returns the token that ends
    /// them; `None` if an attribute cannot be read.
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

    /// Reads the rest of the template definition. Returns true if all of it is understood, and
    /// `Event` has no second child element `System`. The caller must have just read the start of
    /// the element `name`, a child of the element `Event`; false also if this element is itself a
    /// `System`.
    pub(in crate::scan) fn ends_below(&mut self, name: Text<'_>) -> bool {
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

    /// Reads a reference to the name of an element or attribute, and returns the name. The name
    /// lies right after the reference, so that the cursor has to skip it too, or elsewhere in the
    /// chunk. `None` if the name is longer than [`LONGEST_NAME`], contains a NUL, or lies in the
    /// chunk's header or beyond the chunk's end.
    fn name(&mut self) -> Option<Text<'a>> {
        // The decoder is given a changed chunk header, so a name must not lie in the header.
        let reference = self.at;
        let offset = usize::try_from(u32_at(self.chunk, reference)?).ok();
        let offset = offset.filter(|offset| *offset >= CHUNK_HEADER_SIZE)?;
        self.at += 4;
        if self.names == OutsideNames::Skipped && offset != self.at {
            return Some(Text::default());
        }
        // The header of a name: the next name in its hash bucket, its hash, its length.
        let units = u16_at(self.chunk, offset.checked_add(6)?).filter(|units| *units <= LONGEST_NAME)?;
        let length = usize::from(units) * 2;
        if offset == self.at {
            self.at += 8 + length + 2;
        }
        self.names_outside |= offset < self.start || offset + 8 + length > self.end;
        let name = self.chunk.get(offset + 8..offset + 8 + length).and_then(Text::new)?;
        self.odd_names |= !name.is_letters();
        if let Some(names) = &mut self.outside_names {
            if offset >= self.end || offset + 8 + length <= self.start {
                names.push(reference);
            } else {
                self.outside_names = None;
            }
        }
        Some(name)
    }
}

/// Returns the bit that stands for a record's value in a set of the first 64 values; 0 for all
/// further values.
fn bit(index: Index) -> u64 {
    1_u64.checked_shl(u32::from(index)).unwrap_or(0)
}

/// Returns the value that a token states; `None` if the token is neither a text nor a substitution.
fn value(token: Token<'_>) -> Option<Value<'_>> {
    match token {
        Token::Text(text) => Some(Value::Literal(text)),
        Token::Substitution(index) => Some(Value::Substitution(index)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::binxml::NO_DEPENDENCY;
    use crate::scan::evtx::template::data_template;
    use dnsweep_samples::{Event, LogWriter, Style};
    use proptest::prelude::*;

    /// Returns a chunk, and the offset of the `EventData` definition of its DNS queries.
    fn chunk() -> (Vec<u8>, usize) {
        let mut writer = LogWriter::new(Style::Export);
        writer.push(&Event::dns_query("example.com", "a.exe")).unwrap();
        let chunk = writer.finish().split_off(4096);
        let offset =
            (CHUNK_HEADER_SIZE..chunk.len()).find(|at| data_template(&chunk, *at, chunk.len()).is_some());
        (chunk, offset.unwrap())
    }

    /// An element of a template definition: its dependency, name, attributes and content.
    type Element<'a> = (u16, Text<'a>, Vec<(Text<'a>, Value<'a>)>, Value<'a>);

    /// Reads the next element token by token. Tests compare the faster [`Tokens::similar_element`]
    /// with it.
    fn element<'a>(tokens: &mut Tokens<'a>) -> Option<Element<'a>> {
        let Token::Open(name, dependency) = tokens.next()? else { return None };
        let content = tokens.element()?;
        let attributes = tokens.attributes.first.get(..tokens.attributes.count)?.to_vec();
        Some((dependency, name, attributes, content))
    }

    /// Reads the template definition at `offset` in the chunk, and returns how many of its elements
    /// [`Tokens::similar_element`] recognised as being like the element before. Checks that each of
    /// them is what reading token by token gives.
    fn alike(chunk: &[u8], offset: usize) -> usize {
        let Some(mut tokens) = tokens(chunk, offset, chunk.len()) else { return 0 };
        if tokens.open().is_none() || tokens.attributes().is_none() {
            return 0;
        }
        let mut last: Option<Element<'_>> = None;
        let mut count = 0;
        loop {
            let mut ahead = tokens.clone();
            let alike = ahead.similar_element();
            let next = element(&mut tokens);
            if let (Some((text, index)), Some((_, name, attributes, _))) = (alike, &last)
                && attributes.len() == 1
            {
                count += 1;
                let expected = (
                    NO_DEPENDENCY,
                    *name,
                    vec![(attributes[0].0, Value::Literal(text))],
                    Value::Substitution(index),
                );
                assert_eq!(next.as_ref(), Some(&expected));
                assert_eq!((ahead.at, ahead.substituted), (tokens.at, tokens.substituted));
                assert_eq!(ahead.substituted_again, tokens.substituted_again);
            }
            last = match next {
                Some(next) => Some(next),
                None => return count,
            };
        }
    }

    #[test]
    fn the_elements_of_a_query_are_like_the_first() {
        let (chunk, offset) = chunk();
        assert_eq!(alike(&chunk, offset), data_template(&chunk, offset, chunk.len()).unwrap().data.len() - 1);
    }

    /// Returns the binary XML of a `Data` element that refers to its own name at offset 1024 of the
    /// chunk, and to its attribute's name at offset `attribute_name`. The bytes `behind` follow
    /// that second reference: the attribute's name or value.
    fn data(attribute_name: usize, behind: &[u8]) -> Vec<u8> {
        let mut bytes = vec![
            token::ELEMENT_WITH_ATTRIBUTES,
            0xff,
            0xff,
            0,
            0,
            0,
            0,
            0,
            4,
            0,
            0,
            0,
            0,
            0,
            0,
            token::ATTRIBUTE,
        ];
        bytes.extend(u32::try_from(attribute_name).unwrap().to_le_bytes());
        bytes.extend(behind);
        bytes.extend([token::END_OF_START_TAG, token::SUBSTITUTION, 3, 0, TEXT, token::END_OF_ELEMENT]);
        bytes
    }

    /// Returns the bytes of a name of an element or attribute, as a chunk stores names. `before`
    /// are the next name's offset and the hash, which the tests do not need; `end` follows the
    /// text.
    fn name(before: [u8; 6], name: &str, end: [u8; 2]) -> Vec<u8> {
        let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        [&before[..], &length, &text, &end].concat()
    }

    #[test]
    fn a_name_in_the_place_where_others_have_a_text_is_no_text() {
        let value = [token::VALUE, TEXT, 1, 0, b'x', 0];
        // The name of the first element's attribute lies within the second element, and can also be
        // read as a text of ten characters.
        let first = CHUNK_HEADER_SIZE + DEFINITION_HEADER_SIZE + FRAGMENT_HEADER.len();
        let second = first + data(0, &value).len();
        let inner = name([token::VALUE, TEXT, 10, 0, b'h', 0], "Name", [b'e', 0]);
        let tokens_ahead = [
            FRAGMENT_HEADER.to_vec(),
            data(second + 20, &value),
            data(second + 20, &[&inner[..], &value].concat()),
        ];
        let mut chunk = vec![0; 2048];
        let mut put = |at: usize, bytes: &[u8]| chunk[at..at + bytes.len()].copy_from_slice(bytes);
        put(CHUNK_HEADER_SIZE + 20, &100_u32.to_le_bytes());
        put(CHUNK_HEADER_SIZE + DEFINITION_HEADER_SIZE, &tokens_ahead.concat());
        put(1024, &name([0; 6], "Data", [0; 2]));
        let mut tokens = tokens(&chunk, CHUNK_HEADER_SIZE, chunk.len()).unwrap();
        let read = |tokens: &mut Tokens<'_>| {
            let (_, name, attributes, _) = element(tokens).unwrap();
            let [(attribute, Value::Literal(text))] = attributes[..] else { panic!("{attributes:?}") };
            assert!(name.is("Data") && attribute.is("Name") && text.is("x"));
        };
        read(&mut tokens);
        assert_eq!(tokens.similar_element(), None);
        read(&mut tokens);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn an_element_that_was_changed_is_read_as_its_tokens_are(
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0_u8..16, Just(0x41), Just(0xff)]), 1..4),
            moves in prop::option::of((any::<prop::sample::Index>(), -40_i32..40)),
        ) {
            let (mut chunk, offset) = chunk();
            let places: Vec<usize> = (offset + DEFINITION_HEADER_SIZE..definition_end(&chunk, offset).unwrap()).collect();
            for (place, byte) in changes {
                chunk[*place.get(&places)] = byte;
            }
            // The name lies slightly before or after the position that is referred to.
            if let Some((place, by)) = moves {
                let place = *place.get(&places);
                let to = u32::try_from(i32::try_from(place).unwrap() + by).unwrap();
                chunk[place..place + 4].copy_from_slice(&to.to_le_bytes());
            }
            alike(&chunk, offset);
        }
    }
}
