//! Decides what is done with a file: by its name and, where the name is not enough, by its first
//! bytes.

use std::ffi::OsStr;
use std::path::Path;

use super::extension::Extension;
use super::{Links, LogNames, NonLogFiles, Search};
use crate::base::platform::files::Link;
use crate::base::platform::name_bytes;
use crate::evidence::event_form::event_form;
use crate::evidence::event_xml::{Encoding, HEAD_SIZE, encoding_of};
use crate::evidence::source::{CHUNK_SIGNATURE, FILE_SIGNATURE, FileBytes, LogBytes};
use crate::ledger::event_form::EventForm;

/// The first bytes of an AppleDouble file: the file `._x.evtx` beside a copy `x.evtx`, in which
/// macOS keeps attributes that the other file system cannot store.
const APPLE_DOUBLE: &[u8] = &[0x00, 0x05, 0x16, 0x07];
/// The number of a file's first bytes that are examined. They show event XML and, by the signature
/// of the chunk after the file header, a log whose header is missing.
const EXAMINED: usize = HEAD_SIZE + CHUNK_SIGNATURE.len();

/// The form in which a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// The file is read as an event log.
    Log,
    /// The file is read as arbitrary bytes that may contain chunks of event logs.
    Carved,
    /// The file is read as event XML in this encoding.
    Xml(Encoding),
}

/// The way in which a regular file is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The file is read, in this form.
    Read(FileForm),
    /// The file is skipped, and counted as this kind.
    Skip(SkippedFile),
}

/// The kind of a file that is skipped, for the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SkippedFile {
    /// An archive or a disk image, by its extension.
    Container,
    /// A file with `.evtx` somewhere in its name that is no event log.
    NamedLikeLog,
    /// A file of events in a form that dnsweep does not read.
    Events(EventForm),
    /// Any other file.
    Other,
}

impl Handling {
    /// Decides how the regular file `path` is handled, which lies `depth` levels under its root. A
    /// root that is a file (depth 0) is always read, unless it is an archive or a disk image.
    pub(super) fn of(search: &Search, path: &Path, depth: usize) -> Self {
        let name = path.file_name().unwrap_or_default();
        let named = NameHint::of(name);
        let by_content = search.names == LogNames::Any;
        let content = match named {
            NameHint::Log => return Handling::Read(FileForm::Log),
            NameHint::PerhapsLog
            | NameHint::ContainsEvtx
            | NameHint::PerhapsXml
            | NameHint::PerhapsEvents => ContentHint::of(path, search.links),
            NameHint::Other if by_content || depth == 0 => ContentHint::of(path, search.links),
            NameHint::Other => ContentHint::Other,
        };
        // A file with the name of other event files, such as `.json`, is read as event XML only if
        // files of any name can be event logs, or if the file is a root.
        let is_read = by_content || depth == 0 || named != NameHint::PerhapsEvents;
        let content =
            if is_read || !matches!(content, ContentHint::Xml(_)) { content } else { ContentHint::Other };
        let form = match (named, content) {
            (NameHint::PerhapsLog, content) if content != ContentHint::AppleDouble => FileForm::Log,
            (_, ContentHint::Xml(encoding)) => FileForm::Xml(encoding),
            // A file that cannot be opened is treated as a log, so that the ledger reports it.
            (NameHint::ContainsEvtx, ContentHint::Log | ContentHint::Unreadable) => FileForm::Log,
            (_, ContentHint::Log | ContentHint::Unreadable) if by_content => FileForm::Log,
            // The first bytes of a file with another name prove little: eight such bytes at the
            // start of a whole disk image must not keep it from being carved.
            _ if search.non_log_files == NonLogFiles::Carve => FileForm::Carved,
            (_, ContentHint::Other) if matches!(Extension::of(name), Extension::Container(_)) => {
                return Handling::Skip(SkippedFile::Container);
            }
            _ if depth == 0 => FileForm::Log,
            (NameHint::PerhapsXml, ContentHint::Unreadable) => FileForm::Xml(Encoding::default()),
            _ => return Handling::Skip(SkippedFile::of(name, named, content)),
        };
        Handling::Read(form)
    }
}

