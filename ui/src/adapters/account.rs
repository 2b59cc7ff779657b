//! From what the relay tells of devices and logins to the lines that show them.

use sotto_client::{
    OwnDevice,
    proto::{
        Timestamp,
        account::{AddressClass, DeviceLine, LoginLine, LoginMeans},
    },
};

use crate::{
    clock::Clock,
    generated::{AddressClass as From, DeviceItem, LoginItem, LoginMeans as Means},
};

use super::problem::Trouble;

/// The digits in a group, and the groups in a line, of a key that eyes compare.
const GROUP: usize = 8;
const LINE: usize = 4 * GROUP;

/// A device as the relay knows it.
pub(crate) fn device(line: &DeviceLine, clock: &Clock) -> DeviceItem {
    let seen = line.last_seen.unwrap_or(Timestamp(0));
    DeviceItem {
        number: line.id.number().to_string().into(),
        known: true,
        enrolled_day: clock.day(line.enrolled_at),
        enrolled_time: clock.time(line.enrolled_at).into(),
        online: line.online,
        seen: line.last_seen.is_some(),
        seen_day: clock.day(seen),
        seen_time: clock.time(seen).into(),
        ..DeviceItem::default()
    }
}

/// The own devices: those that contacts seal for, with what the relay knows of each; behind them,
/// those that only the relay knows of.
pub(crate) fn own_devices(
    certified: &[OwnDevice],
    known: &[DeviceLine],
    clock: &Clock,
) -> Vec<DeviceItem> {
    let with_key = certified.iter().map(|own| {
        let line = known.iter().find(|line| line.id == own.id);
        DeviceItem {
            number: own.id.number().to_string().into(),
            this_one: own.is_this,
            key: grouped(&own.signing_key.to_string()).into(),
            ..line.map(|line| device(line, clock)).unwrap_or_default()
        }
    });
    let others = known.iter().filter(|line| certified.iter().all(|own| own.id != line.id));
    with_key.chain(others.map(|line| device(line, clock))).collect()
}

/// A login, or an attempt at one.
pub(crate) fn login(line: &LoginLine, clock: &Clock) -> LoginItem {
    let Trouble { problem, detail } = line.refused.map_or_else(Trouble::none, Trouble::from);
    LoginItem {
        day: clock.day(line.at),
        time: clock.time(line.at).into(),
        means: match line.means {
            LoginMeans::Device => Means::Device,
            LoginMeans::Password => Means::Password,
        },
        from: match line.from {
            AddressClass::Loopback => From::ThisMachine,
            AddressClass::Private => From::LocalNetwork,
            AddressClass::PublicIpv4 => From::InternetIpv4,
            AddressClass::PublicIpv6 => From::InternetIpv6,
        },
        device: line.device.map(|id| id.number().to_string()).unwrap_or_default().into(),
        problem,
        detail: detail.into(),
    }
}

/// Hex digits in groups of eight, four groups a line, which eyes can compare.
pub(crate) fn grouped(hex: &str) -> String {
    let mut text = String::with_capacity(hex.len() + hex.len() / GROUP);
    for (index, digit) in hex.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            text.push(if index % LINE == 0 { '\n' } else { ' ' });
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::{DeviceId, DeviceKey, ErrorCode};

    use crate::generated::Problem;

    use super::*;

    /// 2026-11-20 23:30 UTC.
    const NOW: Timestamp = Timestamp(1_795_217_400_000);

    fn line(number: u32, last_seen: Option<Timestamp>) -> DeviceLine {
        let id = DeviceId::new(number).unwrap();
        DeviceLine { id, enrolled_at: NOW, last_seen, online: number == 1 }
    }

    fn own(number: u32) -> OwnDevice {
        let id = DeviceId::new(number).unwrap();
        OwnDevice { id, is_this: number == 2, signing_key: DeviceKey([7; 32]) }
    }

    #[test]
    fn keys_are_written_in_groups() {
        assert_eq!(grouped("0123456789abcdef01"), "01234567 89abcdef 01");
        assert_eq!(grouped(&"a".repeat(40)).lines().count(), 2);
        assert_eq!(grouped(""), "");
    }

    #[test]
    fn own_devices_are_what_the_directory_and_the_relay_say_together() {
        let known = [line(1, Some(NOW)), line(3, None)];
        let shown = own_devices(&[own(1), own(2)], &known, &Clock::fixed(NOW));
        let numbers: Vec<_> = shown.iter().map(|device| device.number.as_str()).collect();
        assert_eq!(numbers, ["1", "2", "3"]);
        let [first, this, stranger] = &shown[..] else { panic!("three") };
        assert!(first.known && first.online && first.seen && !first.key.is_empty());
        assert_eq!(first.seen_time, "23:30");
        assert!(this.this_one && !this.known && !this.seen);
        assert!(stranger.known && !stranger.seen && stranger.key.is_empty());
    }

    #[test]
    fn a_login_says_why_it_failed() {
        let line = |refused| LoginLine {
            at: NOW,
            means: LoginMeans::Password,
            from: AddressClass::Private,
            device: None,
            refused,
        };
        let shown = login(&line(None), &Clock::fixed(NOW));
        assert_eq!((shown.problem, shown.from), (Problem::None, From::LocalNetwork));
        let shown = login(&line(Some(ErrorCode::WrongCredentials)), &Clock::fixed(NOW));
        assert_eq!(shown.problem, Problem::WrongPassword);
        let shown = login(&line(Some(ErrorCode::Other(40_199))), &Clock::fixed(NOW));
        assert_eq!((shown.problem, shown.detail.as_str()), (Problem::RelayRefused, "40199"));
    }
}
