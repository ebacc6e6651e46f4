//! The commands `dnsweep completions` and `dnsweep man`: they print a script that completes
//! commands in a shell, and a page for the program `man`. This module is the only user of the crate
//! `clap_mangen` and of the generator of `clap_complete`.

use clap::CommandFactory;

use super::arguments::{CommandLine, CompletionsArguments, LogFormat, ManArguments};
use super::console::print;
use super::error::{CommandError, UsageError};
use super::exit::Exit;

/// Runs the command `dnsweep completions`: prints a script that completes the program's commands
/// and options in a shell. Returns the exit status.
pub(super) fn completions(arguments: &CompletionsArguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut CommandLine::command(), "dnsweep", &mut script);
    print(&String::from_utf8_lossy(&script), LogFormat::Text).unwrap_or(Exit::Complete)
}

/// Runs the command `dnsweep man`: prints the page for the program `man` on the program or on one
/// of its commands. Returns the exit status. Fails if there is no such command.
pub(super) fn man(arguments: &ManArguments) -> Result<Exit, CommandError> {
    let mut command = CommandLine::command();
    command.build();
    for name in &arguments.command {
        let known: Vec<_> = command.get_subcommands().map(|known| known.get_name().to_owned()).collect();
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| UsageError::Command { name: name.clone(), known: known.join(", ") })?;
    }
    let name = command.get_bin_name().unwrap_or("dnsweep").replace(' ', "-");
    let page = clap_mangen::Man::new(command.clone().display_name(name));
    let mut text = Vec::new();
    page.render(&mut text).expect("memory takes all");
    Ok(print(&String::from_utf8_lossy(&text), LogFormat::Text).unwrap_or(Exit::Complete))
}
