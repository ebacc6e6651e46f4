//! Roots to log files: what is there to read, in which order, and whose evidence it is.
//!
//! Looks at names and kinds of files and at nothing inside them, save the first bytes of those whose name event XML can have, and of
//! all where `--any-name` asks for that. What it passes over is counted.

mod evidence;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

pub use self::evidence::EvidenceId;
use self::evidence::{Evidence, Registry};
use crate::bytes::{FILE_SIGNATURE, FileBytes, LogBytes};
use crate::error::SweepError;
use crate::event_xml::{Encoding, HEAD_SIZE, encoding_of};
use crate::tally::PassedOver;

/// What to look for, and where.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Directories and files to look in, as typed.
    pub roots: Vec<PathBuf>,
    /// How links are taken.
    pub links: Links,
    /// How an event log is known.
    pub names: Names,
    /// What becomes of files that are none.
    pub others: Others,
    /// How deep under a root the folders lie that are one piece of evidence each; `None` to decide by what the root holds.
    pub evidence_depth: Option<usize>,
}

/// How symbolic links are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Links {
    /// Passed over, and counted.
    #[default]
    Ignore,
    /// Followed; each file is then read once, whatever leads to it.
    Follow,
}

/// How a file is known to be an event log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Names {
    /// By `.evtx` anywhere in its name, in any case.
    #[default]
    EventLogs,
    /// By its name or, for any other file, by its first bytes; these also tell event XML of any name.
    Any,
}

/// What becomes of files that are not event logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Others {
    /// They are passed over, and counted.
    #[default]
    PassOver,
    /// They are looked through for chunks of event logs.
    Carve,
}

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

/// A file to read.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// How it is read.
    pub form: Form,
    /// Whose evidence it is.
    pub evidence: EvidenceId,
    /// Bytes it had when it was found.
    pub size: u64,
    /// When it was last changed, in seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// Why it cannot be read, where that is known already.
    pub obstacle: Option<String>,
    root: Arc<Path>,
    relative: PathBuf,
}

impl LogFile {
    /// Its path from its root, with `/`, every byte of a name that is no text as `\xNN` and every
    /// backslash as `\\`, so that the name can be found again.
    #[must_use]
    pub fn source_path(&self) -> String {
        if self.relative.as_os_str().is_empty() {
            return self.root.file_name().map(escaped_name).unwrap_or_default();
        }
        path_text(&self.relative)
    }

    /// Opens it for reading.
    pub fn open(&self) -> io::Result<Box<dyn LogBytes>> {
        let path = self.path();
        FileBytes::open(&path).map(|bytes| Box::new(bytes) as Box<dyn LogBytes>)
    }

    fn path(&self) -> PathBuf {
        if self.relative.as_os_str().is_empty() {
            self.root.to_path_buf()
        } else {
            self.root.join(&self.relative)
        }
    }
}

/// What there is to read.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// The files, in evidence order: by root as given, and within a root by name.
    pub files: Vec<LogFile>,
    /// The pieces of evidence by name; a file's `evidence` counts in this list. Those without any file are here too.
    pub evidence: Vec<String>,
    /// How many pieces of evidence each root has: they are in the order of the roots.
    pub evidence_of_roots: Vec<usize>,
    /// The roots, as absolute paths.
    pub roots: Vec<PathBuf>,
    /// What was passed over.
    pub passed_over: PassedOver,
}

impl Discovery {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Which root a piece of evidence lies in, from 0.
    #[must_use]
    pub fn root_of(&self, id: EvidenceId) -> usize {
        root_of(&self.evidence_of_roots, id.index())
    }

    /// The name of a piece of evidence.
    #[must_use]
    pub fn evidence_name(&self, id: EvidenceId) -> &str {
        self.evidence.get(id.index()).map_or("", String::as_str)
    }
}

/// Which root the piece of evidence at `index` of their list lies in, by how many each root has.
#[must_use]
pub fn root_of(evidence_of_roots: &[usize], index: usize) -> usize {
    let mut end = 0;
    evidence_of_roots
        .iter()
        .take_while(|count| {
            end += **count;
            end <= index
        })
        .count()
}

/// The roots as absolute paths without links, in the order given; an error if one is missing, is
/// neither a directory nor a regular file, or lies in another.
pub fn resolve_roots(roots: &[PathBuf]) -> Result<Vec<PathBuf>, SweepError> {
    if roots.is_empty() {
        return Err(SweepError::NoEvidence);
    }
    let mut resolved = Vec::with_capacity(roots.len());
    for path in roots {
        let fail = |source| SweepError::Root { path: path.clone(), source };
        let absolute = fs::canonicalize(path).map_err(fail)?;
        let kind = fs::metadata(&absolute).map_err(fail)?.file_type();
        if !kind.is_dir() && !kind.is_file() {
            return Err(SweepError::RootKind { path: path.clone(), found: "a pipe, socket or device" });
        }
        resolved.push(absolute);
    }
    let mut sorted: Vec<&PathBuf> = resolved.iter().collect();
    sorted.sort();
    let mut outer: Option<&PathBuf> = None;
    for path in sorted {
        match outer {
            Some(outer) if path.starts_with(outer) => {
                return Err(SweepError::OverlappingRoots { inner: path.clone(), outer: outer.clone() });
            }
            _ => outer = Some(path),
        }
    }
    Ok(resolved)
}

