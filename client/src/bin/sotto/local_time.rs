//! Times as a person reads them: in the zone of this computer.

use jiff::{Timestamp as Moment, Zoned, civil::Date, tz::TimeZone};
use sotto_client::proto::Timestamp;

/// A clock with a zone and a present.
#[derive(Clone, Debug)]
pub(crate) struct LocalTime {
    zone: TimeZone,
    today: Date,
}

impl LocalTime {
    /// The clock of this computer.
    pub(crate) fn now() -> Self {
        let now = Zoned::now();
        Self { zone: now.time_zone().clone(), today: now.date() }
    }

    /// The day of a time.
    pub(crate) fn day(&self, at: Timestamp) -> Option<Date> {
        self.zoned(at).map(|at| at.date())
    }

    /// The hour and minute.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        self.format(at, "%H:%M")
    }

    /// Short, for lists: the time of today, else the date.
    pub(crate) fn short(&self, at: Timestamp) -> String {
        let is_today = self.day(at) == Some(self.today);
        self.format(at, if is_today { "%H:%M" } else { "%Y-%m-%d" })
    }

    /// Date and time.
    pub(crate) fn full(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M")
    }

    /// The day for a heading.
    pub(crate) fn heading(&self, at: Timestamp) -> String {
        if self.day(at) == Some(self.today) {
            return "today".to_owned();
        }
        self.format(at, "%A, %-d %B %Y")
    }

    /// A date for the name of a file.
    pub(crate) fn file_date(&self) -> String {
        self.today.to_string()
    }

    fn format(&self, at: Timestamp, format: &str) -> String {
        self.zoned(at).map_or_else(|| "?".to_owned(), |at| at.strftime(format).to_string())
    }

    /// None for a time that no calendar has.
    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        let millis = i64::try_from(at.0).ok()?;
        Some(Moment::from_millisecond(millis).ok()?.to_zoned(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> LocalTime {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        LocalTime { zone, today: jiff::civil::date(2026, 11, 21) }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        // 2026-11-20 23:30 UTC is half past midnight of the next day.
        let at = Timestamp(1_795_217_400_000);
        assert_eq!(berlin().full(at), "2026-11-21 00:30");
        assert_eq!(berlin().short(at), "00:30");
        assert_eq!(berlin().heading(at), "today");
        assert_eq!(berlin().short(Timestamp(0)), "1970-01-01");
        assert_eq!(berlin().heading(Timestamp(0)), "Thursday, 1 January 1970");
    }

    #[test]
    fn an_impossible_time_is_shown_as_such() {
        assert_eq!(berlin().full(Timestamp(u64::MAX)), "?");
        assert_eq!(berlin().day(Timestamp(u64::MAX)), None);
    }
}
