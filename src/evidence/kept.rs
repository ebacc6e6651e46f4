//! Sources of bytes that are opened when they are read, and stay open while they are used.
//!
//! A sweep can find ten thousand archives. To open one, dnsweep opens its file and reads its list
//! of files. So only those in use and the most recently used ones are kept open.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use super::layer::{SharedSource, Source};
use super::source::LogBytes;

/// The sources of bytes that are open. The key is the number that [`Kept`] has given to a source.
/// The value is the moment of the source's last use, and the source itself. The moment is a number
/// that grows with each use of any source.
type OpenSources = HashMap<u64, (u64, SharedSource)>;

/// The sources of bytes, such as files and archives, that are open. If one more is opened than may
/// stay open, the least recently used one is closed.
pub struct Kept {
    open: Mutex<OpenSources>,
    /// The maximum number of sources that stay open, whether or not they are in use.
    most: usize,
    clock: AtomicU64,
    numbers: AtomicU64,
}

impl Kept {
    /// Returns an empty set of sources, which keeps at most `most` sources open.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Kept { open: Mutex::default(), most, clock: AtomicU64::new(0), numbers: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, OpenSources> {
        // A panic of another thread leaves the map whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn get(&self, number: u64) -> Option<SharedSource> {
        self.lock().get_mut(&number).map(|(used, source)| {
            *used = self.now();
            Arc::clone(source)
        })
    }

    /// Adds `source`, which was just opened, to the open sources, under the number `number` that
    /// [`Kept`] has given to it. If too many sources are open after that, closes the least recently
    /// used one.
    fn keep(&self, number: u64, source: SharedSource) {
        let closed = {
            let mut open = self.lock();
            let replaced = open.insert(number, (self.now(), source));
            let is_full = open.len() > self.most;
            (replaced, is_full.then(|| take_oldest(&mut open, |_| true)))
        };
        // Closing a source takes system calls and can close the layers below it, which needs the
        // lock. So it happens after the lock was given back.
        drop(closed);
    }

    /// Closes the least recently used of the sources that no reader uses. Returns false if there is
    /// no such source.
    pub(super) fn close_unused(&self) -> bool {
        let closed = take_oldest(&mut self.lock(), is_unused);
        closed.is_some()
    }

    /// Closes the least recently used of the sources that were read through and that no reader
    /// uses. Read through means that reads have reached all parts of the source. Returns false if
    /// there is no such source.
    pub(super) fn close_read_through(&self) -> bool {
        let closed = take_oldest(&mut self.lock(), |source| is_unused(source) && source.is_read_through());
        closed.is_some()
    }
}

/// Returns true if no reader uses `source`: the set of open sources has the only reference to it.
fn is_unused(source: &SharedSource) -> bool {
    Arc::strong_count(source) == 1
}

/// Removes and returns the least recently used of the sources for which `may_close` returns true.
/// Returns `None` if there is none.
fn take_oldest(open: &mut OpenSources, may_close: impl Fn(&SharedSource) -> bool) -> Option<SharedSource> {
    let candidates = open.iter().filter(|(_, (_, source))| may_close(source));
    let oldest = candidates.min_by_key(|(_, (used, _))| *used).map(|(number, _)| *number);
    oldest.and_then(|oldest| open.remove(&oldest)).map(|(_, source)| source)
}

/// A function that opens a source of bytes, such as a file or an archive.
type Open = dyn Fn() -> io::Result<SharedSource> + Send + Sync;

/// A source of bytes that is opened when it is read, and can be closed and opened again at any
/// time.
pub struct OnDemand {
    kept: Arc<Kept>,
    number: u64,
    size: u64,
    open: Box<Open>,
    /// Opens the source before its first read. Present only if opening takes long, for example
    /// because a file has to be unpacked. Fails if there is not enough memory or disk space. `None`
    /// for a source that opens so fast that no thread need wait for it.
    open_ahead: Option<Box<Open>>,
    /// What is wrong with the bytes as a whole, such as a wrong checksum; the inner `None` if
    /// nothing is. It is set when the source is first opened, and stays known after the source is
    /// closed.
    flaw: OnceLock<Option<String>>,
    /// A lock that is held while the source is opened, so that only one thread opens it.
    opening: Mutex<()>,
}

