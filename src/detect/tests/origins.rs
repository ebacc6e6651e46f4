//! Tests of which events a search is about, and which searches are refused.

use super::{TestLibrary, error, named, parsed, rows, sample};
use crate::detect::{Search, SearchReason, StatsTable};
use proptest::prelude::*;

#[test]
fn tstats_over_the_data_model_of_dns_queries() {
    let search = parsed(
        "| tstats `security_content_summariesonly` count min(_time) as firstTime values(DNS.answer) as answer \
         values(DNS.dest) as dest from datamodel=Network_Resolution where nodename=DNS DNS.query=\"*Exam*\" DNS.query=*.com \
         OR DNS.query=xyz by DNS.src, DNS.query | `drop_dm_object_name(\"DNS\")` | `security_content_ctime(firstTime)` \
         | `security_content_ctime(lastTime)` | search count>0 | `a_filter`",
    );
    let columns: Vec<&str> = search
        .stats
        .as_ref()
        .expect("the search has `stats`")
        .columns()
        .map(crate::detect::StatsColumn::name)
        .collect();
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
    assert_eq!(search.predicate.required_texts().len(), 2, "{:?}", search.predicate.required_texts());
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
fn heads_select_the_origin_of_events() {
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
        // A part that is about other data is never true.
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

/// Tests that a condition on the index, the source type or the period of events in Splunk selects
/// all events, also after a `NOT`, because an event log does not show them.
#[test]
fn a_condition_that_cannot_be_tested_excludes_nothing() {
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
        // A testable condition beside it decides, where it can.
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

/// Tests that the error of a search about other data than Sysmon's DNS queries says so. Each of the
/// first cases has such a search, and the text that its error quotes. The other cases are searches
/// that are not understood.
#[test]
fn searches_about_other_data_are_distinguished_from_those_that_are_not_understood() {
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
        // Events of two kinds are combined with each other.
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

/// Tests what errors say. Each case has a search, the text that its error quotes, and a part of
/// what the error says was expected. `«` marks the place of the error.
#[test]
fn errors_say_where_and_what() {
    for (marked, found, expected) in [
        ("* | where «Imag=\"x\"", "'Imag'", "a field of a Sysmon DNS query"),
        ("* | where «image=\"x\"", "'image'", "such as Image (names differ by case)"),
        ("* | where «QueryName", "'QueryName'", "a condition, such as like("),
        ("* | where like(QueryName«", "the end of the search", "`,` or `)`"),
        (
            "* | where «like(QueryName, Image)",
            "'like(QueryName, Image)'",
            "a constant \"text\" as the pattern",
        ),
        (
            "* | where «match(QueryName, \"(a\")",
            "'match(QueryName, \"(a\")'",
            "a regular expression (unclosed group)",
        ),
        ("* | where «cidrmatch(\"x\", answer)", "'cidrmatch(\"x\", answer)'", "a network such as"),
        ("* | where «frobnicate(QueryName)=1", "'frobnicate'", "one of the functions if, case"),
        ("* | where «len(QueryName, 1)=1", "'len'", "len with 1 argument (the call has 2)"),
        ("* | where (ProcessId=1«", "the end of the search", "`)` for the `(` that opens at '(ProcessId=1'"),
        ("* | where ProcessId=1 «ProcessId=2", "'ProcessId=2'", "`|` or the end"),
        ("* | where «'Image", "''Image'", "a closing quote"),
        ("* | eval «=1", "'=1'", "a name, `=` and"),
        ("* | eval x=«ProcessId>1", "'ProcessId>1'", "a field, a \"text\""),
        ("* | eval x=«if(ProcessId, 1, 2)", "'ProcessId'", "a condition"),
        ("* | regex «\"x\"", "'\"x\"'", "the raw event is not searched"),
        ("* | regex QueryName=«\"(?=x)\"", "'\"(?=x)\"'", "look-around"),
        ("* | stats count by query | where «Image=\"x\"", "'Image'", "one of the columns query, count"),
        ("* | stats count by query | dedup «Imag", "'Imag'", "one of the columns query, count"),
        ("* | stats count by query | dedup keepevents=true«", "the end of the search", "at least one column"),
        ("* | convert ctime(_time) as «*x", "'*x'", "without wildcards"),
        ("* | lookup «ioc domain as query", "'ioc'", "in a folder `lookups` above the rule"),
        ("* | convert «num(x)", "'num'", "ctime(column)"),
        ("* | convert timeformat=«\"%\" ctime(_time)", "'\"%\"'", "a time format"),
        ("QueryName=«“x”", "'“x”'", "straight quotes"),
        ("* | head «x", "'x'", "a number of rows"),
        ("* | search «`my_own`", "'`my_own`'", "a macro that is built in"),
        ("* ««« unclosed", "", "three closing backticks"),
    ] {
        let (marked, offset) = match marked.find("«««") {
            Some(offset) => (marked.replace("«««", "```"), offset),
            None => (marked.replace('«', ""), marked.find('«').expect("a place is marked")),
        };
        let error = error(&marked);
        assert_eq!(error.offset, offset + usize::from(marked.contains("x=if(")) * 3, "{marked}: {error}");
        assert!(found.is_empty() || error.found == found, "{marked}: {error}");
        assert!(error.expected.contains(expected), "{marked}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// Tests that no text in a rule file makes the parser panic.
    #[test]
    fn no_text_makes_the_parser_panic(
        pieces in prop::collection::vec(
            prop_oneof![
                r#"[a-zA-Z=!<>()\[\]"`|\\,.*é' \n%$+-]"#,
                "NOT |OR |AND |EventCode=22 |[|] ?stats | by |count|Image IN|[|] where |[|] eval x=|like[(]|if[(]|[|] sort |[|] tstats ",
                "from datamodel=Network_Resolution|DNS.query|```|[|] lookup l |OUTPUT |[|] rename |\\* as \\*|[|] convert ctime[(]",
            ],
            0..24,
        ),
    ) {
        let library = TestLibrary::default().with_lookup("l", "{}", "a,b\n1,2\n").with_macro("m", &["a"], "x=$a$ `m(1)`");
        let text = pieces.concat();
        for text in [text.clone(), format!("* | {text}"), format!("| {text}")] {
            if let Ok(search) = Search::parse_with(&text, &library) {
                let event = sample();
                let _ = (search.predicate.evaluate(&event), search.predicate.hits(&event), search.predicate.required_texts());
                let _ = crate::detect::ConditionTree::of(&search.predicate, Some(&event));
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
