//! Writes the tables of a sweep: matches, leads (queries of Windows' own DNS client that a
//! detection describes), queries and files while the evidence is read, and all other tables, for
//! example of hosts and containers, at the end. [`super::tables`] has the tables' metadata, and
//! finishes their files.

use std::collections::VecDeque;

use super::Observer;
use super::hits::UnitHits;
use super::queries::{QueryTable, UnitQueries};
use super::tables::{LastTable, metadata, sorted, write_last};
use crate::config::{Config, Partitions, Queries};
use crate::detect::StatsTable;
use crate::error::SweepError;
use crate::evidence::discover::Discovery;
use crate::ledger::container::ContainerReport;
use crate::output::{
    FILES_FILE, LEADS_FILE, MATCHES_FILE, OutputDirectory, OutputError, PARTITION_COLUMN, PARTITIONED,
    PartitionWriter, Partitioned, PendingSync, Table, TableWriter, WrittenTable,
};
use crate::report::{FileRow, HostNames, MatchRow, NamedHost, OutputRecord, ProcessRow};

use super::hits::HitTables;

/// The tables to which a sweep adds rows while it reads the evidence: those of matches, of leads
/// (queries of Windows' own DNS client that a detection describes), of files and, if asked for, of
/// all DNS queries.
pub(super) struct SweepTables<'a> {
    output: &'a OutputDirectory,
    config: &'a Config,
    metadata: Vec<(&'static str, String)>,
    matches: TableWriter,
    /// The table of leads (queries of Windows' own DNS client that a detection describes); `None`
    /// if leads are not looked for.
    leads: Option<TableWriter>,
    files: TableWriter,
    /// The table of all DNS queries; `None` if it is not written.
    queries: Option<QueryTable>,
}

/// The results for the tables that a sweep can write only at its end.
pub(super) struct LastResults<'r> {
    pub hosts: &'r [NamedHost],
    /// Each container with the name of its piece of evidence, which is usually what was collected
    /// from one machine.
    pub containers: &'r [(&'r str, &'r ContainerReport)],
    /// The processes of matches and their ancestors; `None` if they were not looked for.
    pub processes: Option<&'r [ProcessRow<'r>]>,
}

/// The tables that a sweep has written.
#[derive(Default)]
pub(super) struct FinishedTables {
    /// The record of each table for `run.json`: its file, rows, size and SHA-256.
    pub outputs: Vec<OutputRecord>,
    /// The record for `run.json` of each file of the tables that are divided by host.
    pub partitions: Vec<OutputRecord>,
    /// The files of tables that are still syncing to the disk.
    pub syncing: VecDeque<PendingSync>,
}

impl<'a> SweepTables<'a> {
    /// Creates the files of the tables to which rows are added while the evidence is read: those of
    /// matches, files and, if they are asked for, leads (queries of Windows' own DNS client that a
    /// detection describes) and all DNS queries.
    pub(super) fn begin(
        config: &'a Config,
        output: &'a OutputDirectory,
        tables: HitTables<'_>,
    ) -> Result<Self, OutputError> {
        let metadata = metadata(config);
        let create = |name: &str, table: &Table, sorted_by: &str| {
            TableWriter::create(&output.staged(name), table, &sorted(&metadata, sorted_by))
        };
        let matches_order =
            "evidence order: file, record_offset, detection; recovered ones last, in the same order";
        let matches = create(MATCHES_FILE, tables.matches, matches_order)?;
        let create_leads = |table| {
            let order = "evidence order: file, record_offset, detection";
            create(LEADS_FILE, table, order)
        };
        let leads = tables.leads.map(create_leads).transpose()?;
        let files =
            create(FILES_FILE, &Table::of(FileRow::COLUMNS), "evidence order: root as given, then path")?;
        let queries = (config.options.queries == Queries::All).then(|| QueryTable::new(output));
        Ok(SweepTables { output, config, metadata, matches, leads, files, queries })
    }

    /// Writes the rows of matches and of leads (queries of Windows' own DNS client that a detection
    /// describes) that were made for a unit of work (a block of a file), and takes them out of
    /// `hits`.
    pub(super) fn add_hits(&mut self, hits: &mut UnitHits) -> Result<(), OutputError> {
        if let Some(rows) = hits.matches.take() {
            self.matches.append(rows)?;
        }
        if let Some((writer, rows)) = self.leads.as_mut().zip(hits.leads.take()) {
            writer.append(rows)?;
        }
        Ok(())
    }

