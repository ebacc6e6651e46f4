//! Elements of binary XML, and how they are written ([MS-EVEN6] 2.2.12; libevtx's format document,
//! "Binary XML").
//!
//! The same tree describes the definitions of templates and the inline elements of forwarded
//! events. They differ in one way: an element of a template names the substitution that it depends
//! on.

use crate::chunk::Chunk;
use crate::error::Error;
use crate::value::code;

/// The token 0x0f with version 1.1 and no flags, which begins every fragment of binary XML.
pub(crate) const FRAGMENT_HEADER: [u8; 4] = [0x0f, 1, 1, 0];
/// The token that ends a fragment of binary XML.
pub(crate) const END_OF_FRAGMENT: u8 = 0x00;

const OPEN_ELEMENT: u8 = 0x01;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const END_ELEMENT: u8 = 0x04;
const TEXT: u8 = 0x05;
const ATTRIBUTE: u8 = 0x06;
const ENTITY: u8 = 0x09;
const SUBSTITUTION: u8 = 0x0d;
const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
/// The flag of a token that is followed by more of its kind: an element with attributes, an
/// attribute with another one after it, or text with more text after it.
const MORE: u8 = 0x40;
/// The dependency identifier of an element that depends on no substitution.
const INDEPENDENT: u16 = 0xFFFF;

/// The content of an element or attribute of binary XML: a literal text, or a value that a template
/// leaves open (a substitution).
#[derive(Debug, Clone)]
pub(crate) enum ElementContent {
    /// Literal text.
    Text(Vec<u16>),
    /// A value that each instance of the template supplies.
    Substitution {
        /// The 0-based index of the value among the template's substitutions.
        index: u16,
        /// The type that the template declares for the value.
        code: u8,
        /// True if the element is left out when the instance's value is null.
        optional: bool,
    },
}

impl ElementContent {
    /// Makes the content of an element or attribute from a literal text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.encode_utf16().collect())
    }
}

/// What an element of binary XML has between its tags: another element, or a text or value.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Element(Element),
    ElementContent(ElementContent),
}

/// An element of binary XML with its attributes and its content.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    name: &'static str,
    dependency: Option<u16>,
    attributes: Vec<(&'static str, ElementContent)>,
    children: Vec<Node>,
}

impl Element {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, dependency: None, attributes: Vec::new(), children: Vec::new() }
    }

    /// Sets the substitution (a value that each instance of a template supplies) on which the
    /// element depends: the element is left out if the value is null.
    pub(crate) fn depends_on(mut self, substitution: u16) -> Self {
        self.dependency = Some(substitution);
        self
    }

    pub(crate) fn attribute(mut self, name: &'static str, content: ElementContent) -> Self {
        self.attributes.push((name, content));
        self
    }

    pub(crate) fn holding(mut self, content: ElementContent) -> Self {
        self.children.push(Node::ElementContent(content));
        self
    }

    pub(crate) fn child(mut self, element: Element) -> Self {
        self.children.push(Node::Element(element));
        self
    }

    /// Writes the element into the chunk as binary XML. If `in_template` is true, the substitution
    /// that the element depends on is stored, too.
    pub(crate) fn write(&self, chunk: &mut Chunk, in_template: bool) -> Result<(), Error> {
        chunk.put_u8(if self.attributes.is_empty() { OPEN_ELEMENT } else { OPEN_ELEMENT | MORE });
        if in_template {
            chunk.put_u16(self.dependency.unwrap_or(INDEPENDENT));
        }
        let size = chunk.open_size();
        chunk.put_name(self.name);
        if !self.attributes.is_empty() {
            let attributes_size = chunk.open_size();
            let last = self.attributes.len() - 1;
            for (index, (name, content)) in self.attributes.iter().enumerate() {
                chunk.put_u8(if index == last { ATTRIBUTE } else { ATTRIBUTE | MORE });
                chunk.put_name(name);
                write_content(chunk, content, self.name)?;
            }
            chunk.close_size(attributes_size);
        }
        // `<Security/>` has no content; a Data element of empty text has an empty text node, and so
        // both tags (measured on real logs).
        if self.children.is_empty() {
            chunk.put_u8(CLOSE_EMPTY);
        } else {
            chunk.put_u8(CLOSE_START);
            for node in &self.children {
                match node {
                    Node::Element(element) => element.write(chunk, in_template)?,
                    Node::ElementContent(content) => write_content(chunk, content, self.name)?,
                }
            }
            chunk.put_u8(END_ELEMENT);
        }
        chunk.close_size(size);
        Ok(())
    }
}

fn write_content(chunk: &mut Chunk, content: &ElementContent, name: &str) -> Result<(), Error> {
    match content {
        ElementContent::Text(units) => write_text(chunk, units, name),
        ElementContent::Substitution { index, code, optional } => {
            chunk.put_u8(if *optional { OPTIONAL_SUBSTITUTION } else { SUBSTITUTION });
            chunk.put_u16(*index);
            chunk.put_u8(*code);
            Ok(())
        }
    }
}

/// Writes literal text as binary XML. The three characters that XML reserves become entity
/// references, which split the text (measured on real forwarded events).
fn write_text(chunk: &mut Chunk, units: &[u16], name: &str) -> Result<(), Error> {
    let mut rest = units;
    while let Some(first) = rest.first() {
        let (taken, entity) = match entity_of(*first) {
            Some(entity) => (1, Some(entity)),
            None => (rest.iter().position(|unit| entity_of(*unit).is_some()).unwrap_or(rest.len()), None),
        };
        let (run, after) = rest.split_at(taken);
        let more = if after.is_empty() { 0 } else { MORE };
        if let Some(entity) = entity {
            chunk.put_u8(ENTITY | more);
            chunk.put_name(entity);
        } else {
            chunk.put_u8(TEXT | more);
            chunk.put_u8(code::TEXT);
            let length = u16::try_from(run.len()).map_err(|_| Error::ValueTooLong(name.to_owned()))?;
            chunk.put_u16(length);
            chunk.put_units(run);
        }
        rest = after;
    }
    Ok(())
}

fn entity_of(unit: u16) -> Option<&'static str> {
    match char::from_u32(unit.into()) {
        Some('&') => Some("amp"),
        Some('<') => Some("lt"),
        Some('>') => Some("gt"),
        _ => None,
    }
}
