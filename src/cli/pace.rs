//! The pace of a sweep: how many bytes of evidence it has read, how fast, and how long the rest
//! will take. The module `progress` shows it to the user.

use std::fmt;
use std::time::Duration;

/// How far a sweep has come, and how long that took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The number of bytes of evidence that the sweep has read so far.
    pub bytes: u64,
    /// The number of bytes of evidence that the sweep has to read in all.
    pub all_bytes: u64,
    /// The number of files of the evidence that the sweep has finished reading.
    pub files: u64,
    /// The number of files of the evidence that the sweep has to read in all.
    pub all_files: u64,
    /// The number of matches that the sweep has found so far.
    pub matches: u64,
    /// The time since the sweep began to read the evidence.
    pub elapsed: Duration,
}

/// The share of all bytes that a sweep must have read before the remaining time is estimated, as a
/// divisor: 100 means a hundredth.
const LEAST_PART: u64 = 100;
/// The time for which a sweep must have been reading before the remaining time is estimated. What
/// is read in the first seconds is often unlike the rest: small files, or files in the page cache.
const LEAST_TIME: Duration = Duration::from_secs(5);

impl Pace {
    /// Returns the mean number of bytes of evidence that the sweep has read in a second; `None` if
    /// it has only just begun to read.
    fn rate(&self) -> Option<u64> {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).ok().filter(|time| *time > 0)?;
        Some(u64::try_from(u128::from(self.bytes) * 1000 / u128::from(milliseconds)).unwrap_or(u64::MAX))
    }

    /// Returns the time, in whole seconds, that the sweep still takes if it reads the rest of the
    /// evidence as fast as it has read so far. `None` if it has read too little so far for an
    /// estimate.
    pub(super) fn left(&self) -> Option<Duration> {
        let is_begun = self.bytes > 0 && self.bytes >= self.all_bytes / LEAST_PART;
        if !is_begun || self.elapsed < LEAST_TIME {
            return None;
        }
        let rest = self.all_bytes.saturating_sub(self.bytes);
        let left = self.elapsed.as_millis() * u128::from(rest) / u128::from(self.bytes) / 1000;
        u64::try_from(left).ok().map(Duration::from_secs)
    }

    /// Returns the share of all bytes of the evidence that the sweep has read so far, in percent.
    fn percent(&self) -> u64 {
        let percent = u128::from(self.bytes) * 100 / u128::from(self.all_bytes.max(1));
        u64::try_from(percent.min(100)).unwrap_or(100)
    }
}

impl Pace {
    /// Returns how much of the evidence the sweep has read, as text, such as ` 52% 1.2/2.3 GiB`.
    fn read(&self) -> String {
        let unit = Unit::of(self.all_bytes);
        let (done, all) = (unit.number(self.bytes), unit.number(self.all_bytes));
        format!("{:3}% {done}/{all} {}", self.percent(), unit.name())
    }

    /// Returns how fast the sweep reads and how long it takes, such as
    /// `  1.1 GiB/s  0:12, 0:10 left`.
    fn time(&self) -> String {
        let rate = self.rate().map(|rate| (Unit::of(rate), rate));
        let rate = rate.map(|(unit, rate)| format!("  {} {}/s", unit.number(rate), unit.name()));
        let left = self.left().map(|left| format!(", {} left", clock(left)));
        format!("{}  {}{}", rate.unwrap_or_default(), clock(self.elapsed), left.unwrap_or_default())
    }

    /// Returns a line of text that shows how far the sweep has come with reading logs again, to
    /// find the processes of matches.
    pub(super) fn again(&self) -> String {
        format!("processes: {}{}", self.read().trim_start(), self.time())
    }
}

impl fmt::Display for Pace {
    /// Writes how far the sweep has come as a line, which usually fits 80 columns, such as
    /// ` 52% 1.2/2.3 GiB  210/400 files  1.1 GiB/s  0:12, 0:10 left  3 matches`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}/{} files{}", self.read(), self.files, self.all_files, self.time())?;
        match self.matches {
            1 => f.write_str("  1 match"),
            matches => write!(f, "  {matches} matches"),
        }
    }
}

/// Returns a duration as hours, minutes and seconds, without the hours if there are none: `0:07`,
/// `1:02:03`.
fn clock(time: Duration) -> String {
    let (hours, minutes, seconds) = (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A unit in which numbers of bytes are shown, such as MiB. Contains its exponent: 0 for bytes, 1
/// for KiB, 2 for MiB, and so on.
#[derive(Debug, Clone, Copy)]
struct Unit(u32);

impl Unit {
    /// Returns the largest unit, such as MiB, that is not larger than `bytes`.
    fn of(bytes: u64) -> Self {
        Unit(bytes.max(1).ilog2() / 10)
    }

    fn name(self) -> &'static str {
        ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].get(self.0 as usize).copied().unwrap_or("EiB")
    }

    /// Returns `bytes` in this unit, as text: with one decimal below 100, and without decimals from
    /// 100 on or if the unit is a byte.
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
        assert_eq!(half.again(), "processes: 50% 2.5/5.0 GiB  256 MiB/s  0:10, 0:10 left");
    }

    #[test]
    fn the_time_left_is_not_guessed_from_too_little() {
        assert_eq!(pace(1000, 60).left(), None);
        assert_eq!(pace((5 << 30) / 2, 4).left(), None);
        assert_eq!(pace(5 << 30, 60).left(), Some(Duration::ZERO));
        assert_eq!(pace((5 << 30) / 20, 10).left(), Some(Duration::from_secs(190)));
        assert_eq!(Pace::default().left(), None);
    }
}
