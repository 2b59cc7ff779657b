//! The password and the passphrase: from a file descriptor, the environment or the terminal.
//!
//! Never from an argument, which others on the machine could see.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Read},
};

use sotto_client::Secret;
use zeroize::Zeroizing;

use crate::{args::Place, failure::Failure};

/// More than anybody types.
const SECRET_MAX: u64 = 4096;

/// The password of the account; asked for twice where it is new.
pub(crate) fn password(place: &Place, is_new: bool) -> Result<Secret, Failure> {
    if let Some(given) = given(place.password_fd, "SOTTO_PASSWORD")? {
        return Ok(given);
    }
    let typed = ask("Password: ")?;
    if is_new && *typed != *ask("The same password again: ")? {
        return Err(Failure::PasswordsDiffer);
    }
    Ok(Secret::from(typed.as_str()))
}

/// The passphrase of the vault, if it is another than the password.
pub(crate) fn passphrase(place: &Place) -> Result<Option<Secret>, Failure> {
    given(place.passphrase_fd, "SOTTO_PASSPHRASE")
}

/// What opens the vault.
pub(crate) fn vault_secret(place: &Place) -> Result<Secret, Failure> {
    match passphrase(place)? {
        Some(passphrase) => Ok(passphrase),
        None => password(place, false),
    }
}

fn given(descriptor: Option<u32>, variable: &str) -> Result<Option<Secret>, Failure> {
    if let Some(descriptor) = descriptor {
        let mut text = Zeroizing::new(String::new());
        // The kernel's name for a descriptor of this process.
        let file = File::open(format!("/dev/fd/{descriptor}"))?;
        file.take(SECRET_MAX).read_to_string(&mut text)?;
        return Ok(Some(Secret::from(text.trim_end_matches(['\r', '\n']))));
    }
    Ok(env::var(variable).ok().filter(|text| !text.is_empty()).map(Secret::from))
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::NoPassword);
    }
    let typed = Zeroizing::new(rpassword::prompt_password(prompt)?);
    if typed.is_empty() { Err(Failure::NoPassword) } else { Ok(typed) }
}
