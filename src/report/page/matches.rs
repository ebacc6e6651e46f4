//! The matches on the page: those of the first hosts in a card (a box) for each host, and those of
//! all hosts packed for the grid (a list that can be searched) that the page's script makes.
//! Matches that agree in some fields, such as program and queried name, are one row.

use super::columns::{Columns, packed_within};
use super::document::{Card, Kind, Listing};
use super::groups::{Group, GroupedMatches, HostGroups, Place, hosts_with_matches};
use super::processes::{self, Tree};
use super::texts::{SetId, TextId};
use super::words::{evidence, host, optional_time, path, seconds, text, time};
use crate::event::EventTime;
use crate::report::answer::{Answer, HostInDetail, UtcTime};
use crate::report::wording::{counted, grouped};

/// The maximum number of hosts that have a card, a box with the host's matches. Further hosts are
/// only counted.
const MOST_CARDS: usize = 50;
/// The maximum number of rows in the list of one host's matches. A row is a group of matches that
/// agree in some fields, such as program and queried name. Further groups are only counted.
const MOST_GROUPS: usize = 40;
/// The maximum number of bytes of HTML of the process trees in all hosts' cards together.
const MOST_TREE_BYTES: usize = 500_000;
/// The maximum number of bytes of HTML of the lists of matches in all hosts' cards together.
const MOST_CARD_BYTES: usize = 400_000;

/// Returns the cards (boxes with a host's matches) of the first hosts with matches, and a sentence
/// on how many hosts with matches have no card; empty if each has one.
pub(super) fn cards(answer: &Answer, matches: &GroupedMatches) -> (Vec<Card>, String) {
    let has_several = answer.run.detections.len() > 1;
    let (mut room, mut tree_room) = (MOST_CARD_BYTES, MOST_TREE_BYTES);
    let hosts = hosts_with_matches(answer);
    let each = |(host, groups): (&&HostInDetail, &HostGroups)| {
        let (tree, left) = processes::tree(host, tree_room);
        let card = Card { tree, ..card(matches, host, groups, has_several, room) };
        (room, tree_room) = (card.groups.room(), left);
        card
    };
    let cards: Vec<Card> = hosts.iter().zip(&matches.hosts).take(MOST_CARDS).map(each).collect();
    let more = (hosts.len() - cards.len()) as u64 + answer.hosts.cut();
    let left_out = match more {
        0 => String::new(),
        more => {
            let hosts = counted(more, "more host with matches is", "more hosts with matches are");
            format!("{hosts} not listed one by one: search all above, or see matches.parquet.")
        }
    };
    (cards, left_out)
}

/// Returns the card of a host with matches (a box with the list of the matches), still without its
/// process tree. The list takes at most `room` bytes of HTML. If `has_several` is true (several
/// detections ran), it also names the detection of each group of matches.
fn card(
    matches: &GroupedMatches,
    of: &HostInDetail,
    HostGroups { groups, ungrouped, .. }: &HostGroups,
    has_several: bool,
    room: usize,
) -> Card {
    let mut list = Listing::new(
        "Matches of the host",
        &[
            ("First and last (UTC)", Kind::Time),
            ("Times", Kind::Number),
            ("Program", Kind::Code),
            ("Asked for, by the rule's pattern", Kind::Code),
            ("Answer, and remarks", Kind::Text),
            ("Account", Kind::Text),
            ("Record of the first", Kind::Code),
        ],
        "No match is listed here: search all above.",
    )
    .with_room(room);
    let lines = |set: SetId| matches.sets.lines(set, &matches.texts);
    let shown = |id: TextId| text(matches.texts.text(id));
    for group in groups.iter().take(MOST_GROUPS) {
        let mut program = vec![shown(group.process)];
        program.extend(lines(group.images).into_iter().filter(|image| *image != shown(group.process)));
        program.extend(has_several.then(|| shown(group.detection)));
        let mut names = lines(group.names);
        names.extend(lines(group.patterns).into_iter().map(|pattern| format!("by {pattern}")));
        let mut answers = lines(group.answers);
        answers.extend(lines(group.answer_patterns).into_iter().map(|pattern| format!("by {pattern}")));
        answers.extend(lines(group.doubts));
        let place = place(matches, &group.place).into_iter().filter(|line| !line.is_empty()).collect();
        list.push_lines([
            times(group),
            vec![grouped(group.count)],
            program,
            names,
            answers,
            lines(group.users),
            place,
        ]);
    }
    let more = (groups.len() - list.rows.len()) as u64;
    let mut cut = Vec::new();
    if more > 0 {
        cut.push(format!("{} of this host: search all above.", counted(more, "more group", "more groups")));
    }
    if *ungrouped > 0 {
        let matches = counted(*ungrouped, "match is", "matches are");
        cut.push(format!("{matches} in no group here: see matches.parquet."));
    }
    let groups = list.titled("", cut.join(" "));
    Card { host: host(&of.facts), about: about(of), groups, tree: Tree::default() }
}

