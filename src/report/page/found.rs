//! A row of the table of matches, as the page needs it: with texts as numbers.

use std::borrow::Cow;
use std::collections::HashMap;

use super::groups::Place;
use super::room::Earliest;
use super::texts::{SetId, Sets, TextId, Texts};
use crate::base::fast_map::FastMap;
use crate::event::EventTime;
use crate::report::answer::{HostInDetail, host_key};
use crate::table::{Cell, Row};

/// The columns of the table of matches that the page reads, in the order in which
/// [`FoundReader::read`] takes their cells.
const COLUMNS: [&str; 21] = [
    "duplicate",
    "excluded_by",
    "recovered",
    "event_time",
    "event_record_id",
    "record_offset",
    "snapshot_time",
    "deleted_file",
    "computer",
    "evidence",
    "source_path",
    "detection_id",
    "integrity",
    "recovered_from",
    "image",
    "process_name",
    "query_name",
    "query_status",
    "query_results",
    "user",
    PATTERNS,
];
/// The column with the patterns for the queried name.
const PATTERNS: &str = "matched_query";
/// A further column, which is read only if a detection groups by it, because nearly every row has
/// another value in it.
const PROCESS_GUID: &str = "process_guid";
/// The number of columns from `computer` to `user`, each with a text.
const TEXTS: usize = 12;
/// The index of `computer` among the columns with a text.
const COMPUTER: usize = 0;

/// An event and a detection that describes it. Texts are numbers in [`Texts`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The event's place in the order of matches.
    pub at: Earliest,
    /// The index of the host; `None` if the page does not list it.
    pub host: Option<usize>,
    /// True if the event was found in deleted records only.
    pub recovered: bool,
    /// Where the event's record lies.
    pub place: Place,
    /// The host's name, as logged.
    pub computer: TextId,
    /// The id of the detection.
    pub detection_id: TextId,
    /// What the checksums of the record's chunk say.
    pub integrity: TextId,
    /// What the event was decoded from if it was found in a deleted record only; empty for a live
    /// record.
    pub recovered_from: TextId,
    /// The path of the program that made the query.
    pub image: TextId,
    /// The program's file name.
    pub process: TextId,
    /// The queried name.
    pub name: TextId,
    /// The Windows error code of the query.
    pub status: TextId,
    /// The answer, as logged.
    pub results: TextId,
    /// The program's account.
    pub user: TextId,
    /// The detection's patterns for the queried name that the event satisfies.
    pub patterns: SetId,
    /// The GUID of the program's process; empty if no detection groups by it.
    pub process_guid: TextId,
    /// False if there was no room for one of the texts, which is empty here.
    pub is_whole: bool,
}

/// Reads rows of the table of matches.
#[derive(Debug)]
pub(super) struct FoundReader {
    /// The indexes of the hosts, by name in lower case.
    hosts: HashMap<String, usize>,
    /// The texts of the row before, most of which the next row has, too, and their numbers.
    before: [(Option<String>, TextId); TEXTS],
    /// The host of the row before.
    host: Option<usize>,
    /// The patterns that a name satisfies, by the detection and the name.
    patterns: FastMap<(TextId, TextId), SetId>,
    /// True if the process is read.
    by_process: bool,
}

impl FoundReader {
    /// Makes a reader of the matches of these hosts, and returns it with the columns that it reads.
    /// The process is among them only if `by_process`.
    pub(super) fn new(hosts: &[&HostInDetail], by_process: bool) -> (Self, Vec<&'static str>) {
        let names = hosts.iter().enumerate();
        let names =
            names.filter_map(|(place, host)| Some((host_key(host.facts.computer.as_deref()?), place)));
        let hosts: HashMap<String, usize> = names.collect();
        let patterns = FastMap::default();
        let mut columns = COLUMNS.to_vec();
        if by_process {
            columns.insert(columns.len() - 1, PROCESS_GUID);
        }
        (FoundReader { hosts, before: Default::default(), host: None, patterns, by_process }, columns)
    }

    /// Reads a row; `None` if it is a copy of an earlier event, or if an exclusion takes it away.
    pub(super) fn read(&mut self, row: &Row<'_>, texts: &mut Texts, sets: &mut Sets) -> Option<Found> {
        let mut cells = row.cells();
        let mut next = || cells.next().unwrap_or(Cell::Null);
        let is_copy = is_true(&next());
        if next() != Cell::Null || is_copy {
            return None;
        }
        let recovered = is_true(&next());
        let event_time = time(&next());
        let [record_id, offset] = [next(), next()].map(|cell| integer(&cell));
        let snapshot = time(&next());
        let deleted_file = is_true(&next());
        let mut is_whole = true;
        let shared: [TextId; TEXTS] =
            std::array::from_fn(|place| self.shared(place, next(), texts, &mut is_whole));
        let [
            computer,
            evidence,
            path,
            detection_id,
            integrity,
            recovered_from,
            image,
            process,
            name,
            status,
            results,
            user,
        ] = shared;
        let process_guid = match self.by_process.then(&mut next) {
            Some(Cell::Text(text)) => texts.id(&text),
            _ => Some(TextId::default()),
        };
        is_whole &= process_guid.is_some();
        let patterns = self.patterns((detection_id, name), next, texts, sets);
        Some(Found {
            at: (event_time.is_none(), event_time, row.number()),
            host: self.host,
            recovered,
            place: Place { evidence, path, record_id, offset: offset.unwrap_or(0), snapshot, deleted_file },
            computer,
            detection_id,
            integrity,
            recovered_from,
            image,
            process,
            name,
            status,
            results,
            user,
            patterns,
            process_guid: process_guid.unwrap_or_default(),
            is_whole,
        })
    }

    /// Returns the patterns of a detection that a name satisfies. `cell` makes the cell with them,
    /// if this detection and this name are met for the first time.
    fn patterns<'r>(
        &mut self,
        of: (TextId, TextId),
        cell: impl FnOnce() -> Cell<'r>,
        texts: &mut Texts,
        sets: &mut Sets,
    ) -> SetId {
        *self.patterns.entry(of).or_insert_with(|| {
            let patterns = if let Cell::Texts(patterns) = cell() { patterns } else { Vec::new() };
            let add = |set, pattern: &Cow<'_, str>| sets.with(set, texts.id(pattern).unwrap_or_default());
            patterns.iter().fold(SetId::default(), add)
        })
    }

    /// Returns the number of a text that the row before may have, too, in the column with this
    /// index among those with texts. If there is no room for it, `is_whole` becomes false.
    fn shared(&mut self, place: usize, cell: Cell<'_>, texts: &mut Texts, is_whole: &mut bool) -> TextId {
        let text = if let Cell::Text(text) = cell { text } else { Cow::Borrowed("") };
        let Some((before, id)) = self.before.get_mut(place) else { return TextId::default() };
        if before.as_deref() != Some(&*text) {
            let read = texts.id(&text);
            *is_whole &= read.is_some();
            *id = read.unwrap_or_default();
            // A text without room is looked up again in the next row.
            match read {
                None => *before = None,
                Some(_) => (*text).clone_into(before.get_or_insert_default()),
            }
            if place == COMPUTER {
                self.host = self.hosts.get(&host_key(&text)).copied();
            }
        }
        *id
    }
}

fn is_true(cell: &Cell<'_>) -> bool {
    *cell == Cell::Boolean(true)
}

fn time(cell: &Cell<'_>) -> Option<EventTime> {
    if let Cell::Time(time) = cell { Some(*time) } else { None }
}

fn integer(cell: &Cell<'_>) -> Option<i64> {
    if let Cell::Integer(number) = cell { Some(*number) } else { None }
}
