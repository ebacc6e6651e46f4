//! Looks into a container: lists its files, and those of the containers in it.
//!
//! The order of what is found depends on the container's bytes alone.

mod archive;
mod disk;
mod siblings;
mod volume;

use std::collections::HashMap;
use std::sync::Arc;

use super::form::{FileForm, Handling};
use super::log_file::InnerFile;
use super::outer_file::OuterFiles;
use super::passed_over::pass_over;
use super::{NonLogFiles, Search};
use crate::base::path_text::escaped_bytes;
use crate::evidence::container::{ENCRYPTED, Format, Passwords};
use crate::evidence::kept::Kept;
use crate::evidence::layer::SharedSource;
use crate::evidence::spool::Spool;
use crate::ledger::container::{ContainerProblem, ContainerReport, ContainerStatus, Origin};
use crate::ledger::damage::Problem;
use crate::ledger::tally::SkippedCounts;

/// How many containers may lie in each other.
const MOST_DEPTH: usize = 4;
/// How many containers stay open.
const MOST_OPEN: usize = 64;

/// What all containers of a sweep share.
pub struct Access {
    /// The files, archives and disks that are open.
    pub kept: Arc<Kept>,
    /// Unpacked copies of packed files.
    pub spool: Arc<Spool>,
    /// Passwords to try on encrypted files.
    pub passwords: Passwords,
}

impl Access {
    /// Access to the containers that `search` finds.
    pub(super) fn new(search: &Search) -> Self {
        Access {
            kept: Arc::new(Kept::new(MOST_OPEN)),
            spool: Arc::new(Spool::new(search.unpacking.spool.clone())),
            passwords: search.unpacking.passwords.clone(),
        }
    }
}

/// What a container holds, in order.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub files: Vec<InnerFile>,
    /// The container itself, and those in it.
    pub containers: Vec<ContainerReport>,
    pub passed_over: SkippedCounts,
    /// The files of the evidence that the container consists of.
    pub outer: Option<Arc<OuterFiles>>,
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        (&self.files, &self.containers, &self.passed_over)
            == (&other.files, &other.containers, &other.passed_over)
    }
}

impl Eq for Contents {}

/// Looks into the container that the file `outer` is. `source_path` is the file's path from its
/// root; `name` is its name.
pub(super) fn explore(
    search: &Search,
    access: &Access,
    outer: OuterFiles,
    format: Format,
    (source_path, name): (String, &[u8]),
) -> Contents {
    let (source, size) = (outer.source(&access.kept), outer.size());
    let mut explorer = Explorer {
        search,
        access,
        outer: Arc::new(outer),
        contents: Contents::default(),
        paths: HashMap::new(),
    };
    let path = source_path.replace('!', "\\x21");
    let place = ContainerPlace { path, depth: 1, is_in_volume: false };
    explorer.container(format, &source, &place, name);
    let is_unread = explorer.contents.containers.first().is_some_and(|first| first.status.is_unread());
    if is_unread && search.non_log_files == NonLogFiles::Carve {
        // What could not be read as a container may still have chunks of logs.
        explorer.contents.files.push(InnerFile {
            form: FileForm::Carved,
            source_path,
            size,
            content: Ok(source),
            origin: Origin::default(),
            problems: Vec::new(),
            outer: Arc::clone(&explorer.outer),
        });
    }
    let Explorer { outer, contents, .. } = explorer;
    Contents { outer: Some(outer), ..contents }
}

/// Where a container lies.
struct ContainerPlace {
    /// The path from the root.
    path: String,
    /// How many containers it is in, and itself.
    depth: usize,
    /// Whether it is a file of a volume.
    is_in_volume: bool,
}

impl ContainerPlace {
    /// The place of a file in this container.
    fn inner(&self, path: &[u8]) -> ContainerPlace {
        let path = format!("{}!{}", self.path, escaped_bytes(path).replace('!', "\\x21"));
        ContainerPlace { path, depth: self.depth + 1, is_in_volume: self.is_in_volume }
    }
}

struct Explorer<'a> {
    search: &'a Search,
    access: &'a Access,
    outer: Arc<OuterFiles>,
    contents: Contents,
    /// How many files have each path so far.
    paths: HashMap<String, u64>,
}

/// The position of a container's account in the list of all.
#[derive(Clone, Copy)]
struct Row(usize);

