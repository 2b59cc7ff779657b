//! One person: the safety number, the identity keys seen, and what can be done.

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    Engine, EngineError, SafetyNumber,
    model::{Contact, ContactState, KnownIdentity},
    proto::AccountId,
};

use crate::{
    adapters::account::grouped,
    app::{App, image},
    controllers::{about, navigation, people, timeline},
    generated::{Navigation, Person, Problem, SeenKey},
    pictures::qr,
};

/// The longest name that an owner gives a person, in characters.
const ALIAS_MAX: usize = 64;

/// Whose page is open.
#[derive(Default)]
pub(crate) struct State {
    account: Option<AccountId>,
}

pub(crate) fn wire(app: &App) {
    let person = app.window.global::<Person>();
    person.on_mark_verified(app.on1(|app, verified: bool| {
        change(app, move |engine, who| async move { engine.mark_verified(who, verified).await });
    }));
    person.on_keep_key(app.on0(|app| {
        change(app, |engine, who| async move { engine.acknowledge_identity(who).await });
    }));
    person.on_set_blocked(app.on1(|app, blocked: bool| {
        change(app, move |engine, who| async move {
            if blocked { engine.block(who).await } else { engine.unblock(who).await }
        });
    }));
    person.on_rename(app.on_text(rename));
    person.on_remove(app.on0(remove));
}

/// Fills the page of the person whose conversation is open.
pub(crate) fn open(app: &App) {
    let contact = app.timeline.borrow().contact().cloned();
    let Some(contact) = contact else { return };
    app.person.borrow_mut().account = Some(contact.account);
    let person = app.window.global::<Person>();
    person.set_removing(false);
    person.set_problem(Problem::None);
    person.set_safety_number("".into());
    person.set_qr(slint::Image::default());
    person.set_keys(ModelRc::default());
    show(app, &contact);
    load(app, contact.account);
    about::open(app, contact.account.into());
}

/// The person is another one than before.
pub(crate) fn changed(app: &App, contact: &Contact) {
    if app.person.borrow().account == Some(contact.account) {
        show(app, contact);
        load(app, contact.account);
    }
}

fn show(app: &App, contact: &Contact) {
    let person = app.window.global::<Person>();
    let alias = contact.alias.as_deref().unwrap_or_default();
    if person.get_id() != contact.account.to_string().as_str() || person.get_known_alias() != alias
    {
        person.set_alias(alias.into());
    }
    person.set_id(contact.account.to_string().into());
    person.set_known_alias(alias.into());
    person.set_name(contact.name().into());
    person.set_username(contact.username.as_str().into());
    person.set_display_name(contact.display_name.as_str().into());
    person.set_picture(app.avatar(&contact.identity));
    person.set_verified(contact.verified);
    person.set_key_changed(contact.pending_identity.is_some());
    person.set_blocked(contact.state == ContactState::Blocked);
}

fn load(app: &App, account: AccountId) {
    let read = move |engine: Engine| async move {
        let number = engine.safety_number(account).await?;
        let known = engine.identity_history(account).await?;
        let current = contact(&engine, account).await?;
        Ok::<_, EngineError>((number, known, current))
    };
    app.ask(read, move |app, read| match read {
        Ok((number, known, current)) if app.person.borrow().account == Some(account) => {
            show_number(app, &number);
            show_keys(app, &known, &current);
        }
        Ok(_) => {}
        Err(error) => app.tell_error(&error),
    });
}

fn show_number(app: &App, number: &SafetyNumber) {
    let person = app.window.global::<Person>();
    // Four groups a line, three lines.
    let text = number.to_string();
    let groups: Vec<&str> = text.split(' ').collect();
    let lines: Vec<String> = groups.chunks(4).map(|line| line.join(" ")).collect();
    person.set_safety_number(lines.join("\n").into());
    person.set_qr(qr::draw(number.qr_text()).map(image).unwrap_or_default());
}

fn show_keys(app: &App, known: &[KnownIdentity], contact: &Contact) {
    let keys: Vec<SeenKey> = known
        .iter()
        .rev()
        .map(|key| {
            let at = key.accepted_at.unwrap_or(key.seen_at);
            SeenKey {
                digits: grouped(&key.identity.to_string()).into(),
                day: app.clock.day(at),
                time: app.clock.time(at).into(),
                accepted: key.accepted_at.is_some(),
                current: key.identity == contact.identity,
            }
        })
        .collect();
    app.window.global::<Person>().set_keys(ModelRc::new(VecModel::from(keys)));
}

/// The person as it is now.
async fn contact(engine: &Engine, who: AccountId) -> Result<Contact, EngineError> {
    let with = engine.conversation(who).await?.with;
    with.contact().cloned().ok_or(EngineError::NoSuchContact)
}

/// Has the engine change the person; the events show what became of it.
fn change<F>(app: &App, change: impl FnOnce(Engine, AccountId) -> F)
where
    F: Future<Output = Result<Contact, EngineError>> + Send + 'static,
{
    let Some(account) = app.person.borrow().account else { return };
    app.ask(
        |engine| change(engine, account),
        |app, changed| match changed {
            Ok(contact) => {
                self::changed(app, &contact);
                people::reload(app);
            }
            Err(error) => app.tell_error(&error),
        },
    );
}

fn rename(app: &App, alias: &str) {
    let alias = alias.trim();
    if alias.chars().count() > ALIAS_MAX || alias.chars().any(char::is_control) {
        return app.window.global::<Person>().set_problem(Problem::NotADisplayName);
    }
    app.window.global::<Person>().set_problem(Problem::None);
    let alias = (!alias.is_empty()).then(|| alias.to_owned());
    change(app, |engine, who| async move { engine.rename(who, alias.as_deref()).await });
}

fn remove(app: &App) {
    let Some(account) = app.person.borrow().account else { return };
    app.ask(
        move |engine| async move { engine.remove(account, true).await },
        |app, removed| {
            if let Err(error) = removed {
                return app.tell_error(&error);
            }
            app.person.borrow_mut().account = None;
            navigation::close_sheet(app);
            timeline::close(app);
            app.window.global::<Navigation>().set_reading(false);
            people::reload(app);
        },
    );
}
