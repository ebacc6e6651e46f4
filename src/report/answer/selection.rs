//! Which matches of an answer are listed: the earliest of each host that is shown in detail, and
//! the earliest of all. One pass over the table of matches selects them, and also counts the
//! matches of each day, and how often matches satisfy each pattern. The module `matches` then reads
//! further columns of the selected matches.

use std::borrow::Cow;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use super::Question;
use super::host::{HostInDetail, host_key};
use super::patterns::{Tally, TallyPlaces};
use crate::event::EventTime;
use crate::report::matches::MatchRow;
use crate::table::{Cell, ColumnOf, Place, ReadError, Row, TableId, Tables, Wanted};

/// The number of ticks (intervals of 100 ns) in a day.
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;

/// The columns of `matches.parquet` that decide which events are listed, and the columns by which
/// it is counted how often matches satisfy each pattern (hits of patterns).
const SELECTING: [&str; 10] = [
    "event_time",
    "computer",
    "evidence",
    "source_path",
    "record_offset",
    "duplicate",
    "recovered",
    EXCLUDED,
    "matched_query",
    "matched_query_on_label",
];
/// The column of `matches.parquet` with the name of the exclusion that removes the event from the
/// detection's matches; null if no exclusion does.
pub(super) const EXCLUDED: &str = "excluded_by";

// The places of the columns, which are read in every row.
const EVENT_TIME: Place = Place::of(&SELECTING, "event_time");
const COMPUTER: Place = Place::of(&SELECTING, "computer");
const FILE: [Place; 2] = [Place::of(&SELECTING, "evidence"), Place::of(&SELECTING, "source_path")];
const RECORD_OFFSET: Place = Place::of(&SELECTING, "record_offset");
const DUPLICATE: Place = Place::of(&SELECTING, "duplicate");
const RECOVERED: Place = Place::of(&SELECTING, "recovered");
const EXCLUDED_BY: Place = Place::of(&SELECTING, EXCLUDED);
const COUNTED: TallyPlaces = TallyPlaces::among(&SELECTING);

/// How many of the columns in [`SELECTING`], from the first on, are read if it is not counted how
/// often matches satisfy each pattern.
const WITHOUT_PATTERNS: usize = 8;

/// The key by which matches are sorted by time; the earliest has the least key. It consists of true
/// if the match has no readable time, the time, and the number of the match's first row in the
/// table of matches.
pub(super) type Earliest = (bool, Option<EventTime>, u64);

/// An event in `matches.parquet`: the key by which events are sorted, and the number of rows from
/// the event's first row to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub order: Earliest,
    pub rows: u64,
}

/// Reads all rows of `matches.parquet`. Selects the events that are listed for each of `hosts`, and
/// adds to `patterns` how often matches satisfy each pattern for the queried name.
pub(super) fn select<'q>(
    tables: &dyn Tables,
    hosts: &[&mut HostInDetail],
    question: &'q Question,
    patterns: &mut Tally,
) -> Result<Selection<'q>, ReadError> {
    let mut selection = Selection::new(hosts, question);
    let counts_patterns = question.limits.patterns > 0;
    let names = SELECTING.get(..if counts_patterns { SELECTING.len() } else { WITHOUT_PATTERNS });
    let columns = ColumnOf::named(MatchRow::COLUMNS, names.expect("there are more columns"));
    let each = &mut |row: &Row<'_>| {
        selection.add(row);
        if counts_patterns {
            patterns.add_row(row, &COUNTED, question);
        }
    };
    tables.read(TableId::Matches, &columns, Wanted::All, each)?;
    selection.end_event();
    Ok(selection)
}

/// Selects the events that are listed, while the rows of `matches.parquet` are read.
pub(super) struct Selection<'q> {
    question: &'q Question,
    /// The index of each host that is shown in detail, by the host's name in lower case.
    hosts: HashMap<String, usize>,
    /// What is selected of each host that is shown in detail, in the order of these hosts.
    pub selected: Vec<Selected>,
    /// The earliest event of all hosts that does not lie in a deleted record.
    pub first: Option<Event>,
    /// The event whose rows in the table of matches are being read; `None` before the first event,
    /// and for an event that the question is not about.
    current: Option<Current>,
    /// The name of the piece of evidence, and the path from its root, of the file that contains the
    /// event in `current`. Empty until an event was read.
    file: [String; 2],
    /// The host that logged the event that was read last; `None` until an event was read. Most rows
    /// are of the same host as the row before them, so hosts are rarely looked up.
    host: Option<KnownHost>,
}

/// The name of a host in the table of matches, and the result of looking it up among the hosts that
/// are shown in detail.
struct KnownHost {
    /// The name of the host, as a row of the table of matches spells it.
    computer: String,
    /// The index of the host among those that are shown in detail; `None` if it is not one of them.
    place: Option<usize>,
}

