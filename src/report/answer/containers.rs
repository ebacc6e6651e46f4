//! The containers in the answer of a sweep (archives, disk images, volumes and shadow copies): how
//! many there are in each state. `run.json` lists those that could not be read.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::AnswerError;
use super::host::{UtcTime, kept};
use super::listed::Listed;
use crate::event::EventTime;
use crate::ledger::container::{ContainerStatus, SHADOW_COPY};
use crate::report::container_row::ContainerRow;
use crate::table::{ColumnOf, Row, TableId, Tables, Wanted};

/// The maximum number of days that are listed as days on which unread shadow copies were made.
const MOST_DATES: usize = 1000;
/// The number of ticks (intervals of 100 ns) in a day.
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;

/// What became of the archives, disk images, volumes and shadow copies in the evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Containers {
    /// The number of containers in each state, without shadow copies that were not looked at.
    pub statuses: Vec<StatusCount>,
    /// The number of shadow copies that were listed, but not read (without `--vss`).
    pub unread_shadow_copies: u64,
    /// The days (UTC) on which the shadow copies that were not read were made, each by its first
    /// instant.
    pub unread_shadow_days: Listed<UtcTime>,
}

/// A state of containers, such as `unreadable`, and how many containers are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusCount {
    /// How far the containers were read: `read`, `partly`, `unreadable` and so on.
    pub status: String,
    /// The number of containers in this state.
    pub containers: u64,
}

/// Reads from `containers.parquet` how many containers (archives, disk images, volumes and shadow
/// copies) are in each state; `None` if the output does not have this table.
pub(super) fn read(tables: &dyn Tables) -> Result<Option<Containers>, AnswerError> {
    if !tables.has(TableId::Containers) {
        return Ok(None);
    }
    let columns = ColumnOf::named(ContainerRow::COLUMNS, &["kind", "status", "created"]);
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut days: BTreeSet<EventTime> = BTreeSet::new();
    let mut found = Containers::default();
    let each = &mut |row: &Row<'_>| {
        let status = row.text("status").unwrap_or_default();
        let is_shadow_copy = row.text("kind").as_deref() == Some(SHADOW_COPY);
        if !is_shadow_copy || status != ContainerStatus::NotLookedAt.name() {
            *statuses.entry(kept(status)).or_default() += 1;
            return;
        }
        found.unread_shadow_copies += 1;
        if let Some(created) = row.time("created").filter(|_| days.len() < MOST_DATES) {
            let day = created.ticks().div_euclid(TICKS_PER_DAY) * TICKS_PER_DAY;
            days.insert(EventTime::from_ticks(day));
        }
    };
    tables
        .read(TableId::Containers, &columns, Wanted::All, each)
        .map_err(AnswerError::of(TableId::Containers))?;
    found.unread_shadow_days = Listed::first(days.into_iter().map(UtcTime), MOST_DATES);
    for status in ContainerStatus::ALL {
        let known = statuses.remove(status.name());
        let count = known.map(|containers| StatusCount { status: status.name().to_owned(), containers });
        found.statuses.extend(count);
    }
    Ok(Some(found))
}
