//! Announcements of the relay's admins: each is told once, and those that the relay still has can
//! be listed.
//!
//! The number of the last one stands in the vault's settings, so that a start tells none again.

use std::sync::Arc;

use sotto_proto::announcement::{Announcement, AskAnnouncements};

use super::{Engine, Shared, error::EngineError, event::Event};
use crate::transport::Link;

/// The setting that holds the number of the last announcement that was told.
const LAST: &str = "announcements.last";

/// Tells what is new, now and whenever the relay says so, until the connection ends.
pub(super) async fn follow(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    loop {
        let last = shared.keeper.read(|view| Ok(view.setting(LAST)?)).await?;
        let after = last.and_then(|number| number.parse().ok()).unwrap_or(0);
        let new: Vec<Announcement> = link.ask(AskAnnouncements { after }).await?;
        if let Some(newest) = new.last() {
            let newest = newest.number.to_string();
            // Before they are told: what was told is not told again after a crash.
            shared.keeper.write(move |tx, _| Ok(tx.set_setting(LAST, Some(&newest))?)).await?;
            shared.tell_all(new.into_iter().map(|Announcement { number, at, text }| {
                Event::Announcement { number, at, text: text.into() }
            }));
        }
        shared.wake.announcements.notified().await;
    }
}

impl Engine {
    /// The announcements that the relay has, oldest first: at most those of the last thirty days.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`]; what the relay refuses and how a connection fails.
    pub async fn announcements(&self) -> Result<Vec<Announcement>, EngineError> {
        Ok(self.shared.link()?.ask(AskAnnouncements { after: 0 }).await?)
    }
}
