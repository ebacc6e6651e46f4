//! Tests of modifiers: by cases that follow the specification's appendix on modifiers (2.1), and
//! against another evaluator of Sigma for the modifiers that it supports.

use super::super::encoding::{ValueEncoding, encoded};
use proptest::prelude::*;
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use rsigma_parser::parse_sigma_yaml;
use serde_json::json;

use super::*;

/// Returns a DNS query with numbers in its fields, to test Sigma's comparisons of numbers.
fn query() -> Event {
    let mut event = event(r"C:\Windows\a.exe", "Pastebin.com");
    event.set("QueryStatus", Some("9003".to_owned()));
    event.set("ProcessId", Some("4242".to_owned()));
    event
}

#[test]
fn numbers() {
    let event = query();
    for (line, expected) in [
        ("QueryStatus|gt: 9000", true),
        ("QueryStatus|gt: 9003", false),
        ("QueryStatus|gte: 9003", true),
        ("QueryStatus|lt: 10000", true),
        ("QueryStatus|lt: 9003", false),
        ("QueryStatus|lte: 9003", true),
        ("QueryStatus|gt: '9000'", true),
        ("QueryStatus|gt: 9002.5", true),
        ("QueryStatus|gt: 0x232A", true),
        ("QueryStatus|GT: 9000", true),
        // Compared by number, not by text. A value that is not a number is neither less nor
        // greater.
        ("ProcessId|lt: 5000", true),
        ("ProcessId|lt: 500", false),
        ("QueryName|gt: 0", false),
        ("QueryName|lt: 0", false),
        ("QueryStatus|gt: [9003, 9000]", true),
        ("QueryStatus|gt|all: [9003, 9000]", false),
        ("QueryStatus|gt|neq: 9003", true),
        // A number may have any form for a field of numbers, but not for another field.
        ("ProcessId: 0x1092", true),
        ("ProcessId: 04242", true),
        ("ProcessId: '04242'", false),
        ("EventID: 022", true),
        ("ProcessId: 99999999999999999999", false),
        ("QueryStatus: [0, \"9003\"]", true),
    ] {
        assert_eq!(holds(&selection(line), &event), expected, "{line}");
    }
}

#[test]
fn values_are_compared_as_they_are_written() {
    for (line, name, expected) in [
        ("QueryName: 1e3", "1e3", true),
        ("QueryName: 1e3", "1000", false),
        ("QueryName: 1.10", "1.10", true),
        ("QueryName: 1.10", "1.1", false),
        ("QueryName: yes", "yes", true),
        ("QueryName: yes", "true", false),
        ("QueryName: true", "true", true),
        ("QueryName: 2024-01-31", "2024-01-31", true),
        ("QueryName: 0x10", "0x10", true),
        ("QueryName: 0x10", "16", false),
        ("QueryName: 022", "022", true),
        ("QueryName: 'null'", "null", true),
        ("QueryName: null", "null", false),
        ("QueryName:", "x", false),
    ] {
        assert_eq!(holds(&selection(line), &event("", name)), expected, "{line} of {name}");
    }
}

#[test]
fn negated_comparisons() {
    let mut event = query();
    for (line, expected) in [
        ("QueryStatus|neq: 0", true),
        ("QueryStatus|neq: 9003", false),
        ("QueryName|neq: pastebin.COM", false),
        ("QueryName|contains|neq: paste", false),
        ("QueryName|neq|contains: other", true),
        // Different from all of them.
        ("QueryStatus|neq: [0, 9003]", false),
        ("QueryStatus|neq: [0, 1]", true),
        ("QueryName|contains|all|neq: [paste, other]", true),
        ("QueryName|neq|re: '^P'", false),
        ("QueryName|neq|fieldref: Computer", true),
        ("User|neq: null", true),
    ] {
        assert_eq!(holds(&selection(line), &event), expected, "{line}");
    }
    event.set("User", None);
    assert!(holds(&selection("User|neq: x"), &event), "a field that is not there has no value");
    let filter = rule("    a: {QueryName|neq|expand: '%unknown%'}\n    condition: a");
    assert!(holds(&filter, &event), "it excludes nothing");
}

#[test]
fn other_fields() {
    let mut event = query();
    event.system.computer = "PASTEBIN.com".to_owned();
    event.set("RuleName", Some("x".to_owned()));
    for (line, expected) in [
        ("QueryName|fieldref: Computer", true),
        ("QueryName|fieldref|cased: Computer", false),
        ("Computer|fieldref|startswith: QueryName", true),
        ("Image|fieldref|contains: RuleName", true),
        ("Image|fieldref|startswith: RuleName", false),
        ("Image|fieldref|endswith: RuleName", false),
        ("Image|fieldref: [User, Image]", true),
    ] {
        assert_eq!(holds(&selection(line), &event), expected, "{line}");
    }
    event.set("RuleName", Some(String::new()));
    assert!(!holds(&selection("Image|fieldref|contains: RuleName"), &event), "nothing is no value");
}

