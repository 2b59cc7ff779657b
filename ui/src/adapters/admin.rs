//! From what the relay answers an admin to the lines that show it.

use sotto_client::proto::{
    Timestamp, Username,
    admin::{
        self, AccountLine, Answer, AuditLine, AuditPage, Command, Figures, Invitation, RoomLine,
        Traffic,
    },
    announcement::Announcement,
    login::RegistrationPolicy,
};

use crate::{
    clock::Clock,
    generated::{
        AccountItem, Act, Actor, AnnouncementItem, AuditItem, InvitationItem, Policy, RelayFigures,
        RoomItem,
    },
};

use super::problem::Trouble;

/// How much of a room's id tells it from others.
const SHORT_ID: usize = 8;

/// What asks for the page behind the one that was answered, of any list; none where it has ended.
pub(crate) fn following(command: &Command, answer: &Answer) -> Option<Command> {
    match (command, answer) {
        (Command::Audit(page), Answer::Audit(shown)) if shown.more => {
            let before = Some(shown.lines.last()?.number);
            Some(Command::Audit(AuditPage { before, ..*page }))
        }
        _ => command.next_page(answer),
    }
}

/// An account, to an admin who is `me`.
pub(crate) fn account(line: &AccountLine, me: &Username, clock: &Clock) -> AccountItem {
    let seen = line.last_seen.unwrap_or(Timestamp(0));
    AccountItem {
        username: line.username.as_str().into(),
        name: line.display_name.as_str().into(),
        own: line.username == *me,
        admin: line.admin,
        suspended: line.suspended,
        online: line.devices.iter().any(|device| device.online),
        seen: line.last_seen.is_some(),
        seen_day: clock.day(seen),
        seen_time: clock.time(seen).into(),
        created_day: clock.day(line.created_at),
        created_time: clock.time(line.created_at).into(),
        devices: count(line.devices.len() as u64),
        mailbox_entries: count(line.storage.mailbox_entries),
        mailbox_bytes: bytes(line.storage.mailbox_bytes),
        blob_bytes: bytes(line.storage.blob_bytes),
    }
}

/// An invitation code that has uses left.
pub(crate) fn invitation(line: &Invitation, clock: &Clock) -> InvitationItem {
    let mut item = InvitationItem {
        code: line.code.as_str().into(),
        uses_left: count(line.uses_left.into()),
        note: line.note.as_ref().map(|note| note.as_str().into()).unwrap_or_default(),
        ..InvitationItem::default()
    };
    if let Some(made) = &line.made {
        item.known = true;
        (item.actor, item.by) = actor(&made.by);
        item.day = clock.day(made.at);
        item.time = clock.time(made.at).into();
    }
    item
}

/// A room, as far as the relay knows it.
pub(crate) fn room(line: &RoomLine, clock: &Clock) -> RoomItem {
    let id = line.room.to_string();
    RoomItem {
        name: line.name.as_ref().map(|name| name.as_str().into()).unwrap_or_default(),
        short_id: id.chars().take(SHORT_ID).collect::<String>().into(),
        id: id.into(),
        lobby: line.lobby,
        people: count(line.people.into()),
        devices: count(line.devices.into()),
        bytes: bytes(line.bytes),
        day: clock.day(line.created_at),
        time: clock.time(line.created_at).into(),
    }
}

/// What everybody is told.
pub(crate) fn announcement(line: &Announcement, clock: &Clock) -> AnnouncementItem {
    AnnouncementItem {
        number: line.number.to_string().into(),
        day: clock.day(line.at),
        time: clock.time(line.at).into(),
        text: line.text.as_str().into(),
    }
}

