//! The tables at the end of a sweep: the metadata of all tables, and the writing of those that are
//! known or finished only then. Several tables are written at a time. A test in this file fails if
//! the columns of any table change and the schema version does not.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use crate::base::in_order::in_order;
use crate::config::{Config, LoadedDetection};
use crate::detect::{StatsColumn, StatsKind, StatsPart, StatsTable, StatsValue};
use crate::ledger::container::ContainerReport;
use crate::output::{
    CONTAINERS_FILE, HOSTS_FILE, OutputDirectory, OutputError, PROCESSES_FILE, PendingSync, Rows, Table,
    TableWriter, WrittenTable, stats_file,
};
use crate::report::{ContainerRow, HostRow, NamedHost, OutputRecord, ProcessRow};
use crate::table::{Cell, Column, ColumnType, Nulls, SortedBy, Storage};

/// The weight of a table when the last tables are divided among threads, which take work in batches
/// of limited weight. With this weight, each table is a batch of its own, so that a thread that is
/// free can begin with the next table.
const WEIGHT: u64 = 1 << 20;
/// The number of rows of a detection's `stats` table that are made at once. There can be as many
/// rows as matches, so not all are kept in memory.
const PART_ROWS: usize = 4096;
/// The number of tables that may be syncing to the disk while the next table is written.
const MOST_SYNCING: usize = 8;

