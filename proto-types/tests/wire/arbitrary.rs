//! Any frame at all is the same again once it was written and read.

use proptest::{collection::vec, option, prelude::*};
use sotto_proto::{
    AccountId, Answer, BlobId, Bundle, DeviceAddress, DeviceCertificate, DeviceId, DeviceKey,
    DisplayName, EnvelopeId, ErrorCode, ExchangeKey, IdentityKey, KemKey, KemPrekey, MessageId,
    OneTimePrekey, PrekeyId, PrekeyUpload, Refusal, Request, RoomId, Signature, SignedPrekey,
    Timestamp, Username,
    codec::{Frame, HEADER_LEN, decode, to_bytes},
    content::{
        Attachment, AttachmentPointer, Body, Content, Delete, Edit, Reaction, Receipt,
        ReceiptState, RoomInvite, RoomProfile, Text, Timer, Typing,
    },
    directory::{
        ClaimBundles, ListUsers, ListedUser, LookUp, PrekeyCount, PublishPrekeys, User, Users,
    },
    link::{ContactLink, RelayFingerprint, RelayHost, RelayLink},
    login::{
        Enrolment, LogIn, LogInByPassword, LoggedIn, PasswordAccepted, Register, RegistrationFinish,
    },
    mailbox::{
        Acknowledgement, ArrivedSignal, Consumed, Delivery, Envelope, Mail, MailboxEntry, Notice,
        Signal, Submission, Submitted,
    },
    presence::{PresenceState, SetPresence},
    room::{
        ArrivedRoomSignal, CommitToRoom, FoundRoom, ListedRoom, Post, RoomAcknowledgement,
        RoomDelivery, RoomEnd, RoomEntry, RoomFound, RoomItem, RoomNotice, RoomPage, RoomPlace,
        RoomSignal, RoomSubmission, Rooms, RoomsConsumed,
    },
};

prop_compose! {
    fn certificate()(
        device in device(), signing in any::<[u8; 32]>(), exchange in any::<[u8; 32]>(),
        issued_at in any::<u64>(), signature in signature(),
    ) -> DeviceCertificate {
        DeviceCertificate {
            device: device.device,
            signing: DeviceKey(signing),
            exchange: ExchangeKey(exchange),
            issued_at: Timestamp(issued_at),
            signature,
        }
    }
}

prop_compose! {
    fn device()(account in any::<[u8; 16]>(), number in 1..=u32::MAX) -> DeviceAddress {
        DeviceAddress { account: AccountId(account), device: DeviceId::new(number).unwrap() }
    }
}

fn signature() -> impl Strategy<Value = Signature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>())
        .prop_map(|(r, s)| Signature([r, s].concat().try_into().unwrap()))
}

prop_compose! {
    fn kem_prekey()(id in any::<u32>(), byte in any::<u8>(), signature in signature()) -> KemPrekey {
        KemPrekey { id: PrekeyId(id), key: KemKey(Box::new([byte; KemKey::LEN])), signature }
    }
}

prop_compose! {
    fn signed_prekey()(
        id in any::<u32>(), key in any::<[u8; 32]>(), signature in signature(),
    ) -> SignedPrekey {
        SignedPrekey { id: PrekeyId(id), key: ExchangeKey(key), signature }
    }
}

prop_compose! {
    fn one_time_prekey()(id in any::<u32>(), key in any::<[u8; 32]>()) -> OneTimePrekey {
        OneTimePrekey { id: PrekeyId(id), key: ExchangeKey(key) }
    }
}

prop_compose! {
    fn prekeys()(
        signed in option::of(signed_prekey()), last_resort in option::of(kem_prekey()),
        one_time in vec(one_time_prekey(), 0..4), one_time_kem in vec(kem_prekey(), 0..3),
    ) -> PrekeyUpload {
        PrekeyUpload { signed, last_resort, one_time, one_time_kem }
    }
}

