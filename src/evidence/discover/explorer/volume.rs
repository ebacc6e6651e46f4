//! Explores an NTFS volume: its files, its shadow copies, and its deleted files.
//!
//! The live files come first, then the shadow copies from the newest to the oldest, then the
//! deleted files. If an event is in several of them, its first copy counts. This order makes the
//! first copy the best one.

use std::io;
use std::sync::Arc;

use super::siblings::{SharedFolder, VolumeFiles, VolumeFolder};
use super::unchanged::{NewerState, StateLogs};
use super::{ContainerPlace, Explorer, FoundFile, Inherited, Row, no_folder};
use crate::event::EventTime;
use crate::evidence::container::Format;
use crate::evidence::discover::content::LOOKED_AT;
use crate::evidence::discover::extension::Extension;
use crate::evidence::discover::form::{Candidate, Handling, SkippedFile, is_named_like_event_log};
use crate::evidence::discover::passed_over::pass_over;
use crate::evidence::discover::segments::{first_names, is_numbered};
use crate::evidence::discover::{Containers, LogNames, NonLogFiles, Search, ShadowCopies};
use crate::evidence::kept::OnDemand;
use crate::evidence::layer::{SharedSource, read_up_to};
use crate::evidence::volume::ntfs::{Ntfs, NtfsFile};
use crate::evidence::volume::vss;
use crate::ledger::container::{ContainerProblem, ContainerStatus, Origin, SHADOW_COPY};
use crate::ledger::damage::{Damage, Problem};

/// The word for an NTFS volume in the table of containers.
const NTFS: &str = "ntfs";
/// The extensions of archives and images that are opened if they lie in a volume. Files in these
/// formats can be read in place. Other packed files, such as `.gz`, are not opened, because a
/// volume has thousands of them, and each would have to be unpacked.
const OPENED_IN_VOLUMES: [&str; 11] =
    ["001", "e01", "ex01", "img", "qcow2", "raw", "tar", "vhd", "vhdx", "vmdk", "zip"];

/// A state of an NTFS volume, as discovery explores it: the live one, or that of a shadow copy.
struct VolumeState {
    ntfs: Arc<Ntfs>,
    /// The text that precedes the path of each file in this state of the volume: the path of the
    /// volume or the shadow copy, and a separator.
    path: String,
    /// For the state of a shadow copy, the time at which the shadow copy was made. `None` for the
    /// live state.
    snapshot_time: Option<EventTime>,
    /// The number of containers that the volume lies in. Discovery opens containers in one another
    /// only to a small depth.
    depth: usize,
    /// What the files of the volume inherit from the containers that the volume lies in: whether a
    /// file was deleted, and the shadow copy it comes from.
    inherited: Inherited,
    row: Row,
}

/// A shadow copy that is explored, together with the next newer state of its volume: the next newer
/// shadow copy, or the live volume.
struct OlderState<'v> {
    copies: &'v vss::ShadowCopies,
    /// The number of the shadow copy, by age. The oldest shadow copy of the volume has number 1.
    number: usize,
    /// The logs of the next newer state of the volume. `None` if that state cannot be read, or was
    /// not explored.
    newer: Option<&'v StateLogs>,
}

