//! The matches in the answer of a sweep: the earliest ones of each host that is shown in detail.
//!
//! The table of matches has a row for each pair of an event and a detection that describes it. The
//! rows of an event are adjacent, and become one match. The table is read twice: `selection` reads
//! a few columns of all rows, to select the rows to list, and this module reads more columns of
//! those.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::host::{HostInDetail, UtcTime, kept};
use super::patterns::Tally;
use super::selection::{EXCLUDED, Event, Selection, select};
use super::{AnswerError, Question};
use crate::event::EventTime;
use crate::report::matches::MatchRow;
use crate::table::{Cell, ColumnOf, Row, TableId, Tables, Wanted};

/// An event that is not a copy of an earlier one, and that at least one detection describes without
/// an exclusion that takes the event away from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Match {
    /// When the event was logged; `null` if its record has no readable time.
    pub time: Option<UtcTime>,
    /// The queried name.
    pub query_name: Option<String>,
    /// The Windows error code of the query.
    pub query_status: Option<String>,
    /// Windows' symbol for the error code of the query.
    pub query_status_name: Option<String>,
    /// The items of the DNS answer, each with its type, such as `A 192.0.2.1`.
    pub answers: Vec<String>,
    /// The path of the program that made the query.
    pub image: Option<String>,
    /// The file name of the program that made the query.
    pub process_name: Option<String>,
    /// The process ID of the program that made the query.
    pub process_id: Option<i64>,
    /// The GUID that Sysmon gave to the process that made the query.
    pub process_guid: Option<String>,
    /// The account of the program that made the query.
    pub user: Option<String>,
    /// The detections that describe the event.
    pub rules: Vec<MatchedRule>,
    /// Where the event's record lies.
    pub place: RecordPlace,
}

/// A detection that describes an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MatchedRule {
    /// The detection's id.
    pub id: String,
    /// The detection's name.
    pub name: String,
    /// The detection's risk score, 0 to 100.
    pub risk_score: Option<i64>,
    /// The detection's message about the event.
    pub risk_message: Option<String>,
    /// The detection's patterns for the queried name that the event satisfies.
    pub query_patterns: Vec<String>,
    /// Those of `query_patterns` whose text is one or more whole labels of the queried name, the
    /// parts between its dots. Regular expressions, and patterns that state no text, are among
    /// them.
    pub query_patterns_on_label: Vec<String>,
    /// The detection's patterns for the program's name and path that the event satisfies.
    pub process_patterns: Vec<String>,
    /// The rule's patterns, networks and addresses that the answer in the event satisfies.
    pub answer_patterns: Vec<String>,
}

impl MatchedRule {
    /// Returns the detection's patterns that the event satisfies (for the queried name, the program
    /// and the answer), each with the place in the event where the pattern's text lies.
    pub(in crate::report) fn patterns(&self) -> impl Iterator<Item = (&str, PatternPlace)> {
        let place = |pattern: &String| {
            let is_on_label = self.query_patterns_on_label.contains(pattern);
            if is_on_label { PatternPlace::Usual } else { PatternPlace::InsideLabel }
        };
        let query = self.query_patterns.iter().map(move |pattern| (pattern.as_str(), place(pattern)));
        let process = self.process_patterns.iter().map(|pattern| (pattern.as_str(), PatternPlace::Usual));
        let answer = self.answer_patterns.iter().map(|pattern| (pattern.as_str(), PatternPlace::Answer));
        query.chain(process).chain(answer)
    }
}

/// Where the text of a pattern lies in the value that satisfies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum PatternPlace {
    /// The pattern's text lies inside a label of the queried name (a part between its dots), or
    /// reaches into one.
    InsideLabel,
    /// The pattern's text is one or more whole labels of the queried name, or the pattern is for
    /// the program that made the query. Reports show no remark after the pattern.
    Usual,
    /// The pattern, network or address is for the answer to the query, and not for the queried
    /// name.
    Answer,
}

impl PatternPlace {
    /// Returns the remark that reports show after a pattern whose text lies in this place; empty if
    /// there is none.
    pub(in crate::report) fn remark(self) -> &'static str {
        match self {
            PatternPlace::InsideLabel => INSIDE_LABEL,
            PatternPlace::Usual => "",
            PatternPlace::Answer => IN_ANSWER,
        }
    }
}

