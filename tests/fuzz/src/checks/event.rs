//! Events to evaluate a search on, and the check that a search's literals (texts that a matching
//! event must contain) are right.

use dnsweep::internals::detect::{Field, FieldTest, Predicate, Search, StatsTable};
use dnsweep::internals::event::{DNS_QUERY, Event, EventTime, System};

/// Makes a Sysmon event 22 (a DNS query) with every field set.
fn base() -> Event {
    let system = System {
        version: Some(5),
        event_record_id: Some(7),
        computer: "PC1.corp.example".to_owned(),
        time_created: EventTime::parse_logged("2024-01-31T10:15:31.5Z"),
        time_created_raw: "2024-01-31T10:15:31.5000000Z".to_owned(),
        user_id: Some("S-1-5-18".to_owned()),
        ..DNS_QUERY.system()
    };
    Event::new(&DNS_QUERY, system)
        .with("RuleName", "-")
        .with("UtcTime", "2024-01-31 10:15:30.123")
        .with("ProcessGuid", "f20b227d-c5d4-640f-3005-000000000700")
        .with("ProcessId", "740")
        .with("QueryName", "pastebin.com")
        .with("QueryStatus", "0")
        .with("QueryResults", "::ffff:192.0.2.1;")
        .with("Image", r"C:\Windows\System32\cmd.exe")
        .with("User", r"CORP\alice")
}

/// Makes events that the search is likely to match, because a fuzzer would not find one by chance.
/// Every field gets the text of one of the search's patterns for it: the first pattern in one
/// event, the last in another, in upper case in a third.
fn events(predicate: &Predicate) -> Vec<Event> {
    let mut patterns = Vec::new();
    collect(predicate, &mut patterns);
    let of = |chosen: &mut dyn Iterator<Item = &(Field, String)>, upper: bool| {
        let mut event = base();
        for (field, text) in chosen {
            set(&mut event, *field, if upper { text.to_uppercase() } else { text.clone() });
        }
        event
    };
    vec![
        base(),
        Event::new(&DNS_QUERY, System::default()),
        of(&mut patterns.iter(), false),
        of(&mut patterns.iter().rev(), false),
        of(&mut patterns.iter().rev(), true),
    ]
}

/// Collects the texts of a predicate's patterns, with other text in the place of wildcards.
fn collect(predicate: &Predicate, patterns: &mut Vec<(Field, String)>) {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            for child in children {
                collect(child, patterns);
            }
        }
        Predicate::Not(child) => collect(child, patterns),
        Predicate::Matches { field, pattern } => patterns.push((*field, pattern.text().replace('*', "-"))),
        Predicate::Fits { field, expression } => {
            patterns.push((*field, expression.text().replace(['*', '?'], "-")));
        }
        Predicate::InNetwork { field, network } => patterns.push((*field, network.text())),
        Predicate::Compare { field, value, .. } => patterns.push((*field, value.clone())),
        Predicate::Passes { field, test: FieldTest::Number { value, .. } } => {
            patterns.push((*field, value.clone()));
        }
        Predicate::Empty(field) => patterns.push((*field, String::new())),
        Predicate::OneOf { field, patterns: set } => {
            patterns.extend(set.texts().map(|pattern| (*field, pattern.replace('*', "-"))));
        }
        Predicate::All
        | Predicate::ListedName(_)
        | Predicate::ListedAddress(_)
        | Predicate::Sysmon
        | Predicate::Exists(_)
        | Predicate::Computed(_)
        | Predicate::Passes { .. } => {}
    }
}

fn set(event: &mut Event, field: Field, text: String) {
    let system = &mut event.system;
    match field {
        // Only Windows' own DNS client logs the other fields.
        Field::Data(name) if DNS_QUERY.field(name).is_none() => {}
        Field::Data(name) => {
            event.set(name, Some(text));
        }
        Field::Channel => system.channel = text,
        Field::Computer => system.computer = text,
        Field::EventId => system.event_id = text.parse().unwrap_or(22),
        Field::ProcessName => {
            event.set("Image", Some(format!("C:\\{text}")));
        }
        Field::Provider => system.provider = text,
        Field::UserId => system.user_id = Some(text),
        Field::Answer => {
            event.set("QueryResults", Some(format!("type: 5 {text};")));
        }
        Field::AnswerCount
        | Field::EventRecordId
        | Field::QueryCount
        | Field::RecordType
        | Field::ReplyCode
        | Field::Signature
        | Field::Time
        | Field::VendorProduct => {}
    }
}

/// Returns the value of the field of this name in an event's data.
fn data<'a>(event: &'a Event, name: &str) -> &'a str {
    assert!(DNS_QUERY.field(name).is_some(), "no such element: {name}");
    event.get(name).unwrap_or_default()
}

/// Evaluates a search on events that are made for it.
pub(super) fn evaluate(search: &Search) {
    let required = search.predicate.required_texts();
    let mut stats = search.stats.as_ref().map(StatsTable::new);
    for event in events(&search.predicate) {
        let matches = search.predicate.evaluate(&event);
        let hits = search.predicate.hits(&event);
        assert!(
            matches || hits == dnsweep::internals::detect::Hits::default(),
            "hits of what does not match: {hits:?}"
        );
        for set in required.iter().filter(|_| matches) {
            assert!(
                set.iter().any(|required| {
                    required.text.is_in(&data(&event, required.data_name).to_ascii_lowercase())
                }),
                "{set:?} is not in {event:?}"
            );
        }
        for name in ["dest", "count", "_time", "Image", ""] {
            let _ = search.value_of(name, &event);
        }
        if let Some(stats) = &mut stats {
            stats.add(&event);
        }
    }
    if let Some(stats) = stats {
        let columns = stats.columns().count();
        assert!(stats.into_rows().all(|row| row.len() == columns));
    }
}
