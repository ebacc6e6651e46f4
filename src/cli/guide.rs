//! The command `dnsweep guide`: prints the pages of [`crate::guide`].

use std::fmt::Write;

use super::arguments::{GuideArguments, LogFormat};
use super::console::print;
use super::exit::Exit;
use crate::guide::{PAGES, Page};

/// Runs the command `dnsweep guide`: prints a page of the guide, or the list of pages. Returns the
/// exit status.
pub(super) fn run(arguments: &GuideArguments) -> Exit {
    print(&guide(arguments.topic.as_deref()), LogFormat::Text).unwrap_or(Exit::Complete)
}

/// Returns the page of the user's guide on a topic, as Markdown; the list of pages if there is no
/// topic. The command line accepts only topics of existing pages.
fn guide(topic: Option<&str>) -> String {
    match PAGES.iter().find(|page| Some(page.topic) == topic) {
        Some(page) => without_comments(page.text),
        None => list(),
    }
}

fn list() -> String {
    let width = PAGES.iter().map(|page| page.topic.len()).max().unwrap_or(0);
    let mut text = "The guide of dnsweep has these pages:\n\n".to_owned();
    for Page { topic, about, .. } in PAGES {
        let _ = writeln!(text, "  {topic:width$}  {about}");
    }
    text.push_str("\n`dnsweep guide TOPIC` prints a page, as Markdown.\n");
    text
}

/// Returns the text of a page of the user's guide without its lines of HTML comments, which only
/// the tests need.
fn without_comments(page: &str) -> String {
    page.lines().filter(|line| !line.starts_with("<!--")).flat_map(|line| [line, "\n"]).collect()
}
