//! Administration of the relay, for an owner who is an admin; and the role itself.
//!
//! The relay decides who may: what is known here only spares others the sight of it. It stands in
//! the vault's settings, so that a change is told once.

use std::sync::atomic::Ordering;

use sotto_proto::admin::{Answer, Command};

use super::{Engine, Shared, error::EngineError, event::Event, keeper::Kept};

/// The setting that is there while the owner may administer the relay.
const ROLE: &str = "role.admin";

/// Whether the owner might administer the relay when it was last heard of.
pub(super) fn remembered(kept: &Kept) -> bool {
    // A vault that does not answer says so at the next job.
    kept.vault.read(|view| view.setting(ROLE)).is_ok_and(|role| role.is_some())
}

impl Shared {
    /// The relay said whether the owner may administer it.
    pub(super) async fn set_admin(&self, admin: bool) -> Result<(), EngineError> {
        if self.admin.swap(admin, Ordering::Relaxed) != admin {
            let role = admin.then_some("yes");
            self.keeper.write(move |tx, _| Ok(tx.set_setting(ROLE, role)?)).await?;
            self.tell(Event::Role { admin });
        }
        Ok(())
    }
}

impl Engine {
    /// Whether the owner may administer the relay, as the relay said last.
    pub fn is_admin(&self) -> bool {
        self.shared.admin.load(Ordering::Relaxed)
    }

    /// Has the relay carry out a command of administration.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with [`sotto_proto::ErrorCode::NotAdmin`] if the owner is no admin;
    /// [`EngineError::NoSuchUser`] if it names an account that there is not;
    /// [`EngineError::NotConnected`]; what else the relay refuses and how a connection fails.
    pub async fn administer(&self, command: Command) -> Result<Answer, EngineError> {
        Ok(self.shared.link()?.ask(command).await?)
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::admin::AskFigures;

    use super::super::tests::Offline;
    use super::*;

    #[tokio::test]
    async fn a_role_is_told_when_it_changes_and_commands_need_the_relay() {
        let Offline { engine, .. } = &Offline::new();
        let mut events = engine.subscribe();
        assert!(!engine.is_admin());
        for admin in [false, true, true, false] {
            engine.shared.set_admin(admin).await.unwrap();
            assert_eq!(engine.is_admin(), admin);
        }
        assert_eq!(events.try_recv().unwrap(), Event::Role { admin: true });
        assert_eq!(events.try_recv().unwrap(), Event::Role { admin: false });
        assert!(events.try_recv().is_err());
        let refused = engine.administer(Command::Figures(AskFigures {})).await;
        assert!(matches!(refused, Err(EngineError::NotConnected)));
    }
}
