//! Writes the sample evidence: `cargo run -p dnsweep-samples -- samples`.
//!
//! It replaces `evidence` and `damaged` in the folder given, and the three files that describe their
//! contents. It changes nothing else in that folder.
//!
//! `cargo run --release -p dnsweep-samples -- corpus KIND MIB KIB_PER_FILE FOLDER` writes logs for
//! benches instead, of kind `quiet`, `chatty` or `dense`.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use dnsweep_samples::corpus::{self, Corpus};
use dnsweep_samples::truth::{self, SampleFile};
use dnsweep_samples::{Error, story};

const USAGE: &str = "\
expected one argument, the folder to write to: cargo run -p dnsweep-samples -- samples
or five, to write logs for benches: corpus quiet|chatty|dense MIB KIB_PER_FILE FOLDER";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["corpus", kind, mebibytes, per_file, folder] => write_corpus(kind, mebibytes, per_file, folder),
        [folder] => replace_samples(Path::new(folder)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(message) => {
            say(io::stdout(), &message);
            ExitCode::SUCCESS
        }
        Err(message) => {
            say(io::stderr(), &format!("dnsweep-samples: {message}"));
            ExitCode::from(2)
        }
    }
}

fn write_corpus(kind: &str, mebibytes: &str, per_file: &str, folder: &str) -> Result<String, String> {
    let corpus = match kind {
        "quiet" => Corpus::Quiet,
        "chatty" => Corpus::Chatty,
        "dense" => Corpus::Dense,
        _ => return Err(USAGE.to_owned()),
    };
    let bytes = |text: &str, unit: u32| {
        text.parse::<u64>().map(|number| number << unit).map_err(|_| USAGE.to_owned())
    };
    let written = corpus::write(Path::new(folder), corpus, bytes(mebibytes, 20)?, bytes(per_file, 10)?);
    written.map(|written| format!("{written:?}")).map_err(|error| error.to_string())
}

fn replace_samples(folder: &Path) -> Result<String, String> {
    if !folder.join("Cargo.toml").is_file() {
        let shown = folder.display();
        return Err(format!(
            "{shown} is not the crate's folder `samples`: it has no Cargo.toml; nothing was written"
        ));
    }
    let files = write_samples(folder).map_err(|error| error.to_string())?;
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    Ok(format!("wrote {} files, {bytes} bytes", files.len()))
}

fn write_samples(folder: &Path) -> Result<Vec<SampleFile>, Error> {
    let mut files = story::evidence()?;
    files.extend(story::damaged()?);
    for replaced in ["evidence", "damaged"] {
        match fs::remove_dir_all(folder.join(replaced)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    for file in &files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &file.bytes)?;
    }
    fs::write(folder.join("truth.jsonl"), truth::events_jsonl(&files))?;
    fs::write(folder.join("truth_processes.jsonl"), truth::processes_jsonl(&files))?;
    fs::write(folder.join("truth_files.jsonl"), truth::files_jsonl(&files))?;
    Ok(files)
}

/// Writes a message. An error is ignored, because there is nowhere to report it.
fn say(mut stream: impl io::Write, message: &str) {
    let _ = writeln!(stream, "{message}");
}
