//! The command `dnsweep detections explain`: says whether and why a detection matches an event.

use std::fmt::Write;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::{CommandOutput, tree_lines};
use crate::base::platform::files::{all_of, read_named};
use crate::cli::arguments::{CatalogArguments, ExplainArguments};
use crate::cli::error::{CommandError, UsageError};
use crate::cli::exit::Exit;
use crate::config::Catalog;
use crate::detect::{ConditionTree, Field};
use crate::event::Event;
use crate::report::escaped;
use crate::scan::dns_query_of_json;

/// The greatest size of an event as JSON that is read, in bytes. It is more than any event needs,
/// because a record of a log has at most 64 KiB.
const MOST_EVENT_BYTES: u64 = 1 << 20;

/// Runs the command `dnsweep detections explain`: says whether and why a detection matches the
/// event that the arguments describe.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<CommandOutput, CommandError> {
    let catalog = {
        let CatalogArguments { paths, lists, placeholders } = &arguments.catalog;
        Catalog::load(paths, &lists.resolved(), placeholders.as_deref())?
    };
    let loaded = catalog.find(arguments.detection.as_deref())?;
    let event = if let Some(path) = &arguments.event {
        event_in(path)?
    } else {
        let mut event = Event::dns_query();
        event.set("QueryName", arguments.query_name.clone());
        event.set("Image", arguments.image.clone());
        event
    };
    let predicate = &loaded.detection.search.predicate;
    let mut text = format!("{}\n", escaped(&loaded.detection.name));
    tree_lines(&ConditionTree::of(predicate, Some(&event)), 0, &mut text);
    let matches = predicate.evaluate(&event);
    let _ = writeln!(text, "{}", if matches { "The event matches." } else { "The event does not match." });
    if matches && let Some(message) = loaded.detection.risk_message(&event) {
        let _ = writeln!(text, "{}", escaped(&message));
    }
    Ok(CommandOutput { text, exit: Exit::Complete })
}

/// Reads an event as JSON from a file, or from standard input if `path` is `-`.
fn event_in(path: &Path) -> Result<Event, UsageError> {
    let problem = |reason: String| UsageError::Event { path: path.to_path_buf(), reason };
    let read = if path == Path::new("-") {
        all_of(io::stdin().lock(), MOST_EVENT_BYTES)
    } else {
        read_named(path, MOST_EVENT_BYTES)
    };
    let json = read.map_err(|error| problem(error.to_string()))?;
    let value: Value = serde_json::from_slice(&json).map_err(|error| problem(error.to_string()))?;
    match value {
        Value::Object(fields) if fields.contains_key("Event") => {
            dns_query_of_json(&json).map_err(|error| problem(error.to_string()))
        }
        Value::Object(fields) => event_of_fields(&fields).map_err(problem),
        _ => Err(problem("expected an object of fields by their names".to_owned())),
    }
}

/// Makes a Sysmon DNS query with the fields of a JSON object. Its keys must be the names by which
/// Splunk knows the fields. All other fields of the event are absent. The error says which field
/// cannot be set.
fn event_of_fields(fields: &Map<String, Value>) -> Result<Event, String> {
    let mut event = Event::dns_query();
    for (name, value) in fields {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            Value::Bool(truth) => return Err(format!("{name}: expected text or a number, found {truth}")),
            Value::Array(_) => return Err(format!("{name}: expected text or a number, found a list")),
            Value::Object(_) => return Err(format!("{name}: expected text or a number, found an object")),
        };
        let field = Field::from_name(name).ok_or_else(|| {
            format!("expected a field of a Sysmon DNS query, such as QueryName or Image, found '{name}'")
        })?;
        set(&mut event, field, text).map_err(|problem| format!("{name}: {problem}"))?;
    }
    Ok(event)
}

fn set(event: &mut Event, field: Field, text: String) -> Result<(), String> {
    let system = &mut event.system;
    match field {
        Field::Data(name) => {
            event.set(name, Some(text));
        }
        Field::Channel => system.channel = text,
        Field::Computer => system.computer = text,
        Field::Provider => system.provider = text,
        Field::EventId => {
            system.event_id = text.parse().map_err(|_| format!("expected a number, found '{text}'"))?;
        }
        Field::EventRecordId => {
            system.event_record_id =
                Some(text.parse().map_err(|_| format!("expected a number, found '{text}'"))?);
        }
        Field::UserId => system.user_id = Some(text),
        Field::ProcessName => return Err("computed from Image: give Image instead".to_owned()),
        Field::Answer | Field::AnswerCount | Field::RecordType => {
            return Err("computed from QueryResults: give QueryResults instead".to_owned());
        }
        Field::QueryCount | Field::ReplyCode | Field::Signature | Field::Time | Field::VendorProduct => {
            return Err("computed from other fields: leave it out".to_owned());
        }
    }
    Ok(())
}
