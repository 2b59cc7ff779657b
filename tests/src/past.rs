//! A past for a profile: contacts and messages of days ago, written into its vault as the engine
//! would have, for pictures and measurements.

use std::path::Path;

use rand::RngExt;
use sotto_client::{
    Me,
    model::{ContactState, ConversationId, Message, RoomKind, RoomState},
    profile::Profile,
    vault::{
        MemberNames, NewAttachment, NewContact, NewMember, NewRoom, Outcome, Tx, Vault, VaultError,
    },
};
use sotto_proto::{
    AccountId, BlobId, DeviceAddress, DeviceId, EnvelopeId, IdentityKey, MessageId, RoomId,
    Timestamp,
    content::{
        Attachment, AttachmentPointer, Body, Content, Reaction, Receipt, ReceiptState, RoomProfile,
        Text,
    },
    mailbox::Envelope,
};

/// A vault that is written to.
pub struct Past {
    vault: Vault,
}

impl Past {
    /// Of a profile that no engine has open.
    pub fn of(folder: &Path, passphrase: &str) -> Self {
        let profile = Profile::open(folder).unwrap();
        Self { vault: Vault::open(profile, passphrase.as_bytes()).unwrap() }
    }

    /// Anything, in one transaction.
    pub fn write<T>(&mut self, write: impl FnOnce(&Tx<'_>) -> Result<T, VaultError>) -> T {
        self.vault.write(write).unwrap()
    }

    /// Somebody.
    pub fn contact(
        &mut self,
        username: &str,
        name: &str,
        state: ContactState,
        at: Timestamp,
    ) -> AccountId {
        let account = AccountId(random());
        let new = NewContact {
            account,
            username: username.parse().unwrap(),
            display_name: name.parse().unwrap(),
            identity: IdentityKey(random()),
            state,
        };
        self.write(|tx| tx.add_contact(&new, at));
        account
    }

    /// Somebody who is on the relay.
    pub fn friend(&mut self, friend: &Me, at: Timestamp) -> AccountId {
        let new = NewContact {
            account: friend.account,
            username: friend.username.clone(),
            display_name: friend.display_name.clone(),
            identity: friend.identity,
            state: ContactState::Accepted,
        };
        self.write(|tx| tx.add_contact(&new, at));
        friend.account
    }

    /// Something that the other side wrote.
    pub fn hears(&mut self, from: AccountId, at: Timestamp, text: &str) -> MessageId {
        let content = Content { body: words(text, None), ..content(at) };
        self.write(|tx| tx.record_content(from.into(), from, &content, at));
        content.id
    }

    /// An answer of the other side.
    pub fn hears_answer(
        &mut self,
        from: AccountId,
        at: Timestamp,
        text: &str,
        to: MessageId,
    ) -> MessageId {
        let content = Content { body: words(text, Some(to)), ..content(at) };
        self.write(|tx| tx.record_content(from.into(), from, &content, at));
        content.id
    }

    /// A file of the other side, which is still on the relay.
    pub fn hears_file(
        &mut self,
        from: AccountId,
        at: Timestamp,
        name: &str,
        size: u64,
    ) -> MessageId {
        let pointer = AttachmentPointer {
            blob: BlobId(random()),
            key: random(),
            digest: random(),
            size,
            name: name.to_owned(),
            media_type: "application/pdf".to_owned(),
        };
        let attachment =
            Attachment { pointer, caption: String::new(), reply_to: None, mentions: Vec::new() };
        let content = Content { body: Body::Attachment(attachment), ..content(at) };
        self.write(|tx| tx.record_content(from.into(), from, &content, at));
        content.id
    }

    /// A reaction of the other side.
    pub fn hears_reaction(&mut self, from: AccountId, at: Timestamp, to: MessageId, emoji: &str) {
        let reaction = Reaction { target: to, emoji: Some(emoji.to_owned()) };
        let content = Content { body: Body::Reaction(reaction), ..content(at) };
        self.write(|tx| tx.record_content(from.into(), from, &content, at));
    }

    /// Something that the owner wrote, which came as far as `reached`; none for a message that the
    /// relay has and nobody else.
    pub fn says(
        &mut self,
        to: AccountId,
        at: Timestamp,
        text: &str,
        reached: Option<ReceiptState>,
    ) -> MessageId {
        self.says_answer(to, at, text, None, reached)
    }

    /// An answer of the owner.
    pub fn says_answer(
        &mut self,
        to: AccountId,
        at: Timestamp,
        text: &str,
        answered: Option<MessageId>,
        reached: Option<ReceiptState>,
    ) -> MessageId {
        let content = Content { body: words(text, answered), ..content(at) };
        self.write(|tx| {
            let message = tx.queue_message(to.into(), &content, at)?;
            leave(tx, &message, at)?;
            receive(tx, &message, reached, at)
        });
        content.id
    }

    /// A picture that the owner sent and that was read.
    pub fn says_picture(&mut self, to: AccountId, at: Timestamp, path: &Path, caption: &str) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let new = NewAttachment {
            id: MessageId(random()),
            sent_at: at,
            disappears_after: None,
            name: name.clone(),
            media_type: "image/png".to_owned(),
            size: path.metadata().unwrap().len(),
            caption: caption.to_owned(),
            reply_to: None,
            path: path.to_owned(),
        };
        self.write(|tx| {
            let message = tx.queue_attachment(to.into(), &new, at)?;
            let pointer = AttachmentPointer {
                blob: BlobId(random()),
                key: random(),
                digest: random(),
                size: new.size,
                name,
                media_type: new.media_type.clone(),
            };
            tx.set_upload(to.into(), message.id, &pointer, new.size)?;
            tx.finish_upload(to.into(), message.id)?;
            leave(tx, &message, at)?;
            receive(tx, &message, Some(ReceiptState::Read), at)
        });
    }

