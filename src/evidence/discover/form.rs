//! Decides what discovery does with a file: by the file's name and, where the name is not enough,
//! by the file's first bytes.

use std::io;
use std::path::Path;

use super::content::{ContentHint, head_of_file};
use super::extension::Extension;
use super::{Containers, Links, LogNames, NonLogFiles, Search};
use crate::base::platform::name_bytes;
use crate::evidence::collector::SparseIndex;
use crate::evidence::container::Format;
use crate::evidence::event_xml::Encoding;
use crate::ledger::event_form::EventForm;

/// The form in which a file of the evidence is read: as an event log, as event XML, or as bytes
/// that are searched for chunks of event logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// The file is read as an event log: a file header, and chunks with records.
    Log,
    /// The file is searched for chunks of event logs, which can begin at any of its bytes.
    Carved,
    /// The file is read as event XML in this text encoding.
    Xml(Encoding),
}

/// What discovery does with a regular file: reads it, opens it as a container, or skips it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The file is read in this form: as an event log, as event XML, or as bytes that are searched
    /// for chunks of event logs.
    Read(FileForm),
    /// The file is opened as an archive or a disk image of this format, and the files in it are
    /// listed.
    Open(Format),
    /// The file's name has this extension of an archive or image format, but the file does not have
    /// the format's signature. It is reported as a container that cannot be read.
    Broken(&'static str),
    /// The file's name has this extension of an archive or image format that dnsweep does not read.
    /// It is reported as a container that is not supported.
    Unsupported(&'static str),
    /// The file's name has this extension of an archive or image format, but the file's first bytes
    /// cannot be read. It is reported as a container that cannot be read.
    Unreadable(&'static str),
    /// The file is skipped, and counted under this kind of skipped file.
    Skip(SkippedFile),
}

/// The kind of a file that discovery skips, under which the file is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SkippedFile {
    /// A file with the extension of an archive, a packed file or a disk image.
    Container,
    /// A file that has `.evtx` in its name but is not an event log.
    NamedLikeLog,
    /// A file of events in a form that dnsweep does not read, such as JSON.
    Events(EventForm),
    /// A skipped file that counts neither as a container, nor as named like an event log, nor as a
    /// file of events.
    Other,
}

/// A file for which discovery has to decide what to do: its name, and whether it is a root.
pub(super) struct Candidate<'a> {
    /// The name of the file to decide about, without its folder.
    pub name: &'a [u8],
    /// True if the user named the file itself as a root, and not a folder that contains it.
    pub is_root: bool,
}

impl Handling {
    /// Decides what discovery does with a regular file. `search` has the settings of discovery,
    /// such as whether containers are opened. `head` reads the file's first bytes, at most
    /// `content::LOOKED_AT`; it is called only if the name is not enough. A root that is a file is
    /// always read, opened or searched for chunks, unless it is an archive or a disk image that is
    /// not opened.
    pub(super) fn of(
        search: &Search,
        file: &Candidate<'_>,
        head: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> Self {
        let (named, extension) = (NameHint::of(file.name), Extension::of(file.name));
        let by_content = search.names == LogNames::Any;
        let is_container =
            search.containers == Containers::Open && matches!(extension, Extension::Container(_));
        let content = match named {
            NameHint::Log => return Handling::Read(FileForm::Log),
            NameHint::Other if !by_content && !file.is_root && !is_container => ContentHint::Other,
            _ => ContentHint::of(head()),
        };
        // Files with such names are read as event XML only if all names are tried.
        let is_read = by_content || file.is_root || named != NameHint::PerhapsEvents;
        let content =
            if is_read || !matches!(content, ContentHint::Xml(_)) { content } else { ContentHint::Other };
        let form = match (named, content) {
            (NameHint::PerhapsLog, content) if content != ContentHint::AppleDouble => FileForm::Log,
            (_, ContentHint::Xml(encoding)) => FileForm::Xml(encoding),
            // A file that cannot be opened is treated as a log, so that the ledger reports it.
            (NameHint::ContainsEvtx, ContentHint::Log | ContentHint::Unreadable) => FileForm::Log,
            (_, ContentHint::Log | ContentHint::Unreadable) if by_content => FileForm::Log,
            (_, ContentHint::Container(_) | ContentHint::Other)
                if is_container
                    && search.non_log_files == NonLogFiles::PassOver
                    && extension.unread_container().is_some() =>
            {
                return Handling::Unsupported(extension.name().unwrap_or_default());
            }
            (_, ContentHint::Container(format)) if search.containers == Containers::Open => {
                return Handling::Open(format);
            }
            // The first bytes of a file with another name prove little: eight of them must not hide
            // a whole image.
            _ if search.non_log_files == NonLogFiles::Carve => FileForm::Carved,
            (_, ContentHint::Unreadable) if is_container => {
                return Handling::Unreadable(extension.name().unwrap_or_default());
            }
            (_, ContentHint::Other | ContentHint::Container(_))
                if matches!(extension, Extension::Container(_)) =>
            {
                return match extension.signed_container().filter(|_| is_container) {
                    Some(kind) => Handling::Broken(kind),
                    None => Handling::Skip(SkippedFile::Container),
                };
            }
            _ if file.is_root => FileForm::Log,
            (NameHint::PerhapsXml, ContentHint::Unreadable) => FileForm::Xml(Encoding::default()),
            _ => return Handling::Skip(SkippedFile::of(extension, named, content)),
        };
        Handling::Read(form)
    }
}

impl SkippedFile {
    fn of(extension: Extension, named: NameHint, content: ContentHint) -> Self {
        match (extension, named, content) {
            (Extension::Container(_), ..) => SkippedFile::Container,
            (_, NameHint::ContainsEvtx | NameHint::PerhapsLog, _) => SkippedFile::NamedLikeLog,
            (.., ContentHint::Events(form)) => SkippedFile::Events(form),
            _ => SkippedFile::Other,
        }
    }
}

/// Returns true if the file name contains `.evtx`, in any letter case. Names of renamed copies
/// still contain it: `Security.evtx.bak`.
pub(super) fn is_named_like_event_log(name: &[u8]) -> bool {
    NameHint::of(name).is_like_log()
}

/// If `index` is the name or path of a Velociraptor index, which states the collected ranges of a
/// sparse file, returns the name or path of that sparse file. Returns `None` if `index` is not the
/// name of an index, or if `search` does not allow the sparse file's name for an event log.
pub(super) fn sparse_file_of<'n>(search: &Search, index: &'n [u8]) -> Option<&'n [u8]> {
    let file = SparseIndex::file_of(index)?;
    (search.names == LogNames::Any || NameHint::of(file) == NameHint::Log).then_some(file)
}

