//! Explores a container (an archive or a disk image): lists the files in it, and in the containers
//! that it contains.
//!
//! The files are found in an order that depends only on the container's bytes.

mod archive;
mod disk;
mod siblings;
mod sparse;
mod unchanged;
mod unique_paths;
mod volume;

use std::sync::Arc;

use self::siblings::{Folder, NoFolder, SharedFolder};
use self::unique_paths::UniquePaths;
use super::form::{FileForm, Handling};
use super::log_file::InnerFile;
use super::outer_file::OuterFiles;
use super::passed_over::pass_over;
use super::{NonLogFiles, Search};
use crate::base::path_text::escaped_bytes;
use crate::event::EventTime;
use crate::evidence::container::{ENCRYPTED, Format, Passwords};
use crate::evidence::kept::Kept;
use crate::evidence::layer::SharedSource;
use crate::evidence::spool::Spool;
use crate::ledger::container::{ContainerProblem, ContainerReport, ContainerStatus, Origin};
use crate::ledger::damage::Problem;
use crate::ledger::tally::SkippedCounts;

/// The maximum number of containers (archives and disk images) in one another that are opened. A
/// container that lies deeper is reported and not opened, so that no evidence can make discovery
/// endless.
const MOST_DEPTH: usize = 4;
/// The maximum number of files of containers, archives and disks that stay open at the same time in
/// a sweep.
const MOST_OPEN: usize = 64;

/// What all containers (archives and disk images) of a sweep share: the open files, the unpacked
/// copies, and the passwords.
pub struct Access {
    /// The files, archives and disks that are open. If there would be too many, the least recently
    /// used ones are closed first.
    pub kept: Arc<Kept>,
    /// The spool, which unpacks packed files and keeps the unpacked copies.
    pub spool: Arc<Spool>,
    /// The passwords to try on encrypted files of archives.
    pub passwords: Passwords,
}

impl Access {
    /// Returns the open files, unpacked copies and passwords that all containers of a discovery
    /// share. `search` has the settings of the discovery. Nothing is open or unpacked yet.
    pub(super) fn new(search: &Search) -> Self {
        Access {
            kept: Arc::new(Kept::new(MOST_OPEN)),
            spool: Arc::new(Spool::new(search.unpacking.spool.clone())),
            passwords: search.unpacking.passwords.clone(),
        }
    }
}

/// What was found in a container (an archive or a disk image) that lies in no other container: the
/// files to read and the containers in it, in the order in which they lie there.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub files: Vec<InnerFile>,
    /// A report on each container, which becomes a row of the table of containers: first the
    /// container that lies in no other, then the containers in it.
    pub containers: Vec<ContainerReport>,
    pub passed_over: SkippedCounts,
    /// The files of the evidence that the outermost container (the one that lies in no other)
    /// consists of: its own file, and the other files of a split image.
    pub outer: Option<Arc<OuterFiles>>,
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        (&self.files, &self.containers, &self.passed_over)
            == (&other.files, &other.containers, &other.passed_over)
    }
}

impl Eq for Contents {}

/// Explores the container of the format `format` that consists of the files `outer`: finds the
/// files to read, and the containers in it. `source_path` is the path of the container's own file
/// from the root of the evidence (the folder or file that the user names), and `name` is the name
/// of that file.
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
        paths: UniquePaths::default(),
    };
    let path = container_path(&source_path);
    let place = ContainerPlace { path, depth: 1, is_in_volume: false, inherited: Inherited::default() };
    let (path, outer) = (explorer.outer.folder().to_path_buf(), Arc::clone(&explorer.outer));
    let folder = Arc::new(Folder { path, outer, kept: Arc::clone(&access.kept) });
    explorer.container(format, &source, &place, (name, &(folder as SharedFolder)));
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
            same_as: None,
            outer: Arc::clone(&explorer.outer),
        });
    }
    let Explorer { outer, mut contents, .. } = explorer;
    if access.spool.gave_up() {
        contents.containers.iter_mut().for_each(ContainerReport::interrupt);
    }
    Contents { outer: Some(outer), ..contents }
}

