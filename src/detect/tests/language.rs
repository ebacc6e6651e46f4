//! What searches mean, by cases. Expected values are Splunk's: its Search Reference on `where`,
//! `eval`, `stats`, `lookup`, `tstats`, `sort` and `dedup`, and its Search Manual on the order of
//! operators.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::detect::lookup::{Lookup, LookupDefinition};
use crate::detect::testing::event;
use crate::detect::{Library, Macro, Search, SearchError, SearchReason, StatsTable, StatsValue};
use crate::event::{Event, EventTime};

/// Macros and lookups that a test makes.
#[derive(Debug, Default)]
struct Shelf {
    macros: HashMap<String, Macro>,
    lookups: HashMap<String, Arc<Lookup>>,
}

impl Shelf {
    fn with_macro(mut self, name: &str, arguments: &[&str], definition: &str) -> Self {
        let arguments = Some(arguments.iter().map(ToString::to_string).collect());
        self.macros.insert(name.to_owned(), Macro { definition: definition.to_owned(), arguments });
        self
    }

    fn with_lookup(mut self, name: &str, definition: &str, csv: &str) -> Self {
        let definition = LookupDefinition::from_yaml(definition).unwrap();
        self.lookups.insert(name.to_owned(), Arc::new(Lookup::new(name, &definition, csv).unwrap()));
        self
    }
}

impl Library for Shelf {
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, String> {
        Ok(self.macros.get(name).cloned())
    }

    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, String> {
        Ok(self.lookups.get(name).cloned())
    }
}

fn parsed_with(search: &str, shelf: &Shelf) -> Search {
    Search::parse_with(search, shelf).unwrap_or_else(|error| panic!("{search}: {error}"))
}

fn parsed(search: &str) -> Search {
    parsed_with(search, &Shelf::default())
}

fn error(search: &str) -> SearchError {
    Search::parse(search).expect_err(search)
}

