//! The risk of hosts and users: the sum of their risk events, as Splunk's drilldown "View risk
//! events" computes it, read from the table of matches.
//!
//! A risk event is a match and a detection that describes it, for each object that the detection
//! says is at risk: usually the host, sometimes the user. Matches in deleted records are left out.

use std::collections::{BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;

use super::AnswerError;
use super::host::{UtcTime, kept};
use super::listed::{Listed, Ranked};
use crate::event::{EventTime, Span};
use crate::report::matches::MatchRow;
use crate::report::run::{DetectionRecord, RiskObjectRecord, Run};
use crate::table::{Cell, ColumnOf, Row, TableId, Tables, Wanted};

/// The maximum number of objects (hosts and users) whose risk events are summed up. Events of later
/// objects are only counted, because evidence can be crafted to name any number of hosts.
const MOST_OBJECTS: usize = 200_000;
/// The maximum number of distinct messages that are kept for an object (a host or a user). Its
/// lists of detections, analytic stories and techniques have at most as many items.
const MOST_MESSAGES: usize = 20;

/// The risk of hosts and users: for each of them, the sum of the risk scores of its matches in a
/// period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Risk {
    /// The length, in hours, of the period whose risk events are summed up for each object. The
    /// period ends with the object's last risk event.
    pub window_hours: u64,
    /// The objects at risk, the highest score first.
    pub objects: Listed<RiskOfObject>,
    /// The number of risk events of objects that are not summed up, because there are too many
    /// objects.
    pub uncounted_events: u64,
}

/// The risk events of one object (a host or a user) in the period that ends with the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RiskOfObject {
    /// The object: the name of a host, or an account.
    pub object: String,
    /// The type of the object: `system`, `user` or `other`.
    pub object_type: String,
    /// The sum of the risk scores of the object's events in the period. Events of detections that
    /// state no score add nothing.
    pub score: u64,
    /// The number of the object's risk events in the period.
    pub events: u64,
    /// The number of the object's risk events before the period, which the score does not count.
    pub earlier_events: u64,
    /// The time of the first risk event in the period.
    pub first_time: Option<UtcTime>,
    /// The time of the object's last risk event, with which the period ends.
    pub last_time: Option<UtcTime>,
    /// The names of the detections that describe the object's risk events in the period.
    pub detections: Listed<String>,
    /// The detections' messages about the object's risk events in the period.
    pub messages: Listed<String>,
    /// The analytic stories of the detections that describe the object's risk events.
    pub analytic_stories: Listed<String>,
    /// The MITRE ATT&CK techniques of the detections that describe the object's risk events.
    pub mitre_attack_ids: Listed<String>,
}

/// What is asked about the risk of hosts and users.
#[derive(Debug, Clone, Copy)]
pub struct RiskQuestion<'a> {
    /// The name of the only object (host or user) that is wanted, in any case; `None` for all.
    pub object: Option<&'a str>,
    /// The length, in ticks of 100 ns, of the period in which the risk events of each object (a
    /// host or a user) are summed up. The period ends with the object's last risk event: a match
    /// for which a detection says that the object is at risk.
    pub window: u64,
    /// The maximum number of objects (hosts and users) that are listed.
    pub most: usize,
}

/// The number of ticks (intervals of 100 ns) in an hour.
const TICKS_PER_HOUR: u64 = 60 * 60 * 10_000_000;

/// Identifies an object at risk (a host or a user): its type (such as `system`), and its name in
/// lower case.
type Key = (String, String);

/// The sum of the risk events of one object (a host or a user).
#[derive(Debug, Default)]
struct Sum {
    name: String,
    score: u64,
    events: u64,
    earlier_events: u64,
    span: Span,
    /// The indexes of the detections that describe the risk events, in the list of detections in
    /// `run.json`.
    detections: BTreeSet<usize>,
    messages: Vec<String>,
    more_messages: bool,
}

impl Risk {
    /// Reads the risk of hosts and users from an output. `run` is what the output's `run.json`
    /// records.
    pub fn read(run: &Run, tables: &dyn Tables, question: RiskQuestion<'_>) -> Result<Self, AnswerError> {
        let mut last: HashMap<Key, Option<EventTime>> = HashMap::new();
        let mut uncounted_events = 0;
        each_event(run, tables, question, |event| {
            let has_room = last.len() < MOST_OBJECTS;
            match last.get_mut(&event.key) {
                Some(last) => *last = (*last).max(event.time),
                None if has_room => _ = last.insert(event.key, event.time),
                None => uncounted_events += 1,
            }
        })?;
        let mut sums: HashMap<Key, Sum> = HashMap::new();
        each_event(run, tables, question, |event| {
            let Some(last) = last.get(&event.key) else { return };
            let sum = sums.entry(event.key).or_default();
            let age = last.zip(event.time).map_or(0, |(last, time)| last.ticks().abs_diff(time.ticks()));
            if age > question.window {
                sum.earlier_events += 1;
                return;
            }
            if sum.name.is_empty() {
                sum.name = event.name;
            }
            sum.events += 1;
            sum.score += event.score;
            sum.span.add(event.time);
            sum.detections.insert(event.detection);
            if let Some(message) = event.message.filter(|message| !sum.messages.contains(message)) {
                if sum.messages.len() < MOST_MESSAGES {
                    sum.messages.push(message);
                } else {
                    sum.more_messages = true;
                }
            }
        })?;
        let mut ranked = Ranked::new(question.most);
        for ((object_type, name), sum) in sums {
            let rank = (std::cmp::Reverse((sum.score, sum.events)), object_type.clone(), name);
            ranked.add(rank, || sum.finish(run, object_type));
        }
        Ok(Risk {
            window_hours: question.window / TICKS_PER_HOUR,
            objects: ranked.into_listed(),
            uncounted_events,
        })
    }
}

