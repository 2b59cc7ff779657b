//! What the relay knows of the own account: its devices with when they were last connected, its
//! login history; and the end of a device.
//!
//! The directory's list ([`Engine::devices`]) is checked against the own identity key; this one is
//! the relay's word.

use sotto_proto::{
    DeviceId, Done,
    account::{AskDevices, AskLogins, DeviceLine, EndDevice, LoginLine},
};

use super::{Engine, error::EngineError};

impl Engine {
    /// The devices of the own account, in the order of their enrolment, as the relay knows them.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`]; what the relay refuses and how a connection fails.
    pub async fn device_lines(&self) -> Result<Vec<DeviceLine>, EngineError> {
        Ok(self.shared.link()?.ask(AskDevices {}).await?)
    }

    /// The logins of the own account and the attempts at them, newest first.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`]; what the relay refuses and how a connection fails.
    pub async fn logins(&self) -> Result<Vec<LoginLine>, EngineError> {
        Ok(self.shared.link()?.ask(AskLogins {}).await?)
    }

    /// Removes another device of the own account: its connection ends, and what it had not fetched
    /// goes back to its senders.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`]; [`EngineError::Refused`] with
    /// [`sotto_proto::ErrorCode::NoSuchDevice`], or with [`sotto_proto::ErrorCode::OutOfBounds`] if
    /// it is this very device; how a connection fails.
    pub async fn end_device(&self, device: DeviceId) -> Result<(), EngineError> {
        let _: Done = self.shared.link()?.ask(EndDevice { device }).await?;
        Ok(())
    }
}
