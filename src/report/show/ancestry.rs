//! The process of an event and its ancestors, read from `processes.parquet`.
//!
//! The table is read twice: first a few columns of all rows, and then the rows of the processes
//! that are shown. Memory grows with the number of processes of the hosts of the shown events.

use std::collections::{HashMap, HashSet};

use super::event::{FieldsOfEvent, ShownEvent, ShownField};
use super::selection::columns_of;
use crate::event::Guid;
use crate::report::answer::{AnswerError, SHOWN, TreeProcess, count_matches, host_key, name_parents};
use crate::report::process::ProcessRow;
use crate::table::{ColumnOf, Row, TableId, Tables, Wanted};

/// The maximum number of processes of a tree: a process and its 16 ancestors. Older ancestors are
/// left out.
const MOST_PROCESSES: usize = 17;

/// Identifies a process: by its host's name, as made by [`host_key`], and its GUID.
type Key = (String, Guid);

/// The processes that made the queries of the shown events or were created in them, and the
/// ancestors of these processes.
pub(super) struct Ancestry {
    /// Each process, with all columns of its row in `processes.parquet`. `None` if the output does
    /// not have this table.
    processes: Option<HashMap<Key, (TreeProcess, FieldsOfEvent)>>,
}

/// The number, from 0, of a process's row in `processes.parquet`, and the GUID of the process that
/// started it (`parent`), which is `None` if that GUID is not known.
#[derive(Clone, Copy)]
struct Place {
    row: u64,
    parent: Option<Guid>,
}

impl Ancestry {
    /// Reads the processes that made the queries of `events` or were created in them, and their
    /// ancestors.
    pub(super) fn read(tables: &dyn Tables, events: &[ShownEvent]) -> Result<Self, AnswerError> {
        if !tables.has(TableId::Processes) {
            return Ok(Ancestry { processes: None });
        }
        let places = places(tables, events)?;
        let mut wanted: HashMap<u64, Key> = HashMap::new();
        for event in events {
            for key in line(event, |key| places.get(key)?.parent) {
                wanted.extend(places.get(&key).map(|place| (place.row, key)));
            }
        }
        let mut processes = rows(tables, &wanted)?;
        let counted = processes.iter_mut().map(|(key, (process, _))| (key.clone(), process)).collect();
        count_matches(tables, counted)?;
        Ok(Ancestry { processes: Some(processes) })
    }

    /// Returns true if the output has the table `processes.parquet`: if the sweep looked for
    /// processes (`--context`).
    pub(super) fn is_known(&self) -> bool {
        self.processes.is_some()
    }

    /// Adds to an event its process and the process's ancestors, the oldest first.
    pub(super) fn give_tree(&self, event: &mut ShownEvent) {
        let Some(processes) = &self.processes else { return };
        let parent = |key: &Key| {
            let (process, _) = processes.get(key)?;
            process.parent_process_guid.as_deref().and_then(Guid::parse)
        };
        let line = line(event, parent);
        event.process = line.first().and_then(|own| processes.get(own)).map(|(_, fields)| fields.clone());
        let known = line.iter().rev().filter_map(|key| processes.get(key));
        let mut tree: Vec<TreeProcess> = known.map(|(process, _)| process.clone()).collect();
        for (process, level) in tree.iter_mut().zip(0..) {
            process.level = level;
        }
        name_parents(&mut tree);
        event.process_tree = tree;
    }
}

/// Returns the process of an event and its ancestors, the process first: at most
/// [`MOST_PROCESSES`]. `parent` returns the GUID of a process's parent. GUIDs in forged logs can
/// make a process its own ancestor, so the line ends before a process that it already contains.
fn line(event: &ShownEvent, parent: impl Fn(&Key) -> Option<Guid>) -> Vec<Key> {
    let computer = host_key(event.computer());
    let mut seen = HashSet::new();
    let own = event.process_guid().map(|guid| (computer.clone(), guid));
    std::iter::successors(own, |key| parent(key).map(|parent| (computer.clone(), parent)))
        .take(MOST_PROCESSES)
        .take_while(|(_, guid)| seen.insert(*guid))
        .collect()
}

/// Returns the row and the parent of each process in `processes.parquet` that ran on a host of
/// `events`.
fn places(tables: &dyn Tables, events: &[ShownEvent]) -> Result<HashMap<Key, Place>, AnswerError> {
    let hosts: HashSet<String> = events.iter().map(|event| host_key(event.computer())).collect();
    let mut places = HashMap::new();
    let columns = ColumnOf::named(ProcessRow::COLUMNS, &["computer", "process_guid", "parent_process_guid"]);
    let guid = |row: &Row<'_>, column| row.text(column).as_deref().and_then(Guid::parse);
    let each = &mut |row: &Row<'_>| {
        let host = host_key(&row.text("computer").unwrap_or_default());
        if let Some(process) = guid(row, "process_guid").filter(|_| hosts.contains(&host)) {
            let parent = guid(row, "parent_process_guid");
            places.insert((host, process), Place { row: row.number(), parent });
        }
    };
    let failed = AnswerError::of(TableId::Processes);
    tables.read(TableId::Processes, &columns, Wanted::All, each).map_err(failed)?;
    Ok(places)
}

/// Reads the rows of `processes.parquet` whose numbers are the keys of `wanted`. Returns each
/// process with all columns of its row.
fn rows(
    tables: &dyn Tables,
    wanted: &HashMap<u64, Key>,
) -> Result<HashMap<Key, (TreeProcess, FieldsOfEvent)>, AnswerError> {
    let mut numbers: Vec<u64> = wanted.keys().copied().collect();
    numbers.sort_unstable();
    let columns = columns_of(TableId::Processes);
    debug_assert!(SHOWN.iter().all(|name| columns.iter().any(|column| column.name == *name)));
    let mut processes = HashMap::new();
    let each = &mut |row: &Row<'_>| {
        let Some(key) = wanted.get(&row.number()) else { return };
        let fields = columns.iter().zip(row.cells());
        let fields = fields.map(|(column, cell)| ShownField { column, cell: cell.into_owned() }).collect();
        processes.insert(key.clone(), (TreeProcess::of(row, 0), FieldsOfEvent(fields)));
    };
    let failed = AnswerError::of(TableId::Processes);
    tables.read(TableId::Processes, &columns, Wanted::These(&numbers), each).map_err(failed)?;
    Ok(processes)
}
