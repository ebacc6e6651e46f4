//! Events to evaluate a search on, and what a search's soundness is.

use dnsweep::detect::{Field, Predicate, Search, StatsTable, Test};
use dnsweep::event::{DnsQueryEvent, EventTime, System};

/// A Sysmon event 22 with every field set.
fn base() -> DnsQueryEvent {
    DnsQueryEvent {
        system: System {
            provider: "Microsoft-Windows-Sysmon".to_owned(),
            channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
            event_id: 22,
            version: Some(5),
            event_record_id: Some(7),
            computer: "PC1.corp.example".to_owned(),
            time_created: EventTime::parse_logged("2024-01-31T10:15:31.5Z"),
            time_created_raw: "2024-01-31T10:15:31.5000000Z".to_owned(),
            user_id: Some("S-1-5-18".to_owned()),
        },
        rule_name: Some("-".to_owned()),
        utc_time: Some("2024-01-31 10:15:30.123".to_owned()),
        process_guid: Some("f20b227d-c5d4-640f-3005-000000000700".to_owned()),
        process_id: Some("740".to_owned()),
        query_name: Some("pastebin.com".to_owned()),
        query_status: Some("0".to_owned()),
        query_results: Some("::ffff:192.0.2.1;".to_owned()),
        image: Some(r"C:\Windows\System32\cmd.exe".to_owned()),
        user: Some(r"CORP\alice".to_owned()),
        query_type: None,
        query_options: None,
    }
}

/// Events that the search may well match: a fuzzer would not find one by chance. Every field is
/// given the text of one of the search's patterns for it: the first one in one event, the last in
/// another, in upper case in a third.
fn events(predicate: &Predicate) -> Vec<DnsQueryEvent> {
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
        DnsQueryEvent::default(),
        of(&mut patterns.iter(), false),
        of(&mut patterns.iter().rev(), false),
        of(&mut patterns.iter().rev(), true),
    ]
}

/// The text of patterns, with something in the place of the wildcards.
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
        Predicate::Passes { field, test: Test::Number { value, .. } } => {
            patterns.push((*field, value.clone()));
        }
        Predicate::Empty(field) => patterns.push((*field, String::new())),
        Predicate::All
        | Predicate::Sysmon
        | Predicate::Exists(_)
        | Predicate::Computed(_)
        | Predicate::Passes { .. } => {}
    }
}

fn set(event: &mut DnsQueryEvent, field: Field, text: String) {
    let system = &mut event.system;
    match field {
        Field::Channel => system.channel = text,
        Field::Computer => system.computer = text,
        Field::EventId => system.event_id = text.parse().unwrap_or(22),
        Field::Image => event.image = Some(text),
        Field::ProcessName => event.image = Some(format!("C:\\{text}")),
        Field::ProcessId => event.process_id = Some(text),
        Field::ProcessGuid => event.process_guid = Some(text),
        Field::Provider => system.provider = text,
        Field::QueryName => event.query_name = Some(text),
        Field::QueryOptions => event.query_options = Some(text),
        Field::QueryResults => event.query_results = Some(text),
        Field::QueryStatus => event.query_status = Some(text),
        Field::QueryType => event.query_type = Some(text),
        Field::RuleName => event.rule_name = Some(text),
        Field::User => event.user = Some(text),
        Field::UserId => system.user_id = Some(text),
        Field::UtcTime => event.utc_time = Some(text),
        Field::Answer => event.query_results = Some(format!("type: 5 {text};")),
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

/// The value of the `Data` element of that name.
fn data<'a>(event: &'a DnsQueryEvent, name: &str) -> &'a str {
    let value = match name {
        "Image" => &event.image,
        "QueryName" => &event.query_name,
        "QueryResults" => &event.query_results,
        "QueryStatus" => &event.query_status,
        "RuleName" => &event.rule_name,
        "User" => &event.user,
        other => panic!("no such element: {other}"),
    };
    value.as_deref().unwrap_or_default()
}

/// Evaluates a search on events that are made for it.
pub(super) fn evaluate(search: &Search) {
    let required = search.predicate.required_literals();
    let mut stats = search.stats.as_ref().map(StatsTable::new);
    for event in events(&search.predicate) {
        let matches = search.predicate.evaluate(&event);
        let hits = search.predicate.hits(&event);
        assert!(matches || hits == dnsweep::detect::Hits::default(), "hits of what does not match: {hits:?}");
        for set in required.iter().filter(|_| matches) {
            assert!(
                set.iter().any(|required| {
                    data(&event, required.data_name).to_ascii_lowercase().contains(&required.literal)
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
