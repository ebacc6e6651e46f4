//! Parses searches in the part of SPL that detections of DNS queries use. A search begins with a
//! head that selects events ([`crate::detect::splunk::head`]), or with a command such as `tstats`
//! that reads Splunk's data model of DNS queries. A pipeline of commands follows, which filters the
//! events and aggregates them ([`crate::detect::splunk::pipeline`]).

use std::borrow::Cow;
use std::sync::Arc;

use crate::detect::bounds;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::Expression;
use crate::detect::splunk::expansion::Expansion;
use crate::detect::splunk::head;
use crate::detect::splunk::library::{Library, NoLibrary};
use crate::detect::splunk::other_data;
use crate::detect::splunk::pipeline::{self, GENERATING_COMMANDS, Pipeline, Scope};
use crate::detect::splunk::search_error::{SearchError, SearchReason};
use crate::detect::splunk::token::{Cursor, split_at_pipes};
use crate::detect::stats::Stats;
use crate::detect::term::{EvalInput, Term};
use crate::event::Event;

/// The compiled search of a rule: the condition on the events that match, and the table to which
/// the search's command `stats` reduces the matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The condition that an event must meet to match the search.
    pub predicate: Predicate,
    /// The description of the `stats` table that the matches are reduced to; `None` if the search
    /// has no command `stats`.
    pub stats: Option<Arc<Stats>>,
    /// Notes for the user about how the search was understood.
    pub notes: Vec<String>,
    /// The names that can be used after the last command of the search, with their meanings. The
    /// rule's message uses them to find the values of the fields that it names.
    scope: Scope,
}

impl Search {
    /// Parses an SPL search that uses no lookups, and only macros that dnsweep implements itself.
    /// Whatever is not understood is an error that says where it is.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        Self::parse_with(text, &NoLibrary)
    }

    /// Parses an SPL search that can use the macros and lookups of `library`. Whatever is not
    /// understood is an error that says where it is.
    pub fn parse_with(text: &str, library: &dyn Library) -> Result<Self, SearchError> {
        let read = || {
            let expansion = Expansion::new(text, library)?;
            let read = Self::read(&expansion.text, library);
            read.map_err(|error| about_other_data(&expansion.text, error))
                .map_err(|error| expansion.in_original(error))
        };
        read().map_err(|error| about_other_data(text, error))
    }

    /// Parses an SPL search whose macros are already expanded. `library` has the lookups.
    fn read(text: &str, library: &dyn Library) -> Result<Self, SearchError> {
        let all = split_at_pipes(text)?;
        let mut parts = all.into_iter().map(|part| Cursor::new(text, part));
        let mut pipeline = Pipeline::new(library);
        let Some(mut head) = parts.next() else { return Err(Cursor::new(text, 0..0).unexpected("a search")) };
        let mut first = parts.clone().next().filter(|_| head.clone().at_end());
        let command = first.as_mut().and_then(generating_command);
        if command.is_some() {
            parts.next();
        }
        // Unsupported commands are reported before other errors, because a rule with one needs the
        // maximum number of changes.
        for part in parts.clone() {
            pipeline::check_command(part)?;
        }
        match (command, first) {
            (Some(command), Some(mut first)) if command.text == "tstats" => {
                pipeline.read_tstats(&mut first, &command)?;
            }
            (Some(command), Some(mut first)) if command.text == "search" => {
                pipeline.read_search(&mut first)?;
            }
            (Some(command), Some(mut first)) => {
                if command.text == "from" {
                    other_data::check_from(&mut first)?;
                } else {
                    other_data::check_datamodel(&mut first)?;
                }
                pipeline.read_model();
            }
            (None, _) | (Some(_), None) => {
                head::eat_search_command(&mut head);
                pipeline.read_search(&mut head)?;
            }
        }
        for part in parts {
            pipeline.read(part)?;
        }
        let Pipeline { scope, stats, mut predicates, notes, .. } = pipeline;
        let predicate = match (predicates.pop(), predicates.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                predicates.extend(last);
                Predicate::And(predicates.into_iter().flat_map(conjuncts).collect())
            }
        };
        Ok(Search { predicate, stats: stats.map(Arc::new), notes, scope })
    }

    /// Creates a search that consists of a condition only, without a `stats` table. The condition
    /// can come from another language than SPL, such as Sigma.
    #[must_use]
    pub fn of(predicate: Predicate) -> Self {
        Search { predicate, stats: None, notes: Vec::new(), scope: Scope::default() }
    }

    /// Returns an equivalent search. In its condition, many patterns for one field are joined to a
    /// set ([`Predicate::OneOf`]), in which a value is found by one lookup.
    #[must_use]
    pub(in crate::detect) fn with_sets(mut self) -> Self {
        self.predicate = self.predicate.with_sets();
        self
    }

    /// Calls `see` with each regular expression in the search's condition and in the columns and
    /// commands of its `stats` table.
    pub(in crate::detect) fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        bounds::each_expression(&self.predicate, see);
        if let Some(stats) = &self.stats {
            stats.each_expression(see);
        }
    }

    /// Returns the value that a name in the rule's message has for one event. The name is that of a
    /// column of the `stats` table, else that of a field or one that a command defined. `None` if
    /// the name is unknown, if the event has no value for it, or if it means a count, which depends
    /// on several events.
    #[must_use]
    pub fn value_of(&self, name: &str, event: &Event) -> Option<String> {
        self.term_named(name)?.value(EvalInput::Event(event)).text().map(Cow::into_owned)
    }

    /// Returns the [`Term`] (a field or a computed value) that a name in the rule's message stands
    /// for. The name is that of a column of the `stats` table, else that of a field or one that a
    /// command defined. `None` if the name is unknown, or means a count, which depends on several
    /// events.
    pub(in crate::detect) fn term_named(&self, name: &str) -> Option<Term> {
        let column = self.stats.as_deref().and_then(|stats| {
            let named = |place: &&usize| stats.columns.get(**place).is_some_and(|column| column.name == name);
            Some((stats, *stats.shown.iter().find(named)?))
        });
        match column {
            Some((stats, place)) => stats.event_term(place, false),
            None => self.scope.lookup(name),
        }
    }
}

