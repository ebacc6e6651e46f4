//! JSON lines: an object for each row of a table, with the table's columns in their order. An
//! object has a field for every column: null if there is no value, and lists and structs as arrays
//! and objects. Times are RFC 3339 in UTC, with the microseconds of the table.

use super::json::Json;
use crate::table::{Cell, Column, ColumnType, Row, Scalar};

/// Makes the JSON object of a row, which becomes one of the JSON lines. The object has a field for
/// each of `columns`, which must be the row's columns; a cell without a value becomes null.
pub(in crate::report) fn line<'a>(columns: &'a [Column], row: &Row<'a>) -> Json<'a> {
    let fields = columns.iter().zip(row.cells());
    Json::Object(fields.map(|(column, cell)| (column.name.as_ref(), value(column.kind, cell))).collect())
}

/// Returns the JSON value of a cell in a column of this type.
pub(super) fn value(kind: ColumnType, cell: Cell<'_>) -> Json<'_> {
    match (cell, kind) {
        (Cell::Records(records), ColumnType::Records(fields)) => {
            Json::List(records.into_iter().map(|record| self::record(fields, record)).collect())
        }
        (cell, _) => simple(cell),
    }
}

fn record<'a>(fields: &'static [(&'static str, Scalar)], record: Vec<Cell<'a>>) -> Json<'a> {
    let values = fields.iter().map(|(name, _)| *name).zip(record.into_iter().map(simple));
    Json::Object(values.collect())
}

/// Returns the JSON value of a cell that is not a list of structs.
fn simple(cell: Cell<'_>) -> Json<'_> {
    match cell {
        Cell::Null | Cell::Records(_) => Json::Null,
        Cell::Text(text) => Json::Text(text),
        Cell::Integer(number) => Json::Integer(number),
        Cell::Boolean(truth) => Json::Boolean(truth),
        Cell::Time(time) => time.into(),
        Cell::Texts(texts) => Json::List(texts.into_iter().map(Json::Text).collect()),
    }
}