/// A line of the audit log.
pub(crate) fn audit(line: &AuditLine, clock: &Clock) -> AuditItem {
    let entry = &line.entry;
    let (actor, by) = actor(&entry.actor);
    let Trouble { problem, detail } = entry.refused.map_or_else(Trouble::none, Trouble::from);
    let act = act(&entry.act);
    let target = entry.target.as_deref().unwrap_or_default();
    let named = policy_named(target);
    AuditItem {
        number: line.number.to_string().into(),
        day: clock.day(entry.at),
        time: clock.time(entry.at).into(),
        actor,
        by,
        act,
        kind: entry.act.as_str().into(),
        // An invitation is noted as "3 uses".
        uses: target.split(' ').next().and_then(|uses| uses.parse().ok()).unwrap_or(1),
        configured: named.is_none(),
        policy: policy(named.unwrap_or(RegistrationPolicy::Open)),
        target: if act == Act::DeleteRoom {
            target.chars().take(SHORT_ID).collect()
        } else {
            target.to_owned()
        }
        .into(),
        problem,
        detail: detail.into(),
    }
}

/// What a kind of command is called on the screen.
fn act(kind: &str) -> Act {
    match kind {
        "account" => Act::Account,
        "suspend" => Act::Suspend,
        "restore" => Act::Restore,
        "delete" => Act::Delete,
        "promote" => Act::Promote,
        "demote" => Act::Demote,
        "invite" => Act::Invite,
        "revoke" => Act::Revoke,
        "set_registration" => Act::SetRegistration,
        "delete_room" => Act::DeleteRoom,
        "announce" => Act::Announce,
        "withdraw" => Act::Withdraw,
        "stop" => Act::Stop,
        "start" => Act::Start,
        "database" => Act::Database,
        "backup" => Act::Backup,
        // Those that change nothing are noted when they were refused.
        kind if Command::KINDS.contains(&kind) => Act::Look,
        _ => Act::Other,
    }
}

fn actor(who: &admin::Actor) -> (Actor, slint::SharedString) {
    match who {
        admin::Actor::Account(username) => (Actor::Account, username.as_str().into()),
        admin::Actor::Operator => (Actor::Operator, "".into()),
        admin::Actor::Relay => (Actor::Relay, "".into()),
    }
}

/// Who may register.
pub(crate) const fn policy(policy: RegistrationPolicy) -> Policy {
    match policy {
        RegistrationPolicy::Open => Policy::Open,
        RegistrationPolicy::Invitation => Policy::Invitation,
        RegistrationPolicy::Closed => Policy::Closed,
    }
}

/// The policy that the audit log names; none for the relay's configuration.
fn policy_named(name: &str) -> Option<RegistrationPolicy> {
    match name {
        "open" => Some(RegistrationPolicy::Open),
        "invitation" => Some(RegistrationPolicy::Invitation),
        "closed" => Some(RegistrationPolicy::Closed),
        _ => None,
    }
}

/// How the relay is doing.
pub(crate) fn figures(now: &Figures) -> RelayFigures {
    let minutes = now.uptime_seconds / 60;
    let ([accepted_10, delivered_10], [accepted_60, delivered_60]) =
        (a_second(now.last_10_s, 10), a_second(now.last_60_s, 60));
    RelayFigures {
        version: now.version.as_str().into(),
        days: count(minutes / (24 * 60)),
        hours: count(minutes / 60 % 24),
        minutes: count(minutes % 60),
        connections: count(now.connections),
        devices_online: count(now.devices_online),
        accounts_online: count(now.accounts_online),
        accounts: count(now.accounts),
        devices: count(now.devices),
        accepted_10,
        delivered_10,
        accepted_60,
        delivered_60,
        mailbox_entries: count(now.mailbox_entries),
        mailbox_bytes: bytes(now.mailbox_bytes),
        blobs: count(now.blobs),
        blob_bytes: bytes(now.blob_bytes),
        database_bytes: bytes(now.database_bytes),
        free_bytes: bytes(now.free_bytes),
    }
}

/// Messages accepted and delivered a second, to one place.
fn a_second(traffic: Traffic, seconds: u64) -> [f32; 2] {
    let tenths = |count: u64| bytes(count.saturating_mul(10) / seconds) / 10.0;
    [tenths(traffic.accepted), tenths(traffic.delivered)]
}

