//! Windows times: units of 100 ns since 1601-01-01 UTC ([MS-DTYP] 2.3.3), and the two ways in which
//! events write them as text. Only the years of logs (1601 to 9999) are considered.

/// The FILETIME units in one second.
pub const SECOND: u64 = 10_000_000;
/// The FILETIME units in one minute.
pub const MINUTE: u64 = 60 * SECOND;
/// The FILETIME units in one hour.
pub const HOUR: u64 = 60 * MINUTE;
/// The FILETIME units in one day.
pub const DAY: u64 = 24 * HOUR;

/// The days of a 400-year cycle of the Gregorian calendar.
const DAYS_OF_CYCLE: u64 = 146_097;
/// The days from 1600-03-01, where a cycle of years that begin in March starts, to 1601-01-01.
const DAYS_BEFORE_1601: u64 = 306;
/// The FILETIME of the Unix epoch, 1970-01-01.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Returns the FILETIME of a date and a time of day in UTC.
#[must_use]
pub fn filetime(year: u64, month: u64, day: u64, hour: u64, minute: u64, second: u64) -> u64 {
    // Years are counted from March, so that the day a leap year adds comes last (Howard Hinnant's
    // civil calendar).
    let year_from_march = if month <= 2 { year - 1 } else { year } - 1600;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days = year_from_march * 365 + year_from_march / 4 - year_from_march / 100
        + year_from_march / 400
        + day_of_year;
    (days - DAYS_BEFORE_1601) * DAY + hour * HOUR + minute * MINUTE + second * SECOND
}

/// Returns the date and time of day of a FILETIME: year, month, day, hour, minute, second and the
/// remaining units of 100 ns.
fn civil(filetime: u64) -> [u64; 7] {
    let days = filetime / DAY + DAYS_BEFORE_1601;
    let cycle = days / DAYS_OF_CYCLE;
    let day_of_cycle = days % DAYS_OF_CYCLE;
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 1600 + cycle * 400 + year_of_cycle + u64::from(month <= 2);
    let of_day = filetime % DAY;
    [year, month, day, of_day / HOUR, of_day / MINUTE % 60, of_day / SECOND % 60, of_day % SECOND]
}

/// Returns the whole seconds from the Unix epoch to a FILETIME, as a number of 32 bits; 0 for times
/// before the epoch, and the largest number for those that do not fit.
#[must_use]
pub fn unix_seconds(filetime: u64) -> u32 {
    u32::try_from(filetime.saturating_sub(UNIX_EPOCH) / SECOND).unwrap_or(u32::MAX)
}

/// Returns a FILETIME as System/TimeCreated shows it: `2025-03-04T09:15:00.1234567Z`.
#[must_use]
pub fn time_created(filetime: u64) -> String {
    let [year, month, day, hour, minute, second, steps] = civil(filetime);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{steps:07}Z")
}

/// Returns a FILETIME as Sysmon writes UtcTime: `2025-03-04 09:15:00.123`.
#[must_use]
pub fn utc_time(filetime: u64) -> String {
    let [year, month, day, hour, minute, second, steps] = civil(filetime);
    let milliseconds = steps / 10_000;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milliseconds:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_right() {
        // The Unix epoch as a FILETIME is 116,444,736,000,000,000 (Microsoft's documentation of
        // FILETIME).
        assert_eq!(filetime(1970, 1, 1, 0, 0, 0), 116_444_736_000_000_000);
        assert_eq!(filetime(1601, 1, 1, 0, 0, 0), 0);
        // 1,741,075,200 is 2025-03-04 08:00:00 UTC, by `date -u -d @1741075200`.
        assert_eq!(unix_seconds(filetime(2025, 3, 4, 8, 0, 0) + SECOND - 1), 1_741_075_200);
        assert_eq!(time_created(0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(time_created(116_444_736_000_000_001), "1970-01-01T00:00:00.0000001Z");
    }

    #[test]
    fn every_day_of_four_centuries_survives_the_round_trip() {
        for day in 0..DAYS_OF_CYCLE + 400 {
            let time = day * DAY + 12_345_678_901;
            let [year, month, date, hour, minute, second, steps] = civil(time);
            assert_eq!(filetime(year, month, date, hour, minute, second) + steps, time);
        }
    }

    #[test]
    fn leap_days_exist() {
        assert_eq!(utc_time(filetime(2024, 2, 29, 23, 59, 59) + 9_999_999), "2024-02-29 23:59:59.999");
        assert_eq!(utc_time(filetime(2024, 2, 29, 0, 0, 0) + DAY), "2024-03-01 00:00:00.000");
    }
}
