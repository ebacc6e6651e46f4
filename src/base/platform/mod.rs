//! The system that this runs on: what it is, for `run.json`, and what is asked of it that only Unix
//! has. Another system is a port of this folder. The only user of `rustix` and `std::os`.

mod access;
pub(crate) mod files;
pub(crate) mod metadata;
mod names;
#[cfg(feature = "cli")]
pub(crate) mod signals;

use serde::Serialize;

pub use self::access::Access;
pub(crate) use self::access::open_own;
pub(crate) use self::names::name_bytes;
#[cfg(feature = "cli")]
pub(crate) use self::names::path_of_bytes;
use super::path_text::path_text;

/// The machine that a sweep ran on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its operating system's name, such as `Linux`.
    pub system: String,
    /// The operating system's release, in its own words.
    pub release: String,
    /// Which build of the release that is, in its own words.
    pub version: String,
    /// The processor's architecture.
    pub architecture: String,
}

/// The user that this process acts as, by number.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The machine's name and operating system, as it says itself.
#[must_use]
pub fn machine() -> Machine {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Machine {
        name: text(system.nodename()),
        system: text(system.sysname()),
        release: text(system.release()),
        version: text(system.version()),
        architecture: text(system.machine()),
    }
}

/// The folder that relative paths of the command line start from; `None` if it was removed.
#[must_use]
pub fn working_directory() -> Option<String> {
    std::env::current_dir().ok().map(|path| path_text(&path))
}