/// Tests that the encoding modifiers of Sigma make the texts that the Sigma compiler pySigma makes.
#[test]
fn encoded_values() {
    for (line, name, expected) in [
        ("QueryName|base64: evil", "zxzpba==", true),
        ("QueryName|base64|cased: evil", "zxzpba==", false),
        ("QueryName|base64|contains: evil", "x.ZXZpbA==.example", true),
        ("QueryName|base64|contains: evil", "evil", false),
        ("QueryName|base64offset|contains: evil", "xV2aWx.example", true),
        ("QueryName|base64offset|contains: evil", "ldmls", true),
        ("QueryName|base64offset|contains: evil", "evil", false),
        ("QueryName|utf16le|base64|contains: evil", "ZQB2AGkAbAA=", true),
        ("QueryName|wide|base64offset|contains: evil", "aUAdgBpAGwAb", true),
        ("QueryName|utf16be|base64: evil", "AGUAdgBpAGw=", true),
        ("QueryName|utf16|base64: evil", "//5lAHYAaQBsAA==", true),
        ("QueryName|utf16|base64offset|contains: evil", "x/+ZQB2AGkAbAx", true),
        ("QueryName|BASE64OFFSET|Contains: evil", "ldmls", true),
        (r"QueryName|base64: 'a\*b'", "YSpi", true),
        ("QueryName|base64|contains|all: [evil, good]", "ZXZpbA== Z29vZA==", true),
        ("QueryName|base64|contains|all: [evil, good]", "ZXZpbA==", false),
    ] {
        assert_eq!(holds(&selection(line), &event("", name)), expected, "{line} of {name}");
    }
}

#[test]
fn parts_of_times() {
    let event = query();
    for (line, expected) in [
        ("UtcTime|hour: 10", true),
        ("UtcTime|hour: [9, 10]", true),
        ("UtcTime|hour|neq: 10", false),
        ("UtcTime|minute: 15", true),
        ("UtcTime|day: 31", true),
        ("UtcTime|week: 5", true),
        ("UtcTime|month: 1", true),
        ("UtcTime|month: 01", true),
        ("UtcTime|year: 2024", true),
        ("UtcTime|year: 2025", false),
    ] {
        assert_eq!(holds(&selection(line), &event), expected, "{line}");
    }
}

/// A line of a Sigma rule (a field with values) that has modifiers which `rsigma_eval`, another
/// evaluator of Sigma, implements as in the specification. That evaluator supports `fieldref` only
/// alone, and `neq` only for one value and a field that the event has.
fn modified_line() -> impl Strategy<Value = String> {
    let field = || prop::sample::select(&["QueryName", "Image", "User"][..]);
    let operator = prop::sample::select(&["gt", "gte", "lt", "lte"][..]);
    let encoding = prop::sample::select(
        &[
            "base64",
            "base64|contains",
            "utf16le|base64",
            "wide|base64|contains",
            "utf16be|base64",
            "utf16|base64",
        ][..],
    );
    let part = prop::sample::select(&["minute", "hour", "day", "week", "month", "year"][..]);
    prop_oneof![
        (operator, 0_u16..30).prop_map(|(operator, number)| format!("QueryStatus|{operator}: {number}")),
        (field(), encoding, "[ab.]{1,3}")
            .prop_map(|(field, encoding, text)| format!("{field}|{encoding}: '{text}'")),
        (field(), field()).prop_map(|(field, other)| format!("{field}|fieldref: {other}")),
        (field(), field()).prop_map(|(field, other)| format!("{field}|fieldref|cased: {other}")),
        (field(), "[abAB.]{1,3}").prop_map(|(field, text)| format!("{field}|neq: '{text}'")),
        (part, 0_u16..35).prop_map(|(part, number)| format!("UtcTime|{part}: {number}")),
    ]
}

/// Makes a value for a field of an event: the Base64 of a text that lines of [`modified_line`] can
/// have, or any text.
fn value() -> impl Strategy<Value = String> {
    let text = prop::sample::select(&["a", "ab", "ab.", "b.a"][..]);
    let kind = prop::sample::select(
        &[ValueEncoding::Utf16Le, ValueEncoding::Utf16Be, ValueEncoding::Utf16WithMark][..],
    );
    prop_oneof![
        "[abAB.]{1,4}",
        text.clone().prop_map(|text| encoded(text, &[ValueEncoding::Base64])
            .expect("any text has a Base64")
            .remove(0)),
        (text, kind).prop_map(|(text, kind)| encoded(text, &[kind, ValueEncoding::Base64])
            .expect("any text has a Base64")
            .remove(0)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    /// Tests that `rsigma_eval`, another evaluator of Sigma, has the same result as dnsweep for a
    /// rule with any of the modifiers in [`modified_line`].
    #[test]
    fn another_evaluator_agrees_on_modifiers(
        line in modified_line(),
        query in value(),
        image in value(),
        user in value(),
        status in 0_u16..30,
        time in (1_u8..=12, 1_u8..=28, 0_u8..24, 0_u8..60),
    ) {
        let text = selection(&line);
        let (month, day, hour, minute) = time;
        let time = format!("2024-{month:02}-{day:02} {hour:02}:{minute:02}:00");
        let fields = json!({"QueryName": query, "Image": image, "User": user, "QueryStatus": status, "UtcTime": time});
        let mut engine = Engine::new();
        let rules = parse_sigma_yaml(&text).expect("the rule is YAML");
        engine.add_collection(&rules).expect("the other evaluator knows the rule");
        let theirs = !engine.evaluate(&JsonEvent::borrow(&fields)).is_empty();
        let event = event(&image, &query)
            .with("User", user)
            .with("QueryStatus", status.to_string())
            .with("UtcTime", time);
        prop_assert_eq!(holds(&text, &event), theirs, "{}", text);
    }
}
