//! The names by which a user chooses a table of an output, and how the table of a name is found.

use std::fmt;

use crate::base::sentence::sentence;
use crate::config::{Context, Leads, Queries};
use crate::report::run::Run;
use crate::table::TableId;

sentence! {
    /// The error for a name, stated by the user, that stands for no table of the output. Its text
    /// says why, and what to do.
    pub struct NoTable;
}

/// The name of a table of an output, as the user states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TableName {
    /// The table of matches.
    #[default]
    Matches,
    /// The table of the hosts in the evidence.
    Hosts,
    /// The table of leads (queries of Windows' own DNS client that a detection describes).
    Leads,
    /// The table of the files of the evidence, which is also called the ledger.
    Files,
    /// The table of containers: archives, disk images, volumes and shadow copies.
    Containers,
    /// The table of the processes that made matching queries, and of their ancestors.
    Processes,
    /// The table of all DNS queries, whether a detection describes them or not.
    Queries,
    /// The table that the command `stats` in a detection's search makes. Contains the detection's
    /// id; `None` stands for the only detection that has a table of its own.
    Stats(Option<String>),
}

impl TableName {
    /// The names of all tables, as the user states them.
    const NAMES: &str =
        "matches, hosts, leads, files, containers, processes, queries, stats, or stats/ID for one detection";

    /// Parses the name of a table that the user stated, such as `matches` or `stats/ID`. The name
    /// of the table's file, such as `matches.parquet`, is accepted, too.
    pub fn parse(name: &str) -> Result<Self, NoTable> {
        let plain = name.strip_suffix(".parquet").unwrap_or(name);
        match plain {
            "matches" => Ok(TableName::Matches),
            "hosts" => Ok(TableName::Hosts),
            "leads" => Ok(TableName::Leads),
            "files" => Ok(TableName::Files),
            "containers" => Ok(TableName::Containers),
            "processes" => Ok(TableName::Processes),
            "queries" => Ok(TableName::Queries),
            "stats" => Ok(TableName::Stats(None)),
            _ => match plain.strip_prefix("stats/") {
                Some(id) if !id.is_empty() => Ok(TableName::Stats(Some(id.to_owned()))),
                _ => Err(format!("expected {}", Self::NAMES).into()),
            },
        }
    }

    /// Returns the table with this name. It is an error if the sweep did not write the table;
    /// `run.json` lists those that it wrote.
    pub fn find<'t>(&'t self, run: &'t Run) -> Result<TableId<'t>, NoTable> {
        let table = match self {
            TableName::Matches => TableId::Matches,
            TableName::Hosts => TableId::Hosts,
            TableName::Leads => TableId::Leads,
            TableName::Files => TableId::Files,
            TableName::Containers => TableId::Containers,
            TableName::Processes => TableId::Processes,
            TableName::Queries => TableId::Queries,
            TableName::Stats(id) => stats(id.as_deref(), run)?,
        };
        let file = table.to_string();
        let is_written = run.outputs.iter().any(|record| record.file == file);
        if is_written { Ok(table) } else { Err(absent(table, run).into()) }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableName::Matches => f.write_str("matches"),
            TableName::Hosts => f.write_str("hosts"),
            TableName::Leads => f.write_str("leads"),
            TableName::Files => f.write_str("files"),
            TableName::Containers => f.write_str("containers"),
            TableName::Processes => f.write_str("processes"),
            TableName::Queries => f.write_str("queries"),
            TableName::Stats(None) => f.write_str("stats"),
            TableName::Stats(Some(id)) => write!(f, "stats/{id}"),
        }
    }
}

