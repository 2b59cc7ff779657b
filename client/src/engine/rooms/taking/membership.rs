//! What of a room's log is about who is in it: departures, and commits with all that they change.

use std::collections::BTreeSet;

use sotto_keys::room::{Changed, RoomError, RoomKind, RoomMember};
use sotto_proto::{
    AccountId, DeviceAddress, EnvelopeId, Timestamp,
    content::{Body, RoomInvite, RoomProfile},
};

use super::{
    super::{
        super::{clock, content, error::EngineError, event::Event, sealing::seal_waiting},
        change::Outcome,
        groups::Stored,
        people,
    },
    Taking,
};
use crate::{
    model::{ConversationEvent, Room, RoomState},
    vault::{CommitKind, Observed, PendingCommit},
};

impl Taking<'_> {
    pub(super) fn departed(
        &mut self,
        device: DeviceAddress,
        left: bool,
        at: Timestamp,
    ) -> Result<bool, EngineError> {
        if device == self.own.address() {
            self.over(RoomState::Left)?;
            return Ok(true);
        }
        self.tx.note_departed(self.room, device)?;
        people::sync(self.tx, self.room, &self.group)?;
        let member = self.tx.room_member(self.room, device.account)?;
        if left && member.is_some_and(|member| !member.is_present()) {
            self.tell(&ConversationEvent::Left { who: vec![device.account] }, None, at)?;
        }
        self.tell_room()?;
        Ok(true)
    }

    pub(super) fn commit(
        &mut self,
        from: DeviceAddress,
        id: EnvelopeId,
        commit: &[u8],
        at: Timestamp,
    ) -> Result<bool, EngineError> {
        let pending = self.tx.commit(self.room)?.filter(|one| one.kind == CommitKind::Change);
        let before = self.group.members()?;
        let admins = self.group.policy()?.admins;
        let is_own = from == self.own.address() && pending.as_ref().is_some_and(|one| one.id == id);
        let changed = if is_own {
            self.group.confirm(&Stored(self.tx))
        } else {
            let departed = self.tx.departed(self.room)?;
            self.group.follow(&Stored(self.tx), commit, |device| departed.contains(&device))
        };
        let changed = match changed {
            Ok(changed) => changed,
            Err(error @ RoomError::Storage(_)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a commit could not be followed");
                return Ok(false);
            }
        };
        if let Some(pending) = pending {
            self.tx.drop_commit(self.room)?;
            let outcome = if is_own { Outcome::Done } else { Outcome::Superseded };
            self.taken.outcomes.push((pending.id, outcome));
            if is_own {
                self.invite(&pending)?;
            }
        }
        self.changed(&changed, &before, &admins, at)?;
        Ok(true)
    }

    /// Tells those who were added.
    fn invite(&mut self, pending: &PendingCommit) -> Result<(), EngineError> {
        let Some(welcome) = &pending.welcome else { return Ok(()) };
        let invite = RoomInvite {
            room: self.room,
            welcome: welcome.to_vec(),
            epoch: pending.epoch,
            profile: self.profile()?,
        };
        for account in &pending.invited {
            let mut invite = content::new(invite.clone(), self.now, None);
            if content::encode(&invite).is_err()
                && let Body::RoomInvite(invite) = &mut invite.body
            {
                // There is no room for the picture; the next change of the profile brings it.
                invite.profile.picture = None;
            }
            self.tx.queue_content((*account).into(), &invite)?;
            seal_waiting(self.tx, *account)?;
            self.taken.invited = true;
        }
        Ok(())
    }

    /// What the room looks like.
    fn profile(&self) -> Result<RoomProfile, EngineError> {
        let Room { name, topic, .. } = self.tx.room(self.room)?.ok_or(EngineError::NoSuchRoom)?;
        let picture = self.tx.room_picture(self.room)?.map(Into::into);
        Ok(RoomProfile { name, topic, picture })
    }

    /// Who came back into a room by invitation may not know how it looks by now: the first of the other
    /// admins who are in it says so once more.
    fn remind(&mut self, returned: AccountId) -> Result<(), EngineError> {
        let (admins, members) = (self.group.admins()?, self.group.members()?);
        let is_there = |account: &AccountId| members.iter().any(|one| one.account == *account);
        let speaker = admins.into_iter().find(|admin| *admin != returned && is_there(admin));
        if speaker != Some(self.own.account) {
            return Ok(());
        }
        let profile = content::new(self.profile()?, self.now, None);
        Ok(self.tx.queue_content(self.room.into(), &profile)?)
    }

    fn changed(
        &mut self,
        changed: &Changed,
        before: &[RoomMember],
        admins: &BTreeSet<AccountId>,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let by = changed.by.account;
        for member in &changed.joined {
            self.tx.forget_departed(self.room, member.address())?;
            self.observe(member)?;
        }
        let departed = self.tx.departed(self.room)?;
        for member in &changed.left {
            self.tx.forget_departed(self.room, member.address())?;
        }
        if !self.group.is_active() {
            let removed = ConversationEvent::Removed { who: vec![self.own.account], by };
            self.tell(&removed, Some(by), at)?;
            return self.over(RoomState::Removed);
        }
        self.tx.unpost(self.room, changed.epoch)?;
        people::sync(self.tx, self.room, &self.group)?;
        let present = |account: AccountId, among: &[RoomMember]| {
            among.iter().any(|one| one.account == account && !departed.contains(&one.address()))
        };
        let after = self.group.members()?;
        let joined: BTreeSet<AccountId> =
            accounts(&changed.joined).filter(|account| !present(*account, before)).collect();
        let gone: BTreeSet<AccountId> = accounts(&changed.left)
            .filter(|account| present(*account, before) && !present(*account, &after))
            .collect();
        if !joined.is_empty() {
            let who = joined.into_iter().collect();
            self.tell(&ConversationEvent::Joined { who }, Some(by), at)?;
            self.taken.nameless.insert(self.room);
        }
        if !gone.is_empty() {
            let who = gone.into_iter().collect();
            self.tell(&ConversationEvent::Removed { who, by }, Some(by), at)?;
        }
        self.policy(changed, admins, at)?;
        if changed.entered && self.group.policy()?.kind == RoomKind::Invite {
            self.remind(by)?;
        }
        self.tell_room()
    }

    fn policy(
        &mut self,
        changed: &Changed,
        admins: &BTreeSet<AccountId>,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let Some(policy) = &changed.policy else { return Ok(()) };
        let by = Some(changed.by.account);
        let promoted: Vec<AccountId> = policy.admins.difference(admins).copied().collect();
        let demoted: Vec<AccountId> = admins.difference(&policy.admins).copied().collect();
        if !promoted.is_empty() {
            self.tell(&ConversationEvent::Promoted { who: promoted }, by, at)?;
        }
        if !demoted.is_empty() && changed.left.is_empty() {
            self.tell(&ConversationEvent::Demoted { who: demoted }, by, at)?;
        }
        if let RoomKind::Open { name, topic } = &policy.kind {
            let profile =
                RoomProfile { name: name.clone(), topic: topic.as_str().to_owned(), picture: None };
            if let Some(event) = self.tx.set_room_profile(self.room, &profile)? {
                self.tell(&event, by, at)?;
            }
        }
        Ok(())
    }

    /// A contact's identity key that shows up in a room is held against the pinned one.
    fn observe(&mut self, member: &RoomMember) -> Result<(), EngineError> {
        let contact = self.tx.contact(member.account)?;
        if contact.is_none_or(|contact| contact.identity == member.identity) {
            return Ok(());
        }
        let event = clock::message_id();
        let observed =
            self.tx.observe_identity(member.account, member.identity, event, self.now)?;
        if let Observed::Changed(message) = observed
            && let Some(contact) = self.tx.contact(member.account)?
        {
            self.taken.events.push(Event::Message { message: *message });
            self.taken.events.push(Event::IdentityChanged { contact });
        }
        Ok(())
    }
}

fn accounts(members: &[RoomMember]) -> impl Iterator<Item = AccountId> {
    members.iter().map(|member| member.account)
}
