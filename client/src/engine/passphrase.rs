//! Another passphrase for the vault of a running engine.

use std::io;

use sotto_keys::{VaultKey, derive_vault_key};

use super::{Engine, error::EngineError, secret::Secret};
use crate::{profile::Stretching, vault::VaultError};

impl Engine {
    /// Seals the vault under another passphrase; the engine goes on. The account's password is another
    /// matter and stays. Whatever happens meanwhile, one of the two opens the profile; when this
    /// returns `Ok`, it is `new` alone. Takes as long as writing all of the vault anew.
    ///
    /// # Errors
    /// [`EngineError::EmptyPassphrase`]; [`VaultError::WrongPassphrase`] if `old` is not the
    /// passphrase; another [`VaultError`] if the vault cannot be written, as when the disk is full.
    /// After the first two nothing has changed; after the last one of the two opens the profile,
    /// and it is `old` unless the disk failed at the very end.
    pub async fn change_passphrase(&self, old: Secret, new: Secret) -> Result<(), EngineError> {
        if new.as_bytes().is_empty() {
            return Err(EngineError::EmptyPassphrase);
        }
        let read = self.shared.keeper.run(|kept| Ok(kept.vault.profile().info().stretching));
        let stretching = read.await?;
        let stretch = tokio::task::spawn_blocking(move || {
            Ok::<_, VaultError>((stretched(&old, stretching)?, stretched(&new, stretching)?))
        });
        let cut_short = |error| EngineError::File(io::Error::other(error));
        let (old, new) = stretch.await.map_err(cut_short)??;
        self.shared.keeper.run(move |kept| Ok(kept.vault.change_key(&old, new)?)).await
    }
}

fn stretched(
    passphrase: &Secret,
    Stretching { salt, params }: Stretching,
) -> Result<VaultKey, VaultError> {
    Ok(derive_vault_key(passphrase.as_bytes(), &salt, params)?)
}

#[cfg(test)]
mod tests {
    use super::super::{OpenError, tests::Offline};
    use super::*;
    use crate::vault::Page;

    async fn texts(offline: &Offline) -> Vec<String> {
        let history = offline.engine.history(offline.bob, Page::Latest, 9).await.unwrap();
        history.iter().filter_map(|message| message.text().map(str::to_owned)).collect()
    }

    #[tokio::test]
    async fn the_engine_goes_on_and_the_new_passphrase_alone_opens_the_profile() {
        let offline = Offline::new();
        let engine = &offline.engine;
        engine.send_text(offline.bob, "before", None).await.unwrap();
        let me = engine.me();
        engine.change_passphrase("passphrase".into(), "another".into()).await.unwrap();
        engine.send_text(offline.bob, "after", None).await.unwrap();
        assert_eq!(texts(&offline).await, ["hello", "before", "after"]);

        let offline = offline.reopen("another").await.unwrap();
        assert_eq!(offline.engine.me(), me);
        assert_eq!(texts(&offline).await, ["hello", "before", "after"]);
        // The keys and sessions are there: it can be sealed at once.
        offline.engine.send_text(offline.bob, "on", None).await.unwrap();
        let outbox = offline.engine.shared.keeper.read(|view| Ok(view.outbox(0, 9, usize::MAX)?));
        assert_eq!(outbox.await.unwrap().len(), 3);
        let again = offline.engine.change_passphrase("another".into(), "third".into()).await;
        again.unwrap();
        let refused = offline.reopen("passphrase").await;
        assert!(matches!(refused, Err(OpenError::Vault(VaultError::WrongPassphrase))));
    }

    #[tokio::test]
    async fn a_wrong_or_an_empty_passphrase_changes_nothing() {
        let offline = Offline::new();
        let change = async |old: &str, new: &str| {
            offline.engine.change_passphrase(old.into(), new.into()).await.unwrap_err()
        };
        let wrong = change("wrong", "another").await;
        assert!(matches!(wrong, EngineError::Vault(VaultError::WrongPassphrase)), "{wrong:?}");
        let empty = change("passphrase", "").await;
        assert!(matches!(empty, EngineError::EmptyPassphrase), "{empty:?}");
        offline.engine.send_text(offline.bob, "on", None).await.unwrap();
        let offline = offline.reopen("passphrase").await.unwrap();
        assert_eq!(texts(&offline).await, ["hello", "on"]);
    }
}
