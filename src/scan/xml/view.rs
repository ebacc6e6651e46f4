//! Shows an event of a file of event XML as it is stored: the bytes of its element, and their text.

use std::io;

use super::tags::Ending;
use super::text::XmlText;
use super::{FAR, XmlFile};
use crate::event::{RecordPart, RecordView};
use crate::evidence::source::LogBytes;

/// Returns a view of the event whose element begins at `offset` of a file of event XML, in bytes
/// from the file's start. The error is that of reading the file, or says that no event begins
/// there.
pub fn view_xml_event(log: &dyn LogBytes, offset: u64, file: XmlFile) -> io::Result<RecordView> {
    let most = FAR.min(file.size.saturating_sub(offset));
    let mut bytes = vec![0; usize::try_from(most).expect("a few MiB fit into memory")];
    let found = log.read_at(offset, &mut bytes)?;
    bytes.truncate(found);
    let is_end = offset + found as u64 >= file.size;
    let text = XmlText::new(&bytes, offset, file.encoding, is_end);
    let spans = text.spans(offset..offset + file.encoding.unit_size() as u64).unwrap_or_default();
    let Some(span) = spans.first().filter(|span| span.range.start == offset) else {
        return Err(io::Error::other(format!("expected an event at offset {offset}, found other text")));
    };
    let xml = match span.ending {
        Ending::Whole => text.decoded(span.range.clone()).map(String::from).map_err(String::from),
        _ => Err("the event's element does not end".to_owned()),
    };
    let bytes = bytes.get(text.byte_range(span.range.clone())).unwrap_or_default().to_vec();
    let name = "the event's element, as text".to_owned();
    let part = RecordPart { offset: 0, length: bytes.len(), depth: 0, name, value: None };
    Ok(RecordView { chunk_offset: None, bytes, parts: vec![part], xml })
}

#[cfg(test)]
mod tests {
    use dnsweep_samples::{Event, event_xml};

    use super::*;
    use crate::evidence::event_xml::Encoding;

    #[test]
    fn the_text_of_one_event_is_shown() {
        let event = |number: u64| event_xml(&Event::dns_query("a&b.example", "a.exe").numbered(number));
        let text = format!("<Events>\n{}\n{}</Events>", event(1), event(2));
        let at = text.find(&event(2)).unwrap();
        let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        for (bytes, unit, encoding) in [
            (text.clone().into_bytes(), 1, Encoding::Utf8),
            (utf16(u16::to_le_bytes), 2, Encoding::Utf16Le),
            (utf16(u16::to_be_bytes), 2, Encoding::Utf16Be),
        ] {
            let file = XmlFile { size: bytes.len() as u64, encoding };
            let view = view_xml_event(&bytes, (at * unit) as u64, file).unwrap();
            assert_eq!(view.xml.unwrap(), event(2));
            assert_eq!(view.bytes, bytes[at * unit..(at + event(2).len()) * unit]);
            for other in [0, at * unit + unit, bytes.len()] {
                assert!(view_xml_event(&bytes, other as u64, file).is_err(), "{other}");
            }
        }
    }

    #[test]
    fn an_event_that_does_not_end_is_shown_without_its_text() {
        let text = event_xml(&Event::dns_query("a.example", "a.exe").numbered(1));
        let cut = &text[..text.len() - 3];
        let file = XmlFile { size: cut.len() as u64, encoding: Encoding::Utf8 };
        let view = view_xml_event(&cut.as_bytes().to_vec(), 0, file).unwrap();
        assert!(view.xml.is_err());
        assert_eq!(view.bytes, cut.as_bytes());
    }
}
