//! Searches in spellings that Splunk accepts, and misspelt searches. The spellings come from
//! Splunk's Search Reference on `search`, `dedup`, `convert`, `from` and `datamodel`.

use std::sync::Arc;

use crate::detect::lookup::{Lookup, LookupDefinition};
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::testing::event;
use crate::detect::{ContentError, Detection, Library, Macro, Search, SearchReason, StatsTable, StatsValue};

/// A [`Library`] (a site's macros and lookups) for searches in tests, with one macro and one
/// lookup.
#[derive(Debug)]
struct OneMacroOneLookup;

impl Library for OneMacroOneLookup {
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError> {
        Ok((name == "paste_sites").then(|| Macro { definition: "query=a".to_owned(), arguments: None }))
    }

    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError> {
        let definition = LookupDefinition::from_yaml("mtach_type: WILDCARD(domain)")?;
        let lookup = Lookup::new("ioc_domains", &definition, "domain,is_bad\na,1\n")?;
        Ok((name == "ioc_domains").then(|| Arc::new(lookup)))
    }

    fn macro_names(&self) -> Vec<String> {
        vec!["paste_sites".to_owned()]
    }

    fn lookup_names(&self) -> Vec<String> {
        vec!["ioc_domains".to_owned()]
    }
}

/// Asserts that the error of each search suggests a name. A case is a search, and the name; it is
/// empty if no known name is close.
fn assert_nearest(cases: &[(&str, &str)]) {
    for (search, expected) in cases {
        let error = Search::parse_with(search, &OneMacroOneLookup).expect_err(search);
        assert_eq!(error.reason, SearchReason::NotUnderstood, "{search}");
        assert_eq!(error.nearest.as_deref().unwrap_or_default(), *expected, "{search}: {error}");
        let shown = error.to_string();
        assert_eq!(shown.contains("did you mean"), !expected.is_empty(), "{shown}");
    }
}

#[test]
fn the_nearest_field_is_suggested() {
    assert_nearest(&[
        ("EventCode=22 QueryStatu=x", "QueryStatus"),
        ("EventCode=22 Imgae=x", "Image"),
        ("EventCode=22 proces_path IN (x)", "process_path"),
        ("`sysmon` EvntCode=22", "EventCode"),
        ("* | search QuerName=x", "QueryName"),
        ("* | where QuerName=\"x\"", "QueryName"),
        ("* | regex QuerName=\"x\"", "QueryName"),
        ("* | dedup QuerName", "QueryName"),
        ("* | rename QueryName as domain | search domian=x", "domain"),
        ("* | eval length=len(QueryName) | where lenght>5", "length"),
        ("* | stats count by query | where cuont>5", "count"),
        ("* | stats count as events by query | search evnets>5", "events"),
        ("| tstats count from datamodel=Network_Resolution where DNS.qurey=a by DNS.query", "DNS.query"),
        ("| tstats count from datamodel=Network_Resolution where DSN.query=a by DNS.query", "DNS.query"),
        ("| tstats count from datamodel=Network_Resolution where query=a by DNS.query", "DNS.query"),
        ("| tstats count from datamodel=Network_Resolution where DNS.src_user=a by DNS.query", ""),
        ("| tstats count from datamodel=Network_Resolution where Network_Resolution.DNS.query=a", ""),
        ("| tstats count from datamodel=Network_Resolutoin by DNS.query", "Network_Resolution"),
        ("| from datamodel:Network_Resoluton.DNS", "Network_Resolution"),
        ("| from datamodel network_resolution", "Network_Resolution"),
        ("| datamodel Network_Resolution DNS serach", "search"),
        ("| tstast count from datamodel=Network_Resolution by DNS.query", "tstats"),
    ]);
    // Another data model is other data, even if its name is similar.
    let error = Search::parse("| tstats count from datamodel=Network_Sesions by x").unwrap_err();
    assert_eq!(error.reason, SearchReason::OtherData);
}

#[test]
fn the_nearest_command_function_or_macro_is_suggested() {
    assert_nearest(&[
        ("* | serach query=a", "search"),
        ("* | stat count", "stats"),
        ("* | wher query=\"a\"", "where"),
        ("* | where mach(query, \"x\")", "match"),
        ("* | where cidr_match(\"10.0.0.0/8\", answer)", "cidrmatch"),
        ("* | where isnotnul(User)", "isnotnull"),
        ("* | eval x=lowr(query)", "lower"),
        ("* | stats cuont by query", "count"),
        ("* | stats vlues(query)", "values"),
        ("`sysmn` query=a", "sysmon"),
        ("* | `security_content_ctme(x)`", "security_content_ctime"),
        ("`sysmon` `paste_site`", "paste_sites"),
        ("* | lookup ioc_domans domain as query", "ioc_domains"),
        ("* | lookup ioc_domains domian as query", "domain"),
        ("* | lookup ioc_domains domain as query OUTPUT is_bda", "is_bad"),
        // Names that are close to no other, and commands of Splunk that are not supported.
        ("EventCode=22 ParentImage=x", ""),
        ("* | eventstats count", ""),
        ("* | rex field=query \"x\"", ""),
        ("* | tail 5", ""),
        ("* | where min(ProcessId, 5)=5", ""),
        ("* | eval x=strftime(_time, \"%Y\")", ""),
        ("* | stats avg(ProcessId)", ""),
        ("* | stats last(query)", ""),
        ("`my_own` query=a", ""),
        ("* | lookup other domain as query", ""),
    ]);
}