fn username() -> impl Strategy<Value = Username> {
    "[a-z][a-z0-9._-]{2,31}".prop_map(|name| name.parse().unwrap())
}

fn display_name() -> impl Strategy<Value = DisplayName> {
    "\\PC{1,64}".prop_filter_map("not a display name", |name| name.parse().ok())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

fn count() -> impl Strategy<Value = PrekeyCount> {
    any::<(u32, u32)>().prop_map(|(one_time, one_time_kem)| PrekeyCount { one_time, one_time_kem })
}

prop_compose! {
    fn refusal()(
        code in any::<u16>(), message in ".{0,80}", retry_after_ms in option::of(any::<u64>()),
    ) -> Refusal {
        Refusal { code: ErrorCode::from(code), message, retry_after_ms }
    }
}

prop_compose! {
    fn enrolment()(
        identity in any::<[u8; 32]>(), certificate in certificate(), prekeys in prekeys(),
        backup in option::of(bytes()), replace_devices in any::<bool>(),
    ) -> Enrolment {
        Enrolment { identity: IdentityKey(identity), certificate, prekeys, backup, replace_devices }
    }
}

prop_compose! {
    fn registration_finish()(
        opaque in bytes(), display_name in display_name(), enrolment in enrolment(),
    ) -> RegistrationFinish {
        RegistrationFinish { opaque, display_name, enrolment }
    }
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        (".{0,40}", option::of(".{0,70}"), bytes()).prop_map(|(username, invitation, opaque)| {
            Register { username, invitation, opaque }.into()
        }),
        (".{0,40}", bytes())
            .prop_map(|(username, opaque)| LogInByPassword { username, opaque }.into()),
        (device(), signature()).prop_map(|(DeviceAddress { account, device }, signature)| {
            LogIn { account, device, signature }.into()
        }),
        username().prop_map(|name| LookUp::Username(name).into()),
        any::<[u8; 16]>().prop_map(|id| LookUp::Account(AccountId(id)).into()),
        (".{0,40}", option::of(username()), any::<u16>())
            .prop_map(|(prefix, after, limit)| { ListUsers { prefix, after, limit }.into() }),
        vec(device(), 1..9).prop_map(|devices| {
            let account = devices[0].account;
            let devices = devices.into_iter().map(|device| device.device).collect();
            ClaimBundles { account, devices }.into()
        }),
        prekeys().prop_map(|prekeys| PublishPrekeys { prekeys }.into()),
        (any::<(bool, bool)>(), vec(device(), 0..9)).prop_map(|((online, last_seen), devices)| {
            let audience = devices.into_iter().map(|device| device.account).collect();
            SetPresence { online, last_seen, audience }.into()
        }),
        (room(), bytes(), bytes()).prop_map(|(room, group_info, tree)| FoundRoom {
            room,
            group_info,
            tree
        }
        .into()),
        (post(), bytes()).prop_map(|(post, group_info)| {
            let Post { id, room, sealed: commit } = post;
            CommitToRoom { room, id, commit, group_info }.into()
        }),
    ]
}

prop_compose! {
    fn user()(
        account in any::<[u8; 16]>(), username in username(), display_name in display_name(),
        identity in any::<[u8; 32]>(), devices in vec(certificate(), 0..4),
    ) -> User {
        let (account, identity) = (AccountId(account), IdentityKey(identity));
        User { account, username, display_name, identity, devices }
    }
}

