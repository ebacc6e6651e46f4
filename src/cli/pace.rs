//! The pace of a sweep: how much was read, how fast, and how long the rest will take. `progress`
//! shows it.

use std::fmt;
use std::time::Duration;

/// How far a sweep has come, and how long that took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The number of bytes that were read.
    pub bytes: u64,
    /// The number of bytes to read in all.
    pub all_bytes: u64,
    /// The number of files that were read to their end.
    pub files: u64,
    /// The number of files to read in all.
    pub all_files: u64,
    /// The number of matches.
    pub matches: u64,
    /// The time since reading began.
    pub elapsed: Duration,
}

/// The least part of the bytes, as 1 in this number, after which the time left is estimated.
const LEAST_PART: u64 = 100;

impl Pace {
    /// Returns the mean number of bytes that were read in a second. Returns `None` before any time
    /// has passed.
    fn rate(&self) -> Option<u64> {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).ok().filter(|time| *time > 0)?;
        Some(u64::try_from(u128::from(self.bytes) * 1000 / u128::from(milliseconds)).unwrap_or(u64::MAX))
    }

    /// Returns the time that the rest takes if it is read as fast as what was read so far, in whole
    /// seconds. Returns `None` as long as too little was read for an estimate.
    pub(super) fn left(&self) -> Option<Duration> {
        if self.bytes == 0 || self.bytes < self.all_bytes / LEAST_PART {
            return None;
        }
        let rest = self.all_bytes.saturating_sub(self.bytes);
        let left = self.elapsed.as_millis() * u128::from(rest) / u128::from(self.bytes) / 1000;
        u64::try_from(left).ok().map(Duration::from_secs)
    }

    /// Returns the part of the bytes that was read, in percent.
    fn percent(&self) -> u64 {
        let percent = u128::from(self.bytes) * 100 / u128::from(self.all_bytes.max(1));
        u64::try_from(percent.min(100)).unwrap_or(100)
    }
}

impl fmt::Display for Pace {
    /// Writes a line that fits 80 columns, such as ` 52% 1.2/2.3 GiB  210/400 files  1.1 GiB/s
    /// 0:12, 0:10 left  3 matches`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::of(self.all_bytes);
        let (done, all) = (unit.number(self.bytes), unit.number(self.all_bytes));
        write!(
            f,
            "{:3}% {done}/{all} {}  {}/{} files",
            self.percent(),
            unit.name(),
            self.files,
            self.all_files
        )?;
        if let Some(rate) = self.rate() {
            let unit = Unit::of(rate);
            write!(f, "  {} {}/s", unit.number(rate), unit.name())?;
        }
        write!(f, "  {}", clock(self.elapsed))?;
        if let Some(left) = self.left() {
            write!(f, ", {} left", clock(left))?;
        }
        match self.matches {
            1 => f.write_str("  1 match"),
            matches => write!(f, "  {matches} matches"),
        }
    }
}

/// Returns a duration as hours, minutes and seconds: `0:07`, `1:02:03`.
fn clock(time: Duration) -> String {
    let (hours, minutes, seconds) = (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A unit of bytes: a power of 1024.
#[derive(Debug, Clone, Copy)]
struct Unit(u32);

impl Unit {
    /// Returns the largest unit of which `bytes` has at least one.
    fn of(bytes: u64) -> Self {
        Unit(bytes.max(1).ilog2() / 10)
    }

    fn name(self) -> &'static str {
        ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].get(self.0 as usize).copied().unwrap_or("EiB")
    }

    /// Returns `bytes` in this unit, with one decimal if it is less than 100.
    fn number(self, bytes: u64) -> String {
        let tenths = u128::from(bytes) * 10 / (1 << (10 * self.0));
        if self.0 == 0 || tenths >= 1000 {
            (tenths / 10).to_string()
        } else {
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(bytes: u64, seconds: u64) -> Pace {
        Pace {
            bytes,
            all_bytes: 5 << 30,
            files: 2,
            all_files: 400,
            matches: 1,
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        assert_eq!(pace(0, 0).to_string(), "  0% 0.0/5.0 GiB  2/400 files  0:00  1 match");
        let half = Pace { matches: 2, ..pace(5 << 29, 10) };
        assert_eq!(half.to_string(), " 50% 2.5/5.0 GiB  2/400 files  256 MiB/s  0:10, 0:10 left  2 matches");
        let hours = Pace { all_bytes: 90 << 40, bytes: 45 << 40, elapsed: Duration::from_secs(4000), ..half };
        assert!(hours.to_string().contains("  11.5 GiB/s  1:06:40, 1:06:40 left"), "{hours}");
        let most = Pace {
            bytes: u64::MAX / 2,
            all_bytes: u64::MAX,
            files: 999_999,
            all_files: 1_000_000,
            elapsed: Duration::from_secs(359_999),
            matches: 999_999,
        };
        assert!(most.to_string().len() <= 100, "{most}");
        assert!(pace(u64::MAX, 1).to_string().starts_with("100%"));
    }

    #[test]
    fn the_time_left_is_not_guessed_from_too_little() {
        assert_eq!(pace(1000, 60).left(), None);
        assert_eq!(pace(5 << 30, 60).left(), Some(Duration::ZERO));
        assert_eq!(pace((5 << 30) / 20, 10).left(), Some(Duration::from_secs(190)));
        assert_eq!(Pace::default().left(), None);
    }
}
