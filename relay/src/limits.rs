//! Who may connect and how often who may do what.
//!
//! Addresses are counted before login, accounts after it. Every count has a bound on the keys
//! that it remembers. Nothing here waits or closes anything: the caller is told when to come
//! back and acts on it.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};
use sotto_proto::{AccountId, Refusal};

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
        self.connections.lock().total
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
    }
}

/// A connection that was let in. Dropping it is leaving.
#[derive(Debug)]
pub struct Admission {
    admissions: Arc<Admissions>,
    network: Network,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.admissions.lock();
        counts.total = counts.total.saturating_sub(1);
        if let Some(count) = counts.by_network.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
}

/// How many connections are in; at most as many networks are remembered.
#[derive(Debug)]
struct Admissions {
    most: u32,
    most_per_network: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: u32,
    by_network: HashMap<Network, u32>,
}

/// When to come back to a relay that is full: nobody knows when someone leaves.
const CROWDED_RETRY_MS: u64 = 5_000;

impl Admissions {
    fn new(most: u32, most_per_network: u32) -> Self {
        Self { most, most_per_network, counts: Mutex::default() }
    }

    fn admit(this: &Arc<Self>, network: Network) -> Result<Admission, Exceeded> {
        let crowded = |limit| Exceeded { limit, retry_after_ms: CROWDED_RETRY_MS };
        let mut counts = this.lock();
        if counts.total >= this.most {
            return Err(crowded(Limit::Connections));
        }
        let here = counts.by_network.get(&network).copied().unwrap_or_default();
        if here >= this.most_per_network {
            return Err(crowded(Limit::ConnectionsPerAddress));
        }
        counts.total += 1;
        counts.by_network.insert(network, here + 1);
        Ok(Admission { admissions: Arc::clone(this), network })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rate for each key, with a bound on the keys that are remembered.
#[derive(Debug)]
struct Rate<K: Hash + Eq + Clone, C: Clock> {
    limit: Limit,
    burst: NonZeroU32,
    limiter: Keyed<Slot<K>, C>,
    clock: C,
    hasher: RandomState,
    since_look: AtomicU32,
    crowded: AtomicBool,
}

type Keyed<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// What a rate is counted for: a key, or, when there are too many, all keys of one hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    Shared(u64),
}

/// The most keys that a rate remembers apart from each other.
const KEYS_MAX: usize = 100_000;
/// Among how many counts the keys beyond that are spread.
const SHARED_SLOTS: u64 = 4_096;
/// After so many keys a rate looks whether there are too many.
const LOOK_EVERY: u32 = 1_024;

impl<K: Hash + Eq + Clone, C: Clock + Clone> Rate<K, C> {
    fn per_minute(limit: Limit, count: u32, clock: &C) -> Self {
        Self::new(limit, count, Quota::per_minute, clock)
    }

    fn per_hour(limit: Limit, count: u32, clock: &C) -> Self {
        Self::new(limit, count, Quota::per_hour, clock)
    }

    fn new(limit: Limit, count: u32, per: fn(NonZeroU32) -> Quota, clock: &C) -> Self {
        let burst = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            limit,
            burst,
            limiter: RateLimiter::dashmap_with_clock(per(burst), clock.clone()),
            clock: clock.clone(),
            hasher: RandomState::new(),
            since_look: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        }
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Rate<K, C> {
    /// Takes `count` of what the key may take; more than it may ever take counts as all of it.
    fn take(&self, key: K, count: usize) -> Result<(), Exceeded> {
        let Some(count) = NonZeroU32::new(u32::try_from(count).unwrap_or(u32::MAX)) else {
            return Ok(());
        };
        if self.since_look.fetch_add(1, Ordering::Relaxed) % LOOK_EVERY == LOOK_EVERY - 1 {
            self.look();
        }
        let slot = if self.crowded.load(Ordering::Relaxed) {
            Slot::Shared(self.hasher.hash_one(&key) % SHARED_SLOTS)
        } else {
            Slot::Own(key)
        };
        let wait = match self.limiter.check_key_n(&slot, count.min(self.burst)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(until)) => until.wait_time_from(self.clock.now()),
            Err(_) => Duration::from_mins(1),
        };
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Err(Exceeded { limit: self.limit, retry_after_ms: millis.saturating_add(1) })
    }

    fn look(&self) {
        if self.limiter.len() > KEYS_MAX {
            self.tidy();
        }
    }

    fn tidy(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.crowded.store(self.limiter.len() > KEYS_MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
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
        assert!(limiters.connections.lock().by_network.is_empty());
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

    #[test]
    fn the_keys_of_a_rate_are_bounded_and_the_idle_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::per_minute(Limit::Handshakes, 10, &clock);
        for number in 0..300_000_u32 {
            let _ = rate.take(number, 1);
        }
        let bound = KEYS_MAX
            + usize::try_from(SHARED_SLOTS).unwrap()
            + usize::try_from(LOOK_EVERY).unwrap();
        assert!(rate.limiter.len() <= bound, "{}", rate.limiter.len());
        clock.advance(Duration::from_mins(2));
        rate.tidy();
        assert_eq!(rate.limiter.len(), 0);
        assert!(!rate.crowded.load(Ordering::Relaxed));
    }
}
