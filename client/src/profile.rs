//! A profile folder: one account's vault, its attachments, and the little that must be readable
//! before the vault is open (`vault.toml`: the relay, the username, how the key is stretched).
//!
//! Nothing secret stands outside the vault. A [`Profile`] holds the folder's lock, so that two
//! processes never have one vault open.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sotto_keys::{VAULT_SALT_LEN, VaultParams};
use sotto_proto::{
    Username,
    link::{LinkError, RelayLink},
    name::UsernameError,
};

/// The variable that names the folder of all profiles' parent instead of the platform's data folder.
pub const HOME_VARIABLE: &str = "SOTTO_HOME";

const INFO_FILE: &str = "vault.toml";
const VAULT_FILE: &str = "vault.db";
const LOCK_FILE: &str = "lock";
const ATTACHMENTS: &str = "attachments";
/// More than any `vault.toml` that this program writes.
const INFO_MAX: u64 = 64 * 1024;

/// Why a profile could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Another process has it open.
    #[error("this profile is in use by another process")]
    InUse,
    /// There is a profile in this folder.
    #[error("this profile exists already")]
    Exists,
    /// There is a vault without its `vault.toml`: nobody can open it, but it may be put back.
    #[error(
        "the folder holds a vault without its {INFO_FILE}; put that back, or remove the folder"
    )]
    Orphan,
    /// There is none.
    #[error("there is no such profile")]
    Missing,
    /// Not a name for a profile.
    #[error(
        "a profile's name is made of 1 to 64 letters, digits, '-', '_' and '.', and does not start with '.'"
    )]
    Name,
    /// The platform has no folder for data, and no variable names one.
    #[error("no folder for profiles is known; set {HOME_VARIABLE}")]
    NoHome,
    /// `vault.toml` is not as this program writes it.
    #[error("{INFO_FILE} is not understood")]
    Malformed(#[from] toml::de::Error),
    /// The salt in `vault.toml` is none.
    #[error("{INFO_FILE} has no good salt")]
    Salt,
    /// `vault.toml` could not be made.
    #[error("{INFO_FILE} could not be made")]
    Unwritable(#[from] toml::ser::Error),
    /// The relay link in `vault.toml` is none.
    #[error("{INFO_FILE} has no good relay link")]
    Relay(#[source] LinkError),
    /// The username in `vault.toml` is none.
    #[error("{INFO_FILE} has no good username")]
    Username(#[source] UsernameError),
    /// A file or folder could not be read or written.
    #[error("the profile's folder could not be read or written")]
    Io(#[from] io::Error),
}

/// The folder that holds all profiles: `$SOTTO_HOME/profiles`, else `sotto/profiles` in the
/// platform's folder for data.
pub fn profiles_root() -> Result<PathBuf, ProfileError> {
    match std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
        Some(home) => Ok(PathBuf::from(home).join("profiles")),
        None => directories::BaseDirs::new()
            .map(|dirs| dirs.data_dir().join("sotto").join("profiles"))
            .ok_or(ProfileError::NoHome),
    }
}

/// The profiles in `root`, by name.
pub fn list(root: &Path) -> Result<Vec<ProfileName>, ProfileError> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(Ok(name)) = entry.file_name().to_str().map(str::parse)
            && entry.path().join(INFO_FILE).is_file()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The name of a profile, safe as that of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileName(String);

impl ProfileName {
    /// The most characters.
    pub const MAX: usize = 64;

    /// The folder of this profile.
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = ProfileError;

    fn from_str(name: &str) -> Result<Self, ProfileError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let good = (1..=Self::MAX).contains(&name.len()) && !name.starts_with('.');
        if good && name.chars().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ProfileError::Name)
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the vault's key is made from the passphrase: Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretching {
    /// Random, of this vault alone.
    pub salt: [u8; VAULT_SALT_LEN],
    /// The cost of a guess.
    pub params: VaultParams,
}

/// What is known of a profile without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileInfo {
    /// The relay of the account.
    pub relay: RelayLink,
    /// The account's username.
    pub username: Username,
    /// How the vault's key is made.
    pub stretching: Stretching,
}

impl ProfileInfo {
    /// Reads it without locking the profile.
    pub fn read(folder: &Path) -> Result<Self, ProfileError> {
        let file = match File::open(folder.join(INFO_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ProfileError::Missing);
            }
            file => file?,
        };
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(file, INFO_MAX), &mut text)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, ProfileError> {
        let file: InfoFile = toml::from_str(text)?;
        let salt = hex::decode(&file.salt).ok().and_then(|salt| salt.try_into().ok());
        let InfoFile { memory_kib, passes, lanes, .. } = file;
        Ok(Self {
            relay: file.relay.parse().map_err(ProfileError::Relay)?,
            username: file.username.parse().map_err(ProfileError::Username)?,
            stretching: Stretching {
                salt: salt.ok_or(ProfileError::Salt)?,
                params: VaultParams { memory_kib, passes, lanes },
            },
        })
    }

    /// Replaces the file as a whole, or leaves it as it was.
    fn write(&self, folder: &Path) -> Result<(), ProfileError> {
        let VaultParams { memory_kib, passes, lanes } = self.stretching.params;
        let text = toml::to_string(&InfoFile {
            relay: self.relay.to_string(),
            username: self.username.to_string(),
            salt: hex::encode(self.stretching.salt),
            memory_kib,
            passes,
            lanes,
        })?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        write!(
            file,
            "# Nothing here is secret. Without `salt` and the numbers (Argon2id, RFC 9106), the vault cannot be opened.\n{text}"
        )?;
        file.as_file().sync_all()?;
        file.persist(folder.join(INFO_FILE)).map_err(|error| error.error)?;
        sync_folder(folder)?;
        Ok(())
    }
}