prop_compose! {
    fn bundle()(
        certificate in certificate(), signed_prekey in signed_prekey(),
        one_time_prekey in option::of(one_time_prekey()), kem_prekey in kem_prekey(),
    ) -> Bundle {
        Bundle { certificate, signed_prekey, one_time_prekey, kem_prekey }
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        refusal().prop_map(Answer::from),
        user().prop_map(Answer::from),
        (user(), bytes()).prop_map(|(user, backup)| {
            let User { account, display_name, identity, devices, .. } = user;
            PasswordAccepted { account, display_name, identity, devices, backup }.into()
        }),
        (username(), any::<(u64, u64, bool)>(), count()).prop_map(
            |(username, (now, envelope_lifetime_ms, admin), prekeys)| {
                let now = Timestamp(now);
                LoggedIn { username, now, prekeys, envelope_lifetime_ms, admin }.into()
            }
        ),
        (vec((username(), display_name()), 0..5), any::<bool>()).prop_map(|(names, more)| {
            let users = names.into_iter();
            let users = users.map(|(username, display_name)| ListedUser { username, display_name });
            Users { users: users.collect(), more }.into()
        }),
        vec(bundle(), 0..3).prop_map(Answer::from),
        count().prop_map(Answer::from),
        (option::of(bytes()), any::<(u64, u32)>(), vec(device(), 0..3)).prop_map(
            |(info, (sequence, tree_size), departed)| {
                let group_info = info.map(Into::into);
                RoomFound { group_info, sequence, departed, listed: None, tree_size }.into()
            }
        ),
        (vec((room(), display_name(), ".{0,60}"), 0..4), any::<bool>()).prop_map(
            |(rooms, more)| {
                let listed =
                    |(room, name, topic)| ListedRoom { room, name, topic, members: 3, lobby: more };
                Rooms { rooms: rooms.into_iter().map(listed).collect(), more }.into()
            }
        ),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (any::<[u8; 16]>(), device(), bytes()).prop_map(|(id, to, sealed)| Envelope {
        id: EnvelopeId(id),
        to,
        sealed,
    })
}

fn submission() -> impl Strategy<Value = Submission> {
    let signal = (device(), bytes()).prop_map(|(to, sealed)| Signal { to, sealed });
    (vec(envelope(), 0..5), vec(signal, 0..3))
        .prop_map(|(envelopes, signals)| Submission { envelopes, signals })
}

fn submitted() -> impl Strategy<Value = Vec<Submitted>> {
    let one = (any::<[u8; 16]>(), option::of(refusal()))
        .prop_map(|(id, refused)| Submitted { id: EnvelopeId(id), refused });
    vec(one, 0..9)
}

fn mail() -> impl Strategy<Value = Mail> {
    prop_oneof![
        envelope().prop_map(|Envelope { id, to, sealed }| Mail::Envelope { from: to, id, sealed }),
        envelope().prop_map(|Envelope { id, to, .. }| Mail::Expired { to, id }),
        envelope().prop_map(|Envelope { id, to, .. }| Mail::Returned { to, id }),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    let state = prop_oneof![
        Just(PresenceState::Online),
        Just(PresenceState::Hidden),
        option::of(any::<u64>()).prop_map(|at| PresenceState::Offline(at.map(Timestamp))),
    ];
    prop_oneof![
        count().prop_map(Notice::PrekeysLow),
        (device(), state)
            .prop_map(|(device, state)| Notice::Presence { account: device.account, state }),
    ]
}

prop_compose! {
    fn delivery()(
        mail in vec((any::<(u64, u64)>(), mail()), 0..5),
        signals in vec((device(), bytes()), 0..3),
        notices in vec(notice(), 0..4),
        (announced, admin) in any::<(Option<u64>, Option<bool>)>(),
        caught_up in any::<bool>(),
    ) -> Delivery {
        let entry = |((sequence, at), mail)| MailboxEntry { sequence, accepted_at: Timestamp(at), mail };
        let signal = |(from, sealed)| ArrivedSignal { from, sealed };
        Delivery {
            entries: mail.into_iter().map(entry).collect(),
            signals: signals.into_iter().map(signal).collect(),
            notices,
            announced,
            admin,
            caught_up,
        }
    }
}

fn room() -> impl Strategy<Value = RoomId> {
    any::<[u8; 16]>().prop_map(RoomId)
}

fn post() -> impl Strategy<Value = Post> {
    (any::<[u8; 16]>(), room(), bytes()).prop_map(|(id, room, sealed)| Post {
        id: EnvelopeId(id),
        room,
        sealed,
    })
}

fn room_submission() -> impl Strategy<Value = RoomSubmission> {
    let signal = (room(), bytes()).prop_map(|(room, sealed)| RoomSignal { room, sealed });
    (vec(post(), 0..5), vec(signal, 0..3))
        .prop_map(|(posts, signals)| RoomSubmission { posts, signals })
}

fn place() -> impl Strategy<Value = RoomPlace> {
    (room(), any::<u64>()).prop_map(|(room, up_to)| RoomPlace { room, up_to })
}

fn room_item() -> impl Strategy<Value = RoomItem> {
    prop_oneof![
        device().prop_map(|by| RoomItem::Founded { by }),
        (device(), post()).prop_map(|(from, Post { id, sealed, .. })| RoomItem::Post {
            from,
            id,
            sealed
        }),
        (device(), post()).prop_map(|(from, Post { id, sealed: commit, .. })| {
            RoomItem::Commit { from, id, commit }
        }),
        (device(), any::<bool>()).prop_map(|(device, left)| RoomItem::Departed { device, left }),
    ]
}

fn room_notice() -> impl Strategy<Value = RoomNotice> {
    let why = prop_oneof![Just(RoomEnd::NotAMember), Just(RoomEnd::Deleted)];
    prop_oneof![
        place().prop_map(RoomNotice::Waiting),
        place().prop_map(RoomNotice::Ahead),
        (room(), why).prop_map(|(room, why)| RoomNotice::Ended { room, why }),
    ]
}

prop_compose! {
    fn room_delivery()(
        pages in vec((place(), vec((any::<(u64, u64)>(), room_item()), 0..4)), 0..3),
        signals in vec((room(), device(), bytes()), 0..3),
        notices in vec(room_notice(), 0..4),
        caught_up in any::<bool>(),
    ) -> RoomDelivery {
        let entry = |((sequence, at), item)| RoomEntry { sequence, accepted_at: Timestamp(at), item };
        let page = |(place, entries): (RoomPlace, Vec<_>)| RoomPage {
            room: place.room,
            after: place.up_to,
            entries: entries.into_iter().map(entry).collect(),
        };
        let signal = |(room, from, sealed)| ArrivedRoomSignal { room, from, sealed };
        RoomDelivery {
            pages: pages.into_iter().map(page).collect(),
            signals: signals.into_iter().map(signal).collect(),
            notices,
            caught_up,
        }
    }
}

fn id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 16]>().prop_map(MessageId)
}