/// Returns where a record is, as the page shows it, in three lines: the name of the piece of
/// evidence, the path of the file, and the record's EventRecordID and offset in the file. The first
/// line is empty if the path already begins with the name.
fn place(matches: &GroupedMatches, place: &Place) -> [String; 3] {
    let number = place.record_id.map(|id| format!("record {id}, ")).unwrap_or_default();
    let snapshot = place.snapshot.map(|at| format!(", shadow copy of {} UTC", time(UtcTime(at))));
    let deleted = if place.deleted_file { ", deleted file" } else { "" };
    let [evidence, file] = evidence_and_file(matches, place.evidence, place.path);
    [evidence, file, format!("{number}byte {}{}{deleted}", place.offset, snapshot.unwrap_or_default())]
}

/// Returns the name of a piece of evidence, and the path of a file in it, as the page shows them.
/// If the path already begins with the name, an empty text takes the place of the name.
fn evidence_and_file(matches: &GroupedMatches, evidence: TextId, file: TextId) -> [String; 2] {
    let [evidence, file] = [evidence, file].map(|id| matches.texts.text(id));
    let says_it = file.strip_prefix(evidence).is_some_and(|rest| rest.starts_with('/'));
    [if says_it { String::new() } else { text(evidence) }, path(file)]
}

fn times(group: &Group) -> Vec<String> {
    let [first, last] = [group.earliest.1, group.last].map(|at| at.map(|at| time(UtcTime(at))));
    let mut lines = vec![first.clone().unwrap_or_else(|| "no readable time".to_owned())];
    lines.extend(last.filter(|last| Some(last) != first.as_ref()));
    lines
}

/// Returns how many matches a host has, from when to when, and in which evidence, in a sentence.
fn about(of: &HostInDetail) -> String {
    let matches = &of.matches;
    let mut parts = vec![counted(matches.unique, "match", "matches")];
    let copies = matches.all.saturating_sub(matches.unique);
    if copies > 0 {
        parts.push(counted(copies, "copy of them", "copies of them"));
    }
    if matches.damaged > 0 {
        parts.push(format!("{} of them in damaged chunks", grouped(matches.damaged)));
    }
    if matches.recovered > 0 {
        parts.push(format!("{} in deleted records only", grouped(matches.recovered)));
    }
    if let Some((first, last)) = matches.first_time.zip(matches.last_time) {
        parts.push(span(first, last));
    }
    parts.push(
        matches
            .risk_score
            .map_or_else(|| "no risk score stated".to_owned(), |risk| format!("risk score {risk}")),
    );
    parts.push(format!("evidence {}", evidence(&of.facts)));
    parts.join("; ")
}

fn span(first: UtcTime, last: UtcTime) -> String {
    match (time(first), time(last)) {
        (first, last) if first == last => format!("at {first} UTC"),
        (first, last) => format!("from {first} to {last} UTC"),
    }
}

