//! Tests of log sources, of names and ids of rules, and of files with several rules.

use super::*;
use crate::event::{DNS_CLIENT_QUERY, System};

/// The text of a Sigma rule with this `logsource`, and a selection with these lines, such as
/// `QueryName: a.com`.
fn sourced(source: &str, lines: &str) -> String {
    selection(lines).replace("category: dns_query, product: windows", source)
}

#[test]
fn log_sources_that_mean_dns_queries() {
    let both = event(r"C:\a.exe", "pastebin.com");
    for source in [
        "category: dns_query",
        "category: dns_query, product: windows",
        "category: DNS_QUERY, product: Windows",
        "category: dns_query, product: windows, service: sysmon",
        "category: dns_query, product: windows, definition: Requires Sysmon, customer: x",
        "product: windows, service: sysmon",
        "service: sysmon",
        "SERVICE: x, service: Sysmon",
        "product: windows, category: sysmon",
        "product: windows",
    ] {
        for id in ["22", "[22]", "'22'", "022"] {
            let text = sourced(source, &format!("EventID: {id}\n        QueryName|contains: pastebin"));
            let rule = parsed(&text);
            assert_eq!(rule.source, EventSource::Sysmon, "{text}");
            assert!(rule.search.predicate.evaluate(&both), "{text}");
            assert!(rule.notes.is_empty(), "{:?}", rule.notes);
            let mut other = both.clone();
            other.system.event_id = 3;
            assert!(!rule.search.predicate.evaluate(&other), "{text}");
        }
    }
    let channel = sourced(
        "product: windows, service: sysmon",
        "Channel: Microsoft-Windows-Sysmon/Operational\n        Provider_Name: microsoft-windows-sysmon\n        EventID: 22\n        QueryName: pastebin.com",
    );
    assert!(holds(&channel, &both));
}

#[test]
fn other_log_sources_are_other_data() {
    let query = "QueryName: x";
    for (source, lines, about) in [
        (
            "category: dns",
            query,
            "line 3, column 23: expected a rule about DNS queries, found one about other data (category dns)",
        ),
        ("category: process_creation, product: windows", "CommandLine: x", "category process_creation"),
        ("category: dns_query, product: macos", query, "product macos"),
        ("product: linux, service: sysmon", query, "product linux"),
        ("product: windows, service: security", "EventID: 4624", "service security"),
        ("product: windows, service: dns-server", query, "service dns-server"),
        ("product: windows, category: dns_query, service: dns-server", query, "service dns-server"),
        (
            "product: windows, service: sysmon",
            "EventID: 3",
            "EventID 3; of Sysmon's events, a sweep reads only event 22",
        ),
        ("product: windows, service: sysmon", "EventID: 3\n        DestinationIp: x", "EventID 3"),
        ("product: windows, service: sysmon", "EventID: [1, 3]", "EventID 1"),
        ("product: windows, service: sysmon", "Image: x", "all events of the log source"),
        ("product: windows, service: sysmon", "CommandLine: x", "all events of the log source"),
        ("product: windows", "Channel: Security\n        QueryName: x", "Channel Security"),
        ("category: dns_query", "EventID: 1", "EventID 1"),
        (
            "product: windows, service: dns-client",
            "EventID: 22",
            "EventID 22; Windows' DNS client logs its queries as the events 3006, 3008 and 3020, which are read with --dns-client",
        ),
    ] {
        let text = sourced(source, lines);
        let error = Detection::from_yaml(&text, "rule.yml", &placeholders()).unwrap_err();
        assert!(error.to_string().contains(about), "{text}: {error}");
        assert!(error.is_about_other_data(), "{error}");
    }
}

/// Asserts that a Sigma rule with a spelling mistake is refused, and not ignored as a rule about
/// events other than DNS queries. The error must contain the text `expected`.
fn assert_refused(text: &str, expected: &str) {
    let error = Detection::from_yaml(text, "rule.yml", &placeholders()).map(|_| ()).expect_err(text);
    assert!(error.to_string().contains(expected), "{text}: {error}");
    assert!(!error.is_about_other_data(), "{text}: {error}");
}

