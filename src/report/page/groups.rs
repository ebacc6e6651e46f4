//! The matches of hosts in groups, as the command `stats` in the detections' searches groups them:
//! matches that agree in the fields after `by` are one group. A detection without `stats` groups by
//! program, name, status, answer and account.
//!
//! The table of matches is read row by row, and each row is added to its group. Memory grows with
//! the groups and with the distinct texts, not with the matches. If there may be too many groups,
//! the module `room` first reads the table once to decide which matches may begin one.

use std::collections::{BTreeMap, HashMap};

use super::doubts::{doubt, odd};
use super::found::{Found, FoundReader};
use super::room::{Earliest, Room};
use super::texts::{SetId, Sets, TextId, Texts};
use crate::base::fast_map::FastMap;
use crate::event::{EventTime, QueryResults, query_status_name};
use crate::report::answer::{Answer, AnswerError, HostInDetail};
use crate::report::matches::MatchRow;
use crate::report::run::{DetectionRecord, Run};
use crate::table::{ColumnOf, ColumnType, Row, TableId, Tables, Wanted};

/// The approximate maximum number of groups (matches that agree in some fields) of all hosts
/// together. Matches that would begin a further group are only counted.
const MOST_GROUPS: u64 = 100_000;
/// The maximum number of hours with matches that are counted for each host. The matches in further
/// hours are counted together (`HostGroups::unplaced`).
const MOST_HOURS: usize = 2000;
/// The maximum number of combinations of queried name, program and account for which the result of
/// [`odd`] is kept in memory at a time.
const MOST_REMEMBERED: usize = 200_000;
/// The number of ticks (intervals of 100 ns) in an hour.
const TICKS_PER_HOUR: i64 = 60 * 60 * 10_000_000;

/// A field of a match by which detections can group their matches, and the names that its column
/// can have in a `stats` table (the result of the command `stats` in a detection's search).
#[derive(Debug, Clone, Copy)]
struct Field {
    names: &'static [&'static str],
    value: fn(&Found) -> TextId,
}

/// The fields by which matches can be grouped.
const FIELDS: [Field; 7] = [
    Field { names: &["Image", "process_path", "process_exec"], value: |found| found.image },
    Field { names: &["process_name"], value: |found| found.process },
    Field { names: &["QueryName", "query"], value: |found| found.name },
    Field { names: &["QueryStatus", "reply_code_id"], value: |found| found.status },
    Field { names: &["QueryResults", "answer"], value: |found| found.results },
    Field { names: &["User", "user", "src_user"], value: |found| found.user },
    Field { names: &["ProcessGuid", "process_guid"], value: |found| found.process_guid },
];
/// The indexes in [`FIELDS`] of the fields by which a detection groups its matches if it has no
/// `stats` table, or if none of [`FIELDS`] is a column of that table with one text in each row.
const USUAL: [usize; 5] = [0, 2, 3, 4, 5];
/// The index in [`FIELDS`] of the GUID of the process.
const PROCESS_GUID: usize = 6;

/// A group of matches: matches of one host and one detection that agree in the fields by which the
/// detection groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The detection's name.
    pub detection: TextId,
    /// The number of matches in the group.
    pub count: u64,
    /// The key of the group's earliest match, by which groups are sorted: by time, and then by row.
    pub earliest: Earliest,
    /// The time of the group's last match; `None` if no match has a readable time.
    pub last: Option<EventTime>,
    /// The file name of the program that made the group's earliest query.
    pub process: TextId,
    /// The paths of the programs that made the queries of the group's matches.
    pub images: SetId,
    /// The names that the group's matches query.
    pub names: SetId,
    /// The detection's patterns that the queried names of the group satisfy. A pattern is listed
    /// twice, with a remark and without, if its text lies inside a label of one name and on label
    /// boundaries of another.
    pub patterns: SetId,
    /// The answers to the queries of the group's matches. For a query without an answer, the status
    /// of the query.
    pub answers: SetId,
    /// The detection's patterns, networks and addresses that the answers to the group's queries
    /// satisfy.
    pub answer_patterns: SetId,
    /// The accounts of the programs that made the queries of the group's matches.
    pub users: SetId,
    /// Where the record of the group's earliest match lies.
    pub place: Place,
    /// What limits the trust in the group's matches, such as that they were found in deleted
    /// records. Empty if nothing does.
    pub doubts: SetId,
}