/// Returns the path with which the table of containers names a container. `source_path` is the path
/// of the container's file from the root of the evidence. A `!` in a name is written `\x21`,
/// because `!` separates a container from what is in it.
pub(super) fn container_path(source_path: &str) -> String {
    source_path.replace('!', "\\x21")
}

/// Where a container lies: its path, and how many containers it is in.
struct ContainerPlace {
    /// The path of the container from the root of the evidence (the folder or file that the user
    /// names).
    path: String,
    /// The number of containers that lie around this one, plus one for itself. It is 1 for a
    /// container that is a file of the evidence.
    depth: usize,
    /// True if the container is a file on a volume of a disk image, and not a file of an archive or
    /// of the evidence.
    is_in_volume: bool,
    /// What the files in this container inherit from it and from the containers around it: whether
    /// a file was deleted, and the shadow copy it comes from.
    inherited: Inherited,
}

/// What the files of a container inherit from a file that contains them: whether that file was
/// deleted, and the shadow copy that it comes from.
#[derive(Debug, Clone, Copy, Default)]
struct Inherited {
    /// The time at which a shadow copy was made, if the containing file comes from one. `None` if
    /// it does not come from a shadow copy.
    snapshot_time: Option<EventTime>,
    /// True if the file that contains this one was deleted in its volume.
    deleted: bool,
}

impl Inherited {
    /// Returns the origin `origin` of a file together with what the file inherits from its
    /// container. If the file itself comes from a shadow copy, that one counts, and not the
    /// inherited one.
    fn add_to(self, origin: Origin) -> Origin {
        let snapshot_time = origin.snapshot_time.or(self.snapshot_time);
        Origin { snapshot_time, deleted: origin.deleted || self.deleted, ..origin }
    }
}

impl ContainerPlace {
    /// Returns the place that a file in this container has if the file is a container itself: its
    /// path, and its depth, which is greater by one. `path` is the path of the file in this
    /// container.
    fn inner(&self, path: &[u8]) -> ContainerPlace {
        let path = format!("{}!{}", self.path, container_path(&escaped_bytes(path)));
        ContainerPlace { path, depth: self.depth + 1, ..*self }
    }
}

struct Explorer<'a> {
    search: &'a Search,
    access: &'a Access,
    outer: Arc<OuterFiles>,
    contents: Contents,
    /// The paths of all files and containers that were found so far. A path that was used before is
    /// changed, so that no two are equal.
    paths: UniquePaths,
}

/// The position of a container in the list of the reports on all containers that were found. Each
/// report becomes a row of the table of containers.
#[derive(Clone, Copy)]
struct Row(usize);

