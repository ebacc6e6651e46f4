//! The command `dnsweep schema`: prints the schema of the tables, or of a document that dnsweep
//! prints.

use super::arguments::{LogFormat, SchemaArguments, SchemaFormat, SchemaSubject};
use super::console::print;
use super::error::{CommandError, UsageError};
use super::exit::Exit;
use crate::report::answer::{risk_schema, summary_schema};
use crate::report::show::show_schema;
use crate::report::{tables_as_json, tables_as_markdown};
use crate::sweep::SCHEMA_VERSION;

/// Runs the command `dnsweep schema`: prints a schema. Returns the exit status. Fails if the schema
/// does not exist in the format that the user typed.
pub(super) fn run(arguments: &SchemaArguments) -> Result<Exit, CommandError> {
    let schema = match (arguments.subject, arguments.format) {
        (SchemaSubject::Tables, SchemaFormat::Json) => tables_as_json(SCHEMA_VERSION),
        (SchemaSubject::Tables, SchemaFormat::Markdown) => tables_as_markdown(SCHEMA_VERSION),
        (SchemaSubject::Summary, SchemaFormat::Json) => summary_schema(),
        (SchemaSubject::Risk, SchemaFormat::Json) => risk_schema(),
        (SchemaSubject::Show, SchemaFormat::Json) => show_schema(),
        (SchemaSubject::Summary | SchemaSubject::Risk | SchemaSubject::Show, SchemaFormat::Markdown) => {
            return Err(UsageError::SchemaFormat.into());
        }
    };
    Ok(print(&schema, LogFormat::Text).unwrap_or(Exit::Complete))
}
