//! What opens a stream, and what the relay answers.
//!
//! Each [`Request`] is the first frame of its own bidirectional stream. Most are answered by one
//! [`Answer`]; registration, login by password, blobs and the two links go on as their types say.

use serde::{Deserialize, Serialize};

use crate::{
    Bundle, Refusal,
    account::{AskDevices, AskLogins, DeviceLine, EndDevice, LoginLine},
    admin,
    announcement::{Announcement, AskAnnouncements},
    blob::{BlobFound, BlobReady, BlobStored, GetBlob, PutBlob},
    codec::frame_kinds,
    directory::{
        ClaimBundles, CountPrekeys, ListUsers, LookUp, PrekeyCount, PublishPrekeys, SetProfile,
        User, Users,
    },
    limits::{BATCH_MAX, FRAME_MAX},
    login::{
        AskInfo, Enrolled, LogIn, LogInByPassword, LoggedIn, LoginChallenge, PasswordAccepted,
        Register, Registered, RegistrationChallenge, RelayInfo,
    },
    mailbox::{OpenDownlink, OpenUplink},
    presence::{SetPresence, WatchPresence},
    room::{
        AskKeyPackages, AskRoom, CommitToRoom, Committed, DeviceKeyPackage, FoundRoom, LeaveRoom,
        ListMembers, ListRooms, Members, OpenRoomDownlink, OpenRoomUplink, PublishKeyPackage,
        RoomFound, Rooms,
    },
};

frame_kinds! {
    /// The first frame of a stream.
    Request, limit FRAME_MAX;
    /// Before login: what relay is this. Answered by [`Answer::Info`].
    "info" Info(AskInfo),
    /// Before login: a new account. See [`Register`].
    "register" Register(Register),
    /// Before login: a new device by username and password. See [`LogInByPassword`].
    "login_by_password" LogInByPassword(LogInByPassword),
    /// Before login: this connection is this device. Answered by [`Answer::LoggedIn`].
    "login" LogIn(LogIn),
    /// Answered by [`Answer::User`].
    "look_up" LookUp(LookUp),
    /// Answered by [`Answer::Users`].
    "list_users" ListUsers(ListUsers),
    /// Answered by [`Answer::Bundles`].
    "claim_bundles" ClaimBundles(ClaimBundles),
    /// Answered by [`Answer::PrekeyCount`].
    "publish_prekeys" PublishPrekeys(PublishPrekeys),
    /// Answered by [`Answer::PrekeyCount`].
    "count_prekeys" CountPrekeys(CountPrekeys),
    /// Answered by [`Answer::Done`].
    "set_profile" SetProfile(SetProfile),
    /// Answered by [`Answer::Done`].
    "set_presence" SetPresence(SetPresence),
    /// Answered by [`Answer::Done`]; changes arrive on the downlink.
    "watch_presence" WatchPresence(WatchPresence),
    /// Opens the stream that carries envelopes up. See [`OpenUplink`].
    "uplink" Uplink(OpenUplink),
    /// Opens the stream that carries deliveries down. See [`OpenDownlink`].
    "downlink" Downlink(OpenDownlink),
    /// Stores a blob. See [`PutBlob`].
    "put_blob" PutBlob(PutBlob),
    /// Fetches a blob. See [`GetBlob`].
    "get_blob" GetBlob(GetBlob),
    /// Answered by [`Answer::Committed`].
    "found_room" FoundRoom(FoundRoom),
    /// Answered by [`Answer::Committed`].
    "commit_to_room" CommitToRoom(CommitToRoom),
    /// Answered by [`Answer::RoomFound`] and the bytes of the tree.
    "ask_room" AskRoom(AskRoom),
    /// Answered by [`Answer::Rooms`].
    "list_rooms" ListRooms(ListRooms),
    /// Answered by [`Answer::Done`].
    "leave_room" LeaveRoom(LeaveRoom),
    /// Answered by [`Answer::Members`].
    "list_members" ListMembers(ListMembers),
    /// Answered by [`Answer::Done`].
    "publish_key_package" PublishKeyPackage(PublishKeyPackage),
    /// Answered by [`Answer::KeyPackages`].
    "ask_key_packages" AskKeyPackages(AskKeyPackages),
    /// Opens the stream that carries posts up. See [`OpenRoomUplink`].
    "room_uplink" RoomUplink(OpenRoomUplink),
    /// Opens the stream that carries rooms down. See [`OpenRoomDownlink`].
    "room_downlink" RoomDownlink(OpenRoomDownlink),
    /// Answered by [`Answer::Announcements`].
    "announcements" Announcements(AskAnnouncements),
    /// Answered by [`Answer::OwnDevices`].
    "own_devices" OwnDevices(AskDevices),
    /// Answered by [`Answer::OwnLogins`].
    "own_logins" OwnLogins(AskLogins),
    /// Answered by [`Answer::Done`].
    "end_device" EndDevice(EndDevice),
    /// For admins. Answered by [`Answer::Admin`].
    "admin" Admin(admin::Command),
}

impl Request {
    /// Whether a connection may ask this before it has logged in.
    pub const fn is_anonymous(&self) -> bool {
        matches!(
            self,
            Self::Info(_) | Self::Register(_) | Self::LogInByPassword(_) | Self::LogIn(_)
        )
    }
}

frame_kinds! {
    /// What the relay says to a request.
    Answer, limit BATCH_MAX;
    /// The relay refuses.
    "refused" Refused(Refusal),
    /// It is done, durably where it changed anything.
    "done" Done(Done),
    /// See [`AskInfo`].
    "info" Info(RelayInfo),
    /// See [`Register`].
    "registration_challenge" RegistrationChallenge(RegistrationChallenge),
    /// See [`Register`].
    "registered" Registered(Registered),
    /// See [`LogInByPassword`].
    "login_challenge" LoginChallenge(LoginChallenge),
    /// See [`LogInByPassword`].
    "password_accepted" PasswordAccepted(PasswordAccepted),
    /// See [`LogInByPassword`].
    "enrolled" Enrolled(Enrolled),
    /// See [`LogIn`].
    "logged_in" LoggedIn(LoggedIn),
    /// See [`LookUp`].
    "user" User(User),
    /// See [`ListUsers`].
    "users" Users(Users),
    /// See [`ClaimBundles`].
    "bundles" Bundles(Vec<Bundle>),
    /// See [`PublishPrekeys`].
    "prekey_count" PrekeyCount(PrekeyCount),
    /// See [`PutBlob`].
    "blob_ready" BlobReady(BlobReady),
    /// See [`PutBlob`].
    "blob_stored" BlobStored(BlobStored),
    /// See [`GetBlob`].
    "blob_found" BlobFound(BlobFound),
    /// See [`CommitToRoom`].
    "committed" Committed(Committed),
    /// See [`AskRoom`].
    "room_found" RoomFound(RoomFound),
    /// See [`ListRooms`].
    "rooms" Rooms(Rooms),
    /// See [`ListMembers`].
    "members" Members(Members),
    /// See [`AskKeyPackages`].
    "key_packages" KeyPackages(Vec<DeviceKeyPackage>),
    /// See [`AskAnnouncements`].
    "announcements" Announcements(Vec<Announcement>),
    /// See [`AskDevices`].
    "own_devices" OwnDevices(Vec<DeviceLine>),
    /// See [`AskLogins`].
    "own_logins" OwnLogins(Vec<LoginLine>),
    /// See [`admin::Command`].
    "admin" Admin(admin::Answer),
}

/// It is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}
