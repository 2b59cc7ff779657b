//! Who a connection is: a device by its signature, or a person by password with a new device.
//!
//! An unknown username takes the same way as a known one, up to the same refusal.

use sotto_keys::verify_login;
use sotto_proto::{
    Answer, DeviceAddress, ErrorCode, LOGIN_EXPORTER_LABEL, Refusal, Username,
    account::LoginMeans,
    login::{
        Enrolled, Enrolment, LogIn, LogInByPassword, LoggedIn, LoginChallenge, PasswordAccepted,
        PasswordFinish, RelayInfo,
    },
};
use tracing::debug;

use crate::{
    account::Attempt,
    connection::{Session, Talk, TalkError},
    metrics::{Means, Outcome},
    registration::{bad_password_message, bounded, check_enrolment, unavailable},
    server::{Shared, now, rng},
    store::{Account, NewDevice, Role, StoreError},
    stream,
};

/// What this relay says of itself to anyone.
pub(crate) async fn info(shared: &Shared) -> Result<RelayInfo, StoreError> {
    Ok(RelayInfo {
        name: shared.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration: shared.registration().await?,
        listing: shared.config.listing,
    })
}

/// The login of a device: its signature over this connection's exporter value.
pub(crate) async fn device(
    session: &Session,
    talk: &mut Talk,
    login: LogIn,
) -> Result<(), TalkError> {
    let shared = &session.shared;
    let address = DeviceAddress { account: login.account, device: login.device };
    let unknown =
        || Refusal::new(ErrorCode::UnknownDevice, "this device is not one of the account's");
    let account = shared.store.account(login.account).await?.ok_or_else(unknown)?;
    let attempt = Attempt {
        account: login.account,
        means: LoginMeans::Device,
        from: session.from(),
        device: Some(login.device),
    };
    let known = account.devices.iter().find(|known| known.device == login.device);
    let certificate = known.ok_or_else(|| {
        attempt.failed(shared, ErrorCode::UnknownDevice);
        unknown()
    })?;
    let mut exporter = [0; 32];
    session
        .connection
        .export_keying_material(&mut exporter, LOGIN_EXPORTER_LABEL, b"")
        .map_err(|_| Refusal::new(ErrorCode::Internal, "the connection gives no exporter value"))?;
    verify_login(&certificate.signing, &exporter, shared.fingerprint.as_bytes(), &login.signature)
        .map_err(|_| {
            shared.metrics.login(Means::Device, Outcome::Failed);
            attempt.failed(shared, ErrorCode::BadSignature);
            Refusal::new(ErrorCode::BadSignature, "the login's signature does not verify")
        })?;
    if account.suspended {
        attempt.failed(shared, ErrorCode::Suspended);
        return Err(suspended().into());
    }
    let prekeys = shared.store.count_prekeys(address).await?;
    attempt.succeeded(shared).await;
    session.log_in(address);
    shared.metrics.login(Means::Device, Outcome::Ok);
    debug!("a device logged in");
    let answer = LoggedIn {
        username: account.username,
        now: now(),
        prekeys,
        envelope_lifetime_ms: shared.config.quotas.envelope_lifetime_ms(),
        admin: account.role == Role::Admin,
    };
    Ok(stream::conclude(&mut talk.send, answer).await?)
}

/// The conversation of a login by password, at whose end a new device is in the account.
pub(crate) async fn by_password(
    session: &Session,
    talk: &mut Talk,
    start: LogInByPassword,
) -> Result<(), TalkError> {
    let shared = &session.shared;
    shared.limited(shared.limits.password_login(session.from(), &start.username))?;
    let found = account_named(shared, &start.username).await?;
    let record = found.as_ref().map(|account| account.password_record.as_slice());
    let opaque = bounded(&start.opaque)?;
    let (waiting, challenge) = {
        let _place = shared.password_places.acquire().await.map_err(|_| unavailable())?;
        shared
            .passwords()
            .start_login(&mut rng(), &start.username, record, opaque)
            .map_err(|_| bad_password_message())?
    };
    stream::send(&mut talk.send, &Answer::from(LoginChallenge { opaque: challenge })).await?;

    let attempt = found.as_ref().map(|account| Attempt {
        account: account.id,
        means: LoginMeans::Password,
        from: session.from(),
        device: None,
    });
    let failed = |code| attempt.into_iter().for_each(|attempt| attempt.failed(shared, code));
    // A client that has got a wrong password finds out by the challenge, and says no more.
    let finish: PasswordFinish =
        session.receive_counted(talk).await.inspect_err(|_| failed(ErrorCode::WrongCredentials))?;
    let proved = waiting.finish(bounded(&finish.opaque)?);
    let (Ok(()), Some(account)) = (proved, found) else {
        shared.metrics.login(Means::Password, Outcome::Failed);
        failed(ErrorCode::WrongCredentials);
        return Err(Refusal::new(
            ErrorCode::WrongCredentials,
            "the username or the password is wrong",
        )
        .into());
    };
    if account.suspended {
        failed(ErrorCode::Suspended);
        return Err(suspended().into());
    }
    shared.metrics.login(Means::Password, Outcome::Ok);
    if let Some(attempt) = attempt {
        attempt.succeeded(shared).await;
    }
    enrol(session, talk, account).await
}

async fn enrol(session: &Session, talk: &mut Talk, account: Account) -> Result<(), TalkError> {
    let shared = &session.shared;
    let (id, identity) = (account.id, account.identity);
    let accepted = PasswordAccepted {
        account: id,
        display_name: account.display_name,
        identity,
        devices: account.devices,
        backup: account.backup,
    };
    stream::send(&mut talk.send, &Answer::from(accepted)).await?;

    let enrolment: Enrolment = session.receive_counted(talk).await?;
    check_enrolment(&enrolment, enrolment.identity != identity)?;
    let kept = DeviceAddress { account: id, device: enrolment.certificate.device };
    let (replaces, changes) = (enrolment.replace_devices, enrolment.identity != identity);
    let Enrolment { identity, certificate, prekeys, backup, .. } = enrolment;
    // Devices that another identity certified can't stay behind.
    let replace_devices = replaces || changes;
    let new = NewDevice {
        account: id,
        identity,
        certificate,
        prekeys,
        backup,
        replace_devices,
        enrolled_at: now(),
    };
    let rooms = shared.rooms_of(id).await?;
    shared.store.enrol(new).await?;
    if replace_devices {
        shared.rooms.wake_all(rooms);
        shared.online.remove_others(id, Some(kept));
        shared.mail_left.notify_one();
    }
    Ok(stream::conclude(&mut talk.send, Enrolled::default()).await?)
}

async fn account_named(shared: &Shared, name: &str) -> Result<Option<Account>, TalkError> {
    match name.parse::<Username>() {
        Ok(username) => Ok(shared.store.account_by_name(&username).await?),
        Err(_) => Ok(None),
    }
}

fn suspended() -> Refusal {
    Refusal::new(ErrorCode::Suspended, "this account is suspended on this relay")
}