impl Explorer<'_> {
    /// Explores a container of the format `format`. `name` is the name of the container's file, and
    /// `folder` the folder that file lies in.
    fn container(
        &mut self,
        format: Format,
        source: &SharedSource,
        place: &ContainerPlace,
        (name, folder): (&[u8], &SharedFolder),
    ) {
        match format {
            Format::Archive(format) => self.archive(format, source, place, name),
            Format::Image => self.image(source, place, (name, folder)),
        }
    }

    /// Adds a row for a container of the kind `kind`, such as `zip`, to the table of containers.
    /// Returns the row's position.
    fn begin(&mut self, place: &ContainerPlace, kind: &str, size: u64) -> Row {
        let report = ContainerReport::new(place.path.clone(), kind, size);
        self.contents.containers.push(ContainerReport { is_in_volume: place.is_in_volume, ..report });
        Row(self.contents.containers.len() - 1)
    }

    /// Returns true if the container at `place` is the innermost of more than [`MOST_DEPTH`]
    /// containers in one another. Its row `row` in the table of containers then gets this reason,
    /// and the caller must not explore the container.
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

    /// Treats a file in a container as `handling` says: adds it to the files to read, explores it
    /// as a container, or counts it as skipped. `row` is the row of the container that the file
    /// lies in.
    fn handle(&mut self, handling: Handling, row: Row, file: FoundFile<'_>) {
        let is_encrypted = file.is_encrypted();
        let FoundFile { mut place, name, size, content, origin, problems, same_as, folder } = file;
        let origin = place.inherited.add_to(origin);
        place.inherited = Inherited { snapshot_time: origin.snapshot_time, deleted: origin.deleted };
        if !matches!(handling, Handling::Read(_) | Handling::Skip(_)) {
            // A container has a row, which must differ from that of another one with its name.
            place.path = self.paths.give(place.path);
        }
        match (handling, content) {
            (Handling::Read(form), content) => {
                let report = self.report(row);
                report.logs += 1;
                report.encrypted_logs += u64::from(is_encrypted);
                // What is left of a deleted file is more than anyone can expect.
                if let (Err(obstacle), false) = (&content, origin.deleted) {
                    report.add(ContainerProblem::whole(format!("{}: {obstacle}", place.path)));
                }
                let outer = Arc::clone(&self.outer);
                let source_path = self.paths.give(place.path);
                self.contents.files.push(InnerFile {
                    form,
                    source_path,
                    size,
                    content,
                    origin,
                    problems,
                    same_as,
                    outer,
                });
            }
            (Handling::Open(format), Ok(source)) => self.container(format, &source, &place, (name, &folder)),
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

    /// Ends the exploration of the container with the row `row`, once everything in it was added.
    /// If all logs in it are encrypted, and no container in it could be read either, the container
    /// counts as encrypted.
    fn conclude(&mut self, row: Row) {
        // The rows after it are those of the containers in it.
        let inner = self.contents.containers.iter().skip(row.0 + 1);
        if inner.map(|inner| inner.status).all(ContainerStatus::is_unread) {
            self.report(row).conclude_encryption();
        }
    }

    /// Adds a row to the table of containers for a container that cannot be opened. The row has the
    /// reason `reason`, and the status `Encrypted` if the reason is encryption, otherwise
    /// `Unreadable`.
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

/// A file that was found in a container, before it is decided whether it is read, explored or
/// counted.
struct FoundFile<'f> {
    place: ContainerPlace,
    /// The name of the file that was found in a container, without its folder.
    name: &'f [u8],
    size: u64,
    /// The bytes of the file, or the reason why they cannot be read.
    content: Result<SharedSource, String>,
    origin: Origin,
    problems: Vec<Problem>,
    /// The path, from the root of the evidence, of a log that has the same bytes in a newer state
    /// of the volume. `None` if there is no log like that, so that the file must be read.
    same_as: Option<String>,
    /// The folder of the file. If the file is the first of a disk image in several files, the
    /// others are looked for there.
    folder: SharedFolder,
}

/// Returns a folder without files, for a file that is not the first of a disk image in several
/// files.
fn no_folder() -> SharedFolder {
    Arc::new(NoFolder)
}

impl FoundFile<'_> {
    /// Returns true if the file cannot be read because it is encrypted.
    fn is_encrypted(&self) -> bool {
        self.content.as_ref().is_err_and(|obstacle| obstacle.starts_with(ENCRYPTED))
    }
}

/// The reason that is reported for a container that is not opened because dnsweep does not read its
/// format.
pub(super) const NOT_SUPPORTED: &str = "dnsweep does not read this format: unpack or convert it first";
/// The reason that is reported for a container that is not opened because its first bytes cannot be
/// read, if the error is not known.
pub(super) const NOT_READ: &str = "its first bytes cannot be read";

/// Returns the reason that is reported for a file that is not opened because it has the extension
/// of the container format `kind`, but not the signature.
pub(super) fn no_signature(kind: &str) -> String {
    format!("expected the signature of a {kind} file at its start, found other bytes")
}
