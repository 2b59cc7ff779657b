//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sotto_client::proto::{DisplayName, Username, link::RelayLink};

/// What `--help` says below the options.
const AFTER_HELP: &str = "\
The password is asked for, or read from --password-fd N or SOTTO_PASSWORD; it is never an
argument. The vault on this computer opens with the same password, unless --passphrase-fd or
SOTTO_PASSPHRASE gives another.

Exit codes: 0 done; 1 it failed; 2 the command line was wrong; 3 there is no such profile;
4 wrong password or passphrase; 5 the relay cannot be reached; 6 the relay's key is wrong;
7 the relay refused; 8 an identity key changed, look at it first (sotto verify).

Examples:
  sotto register alice --relay 'sotto://relay.example:4433/#…'
  sotto add bob
  sotto send bob \"Hello\"
  sotto chat bob";

/// Private messages from the terminal.
#[derive(Debug, Parser)]
#[command(name = "sotto", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which profile, and how to open it.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The profile; each is one account on one relay
    #[arg(long, global = true, env = "SOTTO_PROFILE", default_value = "default")]
    pub(crate) profile: String,
    /// The folder of all profiles [default: this system's folder for data]
    #[arg(long, global = true, env = "SOTTO_HOME", value_name = "FOLDER")]
    pub(crate) home: Option<PathBuf>,
    /// Read the password from this file descriptor
    #[arg(long, global = true, value_name = "N")]
    pub(crate) password_fd: Option<u32>,
    /// Read the vault's passphrase from this file descriptor, if it is not the password
    #[arg(long, global = true, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
    /// Do not connect: work with what is here
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account on a relay
    Register(Register),
    /// Log in to an account with its password, on a new computer or after losing the vault
    Login(Login),
    /// Show who you are here, with the link by which others add you
    Whoami {
        /// Show the link as a QR code too
        #[arg(long)]
        qr: bool,
    },
    /// List the people on the relay
    Users {
        /// Only those whose username starts with this
        #[arg(default_value = "")]
        prefix: String,
    },
    /// List your contacts and contact requests
    Contacts,
    /// Add a person by username or link
    Add {
        /// A username, a sotto:// link, or the text of a QR code
        who: String,
    },
    /// Call a contact by another name, which only you see
    Rename {
        user: String,
        /// The name; none takes the alias away
        alias: Option<String>,
    },
    /// Accept a contact request
    Accept { user: String },
    /// Decline a contact request
    Decline {
        user: String,
        /// And block the person
        #[arg(long)]
        block: bool,
    },
    /// Block a contact: what they send is dropped unseen
    Block { user: String },
    /// Unblock a contact
    Unblock { user: String },
    /// Remove a contact
    Remove {
        user: String,
        /// And delete the conversation here
        #[arg(long)]
        with_history: bool,
    },
    /// Compare safety numbers with a contact; look at a changed identity
    Verify(Verify),
    /// Send a message or a file
    Send(Send),
    /// Replace the text of a message that you sent
    Edit {
        user: String,
        /// The message's id, or its beginning
        message: String,
        text: String,
    },
    /// Delete a message that you sent, for all
    Delete { user: String, message: String },
    /// React to a message
    React {
        user: String,
        message: String,
        /// One emoji; none takes the reaction back
        emoji: Option<String>,
    },
    /// Send a message again that failed
    Retry { user: String, message: String },
    /// Let the messages of a conversation disappear some time after they were read
    Timer {
        user: String,
        /// Seconds; none turns it off
        seconds: Option<u32>,
    },
    /// Fetch what waits, and show who wrote how much
    Inbox,
    /// Show a conversation, and mark it as read
    Read(Read),
    /// Save a file that you were sent
    Save {
        user: String,
        message: String,
        /// Where to, with a file name
        to: PathBuf,
    },
    /// Find messages
    Search {
        query: String,
        /// Only in the conversation with this contact
        #[arg(long)]
        user: Option<String>,
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Write the whole history to a file
    Export(Export),
    /// Talk with a contact, line by line
    Chat { user: String },
    /// Print what happens as it happens, for bots
    Listen(Listen),
    /// Show or change what others see of you
    Settings(Settings),
    /// Show the relay's link, or move this profile to another address of the same relay
    Relay { link: Option<RelayLink> },
    /// Print a completion script
    Completions { shell: Shell },
    /// Write manual pages into a folder
    Man { folder: PathBuf },
}

#[derive(Debug, Args)]
pub(crate) struct Register {
    /// 3 to 32 of a-z 0-9 . _ - starting with a letter
    pub(crate) username: Username,
    /// The relay's link
    #[arg(long, env = "SOTTO_RELAY")]
    pub(crate) relay: RelayLink,
    /// How others see you [default: the username]
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
    /// An invitation code, where the relay asks for one
    #[arg(long)]
    pub(crate) invitation: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    pub(crate) username: Username,
    /// The relay's link
    #[arg(long, env = "SOTTO_RELAY")]
    pub(crate) relay: RelayLink,
    /// Replace your identity key; all your contacts will be warned
    #[arg(long)]
    pub(crate) new_identity: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    pub(crate) user: String,
    /// Show the QR code that the other person can scan
    #[arg(long)]
    pub(crate) qr: bool,
    /// Compare with the digits or the QR text from the other person; the same marks as verified
    #[arg(long, value_name = "DIGITS")]
    pub(crate) compare: Option<String>,
    /// Mark as verified: you have compared the numbers
    #[arg(long)]
    pub(crate) mark: bool,
    /// Go on with a changed identity key
    #[arg(long)]
    pub(crate) acknowledge: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    pub(crate) user: String,
    /// The text; - reads it from standard input
    #[arg(required_unless_present = "file")]
    pub(crate) text: Option<String>,
    /// Send this file; the text is its caption
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// Answer this message (its id, or the beginning)
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) reply_to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    pub(crate) user: String,
    /// Leave the messages unread
    #[arg(long)]
    pub(crate) keep_unread: bool,
    /// How many of the newest
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Json,
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: Format,
    /// The file; - is standard output
    #[arg(long, default_value = "-")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// End after so many messages
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Whether contacts see that you are online; off, you do not see it of them either
    #[arg(long, value_name = "true|false")]
    pub(crate) online: Option<bool>,
    /// Whether contacts see when you were last online
    #[arg(long, value_name = "true|false")]
    pub(crate) last_seen: Option<bool>,
    /// Whether senders are told what you have read
    #[arg(long, value_name = "true|false")]
    pub(crate) read_receipts: Option<bool>,
    /// Whether others see you typing
    #[arg(long, value_name = "true|false")]
    pub(crate) typing: Option<bool>,
    /// How others see you
    #[arg(long)]
    pub(crate) name: Option<DisplayName>,
}