/// What is selected of one host: its earliest events, and how many events it has on each day.
pub(super) struct Selected {
    /// The maximum number of events that are listed of the host.
    most: usize,
    pub earliest: BinaryHeap<Event>,
    /// The number of all events of the host in `matches.parquet`, listed or not, without copies.
    pub all: u64,
    /// The number of events on each day (UTC), without those in deleted records. The key is the
    /// start of the day, in units of 100 ns since the start of 1970.
    pub days: BTreeMap<i64, u64>,
    /// True if the host has events on more days than `days` counts, whose number is limited.
    pub more_days: bool,
}

/// The event whose rows in `matches.parquet` are being read. Its rows have the same file and the
/// same `record_offset`.
struct Current {
    event: Event,
    record_offset: Option<i64>,
    host: Option<usize>,
    recovered: bool,
}

impl<'q> Selection<'q> {
    fn new(hosts: &[&mut HostInDetail], question: &'q Question) -> Self {
        let limits = &question.limits;
        // Each host has its first match, if there is room. What is left goes to the worst.
        let has_any = |host: &HostInDetail| host.matches.all + host.matches.recovered > 0;
        let mut left = limits.matches.saturating_sub(hosts.iter().filter(|host| has_any(host)).count());
        let mut most_of = |place: usize, all: u64| {
            let own = usize::try_from(all).unwrap_or(usize::MAX).min(limits.matches_of_host);
            let more = own.saturating_sub(1).min(left);
            left -= more;
            if place < limits.matches { own.min(1) + more } else { 0 }
        };
        let selected = hosts.iter().enumerate().map(|(place, host)| Selected {
            most: most_of(place, host.matches.unique + host.matches.recovered),
            earliest: BinaryHeap::new(),
            all: 0,
            days: BTreeMap::new(),
            more_days: false,
        });
        let selected = selected.collect();
        let names = hosts.iter().enumerate().filter_map(|(place, host)| {
            Some((host_key(host.facts.computer.as_deref()?), place)).filter(|_| has_any(host))
        });
        Selection {
            question,
            hosts: names.collect(),
            selected,
            first: None,
            current: None,
            file: Default::default(),
            host: None,
        }
    }

    /// Adds the next row of `matches.parquet`: a row of the event that is being read, or the first
    /// row of another event. Skips copies, and rows with an exclusion.
    fn add(&mut self, row: &Row<'_>) {
        if row.is(DUPLICATE) || row.cell(EXCLUDED_BY) != Cell::Null {
            return;
        }
        let record_offset = row.integer(RECORD_OFFSET);
        let file = FILE.map(|column| row.text(column).unwrap_or_default());
        let is_same_file = self.file == file;
        let is_same = |current: &&mut Current| current.record_offset == record_offset && is_same_file;
        if let Some(current) = self.current.as_mut().filter(is_same) {
            // Rows of detections from which an exclusion takes the event away may lie between.
            current.event.rows = row.number() + 1 - current.event.order.2;
            return;
        }
        self.end_event();
        let computer = row.text(COMPUTER).unwrap_or_default();
        if !self.question.is_named(&computer) {
            return;
        }
        if !is_same_file {
            self.file = file.map(Cow::into_owned);
        }
        let host = match self.host.take().filter(|host| host.computer == computer) {
            Some(known) => known,
            None => KnownHost {
                place: self.hosts.get(&host_key(&computer)).copied(),
                computer: computer.into_owned(),
            },
        };
        let time = row.time(EVENT_TIME);
        self.current = Some(Current {
            event: Event { order: (time.is_none(), time, row.number()), rows: 1 },
            record_offset,
            host: host.place,
            recovered: row.is(RECOVERED),
        });
        self.host = Some(host);
    }

    /// Ends the event whose rows were read: counts it for its host, and selects it if it is among
    /// the earliest of its host, or the earliest of all.
    fn end_event(&mut self) {
        let Some(Current { event, host, recovered, .. }) = self.current.take() else { return };
        if !recovered && self.first.is_none_or(|first| event < first) {
            self.first = Some(event);
        }
        let Some(selected) = host.and_then(|host| self.selected.get_mut(host)) else { return };
        selected.all += 1;
        if let Some(time) = event.order.1.filter(|_| !recovered) {
            let day = time.ticks().div_euclid(TICKS_PER_DAY) * TICKS_PER_DAY;
            if selected.days.len() < self.question.limits.days || selected.days.contains_key(&day) {
                *selected.days.entry(day).or_default() += 1;
            } else {
                selected.more_days = true;
            }
        }
        if selected.earliest.len() < selected.most {
            selected.earliest.push(event);
        } else if selected.earliest.peek().is_some_and(|latest| event < *latest) {
            selected.earliest.pop();
            selected.earliest.push(event);
        }
    }
}
