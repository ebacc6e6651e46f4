//! What lies where outputs are written and read: links and pipes are not followed, files that
//! dnsweep did not write are not removed, and no other user can read an output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use common::logs::log_of;
use common::{FinishedProcess, Scene, dnsweep, is_root, listing, run, sweep};
use serde_json::{Value, json};

/// Makes evidence with a log of one match, and sweeps it.
fn swept() -> Scene {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    scene.sweep(&[]).expect(0);
    scene
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn verify(scene: &Scene) -> FinishedProcess {
    run(dnsweep().arg("verify").arg(scene.out()))
}

/// Removes a file of the output, and lets `with` put something else in its place.
fn replace(scene: &Scene, name: &str, with: impl Fn(&Path)) {
    let path = scene.out().join(name);
    fs::remove_file(&path).unwrap();
    with(&path);
}

#[test]
fn a_pipe_or_a_link_called_run_json_is_none() {
    for what in ["a pipe", "a symbolic link"] {
        let scene = swept();
        let aside = scene.path("aside.json");
        fs::copy(scene.out().join("run.json"), &aside).unwrap();
        replace(&scene, "run.json", |path| {
            if what == "a pipe" { make_pipe(path) } else { symlink(&aside, path).unwrap() }
        });
        for options in [&["--force"][..], &["--resume"], &[], &["--resume", "--force"]] {
            let before = listing(&scene.out());
            let ended = scene.sweep(options).expect(2).process;
            assert!(ended.stderr.contains("dnsweep: error: --out"), "{}", ended.stderr);
            assert!(before == listing(&scene.out()));
        }
        let ended = verify(&scene);
        assert_eq!(ended.status, 2);
        assert!(ended.stderr.contains(&format!("expected a regular file, found {what}")), "{}", ended.stderr);
    }
}

#[test]
fn a_table_that_became_a_pipe_is_found_and_not_waited_for() {
    let scene = swept();
    replace(&scene, "hosts.parquet", make_pipe);
    let ended = verify(&scene);
    assert_eq!(ended.status, 3);
    assert!(ended.stdout.contains("output hosts.parquet: expected a regular file"), "{}", ended.stdout);
    scene.sweep(&["--force"]).expect(2);
}

#[test]
fn a_pipe_where_an_unfinished_sweep_has_its_files_is_not_waited_for() {
    for name in ["journal", "lock"] {
        let scene = swept();
        fs::create_dir(scene.path(".out.partial")).unwrap();
        fs::set_permissions(scene.path(".out.partial"), Permissions::from_mode(0o700)).unwrap();
        make_pipe(&scene.path(".out.partial").join(name));
        for options in [&["--force"][..], &["--resume", "--force"]] {
            let ended = scene.sweep(options).expect(2).process;
            assert!(ended.stderr.contains(".out.partial' is where"), "{}", ended.stderr);
        }
    }
}

/// Changes the output's `run.json`.
fn forge(scene: &Scene, change: impl FnOnce(&mut Value)) {
    let path = scene.out().join("run.json");
    let mut run: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut run);
    fs::write(path, serde_json::to_vec(&run).unwrap()).unwrap();
}

#[test]
fn force_removes_nothing_else_whatever_run_json_names() {
    for name in ["thesis.txt", "mine.parquet", "stats/mine.parquet", "stats/mine.txt"] {
        let scene = swept();
        fs::write(scene.out().join(name), "years of work").unwrap();
        forge(&scene, |run| {
            let output = json!({"file": name, "rows": 1, "bytes": 13, "sha256": "0"});
            run["outputs"].as_array_mut().unwrap().push(output);
        });
        let ended = scene.sweep(&["--force"]).expect(2).process;
        assert!(ended.stderr.contains(&format!("contains '{name}'")), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(scene.out().join(name)).unwrap(), "years of work");
    }
    // An id that leads out of the folder names no table.
    let scene = swept();
    fs::write(scene.path("mine.parquet"), "years of work").unwrap();
    forge(&scene, |run| {
        run["detections"].as_array_mut().unwrap().push(json!({"id": "../../mine"}));
    });
    scene.sweep(&["--force"]).expect(0);
    assert!(scene.path("mine.parquet").exists());
}

#[test]
fn an_output_with_every_table_is_replaced() {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    scene.sweep(&["--dns-client", "--keep-excluded"]).expect(0);
    scene.sweep(&["--force"]).expect(0);
    assert_eq!(fs::read_dir(scene.path("")).unwrap().count(), 2, "nothing is left beside it");
    assert!(!scene.out().join("leads.parquet").exists());
}

/// Returns the permissions of everything in an output, including the output directory.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut modes = vec![(String::new(), fs::metadata(folder).unwrap().mode() & 0o777)];
    for folder in [folder.to_path_buf(), folder.join("stats")] {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            modes.push((entry.file_name().into_string().unwrap(), entry.metadata().unwrap().mode() & 0o777));
        }
    }
    modes
}

