//! What becomes of a file, by its name and, where that does not tell, by its first bytes.

use std::ffi::OsStr;
use std::path::Path;

use super::extension::Extension;
use super::{Links, Names, Others, Search};
use crate::base::platform::files::Link;
use crate::base::platform::name_bytes;
use crate::evidence::event_form::event_form;
use crate::evidence::event_xml::{Encoding, HEAD_SIZE, encoding_of};
use crate::evidence::source::{CHUNK_SIGNATURE, FILE_SIGNATURE, FileBytes, LogBytes};
use crate::ledger::event_form::EventForm;

/// The first bytes of the file in which macOS keeps what its file system cannot, beside a copy on
/// another one: `._x.evtx` beside `x.evtx`.
const APPLE_DOUBLE: &[u8] = &[0x00, 0x05, 0x16, 0x07];
/// Bytes of a file that are looked at: event XML is known by the first ones, and a log without its
/// header by the first bytes of the chunk behind it.
const LOOKED_AT: usize = HEAD_SIZE + CHUNK_SIGNATURE.len();

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

/// What becomes of a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is read.
    Read(Form),
    /// It is passed over, as a file of that kind.
    PassedOver(Kind),
}

/// A kind of file that is no event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An archive or disk image, by the end of its name.
    Container,
    /// A file with `.evtx` in its name.
    Side,
    /// Events in a form that is not read.
    Events(EventForm),
    /// Any other.
    Other,
}

impl Fate {
    /// What becomes of a regular file that lies so deep under its root. A root that is a file is
    /// read, whatever its name; but not as a log if it is an archive or a disk image.
    pub(super) fn of(search: &Search, path: &Path, depth: usize) -> Self {
        let name = path.file_name().unwrap_or_default();
        let named = Named::of(name);
        let by_content = search.names == Names::Any;
        let content = match named {
            Named::Log => return Fate::Read(Form::Log),
            Named::PerhapsLog | Named::Side | Named::PerhapsXml | Named::PerhapsEvents => {
                Content::of(path, search.links)
            }
            Named::Other if by_content || depth == 0 => Content::of(path, search.links),
            Named::Other => Content::Other,
        };
        // Of these names, event XML is read only where all are tried.
        let is_read = by_content || depth == 0 || named != Named::PerhapsEvents;
        let content = if is_read || !matches!(content, Content::Xml(_)) { content } else { Content::Other };
        let form = match (named, content) {
            (Named::PerhapsLog, content) if content != Content::AppleDouble => Form::Log,
            (_, Content::Xml(encoding)) => Form::Xml(encoding),
            // What cannot be opened is wanted too, so that the ledger says so.
            (Named::Side, Content::Log | Content::Unreadable) => Form::Log,
            (_, Content::Log | Content::Unreadable) if by_content => Form::Log,
            // The first bytes of a file with another name say little: eight of them would hide all
            // of an image.
            _ if search.others == Others::Carve => Form::Carved,
            (_, Content::Other) if matches!(Extension::of(name), Extension::Container(_)) => {
                return Fate::PassedOver(Kind::Container);
            }
            _ if depth == 0 => Form::Log,
            (Named::PerhapsXml, Content::Unreadable) => Form::Xml(Encoding::default()),
            _ => return Fate::PassedOver(Kind::of(name, named, content)),
        };
        Fate::Read(form)
    }
}

impl Kind {
    fn of(name: &OsStr, named: Named, content: Content) -> Self {
        match (Extension::of(name), named, content) {
            (Extension::Container(_), ..) => Kind::Container,
            (_, Named::Side | Named::PerhapsLog, _) => Kind::Side,
            (.., Content::Events(form)) => Kind::Events(form),
            _ => Kind::Other,
        }
    }
}

/// `.evtx` anywhere in the name, in any case: renamed copies keep it (`Security.evtx.bak`,
/// `SYSMON.EVTX`).
pub(super) fn is_named_like_event_log(name: &OsStr) -> bool {
    Named::of(name).is_like_log()
}

/// Whether a file in a folder of evidence is an event log, as far as its name and, if need be, its
/// first bytes tell.
pub(super) fn is_event_log(path: &Path, links: Links) -> bool {
    match Named::of(path.file_name().unwrap_or_default()) {
        Named::Log => true,
        Named::PerhapsLog => Content::of(path, links) != Content::AppleDouble,
        Named::Side => matches!(Content::of(path, links), Content::Log | Content::Unreadable),
        Named::PerhapsXml | Named::PerhapsEvents | Named::Other => false,
    }
}

/// What a name tells of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// The name ends in `.evtx`, in any case: the file is an event log.
    Log,
    /// The name ends in `.evtx`, but begins with `._`, as macOS calls what goes with a file.
    PerhapsLog,
    /// It has `.evtx` elsewhere: a renamed or exported log, its slack, or its checksum, a link to
    /// it, ….
    Side,
    /// It ends as that of event XML can.
    PerhapsXml,
    /// It ends as that of events can in a form that is not read.
    PerhapsEvents,
    /// It tells nothing.
    Other,
}

impl Named {
    fn of(name: &OsStr) -> Self {
        let name = name_bytes(name);
        let ends_with = |ending: &str| {
            let from = name.len().saturating_sub(ending.len());
            name.get(from..).is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
        };
        if ends_with(".evtx") {
            if name.starts_with(b"._") { Named::PerhapsLog } else { Named::Log }
        } else if name.windows(5).any(|part| part.eq_ignore_ascii_case(b".evtx")) {
            Named::Side
        } else if [".xml", ".log", ".txt"].into_iter().any(ends_with) {
            Named::PerhapsXml
        } else if [".json", ".jsonl", ".ndjson", ".csv", ".clixml"].into_iter().any(ends_with) {
            Named::PerhapsEvents
        } else {
            Named::Other
        }
    }

