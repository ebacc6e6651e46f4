//! Tests of a site's macros and lookups.

use super::{TestLibrary, parsed_with, sample};
use crate::detect::Search;
use crate::detect::testing::event;
use proptest::prelude::*;

#[test]
fn macros_of_a_site() {
    let library = TestLibrary::default()
        .with_macro("mine", &[], "source=*Sysmon* `inner(query, \"*.com\")`")
        .with_macro("inner", &["field", "value"], "$field$=\"$value$\" costs=\"$\" OR $field$=$value$")
        .with_macro("my_filter", &[], "search NOT Image=*\\\\system32\\\\*")
        .with_macro("itself", &[], "x `itself`")
        .with_macro("wrong", &[], "query=a Imag=b");
    let own = TestLibrary::default().with_macro("paste", &["name"], "query=*$name$*").with_macro(
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
        ("a `itself`", 2, "calls itself", "'`itself`'"),
        ("query=a `wrong` | eventstats x", 18, "one of the commands", "'eventstats'"),
        ("query=a `inner(x)`", 8, "a macro call with 2 arguments", "'`inner(x)`'"),
    ] {
        let error = Search::parse_with(search, &library).expect_err(search);
        assert_eq!((error.offset, error.found.as_str()), (offset, found), "{search}: {error}");
        assert!(error.expected.contains(expected), "{search}: {error}");
    }
}

const DYNAMIC: &str = "domain, isDynamic\n*.dyn.example*, True\n*.ddns.test, True\nsafe.dyn.example, False\n";

/// Returns a [`Library`](crate::detect::Library) (a site's macros and lookups) for searches in
/// tests, with a lookup of each match type (exact, wildcard and network) and with various options.
fn lookups_of_each_kind() -> TestLibrary {
    TestLibrary::default()
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
    let library = lookups_of_each_kind();
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
        let search = parsed_with(&format!("EventCode=22 | {pipeline}"), &library);
        assert_eq!(search.predicate.evaluate(&event(name)), expected, "{pipeline} on {name}");
    }
}

#[test]
fn values_that_a_lookup_must_find_are_required_texts() {
    let library = lookups_of_each_kind();
    let event = |name: &str| sample().with("QueryName", name);
    let search = parsed_with(
        "`sysmon` | lookup dynamic domain as query OUTPUT isDynamic as a | lookup first domain as query OUTPUT isDynamic as b \
         | eval c=coalesce(a, b) | fields - a, b | search c=True",
        &library,
    );
    let literals: Vec<Vec<String>> = search
        .predicate
        .required_texts()
        .into_iter()
        .map(|set| {
            set.into_iter()
                .map(|required| required.text.literal().expect("lookups give literals").to_owned())
                .collect()
        })
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
        let search = parsed_with(&format!("`sysmon` | {pipeline}"), &library);
        assert_eq!(search.predicate.required_texts().len(), expected, "{pipeline}");
    }
}

#[test]
fn lookups_with_columns_that_their_files_do_not_have_are_refused() {
    let library = lookups_of_each_kind();
    for (pipeline, expected) in [
        ("lookup dynamic name as query", "one of the lookup's columns domain, isDynamic"),
        ("lookup dynamic domain as query OUTPUT x", "one of the lookup's columns"),
        ("lookup dynamic domain as Imag", "a field of a Sysmon DNS query"),
        ("lookup dynamic", "a column of the lookup"),
    ] {
        let error = Search::parse_with(&format!("* | {pipeline}"), &library).expect_err(pipeline);
        assert!(error.expected.contains(expected), "{pipeline}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// Tests that every event that a search with a lookup matches contains a literal of each set
    /// that the search requires. A sweep relies on this: it does not decode records without these
    /// literals.
    #[test]
    fn events_that_a_lookup_finds_contain_a_required_literal(
        cells in prop::collection::vec("[abA*.]{1,6}", 1..5),
        query in "[abAB.]{0,8}",
        image in "[abAB.]{0,8}",
        negated in any::<bool>(),
    ) {
        let rows: Vec<String> = cells.iter().map(|cell| format!("{cell},yes\n")).collect();
        let csv = format!("pattern,is\n{}", rows.concat());
        let library = TestLibrary::default().with_lookup("l", "match_type: WILDCARD(pattern)\ncase_sensitive_match: 'false'", &csv);
        let not = if negated { "NOT" } else { "" };
        let search = parsed_with(&format!("* | lookup l pattern as query OUTPUT is | search {not} is=yes"), &library);
        let event = event(&image, &query);
        let found = cells.iter().any(|cell| crate::detect::Pattern::new(cell).matches(&query)) && !query.is_empty();
        prop_assert_eq!(search.predicate.evaluate(&event), found != negated);
        for set in search.predicate.required_texts().iter().filter(|_| found != negated) {
            let text = query.to_ascii_lowercase();
            prop_assert!(set.iter().any(|required| required.text.is_in(&text)), "{:?} {}", set, query);
        }
    }
}
