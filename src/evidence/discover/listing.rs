//! Lists the files in the roots (the folders and files of evidence that the user names) with
//! several threads. The result has the order in which a single thread would find the files.
//!
//! If evidence has many hosts with small logs, listing folders takes most of the time of a sweep.
//! The top levels of each root are listed first, until there are enough folders to distribute; then
//! each thread walks one folder at a time. The slow way, which must give the same list, is one walk
//! through a whole root or folder. It is used in three cases: on one thread; if links are followed,
//! because only a walk from the root detects cycles; and for a folder whose entries cannot all be
//! read.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::content::head_of_file;
use super::explorer::{Access, Contents, NOT_READ, NOT_SUPPORTED, container_path, explore, no_signature};
use super::form::{Candidate, FileForm, Handling, is_named_like_event_log};
use super::listed::{ListedItem, Listing};
use super::log_file::relative_path;
use super::outer_file::OuterFiles;
use super::passed_over::pass_over;
use super::segments::first_names;
use super::sparse_file::sparse_file;
use super::{Containers, Links, Search};
use crate::base::in_order::in_order;
use crate::base::path_text::path_text;
use crate::base::platform::name_bytes;
use crate::evidence::EvidenceError;
use crate::evidence::source::ListedFile;
use crate::ledger::container::{ContainerReport, ContainerStatus};
use crate::ledger::tally::SkippedCounts;

/// The number of folders, in all roots together, that are enough to distribute to threads. Once a
/// root has its share of them, no further folder of the root is split into its subfolders.
const ENOUGH_TREES: usize = 64;
/// The maximum number of levels of folders under a root that are split into subfolders, so that
/// threads can walk them.
const MOST_LEVELS: usize = 4;
/// The weight of a folder, as a unit of work for the threads, if the root has enough folders to
/// distribute (see [`ENOUGH_TREES`]). With this weight, a thread gets eight folders at once. All
/// folders weigh the same, because the amount of work in a folder is not known before it is walked.
const ONE_OF_MANY: u64 = 1 << 16;
/// The weight of a folder, as a unit of work for the threads, if the root has too few folders to
/// distribute (see [`ENOUGH_TREES`]). With this weight, a thread gets one folder at a time.
const ONE_OF_FEW: u64 = 1 << 19;

/// A part of a root (a folder or file of evidence that the user names) that one thread walks: a
/// folder with everything in it, or a root that is a file.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The position, in the list of all roots, of the root that this folder or file lies in.
    /// Counted from 0.
    pub root: usize,
    /// The absolute path of the folder that one thread walks, or of the root if the root is a file.
    pub path: PathBuf,
    /// The depth of the tree's folder under its root. It is 0 if the tree is the whole root.
    pub depth: usize,
    /// The depth under the root of the folders that are a piece of evidence (usually a machine)
    /// each.
    pub depth_of_pieces: usize,
}

/// Lists the files in the roots with `threads` threads. Calls `consume` with what was found in each
/// part of a root: in a folder with everything in it, or in one or more adjacent entries of a
/// folder. The parts come in the order in which a single thread would find the files. Fails if
/// `consume` fails, or if threads cannot be started.
pub(super) fn list(
    roots: Vec<Tree>,
    (search, access): (&Search, &Access),
    threads: NonZeroUsize,
    mut consume: impl FnMut(Listing) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let lister = Lister { search, access, roots: roots.iter().map(|root| root.path.clone()).collect() };
    if threads.get() == 1 || search.links == Links::Follow {
        return roots.iter().flat_map(|root| lister.entries(root)).try_for_each(consume);
    }
    let enough = (ENOUGH_TREES / roots.len().max(1)).max(1);
    let parts = roots.into_iter().flat_map(|root| lister.parts(root, enough));
    let work = |(part, _)| match part {
        RootPart::Tree(tree) => lister.whole(&tree),
        RootPart::Listed(listing) => listing,
    };
    in_order(threads, parts, |(_, weight)| *weight, work, &mut consume)
}