impl SkippedFile {
    /// Returns the kind as which a file is counted, given its name and what its name and first
    /// bytes suggest.
    fn of(name: &OsStr, named: NameHint, content: ContentHint) -> Self {
        match (Extension::of(name), named, content) {
            (Extension::Container(_), ..) => SkippedFile::Container,
            (_, NameHint::ContainsEvtx | NameHint::PerhapsLog, _) => SkippedFile::NamedLikeLog,
            (.., ContentHint::Events(form)) => SkippedFile::Events(form),
            _ => SkippedFile::Other,
        }
    }
}

/// Returns whether a name contains `.evtx`, in any letter case, as names of renamed copies still do
/// (`Security.evtx.bak`, `SYSMON.EVTX`).
pub(super) fn is_named_like_event_log(name: &OsStr) -> bool {
    NameHint::of(name).is_like_log()
}

/// Returns whether a file is an event log, judged by its name and, if the name is not enough, by
/// its first bytes.
pub(super) fn is_event_log(path: &Path, links: Links) -> bool {
    match NameHint::of(path.file_name().unwrap_or_default()) {
        NameHint::Log => true,
        NameHint::PerhapsLog => ContentHint::of(path, links) != ContentHint::AppleDouble,
        NameHint::ContainsEvtx => {
            matches!(ContentHint::of(path, links), ContentHint::Log | ContentHint::Unreadable)
        }
        NameHint::PerhapsXml | NameHint::PerhapsEvents | NameHint::Other => false,
    }
}

/// A file's likely content, judged by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameHint {
    /// The name ends in `.evtx`, in any letter case: the file is an event log.
    Log,
    /// The name ends in `.evtx` but begins with `._`, as macOS names companion files.
    PerhapsLog,
    /// The name contains `.evtx` before its end. The file can be a renamed or exported log, a log's
    /// slack or checksum, or a link to a log.
    ContainsEvtx,
    /// The name has an extension that event XML can have.
    PerhapsXml,
    /// The name has an extension of event files in a form that dnsweep does not read.
    PerhapsEvents,
    /// The name suggests no content.
    Other,
}

impl NameHint {
    /// Returns what `name` suggests.
    fn of(name: &OsStr) -> Self {
        let name = name_bytes(name);
        let ends_with = |ending: &str| {
            let from = name.len().saturating_sub(ending.len());
            name.get(from..).is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
        };
        if ends_with(".evtx") {
            if name.starts_with(b"._") { NameHint::PerhapsLog } else { NameHint::Log }
        } else if name.windows(5).any(|part| part.eq_ignore_ascii_case(b".evtx")) {
            NameHint::ContainsEvtx
        } else if [".xml", ".log", ".txt"].into_iter().any(ends_with) {
            NameHint::PerhapsXml
        } else if [".json", ".jsonl", ".ndjson", ".csv", ".clixml"].into_iter().any(ends_with) {
            NameHint::PerhapsEvents
        } else {
            NameHint::Other
        }
    }

    /// Returns whether the name contains `.evtx`, in any letter case.
    fn is_like_log(self) -> bool {
        matches!(self, NameHint::Log | NameHint::PerhapsLog | NameHint::ContainsEvtx)
    }
}

/// A file's likely content, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentHint {
    /// An event log, or chunks of one.
    Log,
    /// Event XML in this encoding.
    Xml(Encoding),
    /// Events in a form that dnsweep does not read.
    Events(EventForm),
    /// An AppleDouble file, which macOS writes beside another file.
    AppleDouble,
    /// Something else.
    Other,
    /// Unknown, because the bytes cannot be read.
    Unreadable,
}

