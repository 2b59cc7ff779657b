//! Envelopes and mailboxes: the two long-lived streams of the hot path.
//!
//! The uplink carries envelopes up and durable acknowledgements down; the downlink carries
//! deliveries down and consumption acknowledgements up. Both are written in batches.

use serde::{Deserialize, Serialize};

use crate::{
    codec::Frame,
    error::Refusal,
    id::{AccountId, DeviceAddress, EnvelopeId, Timestamp},
    limits::{BATCH_MAX, FRAME_MAX},
    presence::PresenceState,
};

/// Opens the uplink: the client then sends [`Submission`]s, the relay answers each with an
/// [`Acknowledgement`], in order. One uplink a connection; a newer one ends the older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUplink {}

/// Opens the downlink: the relay sends [`Delivery`]s, beginning with the oldest entry of the
/// mailbox, the client answers with [`Consumed`]. One downlink a connection; a newer one ends the
/// older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDownlink {}

/// What the relay carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Chosen by the sender; a repeat is dropped.
    pub id: EnvelopeId,
    /// Where to.
    pub to: DeviceAddress,
    /// Opaque ciphertext of at most [`crate::limits::SEALED_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Something for this moment only (typing): pushed to a device that is online, else dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Where to.
    pub to: DeviceAddress,
    /// Opaque ciphertext of at most [`crate::limits::SIGNAL_MAX`] bytes.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// A batch of envelopes up, in the order in which they are to be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// To be kept. At most [`crate::limits::SUBMISSION_MAX`].
    #[serde(default)]
    pub envelopes: Vec<Envelope>,
    /// Not to be kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Signal>,
}

impl Frame for Submission {
    const LIMIT: usize = BATCH_MAX;
}

/// What became of one envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Which.
    pub id: EnvelopeId,
    /// None: it is durable in the mailbox. Else the reason why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
}

/// What became of the envelopes of one submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// In the order of the submission.
    pub envelopes: Vec<Submitted>,
}

impl Frame for Acknowledgement {
    const LIMIT: usize = FRAME_MAX;
}

/// An entry of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxEntry {
    /// The position in the mailbox: rises from entry to entry, never used twice.
    pub sequence: u64,
    /// When the relay accepted it.
    pub accepted_at: Timestamp,
    /// What it is.
    pub mail: Mail,
}

/// What a mailbox holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mail {
    /// An envelope for this device.
    Envelope {
        /// Who sent it: the device that was logged in.
        from: DeviceAddress,
        /// Chosen by the sender.
        id: EnvelopeId,
        /// Opaque ciphertext.
        #[serde(with = "serde_bytes")]
        sealed: Vec<u8>,
    },
    /// An envelope that this device had sent expired in its recipient's mailbox.
    Expired {
        /// Where it had been sent.
        to: DeviceAddress,
        /// Which.
        id: EnvelopeId,
    },
    /// The device that an envelope had been sent to left its account before it had fetched it:
    /// there may be another to send it to.
    Returned {
        /// Where it had been sent.
        to: DeviceAddress,
        /// Which.
        id: EnvelopeId,
    },
}

/// A signal that arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedSignal {
    /// Who sent it.
    pub from: DeviceAddress,
    /// Opaque ciphertext.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Something that the relay tells a device of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Few one-time prekeys are left: publish more.
    PrekeysLow(crate::directory::PrekeyCount),
    /// Someone's presence changed.
    Presence {
        /// Whose.
        account: AccountId,
        /// To what.
        state: PresenceState,
    },
}

/// A batch down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Mailbox entries, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<MailboxEntry>,
    /// Signals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<ArrivedSignal>,
    /// Notices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// The number of the newest announcement, when it was just posted: ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<u64>,
    /// Whether the account's owner may administer the relay, when that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Whether the mailbox holds nothing behind these entries for now.
    #[serde(default)]
    pub caught_up: bool,
}

impl Frame for Delivery {
    const LIMIT: usize = BATCH_MAX;
}

/// The device has everything up to here in its own vault; the relay may delete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumed {
    /// The highest sequence number.
    pub up_to: u64,
}

impl Frame for Consumed {
    const LIMIT: usize = 64;
}
