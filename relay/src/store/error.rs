//! What can go wrong in a store.

/// Why an operation of the store did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The username is taken.
    #[error("the username is taken")]
    UsernameTaken,
    /// The invitation is unknown or used up.
    #[error("the invitation is unknown or used up")]
    Invitation,
    /// The device number is in use with other keys.
    #[error("the device number is in use")]
    DeviceTaken,
    /// The account has as many devices, or the device as many prekeys, as it may.
    #[error("the limit is reached")]
    TooMany,
    /// The account, the device or the blob is not there.
    #[error("no such account, device or blob")]
    NotFound,
    /// No admin who can log in would be left.
    #[error("this is the relay's last admin: appoint another first")]
    LastAdmin,
    /// There is no such code with uses left.
    #[error("there is no such invitation code")]
    NoSuchInvitation,
    /// There is no such announcement.
    #[error("there is no such announcement")]
    NoSuchAnnouncement,
    /// What is stored does not parse.
    #[error("the database holds a record that does not parse ({0})")]
    Corrupt(&'static str),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is closed.
    #[error("the database is closed")]
    Closed,
}