/// The remark on a pattern whose text lies inside a label of the queried name.
pub(in crate::report) const INSIDE_LABEL: &str = " (inside a label)";
/// The remark on a pattern, network or address that the answer to the query satisfies.
const IN_ANSWER: &str = " (in the answer)";

/// Where the record of an event lies in the evidence, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordPlace {
    /// The name of the piece of evidence that contains the record.
    pub evidence: String,
    /// The path, from its root (a folder or file that was swept), of the file that contains the
    /// record.
    pub source_path: String,
    /// The path that the file had on its host, if the container that the file lies in states it.
    pub original_path: Option<String>,
    /// When the shadow copy was made from which the file comes; `null` if it comes from none.
    pub snapshot_time: Option<UtcTime>,
    /// True if the file that contains the record was deleted in its volume.
    pub deleted_file: bool,
    /// The record's number in its log, its EventRecordID.
    pub event_record_id: Option<i64>,
    /// The number of the 64 KiB chunk of the log that contains the record.
    pub chunk_number: i64,
    /// The offset of the record in bytes from the start of its file.
    pub record_offset: i64,
    /// `verified`, `unverified` or `damaged`: what the checksums of the record's chunk say.
    pub integrity: String,
    /// What the event was decoded from if it was found in a deleted record only: `deleted chunk`,
    /// `own values` (of the record) or `unverified definitions` (of its template). `null` if the
    /// record was not deleted.
    pub recovered_from: Option<String>,
    /// The SHA-256 of the event's content, which all copies of the event have.
    pub event_hash: String,
}

/// A match, and the host that logged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostMatch {
    /// The name (Computer) of the host that logged the match.
    pub computer: String,
    /// The match that the host logged.
    #[serde(rename = "match")]
    pub found: Match,
}

/// A day (UTC), and the number of a host's unique matches on it, without those in deleted records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DayCount {
    /// The first instant of the day.
    pub day: UtcTime,
    /// The number of unique matches on this day.
    pub matches: u64,
}

