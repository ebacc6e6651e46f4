//! The README and the guide are right: their tables are the schema's, their examples are the
//! program's, and their links lead to existing files and headings.
//!
//! With `UPDATE_README` set, the tests write these parts into the pages instead of comparing them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use dnsweep::guide::{PAGES, Page};
use dnsweep::internals::cli::exit::{
    DETECTIONS_EXIT_STATUSES, EXIT_STATUSES, EXPORT_EXIT_STATUSES, Exit, MERGE_EXIT_STATUSES,
    PLAN_EXIT_STATUSES, REPORT_EXIT_STATUSES, SHOW_EXIT_STATUSES, TIMELINE_EXIT_STATUSES,
    VERIFY_EXIT_STATUSES,
};
use dnsweep::internals::detect::{LEVEL_SCORES, STATUS_SHARES, sigma_fields};
use dnsweep::internals::ledger::damage::Damage;
use dnsweep::internals::ledger::event_form::EventForm;
use dnsweep::internals::report::{
    ContainerRow, FileRow, HostRow, MatchRow, ProcessRow, ProcessStatus, Verdict, columns_as_markdown,
    timeline,
};

/// Compares `expected` with the part of the README or the guide between the comment that begins
/// with `name` and the next `<!-- end -->`. Exactly one page must have that part.
fn hold(name: &str, expected: &str) {
    let mark = format!("<!-- {name}: ");
    let having: Vec<PathBuf> = pages().into_iter().filter(|page| text(page).contains(&mark)).collect();
    let [page] = having.as_slice() else { panic!("expected one page with a part '{name}': {having:?}") };
    let text = text(page);
    let comment = text.find(&mark).unwrap();
    let start = comment + text[comment..].find("-->\n").unwrap() + 4;
    let end = start + text[start..].find("<!-- end -->").unwrap();
    if env::var_os("UPDATE_README").is_some() {
        fs::write(page, format!("{}{expected}{}", &text[..start], &text[end..])).unwrap();
    } else {
        let page = page.display();
        assert_eq!(
            &text[start..end],
            expected,
            "the part '{name}' of {page}; UPDATE_README=1 writes it anew"
        );
    }
}

#[test]
fn the_queries_of_the_guide_are_those_that_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sql");
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 14);
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        hold(name, &format!("```sql\n{}```\n", text(&file)));
    }
}

/// Returns the paths of the README and of the guide's pages.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = PAGES.iter().map(|page| root.join(format!("src/guide/{}.md", page.topic)));
    [root.join("README.md")].into_iter().chain(guide).collect()
}

