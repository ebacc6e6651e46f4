//! The rows of `stats` tables that are about one host. A `stats` table is what the command `stats`
//! in a detection's search makes: the detection's matches, grouped and counted.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::AnswerError;
use super::host::{HostInDetail, UtcTime, host_key, kept};
use super::listed::Listed;
use crate::report::run::Run;
use crate::table::{Cell, Column, ColumnType, Row, TableId, Tables, Wanted};

/// The names that detections give to the column with the host's name (Computer) in a `stats` table.
/// If a table has several of these columns, the first in this order is used.
const HOST_COLUMNS: [&str; 7] =
    ["dest", "Computer", "computer", "dvc", "host", "ComputerName", "dest_nt_host"];

/// The rows of a detection's `stats` table that are about one host. The command `stats` in the
/// detection's search makes this table: the matches, grouped and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostGroups {
    /// The detection's id.
    pub detection_id: String,
    /// The names of the columns of the detection's `stats` table.
    pub columns: Vec<String>,
    /// The table's rows about the host: a value for each column.
    pub rows: Listed<Vec<GroupValue>>,
}

/// A value in a row of a detection's `stats` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum GroupValue {
    /// A whole number, such as a count.
    Number(i64),
    /// A point in time.
    Time(UtcTime),
    /// A text, as logged or as the detection computes it.
    Text(String),
    /// A list of distinct texts.
    Texts(Vec<String>),
    /// No value, or a value of a type that is not shown.
    Null,
}

/// Adds to each of `hosts` the rows about it from all detections' `stats` tables (matches, grouped
/// and counted): at most `most` rows for each host. Further rows are only counted.
pub(super) fn read(
    tables: &dyn Tables,
    run: &Run,
    mut hosts: Vec<&mut HostInDetail>,
    most: usize,
) -> Result<(), AnswerError> {
    let mut places = HashMap::new();
    for (place, host) in hosts.iter().enumerate() {
        if let Some(computer) = host.facts.computer.as_deref().filter(|_| host.matches.all > 0) {
            places.insert(host_key(computer), place);
        }
    }
    for detection in run.detections.iter().filter(|detection| detection.matches > 0) {
        let table = TableId::Stats(&detection.id);
        if !tables.has(table) {
            continue;
        }
        let columns = tables.columns(table).map_err(AnswerError::of(table))?;
        let Some(of_host) = HOST_COLUMNS.into_iter().find(|name| is_text(&columns, name)) else { continue };
        let shown: Vec<&Column> = columns.iter().collect();
        let each = &mut |row: &Row<'_>| {
            let place = row.text(of_host).and_then(|computer| places.get(&host_key(&computer)));
            let Some(host) = place.and_then(|place| hosts.get_mut(*place)) else { return };
            add(host, &detection.id, &shown, row, most);
        };
        tables.read(table, &shown, Wanted::All, each).map_err(AnswerError::of(table))?;
    }
    Ok(())
}

fn is_text(columns: &[Column], name: &str) -> bool {
    columns.iter().any(|column| column.name == name && column.kind == ColumnType::Text)
}

/// Adds to a host a row about it from the `stats` table of the detection `id`. If the host already
/// has `most` rows, of all detections together, the row is only counted.
fn add(host: &mut HostInDetail, id: &str, columns: &[&Column], row: &Row<'_>, most: usize) {
    let groups = &mut host.matches.groups;
    let before: usize = groups.iter().map(|known| known.rows.items.len()).sum();
    if groups.last().is_none_or(|known| known.detection_id != id) {
        groups.push(HostGroups {
            detection_id: id.to_owned(),
            columns: columns.iter().map(|column| kept(column.name.as_ref().into())).collect(),
            rows: Listed::default(),
        });
    }
    let Some(known) = groups.last_mut() else { return };
    let left = most.saturating_sub(before) + known.rows.items.len();
    known.rows.add(left, || row.cells().map(value).collect());
}

fn value(cell: Cell<'_>) -> GroupValue {
    match cell {
        Cell::Text(text) => GroupValue::Text(kept(text)),
        Cell::Integer(number) => GroupValue::Number(number),
        Cell::Time(time) => GroupValue::Time(UtcTime(time)),
        Cell::Texts(texts) => GroupValue::Texts(texts.into_iter().map(kept).collect()),
        Cell::Null | Cell::Boolean(_) | Cell::Records(_) => GroupValue::Null,
    }
}
