//! Recognises files of event XML by their first bytes. Determines their encoding, and whether an
//! element `Events` is around the events.
//!
//! Windows renders an event as one `Event` element. `wevtutil qe /f:xml` writes these elements one
//! after the other; "Save as XML" and `wevtutil qe /e:Events` wrap them in an element `Events`;
//! collectors write one per line.

mod lead_in;

use std::borrow::Cow;

use crate::base::sentence::sentence;

pub use self::lead_in::{MOST_LEAD_IN, lead_in, may_begin_lead_in};

/// The number of bytes at the start of a file in which event XML is looked for. White space, an XML
/// declaration and the first element fit into them.
pub const HEAD_SIZE: usize = 4096;

/// The character encoding of a file of event XML. An encoding named in the XML declaration is
/// ignored, because tools that convert a file leave the declaration as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16, low byte first, after a byte order mark.
    Utf16Le,
    /// UTF-16, high byte first, after a byte order mark.
    Utf16Be,
}

sentence! {
    /// The reason why bytes are not text in an [`Encoding`], as a sentence for users.
    pub struct NotText;
}

impl Encoding {
    /// Returns the byte order mark of the encoding.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match self {
            Encoding::Utf8 => b"\xef\xbb\xbf",
            Encoding::Utf16Le => b"\xff\xfe",
            Encoding::Utf16Be => b"\xfe\xff",
        }
    }

    /// Returns the size of a code unit of the encoding, in bytes: 1 for UTF-8, 2 for UTF-16.
    #[must_use]
    pub fn unit_size(self) -> usize {
        if self == Encoding::Utf8 { 1 } else { 2 }
    }

    /// Decodes bytes to text. Fails if the bytes are not text in this encoding. Half of a UTF-16
    /// surrogate pair is not an error: it becomes U+FFFD, as in the texts of event logs. The byte
    /// order mark is not removed.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
        let unit = match self {
            Encoding::Utf8 => {
                let text = std::str::from_utf8(bytes);
                return text.map(Into::into).map_err(|error| {
                    format!("expected UTF-8, found other bytes {} bytes into it", error.valid_up_to()).into()
                });
            }
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("expected UTF-16, found an odd number of bytes".to_owned().into());
        }
        let units = pairs.iter().map(|pair| unit(*pair));
        Ok(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }
}

/// Returns the encoding of a file if its first bytes, `head`, look like event XML. Returns `None`
/// if they do not.
///
/// The bytes look like event XML if they consist of, in this order: a byte order mark, white space,
/// an XML declaration, white space, and the start of an element `Events` or `Event` in any
/// namespace, or of a DOCTYPE with one of these names. Everything before the element or DOCTYPE may
/// be missing. A lead-in may precede the declaration or the element (see [`lead_in()`]).
#[must_use]
pub fn encoding_of(head: &[u8]) -> Option<Encoding> {
    beginning(head).map(|(encoding, _)| encoding)
}

/// The XML element around the events of a file of event XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapper {
    /// No element is around the events: each `Event` is a top-level element.
    None,
    /// An element `Events` is around the events. If the end tag of `Events` does not follow the
    /// last event, the file was cut off.
    Events,
}

/// Returns the element around the events of a file of event XML, judged by its first bytes, `head`.
/// Returns [`Wrapper::None`] also if the bytes do not look like event XML, or if the element
/// `Events` is empty.
#[must_use]
pub fn wrapper_of(head: &[u8]) -> Wrapper {
    beginning(head).map_or(Wrapper::None, |(_, wrapper)| wrapper)
}

/// Returns the first bytes of a file, `head`, as text without a byte order mark, and the encoding
/// that the mark states (UTF-8 if there is none). In UTF-8, the text ends before the first byte
/// that is not valid. Returns `None` if the bytes after a byte order mark of UTF-16 cannot be
/// decoded; an odd last byte is ignored.
#[must_use]
pub fn first_text(head: &[u8]) -> Option<(Encoding, Cow<'_, str>)> {
    let mut encodings = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be].into_iter();
    let marked = encodings.find_map(|encoding| Some((encoding, head.strip_prefix(encoding.mark())?)));
    let (encoding, rest) = marked.unwrap_or((Encoding::Utf8, head));
    // A character that is cut off at the end of `head` is none of those that are looked for.
    let text = match encoding {
        Encoding::Utf8 => rest.utf8_chunks().next().map_or("", |chunk| chunk.valid()).into(),
        _ => encoding.decode(rest.get(..rest.len() & !1).unwrap_or_default()).ok()?,
    };
    Some((encoding, text))
}

/// Returns the encoding of a file of event XML and the element around its events, judged by its
/// first bytes, `head`. Returns `None` if they do not look like event XML.
fn beginning(head: &[u8]) -> Option<(Encoding, Wrapper)> {
    let (encoding, text) = first_text(head)?;
    let text = after_lead_in(&text);
    let rest = match text.strip_prefix("<?xml") {
        Some(declaration) => after_lead_in(declaration.split_once("?>")?.1),
        None => text,
    };
    let rest = match rest.strip_prefix("<!DOCTYPE") {
        // A document type's declarations are refused later, but the file still counts as event XML.
        Some(name) if name.starts_with(|c: char| c.is_ascii_whitespace()) => name.trim_ascii_start(),
        Some(_) => return None,
        None => rest.strip_prefix('<')?,
    };
    let rest = local_name(rest);
    let (rest, wrapper) = match rest.strip_prefix("Events") {
        Some(rest) => (rest, Wrapper::Events),
        None => (rest.strip_prefix("Event")?, Wrapper::None),
    };
    // An empty element `Events` (`<Events/>`) contains no events.
    let is_empty = rest.split_once('>').is_some_and(|(tag, _)| tag.ends_with('/'));
    let wrapper = if is_empty { Wrapper::None } else { wrapper };
    let is_name = rest.starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '['));
    is_name.then_some((encoding, wrapper))
}

