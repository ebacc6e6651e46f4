//! The matches of a host in groups, as the `stats` of the detections group them: matches that agree
//! in the fields after `by` are one group. A detection without `stats` groups by program, name,
//! status, answer and account.

use std::collections::HashMap;

use super::words::{optional, path, text};
use crate::report::answer::{AnswerError, HostInDetail, Match, MatchedRule, UtcTime};
use crate::report::run::{DetectionRecord, Run};
use crate::table::{ColumnType, TableId, Tables};

/// A field of a match by which detections group, with the names that it has in their tables.
#[derive(Debug, Clone, Copy)]
struct Field {
    names: &'static [&'static str],
    value: fn(&Match) -> String,
}

/// The fields by which matches can be grouped.
const FIELDS: [Field; 7] = [
    Field { names: &["Image", "process_path", "process_exec"], value: |found| owned(found.image.as_deref()) },
    Field { names: &["process_name"], value: |found| owned(found.process_name.as_deref()) },
    Field { names: &["QueryName", "query"], value: |found| owned(found.query_name.as_deref()) },
    Field { names: &["QueryStatus", "reply_code_id"], value: |found| owned(found.query_status.as_deref()) },
    Field { names: &["QueryResults", "answer"], value: |found| found.answers.join(";") },
    Field { names: &["User", "user", "src_user"], value: |found| owned(found.user.as_deref()) },
    Field { names: &["ProcessGuid", "process_guid"], value: |found| owned(found.process_guid.as_deref()) },
];
/// The indexes in [`FIELDS`] by which a detection without `stats` groups.
const USUAL: [usize; 5] = [0, 2, 3, 4, 5];
/// The most distinct values of one kind that a group shows.
const MOST_VALUES: usize = 8;

fn owned(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// A group of matches of a host and a detection. Texts are as the page shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// The detection's name.
    pub detection: String,
    /// The number of matches.
    pub count: u64,
    /// The time of the first match; `None` if no match has a readable time.
    pub first: Option<UtcTime>,
    /// The time of the last match.
    pub last: Option<UtcTime>,
    /// The program's file name.
    pub process: String,
    /// The paths of the programs.
    pub images: Values,
    /// The queried names.
    pub names: Values,
    /// The patterns for the name that the matches satisfy.
    pub patterns: Values,
    /// The answers. If there is no answer, the status of the query.
    pub answers: Values,
    /// The accounts.
    pub users: Values,
    /// The piece of evidence, the file and the record of the first match.
    pub place: [String; 3],
    /// The offset of the first match's record in its file.
    pub offset: i64,
    /// What limits the trust in the matches, such as that they were found in deleted records.
    pub doubts: Values,
}

/// Distinct texts in the order in which they were met. Only the first few are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values {
    kept: Vec<String>,
    more: bool,
}

impl Values {
    fn add(&mut self, value: String) {
        if value.is_empty() || self.kept.contains(&value) {
        } else if self.kept.len() < MOST_VALUES {
            self.kept.push(value);
        } else {
            self.more = true;
        }
    }

    /// Returns the texts, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let more = self.more.then(|| "and others".to_owned());
        self.kept.iter().cloned().chain(more).collect()
    }

    /// Returns the texts in one line.
    pub(super) fn line(&self) -> String {
        self.lines().join(", ")
    }
}

/// The fields by which each detection groups its matches.
#[derive(Debug, Default)]
pub(super) struct Grouping(HashMap<String, Vec<usize>>);

impl Grouping {
    /// Reads by which fields the detections that have matches group: those that their tables have
    /// as a single text.
    pub(super) fn read(run: &Run, tables: &dyn Tables) -> Result<Self, AnswerError> {
        let mut grouping = Grouping::default();
        let detections = run.detections.iter().filter(|detection| {
            detection.matches + detection.recovered_matches > 0 && tables.has(TableId::Stats(&detection.id))
        });
        for DetectionRecord { id, .. } in detections {
            let table = TableId::Stats(id);
            let columns = tables.columns(table).map_err(AnswerError::of(table))?;
            let single = columns.iter().filter(|column| column.kind == ColumnType::Text);
            let fields = single.filter_map(|column| {
                FIELDS.iter().position(|field| field.names.contains(&column.name.as_ref()))
            });
            let fields: Vec<usize> = fields.collect();
            if !fields.is_empty() {
                grouping.0.insert(id.clone(), fields);
            }
        }
        Ok(grouping)
    }

    /// Returns the groups of a host's matches, by the time of their first match.
    pub(super) fn groups(&self, host: &HostInDetail) -> Vec<Group> {
        let mut places: HashMap<(&str, Vec<String>), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for found in &host.matches.listed.items {
            for rule in &found.rules {
                let by = self.0.get(&rule.id).map_or(&USUAL[..], Vec::as_slice);
                let fields = by.iter().filter_map(|field| FIELDS.get(*field));
                let key = fields.map(|field| (field.value)(found)).collect();
                let place = *places.entry((&rule.id, key)).or_insert_with(|| {
                    groups.push(Group::new(rule, found));
                    groups.len() - 1
                });
                if let Some(group) = groups.get_mut(place) {
                    group.add(rule, found);
                }
            }
        }
        groups
    }
}

impl Group {
    fn new(rule: &MatchedRule, found: &Match) -> Self {
        let place = &found.place;
        let number = place.event_record_id.map(|id| format!("record {id}, ")).unwrap_or_default();
        let copy =
            place.snapshot_time.map(|time| format!(", shadow copy of {} UTC", super::words::time(time)));
        let deleted = if place.deleted_file { ", deleted file" } else { "" };
        Group {
            detection: text(&rule.name),
            process: optional(found.process_name.as_deref()),
            place: [
                text(&place.evidence),
                path(&place.source_path),
                format!("{number}byte {}{}{deleted}", place.record_offset, copy.unwrap_or_default()),
            ],
            offset: place.record_offset,
            ..Group::default()
        }
    }

    fn add(&mut self, rule: &MatchedRule, found: &Match) {
        self.count += 1;
        self.first = [self.first, found.time].into_iter().flatten().min();
        self.last = self.last.max(found.time);
        self.images.add(optional(found.image.as_deref()));
        self.names.add(optional(found.query_name.as_deref()));
        self.users.add(optional(found.user.as_deref()));
        rule.query_patterns.iter().for_each(|pattern| self.patterns.add(text(pattern)));
        found.answers.iter().for_each(|answer| self.answers.add(text(answer)));
        if found.answers.is_empty() {
            self.answers.add(status(found));
        }
        if let Some(from) = &found.place.recovered_from {
            self.doubts.add(format!("deleted record ({})", text(from)));
        } else if found.place.integrity != "verified" {
            self.doubts.add(format!("record {}", text(&found.place.integrity)));
        }
    }
}

/// Returns the status of a query without an answer.
fn status(found: &Match) -> String {
    match (found.query_status.as_deref(), found.query_status_name.as_deref()) {
        (Some("0") | None, _) => "no answer logged".to_owned(),
        (Some(code), Some(name)) => format!("{} ({})", text(name), text(code)),
        (Some(code), None) => format!("status {}", text(code)),
    }
}
