//! What the command line offers besides the sweep itself: short options, defaults, help, scripts
//! for shells, pages for `man`, and the version.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::logs::{log, log_of, matching};
use common::{Scene, dnsweep, run, run_with_input};
use dnsweep_samples::{Event, time};
use serde_json::{Value, json};

/// The commands that have a page for `man`.
const COMMANDS: [&[&str]; 8] = [
    &[],
    &["sweep"],
    &["verify"],
    &["detections"],
    &["detections", "check"],
    &["guide"],
    &["completions"],
    &["man"],
];

#[test]
fn without_out_the_output_lies_in_the_current_folder_and_never_in_evidence() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let folder = scene.path("work");
    fs::create_dir(&folder).unwrap();
    let swept = run(dnsweep().current_dir(&folder).arg("sweep").arg(scene.evidence()));
    assert_eq!(swept.status, 0, "{}", swept.stderr);
    let made: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let [out] = &made[..] else { unreachable!("{made:?}") };
    // dnsweep-20250304T120000Z
    let name = out.to_str().unwrap();
    let time = name.strip_prefix("dnsweep-").unwrap();
    assert!(time.len() == 16 && time.ends_with('Z') && time.as_bytes()[8] == b'T', "{name}");
    assert!(folder.join(out).join("run.json").is_file());
    assert!(swept.stdout.contains(name), "the summary says where it is: {}", swept.stdout);
    for folder in [scene.evidence(), scene.evidence().join("HOST")] {
        let before = scene.listing();
        let refused = run(dnsweep().current_dir(&folder).arg("sweep").arg(scene.evidence()));
        assert_eq!(refused.status, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("give another directory with --out"), "{}", refused.stderr);
        assert_eq!(scene.listing(), before);
    }
    let refused = run(dnsweep().current_dir(&folder).args(["sweep", "--resume"]).arg(scene.evidence()));
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("expected --out"), "{}", refused.stderr);
}

#[test]
fn short_options_mean_the_long_ones() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let rule = scene.path("rule.yml");
    fs::write(
        &rule,
        "title: T\nid: 5f2d1f0e-0d0a-4b0a-9d0a-0a0a0a0a0a0a\nlogsource: {category: dns_query, product: windows}\n\
         detection: {s: {QueryName|endswith: '.example'}, condition: s}\n",
    )
    .unwrap();
    let mut command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("-o").arg(scene.out());
    let swept = run(command.arg("-d").arg(&rule).args(["-t", "2", "-q"]));
    assert_eq!(swept.status, 0, "{}", swept.stderr);
    let recorded: Value = serde_json::from_slice(&fs::read(scene.out().join("run.json")).unwrap()).unwrap();
    assert_eq!(recorded["detections"].as_array().unwrap().len(), 1);
    assert_eq!(recorded["threads"], json!(2));
}

#[test]
fn dates_and_words_bound_a_period() {
    let noon = time::filetime(2025, 3, 4, 12, 0, 0);
    let day = time::DAY;
    // Noon of the day before, the first and the last instant of the day, and the next day's first.
    let times = [noon - day, noon - day / 2, noon + day / 2 - 1, noon + day / 2];
    let events: Vec<Event> = times.iter().zip(1..).map(|(time, number)| matching(number).at(*time)).collect();
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log(&events));
    let found = |options: &[&str]| -> Vec<i64> {
        let swept = scene.sweep(&[&["--force"], options].concat()).expect(0);
        swept.column("matches", "event_record_id").iter().map(|id| id.as_i64().unwrap()).collect()
    };
    assert_eq!(found(&["--since", "2025-03-04"]), [2, 3, 4]);
    assert_eq!(found(&["--until", "2025-03-04"]), [1, 2, 3]);
    assert_eq!(found(&["--since", "2025-03-04", "--until", "2025-03-04"]), [2, 3]);
    assert_eq!(found(&["--since", "yesterday"]), [0; 0]);
    assert_eq!(found(&["--until", "yesterday"]), [1, 2, 3, 4]);
    assert_eq!(found(&["--last", "2weeks"]), [0; 0]);
    let refused = run(dnsweep().args(["sweep", "--since", "2025-03-04 12:00"]).arg(scene.evidence()));
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("give '2025-03-04T12:00:00Z' if it is UTC"), "{}", refused.stderr);
}