impl Explorer<'_> {
    /// Looks into a container of this format.
    fn container(&mut self, format: Format, source: &SharedSource, place: &ContainerPlace, name: &[u8]) {
        match format {
            Format::Archive(format) => self.archive(format, source, place, name),
            Format::Image => self.image(source, place, name),
        }
    }

    /// Begins the account of a container.
    fn begin(&mut self, place: &ContainerPlace, kind: &str, size: u64) -> Row {
        let report = ContainerReport::new(place.path.clone(), kind, size);
        self.contents.containers.push(ContainerReport { is_in_volume: place.is_in_volume, ..report });
        Row(self.contents.containers.len() - 1)
    }

    /// Returns whether a container lies in too many others to be looked into. Its account then says
    /// so.
    fn is_too_deep(&mut self, place: &ContainerPlace, row: Row) -> bool {
        let is_too_deep = place.depth > MOST_DEPTH;
        if is_too_deep {
            let reason = format!("expected at most {MOST_DEPTH} containers in each other, found more");
            self.report(row).fail(ContainerStatus::Unreadable, reason);
        }
        is_too_deep
    }

    fn report(&mut self, row: Row) -> &mut ContainerReport {
        self.contents.containers.get_mut(row.0).expect("rows are only added")
    }

    /// Does with a file in a container what was decided. `row` is the container's.
    fn handle(&mut self, handling: Handling, row: Row, file: FoundFile<'_>) {
        let FoundFile { place, name, size, content, origin, problems } = file;
        match (handling, content) {
            (Handling::Read(form), content) => {
                let report = self.report(row);
                report.logs += 1;
                // What is left of a deleted file is more than anyone can expect.
                if let (Err(obstacle), false) = (&content, origin.deleted) {
                    report.add(ContainerProblem::whole(format!("{}: {obstacle}", place.path)));
                }
                let outer = Arc::clone(&self.outer);
                let source_path = self.unique(place.path);
                self.contents.files.push(InnerFile {
                    form,
                    source_path,
                    size,
                    content,
                    origin,
                    problems,
                    outer,
                });
            }
            (Handling::Open(format), Ok(source)) => self.container(format, &source, &place, name),
            (Handling::Open(_), Err(obstacle)) => self.missed(&place, "unknown", size, obstacle),
            (Handling::Unreadable(kind), content) => {
                self.missed(&place, kind, size, content.err().unwrap_or_else(|| NOT_READ.to_owned()));
            }
            (Handling::Unsupported(kind), _) => {
                let row = self.begin(&place, kind, size);
                self.report(row).fail(ContainerStatus::Unsupported, NOT_SUPPORTED);
            }
            (Handling::Broken(kind), _) => self.missed(&place, kind, size, no_signature(kind)),
            (Handling::Skip(kind), _) => {
                pass_over(&mut self.contents.passed_over, kind, name, || place.path);
            }
        }
    }

    /// Returns a path that no other file has. An archive can hold several files of one name: `@2`
    /// marks the second one, in the archive's order.
    fn unique(&mut self, path: String) -> String {
        let count = self.paths.entry(path.clone()).or_default();
        *count += 1;
        if *count == 1 { path } else { format!("{path}@{count}") }
    }

    /// Adds the account of a container that cannot be opened.
    fn missed(&mut self, place: &ContainerPlace, kind: &str, size: u64, reason: String) {
        let status = if reason.starts_with(ENCRYPTED) {
            ContainerStatus::Encrypted
        } else {
            ContainerStatus::Unreadable
        };
        let row = self.begin(place, kind, size);
        self.report(row).fail(status, reason);
    }
}

/// A file that was found in a container.
struct FoundFile<'f> {
    place: ContainerPlace,
    /// The file's name, without its folder.
    name: &'f [u8],
    size: u64,
    /// The file's bytes, or why they cannot be read.
    content: Result<SharedSource, String>,
    origin: Origin,
    problems: Vec<Problem>,
}

/// The reason for not opening a container whose format dnsweep does not read.
pub(super) const NOT_SUPPORTED: &str = "dnsweep does not read this format: unpack or convert it first";
/// The reason for not opening a container if nothing else is known.
pub(super) const NOT_READ: &str = "its first bytes cannot be read";

/// Why a file with the name of a container is not opened.
pub(super) fn no_signature(kind: &str) -> String {
    format!("expected the signature of a {kind} file at its start, found other bytes")
}
