//! Checks of any bytes as a container (an archive, a packed file or a disk image), and of whatever
//! is in it, by the same functions that a sweep uses. All files that discovery finds in it can be
//! read to their end, or have a reason why not.

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use dnsweep::internals::evidence::container::{self, ArchiveFormat, Content, Member};
use dnsweep::internals::evidence::discover::{
    Containers, Discovery, LogNames, NonLogFiles, Search, ShadowCopies, Unpacking, discover,
};
use dnsweep::internals::evidence::layer::{SharedSource, read_exact, read_up_to};
use dnsweep::internals::evidence::source::LogBytes;
use dnsweep::internals::evidence::spool::{Spool, SpoolPlace};
use dnsweep::internals::ledger::container::{ContainerStatus, SHADOW_COPY};

/// The most bytes of an input that are used. More bytes would show nothing more, and unpack to
/// more.
const MOST_BYTES: usize = 48 << 10;
/// The most disk space in bytes that unpacked copies may take.
const SPOOL: u64 = 4 << 20;
/// The most bytes of a file that are read at a time.
const PIECE: usize = 70_000;
/// The most files of a container that are read.
const MOST_FILES: usize = 200;

/// Looks for logs in the input as in a file of the evidence, twice, and reads what is found. Fails
/// unless both times give the same.
pub fn check(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("input");
    fs::write(&path, &data[..data.len().min(MOST_BYTES)]).expect("a file can be written");
    let search = search(&path, folder.path());
    let found = discover(&search, NonZeroUsize::MIN).expect("the root can be listed");
    rows_are_consistent(&found);
    let again = discover(&search, NonZeroUsize::MIN).expect("the root can be listed");
    assert_eq!(rows(&found), rows(&again), "the same evidence gives the same rows");
    for (listed, again) in found.files.iter().zip(&again.files).take(MOST_FILES) {
        let (Ok(file), Ok(again)) = (listed.open(), again.open()) else {
            assert!(listed.obstacle.is_some(), "{listed:?} cannot be opened, for no reason");
            continue;
        };
        let size = listed.size;
        for offset in [0, 5000, size / 2, size.saturating_sub(100), u64::MAX - 10] {
            let read = |bytes: &dyn LogBytes| {
                let mut buffer = vec![0; PIECE];
                let read = bytes.read_at(offset, &mut buffer).map_err(|error| error.to_string());
                read.map(|read| buffer[..read].to_vec())
            };
            let bytes = read(&file);
            assert!(bytes == read(&again), "bytes of {listed:?} from {offset} on, read twice");
            let due = size.saturating_sub(offset).min(PIECE as u64);
            assert!(bytes.is_err() || bytes.is_ok_and(|bytes| bytes.len() as u64 == due), "{listed:?}");
        }
        assert_eq!(file.flaw(), again.flaw());
    }
}

/// Returns the options of a discovery that opens every file, whatever its name. A file that is not
/// read as a log is read as bytes.
fn search(path: &Path, folder: &Path) -> Search {
    Search {
        roots: vec![path.to_owned()],
        names: LogNames::Any,
        non_log_files: NonLogFiles::Carve,
        containers: Containers::Open,
        shadow_copies: ShadowCopies::Read,
        unpacking: Unpacking {
            passwords: vec![b"secret".to_vec()],
            spool: SpoolPlace { folder: folder.to_owned(), limit: SPOOL, ..SpoolPlace::default() },
        },
        ..Search::default()
    }
}

/// Returns what discovery says of each container and of each file.
fn rows(found: &Discovery) -> (Vec<String>, Vec<String>) {
    let containers = found.containers.iter().map(|found| format!("{:?}", found.report));
    let file = |file: &dnsweep::internals::evidence::discover::LogFile| {
        let (path, origin, problems) = (file.source_path(), file.origin(), file.problems());
        format!("{path} {:?} {} {:?} {origin:?} {problems:?}", file.form, file.size, file.obstacle)
    };
    (containers.collect(), found.files.iter().map(file).collect())
}

fn rows_are_consistent(found: &Discovery) {
    let mut paths = HashSet::new();
    for file in &found.files {
        let path = file.source_path();
        assert!(paths.insert(path), "two files are called {}", file.source_path());
        for problem in file.problems() {
            let end = problem.offset.checked_add(problem.length);
            assert!(end.is_some_and(|end| end <= file.size), "{problem:?} of {} bytes", file.size);
        }
    }
    for container in found.containers.iter().map(|found| &found.report) {
        let name = format!("{}, {}", container.source_path, container.kind);
        assert!(paths.insert(name), "two containers are called {}", container.source_path);
        assert!(container.source_path.starts_with("input"), "{container:?}");
        let is_whole = matches!(container.status, ContainerStatus::Read | ContainerStatus::NotLookedAt);
        assert_eq!(is_whole, container.problems.is_empty(), "{container:?}");
        for problem in container.problems.iter().filter(|_| container.kind != SHADOW_COPY) {
            let end = problem.offset.checked_add(problem.length);
            assert!(end.is_some_and(|end| end <= container.size), "{problem:?} of {container:?}");
        }
    }
    let (logs, files) = (found.containers.iter().map(|found| found.report.logs), found.files.len());
    assert!(logs.sum::<u64>() <= files as u64, "each log is a file to read");
}

