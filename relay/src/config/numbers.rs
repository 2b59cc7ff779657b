//! The settings that are numbers: quotas, limits, timeouts.
//!
//! Each is declared once, with its default and range; the file's table, the flags with their
//! help, and the check come of that.

use std::time::Duration;

use super::{
    ConfigError,
    file::{Picked, Source},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Declares a table of numbers: key, variable, default, range.
macro_rules! numbers {
    (
        $(#[doc = $about:literal])+
        $name:ident, $file:ident, $flags:ident, $table:literal, $heading:literal;
        $($(#[doc = $doc:literal])+ $key:ident, $variable:literal: $type:ty = $default:literal, $min:literal..=$max:literal;)+
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[allow(clippy::struct_field_names, reason = "a setting's name holds its unit")]
        pub(super) struct $file {
            $($key: Option<toml::Spanned<$type>>,)+
        }

        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, Default, clap::Args)]
        #[command(next_help_heading = $heading)]
        pub struct $flags {
            $(
                $(#[doc = $doc])+
                #[arg(
                    long,
                    env = $variable,
                    value_name = "N",
                    help = concat!($($doc,)+ " [default: ", stringify!($default), "]").trim_start(),
                    value_parser = clap::value_parser!($type).range($min..=$max)
                )]
                pub $key: Option<$type>,
            )+
        }

        impl $name {
            pub(super) fn layered(
                source: Source<'_>,
                file: $file,
                flags: &$flags,
            ) -> Result<Self, ConfigError> {
                $(
                    let $key = Picked::or(flags.$key, file.$key, $default);
                    let range: std::ops::RangeInclusive<$type> = $min..=$max;
                    if !range.contains(&$key.value) {
                        let key = concat!($table, ".", stringify!($key));
                        let problem = format!("must be from {} to {}", range.start(), range.end());
                        return Err(source.error(&$key, key, &problem));
                    }
                )+
                Ok(Self { $($key: $key.value,)+ })
            }
        }
    };
}

numbers! {
    /// How much is kept, and for how long.
    Quotas, QuotasFile, QuotasFlags, "quotas", "Quotas";
    /// The most envelopes that wait in a device's mailbox
    mailbox_entries, "SOTTO_RELAY_MAILBOX_ENTRIES": u64 = 100_000, 1..=1_000_000_000;
    /// The most bytes that wait in a device's mailbox
    mailbox_bytes, "SOTTO_RELAY_MAILBOX_BYTES": u64 = 268_435_456, 1_024..=1_000_000_000_000;
    /// Days after which an envelope that nobody fetched expires
    envelope_days, "SOTTO_RELAY_ENVELOPE_DAYS": u32 = 30, 1..=3_650;
    /// The most bytes of blobs (attachments) of one account
    blob_bytes, "SOTTO_RELAY_BLOB_BYTES": u64 = 1_073_741_824, 0..=1_000_000_000_000_000;
    /// Days after which a blob expires
    blob_days, "SOTTO_RELAY_BLOB_DAYS": u32 = 30, 1..=3_650;
    /// The most devices in a room
    room_devices, "SOTTO_RELAY_ROOM_DEVICES": u32 = 2_000, 2..=100_000;
    /// Days after which what all members of a room have read goes
    room_days, "SOTTO_RELAY_ROOM_DAYS": u32 = 30, 1..=3_650;
    /// The bytes of a room's log above which what all members have read goes
    room_bytes, "SOTTO_RELAY_ROOM_BYTES": u64 = 268_435_456, 1_024..=1_000_000_000_000;
    /// Days after which what stands in a room goes even unread
    room_unread_days, "SOTTO_RELAY_ROOM_UNREAD_DAYS": u32 = 90, 1..=3_650;
    /// The bytes of a room's log above which what stands in it goes even unread
    room_unread_bytes, "SOTTO_RELAY_ROOM_UNREAD_BYTES": u64 = 1_073_741_824, 1_024..=1_000_000_000_000;
    /// Days for which the audit log is kept
    audit_days, "SOTTO_RELAY_AUDIT_DAYS": u32 = 365, 1..=36_500;
    /// Days for which login histories are kept
    login_days, "SOTTO_RELAY_LOGIN_DAYS": u32 = 90, 1..=3_650;
}

numbers! {
    /// How much and how often, for each network address (IPv6: each /64) and account.
    Limits, LimitsFile, LimitsFlags, "limits", "Limits";
    /// The most connections in all
    connections, "SOTTO_RELAY_CONNECTIONS": u32 = 10_000, 1..=1_000_000;
    /// The most connections of one address
    connections_per_address, "SOTTO_RELAY_CONNECTIONS_PER_ADDRESS": u32 = 256, 1..=1_000_000;
    /// The most handshakes in a minute of one address
    handshakes_per_minute, "SOTTO_RELAY_HANDSHAKES_PER_MINUTE": u32 = 600, 1..=1_000_000_000;
    /// The most bytes that a connection may send before it has logged in
    anonymous_bytes, "SOTTO_RELAY_ANONYMOUS_BYTES": u64 = 4_194_304, 1_048_576..=1_073_741_824;
    /// The most registrations in an hour of one address
    registrations_per_hour, "SOTTO_RELAY_REGISTRATIONS_PER_HOUR": u32 = 120, 1..=1_000_000_000;
    /// The most logins by password in a minute of one address
    password_logins_per_address, "SOTTO_RELAY_PASSWORD_LOGINS_PER_ADDRESS": u32 = 30, 1..=1_000_000_000;
    /// The most logins by password in a minute to one username
    password_logins_per_username, "SOTTO_RELAY_PASSWORD_LOGINS_PER_USERNAME": u32 = 10, 1..=1_000_000_000;
    /// The most requests in a minute of one account
    requests_per_minute, "SOTTO_RELAY_REQUESTS_PER_MINUTE": u32 = 1_200, 1..=1_000_000_000;
    /// The most envelopes in a minute of one account
    envelopes_per_minute, "SOTTO_RELAY_ENVELOPES_PER_MINUTE": u32 = 6_000, 256..=1_000_000_000;
    /// The most bytes in a minute, both ways, of one account
    bytes_per_minute, "SOTTO_RELAY_BYTES_PER_MINUTE": u32 = 1_073_741_824, 1_048_576..=4_294_967_295;
    /// The most bundles that one account claims in an hour
    claims_per_hour, "SOTTO_RELAY_CLAIMS_PER_HOUR": u32 = 600, 1..=1_000_000_000;
    /// The most bundles of one other account that one account claims in an hour
    claims_per_target, "SOTTO_RELAY_CLAIMS_PER_TARGET": u32 = 20, 1..=1_000_000_000;
    /// The most commands in an hour of one account that is no admin's: each is refused and audited
    refused_commands_per_hour, "SOTTO_RELAY_REFUSED_COMMANDS_PER_HOUR": u32 = 60, 1..=1_000_000_000;
}

numbers! {
    /// How long the relay waits.
    Timeouts, TimeoutsFile, TimeoutsFlags, "timeouts", "Timeouts";
    /// Seconds that a handshake may take
    handshake_seconds, "SOTTO_RELAY_HANDSHAKE_SECONDS": u32 = 10, 1..=3_600;
    /// Seconds that a connection may take to log in
    login_seconds, "SOTTO_RELAY_LOGIN_SECONDS": u32 = 30, 1..=3_600;
    /// Seconds without a sign of life after which a connection is given up
    idle_seconds, "SOTTO_RELAY_IDLE_SECONDS": u32 = 60, 5..=3_600;
    /// Seconds that connections get to finish when the relay shuts down
    drain_seconds, "SOTTO_RELAY_DRAIN_SECONDS": u32 = 5, 0..=3_600;
}

impl Quotas {
    /// For how many milliseconds an envelope waits.
    pub fn envelope_lifetime_ms(&self) -> u64 {
        u64::from(self.envelope_days) * DAY_MS
    }

    /// For how many milliseconds a room keeps what all members have read.
    pub fn room_lifetime_ms(&self) -> u64 {
        u64::from(self.room_days) * DAY_MS
    }

    /// For how many milliseconds a room keeps what somebody has not read.
    pub fn room_unread_lifetime_ms(&self) -> u64 {
        u64::from(self.room_unread_days) * DAY_MS
    }

    /// For how many milliseconds a line of the audit log is kept.
    pub fn audit_lifetime_ms(&self) -> u64 {
        u64::from(self.audit_days) * DAY_MS
    }

    /// For how many milliseconds a line of a login history is kept.
    pub fn login_lifetime_ms(&self) -> u64 {
        u64::from(self.login_days) * DAY_MS
    }

    /// For how many milliseconds a blob is kept.
    pub fn blob_lifetime_ms(&self) -> u64 {
        u64::from(self.blob_days) * DAY_MS
    }
}

impl Timeouts {
    /// How long a handshake may take.
    pub fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds.into())
    }

    /// How long a connection may take to log in.
    pub fn login(&self) -> Duration {
        Duration::from_secs(self.login_seconds.into())
    }

    /// How long a silent connection is kept.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.into())
    }

    /// How long a shutdown waits for connections.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }
}