/// Returns the rows of the page's searchable list of matches, packed into at most `most` bytes of
/// text, and a sentence on what is left out; empty if nothing is. A row is a group of matches.
pub(super) fn packed(answer: &Answer, matches: &GroupedMatches, most: usize) -> (String, String) {
    let names: Vec<String> = hosts_with_matches(answer).iter().map(|of| host(&of.facts)).collect();
    let hosts = matches.hosts.iter().enumerate();
    let rows: Vec<(usize, &Group)> =
        hosts.flat_map(|(place, of)| of.groups.iter().map(move |group| (place, group))).collect();
    let (packed, shown) = packed_within(&rows, most, |rows| pack(matches, &names, rows));
    let mut left_out = Vec::new();
    if let more @ 1.. = (rows.len() - shown) as u64 {
        left_out.push(counted(more, "row of matches", "rows of matches"));
    }
    if let ungrouped @ 1.. = matches.hosts.iter().map(|of| of.ungrouped).sum() {
        left_out.push(counted(
            ungrouped,
            "match beyond the first ones of its host",
            "matches beyond the first ones of their hosts",
        ));
    }
    if answer.hosts.cut() > 0 {
        left_out.push(counted(answer.hosts.cut(), "host with matches", "hosts with matches"));
    }
    let left_out = if left_out.is_empty() {
        String::new()
    } else {
        format!("This page has no room for {}: see matches.parquet.", left_out.join(", and for "))
    };
    (packed, left_out)
}

fn pack(matches: &GroupedMatches, names: &[String], rows: &[(usize, &Group)]) -> String {
    let groups = || rows.iter().map(|(_, group)| *group);
    let shown = |id: TextId| text(matches.texts.text(id));
    let line = |set: SetId| matches.sets.lines(set, &matches.texts).join(", ");
    let file = |(evidence, file): (TextId, TextId)| {
        let [evidence, file] = evidence_and_file(matches, evidence, file);
        if evidence.is_empty() { file } else { format!("{evidence}: {file}") }
    };
    let at = |time: EventTime| seconds(UtcTime(time));
    let length = |group: &Group| Some(at(group.last?) - at(group.earliest.1?));
    Columns::of(rows.len())
        .texts("host", rows.iter().map(|(host, _)| *host), |host| {
            names.get(host).cloned().unwrap_or_default()
        })
        .numbers("first", groups().map(|group| group.earliest.1.map(at)))
        .numbers("length", groups().map(length))
        .numbers("count", groups().map(|group| i64::try_from(group.count).ok()))
        .texts("image", groups().map(|group| group.images), line)
        .texts("name", groups().map(|group| group.names), line)
        .texts("pattern", groups().map(|group| group.patterns), line)
        .texts("answers", groups().map(|group| group.answers), line)
        .texts("answer_pattern", groups().map(|group| group.answer_patterns), line)
        .texts("user", groups().map(|group| group.users), line)
        .texts("detection", groups().map(|group| group.detection), shown)
        .texts("doubt", groups().map(|group| group.doubts), line)
        .texts("evidence", groups().map(|group| (group.place.evidence, group.place.path)), file)
        .numbers("record", groups().map(|group| group.place.record_id))
        .numbers("offset", groups().map(|group| Some(group.place.offset)))
        .packed()
}

/// Returns the text above the lists of matches. It says what a row is, and when the first match
/// was.
pub(super) fn intro(matches: &GroupedMatches) -> String {
    let times = "Queries that the detection does not tell apart are one row: those of one host with the same program, name \
                 and answer. The row has the time of the first, that of the last, and how many there are.";
    let first = matches.first.as_ref().and_then(|first| first.at.1).map(UtcTime);
    let since = optional_time(first);
    if since.is_empty() { times.to_owned() } else { format!("{times} The first of all is at {since} UTC.") }
}