#[test]
fn help_has_headings_and_examples_that_fit_a_terminal() {
    for flag in ["-h", "--help"] {
        let help = run(dnsweep().args(["sweep", flag]).env("COLUMNS", "80"));
        assert_eq!(help.status, 0);
        let headings =
            ["Evidence:", "Detections:", "Time:", "Depth:", "Output:", "Performance:", "Examples:"];
        let places: Vec<_> =
            headings.iter().map(|heading| help.stdout.find(&format!("\n{heading}\n"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        let examples = &help.stdout[places[6].unwrap()..];
        let examples = examples.lines().filter(|line| line.starts_with("  dnsweep "));
        assert_eq!(examples.count(), 5, "each example is on a line: {}", help.stdout);
    }
}

#[test]
fn shells_read_their_scripts() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(dnsweep().args(["completions", shell]));
        assert_eq!(script.status, 0);
        for word in ["sweep", "spool-limit", "detections", "fail-on-match"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
        let is_there =
            Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if ["bash", "fish", "zsh"].contains(&shell) && is_there.is_ok() {
            let read = run_with_input(Command::new(shell).arg("-n"), script.stdout.as_bytes());
            assert_eq!((read.status, read.stderr.as_str()), (0, ""), "{shell}");
        }
    }
}

#[test]
fn each_command_has_a_page() {
    for words in COMMANDS {
        let page = run(dnsweep().arg("man").args(words));
        assert_eq!(page.status, 0, "{words:?}: {}", page.stderr);
        let name = [&["dnsweep"], words].concat().join("-");
        assert!(page.stdout.contains(&format!(".TH {name} 1")), "{name}: {}", &page.stdout[..200]);
        assert!(page.stdout.contains(".SH OPTIONS") || words == ["detections"], "{name}");
    }
    let refused = run(dnsweep().args(["man", "detections", "swep"]));
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("'swep': expected a command, one of list, show"), "{}", refused.stderr);
}

#[test]
fn the_schema_of_tables_is_that_of_their_files() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let swept = scene.sweep(&["--dns-client"]).expect(0);
    let printed = run(dnsweep().arg("schema"));
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(schema["schema_version"], swept.run()["schema_version"]);
    let markdown = run(dnsweep().args(["schema", "tables", "--format", "markdown"])).stdout;
    let mut tables = 0;
    for table in schema["tables"].as_array().unwrap() {
        let file = table["file"].as_str().unwrap();
        let names: Vec<&str> = table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert!(names.iter().all(|name| markdown.contains(&format!("| `{name}` | "))), "{file}");
        if scene.out().join(file).exists() {
            let rows = swept.rows(file.strip_suffix(".parquet").unwrap());
            let found: Vec<&String> =
                rows.first().map_or_else(Vec::new, |row| row.as_object().unwrap().keys().collect());
            assert!(found.is_empty() || found.len() == names.len(), "{file}");
            assert!(found.iter().all(|name| names.contains(&name.as_str())), "{file}");
            tables += 1;
        }
    }
    assert_eq!(tables, 4, "all but that of containers");
    let refused = run(dnsweep().args(["schema", "summary", "--format", "markdown"]));
    assert_eq!(refused.status, 2, "{}", refused.stderr);
}

#[test]
fn the_version_says_what_was_built() {
    let version = run(dnsweep().arg("--version"));
    let package = env!("CARGO_PKG_VERSION");
    let (first, second) = version.stdout.trim().split_once('\n').unwrap();
    assert_eq!(first, format!("dnsweep {package}"));
    // The programs of tests are debug builds, unless all tests are built for release.
    assert!(second == "built from a debug build" || second.contains(", profile "), "{second}");
    assert_eq!(run(dnsweep().arg("-V")).stdout.lines().count(), 1);
}
