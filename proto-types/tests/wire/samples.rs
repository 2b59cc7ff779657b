//! One frame, or more, of every kind: with everything in it, and with what may be left out left out.

mod admin;

use serde_bytes::ByteBuf;
use sotto_proto::{
    AccountId, Answer, BlobId, Bundle, DeviceAddress, DeviceCertificate, DeviceId, DeviceKey,
    EnvelopeId, ErrorCode, ExchangeKey, IdentityKey, KemKey, KemPrekey, MessageId, OneTimePrekey,
    PrekeyId, PrekeyUpload, Refusal, Request, RoomId, Signature, SignedPrekey, Timestamp,
    account::{AskDevices, AskLogins, EndDevice},
    announcement::AskAnnouncements,
    blob::{BlobFound, BlobReady, BlobStored, GetBlob, PutBlob},
    content::{
        Accepted, Attachment, AttachmentPointer, Body, Content, Delete, Edit, Reaction, Receipt,
        ReceiptState, RoomInvite, RoomProfile, Text, Timer, Typing,
    },
    directory::{
        ClaimBundles, CountPrekeys, ListUsers, ListedUser, LookUp, PrekeyCount, PublishPrekeys,
        SetProfile, User, Users,
    },
    login::{
        AskInfo, Enrolled, Enrolment, LogIn, LogInByPassword, LoggedIn, LoginChallenge,
        PasswordAccepted, PasswordFinish, Register, Registered, RegistrationChallenge,
        RegistrationFinish, RegistrationPolicy, RelayInfo,
    },
    mailbox::{
        Acknowledgement, ArrivedSignal, Consumed, Delivery, Envelope, Mail, MailboxEntry, Notice,
        OpenDownlink, OpenUplink, Signal, Submission, Submitted,
    },
    presence::{PresenceState, SetPresence, WatchPresence},
    room::{
        ArrivedRoomSignal, AskKeyPackages, AskRoom, CommitToRoom, Committed, DeviceKeyPackage,
        FoundRoom, LeaveRoom, ListMembers, ListRooms, ListedMember, ListedRoom, Members,
        OpenRoomDownlink, OpenRoomUplink, Post, PublishKeyPackage, RoomAcknowledgement,
        RoomDelivery, RoomEnd, RoomEntry, RoomFound, RoomItem, RoomNotice, RoomPage, RoomPlace,
        RoomSignal, RoomSubmission, Rooms, RoomsConsumed,
    },
};