fn text(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

fn page(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

fn fields_of_sigma() -> String {
    let fields: Vec<String> = sigma_fields().map(|name| format!("`{name}`")).collect();
    format!("{}.\n", fields.join(", "))
}

fn sigma_risk() -> String {
    let mut table = "| level | score | status | of it |\n|---|---|---|---|\n".to_owned();
    for ((level, score), (status, share)) in LEVEL_SCORES.iter().zip(STATUS_SHARES) {
        let _ = writeln!(table, "| {level} | {score} | {status} | {share} % |");
    }
    table
}

fn statuses(statuses: &[(Exit, &str)]) -> String {
    let mut table = "| status | meaning |\n|---|---|\n".to_owned();
    for (exit, meaning) in statuses {
        writeln!(table, "| {} | {meaning} |", exit.number()).unwrap();
    }
    table
}

/// Returns the list of the guide's pages that the README has.
fn guide() -> String {
    let mut list = String::new();
    for Page { topic, about, .. } in PAGES {
        writeln!(list, "- [{topic}](src/guide/{topic}.md): {about}").unwrap();
    }
    list
}

/// All generated parts of the README and the guide are compared in one test, because two tests
/// could write the same page at once.
#[test]
fn the_parts_of_pages_are_those_of_the_program() {
    hold("table matches", &columns_as_markdown(MatchRow::COLUMNS.iter().map(|of| &of.column)));
    hold("table hosts", &columns_as_markdown(HostRow::COLUMNS.iter().map(|of| &of.column)));
    hold("table files", &columns_as_markdown(FileRow::COLUMNS.iter().map(|of| &of.column)));
    hold("table containers", &columns_as_markdown(ContainerRow::COLUMNS.iter().map(|of| &of.column)));
    hold("table processes", &columns_as_markdown(ProcessRow::COLUMNS.iter().map(|of| &of.column)));
    hold("table process-statuses", &process_statuses());
    hold("table leads", &columns_as_markdown(MatchRow::LEAD_COLUMNS.iter().map(|of| &of.column)));
    hold("table exit", &statuses(&EXIT_STATUSES));
    hold("table plan-exit", &statuses(&PLAN_EXIT_STATUSES));
    hold("table merge-exit", &statuses(&MERGE_EXIT_STATUSES));
    hold("table verify-exit", &statuses(&VERIFY_EXIT_STATUSES));
    hold("table report-exit", &statuses(&REPORT_EXIT_STATUSES));
    hold("table show-exit", &statuses(&SHOW_EXIT_STATUSES));
    hold("table export-exit", &statuses(&EXPORT_EXIT_STATUSES));
    hold("table timeline-exit", &statuses(&TIMELINE_EXIT_STATUSES));
    hold("table timeline", &columns_as_markdown(timeline::OWN_COLUMNS));
    hold("list timeline-columns", &columns_of_a_timeline());
    hold("table detections-exit", &statuses(&DETECTIONS_EXIT_STATUSES));
    hold("table sigma-fields", &fields_of_sigma());
    hold("table sigma-risk", &sigma_risk());
    hold("list guide", &guide());
    hold("timeline", &format!("```text\n{}```\n", timeline_of_the_samples()));
    hold("verify", &format!("```text\n{}```\n", verification_of_the_samples()));
    let summary = summary_of_the_samples();
    hold("summary", &format!("```text\n{}```\n", shortened(&summary)));
    hold("tree", &format!("```text\n{}```\n", tree(&summary)));
}

#[test]
fn the_readme_is_short_safe_to_show_and_names_the_right_compiler() {
    let readme = page("README.md");
    assert!(readme.lines().count() <= 270, "{} lines", readme.lines().count());
    for planted in ["<script>", "u{1b}", "calc"] {
        assert!(!readme.contains(planted), "{planted}");
    }
    assert!(readme.contains(concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer")));
    let columns = format!("{} columns from the time", MatchRow::COLUMNS.len());
    assert!(readme.contains(&columns), "{columns}");
}

#[test]
fn the_page_about_verdicts_has_each() {
    let verdicts = page("src/guide/verdicts.md");
    for verdict in Verdict::ALL {
        assert!(verdicts.contains(&format!("\n| `{}` | ", verdict.name())), "{verdict:?}");
    }
}

/// Returns a problem of each kind that the ledger can report.
fn problems() -> Vec<Damage> {
    let bytes = |found: &[u8]| found.to_vec();
    let (stored, computed, header_id) = (1, 2, 17);
    let given_away = "the file is deleted, and its clusters belong to other files by now";
    vec![
        Damage::Container { what: given_away.to_owned() },
        Damage::EmptyFile,
        Damage::FileSignature { found: bytes(b"notes") },
        Damage::OtherForm { form: EventForm::Json },
        Damage::FileHeaderChecksum { stored, computed },
        Damage::FileHeaderCutOff,
        Damage::FileHeaderMissing,
        Damage::ChunkSignature { found: bytes(&[0, 0, 0, 1]) },
        Damage::ChunkMisaligned,
        Damage::ChunkEmbedded,
        Damage::ChunkCutOff { found: 4096 },
        Damage::ChunkHeaderChecksum { stored, computed },
        Damage::RecordsChecksum { stored, computed },
        Damage::FreeSpaceOffset { found: 70_000 },
        Damage::RecordHeader { found: bytes(&[0; 4]) },
        Damage::RecordSize { found: 0, left: 500 },
        Damage::RecordSizeCopy { size: 600, copy: 601 },
        Damage::Record { header_id, reason: "unexpected end".to_owned() },
        Damage::NamesReplaced { header_id },
        Damage::FieldsLost { header_id, missing: vec!["Image".to_owned(), "User".to_owned()] },
        Damage::EventXml { reason: "no end".to_owned() },
        Damage::NoEventXml { found: bytes(b"text") },
        Damage::EventXmlCutOff,
        Damage::Read { reason: "input/output error".to_owned() },
        Damage::MissingChunks { promised: 4, found: 2 },
        Damage::Shrunk,
        Damage::NotRead,
        Damage::Further { count: 3 },
        Damage::Changed,
    ]
}

/// Returns the number of kinds of problems. In the form in which parts have problems, each begins
/// with the number of its kind, and zeros are the least that can follow.
fn kinds_of_problems() -> usize {
    let is_known = |kind: &u8| postcard::from_bytes::<Damage>(&[&[*kind][..], &[0; 16]].concat()).is_ok();
    (0..u8::MAX).take_while(is_known).count()
}

#[test]
fn the_page_about_damage_has_each_kind_of_problem() {
    let kinds = problems().into_iter().map(|problem| postcard::to_allocvec(&problem).unwrap()[0]);
    let kinds: BTreeSet<u8> = kinds.collect();
    assert_eq!(kinds.len(), kinds_of_problems(), "a kind of problem is missing in this test");
    let damage = page("src/guide/damage.md");
    let table = damage.split("| the problem says |").nth(1).unwrap().split("\n\n").next().unwrap();
    for problem in problems() {
        assert!(table.contains(&format!("\n| `{problem}` | ")), "damage.md has no row for `{problem}`");
    }
    assert_eq!(table.lines().count() - 2, problems().len(), "{table}");
}

/// Returns what a command on the samples prints. `{out}` among its words is replaced by the
/// output's path, which is `…/sweep-out` in the pages.
fn printed(out: &Path, words: &[&str]) -> String {
    let words = words.iter().map(|word| word.replace("{out}", out.to_str().unwrap()));
    let output = Command::new(env!("CARGO_BIN_EXE_dnsweep"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(words)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace(out.to_str().unwrap(), "…/sweep-out")
}

/// Returns what the README's first command, a sweep of the samples, prints.
fn summary_of_the_samples() -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("sweep-out");
    printed(&out, &["sweep", "samples/evidence", "--context", "--out", "{out}"])
}

/// Returns the names of the columns of a timeline, in order, in lines of at most 80 columns.
fn columns_of_a_timeline() -> String {
    let columns = timeline::columns();
    let mut lines = vec![String::new()];
    for (place, column) in columns.iter().enumerate() {
        let end = if place + 1 < columns.len() { "," } else { "." };
        let name = format!("`{}`{end}", column.name);
        let line = lines.last_mut().unwrap();
        if line.is_empty() {
            *line = name;
        } else if line.len() + 1 + name.len() <= 80 {
            *line = format!("{line} {name}");
        } else {
            lines.push(name);
        }
    }
    lines.join("\n") + "\n"
}

/// Returns the first entries of the timeline of the machine that was broken into, and the lines at
/// the end of it.
fn timeline_of_the_samples() -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("sweep-out");
    printed(&out, &["sweep", "samples/evidence", "--context", "--quiet", "--out", "{out}"]);
    let text = printed(&out, &["timeline", "{out}", "--host", "FIN-WS07"]);
    let (entries, end) = text.split_once("\n\n").unwrap();
    let mut entry = 0;
    let first = entries.lines().take_while(|line| {
        entry += usize::from(line.starts_with("2025-"));
        entry <= 8
    });
    let lines: Vec<&str> = first.chain(["…", ""]).chain(end.lines()).collect();
    lines.join("\n") + "\n"
}

/// Returns true if a text is one of those in the samples that are made to harm whoever shows them.
fn is_planted(text: &str) -> bool {
    text.contains(['<', '\u{1b}']) || text.contains("\\u{")
}

/// Returns the end of a summary, from the most frequent names on, with `…` instead of harmful
/// names.
fn shortened(summary: &str) -> String {
    let (_, end) = summary.split_once("\n\nNames ").unwrap();
    let mut text = "…\n\n".to_owned();
    for line in format!("Names {end}").lines() {
        let item = |item: &str| {
            let blanks = item.len() - item.trim_start().len();
            if is_planted(item) { format!("{}…", &item[..blanks]) } else { item.to_owned() }
        };
        let items: Vec<String> = line.split(", ").map(item).collect();
        writeln!(text, "{}", items.join(", ")).unwrap();
    }
    text
}

/// Returns the process tree of the machine that was broken into, without its title, from a summary,
/// with `…` instead of harmful command lines.
fn tree(summary: &str) -> String {
    let (_, machine) = summary.split_once("FIN-WS07.corp.example: ").unwrap();
    let (_, tree) = machine.split_once("(* asked for a name):\n").unwrap();
    let lines = tree.lines().take_while(|line| line.starts_with(['*', ' ']));
    let shown = lines.map(|line| match line.split_once("=HYPERLINK").map(|(before, _)| before) {
        Some(before) => format!("{before}…\n"),
        None => format!("{line}\n"),
    });
    shown.collect()
}

/// Returns the statuses of processes as a table: the word, and why nothing is known of a start.
fn process_statuses() -> String {
    let mut table = "| status | in the report |\n|---|---|\n".to_owned();
    for status in ProcessStatus::ALL {
        let reason = status.reason().unwrap_or("its command line, hashes, account and parent");
        writeln!(table, "| `{}` | {reason} |", status.name()).unwrap();
    }
    table
}

/// Returns what verifying a sweep of the samples prints, without what differs from run to run.
fn verification_of_the_samples() -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("sweep-out");
    printed(&out, &["sweep", "samples/evidence", "--hash", "--quiet", "--out", "{out}"]);
    let text = printed(&out, &["verify", "{out}", "samples/evidence"]);
    let own = |line: &str| match line.split_once("SHA-256 ").or_else(|| line.split_once("finished ")) {
        Some((_, own)) if own.len() >= 27 => line.replace(own, "…"),
        _ => line.to_owned(),
    };
    text.lines().map(|line| own(line) + "\n").collect()
}

/// Returns the targets of a page's links.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let defined =
        text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, target)| target);
    inline.chain(defined).map(str::to_owned).collect()
}