/// Lists the input as a zip archive, and reads its files.
pub fn check_zip_listing(data: &[u8]) {
    let passwords = [b"wrong".to_vec(), b"secret".to_vec()];
    listing(ArchiveFormat::Zip, data[..data.len().min(MOST_BYTES)].to_vec(), &passwords);
}

/// Lists the input as a 7z archive, and reads its files. The two checksums at its start are made
/// right, because a fuzzer would hardly ever guess them. There is no password, because making a key
/// of it takes too long.
pub fn check_sevenzip_listing(data: &[u8]) {
    let mut archive = data[..data.len().min(MOST_BYTES)].to_vec();
    archive.resize(archive.len().max(32), 0);
    archive[..8].copy_from_slice(b"7z\xbc\xaf\x27\x1c\0\x04");
    let field = |at: usize| u64::from_le_bytes(archive[at..at + 8].try_into().expect("eight bytes"));
    let start = usize::try_from(field(12)).unwrap_or(usize::MAX).saturating_add(32).min(archive.len());
    let end = start.saturating_add(usize::try_from(field(20)).unwrap_or(usize::MAX)).min(archive.len());
    let header = crc32(&archive[start..end]);
    archive[28..32].copy_from_slice(&header);
    let pointer = crc32(&archive[12..32]);
    archive[8..12].copy_from_slice(&pointer);
    listing(ArchiveFormat::SevenZip, archive, &[]);
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum().to_le_bytes()
}

/// Lists an archive of this format, and reads its files.
fn listing(format: ArchiveFormat, archive: Vec<u8>, passwords: &[Vec<u8>]) {
    let archive: SharedSource = Arc::new(archive);
    let spool = Arc::new(Spool::new(SpoolPlace { limit: SPOOL, ..SpoolPlace::default() }));
    let (mut files, mut ranges, mut sources) = (0, Vec::new(), Vec::new());
    let listed = container::list(format, &archive, &passwords.to_vec(), &mut |member| {
        files += 1;
        if files > MOST_FILES as u64 {
            return;
        }
        // Every third file is read only after all were listed.
        if files % 3 == 0 {
            let size = member.size;
            sources.extend((member.content)().ok().map(|content| content.source(&archive, &spool, size)));
        } else {
            ranges.extend(member_range(member, &archive, &spool));
        }
    });
    for source in sources {
        if let Ok(start) = read_up_to(&*source, 0, PIECE) {
            assert_eq!(start.len() as u64, source.size().min(PIECE as u64), "all of it is there");
        }
    }
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "files that overlap: {ranges:?}");
    match listed {
        Ok(members) => {
            assert_eq!(members.files, files, "each file is listed");
            for problem in members.problems {
                assert!(problem.offset + problem.length <= archive.size(), "{problem:?}");
                assert!(problem.what.len() < 4096, "{problem:?}");
            }
        }
        Err(error) => assert!(error.to_string().len() < 4096, "{error}"),
    }
}

/// Reads a file of an archive. Returns the range of the archive's bytes in which the file is
/// stored; `None` if it is packed or cannot be read.
fn member_range(member: Member<'_>, archive: &SharedSource, spool: &Arc<Spool>) -> Option<(u64, u64)> {
    let size = member.size;
    let content = match (member.content)() {
        Ok(content) => content,
        Err(reason) => {
            assert!(!reason.is_empty() && reason.len() < 4096, "{reason}");
            return None;
        }
    };
    let range = match &content {
        Content::Range { start, size: stored } => {
            assert!(*stored == size && start + size <= archive.size(), "{start}, {size}");
            Some((*start, start + size))
        }
        Content::Packed(_) | Content::Part(_) => None,
    };
    let head = content.head(archive, spool, 100);
    let source = content.source(archive, spool, size);
    assert_eq!(source.size(), size);
    let Ok(start) = read_up_to(&*source, 0, PIECE) else { return range };
    assert_eq!(start.len() as u64, size.min(PIECE as u64), "all of it is there");
    match head {
        // The packed bytes can give more bytes than the archive states.
        Ok(head) => assert!(start.starts_with(&head) || head.starts_with(&start), "the head is the start"),
        Err(reason) => assert!(size == 0 || source.flaw().is_some(), "{reason}, and nothing is wrong"),
    }
    if let Some(last) = size.checked_sub(1) {
        let is_read = read_exact(&*source, last, 1).is_ok();
        assert!(is_read || source.flaw().is_some(), "a byte is missing, and nothing is wrong");
    }
    range.filter(|(start, end)| start < end)
}
