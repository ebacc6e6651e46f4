//! Records what the program is built from, for `dnsweep --version`. A debug build has no record, so
//! that a new commit does not compile everything anew.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    for input in ["build.rs", "src", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let is_debug = env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let (short, long) = if is_debug { (String::new(), "a debug build".to_owned()) } else { built_from() };
    println!("cargo::rustc-env=DNSWEEP_COMMIT={short}");
    println!("cargo::rustc-env=DNSWEEP_BUILD={long}");
}

/// Returns the commit, as a short text and with the compiler, the target and the profile.
fn built_from() -> (String, String) {
    let commit = commit();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiler = output(Command::new(rustc).arg("--version")).unwrap_or_default();
    let target = env::var("TARGET").unwrap_or_default();
    // Cargo keeps what a profile builds in a folder that has the profile's name.
    let folder = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let profile = folder.ancestors().nth(3).and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let source =
        commit.as_deref().map_or_else(|| "an unknown commit".to_owned(), |it| format!("commit {it}"));
    let short = commit.map(|commit| commit.chars().take(9).collect());
    (short.unwrap_or_default(), format!("{source}, {compiler}, {target}, profile {profile}"))
}

/// Returns the commit of the repository that this package lies in, with ` and later changes` if its
/// files were changed since. Returns `None` if the package lies in no repository of its own.
fn commit() -> Option<String> {
    let git = |words: &[&str]| output(Command::new("git").args(words));
    // A package that was unpacked inside another repository is not of that repository's commit.
    let root = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&root).canonicalize().ok()?
        != Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).canonicalize().ok()?
    {
        return None;
    }
    for name in ["HEAD", &git(&["rev-parse", "--symbolic-full-name", "HEAD"])?] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit} and later changes") })
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
