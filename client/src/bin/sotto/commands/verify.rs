//! `sotto verify`: being sure that a contact's identity key is the contact's.

use clap::Args;
use serde::Serialize;
use sotto_client::{Engine, SafetyNumber, model::Contact};

use crate::{
    app::{App, Reach},
    error::CliError,
    out::BOLD,
    people, qr, waiting,
};

/// Compare safety numbers with a contact, to be sure that nobody is in between
///
/// You both run `sotto verify` for each other and compare the 60 digits, in person or on a call
/// where you know the voice. They are the same on both sides, or something is wrong.
///
/// If a contact's identity key changed, nothing is sent until you have looked at the new number
/// here and said --acknowledge (go on) or --mark (you have compared it).
///
/// JSON: username, safety_number, qr_text, verified, identity_changed, and matches with --compare.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "\
Examples:
  sotto verify bob --qr
  sotto verify bob --compare '12345 67890 …'      # exit code 8 if they differ
  sotto verify bob --mark                         # you have compared them: they are the same
  sotto verify bob --acknowledge                  # go on with the new key, without having compared")]
pub(crate) struct Verify {
    /// The contact
    user: String,
    /// Show the number as a QR code too
    #[arg(long)]
    qr: bool,
    /// Compare with the digits, or the text of the QR code, of the other side; mark if the same
    #[arg(long, value_name = "DIGITS", conflicts_with = "unmark")]
    compare: Option<String>,
    /// Mark as verified: you have compared the numbers
    #[arg(long, conflicts_with_all = ["unmark", "compare"])]
    mark: bool,
    /// Mark as not verified
    #[arg(long)]
    unmark: bool,
    /// Go on with a changed identity key: what waits is sent
    #[arg(long, conflicts_with_all = ["unmark", "compare", "mark"])]
    acknowledge: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    username: &'a str,
    safety_number: String,
    qr_text: &'a str,
    verified: bool,
    identity_changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<bool>,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Verify) -> Result<(), CliError> {
    let contact = people::find(engine, &args.user).await?;
    let number = engine.safety_number(contact.account).await?;
    let matches = match &args.compare {
        Some(text) => {
            Some(number.compare(text).map_err(|error| CliError::Usage(error.to_string()))?)
        }
        None => None,
    };
    let had_changed = contact.pending_identity.is_some();
    let contact = decide(app, engine, args, contact, matches).await?;
    let shown = Shown {
        username: contact.username.as_str(),
        safety_number: number.to_string(),
        qr_text: number.qr_text(),
        verified: contact.verified,
        identity_changed: contact.pending_identity.is_some(),
        matches,
    };
    if app.out.is_json() {
        app.out.object(&shown)?;
    } else {
        show(app, args, &contact, &number, matches)?;
    }
    if matches == Some(false) {
        return Err(CliError::SafetyNumberDiffers(contact.username.to_string()));
    }
    if had_changed && contact.pending_identity.is_none() {
        send_what_waits(app, engine).await?;
    }
    Ok(())
}

/// Does what the person has decided; the contact as it is then.
async fn decide(
    app: &App,
    engine: &Engine,
    args: &Verify,
    contact: Contact,
    matches: Option<bool>,
) -> Result<Contact, CliError> {
    let is_verified = args.mark || matches == Some(true);
    let mut contact = contact;
    if contact.pending_identity.is_some() && (is_verified || args.acknowledge) {
        contact = engine.acknowledge_identity(contact.account).await?;
    } else if args.acknowledge {
        app.out.note("The identity key has not changed; there was nothing to acknowledge.");
    }
    if is_verified || args.unmark {
        contact = engine.mark_verified(contact.account, is_verified).await?;
    }
    Ok(contact)
}

fn show(
    app: &App,
    args: &Verify,
    contact: &Contact,
    number: &SafetyNumber,
    matches: Option<bool>,
) -> Result<(), CliError> {
    let name = people::full_name(contact);
    if contact.pending_identity.is_some() {
        app.out.note(format!(
            "The identity key of {name} changed: a new computer with a new key, or somebody in \
             between. Compare the number below before you go on with --mark, or with \
             --acknowledge if you cannot."
        ));
    }
    app.out.line(format!("Safety number with {name}:"))?;
    app.out.line("")?;
    for line in rows(number) {
        app.out.line(format!("  {BOLD}{line}{BOLD:#}"))?;
    }
    app.out.line("")?;
    if args.qr {
        app.out.line(qr::half_blocks(number.qr_text())?)?;
    }
    if matches == Some(true) {
        app.out.line("This is the number that you gave: nobody is in between.")?;
    }
    app.out.line(if contact.verified { "Verified." } else { "Not verified yet." })?;
    Ok(())
}

/// Four groups a row.
fn rows(number: &SafetyNumber) -> Vec<String> {
    let text = number.to_string();
    let groups: Vec<&str> = text.split(' ').collect();
    groups.chunks(4).map(|row| row.join("  ")).collect()
}

async fn send_what_waits(app: &App, engine: &Engine) -> Result<(), CliError> {
    let reach = app.try_connect(engine).await?;
    if reach == Reach::Online {
        waiting::briefly(app, engine, reach).await;
    }
    Ok(())
}
