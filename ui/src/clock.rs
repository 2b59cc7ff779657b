//! Times as the app shows them: in the zone of this computer, seen from today.
//!
//! Words for them stand in the Slint files.

use jiff::{Timestamp as Moment, Zoned, civil::Date, tz::TimeZone};
use sotto_client::proto::Timestamp;

use crate::generated::Day;

/// A zone and a present.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    fixed: Option<Moment>,
}

impl Clock {
    /// The clock of this computer.
    pub fn system() -> Self {
        Self { zone: TimeZone::system(), fixed: None }
    }

    /// A clock that stands still, in UTC.
    pub fn fixed(now: Timestamp) -> Self {
        Self { zone: TimeZone::UTC, fixed: moment(now) }
    }

    /// The day that it is here.
    pub(crate) fn today(&self) -> Date {
        self.fixed.unwrap_or_else(Moment::now).to_zoned(self.zone.clone()).date()
    }

    /// The day of a time; none for a time that no calendar has.
    pub(crate) fn date(&self, at: Timestamp) -> Option<Date> {
        self.zoned(at).map(|at| at.date())
    }

    /// The present, for the name of a file.
    pub(crate) fn file_stamp(&self) -> String {
        let now = self.fixed.unwrap_or_else(Moment::now).to_zoned(self.zone.clone());
        now.strftime("%Y-%m-%d %H.%M.%S").to_string()
    }

    /// Hour and minute.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        self.zoned(at).map_or_else(String::new, |at| at.strftime("%H:%M").to_string())
    }

    /// The day of a time, as the words for it are made from.
    pub(crate) fn day(&self, at: Timestamp) -> Day {
        self.date(at).map_or_else(Day::default, |date| self.seen_from_today(date))
    }

    /// A day, as the words for it are made from.
    pub(crate) fn seen_from_today(&self, date: Date) -> Day {
        let today = self.today();
        let ago = date.until(today).map_or(i32::MAX, |span| span.get_days());
        Day {
            ago,
            weekday: i32::from(date.weekday().to_monday_one_offset()),
            day: i32::from(date.day()),
            month: i32::from(date.month()),
            year: i32::from(date.year()),
            this_year: date.year() == today.year(),
        }
    }

    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        Some(moment(at)?.to_zoned(self.zone.clone()))
    }
}

fn moment(at: Timestamp) -> Option<Moment> {
    Moment::from_millisecond(i64::try_from(at.0).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 23:30 UTC, a Friday.
    const NOW: Timestamp = Timestamp(1_795_217_400_000);
    const DAY: u64 = 86_400_000;

    #[test]
    fn days_are_counted_from_today() {
        let clock = Clock::fixed(NOW);
        assert_eq!(clock.time(NOW), "23:30");
        let today = clock.day(NOW);
        assert_eq!((today.ago, today.weekday, today.this_year), (0, 5, true));
        let ago = |days: u64| clock.day(Timestamp(NOW.0 - days * DAY));
        assert_eq!(ago(1).ago, 1);
        assert_eq!((ago(6).ago, ago(6).weekday), (6, 6));
        assert_eq!((ago(400).ago, ago(400).this_year), (400, false));
        assert_eq!(clock.day(Timestamp(u64::MAX)), Day::default());
    }
}