/// A frame and what it shows.
pub(crate) type Sample<F> = (&'static str, F);

const ACCOUNT: AccountId = AccountId([0xA1; 16]);
const ROOM: RoomId = RoomId([0x40; 16]);
const COMMIT: EnvelopeId = EnvelopeId([0xE2; 16]);
const MESSAGE: MessageId = MessageId([0x3E; 16]);
const NOW: Timestamp = Timestamp(1_795_219_200_000);

fn device() -> DeviceAddress {
    DeviceAddress { account: ACCOUNT, device: DeviceId::new(1).unwrap() }
}

fn certificate() -> DeviceCertificate {
    DeviceCertificate {
        device: DeviceId::new(1).unwrap(),
        signing: DeviceKey([0x51; 32]),
        exchange: ExchangeKey([0xEC; 32]),
        issued_at: NOW,
        signature: Signature([0x5C; 64]),
    }
}

fn kem_prekey(id: u32) -> KemPrekey {
    let (key, signature) = (KemKey(Box::new([0x4B; KemKey::LEN])), Signature([0x5D; 64]));
    KemPrekey { id: PrekeyId(id), key, signature }
}

fn one_time_prekey() -> OneTimePrekey {
    OneTimePrekey { id: PrekeyId(3), key: ExchangeKey([0x07; 32]) }
}

fn signed_prekey() -> SignedPrekey {
    let (key, signature) = (ExchangeKey([0x59; 32]), Signature([0x5E; 64]));
    SignedPrekey { id: PrekeyId(1), key, signature }
}

fn prekeys() -> PrekeyUpload {
    PrekeyUpload {
        signed: Some(signed_prekey()),
        last_resort: Some(kem_prekey(2)),
        one_time: vec![one_time_prekey()],
        one_time_kem: vec![kem_prekey(4)],
    }
}

/// Of requests, each named by its kind and what is behind a slash.
pub(crate) fn requests() -> Vec<Sample<Request>> {
    let name = || "anna".parse().unwrap();
    let opaque = vec![0x0A, 0x0B, 0x0C];
    let register = Register {
        username: "anna".to_owned(),
        invitation: Some("k7m2p".to_owned()),
        opaque: opaque.clone(),
    };
    let some = DeviceId::new(2).unwrap();
    let mut all = vec![
        ("info", AskInfo {}.into()),
        ("register", Register { invitation: None, ..register.clone() }.into()),
        ("register/invited", register.into()),
        ("login_by_password", LogInByPassword { username: "anna".to_owned(), opaque }.into()),
        (
            "login",
            LogIn { account: ACCOUNT, device: some, signature: Signature([0x5F; 64]) }.into(),
        ),
        ("look_up/username", LookUp::Username(name()).into()),
        ("look_up/account", LookUp::Account(ACCOUNT).into()),
        ("list_users", ListUsers { prefix: String::new(), after: None, limit: 200 }.into()),
        (
            "list_users/next",
            ListUsers { prefix: "an".to_owned(), after: Some(name()), limit: 20 }.into(),
        ),
        ("claim_bundles", ClaimBundles { account: ACCOUNT, devices: vec![] }.into()),
        ("claim_bundles/some", ClaimBundles { account: ACCOUNT, devices: vec![some] }.into()),
        ("publish_prekeys", PublishPrekeys { prekeys: prekeys() }.into()),
        ("publish_prekeys/none", PublishPrekeys { prekeys: PrekeyUpload::default() }.into()),
        ("count_prekeys", CountPrekeys {}.into()),
        ("set_profile", SetProfile { display_name: "Anna 🌊".parse().unwrap() }.into()),
        (
            "set_presence",
            SetPresence { online: true, last_seen: false, audience: vec![ACCOUNT] }.into(),
        ),
        ("watch_presence", WatchPresence { accounts: vec![ACCOUNT] }.into()),
        ("uplink", OpenUplink {}.into()),
        ("downlink", OpenDownlink {}.into()),
        ("put_blob", PutBlob { id: BlobId([0xB1; 16]), size: 65_552, digest: [0xD1; 32] }.into()),
        ("get_blob", GetBlob { id: BlobId([0xB1; 16]), offset: 4096 }.into()),
        ("announcements", AskAnnouncements { after: 7 }.into()),
        ("own_devices", AskDevices {}.into()),
        ("own_logins", AskLogins {}.into()),
        ("end_device", EndDevice { device: some }.into()),
    ];
    all.extend(admin::commands().into_iter().map(|(name, command)| (name, command.into())));
    all.extend(room_requests());
    all
}

fn room_requests() -> Vec<Sample<Request>> {
    let place = RoomPlace { room: ROOM, up_to: 7 };
    let (commit, group_info, tree) = (vec![0x00, 0x01], vec![0x00, 0x04], vec![0x01, 0x01]);
    vec![
        ("found_room", FoundRoom { room: ROOM, group_info: group_info.clone(), tree }.into()),
        ("commit_to_room", CommitToRoom { room: ROOM, id: COMMIT, commit, group_info }.into()),
        ("ask_room", AskRoom { room: ROOM, epoch: None }.into()),
        ("ask_room/epoch", AskRoom { room: ROOM, epoch: Some(3) }.into()),
        ("list_rooms", ListRooms { after: None, limit: 200 }.into()),
        ("list_rooms/next", ListRooms { after: Some(ROOM), limit: 20 }.into()),
        ("leave_room", LeaveRoom { room: ROOM }.into()),
        ("list_members", ListMembers { room: ROOM, after: None }.into()),
        ("list_members/next", ListMembers { room: ROOM, after: Some(ACCOUNT) }.into()),
        ("publish_key_package", PublishKeyPackage { key_package: vec![0x05, 0x06] }.into()),
        ("ask_key_packages", AskKeyPackages { accounts: vec![ACCOUNT] }.into()),
        ("room_uplink", OpenRoomUplink {}.into()),
        ("room_downlink", OpenRoomDownlink { rooms: vec![place] }.into()),
    ]
}

/// Of answers.
pub(crate) fn answers() -> Vec<Sample<Answer>> {
    let (username, display_name) = ("anna".parse().unwrap(), "Anna".parse().unwrap());
    let count = PrekeyCount { one_time: 19, one_time_kem: 100 };
    let opaque = || vec![0x0D, 0x0E];
    let user = User {
        account: ACCOUNT,
        username,
        display_name,
        identity: IdentityKey([0x1D; 32]),
        devices: vec![certificate()],
    };
    let listed =
        ListedUser { username: user.username.clone(), display_name: user.display_name.clone() };
    let bundle = Bundle {
        certificate: certificate(),
        signed_prekey: signed_prekey(),
        one_time_prekey: Some(one_time_prekey()),
        kem_prekey: kem_prekey(4),
    };
    let last = Bundle { one_time_prekey: None, ..bundle.clone() };
    let info = RelayInfo {
        name: "Sotto relay".to_owned(),
        version: "0.1.0".to_owned(),
        registration: RegistrationPolicy::Invitation,
        listing: true,
    };
    let accepted = PasswordAccepted {
        account: ACCOUNT,
        display_name: user.display_name.clone(),
        identity: user.identity,
        devices: user.devices.clone(),
        backup: vec![0x01, 0x02],
    };
    let logged_in = LoggedIn {
        username: user.username.clone(),
        now: NOW,
        prekeys: count,
        envelope_lifetime_ms: 2_592_000_000,
        admin: true,
    };
    let mut all = vec![
        ("refused", Refusal::new(ErrorCode::NoSuchUser, "there is no such user").into()),
        ("refused/rate_limited", Refusal::rate_limited(1500).into()),
        ("refused/newer_code", Refusal::new(ErrorCode::Other(40_999), "new").into()),
        ("done", sotto_proto::Done {}.into()),
        ("info", info.into()),
        ("registration_challenge", RegistrationChallenge { opaque: opaque() }.into()),
        ("registered", Registered { account: ACCOUNT }.into()),
        ("login_challenge", LoginChallenge { opaque: opaque() }.into()),
        ("password_accepted", accepted.into()),
        ("enrolled", Enrolled {}.into()),
        ("logged_in", logged_in.into()),
        ("user", user.into()),
        ("users", Users { users: vec![listed], more: true }.into()),
        ("bundles", vec![bundle].into()),
        ("bundles/last_resort", vec![last].into()),
        ("prekey_count", count.into()),
        ("blob_ready", BlobReady { offset: 4096 }.into()),
        ("blob_stored", BlobStored { expires_at: NOW }.into()),
        ("blob_found", BlobFound { size: 65_552 }.into()),
        ("announcements", vec![admin::announcement()].into()),
        ("own_devices", vec![admin::device()].into()),
        ("own_logins", admin::logins().into()),
    ];
    all.extend(admin::answers().into_iter().map(|(name, answer)| (name, answer.into())));
    all.extend(room_answers());
    all
}

fn room_answers() -> Vec<Sample<Answer>> {
    let room = ListedRoom {
        room: ROOM,
        name: "Lobby".parse().unwrap(),
        topic: "Everybody".to_owned(),
        members: 12,
        lobby: true,
    };
    let found = RoomFound {
        group_info: Some(vec![0x00, 0x04].into()),
        sequence: 9,
        departed: vec![device()],
        listed: Some(room.clone()),
        tree_size: 640,
    };
    let earlier = RoomFound { group_info: None, departed: vec![], listed: None, ..found.clone() };
    let member = ListedMember {
        account: ACCOUNT,
        username: "anna".parse().unwrap(),
        display_name: "Anna".parse().unwrap(),
    };
    let key_package = DeviceKeyPackage { device: device(), key_package: vec![0x05, 0x06] };
    vec![
        ("committed", Committed { sequence: 9 }.into()),
        ("room_found", found.into()),
        ("room_found/earlier", earlier.into()),
        ("rooms", Rooms { rooms: vec![room], more: false }.into()),
        ("members", Members { members: vec![member], more: true }.into()),
        ("key_packages", vec![key_package].into()),
    ]
}

/// Of the frames that follow in a registration or a login by password.
pub(crate) fn registration_finishes() -> Vec<Sample<RegistrationFinish>> {
    let (opaque, display_name) = (vec![0x0F; 3], "Anna".parse().unwrap());
    let (_, enrolment) = enrolments().remove(0);
    vec![("registration_finish", RegistrationFinish { opaque, display_name, enrolment })]
}

/// See [`registration_finishes`].
pub(crate) fn enrolments() -> Vec<Sample<Enrolment>> {
    let first = Enrolment {
        identity: IdentityKey([0x1D; 32]),
        certificate: certificate(),
        prekeys: prekeys(),
        backup: Some(vec![0x01, 0x02]),
        replace_devices: false,
    };
    let later = Enrolment {
        prekeys: PrekeyUpload::default(),
        backup: None,
        replace_devices: true,
        ..first.clone()
    };
    vec![("enrolment", first), ("enrolment/replacing", later)]
}

/// See [`registration_finishes`].
pub(crate) fn password_finishes() -> Vec<Sample<PasswordFinish>> {
    vec![("password_finish", PasswordFinish { opaque: vec![0x0B; 2] })]
}

fn envelope() -> Envelope {
    Envelope { id: EnvelopeId([0xE1; 16]), to: device(), sealed: vec![0x11, 0x99] }
}

/// Of the uplink.
pub(crate) fn submissions() -> Vec<Sample<Submission>> {
    let signal = Signal { to: device(), sealed: vec![0x11, 0x77] };
    vec![
        ("submission", Submission { envelopes: vec![envelope()], signals: vec![] }),
        ("submission/signal", Submission { envelopes: vec![], signals: vec![signal] }),
    ]
}

/// Of the uplink.
pub(crate) fn acknowledgements() -> Vec<Sample<Acknowledgement>> {
    let id = envelope().id;
    let full = Refusal::new(ErrorCode::MailboxFull, "the recipient's mailbox is full");
    let outcome = |refused| Acknowledgement { envelopes: vec![Submitted { id, refused }] };
    vec![("acknowledgement", outcome(None)), ("acknowledgement/refused", outcome(Some(full)))]
}

/// Of the downlink.
pub(crate) fn deliveries() -> Vec<Sample<Delivery>> {
    let Envelope { id, to, sealed } = envelope();
    let entry = |mail| Delivery {
        entries: vec![MailboxEntry { sequence: 7, accepted_at: NOW, mail }],
        ..Delivery::default()
    };
    let notice = |notice| Delivery { notices: vec![notice], ..Delivery::default() };
    let presence = |state| notice(Notice::Presence { account: ACCOUNT, state });
    let count = PrekeyCount { one_time: 19, one_time_kem: 0 };
    let signal = ArrivedSignal { from: device(), sealed: sealed.clone() };
    vec![
        ("delivery/caught_up", Delivery { caught_up: true, ..Delivery::default() }),
        ("delivery/envelope", entry(Mail::Envelope { from: device(), id, sealed })),
        ("delivery/expired", entry(Mail::Expired { to, id })),
        ("delivery/returned", entry(Mail::Returned { to, id })),
        ("delivery/signal", Delivery { signals: vec![signal], ..Delivery::default() }),
        ("delivery/prekeys_low", notice(Notice::PrekeysLow(count))),
        ("delivery/online", presence(PresenceState::Online)),
        ("delivery/offline", presence(PresenceState::Offline(Some(NOW)))),
        ("delivery/offline_unknown", presence(PresenceState::Offline(None))),
        ("delivery/hidden", presence(PresenceState::Hidden)),
        ("delivery/announced", Delivery { announced: Some(7), ..Delivery::default() }),
        ("delivery/admin", Delivery { admin: Some(true), ..Delivery::default() }),
    ]
}

/// Of the downlink.
pub(crate) fn consumptions() -> Vec<Sample<Consumed>> {
    vec![("consumed", Consumed { up_to: 7 }), ("consumed/last", Consumed { up_to: u64::MAX })]
}

/// Of the uplink of rooms.
pub(crate) fn room_submissions() -> Vec<Sample<RoomSubmission>> {
    let post = Post { id: COMMIT, room: ROOM, sealed: vec![0x00, 0x02] };
    let signal = RoomSignal { room: ROOM, sealed: vec![0x11, 0x77] };
    vec![
        ("room_submission", RoomSubmission { posts: vec![post], signals: vec![] }),
        ("room_submission/signal", RoomSubmission { posts: vec![], signals: vec![signal] }),
    ]
}

/// Of the uplink of rooms.
pub(crate) fn room_acknowledgements() -> Vec<Sample<RoomAcknowledgement>> {
    let stale = Refusal::new(ErrorCode::StaleEpoch, "the room has gone on to another epoch");
    let outcome = |refused| RoomAcknowledgement { posts: vec![Submitted { id: COMMIT, refused }] };
    vec![
        ("room_acknowledgement", outcome(None)),
        ("room_acknowledgement/stale", outcome(Some(stale))),
    ]
}

/// Of the downlink of rooms.
pub(crate) fn room_deliveries() -> Vec<Sample<RoomDelivery>> {
    let page = |item| RoomDelivery {
        pages: vec![RoomPage {
            room: ROOM,
            after: 6,
            entries: vec![RoomEntry { sequence: 7, accepted_at: NOW, item }],
        }],
        ..RoomDelivery::default()
    };
    let notice = |notice| RoomDelivery { notices: vec![notice], ..RoomDelivery::default() };
    let place = RoomPlace { room: ROOM, up_to: 7 };
    let (from, id) = (device(), COMMIT);
    let signal = ArrivedRoomSignal { room: ROOM, from, sealed: vec![0x11, 0x77] };
    vec![
        ("room_delivery/caught_up", RoomDelivery { caught_up: true, ..RoomDelivery::default() }),
        ("room_delivery/founded", page(RoomItem::Founded { by: from })),
        ("room_delivery/commit", page(RoomItem::Commit { from, id, commit: vec![0x00, 0x01] })),
        ("room_delivery/post", page(RoomItem::Post { from, id, sealed: vec![0x00, 0x02] })),
        ("room_delivery/departed", page(RoomItem::Departed { device: from, left: true })),
        ("room_delivery/signal", RoomDelivery { signals: vec![signal], ..RoomDelivery::default() }),
        ("room_delivery/waiting", notice(RoomNotice::Waiting(place))),
        ("room_delivery/ahead", notice(RoomNotice::Ahead(place))),
        ("room_delivery/ended", notice(RoomNotice::Ended { room: ROOM, why: RoomEnd::NotAMember })),
        ("room_delivery/deleted", notice(RoomNotice::Ended { room: ROOM, why: RoomEnd::Deleted })),
    ]
}

/// Of the downlink of rooms.
pub(crate) fn room_consumptions() -> Vec<Sample<RoomsConsumed>> {
    let place = RoomPlace { room: ROOM, up_to: u64::MAX };
    vec![("rooms_consumed", RoomsConsumed { rooms: vec![place] })]
}

/// Of contents, which travel without a header.
pub(crate) fn contents() -> Vec<Sample<Content>> {
    let content = |disappears_after, body: Body| Content {
        id: MESSAGE,
        sent_at: NOW,
        disappears_after,
        body,
    };
    let pointer = AttachmentPointer {
        blob: BlobId([0xB1; 16]),
        key: [0x4E; 32],
        digest: [0xD1; 32],
        size: 48_000,
        name: "lighthouse.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
    };
    let target = MessageId([0x7A; 16]);
    let text =
        |reply_to| Text { text: "Nine o'clock?\n🌊".to_owned(), reply_to, mentions: Vec::new() };
    let attachment = |caption: &str, reply_to| Attachment {
        pointer: pointer.clone(),
        caption: caption.to_owned(),
        reply_to,
        mentions: Vec::new(),
    };
    let mentions = vec![AccountId([0xA1; 16]), AccountId([0xB2; 16])];
    let profile = RoomProfile {
        name: "Lighthouse".parse().unwrap(),
        topic: "Everything about the sea".to_owned(),
        picture: Some(ByteBuf::from([0x89, b'P', b'N', b'G'])),
    };
    let plain = RoomProfile { topic: String::new(), picture: None, ..profile.clone() };
    let invite = |profile| RoomInvite {
        room: RoomId([0xC0; 16]),
        welcome: vec![0x3C; 24],
        epoch: 7,
        profile,
    };
    let receipt = |state| Receipt { state, messages: vec![target] };
    vec![
        ("text", content(None, text(None).into())),
        ("text/reply", content(Some(3600), text(Some(target)).into())),
        ("attachment", content(None, attachment("", None).into())),
        ("attachment/caption", content(None, attachment("look", Some(target)).into())),
        ("text/mentions", content(None, Text { mentions: mentions.clone(), ..text(None) }.into())),
        (
            "attachment/mentions",
            content(None, Attachment { mentions, ..attachment("look", None) }.into()),
        ),
        ("edit", content(None, Edit { target, text: "Ten.".to_owned() }.into())),
        ("delete", content(None, Delete { target }.into())),
        ("reaction", content(None, Reaction { target, emoji: Some("👍".to_owned()) }.into())),
        ("reaction/withdrawn", content(None, Reaction { target, emoji: None }.into())),
        ("receipt", content(None, receipt(ReceiptState::Delivered).into())),
        ("receipt/read", content(None, receipt(ReceiptState::Read).into())),
        ("typing", content(None, Typing { active: true }.into())),
        ("timer", content(None, Timer { seconds: Some(86_400) }.into())),
        ("timer/off", content(None, Timer { seconds: None }.into())),
        ("accepted", content(None, Accepted {}.into())),
        ("room_invite", content(None, invite(profile.clone()).into())),
        ("room_invite/plain", content(None, invite(plain.clone()).into())),
        ("room_profile", content(None, profile.into())),
        ("room_profile/plain", content(None, plain.into())),
    ]
}
