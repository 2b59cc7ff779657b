//! Registration: a name, a password that never comes here, an identity and its first device.

use sotto_keys::{password, verify_certificate, verify_prekeys};
use sotto_proto::{
    AccountId, Answer, ErrorCode, PrekeyUpload, Refusal, Username,
    admin::{Actor, AuditEntry},
    limits::{BACKUP_MAX, INVITATION_MAX, ONE_TIME_PREKEYS_MAX, OPAQUE_MESSAGE_MAX},
    login::{
        Enrolment, Register, Registered, RegistrationChallenge, RegistrationFinish,
        RegistrationPolicy,
    },
};

use crate::{
    connection::{Session, Talk, TalkError},
    server::{now, rng},
    store::{Account, NewAccount, Role},
    stream,
};

/// The conversation of a registration.
pub(crate) async fn register(
    session: &Session,
    talk: &mut Talk,
    register: Register,
) -> Result<(), TalkError> {
    let shared = &session.shared;
    shared.limited(shared.limits.registration(session.from()))?;
    let username = checked_name(register.username)?;
    let policy = shared.registration().await?;
    let invitation = checked_invitation(policy, register.invitation)?;
    if shared.store.account_by_name(&username).await?.is_some() {
        return Err(taken().into());
    }
    let opaque = bounded(&register.opaque)?;
    let response = {
        let _place = shared.password_places.acquire().await.map_err(|_| unavailable())?;
        shared
            .passwords()
            .answer_registration(username.as_str(), opaque)
            .map_err(|_| bad_password_message())?
    };
    stream::send(&mut talk.send, &Answer::from(RegistrationChallenge { opaque: response })).await?;

    let finish: RegistrationFinish = session.receive_counted(talk).await?;
    password::check_record(bounded(&finish.opaque)?).map_err(|_| bad_password_message())?;
    check_enrolment(&finish.enrolment, true)?;
    let Enrolment { identity, certificate, prekeys, backup, .. } = finish.enrolment;
    let account = Account {
        id: AccountId(random()),
        username,
        display_name: finish.display_name,
        identity,
        password_record: finish.opaque,
        backup: backup.unwrap_or_default(),
        devices: vec![certificate],
        role: Role::Member,
        suspended: false,
        created_at: now(),
    };
    let id = account.id;
    let appointment = shared.config.first_account_is_admin.then(|| AuditEntry {
        at: account.created_at,
        actor: Actor::Relay,
        act: "promote".to_owned(),
        target: Some(account.username.to_string()),
        refused: None,
    });
    shared.store.register(NewAccount { account, prekeys, invitation, appointment }).await?;
    shared.metrics.registrations.inc();
    Ok(stream::conclude(&mut talk.send, Registered { account: id }).await?)
}

/// Refuses an enrolment whose signatures or sizes are wrong.
pub(crate) fn check_enrolment(enrolment: &Enrolment, needs_backup: bool) -> Result<(), Refusal> {
    let bad_signature =
        |what: &str| Refusal::new(ErrorCode::BadSignature, format!("the {what} does not verify"));
    verify_certificate(&enrolment.identity, &enrolment.certificate)
        .map_err(|_| bad_signature("certificate"))?;
    verify_prekeys(&enrolment.certificate, &enrolment.prekeys)
        .map_err(|_| bad_signature("signature of a prekey"))?;
    check_prekey_count(&enrolment.prekeys)?;
    let out_of_bounds = |message: &str| Err(Refusal::new(ErrorCode::OutOfBounds, message));
    if enrolment.prekeys.signed.is_none() || enrolment.prekeys.last_resort.is_none() {
        return out_of_bounds("a new device needs a signed prekey and one of last resort");
    }
    match &enrolment.backup {
        Some(backup) if backup.len() > BACKUP_MAX => out_of_bounds("the key backup is too large"),
        None if needs_backup => out_of_bounds("a new identity needs a key backup"),
        _ => Ok(()),
    }
}

/// Refuses more prekeys at once than the directory keeps.
pub(crate) fn check_prekey_count(prekeys: &PrekeyUpload) -> Result<(), Refusal> {
    if prekeys.one_time.len().max(prekeys.one_time_kem.len()) > ONE_TIME_PREKEYS_MAX {
        let message = format!("at most {ONE_TIME_PREKEYS_MAX} one-time prekeys of a kind");
        return Err(Refusal::new(ErrorCode::TooMany, message));
    }
    Ok(())
}

/// An OPAQUE message of a size that one may have.
pub(crate) fn bounded(opaque: &[u8]) -> Result<&[u8], Refusal> {
    if opaque.len() > OPAQUE_MESSAGE_MAX { Err(bad_password_message()) } else { Ok(opaque) }
}

/// The refusal of an OPAQUE message that does not parse.
pub(crate) fn bad_password_message() -> Refusal {
    Refusal::new(ErrorCode::BadPasswordMessage, "the OPAQUE message does not parse")
}

/// The refusal of work that the relay does not take on now.
pub(crate) fn unavailable() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, "the relay is shutting down")
}

fn checked_name(name: String) -> Result<Username, Refusal> {
    Username::try_from(name)
        .map_err(|error| Refusal::new(ErrorCode::OutOfBounds, error.to_string()))
}

fn checked_invitation(
    policy: RegistrationPolicy,
    invitation: Option<String>,
) -> Result<Option<String>, Refusal> {
    match (policy, invitation) {
        (RegistrationPolicy::Open, _) => Ok(None),
        (RegistrationPolicy::Closed, _) => {
            Err(Refusal::new(ErrorCode::RegistrationClosed, "this relay takes no registrations"))
        }
        (RegistrationPolicy::Invitation, Some(code)) if code.len() <= INVITATION_MAX => {
            Ok(Some(code))
        }
        (RegistrationPolicy::Invitation, _) => Err(Refusal::new(
            ErrorCode::InvitationRequired,
            "this relay asks for an invitation code",
        )),
    }
}

fn taken() -> Refusal {
    Refusal::new(ErrorCode::UsernameTaken, "the username is taken")
}

fn random() -> [u8; 16] {
    use rand::Rng;
    let mut bytes = [0; 16];
    rng().fill_bytes(&mut bytes);
    bytes
}
