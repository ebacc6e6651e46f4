//! What lies under the roots: their folders listed by several threads, in the order of one.
//!
//! Where hosts are many and their logs small, most of a sweep's time goes into listing folders. The
//! top of each root is listed first, until there are enough folders to hand out, and each of these
//! is then gone through by one thread. The twin is to go through each root as a whole, as is done
//! on one thread; where links are followed, as only a walk from the root knows which of them lead
//! back; and with any folder at the top of which something cannot be told.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::extension::Extension;
use super::form::{Fate, Form, Kind, is_named_like_event_log};
use super::{Links, Search};
use crate::base::in_order::in_order;
use crate::base::path_text::path_text;
use crate::evidence::EvidenceError;
use crate::evidence::source::ListedFile;
use crate::ledger::tally::{OtherForms, PassedOver};

/// Folders that are enough to hand out, of all roots together.
const ENOUGH_TREES: usize = 64;
/// How deep under a root they are looked for.
const MOST_LEVELS: usize = 4;
/// What one of them weighs among the units that are under way: where there are enough, eight are
/// handed out together, and where there are few, each by itself. What it holds is not known before.
const ONE_OF_MANY: u64 = 1 << 16;
const ONE_OF_FEW: u64 = 1 << 19;

/// What a part of a root holds, in order.
#[derive(Debug)]
pub(super) struct Listing {
    /// Which root, from 0.
    pub root: usize,
    pub found: Vec<Found>,
    pub passed_over: PassedOver,
}

/// What concerns a sweep.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A folder that is a piece of evidence.
    Piece(PathBuf),
    /// A file to read, or whatever cannot be listed: then the reason stands for what is known of a
    /// file.
    File { path: PathBuf, form: Form, known: Result<ListedFile, String> },
}

/// A folder and all that lies in it; or a root that is a file.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// Which root it is or lies in, from 0.
    pub root: usize,
    /// An absolute path.
    pub path: PathBuf,
    /// How deep it lies under the root.
    pub depth: usize,
    /// How deep under the root the folders lie that are pieces of evidence.
    pub depth_of_pieces: usize,
}

/// Lists roots, and hands on what they hold in their order.
pub(super) fn list(
    roots: Vec<Tree>,
    search: &Search,
    threads: NonZeroUsize,
    mut consume: impl FnMut(Listing) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let lister = Lister { search, roots: roots.iter().map(|root| root.path.clone()).collect() };
    if threads.get() == 1 || search.links == Links::Follow {
        return roots.iter().flat_map(|root| lister.entries(root)).try_for_each(consume);
    }
    let enough = (ENOUGH_TREES / roots.len().max(1)).max(1);
    let parts = roots.into_iter().flat_map(|root| lister.parts(root, enough));
    let work = |(part, _)| match part {
        Part::Tree(tree) => lister.whole(&tree),
        Part::Listed(listing) => listing,
    };
    in_order(threads, parts, |(_, weight)| *weight, work, &mut consume)
}

/// A part of a root.
#[derive(Debug)]
enum Part {
    /// One that is listed already.
    Listed(Listing),
    Tree(Tree),
}

impl Tree {
    /// Nothing of it yet.
    fn listing(&self) -> Listing {
        Listing { root: self.root, found: Vec::new(), passed_over: PassedOver::default() }
    }
}

#[derive(Debug)]
struct Lister<'a> {
    search: &'a Search,
    roots: Vec<PathBuf>,
}

