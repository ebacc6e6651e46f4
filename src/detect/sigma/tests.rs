//! Tests of Sigma rules, by cases: what they match, and how errors are reported.

mod headers;
mod modifiers;
mod other_evaluator;
mod sources;

use crate::detect::detection::{Detection, EventSource, Language};
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::testing::event;
use crate::event::Event;

/// Compiles a Sigma rule to a detection, with the site's values for its placeholders. The error
/// says what is not understood.
fn detection(text: &str, placeholders: &Placeholders) -> Result<Detection, String> {
    Detection::from_yaml(text, "rule.yml", placeholders).map_err(|error| error.to_string())
}

/// The text of a Sigma rule with this `detection` section.
fn rule(detection: &str) -> String {
    format!(
        "title: Test\nid: test-1\nlogsource: {{category: dns_query, product: windows}}\nlevel: high\nstatus: test\n\
         tags: [attack.execution, attack.ta0002, attack.t1059.005]\ndetection:\n{detection}\n"
    )
}

/// The text of a Sigma rule whose only part is a selection with this line, such as `QueryName:
/// a.com`.
fn selection(line: &str) -> String {
    rule(&format!("    selection:\n        {line}\n    condition: selection"))
}

fn placeholders() -> Placeholders {
    Placeholders::from_yaml("internal: ['*.corp.example', wpad]\n").expect("the file is valid")
}