/// Lists files and containers again. Each of `places` is the position of a root in `roots`, and the
/// path of the file from this root. For each place, in their order, calls `consume` with what was
/// found there, or with `None` if the place is `None`. `roots` are the absolute paths of the roots.
pub(super) fn list_again<'p>(
    roots: Vec<PathBuf>,
    places: impl Iterator<Item = Option<(usize, &'p Path)>>,
    (search, access): (&Search, &Access),
    threads: NonZeroUsize,
    consume: impl FnMut(Option<Listing>) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let lister = Lister { search, access, roots };
    let list = |place: Option<(usize, &Path)>| {
        let (root, relative) = place?;
        let path = lister.roots.get(root)?;
        let path = if relative.as_os_str().is_empty() { path.clone() } else { path.join(relative) };
        let tree = Tree { root, path, depth: relative.iter().count(), depth_of_pieces: usize::MAX };
        Some(lister.whole(&tree))
    };
    in_order(threads, places, |_| ONE_OF_MANY, list, consume)
}

/// A part of a root (a folder or file of evidence that the user names), as a unit of work for a
/// thread.
#[derive(Debug)]
enum RootPart {
    /// A part of a root that is already listed, so that no thread has to walk it. Contains what was
    /// found.
    Listed(Listing),
    /// A folder of a root that a thread still has to walk.
    Tree(Tree),
}

impl Tree {
    /// Makes a new listing, still without files, for the root that contains this tree (a folder
    /// with everything in it).
    fn listing(&self) -> Listing {
        Listing { root: self.root, found: Vec::new(), passed_over: SkippedCounts::default() }
    }
}

struct Lister<'a> {
    search: &'a Search,
    access: &'a Access,
    roots: Vec<PathBuf>,
}

