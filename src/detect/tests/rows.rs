//! Tests of the rows of `stats`, and of the commands before and after it.

use super::{error, named, parsed, rows, sample};

#[test]
fn commands_before_stats_filter_events() {
    let event = sample();
    for (pipeline, expected) in [
        ("search Image=*CMD.exe", true),
        ("search NOT answer=192.0.2.*", false),
        // If a field has several values, one that differs is enough for `!=`.
        ("search answer!=192.0.2.1", true),
        ("search answer=198.51.100.* OR record_type=cname", true),
        ("search answer=\"192.0.2.0/24\"", true),
        ("search answer IN (198.51.100.0/24, \"2001:db8::/64\")", true),
        ("search answer=198.51.100.0/24", false),
        (r#"regex QueryName="^www\.""#, true),
        (r#"regex QueryName!="^www\.""#, false),
        (r#"regex Image="(?i)\\\\CMD\.exe$""#, true),
        ("rename QueryName as name | search name=www.example.com", true),
        ("rename Query* as q* | search qName=www.example.com", true),
        (r#"eval l=len(QueryName), big=if(l>10, "yes", "no") | search big=yes"#, true),
        ("eval l=len(QueryName) | where l<10", false),
        (r#"fillnull value="-" User | where User="-""#, true),
        ("convert ctime(_time) as day | search day=01/31/2024*", true),
        (r#"convert timeformat="%Y" ctime(_time) | where _time="2024""#, true),
        ("table QueryName | search QueryName=www*", true),
        ("search `x_filter`", true),
    ] {
        let search = parsed(&format!("`sysmon` EventCode=22 | {pipeline}"));
        assert_eq!(search.predicate.evaluate(&event), expected, "{pipeline}");
        assert_eq!(search.notes, [""; 0], "{pipeline}");
    }
}

#[test]
fn a_row_for_each_value_and_none_without_a_value() {
    let two = sample();
    let mut none = sample();
    none.set("QueryResults", Some("-".to_owned()));
    let events = [two.clone(), two, none];
    let table = |pipeline: &str| rows(&parsed(&format!("* | {pipeline}")), &events);
    assert_eq!(table("stats count by answer"), ["192.0.2.1 2", "2001:db8::1 2", "edge.example.net 2"]);
    assert_eq!(table("stats count by answer_count query_count signature"), ["3 1 DNS Query 2"]);
    assert_eq!(
        table("stats count values(answer) dc(answer) count(answer)"),
        ["3 [192.0.2.1,2001:db8::1,edge.example.net] 3 6"]
    );
    assert_eq!(table("stats count(eval(isnull(answer_count))) as none c as all"), ["1 3"]);
    assert_eq!(table("stats count by record_type dest"), ["CNAME PC1.corp.example 2"]);
}

#[test]
fn an_unknown_by_field_does_not_refuse_the_rule() {
    for (pipeline, field, reason) in [
        ("stats count by answer direction", "direction", "Sysmon's DNS queries do not have the field"),
        ("rename dvc as dest | stats count by dvc dest", "dvc", "removed or renamed"),
        ("dedup query | stats count by query", "dedup", "before `stats`"),
        ("head 5 | stats count", "head", "before `stats`"),
    ] {
        let search = parsed(&format!("EventCode=22 | {pipeline}"));
        assert!(search.predicate.evaluate(&sample()), "{pipeline}: the matches are kept");
        assert_eq!(rows(&search, &[sample()]), [""; 0], "{pipeline}");
        let because = search
            .stats
            .as_ref()
            .expect("the search has `stats`")
            .empty_because()
            .expect("the table cannot have rows")
            .to_owned();
        assert!(because.contains(field) && because.contains(reason), "{pipeline}: {because}");
        assert!(search.notes.iter().any(|note| note.contains(&because)), "{:?}", search.notes);
    }
    let search = parsed("EventCode=22 | stats count values(direction) as d by query");
    assert_eq!(rows(&search, &[sample()]), ["www.Example.com 1 []"]);
    assert!(search.notes[0].contains("'direction'"), "{:?}", search.notes);
}

#[test]
fn commands_after_stats_filter_rows() {
    let events = [named("b", 3, "9"), named("a", 1, "10"), named("b", 2, "10"), named("c", 4, "10a")];
    for (pipeline, expected) in [
        ("stats count by query | where count>1", &["b 2"][..]),
        ("stats count by query | search count>1", &["b 2"]),
        ("stats count by query | search query=B", &["b 2"]),
        ("stats count by query | where query!=\"b\" AND count=1", &["a 1", "c 1"]),
        ("stats count by query | sort - count, query", &["b 2", "a 1", "c 1"]),
        ("stats count by query | sort -query", &["c 1", "b 2", "a 1"]),
        ("stats count by query | sort 1 -count", &["b 2"]),
        ("stats count by query | sort 0 query desc", &["c 1", "b 2", "a 1"]),
        ("stats count by ProcessId | sort ProcessId", &["9 1", "10 2", "10a 1"]),
        ("stats count by ProcessId | sort str(ProcessId)", &["10 2", "10a 1", "9 1"]),
        ("stats count by query | head 2", &["a 1", "b 2"]),
        ("stats count by query | sort - count | head limit=1", &["b 2"]),
        ("stats count by query ProcessId | dedup query", &["a 10 1", "b 10 1", "c 10a 1"]),
        ("stats count by query ProcessId | sort - ProcessId | dedup query | table query", &["c", "a", "b"]),
        (r#"stats count by query | eval x=query."!", count=count*2"#, &["a 2 a!", "b 4 b!", "c 2 c!"]),
        (
            r#"stats count by query | eval x=if(count>1, "many", null()) | fillnull value=one x"#,
            &["a 1 one", "b 2 many", "c 1 one"],
        ),
        ("stats min(_time) as t by query | convert timeformat=\"%S\" ctime(t)", &["a 01", "b 02", "c 04"]),
        (
            "stats min(_time) as t by query | convert ctime(t) as s | fields - t | head 1",
            &["a 01/01/1970 00:00:01"],
        ),
        ("stats count values(ProcessId) as ids by query | search ids=9", &["b 2 [10,9]"]),
        ("stats count by query | table *", &["a 1", "b 2", "c 1"]),
        ("stats count as n_all dc(ProcessId) as n_ids by query | fields n_* | head 1", &["1 1"]),
    ] {
        assert_eq!(rows(&parsed(&format!("* | {pipeline}")), &events), expected, "{pipeline}");
    }
}

#[test]
fn a_filter_on_a_by_field_selects_events_and_one_on_an_aggregate_selects_rows() {
    let event = sample();
    for (pipeline, matches, notes) in [
        ("stats count by query | search query=*.net", false, 0),
        ("stats count by query | search query=*.com", true, 0),
        ("stats count by query | where count>50", true, 1),
        ("stats count by query | where count>50 AND like(query, \"%.net\")", false, 1),
        ("stats count by query | where count>50 OR like(query, \"%.net\")", true, 1),
        (
            r#"stats count by query | eval kind=if(like(query, "%.com"), "com", "other") | search kind=other"#,
            false,
            0,
        ),
        ("stats values(answer) as answer by query | search answer=nothing", true, 1),
        // Each row has one of the answers.
        ("stats count by answer | search answer=192.0.2.1", true, 0),
        ("stats count by answer | search NOT answer=192.0.2.1", true, 0),
        ("stats count by answer | where answer!=\"192.0.2.1\" AND answer!=\"2001:db8::1\"", true, 0),
        ("stats count by answer | search NOT answer=*", false, 0),
        ("stats count by answer | search answer=198.51.100.1", false, 0),
    ] {
        let search = parsed(&format!("EventCode=22 | {pipeline}"));
        assert_eq!(search.predicate.evaluate(&event), matches, "{pipeline}");
        assert_eq!(search.notes.len(), notes, "{pipeline}: {:?}", search.notes);
    }
    let search = parsed("* | stats count by answer | search NOT answer=192.0.2.1");
    assert_eq!(rows(&search, &[event]), ["2001:db8::1 1", "edge.example.net 1"]);
}

#[test]
fn names_that_use_each_other_have_a_limit() {
    let doubled: String = (0..40).map(|_| "| eval a=a.a ").collect();
    for search in [
        format!("* | eval a=QueryName {doubled}"),
        format!("* | stats count by query | eval a=query {doubled}"),
        format!("* | eval a=QueryName {}", "| eval a=lower(a) ".repeat(2000)),
        format!("* | where {}", "NOT ".repeat(5000)),
        format!("* | where {}", "lower(".repeat(5000)),
        format!("* | where {}", "(".repeat(5000)),
    ] {
        let error = error(&search);
        assert!(error.expected.contains("at most"), "{error}");
    }
}