impl Sum {
    fn finish(self, run: &Run, object_type: String) -> RiskOfObject {
        let detections: Vec<&DetectionRecord> =
            self.detections.iter().filter_map(|place| run.detections.get(*place)).collect();
        let all = |of: fn(&DetectionRecord) -> &[String]| {
            let mut texts: Vec<String> = Vec::new();
            for text in detections.iter().flat_map(|detection| of(detection)) {
                if !texts.contains(text) {
                    texts.push(text.clone());
                }
            }
            Listed::first(texts, MOST_MESSAGES)
        };
        let names = detections.iter().map(|detection| detection.name.clone());
        let messages = self.messages.len() as u64 + u64::from(self.more_messages);
        RiskOfObject {
            object: self.name,
            object_type,
            score: self.score,
            events: self.events,
            earlier_events: self.earlier_events,
            first_time: self.span.first.map(UtcTime),
            last_time: self.span.last.map(UtcTime),
            detections: Listed::first(names, MOST_MESSAGES),
            messages: Listed { items: self.messages, count: messages },
            analytic_stories: all(|detection| &detection.analytic_story),
            mitre_attack_ids: all(|detection| &detection.mitre_attack_id),
        }
    }
}

/// A risk event: a match and a detection that describes it, for one object at risk (a host or a
/// user).
struct RiskEvent {
    key: Key,
    name: String,
    time: Option<EventTime>,
    score: u64,
    message: Option<String>,
    /// The index of the detection in the list of detections in `run.json`.
    detection: usize,
}

/// The columns of `matches.parquet` from which risk events are made.
const COLUMNS: [&str; 12] = [
    "event_time",
    "computer",
    "user",
    "image",
    "process_name",
    "query_name",
    "detection_id",
    "risk_score",
    "risk_message",
    "duplicate",
    "recovered",
    "excluded_by",
];

/// Calls `each` for every risk event of an output: for each match, each detection that describes
/// it, and each object (host or user) that the detection says is at risk.
fn each_event(
    run: &Run,
    tables: &dyn Tables,
    question: RiskQuestion<'_>,
    mut each: impl FnMut(RiskEvent),
) -> Result<(), AnswerError> {
    let detections = run.detections.iter().enumerate();
    let places: HashMap<&str, usize> = detections.map(|(place, record)| (&*record.id, place)).collect();
    let columns = ColumnOf::named(MatchRow::COLUMNS, &COLUMNS);
    let wanted = question.object.map(str::to_lowercase);
    let read = &mut |row: &Row<'_>| {
        if row.is("duplicate") || row.is("recovered") || row.cell("excluded_by") != Cell::Null {
            return;
        }
        let place = row.text("detection_id").and_then(|id| places.get(&*id).copied());
        let Some((place, detection)) = place.and_then(|place| Some((place, run.detections.get(place)?)))
        else {
            return;
        };
        let host = RiskObjectRecord::host();
        let stated = detection.risk_objects.as_slice();
        let objects = if stated.is_empty() { std::slice::from_ref(&host) } else { stated };
        for object in objects {
            let Some(name) = row.text(object.column()).filter(|name| !name.is_empty()) else { continue };
            let key = (object.object_type.clone(), name.to_lowercase());
            if wanted.as_ref().is_some_and(|wanted| !is_named(&key.1, wanted)) {
                continue;
            }
            let stated = object.score.map(u64::from);
            each(RiskEvent {
                key,
                name: kept(name),
                time: row.time("event_time"),
                score: stated.unwrap_or_else(|| row.count("risk_score")),
                message: row.text("risk_message").map(kept),
                detection: place,
            });
        }
    };
    tables.read(TableId::Matches, &columns, Wanted::All, read).map_err(AnswerError::of(TableId::Matches))
}

/// Returns true if an object (a host or a user) has the wanted name; both names are in lower case.
/// A wanted name without a domain stands for all hosts of that name.
fn is_named(name: &str, wanted: &str) -> bool {
    name == wanted || (!wanted.contains('.') && name.split('.').next() == Some(wanted))
}