prop_compose! {
    fn pointer()(
        blob in any::<[u8; 16]>(), key in any::<[u8; 32]>(), digest in any::<[u8; 32]>(),
        size in any::<u64>(), name in ".{0,60}", media_type in ".{0,30}",
    ) -> AttachmentPointer {
        AttachmentPointer { blob: BlobId(blob), key, digest, size, name, media_type }
    }
}

fn mentions() -> impl Strategy<Value = Vec<AccountId>> {
    vec(any::<[u8; 16]>().prop_map(AccountId), 0..4)
}

fn profile() -> impl Strategy<Value = RoomProfile> {
    (display_name(), ".{0,60}", option::of(bytes())).prop_map(|(name, topic, picture)| {
        RoomProfile { name, topic, picture: picture.map(Into::into) }
    })
}

fn body() -> impl Strategy<Value = Body> {
    let state = prop_oneof![Just(ReceiptState::Delivered), Just(ReceiptState::Read)];
    prop_oneof![
        (".{0,300}", option::of(id()), mentions()).prop_map(|(text, reply_to, mentions)| Text {
            text,
            reply_to,
            mentions
        }
        .into()),
        (pointer(), ".{0,80}", option::of(id()), mentions()).prop_map(
            |(pointer, caption, reply_to, mentions)| {
                Attachment { pointer, caption, reply_to, mentions }.into()
            }
        ),
        (id(), ".{0,300}").prop_map(|(target, text)| Edit { target, text }.into()),
        id().prop_map(|target| Delete { target }.into()),
        (id(), option::of(".{0,8}")).prop_map(|(target, emoji)| Reaction { target, emoji }.into()),
        (state, vec(id(), 0..9)).prop_map(|(state, messages)| Receipt { state, messages }.into()),
        any::<bool>().prop_map(|active| Typing { active }.into()),
        option::of(any::<u32>()).prop_map(|seconds| Timer { seconds }.into()),
        profile().prop_map(Body::from),
        (any::<([u8; 16], u64)>(), bytes(), profile()).prop_map(
            |((room, epoch), welcome, profile)| {
                RoomInvite { room: RoomId(room), welcome, epoch, profile }.into()
            }
        ),
    ]
}

