//! `users`, `contacts`, `add`, `rename`, `accept`, `decline`, `block`, `unblock`, `remove`, `verify`.

use serde_json::json;
use sotto_client::{
    Engine,
    model::{Contact, ContactState},
};

use crate::{
    args::{Place, Verify},
    failure::Failure,
    output::{Output, clean, qr},
    profile::{close, open, open_connected, open_fetched},
};

pub(crate) async fn users(place: &Place, prefix: String, output: &Output) -> Result<(), Failure> {
    let engine = open_connected(place).await?;
    let mut after = None;
    loop {
        let page = engine.users(&prefix, after.take()).await?;
        for user in &page.users {
            let value = json!({ "type": "user", "username": user.username, "display_name": user.display_name });
            output.show(&value, || format!("{:<32} {}", user.username.as_str(), clean(user.display_name.as_str())));
        }
        match page.users.last() {
            Some(last) if page.more => after = Some(last.username.clone()),
            _ => break,
        }
    }
    close(engine).await
}

pub(crate) async fn contacts(place: &Place, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    for contact in engine.contacts().await? {
        show(&contact, output);
    }
    close(engine).await
}

pub(crate) async fn add(place: &Place, who: &str, output: &Output) -> Result<(), Failure> {
    let engine = open_connected(place).await?;
    let added = engine.add_contact(who).await;
    if let Ok(contact) = &added {
        show(contact, output);
    }
    close(engine).await?;
    Ok(added.map(drop)?)
}

pub(crate) async fn rename(place: &Place, user: &str, alias: Option<String>, output: &Output) -> Result<(), Failure> {
    let engine = open(place).await?;
    let contact = engine.contact(user).await?;
    show(&engine.rename(contact.account, alias.as_deref()).await?, output);
    close(engine).await
}

pub(crate) async fn accept(place: &Place, user: &str, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = engine.contact(user).await?;
    show(&engine.accept_request(contact.account).await?, output);
    close(engine).await
}

pub(crate) async fn decline(place: &Place, user: &str, block: bool, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = engine.contact(user).await?;
    engine.decline_request(contact.account, block).await?;
    let value = json!({ "type": "declined", "username": contact.username });
    output.show(&value, || format!("declined {}", contact.username));
    close(engine).await
}

pub(crate) async fn block(place: &Place, user: &str, blocks: bool, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let account = engine.contact(user).await?.account;
    let contact = if blocks { engine.block(account).await? } else { engine.unblock(account).await? };
    show(&contact, output);
    close(engine).await
}

pub(crate) async fn remove(place: &Place, user: &str, with_history: bool, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let contact = engine.contact(user).await?;
    engine.remove(contact.account, with_history).await?;
    let value = json!({ "type": "removed", "username": contact.username });
    output.show(&value, || format!("removed {}", contact.username));
    close(engine).await
}

pub(crate) async fn verify(place: &Place, verify: Verify, output: &Output) -> Result<(), Failure> {
    let engine = open_fetched(place, output).await?;
    let result = compare(&engine, &verify, output).await;
    close(engine).await?;
    result
}

async fn compare(engine: &Engine, verify: &Verify, output: &Output) -> Result<(), Failure> {
    let mut contact = engine.contact(&verify.user).await?;
    if verify.acknowledge && contact.pending_identity.is_some() {
        contact = engine.acknowledge_identity(contact.account).await?;
    }
    let number = engine.safety_number(contact.account).await?;
    if let Some(theirs) = &verify.compare {
        if !number.compare(theirs)? {
            return Err(Failure::NumbersDiffer);
        }
        contact = engine.mark_verified(contact.account, true).await?;
    } else if verify.mark {
        contact = engine.mark_verified(contact.account, true).await?;
    }
    let changed = contact.pending_identity.is_some();
    let value = json!({
        "type": "safety_number", "digits": number.digits(), "qr": number.qr_text(),
        "verified": contact.verified, "identity_changed": changed, "username": contact.username,
    });
    output.show(&value, || format!("{number}\n{}", verification(changed, contact.verified)));
    if verify.qr && !output.is_json() {
        output.line(&qr(number.qr_text()));
    }
    Ok(())
}

const fn verification(changed: bool, verified: bool) -> &'static str {
    match (changed, verified) {
        (true, _) => "the identity key CHANGED; nothing is sent until you --acknowledge it",
        (false, true) => "verified",
        (false, false) => "not verified: compare this number with the other person's, then --mark it",
    }
}

fn show(contact: &Contact, output: &Output) {
    output.show(&json!({ "type": "contact", "contact": contact }), || {
        let state = match contact.state {
            ContactState::Request => "wants to write to you: accept or decline",
            ContactState::Accepted => "contact",
            ContactState::Blocked => "blocked",
            ContactState::Removed => "removed",
        };
        let marks = match (contact.pending_identity.is_some(), contact.verified) {
            (true, _) => ", identity key changed",
            (false, true) => ", verified",
            (false, false) => "",
        };
        format!("{:<32} {} ({state}{marks})", contact.username.as_str(), clean(contact.name()))
    });
}