/// `vault.toml` as it is written.
#[derive(Serialize, Deserialize)]
struct InfoFile {
    relay: String,
    username: String,
    salt: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A profile's folder, locked for this process until it is dropped.
#[derive(Debug)]
pub struct Profile {
    folder: PathBuf,
    info: ProfileInfo,
    _lock: File,
}

impl Profile {
    /// Makes the folder (mode 0700) and its `vault.toml`.
    pub fn create(
        folder: &Path,
        relay: &RelayLink,
        username: &Username,
        stretching: Stretching,
    ) -> Result<Self, ProfileError> {
        create_private_folder(folder)?;
        let lock = lock(folder)?;
        if folder.join(INFO_FILE).exists() {
            return Err(ProfileError::Exists);
        }
        if folder.join(VAULT_FILE).exists() {
            return Err(ProfileError::Orphan);
        }
        create_private_folder(&folder.join(ATTACHMENTS))?;
        let info = ProfileInfo { relay: relay.clone(), username: username.clone(), stretching };
        info.write(folder)?;
        Ok(Self { folder: folder.to_owned(), info, _lock: lock })
    }

    /// Locks the profile in `folder`.
    pub fn open(folder: &Path) -> Result<Self, ProfileError> {
        if !folder.join(INFO_FILE).exists() {
            return Err(ProfileError::Missing);
        }
        let lock = lock(folder)?;
        let info = ProfileInfo::read(folder)?;
        Ok(Self { folder: folder.to_owned(), info, _lock: lock })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known without the passphrase.
    pub const fn info(&self) -> &ProfileInfo {
        &self.info
    }

    /// The folder for the files of messages.
    pub fn attachments(&self) -> PathBuf {
        self.folder.join(ATTACHMENTS)
    }

    /// The vault's file.
    pub fn vault_file(&self) -> PathBuf {
        self.folder.join(VAULT_FILE)
    }

    /// The account's relay is found by this link from now on.
    pub fn set_relay(&mut self, relay: &RelayLink) -> Result<(), ProfileError> {
        let info = ProfileInfo { relay: relay.clone(), ..self.info.clone() };
        info.write(&self.folder)?;
        self.info = info;
        Ok(())
    }

    /// Deletes the profile with everything in it, as after a registration that failed.
    pub fn discard(self) -> Result<(), ProfileError> {
        // The vault goes before its salt, so that a crash leaves no orphan.
        match fs::remove_file(self.vault_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

fn lock(folder: &Path) -> Result<File, ProfileError> {
    let file = private_options().create(true).truncate(false).open(folder.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ProfileError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Options to write a file that its owner alone may read (mode 0600).
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Makes a rename in `folder` durable, where the platform can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "sotto://relay.example:4433/";

    fn create(folder: &Path) -> Result<Profile, ProfileError> {
        let stretching = Stretching { salt: [7; 16], params: VaultParams::default() };
        Profile::create(folder, &LINK.parse().unwrap(), &"anna".parse().unwrap(), stretching)
    }

    #[test]
    fn a_profile_is_read_as_it_was_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("anna");
        let made = create(&folder).unwrap().info().clone();
        assert_eq!(ProfileInfo::read(&folder).unwrap(), made);
        let mut profile = Profile::open(&folder).unwrap();
        assert_eq!(profile.info(), &made);
        let pinned = format!("sotto://[::1]:9/#{}", "0f".repeat(32));
        profile.set_relay(&pinned.parse().unwrap()).unwrap();
        assert_eq!(ProfileInfo::read(&folder).unwrap().relay.to_string(), pinned);
        assert_eq!(ProfileInfo::read(&folder).unwrap().stretching, made.stretching);
    }

    #[test]
    fn one_process_at_a_time_has_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("anna");
        let profile = create(&folder).unwrap();
        assert!(matches!(Profile::open(&folder), Err(ProfileError::InUse)));
        drop(profile);
        assert!(matches!(create(&folder), Err(ProfileError::Exists)));
        let profile = Profile::open(&folder).unwrap();
        profile.discard().unwrap();
        assert!(matches!(Profile::open(&folder), Err(ProfileError::Missing)));
        assert!(!folder.exists());
    }

    #[test]
    fn a_vault_that_lost_its_salt_is_not_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("anna");
        let profile = create(&folder).unwrap();
        fs::write(profile.vault_file(), b"a vault").unwrap();
        drop(profile);
        fs::remove_file(folder.join(INFO_FILE)).unwrap();
        assert!(matches!(create(&folder), Err(ProfileError::Orphan)));
        assert_eq!(fs::read(folder.join(VAULT_FILE)).unwrap(), b"a vault");
    }

    #[test]
    fn profiles_are_listed_by_name() {
        let root = tempfile::tempdir().unwrap();
        assert!(list(&root.path().join("none")).unwrap().is_empty());
        create(&root.path().join("work")).unwrap();
        create(&root.path().join("home")).unwrap();
        fs::create_dir(root.path().join("other")).unwrap();
        let names: Vec<_> = list(root.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["home", "work"]);
    }

    #[test]
    fn a_name_cannot_leave_the_folder_of_profiles() {
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<ProfileName>().is_err(), "{bad:?}");
        }
        assert!("a.b-c_9".parse::<ProfileName>().is_ok());
    }

