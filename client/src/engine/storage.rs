//! How much room a profile takes on this computer's disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Engine, error::EngineError};

/// How much room a profile takes on the disk: the lengths of its files, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StorageUsed {
    /// The vault: the database and its log. It holds all texts, and of files what is known of them,
    /// never their bytes.
    pub vault: u64,
    /// What the profile's folder for the files of messages holds, with what is there of downloads
    /// that were interrupted. Files that the owner sent, or saved in another place, are not counted:
    /// they are the owner's.
    pub attachments: u64,
}

impl Engine {
    /// How much room the profile takes on the disk.
    ///
    /// # Errors
    /// [`EngineError::File`] if the profile's folder cannot be read.
    pub async fn storage(&self) -> Result<StorageUsed, EngineError> {
        let measure = self.shared.keeper.run(|kept| {
            let profile = kept.vault.profile();
            measure(&profile.vault_file(), profile.attachments()).map_err(EngineError::File)
        });
        measure.await
    }
}

fn measure(vault: &Path, attachments: PathBuf) -> io::Result<StorageUsed> {
    Ok(StorageUsed { vault: vault_size(vault)?, attachments: folder_size(attachments)? })
}

/// The database with the files that SQLite keeps beside it, which are named after it.
fn vault_size(vault: &Path) -> io::Result<u64> {
    let (Some(folder), Some(name)) = (vault.parent(), vault.file_name()) else { return Ok(0) };
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()) {
            total += found(entry.metadata())?.map_or(0, |file| file.len());
        }
    }
    Ok(total)
}

fn folder_size(folder: PathBuf) -> io::Result<u64> {
    let (mut total, mut folders) = (0, vec![folder]);
    while let Some(folder) = folders.pop() {
        let Some(entries) = found(fs::read_dir(&folder))? else { continue };
        for entry in entries {
            let entry = entry?;
            // Of a link the link itself, so that nothing is counted twice and no circle followed.
            match found(entry.metadata())? {
                Some(inside) if inside.is_dir() => folders.push(entry.path()),
                Some(inside) => total += inside.len(),
                None => {}
            }
        }
    }
    Ok(total)
}

/// A download may remove its file meanwhile.
fn found<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    match looked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        looked => looked.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Offline;
    use super::*;

    #[tokio::test]
    async fn the_vault_and_the_files_of_messages_are_measured_apart() {
        let offline = Offline::new();
        let before = offline.engine.storage().await.unwrap();
        assert_eq!(before.attachments, 0);
        let length = |name: &str| fs::metadata(offline.profile().join(name)).unwrap().len();
        assert_eq!(before.vault, length("vault.db") + length("vault.db-wal"));

        let attachments = offline.profile().join("attachments");
        fs::create_dir(attachments.join("inner")).unwrap();
        fs::write(attachments.join("one.part"), [0; 1000]).unwrap();
        fs::write(attachments.join("inner/two"), [0; 24]).unwrap();
        fs::write(offline.profile().join("notes"), [0; 500]).unwrap();
        let with_files = offline.engine.storage().await.unwrap();
        assert_eq!(with_files, StorageUsed { attachments: 1024, ..before });

        let long = "word ".repeat(5000);
        offline.engine.send_text(offline.bob, &long, None).await.unwrap();
        assert!(offline.engine.storage().await.unwrap().vault > before.vault);
    }

    #[tokio::test]
    async fn a_profile_without_a_folder_for_files_holds_none() {
        let offline = Offline::new();
        fs::remove_dir(offline.profile().join("attachments")).unwrap();
        assert_eq!(offline.engine.storage().await.unwrap().attachments, 0);
    }
}