#[test]
fn a_spelling_mistake_in_a_rule_on_dns_queries_does_not_make_it_one_about_other_data() {
    for source in ["product: windows, service: sysmon", "product: windows", "category: dns_query"] {
        for (lines, expected) in [
            (
                "QueryName|endwith: t.me",
                "line 9, column 9: QueryName|endwith: expected a modifier, found 'endwith'; did you mean 'endswith'?",
            ),
            (
                "QeuryName: t.me",
                "line 9, column 9: expected a field of a Sysmon DNS query, found 'QeuryName'; did you mean 'QueryName'?",
            ),
            ("queryname: t.me", "did you mean 'QueryName'?"),
            ("QueryResuts|contains: t.me", "did you mean 'QueryResults'?"),
            (
                "Image: x\n        QueryStaus: 9003",
                "line 10, column 9: expected a field of a Sysmon DNS query, found 'QueryStaus'",
            ),
            (
                "EvntID: 22\n        Image: x",
                "line 9, column 9: expected a field of a Sysmon DNS query, found 'EvntID'; did you mean 'EventID'?",
            ),
            ("EventId: [1, '22']\n        Image: x", "found 'EventId'; did you mean 'EventID'?"),
            (
                "EventID|contians: 22\n        Image: x",
                "EventID|contians: expected a modifier, found 'contians'; did you mean 'contains'?",
            ),
            ("EventCode: 22\n        Image: x", "found 'EventCode'; did you mean 'EventID'?"),
            (
                "EventID: 22.0\n        QueryName: x",
                "line 9, column 18: EventID: expected a whole number, found '22.0'",
            ),
            (
                "QueryName:t.me",
                "line 9, column 9: expected ': ' between a field and its value, found 'QueryName:t.me': put a blank after ':'",
            ),
            ("- QueryNmae|contains:t.me\n        - Image:x", "line 9, column 11: expected ': ' between"),
            ("{QueryName:t.me, Image: x}", "expected ': ' between a field and its value"),
            ("EventID:22", "put a blank after ':'"),
            ("EventCod: 022\n        Image: x", "found 'EventCod'; did you mean 'EventID'?"),
            (
                "QueryName: t.me\n        CommandLine: x",
                "line 10, column 9: expected a field of a Sysmon DNS query (one of",
            ),
            (
                "Imgae: x\n        EventID: 22",
                "line 9, column 9: expected a field of a Sysmon DNS query, found 'Imgae'",
            ),
        ] {
            assert_refused(&sourced(source, lines), expected);
        }
    }
}

#[test]
fn a_slip_beside_a_part_about_other_events_is_refused_too() {
    for parts in [
        "a: {EventID: 3, DestinationHostname: x}\n    b: {EventID: 22, QeuryName: x}",
        "a: {EventID: 3, DestinationHostname: x}\n    b: {QeuryName: x}",
        "a: {QeuryName: x}\n    b: {CommandLine: x}",
        "a: {QueryName: x}\n    b: {CommandLine: x}",
        "a: [{QeuryName: x}, {Image: x}]",
    ] {
        for source in ["category: dns_query", "service: sysmon"] {
            let text = rule(&format!("    {parts}\n    condition: 1 of them"));
            let text = text.replace("category: dns_query, product: windows", source);
            assert_refused(&text, "expected a field of a Sysmon DNS query");
        }
    }
}