    #[test]
    fn a_damaged_file_is_told_by_its_line() {
        let good = "relay = \"sotto://a:1/\"\nusername = \"anna\"\n# x\n\nsalt = \"00112233445566778899aabbccddeeff\"\nmemory_kib = 8\npasses = 1\nlanes = 1\n";
        assert!(ProfileInfo::parse(good).is_ok());
        let cases = [
            (good.replace("passes = 1", "passes = -1"), "line 7"),
            (good.replace("lanes = 1", "lanes"), "line 8"),
            (good.replace("passes = 1\n", ""), "passes"),
        ];
        for (text, expected) in cases {
            match ProfileInfo::parse(&text) {
                Err(ProfileError::Malformed(error)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        let bad = good.replace("salt = \"00", "salt = \"0");
        assert!(matches!(ProfileInfo::parse(&bad), Err(ProfileError::Salt)));
        let bad = good.replace("sotto://", "http://");
        assert!(matches!(ProfileInfo::parse(&bad), Err(ProfileError::Relay(_))));
        let bad = good.replace("anna", "Anna");
        assert!(matches!(ProfileInfo::parse(&bad), Err(ProfileError::Username(_))));
    }

    #[cfg(unix)]
    #[test]
    fn others_may_not_enter() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("anna");
        create(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(ATTACHMENTS)), 0o700);
        assert_eq!(mode(&folder.join(INFO_FILE)), 0o600);
    }
}
