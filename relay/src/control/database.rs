//! Which database the relay stands on, and another one while it is stopped.
//!
//! The choice is kept in the data folder, so that the next start opens the same one. A database
//! that was made by hand elsewhere is left where it is; nothing is copied or deleted.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Relay, SwitchError, store::rocks::RocksStore};

/// The folder with the database, in the data folder and in a backup, unless another was chosen.
pub(super) const DATABASE_FOLDER: &str = "database";
/// The folder with the blobs, in the data folder and in a backup.
pub(super) const BLOB_FOLDER: &str = "blobs";
/// The file in the data folder that names another database than the usual one.
const CHOICE_FILE: &str = "database.path";

/// Why there is no other database.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error("the folder of a database needs an absolute path")]
    Relative,
    #[error(transparent)]
    Switch(#[from] SwitchError),
    #[error("the database is open, but the next start will not know of it: {0}")]
    Kept(#[source] io::Error),
}

/// The folder of the database that a relay on this data folder opens.
pub fn chosen_database(data: &Path) -> io::Result<PathBuf> {
    match fs::read_to_string(data.join(CHOICE_FILE)) {
        Ok(chosen) => Ok(PathBuf::from(chosen.trim_end_matches('\n'))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(data.join(DATABASE_FOLDER)),
        Err(error) => Err(error),
    }
}

/// Where the blobs of a database lie: beside one that is called as in a data folder or a backup,
/// else in it.
pub fn blobs_beside(database: &Path) -> PathBuf {
    match database.parent() {
        Some(parent) if database.ends_with(DATABASE_FOLDER) => parent.join(BLOB_FOLDER),
        _ => database.join(BLOB_FOLDER),
    }
}

/// Goes on with the database in `folder`, at once and at the next start.
pub(super) async fn switch(
    relay: &Relay,
    database: &Arc<RocksStore>,
    data: &Path,
    folder: &Path,
) -> Result<(), DatabaseError> {
    if !folder.is_absolute() {
        return Err(DatabaseError::Relative);
    }
    let before = database.folder().unwrap_or_else(|| data.join(DATABASE_FOLDER));
    if before != folder {
        let (ahead, behind) = (Arc::clone(database), Arc::clone(database));
        let to = folder.to_owned();
        let open = move || ahead.switch(&to);
        let back = move || behind.switch(&before);
        relay.switch_database(blobs_beside(folder), open, back).await?;
    }
    keep(data, folder).map_err(DatabaseError::Kept)
}

/// Written beside and renamed, so that a crash leaves the old choice or the new one.
fn keep(data: &Path, folder: &Path) -> io::Result<()> {
    let file = data.join(CHOICE_FILE);
    if folder == data.join(DATABASE_FOLDER) {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let fresh = file.with_extension("new");
    fs::write(&fresh, format!("{}\n", folder.display()))?;
    fs::rename(fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_kept_and_blobs_stay_with_their_database() {
        let data = tempfile::tempdir().unwrap();
        let usual = data.path().join("database");
        assert_eq!(chosen_database(data.path()).unwrap(), usual);
        keep(data.path(), Path::new("/srv/other")).unwrap();
        assert_eq!(chosen_database(data.path()).unwrap(), Path::new("/srv/other"));
        keep(data.path(), &usual).unwrap();
        assert_eq!(chosen_database(data.path()).unwrap(), usual);
        assert_eq!(blobs_beside(&usual), data.path().join("blobs"));
        assert_eq!(blobs_beside(Path::new("/srv/other")), Path::new("/srv/other/blobs"));
    }
}