#[test]
fn what_other_data_is_asked_for_need_not_be_understood() {
    for (source, lines) in [
        ("product: windows, service: sysmon", "EventID: 1\n        CommandLine|contians: x"),
        ("product: windows, service: sysmon", "EventID: 1\n        QueryName|endwith: x"),
        ("product: windows, service: sysmon", "EventID|contians: 1\n        CommandLine: x"),
        ("product: windows, service: sysmon", "EvntID: 3\n        DestinationIp: x"),
        ("product: windows", "EventCode: 4688\n        CommandLine: x"),
        ("product: windows", "EventID: 4688\n        CommandLine|unheard_of: x"),
        ("product: windows", "Query|contains: SELECT"),
        ("product: windows", "- Query:SELECT\n        - EventID:4688"),
        ("product: windows", "Status: '0xC000006D'\n        Foo: x"),
        ("product: windows", "TargetObject|contains: x\n        Details: DWORD (0x00000016)"),
        ("product: windows", "ProcessId: 22\n        Level: 22"),
        ("product: windows", "Channel: Security\n        QueryNmae: x"),
    ] {
        let text = sourced(source, lines);
        let error = Detection::from_yaml(&text, "rule.yml", &placeholders()).unwrap_err();
        assert!(error.is_about_other_data(), "{text}: {error}");
    }
    // A field that is only used to exclude events does not make the rule one about DNS queries.
    let excluded = rule("    a: {CommandLine: x}\n    b: {QueryName|endwith: x}\n    condition: a and not b")
        .replace("category: dns_query", "service: sysmon");
    assert!(Detection::from_yaml(&excluded, "rule.yml", &placeholders()).unwrap_err().is_about_other_data());
}

#[test]
fn a_rule_that_leaves_no_event_22_is_about_other_data() {
    for source in ["product: windows, service: sysmon", "product: windows", "category: dns_query"] {
        for (parts, condition) in [
            ("a: {EventID: 22}", "not a"),
            ("a: {EventID: [22, 23]}", "not 1 of them"),
            ("a: {QueryName: x}\n    b: {EventID: 22}", "a and not b"),
            ("a: {EventID|neq: 22}", "a"),
            ("a: {Channel|contains: Sysmon}", "not a"),
        ] {
            let text = rule(&format!("    {parts}\n    condition: {condition}"));
            let text = text.replace("category: dns_query, product: windows", source);
            let error = Detection::from_yaml(&text, "rule.yml", &placeholders()).unwrap_err();
            assert!(error.is_about_other_data(), "{text}: {error}");
            assert!(
                error.to_string().contains("; of Sysmon's events, a sweep reads only event 22"),
                "{error}"
            );
        }
    }
    // A rule that excludes one of the three events of Windows' DNS client is still about that log.
    let text = rule("    a: {EventID: 3008}\n    condition: not a")
        .replace("category: dns_query", "service: dns-client");
    assert_eq!(parsed(&text).source, EventSource::DnsClient);
}

#[test]
fn misspelt_log_sources_are_refused_with_the_nearest() {
    for (source, expected) in [
        (
            "category: dns_qeury, product: windows",
            "line 3, column 23: logsource: category: expected a known category, found 'dns_qeury'; did you mean 'dns_query'?",
        ),
        ("category: dns-query, product: windows", "found 'dns-query'; did you mean 'dns_query'?"),
        ("category: dnsquery", "did you mean 'dns_query'?"),
        ("category: dns_queries", "did you mean 'dns_query'?"),
        ("product: windows, category: sysmn", "did you mean 'sysmon'?"),
        (
            "product: windos, category: dns_query",
            "line 3, column 22: logsource: product: expected a known product, found 'windos'; did you mean 'windows'?",
        ),
        ("product: win, category: dns_query", "did you mean 'windows'?"),
        ("product: windows, service: sysmn", "found 'sysmn'; did you mean 'sysmon'?"),
        ("service: Microsoft-Windows-Sysmon/Operational", "did you mean 'sysmon'?"),
        ("product: windows, service: dns_client", "did you mean 'dns-client'?"),
        (
            "categry: dns_query, product: windows",
            "line 3, column 13: logsource: expected category, product or service, found 'categry'; did you mean 'category'?",
        ),
        ("category: dns_query, prodcut: windows", "did you mean 'product'?"),
        ("Category: dns_query, product: windows", "found 'Category'; did you mean 'category'?"),
        ("product: windows, sevrice: sysmon", "did you mean 'service'?"),
        ("product: windows, category: dns_query, defintion: x", "did you mean 'definition'?"),
    ] {
        for lines in ["QueryName: x", "Image: x", "EventID: 22\n        QueryName: x"] {
            assert_refused(&sourced(source, lines), expected);
        }
    }
    for (source, found) in [
        (
            "{}",
            "line 3, column 12: logsource: expected a category, a product or a service, found an empty mapping",
        ),
        ("{category: ''}", "found none"),
        (
            "{customer: x}",
            "line 3, column 13: logsource: expected a category, a product or a service, found 'customer'",
        ),
    ] {
        let text = selection("QueryName: x").replace("{category: dns_query, product: windows}", source);
        assert_refused(&text, found);
    }
}

