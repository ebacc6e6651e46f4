//! A row of `matches.parquet`, as the page needs it. Each text is replaced by its number in
//! [`Texts`], which keeps equal texts once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::groups::Place;
use super::room::Earliest;
use super::texts::{SetId, Sets, TextId, Texts};
use crate::base::fast_map::FastMap;
use crate::event::EventTime;
use crate::report::answer::{HostInDetail, INSIDE_LABEL, host_key};
use crate::table::{Cell, Row};

/// The columns of `matches.parquet` that the page reads, in the order in which
/// [`FoundReader::read`] takes their cells.
const COLUMNS: [&str; 23] = [
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
    ANSWER_PATTERNS,
    PATTERNS,
    ON_LABEL,
];
/// The name of the column with those of the detection's patterns, networks and addresses that the
/// answer satisfies.
const ANSWER_PATTERNS: &str = "matched_answer";
/// The name of the column with those of the detection's patterns that the queried name satisfies.
const PATTERNS: &str = "matched_query";
/// The name of the column with those of [`PATTERNS`] whose text is one or more whole labels of the
/// queried name, the parts between its dots. Regular expressions, and patterns that state no text,
/// are always among them.
const ON_LABEL: &str = "matched_query_on_label";
/// The name of the column with the GUID of the querying process. The column is read only if a
/// detection's `stats` groups matches by this GUID, because nearly every row has another value, and
/// all of the values would be kept in memory.
const PROCESS_GUID: &str = "process_guid";
/// The number of columns in [`COLUMNS`] that contain one text each: those from `computer` to
/// `user`.
const TEXTS: usize = 12;
/// The index of the column `computer` among the columns of [`COLUMNS`] that contain one text each.
const COMPUTER: usize = 0;

/// A row of `matches.parquet`: an event, and a detection that describes it. Texts are given by
/// their numbers in [`Texts`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The key by which matches are sorted: by time, and then by their row in `matches.parquet`.
    pub at: Earliest,
    /// The index, among the hosts with matches, of the host that logged the event; `None` if the
    /// page does not list the host.
    pub host: Option<usize>,
    /// True if the event was found in deleted records only.
    pub recovered: bool,
    /// Where the event's record lies in the evidence.
    pub place: Place,
    /// The name (Computer) of the host that logged the event, as logged.
    pub computer: TextId,
    /// The id of the detection.
    pub detection_id: TextId,
    /// What the checksums of the record's chunk say: `verified`, `damaged` or `unverified`.
    pub integrity: TextId,
    /// What the event was decoded from if it was found in a deleted record only; empty for a live
    /// record.
    pub recovered_from: TextId,
    /// The path of the program that made the query.
    pub image: TextId,
    /// The file name of the program that made the query.
    pub process: TextId,
    /// The queried name.
    pub name: TextId,
    /// The status of the query (QueryStatus), a Windows error code as text.
    pub status: TextId,
    /// The answer to the query, as Sysmon logs it (QueryResults).
    pub results: TextId,
    /// The account of the program that made the query.
    pub user: TextId,
    /// The detection's patterns that the queried name satisfies. A pattern whose text lies inside a
    /// label of the name has a remark that says so.
    pub patterns: SetId,
    /// The detection's patterns, networks and addresses that the answer satisfies.
    pub answer_patterns: SetId,
    /// The GUID of the process that made the query; empty if no detection groups its matches by
    /// this GUID.
    pub process_guid: TextId,
    /// False if there was no room for one of the row's texts in [`Texts`]. The field of that text
    /// then has the number of the empty text.
    pub is_whole: bool,
}