/// The rows of the table as text, columns with blanks between.
fn rows(search: &Search, events: &[Event]) -> Vec<String> {
    let mut table = StatsTable::new(search.stats.as_ref().unwrap());
    events.iter().filter(|event| search.predicate.evaluate(event)).for_each(|event| table.add(event));
    let text = |value: StatsValue| match value {
        StatsValue::Null => "null".to_owned(),
        StatsValue::Text(text) => text,
        StatsValue::Integer(number) => number.to_string(),
        StatsValue::Time(time) => time.rfc3339(),
        StatsValue::List(list) => format!("[{}]", list.join(",")),
    };
    table.into_rows().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

/// `example.com` asked for by `cmd.exe`, with a CNAME and two addresses as answers.
fn sample() -> Event {
    let mut event = event(r"C:\Windows\System32\cmd.exe", "www.Example.com");
    event.set("QueryResults", Some("type:  5 edge.example.net;::ffff:192.0.2.1;2001:db8::1;".to_owned()));
    event.set("User", None);
    event
}

#[test]
fn conditions_of_where() {
    let event = sample();
    for (condition, expected) in [
        // Case counts.
        (r#"QueryName="www.Example.com""#, true),
        (r#"QueryName="www.example.com""#, false),
        (r#"QueryName!="www.example.com""#, true),
        (r#"lower(QueryName)="www.example.com""#, true),
        (r#"lower(QueryName)="www.Example.com""#, false),
        (r#"upper(query)=="WWW.EXAMPLE.COM""#, true),
        (r#"'QueryName'="www.Example.com""#, true),
        // Numbers are compared as numbers.
        ("ProcessId=740", true),
        ("ProcessId=740.0", true),
        (r#"ProcessId="740""#, true),
        ("ProcessId>99 AND ProcessId<=740", true),
        ("740=ProcessId", true),
        ("10 > ProcessId", false),
        ("QueryStatus=0", true),
        // AND before OR, otherwise than in search.
        ("ProcessId=1 AND ProcessId=2 OR ProcessId=740", true),
        ("ProcessId=740 OR ProcessId=2 AND ProcessId=1", true),
        ("(ProcessId=740 OR ProcessId=2) AND ProcessId=1", false),
        ("NOT ProcessId=1 AND ProcessId=740", true),
        ("ProcessId=740 XOR QueryStatus=0", false),
        ("ProcessId=740 XOR QueryStatus=1", true),
        ("NOT (ProcessId=740)", false),
        ("(ProcessId+1)*2=1482", true),
        (r#"QueryName="www." . "Example.com""#, true),
        // Patterns.
        (r#"like(Image, "%cmd.exe")"#, true),
        (r#"like(Image, "%CMD.exe")"#, false),
        (r#"like(lower(Image), "%system32%cmd.exe")"#, true),
        (r#"like(lower(QueryName), "www_example%")"#, true),
        (r#"like(QueryName, "www_Example.com")"#, true),
        (r#"QueryName LIKE "%.com""#, true),
        (r#"match(QueryName, "^www\.[A-Z]")"#, true),
        (r#"match(QueryName, "^example")"#, false),
        (r#"match(QueryName, "(?i)\.EXAMPLE\.")"#, true),
        // Fields of several values: one is enough.
        (r#"answer="edge.example.net""#, true),
        (r#"answer="192.0.2.1""#, true),
        (r#"answer="192.0.2.2""#, false),
        (r#"cidrmatch("192.0.2.0/24", answer)"#, true),
        (r#"cidrmatch("192.0.3.0/24", answer)"#, false),
        (r#"cidrmatch("2001:db8::/32", QueryResults)"#, true),
        ("answer_count=3 AND query_count=1", true),
        (r#"record_type="CNAME""#, true),
        ("mvcount(answer)>2", true),
        (r#"mvindex(answer, 0)="edge.example.net""#, true),
        (r#"mvindex(answer, -1)="2001:db8::1""#, true),
        (r#"mvjoin(mvindex(answer, 0, 1), "+")="edge.example.net+192.0.2.1""#, true),
        (r#"mvcount(split(QueryName, "."))=3"#, true),
        // What is not there.
        ("isnull(User) AND isnotnull(Image)", true),
        ("isnull(Image)", false),
        (r#"User="x" OR User!="x""#, false),
        (r#"NOT User="x""#, true),
        (r#"coalesce(User, Image, "none")="C:\Windows\System32\cmd.exe""#, true),
        (r#"if(isnull(User), "none", User)="none""#, true),
        (r#"case(ProcessId<5, "low", ProcessId<1000, "middle", true(), "high")="middle""#, true),
        (r#"isnull(case(ProcessId<5, "low"))"#, true),
        ("QueryStatus IN (1, 0)", true),
        (r#"in(process_name, "powershell.exe", "cmd.exe")"#, true),
        (r#"process_name IN ("CMD.EXE")"#, false),
        ("len(QueryName)=15", true),
        (r#"replace(QueryName, "^(\w+)\.(\w+)", "\2-\1")="Example-www.com""#, true),
        (r#"substr(QueryName, 1, 3)="www" AND substr(QueryName, -3)="com""#, true),
        (r#"trim("  a ")="a" AND ltrim("xxa", "x")="a""#, true),
        ("tonumber(ProcessId)+tonumber(\"1\")=741", true),
    ] {
        let search = parsed(&format!("EventCode=22 | where {condition}"));
        assert_eq!(search.predicate.evaluate(&event), expected, "{condition}");
    }
}

#[test]
fn commands_before_stats_decide_by_event() {
    let event = sample();
    for (pipeline, expected) in [
        ("search Image=*CMD.exe", true),
        ("search NOT answer=192.0.2.*", false),
        // Of several values, one that differs is enough for `!=`.
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
fn a_row_for_each_value_and_none_where_there_is_none() {
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
fn a_by_field_that_cannot_be_had_refuses_no_rule() {
    for (pipeline, field, reason) in [
        ("stats count by answer direction", "direction", "no DNS query of Sysmon's has the field"),
        ("rename dvc as dest | stats count by dvc dest", "dvc", "took the field"),
        ("dedup query | stats count by query", "dedup", "before `stats`"),
        ("head 5 | stats count", "head", "before `stats`"),
    ] {
        let search = parsed(&format!("EventCode=22 | {pipeline}"));
        assert!(search.predicate.evaluate(&sample()), "{pipeline}: the matches stand");
        assert_eq!(rows(&search, &[sample()]), [""; 0], "{pipeline}");
        let because = search.stats.as_ref().unwrap().empty_because().unwrap().to_owned();
        assert!(because.contains(field) && because.contains(reason), "{pipeline}: {because}");
        assert!(search.notes.iter().any(|note| note.contains(&because)), "{:?}", search.notes);
    }
    let search = parsed("EventCode=22 | stats count values(direction) as d by query");
    assert_eq!(rows(&search, &[sample()]), ["www.Example.com 1 []"]);
    assert!(search.notes[0].contains("'direction'"), "{:?}", search.notes);
}

fn named(name: &str, second: i64, id: &str) -> Event {
    let mut event = event(r"C:\a.exe", name);
    event.system.time_created = Some(EventTime::from_ticks(second * 10_000_000));
    event.set("ProcessId", Some(id.to_owned()));
    event
}

#[test]
fn commands_after_stats_make_and_leave_rows() {
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
fn a_filter_on_a_by_field_decides_by_event_and_one_on_an_aggregate_by_row() {
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
        // A row has one of the answers.
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
fn tstats_over_the_data_model_of_dns_queries() {
    let search = parsed(
        "| tstats `security_content_summariesonly` count min(_time) as firstTime values(DNS.answer) as answer \
         values(DNS.dest) as dest from datamodel=Network_Resolution where nodename=DNS DNS.query=\"*Exam*\" DNS.query=*.com \
         OR DNS.query=xyz by DNS.src, DNS.query | `drop_dm_object_name(\"DNS\")` | `security_content_ctime(firstTime)` \
         | `security_content_ctime(lastTime)` | search count>0 | `a_filter`",
    );
    let columns: Vec<&str> =
        search.stats.as_ref().unwrap().columns().map(crate::detect::StatsColumn::name).collect();
    assert_eq!(columns, ["src", "query", "count", "firstTime", "answer", "dest"]);
    assert_eq!(
        rows(&search, &[sample(), named("exam", 1, "1")]),
        [
            "PC1.corp.example www.Example.com 1 2024-01-31T10:15:31 [192.0.2.1,2001:db8::1,edge.example.net] []"
        ]
    );
    let mut other = sample();
    other.system.provider = "Other".to_owned();
    other.system.channel = "Other".to_owned();
    assert!(!search.predicate.evaluate(&other));
    assert_eq!(search.predicate.required_literals().len(), 2, "{:?}", search.predicate.required_literals());
    for (search, expected) in [
        ("| tstats count from datamodel=Network_Resolution.DNS by DNS.query DNS.reply_code_id host", true),
        (
            "| tstats summariesonly=t prestats=f count from datamodel=\"Network_Resolution\".\"DNS\" where DNS.answer=192.0.2.1",
            true,
        ),
        (
            "| tstats count from datamodel=Network_Resolution where DNS.answer!=192.0.2.1 AND DNS.answer!=\"2001:*\" groupby DNS.query",
            true,
        ),
        (
            "| tstats count from datamodel=Network_Resolution where NOT DNS.message_type=QUERY by DNS.query",
            true,
        ),
        ("| from datamodel:Network_Resolution.DNS | search query=*.org", false),
        ("| from datamodel:\"Network_Resolution.DNS\" | search query=*.com", true),
    ] {
        assert_eq!(parsed(search).predicate.evaluate(&sample()), expected, "{search}");
    }
}

#[test]
fn heads_say_where_events_come_from() {
    let event = sample();
    for (head, expected, notes) in [
        (r#"source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=22"#, true, 0),
        (
            r#"index=windows sourcetype="XmlWinEventLog" source="WinEventLog:Microsoft-Windows-Sysmon/Operational" query=*"#,
            true,
            1,
        ),
        ("index=main query=*.org", false, 1),
        ("eventtype=ms-sysmon-dns tag=dns", true, 0),
        ("`sysmon` EventCode=22 earliest=-24h latest=now", true, 2),
        // A part that is about other data never holds.
        ("(source=*Sysmon* query=*.com) OR (source=*Security* query=*.com)", true, 1),
        ("(source=*Sysmon* query=*.org) OR (source=*Security* query=*.com)", false, 1),
        ("`sysmon` NOT sourcetype=stream:dns", true, 0),
        ("`sysmon` sourcetype!=stream:dns", true, 0),
        ("`sysmon` NOT NOT source=*Sysmon*", true, 0),
        ("\"QueryName\"=www*", true, 0),
        ("``` paste sites ``` `sysmon` ```x | y``` query=*.com\n| search ``` `z` ``` Image=*", true, 0),
        ("`comment(\"old, old\")` `sysmon` query=*.com", true, 0),
    ] {
        let search = parsed(head);
        assert_eq!(search.predicate.evaluate(&event), expected, "{head}");
        assert_eq!(search.notes.len(), notes, "{head}: {:?}", search.notes);
    }
}

/// What is not known of an event leaves it in, behind a `NOT` too: whether it is of some index, and
/// of which time it is.
#[test]
fn what_is_not_known_excludes_nothing() {
    for (search, expected) in [
        ("index=* NOT index=_internal `sysmon` EventCode=22 query=*.com", true),
        ("index=* NOT index=_* `sysmon` query=*.org", false),
        ("NOT (index=a OR index=b) query=*.com", true),
        ("NOT (index=a index=b) query=*.com", true),
        ("NOT index IN (_internal, _audit) query=*.com", true),
        ("NOT index!=main query=*.com", true),
        ("index!=main query=*.com", true),
        ("NOT NOT index=main query=*.com", true),
        ("NOT `x_filter` query=*.com", true),
        ("NOT earliest=-1d query=*.com", true),
        ("NOT (earliest=-1d latest=now()) query=*.com", true),
        ("NOT sourcetype=XmlWinEventLog query=*.com", true),
        ("NOT (sourcetype=XmlWinEventLog OR sourcetype=stash) query=*.com", true),
        ("NOT sourcetype IN (stash, XmlWinEventLog) query=*.com", true),
        ("(query=*.com NOT index=summary)", true),
        // Beside something that is known, that decides where it can.
        ("NOT (query=*.com OR index=test)", false),
        ("NOT (query=*.org OR index=test)", true),
        ("NOT (query=*.com index=test)", true),
        ("NOT (query=*.com NOT index=test)", true),
        ("(index=a query=*.org) OR (index=b query=*.com)", true),
        ("(index=a query=*.org) OR (index=b query=*.net)", false),
        (
            "| tstats count from datamodel=Network_Resolution where NOT index=a DNS.query=*.com by DNS.query",
            true,
        ),
        ("`sysmon` | search NOT index=a query=*.com", true),
        ("`sysmon` | search index=a query=*.com", true),
    ] {
        assert_eq!(parsed(search).predicate.evaluate(&sample()), expected, "{search}");
    }
}

/// Each case: a search, and what its error quotes.
#[test]
fn searches_about_other_data_are_told_from_those_that_are_not_understood() {
    for (search, found) in [
        ("`powershell` EventCode=4104 ScriptBlockText=*x* | stats count", "'`powershell`'"),
        ("`my_logs` EventCode=4104 ScriptBlockText=*x* | stats count", "'4104'"),
        ("`wineventlog_security` Message=* | eventstats count", "'`wineventlog_security`'"),
        ("source=\"WinEventLog:Security\" Logon_Type=3 | transaction x", "'\"WinEventLog:Security\"'"),
        ("sourcetype=stream:dns query=*", "'stream:dns'"),
        ("eventtype=ms-sysmon-process", "'ms-sysmon-process'"),
        ("tag=authentication action=failure", "'authentication'"),
        ("`sysmon` EventCode IN (1, 3) Imag=*", "'1'"),
        ("`sysmon` EventCode=7 ImageLoaded=*x* | eventstats dc(x)", "'7'"),
        // Events of two kinds are set against each other.
        (
            "`sysmon` (EventCode=22 query=*x*) OR (EventCode=7 Image=*x*) | eventstats dc(EventCode) as n",
            "'7'",
        ),
        (
            "| tstats count from datamodel=Endpoint.Processes where Processes.process=* by Processes.dest",
            "'Endpoint.Processes'",
        ),
        ("| tstats count from datamodel=\"Web\" by x", "'\"Web\"'"),
        ("| datamodel Authentication.Authentication search | search x=1", "'Authentication.Authentication'"),
        ("| from datamodel:Web.Web | search x=1", "'datamodel:Web.Web'"),
        ("| from lookup:names | search query=1", "'lookup:names'"),
        ("| inputlookup ioc.csv", "'inputlookup'"),
        (
            "| tstats count from datamodel=Network_Resolution where DNS.message_type=\"QUERY\" by DNS.query",
            "'DNS.message_type'",
        ),
    ] {
        let error = error(search);
        assert_eq!(
            (error.reason, error.found.as_str()),
            (SearchReason::OtherData, found),
            "{search}: {error}"
        );
    }
    for search in [
        "`sysmon` EventCode=22 | eventstats count",
        "`sysmon` EventCode=22 pastebin",
        "`sysmon` NOT EventCode=1 Imag=x",
        "`sysmon` EventCode IN (1, 22) Imag=*",
        "`sysmon` EventCode IN (1, 22) | rex field=query \"x\"",
        "`sysmon` EventCode=22 | `wineventlog_names`",
        "`sysmon` NOT (EventCode=1 OR EventCode=3) Imag=x",
        "`my_own` query=x",
    ] {
        assert_eq!(error(search).reason, SearchReason::NotUnderstood, "{search}");
    }
}

/// Each case: a search, what its error quotes, and a part of what it expected. `«` marks the place.
#[test]
fn errors_say_where_and_what() {
    for (marked, found, expected) in [
        ("* | where «Imag=\"x\"", "'Imag'", "a field of a Sysmon DNS query"),
        ("* | where «image=\"x\"", "'image'", "such as Image (names differ by case)"),
        ("* | where «QueryName", "'QueryName'", "a condition, such as like("),
        ("* | where like(QueryName«", "the end of the search", "`,` or `)`"),
        ("* | where «like(QueryName, Image)", "'like(QueryName, Image)'", "a pattern that is a \"text\""),
        (
            "* | where «match(QueryName, \"(a\")",
            "'match(QueryName, \"(a\")'",
            "a regular expression (unclosed group)",
        ),
        ("* | where «cidrmatch(\"x\", answer)", "'cidrmatch(\"x\", answer)'", "a network such as"),
        ("* | where «frobnicate(QueryName)=1", "'frobnicate'", "one of the functions if, case"),
        ("* | where «len(QueryName, 1)=1", "'len'", "1 to 1 arguments of len, not 2"),
        ("* | where (ProcessId=1«", "the end of the search", "`)` for the `(` that opens at '(ProcessId=1'"),
        ("* | where ProcessId=1 «ProcessId=2", "'ProcessId=2'", "`|` or the end"),
        ("* | where «'Image", "''Image'", "a closing quote"),
        ("* | eval «=1", "'=1'", "a name, `=` and"),
        ("* | eval x=«ProcessId>1", "'ProcessId>1'", "a field, a \"text\""),
        ("* | eval x=«if(ProcessId, 1, 2)", "'ProcessId'", "a condition"),
        ("* | regex «\"x\"", "'\"x\"'", "the raw event is not looked at"),
        ("* | regex QueryName=«\"(?=x)\"", "'\"(?=x)\"'", "look-around"),
        ("* | stats count by query | where «Image=\"x\"", "'Image'", "one of the columns query, count"),
        ("* | stats count by query | dedup «Imag", "'Imag'", "one of the columns query, count"),
        ("* | stats count by query | dedup keepevents=true«", "the end of the search", "at least one column"),
        ("* | convert ctime(_time) as «*x", "'*x'", "without wildcards"),
        ("* | lookup «ioc domain as query", "'ioc'", "in a folder `lookups` above the rule"),
        ("* | convert «num(x)", "'num'", "ctime(column)"),
        ("* | convert timeformat=«\"%\" ctime(_time)", "'\"%\"'", "a form of times"),
        ("QueryName=«“x”", "'“x”'", "straight quotes"),
        ("* | head «x", "'x'", "a number of rows"),
        ("* | search «`my_own`", "'`my_own`'", "a macro that is built in"),
        ("* ««« unclosed", "", "three closing backticks"),
    ] {
        let (marked, offset) = match marked.find("«««") {
            Some(offset) => (marked.replace("«««", "```"), offset),
            None => (marked.replace('«', ""), marked.find('«').unwrap()),
        };
        let error = error(&marked);
        assert_eq!(error.offset, offset + usize::from(marked.contains("x=if(")) * 3, "{marked}: {error}");
        assert!(found.is_empty() || error.found == found, "{marked}: {error}");
        assert!(error.expected.contains(expected), "{marked}: {error}");
    }
}

#[test]
fn macros_of_a_site() {
    let shelf = Shelf::default()
        .with_macro("mine", &[], "source=*Sysmon* `inner(query, \"*.com\")`")
        .with_macro("inner", &["field", "value"], "$field$=\"$value$\" costs=\"$\" OR $field$=$value$")
        .with_macro("my_filter", &[], "search NOT Image=*\\\\system32\\\\*")
        .with_macro("itself", &[], "x `itself`")
        .with_macro("wrong", &[], "query=a Imag=b");
    let own = Shelf::default().with_macro("paste", &["name"], "query=*$name$*").with_macro(
        "my_filter",
        &[],
        "search NOT Image=*\\\\system32\\\\*",
    );
    assert!(parsed_with("`sysmon` `paste(example)`", &own).predicate.evaluate(&sample()));
    assert!(
        parsed_with("`sysmon` `paste(\"example\")` | `other_filter`", &own).predicate.evaluate(&sample())
    );
    assert!(!parsed_with("`sysmon` `paste(example)` | `my_filter`", &own).predicate.evaluate(&sample()));
    for (search, offset, expected, found) in [
        ("`sysmon`\n`wrong`", 9, "a field of a Sysmon DNS query", "'Imag' in the macro `wrong`"),
        ("`mine`", 0, "a field of a Sysmon DNS query", "'costs' in the macro `inner`"),
        ("a `itself`", 2, "none in itself", "'`itself`'"),
        ("query=a `wrong` | eventstats x", 18, "one of the commands", "'eventstats'"),
        ("query=a `inner(x)`", 8, "a macro call with 2 arguments", "'`inner(x)`'"),
    ] {
        let error = Search::parse_with(search, &shelf).expect_err(search);
        assert_eq!((error.offset, error.found.as_str()), (offset, found), "{search}: {error}");
        assert!(error.expected.contains(expected), "{search}: {error}");
    }
}

const DYNAMIC: &str = "domain, isDynamic\n*.dyn.example*, True\n*.ddns.test, True\nsafe.dyn.example, False\n";

/// Lookups of each kind.
fn lookups_of_each_kind() -> Shelf {
    Shelf::default()
        .with_lookup("dynamic", "match_type: WILDCARD(domain)\ncase_sensitive_match: 'false'", DYNAMIC)
        .with_lookup(
            "first",
            "match_type: WILDCARD(domain)\nmax_matches: 1\ncase_sensitive_match: 'false'",
            DYNAMIC,
        )
        .with_lookup("exact", "default_match: 'no'\nmin_matches: 1", "name,bad\nwww.Example.com,yes\n")
        .with_lookup("nets", "match_type: CIDR(net)", "net,owner\n192.0.2.0/24,test\n198.51.100.0/24,other\n")
        .with_lookup(
            "pairs",
            "{}",
            "name,image,kind\nwww.Example.com,other.exe,a\nwww.Example.com,cmd.exe,b\n",
        )
}

#[test]
fn lookups_find_rows_by_columns() {
    let shelf = lookups_of_each_kind();
    let event = |name: &str| sample().with("QueryName", name);
    for (pipeline, name, expected) in [
        (
            "lookup dynamic domain as query OUTPUT isDynamic | search isDynamic=true",
            "X.DYN.example.com",
            true,
        ),
        ("lookup dynamic domain as query OUTPUT isDynamic | search isDynamic=true", "x.dyn.org", false),
        (
            "lookup update=true dynamic domain AS query OUTPUTNEW isDynamic as d | where isnotnull(d)",
            "a.ddns.test",
            true,
        ),
        ("lookup dynamic domain as query | where mvcount(isDynamic)=2", "x.safe.dyn.example", false),
        ("lookup dynamic domain as query | where isDynamic=\"False\"", "safe.dyn.example", true),
        ("lookup first domain as query | where isDynamic=\"False\"", ".safe.dyn.example", false),
        ("lookup exact name as query OUTPUT bad | search bad=no", "www.example.com", true),
        ("lookup exact name as query OUTPUT bad | search bad=yes", "www.Example.com", true),
        ("lookup nets net as answer OUTPUT owner | search owner=test", "x", true),
        ("lookup nets net as answer OUTPUT owner | search owner=other", "x", false),
        (
            "lookup pairs name as query, image as process_name OUTPUT kind | search kind=b NOT kind=a",
            "www.Example.com",
            true,
        ),
        (
            "eval kind=\"known\" | lookup pairs name as query OUTPUTNEW kind | search kind=known",
            "www.Example.com",
            true,
        ),
        (
            "eval kind=\"known\" | lookup pairs name as query OUTPUT kind | search kind=known",
            "www.Example.com",
            false,
        ),
        (
            "stats count by query | lookup dynamic domain as query OUTPUT isDynamic as d | search d=True",
            "a.ddns.test",
            true,
        ),
        (
            "stats count by query | lookup dynamic domain as query OUTPUT isDynamic as d | search d=True",
            "b.test",
            false,
        ),
    ] {
        let search = parsed_with(&format!("EventCode=22 | {pipeline}"), &shelf);
        assert_eq!(search.predicate.evaluate(&event(name)), expected, "{pipeline} on {name}");
    }
}

#[test]
fn what_a_lookup_must_find_is_looked_for_in_records() {
    let shelf = lookups_of_each_kind();
    let event = |name: &str| sample().with("QueryName", name);
    let search = parsed_with(
        "`sysmon` | lookup dynamic domain as query OUTPUT isDynamic as a | lookup first domain as query OUTPUT isDynamic as b \
         | eval c=coalesce(a, b) | fields - a, b | search c=True",
        &shelf,
    );
    let literals: Vec<Vec<String>> = search
        .predicate
        .required_literals()
        .into_iter()
        .map(|set| set.into_iter().map(|required| required.literal).collect())
        .collect();
    assert_eq!(
        literals,
        [[
            ".ddns.test",
            ".dyn.example",
            "safe.dyn.example",
            ".ddns.test",
            ".dyn.example",
            "safe.dyn.example"
        ]]
    );
    assert_eq!(search.predicate.hits(&event("x.ddns.test")).matched_query, ["*.ddns.test"]);
    for (pipeline, expected) in [
        ("lookup dynamic domain as query OUTPUT isDynamic as d | search NOT d=True", 0),
        ("lookup exact name as query OUTPUT bad | search bad=no", 0),
        ("lookup exact name as query OUTPUT bad | search bad=yes", 1),
        ("lookup nets net as answer OUTPUT owner | search owner=test", 0),
    ] {
        let search = parsed_with(&format!("`sysmon` | {pipeline}"), &shelf);
        assert_eq!(search.predicate.required_literals().len(), expected, "{pipeline}");
    }
}

#[test]
fn lookups_that_are_not_as_their_files_are_refused() {
    let shelf = lookups_of_each_kind();
    for (pipeline, expected) in [
        ("lookup dynamic name as query", "one of the lookup's columns domain, isDynamic"),
        ("lookup dynamic domain as query OUTPUT x", "one of the lookup's columns"),
        ("lookup dynamic domain as Imag", "a field of a Sysmon DNS query"),
        ("lookup dynamic", "a column of the lookup"),
    ] {
        let error = Search::parse_with(&format!("* | {pipeline}"), &shelf).expect_err(pipeline);
        assert!(error.expected.contains(expected), "{pipeline}: {error}");
    }
}

#[test]
fn names_that_build_on_each_other_have_a_bound() {
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

/// A condition of `where` as it is meant.
#[derive(Debug, Clone)]
enum Meant {
    And(Vec<Meant>),
    Or(Vec<Meant>),
    Not(Box<Meant>),
    Equal(&'static str, String),
    Unequal(&'static str, String),
    Like(&'static str, String),
}

fn value<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.get(name).filter(|text| !text.is_empty())
}

fn is_like(pattern: &[char], value: &[char]) -> bool {
    match (pattern.split_first(), value.split_first()) {
        (None, None) => true,
        (Some(('%', rest)), None) => is_like(rest, value),
        (Some(('%', rest)), Some((_, behind))) => is_like(rest, value) || is_like(pattern, behind),
        (Some((own, rest)), Some((first, behind))) => (*own == '_' || own == first) && is_like(rest, behind),
        _ => false,
    }
}

impl Meant {
    fn holds(&self, event: &Event) -> bool {
        match self {
            Meant::And(all) => all.iter().all(|one| one.holds(event)),
            Meant::Or(any) => any.iter().any(|one| one.holds(event)),
            Meant::Not(one) => !one.holds(event),
            Meant::Equal(name, text) => value(event, name) == Some(text),
            Meant::Unequal(name, text) => value(event, name).is_some_and(|value| value != text),
            Meant::Like(name, text) => value(event, name).is_some_and(|value| {
                is_like(&text.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>())
            }),
        }
    }

    /// As text, with parentheses only where the order of `where` needs them.
    fn render(&self) -> String {
        let wrapped =
            |one: &Meant, needs: bool| if needs { format!("({})", one.render()) } else { one.render() };
        match self {
            Meant::And(all) => {
                let terms = all.iter().map(|one| wrapped(one, matches!(one, Meant::And(_) | Meant::Or(_))));
                terms.collect::<Vec<_>>().join(" AND ")
            }
            Meant::Or(any) => any
                .iter()
                .map(|one| wrapped(one, matches!(one, Meant::Or(_))))
                .collect::<Vec<_>>()
                .join(" OR "),
            Meant::Not(one) => format!("NOT {}", wrapped(one, matches!(**one, Meant::And(_) | Meant::Or(_)))),
            Meant::Equal(name, text) => format!("{name}=\"{text}\""),
            Meant::Unequal(name, text) => format!("{name} != \"{text}\""),
            Meant::Like(name, text) => format!("like({name}, \"{text}\")"),
        }
    }
}

fn meant() -> impl Strategy<Value = Meant> {
    let field = || prop::sample::select(&["QueryName", "Image"][..]);
    let leaf = prop_oneof![
        (field(), "[abA]{1,3}").prop_map(|(name, text)| Meant::Equal(name, text)),
        (field(), "[abA]{1,3}").prop_map(|(name, text)| Meant::Unequal(name, text)),
        (field(), "[abA%_]{1,4}").prop_map(|(name, text)| Meant::Like(name, text)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Meant::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Meant::Or),
            inner.prop_map(|one| Meant::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// On events, and on the rows that they make, which are worked out in another way.
    #[test]
    fn where_means_what_was_meant(meant in meant(), query in "[abA]{1,3}", image in prop::option::of("[abA]{0,3}")) {
        let mut event = event("", &query);
        event.set("Image", image);
        let text = meant.render();
        let expected = meant.holds(&event);
        let search = parsed(&format!("* | where {text}"));
        prop_assert_eq!(search.predicate.evaluate(&event), expected, "{}", text);
        for set in search.predicate.required_literals().iter().filter(|_| expected) {
            let held = |name: &str, literal: &str| {
                value(&event, name).unwrap_or_default().to_ascii_lowercase().contains(literal)
            };
            prop_assert!(set.iter().any(|required| held(required.data_name, &required.literal)), "{:?}", set);
        }
        if event.image().is_some_and(|image| !image.is_empty()) {
            let search = parsed(&format!("* | stats count by QueryName Image | where {text}"));
            prop_assert_eq!(search.predicate.evaluate(&event), expected, "{}", text);
            prop_assert_eq!(rows(&search, &[event]).len(), usize::from(expected), "{}", text);
        }
    }

    /// What a selector of records relies on, of lookups.
    #[test]
    fn what_a_lookup_finds_holds_a_required_literal(
        cells in prop::collection::vec("[abA*.]{1,6}", 1..5),
        query in "[abAB.]{0,8}",
        image in "[abAB.]{0,8}",
        negated in any::<bool>(),
    ) {
        let rows: Vec<String> = cells.iter().map(|cell| format!("{cell},yes\n")).collect();
        let csv = format!("pattern,is\n{}", rows.concat());
        let shelf = Shelf::default().with_lookup("l", "match_type: WILDCARD(pattern)\ncase_sensitive_match: 'false'", &csv);
        let not = if negated { "NOT" } else { "" };
        let search = parsed_with(&format!("* | lookup l pattern as query OUTPUT is | search {not} is=yes"), &shelf);
        let event = event(&image, &query);
        let found = cells.iter().any(|cell| crate::detect::Pattern::new(cell).matches(&query)) && !query.is_empty();
        prop_assert_eq!(search.predicate.evaluate(&event), found != negated);
        for set in search.predicate.required_literals().iter().filter(|_| found != negated) {
            let held = |literal: &str| query.to_ascii_lowercase().contains(literal);
            prop_assert!(set.iter().any(|required| held(&required.literal)), "{:?} {}", set, query);
        }
    }

    /// Nothing that is written in a rule file makes the parser panic.
    #[test]
    fn no_text_is_too_strange(
        pieces in prop::collection::vec(
            prop_oneof![
                r#"[a-zA-Z=!<>()\[\]"`|\\,.*é' \n%$+-]"#,
                "NOT |OR |AND |EventCode=22 |[|] ?stats | by |count|Image IN|[|] where |[|] eval x=|like[(]|if[(]|[|] sort |[|] tstats ",
                "from datamodel=Network_Resolution|DNS.query|```|[|] lookup l |OUTPUT |[|] rename |\\* as \\*|[|] convert ctime[(]",
            ],
            0..24,
        ),
    ) {
        let shelf = Shelf::default().with_lookup("l", "{}", "a,b\n1,2\n").with_macro("m", &["a"], "x=$a$ `m(1)`");
        let text = pieces.concat();
        for text in [text.clone(), format!("* | {text}"), format!("| {text}")] {
            if let Ok(search) = Search::parse_with(&text, &shelf) {
                let event = sample();
                let _ = (search.predicate.evaluate(&event), search.predicate.hits(&event), search.predicate.required_literals());
                let _ = crate::detect::Tree::of(&search.predicate, Some(&event));
                if let Some(stats) = &search.stats {
                    let mut table = StatsTable::new(stats);
                    table.add(&event);
                    let width = table.columns().count();
                    prop_assert!(table.into_rows().all(|row| row.len() == width), "{}", text);
                }
            }
        }
    }
}
