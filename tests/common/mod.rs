//! What the tests share: running the program, folders of evidence, reading what a sweep wrote.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test takes what it needs of this, and fails loudly"
)]

pub mod logs;
pub mod mutation;
pub mod tables;
pub mod truth;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than any sweep of a test takes, on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program.
pub fn dnsweep() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dnsweep"))
}

/// A folder of this repository.
pub fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; of one that a signal ended, the signal's number, negated.
    pub status: i32,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
}

/// Runs a command to its end; it fails the test if it does not end by itself.
pub fn run(command: &mut Command) -> Ended {
    run_with_input(command, b"")
}

/// The same, with bytes on standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = start(command);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Whoever does not read its input closes it early, which is none of the test's business.
    let writer = thread::spawn(move || stdin.write_all(&input));
    let ended = wait(child);
    let _ = writer.join().unwrap();
    ended
}

/// Starts a command with pipes for all three streams.
pub fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    loop {
        match command.spawn() {
            // A program that was just copied is busy for as long as a process that another test
            // forked then has not become its own.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(5));
            }
            child => return child.unwrap(),
        }
    }
}

/// Waits until a process has written a line to standard error. A sweep's first line says that it
/// found its files.
pub fn wait_for_line(child: &mut Child) {
    let stderr = child.stderr.as_mut().unwrap();
    let mut byte = [0];
    while byte != *b"\n" {
        stderr.read_exact(&mut byte).unwrap();
    }
}

/// Sends a signal to a process.
pub fn send(signal: &str, child: &Child) {
    let line = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
}

/// Waits for the end of a process whose output goes through pipes.
pub fn wait(mut child: Child) -> Ended {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = (thread::spawn(|| text(stdout)), thread::spawn(|| text(stderr)));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("still running after {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ended {
        status: status.code().unwrap_or_else(|| -status.signal().unwrap()),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).unwrap();
    }
    String::from_utf8(bytes).unwrap()
}

/// A folder of a test's own, with a folder `evidence` in it. Removed at the end.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("dnsweep-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("evidence")).unwrap();
        Scene { folder }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of evidence.
    pub fn evidence(&self) -> PathBuf {
        self.path("evidence")
    }

    /// Where [`Scene::sweep`] writes to.
    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Writes a file of evidence, and the folders that it lies in.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.evidence().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Sweeps the folder of evidence.
    pub fn sweep(&self, options: &[&str]) -> Swept {
        sweep(&[&self.evidence()], &self.out(), options)
    }

    /// Everything in the folder: paths with kind, size and content of each.
    pub fn listing(&self) -> Vec<String> {
        listing(self.folder.path())
    }
}

/// Everything below a folder, each entry with its kind and what it holds, in order.
pub fn listing(folder: &Path) -> Vec<String> {
    let mut entries = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            entries.push(format!("{} {:?} {content:?}", path.display(), metadata.file_type()));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    entries.sort();
    entries
}

/// Sweeps `roots` and writes to `out`.
pub fn sweep(roots: &[&Path], out: &Path, options: &[&str]) -> Swept {
    let mut command = dnsweep();
    command.arg("sweep").args(roots).arg("--out").arg(out).args(options);
    Swept { ended: run(&mut command), out: out.to_path_buf() }
}

/// A sweep that has ended, and where its tables are.
#[derive(Debug)]
pub struct Swept {
    pub ended: Ended,
    pub out: PathBuf,
}

impl Swept {
    /// Fails the test unless the sweep ended with this exit status.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.ended.status, status, "{}", self.ended.stderr);
        self
    }

    /// The rows of a table, in their order.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        tables::read(&self.out.join(format!("{table}.parquet"))).rows
    }

    /// The one row of the ledger with this `source_path`.
    #[track_caller]
    pub fn file(&self, source_path: &str) -> Value {
        one(self.rows("files"), "source_path", &source_path.into())
    }

    /// The one row of this host.
    #[track_caller]
    pub fn host(&self, computer: &str) -> Value {
        one(self.rows("hosts"), "computer", &computer.into())
    }

    /// `run.json`.
    pub fn run(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out.join("run.json")).unwrap()).unwrap()
    }

    /// All values of a column.
    pub fn column(&self, table: &str, column: &str) -> Vec<Value> {
        self.rows(table).into_iter().map(|row| row[column].clone()).collect()
    }

    /// The tables that are the same whatever the number of threads, by name.
    pub fn tables(&self) -> Vec<(String, Vec<u8>)> {
        let mut names: Vec<String> = fs::read_dir(self.out.join("stats"))
            .unwrap()
            .map(|entry| format!("stats/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        names.sort();
        names.extend(["matches.parquet", "hosts.parquet", "files.parquet"].map(str::to_owned));
        names.into_iter().map(|name| (name.clone(), fs::read(self.out.join(name)).unwrap())).collect()
    }
}

#[track_caller]
fn one(rows: Vec<Value>, column: &str, value: &Value) -> Value {
    let mut found: Vec<Value> = rows.into_iter().filter(|row| row[column] == *value).collect();
    assert_eq!(found.len(), 1, "rows with {column} = {value}");
    found.remove(0)
}

/// The access time that [`forget_reads`] sets: long ago, so that the next read changes it even
/// where the system notes only the first read after a change.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

/// Sets a file's access time so that [`was_read`] can tell whether it is read from now on.
pub fn forget_reads(path: &Path) {
    let times = fs::FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH + LONG_AGO);
    File::options().append(true).open(path).unwrap().set_times(times).unwrap();
}

/// Whether a file was read since [`forget_reads`]; never, where the system keeps no access times.
pub fn was_read(path: &Path) -> bool {
    fs::metadata(path).unwrap().accessed().unwrap() != SystemTime::UNIX_EPOCH + LONG_AGO
}

/// Whether this process may do what file permissions forbid.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A file's SHA-256 by a tool that shares nothing with the program: coreutils' or, where that is
/// missing, Perl's.
pub fn sha256_by_another_tool(path: &Path) -> String {
    let tools: [(&str, &[&str]); 2] =
        [("sha256sum", &["--binary"]), ("shasum", &["--algorithm", "256", "--binary"])];
    // A name with a backslash would make the tool escape its line; what it reads from a pipe has no
    // name.
    let output = tools
        .iter()
        .find_map(|(tool, options)| {
            Command::new(tool).args(*options).stdin(File::open(path).unwrap()).output().ok()
        })
        .expect("neither sha256sum nor shasum");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

/// Copies a folder with all in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