/// Returns the anchors of a page: its headings, as forges and rustdoc spell them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let letters = line.trim_start_matches('#').trim().to_lowercase();
            letters.chars().filter(|&c| c.is_alphanumeric() || c == ' ' || c == '-').collect::<String>()
        })
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    for page in pages() {
        let links = links(&text(&page));
        for link in &links {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{} links to {link}", page.display());
            let has_anchor = anchor.is_empty() || anchors(&text(&target)).iter().any(|known| known == anchor);
            assert!(has_anchor, "{} links to {link}", page.display());
        }
    }
}

/// The guide's pages link to each other's files. In the crate's documentation, each of these links
/// must lead to a module instead, which the module of the guide defines.
#[test]
fn links_of_the_guide_are_known_to_its_module() {
    let module = page("src/guide/mod.rs");
    for Page { topic, text, .. } in PAGES {
        for line in text.lines().filter(|line| line.starts_with('[')) {
            let Some((label, target)) = line.split_once("]: ") else { continue };
            let target =
                target.replace(".md", "").replace("event-xml", "event_xml").replace("exit-", "exit_");
            let label = label.replace("[Rules", "[rules");
            let known = format!("{label}]: crate::guide::{target}\n");
            assert!(module.contains(&known), "{topic}.md: {known}");
        }
    }
}

