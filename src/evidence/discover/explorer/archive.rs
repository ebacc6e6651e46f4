//! Explores an archive of any format, or a packed file: decides what to do with each file in it.

use std::cell::{Cell, OnceCell};
use std::io;
use std::sync::Arc;

use super::siblings::{ArchiveFiles, ArchiveFolder};
use super::sparse::SparseIndexes;
use super::{ContainerPlace, Explorer, FoundFile, Row, no_folder};
use crate::evidence::collector::{Layout, client_info, collected, host_of_archive};
use crate::evidence::container::{self, ArchiveFormat, Content, Format, MOST_UNPACKED, Member, NotListed};
use crate::evidence::discover::content::LOOKED_AT;
use crate::evidence::discover::form::{Candidate, Handling, sparse_file_of};
use crate::evidence::discover::passed_over::pass_over;
use crate::evidence::discover::segments::{first_names, may_be_of_image};
use crate::evidence::layer::SharedSource;
use crate::evidence::spool::{Packed, Spool};
use crate::ledger::container::{ContainerProblem, ContainerStatus, Origin};

impl Explorer<'_> {
    pub(super) fn archive(
        &mut self,
        format: ArchiveFormat,
        source: &SharedSource,
        place: &ContainerPlace,
        name: &[u8],
    ) {
        let row = self.begin(place, format.name(), source.size());
        if self.is_too_deep(place, row) {
            return;
        }
        if let Some(packed) = container::packed(format, source) {
            return self.packed(packed, source, place, name, row);
        }
        self.members(format, source, (place, name), row);
    }

    /// Lists the files of an archive, and decides what to do with each. `name` is the archive's own
    /// name, which can contain the host's name.
    fn members(
        &mut self,
        format: ArchiveFormat,
        source: &SharedSource,
        (place, name): (&ContainerPlace, &[u8]),
        row: Row,
    ) {
        let access = self.access;
        let (mut archive, before) = (ListedArchive::default(), self.contents.files.len());
        let listed = container::list(format, source, &access.passwords, &mut |member| {
            self.member(source, (place, row), member, &mut archive);
        });
        let ListedArchive { mut hints, files, deferred } = archive;
        self.images_of_archive(row, &Arc::new(files), deferred);
        self.rebuild_sparse_files(before, std::mem::take(&mut hints.indexes));
        let report = self.report(row);
        report.stated.host = hints.host(&String::from_utf8_lossy(name));
        match listed {
            Ok(members) => {
                report.files = members.files;
                members.problems.into_iter().for_each(|problem| report.add(problem));
            }
            Err(error) => {
                let status = match error {
                    NotListed::Unsupported(_) => ContainerStatus::Unsupported,
                    NotListed::Encrypted(_) => ContainerStatus::Encrypted,
                    _ => ContainerStatus::Unreadable,
                };
                report.fail(status, error.to_string());
            }
        }
        self.conclude(row);
    }

    /// Handles the files of an archive that may be files of disk images, once all files of the
    /// archive are known. The second or a later file of an image, such as `disk.E02`, is left out
    /// if the archive has the first file in the same folder.
    fn images_of_archive(&mut self, row: Row, files: &Arc<ArchiveFiles>, deferred: Vec<DeferredFile>) {
        for DeferredFile { handling, path, place, size, content, origin } in deferred {
            let (name, folder) = (last_part(&path), ArchiveFolder::of(files, &path));
            if !folder.has_first_file_of(name) {
                let (problems, folder) = (Vec::new(), Arc::new(folder));
                let file = FoundFile { place, name, size, content, origin, problems, same_as: None, folder };
                self.handle(handling, row, file);
            }
        }
    }

    /// Decides what to do with the file `member` of an archive. `place` and `row` are the archive's
    /// place and its row in the table of containers. What becomes known about the archive is added
    /// to `listed`.
    fn member(
        &mut self,
        archive: &SharedSource,
        (place, row): (&ContainerPlace, Row),
        member: Member<'_>,
        listed: &mut ListedArchive,
    ) {
        let Member { path, size, content } = member;
        let name = last_part(path);
        // Finding the bytes costs reads, so they are found only for files that may be of use.
        let (content, found) = (Cell::new(Some(content)), OnceCell::new());
        let find = || found.get_or_init(|| content.take().expect("a cell is filled once")());
        if let Some(file) = sparse_file_of(self.search, path) {
            let (file, sources) = (place.inner(file).path, (archive, &self.access.spool));
            return listed.hints.indexes.add(file, name, find(), sources);
        }
        let candidate = Candidate { name, is_root: false };
        let handling = Handling::of(self.search, &candidate, || match find() {
            Ok(content) => content.head(archive, &self.access.spool, LOOKED_AT),
            Err(obstacle) => Err(io::Error::other(obstacle.clone())),
        });
        if path == CLIENT_INFO
            && let Ok(content) = find()
        {
            listed.hints.add_client_info(content, archive, &self.access.spool);
        }
        let (inner, is_of_image) = (place.inner(path), may_be_of_image(name));
        if let Handling::Skip(kind) = handling
            && !is_of_image
        {
            return pass_over(&mut self.contents.passed_over, kind, name, || inner.path);
        }
        find();
        let content = found.into_inner().expect("it was found just now");
        let content = content.map(|content| content.source(archive, &self.access.spool, size));
        if is_of_image {
            listed.files.add(path, &content);
        }
        let collected = collected(&String::from_utf8_lossy(path));
        if let Some(collected) = &collected {
            listed.hints.layout.get_or_insert(collected.layout);
        }
        let original_path = collected.map(|collected| collected.original);
        let origin = Origin { original_path, ..Origin::default() };
        let is_image = handling == Handling::Open(Format::Image) || first_names(name).next().is_some();
        if is_image && listed.deferred.len() < MOST_DEFERRED {
            let path = path.to_vec();
            let file = DeferredFile { handling, path, place: inner, size, content, origin };
            return listed.deferred.push(file);
        }
        let (problems, folder) = (Vec::new(), no_folder());
        let file = FoundFile { place: inner, name, size, content, origin, problems, same_as: None, folder };
        self.handle(handling, row, file);
    }

    /// Explores a file that was packed on its own, such as `x.evtx.gz`: decides what to do with the
    /// unpacked file. If it is a tar archive, such as `logs.tar.gz`, the archive and the packed
    /// file count as one container.
    fn packed(
        &mut self,
        packed: Arc<dyn Packed>,
        source: &SharedSource,
        place: &ContainerPlace,
        name: &[u8],
        row: Row,
    ) {
        let spool = &self.access.spool;
        let head = match Content::Packed(Arc::clone(&packed)).head(source, spool, LOOKED_AT) {
            Ok(head) => head,
            Err(error) => return self.report(row).fail(ContainerStatus::Unreadable, error.to_string()),
        };
        let inner_name = container::unpacked_name(name);
        let is_tar = ArchiveFormat::of_head(&head) == Some(ArchiveFormat::Tar);
        let candidate = Candidate { name: &inner_name, is_root: false };
        let handling = Handling::of(self.search, &candidate, || Ok(head));
        self.report(row).files = 1;
        if let Handling::Skip(kind) = handling
            && !is_tar
        {
            let path = || place.inner(&inner_name).path;
            return pass_over(&mut self.contents.passed_over, kind, &inner_name, path);
        }
        let unpacked = match self.access.spool.unpacked_now(MOST_UNPACKED, packed) {
            Ok(unpacked) => unpacked,
            Err(error) => return self.report(row).fail(ContainerStatus::Unreadable, error.to_string()),
        };
        if let Some(flaw) = unpacked.flaw() {
            self.report(row).add(ContainerProblem { offset: 0, length: source.size(), what: flaw });
        }
        if is_tar {
            let report = self.report(row);
            report.kind = format!("tar, {}", report.kind);
            let of_packed = report.problems.len();
            self.members(ArchiveFormat::Tar, &unpacked, (place, name), row);
            self.report(row).problems.iter_mut().skip(of_packed).for_each(name_unpacked_place);
            return;
        }
        let file = FoundFile {
            place: place.inner(&inner_name),
            name: &inner_name,
            size: unpacked.size(),
            content: Ok(unpacked),
            origin: Origin::default(),
            problems: Vec::new(),
            same_as: None,
            folder: no_folder(),
        };
        self.handle(handling, row, file);
    }
}

