//! `register`, `login`, `whoami`, `relay`, `settings`: one's own account.

use serde_json::json;
use sotto_client::{
    Engine, ExistingAccount, NewAccount,
    model::Preferences,
    profile::ProfileInfo,
    proto::{DisplayName, link::RelayLink},
};

use crate::{
    args::{Login, Place, Register, Settings},
    failure::Failure,
    output::{Output, clean, qr},
    profile::{self, close, open, open_connected},
    secrets,
};

pub(crate) async fn register(
    place: &Place,
    register: Register,
    output: &Output,
) -> Result<(), Failure> {
    let password = secrets::password(place, true)?;
    let passphrase = secrets::passphrase(place)?.unwrap_or_else(|| password.clone());
    let display_name = match register.name {
        Some(name) => name,
        None => username_as_name(register.username.as_str())?,
    };
    let engine = Engine::register(NewAccount {
        folder: profile::folder(place)?,
        relay: register.relay,
        username: register.username,
        display_name,
        password,
        passphrase,
        invitation: register.invitation,
    })
    .await?;
    show_me(&engine, "registered", output);
    close(engine).await
}

fn username_as_name(username: &str) -> Result<DisplayName, Failure> {
    username.parse().map_err(|error| Failure::Io(std::io::Error::other(error)))
}

pub(crate) async fn log_in(place: &Place, login: Login, output: &Output) -> Result<(), Failure> {
    let password = secrets::password(place, false)?;
    let passphrase = secrets::passphrase(place)?.unwrap_or_else(|| password.clone());
    let engine = Engine::log_in(ExistingAccount {
        folder: profile::folder(place)?,
        relay: login.relay,
        username: login.username,
        password,
        passphrase,
        new_identity: login.new_identity,
    })
    .await?;
    show_me(&engine, "logged_in", output);
    close(engine).await
}

pub(crate) async fn whoami(place: &Place, with_qr: bool, output: &Output) -> Result<(), Failure> {
    let engine = open(place).await?;
    show_me(&engine, "me", output);
    if with_qr && !output.is_json() {
        output.line(&qr(&engine.contact_link().to_string()));
    }
    close(engine).await
}

fn show_me(engine: &Engine, kind: &str, output: &Output) {
    let (me, link) = (engine.me(), engine.contact_link());
    let value = json!({ "type": kind, "me": me, "link": link.to_string() });
    output.show(&value, || {
        format!(
            "{} ({})\non {}\nothers add you by {link}",
            me.username,
            clean(me.display_name.as_str()),
            me.relay
        )
    });
}

pub(crate) async fn relay(
    place: &Place,
    link: Option<RelayLink>,
    output: &Output,
) -> Result<(), Failure> {
    let Some(link) = link else {
        let relay = ProfileInfo::read(&profile::folder(place)?)?.relay;
        output.show(&json!({ "type": "relay", "link": relay.to_string() }), || relay.to_string());
        return Ok(());
    };
    let engine = open(place).await?;
    if engine.me().relay.fingerprint != link.fingerprint {
        engine.shutdown().await;
        return Err(Failure::AnotherRelay);
    }
    engine.set_relay(link.clone()).await?;
    output.show(&json!({ "type": "relay", "link": link.to_string() }), || link.to_string());
    close(engine).await
}

pub(crate) async fn settings(
    place: &Place,
    settings: Settings,
    output: &Output,
) -> Result<(), Failure> {
    let engine =
        if settings.name.is_some() { open_connected(place).await? } else { open(place).await? };
    let before = engine.preferences().await?;
    let now = Preferences {
        show_online: settings.online.unwrap_or(before.show_online),
        show_last_seen: settings.last_seen.unwrap_or(before.show_last_seen),
        read_receipts: settings.read_receipts.unwrap_or(before.read_receipts),
        typing: settings.typing.unwrap_or(before.typing),
    };
    if now != before {
        engine.set_preferences(now).await?;
    }
    if let Some(name) = settings.name {
        engine.set_display_name(name).await?;
    }
    let name = engine.me().display_name;
    output.show(&json!({ "type": "settings", "settings": now, "name": name }), || {
        format!(
            "name {}\nonline {}\nlast-seen {}\nread-receipts {}\ntyping {}",
            clean(name.as_str()),
            now.show_online,
            now.show_last_seen,
            now.read_receipts,
            now.typing
        )
    });
    close(engine).await
}