/// Where the record of a match lies in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The name of the piece of evidence that contains the record.
    pub evidence: TextId,
    /// The path, from its root (a folder or file that was swept), of the file that contains the
    /// record.
    pub path: TextId,
    /// The record's number in its log, its EventRecordID.
    pub record_id: Option<i64>,
    /// The offset of the record in bytes from the start of its file.
    pub offset: i64,
    /// The time at which the shadow copy that the file comes from was made; `None` if the file
    /// comes from no shadow copy.
    pub snapshot: Option<EventTime>,
    /// True if the file that contains the record was deleted in its volume.
    pub deleted_file: bool,
}

/// The matches of one host, in groups of matches that agree in the fields by which their detection
/// groups.
#[derive(Debug, Default)]
pub(super) struct HostGroups {
    /// The groups, in order of the time of their first match.
    pub groups: Vec<Group>,
    /// The number of matching events in each hour, without those in deleted records. An event
    /// counts once, even if several detections describe it. The key is the number of hours since
    /// the start of 1970.
    pub hours: BTreeMap<i64, u64>,
    /// The host's earliest match in a record that was not deleted; `None` if all matches lie in
    /// deleted records.
    pub first: Option<FirstMatch>,
    /// The number of matches that are in no group of matches, because the page has no room for
    /// another group, or for a text (such as the queried name) of the match. An event counts once
    /// for each detection that describes it.
    pub ungrouped: u64,
    /// The number of matching events that `hours` does not count, because it already has
    /// [`MOST_HOURS`] other hours.
    pub unplaced: u64,
}

/// The earliest match of a host, or of all hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstMatch {
    pub at: Earliest,
    pub computer: TextId,
    pub process: TextId,
    pub image: TextId,
    pub name: TextId,
    pub user: TextId,
}

/// The matches of all hosts of an output, in groups of matches that agree in the fields by which
/// their detection groups.
#[derive(Debug, Default)]
pub(super) struct GroupedMatches {
    /// The texts to which the numbers ([`TextId`]) in groups refer.
    pub texts: Texts,
    /// The sets of texts to which the numbers ([`SetId`]) in groups refer.
    pub sets: Sets,
    /// The earliest match in a record that was not deleted, of all hosts, even those that the page
    /// does not list; `None` if there is none.
    pub first: Option<FirstMatch>,
    /// The matches of each host, in the order of the hosts that [`hosts_with_matches`] returns.
    pub hosts: Vec<HostGroups>,
}

/// Returns the hosts with matches that the answer lists: the worst first, and those with matches in
/// deleted records only last.
pub(super) fn hosts_with_matches(answer: &Answer) -> Vec<&HostInDetail> {
    let recovered = answer.uncleared.items.iter().filter(|host| host.matches.recovered > 0);
    answer.hosts.items.iter().chain(recovered).collect()
}

/// Reads `matches.parquet`, and returns the matches of the hosts that the answer lists, in groups.
pub(super) fn read(answer: &Answer, tables: &dyn Tables) -> Result<GroupedMatches, AnswerError> {
    let hosts = hosts_with_matches(answer);
    let mut matches = GroupedMatches::default();
    matches.hosts.resize_with(hosts.len(), HostGroups::default);
    let rules = rules(&answer.run, tables, &mut matches.texts)?;
    let by_process = rules.values().any(|rule| rule.by.contains(&PROCESS_GUID));
    let (mut reader, columns) = FoundReader::new(&hosts, by_process);
    let columns = ColumnOf::named(MatchRow::COLUMNS, &columns);
    let room = Room::read(tables, &hosts, MOST_GROUPS)?;
    let mut grouper = Grouper {
        matches,
        rules,
        room,
        keys: FastMap::default(),
        answers: FastMap::default(),
        odd: FastMap::default(),
        before: None,
    };
    let each = &mut |row: &Row<'_>| {
        if let Some(found) = reader.read(row, &mut grouper.matches.texts, &mut grouper.matches.sets) {
            grouper.add(&found);
        }
    };
    tables.read(TableId::Matches, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Matches))?;
    let mut matches = grouper.matches;
    for host in &mut matches.hosts {
        host.groups.sort_unstable_by_key(|group| group.earliest);
    }
    Ok(matches)
}

