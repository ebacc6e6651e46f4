//! Tests of searches that need several modules. Expected values are Splunk's, from its Search
//! Reference on `where`, `eval`, `stats`, `lookup`, `tstats`, `sort` and `dedup`, and from its
//! Search Manual on the precedence of operators.

mod conditions;
mod origins;
mod rows;
mod site_content;
mod spelling;

use std::collections::HashMap;
use std::sync::Arc;

use crate::detect::lookup::{Lookup, LookupDefinition};
use crate::detect::testing::event;
use crate::detect::{ContentError, Library, Macro, Search, SearchError, StatsTable, StatsValue};
use crate::event::{Event, EventTime};

/// A [`Library`] (a site's macros and lookups) for searches in tests, with those that a test adds.
#[derive(Debug, Default)]
struct TestLibrary {
    macros: HashMap<String, Macro>,
    lookups: HashMap<String, Arc<Lookup>>,
}

impl TestLibrary {
    fn with_macro(mut self, name: &str, arguments: &[&str], definition: &str) -> Self {
        let arguments = Some(arguments.iter().map(ToString::to_string).collect());
        self.macros.insert(name.to_owned(), Macro { definition: definition.to_owned(), arguments });
        self
    }

    fn with_lookup(mut self, name: &str, definition: &str, csv: &str) -> Self {
        let definition = LookupDefinition::from_yaml(definition).expect("a valid definition");
        let lookup = Lookup::new(name, &definition, csv).expect("a table that fits its definition");
        self.lookups.insert(name.to_owned(), lookup.into());
        self
    }
}

impl Library for TestLibrary {
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError> {
        Ok(self.macros.get(name).cloned())
    }

    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError> {
        Ok(self.lookups.get(name).cloned())
    }
}

fn parsed_with(search: &str, library: &TestLibrary) -> Search {
    Search::parse_with(search, library).unwrap_or_else(|error| panic!("{search}: {error}"))
}

fn parsed(search: &str) -> Search {
    parsed_with(search, &TestLibrary::default())
}

fn error(search: &str) -> SearchError {
    Search::parse(search).expect_err(search)
}

/// Returns the rows of a search's `stats` table for the events that the search selects. Each row is
/// its values joined by spaces.
fn rows(search: &Search, events: &[Event]) -> Vec<String> {
    let mut table = StatsTable::new(search.stats.as_ref().expect("the search has `stats`"));
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

/// A DNS query of `cmd.exe` for `www.Example.com`, answered by a CNAME and two addresses.
fn sample() -> Event {
    let mut event = event(r"C:\Windows\System32\cmd.exe", "www.Example.com");
    event.set("QueryResults", Some("type:  5 edge.example.net;::ffff:192.0.2.1;2001:db8::1;".to_owned()));
    event.set("User", None);
    event
}

/// A DNS query for `name`, logged `second` seconds after 1970, by the process `id`.
fn named(name: &str, second: i64, id: &str) -> Event {
    let mut event = event(r"C:\a.exe", name);
    event.system.time_created = Some(EventTime::from_ticks(second * 10_000_000));
    event.set("ProcessId", Some(id.to_owned()));
    event
}