/// Returns an element's name without its namespace prefix: `Event` for `ns0:Event`.
#[must_use]
pub fn local_name(name: &str) -> &str {
    let end = name.bytes().position(|byte| !is_prefix_character(byte)).filter(|end| *end > 0);
    let behind = end.and_then(|end| name.get(end..)).and_then(|rest| rest.strip_prefix(':'));
    behind.unwrap_or(name)
}

/// Returns true if the prefix of an XML namespace can contain the byte `character`. Only ASCII
/// prefixes are recognised.
#[must_use]
pub fn is_prefix_character(character: u8) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, b'_' | b'-' | b'.')
}

/// Returns `text` without white space and a lead-in at its start, and without the white space after
/// the lead-in. A lead-in is a text that a tool wrote before an event's XML.
fn after_lead_in(text: &str) -> &str {
    let text = text.trim_ascii_start();
    let behind = lead_in(text).and_then(|length| text.get(length..));
    behind.map_or(text, str::trim_ascii_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn what_events_lie_in_is_told_by_the_first_bytes_too() {
        for (text, wrapper) in [
            ("<Events>", Wrapper::Events),
            ("<?xml version='1.0'?>\n<Events xmlns='x'><Event>", Wrapper::Events),
            ("<!DOCTYPE Events>", Wrapper::Events),
            ("<Events/>", Wrapper::None),
            ("<Events x='y' />", Wrapper::None),
            ("<Event xmlns='x'>", Wrapper::None),
            ("text", Wrapper::None),
        ] {
            assert_eq!(wrapper_of(text.as_bytes()), wrapper, "{text}");
            let marked = [&b"\xff\xfe"[..], &utf16(text, u16::to_le_bytes)].concat();
            assert_eq!(wrapper_of(&marked), wrapper, "{text}");
        }
    }

    #[test]
    fn event_xml_is_known_by_its_first_bytes() {
        for text in [
            "<Event xmlns='x'>",
            "<Event>",
            "<Event/>",
            "<Events>",
            "<Events\r\n xmlns='x'>",
            " \r\n\t<Event >",
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n<Events>",
            "<?xml version=\"1.0\"?><Event ",
            "<!DOCTYPE Events [<!ENTITY a 'b'>]><Events>",
            "<ns0:Event xmlns:ns0='x'>",
            "<?xml version='1.0'?><e:Events>",
            "- <Event xmlns='x'>",
            "<?xml version='1.0'?>\r\n- <Events>",
            "Record 1\n<?xml version='1.0'?>\n<Event>",
            "<14>Mar  4 10:00:00 WS01 <Event xmlns='x'>",
        ] {
            assert_eq!(encoding_of(text.as_bytes()), Some(Encoding::Utf8), "{text}");
            let marked = |mark: &[u8], bytes: &[u8]| encoding_of(&[mark, bytes].concat());
            assert_eq!(marked(b"\xef\xbb\xbf", text.as_bytes()), Some(Encoding::Utf8), "{text}");
            let (little, big) = (utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes));
            assert_eq!(marked(b"\xff\xfe", &little), Some(Encoding::Utf16Le), "{text}");
            assert_eq!(marked(b"\xfe\xff", &big), Some(Encoding::Utf16Be), "{text}");
            assert_eq!((encoding_of(&little), encoding_of(&big)), (None, None), "{text}");
        }
    }

    #[test]
    fn other_files_are_not() {
        for text in [
            "",
            "<",
            "<Event",
            "<EventData>",
            "<EventsX>",
            "<:Event>",
            "<a:b:Event>",
            "<a:EventData>",
            "<event>",
            "x<Event>",
            "&lt;Event>",
            "<?xml version='1.0'",
            "<?xml version='1.0'?><html><Event>",
            "<!DOCTYPE html><Event>",
            "2024-05-06 INFO <Event>",
        ] {
            assert_eq!(encoding_of(text.as_bytes()), None, "{text}");
        }
        assert_eq!(encoding_of(b"ElfFile\0"), None);
        assert_eq!(encoding_of(b"\xff\xfe<"), None);
    }

    #[test]
    fn text_is_what_its_bytes_say() {
        let text = "a\u{1b}ß\u{1F4A9}";
        assert_eq!(Encoding::Utf16Le.decode(&utf16(text, u16::to_le_bytes)).unwrap(), text);
        assert_eq!(Encoding::Utf16Be.decode(&utf16(text, u16::to_be_bytes)).unwrap(), text);
        assert_eq!(Encoding::Utf16Le.decode(&[0x34, 0xd8, b'a', 0]).unwrap(), "\u{fffd}a");
        assert!(Encoding::Utf16Le.decode(&[b'a', 0, b'b']).is_err());
        assert!(Encoding::Utf8.decode(b"ab\xff").unwrap_err().to_string().contains("2 bytes into"));
    }
}
