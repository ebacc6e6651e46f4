//! Runs the checks of the fuzz targets on the committed seeds, and on inputs that fuzzing found, in
//! every run of the tests. See `tests/fuzz/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

#[allow(dead_code, reason = "what an input may cost is measured by the fuzzer alone")]
#[path = "fuzz/src/checks/mod.rs"]
mod checks;
#[path = "fuzz/src/seeds.rs"]
mod seeds;

use std::fs;
use std::path::{Path, PathBuf};

use checks::{TARGETS, Target};

/// The environment variable that makes the test write the committed seeds anew, and all seeds into
/// `tests/fuzz/corpus`.
const UPDATE: &str = "UPDATE_FUZZ_SEEDS";

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(path)
}

/// Returns the files of a folder, sorted; none if the folder does not exist.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Returns the names of those inputs for which the check of a fuzz target fails.
fn failing<'a>(target: &Target, inputs: impl Iterator<Item = (String, &'a [u8])>) -> Vec<String> {
    let fails = |input: &[u8]| std::panic::catch_unwind(|| (target.check)(input)).is_err();
    inputs.filter(|(_, input)| fails(input)).map(|(name, _)| format!("{}: {name}", target.name)).collect()
}

#[test]
fn seeds_are_what_the_encoder_writes() {
    let update = std::env::var_os(UPDATE).is_some();
    for seed in seeds::seeds() {
        if update {
            for target in TARGETS.iter().filter(|target| target.seeds == seed.folder) {
                let corpus = folder("corpus").join(target.name);
                fs::create_dir_all(&corpus).unwrap();
                fs::write(corpus.join(&seed.name), &seed.bytes).unwrap();
            }
        }
        if seed.bytes.len() > seeds::SMALL {
            continue;
        }
        let committed = folder("seeds").join(seed.folder);
        if update {
            fs::create_dir_all(&committed).unwrap();
            fs::write(committed.join(&seed.name), &seed.bytes).unwrap();
        }
        let written = fs::read(committed.join(&seed.name)).unwrap_or_default();
        assert!(written == seed.bytes, "{}/{}: set {UPDATE}=1 to write it", seed.folder, seed.name);
    }
}

#[test]
fn checks_pass_for_the_seeds() {
    let seeds = seeds::seeds();
    for target in &TARGETS {
        let own = || seeds.iter().filter(|seed| seed.folder == target.seeds);
        assert!(own().count() > 0, "{}: no seeds", target.name);
        let failing = failing(target, own().map(|seed| (seed.name.clone(), seed.bytes.as_slice())));
        assert!(failing.is_empty(), "{failing:#?}");
    }
}

#[test]
fn checks_pass_for_the_finds() {
    for target in &TARGETS {
        let finds: Vec<(String, Vec<u8>)> = files(&folder("finds").join(target.name))
            .into_iter()
            .map(|file| (file.display().to_string(), fs::read(&file).unwrap()))
            .collect();
        let inputs = finds.iter().map(|(name, find)| (name.clone(), find.as_slice()));
        let failing = failing(target, inputs);
        assert!(failing.is_empty(), "{failing:#?}");
    }
}