impl ContentHint {
    /// Reads the first bytes of the file `path`, and returns what they suggest.
    fn of(path: &Path, links: Links) -> Self {
        let mut head = [0; EXAMINED];
        let link = if links == Links::Follow { Link::Followed } else { Link::Refused };
        let Ok(read) = FileBytes::open(path, link).and_then(|bytes| bytes.read_at(0, &mut head)) else {
            return ContentHint::Unreadable;
        };
        let head = head.get(..read).unwrap_or_default();
        let (first, behind) = head.split_at(read.min(HEAD_SIZE));
        if first.starts_with(FILE_SIGNATURE)
            || [first, behind].iter().any(|part| part.starts_with(CHUNK_SIGNATURE))
        {
            ContentHint::Log
        } else if first.starts_with(APPLE_DOUBLE) {
            ContentHint::AppleDouble
        } else {
            let other = || event_form(first).map_or(ContentHint::Other, ContentHint::Events);
            encoding_of(first).map_or_else(other, ContentHint::Xml)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_may_be() {
        for (named, names) in [
            (NameHint::Log, &["a.evtx", "A.EVTX", ".evtx", "x.evtx.EvTx"][..]),
            (NameHint::PerhapsLog, &["._a.evtx", "._A.EVTX"]),
            (
                NameHint::ContainsEvtx,
                &["old.evtx.bak", "x.Evtx.1", "a.evtx.xml", "x.evtx (1)", "x.evtx.FileSlack", "._a.evtx.bak"],
            ),
            (NameHint::PerhapsXml, &["a.xml", "A.LOG", "a.b.Txt"]),
            (NameHint::PerhapsEvents, &["a.json", "a.JSONL", "b.ndjson", "c.csv", "d.clixml"]),
            (NameHint::Other, &["a.evt", "evtx", "a.evtt", "a.xml.gz", "xml", "Evtx.csproj", ""]),
        ] {
            for name in names {
                assert_eq!(NameHint::of(OsStr::new(name)), named, "{name}");
            }
        }
    }

    const JSON: &[u8] = br#"{"Event":{"System":{"EventID":22,"Channel":"Security"}}}"#;

    /// Returns how a file with this name and content is handled.
    fn handling(search: &Search, name: &str, bytes: &[u8]) -> Handling {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Handling::of(search, &path, 1)
    }

    #[test]
    fn first_bytes_tell_what_a_file_beside_a_log_is() {
        let behind_header = [&[0; 4096][..], CHUNK_SIGNATURE].concat();
        let usual = Search::default();
        let any = Search { names: LogNames::Any, ..Search::default() };
        let log = Handling::Read(FileForm::Log);
        let in_json = Handling::Skip(SkippedFile::Events(EventForm::Json));
        for (name, bytes, expected, with_any_name) in [
            ("x.evtx.bak", &b"ElfFile\0"[..], log, log),
            ("x.evtx.FileSlack", b"ElfChnk\0", log, log),
            ("x.evtx.old", &behind_header, log, log),
            (
                "x.evtx.FileSlack",
                &[0; 4096],
                Handling::Skip(SkippedFile::NamedLikeLog),
                Handling::Skip(SkippedFile::NamedLikeLog),
            ),
            (
                "x.evtx.sha256",
                b"e3b0c442",
                Handling::Skip(SkippedFile::NamedLikeLog),
                Handling::Skip(SkippedFile::NamedLikeLog),
            ),
            (
                "x.evtx.gz",
                b"\x1f\x8b",
                Handling::Skip(SkippedFile::Container),
                Handling::Skip(SkippedFile::Container),
            ),
            (
                "x.evtx.xml",
                b"<Event ",
                Handling::Read(FileForm::Xml(Encoding::Utf8)),
                Handling::Read(FileForm::Xml(Encoding::Utf8)),
            ),
            (
                "._x.evtx",
                b"\0\x05\x16\x07\0\x02\0\0",
                Handling::Skip(SkippedFile::NamedLikeLog),
                Handling::Skip(SkippedFile::NamedLikeLog),
            ),
            ("._x.evtx", b"notes", log, log),
            ("x.evtx", b"\0\x05\x16\x07\0\x02\0\0", log, log),
            (
                "x.evtx.json",
                JSON,
                Handling::Skip(SkippedFile::NamedLikeLog),
                Handling::Skip(SkippedFile::NamedLikeLog),
            ),
            ("x.json", JSON, in_json, in_json),
            ("x.log", JSON, in_json, in_json),
            ("x.json", b"{}", Handling::Skip(SkippedFile::Other), Handling::Skip(SkippedFile::Other)),
            ("x", JSON, Handling::Skip(SkippedFile::Other), in_json),
            (
                "x.json",
                b"<Event ",
                Handling::Skip(SkippedFile::Other),
                Handling::Read(FileForm::Xml(Encoding::Utf8)),
            ),
            ("memory", b"ElfChnk\0", Handling::Skip(SkippedFile::Other), log),
            ("x.E01", b"EVF", Handling::Skip(SkippedFile::Container), Handling::Skip(SkippedFile::Container)),
        ] {
            assert_eq!(handling(&usual, name, bytes), expected, "{name}");
            assert_eq!(handling(&any, name, bytes), with_any_name, "{name}");
        }
    }
}
