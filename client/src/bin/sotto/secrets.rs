//! The password and the passphrase: from a file descriptor, the environment or the terminal.
//!
//! Never from an argument, which others on the computer could see.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal as _, Read as _},
};

use clap::Args;
use sotto_client::Secret;
use zeroize::Zeroizing;

use crate::error::CliError;

const PASSWORD: &str = "SOTTO_PASSWORD";
const PASSPHRASE: &str = "SOTTO_PASSPHRASE";
/// More than anybody types.
const LONGEST: u64 = 4096;
/// Shorter ones can be tried through by whoever has the vault.
const SHORT: usize = 10;

/// Where secrets come from, if not from the terminal.
#[derive(Args, Clone, Debug)]
pub(crate) struct SecretArgs {
    /// Read the password from this file descriptor
    #[arg(long, value_name = "FD", global = true, help_heading = "Global options")]
    password_fd: Option<u32>,
    /// Read the passphrase of the vault from this file descriptor, where it is not the password
    #[arg(long, value_name = "FD", global = true, help_heading = "Global options")]
    passphrase_fd: Option<u32>,
}

/// A secret, and whether a person typed it and may try again.
pub(crate) struct Given {
    pub(crate) secret: Secret,
    pub(crate) typed: bool,
}

/// What registration and login need.
pub(crate) struct Credentials {
    pub(crate) password: Secret,
    pub(crate) passphrase: Secret,
    pub(crate) is_short: bool,
}

impl SecretArgs {
    /// What opens the vault of a profile.
    pub(crate) fn passphrase(&self, profile: &str) -> Result<Given, CliError> {
        let given = match given(self.passphrase_fd, PASSPHRASE)? {
            None => given(self.password_fd, PASSWORD)?,
            passphrase => passphrase,
        };
        if let Some(text) = given {
            return Ok(Given { secret: Secret::from(text.as_str()), typed: false });
        }
        let typed = ask(&format!("Password of profile {profile}: "))?;
        Ok(Given { secret: Secret::from(typed.as_str()), typed: true })
    }

    /// The password of an account that there is.
    pub(crate) fn credentials(&self, username: &str) -> Result<Credentials, CliError> {
        let password = match given(self.password_fd, PASSWORD)? {
            Some(text) => text,
            None => ask(&format!("Password of {username}: "))?,
        };
        self.with_passphrase(&password)
    }

    /// A password for a new account; who types it types it twice.
    pub(crate) fn new_credentials(&self, username: &str) -> Result<Credentials, CliError> {
        if let Some(password) = given(self.password_fd, PASSWORD)? {
            return self.with_passphrase(&password);
        }
        let password = ask(&format!("A password for {username} (nobody can reset it): "))?;
        if *password != *ask("The same again: ")? {
            return Err(CliError::Secret("the two passwords differ".to_owned()));
        }
        self.with_passphrase(&password)
    }

    fn with_passphrase(&self, password: &str) -> Result<Credentials, CliError> {
        let passphrase = given(self.passphrase_fd, PASSPHRASE)?;
        let passphrase = passphrase.as_ref().map_or(password, |text| text.as_str());
        Ok(Credentials {
            password: Secret::from(password),
            passphrase: Secret::from(passphrase),
            is_short: password.chars().count().min(passphrase.chars().count()) < SHORT,
        })
    }
}

fn given(descriptor: Option<u32>, variable: &str) -> Result<Option<Zeroizing<String>>, CliError> {
    let text = match descriptor {
        Some(descriptor) => read(descriptor)?,
        None => match env::var(variable) {
            Ok(text) => Zeroizing::new(text),
            Err(env::VarError::NotPresent) => return Ok(None),
            Err(env::VarError::NotUnicode(_)) => {
                return Err(CliError::Secret(format!("{variable} is not UTF-8")));
            }
        },
    };
    if text.is_empty() {
        let place = descriptor
            .map_or_else(|| variable.to_owned(), |number| format!("file descriptor {number}"));
        return Err(CliError::Secret(format!("{place} gives an empty password")));
    }
    Ok(Some(text))
}

/// The first line of a descriptor that this process inherited.
fn read(descriptor: u32) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    File::open(format!("/dev/fd/{descriptor}"))
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(|cause| CliError::Input {
            what: format!("file descriptor {descriptor}"),
            cause,
        })?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Secret(format!(
            "a password is needed: there is no terminal to ask at, so set {PASSWORD} or give \
             --password-fd"
        )));
    }
    let typed = rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|cause| CliError::Input { what: "the password".to_owned(), cause })?;
    if typed.is_empty() {
        return Err(CliError::Secret("a password is not empty".to_owned()));
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::fd::AsRawFd as _};

    use super::*;

    fn from_file(content: &[u8]) -> Result<Option<Zeroizing<String>>, CliError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        given(Some(file.as_raw_fd().try_into().unwrap()), "SOTTO_UNUSED")
    }

    #[test]
    fn a_descriptor_gives_its_first_line() {
        assert_eq!(*from_file("pass wörd \nmore\n".as_bytes()).unwrap().unwrap(), "pass wörd ");
        assert!(matches!(from_file(b"\n"), Err(CliError::Secret(_))));
        assert!(matches!(from_file(b"\xff"), Err(CliError::Input { .. })));
        assert!(matches!(given(Some(9999), "SOTTO_UNUSED"), Err(CliError::Input { .. })));
    }

    #[test]
    fn without_a_descriptor_and_a_variable_none_is_given() {
        assert!(given(None, "SOTTO_VARIABLE_THAT_NOBODY_SETS").unwrap().is_none());
    }
}
