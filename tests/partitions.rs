//! Tables divided by host (`--partition-by host`): each host's rows lie in a folder of its own, in the
//! order of the table, and they belong to the output like its other files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::logs::{log_of, matching, styled};
use common::{FinishedSweep, Scene, dnsweep, repository, run, sweep, tables};
use dnsweep_samples::{Event, Style};
use serde_json::Value;

const BY_HOST: &str = "--partition-by=host";

/// Returns the rows of each file of the divided table, by the path of the file, as the rows of the
/// table itself say they should be. `folder` gives the folder of a Computer.
fn expected(swept: &FinishedSweep, table: &str, folder: fn(&str) -> String) -> BTreeMap<String, Vec<Value>> {
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut row in swept.rows(table) {
        let computer = row.as_object_mut().unwrap().remove("computer").unwrap();
        let folder = folder(computer.as_str().unwrap());
        files.entry(format!("by-host/{table}/{folder}/part-0.parquet")).or_default().push(row);
    }
    files
}

/// Returns the rows of all files that `run.json` lists as those of tables divided by host.
fn divided(swept: &FinishedSweep) -> BTreeMap<String, Vec<Value>> {
    let run = swept.run();
    let files = run["partitions"].as_array().unwrap().iter().map(|record| {
        let file = record["file"].as_str().unwrap().to_owned();
        let rows = tables::read(&swept.out.join(&file)).rows;
        assert_eq!(record["rows"], rows.len(), "{file}");
        (file, rows)
    });
    files.collect()
}

/// Returns the contents of all files of tables divided by host, as `run.json` lists them.
fn contents(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let run: Value = serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap();
    let files = run["partitions"].as_array().unwrap().iter().map(|record| record["file"].as_str().unwrap());
    files.map(|file| (file.to_owned(), fs::read(out.join(file)).unwrap())).collect()
}

#[test]
fn each_host_has_a_folder_with_its_matches_and_leads() {
    let scene = Scene::new();
    let swept = sweep(&[&repository("samples/evidence")], &scene.out(), &[BY_HOST, "--dns-client"]).expect(0);
    let of = |table| expected(&swept, table, |computer| format!("computer={computer}"));
    let both: BTreeMap<_, _> = of("matches").into_iter().chain(of("leads")).collect();
    assert_eq!(both.len(), 3);
    assert_eq!(divided(&swept), both);
    // The tables themselves stay as they are.
    let without =
        sweep(&[&repository("samples/evidence")], &scene.path("without"), &["--dns-client"]).expect(0);
    for table in ["matches", "leads"] {
        let bytes = |swept: &FinishedSweep| fs::read(swept.out.join(format!("{table}.parquet"))).unwrap();
        assert!(bytes(&swept) == bytes(&without), "{table}");
    }
    assert_eq!(without.run()["partitions"].as_array().unwrap().len(), 0);
    assert!(!without.out.join("by-host").exists());
}

/// Names of Computers, and the names of their hosts' folders.
fn folder(computer: &str) -> String {
    let value = match computer {
        "PC-1" | "pc-1" | "Pc-1" => "PC-1",
        "../../x" => "..%2F..%2Fx",
        "a=b%41 c." => "a%3Db%2541%20c%2E",
        "ПК-7" => "ПК-7",
        _ => "__HIVE_DEFAULT_PARTITION__",
    };
    format!("computer={value}")
}

#[test]
fn hostile_names_and_spellings_of_one_name_have_one_safe_folder_each() {
    let scene = Scene::new();
    let long = "x".repeat(247);
    let names = [
        "pc-1",
        "../../x",
        "PC-1",
        "a=b%41 c.",
        "ПК-7",
        "a\u{202e}b",
        &long,
        "Pc-1",
        "__HIVE_DEFAULT_PARTITION__",
    ];
    let events = |from: u64| -> Vec<Event> {
        (from..from + 40).zip(names.iter().cycle()).map(|(number, name)| matching(number).on(name)).collect()
    };
    for style in [Style::Live, Style::Forwarded] {
        scene.put("A/x.evtx", &styled(style, &events(1)));
        scene.put("A/y.evtx", &styled(style, &events(100)));
        let swept = scene.sweep(&[BY_HOST, "--force"]).expect(0);
        assert_eq!(swept.rows("matches").len(), 80);
        assert_eq!(divided(&swept), expected(&swept, "matches", folder), "{style:?}");
        let ended = run(dnsweep().arg("verify").arg(&swept.out));
        assert_eq!(ended.status, 0, "{}", ended.stdout);
    }
}

#[test]
fn files_do_not_depend_on_threads_and_a_merge_writes_the_same() {
    let scene = Scene::new();
    for name in ["A", "B", "C"] {
        scene.put(&format!("{name}/x.evtx"), &log_of(name));
    }
    let swept = scene.sweep(&[BY_HOST, "--threads", "1", "--part"]).expect(0);
    let files = contents(&swept.out);
    assert_eq!(files.len(), 3);
    let other = sweep(&[&scene.evidence()], &scene.path("other"), &[BY_HOST, "--threads", "7"]).expect(0);
    assert!(contents(&other.out) == files);
    let ended = run(dnsweep()
        .args(["merge", BY_HOST, "--quiet"])
        .arg(&swept.out)
        .arg("-o")
        .arg(scene.path("merged")));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(contents(&scene.path("merged")) == files);
}

#[test]
fn verify_finds_what_was_changed_or_added() {
    let scene = Scene::new();
    scene.put("A/x.evtx", &log_of("A"));
    scene.put("B/x.evtx", &log_of("B"));
    let swept = scene.sweep(&[BY_HOST]).expect(0);
    let [a, b] =
        ["A", "B"].map(|host| swept.out.join(format!("by-host/matches/computer={host}/part-0.parquet")));
    fs::copy(&a, &b).unwrap();
    fs::write(a.with_file_name("part-1.parquet"), "").unwrap();
    let ended = run(dnsweep().arg("verify").arg(&swept.out));
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    for found in [
        "output by-host/matches/computer=B/part-0.parquet: ",
        "output by-host/matches/computer=A/part-1.parquet: not listed in run.json",
    ] {
        assert!(ended.stdout.contains(found), "{}", ended.stdout);
    }
    // What dnsweep did not write is not removed.
    let ended = run(dnsweep().args(["sweep", "--force", "--out"]).arg(&swept.out).arg(scene.evidence()));
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("contains 'by-host/matches/computer=A/part-1.parquet'"),
        "{}",
        ended.stderr
    );
    assert!(a.with_file_name("part-1.parquet").exists());
}

#[test]
fn an_output_with_folders_of_hosts_is_replaced_as_a_whole() {
    let scene = Scene::new();
    scene.put("A/x.evtx", &log_of("A"));
    scene.sweep(&[BY_HOST]).expect(0);
    let swept = scene.sweep(&["--force"]).expect(0);
    assert!(!swept.out.join("by-host").exists());
    let swept = scene.sweep(&["--force", BY_HOST]).expect(0);
    assert_eq!(contents(&swept.out).len(), 1);
}