/// Returns the error for a search that was refused with `error`. If the search is about data other
/// than DNS queries, the result is an error that says so; otherwise it is `error` itself.
fn about_other_data(text: &str, error: SearchError) -> SearchError {
    if error.reason == SearchReason::OtherData {
        return error;
    }
    let checked = split_at_pipes(text).and_then(|parts| other_data::check(text, &parts, &error));
    match checked {
        Err(other) if other.reason == SearchReason::OtherData => other,
        _ => error,
    }
}

/// Reads the command at the start of `part`, the text between two `|`, if it is `search` or a
/// supported command that reads events, such as `tstats`. Otherwise returns `None`, and the cursor
/// stays.
fn generating_command(part: &mut Cursor<'_>) -> Option<crate::detect::splunk::token::Token> {
    part.skip_space();
    let mut ahead = part.clone();
    let command = ahead.word();
    let is_known = command.text == "search" || GENERATING_COMMANDS.contains(&command.text.as_str());
    if is_known {
        *part = ahead;
    }
    is_known.then_some(command)
}

/// Splits an `And` predicate into the predicates that it joins. A predicate of another kind is the
/// only element of the result.
fn conjuncts(predicate: Predicate) -> Vec<Predicate> {
    match predicate {
        Predicate::And(all) => all,
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::pattern::tests::naive_match;
    use crate::detect::stats::StatsKind;
    use crate::detect::testing::{event, nothing};

    fn error(search: &str) -> SearchError {
        Search::parse(search).expect_err(search)
    }

    const TEXT: StatsKind = StatsKind::Text;
    const INTEGER: StatsKind = StatsKind::Integer;
    const TIME: StatsKind = StatsKind::Time;
    const LIST: StatsKind = StatsKind::TextList;

    /// Tests the columns of `stats` tables. Each case has the commands of a search, and the names
    /// and types of the columns that they make.
    fn assert_columns(cases: &[(&str, &[(&str, StatsKind)])]) {
        for (pipeline, expected) in cases {
            let search = format!("`sysmon` EventCode=22 {pipeline}");
            let stats = Search::parse(&search).unwrap_or_else(|error| panic!("{search}: {error}")).stats;
            let columns = stats.as_deref().into_iter().flat_map(Stats::columns);
            let columns: Vec<_> = columns.map(|column| (column.name(), column.kind())).collect();
            assert_eq!(columns, *expected, "{pipeline}");
        }
    }

    #[test]
    fn stats_makes_columns() {
        assert_columns(&[
            ("", &[][..]),
            ("| `x_filter`", &[]),
            ("| stats count", &[("count", INTEGER)]),
            ("| stats count as n BY Image", &[("Image", TEXT), ("n", INTEGER)]),
            (
                "|  stats  min(_time) as first  count by  Image, query   dvc",
                &[("Image", TEXT), ("query", TEXT), ("dvc", TEXT), ("first", TIME), ("count", INTEGER)],
            ),
            (
                "| stats count, dc(query) AS names, values( user ), count(answer)",
                &[
                    ("count", INTEGER),
                    ("names", INTEGER),
                    ("values( user )", LIST),
                    ("count(answer)", INTEGER),
                ],
            ),
            (
                "| stats min(_time) max(ProcessId) earliest(query) latest(_time) by host",
                &[
                    ("host", TEXT),
                    ("min(_time)", TIME),
                    ("max(ProcessId)", TEXT),
                    ("earliest(query)", TEXT),
                    ("latest(_time)", TIME),
                ],
            ),
            ("| stats count by _time", &[("_time", TIME), ("count", INTEGER)]),
            ("| stats min(_time) as t by host | `security_content_ctime(t)`", &[("host", TEXT), ("t", TEXT)]),
            (
                "| stats count by host | rename host as dest, count as \"My events\" | `x_filter` | `y_filter`",
                &[("dest", TEXT), ("My events", INTEGER)],
            ),
            (
                "| rename Computer as machine | stats count by machine",
                &[("machine", TEXT), ("count", INTEGER)],
            ),
        ]);
    }

    #[test]
    fn commands_around_stats_choose_and_rename_columns() {
        assert_columns(&[
            ("| table Image | stats count by Image", &[("Image", TEXT), ("count", INTEGER)]),
            (
                "| fields Image | rename Image as path | stats min(_time) by path",
                &[("path", TEXT), ("min(_time)", TIME)],
            ),
            ("| table _time, Image, QueryName", &[]),
            ("| stats count by Image user | table count, Image", &[("count", INTEGER), ("Image", TEXT)]),
            (
                "| stats count by Image user | fields - user | rename count as user",
                &[("Image", TEXT), ("user", INTEGER)],
            ),
            ("| stats count by Image user | fields + user", &[("user", TEXT)]),
            ("| fillnull value=none user | stats count by user", &[("user", TEXT), ("count", INTEGER)]),
        ]);
    }
    /// Tests what the errors of refused searches say. Each case has a search, the text that its
    /// error quotes, and a part of what was expected. `«` marks the place of the error.
    #[test]
    fn errors_say_where_and_what() {
        for (marked, found, expected) in [
            ("EventCode=22 | «eventstats count", "'eventstats'", "one of the commands stats"),
            (
                "EventCode=22 | stats count by user | table user «user",
                "'user'",
                "which the table already has",
            ),
            ("EventCode=22 | table«", "the end of the search", "a field name"),
            ("EventCode=22 | stats count | fields - «count", "'count'", "at least one column"),
            ("EventCode=22 | stats count by user | table «Image", "'Image'", "at least one column"),
            ("EventCode=22 | table Image | where «user=1", "'user'", "a field of"),
            ("ImageLoaded=x | «tstats count", "'tstats'", "one of the commands stats"),
            ("EventCode=22 | «| stats count", "'|'", "one of the commands stats"),
            ("EventCode=22 |«", "the end of the search", "one of the commands stats"),
            ("EventCode=22 | «`drop_everything`", "'`drop_everything`'", "a macro that is built in"),
            ("EventCode=22 | «`x_filter(y)`", "'`x_filter(y)`'", "a macro"),
            ("EventCode=22 | stats «by Image", "'by'", "an aggregate"),
            ("EventCode=22 | stats «avg(ProcessId)", "'avg'", "an aggregate"),
            ("EventCode=22 | stats «min by Image", "'min'", "an aggregate"),
            ("EventCode=22 | stats count,«", "the end of the search", "an aggregate"),
            ("EventCode=22 | stats values(Image «x)", "'x'", "`)`"),
            ("EventCode=22 | stats count by «", "the end of the search", "a field name"),
            ("EventCode=22 | stats count by «| rename a as b", "'|'", "a field name"),
            ("EventCode=22 | stats count by Image «Image", "'Image'", "which the table already has"),
            ("EventCode=22 | stats count as x count as «x", "'x'", "which the table already has"),
            ("EventCode=22 | stats count by «*", "'*'", "without wildcards"),
            ("EventCode=22 | stats count | «stats count", "'stats'", "only one stats"),
            (
                "EventCode=22 | stats count by Image | rename Image as «count",
                "'count'",
                "which the table already has",
            ),
            ("EventCode=22 | stats count by Image | rename Image «path", "'path'", "`as`"),
            ("EventCode=22 | stats count | `security_content_ctime(«count)`", "'count'", "contains a time"),
            ("EventCode=22 | `x_filter` «y", "'y'", "`|` or the end"),
        ] {
            let offset = marked.find('«').unwrap();
            let error = error(&marked.replace('«', ""));
            assert_eq!((error.offset, error.found.as_str()), (offset, found), "{marked}: {error}");
            assert!(error.expected.contains(expected), "{marked}: {error}");
        }
    }

    #[test]
    fn lines_and_columns_are_those_of_the_search() {
        let error = error("EventCode=22\n  Bogus=1\n| stats count");
        assert_eq!((error.line, error.column, error.offset), (2, 3, 15));
    }

    #[test]
    fn names_mean_what_the_pipeline_made_of_them() {
        let event = event(r"C:\Windows\cmd.exe", "example.com");
        let search = Search::parse(
            "EventCode=22 | rename User as account | fillnull value=none RuleName
             | stats count min(_time) as firstTime max(_time) as lastTime values(query) as names
               by Computer account
             | rename Computer as Image | `security_content_ctime(firstTime)`",
        )
        .unwrap();
        for (name, value) in [
            ("Image", Some("PC1.corp.example")),
            ("account", Some(r"CORP\alice")),
            ("User", None),
            ("user", Some(r"CORP\alice")),
            ("names", Some("example.com")),
            ("firstTime", Some("2024-01-31T10:15:31")),
            ("lastTime", Some("1706696131.5")),
            ("QueryName", Some("example.com")),
            ("count", None),
            ("nothing", None),
        ] {
            assert_eq!(search.value_of(name, &event).as_deref(), value, "{name}");
        }
    }

    /// A condition that a test writes as a search in SPL. The parsed search must have the same
    /// result for an event as the condition itself.
    #[derive(Debug, Clone)]
    enum IntendedCondition {
        And(Vec<IntendedCondition>),
        Or(Vec<IntendedCondition>),
        Not(Box<IntendedCondition>),
        Equal(&'static str, String),
        Unequal(&'static str, String),
        In(&'static str, Vec<String>),
        Sysmon,
    }

    impl IntendedCondition {
        fn holds(&self, event: &Event) -> bool {
            let get = |name: &str| -> Option<String> {
                let text = match name {
                    "QueryName" | "query" => event.query_name().map(str::to_owned),
                    "Image" => event.image().map(str::to_owned),
                    "process_name" => {
                        event.image().map(|image| image.split('\\').next_back().unwrap().to_owned())
                    }
                    "User" => event.user().map(str::to_owned),
                    _ => panic!("{name}"),
                };
                text.filter(|text| !text.is_empty())
            };
            let equal = |name: &str, value: &String| get(name).is_some_and(|own| naive_match(value, &own));
            match self {
                IntendedCondition::And(all) => all.iter().all(|one| one.holds(event)),
                IntendedCondition::Or(any) => any.iter().any(|one| one.holds(event)),
                IntendedCondition::Not(one) => !one.holds(event),
                IntendedCondition::Equal(name, value) => equal(name, value),
                IntendedCondition::Unequal(name, value) => get(name).is_some() && !equal(name, value),
                IntendedCondition::In(name, values) => values.iter().any(|value| equal(name, value)),
                IntendedCondition::Sysmon => event.system.provider == "Microsoft-Windows-Sysmon",
            }
        }

        /// The condition in SPL, with parentheses only where SPL needs them. `spell` chooses
        /// between equivalent spellings.
        fn render(&self, spell: &mut impl FnMut(usize) -> usize) -> String {
            let quote = |value: &String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
            match self {
                IntendedCondition::And(all) => {
                    let terms: Vec<_> = all
                        .iter()
                        .map(|one| one.wrapped(spell, |inner| matches!(inner, IntendedCondition::And(_))))
                        .collect();
                    terms.join([" ", "  AND ", "\n"][spell(3)])
                }
                IntendedCondition::Or(any) => {
                    let terms: Vec<_> = any
                        .iter()
                        .map(|one| {
                            one.wrapped(spell, |inner| {
                                matches!(inner, IntendedCondition::And(_) | IntendedCondition::Or(_))
                            })
                        })
                        .collect();
                    terms.join(" OR ")
                }
                IntendedCondition::Not(one) => {
                    format!(
                        "NOT {}",
                        one.wrapped(spell, |inner| matches!(
                            inner,
                            IntendedCondition::And(_) | IntendedCondition::Or(_)
                        ))
                    )
                }
                IntendedCondition::Equal(name, value) => {
                    format!("{name}{}{}", ["=", " =", "= ", " = "][spell(4)], quote(value))
                }
                IntendedCondition::Unequal(name, value) => {
                    format!("{name}{}{}", ["!=", " != "][spell(2)], quote(value))
                }
                IntendedCondition::In(name, values) => {
                    let values: Vec<_> = values.iter().map(quote).collect();
                    format!("{name} IN{}({})", ["", " "][spell(2)], values.join([",", ", ", " ,"][spell(3)]))
                }
                IntendedCondition::Sysmon => "`sysmon`".to_owned(),
            }
        }

        fn wrapped(
            &self,
            spell: &mut impl FnMut(usize) -> usize,
            needs: impl Fn(&IntendedCondition) -> bool,
        ) -> String {
            let text = self.render(spell);
            if needs(self) || spell(4) == 0 { format!("({text})") } else { text }
        }
    }

    fn meant() -> impl Strategy<Value = IntendedCondition> {
        let field = || prop::sample::select(&["QueryName", "query", "Image", "process_name", "User"][..]);
        let value = || r#"[abAB*.\\"é]{0,4}"#;
        let leaf = prop_oneof![
            4 => (field(), value()).prop_map(|(name, value)| IntendedCondition::Equal(name, value)),
            2 => (field(), value()).prop_map(|(name, value)| IntendedCondition::Unequal(name, value)),
            3 => (field(), prop::collection::vec(value(), 1..4)).prop_map(|(name, many)| IntendedCondition::In(name, many)),
            1 => Just(IntendedCondition::Sysmon),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(IntendedCondition::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(IntendedCondition::Or),
                inner.prop_map(|one| IntendedCondition::Not(Box::new(one))),
            ]
        })
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let text = || prop::option::weighted(0.8, r#"[abAB.\\"éÉ]{0,4}"#);
        (text(), text(), text(), any::<bool>()).prop_map(|(query_name, image, user, sysmon)| {
            let mut event = nothing();
            for (name, value) in [("QueryName", query_name), ("Image", image), ("User", user)] {
                event.set(name, value);
            }
            if sysmon {
                "Microsoft-Windows-Sysmon".clone_into(&mut event.system.provider);
            }
            event
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]
        #[test]
        fn a_search_agrees_with_its_intended_condition(meant in meant(), mut event in any_event(), mut seed in any::<u64>()) {
            let text = meant.render(&mut |choices| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(seed >> 33).unwrap() % choices
            });
            let fail = |error: SearchError| TestCaseError::fail(format!("{text}: {error}"));
            let search = match Search::parse(&text) {
                Err(error) if error.reason == SearchReason::OtherData => {
                    "Microsoft-Windows-Sysmon".clone_into(&mut event.system.provider);
                    prop_assert!(!meant.holds(&event), "{}", error);
                    return Ok(());
                }
                read => read.map_err(fail)?,
            };
            prop_assert_eq!(search.predicate.evaluate(&event), meant.holds(&event), "{}", text);
        }

        /// Tests that no text in a rule file makes the parser panic.
        #[test]
        fn no_text_makes_the_parser_panic(
            pieces in prop::collection::vec(
                prop_oneof![
                    r#"[a-zA-Z=!<>()\[\]"`|\\,.*é \n]"#,
                    "NOT |OR |EventCode=22 |[|] ?stats | by |count|Image IN",
                ],
                0..24,
            ),
        ) {
            let _ = Search::parse(&pieces.concat());
        }
    }
}
