//! What the tests share: running the program, folders of evidence, reading a sweep's output.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test takes what it needs of this, and fails loudly"
)]

pub mod containers;
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

/// The time after which a test fails because a process has not ended. No sweep of a test takes as
/// long, even on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns a command that runs the program.
pub fn dnsweep() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dnsweep"))
}

/// Returns the path of a folder of this repository.
pub fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// A process that has ended.
#[derive(Debug)]
pub struct FinishedProcess {
    /// The exit status; if a signal ended the process, the negated number of the signal.
    pub status: i32,
    /// Everything that the process wrote to standard output.
    pub stdout: String,
    /// Everything that the process wrote to standard error.
    pub stderr: String,
}

/// Runs a command to its end. Fails the test if it does not end in time.
pub fn run(command: &mut Command) -> FinishedProcess {
    run_with_input(command, b"")
}

/// Runs a command with these bytes on standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> FinishedProcess {
    let mut child = start(command);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A process that does not read its input closes it early, which is no failure.
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
            // A program that was just copied is busy until a process that another test forked
            // meanwhile has replaced itself.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(5));
            }
            child => return child.unwrap(),
        }
    }
}

/// Waits until a process has written a line to standard error. The first line of a sweep says that
/// it found its files.
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
pub fn wait(mut child: Child) -> FinishedProcess {
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
    FinishedProcess {
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

/// The folder of one test, with a folder `evidence` in it for the test's evidence. It is removed at
/// the end of the test.
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

    /// Returns the path of `name` in the test's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the path of the test's folder of evidence.
    pub fn evidence(&self) -> PathBuf {
        self.path("evidence")
    }

    /// Returns the path of the output directory of [`Scene::sweep`].
    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Writes a file into the test's folder of evidence, and makes the folders that the file lies
    /// in. Returns its path.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.evidence().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Sweeps the test's folder of evidence with these options.
    pub fn sweep(&self, options: &[&str]) -> FinishedSweep {
        sweep(&[&self.evidence()], &self.out(), options)
    }

    /// Returns all entries in the test's folder: path, kind, size and content of each.
    pub fn listing(&self) -> Vec<String> {
        listing(self.folder.path())
    }
}

/// Returns all entries below a folder, each with its kind and content, sorted.
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

/// Sweeps the evidence in `roots` into the output directory `out`.
pub fn sweep(roots: &[&Path], out: &Path, options: &[&str]) -> FinishedSweep {
    let mut command = dnsweep();
    command.arg("sweep").args(roots).arg("--out").arg(out).args(options);
    FinishedSweep { process: run(&mut command), out: out.to_path_buf() }
}

/// A sweep that has ended, and the path of its output.
#[derive(Debug)]
pub struct FinishedSweep {
    pub process: FinishedProcess,
    pub out: PathBuf,
}

impl FinishedSweep {
    /// Fails the test unless the sweep ended with this exit status.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.process.status, status, "{}", self.process.stderr);
        self
    }

    /// Returns what `dnsweep report` prints of the output.
    pub fn summary(&self, options: &[&str]) -> String {
        let ended = run(dnsweep().arg("report").arg(&self.out).args(options));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        ended.stdout
    }

    /// Returns the rows of a table of the output, in file order.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        tables::read(&self.out.join(format!("{table}.parquet"))).rows
    }

    /// Returns the row of the ledger with this `source_path`. Fails the test if there is not
    /// exactly one.
    #[track_caller]
    pub fn file(&self, source_path: &str) -> Value {
        one(self.rows("files"), "source_path", &source_path.into())
    }

    /// Returns the row of this host in the table of hosts. Fails the test if there is not exactly
    /// one.
    #[track_caller]
    pub fn host(&self, computer: &str) -> Value {
        one(self.rows("hosts"), "computer", &computer.into())
    }

    /// Returns the output's `run.json`, parsed.
    pub fn run(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out.join("run.json")).unwrap()).unwrap()
    }

    /// Returns all values of a column of one of the output's tables.
    pub fn column(&self, table: &str, column: &str) -> Vec<Value> {
        self.rows(table).into_iter().map(|row| row[column].clone()).collect()
    }

    /// Returns the names and bytes of those tables that must be the same whatever the number of
    /// threads.
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

/// The access time that [`forget_reads`] sets, since 1970. It is long ago, so that the next read
/// changes it even if the system records only the first read after a change.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

/// Sets a file's access time, so that [`was_read`] can find out whether the file is read
/// afterwards.
pub fn forget_reads(path: &Path) {
    let times = fs::FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH + LONG_AGO);
    File::options().append(true).open(path).unwrap().set_times(times).unwrap();
}

/// Returns true if a file was read since [`forget_reads`]; always false if the system keeps no
/// access times.
pub fn was_read(path: &Path) -> bool {
    fs::metadata(path).unwrap().accessed().unwrap() != SystemTime::UNIX_EPOCH + LONG_AGO
}

/// Returns true if file permissions do not bind this process, because it runs as the superuser.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Returns a file's SHA-256, computed by a tool that shares no code with the program: that of
/// coreutils or, if it is missing, Perl's.
pub fn sha256_by_another_tool(path: &Path) -> String {
    let tools: [(&str, &[&str]); 2] =
        [("sha256sum", &["--binary"]), ("shasum", &["--algorithm", "256", "--binary"])];
    // A name with a backslash would make the tool escape its line. What the tool reads from a pipe
    // has no name.
    let output = tools
        .iter()
        .find_map(|(tool, options)| {
            Command::new(tool).args(*options).stdin(File::open(path).unwrap()).output().ok()
        })
        .expect("neither sha256sum nor shasum");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

/// Copies a folder with all its contents.
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
