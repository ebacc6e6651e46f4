//! Tests of lists of indicators: what is read of each form, and what a list describes.

use proptest::prelude::*;

use super::*;
use crate::detect::testing::event;

#[track_caller]
fn list(text: &str) -> Detection {
    Detection::from_indicators(text, "list.txt", "a/list.txt", None).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn counts(text: &str) -> IndicatorCounts {
    list(text).indicators.expect("a list counts its entries")
}

fn refused(text: &str) -> String {
    Detection::from_indicators(text, "list.txt", "a/list.txt", None).expect_err(text).to_string()
}

/// Returns the entries of a list that describe a query for `name` with the answer `results`.
fn hits(list: &Detection, name: &str, results: &str) -> [Vec<String>; 2] {
    let mut event = event("a.exe", name);
    event.set("QueryResults", Some(results.to_owned()));
    let hits = list.search.predicate.hits(&event);
    assert_eq!(list.matches(&event), hits != crate::detect::Hits::default());
    let texts = |patterns: Vec<&str>| patterns.into_iter().map(str::to_owned).collect();
    [texts(hits.matched_query), hits.matched_answer.into_iter().map(Into::into).collect()]
}

#[test]
fn a_text_list_has_an_indicator_on_each_line() {
    let list = list(
        "\u{feff}# comment\r\n\r\nevil.com # why\r\n=exact.example\r\n*.below.example\r\nev?l*.net\r\n\
         192.0.2.7\r\n198.51.100.0/24\r\nhxxps://url[.]example/x\r\nEVIL.com.\r\ncom\r\nno indicator\r\n",
    );
    let counts = list.indicators.as_ref().expect("a list counts its entries");
    assert_eq!(counts.text(), "2 names, 1 exact name, 2 patterns, 1 address, 1 network");
    assert_eq!((counts.urls, counts.repeated, counts.other.count), (1, 1, 0));
    assert_eq!(counts.not_understood.count, 2);
    assert!(counts.not_understood.first[0].starts_with("line 11: expected a name with a full stop"));
    assert!(counts.not_understood.first[1].starts_with("line 12: expected a domain name"));
    for (name, results, query, answer) in [
        ("evil.com", "-", &["evil.com"][..], &[][..]),
        ("A.EVIL.COM.", "-", &["evil.com"], &[]),
        ("notevil.com", "-", &[], &[]),
        ("evil.com.example", "-", &[], &[]),
        ("exact.example", "-", &["=exact.example"], &[]),
        ("a.exact.example", "-", &[], &[]),
        ("below.example", "-", &[], &[]),
        ("a.below.example", "-", &["*.below.example"], &[]),
        ("evil-1.net", "-", &["ev?l*.net"], &[]),
        ("evil.a.net", "-", &["ev?l*.net"], &[]),
        ("evl.net", "-", &[], &[]),
        ("url.example", "192.0.2.1;", &["hxxps://url[.]example/x"], &[]),
        ("example.com", "::ffff:192.0.2.7;", &[], &["192.0.2.7"]),
        ("example.com", "type:  5 a.example;198.51.100.9;192.0.2.7;", &[], &["192.0.2.7", "198.51.100.0/24"]),
        ("example.com", "192.0.2.7", &[], &[]),
    ] {
        let expected = [query, answer].map(|texts| texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(hits(&list, name, results), expected, "{name} {results}");
    }
}

#[test]
fn a_table_has_its_indicators_in_named_columns() {
    let misp = "uuid,event_id,category,type,value,comment,to_ids,date\n\
                1,1,Network activity,domain,evil.com,\"a, b\",1,2026\n\
                2,1,Network activity,ip-dst|port,192.0.2.7|443,,1,2026\n\
                3,1,Network activity,domain|ip,a.example|192.0.2.8,\"two\nlines\",1,2026\n\
                4,1,Payload delivery,sha256,00ff,,1,2026\n\
                5,1,Network activity,hostname,safe.example,,0,2026\n\
                6,1,Network activity,url,http://[evil,,1,2026\n";
    let found = counts(misp);
    assert_eq!(found.text(), "2 names, 2 addresses");
    assert_eq!(
        found.other.first,
        ["line 6: of the type 'sha256', which no DNS query shows", "line 7: not for detection (to_ids)"]
    );
    assert!(found.not_understood.first[0].starts_with("line 8: expected"), "{found:?}");
    let several = counts("name,domain,ip\r\nx,evil.com,192.0.2.7\r\ny,b.example,\r\n");
    assert_eq!(several.text(), "2 names, 1 address");
    let published = counts(
        "# A list, \"quoted\n#\n# \"first_seen\",\"ioc_value\",\"ioc_type\"\n\
         \"2026\", \"192.0.2.7:443\", \"ip:port\"\n\"2026\", \"evil.com\", \"domain\"\n# end\n",
    );
    assert_eq!(published.text(), "1 name, 1 address");
    assert!(refused("domain\n\"evil.com\n").contains("expected a closing quote"));
}

#[test]
fn a_bundle_of_stix_has_indicators_and_observed_objects() {
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "pattern": "[domain-name:value = 'evil.com']"},
        {"type": "indicator", "id": "indicator--2", "pattern_type": "stix",
         "pattern": "[ipv4-addr:value = '192.0.2.7' OR ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [url:value LIKE '%://%.url.example/%']"},
        {"type": "indicator", "id": "indicator--3", "pattern_type": "stix", "pattern": "[a:b = 'c' AND d:e = 'f']"},
        {"type": "indicator", "id": "indicator--4", "pattern_type": "stix",
         "pattern": "[file:hashes.'SHA-256' = 'ff' OR domain-name:value IN ('b.example', 'c.example')]"},
        {"type": "indicator", "id": "indicator--5", "pattern_type": "yara", "pattern": "rule x {}"},
        {"type": "indicator", "id": "indicator--6", "pattern_type": "stix", "revoked": true,
         "pattern": "[domain-name:value = 'revoked.example']"},
        {"type": "indicator", "id": "indicator--7", "pattern_type": "stix", "valid_until": "2001-01-01T00:00:00Z",
         "pattern": "[domain-name:value = 'old.example']"},
        {"type": "domain-name", "id": "domain-name--8", "value": "d.example"},
        {"type": "ipv6-addr", "id": "ipv6-addr--9", "value": "2001:db8::1"},
        {"type": "domain-name", "id": "domain-name--10", "value": "*.example.com"},
        {"type": "file", "id": "file--11", "name": "x"},
        {"type": "relationship", "id": "relationship--12"}
    ]}"#;
    let list = list(bundle);
    let counts = list.indicators.as_ref().expect("a list counts its entries");
    assert_eq!(counts.text(), "5 names, 1 pattern, 2 addresses, 1 network");
    assert_eq!(
        counts.other.first,
        [
            "indicator--4: a comparison of file:hashes.\\'SHA-256\\', which no DNS query shows",
            "indicator--6: revoked",
            "file--11: an object file, which no DNS query shows",
        ]
    );
    assert_eq!(
        counts.not_understood.first,
        [
            "indicator--3: expected comparisons that are joined by OR, found 'AND'",
            "indicator--5: expected a pattern of STIX, found 'yara'",
            "domain-name--10: expected a value without wildcards, found '*.example.com'",
        ]
    );
    assert_eq!(hits(&list, "x.old.example", "-")[0], ["old.example"]);
    assert_eq!(hits(&list, "x.url.example", "-")[0], ["%://%.url.example/%"]);
    assert_eq!(hits(&list, "revoked.example", "2001:db8::1;"), [vec![], vec!["2001:db8::1".to_owned()]]);
}