/// A detection: its name, and the fields by which its matches are grouped.
#[derive(Debug)]
struct Rule {
    name: TextId,
    /// The indexes in [`FIELDS`] of the fields by which the detection groups its matches.
    by: Vec<usize>,
}

/// Returns the detections that have matches, by their ids, each with the fields by which it groups
/// its matches: those of [`FIELDS`] that are columns of its `stats` table with one text in each
/// row. If there is no such column, these are the fields in [`USUAL`].
fn rules(run: &Run, tables: &dyn Tables, texts: &mut Texts) -> Result<HashMap<TextId, Rule>, AnswerError> {
    let mut rules = HashMap::new();
    let matching = |detection: &&DetectionRecord| detection.matches + detection.recovered_matches > 0;
    for DetectionRecord { id, name, .. } in run.detections.iter().filter(matching) {
        let table = TableId::Stats(id);
        let mut by = Vec::new();
        if tables.has(table) {
            let columns = tables.columns(table).map_err(AnswerError::of(table))?;
            let single = columns.iter().filter(|column| column.kind == ColumnType::Text);
            by.extend(single.filter_map(|column| {
                FIELDS.iter().position(|field| field.names.contains(&column.name.as_ref()))
            }));
        }
        if by.is_empty() {
            by.extend(USUAL);
        }
        if let (Some(id), Some(name)) = (texts.id(id), texts.id(name)) {
            rules.insert(id, Rule { name, by });
        }
    }
    Ok(rules)
}

/// What all matches of a group have in common: the host, the detection, whether they were found in
/// deleted records only, and the fields of [`FIELDS`] by which the detection groups.
type Key = (usize, TextId, bool, [TextId; FIELDS.len()]);

/// Puts matches into groups, one by one, in the order of `matches.parquet`.
#[derive(Debug)]
struct Grouper {
    matches: GroupedMatches,
    rules: HashMap<TextId, Rule>,
    room: Room,
    /// The index of each group among those of its host, by what the group's matches have in common.
    keys: FastMap<Key, usize>,
    /// The texts that a group shows for an answer, by the answer as logged and the status of the
    /// query. They are computed once for each pair.
    answers: FastMap<(TextId, TextId), SetId>,
    /// What [`odd`] returned for each combination of queried name, program and account, so that it
    /// is not called for each match. It is emptied when it has more than [`MOST_REMEMBERED`]
    /// combinations.
    odd: FastMap<[TextId; 3], Option<TextId>>,
    /// The event of the row before: its piece of evidence, its file, and its offset in the file. An
    /// event has a row for each detection that describes it, and these rows are adjacent.
    before: Option<(TextId, TextId, i64)>,
}

impl Grouper {
    fn add(&mut self, found: &Found) {
        let event = Some((found.place.evidence, found.place.path, found.place.offset));
        if std::mem::replace(&mut self.before, event) != event && !found.recovered {
            self.add_event(found);
        }
        let Some(place) = found.host else { return };
        let group = self.group(place, found);
        let Some(host) = self.matches.hosts.get_mut(place) else { return };
        let Some(group) = group.and_then(|group| host.groups.get_mut(group)) else {
            host.ungrouped += 1;
            return;
        };
        let sets = &mut self.matches.sets;
        group.count += 1;
        if found.at < group.earliest {
            (group.earliest, group.place, group.process) = (found.at, found.place, found.process);
        }
        group.last = group.last.max(found.at.1);
        group.images = sets.with(group.images, found.image);
        group.names = sets.with(group.names, found.name);
        group.users = sets.with(group.users, found.user);
        group.patterns = sets.joined(group.patterns, found.patterns);
        group.answer_patterns = sets.joined(group.answer_patterns, found.answer_patterns);
        let texts = &mut self.matches.texts;
        let answers = self.answers.entry((found.results, found.status));
        let answers = *answers.or_insert_with(|| answers_of(found, texts, sets));
        group.answers = sets.joined(group.answers, answers);
        let names = [found.name, found.image, found.user];
        if self.odd.len() > MOST_REMEMBERED {
            self.odd.clear();
        }
        let odd = *self.odd.entry(names).or_insert_with(|| odd(names, texts));
        for doubt in [doubt(found, texts), odd].into_iter().flatten() {
            group.doubts = sets.with(group.doubts, doubt);
        }
    }