/// Changes the description of a problem in an archive that is packed as a whole, such as
/// `logs.tar.gz`: names the offset in the unpacked archive in words. As a number, the offset would
/// be taken for one in the packed file.
fn name_unpacked_place(problem: &mut ContainerProblem) {
    if problem.length > 0 {
        let what = format!("at byte {} of the unpacked archive: {}", problem.offset, problem.what);
        *problem = ContainerProblem::whole(what);
    }
}

/// The maximum number of files of an archive that wait until all of its files are known, because
/// they may be files of one disk image. Each further file is treated as an image of its own.
const MOST_DEFERRED: usize = 20_000;

/// What is known about an archive while its files are listed.
#[derive(Default)]
struct ListedArchive {
    hints: HostHints,
    /// The files of the archive that may be files of disk images, by their paths.
    files: ArchiveFiles,
    /// The disk images in the archive, and files that are named like the first or a later file of
    /// an image. Which of them belong together is known only when all files of the archive are
    /// listed.
    deferred: Vec<DeferredFile>,
}

/// A file of an archive that may belong to a disk image in several files, and therefore waits until
/// all files of the archive are known.
struct DeferredFile {
    handling: Handling,
    /// The path of the file in the archive, as the archive states it.
    path: Vec<u8>,
    place: ContainerPlace,
    size: u64,
    content: Result<SharedSource, String>,
    origin: Origin,
}

