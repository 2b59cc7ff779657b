//! Of every command and answer of administration.

use sotto_proto::{
    DeviceId, Done, ErrorCode,
    account::{AddressClass, DeviceLine, LoginLine, LoginMeans},
    admin::{
        Account, AccountLine, Accounts, AccountsPage, Actor, Announce, Answer, AskAll, AskFigures,
        AskRegistration, Audit, AuditEntry, AuditLine, AuditPage, Code, Command, Figures,
        Invitation, Invitations, InvitationsPage, Invite, Made, Named, Registration, Room,
        RoomLine, Rooms, RoomsPage, SetRegistration, Storage, Traffic, Withdraw,
    },
    announcement::Announcement,
    login::RegistrationPolicy,
};

use super::{NOW, ROOM, Sample};

pub(super) fn announcement() -> Announcement {
    Announcement { number: 7, at: NOW, text: "Moving house\non Sunday".parse().unwrap() }
}

pub(super) fn device() -> DeviceLine {
    let id = DeviceId::new(2).unwrap();
    DeviceLine { id, enrolled_at: NOW, last_seen: Some(NOW), online: true }
}

pub(super) fn logins() -> Vec<LoginLine> {
    let succeeded = LoginLine {
        at: NOW,
        means: LoginMeans::Device,
        from: AddressClass::PublicIpv6,
        device: DeviceId::new(2),
        refused: None,
    };
    let refused = LoginLine {
        means: LoginMeans::Password,
        from: AddressClass::Private,
        device: None,
        refused: Some(ErrorCode::WrongCredentials),
        ..succeeded
    };
    vec![succeeded, refused]
}

/// Each named by its kind behind `admin/`.
pub(super) fn commands() -> Vec<Sample<Command>> {
    let named = || Named { username: "anna".parse().unwrap() };
    let page =
        AccountsPage { prefix: "an".to_owned(), after: Some("anna".parse().unwrap()), limit: 20 };
    let note = Some("for the choir".parse().unwrap());
    vec![
        ("admin/accounts", Command::Accounts(AccountsPage { limit: 200, ..Default::default() })),
        ("admin/accounts/next", Command::Accounts(page)),
        ("admin/account", Command::Account(named())),
        ("admin/suspend", Command::Suspend(named())),
        ("admin/restore", Command::Restore(named())),
        ("admin/delete", Command::Delete(named())),
        ("admin/promote", Command::Promote(named())),
        ("admin/demote", Command::Demote(named())),
        ("admin/invite", Command::Invite(Invite { uses: 5, note })),
        ("admin/invite/plain", Command::Invite(Invite { uses: 1, note: None })),
        ("admin/invitations", Command::Invitations(InvitationsPage::default())),
        ("admin/revoke", Command::Revoke(Code { code: "k7m2p".to_owned() })),
        ("admin/registration", Command::Registration(AskRegistration {})),
        (
            "admin/set_registration",
            Command::SetRegistration(SetRegistration { policy: Some(RegistrationPolicy::Closed) }),
        ),
        (
            "admin/set_registration/as_configured",
            Command::SetRegistration(SetRegistration { policy: None }),
        ),
        ("admin/rooms", Command::Rooms(RoomsPage { after: None, limit: 200 })),
        ("admin/rooms/next", Command::Rooms(RoomsPage { after: Some(ROOM), limit: 20 })),
        ("admin/delete_room", Command::DeleteRoom(Room { room: ROOM })),
        ("admin/announce", Command::Announce(Announce { text: announcement().text })),
        ("admin/announcements", Command::Announcements(AskAll {})),
        ("admin/withdraw", Command::Withdraw(Withdraw { number: 7 })),
        ("admin/figures", Command::Figures(AskFigures {})),
        ("admin/audit", Command::Audit(AuditPage { before: None, limit: 100 })),
        ("admin/audit/next", Command::Audit(AuditPage { before: Some(17), limit: 100 })),
    ]
}

fn account() -> AccountLine {
    AccountLine {
        username: "anna".parse().unwrap(),
        display_name: "Anna".parse().unwrap(),
        admin: true,
        suspended: false,
        created_at: NOW,
        last_seen: Some(NOW),
        devices: vec![device()],
        storage: Storage { mailbox_entries: 2, mailbox_bytes: 600, blob_bytes: 65_552 },
    }
}

fn figures() -> Figures {
    Figures {
        version: "0.1.0".to_owned(),
        uptime_seconds: 86_400,
        connections: 12,
        devices_online: 11,
        accounts_online: 10,
        accounts: 40,
        devices: 44,
        last_10_s: Traffic { accepted: 30, delivered: 31 },
        last_60_s: Traffic { accepted: 120, delivered: 118 },
        mailbox_entries: 77,
        mailbox_bytes: 33_000,
        blobs: 3,
        blob_bytes: 400_000,
        database_bytes: 9_000_000,
        free_bytes: 80_000_000_000,
        syncs: 1_234,
    }
}

fn audit(number: u64, actor: Actor, target: Option<&str>, refused: Option<ErrorCode>) -> AuditLine {
    let target = target.map(str::to_owned);
    AuditLine {
        number,
        entry: AuditEntry { at: NOW, actor, act: "suspend".to_owned(), target, refused },
    }
}

/// Each named by its kind behind `admin/`.
pub(super) fn answers() -> Vec<Sample<Answer>> {
    let made = Some(Made { at: NOW, by: Actor::Operator });
    let note = Some("for the choir".parse().unwrap());
    let invitation = Invitation { code: "k7m2p".to_owned(), uses_left: 4, note, made };
    let older = Invitation { note: None, made: None, ..invitation.clone() };
    let bob = Actor::Account("bob".parse().unwrap());
    let lines = vec![
        audit(17, bob, Some("anna"), Some(ErrorCode::NotAdmin)),
        audit(16, Actor::Relay, None, None),
    ];
    let lobby = RoomLine {
        room: ROOM,
        name: Some("Lobby".parse().unwrap()),
        lobby: true,
        people: 12,
        devices: 15,
        bytes: 40_000,
        created_at: NOW,
    };
    let by_invitation = RoomLine { name: None, lobby: false, ..lobby.clone() };
    vec![
        ("admin/done", Answer::Done(Done {})),
        ("admin/accounts", Answer::Accounts(Accounts { accounts: vec![account()], more: true })),
        ("admin/account", Answer::Account(Account { account: account(), logins: logins() })),
        ("admin/invitation", Answer::Invitation(invitation.clone())),
        (
            "admin/invitations",
            Answer::Invitations(Invitations { invitations: vec![invitation, older], more: false }),
        ),
        (
            "admin/registration",
            Answer::Registration(Registration {
                policy: RegistrationPolicy::Closed,
                configured: RegistrationPolicy::Open,
                overridden: true,
            }),
        ),
        ("admin/rooms", Answer::Rooms(Rooms { rooms: vec![lobby, by_invitation], more: false })),
        ("admin/announced", Answer::Announced(announcement())),
        ("admin/announcements", Answer::Announcements(vec![announcement()])),
        ("admin/figures", Answer::Figures(figures())),
        ("admin/audit", Answer::Audit(Audit { lines, more: true })),
    ]
}
