//! Who may connect and how often who may do what.
//!
//! Addresses are counted before login, accounts after it. Every count has a bound on the keys
//! that it remembers. Nothing here waits or closes anything: the caller is told when to come
//! back and acts on it.

mod admission;
mod rate;

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use governor::clock::{Clock, DefaultClock};
use sotto_proto::{AccountId, Refusal};

pub use self::admission::Admission;
use self::{admission::Admissions, rate::Rate};
use crate::config;

/// Where a connection comes from, as limits count it: an IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
        })
    }
}

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Connections in all.
    Connections,
    /// Connections of one address.
    ConnectionsPerAddress,
    /// Handshakes of one address.
    Handshakes,
    /// Registrations of one address.
    Registrations,
    /// Logins by password of one address or to one username.
    PasswordLogins,
    /// Requests of one account.
    Requests,
    /// Envelopes of one account.
    Envelopes,
    /// Bytes of one account.
    Bytes,
    /// Bundles claimed by one account.
    Claims,
    /// Commands of an account that is no admin's.
    RefusedCommands,
}

impl Limit {
    /// A word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Handshakes => "handshakes",
            Self::Registrations => "registrations",
            Self::PasswordLogins => "password_logins",
            Self::Requests => "requests",
            Self::Envelopes => "envelopes",
            Self::Bytes => "bytes",
            Self::Claims => "claims",
            Self::RefusedCommands => "refused_commands",
        }
    }
}

/// A limit is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {} is met", .limit.word())]
pub struct Exceeded {
    /// Which.
    pub limit: Limit,
    /// After how many milliseconds another try may succeed.
    pub retry_after_ms: u64,
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        Self::rate_limited(exceeded.retry_after_ms)
    }
}

/// All limits of a relay.
#[derive(Debug)]
pub struct Limiters<C: Clock = DefaultClock> {
    connections: Arc<Admissions>,
    handshakes: Rate<Network, C>,
    registrations: Rate<Network, C>,
    password_logins_from: Rate<Network, C>,
    password_logins_to: Rate<u64, C>,
    requests: Rate<AccountId, C>,
    envelopes: Rate<AccountId, C>,
    bytes: Rate<AccountId, C>,
    claims: Rate<AccountId, C>,
    claims_of: Rate<(AccountId, AccountId), C>,
    refused_commands: Rate<AccountId, C>,
    names: RandomState,
}

