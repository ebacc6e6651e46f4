//! The page (`report.html`): the output of a sweep as one HTML file, which people read in a
//! browser, on paper or in a case file.
//!
//! It shows the [`Answer`] (what was found on which hosts, and what was not searched), the matches
//! in groups, and charts. It loads nothing: style sheet, scripts and rows are in the file, and its
//! content security policy forbids everything else, so that text from evidence can neither run nor
//! reach a server. The page depends only on `run.json`, the tables and the version of dnsweep.
//!
//! The module `document` has the page as plain data, of which `page.html` makes HTML; the other
//! modules fill it. A new section of paragraphs and lists begins in `sections`. Without scripts, a
//! browser shows tables in place of the grids (lists that can be searched), which `page.js` makes
//! with Tabulator (see `vendor`).

mod charts;
mod columns;
mod document;
mod doubts;
mod figures;
mod found;
mod groups;
mod hosts;
mod logging;
mod matches;
mod processes;
mod room;
mod run;
mod sections;
mod texts;
mod top;
mod words;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use self::document::{Document, Link};
use self::groups::GroupedMatches;
use self::logging::Logging;
use super::answer::{Answer, AnswerError, Limits, Question};
use super::run::Run;
use crate::base::digest::sha256_bytes;
use crate::table::Tables;

/// The maximum size of a page in bytes, about. The searchable list of matches is cut so that the
/// page does not exceed it. Only the sentence that says how much was cut is added on top.
const MOST_BYTES: usize = 4_990_000;
/// The name of the page's `meta` element whose content is the SHA-256 of `run.json`.
const RUN_SHA256: &str = "dnsweep-run-json-sha256";
/// The script Tabulator, which makes the page's grids (lists that can be searched), as its makers
/// publish it.
const TABULATOR: &str = include_str!("vendor/tabulator-6.5.3/tabulator.min.js");
/// The style sheet that belongs to [`TABULATOR`].
const TABULATOR_STYLE: &str = include_str!("vendor/tabulator-6.5.3/tabulator.min.css");
/// The licence of [`TABULATOR`].
const TABULATOR_LICENCE: &str = include_str!("vendor/tabulator-6.5.3/LICENSE");
/// The page's own script, which fills the grids that [`TABULATOR`] makes.
const SCRIPT: &str = include_str!("page.js");
/// The page's own style sheet, besides [`TABULATOR_STYLE`].
const STYLE: &str = include_str!("page.css");

/// Makes the HTML page (`report.html`) of the output of a sweep. `run` is the content of the
/// output's `run.json`, `run_sha256` the SHA-256 of that file in hexadecimal digits, and `tables`
/// are the output's tables. Fails if a table cannot be read.
pub fn page(run: Run, run_sha256: &str, tables: &dyn Tables) -> Result<String, AnswerError> {
    let question = Question { host: None, limits: Limits::PAGE };
    let answer = Answer::read(run, tables, &question)?;
    let detailed = answer.hosts.items.iter().chain(&answer.uncleared.items).map(|of| &of.facts);
    let logging = Logging::read(tables, detailed.chain(&answer.cleared.items))?;
    let matches = groups::read(&answer, tables)?;
    Ok(document(run_sha256, &answer, &logging, &matches))
}

/// What the HTML of a page (`report.html`) says about how the page was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageMarks<'p> {
    /// The version of dnsweep that made the page.
    pub version: &'p str,
    /// The SHA-256 of the `run.json` that the page was made from.
    pub run_sha256: &'p str,
}

impl<'p> PageMarks<'p> {
    /// Reads the version of dnsweep and the SHA-256 of `run.json` from the HTML of a page. `None`
    /// if its `meta` elements do not have both: it is then not a page of dnsweep.
    #[must_use]
    pub fn of(page: &'p str) -> Option<Self> {
        let content = |name: &str, start: &str| {
            let (_, rest) = page.split_once(&format!("<meta name=\"{name}\" content=\"{start}"))?;
            rest.split_once('"').map(|(content, _)| content)
        };
        Some(PageMarks { version: content("generator", "dnsweep ")?, run_sha256: content(RUN_SHA256, "")? })
    }
}

