//! Decides what is done with a file: by its name and, where the name is not enough, by its first
//! bytes.

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

/// The first bytes of an AppleDouble file, in which macOS keeps what another file system cannot:
/// `._x.evtx` beside the copy `x.evtx`.
const APPLE_DOUBLE: &[u8] = &[0x00, 0x05, 0x16, 0x07];
/// The number of a file's first bytes that are examined. They show event XML, or a log without its
/// header by the signature of the chunk that follows the header.
const LOOKED_AT: usize = HEAD_SIZE + CHUNK_SIGNATURE.len();

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As an event log.
    Log,
    /// As arbitrary bytes that may contain chunks of event logs.
    Carved,
    /// As event XML in this encoding.
    Xml(Encoding),
}

/// What is done with a regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The file is read, in this form.
    Read(Form),
    /// The file is skipped and counted as this kind.
    PassedOver(Kind),
}

/// The kind of a file that is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An archive or a disk image, by its extension.
    Container,
    /// A file with `.evtx` somewhere in its name that is no event log.
    Side,
    /// A file of events in a form that dnsweep does not read.
    Events(EventForm),
    /// Any other file.
    Other,
}

impl Fate {
    /// Decides what is done with the regular file `path`, which lies `depth` levels under its root.
    /// A root that is a file is always read; an archive or a disk image is not read as a log.
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
        // Files with such names are read as event XML only if all names are tried.
        let is_read = by_content || depth == 0 || named != Named::PerhapsEvents;
        let content = if is_read || !matches!(content, Content::Xml(_)) { content } else { Content::Other };
        let form = match (named, content) {
            (Named::PerhapsLog, content) if content != Content::AppleDouble => Form::Log,
            (_, Content::Xml(encoding)) => Form::Xml(encoding),
            // A file that cannot be opened is treated as a log, so that the ledger reports it.
            (Named::Side, Content::Log | Content::Unreadable) => Form::Log,
            (_, Content::Log | Content::Unreadable) if by_content => Form::Log,
            // The first bytes of a file with another name prove little: eight of them must not hide
            // a whole image.
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

/// Whether a name contains `.evtx`, in any letter case. Renamed copies keep it
/// (`Security.evtx.bak`, `SYSMON.EVTX`).
pub(super) fn is_named_like_event_log(name: &OsStr) -> bool {
    Named::of(name).is_like_log()
}

/// Whether a file is an event log, judged by its name and, if need be, its first bytes.
pub(super) fn is_event_log(path: &Path, links: Links) -> bool {
    match Named::of(path.file_name().unwrap_or_default()) {
        Named::Log => true,
        Named::PerhapsLog => Content::of(path, links) != Content::AppleDouble,
        Named::Side => matches!(Content::of(path, links), Content::Log | Content::Unreadable),
        Named::PerhapsXml | Named::PerhapsEvents | Named::Other => false,
    }
}

/// What a file's name suggests about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// The name ends in `.evtx`, in any letter case: the file is an event log.
    Log,
    /// The name ends in `.evtx` but begins with `._`, as macOS names companion files.
    PerhapsLog,
    /// The name contains `.evtx` elsewhere: a renamed or exported log, its slack, its checksum, a
    /// link to it, ….
    Side,
    /// The name has an extension that event XML can have.
    PerhapsXml,
    /// The name has an extension of event files in a form that dnsweep does not read.
    PerhapsEvents,
    /// The name suggests nothing.
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

/// What a file's first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// An event log, or chunks of one.
    Log,
    Xml(Encoding),
    /// Events in a form that dnsweep does not read.
    Events(EventForm),
    AppleDouble,
    Other,
    /// The bytes cannot be read.
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

    /// What is done with a file of this name and content.
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
