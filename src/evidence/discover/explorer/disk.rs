//! Explores a disk image: its volumes, and the bytes between them.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::siblings::SharedFolder;
use super::{ContainerPlace, Explorer, FoundFile, Inherited, Row, no_folder};
use crate::evidence::container::image::{self, Image, ImageFacts, ImageFormat};
use crate::evidence::discover::NonLogFiles;
use crate::evidence::discover::form::{FileForm, Handling};
use crate::evidence::kept::OnDemand;
use crate::evidence::layer::{SharedSource, Slice};
use crate::evidence::volume::VolumeKind;
use crate::evidence::volume::table::{Partition, Purpose, Table};
use crate::ledger::container::{ContainerPart, ContainerProblem, ContainerStatus, Origin, Statement};

impl Explorer<'_> {
    /// Explores the disk image whose first file is `source`, and adds a row for it to the table of
    /// containers. `folder` is the folder of that file. If the image consists of several files, the
    /// others are looked for there.
    pub(super) fn image(
        &mut self,
        source: &SharedSource,
        place: &ContainerPlace,
        (name, folder): (&[u8], &SharedFolder),
    ) {
        let name = String::from_utf8_lossy(name).into_owned();
        let format = match ImageFormat::of(&**source, &name) {
            Ok(format) => format,
            Err(error) => return self.missed(place, "image", source.size(), error.to_string()),
        };
        let row = self.begin(place, format.word(), source.size());
        if self.is_too_deep(place, row) {
            return;
        }
        let image = match image::open(format, Arc::clone(source), &name, &**folder) {
            Ok(image) => image,
            Err(error) => return self.report(row).fail(error.status(), error.to_string()),
        };
        let disk = self.state(row, image);
        // An image that nobody reads is closed, and opened again when it is needed.
        let (source, folder) = (Arc::clone(source), Arc::clone(folder));
        let open = move || {
            let image = image::open(format, Arc::clone(&source), &name, &*folder);
            image.map(|image| image.disk).map_err(|error| io::Error::other(error.to_string()))
        };
        let disk: SharedSource = Arc::new(OnDemand::opened(&self.access.kept, disk, open));
        self.disk(&disk, place, row);
    }

    /// Adds what an image states about itself, and what is wrong with the image, to its row in the
    /// table of containers. Returns the bytes of the disk in the image.
    fn state(&mut self, row: Row, image: Image) -> SharedSource {
        let Image { disk, parts, problems, facts } = image;
        let report = self.report(row);
        report.size = disk.size();
        report.parts = parts.into_iter().map(|name| ContainerPart { name, sha256: None }).collect();
        for problem in problems {
            let Range { start, end } = problem.range.clone().unwrap_or_default();
            report.add(ContainerProblem { offset: start, length: end - start, what: problem.to_string() });
        }
        for Range { start, end } in &facts.unread_at_acquisition {
            let what = "the imaging tool could not read these bytes of the disk: the image has zeros there";
            let (offset, length) = (*start, end - start);
            report.add(ContainerProblem { offset, length, what: what.to_owned() });
        }
        report.created = facts.acquired;
        report.stated = statement(facts);
        disk
    }

    /// Explores the volumes of a disk. If the user wants files that are not logs to be searched for
    /// chunks of event logs, adds the bytes between the volumes as well.
    fn disk(&mut self, disk: &SharedSource, place: &ContainerPlace, row: Row) {
        let table = match Table::read(disk) {
            Ok(table) => table,
            Err(error) => return self.report(row).fail(ContainerStatus::Unreadable, error.to_string()),
        };
        for problem in &table.problems {
            let (offset, length, what) = (problem.offset, problem.length, problem.fault.to_string());
            self.report(row).add(ContainerProblem { offset, length, what });
        }
        for partition in &table.partitions {
            self.partition(disk, place, row, partition);
        }
        if self.search.non_log_files == NonLogFiles::Carve {
            for gap in table.gaps {
                let path = format!("{}!$Gap@{}", place.path, gap.start);
                let source = Slice::new(Arc::clone(disk), gap.start, gap.end - gap.start);
                self.carve(row, (path, place.inherited), Arc::new(source));
            }
        }
    }

    /// Explores a partition of a disk, or the only volume of a disk without a partition table. Only
    /// NTFS volumes are read. For another kind of volume, a row in the table of containers says why
    /// it is not read.
    fn partition(&mut self, disk: &SharedSource, place: &ContainerPlace, row: Row, partition: &Partition) {
        let Partition { name, start, size, purpose, kind } = partition;
        let volume: SharedSource = Arc::new(Slice::new(Arc::clone(disk), *start, *size));
        let path = if name.is_empty() { place.path.clone() } else { format!("{}!{name}", place.path) };
        let inner = ContainerPlace { path, ..*place };
        let (status, reason) = match (purpose, kind) {
            (Purpose::DynamicDisk | Purpose::StorageSpaces, _) => {
                (ContainerStatus::Unsupported, format!("{}: its volumes are not read", purpose.name()))
            }
            (_, Some(VolumeKind::Ntfs)) => return self.volume(&volume, &inner, !name.is_empty()),
            (Purpose::EfiSystem | Purpose::MicrosoftReserved, _) => {
                (ContainerStatus::NotLookedAt, format!("{}: Windows keeps no logs there", purpose.name()))
            }
            (_, None) => (ContainerStatus::Unreadable, "its first bytes cannot be read".to_owned()),
            (_, Some(VolumeKind::BitLocker)) => {
                let reason = "BitLocker encrypts the volume: it must be unlocked first";
                (ContainerStatus::Encrypted, reason.to_owned())
            }
            (_, Some(VolumeKind::Unknown)) if name.is_empty() => {
                let reason = "expected a partition table or an NTFS volume, found neither";
                self.report(row).fail(ContainerStatus::Unsupported, reason);
                return self.carve_volume(row, &inner, volume);
            }
            (_, Some(kind)) => {
                (ContainerStatus::Unsupported, format!("expected an NTFS volume, found {}", kind.name()))
            }
        };
        let kind = kind.map_or("volume", VolumeKind::name);
        let volume_row = self.begin(&inner, kind, *size);
        self.report(volume_row).fail(status, reason);
        self.carve_volume(volume_row, &inner, volume);
    }

    /// Adds the bytes of a volume that cannot be read as NTFS as a file that is searched for chunks
    /// of event logs, if the user wants files that are not logs to be searched.
    fn carve_volume(&mut self, row: Row, place: &ContainerPlace, volume: SharedSource) {
        if self.search.non_log_files == NonLogFiles::Carve {
            self.carve(row, (format!("{}!$Volume", place.path), place.inherited), volume);
        }
    }

    /// Adds bytes of a disk as a file that is searched for chunks of event logs. `path` names the
    /// bytes in the evidence. They do not count as a log of their container.
    pub(super) fn carve(&mut self, row: Row, (path, inherited): (String, Inherited), bytes: SharedSource) {
        let file = FoundFile {
            place: ContainerPlace { path, depth: 0, is_in_volume: true, inherited },
            name: b"",
            size: bytes.size(),
            content: Ok(bytes),
            origin: Origin::default(),
            problems: Vec::new(),
            same_as: None,
            folder: no_folder(),
        };
        self.handle(Handling::Read(FileForm::Carved), row, file);
        // These bytes are no log of the container.
        self.report(row).logs -= 1;
    }
}

/// Returns what an image states about itself, for the table of containers: the hashes of the disk,
/// and notes about where the image comes from, such as the case number.
fn statement(facts: ImageFacts) -> Statement {
    let notes = [
        ("case number", facts.case_number),
        ("evidence number", facts.evidence_number),
        ("description", facts.description),
        ("examiner", facts.examiner),
        ("notes", facts.notes),
        ("acquired, local time", facts.acquired_local),
    ];
    let notes = notes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Statement { host: None, md5: facts.stated_md5, sha1: facts.stated_sha1, notes }
}