/// The columns of `matches.parquet` from which a [`Match`] is made.
const SHOWN: [&str; 29] = [
    "event_time",
    "computer",
    "query_name",
    "query_status",
    "query_status_name",
    "answers",
    "image",
    "process_name",
    "process_id",
    "process_guid",
    "user",
    "evidence",
    "source_path",
    "original_path",
    "snapshot_time",
    "deleted_file",
    "event_record_id",
    "chunk_number",
    "record_offset",
    "integrity",
    "recovered_from",
    "event_hash",
    "detection_id",
    "detection_name",
    "matched_query",
    "matched_query_on_label",
    "matched_process",
    "matched_answer",
    "risk_score",
];
/// The name of the column of `matches.parquet` with the detection's risk message about the event.
const MESSAGE: &str = "risk_message";
/// Adds to each of `hosts` its earliest matches, and to `patterns` how often matches satisfy each
/// pattern for the queried name. `hosts` must be sorted, the worst first. Returns the earliest
/// match of all hosts; `None` if all matches lie in deleted records, which do not count here.
pub(super) fn read(
    tables: &dyn Tables,
    mut hosts: Vec<&mut HostInDetail>,
    question: &Question,
    patterns: &mut Tally,
) -> Result<Option<HostMatch>, AnswerError> {
    let failed = AnswerError::of(TableId::Matches);
    let Selection { first, selected, .. } = select(tables, &hosts, question, patterns).map_err(&failed)?;
    // Where each listed event goes: to the host with this index, and for the earliest of all, to
    // no host.
    let mut events: Vec<(Event, Option<usize>)> = first.map(|event| (event, None)).into_iter().collect();
    for (place, (selected, host)) in selected.into_iter().zip(&mut hosts).enumerate() {
        host.matches.listed.count = selected.all;
        host.matches.days.count = selected.days.len() as u64 + u64::from(selected.more_days);
        let day = |(day, matches)| DayCount { day: UtcTime(EventTime::from_ticks(day)), matches };
        host.matches.days.items = selected.days.into_iter().map(day).collect();
        events.extend(selected.earliest.into_iter().map(|event| (event, Some(place))));
    }
    // The rows are read in the order of the table; each event is a range of them.
    events.sort_unstable_by_key(|(event, host)| (event.order.2, *host));
    let mut rows: Vec<u64> =
        events.iter().flat_map(|(event, _)| event.order.2..event.order.2 + event.rows).collect();
    // The earliest of all is also among those of its host.
    rows.sort_unstable();
    rows.dedup();
    let mut found: HashMap<u64, HostMatch> = HashMap::with_capacity(events.len());
    let mut firsts = events.iter().map(|(event, _)| event.order.2).peekable();
    let mut current = None;
    let columns = ColumnOf::named(MatchRow::COLUMNS, &[&SHOWN[..], &[MESSAGE, EXCLUDED]].concat());
    let each = &mut |row: &Row<'_>| {
        while firsts.next_if(|first| *first <= row.number()).is_some_and(|first| {
            current = Some(first);
            true
        }) {}
        let Some(first) = current.filter(|_| row.cell(EXCLUDED) == Cell::Null) else { return };
        match found.get_mut(&first) {
            Some(known) => known.found.rules.push(MatchedRule::of(row)),
            None => _ = found.insert(first, HostMatch::of(row)),
        }
    };
    tables.read(TableId::Matches, &columns, Wanted::These(&rows), each).map_err(&failed)?;
    let mut earliest = None;
    events.sort_unstable();
    for (event, place) in events {
        // The earliest of all comes first, and then again among the matches of its host.
        match place {
            None => earliest = found.get(&event.order.2).cloned(),
            Some(place) => {
                let listed = hosts.get_mut(place).map(|host| &mut host.matches.listed.items);
                let found = found.remove(&event.order.2);
                listed.zip(found).into_iter().for_each(|(listed, found)| listed.push(found.found));
            }
        }
    }
    Ok(earliest)
}

impl HostMatch {
    fn of(row: &Row<'_>) -> Self {
        let text = |column| row.text(column).map(kept);
        let answers = row.records("answers").into_iter().filter_map(|answer| match answer.as_slice() {
            [Cell::Text(kind), Cell::Text(data), ..] => Some(kept(format!("{kind} {data}").into())),
            _ => None,
        });
        let found = Match {
            time: row.time("event_time").map(UtcTime),
            query_name: text("query_name"),
            query_status: text("query_status"),
            query_status_name: text("query_status_name"),
            answers: answers.collect(),
            image: text("image"),
            process_name: text("process_name"),
            process_id: row.integer("process_id"),
            process_guid: text("process_guid"),
            user: text("user"),
            rules: vec![MatchedRule::of(row)],
            place: RecordPlace {
                evidence: text("evidence").unwrap_or_default(),
                source_path: text("source_path").unwrap_or_default(),
                original_path: text("original_path"),
                snapshot_time: row.time("snapshot_time").map(UtcTime),
                deleted_file: row.is("deleted_file"),
                event_record_id: row.integer("event_record_id"),
                chunk_number: row.integer("chunk_number").unwrap_or(0),
                record_offset: row.integer("record_offset").unwrap_or(0),
                integrity: text("integrity").unwrap_or_default(),
                recovered_from: text("recovered_from"),
                event_hash: text("event_hash").unwrap_or_default(),
            },
        };
        HostMatch { computer: text("computer").unwrap_or_default(), found }
    }
}

impl MatchedRule {
    fn of(row: &Row<'_>) -> Self {
        let patterns = |column| row.texts(column).into_iter().map(kept).collect();
        MatchedRule {
            id: row.text("detection_id").map(kept).unwrap_or_default(),
            name: row.text("detection_name").map(kept).unwrap_or_default(),
            risk_score: row.integer("risk_score"),
            risk_message: row.text(MESSAGE).map(kept),
            query_patterns: patterns("matched_query"),
            query_patterns_on_label: patterns("matched_query_on_label"),
            process_patterns: patterns("matched_process"),
            answer_patterns: patterns("matched_answer"),
        }
    }
}