/// Sweeps a test's evidence with this umask.
fn sweep_with_umask(scene: &Scene, umask: &str, options: &[&str]) {
    let line = format!(r#"umask {umask}; exec "$0" "$@""#);
    let mut command = Command::new("sh");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_dnsweep"), "sweep"]).arg(scene.evidence());
    let ended = run(command.arg("--out").arg(scene.out()).args(options));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}

#[test]
fn outputs_are_for_their_owner_alone_without_the_option() {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    // A folder that everybody may enter becomes the output, and an output replaces another one.
    fs::create_dir(scene.out()).unwrap();
    fs::set_permissions(scene.out(), Permissions::from_mode(0o755)).unwrap();
    for options in [&[][..], &["--force"]] {
        sweep_with_umask(&scene, "022", options);
        for (name, mode) in modes(&scene.out()) {
            let is_folder = ["", "stats"].contains(&name.as_str());
            assert_eq!(mode, if is_folder { 0o700 } else { 0o600 }, "{name}");
        }
    }
    for (umask, folder, file) in [("022", 0o755, 0o644), ("027", 0o750, 0o640)] {
        fs::remove_dir_all(scene.out()).unwrap();
        sweep_with_umask(&scene, umask, &["--readable"]);
        for (name, mode) in modes(&scene.out()) {
            let is_folder = ["", "stats"].contains(&name.as_str());
            assert_eq!(mode, if is_folder { folder } else { file }, "{name} {umask}");
        }
    }
}

#[test]
fn a_partial_folder_that_others_may_write_to_is_refused() {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    let partial = scene.path(".out.partial");
    fs::create_dir(&partial).unwrap();
    for mode in [0o777, 0o775, 0o702, 0o1777] {
        fs::set_permissions(&partial, Permissions::from_mode(mode)).unwrap();
        for options in [&[][..], &["--force"], &["--resume"]] {
            let ended = scene.sweep(options).expect(2).process;
            let found = format!("with the permissions {mode:04o}");
            assert!(
                ended.stderr.contains("nobody else can write to") && ended.stderr.contains(&found),
                "{}",
                ended.stderr
            );
        }
        assert!(!scene.out().exists());
    }
    fs::set_permissions(&partial, Permissions::from_mode(0o755)).unwrap();
    scene.sweep(&[]).expect(0);
}

#[test]
fn a_partial_folder_of_somebody_else_is_refused() {
    if !is_root() {
        eprintln!("not tested: only the superuser can give a folder away");
        return;
    }
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    let partial = scene.path(".out.partial");
    fs::create_dir(&partial).unwrap();
    fs::set_permissions(&partial, Permissions::from_mode(0o700)).unwrap();
    chown(&partial, Some(65_534), Some(65_534)).unwrap();
    let ended = scene.sweep(&["--resume"]).expect(2).process;
    assert!(ended.stderr.contains("found one of user 65534"), "{}", ended.stderr);
    // Files that somebody else put into the folder are not used either.
    chown(&partial, Some(0), Some(0)).unwrap();
    let journal = partial.join("journal");
    File::create(&journal).unwrap();
    chown(&journal, Some(65_534), Some(65_534)).unwrap();
    let ended = scene.sweep(&["--resume"]).expect(2).process;
    assert!(
        ended.stderr.contains("expected a folder of files that dnsweep writes there"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_named_may_be_a_pipe_and_is_read_with_a_bound() {
    let scene = Scene::new();
    let log = scene.put("HOST/x.evtx", &log_of("HOST"));
    let pipe = scene.path("pipe");
    make_pipe(&pipe);
    let name = pipe.to_str().unwrap();
    // Nobody writes into the pipe.
    for option in ["--files-from", "--allow", "--placeholders", "--detection"] {
        let ended = sweep(&[], &scene.out(), &[option, name]).expect(2).process;
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    for option in ["--allow", "--placeholders", "--detection"] {
        let ended = sweep(&[&scene.evidence()], &scene.out(), &[option, "/dev/zero"]).expect(2).process;
        assert!(ended.stderr.contains("expected at most 8388608 bytes, found more"), "{}", ended.stderr);
    }
    let event = dnsweep()
        .args(["detections", "explain", "--detection", "3cf0dc36-484d-11ec-a6bc-acde48001122", "--event"])
        .arg(&pipe)
        .output()
        .unwrap();
    assert_eq!(event.status.code(), Some(2));
    // A path such as a shell makes of `<(command)`.
    let line = r#""$0" sweep --out "$1" --files-from <(sleep 0.2; echo "$2")"#;
    let mut command = Command::new("bash");
    command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.out()).arg(&log);
    let ended = run(&mut command);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
}