impl Explorer<'_> {
    /// Explores an NTFS volume with its shadow copies and deleted files. `is_partition` is false if
    /// the disk has no partition table, so that the volume is the whole disk.
    pub(super) fn volume(&mut self, volume: &SharedSource, place: &ContainerPlace, is_partition: bool) {
        let row = self.begin(place, NTFS, volume.size());
        let ntfs = match Ntfs::open(Arc::clone(volume)) {
            Ok(ntfs) => Arc::new(ntfs),
            Err(error) => return self.report(row).fail(ContainerStatus::Unreadable, error.to_string()),
        };
        for problem in ntfs.problems() {
            self.report(row).add(ContainerProblem::whole(problem.to_string()));
        }
        let path = format!("{}{}", place.path, if is_partition { '/' } else { '!' });
        let state = VolumeState {
            ntfs,
            path,
            snapshot_time: None,
            depth: place.depth,
            inherited: place.inherited,
            row,
        };
        let (deleted, logs) = self.files_of(&state, None);
        let snapshots = if is_partition { place.path.clone() } else { format!("{}!", place.path) };
        self.shadow_copies(volume, place, (&snapshots, row), logs);
        for (handling, file) in deleted {
            self.ntfs_file(&state, handling, &file, (None, no_folder()));
        }
        if self.search.non_log_files == NonLogFiles::Carve
            && let Some(unallocated) = state.ntfs.unallocated()
        {
            let path = format!("{}$Unallocated", state.path);
            self.carve(row, (path, state.inherited), Arc::new(unallocated));
        }
        self.conclude(row);
    }

    /// Adds the live files of `state`, the live volume or a shadow copy. Returns its deleted files,
    /// each with what to do with it, for the caller to add later, and its logs. A log that has the
    /// same bytes in the state `newer` is added as unchanged, so that it is not read again.
    fn files_of(
        &mut self,
        state: &VolumeState,
        newer: Option<&NewerState<'_>>,
    ) -> (Vec<(Handling, NtfsFile)>, StateLogs) {
        let search = self.search;
        let wanted = |name: &str| is_wanted(search, name.as_bytes());
        let ntfs = Arc::clone(&state.ntfs);
        let mut files = ntfs.files(&wanted);
        let (mut deleted, mut images) = (Vec::new(), Vec::new());
        let mut logs = StateLogs::new(Arc::clone(&state.ntfs));
        for file in files.by_ref() {
            let handling = self.handling(&state.ntfs, &file);
            if !file.is_deleted && is_of_image(handling, &file) {
                images.push((handling, file));
            } else if !file.is_deleted {
                let form = if let Handling::Read(form) = handling { Some(form) } else { None };
                let same_as =
                    form.and_then(|form| newer.and_then(|newer| newer.same_log(&state.ntfs, &file, form)));
                self.ntfs_file(state, handling, &file, (same_as, no_folder()));
                if let (Some(form), Some(added), None) = (form, self.contents.files.last(), file.obstacle) {
                    logs.add(&file, form, added.source_path.clone());
                }
            } else if !matches!(handling, Handling::Skip(_)) {
                deleted.push((handling, file));
            }
        }
        self.images_of_volume(state, images);
        let (counts, others) = (files.counts(), files.others());
        self.contents.passed_over.other_files += others;
        let report = self.report(state.row);
        report.files = counts.files + deleted.len() as u64;
        for problem in counts.problems() {
            report.add(ContainerProblem::whole(problem.to_string()));
        }
        (deleted, logs)
    }

    /// Adds the disk images of `state`, the live volume or a shadow copy, after its other files.
    /// The second or a later file of an image, such as `disk.E02`, is left out if the first file
    /// lies in the same folder.
    fn images_of_volume(&mut self, state: &VolumeState, images: Vec<(Handling, NtfsFile)>) {
        let files = VolumeFiles::new(Arc::clone(&state.ntfs), Arc::clone(&self.access.kept));
        let files = Arc::new(files);
        for (handling, file) in images {
            let folder = VolumeFolder::of(&files, &file.path);
            if !folder.has_first_file_of(file_name(&file)) {
                self.ntfs_file(state, handling, &file, (None, Arc::new(folder)));
            }
        }
    }

    /// Decides what discovery does with a file of a volume. A file that has the name of an archive
    /// or image, but cannot be opened as one, is skipped. In a folder, discovery would report it;
    /// but every volume has files with these names among its programs.
    fn handling(&self, ntfs: &Ntfs, file: &NtfsFile) -> Handling {
        let head = || {
            let source = ntfs.open_stream(file.record, file.stream.as_deref())?;
            read_up_to(&*source, 0, LOOKED_AT)
        };
        match Handling::of(self.search, &Candidate { name: file_name(file), is_root: false }, head) {
            // Every volume has files with such names among its programs and downloads.
            Handling::Broken(_) | Handling::Unreadable(_) | Handling::Unsupported(_) => {
                Handling::Skip(SkippedFile::Container)
            }
            handling => handling,
        }
    }

    /// Adds a file of `state`, the live volume or a shadow copy: to the files to read, to the
    /// containers, or to the counts of skipped files. `same_as` is the path of the log in a newer
    /// state that has the same bytes, if there is one. `folder` is the folder of the file on the
    /// volume: if the file is a disk image in several files, the others are looked for there.
    fn ntfs_file(
        &mut self,
        state: &VolumeState,
        handling: Handling,
        file: &NtfsFile,
        (same_as, folder): (Option<String>, SharedFolder),
    ) {
        let stream = file.stream.as_ref().map_or(String::new(), |stream| format!(":{stream}"));
        let deleted = if file.is_deleted { format!("@mft{}", file.record) } else { String::new() };
        let path = format!("{}{}{stream}{deleted}", state.path, file.path);
        if let Handling::Skip(kind) = handling {
            return pass_over(&mut self.contents.passed_over, kind, file_name(file), || path);
        }
        let (ntfs, record, stream_name) = (Arc::clone(&state.ntfs), file.record, file.stream.clone());
        let open = move || ntfs.open_stream(record, stream_name.as_deref());
        let content = match file.obstacle {
            Some(obstacle) => Err(obstacle.to_string()),
            None => Ok(Arc::new(OnDemand::new(&self.access.kept, file.size, open)) as SharedSource),
        };
        let problems = file.problems.iter().map(|problem| Problem {
            offset: problem.offset,
            length: problem.length,
            damage: Damage::Container { what: problem.fault.to_string() },
        });
        // Images name their further files with this letter as it is.
        let name = String::from_utf8_lossy(file_name(file)).replace("\\x21", "!");
        let found = FoundFile {
            place: ContainerPlace {
                path,
                depth: state.depth + 1,
                is_in_volume: true,
                inherited: state.inherited,
            },
            name: name.as_bytes(),
            size: file.size,
            content,
            origin: Origin {
                original_path: Some(format!("\\{}{stream}", file.path.replace('/', "\\"))),
                snapshot_time: state.snapshot_time,
                deleted: file.is_deleted,
            },
            problems: problems.collect(),
            same_as,
            folder,
        };
        self.handle(handling, state.row, found);
    }

    /// Adds a row for each shadow copy of a volume, the newest first, and explores the shadow
    /// copies if the user requests it. `path` is the text before a shadow copy's name; `row` is the
    /// row of the volume; `live` are the logs of the live volume.
    fn shadow_copies(
        &mut self,
        volume: &SharedSource,
        place: &ContainerPlace,
        (path, row): (&str, Row),
        live: StateLogs,
    ) {
        let copies = match vss::ShadowCopies::read(volume) {
            Ok(Some(copies)) => copies,
            Ok(None) => return,
            Err(error) => {
                let what = format!("whether the volume has shadow copies is not known: {error}");
                return self.report(row).add(ContainerProblem::whole(what));
            }
        };
        for problem in copies.catalog_problems() {
            self.report(row).add(shadow_copy_problem(problem));
        }
        let mut newer = Some(live);
        for copy in copies.listed().iter().rev() {
            let inner = ContainerPlace { path: format!("{path}@vss{}", copy.number), ..*place };
            let row = self.begin(&inner, SHADOW_COPY, copy.size);
            let created = EventTime::from_filetime(copy.created);
            let report = self.report(row);
            report.created = created;
            report.stated.host.clone_from(&copy.machine);
            if copy.is_elsewhere {
                let reason = "the store of this shadow copy lies on another volume";
                report.fail(ContainerStatus::Unsupported, reason);
            } else if self.search.shadow_copies == ShadowCopies::List {
                self.report(row).status = ContainerStatus::NotLookedAt;
            } else {
                let older = OlderState { copies: &copies, number: copy.number, newer: newer.as_ref() };
                newer = self.shadow_copy(volume, &older, (row, created), &inner);
                continue;
            }
            newer = None;
        }
    }

    /// Explores a shadow copy of a volume. Returns its logs, with which those of the next older
    /// shadow copy are compared. Returns `None` if the shadow copy cannot be read.
    fn shadow_copy(
        &mut self,
        volume: &SharedSource,
        older: &OlderState<'_>,
        (row, created): (Row, Option<EventTime>),
        place: &ContainerPlace,
    ) -> Option<StateLogs> {
        let OlderState { copies, number, newer } = *older;
        for problem in copies.problems(number) {
            self.report(row).add(shadow_copy_problem(&problem));
        }
        let opened = copies.snapshot(number).and_then(|snapshot| {
            let volume = Arc::clone(volume);
            let open = move || snapshot_of(&volume, number);
            let snapshot: SharedSource = Arc::new(OnDemand::opened(&self.access.kept, snapshot, open));
            Ntfs::open(snapshot).map_err(|error| io::Error::other(error.to_string()))
        });
        let ntfs = match opened {
            Ok(ntfs) => Arc::new(ntfs),
            Err(error) => {
                self.report(row).fail(ContainerStatus::Unreadable, error.to_string());
                return None;
            }
        };
        let path = format!("{}/", place.path);
        let state = VolumeState {
            ntfs,
            path,
            snapshot_time: created,
            depth: place.depth,
            inherited: place.inherited,
            row,
        };
        let newer = newer.map(|logs| NewerState { logs, copies, number });
        let (deleted, logs) = self.files_of(&state, newer.as_ref());
        for (handling, file) in deleted {
            self.ntfs_file(&state, handling, &file, (None, no_folder()));
        }
        self.conclude(row);
        Some(logs)
    }
}

