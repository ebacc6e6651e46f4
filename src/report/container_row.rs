//! The rows and columns of `containers.parquet`: the archives, disk images, volumes and shadow
//! copies that a sweep found in the evidence.

use crate::ledger::container::{ContainerPart, ContainerProblem, ContainerReport};
use crate::table::{Cell, ColumnOf, ColumnType, Scalar, cells};

/// A row of `containers.parquet`: a container (an archive, disk image, volume or shadow copy), and
/// the name of the piece of evidence that contains it.
#[derive(Debug)]
pub struct ContainerRow<'a> {
    evidence: &'a str,
    container: &'a ContainerReport,
}

impl<'a> ContainerRow<'a> {
    /// The columns of `containers.parquet`.
    pub const COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Integer, Records, Text, Time};
        &[
            ColumnOf::always(
                "evidence",
                Text,
                "name of the piece of evidence that the container belongs to",
                |row| Cell::text(row.evidence),
            ),
            ColumnOf::always(
                "source_path",
                Text,
                "path of the container from its root; for a container in another one, the path of that one, `!`, and the path there",
                |row| Cell::text(&row.container.source_path),
            ),
            ColumnOf::always(
                "kind",
                Text,
                "format of an archive (`zip`, `tar`, `gzip`, …), an image (`ewf`, `vhdx`, `raw`, …) or a volume (`ntfs`, `BitLocker`, …), or `shadow copy`",
                |row| Cell::text(&row.container.kind),
            ),
            ColumnOf::always(
                "status",
                Text,
                "`read`; `partly`: `problems` says what is missing; `unreadable`, `encrypted` (itself, or all logs in it) or `unsupported`: nothing in the container was read; `not looked at`: a shadow copy without `--vss`, or a partition in which Windows keeps no logs; `not read`: the sweep was interrupted",
                |row| Cell::text(row.container.status.name()),
            ),
            ColumnOf::always(
                "problems",
                Records(&[
                    ("offset", Scalar::Integer),
                    ("length", Scalar::Integer),
                    ("problem", Scalar::Text),
                ]),
                "what is wrong with the container: for each problem a range of bytes (of length 0 if the place is not known), what was expected and what was found; at most a thousand",
                |row| Cell::Records(row.container.problems.iter().map(problem_cells).collect()),
            ),
            ColumnOf::always("size", Integer, "size in bytes; of an image, that of the disk in it", |row| {
                Cell::count(row.container.size)
            }),
            ColumnOf::nullable(
                "sha256",
                Text,
                "with `--hash`, the SHA-256 of the container's file; null without `--hash`, for a container in another one, and for a volume or shadow copy",
                |row| Cell::optional(row.container.sha256.as_deref()),
            ),
            ColumnOf::always(
                "files",
                Integer,
                "number of files in an archive, volume or shadow copy, with deleted files that are read; 0 for an image",
                |row| Cell::count(row.container.files),
            ),
            ColumnOf::always(
                "logs",
                Integer,
                "number of these files that are read as logs: their rows are in `files.parquet`",
                |row| Cell::count(row.container.logs),
            ),
            ColumnOf::always(
                "parts",
                Records(&[("name", Scalar::Text), ("sha256", Scalar::OptionalText)]),
                "further files that the container consists of, such as segments of an image; with `--hash`, each with its SHA-256",
                |row| Cell::Records(row.container.parts.iter().map(part_cells).collect()),
            ),
            ColumnOf::nullable(
                "created",
                Time,
                "time at which the shadow copy or the image was made, as it states itself",
                |row| Cell::optional_time(row.container.created),
            ),
            ColumnOf::nullable(
                "stated_host",
                Text,
                "name of the host, as the archive's name, the collector or the shadow copy states it; `computer` in the other tables is what the records say",
                |row| Cell::optional(row.container.stated.host.as_deref()),
            ),
            ColumnOf::nullable(
                "stated_md5",
                Text,
                "MD5 of the disk, as the image states it; not compared with the disk",
                |row| Cell::optional(row.container.stated.md5.as_deref()),
            ),
            ColumnOf::nullable(
                "stated_sha1",
                Text,
                "SHA-1 of the disk, as the image states it; not compared with the disk",
                |row| Cell::optional(row.container.stated.sha1.as_deref()),
            ),
            ColumnOf::always(
                "stated",
                Records(&[("name", Scalar::Text), ("value", Scalar::Text)]),
                "what else the image states of itself: case number, examiner, notes, …",
                |row| Cell::Records(row.container.stated.notes.iter().map(note_cells).collect()),
            ),
        ]
    };

    /// Makes the row of a container (an archive, disk image, volume or shadow copy). `evidence` is
    /// the name of the piece of evidence that contains it.
    #[must_use]
    pub fn new(evidence: &'a str, container: &'a ContainerReport) -> Self {
        ContainerRow { evidence, container }
    }

    /// Returns the row's cells, in the order of [`ContainerRow::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        cells(Self::COLUMNS, self)
    }
}

fn problem_cells(problem: &ContainerProblem) -> Vec<Cell<'_>> {
    vec![Cell::count(problem.offset), Cell::count(problem.length), Cell::text(&problem.what)]
}

fn part_cells(part: &ContainerPart) -> Vec<Cell<'_>> {
    vec![Cell::text(&part.name), Cell::optional(part.sha256.as_deref())]
}

fn note_cells((name, value): &(String, String)) -> Vec<Cell<'_>> {
    vec![Cell::text(name), Cell::text(value)]
}
