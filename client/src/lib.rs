//! The client of Sotto: an engine that every face uses (command line, desktop, bots), its vault
//! and its way to the relay.
//!
//! A face opens an [`Engine`] on a profile folder, calls its methods and listens to its
//! [`Event`]s. Nothing here prints, asks a person, or knows how anything is shown.

pub mod engine;
pub mod model;
pub mod profile;
mod transport;
pub mod vault;

pub use engine::{
    ConnectError, ConnectionState, Engine, EngineError, Event, ExistingAccount, ExportFormat,
    Flushed, Me, NewAccount, NewRoom, OpenError, OwnDevice, Secret, SignInError, StopReason,
    StorageUsed,
};
pub use sotto_keys::{NotASafetyNumber, SafetyNumber};
pub use sotto_proto as proto;
pub use transport::TransportError;
pub use vault::{Page, VaultError};