#[test]
fn what_is_no_list_is_refused() {
    let deep = format!("{{\"objects\": {}", "[".repeat(100_000));
    for (text, part) in [
        ("", "a/list.txt: expected names or addresses, found none"),
        ("# nothing\n\n", "found none"),
        ("*\n", "found none; line 1: expected a pattern with at least 3 letters"),
        ("\0\0\0\0", "found none; line 1: expected"),
        ("{}", "expected a bundle of STIX 2.1 in JSON"),
        ("{\"objects\": []}", "found none"),
        (deep.as_str(), "recursion limit"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{error}");
    }
    let long = refused(&"x".repeat(10 << 20));
    assert!(long.contains("at most 8192 bytes") && long.len() < 400, "{long}");
}

#[test]
fn a_list_keeps_its_id_when_it_grows() {
    let id = |text: &str, name: &str| {
        Detection::from_indicators(text, name, name, None).expect("the list has an entry").id
    };
    assert_eq!(id("a.b", "bad.txt"), "iocs-bad.txt");
    assert_eq!(id("a.b\nc.d", "bad.txt"), "iocs-bad.txt");
    assert_ne!(id("a.b", "ä.txt"), id("a.b", "ö.txt"));
    assert!(is_plain_name(&id("a.b", &"ä/".repeat(500))));
}

/// Returns whether an entry of a list describes a name, by the definition.
fn describes(entry: &str, name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let entry = entry.to_lowercase();
    if let Some(exact) = entry.strip_prefix('=') {
        name == exact
    } else if entry.contains(['*', '?']) {
        let escaped = entry.replace('.', r"\.").replace('*', ".*").replace('?', ".");
        let expression = regex::Regex::new(&format!("^{escaped}$"));
        expression.expect("the entry has no other special letters than those replaced").is_match(&name)
    } else {
        name == entry || name.ends_with(&format!(".{entry}"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    /// Compares a list with its entries, one after the other, and with what a sweep selects by it.
    #[test]
    fn a_list_describes_what_one_of_its_entries_describes(
        entries in prop::collection::vec(
            prop_oneof!["[abA]{1,2}\\.[abA]{1,2}(\\.c)?", "=[ab]{1,2}(\\.[ab])?", "\\*\\.[ab]\\.[ab]", "[ab*?]{0,2}[*?]aba[ab*?.]{0,2}[ab*?]"],
            1..12,
        ),
        name in "[abA]{1,3}(\\.[abA]{1,3}){0,3}\\.?",
    ) {
        let list = list(&entries.join("\n"));
        let expected: Vec<&String> = entries.iter().filter(|entry| describes(entry, &name)).collect();
        let [found, _] = hits(&list, &name, "-");
        prop_assert_eq!(found.is_empty(), expected.is_empty());
        prop_assert!(found.iter().all(|entry| expected.contains(&entry)), "{:?} {:?}", found, expected);
        for set in list.search.predicate.required_texts() {
            let is_selected = set.iter().any(|required| required.text.is_in(&name.to_ascii_lowercase()));
            prop_assert_eq!(is_selected, !expected.is_empty());
        }
    }
}
