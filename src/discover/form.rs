//! How a file is to be read, by its name and, where that does not tell, by its first bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Names, Others, Search};
use crate::bytes::{FILE_SIGNATURE, FileBytes, LogBytes};
use crate::event_xml::{Encoding, HEAD_SIZE, encoding_of};

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As an event log.
    Log,
    /// As bytes in which chunks of event logs may lie.
    Carved,
    /// As event XML, in this encoding.
    Xml(Encoding),
}

impl Form {
    /// How a regular file that lies so deep under its root is to be read; `None` if it is not. A root that is a file is, whatever
    /// its name.
    pub(super) fn of(search: &Search, path: &Path, depth: usize) -> Option<Self> {
        let name = path.file_name().unwrap_or_default();
        let (is_named, may_be_xml) = (is_named_like_event_log(name), may_be_named_like_event_xml(name));
        if is_named && !may_be_xml {
            return Some(Form::Log);
        }
        let by_content = search.names == Names::Any;
        let content = if by_content || may_be_xml || depth == 0 { Content::of(path) } else { Content::Other };
        match (content, search.others) {
            (Content::Xml(encoding), _) => Some(Form::Xml(encoding)),
            // What cannot be opened is wanted too, so that the ledger says so.
            (Content::Log | Content::Unreadable, _) if by_content => Some(Form::Log),
            _ if is_named => Some(Form::Log),
            // The first bytes of a file with another name say little: eight of them would hide all of an image.
            (_, Others::Carve) => Some(Form::Carved),
            _ if depth == 0 => Some(Form::Log),
            (Content::Unreadable, Others::PassOver) => Some(Form::Xml(Encoding::default())),
            (Content::Log | Content::Other, Others::PassOver) => None,
        }
    }
}

/// `.evtx` anywhere in the name, in any case: renamed copies keep it (`Security.evtx.bak`, `SYSMON.EVTX`).
pub(super) fn is_named_like_event_log(name: &OsStr) -> bool {
    name.as_bytes().windows(5).any(|part| part.eq_ignore_ascii_case(b".evtx"))
}

/// Whether event XML can have this name; whether it is some, its first bytes tell. An export of `a.evtx` is often called `a.evtx.xml`;
/// any other name of a log is none of event XML.
fn may_be_named_like_event_xml(name: &OsStr) -> bool {
    let lower = name.as_bytes().to_ascii_lowercase();
    let endings: &[&[u8]] =
        if is_named_like_event_log(name) { &[b".evtx.xml"] } else { &[b".xml", b".log", b".txt"] };
    endings.iter().any(|ending| lower.ends_with(ending))
}

/// What a file is by its first bytes.
enum Content {
    Log,
    Xml(Encoding),
    Other,
    /// They cannot be read.
    Unreadable,
}

impl Content {
    fn of(path: &Path) -> Self {
        let mut head = [0; HEAD_SIZE];
        let Ok(read) = FileBytes::open(path).and_then(|bytes| bytes.read_at(0, &mut head)) else {
            return Content::Unreadable;
        };
        let head = head.get(..read).unwrap_or_default();
        if head.starts_with(FILE_SIGNATURE) {
            Content::Log
        } else {
            encoding_of(head).map_or(Content::Other, Content::Xml)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_event_logs() {
        for name in ["a.evtx", "A.EVTX", "old.evtx.bak", "x.Evtx.1"] {
            assert!(is_named_like_event_log(OsStr::new(name)), "{name}");
        }
        for name in ["a.evt", "evtx", "a.evtt", ""] {
            assert!(!is_named_like_event_log(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn names_that_event_xml_can_have() {
        for name in ["a.xml", "A.LOG", "a.b.Txt", "Sysmon.EVTX.xml", "a.evtx.evtx.xml"] {
            assert!(may_be_named_like_event_xml(OsStr::new(name)), "{name}");
        }
        for name in ["a.evtx", "a.evtx.log", "a.evtx.bak.xml", "a.xml.gz", "xml", "a.json", ""] {
            assert!(!may_be_named_like_event_xml(OsStr::new(name)), "{name}");
        }
    }
}
