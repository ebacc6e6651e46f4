//! `report.html`, the page of an output: when it is written, what it depends on, and what `verify`
//! says about it. What a browser makes of it is judged by `judge_page.py`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::logs::{harmless, log, log_of, matching};
use common::{FinishedProcess, Scene, dnsweep, run, send, start, wait, wait_for_line};
use dnsweep_samples::corpus::{Corpus, Pool};

const PAGE: &str = "report.html";

/// Makes evidence of three hosts: two with matches, and one without.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.put("ONE/Sysmon.evtx", &log_of("ONE"));
    scene.put("TWO/Sysmon.evtx", &log(&[matching(1).on("TWO"), matching(2).on("TWO")]));
    scene.put("CALM/Sysmon.evtx", &log(&[harmless(1).on("CALM")]));
    scene
}

fn page(out: &Path) -> String {
    fs::read_to_string(out.join(PAGE)).unwrap()
}

fn report(out: &Path, options: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("report").arg(out).args(["--format", "html"]).args(options))
}

fn verify(out: &Path) -> FinishedProcess {
    run(dnsweep().arg("verify").arg(out))
}

#[test]
fn report_makes_the_page_again_to_the_byte() {
    let scene = scene();
    scene.sweep(&[]).expect(0);
    let written = page(&scene.out());
    assert!(written.contains("<h1>3 matches on 2 of 3 hosts</h1>"));
    assert_eq!(report(&scene.out(), &[]).stdout, written);
    let file = scene.path("page.html");
    fs::write(&file, "an earlier one").unwrap();
    let ended = report(&scene.out(), &["-o", file.to_str().unwrap()]);
    assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_page_does_not_depend_on_the_number_of_threads() {
    let scene = scene();
    let first = scene.sweep(&["--threads", "1"]).expect(0);
    let run_json = fs::read(first.out.join("run.json")).unwrap();
    let written = page(&first.out);
    for threads in ["2", "8"] {
        scene.sweep(&["--threads", threads, "--force"]).expect(0);
        // Only run.json tells one run from another.
        fs::write(scene.out().join("run.json"), &run_json).unwrap();
        assert_eq!(report(&scene.out(), &[]).stdout, written, "{threads}");
    }
}

#[test]
fn equal_matches_take_no_more_room() {
    let page_of = |matches: u32| {
        let scene = Scene::new();
        let events: Vec<_> = (1..=matches).map(|number| matching(number.into()).on("ONE")).collect();
        scene.put("ONE/Sysmon.evtx", &log(&events));
        scene.sweep(&[]).expect(0);
        let page = page(&scene.out());
        assert!(page.contains(&format!("<h1>{matches} matches on 1 of 1 host</h1>")), "{matches}");
        // All of them are one row.
        assert!(page.contains(&format!("class=\"number\"><div>{matches}</div>")), "{matches}");
        page.len()
    };
    let [few, many] = [20, 200].map(page_of);
    assert!(many < few + 200, "{few} and {many} bytes");
}

#[test]
fn a_sweep_without_a_page_is_whole() {
    let scene = scene();
    scene.sweep(&["--no-report"]).expect(0);
    assert!(!scene.out().join(PAGE).exists());
    let ended = verify(&scene.out());
    assert_eq!(ended.status, 0, "{}", ended.stdout);
    assert!(!ended.stdout.contains(PAGE), "{}", ended.stdout);
    // The next sweep replaces an output with or without a page.
    for options in [&["--force"][..], &["--force", "--no-report"], &["--force"]] {
        scene.sweep(options).expect(0);
        assert_eq!(scene.out().join(PAGE).exists(), !options.contains(&"--no-report"));
    }
}

#[test]
fn verify_compares_the_page_with_the_output() {
    let scene = scene();
    scene.sweep(&[]).expect(0);
    let written = page(&scene.out());
    let ended = verify(&scene.out());
    assert_eq!(ended.status, 0, "{}", ended.stdout);
    assert!(ended.stdout.contains("report.html is the page of these tables"), "{}", ended.stdout);
    let version = format!("content=\"dnsweep {}\"", env!("CARGO_PKG_VERSION"));
    for (changed, status, expected) in [
        (written.replacen("2 of 3 hosts", "0 of 3 hosts", 1), 3, "differs from the page that dnsweep report"),
        (String::new(), 3, "expected a page that dnsweep wrote, found something else"),
        (
            written.replacen(&version, "content=\"dnsweep 9\"", 1),
            0,
            "its text was NOT compared: dnsweep 9 made it",
        ),
    ] {
        assert_ne!(changed, written);
        fs::write(scene.out().join(PAGE), changed).unwrap();
        let ended = verify(&scene.out());
        assert!(ended.stdout.contains(expected), "{expected}: {}", ended.stdout);
        assert_eq!(ended.status, status, "{}", ended.stdout);
    }
    fs::write(scene.out().join(PAGE), &written).unwrap();
    // Another sweep of the same evidence, with the same tables, has another run.json.
    let aside = scene.path("aside");
    fs::copy(scene.out().join(PAGE), &aside).unwrap();
    scene.sweep(&["--force"]).expect(0);
    fs::copy(&aside, scene.out().join(PAGE)).unwrap();
    let ended = verify(&scene.out());
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    assert!(ended.stdout.contains("output report.html: expected the page of the run.json with SHA-256"));
    // A table that differs is one difference, and none of the page.
    let scene = self::scene();
    scene.sweep(&[]).expect(0);
    fs::remove_file(scene.out().join("hosts.parquet")).unwrap();
    let ended = verify(&scene.out());
    assert!(ended.stdout.contains("DIFFERENT: 1 difference\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("NOT compared: not all tables are unchanged"), "{}", ended.stdout);
}

#[test]
fn a_page_that_cannot_go_where_it_should_is_an_error() {
    let scene = scene();
    scene.sweep(&[]).expect(0);
    let before = scene.listing();
    let evidence = scene.evidence().join("page.html");
    for (place, expected) in [
        (scene.path("missing/page.html"), "No such file or directory"),
        (scene.out(), "expected a file, found a directory"),
        (scene.out().join("report.html"), "expected a place outside the output"),
        (evidence, "expected a place outside the evidence"),
    ] {
        let ended = report(&scene.out(), &["-o", place.to_str().unwrap()]);
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{}", place.display());
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    assert!(before == scene.listing(), "something was written");
    for (change, expected) in
        [("hosts.parquet", "hosts.parquet"), ("run.json", "expected an output of dnsweep")]
    {
        fs::remove_file(scene.out().join(change)).unwrap();
        let ended = report(&scene.out(), &["-o", scene.path("page.html").to_str().unwrap()]);
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{change}");
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(!scene.path("page.html").exists());
    }
}

#[test]
fn an_interrupted_sweep_says_so_on_its_page() {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Dense).unwrap();
    for machine in 0..60 {
        scene.put(&format!("HOST{machine:03}/Sysmon.evtx"), &pool.log(machine, 16));
    }
    let mut command = dnsweep();
    let mut child = start(command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()));
    wait_for_line(&mut child);
    send("INT", &child);
    let ended = wait(child);
    assert_eq!(ended.status, 130, "{}", ended.stderr);
    assert!(page(&scene.out()).contains("<p class=\"notice\">The sweep was INTERRUPTED"));
    assert_eq!(verify(&scene.out()).status, 0);
    scene.sweep(&["--resume"]).expect(0);
    assert!(!page(&scene.out()).contains("INTERRUPTED"));
    assert_eq!(verify(&scene.out()).status, 0);
}

/// Sweeps in a shell that limits the size of files to 200 KiB, which is enough for tables, but not
/// for the page.
fn sweep_without_room(scene: &Scene, options: &[&str]) -> FinishedProcess {
    let line = r#"ulimit -f 400; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep"), "sweep"]).arg(scene.evidence());
    run(command.arg("--out").arg(scene.out()).args(options))
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_like_a_table() {
    let scene = scene();
    let ended = sweep_without_room(&scene, &["--quiet"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (5, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write") && ended.stderr.contains(PAGE), "{}", ended.stderr);
    assert!(!scene.out().exists());
    assert_eq!(sweep_without_room(&scene, &["--resume", "--no-report"]).status, 0);
    let line = r#"trap "" XFSZ; ulimit -f 400; exec "$0" report "$1" --format html -o "$2""#;
    let mut command = Command::new("sh");
    let file = scene.path("page.html");
    let ended = run(command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.out()).arg(&file));
    assert_eq!((ended.status, file.exists()), (5, false), "{}", ended.stderr);
}

#[test]
fn harmful_text_is_no_markup() {
    let scene = Scene::new();
    let harm = "</script><script>alert(1)</script>\"'<img src=x onerror=alert(2)>\u{202e}\x1b[2J";
    let event = matching(1).on(&format!("HOST{harm}")).with("User", harm).with("QueryResults", harm);
    let event = event
        .with("Image", format!(r"C:\Users\Public\{harm}.exe"))
        .with("QueryName", format!("{harm}pastebin"));
    scene.put("EVIL/Sysmon.evtx", &log(&[event]));
    scene.sweep(&[]).expect(0);
    let page = page(&scene.out());
    for active in ["alert(1)</script>", "<img", "\u{202e}", "\x1b"] {
        assert!(!page.contains(active), "{active}");
    }
    assert!(page.contains("HOST&#60;/script&#62;&#60;script&#62;alert(1)"));
    assert!(page.contains("\\u{202e}\\u{1b}[2J"));
    // Nothing can be loaded, and only what the page has itself can run.
    let policy =
        page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src &#39;none&#39;; script-src &#39;sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    assert_eq!(page.matches("<script>").count(), 2);
    assert_eq!(page.matches("src=\"").count() + page.matches("href=\"http").count(), 0);
}
