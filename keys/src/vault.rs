//! The key of the vault, out of the passphrase: Argon2id (RFC 9106).
//!
//! Salt and parameters are kept beside the vault; they are no secrets.

use std::fmt;

use crate::primitive::{Key, stretch};

/// Bytes of salt, chosen at random when the vault is made.
pub const VAULT_SALT_LEN: usize = 16;

/// The cost of a guess. What is read from a file is checked against bounds, so that a changed file
/// cannot make the vault hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl VaultParams {
    /// The least that Argon2 can do; for tests, as it protects nothing.
    pub const MINIMUM: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    const MEMORY_KIB_MAX: u32 = 4 * 1024 * 1024;
    const PASSES_MAX: u32 = 64;
    const LANES_MAX: u32 = 64;
}

/// The second recommended option of RFC 9106 section 4: 64 MiB, 3 passes, 4 lanes.
impl Default for VaultParams {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// Why there is no vault key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The parameters are out of bounds.
    #[error("the vault's parameters are out of bounds")]
    BadParams,
    /// The system gave no memory.
    #[error("there is not enough memory to open the vault")]
    OutOfMemory,
}

/// Opens the vault.
#[derive(Clone, PartialEq)]
pub struct VaultKey(Key);

impl VaultKey {
    /// The raw key for SQLCipher.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(..)")
    }
}

/// The key that a passphrase gives. Takes as long as the parameters say: not for an async task.
pub fn derive_vault_key(
    passphrase: &[u8],
    salt: &[u8; VAULT_SALT_LEN],
    params: VaultParams,
) -> Result<VaultKey, VaultError> {
    let VaultParams { memory_kib, passes, lanes } = params;
    if memory_kib > VaultParams::MEMORY_KIB_MAX
        || passes > VaultParams::PASSES_MAX
        || lanes > VaultParams::LANES_MAX
    {
        return Err(VaultError::BadParams);
    }
    let params = argon2::Params::new(memory_kib, passes, lanes, Some(32))
        .map_err(|_| VaultError::BadParams)?;
    let mut key = zeroize::Zeroizing::new([0; 32]);
    match stretch(params, passphrase, salt, key.as_mut_slice()) {
        Ok(()) => Ok(VaultKey(Key::new(*key))),
        Err(argon2::Error::OutOfMemory) => Err(VaultError::OutOfMemory),
        Err(_) => Err(VaultError::BadParams),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passphrase_salt_and_params_give_the_key() {
        let key = |pass: &[u8], salt, params| derive_vault_key(pass, &[salt; 16], params).unwrap();
        let first = key(b"correct horse", 1, VaultParams::MINIMUM);
        assert_eq!(first, key(b"correct horse", 1, VaultParams::MINIMUM));
        assert_ne!(first, key(b"correct mouse", 1, VaultParams::MINIMUM));
        assert_ne!(first, key(b"correct horse", 2, VaultParams::MINIMUM));
        let more = VaultParams { passes: 2, ..VaultParams::MINIMUM };
        assert_ne!(first, key(b"correct horse", 1, more));
        insta::assert_debug_snapshot!(first, @"VaultKey(..)");
    }

    #[test]
    fn params_out_of_bounds_are_refused() {
        for params in [
            VaultParams { memory_kib: 7, ..VaultParams::MINIMUM },
            VaultParams { memory_kib: u32::MAX, ..VaultParams::MINIMUM },
            VaultParams { passes: 0, ..VaultParams::MINIMUM },
            VaultParams { passes: u32::MAX, ..VaultParams::MINIMUM },
            VaultParams { lanes: 0, ..VaultParams::MINIMUM },
            VaultParams { lanes: 65, memory_kib: 1024, passes: 1 },
        ] {
            assert_eq!(derive_vault_key(b"", &[0; 16], params), Err(VaultError::BadParams));
        }
    }
}