prop_compose! {
    fn content()(
        id in id(), at in any::<u64>(), disappears_after in option::of(any::<u32>()), body in body(),
    ) -> Content {
        Content { id, sent_at: Timestamp(at), disappears_after, body }
    }
}

fn host() -> impl Strategy<Value = RelayHost> {
    let name = prop_oneof![
        "[a-z0-9.-]{1,60}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
    ];
    (name, 1..=u16::MAX).prop_map(|(host, port)| RelayHost { host, port })
}

fn is_the_same_again<F: Frame + PartialEq + std::fmt::Debug>(frame: &F) {
    let bytes = to_bytes(frame).unwrap();
    assert_eq!(&decode::<F>(&bytes[HEADER_LEN..]).unwrap(), frame);
}

proptest! {
    #[test]
    fn requests(frame in request()) { is_the_same_again(&frame) }

    #[test]
    fn answers(frame in answer()) { is_the_same_again(&frame) }

    #[test]
    fn enrolments(frame in enrolment()) { is_the_same_again(&frame) }

    #[test]
    fn registration_finishes(frame in registration_finish()) { is_the_same_again(&frame) }

    #[test]
    fn submissions(frame in submission()) { is_the_same_again(&frame) }

    #[test]
    fn acknowledgements(envelopes in submitted()) {
        is_the_same_again(&Acknowledgement { envelopes });
    }

    #[test]
    fn room_submissions(frame in room_submission()) { is_the_same_again(&frame) }

    #[test]
    fn room_acknowledgements(posts in submitted()) {
        is_the_same_again(&RoomAcknowledgement { posts });
    }

    #[test]
    fn room_deliveries(frame in room_delivery()) { is_the_same_again(&frame) }

    #[test]
    fn room_consumptions(rooms in vec(place(), 0..5)) {
        is_the_same_again(&RoomsConsumed { rooms });
    }

    #[test]
    fn deliveries(frame in delivery()) { is_the_same_again(&frame) }

    #[test]
    fn consumptions(up_to in any::<u64>()) { is_the_same_again(&Consumed { up_to }) }

    #[test]
    fn contents(frame in content()) { is_the_same_again(&frame) }

    #[test]
    fn relay_links(at in host(), key in option::of(any::<[u8; 32]>())) {
        let link = RelayLink { at, fingerprint: key.map(RelayFingerprint) };
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn contact_links(at in host(), username in username(), key in option::of(any::<[u8; 32]>())) {
        let link = ContactLink { at, username, identity: key.map(IdentityKey) };
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn usernames_are_what_they_are_said_to_be(text in "\\PC{0,40}|[a-zA-Z0-9._-]{0,40}") {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let is_one = (3..=32).contains(&text.chars().count())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(letters);
        prop_assert_eq!(text.parse::<Username>().is_ok(), is_one);
    }

    #[test]
    fn display_names_hide_nothing(text in any::<String>()) {
        if let Ok(name) = text.parse::<DisplayName>() {
            prop_assert!((1..=64).contains(&name.as_str().chars().count()));
            let hidden = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!name.as_str().contains(hidden));
        }
    }
}