impl Lister<'_> {
    /// All that a tree holds, entry by entry.
    fn entries<'t>(&'t self, tree: &'t Tree) -> impl Iterator<Item = Listing> + 't {
        let walk =
            WalkDir::new(&tree.path).follow_links(self.search.links == Links::Follow).sort_by_file_name();
        walk.into_iter().map(|entry| {
            let mut listing = tree.listing();
            self.add(entry, tree, &mut listing);
            listing
        })
    }

    /// All entries of a tree as one listing.
    fn whole(&self, tree: &Tree) -> Listing {
        self.entries(tree).fold(tree.listing(), |mut whole, entry| {
            whole.found.extend(entry.found);
            whole.passed_over.merge(entry.passed_over);
            whole
        })
    }

    /// The parts of a root in order, each with what it weighs: what its top holds, and the folders
    /// below that.
    fn parts(&self, root: Tree, enough: usize) -> impl Iterator<Item = (Part, u64)> + use<> {
        let (mut parts, mut trees) = (vec![Part::Tree(root)], 1);
        for _ in 0..MOST_LEVELS {
            let mut parted = Vec::new();
            for part in parts {
                match part {
                    Part::Tree(tree) if trees < enough => {
                        let before = parted.len();
                        self.top(tree, &mut parted);
                        let added = parted.iter().skip(before).filter(|part| matches!(part, Part::Tree(_)));
                        trees = trees - 1 + added.count();
                    }
                    part => parted.push(part),
                }
            }
            parts = parted;
        }
        let weight = if trees < enough { ONE_OF_FEW } else { ONE_OF_MANY };
        parts.into_iter().map(move |part| match part {
            Part::Tree(_) => (part, weight),
            Part::Listed(_) => (part, 0),
        })
    }

    /// Parts a folder into what it directly holds, and the folders among that as trees. What cannot
    /// be told of any of it is left to the walk over the whole.
    fn top(&self, tree: Tree, parts: &mut Vec<Part>) {
        let Ok(entries) = sorted_entries(&tree.path) else {
            parts.push(Part::Tree(tree));
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
                    parts.push(Part::Listed(std::mem::replace(&mut listing, tree.listing())));
                }
                parts.push(Part::Tree(Tree { path, depth, ..tree }));
            } else {
                let known = || entry.metadata().map_err(|error| error.to_string());
                self.add_file(&path, kind, depth, known, &mut listing);
            }
        }
        if !listing.is_empty() {
            parts.push(Part::Listed(listing));
        }
    }

    fn add(&self, entry: walkdir::Result<DirEntry>, tree: &Tree, listing: &mut Listing) {
        match entry {
            Ok(entry) => {
                let (kind, depth) = (entry.file_type(), tree.depth + entry.depth());
                // A tree below its root was met by whoever made it one.
                let was_met = entry.depth() == 0 && tree.depth > 0;
                if !kind.is_dir() {
                    let known = || entry.metadata().map_err(|error| reason(&error));
                    self.add_file(entry.path(), kind, depth, known, listing);
                } else if !was_met {
                    listing.add_folder(tree, entry.path(), depth);
                }
            }
            // A link that leads back to a folder above it: all it leads to is being read anyway.
            Err(error) if error.loop_ancestor().is_some() => listing.passed_over.seen_before += 1,
            Err(error) if leads_nowhere(&error) => listing.passed_over.links += 1,
            Err(error) => {
                // Which folder broke off is not said: that it lies under this root is.
                let root = || self.roots.get(tree.root).unwrap_or(&tree.path);
                let path = error.path().map_or_else(|| root().clone(), Path::to_path_buf);
                listing.found.push(Found::File { path, form: Form::Log, known: Err(reason(&error)) });
            }
        }
    }

    /// Adds what is no folder.
    fn add_file(
        &self,
        path: &Path,
        kind: FileType,
        depth: usize,
        known: impl FnOnce() -> Result<Metadata, String>,
        listing: &mut Listing,
    ) {
        if !kind.is_file() {
            listing.pass_over(kind);
            return;
        }
        match Fate::of(self.search, path, depth) {
            Fate::PassedOver(kind) => listing.pass_over_file(path, kind),
            Fate::Read(form) => match known() {
                // Something else took its place since the folder was listed.
                Ok(metadata) if !metadata.is_file() => listing.pass_over(metadata.file_type()),
                known => {
                    let known = known.map(|metadata| ListedFile::of(&metadata));
                    listing.found.push(Found::File { path: path.to_path_buf(), form, known });
                }
            },
        }
    }
}

impl Listing {
    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.passed_over == PassedOver::default()
    }

    /// Counts what is no regular file.
    fn pass_over(&mut self, kind: FileType) {
        if kind.is_symlink() {
            self.passed_over.links += 1;
        } else {
            self.passed_over.special_files += 1;
        }
    }

    /// Counts a regular file that is not read.
    fn pass_over_file(&mut self, path: &Path, kind: Kind) {
        *match kind {
            Kind::Container => &mut self.passed_over.containers,
            Kind::Side => &mut self.passed_over.side_files,
            Kind::Other => &mut self.passed_over.other_files,
            Kind::Events(form) => {
                let files = self.passed_over.event_forms.entry(form).or_default();
                files.merge(OtherForms { files: 1, first: path_text(path) });
                return;
            }
        } += 1;
        if let Some(extension) = path.file_name().map(Extension::of).and_then(Extension::name) {
            *self.passed_over.extensions.entry(extension).or_default() += 1;
        }
    }

    /// Notes a folder that lies so deep under its root.
    fn add_folder(&mut self, tree: &Tree, path: &Path, depth: usize) {
        if depth == tree.depth_of_pieces {
            self.found.push(Found::Piece(path.to_path_buf()));
        }
    }
}

/// What a folder directly holds, by name.
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

/// What went wrong, without the path: where, the ledger says.
fn reason(error: &walkdir::Error) -> String {
    error.io_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A link whose target is missing, and which is not named like an event log.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let missing = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    missing
        && error
            .path()
            .is_some_and(|path| path.is_symlink() && !path.file_name().is_some_and(is_named_like_event_log))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::discover::Names;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    /// Something in a tree: where, and what.
    fn thing() -> impl Strategy<Value = (Vec<u8>, u8)> {
        (prop::collection::vec(b'a'..b'd', 1..7), 0..6_u8)
    }

    /// Puts things into a folder. What has no place there, as a file lies in its way or it is there
    /// already, is left out.
    fn plant(folder: &Path, things: &[(Vec<u8>, u8)]) {
        for (names, kind) in things {
            let mut path = folder.to_path_buf();
            path.extend(names.iter().map(|name| char::from(*name).to_string()));
            let parent = path.parent().unwrap();
            // Roots are no links, by whichever way they are come to, and nothing leads out of the
            // folder.
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

    /// All that is found in two roots, the second of which is the `b` of the first if that is
    /// there.
    fn listed(
        folder: &Path,
        search: &Search,
        threads: usize,
        depth_of_pieces: usize,
    ) -> (Vec<(usize, Found)>, PassedOver) {
        let roots = [folder.to_path_buf(), folder.join("b")].into_iter().enumerate();
        let roots = roots.map(|(root, path)| Tree { root, path, depth: 0, depth_of_pieces }).collect();
        let (mut found, mut passed_over) = (Vec::new(), PassedOver::default());
        list(roots, search, NonZeroUsize::new(threads).unwrap(), |listing| {
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
            names in prop_oneof![Just(Names::EventLogs), Just(Names::Any)],
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
        // The hosts' logs, of both roots, and the folders at depth 2: the hosts in the first root,
        // their `x` in the second.
        assert_eq!(one.0.len(), 4 * (ENOUGH_TREES + 1));
        assert_eq!(listed(folder.path(), &Search::default(), 3, 2), one);
    }
}