    /// Adds the DNS queries of a unit of work (a block of a file) to the table of all queries, if
    /// it is written.
    pub(super) fn add_queries(&mut self, queries: &UnitQueries) -> Result<(), OutputError> {
        self.queries.as_mut().map_or(Ok(()), |table| table.add(queries))
    }

    /// Writes the row of a file to the ledger (`files.parquet`).
    pub(super) fn add_file(&mut self, row: &FileRow<'_>) -> Result<(), OutputError> {
        self.files.push(&row.cells())
    }

    /// Closes the tables of matches, leads and files, and writes the tables that are known only at
    /// the end: hosts; DNS queries, containers and processes, if the sweep has a table of them; and
    /// the `stats` tables of detections. `stats` has each of these tables with the detection's id.
    /// `observer` gets the progress.
    pub(super) fn finish(
        self,
        discovery: &Discovery,
        last: &LastResults<'_>,
        stats: impl Iterator<Item = (StatsTable, &'a str)>,
        observer: &mut dyn Observer,
    ) -> Result<FinishedTables, SweepError> {
        let LastResults { hosts, containers, processes } = *last;
        let order = "computer in lower case, event_time, event_hash";
        let write = |queries: QueryTable| {
            let metadata = sorted(&self.metadata, order);
            queries.write(self.output, &metadata, self.config, discovery, observer)
        };
        let queries = self.queries.map(write).transpose()?;
        // Tables that were begun come first, because they take memory. Among them, the slowest come
        // first, so that the threads end at about the same time.
        let mut tables = vec![
            LastTable::Begun(MATCHES_FILE, self.matches.into()),
            LastTable::Begun(FILES_FILE, self.files.into()),
            LastTable::Hosts(hosts),
        ];
        tables.extend(self.leads.map(|writer| LastTable::Begun(LEADS_FILE, writer.into())));
        tables.extend((!containers.is_empty()).then_some(LastTable::Containers(containers)));
        tables.extend(processes.map(LastTable::Processes));
        tables.extend(stats.map(|(table, detection_id)| LastTable::Stats(table, detection_id)));
        let (mut outputs, mut syncing) = write_last(tables, self.output, &self.metadata, self.config)?;
        // `run.json` lists the ledger last.
        outputs.get_mut(1..).expect("files and hosts are written besides matches").rotate_left(1);
        if let Some((record, pending)) = queries {
            outputs.insert(1, record);
            syncing.push_back(pending);
        }
        let partitions = match self.config.partitions {
            Partitions::None => Vec::new(),
            Partitions::ByHost => by_host(self.output, &outputs, &self.metadata, hosts)?,
        };
        Ok(FinishedTables { outputs, partitions, syncing })
    }
}

/// Writes the matches, and the leads (queries of Windows' own DNS client that a detection
/// describes), once more, divided by host, from the finished tables in `outputs`. Returns the
/// record of each written file for `run.json`.
fn by_host(
    output: &OutputDirectory,
    outputs: &[OutputRecord],
    metadata: &[(&'static str, String)],
    hosts: &[NamedHost],
) -> Result<Vec<OutputRecord>, OutputError> {
    let names = HostNames::of(hosts);
    let mut writer = PartitionWriter::new(output);
    let [matches, leads] = PARTITIONED;
    for (folder, table, columns) in
        [(matches, MATCHES_FILE, MatchRow::COLUMNS), (leads, LEADS_FILE, MatchRow::LEAD_COLUMNS)]
    {
        if outputs.iter().any(|record| record.file == table) {
            let columns =
                columns.iter().map(|of| &of.column).filter(|column| column.name != PARTITION_COLUMN);
            writer.add(&Partitioned {
                table,
                folder,
                column: PARTITION_COLUMN,
                layout: &Table::new(columns),
                metadata: &sorted(metadata, &format!("as the rows of this host in {table}")),
                value: &|computer| names.get(computer).to_owned(),
            })?;
        }
    }
    let record = |(file, WrittenTable { rows, bytes, sha256 })| OutputRecord { file, rows, bytes, sha256 };
    Ok(writer.finish()?.into_iter().map(record).collect())
}
