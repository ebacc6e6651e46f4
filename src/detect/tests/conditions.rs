//! Tests of conditions of `where`: by cases, and against a plain evaluation of random conditions.

use super::{parsed, rows, sample};
use crate::detect::predicate::RequiredText;
use crate::detect::testing::event;
use crate::event::Event;
use proptest::prelude::*;

/// Checks conditions of the command `where` on the event [`sample`]. Each case has a condition, and
/// true if the event meets it.
fn assert_conditions(cases: &[(&str, bool)]) {
    let event = sample();
    for (condition, expected) in cases {
        let search = parsed(&format!("EventCode=22 | where {condition}"));
        assert_eq!(search.predicate.evaluate(&event), *expected, "{condition}");
    }
}

#[test]
fn where_compares_and_joins() {
    assert_conditions(&[
        // Case matters.
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
        // AND binds tighter than OR, unlike in `search`.
        ("ProcessId=1 AND ProcessId=2 OR ProcessId=740", true),
        ("ProcessId=740 OR ProcessId=2 AND ProcessId=1", true),
        ("(ProcessId=740 OR ProcessId=2) AND ProcessId=1", false),
        ("NOT ProcessId=1 AND ProcessId=740", true),
        ("ProcessId=740 XOR QueryStatus=0", false),
        ("ProcessId=740 XOR QueryStatus=1", true),
        ("NOT (ProcessId=740)", false),
        ("(ProcessId+1)*2=1482", true),
        (r#"QueryName="www." . "Example.com""#, true),
    ]);
}

#[test]
fn where_fits_patterns_and_takes_one_value_of_several() {
    assert_conditions(&[
        (r#"like(Image, "%cmd.exe")"#, true),
        (r#"like(Image, "%CMD.exe")"#, false),
        (r#"like(lower(Image), "%system32%cmd.exe")"#, true),
        (r#"like(lower(QueryName), "www_example%")"#, true),
        (r#"like(QueryName, "www_Example.com")"#, true),
        (r#"QueryName LIKE "%.com""#, true),
        (r#"match(QueryName, "^www\.[A-Z]")"#, true),
        (r#"match(QueryName, "^example")"#, false),
        (r#"match(QueryName, "(?i)\.EXAMPLE\.")"#, true),
        // If a field has several values, one of them is enough.
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
    ]);
}

#[test]
fn where_calls_functions_on_absent_values() {
    assert_conditions(&[
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
    ]);
}

/// A condition of Splunk's command `where` as a tree, from which the test makes both the text for
/// the parser and the expected result.
#[derive(Debug, Clone)]
enum IntendedCondition {
    And(Vec<IntendedCondition>),
    Or(Vec<IntendedCondition>),
    Not(Box<IntendedCondition>),
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

impl IntendedCondition {
    fn holds(&self, event: &Event) -> bool {
        match self {
            IntendedCondition::And(all) => all.iter().all(|one| one.holds(event)),
            IntendedCondition::Or(any) => any.iter().any(|one| one.holds(event)),
            IntendedCondition::Not(one) => !one.holds(event),
            IntendedCondition::Equal(name, text) => value(event, name) == Some(text),
            IntendedCondition::Unequal(name, text) => value(event, name).is_some_and(|value| value != text),
            IntendedCondition::Like(name, text) => value(event, name).is_some_and(|value| {
                is_like(&text.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>())
            }),
        }
    }

    /// The condition as text, with parentheses only where the operator precedence of `where` needs
    /// them.
    fn render(&self) -> String {
        let wrapped = |one: &IntendedCondition, needs: bool| {
            if needs { format!("({})", one.render()) } else { one.render() }
        };
        match self {
            IntendedCondition::And(all) => {
                let terms = all.iter().map(|one| {
                    wrapped(one, matches!(one, IntendedCondition::And(_) | IntendedCondition::Or(_)))
                });
                terms.collect::<Vec<_>>().join(" AND ")
            }
            IntendedCondition::Or(any) => any
                .iter()
                .map(|one| wrapped(one, matches!(one, IntendedCondition::Or(_))))
                .collect::<Vec<_>>()
                .join(" OR "),
            IntendedCondition::Not(one) => format!(
                "NOT {}",
                wrapped(one, matches!(**one, IntendedCondition::And(_) | IntendedCondition::Or(_)))
            ),
            IntendedCondition::Equal(name, text) => format!("{name}=\"{text}\""),
            IntendedCondition::Unequal(name, text) => format!("{name} != \"{text}\""),
            IntendedCondition::Like(name, text) => format!("like({name}, \"{text}\")"),
        }
    }
}

fn condition() -> impl Strategy<Value = IntendedCondition> {
    let field = || prop::sample::select(&["QueryName", "Image"][..]);
    let leaf = prop_oneof![
        (field(), "[abA]{1,3}").prop_map(|(name, text)| IntendedCondition::Equal(name, text)),
        (field(), "[abA]{1,3}").prop_map(|(name, text)| IntendedCondition::Unequal(name, text)),
        (field(), "[abA%_]{1,4}").prop_map(|(name, text)| IntendedCondition::Like(name, text)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(IntendedCondition::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(IntendedCondition::Or),
            inner.prop_map(|one| IntendedCondition::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    /// Tests that the text of a condition of the command `where`, once parsed, has the same result
    /// as the tree from which the text was made. The parsed condition is evaluated on an event and,
    /// by other code, on the row that `stats` makes of the event.
    #[test]
    fn where_agrees_with_plain_evaluation(condition in condition(), query in "[abA]{1,3}", image in prop::option::of("[abA]{0,3}")) {
        let mut event = event("", &query);
        event.set("Image", image);
        let text = condition.render();
        let expected = condition.holds(&event);
        let search = parsed(&format!("* | where {text}"));
        prop_assert_eq!(search.predicate.evaluate(&event), expected, "{}", text);
        for set in search.predicate.required_texts().iter().filter(|_| expected) {
            let text = |name: &str| value(&event, name).unwrap_or_default().to_ascii_lowercase();
            let held = |required: &RequiredText| required.text.is_in(&text(required.data_name));
            prop_assert!(set.iter().any(held), "{:?}", set);
        }
        if event.image().is_some_and(|image| !image.is_empty()) {
            let search = parsed(&format!("* | stats count by QueryName Image | where {text}"));
            prop_assert_eq!(search.predicate.evaluate(&event), expected, "{}", text);
            prop_assert_eq!(rows(&search, &[event]).len(), usize::from(expected), "{}", text);
        }
    }
}