fn parsed(text: &str) -> Detection {
    detection(text, &placeholders()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn holds(text: &str, event: &Event) -> bool {
    parsed(text).search.predicate.evaluate(event)
}

#[test]
fn descriptive_keys_of_a_rule() {
    let rule = parsed(&selection("QueryName: x"));
    assert_eq!((rule.id.as_str(), rule.name.as_str(), rule.language), ("test-1", "Test", Language::Sigma));
    assert_eq!((rule.risk_score, rule.status.as_deref()), (Some(68), Some("test")));
    assert_eq!(
        (rule.detection_type.as_deref(), &rule.mitre_attack_id[..]),
        (Some("high"), &["T1059.005".to_owned()][..])
    );
    let event = event(r"C:\a.exe", "x");
    assert_eq!(rule.risk_message(&event).as_deref(), Some(r"Test: C:\a.exe asked for x on PC1.corp.example"));
}

#[test]
fn only_event_22_of_sysmon_matches() {
    let text = selection("QueryName: x");
    let mut other = event(r"C:\a.exe", "x");
    assert!(holds(&text, &other));
    other.system.event_id = 1;
    assert!(!holds(&text, &other));
    other.system.event_id = 22;
    other.system.provider = "Microsoft-Windows-DNS-Client".to_owned();
    other.system.channel = "Microsoft-Windows-DNS-Client/Operational".to_owned();
    assert!(!holds(&text, &other));
}

#[test]
fn values_and_modifiers() {
    let mut event = event(r"C:\Users\Public\a-b.exe", "Client.Medium.com");
    event.set("User", None);
    event.set("RuleName", Some(String::new()));
    for (line, expected) in [
        ("QueryName: client.medium.com", true),
        ("QueryName: medium", false),
        ("QueryName: [x, client.medium.COM]", true),
        ("QueryName: 'client.*'", true),
        ("QueryName: 'client?medium.com'", true),
        ("QueryName: 'clien?medium.com'", false),
        (r"QueryName: 'client\*'", false),
        ("QueryName|contains: medium", true),
        ("QueryName|startswith: client", true),
        ("QueryName|startswith: medium", false),
        ("QueryName|endswith: .com", true),
        ("QueryName|endswith: .medium", false),
        ("QueryName|contains|all: [client, com]", true),
        ("QueryName|contains|all: [client, org]", false),
        ("QueryName|cased: client.medium.com", false),
        ("QueryName|cased: Client.Medium.com", true),
        ("QueryName|contains|cased: Medium", true),
        ("QueryName|contains|cased: medium", false),
        (r"QueryName|re: '^[A-Z]\w+\.M'", true),
        (r"QueryName|re: '^client'", false),
        (r"QueryName|re|i: '^client'", true),
        (r"Image: 'C:\Users\Public\a-b.exe'", true),
        (r"Image|endswith: '\a-b.exe'", true),
        (r"Image|contains: '\\Public\\'", true),
        (r"Image|contains: '\Users\'", true),
        ("Image|contains|windash: ' -b'", false),
        ("QueryResults|cidr: 192.0.2.0/24", true),
        ("QueryResults|cidr: 198.51.100.0/24", false),
        ("User|exists: false", true),
        ("User|exists: true", false),
        ("User|exists: no", true),
        ("RuleName|exists: 'Yes'", true),
        ("RuleName|exists: true", true),
        ("User: null", true),
        ("RuleName: null", false),
        ("RuleName: ''", true),
        ("User: ''", false),
        ("RuleName: '*'", true),
        ("User: '*'", false),
        ("RuleName|re: '^$'", true),
        ("EventID: 22", true),
        ("ProcessGuid: '{F20B227D-C5D4-640F-3005-000000000700}'", true),
        ("ProcessId: 740", true),
        ("QueryStatus: '0'", true),
        ("QueryName|expand: '%internal%'", false),
        ("Computer|expand: '%internal%'", true),
        ("Computer|expand|all: ['%internal%', 'pc1*']", true),
        ("Provider_Name: Microsoft-Windows-Sysmon", true),
    ] {
        assert_eq!(holds(&selection(line), &event), expected, "{line}");
    }
}

#[test]
fn dashes_of_windows() {
    let mut event = event("", "x");
    for (text, expected) in [
        ("a -b", true),
        ("a /b", true),
        ("a \u{2014}b", true),
        ("a b", false),
        ("a-b", false),
        ("a - b", false),
    ] {
        event.set("Image", Some(text.to_owned()));
        assert_eq!(holds(&selection("Image|windash: 'a -b'"), &event), expected, "{text}");
    }
    event.set("Image", Some("a / b".to_owned()));
    assert!(!holds(&selection("Image|windash: 'a - b'"), &event), "the dash is not before a word");
}

#[test]
fn conditions() {
    let event = event(r"C:\a.exe", "x");
    let parts = "    y1: {QueryName: x}\n    y2: {Image|contains: a}\n    n1: {QueryName: z}\n    n2: [{QueryName: z}, {Image: z}]\n    _y: {QueryName: x}";
    for (condition, expected) in [
        ("y1", true),
        ("n1 or y1", true),
        ("n1 and y1 or y2", true),
        ("y1 or y2 and n1", true),
        ("(y1 or y2) and n1", false),
        ("not n1", true),
        ("not n1 and n2", false),
        ("not (n1 and n2)", true),
        ("1 of y*", true),
        ("1 of n*", false),
        ("all of y*", true),
        ("all of them", false),
        ("any of them", true),
        ("y1 and not 1 of n*", true),
        ("2 of y*", true),
        ("2 of them", true),
        ("3 of them", false),
    ] {
        let text = rule(&format!("{parts}\n    condition: {condition}"));
        assert_eq!(holds(&text, &event), expected, "{condition}");
    }
    // The rule compiles to the same predicate each time.
    let text = rule(&format!("{parts}\n    condition: 1 of them"));
    assert!((0..20).all(|_| parsed(&text) == parsed(&text)));
    let several = rule(&format!("{parts}\n    condition:\n        - n1\n        - y1"));
    assert!(holds(&several, &event));
}

#[test]
fn a_placeholder_without_values_excludes_nothing_and_finds_nothing() {
    let filter = rule(
        "    selection: {QueryName: x}\n    filter_main: {Image|expand: '%unknown%'}\n    condition: selection and not 1 of filter_*",
    );
    let taken = parsed(&filter);
    assert!(taken.search.predicate.evaluate(&event(r"C:\a.exe", "x")));
    assert_eq!(taken.notes, ["the placeholder %unknown% has no values, so it excludes nothing"]);
    let error = detection(&selection("QueryName|expand: '%unknown%'"), &placeholders()).unwrap_err();
    assert!(error.contains("give them with --placeholders"), "{error}");
    // If all values must match, a placeholder without values makes the line false.
    let all = rule(
        "    selection: {QueryName: x}\n    filter_main: {Image|contains|expand|all: ['%unknown%', a]}\n    condition: selection and not 1 of filter_*",
    );
    assert!(holds(&all, &event(r"C:\a.exe", "x")));
    // A part below two `not`s makes a match more likely, like a part below none.
    let twice = rule("    a: {Image|expand: '%unknown%'}\n    condition: not (not a)");
    assert!(detection(&twice, &placeholders()).is_err());
}

/// Asserts that each Sigma rule is refused. A case is a rule and a text that the error must
/// contain.
fn assert_refusals(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let error = detection(text, &placeholders()).map(|_| ()).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.starts_with("rule.yml: line ") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_line_that_is_not_understood_is_refused() {
    assert_refusals(&[
        (
            selection("CommandLine: x"),
            "rule.yml: line 9, column 9: expected a field of a Sysmon DNS query (one of Channel, ",
        ),
        (selection("CommandLine: x"), "UtcTime), found 'CommandLine'"),
        (selection("queryname: x"), "found 'queryname'; did you mean 'QueryName'?"),
        (selection("QeuryName: x"), "found 'QeuryName'; did you mean 'QueryName'?"),
        (
            selection("QueryName|contians: x"),
            "line 9, column 9: QueryName|contians: expected a modifier, found 'contians'; did you mean 'contains'?",
        ),
        (selection("QueryName|equals: x"), "expected a modifier (one of contains, startswith"),
        (selection("QueryName|not: x"), "found 'not': write neq"),
        (selection("QueryName|contains|endswith: x"), "one of contains, startswith and endswith"),
        (selection("QueryName|re|contains: x"), "expected modifiers that can be combined"),
        (selection("QueryName|contains|i: x"), "expected modifiers that can be combined"),
        (selection("QueryName|gt|contains: 1"), "expected modifiers that can be combined"),
        (selection("QueryName|re|base64: x"), "expected modifiers that can be combined"),
        (selection("QueryName|gt|lt: 1"), "expected only one of re, cidr"),
        (selection("QueryName|gt: x"), "line 9, column 23: QueryName|gt: expected a number, found 'x'"),
        (selection("QueryName|base64: 'a*b'"), "without wildcards"),
        (selection("QueryName|base64offset|contains: a"), "at least two bytes"),
        (selection("QueryName|fieldref: Imgae"), "did you mean 'Image'?"),
        (selection("QueryName|hour: 3"), "expected UtcTime"),
        (selection("UtcTime|hour: x"), "expected a number"),
        (selection("QueryName|re: '(?=a)'"), "look-around"),
        (selection("QueryName|re: '(.)\\1'"), "backreferences"),
        (selection("QueryName|cidr: x"), "expected a network"),
        (selection("QueryName|exists: x"), "expected true or false"),
        (selection("QueryName|contains: null"), "null"),
        (selection("QueryName: []"), "empty list"),
        (selection("QueryName: {a: b}"), "expected a value, found a mapping"),
    ]);
}

#[test]
fn a_condition_that_is_not_understood_is_refused() {
    let deep = rule(&format!("    a: {{QueryName: x}}\n    condition: {}a", "not ".repeat(200)));
    assert_refusals(&[
        (
            rule("    words: [a, b]\n    condition: words"),
            "line 8, column 12: expected conditions on fields, found values without a field (keywords)",
        ),
        (
            rule("    a: {QueryName: x}\n    condition: b"),
            "line 9, column 16: condition: expected the name of a part of the detection, found 'b'",
        ),
        (rule("    selection: {QueryName: x}\n    condition: selektion"), "did you mean 'selection'?"),
        (rule("    a: {QueryName: x}\n    condition: 1 of b*"), "or a pattern that fits one, found 'b*'"),
        (rule("    a: {QueryName: x}\n    condition: 2 of a*"), "expected 1 to 1"),
        (rule("    a: {QueryName: x}\n    condition: a and"), "found the end of the condition"),
        (rule("    a: {QueryName: x}\n    condition: a | count() > 5"), "counts over many events"),
        (rule("    a: {QueryName: x}\n    timeframe: 5m\n    condition: a"), "timeframe"),
        (
            rule("    a: {QueryName: x}"),
            "line 8, column 5: detection: expected parts and the key 'condition'",
        ),
        (
            rule("    a: {QueryName: x}\n    conditoin: a"),
            "line 9, column 5: detection: expected parts and the key 'condition', found 'conditoin'; did you mean 'condition'?",
        ),
        (
            selection("QueryName: x").replace("logsource:", "logsorce:"),
            "line 3, column 1: expected the key 'logsource', found 'logsorce'; did you mean 'logsource'?",
        ),
        (deep, "at most 100"),
    ]);
}

#[test]
fn a_header_that_is_not_understood_is_refused() {
    assert_refusals(&[
        (
            selection("QueryName: x").replace("level: high", "level: severe"),
            "line 4, column 8: level: expected one of informational, low, medium, high, critical, found 'severe'",
        ),
        (selection("QueryName: x").replace("level: high", "level: hihg"), "did you mean 'high'?"),
        (
            selection("QueryName: x").replace("status: test", "status: testing"),
            "status: expected one of stable",
        ),
        (
            selection("QueryName: x").replace("detection:", "detecton:"),
            "line 7, column 1: expected the key 'detection', found 'detecton'; did you mean 'detection'?",
        ),
        (
            selection("QueryName: x").replace("category: dns_query, product: windows", "categroy: dns_query"),
            "did you mean 'category'?",
        ),
        (format!("{0}---\n{0}", selection("QueryName: x")), "line 12: expected one rule, found a second one"),
        (
            "title: x\ncorrelation: {type: event_count}\n".to_owned(),
            "line 2, column 1: expected a rule that describes events, found a correlation rule",
        ),
        (
            "title: x\nlogsource: {category: dns_query}\nfilter: {rules: any}\n".to_owned(),
            "line 3, column 1: expected a rule that describes events, found a filter rule",
        ),
    ]);
}

/// A deeply nested condition is refused, or read without overflowing the stack. The thread of a
/// test has the smallest stack of all threads that read rules.
#[test]
fn a_deeply_nested_condition_cannot_overflow_the_stack() {
    let read = |condition: &str| {
        let text = rule(&format!("    a: {{QueryName: x}}\n    condition: {condition}"));
        detection(&text, &Placeholders::default()).map(|_| ()).unwrap_err()
    };
    for unit in ["not ", "(", "not("] {
        let closing = ")".repeat(usize::from(unit.ends_with('(')));
        for (count, expected) in [(20_000, "at most 4096 bytes"), (4_000 / (unit.len() + closing.len()), "")]
        {
            let error = read(&format!("{}a{}", unit.repeat(count), closing.repeat(count)));
            assert!(error.contains(expected), "{unit}: {error}");
        }
    }
    let listed = read(&format!("[a, '{}a']", "not ".repeat(20_000)));
    assert!(listed.contains("at most 4096 bytes"), "{listed}");
}
