//! What lies under the roots: their folders listed by several threads, in the order of one.
//!
//! Where hosts are many and their logs small, most of a sweep's time goes into listing folders. The top of each root is listed
//! first, until there are enough folders to hand out, and each of these is then gone through by one thread. The twin is to go through
//! each root as a whole, as is done on one thread; and where links are followed, as only a walk from the root knows which of them
//! lead back.

use std::fs::Metadata;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use walkdir::{DirEntry, WalkDir};

use super::form::{Form, is_named_like_event_log};
use super::{Links, Search};
use crate::error::SweepError;
use crate::in_order::in_order;
use crate::tally::PassedOver;

/// Folders that are enough to hand out.
const ENOUGH_TREES: usize = 64;
/// How deep under a root they are looked for.
const MOST_LEVELS: usize = 4;
/// What one of them weighs among the units that are under way: eight are handed out together.
const TREE_WEIGHT: u64 = 1 << 16;

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
    /// A file to read, or whatever cannot be listed: then the reason stands for what is known of a file.
    File { path: PathBuf, form: Form, known: Result<Known, String> },
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub size: u64,
    /// When it was last changed, in seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// Its device and inode.
    pub identity: (u64, u64),
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
    mut consume: impl FnMut(Listing) -> Result<(), SweepError>,
) -> Result<(), SweepError> {
    let lister = Lister { search };
    if threads.get() == 1 || search.links == Links::Follow {
        return roots.iter().flat_map(|root| lister.entries(root)).try_for_each(consume);
    }
    let parts = roots.into_iter().flat_map(|root| lister.parts(root));
    let weight = |part: &Part| match part {
        Part::Tree(_) => TREE_WEIGHT,
        Part::Listed(_) => 0,
    };
    let work = |part| match part {
        Part::Tree(tree) => lister.whole(&tree),
        Part::Listed(listing) => listing,
    };
    in_order(threads, parts, weight, work, &mut consume)
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

impl Listing {
    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.passed_over == PassedOver::default()
    }
}

impl Known {
    fn of(metadata: &Metadata) -> Self {
        Known {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            identity: (metadata.dev(), metadata.ino()),
        }
    }
}

#[derive(Debug)]
struct Lister<'a> {
    search: &'a Search,
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

    /// The same, together.
    fn whole(&self, tree: &Tree) -> Listing {
        self.entries(tree).fold(tree.listing(), |mut whole, entry| {
            whole.found.extend(entry.found);
            whole.passed_over.merge(entry.passed_over);
            whole
        })
    }

    /// The parts of a root, in order: what its top holds, and the folders below that.
    fn parts(&self, root: Tree) -> Vec<Part> {
        let mut parts = vec![Part::Tree(root)];
        for _ in 0..MOST_LEVELS {
            let trees = parts.iter().filter(|part| matches!(part, Part::Tree(_))).count();
            if trees == 0 || trees >= ENOUGH_TREES {
                break;
            }
            let parted = parts.into_iter().flat_map(|part| match part {
                Part::Tree(tree) => self.top(&tree),
                listed @ Part::Listed(_) => vec![listed],
            });
            parts = parted.collect();
        }
        parts
    }

    /// A folder itself and what it directly holds; the folders among that as trees.
    fn top(&self, tree: &Tree) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut listing = tree.listing();
        for entry in WalkDir::new(&tree.path).max_depth(1).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.depth() > 0 && entry.file_type().is_dir() => {
                    if !listing.is_empty() {
                        parts.push(Part::Listed(std::mem::replace(&mut listing, tree.listing())));
                    }
                    let (path, depth) = (entry.into_path(), tree.depth + 1);
                    parts.push(Part::Tree(Tree { path, depth, ..*tree }));
                }
                entry => self.add(entry, tree, &mut listing),
            }
        }
        parts.push(Part::Listed(listing));
        parts
    }

    fn add(&self, entry: walkdir::Result<DirEntry>, tree: &Tree, listing: &mut Listing) {
        match entry {
            Ok(entry) => self.add_entry(entry, tree, listing),
            // A link that leads back to a folder above it: all it leads to is being read anyway.
            Err(error) if error.loop_ancestor().is_some() => listing.passed_over.seen_before += 1,
            Err(error) if leads_nowhere(&error) => listing.passed_over.links += 1,
            Err(error) => {
                let path = error.path().unwrap_or(&tree.path).to_path_buf();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                listing.found.push(Found::File { path, form: Form::Log, known: Err(reason) });
            }
        }
    }

    fn add_entry(&self, entry: DirEntry, tree: &Tree, listing: &mut Listing) {
        let kind = entry.file_type();
        let depth = tree.depth + entry.depth();
        if kind.is_dir() {
            if depth == tree.depth_of_pieces {
                listing.found.push(Found::Piece(entry.into_path()));
            }
        } else if kind.is_symlink() {
            listing.passed_over.links += 1;
        } else if !kind.is_file() {
            listing.passed_over.special_files += 1;
        } else if let Some(form) = Form::of(self.search, entry.path(), depth) {
            let known = entry.metadata().map(|metadata| Known::of(&metadata));
            let known = known.map_err(|error| error.to_string());
            listing.found.push(Found::File { path: entry.into_path(), form, known });
        } else {
            listing.passed_over.other_files += 1;
        }
    }
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
    use crate::discover::Names;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// Something in a tree: where, and what.
    fn thing() -> impl Strategy<Value = (Vec<u8>, u8)> {
        (prop::collection::vec(b'a'..b'd', 1..7), 0..6_u8)
    }

    /// Puts things into a folder. What has no place there, as a file lies in its way, is left out.
    fn plant(folder: &Path, things: &[(Vec<u8>, u8)]) {
        for (names, kind) in things {
            let mut path = folder.to_path_buf();
            path.extend(names.iter().map(|name| char::from(*name).to_string()));
            if fs::create_dir_all(path.parent().unwrap()).is_err() {
                continue;
            }
            let _ = match kind {
                0 => fs::create_dir_all(&path),
                1 => symlink("..", path.with_extension("link")),
                2 => symlink("nothing", path.with_extension("evtx")),
                3 => fs::write(path.with_extension("txt"), "<Events>"),
                _ => fs::write(path.with_extension("evtx"), names),
            };
        }
    }

    /// All that is found in two roots, the second of which is the `b` of the first if that is there.
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
        // The files and the pieces of both roots.
        assert_eq!(one.0.len(), 3 * (ENOUGH_TREES + 1) + (ENOUGH_TREES + 1));
        assert_eq!(listed(folder.path(), &Search::default(), 3, 2), one);
    }
}