#[test]
fn log_sources_that_look_alike_are_other_data() {
    for source in [
        "category: dns",
        "product: zeek, service: dns",
        "product: windows, service: system",
        "product: windows, service: bits-client",
        "product: windows, service: dns-server-analytic",
        "product: windows, service: dns-server-audit",
        "product: windows, category: sysmon_status",
        "product: windows, category: sysmon_error",
        "product: linux, category: dns_qeury",
        "product: windos, category: process_creation",
        "product: linux, categry: dns_query",
    ] {
        let text = sourced(source, "QueryName: x");
        let error = Detection::from_yaml(&text, "rule.yml", &placeholders()).unwrap_err();
        assert!(error.is_about_other_data(), "{text}: {error}");
    }
}

#[test]
fn the_part_on_dns_queries_of_a_rule_on_several_events_runs() {
    let text = rule(
        "    sel_dns: {EventID: 22, QueryName: x}\n    sel_net: {EventID: 3, DestinationHostname: x}\n    \
         filter: {EventID: 1, CommandLine: x}\n    condition: 1 of sel_* and not filter",
    )
    .replace("category: dns_query, product: windows", "product: windows, service: sysmon");
    let taken = parsed(&text);
    assert!(
        taken.search.predicate.evaluate(&event("", "x")) && !taken.search.predicate.evaluate(&event("", "y"))
    );
    assert_eq!(taken.notes, ["EventID 3 describes events that a sweep does not read"]);
    let listed = parsed(&sourced("service: sysmon", "EventID: [3, 22]\n        QueryName: x"));
    assert!(listed.search.predicate.evaluate(&event("", "x")));
    assert_eq!(listed.notes, ["EventID 3 describes events that a sweep does not read"]);
    // The EventID may be in a part of its own.
    let apart = rule("    id: {EventID: 22}\n    name: {Image|endswith: a.exe}\n    condition: id and name")
        .replace("category: dns_query, product: windows", "service: sysmon");
    assert!(holds(&apart, &event(r"C:\a.exe", "x")));
    let apart = rule("    id: {EventID: 3}\n    ip: {DestinationIp: x}\n    condition: ip and id")
        .replace("category: dns_query, product: windows", "service: sysmon");
    assert!(detection(&apart, &placeholders()).unwrap_err().contains("other data (EventID 3"));
}

#[test]
fn rules_on_the_log_of_windows_dns_client() {
    let system =
        System { provider: "Microsoft-Windows-DNS-Client".to_owned(), event_id: 3008, ..System::default() };
    let query = Event::new(&DNS_CLIENT_QUERY, system)
        .with("QueryName", "a.pastebin.com")
        .with("QueryStatus", "9003")
        .with("QueryType", "28");
    for (lines, expected) in [
        ("QueryName|contains: pastebin", true),
        ("EventID: 3008\n        QueryName|contains: pastebin", true),
        ("EventID: 3020\n        QueryName|contains: pastebin", false),
        ("EventID: [3006, 3008]\n        QueryType: 28", true),
        ("QueryType: 1", false),
        ("QueryStatus: 9003", true),
        ("Status|gt: 9000", true),
    ] {
        for source in ["product: windows, service: dns-client", "service: DNS-Client"] {
            let text = sourced(source, lines);
            let rule = parsed(&text);
            assert_eq!(rule.source, EventSource::DnsClient);
            assert_eq!(rule.search.predicate.evaluate(&query), expected, "{text}");
            let mut sysmon = event("", "a.pastebin.com");
            sysmon.set("QueryStatus", Some("9003".to_owned()));
            assert!(!rule.search.predicate.evaluate(&sysmon), "{text}");
        }
    }
    let error = detection(&sourced("service: dns-client", "Image: x"), &placeholders()).unwrap_err();
    assert!(
        error.contains("expected a field of a query of Windows' DNS client (one of Channel, ClientPID"),
        "{error}"
    );
}
