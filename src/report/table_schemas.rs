//! The columns of all tables, as documents that people and programs read. The documents are made
//! from the declarations of columns that also serve to write the tables.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{ContainerRow, FileRow, HostRow, MatchRow, ProcessRow};
use crate::table::{Column, ColumnOf, ColumnType, Nulls, Scalar};

/// A table of the output as documents describe it: its file name, what each of its rows is, and its
/// columns.
type DescribedTable = (&'static str, &'static str, Vec<&'static Column>);

/// Returns all tables whose columns do not depend on a detection, in the order in which the guide
/// describes them.
fn tables() -> [DescribedTable; 7] {
    fn columns<R>(all: &'static [ColumnOf<R>]) -> Vec<&'static Column> {
        all.iter().map(|of| &of.column).collect()
    }
    [
        ("matches.parquet", "an event that a detection describes", columns(MatchRow::COLUMNS)),
        ("hosts.parquet", "a computer, or a piece of evidence without one", columns(HostRow::COLUMNS)),
        ("files.parquet", "a file of the evidence", columns(FileRow::COLUMNS)),
        (
            "containers.parquet",
            "an archive, disk image, volume or shadow copy",
            columns(ContainerRow::COLUMNS),
        ),
        ("leads.parquet", "a query of Windows' own DNS client", columns(MatchRow::LEAD_COLUMNS)),
        (
            "processes.parquet",
            "a process that made a matching query, or an ancestor of one",
            columns(ProcessRow::COLUMNS),
        ),
        ("queries.parquet", "a DNS query that Sysmon logged", columns(MatchRow::QUERY_COLUMNS)),
    ]
}

/// Returns the columns of all tables as a JSON document. `schema_version` is the version of the
/// tables' layout.
#[must_use]
pub fn tables_as_json(schema_version: u32) -> String {
    let column = |column: &&Column| {
        json!({
            "name": column.name,
            "type": kind(column.kind),
            "nullable": column.nulls == Nulls::Possible,
            "about": column.about,
        })
    };
    let table = |(file, row, columns): &DescribedTable| json!({"file": file, "row": row, "columns": columns.iter().map(column).collect::<Vec<_>>()});
    let tables: Vec<Value> = tables().iter().map(table).collect();
    let document = json!({"schema_version": schema_version, "tables": tables});
    format!("{document:#}\n")
}

/// Returns a column's type as the JSON document of all tables names it: a name such as `int64` or,
/// for lists, an object.
fn kind(kind: ColumnType) -> Value {
    let scalar = |scalar: Scalar| match scalar {
        Scalar::Text => ("text", false),
        Scalar::OptionalText => ("text", true),
        Scalar::Integer => ("int64", false),
        Scalar::Boolean => ("boolean", false),
        Scalar::Time => ("timestamp[us, UTC]", true),
    };
    match kind {
        ColumnType::Text => json!("text"),
        ColumnType::Integer => json!("int64"),
        ColumnType::Boolean => json!("boolean"),
        ColumnType::Time => json!("timestamp[us, UTC]"),
        ColumnType::Texts => json!({"list": "text"}),
        ColumnType::Records(fields) => {
            let field = |(name, kind): &(&str, Scalar)| {
                let (kind, nullable) = scalar(*kind);
                json!({"name": name, "type": kind, "nullable": nullable})
            };
            json!({"list": {"struct": fields.iter().map(field).collect::<Vec<_>>()}})
        }
    }
}

/// Returns the columns of all tables in Markdown. `schema_version` is the version of the tables'
/// layout.
#[must_use]
pub fn tables_as_markdown(schema_version: u32) -> String {
    let mut text = format!("# Tables, schema version {schema_version}\n");
    for (file, row, columns) in tables() {
        let _ = write!(text, "\n## {file}\n\nEach row is {row}.\n\n{}", columns_as_markdown(columns));
    }
    text
}

/// Returns columns as a table in Markdown: name, type and meaning.
#[must_use]
pub fn columns_as_markdown<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    let mut table = "| column | type | what it is |\n|---|---|---|\n".to_owned();
    for column in columns {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| `{}` | {} | {} |", column.name, column.type_name(), column.about);
    }
    table
}