impl Limiters {
    /// Limits as configured.
    pub fn new(limits: &config::Limits) -> Self {
        Self::with_clock(limits, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiters<C> {
    /// Limits as configured, by another clock.
    pub fn with_clock(limits: &config::Limits, clock: &C) -> Self {
        use Limit::{
            Bytes, Claims, Envelopes, Handshakes, PasswordLogins, RefusedCommands, Registrations,
            Requests,
        };
        let connections = Admissions::new(limits.connections, limits.connections_per_address);
        Self {
            connections: Arc::new(connections),
            handshakes: Rate::per_minute(Handshakes, limits.handshakes_per_minute, clock),
            registrations: Rate::per_hour(Registrations, limits.registrations_per_hour, clock),
            password_logins_from: Rate::per_minute(
                PasswordLogins,
                limits.password_logins_per_address,
                clock,
            ),
            password_logins_to: Rate::per_minute(
                PasswordLogins,
                limits.password_logins_per_username,
                clock,
            ),
            requests: Rate::per_minute(Requests, limits.requests_per_minute, clock),
            envelopes: Rate::per_minute(Envelopes, limits.envelopes_per_minute, clock),
            bytes: Rate::per_minute(Bytes, limits.bytes_per_minute, clock),
            claims: Rate::per_hour(Claims, limits.claims_per_hour, clock),
            claims_of: Rate::per_hour(Claims, limits.claims_per_target, clock),
            refused_commands: Rate::per_hour(
                RefusedCommands,
                limits.refused_commands_per_hour,
                clock,
            ),
            names: RandomState::new(),
        }
    }
}

impl<C: Clock> Limiters<C> {
    /// Lets a connection in; it counts until the admission is dropped.
    pub fn admit(&self, from: IpAddr) -> Result<Admission, Exceeded> {
        Admissions::admit(&self.connections, from.into())
    }

    /// How many connections are in.
    pub fn admitted(&self) -> u32 {
        self.connections.total()
    }

    /// A handshake starts.
    pub fn handshake(&self, from: IpAddr) -> Result<(), Exceeded> {
        self.handshakes.take(from.into(), 1)
    }

    /// A registration starts.
    pub fn registration(&self, from: IpAddr) -> Result<(), Exceeded> {
        self.registrations.take(from.into(), 1)
    }

    /// A login by password starts, to the name as typed: there need not be such a user.
    pub fn password_login(&self, from: IpAddr, username: &str) -> Result<(), Exceeded> {
        self.password_logins_from.take(from.into(), 1)?;
        self.password_logins_to.take(self.names.hash_one(username), 1)
    }

    /// An account sends a request.
    pub fn request(&self, account: AccountId) -> Result<(), Exceeded> {
        self.requests.take(account, 1)
    }

    /// An account that is no admin's asks for a command of administration.
    pub fn refused_command(&self, account: AccountId) -> Result<(), Exceeded> {
        self.refused_commands.take(account, 1)
    }

    /// An account submits envelopes.
    pub fn envelopes(&self, account: AccountId, count: usize) -> Result<(), Exceeded> {
        self.envelopes.take(account, count)
    }

    /// An account sends or fetches bytes.
    pub fn bytes(&self, account: AccountId, count: usize) -> Result<(), Exceeded> {
        self.bytes.take(account, count)
    }

    /// An account claims a bundle of each of `devices` devices of another.
    pub fn claims(
        &self,
        requester: AccountId,
        target: AccountId,
        devices: usize,
    ) -> Result<(), Exceeded> {
        self.claims_of.take((requester, target), devices)?;
        self.claims.take(requester, devices)
    }

    /// Forgets who has not been here for long. To be called about once a minute.
    pub fn tidy(&self) {
        self.handshakes.tidy();
        self.registrations.tidy();
        self.password_logins_from.tidy();
        self.password_logins_to.tidy();
        self.requests.tidy();
        self.envelopes.tidy();
        self.bytes.tidy();
        self.claims.tidy();
        self.claims_of.tidy();
        self.refused_commands.tidy();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn account(number: u8) -> AccountId {
        AccountId([number; 16])
    }

    fn limiters(
        change: impl FnOnce(&mut config::Limits),
    ) -> (Limiters<FakeRelativeClock>, FakeRelativeClock) {
        let mut limits = config::Limits::default();
        change(&mut limits);
        let clock = FakeRelativeClock::default();
        (Limiters::with_clock(&limits, &clock), clock)
    }

    #[test]
    fn an_ipv6_address_counts_with_its_64_and_a_mapped_one_as_ipv4() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
        assert_ne!(network("192.0.2.8"), network("192.0.2.7"));
    }

    #[test]
    fn leaving_makes_room_for_the_next_connection() {
        let (limiters, _) = limiters(|limits| {
            limits.connections = 3;
            limits.connections_per_address = 2;
        });
        let [here, there]: [IpAddr; 2] =
            ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let first = limiters.admit(here).unwrap();
        let _second = limiters.admit(here).unwrap();
        assert_eq!(limiters.admit(here).unwrap_err().limit, Limit::ConnectionsPerAddress);
        let _third = limiters.admit(there).unwrap();
        assert_eq!(limiters.admit(there).unwrap_err().limit, Limit::Connections);
        assert_eq!(limiters.admitted(), 3);
        drop(first);
        assert_eq!(limiters.admitted(), 2);
        assert!(limiters.admit(here).is_ok());
    }

    #[test]
    fn nobody_is_remembered_who_left() {
        let (limiters, _) = limiters(|_| ());
        for number in 0..=u8::MAX {
            drop(limiters.admit(IpAddr::from([192, 0, 2, number])).unwrap());
        }
        assert_eq!(limiters.connections.networks(), 0);
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_then_there_is_room() {
        let (limiters, clock) = limiters(|limits| limits.requests_per_minute = 60);
        for _ in 0..60 {
            limiters.request(account(1)).unwrap();
        }
        let exceeded = limiters.request(account(1)).unwrap_err();
        assert_eq!(exceeded.limit, Limit::Requests);
        assert!((1..=1_001).contains(&exceeded.retry_after_ms), "{exceeded:?}");
        assert!(limiters.request(account(2)).is_ok(), "others are not in the way");
        clock.advance(Duration::from_millis(exceeded.retry_after_ms));
        assert!(limiters.request(account(1)).is_ok());
        assert_eq!(Refusal::from(exceeded).retry_after_ms, Some(exceeded.retry_after_ms));
    }

    #[test]
    fn the_prekeys_of_one_account_are_guarded_apart_from_all_claims() {
        let (limiters, _) = limiters(|limits| {
            limits.claims_per_hour = 5;
            limits.claims_per_target = 2;
        });
        limiters.claims(account(1), account(2), 2).unwrap();
        assert_eq!(limiters.claims(account(1), account(2), 1).unwrap_err().limit, Limit::Claims);
        limiters.claims(account(1), account(3), 2).unwrap();
        assert!(limiters.claims(account(1), account(4), 2).is_err(), "five in all");
        assert!(limiters.claims(account(9), account(2), 2).is_ok());
    }

    #[test]
    fn guessing_at_one_name_from_many_addresses_is_slowed_down() {
        let (limiters, _) = limiters(|limits| limits.password_logins_per_username = 3);
        let guess = |number: u8, name: &str| {
            limiters.password_login(IpAddr::from([198, 51, 100, number]), name)
        };
        for number in 0..3 {
            guess(number, "alice").unwrap();
        }
        assert_eq!(guess(3, "alice").unwrap_err().limit, Limit::PasswordLogins);
        assert!(guess(3, "bob").is_ok());
    }

    #[test]
    fn more_than_a_whole_burst_takes_it_all() {
        let (limiters, clock) = limiters(|limits| limits.bytes_per_minute = 1 << 20);
        limiters.bytes(account(1), usize::MAX).unwrap();
        assert!(limiters.bytes(account(1), 1).is_err());
        assert!(limiters.bytes(account(1), 0).is_ok());
        clock.advance(Duration::from_secs(61));
        assert!(limiters.bytes(account(1), 1 << 20).is_ok());
    }
}