impl Lister<'_> {
    /// Returns the files and containers in a tree (a folder with everything in it), as one listing
    /// for each file and folder.
    fn entries<'t>(&'t self, tree: &'t Tree) -> impl Iterator<Item = Listing> + 't {
        let walk =
            WalkDir::new(&tree.path).follow_links(self.search.links == Links::Follow).sort_by_file_name();
        walk.into_iter().map(|entry| {
            let mut listing = tree.listing();
            self.add(entry, tree, &mut listing);
            listing
        })
    }

    /// Returns the files and containers in a tree (a folder with everything in it) as a single
    /// listing.
    fn whole(&self, tree: &Tree) -> Listing {
        self.entries(tree).fold(tree.listing(), |mut whole, entry| {
            whole.found.extend(entry.found);
            whole.passed_over.merge(entry.passed_over);
            whole
        })
    }

    /// Returns the parts of a root in the order in which a single thread would walk them, each with
    /// its weight as a unit of work. The parts are the top levels of the root, which are listed
    /// already, and the folders below them, which are not listed yet. Once there are `enough`
    /// folders, no folder is split further.
    fn parts(&self, root: Tree, enough: usize) -> impl Iterator<Item = (RootPart, u64)> + use<> {
        let (mut parts, mut trees) = (vec![RootPart::Tree(root)], 1);
        for _ in 0..MOST_LEVELS {
            let mut parted = Vec::new();
            for part in parts {
                match part {
                    RootPart::Tree(tree) if trees < enough => {
                        let before = parted.len();
                        self.top(tree, &mut parted);
                        let added =
                            parted.iter().skip(before).filter(|part| matches!(part, RootPart::Tree(_)));
                        trees = trees - 1 + added.count();
                    }
                    part => parted.push(part),
                }
            }
            parts = parted;
        }
        let weight = if trees < enough { ONE_OF_FEW } else { ONE_OF_MANY };
        parts.into_iter().map(move |part| match part {
            RootPart::Tree(_) => (part, weight),
            RootPart::Listed(_) => (part, 0),
        })
    }

    /// Splits the folder `tree` into parts: adds the files directly in the folder, as listings, and
    /// its subfolders, as trees, to `parts`. If not all entries of the folder can be read, the
    /// folder is added unsplit, and is walked as a whole later.
    fn top(&self, tree: Tree, parts: &mut Vec<RootPart>) {
        let Ok(entries) = sorted_entries(&tree.path) else {
            parts.push(RootPart::Tree(tree));
            return;
        };
        let mut listing = tree.listing();
        if tree.depth == 0 {
            listing.add_folder(&tree, &tree.path, 0);
        }
        let depth = tree.depth + 1;
        for (entry, kind) in entries {
            let path = entry.path();
            if kind.is_dir() {
                listing.add_folder(&tree, &path, depth);
                if !listing.is_empty() {
                    parts.push(RootPart::Listed(std::mem::replace(&mut listing, tree.listing())));
                }
                parts.push(RootPart::Tree(Tree { path, depth, ..tree }));
            } else {
                let known = || entry.metadata().map_err(|error| error.to_string());
                self.add_file(&path, kind, (&tree, depth), known, &mut listing);
            }
        }
        if !listing.is_empty() {
            parts.push(RootPart::Listed(listing));
        }
    }

    /// Adds an entry (a file, a folder or a link) that a walk through `tree` has found to
    /// `listing`. If the walk failed at this entry, counts it as skipped if it is a symbolic link
    /// that leads back to a folder above it, or one that leads to nothing and is not named like an
    /// event log. Otherwise adds it as a file that could not be listed, with the reason.
    fn add(&self, entry: walkdir::Result<DirEntry>, tree: &Tree, listing: &mut Listing) {
        match entry {
            Ok(entry) => {
                let (kind, depth) = (entry.file_type(), tree.depth + entry.depth());
                // A tree below its root was recorded already when it was split off.
                let is_recorded = entry.depth() == 0 && tree.depth > 0;
                if !kind.is_dir() {
                    let known = || entry.metadata().map_err(|error| reason(&error));
                    self.add_file(entry.path(), kind, (tree, depth), known, listing);
                } else if !is_recorded {
                    listing.add_folder(tree, entry.path(), depth);
                }
            }
            // This link leads back to a folder above it, so everything under it is read anyway.
            Err(error) if error.loop_ancestor().is_some() => listing.passed_over.seen_before += 1,
            Err(error) if is_dangling_link(&error) => listing.passed_over.links += 1,
            Err(error) => {
                // The folder that failed is unknown, but it lies under this root.
                let root = || self.roots.get(tree.root).unwrap_or(&tree.path);
                let path = error.path().map_or_else(|| root().clone(), Path::to_path_buf);
                listing.found.push(ListedItem::File {
                    path,
                    form: FileForm::Log,
                    known: Err(reason(&error)),
                });
            }
        }
    }

    /// Adds a file, link or device to `listing`: to the files to read, to the containers, or to the
    /// counts of what is skipped. `depth` is its depth under the root of `tree`. `known` reads the
    /// file's metadata, and is called only if the file is not skipped.
    fn add_file(
        &self,
        path: &Path,
        kind: FileType,
        (tree, depth): (&Tree, usize),
        known: impl FnOnce() -> Result<Metadata, String>,
        listing: &mut Listing,
    ) {
        if !kind.is_file() {
            listing.count_skipped(kind);
            return;
        }
        let name = name_bytes(path.file_name().unwrap_or_default());
        // A further segment of an image is read with the first one.
        if self.search.containers == Containers::Open && depth > 0 && has_first_segment(path, name) {
            return;
        }
        let root = self.roots.get(tree.root).unwrap_or(&tree.path);
        if depth > 0
            && let Some((sparse, file)) = sparse_file(self.search, self.access, root, path)
        {
            listing.found.push(ListedItem::Sparse { path: sparse, index: path.to_path_buf(), file });
            return;
        }
        let candidate = Candidate { name, is_root: depth == 0 };
        let handling = Handling::of(self.search, &candidate, || head_of_file(path, self.search.links));
        if let Handling::Skip(kind) = handling {
            pass_over(&mut listing.passed_over, kind, name, || path_text(path));
            return;
        }
        // Otherwise the file was replaced after its folder was listed.
        let known = match known() {
            Ok(metadata) if !metadata.is_file() => return listing.count_skipped(metadata.file_type()),
            known => known.map(|metadata| ListedFile::of(&metadata)),
        };
        match handling {
            Handling::Read(form) => {
                listing.found.push(ListedItem::File { path: path.to_path_buf(), form, known });
            }
            _ => self.add_container(path, handling, (tree, depth), &known, listing),
        }
    }

    /// Adds an archive or a disk image to `listing`, and the files and containers in it if
    /// `handling` says that it is opened. `depth` is its depth under the root of `tree`. `known` is
    /// the state of the file when it was listed, or the reason why it could not be listed.
    fn add_container(
        &self,
        path: &Path,
        handling: Handling,
        (tree, depth): (&Tree, usize),
        known: &Result<ListedFile, String>,
        listing: &mut Listing,
    ) {
        listing.add_folder(tree, path, depth);
        let root = self.roots.get(tree.root).unwrap_or(&tree.path);
        let source_path = relative_path(root, path.strip_prefix(root).unwrap_or(path));
        let outer = |known: &ListedFile| OuterFiles::new(path, *known, self.search.links.link());
        let failed = |kind: &str, known: &ListedFile, status, reason: String| {
            let container = container_path(&source_path);
            let mut report = ContainerReport::new(container, kind, known.state.size);
            report.fail(status, reason);
            let outer = Some(Arc::new(outer(known)));
            Contents { containers: vec![report], outer, ..Contents::default() }
        };
        let contents = match (handling, known) {
            (Handling::Open(format), Ok(known)) => {
                let name = name_bytes(path.file_name().unwrap_or_default());
                explore(self.search, self.access, outer(known), format, (source_path, name))
            }
            (Handling::Broken(kind), Ok(known)) => {
                failed(kind, known, ContainerStatus::Unreadable, no_signature(kind))
            }
            (Handling::Unsupported(kind), Ok(known)) => {
                failed(kind, known, ContainerStatus::Unsupported, NOT_SUPPORTED.to_owned())
            }
            (Handling::Unreadable(kind), Ok(known)) => {
                let error = head_of_file(path, self.search.links).err();
                let reason = error.map_or_else(|| NOT_READ.to_owned(), |error| error.to_string());
                failed(kind, known, ContainerStatus::Unreadable, reason)
            }
            (Handling::Read(_) | Handling::Skip(_), Ok(_)) => Contents::default(),
            (_, Err(reason)) => {
                let mut report = ContainerReport::new(container_path(&source_path), "unknown", 0);
                report.fail(ContainerStatus::Unreadable, reason.clone());
                Contents { containers: vec![report], ..Contents::default() }
            }
        };
        let number = known.as_ref().ok().map(|known| known.identity.number);
        listing.found.push(ListedItem::Container { path: path.to_path_buf(), number, contents });
    }
}

