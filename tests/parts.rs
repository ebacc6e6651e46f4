//! A sweep in parts: the shards of a plan, merged, give the tables of one sweep, to the byte; and
//! so do outputs of several days. What does not belong together is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::logs::{log_of, matching, styled};
use common::{FinishedProcess, Scene, copy, dnsweep, repository, run, send, start, wait};
use dnsweep_samples::Style;
use dnsweep_samples::corpus::{Corpus, Pool};
use proptest::prelude::*;

/// The options that make as many tables as possible.
const ALL: [&str; 6] = ["--hash", "--vss", "--recover", "--dns-client", "--context", "--queries"];

/// The exit statuses of a sweep, a shard or a merge that has written its results: everything was
/// read, some of it was damaged, or there was no log.
const WRITTEN: [i32; 3] = [0, 3, 4];

/// Returns the bytes of each table in an output, by its path in the output.
fn tables(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut tables = BTreeMap::new();
    for folder in [out.to_path_buf(), out.join("stats")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                tables.insert(path.strip_prefix(out).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    tables
}

/// A folder for the files of a test: a plan, its parts, and outputs.
struct Desk(Scene);

impl Desk {
    fn new() -> Self {
        Desk(Scene::new())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Sweeps `roots` as a whole into the output `out`. Returns its tables.
    fn whole(&self, roots: &[PathBuf], options: &[&str], out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let ended = run(dnsweep()
            .arg("sweep")
            .args(roots)
            .args(options)
            .args(["--quiet", "--no-report", "--out"])
            .arg(self.path(out)));
        assert!(WRITTEN.contains(&ended.status), "{}", ended.stderr);
        tables(&self.path(out))
    }

    /// Makes a plan for `roots` with this number of shards, in the file `plan`.
    #[track_caller]
    fn plan(&self, roots: &[PathBuf], options: &[&str], shards: u32) {
        let ended = run(dnsweep()
            .arg("plan")
            .args(roots)
            .args(options)
            .args(["--quiet", "--shards", &shards.to_string(), "--out"])
            .arg(self.path("plan")));
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }

    /// Sweeps the shard with this number of the plan in the file `plan`, and writes its part to the
    /// file `part`.
    fn shard(&self, shard: u32, part: &str, options: &[&str]) -> FinishedProcess {
        run(dnsweep()
            .args(["sweep", "--quiet", "--shard", &shard.to_string(), "--plan"])
            .arg(self.path("plan"))
            .arg("--part")
            .arg(self.path(part))
            .args(options))
    }

    /// Sweeps all shards of the plan in the file `plan`. Their parts are the files `part1`, `part2`
    /// and so on.
    #[track_caller]
    fn all_shards(&self, shards: u32) {
        for shard in 1..=shards {
            let threads = ["1", "2", "5"][shard as usize % 3];
            let ended = self.shard(shard, &format!("part{shard}"), &["--threads", threads]);
            assert!(WRITTEN.contains(&ended.status), "{}: {}", ended.status, ended.stderr);
        }
    }

    /// Merges `parts`, the files of the parts of all shards of the plan in the file `plan`, into
    /// the output `out`.
    fn merge(&self, parts: &[String], out: &str) -> FinishedProcess {
        run(dnsweep()
            .args(["merge", "--quiet", "--no-report", "--plan"])
            .arg(self.path("plan"))
            .args(parts.iter().map(|part| self.path(part)))
            .arg("--out")
            .arg(self.path(out)))
    }

    /// Merges the parts of whole sweeps, which `outputs` are or contain, into the output `out`.
    fn join(&self, outputs: &[&str], out: &str, options: &[&str]) -> FinishedProcess {
        run(dnsweep()
            .args(["merge", "--quiet", "--no-report"])
            .args(outputs.iter().map(|output| self.path(output)))
            .args(options)
            .arg("--out")
            .arg(self.path(out)))
    }

    /// Merges the parts of all shards into the output `out`, and fails the test unless its tables
    /// are `expected`.
    #[track_caller]
    fn expect(&self, shards: u32, expected: &BTreeMap<PathBuf, Vec<u8>>, out: &str) {
        // The parts can come in any order.
        let parts: Vec<String> = (1..=shards).rev().map(|shard| format!("part{shard}")).collect();
        let ended = self.merge(&parts, out);
        assert!(WRITTEN.contains(&ended.status), "{}", ended.stderr);
        assert_same(&tables(&self.path(out)), expected);
    }
}

#[track_caller]
fn assert_same(found: &BTreeMap<PathBuf, Vec<u8>>, expected: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, bytes) in expected {
        assert!(found[name] == *bytes, "{} differs", name.display());
    }
}

fn samples() -> Vec<PathBuf> {
    ["samples/evidence", "samples/damaged", "samples/containers"].map(repository).to_vec()
}

#[test]
fn shards_of_the_samples_give_the_tables_of_one_sweep() {
    for (number, options) in
        [&ALL[..], &["--carve", "--exhaustive", "--any-name", "--context"], &["--context"]]
            .into_iter()
            .enumerate()
    {
        let desk = Desk::new();
        let expected = desk.whole(&samples(), options, "whole");
        for shards in [1, 2, 7] {
            desk.plan(&samples(), options, shards);
            desk.all_shards(shards);
            desk.expect(shards, &expected, &format!("merged{number}-{shards}"));
        }
    }
}

#[test]
fn a_sweep_leaves_a_part_and_outputs_of_several_days_are_merged() {
    let desk = Desk::new();
    let roots = samples();
    let expected = desk.whole(&roots, &ALL, "whole");
    let days = ["monday", "tuesday", "friday"];
    for (day, root) in days.iter().zip(&roots) {
        desk.whole(std::slice::from_ref(root), &[&ALL[..], &["--part"]].concat(), day);
    }
    let ended = desk.join(&days, "week", &["--part"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_same(&tables(&desk.path("week")), &expected);
    // An output that was merged can be merged again, and with parts named by themselves.
    let ended = desk.join(&days[..2], "two", &["--part"]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let ended = desk.join(&["two", "friday/part.dnsweep"], "again", &[]);
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert_same(&tables(&desk.path("again")), &expected);
    // What was merged is recorded, and verified.
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.path("again/run.json")).unwrap()).unwrap();
    assert_eq!(json["merged"].as_array().unwrap().len(), 2);
    assert!(json["merged"][1]["file"].as_str().unwrap().ends_with("friday/part.dnsweep"));
    assert_eq!(
        json["merged"][1]["sha256"].as_str().unwrap(),
        common::sha256_by_another_tool(&desk.path("friday/part.dnsweep"))
    );
    let verify = |out: &str| run(dnsweep().arg("verify").arg(desk.path(out)));
    for out in ["week", "again", "friday"] {
        assert_eq!(verify(out).status, 0, "{}", verify(out).stdout);
    }
    let mut bytes = fs::read(desk.path("friday/part.dnsweep")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(desk.path("friday/part.dnsweep"), bytes).unwrap();
    let found = verify("friday");
    assert!(found.status == 3 && found.stdout.contains("part.dnsweep"), "{}", found.stdout);
}

/// Makes evidence of machines with logs, copies of logs of other machines, and an archive.
fn plant(scene: &Scene, machines: &[Vec<(u8, u8)>]) {
    let pool = Pool::new(Corpus::Chatty).unwrap();
    for (machine, logs) in machines.iter().enumerate() {
        for (place, (kind, number)) in logs.iter().enumerate() {
            let path = format!("HOST{machine}/{place}.evtx");
            let number = u64::from(*number);
            match kind {
                0 => scene.put(&path, &log_of(&format!("PC{number}"))),
                1 => scene.put(&path, &pool.log(number, 3)),
                2 => scene.put(&path, &styled(Style::Export, &[matching(number).on("SAME")])),
                3 => scene.put(&path, &pool.log(number, 3)[..150_000]),
                _ => scene.put(&path, b""),
            };
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn any_division_gives_the_tables_of_one_sweep(
        machines in prop::collection::vec(prop::collection::vec((0..5_u8, 0..4_u8), 0..4), 1..8),
        shards in 1..9_u32,
        cut in 0..8_usize,
    ) {
        let (desk, scene) = (Desk::new(), Scene::new());
        plant(&scene, &machines);
        fs::create_dir_all(scene.evidence()).unwrap();
        scene.put("HOSTX/x.evtx", &log_of("PC0"));
        let root = [scene.evidence()];
        let options = ["--recover", "--context", "--queries"];
        let expected = desk.whole(&root, &options, "whole");
        desk.plan(&root, &options, shards);
        desk.all_shards(shards);
        desk.expect(shards, &expected, "merged");
        // The machines are divided among two days, each with its own output.
        let mut hosts: Vec<PathBuf> =
            fs::read_dir(scene.evidence()).unwrap().map(|entry| entry.unwrap().path()).collect();
        hosts.sort();
        let expected = desk.whole(&hosts, &options, "by-host");
        let (first, second) = hosts.split_at(cut.min(hosts.len() - 1));
        let mut days = Vec::new();
        for (day, hosts) in [("first", first), ("second", second)] {
            if !hosts.is_empty() {
                desk.whole(hosts, &[&options[..], &["--part"]].concat(), day);
                days.push(day);
            }
        }
        let ended = desk.join(&days, "joined", &[]);
        prop_assert!(WRITTEN.contains(&ended.status), "{}", ended.stderr);
        assert_same(&tables(&desk.path("joined")), &expected);
    }
}

/// Makes evidence of five machines, and a plan for it with this number of shards.
fn five(shards: u32) -> (Desk, Scene) {
    let (desk, scene) = (Desk::new(), Scene::new());
    for machine in 0..5 {
        scene.put(&format!("HOST{machine}/x.evtx"), &log_of(&format!("PC{machine}")));
    }
    desk.plan(&[scene.evidence()], &[], shards);
    (desk, scene)
}

fn refused(ended: &FinishedProcess, words: &[&str]) {
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "expected '{word}' in {}", ended.stderr);
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused_by_name() {
    let (desk, scene) = five(3);
    desk.all_shards(3);
    let merge = |parts: &[&str]| {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        let ended = desk.merge(&parts, "merged");
        assert!(!desk.path("merged").exists() || ended.status == 0);
        ended
    };
    refused(&merge(&["part1", "part3"]), &["shard 2", "none of shard 2"]);
    refused(&merge(&["part1", "part2", "part3", "part2"]), &["part2", "again"]);
    fs::write(desk.path("notes.txt"), "a file of somebody").unwrap();
    refused(&merge(&["part1", "notes.txt", "part3"]), &["notes.txt", "expected a part of dnsweep"]);
    refused(&merge(&["part1", "plan", "part3"]), &["plan", "expected a part of dnsweep"]);
    refused(&merge(&["part1", "missing", "part3"]), &["missing"]);
    // A plan of the same evidence with other options.
    fs::rename(desk.path("plan"), desk.path("first-plan")).unwrap();
    desk.plan(&[scene.evidence()], &["--recover"], 3);
    refused(&merge(&["part1", "part2", "part3"]), &["part1", "of another plan"]);
    fs::rename(desk.path("first-plan"), desk.path("plan")).unwrap();
    assert_eq!(merge(&["part1", "part2", "part3"]).status, 0);
}

#[test]
fn a_merge_raises_the_limit_of_open_files_or_says_that_it_cannot() {
    let (desk, _scene) = five(40);
    desk.all_shards(40);
    let merge = |limit: &str, out: &str| {
        let merge = "merge --quiet --no-report --plan plan part* --out";
        run(Command::new("sh")
            .current_dir(desk.path(""))
            .args(["-c", &format!("{limit}; exec \"$0\" {merge} {out}")])
            .arg(env!("CARGO_BIN_EXE_dnsweep")))
    };
    refused(&merge("ulimit -n 30", "refused"), &["plan", "40 parts", "may open 30 files", "ulimit -n"]);
    assert!(!desk.path("refused").exists());
    let ended = merge("ulimit -S -n 30", "merged");
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[test]
fn a_torn_part_and_a_torn_plan_are_refused() {
    let (desk, _scene) = five(2);
    desk.all_shards(2);
    let parts = ["part1".to_owned(), "part2".to_owned()];
    for name in ["part1", "plan"] {
        let whole = fs::read(desk.path(name)).unwrap();
        let mut tried = 0;
        for cut in (0..whole.len()).step_by(whole.len() / 23 + 1) {
            fs::write(desk.path(name), &whole[..cut]).unwrap();
            refused(&desk.merge(&parts, "merged"), &[name]);
            let mut changed = whole.clone();
            changed[cut] ^= 0x55;
            fs::write(desk.path(name), &changed).unwrap();
            refused(&desk.merge(&parts, "merged"), &[name]);
            assert!(!desk.path("merged").exists());
            tried += 1;
        }
        assert!(tried > 10);
        fs::write(desk.path(name), &whole).unwrap();
    }
    assert_eq!(desk.merge(&parts, "merged").status, 0);
}

#[test]
fn outputs_that_looked_for_something_else_are_refused() {
    let (desk, scene) = (Desk::new(), Scene::new());
    scene.put("A/x.evtx", &log_of("A"));
    scene.put("B/x.evtx", &log_of("B"));
    let [a, b] = ["A", "B"].map(|host| scene.evidence().join(host));
    desk.whole(std::slice::from_ref(&a), &["--part"], "a");
    desk.whole(std::slice::from_ref(&b), &["--part"], "b");
    desk.whole(std::slice::from_ref(&b), &["--part", "--recover"], "recovered");
    desk.whole(std::slice::from_ref(&b), &["--part", "--since", "2001-01-01"], "since");
    desk.whole(std::slice::from_ref(&b), &[], "without");
    let rule = repository("samples/rules");
    let rule = rule.to_str().unwrap();
    desk.whole(&[b], &["--part", "--detection", rule], "rules");
    let join = |second: &str| desk.join(&["a", second], "joined", &[]);
    refused(&join("recovered"), &["--recover", "recovered"]);
    refused(&join("since"), &["--since", "2001-01-01"]);
    refused(&join("rules"), &["detections"]);
    refused(&join("without"), &["without", "--part"]);
    refused(&join("a"), &["is named twice", "would count twice", "at another path"]);
    refused(&join("missing"), &["missing"]);
    assert!(!desk.path("joined").exists());
    assert_eq!(join("b").status, 0);
}

#[test]
fn every_attempt_at_a_shard_writes_the_same_bytes_or_nothing() {
    let (desk, scene) = (Desk::new(), Scene::new());
    let pool = Pool::new(Corpus::Chatty).unwrap();
    for machine in 0..30 {
        scene.put(&format!("HOST{machine}/x.evtx"), &pool.log(machine, 30));
    }
    desk.plan(&[scene.evidence()], &["--hash", "--context"], 2);
    desk.all_shards(2);
    let expected = fs::read(desk.path("part1")).unwrap();
    let (mut killed, mut interrupted) = (0, 0);
    for attempt in 0..12_u64 {
        let _ = fs::remove_file(desk.path("part1"));
        let mut child = start(
            dnsweep()
                .args(["sweep", "--quiet", "--shard", "1", "--threads", "2", "--plan"])
                .arg(desk.path("plan"))
                .arg("--part")
                .arg(desk.path("part1")),
        );
        thread::sleep(Duration::from_millis(attempt * 12));
        if attempt % 2 == 0 {
            let _ = child.kill();
        } else {
            send("INT", &child);
        }
        drop(child.stdin.take());
        match wait(child).status {
            0 => assert!(fs::read(desk.path("part1")).unwrap() == expected),
            status => {
                assert!(!desk.path("part1").exists(), "status {status}");
                killed += u32::from(status == -9);
                interrupted += u32::from(status == 130 || status == -2);
            }
        }
    }
    assert!(killed > 0 && interrupted > 0, "{killed} killed, {interrupted} interrupted");
    assert_eq!(desk.shard(1, "part1", &["--threads", "8"]).status, 0);
    assert!(fs::read(desk.path("part1")).unwrap() == expected);
    // The same files elsewhere, as another machine sees them.
    let elsewhere = desk.path("mount");
    copy(&scene.evidence(), &elsewhere);
    fs::remove_dir_all(scene.evidence()).unwrap();
    let remap = format!("{}={}", scene.evidence().display(), elsewhere.display());
    assert_eq!(desk.shard(1, "remapped", &["--remap", &remap]).status, 0);
    assert!(fs::read(desk.path("remapped")).unwrap() == expected);
    // Evidence that is not mounted may be there at another attempt.
    let not_there = |words: &str| {
        let ended = desk.shard(1, "unmapped", &[]);
        assert!(ended.status == 5 && ended.stderr.contains(words), "{}: {}", ended.status, ended.stderr);
        assert!(!desk.path("unmapped").exists());
    };
    not_there("evidence");
    fs::create_dir(scene.evidence()).unwrap();
    not_there("mounted");
}

#[test]
fn evidence_that_changed_after_the_plan_is_no_evidence_read() {
    let (desk, scene) = five(2);
    copy(&repository("samples/containers"), &scene.evidence().join("HOST9"));
    desk.plan(&[scene.evidence()], &[], 2);
    fs::remove_file(scene.evidence().join("HOST0/x.evtx")).unwrap();
    let grown = [log_of("PC1"), vec![0; 70_000]].concat();
    fs::write(scene.evidence().join("HOST1/x.evtx"), grown).unwrap();
    let archive = fs::read_dir(scene.evidence().join("HOST9")).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.into_iter().find(|path| path.extension().is_some_and(|end| end == "zip")).unwrap();
    fs::write(&archive, b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
    scene.put("HOST8/x.evtx", &log_of("PC8"));
    desk.all_shards(2);
    let ended = desk.merge(&["part1".to_owned(), "part2".to_owned()], "merged");
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let rows = common::tables::read(&desk.path("merged/files.parquet")).rows;
    let status = |path: &str| {
        let found: Vec<&str> = rows
            .iter()
            .filter(|row| row["source_path"].as_str().unwrap().starts_with(path))
            .map(|row| row["status"].as_str().unwrap())
            .collect();
        found
    };
    assert_eq!(status("HOST0/x.evtx"), ["unreadable"]);
    assert_eq!(status("HOST1/x.evtx").len(), 1);
    assert_ne!(status("HOST1/x.evtx"), ["complete"]);
    assert_eq!(status("HOST2/x.evtx"), ["complete"]);
    // The plan did not have it.
    assert!(status("HOST8").is_empty());
    let name = archive.file_name().unwrap().to_str().unwrap();
    let in_archive = status(&format!("HOST9/{name}"));
    assert!(
        !in_archive.is_empty() && in_archive.iter().all(|status| *status == "unreadable"),
        "{in_archive:?}"
    );
}

#[test]
fn a_resumed_sweep_leaves_the_part_of_an_undisturbed_one() {
    let (desk, scene) = (Desk::new(), Scene::new());
    let pool = Pool::new(Corpus::Chatty).unwrap();
    for machine in 0..30 {
        scene.put(&format!("HOST{machine}/x.evtx"), &pool.log(machine, 30));
    }
    scene.put("ODD/damaged.evtx", &pool.log(99, 8)[..200_000]);
    desk.whole(&[scene.evidence()], &["--part", "--hash", "--context"], "whole");
    let expected = fs::read(desk.path("whole/part.dnsweep")).unwrap();
    let mut resumed = 0;
    for attempt in 0..8_u64 {
        let begin = |stays: bool| {
            let mut command = dnsweep();
            command.arg("sweep").arg(scene.evidence()).args([
                "--part",
                "--hash",
                "--context",
                "--quiet",
                "--no-report",
                "--resume",
            ]);
            command.arg("--out").arg(desk.path("out"));
            let mut child = start(&mut command);
            drop(child.stdin.take());
            if !stays {
                thread::sleep(Duration::from_millis(40 + attempt * 15));
                send("INT", &child);
            }
            wait(child)
        };
        let first = begin(false);
        let out = desk.path("out");
        if first.status == 130 {
            assert!(!out.join("part.dnsweep").exists(), "the part of an interrupted sweep is absent");
        }
        if first.status != 3 {
            assert_eq!(begin(true).status, 3);
            resumed += 1;
        }
        assert!(fs::read(out.join("part.dnsweep")).unwrap() == expected);
        fs::remove_dir_all(out).unwrap();
    }
    assert!(resumed > 0);
}

#[test]
fn a_plan_carries_its_rules_and_freezes_what_must_not_differ() {
    let (desk, scene) = (Desk::new(), Scene::new());
    scene.put("A/x.evtx", &log_of("A"));
    scene.put("B/x.evtx", &log_of("B"));
    let rules = desk.path("rules");
    copy(&repository("samples/rules"), &rules);
    let allow = desk.path("allow.yml");
    fs::write(&allow, "- search: QueryName=nothing.example\n  reason: none\n").unwrap();
    let options =
        ["--detection", rules.to_str().unwrap(), "--allow", allow.to_str().unwrap(), "--last", "9000d"];
    desk.plan(&[scene.evidence()], &options, 2);
    // The rules may be gone, or be others, where the shards run.
    fs::remove_dir_all(&rules).unwrap();
    fs::write(&allow, "no exclusions").unwrap();
    desk.all_shards(2);
    let ended = desk.merge(&["part1".to_owned(), "part2".to_owned()], "merged");
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    copy(&repository("samples/rules"), &rules);
    fs::write(&allow, "- search: QueryName=nothing.example\n  reason: none\n").unwrap();
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.path("merged/run.json")).unwrap()).unwrap();
    let since = json["since"].as_str().unwrap();
    // The tables of one sweep whose period begins when that of the plan did. Only their metadata
    // differs, which has the period as it was typed.
    desk.whole(
        &[scene.evidence()],
        &["--detection", options[1], "--allow", options[3], "--since", since],
        "whole",
    );
    for table in ["matches", "hosts", "files"] {
        let rows = |out: &str| common::tables::read(&desk.path(&format!("{out}/{table}.parquet"))).rows;
        assert_eq!(rows("merged"), rows("whole"), "{table}");
    }
}

#[test]
fn options_that_a_plan_decides_are_usage_errors() {
    let (desk, scene) = five(2);
    refused(&desk.shard(3, "part", &[]), &["--shard 3", "1 to 2"]);
    for option in [&["--recover"][..], &["--since", "2001-01-01"], &["--out", "x"], &["--detection", "x.yml"]]
    {
        refused(&desk.shard(1, "part", option), &[option[0]]);
    }
    refused(&desk.shard(1, "part", &["--remap", "nothing"]), &["--remap", "OLD=NEW"]);
    refused(&desk.shard(1, "part", &["--remap", "/no/such=/tmp"]), &["--remap '/no/such'", "evidence"]);
    refused(&desk.shard(1, "no/such/folder/part", &[]), &["no/such/folder/part"]);
    let evidence = scene.evidence();
    let inside = evidence.join("part");
    let ended = run(dnsweep()
        .args(["sweep", "--shard", "1", "--plan"])
        .arg(desk.path("plan"))
        .arg("--part")
        .arg(&inside));
    refused(&ended, &["nothing is written"]);
    let ended = run(dnsweep().arg("plan").arg(&evidence).args(["-n", "2", "-o"]).arg(evidence.join("plan")));
    refused(&ended, &["nothing is written"]);
    let ended = run(dnsweep().args(["sweep", "--part"]).arg(&evidence));
    refused(&ended, &["--plan"]);
    let ended = run(dnsweep().args(["sweep", "--shard", "1", "--plan"]).arg(desk.path("plan")));
    refused(&ended, &["--part"]);
    let ended = run(dnsweep().args(["sweep", "--shard", "1", "--part", "x", "--plan"]).arg(&inside));
    refused(&ended, &["part"]);
    assert_eq!(fs::read_dir(&evidence).unwrap().count(), 5);
}

#[test]
fn a_plan_made_with_passwords_needs_them_again() {
    let (desk, scene) = five(1);
    let passwords = desk.path("passwords");
    fs::write(&passwords, "infected\n").unwrap();
    desk.plan(&[scene.evidence()], &["--passwords", passwords.to_str().unwrap()], 1);
    let bytes = fs::read(desk.path("plan")).unwrap();
    assert!(!bytes.windows(8).any(|bytes| bytes == b"infected"));
    refused(&desk.shard(1, "part1", &[]), &["--passwords"]);
    let other = desk.path("other");
    fs::write(&other, "wrong\n").unwrap();
    refused(&desk.shard(1, "part1", &["--passwords", other.to_str().unwrap()]), &["--passwords"]);
    assert_eq!(desk.shard(1, "part1", &["--passwords", passwords.to_str().unwrap()]).status, 0);
    // A merge opens no archive.
    assert_eq!(desk.merge(&["part1".to_owned()], "merged").status, 0);
}