fn count(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A size as Slint's numbers hold it.
#[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
fn bytes(number: u64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::{
        DeviceId, ErrorCode, RoomId,
        account::DeviceLine,
        admin::{Accounts, AccountsPage, AuditEntry, Storage},
    };

    use crate::generated::Problem;

    use super::*;

    /// 2026-11-20 23:30 UTC.
    const NOW: Timestamp = Timestamp(1_795_217_400_000);

    fn clock() -> Clock {
        Clock::fixed(NOW)
    }

    fn name(username: &str) -> Username {
        username.parse().unwrap()
    }

    fn account_of(username: &str) -> AccountLine {
        let device = |number, online| DeviceLine {
            id: DeviceId::new(number).unwrap(),
            enrolled_at: NOW,
            last_seen: Some(NOW),
            online,
        };
        AccountLine {
            username: name(username),
            display_name: "Anna Blum".parse().unwrap(),
            admin: true,
            suspended: false,
            created_at: NOW,
            last_seen: None,
            devices: vec![device(1, false), device(2, true)],
            storage: Storage { mailbox_entries: 3, mailbox_bytes: 500, blob_bytes: 7 },
        }
    }

    fn line(number: u64, act: &str, target: &str, refused: Option<ErrorCode>) -> AuditLine {
        let actor = admin::Actor::Account(name("anna"));
        let target = (!target.is_empty()).then(|| target.to_owned());
        AuditLine {
            number,
            entry: AuditEntry { at: NOW, actor, act: act.to_owned(), target, refused },
        }
    }

    #[test]
    fn an_account_is_online_with_any_of_its_devices() {
        let shown = account(&account_of("anna"), &name("anna"), &clock());
        assert!(shown.own && shown.admin && shown.online && !shown.seen);
        assert_eq!((shown.devices, shown.mailbox_entries), (2, 3));
        assert!(!account(&account_of("bob"), &name("anna"), &clock()).own);
    }

    #[test]
    fn every_list_goes_on_where_it_ended() {
        let page = Command::Accounts(AccountsPage { limit: 1, ..AccountsPage::default() });
        let answer = |more| Answer::Accounts(Accounts { accounts: vec![account_of("bob")], more });
        let Some(Command::Accounts(next)) = following(&page, &answer(true)) else { panic!("more") };
        assert_eq!(next.after, Some(name("bob")));
        assert_eq!(following(&page, &answer(false)), None);

        let page = Command::Audit(AuditPage { before: None, limit: 1 });
        let answer = |more| {
            let lines = vec![line(7, "invite", "2 uses", None)];
            Answer::Audit(admin::Audit { lines, more })
        };
        let next = Command::Audit(AuditPage { before: Some(7), limit: 1 });
        assert_eq!(following(&page, &answer(true)), Some(next));
        assert_eq!(following(&page, &answer(false)), None);
    }

    #[test]
    fn an_act_says_what_was_done_to_what() {
        let shown = |act: &str, target: &str| audit(&line(1, act, target, None), &clock());
        assert_eq!(shown("suspend", "bob").target, "bob");
        assert_eq!(shown("invite", "3 uses").uses, 3);
        let set = shown("set_registration", "closed");
        assert_eq!(
            (set.act, set.policy, set.configured),
            (Act::SetRegistration, Policy::Closed, false)
        );
        assert!(shown("set_registration", "as configured").configured);
        assert_eq!(shown("delete_room", &RoomId([0xab; 16]).to_string()).target, "abababab");
        assert_eq!(shown("figures", "").act, Act::Look);
        assert_eq!(shown("sing", "").act, Act::Other);
        let refused = audit(&line(1, "demote", "anna", Some(ErrorCode::LastAdmin)), &clock());
        assert_eq!(refused.problem, Problem::LastAdmin);
    }

    #[test]
    fn rates_are_to_one_place() {
        let traffic = Traffic { accepted: 37, delivered: 5 };
        assert_eq!(a_second(traffic, 10), [3.7, 0.5]);
        assert_eq!(a_second(traffic, 60), [0.6, 0.0]);
    }
}