/// Returns true if the file at `path` is, by its name `name`, the second or a later file of a disk
/// image, such as `disk.E02`, and the first file of the image lies in the same folder. Then the
/// file is not listed, because it is read with the first file.
fn has_first_segment(path: &Path, name: &[u8]) -> bool {
    first_names(name).any(|first| path.with_file_name(first).is_file())
}

/// Returns the entries directly in a folder, each with its kind (file, folder or link), sorted by
/// name. Fails if the folder or one of its entries cannot be read.
fn sorted_entries(folder: &Path) -> io::Result<Vec<(fs::DirEntry, FileType)>> {
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        let kind = entry.file_type()?;
        Ok((entry, kind))
    });
    let mut entries: Vec<(fs::DirEntry, FileType)> = entries.collect::<io::Result<_>>()?;
    entries.sort_by_cached_key(|(entry, _)| entry.file_name());
    Ok(entries)
}

/// Returns the message of an error of a walk without the path, because the ledger (the table of
/// files) has the path in a column of its own.
fn reason(error: &walkdir::Error) -> String {
    error.io_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Returns true if an error of a walk is about a symbolic link without a target. Links that are
/// named like event logs do not count, so that they are reported as logs that cannot be read.
fn is_dangling_link(error: &walkdir::Error) -> bool {
    let missing = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing
        && error.path().is_some_and(|path| {
            path.is_symlink()
                && !path.file_name().is_some_and(|name| is_named_like_event_log(name_bytes(name)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::discover::LogNames;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    /// A proptest strategy for an entry that [`plant`] creates: its path, as a list of names, and a
    /// number that says if it is a folder, a link or a kind of file.
    fn thing() -> impl Strategy<Value = (Vec<u8>, u8)> {
        (prop::collection::vec(b'a'..b'd', 1..7), 0..6_u8)
    }

    /// Creates the entries `things` (folders, links and files) in a folder. An entry is left out if
    /// its path exists already, or leads through a file.
    fn plant(folder: &Path, things: &[(Vec<u8>, u8)]) {
        for (names, kind) in things {
            let mut path = folder.to_path_buf();
            path.extend(names.iter().map(|name| char::from(*name).to_string()));
            let parent = path.parent().unwrap();
            // Roots are resolved, so they are never links, and nothing leads out of the folder.
            let is_in_root = || fs::canonicalize(parent).unwrap() == fs::canonicalize(folder).unwrap();
            let _ = fs::create_dir_all(parent).and_then(|()| match kind {
                0 => fs::create_dir_all(&path),
                1 if !is_in_root() => symlink("..", &path),
                2 => symlink("nothing", path.with_extension("evtx")),
                3 => fs::write(path.with_extension("txt"), "<Events>"),
                4 => fs::write(&path, "ElfFile"),
                _ => fs::write(path.with_extension("evtx"), names),
            });
        }
    }

    /// Returns everything that [`list`] finds in two roots, with the numbers of skipped files. The
    /// second root is the folder `b` of the first, which need not exist.
    fn listed(
        folder: &Path,
        search: &Search,
        threads: usize,
        depth_of_pieces: usize,
    ) -> (Vec<(usize, ListedItem)>, SkippedCounts) {
        let roots = [folder.to_path_buf(), folder.join("b")].into_iter().enumerate();
        let roots = roots.map(|(root, path)| Tree { root, path, depth: 0, depth_of_pieces }).collect();
        let (mut found, mut passed_over) = (Vec::new(), SkippedCounts::default());
        let access = Access::new(search);
        list(roots, (search, &access), NonZeroUsize::new(threads).unwrap(), |listing| {
            passed_over.merge(listing.passed_over);
            found.extend(listing.found.into_iter().map(|found| (listing.root, found)));
            Ok(())
        })
        .unwrap();
        (found, passed_over)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn several_threads_list_what_one_lists(
            things in prop::collection::vec(thing(), 0..120),
            threads in 2..5_usize,
            depth in 0..4_usize,
            names in prop_oneof![Just(LogNames::EventLogs), Just(LogNames::Any)],
        ) {
            let folder = tempfile::tempdir().unwrap();
            plant(folder.path(), &things);
            let search = Search { names, ..Search::default() };
            let one = listed(folder.path(), &search, 1, depth);
            prop_assert_eq!(listed(folder.path(), &search, threads, depth), one);
        }
    }

    #[test]
    fn many_folders_and_few_are_listed_alike() {
        let folder = tempfile::tempdir().unwrap();
        for host in 0..=ENOUGH_TREES {
            let logs = folder.path().join(format!("b/{host}/x/y/z"));
            fs::create_dir_all(&logs).unwrap();
            fs::write(logs.join("a.evtx"), "").unwrap();
        }
        let one = listed(folder.path(), &Search::default(), 1, 2);
        // Expected are the hosts' logs of both roots, and the folders at depth 2: the hosts in the
        // first root, their `x` in the second.
        assert_eq!(one.0.len(), 4 * (ENOUGH_TREES + 1));
        assert_eq!(listed(folder.path(), &Search::default(), 3, 2), one);
    }
}