/// Walks the roots.
pub fn discover(search: &Search) -> Result<Discovery, SweepError> {
    let roots = resolve_roots(&search.roots)?;
    let mut walk =
        Walk { search, found: Discovery::default(), registry: Registry::default(), seen: HashSet::new() };
    for root in &roots {
        let before = walk.registry.len();
        walk.root(root);
        walk.found.evidence_of_roots.push(walk.registry.len() - before);
    }
    let Walk { mut found, registry, .. } = walk;
    found.evidence = registry.names();
    found.roots = roots;
    Ok(found)
}

struct Walk<'a> {
    search: &'a Search,
    found: Discovery,
    registry: Registry,
    /// Device and inode of each file taken, with `--follow`.
    seen: HashSet<(u64, u64)>,
}

impl Walk<'_> {
    fn root(&mut self, root: &Path) {
        let evidence = Evidence::new(root, self.search.evidence_depth);
        let root: Arc<Path> = Arc::from(root);
        let entries =
            WalkDir::new(&root).follow_links(self.search.links == Links::Follow).sort_by_file_name();
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&root, &evidence, &entry),
                // A link that leads back to a folder above it: all it leads to is being read anyway.
                Err(error) if error.loop_ancestor().is_some() => self.found.passed_over.seen_before += 1,
                Err(error) if leads_nowhere(&error) => self.found.passed_over.links += 1,
                Err(error) => {
                    let path = error.path().unwrap_or(&root).to_path_buf();
                    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    self.take(&root, &evidence, &path, Form::Log, Err(reason));
                }
            }
        }
    }

    fn entry(&mut self, root: &Arc<Path>, evidence: &Evidence, entry: &DirEntry) {
        let kind = entry.file_type();
        if kind.is_dir() {
            evidence.register_folder(&mut self.registry, entry.path());
        } else if kind.is_symlink() {
            self.found.passed_over.links += 1;
        } else if !kind.is_file() {
            self.found.passed_over.special_files += 1;
        } else if let Some(form) = self.form(entry.path(), entry.depth()) {
            match entry.metadata() {
                Ok(metadata) if self.is_new(&metadata) => {
                    self.take(root, evidence, entry.path(), form, Ok(&metadata));
                }
                Ok(_) => self.found.passed_over.seen_before += 1,
                Err(error) => self.take(root, evidence, entry.path(), form, Err(error.to_string())),
            }
        } else {
            self.found.passed_over.other_files += 1;
        }
    }

    /// How a regular file is to be read; `None` if it is not. A root that is a file is, whatever its name.
    fn form(&self, path: &Path, depth: usize) -> Option<Form> {
        let name = path.file_name().unwrap_or_default();
        let (is_named, may_be_xml) = (is_named_like_event_log(name), may_be_named_like_event_xml(name));
        if is_named && !may_be_xml {
            return Some(Form::Log);
        }
        let by_content = self.search.names == Names::Any;
        let content = if by_content || may_be_xml || depth == 0 { Content::of(path) } else { Content::Other };
        match (content, self.search.others) {
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

    fn is_new(&mut self, metadata: &Metadata) -> bool {
        self.search.links == Links::Ignore || self.seen.insert((metadata.dev(), metadata.ino()))
    }

    fn take(
        &mut self,
        root: &Arc<Path>,
        evidence: &Evidence,
        path: &Path,
        form: Form,
        found: Result<&Metadata, String>,
    ) {
        let relative = path.strip_prefix(root).unwrap_or(path).to_path_buf();
        let (metadata, obstacle) = match found {
            Ok(metadata) => (Some(metadata), None),
            Err(reason) => (None, Some(reason)),
        };
        // Only what could not be listed may be a folder; a file that was found needs no second look.
        let is_folder = obstacle.is_some() && path.is_dir();
        let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
        let evidence = evidence.of(&mut self.registry, folder);
        let size = metadata.map_or(0, Metadata::len);
        let modified = metadata.map_or((0, 0), |metadata| (metadata.mtime(), metadata.mtime_nsec()));
        let root = Arc::clone(root);
        self.found.files.push(LogFile { form, evidence, size, modified, obstacle, root, relative });
    }
}

/// A link whose target is missing, and which is not named like an event log.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let missing = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing
        && error
            .path()
            .is_some_and(|path| path.is_symlink() && !path.file_name().is_some_and(is_named_like_event_log))
}

/// `.evtx` anywhere in the name, in any case: renamed copies keep it (`Security.evtx.bak`, `SYSMON.EVTX`).
fn is_named_like_event_log(name: &OsStr) -> bool {
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

/// A path as text, with `/`: every byte that is no text as `\xNN` and every backslash as `\\`, so that it
/// can be found again.
#[must_use]
pub fn path_text(path: &Path) -> String {
    let names: Vec<String> = path.iter().map(escaped_name).filter(|name| name != "/").collect();
    format!("{}{}", if path.is_absolute() { "/" } else { "" }, names.join("/"))
}

/// A name as text, likewise.
#[must_use]
pub fn escaped_name(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for part in name.as_bytes().utf8_chunks() {
        text.push_str(&part.valid().replace('\\', "\\\\"));
        for byte in part.invalid() {
            // Writing into a string does not fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
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

    #[test]
    fn pieces_of_evidence_lie_in_the_order_of_the_roots() {
        let roots: Vec<usize> = (0..7).map(|index| root_of(&[2, 0, 3, 1], index)).collect();
        assert_eq!(roots, [0, 0, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn names_that_are_no_text_can_be_found_again() {
        assert_eq!(escaped_name(OsStr::from_bytes(b"a\xff\xfe.evtx")), "a\\xFF\\xFE.evtx");
        assert_eq!(escaped_name(OsStr::new("a\\xFF.evtx")), "a\\\\xFF.evtx");
        assert_eq!(escaped_name(OsStr::new("Größe.evtx")), "Größe.evtx");
    }
}