#[test]
fn the_guide_is_printed_as_it_stands() {
    let guide = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dnsweep"));
        common::run(command.arg("guide").args(words))
    };
    let list = guide(&[]);
    assert_eq!(list.status, 0, "{}", list.stderr);
    assert!(list.stdout.lines().all(|line| line.chars().count() <= 80), "{}", list.stdout);
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide")).unwrap();
    let files = files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "md"));
    assert_eq!(files.count(), PAGES.len());
    for Page { topic, about, text } in PAGES {
        assert!(list.stdout.lines().any(|line| line.contains(topic) && line.ends_with(about)), "{topic}");
        let printed = guide(&[topic]);
        assert_eq!(printed.status, 0, "{topic}: {}", printed.stderr);
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("<!--")).collect();
        assert_eq!(printed.stdout.lines().collect::<Vec<_>>(), kept, "{topic}");
        assert!(!printed.stdout.contains("<!--"), "{topic}");
    }
}

#[test]
fn a_topic_that_is_unknown_is_a_usage_error_that_names_the_nearest_and_all() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnsweep"));
    let ended = common::run(command.args(["guide", "exclusion"]));
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("a similar value exists: 'exclusions'"), "{}", ended.stderr);
    for Page { topic, .. } in PAGES {
        assert!(ended.stderr.contains(topic), "{topic}: {}", ended.stderr);
    }
}