/// Returns the page (`report.html`) of an answer as HTML. The searchable list of matches takes at
/// most the bytes that the rest of the page leaves of [`MOST_BYTES`].
fn document(run_sha256: &str, answer: &Answer, logging: &Logging, matches: &GroupedMatches) -> String {
    // The last line names a file for debuggers, which a browser would look for.
    let tabulator = TABULATOR.split("//# sourceMappingURL").next().unwrap_or(TABULATOR);
    let style = format!("{TABULATOR_STYLE}\n{STYLE}");
    let run = &answer.run;
    let (top, figures) = (top::top(answer, matches), figures::figures(answer, matches, logging));
    let (cards, cards_left_out) = matches::cards(answer, matches);
    let (hosts_data, hosts_left_out) = hosts::packed(answer);
    let (detections, detections_left_out) = run::detections(run);
    let sections = sections::sections(answer);
    let ids = sections.iter().map(|section| (section.id, section.link));
    let charts = [
        figures.timeline.is_some().then_some(("timeline", "By time")),
        figures.coverage.is_some().then_some(("coverage", "DNS logging")),
    ];
    let charts = charts.into_iter().flatten();
    let links =
        [("answer", "Answer")].into_iter().chain(charts).chain(LIST_LINKS).chain(ids).chain(LAST_LINKS);
    let mut document = Document {
        policy: policy(tabulator, &style),
        version: env!("CARGO_PKG_VERSION"),
        run_sha256_name: RUN_SHA256,
        run_sha256: run_sha256.to_owned(),
        title: format!("{} - dnsweep", top::headline(&run.totals)),
        links: links.map(|(id, title)| Link { id, title }).collect(),
        answer: top,
        timeline: figures.timeline,
        coverage: figures.coverage,
        hosts_intro: hosts::intro(),
        hosts_left_out,
        hosts: hosts::listing(answer),
        matches_intro: matches::intro(matches),
        matches_left_out: String::new(),
        cards,
        cards_left_out,
        sections,
        detections_intro: run::detections_intro(),
        detections,
        detections_left_out,
        run: run::facts(answer),
        outputs: run::outputs(run),
        verify_evidence: run::comparable(run),
        licence: TABULATOR_LICENCE,
        hosts_data,
        matches_data: String::new(),
        tabulator,
        script: SCRIPT,
        style,
    };
    let rendered = |document: &Document| document.render().expect("writing into a string does not fail");
    let room = MOST_BYTES.saturating_sub(rendered(&document).len());
    (document.matches_data, document.matches_left_out) = matches::packed(answer, matches, room);
    rendered(&document)
}

/// The links on the page to the lists of hosts and of matches: the id of the section, and the text
/// of the link.
const LIST_LINKS: [(&str, &str); 2] = [("hosts", "Hosts"), ("matches", "Matches")];
/// The links on the page to its last sections: the id of the section, and the text of the link.
const LAST_LINKS: [(&str, &str); 3] = [("detections", "Detections"), ("run", "Run"), ("verify", "Verify")];

/// Returns the page's content security policy: the browser loads nothing, and accepts only the
/// scripts and the style sheet in the page, which are known by their SHA-256.
fn policy(tabulator: &str, style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(sha256_bytes(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {} {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(tabulator),
        hash(SCRIPT),
        hash(style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256;

    #[test]
    fn vendored_files_are_those_that_were_vendored() {
        let list = include_str!("vendor/README.md");
        for (file, content) in [
            ("tabulator.min.js", TABULATOR),
            ("tabulator.min.css", TABULATOR_STYLE),
            ("LICENSE", TABULATOR_LICENCE),
        ] {
            let row =
                list.lines().find(|line| line.starts_with(&format!("| `tabulator-6.5.3/{file}`"))).unwrap();
            assert!(row.ends_with(&format!("| `{}` |", sha256(content.as_bytes()))), "{row}");
        }
    }

    #[test]
    fn scripts_and_styles_cannot_end_early() {
        for text in [TABULATOR, SCRIPT] {
            let text = text.to_ascii_lowercase();
            assert!(!text.contains("</script") && !text.contains("<!--"));
        }
        for text in [TABULATOR_STYLE, STYLE] {
            assert!(!text.contains("</") && !text.contains("url(") && !text.contains("@import"));
        }
    }

    #[test]
    fn marks_are_read_from_a_page() {
        let generator = "<meta name=\"generator\" content=\"dnsweep 1.2\">\n";
        let page = format!("<head>\n{generator}<meta name=\"{RUN_SHA256}\" content=\"abc\">\n");
        assert_eq!(PageMarks::of(&page), Some(PageMarks { version: "1.2", run_sha256: "abc" }));
        assert_eq!(PageMarks::of(generator), None);
        assert_eq!(PageMarks::of(&page[..page.len() - 4]), None);
    }
}