/// A table that is written or finished only when all evidence was read.
pub(super) enum LastTable<'a> {
    /// A table that was begun while the evidence was read. Contains its file name and its writer.
    Begun(&'static str, Box<TableWriter>),
    /// The table of hosts. Contains the hosts.
    Hosts(&'a [NamedHost]),
    /// The table of containers. Contains each container with the name of its piece of evidence,
    /// which is usually what was collected from one machine.
    Containers(&'a [(&'a str, &'a ContainerReport)]),
    /// The table of processes. Contains its rows.
    Processes(&'a [ProcessRow<'a>]),
    /// The result of the command `stats` (of Splunk's search language) in a detection's search.
    /// Contains the result and the detection's id.
    Stats(StatsTable, &'a str),
}

/// Writes the last tables of a sweep on several threads. Returns what `run.json` says about each
/// table (its file, rows, size and SHA-256), in the order of `tables`, and the files that are still
/// syncing to the disk.
pub(super) fn write_last(
    tables: Vec<LastTable<'_>>,
    output: &OutputDirectory,
    metadata: &[(&'static str, String)],
    config: &Config,
) -> Result<(Vec<OutputRecord>, VecDeque<PendingSync>), OutputError> {
    let mut records = Vec::with_capacity(tables.len());
    let mut syncing = VecDeque::new();
    in_order(
        config.threads,
        tables.into_iter(),
        |_| WEIGHT,
        |table| table.write(output, metadata, config),
        |written| {
            let (record, table) = written?;
            records.push(record);
            syncing.push_back(table);
            if syncing.len() > MOST_SYNCING {
                syncing.pop_front().map_or(Ok(()), PendingSync::wait)
            } else {
                Ok(())
            }
        },
    )?;
    Ok((records, syncing))
}

impl LastTable<'_> {
    fn write(
        self,
        output: &OutputDirectory,
        metadata: &[(&'static str, String)],
        config: &Config,
    ) -> Result<(OutputRecord, PendingSync), OutputError> {
        let (file, writer) = match self {
            LastTable::Begun(file, writer) => (file.to_owned(), *writer),
            LastTable::Hosts(hosts) => {
                let file = HOSTS_FILE.to_owned();
                let metadata = sorted(metadata, "computer, without a name last");
                let table = Table::of(HostRow::COLUMNS).sorted_by(&[SortedBy::ascending(0)]);
                let mut writer = TableWriter::create(&output.staged(&file), &table, &metadata)?;
                for (computer, host) in hosts {
                    writer.push(&HostRow::new(computer.as_deref(), host).cells())?;
                }
                (file, writer)
            }
            LastTable::Containers(containers) => {
                let file = CONTAINERS_FILE.to_owned();
                let metadata =
                    sorted(metadata, "evidence order: root as given, then path, then place in its container");
                let table = Table::of(ContainerRow::COLUMNS);
                let mut writer = TableWriter::create(&output.staged(&file), &table, &metadata)?;
                for (evidence, container) in containers {
                    writer.push(&ContainerRow::new(evidence, container).cells())?;
                }
                (file, writer)
            }
            LastTable::Processes(processes) => {
                let file = PROCESSES_FILE.to_owned();
                let metadata = sorted(metadata, "computer in lower case, then process_guid");
                let table = Table::of(ProcessRow::COLUMNS);
                let mut writer = TableWriter::create(&output.staged(&file), &table, &metadata)?;
                for process in processes {
                    writer.push(&process.cells())?;
                }
                (file, writer)
            }
            LastTable::Stats(stats, detection_id) => {
                let file = stats_file(detection_id);
                let mut metadata = sorted(&of_detection(metadata, config, detection_id), stats.row_order());
                let reason = stats.empty_because().map(|reason| ("dnsweep.empty_because", reason.to_owned()));
                metadata.extend(reason);
                let columns: Vec<Column> = stats.columns().map(stats_column).collect();
                let table = Table::new(&columns).sorted_by(&stats.sorted_by());
                let mut writer = TableWriter::create(&output.staged(&file), &table, &metadata)?;
                // Most of these tables are small, and there can be thousands.
                let threads = if stats.row_count() > PART_ROWS { config.threads } else { NonZeroUsize::MIN };
                let rows = |part| stats_rows(part, &table);
                let parts = stats.into_parts(PART_ROWS);
                in_order(threads, parts, |_| WEIGHT, rows, |rows| writer.append(rows?))?;
                (file, writer)
            }
        };
        let (WrittenTable { rows, bytes, sha256 }, syncing) = writer.finish()?;
        Ok((OutputRecord { file, rows, bytes, sha256 }, syncing))
    }
}

/// Returns the key-value metadata that every table of an output has: versions, the SHA-256 of
/// what the sweep looks for, and the detections.
pub(super) fn metadata(config: &Config) -> Vec<(&'static str, String)> {
    let ids: Vec<&str> = config.detections.iter().map(|loaded| loaded.detection.id.as_str()).collect();
    vec![
        ("dnsweep.schema_version", SCHEMA_VERSION.to_string()),
        ("dnsweep.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("dnsweep.looked_for_sha256", config.inputs(&[]).looked_for_sha256()),
        (DETECTION_IDS, ids.join(" ")),
        (DETECTIONS, detections(config.detections.iter())),
    ]
}

/// The key, in the metadata of a table's Parquet file, for the ids of the detections.
const DETECTION_IDS: &str = "dnsweep.detection_ids";
/// The key, in the metadata of a table's Parquet file, for the ids, versions and hashes of the
/// detections.
const DETECTIONS: &str = "dnsweep.detections";

/// Returns the ids, versions and hashes of detections, as a JSON array.
fn detections<'d>(detections: impl Iterator<Item = &'d LoadedDetection>) -> String {
    let described = |loaded: &LoadedDetection| {
        let (id, version) = (&loaded.detection.id, &loaded.detection.version);
        json!({"id": id, "version": version, "sha256": loaded.sha256})
    };
    detections.map(described).collect::<Value>().to_string()
}

/// Returns the metadata of the `stats` table of the detection with the id `id`. It names only that
/// detection, because there can be thousands of detections, each with a table.
fn of_detection(
    metadata: &[(&'static str, String)],
    config: &Config,
    id: &str,
) -> Vec<(&'static str, String)> {
    let own = config.detections.iter().filter(|loaded| loaded.detection.id == id);
    let value = |key: &str, value: &String| match key {
        DETECTION_IDS => id.to_owned(),
        DETECTIONS => detections(own.clone()),
        _ => value.clone(),
    };
    metadata.iter().map(|(key, all)| (*key, value(key, all))).collect()
}

/// Returns a table's key-value metadata, extended by a description of how the table's rows are
/// sorted.
pub(super) fn sorted(metadata: &[(&'static str, String)], by: &str) -> Vec<(&'static str, String)> {
    metadata.iter().cloned().chain([("dnsweep.sorted_by", by.to_owned())]).collect()
}

fn stats_column(column: &StatsColumn) -> Column {
    let (kind, nulls) = match column.kind() {
        StatsKind::Text => (ColumnType::Text, Nulls::Possible),
        StatsKind::Integer => (ColumnType::Integer, Nulls::Possible),
        StatsKind::Time => (ColumnType::Time, Nulls::Possible),
        StatsKind::TextList => (ColumnType::Texts, Nulls::Never),
    };
    Column { name: column.name().to_owned().into(), kind, nulls, about: "", storage: Storage::default() }
}

/// Makes the rows of `part`, some consecutive rows of a detection's `stats` table. `table` is the
/// layout of that table.
fn stats_rows(part: StatsPart, table: &Table) -> Result<Rows, OutputError> {
    let part = part.into_rows();
    let mut rows = table.rows(part.len());
    for row in part {
        rows.push(row.into_iter().map(stats_cell).collect())?;
    }
    Ok(rows)
}

fn stats_cell(value: StatsValue) -> Cell<'static> {
    match value {
        StatsValue::Null => Cell::Null,
        StatsValue::Text(text) => Cell::text(text),
        StatsValue::Integer(number) => Cell::Integer(number),
        StatsValue::Time(time) => Cell::Time(time),
        StatsValue::List(texts) => Cell::Texts(texts.into_iter().map(Into::into).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256;
    use crate::report::{FileRow, MatchRow};
    use crate::table::ColumnOf;

    /// The schema version, and the digest of all columns in this version.
    const LAYOUT: (u32, &str) = (3, "e790d81d53472b2ff2f0d0a0f287e835da769b8ce6c0d8e7a5e1c7d88c629fd7");

    fn columns<R>(table: &str, columns: &[ColumnOf<R>]) -> String {
        let lines = columns.iter().map(|ColumnOf { column, .. }| {
            format!("{table} {} {:?} {:?}\n", column.name, column.kind, column.nulls)
        });
        lines.collect()
    }

    #[test]
    fn the_schema_version_changes_with_the_columns() {
        let all = [
            columns("matches", MatchRow::COLUMNS),
            columns("leads", MatchRow::LEAD_COLUMNS),
            columns("hosts", HostRow::COLUMNS),
            columns("files", FileRow::COLUMNS),
            columns("containers", ContainerRow::COLUMNS),
            columns("processes", ProcessRow::COLUMNS),
            columns("queries", MatchRow::QUERY_COLUMNS),
        ]
        .concat();
        let digest = sha256(all.as_bytes());
        assert_eq!(
            (SCHEMA_VERSION, digest.as_str()),
            LAYOUT,
            "a column's name, type or nullability changed: raise SCHEMA_VERSION, and write the new version and digest \
             here (once for all changes since the last release); the columns are now\n{all}"
        );
    }
}