impl OnDemand {
    /// Returns a source of `size` bytes. `open` opens it on the first read, and again if it was
    /// closed. `kept` keeps it open, and closes it when too many sources are open.
    pub fn new(
        kept: &Arc<Kept>,
        size: u64,
        open: impl Fn() -> io::Result<SharedSource> + Send + Sync + 'static,
    ) -> Self {
        let number = kept.numbers.fetch_add(1, Ordering::Relaxed);
        let (open, open_ahead) = (Box::new(open), None);
        let kept = Arc::clone(kept);
        OnDemand { kept, number, size, open, open_ahead, flaw: OnceLock::new(), opening: Mutex::new(()) }
    }

    /// Returns this source with `open_ahead` as the function by which threads open it before it is
    /// read. Call this method for a source that takes long to open. `open_ahead` must fail if there
    /// is not enough memory or disk space for the source.
    #[must_use]
    pub fn opened_ahead_by(
        mut self,
        open_ahead: impl Fn() -> io::Result<SharedSource> + Send + Sync + 'static,
    ) -> Self {
        self.open_ahead = Some(Box::new(open_ahead));
        self
    }

    /// Returns an on-demand source that is already open: it reads from `source`. `open` opens it
    /// again if it was closed. `kept` keeps it open, and closes it when too many sources are open.
    pub fn opened(
        kept: &Arc<Kept>,
        source: SharedSource,
        open: impl Fn() -> io::Result<SharedSource> + Send + Sync + 'static,
    ) -> Self {
        let on_demand = Self::new(kept, source.size(), open);
        on_demand.flaw.get_or_init(|| source.flaw());
        kept.keep(on_demand.number, source);
        on_demand
    }

    fn source(&self) -> io::Result<SharedSource> {
        if let Some(source) = self.kept.get(self.number) {
            return Ok(source);
        }
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have opened it meanwhile.
        if let Some(source) = self.kept.get(self.number) {
            return Ok(source);
        }
        self.open_by(&*self.open)
    }

    /// Opens the source by calling `open`, and keeps it open. The caller must hold the lock
    /// `opening`.
    fn open_by(&self, open: &Open) -> io::Result<SharedSource> {
        let source = open()?;
        self.flaw.get_or_init(|| source.flaw());
        self.kept.keep(self.number, Arc::clone(&source));
        Ok(source)
    }
}

impl LogBytes for OnDemand {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.source()?.read_at(offset, buffer)
    }
}

impl Source for OnDemand {
    fn size(&self) -> u64 {
        self.size
    }

    fn flaw(&self) -> Option<String> {
        if self.flaw.get().is_none() {
            self.source().ok()?;
        }
        self.flaw.get().cloned().flatten()
    }

    fn make_ready(&self, meanwhile: &mut dyn FnMut() -> bool) {
        while self.open_ahead.is_some() && self.kept.get(self.number).is_none() {
            match self.opening.try_lock() {
                Err(TryLockError::WouldBlock) if meanwhile() => {}
                // The read that follows waits for the other thread.
                Err(_) => return,
                Ok(_opening) => {
                    if self.kept.get(self.number).is_none() {
                        // An error is not lost: the read that follows opens the source again.
                        drop(self.open_by(&*self.open));
                    }
                    return;
                }
            }
        }
    }

    fn make_ready_ahead(&self) -> bool {
        let Some(open_ahead) = &self.open_ahead else { return false };
        let Ok(_opening) = self.opening.try_lock() else { return false };
        // An error is not lost: the first read opens the source again.
        self.kept.get(self.number).is_none() && self.open_by(&**open_ahead).is_ok()
    }
}

