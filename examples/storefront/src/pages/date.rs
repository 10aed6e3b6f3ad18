//! Moments as people and programs write them, in UTC.

use tenancy_types::UnixMicros;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    /// 1 to 12.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// `2026-11-22T13:05:09Z` (RFC 3339).
#[must_use]
pub fn rfc3339(moment: UnixMicros) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of(moment);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `22 November 2026, 13:05 UTC`.
pub(super) fn in_words(moment: UnixMicros) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        ..
    } = Civil::of(moment);
    format!(
        "{day} {} {year}, {hour:02}:{minute:02} UTC",
        MONTHS[month - 1]
    )
}

impl Civil {
    /// By `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in
    /// March, so that a leap day is the last of its year, and 400 of them are one era of 146,097 days.
    fn of(moment: UnixMicros) -> Self {
        let seconds = moment.get().div_euclid(1_000_000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days since 1 March of the year 0.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year + i64::from(month <= 2),
            month: usize::try_from(month).expect("1 to 12"),
            day: day - (153 * from_march + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(seconds: i64, expect: &str) {
        assert_eq!(rfc3339(UnixMicros::new(seconds * 1_000_000)), expect);
    }

    #[test]
    fn moments_are_written_in_utc() {
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_800, "2000-03-01T00:00:00Z");
        check(1_772_323_200, "2026-03-01T00:00:00Z");
        check(1_795_352_709, "2026-11-22T13:05:09Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
        let moment = UnixMicros::new(1_795_352_709_999_999);
        assert_eq!(in_words(moment), "22 November 2026, 13:05 UTC");
    }

    proptest! {
        #[test]
        fn a_day_later_is_the_next_day_of_the_calendar(days in -100_000_i64..100_000) {
            let civil = |days: i64| Civil::of(UnixMicros::new(days * 86_400 * 1_000_000));
            let (today, tomorrow) = (civil(days), civil(days + 1));
            let leap = today.year % 4 == 0 && (today.year % 100 != 0 || today.year % 400 == 0);
            let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let expect = match (today.day == lengths[today.month - 1], today.month) {
                (false, _) => Civil { day: today.day + 1, ..today },
                (true, 12) => Civil { year: today.year + 1, month: 1, day: 1, ..today },
                (true, month) => Civil { month: month + 1, day: 1, ..today },
            };
            prop_assert_eq!(tomorrow, expect);
        }
    }
}