/// Returns true if the file at `path` is an event log, judged by its name or, if the name is not
/// enough, by its first bytes. `links` says whether a symbolic link at `path` is followed to read
/// these bytes.
pub(super) fn is_event_log(path: &Path, links: Links) -> bool {
    let content = || ContentHint::of(head_of_file(path, links));
    match NameHint::of(name_bytes(path.file_name().unwrap_or_default())) {
        NameHint::Log => true,
        NameHint::PerhapsLog => content() != ContentHint::AppleDouble,
        NameHint::ContainsEvtx => matches!(content(), ContentHint::Log | ContentHint::Unreadable),
        NameHint::PerhapsXml | NameHint::PerhapsEvents | NameHint::Other => false,
    }
}

/// The kind of content that a file seems to have, judged by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameHint {
    /// The name ends with `.evtx`, in any letter case, so that the file is taken for an event log.
    Log,
    /// The name begins with `._` and ends with `.evtx`. The file can be an event log, or an
    /// AppleDouble file that macOS wrote beside one.
    PerhapsLog,
    /// The name contains `.evtx` before its end. The file can be a renamed or exported event log,
    /// the slack of a log (the unused bytes after the log's end on the disk), a file that states
    /// the checksum of a log (`Security.evtx.sha256`), or a shortcut to a log.
    ContainsEvtx,
    /// The name ends with an extension that event XML can have: `.xml`, `.log` or `.txt`.
    PerhapsXml,
    /// The name ends with an extension of event files that dnsweep does not read, such as `.json`.
    PerhapsEvents,
    /// The name tells nothing about the file's content.
    Other,
}

impl NameHint {
    fn of(name: &[u8]) -> Self {
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

    /// Returns true if the name contains `.evtx`, in any letter case.
    fn is_like_log(self) -> bool {
        matches!(self, NameHint::Log | NameHint::PerhapsLog | NameHint::ContainsEvtx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::container::ArchiveFormat;
    use crate::evidence::source::CHUNK_SIGNATURE;

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
                assert_eq!(NameHint::of(name.as_bytes()), named, "{name}");
            }
        }
    }

    const JSON: &[u8] = br#"{"Event":{"System":{"EventID":22,"Channel":"Security"}}}"#;

    /// Returns what discovery does, with the settings `search`, with a file that has this name and
    /// content.
    fn handling(search: &Search, name: &str, bytes: &[u8]) -> Handling {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let candidate = Candidate { name: name.as_bytes(), is_root: false };
        Handling::of(search, &candidate, || head_of_file(&path, search.links))
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
                b"\x1f\x8b\x08",
                Handling::Open(Format::Archive(ArchiveFormat::Gzip)),
                Handling::Open(Format::Archive(ArchiveFormat::Gzip)),
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
            ("x.E01", b"EVF", Handling::Broken("e01"), Handling::Broken("e01")),
            ("x.raw", b"EVF", Handling::Skip(SkippedFile::Container), Handling::Skip(SkippedFile::Container)),
        ] {
            assert_eq!(handling(&usual, name, bytes), expected, "{name}");
            assert_eq!(handling(&any, name, bytes), with_any_name, "{name}");
        }
    }
}