/// Opens the shadow copy with the number `number` of a volume, and returns its bytes. The oldest
/// shadow copy of the volume has number 1.
fn snapshot_of(volume: &SharedSource, number: usize) -> io::Result<SharedSource> {
    let copies = vss::ShadowCopies::read(volume)?;
    copies.ok_or_else(|| io::Error::other("the volume has no shadow copies"))?.snapshot(number)
}

fn shadow_copy_problem(problem: &vss::Problem) -> ContainerProblem {
    let (offset, length) = (problem.range.start, problem.range.end.saturating_sub(problem.range.start));
    ContainerProblem { offset, length, what: problem.to_string() }
}

/// Returns the name of a file of a volume without its folder. For an alternate data stream, returns
/// the stream's name.
fn file_name(file: &NtfsFile) -> &[u8] {
    let path = file.stream.as_deref().unwrap_or(&file.path);
    path.rsplit('/').next().unwrap_or(path).as_bytes()
}

/// Returns true if a file of a volume is a disk image, or is named like the second or a later file
/// of one.
fn is_of_image(handling: Handling, file: &NtfsFile) -> bool {
    let is_image = handling == Handling::Open(Format::Image) || first_names(file_name(file)).next().is_some();
    is_image && file.stream.is_none()
}

/// Returns true if a file of a volume may be an event log or contain event logs, judged by its
/// name. Other files are counted but not returned by the volume's list of files.
fn is_wanted(search: &Search, name: &[u8]) -> bool {
    let is_opened = || {
        let is_container = |name| OPENED_IN_VOLUMES.contains(&name);
        Extension::of(name).name().is_some_and(is_container) || is_numbered(name)
    };
    search.names == LogNames::Any
        || is_named_like_event_log(name)
        || search.containers == Containers::Open && is_opened()
}