/// Reads the rows of `matches.parquet`, one after the other, each as a [`Found`].
#[derive(Debug)]
pub(super) struct FoundReader {
    /// The index of each host with matches, by the host's name in lower case.
    hosts: HashMap<String, usize>,
    /// For each column with one text, the text of the row before, and the text's number. Most rows
    /// repeat the text, so it is rarely looked up.
    before: [(Option<String>, TextId); TEXTS],
    /// The index, among the hosts with matches, of the host of the row before; `None` if the page
    /// does not list the host.
    host: Option<usize>,
    /// The patterns that a queried name satisfies, by the id of the detection and the name.
    patterns: FastMap<(TextId, TextId), SetId>,
    /// The patterns, networks and addresses that an answer satisfies, by the id of the detection
    /// and the answer as logged.
    answer_patterns: FastMap<(TextId, TextId), SetId>,
    /// True if matches are also grouped by the querying process, so that the column with its GUID
    /// ([`PROCESS_GUID`]) is read.
    by_process: bool,
}

impl FoundReader {
    /// Makes a reader of the matches of these hosts. Also returns the names of the columns that
    /// must be read, in order. The GUID of the process is among them only if `by_process` is true.
    pub(super) fn new(hosts: &[&HostInDetail], by_process: bool) -> (Self, Vec<&'static str>) {
        let names = hosts.iter().enumerate();
        let names =
            names.filter_map(|(place, host)| Some((host_key(host.facts.computer.as_deref()?), place)));
        let hosts: HashMap<String, usize> = names.collect();
        let mut columns = COLUMNS.to_vec();
        if by_process {
            columns.insert(columns.len() - 3, PROCESS_GUID);
        }
        let reader = FoundReader {
            hosts,
            before: Default::default(),
            host: None,
            patterns: FastMap::default(),
            answer_patterns: FastMap::default(),
            by_process,
        };
        (reader, columns)
    }

    /// Reads a row of `matches.parquet`. Returns `None` if the event is a copy of an earlier one,
    /// or if an exclusion (a site's description of harmless events) removes it from the detection's
    /// matches.
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
        let answer_patterns = next();
        let of_answer = self.answer_patterns.entry((detection_id, results));
        let answer_patterns =
            *of_answer.or_insert_with(|| set(&texts_of(answer_patterns), |_| "", texts, sets));
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
            answer_patterns,
            process_guid: process_guid.unwrap_or_default(),
            is_whole,
        })
    }

    /// Returns the patterns that a queried name satisfies, with a remark on those whose text lies
    /// inside a label of the name. `of` is the id of the detection and the name. `next` must return
    /// the cell with the patterns, and then the cell with those on label boundaries. It is called
    /// only for the first row with this detection and this name.
    fn patterns<'r>(
        &mut self,
        of: (TextId, TextId),
        mut next: impl FnMut() -> Cell<'r>,
        texts: &mut Texts,
        sets: &mut Sets,
    ) -> SetId {
        *self.patterns.entry(of).or_insert_with(|| {
            let (patterns, on_label) = (texts_of(next()), texts_of(next()));
            let remark = |pattern: &_| if on_label.contains(pattern) { "" } else { INSIDE_LABEL };
            set(&patterns, remark, texts, sets)
        })
    }

    /// Returns the number of the text in `cell`, which is often the text of the row before. `place`
    /// is the index of the column among those with one text. If there is no room for the text, sets
    /// `is_whole` to false, and returns the number of the empty text.
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

/// Returns the set of these patterns, each followed by its remark, which can be empty.
fn set<'r>(
    patterns: &[Cow<'r, str>],
    remark: impl Fn(&Cow<'r, str>) -> &'static str,
    texts: &mut Texts,
    sets: &mut Sets,
) -> SetId {
    let text = |pattern: &Cow<'r, str>| format!("{pattern}{}", remark(pattern));
    let texts = patterns.iter().map(text).map(|text| texts.id(&text).unwrap_or_default());
    texts.fold(SetId::default(), |set, text| sets.with(set, text))
}

fn texts_of(cell: Cell<'_>) -> Vec<Cow<'_, str>> {
    if let Cell::Texts(texts) = cell { texts } else { Vec::new() }
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