#[test]
fn notes_suggest_the_nearest_name() {
    for (pipeline, expected) in [
        ("stats count by QuerName", "have the field 'QuerName'; did you mean 'QueryName'?"),
        ("stats dc(QuerName)", "have the field 'QuerName'; did you mean 'QueryName'?"),
        ("rename QuerName as x", "so it is not renamed; did you mean 'QueryName'?"),
        ("table QuerName Image", "is not a field of a Sysmon DNS query; did you mean 'QueryName'?"),
        ("eval x=lower(QuerName)", "so it has no value; did you mean 'QueryName'?"),
        ("sort QuerName", "so rows are not sorted by it; did you mean 'QueryName'?"),
        ("stats count by query | table qurey count", "so the table does not have it; did you mean 'query'?"),
        ("stats count by query | rename qurey as x", "so it is not renamed; did you mean 'query'?"),
        (
            "lookup ioc_domains domain as query",
            "lookup ioc_domains: line 1, column 1: the key 'mtach_type' is not known",
        ),
    ] {
        let search =
            Search::parse_with(&format!("* | {pipeline}"), &OneMacroOneLookup).expect("the search is valid");
        assert!(search.notes.iter().any(|note| note.contains(expected)), "{pipeline}: {:?}", search.notes);
    }
    let search = Search::parse("| tstats count from datamodel=Network_Resolution by DNS.qurey")
        .expect("the search is valid");
    assert!(search.notes[0].ends_with("did you mean 'DNS.query'?"), "{:?}", search.notes);
}

