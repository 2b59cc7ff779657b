//! The bounds that both sides of the wire hold to, each in one place.
//!
//! What an operator may set (quotas, rates) is the relay's configuration, not here.

/// The most bytes of an envelope's ciphertext: the largest padded content and its headers.
pub const SEALED_MAX: usize = 160 * 1024;
/// The most bytes of a signal's ciphertext: a small content and its headers.
pub const SIGNAL_MAX: usize = 4 * 1024;
/// The most bytes of text in one message, in UTF-8.
pub const TEXT_MAX: usize = 64 * 1024;
/// The most bytes of encoded content before padding.
pub const CONTENT_MAX: usize = 80 * 1024;
/// The most people that one message mentions.
pub const MENTIONS_MAX: usize = 32;
/// The most bytes of a room's topic, in UTF-8.
pub const TOPIC_MAX: usize = 512;
/// The most bytes of a room's picture.
pub const PICTURE_MAX: usize = 64 * 1024;
/// The most bytes of an MLS welcome.
pub const WELCOME_MAX: usize = 64 * 1024;
/// The most bytes of an attachment before sealing.
pub const ATTACHMENT_MAX: u64 = 100 * 1024 * 1024;
/// The most bytes of a blob: an attachment of the largest size, sealed in chunks.
pub const BLOB_MAX: u64 = ATTACHMENT_MAX + 1024 * 1024;
/// The most bytes of a frame that carries a single request.
pub const FRAME_MAX: usize = 256 * 1024;
/// The most bytes of a frame that carries an answer or a batch of envelopes.
pub const BATCH_MAX: usize = 1024 * 1024;
/// The most envelopes in one submission.
pub const SUBMISSION_MAX: usize = 256;
/// The most one-time prekeys of one kind that the directory keeps for a device.
pub const ONE_TIME_PREKEYS_MAX: usize = 100;
/// The relay asks for a refill when fewer one-time prekeys of one kind are left.
pub const ONE_TIME_PREKEYS_LOW: usize = 20;
/// The most names in one page of the directory's list.
pub const USERS_PAGE_MAX: u16 = 200;
/// The most accounts whose presence one connection may watch, and the most in an audience.
pub const PRESENCE_WATCH_MAX: usize = 1000;
/// The most bytes of an OPAQUE message (RFC 9807).
pub const OPAQUE_MESSAGE_MAX: usize = 1024;
/// The most bytes of a sealed key backup.
pub const BACKUP_MAX: usize = 4096;
/// The most bytes of an invitation code.
pub const INVITATION_MAX: usize = 64;
/// The most uses of one invitation code.
pub const INVITATION_USES_MAX: u32 = 1_000_000;
/// The most characters of a note on an invitation.
pub const NOTE_MAX: usize = 100;
/// The most characters of an announcement.
pub const ANNOUNCEMENT_MAX: usize = 2_000;
/// The most announcements in one answer.
pub const ANNOUNCEMENTS_PAGE: usize = 50;
/// After how many days the relay forgets an announcement.
pub const ANNOUNCEMENT_DAYS: u64 = 30;
/// The most lines in one page of an answer to an admin.
pub const ADMIN_PAGE_MAX: u16 = 200;
/// The most logins that the relay remembers of one account.
pub const LOGINS_MAX: usize = 100;
/// The most devices of one account.
pub const DEVICES_MAX: usize = 8;
/// The most rooms that a device is in.
pub const ROOMS_MAX: usize = 1000;
/// The most rooms in one page of the list.
pub const ROOMS_PAGE_MAX: u16 = 200;
/// The most people in one page of a room's members.
pub const MEMBERS_PAGE_MAX: usize = 200;
/// The most bytes of a room's tree.
pub const TREE_MAX: usize = 16 * 1024 * 1024;
/// The most bytes of an MLS key package.
pub const KEY_PACKAGE_MAX: usize = 4096;
/// The most accounts whose key packages are asked for at once.
pub const KEY_PACKAGES_MAX: usize = 32;