/// The path, in an archive of Velociraptor, of the file in which it states the host of the
/// collection.
const CLIENT_INFO: &[u8] = b"client_info.json";
/// The maximum number of bytes of Velociraptor's `client_info.json`, which states the host of a
/// collection, that are read.
const MOST_CLIENT_INFO: usize = 1 << 20;

/// What an archive states about the host whose files it contains, and about the sparse files of
/// which the collector, the tool that copied them from the host, left out ranges.
#[derive(Default)]
struct HostHints {
    /// The files in the archive in which Velociraptor states which ranges of sparse files it
    /// collected.
    indexes: SparseIndexes,
    /// How the collector, the tool that copied the files from the host, arranges them in folders of
    /// the archive. `None` until the path of a collected file shows it.
    layout: Option<Layout>,
    /// The name of the host as Velociraptor's `client_info.json` states it. `None` until that file
    /// is read, or if it names no host.
    client: Option<String>,
}

impl HostHints {
    /// Adds the host that Velociraptor's `client_info.json` states. `content` is where the bytes of
    /// that file are in the archive.
    fn add_client_info(&mut self, content: &Content, archive: &SharedSource, spool: &Arc<Spool>) {
        let bytes = content.head(archive, spool, MOST_CLIENT_INFO).unwrap_or_default();
        self.client = client_info(&bytes).and_then(|info| info.fqdn.or(info.hostname));
    }

    /// Returns the name of the host whose files the archive contains. `name` is the name of the
    /// archive's own file. Returns `None` if neither that name nor the files in the archive state
    /// the host.
    fn host(self, name: &str) -> Option<String> {
        self.client.or_else(|| host_of_archive(name, self.layout).map(str::to_owned))
    }
}

/// Returns the last part of a path in an archive. The parts are separated by `/` or, by some
/// programs, by `\`.
fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or(path)
}