/// Tests that the error about a search names its place in the rule file. Each case has the search,
/// written in one of the styles of YAML values, and the place.
#[test]
fn errors_name_the_place_in_the_file() {
    for (written, place) in [
        ("search: EventCode=22 Imgae=a", "line 3, column 22"),
        ("search: 'EventCode=22 User=\"it''s\" Imgae=a'", "line 3, column 36"),
        (r#"search: "EventCode=22 User=\"a\" Imgae=a""#, "line 3, column 34"),
        ("search: EventCode=22\n  Imgae=a", "line 4, column 3"),
        ("search: |\n  `sysmon` EventCode=22\n    Imgae=a\n  | stats count", "line 5, column 5"),
        ("search: >-\n  `sysmon` EventCode=22\n\n  Imgae=a", "line 6, column 3"),
        (
            "search: >\n  | tstats count from datamodel=Network_Resolution where\n  DNS.qurey=a by DNS.query",
            "line 5, column 3",
        ),
        ("search: '`sysmon` EventCode=22\n  `paste_sites`\n  | stat count'", "line 5, column 5"),
        ("search: ''", "line 3, column 9"),
        ("x: &a EventCode=22 Imgae=a\nsearch: *a", "line 4, column 9"),
    ] {
        let text = format!("id: a\nname: a\n{written}\n");
        let rules = Detection::all_from_yaml(&text, "a.yml", &Placeholders::default(), &OneMacroOneLookup);
        let error = rules[0].rule.as_ref().expect_err(written).to_string();
        assert!(error.starts_with(&format!("a.yml: {place}: expected ")), "{written}: {error}");
    }
    // The second rule of a file.
    let text = "id: a\nsearch: EventCode=22\n---\nid: b\nsearch: EventCode=22\n  Imgae=a\n";
    let rules = Detection::all_from_yaml(text, "a.yml", &Placeholders::default(), &OneMacroOneLookup);
    let error = rules[1].rule.as_ref().unwrap_err().to_string();
    assert!(
        error.starts_with("a.yml: line 6, column 3: ") && error.ends_with("did you mean 'Image'?"),
        "{error}"
    );
}

#[test]
fn spellings_that_splunk_accepts() {
    let event = event(r"C:\Windows\cmd.exe", "www.telegram.example");
    for (search, expected) in [
        ("`sysmon` EventCode=22 earliest=-24h@h latest=now()", true),
        ("`sysmon` EventCode=22 earliest=@d latest=now", true),
        ("earliest=\"03/01/2025:00:00:00\" `sysmon`", true),
        ("earliest=1740000000 latest=+1d@d query=*.org", false),
        ("| search index=main `sysmon` EventCode=22 query=*telegram*", true),
        ("| search index=main query=*.org | table query", false),
        (r#"QueryName IN ("*pastebin*",""*telegram*"", "*t.me*")"#, true),
        (r#"QueryName IN ("*pastebin*",""*t.me*"")"#, false),
        (r#"QueryName=""*telegram*"""#, true),
        ("| from datamodel Network_Resolution.DNS | search query=*telegram*", true),
        ("| from datamodel Network_Resolution | search query=*.org", false),
        ("| from datamodel:Network_Resolution | search DNS.query=*telegram*", true),
        ("| from datamodel \"Network_Resolution.DNS\"", true),
        ("| datamodel Network_Resolution DNS search | search DNS.query=*telegram*", true),
        ("| datamodel Network_Resolution DNS search | search DNS.query=*.org", false),
        ("| datamodel Network_Resolution DNS flat | search query=*telegram*", true),
        (
            "| datamodel Network_Resolution DNS search strict_fields=false | rename DNS.* as * | where like(query, \"%telegram%\")",
            true,
        ),
        (
            "| datamodel Network_Resolution DNS search | `drop_dm_object_name(\"DNS\")` | stats count by query src | search query=*.org",
            false,
        ),
        ("`sysmon` | dedup 1 Computer QueryName sortby -_time", true),
        ("`sysmon` | dedup 3 query consecutive=true keepevents=t keepempty=true sortby +_time, -query", true),
        ("`sysmon` | convert ctime(*Time)", true),
        ("`sysmon` | convert ctime(_time) AS day timeformat=\"%Y\" | search day=2024", true),
        ("`sysmon` | convert timeformat=\"%Y\" ctime(_ti*) | where _time=\"2024\"", true),
    ] {
        let parsed = Search::parse(search).unwrap_or_else(|error| panic!("{search}: {error}"));
        assert_eq!(parsed.predicate.evaluate(&event), expected, "{search}");
    }
}

/// Returns the rows of the `stats` table that the commands `pipeline` of a search make of five
/// events, each row as its values joined by spaces. The events differ in query name and process ID.
fn rows(pipeline: &str) -> Vec<String> {
    let search =
        Search::parse(&format!("* | {pipeline}")).unwrap_or_else(|error| panic!("{pipeline}: {error}"));
    let mut table = StatsTable::new(search.stats.as_ref().expect("the search has `stats`"));
    for (name, id) in [("b", "2"), ("a", "1"), ("a", "3"), ("b", "4"), ("b", "5")] {
        let mut event = event("x", name);
        event.set("ProcessId", Some(id.to_owned()));
        table.add(&event);
    }
    let text = |value: StatsValue| match value {
        StatsValue::Integer(number) => number.to_string(),
        StatsValue::Text(text) => text,
        other => panic!("{other:?}"),
    };
    table.into_rows().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn dedup_with_each_option() {
    for (dedup, expected) in [
        ("dedup query", &["b 2", "a 1"][..]),
        ("dedup 2 query", &["b 2", "a 1", "a 3", "b 4"]),
        ("dedup query consecutive=true", &["b 2", "a 1", "b 4"]),
        ("dedup 2 query consecutive=true", &["b 2", "a 1", "a 3", "b 4", "b 5"]),
        // `sortby` decides which row of several is the first, and so kept.
        ("dedup query sortby -ProcessId", &["b 5", "a 3"]),
        ("dedup query sortby query, - num(ProcessId)", &["a 3", "b 5"]),
        ("dedup query keepevents=true", &["b 2", "a 1", "a 3", "b 4", "b 5"]),
    ] {
        let table = "stats count by ProcessId query | sort str(ProcessId) | eval k=if(ProcessId=2, 0, ProcessId) \
                     | sort num(k) | fields query ProcessId";
        assert_eq!(rows(&format!("{table} | {dedup}")), expected, "{dedup}");
    }
}

#[test]
fn convert_formats_all_columns_of_a_pattern() {
    for convert in [
        "convert timeformat=\"%Y\" ctime(*Time)",
        "convert ctime(*Time) timeformat=\"%Y\"",
        "convert timeformat=\"%Y\" ctime(*Time) as *T | fields query count firstT lastT",
    ] {
        let stats = "stats count min(_time) as firstTime max(_time) as lastTime by query | sort - query";
        assert_eq!(rows(&format!("{stats} | {convert}")), ["b 3 2024 2024", "a 2 2024 2024"], "{convert}");
    }
    let search =
        Search::parse("* | stats count by query | convert ctime(*Time)").expect("the search is valid");
    assert_eq!(search.notes, ["no column matches '*Time', so none is formatted as a time"]);
}
