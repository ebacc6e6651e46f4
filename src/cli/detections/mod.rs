//! The commands `dnsweep detections`: list, show, check, explain and test. Each returns the text to
//! be printed and an exit status.

mod data;
mod explanation;
mod listing;

use std::fmt::Write;

use super::arguments::{DetectionsCommand, LogFormat};
use super::console::print;
use super::error::CommandError;
use super::exit::Exit;
use crate::detect::ConditionTree;
use crate::report::escaped;

/// The result of a command `dnsweep detections`: the text that it prints, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CommandOutput {
    /// The text that the command prints to standard output. Text from rules and events in it is
    /// escaped.
    text: String,
    /// The exit status of the program after the command.
    exit: Exit,
}

/// Runs one of the commands `dnsweep detections`, and prints its output. Returns the exit status.
pub(super) fn run(command: &DetectionsCommand) -> Result<Exit, CommandError> {
    let answer = match command {
        DetectionsCommand::List(arguments) => listing::list(arguments),
        DetectionsCommand::Show(arguments) => listing::show(arguments),
        DetectionsCommand::Check(arguments) => listing::check(arguments),
        DetectionsCommand::Explain(arguments) => explanation::explain(arguments),
        DetectionsCommand::Test(arguments) => data::test(arguments),
    }?;
    Ok(print(&answer.text, LogFormat::Text).unwrap_or(answer.exit))
}

/// Adds the lines that describe a detection's condition to `text`, each indented by its depth in
/// the tree. A line begins with `yes` or `no` if its part of the condition was evaluated for an
/// event. `depth` is the depth of the root of `tree`, which is 0 for a whole condition.
fn tree_lines(tree: &ConditionTree, depth: usize, text: &mut String) {
    let verdict = match tree.holds {
        None => "",
        Some(true) => "yes  ",
        Some(false) => "no   ",
    };
    let _ = writeln!(text, "  {verdict}{}{}", "  ".repeat(depth), escaped(&tree.text));
    for child in &tree.children {
        tree_lines(child, depth + 1, text);
    }
}
