//! The command `dnsweep schema`: prints the schema of a document that dnsweep prints.

use super::arguments::{LogFormat, SchemaArguments, SchemaDocument};
use super::console::print;
use super::exit::Exit;
use crate::report::answer::{risk_schema, summary_schema};

/// Runs the command `dnsweep schema`: prints a schema. Returns the exit status.
pub(super) fn run(arguments: &SchemaArguments) -> Exit {
    let schema = match arguments.document {
        SchemaDocument::Summary => summary_schema(),
        SchemaDocument::Risk => risk_schema(),
    };
    print(&schema, LogFormat::Text).unwrap_or(Exit::Complete)
}