impl Drop for OnDemand {
    fn drop(&mut self) {
        let closed = self.kept.lock().remove(&self.number);
        drop(closed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    /// Returns `count` sources of one byte each, and the [`Kept`] that keeps them open. `opened` is
    /// increased whenever one of them is opened.
    fn sources(count: u8, opened: &Arc<AtomicUsize>) -> (Arc<Kept>, Vec<OnDemand>) {
        let kept = Arc::new(Kept::new(64));
        let source = |byte| {
            let opened = Arc::clone(opened);
            OnDemand::new(&kept, 1, move || {
                opened.fetch_add(1, Ordering::SeqCst);
                Ok(Arc::new(vec![byte]) as SharedSource)
            })
        };
        let sources = (0..count).map(source).collect();
        (kept, sources)
    }

    fn byte(source: &OnDemand) -> u8 {
        let mut buffer = [0];
        assert_eq!(source.read_at(0, &mut buffer).unwrap(), 1);
        buffer[0]
    }

    #[test]
    fn sources_that_were_used_last_stay_open() {
        let opened = Arc::new(AtomicUsize::new(0));
        let (kept, sources) = sources(100, &opened);
        for (number, source) in sources.iter().enumerate() {
            assert_eq!(usize::from(byte(source)), number);
            assert_eq!(byte(&sources[0]), 0);
        }
        assert_eq!(opened.load(Ordering::SeqCst), 100, "the first was used all the time");
        assert_eq!(kept.lock().len(), 64);
        assert_eq!(byte(&sources[1]), 1);
        assert_eq!(opened.load(Ordering::SeqCst), 101, "the second was closed, and is opened again");
        drop(sources);
        assert!(kept.lock().is_empty());
    }

    #[test]
    fn threads_open_a_source_once() {
        let opened = Arc::new(AtomicUsize::new(0));
        let (_kept, sources) = sources(1, &opened);
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| byte(&sources[0])))));
        assert_eq!(opened.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_thread_that_would_wait_does_something_else_meanwhile() {
        let (kept, opening) = (Arc::new(Kept::new(64)), Arc::new(AtomicUsize::new(0)));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (wait, opened) = (Mutex::new(wait), Arc::clone(&opening));
        let open = move || {
            opened.fetch_add(1, Ordering::SeqCst);
            wait.lock().unwrap().recv().unwrap();
            Ok(Arc::new(vec![7_u8]) as SharedSource)
        };
        let slow = OnDemand::new(&kept, 1, open).opened_ahead_by(|| Err(io::Error::other("no room")));
        thread::scope(|scope| {
            let first = scope.spawn(|| byte(&slow));
            while opening.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            let mut others = 0;
            slow.make_ready(&mut || {
                others += 1;
                others < 3
            });
            assert_eq!(others, 3, "the thread stops when nothing else is to do");
            slow.make_ready(&mut || {
                go.send(()).is_ok() && {
                    while slow.kept.get(slow.number).is_none() {
                        thread::yield_now();
                    }
                    true
                }
            });
            assert_eq!(first.join().unwrap(), 7);
        });
        assert!(!slow.make_ready_ahead(), "it is open already");
        assert_eq!(opening.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_source_can_be_opened_ahead_if_there_is_room() {
        let (kept, room) = (Arc::new(Kept::new(64)), Arc::new(AtomicUsize::new(0)));
        let source = || {
            let room = Arc::clone(&room);
            let ahead = move || match room.load(Ordering::SeqCst) {
                0 => Err(io::Error::other("no room")),
                _ => Ok(Arc::new(vec![2_u8]) as SharedSource),
            };
            OnDemand::new(&kept, 1, || Ok(Arc::new(vec![1_u8]))).opened_ahead_by(ahead)
        };
        let (one, other) = (source(), source());
        assert!(!one.make_ready_ahead(), "there is no room");
        assert_eq!(byte(&one), 1, "the first read opens it");
        room.store(1, Ordering::SeqCst);
        assert!(other.make_ready_ahead());
        assert_eq!(byte(&other), 2, "it was opened ahead");
        one.make_ready(&mut || panic!("it is open"));
    }
}