    /// Counts an event in the hours of its host, and keeps it if it is the earliest of its host or
    /// of all hosts. The event must not be in a deleted record. Must be called once for an event,
    /// even if several detections describe it.
    fn add_event(&mut self, found: &Found) {
        let Found { at, computer, process, image, name, user, .. } = *found;
        let first = FirstMatch { at, computer, process, image, name, user };
        let is_earlier = |known: &FirstMatch| at < known.at;
        if self.matches.first.as_ref().is_none_or(is_earlier) {
            self.matches.first = Some(first);
        }
        let Some(host) = found.host.and_then(|host| self.matches.hosts.get_mut(host)) else { return };
        if host.first.as_ref().is_none_or(is_earlier) {
            host.first = Some(first);
        }
        if let Some(time) = at.1 {
            let hour = time.ticks().div_euclid(TICKS_PER_HOUR);
            if host.hours.len() < MOST_HOURS || host.hours.contains_key(&hour) {
                *host.hours.entry(hour).or_default() += 1;
            } else {
                host.unplaced += 1;
            }
        }
    }

    /// Returns the index of a match's group among the groups of its host. `place` is the index of
    /// the host. Begins the group if there is none yet. `None` if the page has no room for another
    /// group, or had none for one of the match's texts.
    fn group(&mut self, place: usize, found: &Found) -> Option<usize> {
        let rule = self.rules.get(&found.detection_id);
        let by = rule.map_or(&USUAL[..], |rule| &rule.by);
        let mut key = [TextId::default(); FIELDS.len()];
        for index in by {
            if let Some((field, value)) = FIELDS.get(*index).zip(key.get_mut(*index)) {
                *value = (field.value)(found);
            }
        }
        let key = (place, found.detection_id, found.recovered, key);
        if let Some(known) = self.keys.get(&key).filter(|_| found.is_whole) {
            return Some(*known);
        }
        let groups = &mut self.matches.hosts.get_mut(place)?.groups;
        if !found.is_whole || !self.room.has(place, found.at) {
            return None;
        }
        groups.push(Group::new(rule.map_or(found.detection_id, |rule| rule.name), found));
        self.keys.insert(key, groups.len() - 1);
        Some(groups.len() - 1)
    }
}

impl Group {
    /// Returns a new group for the match `found` and the matches that agree with it. The match
    /// itself is not counted yet. `detection` is the name of the detection.
    fn new(detection: TextId, found: &Found) -> Self {
        let none = SetId::default();
        Group {
            detection,
            count: 0,
            earliest: found.at,
            last: None,
            process: found.process,
            images: none,
            names: none,
            patterns: none,
            answers: none,
            answer_patterns: none,
            users: none,
            place: found.place,
            doubts: none,
        }
    }
}

/// Returns the items of the DNS answer to a match's query, each with its type. If there are none,
/// returns the status of the query.
fn answers_of(found: &Found, texts: &mut Texts, sets: &mut Sets) -> SetId {
    let answers = QueryResults::parse(texts.text(found.results)).answers;
    let answers: Vec<String> =
        answers.iter().map(|answer| format!("{} {}", answer.kind, answer.data)).collect();
    let answers = answers.iter().filter_map(|answer| texts.id(answer));
    let answers =
        answers.collect::<Vec<_>>().into_iter().fold(SetId::default(), |set, text| sets.with(set, text));
    if answers != SetId::default() {
        return answers;
    }
    let status = match texts.text(found.status) {
        "0" | "" => "no answer logged".to_owned(),
        code => query_status_name(code)
            .map_or_else(|| format!("status {code}"), |name| format!("{name} ({code})")),
    };
    texts.id(&status).map_or(answers, |status| sets.with(answers, status))
}
