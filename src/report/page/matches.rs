//! The matches on the page: for each host in groups, and all groups packed for the grid.

use super::columns::{Columns, packed_within};
use super::document::{Card, Kind, Listing};
use super::groups::{Group, Grouping};
use super::words::{evidence, host, optional_time, seconds, time};
use crate::report::answer::{Answer, HostInDetail, UtcTime};
use crate::report::wording::{counted, grouped};

/// The most hosts whose matches are listed one host after the other.
const MOST_CARDS: usize = 50;
/// The most groups in the list of a host.
const MOST_GROUPS: usize = 40;
/// The most rows of the grid.
const MOST_ROWS: usize = 100_000;
/// The most bytes of the lists of all hosts together.
const MOST_CARD_BYTES: usize = 400_000;

/// The matches of a host, in groups.
pub(super) struct HostGroups {
    /// The host's name.
    host: String,
    /// The host in a sentence.
    about: String,
    /// The number of matches that are in no group, because the answer does not list them.
    unlisted: u64,
    /// The groups, by the time of their first match.
    groups: Vec<Group>,
}

/// Returns the matches of all hosts that the answer lists, the worst host first. Hosts with matches
/// in deleted records only come last. The answer has no matches any more, which frees memory.
pub(super) fn grouped_matches(answer: &mut Answer, grouping: &Grouping) -> Vec<HostGroups> {
    let recovered = answer.uncleared.items.iter_mut().filter(|host| host.matches.recovered > 0);
    let hosts = answer.hosts.items.iter_mut().chain(recovered);
    let each = hosts.map(|of| {
        let (about, groups, unlisted) = (about(of), grouping.groups(of), of.matches.listed.cut());
        of.matches.listed.items = Vec::new();
        HostGroups { host: host(&of.facts), about, unlisted, groups }
    });
    each.collect()
}

/// Returns the matches of the first hosts, one host after the other, and what this leaves out.
pub(super) fn cards(answer: &Answer, matches: &[HostGroups]) -> (Vec<Card>, String) {
    let has_several = answer.run.detections.len() > 1;
    let mut room = MOST_CARD_BYTES;
    let each = |of: &HostGroups| {
        let card = card(of, has_several, room);
        room = card.groups.room();
        card
    };
    let cards: Vec<Card> = matches.iter().take(MOST_CARDS).map(each).collect();
    let more = (matches.len() - cards.len()) as u64 + answer.hosts.cut();
    let left_out = match more {
        0 => String::new(),
        more => {
            let hosts = counted(more, "more host with matches is", "more hosts with matches are");
            format!("{hosts} not listed one by one: search all above, or see matches.parquet.")
        }
    };
    (cards, left_out)
}

/// Returns a host with its matches, in a list for which there is this room.
fn card(of: &HostGroups, has_several: bool, room: usize) -> Card {
    let mut list = Listing::new(
        &[
            ("First and last (UTC)", Kind::Time),
            ("Times", Kind::Number),
            ("Program", Kind::Code),
            ("Asked for, by pattern", Kind::Code),
            ("Answer", Kind::Text),
            ("Account", Kind::Text),
            ("First one's place in the evidence", Kind::Code),
        ],
        "No match is listed here: search all above.",
    )
    .with_room(room);
    for group in of.groups.iter().take(MOST_GROUPS) {
        let mut program = vec![group.process.clone()];
        program.extend(group.images.lines());
        program.extend(has_several.then(|| group.detection.clone()));
        let mut names = group.names.lines();
        names.extend(group.patterns.lines().into_iter().map(|pattern| format!("by {pattern}")));
        let mut answers = group.answers.lines();
        answers.extend(group.doubts.lines());
        let place = group.place.to_vec();
        list.push_lines([
            times(group),
            vec![grouped(group.count)],
            program,
            names,
            answers,
            group.users.lines(),
            place,
        ]);
    }
    let more = (of.groups.len() - list.rows.len()) as u64;
    let mut cut = Vec::new();
    if more > 0 {
        cut.push(format!("{} of this host: search all above.", counted(more, "more group", "more groups")));
    }
    if of.unlisted > 0 {
        cut.push(format!(
            "{} in no group here: see matches.parquet.",
            counted(of.unlisted, "match is", "matches are")
        ));
    }
    Card { host: of.host.clone(), about: of.about.clone(), groups: list.titled("", cut.join(" ")) }
}

fn times(group: &Group) -> Vec<String> {
    let mut lines = vec![group.first.map_or_else(|| "no readable time".to_owned(), time)];
    lines.extend(group.last.filter(|last| Some(*last) != group.first).map(time));
    lines
}

/// Returns a host's matches in a sentence.
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

/// Returns the groups of all hosts, packed for the grid into at most `most` bytes, and what this
/// leaves out.
pub(super) fn packed(answer: &Answer, matches: &[HostGroups], most: usize) -> (String, String) {
    let rows: Vec<(&str, &Group)> =
        matches.iter().flat_map(|of| of.groups.iter().map(|group| (of.host.as_str(), group))).collect();
    let (packed, shown) = packed_within(rows.get(..MOST_ROWS).unwrap_or(&rows), most, pack);
    let mut left_out = Vec::new();
    if let more @ 1.. = (rows.len() - shown) as u64 {
        left_out.push(counted(more, "row of matches", "rows of matches"));
    }
    let unlisted: u64 = matches.iter().map(|of| of.unlisted).sum();
    if unlisted > 0 {
        left_out.push(counted(
            unlisted,
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

fn pack(rows: &[(&str, &Group)]) -> String {
    let groups = || rows.iter().map(|(_, group)| *group);
    let number = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
    Columns::of(rows.len())
        .texts("host", rows.iter().map(|(host, _)| (*host).to_owned()))
        .numbers("first", groups().map(|group| group.first.map(seconds)))
        .numbers("last", groups().map(|group| group.last.map(seconds)))
        .numbers("count", groups().map(|group| number(group.count)))
        .texts("image", groups().map(|group| group.images.line()))
        .texts("name", groups().map(|group| group.names.line()))
        .texts("pattern", groups().map(|group| group.patterns.line()))
        .texts("answers", groups().map(|group| group.answers.line()))
        .texts("user", groups().map(|group| group.users.line()))
        .texts("detection", groups().map(|group| group.detection.clone()))
        .texts("doubt", groups().map(|group| group.doubts.line()))
        .texts("evidence", groups().map(|group| joined_place(&group.place)))
        .numbers("offset", groups().map(|group| Some(group.offset)))
        .packed()
}

fn joined_place([evidence, path, _]: &[String; 3]) -> String {
    format!("{evidence}: {path}")
}

/// Returns the text above the matches.
pub(super) fn intro(answer: &Answer) -> String {
    let times = "Matches of a host that agree in what the detection's stats groups by are one row, with the times of \
                 the first and the last.";
    let first = answer.first_match.as_ref().and_then(|first| first.found.time);
    let since = optional_time(first);
    if since.is_empty() { times.to_owned() } else { format!("{times} The first of all is at {since} UTC.") }
}
