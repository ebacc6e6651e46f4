//! The README says what is so: its tables are the schema's, its summary is the program's.
//!
//! With `UPDATE_README` set, writes these parts into the README instead of comparing them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use dnsweep::detect::{LEVEL_SCORES, STATUS_SHARES, sigma_fields};
use dnsweep::exit::{DETECTIONS_EXIT_STATUSES, EXIT_STATUSES, Exit, VERIFY_EXIT_STATUSES};
use dnsweep::report::{FILES_COLUMNS, HOSTS_COLUMNS, LEADS_COLUMNS, MATCHES_COLUMNS, Verdict};
use dnsweep::table::Column;

/// Holds the part of the README behind the comment that begins with `name`, up to the next
/// `<!-- end -->`, to `expected`.
fn hold(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let comment =
        text.find(&format!("<!-- {name}: ")).unwrap_or_else(|| panic!("README.md has no part '{name}'"));
    let start = comment + text[comment..].find("-->\n").unwrap() + 4;
    let end = start + text[start..].find("<!-- end -->").unwrap();
    if env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{}{expected}{}", &text[..start], &text[end..])).unwrap();
    } else {
        assert_eq!(
            &text[start..end],
            expected,
            "the part '{name}' of README.md; UPDATE_README=1 writes it anew"
        );
    }
}

fn columns(columns: &[Column]) -> String {
    let mut table = "| column | type | what it is |\n|---|---|---|\n".to_owned();
    for column in columns {
        writeln!(table, "| `{}` | {} | {} |", column.name, column.type_name(), column.about).unwrap();
    }
    table
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

/// One test, as all parts are written to one file.
#[test]
fn the_readme_is_true() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Matches) {
        assert!(readme.contains(&format!("\n| `{}` | ", verdict.name())), "{verdict:?}");
    }
    hold("table matches", &columns(&MATCHES_COLUMNS));
    hold("table hosts", &columns(&HOSTS_COLUMNS));
    hold("table files", &columns(&FILES_COLUMNS));
    hold("table leads", &columns(&LEADS_COLUMNS));
    hold("table exit", &statuses(&EXIT_STATUSES));
    hold("table verify-exit", &statuses(&VERIFY_EXIT_STATUSES));
    hold("table detections-exit", &statuses(&DETECTIONS_EXIT_STATUSES));
    hold("table sigma-fields", &fields_of_sigma());
    hold("table sigma-risk", &sigma_risk());
    hold("verify", &format!("```text\n{}```\n", verification_of_the_samples()));
    hold("summary", &format!("```text\n{}```\n", summary_of_the_samples()));
}

/// What a command on the samples prints: `{out}` among its words stands for the output, which is
/// `…/sweep-out` in the README.
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

/// What the README's first command prints.
fn summary_of_the_samples() -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("sweep-out");
    printed(&out, &["sweep", "samples/evidence", "--quiet", "--out", "{out}"])
}

/// What verifying the samples prints; what each run has of its own is left out.
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