/// Returns the table that the command `stats` makes in the search of the detection `id`. Without an
/// id, returns the table of the only detection that has one; it is an error if several have one.
fn stats<'t>(id: Option<&'t str>, run: &'t Run) -> Result<TableId<'t>, NoTable> {
    let files = run.outputs.iter().map(|record| record.file.as_str());
    let ids: Vec<&str> =
        files.filter_map(|file| file.strip_prefix("stats/")?.strip_suffix(".parquet")).collect();
    match (id, ids.as_slice()) {
        (None, []) => Err("no detection of this sweep has a stats command".to_owned().into()),
        (None, [only]) => Ok(TableId::Stats(only)),
        (None, _) => Err(format!("several detections have one: choose {}", choices(&ids)).into()),
        (Some(id), _) if ids.contains(&id) => Ok(TableId::Stats(id)),
        (Some(_), []) => Err("no detection of this sweep has a stats command".to_owned().into()),
        (Some(_), _) => {
            Err(format!("expected the id of a detection of this sweep: {}", choices(&ids)).into())
        }
    }
}

/// Returns, for a message, the first few names among which the user can choose: those of the
/// `stats` tables of the detections `ids`.
fn choices(ids: &[&str]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = ids.iter().take(MOST).map(|id| format!("stats/{id}")).collect();
    let rest = ids.len().saturating_sub(MOST);
    if rest == 0 { shown.join(", ") } else { format!("{}, or one of {rest} more", shown.join(", ")) }
}

/// Returns an error message that says why a sweep did not write a table, and what to do.
fn absent(table: TableId<'_>, run: &Run) -> String {
    match table {
        TableId::Leads if run.options.leads == Leads::None => {
            "this sweep did not look for leads: sweep with --dns-client".to_owned()
        }
        TableId::Processes if run.options.context == Context::None => {
            "this sweep did not look for processes: sweep with --context".to_owned()
        }
        TableId::Queries if run.options.queries == Queries::Matches => {
            "this sweep did not write all queries: sweep with --queries".to_owned()
        }
        TableId::Containers => {
            "this sweep opened no archive or disk image, or found none: there is no such table".to_owned()
        }
        _ => format!("run.json lists no {table}: dnsweep verify says what differs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::run::OutputRecord;

    fn run(files: &[&str]) -> Run {
        let record =
            |file: &&str| OutputRecord { file: (*file).to_owned(), rows: 0, bytes: 0, sha256: String::new() };
        Run { outputs: files.iter().map(record).collect(), ..Run::default() }
    }

    #[test]
    fn names_are_understood_with_and_without_the_ending() {
        for name in
            ["matches", "hosts", "leads", "files", "containers", "processes", "queries", "stats", "stats/a-b"]
        {
            assert_eq!(TableName::parse(name).unwrap().to_string(), name);
            assert_eq!(TableName::parse(&format!("{name}.parquet")), TableName::parse(name));
        }
        for name in ["", "match", "stats/", "Matches", "run.json", "../matches"] {
            assert!(TableName::parse(name).unwrap_err().to_string().contains("expected matches, hosts"));
        }
    }

    #[test]
    fn a_table_that_is_not_there_is_named_with_the_reason() {
        let error = |name: &str, files: &[&str]| {
            TableName::parse(name).unwrap().find(&run(files)).unwrap_err().to_string()
        };
        assert!(error("leads", &["matches.parquet"]).contains("--dns-client"));
        assert!(error("processes", &["matches.parquet"]).contains("--context"));
        assert!(error("queries", &["matches.parquet"]).contains("--queries"));
        assert!(error("containers", &[]).contains("no archive"));
        assert!(error("matches", &[]).contains("run.json lists no matches.parquet"));
        assert!(error("stats", &["hosts.parquet"]).contains("no detection"));
        assert!(error("stats/x", &["stats/a.parquet"]).contains("stats/a"));
        let both = ["stats/a.parquet", "stats/b.parquet"];
        assert!(error("stats", &both).contains("choose stats/a, stats/b"));
        let found = |name: &str, files: &[&str]| {
            TableName::parse(name).unwrap().find(&run(files)).unwrap().to_string()
        };
        assert_eq!(found("stats", &["stats/a.parquet"]), "stats/a.parquet");
        assert_eq!(found("stats/b", &both), "stats/b.parquet");
        assert_eq!(found("leads", &["leads.parquet"]), "leads.parquet");
    }
}