    fn is_like_log(self) -> bool {
        matches!(self, Named::Log | Named::PerhapsLog | Named::Side)
    }
}

/// What a file is by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// An event log, or chunks of one.
    Log,
    Xml(Encoding),
    /// Events in a form that is not read.
    Events(EventForm),
    AppleDouble,
    Other,
    /// They cannot be read.
    Unreadable,
}

impl Content {
    fn of(path: &Path, links: Links) -> Self {
        let mut head = [0; LOOKED_AT];
        let link = if links == Links::Follow { Link::Followed } else { Link::Refused };
        let Ok(read) = FileBytes::open(path, link).and_then(|bytes| bytes.read_at(0, &mut head)) else {
            return Content::Unreadable;
        };
        let head = head.get(..read).unwrap_or_default();
        let (first, behind) = head.split_at(read.min(HEAD_SIZE));
        if first.starts_with(FILE_SIGNATURE)
            || [first, behind].iter().any(|part| part.starts_with(CHUNK_SIGNATURE))
        {
            Content::Log
        } else if first.starts_with(APPLE_DOUBLE) {
            Content::AppleDouble
        } else {
            let other = || event_form(first).map_or(Content::Other, Content::Events);
            encoding_of(first).map_or_else(other, Content::Xml)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_may_be() {
        for (named, names) in [
            (Named::Log, &["a.evtx", "A.EVTX", ".evtx", "x.evtx.EvTx"][..]),
            (Named::PerhapsLog, &["._a.evtx", "._A.EVTX"]),
            (
                Named::Side,
                &["old.evtx.bak", "x.Evtx.1", "a.evtx.xml", "x.evtx (1)", "x.evtx.FileSlack", "._a.evtx.bak"],
            ),
            (Named::PerhapsXml, &["a.xml", "A.LOG", "a.b.Txt"]),
            (Named::PerhapsEvents, &["a.json", "a.JSONL", "b.ndjson", "c.csv", "d.clixml"]),
            (Named::Other, &["a.evt", "evtx", "a.evtt", "a.xml.gz", "xml", "Evtx.csproj", ""]),
        ] {
            for name in names {
                assert_eq!(Named::of(OsStr::new(name)), named, "{name}");
            }
        }
    }

    const JSON: &[u8] = br#"{"Event":{"System":{"EventID":22,"Channel":"Security"}}}"#;

    /// What becomes of a file with this name and these bytes.
    fn fate(search: &Search, name: &str, bytes: &[u8]) -> Fate {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Fate::of(search, &path, 1)
    }

    #[test]
    fn first_bytes_tell_what_a_file_beside_a_log_is() {
        let behind_header = [&[0; 4096][..], CHUNK_SIGNATURE].concat();
        let usual = Search::default();
        let any = Search { names: Names::Any, ..Search::default() };
        let log = Fate::Read(Form::Log);
        let in_json = Fate::PassedOver(Kind::Events(EventForm::Json));
        for (name, bytes, expected, with_any_name) in [
            ("x.evtx.bak", &b"ElfFile\0"[..], log, log),
            ("x.evtx.FileSlack", b"ElfChnk\0", log, log),
            ("x.evtx.old", &behind_header, log, log),
            ("x.evtx.FileSlack", &[0; 4096], Fate::PassedOver(Kind::Side), Fate::PassedOver(Kind::Side)),
            ("x.evtx.sha256", b"e3b0c442", Fate::PassedOver(Kind::Side), Fate::PassedOver(Kind::Side)),
            ("x.evtx.gz", b"\x1f\x8b", Fate::PassedOver(Kind::Container), Fate::PassedOver(Kind::Container)),
            (
                "x.evtx.xml",
                b"<Event ",
                Fate::Read(Form::Xml(Encoding::Utf8)),
                Fate::Read(Form::Xml(Encoding::Utf8)),
            ),
            (
                "._x.evtx",
                b"\0\x05\x16\x07\0\x02\0\0",
                Fate::PassedOver(Kind::Side),
                Fate::PassedOver(Kind::Side),
            ),
            ("._x.evtx", b"notes", log, log),
            ("x.evtx", b"\0\x05\x16\x07\0\x02\0\0", log, log),
            ("x.evtx.json", JSON, Fate::PassedOver(Kind::Side), Fate::PassedOver(Kind::Side)),
            ("x.json", JSON, in_json, in_json),
            ("x.log", JSON, in_json, in_json),
            ("x.json", b"{}", Fate::PassedOver(Kind::Other), Fate::PassedOver(Kind::Other)),
            ("x", JSON, Fate::PassedOver(Kind::Other), in_json),
            ("x.json", b"<Event ", Fate::PassedOver(Kind::Other), Fate::Read(Form::Xml(Encoding::Utf8))),
            ("memory", b"ElfChnk\0", Fate::PassedOver(Kind::Other), log),
            ("x.E01", b"EVF", Fate::PassedOver(Kind::Container), Fate::PassedOver(Kind::Container)),
        ] {
            assert_eq!(fate(&usual, name, bytes), expected, "{name}");
            assert_eq!(fate(&any, name, bytes), with_any_name, "{name}");
        }
    }
}