    /// A room with these people, by account, username and name, and with the owner.
    pub fn room(
        &mut self,
        name: &str,
        people: &[(AccountId, &str, &str)],
        at: Timestamp,
    ) -> RoomId {
        let id = RoomId(random());
        let profile =
            RoomProfile { name: name.parse().unwrap(), topic: String::new(), picture: None };
        let new = NewRoom {
            id,
            kind: RoomKind::Invite,
            profile,
            state: RoomState::Joined,
            is_admin: false,
            invited_by: None,
            cursor: 0,
            joined_at: Some(at),
        };
        let member = |account| NewMember {
            account,
            identity: IdentityKey(random()),
            is_admin: false,
            devices: 1,
        };
        let mut members: Vec<_> = people.iter().map(|(account, ..)| member(*account)).collect();
        let names: Vec<_> = people
            .iter()
            .map(|(account, username, name)| MemberNames {
                account: *account,
                username: username.parse().unwrap(),
                display_name: name.parse().unwrap(),
            })
            .collect();
        self.write(|tx| {
            members.extend(tx.own_account()?.map(|own| member(own.account)));
            tx.put_room(&new)?;
            tx.set_room_members(id, &members)?;
            tx.set_member_names(id, &names)
        });
        id
    }

    /// Something that somebody in a room wrote.
    pub fn hears_in(
        &mut self,
        room: RoomId,
        from: AccountId,
        at: Timestamp,
        text: &str,
    ) -> MessageId {
        let content = Content { body: words(text, None), ..content(at) };
        self.write(|tx| tx.record_content(room.into(), from, &content, at));
        content.id
    }

    /// Something that the owner wrote in a room, which reached these people so far.
    pub fn says_in(
        &mut self,
        room: RoomId,
        at: Timestamp,
        text: &str,
        reached: &[(AccountId, ReceiptState)],
    ) -> MessageId {
        let said = Content { body: words(text, None), ..content(at) };
        self.write(|tx| {
            tx.queue_message(room.into(), &said, at)?;
            let waiting = tx.waiting(room.into(), usize::MAX)?;
            let waiting = waiting.iter().find(|waiting| waiting.content.id == said.id).unwrap();
            let envelope = EnvelopeId(random());
            tx.post(waiting.position, envelope, 1, &[])?;
            tx.settle_post(envelope, at)?;
            for (from, state) in reached {
                let receipt = Receipt { state: *state, messages: vec![said.id] };
                let content = Content { body: Body::Receipt(receipt), ..content(at) };
                tx.record_content(room.into(), *from, &content, at)?;
            }
            Ok(())
        });
        said.id
    }

    /// All of a conversation was read.
    pub fn reads_all(&mut self, with: impl Into<ConversationId>, at: Timestamp) {
        self.write(|tx| tx.mark_read(with.into(), None, at));
    }
}

/// Random bytes.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes);
    bytes
}

fn content(at: Timestamp) -> Content {
    Content { id: MessageId(random()), sent_at: at, disappears_after: None, body: words("", None) }
}

fn words(text: &str, reply_to: Option<MessageId>) -> Body {
    Body::Text(Text { text: text.to_owned(), reply_to, mentions: Vec::new() })
}

/// The relay has taken it.
fn leave(tx: &Tx<'_>, message: &Message, at: Timestamp) -> Result<(), VaultError> {
    let waiting = tx.waiting(message.conversation, usize::MAX)?;
    let waiting = waiting.iter().find(|waiting| waiting.content.id == message.id).unwrap();
    let device = DeviceId::new(1).unwrap();
    let account = message.conversation.contact().unwrap();
    let envelope = Envelope {
        id: EnvelopeId(random()),
        to: DeviceAddress { account, device },
        sealed: Vec::new(),
    };
    tx.seal(waiting.position, std::slice::from_ref(&envelope))?;
    tx.record_submitted(&[(envelope.id, Outcome::Accepted)], at)?;
    Ok(())
}

/// The other side has it.
fn receive(
    tx: &Tx<'_>,
    message: &Message,
    reached: Option<ReceiptState>,
    at: Timestamp,
) -> Result<(), VaultError> {
    let Some(state) = reached else { return Ok(()) };
    let receipt = Receipt { state, messages: vec![message.id] };
    let content = Content { body: Body::Receipt(receipt), ..content(at) };
    let from = message.conversation.contact().unwrap();
    tx.record_content(message.conversation, from, &content, at)?;
    Ok(())
}

/// A text of the other side, as a part of a larger transaction.
pub fn hear(tx: &Tx<'_>, from: AccountId, at: Timestamp, text: &str) -> Result<(), VaultError> {
    let content = Content { body: words(text, None), ..content(at) };
    tx.record_content(from.into(), from, &content, at)?;
    Ok(())
}
