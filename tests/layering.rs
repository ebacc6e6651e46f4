//! The architecture, as the imports show it: modules import only those before them, stages do not
//! know each other, and each third-party crate is used in one module of the library only.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, in an order in which each may import only those before it.
const ORDER: [&str; 15] = [
    "guide", "base", "event", "table", "ledger", "evidence", "detect", "scan", "config", "report", "output",
    "error", "sweep", "verify", "cli",
];
/// The modules through which evidence passes on its way to the output, which do not import each
/// other. Only the module `sweep` knows all of them.
const STAGES: [&str; 5] = ["evidence", "scan", "detect", "report", "output"];
/// The submodules of a stage that other stages may import: how the bytes of a log are read, and how
/// text with events is recognised.
const HANDED_ON: [&str; 3] = ["evidence::source", "evidence::event_xml", "evidence::event_form"];
/// Third-party crates that any module may import.
const EVERYWHERE: [&str; 5] = ["schemars", "serde", "serde_json", "tempfile", "thiserror"];

/// Returns all sources of the library, each with the module that it belongs to, its path, and its
/// text without comments and unit tests.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_test = path.iter().any(|part| part.to_string_lossy().contains("tests"));
            if is_test || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let within = path.strip_prefix(&root).unwrap().with_extension("");
            let module = within.iter().next().unwrap().to_string_lossy().into_owned();
            if module != "lib" && module != "main" {
                let text = code(&fs::read_to_string(&path).unwrap());
                sources.push((module, within, text));
            }
        }
    }
    sources
}

/// Returns a source without comments, and without what is compiled for tests only, which is the end
/// of a file.
fn code(text: &str) -> String {
    let own = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines: Vec<&str> = own.lines().map(|line| line.split("//").next().unwrap()).collect();
    lines.join("\n") + "\n"
}

/// Returns the paths that follow `prefix` in a text: names joined by `::`.
fn paths<'t>(text: &'t str, prefix: &str) -> Vec<&'t str> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let starts = text.match_indices(prefix).filter(|(place, _)| {
        !text[..*place].ends_with(|before: char| is_name(before) || before == ':')
            || text[..*place].ends_with(" ::")
    });
    starts
        .map(|(place, _)| {
            let path = &text[place + prefix.len()..];
            path.split(|letter: char| !is_name(letter) && letter != ':').next().unwrap().trim_end_matches(':')
        })
        .collect()
}

/// Returns each import of one module by another: the importing module, the imported path, and the
/// file.
fn imports() -> Vec<(String, String, PathBuf)> {
    let mut imports = Vec::new();
    for (module, file, text) in sources() {
        for path in paths(&text, "crate::") {
            if path.split("::").next() != Some(module.as_str()) {
                imports.push((module.clone(), path.to_owned(), file.clone()));
            }
        }
    }
    imports
}

#[test]
fn modules_build_on_those_before_them() {
    let place = |module: &str| {
        ORDER.iter().position(|known| *known == module).unwrap_or_else(|| panic!("{module} has no place"))
    };
    let imports = imports();
    assert!(imports.len() > 300, "{}", imports.len());
    for (module, path, file) in imports {
        let other = path.split("::").next().unwrap();
        assert!(place(other) < place(&module), "{module} imports {path} in {}", file.display());
    }
}

#[test]
fn stages_do_not_know_each_other() {
    let stages: BTreeSet<&str> = STAGES.into();
    for (module, path, file) in imports() {
        let other = path.split("::").next().unwrap();
        if stages.contains(module.as_str()) && stages.contains(other) {
            let is_handed_on = HANDED_ON.iter().any(|known| path.starts_with(known));
            assert!(is_handed_on, "{module} imports {path} in {}", file.display());
        }
    }
}

#[test]
fn each_crate_has_one_home() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let own = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let crates = own.lines().filter_map(|line| Some(line.split_once(" = ")?.0.trim().replace('-', "_")));
    let crates: Vec<String> = crates.filter(|name| !EVERYWHERE.contains(&name.as_str())).collect();
    assert!(crates.len() > 10, "{crates:?}");
    let mut homes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (module, _, text) in sources() {
        for name in &crates {
            if !paths(&text, &format!("{name}::")).is_empty() {
                homes.entry(name).or_default().insert(module.clone());
            }
        }
    }
    for (name, homes) in homes {
        assert_eq!(homes.len(), 1, "{name} is used by {homes:?}");
    }
}

#[test]
fn what_only_unix_has_lies_in_one_folder() {
    let mut found = 0;
    for (_, file, text) in sources() {
        let is_home = file.starts_with("base/platform");
        for only_unix in ["os::unix", "os::fd", "rustix::", "signal_hook::"] {
            assert!(is_home || !text.contains(only_unix), "{only_unix} in {}", file.display());
            found += usize::from(text.contains(only_unix));
        }
    }
    assert!(found >= 4, "{found}");
}

#[test]
fn imports_are_seen_in_each_form() {
    let text = code(
        "use crate::a::B; // crate::no\nfn f() { crate::c::d(); xcrate::e(); x::crate::f }\n#[cfg(test)]\nmod tests { use crate::g; }\n",
    );
    assert_eq!(paths(&text, "crate::"), ["a::B", "c::d"]);
}
