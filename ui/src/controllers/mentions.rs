//! Mentioning somebody in a room: who is offered while one types, and what becomes of the text.

use slint::{ComponentHandle, Model, ModelRc, VecModel};
use sotto_client::model::RoomMember;

use crate::{
    adapters::{list::begins_words, mention},
    app::App,
    controllers::{composer, navigation},
    generated::{Composer, PersonChoice},
};

/// The most people that are offered.
const OFFERED_MAX: usize = 5;

pub(crate) fn wire(app: &App) {
    app.window.global::<Composer>().on_mention(app.on_text(complete));
}

/// Offers nobody any more. Whether anybody was offered.
pub(crate) fn drop_offered(app: &App) -> bool {
    let composer = app.window.global::<Composer>();
    let any = composer.get_mentions().row_count() > 0;
    if any {
        composer.set_mentions(ModelRc::default());
    }
    any
}

/// Offers those in the room whom the word that is being typed may mean.
pub(crate) fn offer(app: &App) {
    let composer = app.window.global::<Composer>();
    let cursor = usize::try_from(composer.get_cursor()).unwrap_or(0);
    let state = app.composer.borrow();
    let is_room = state.conversation.is_some_and(|conversation| conversation.room().is_some());
    let offered = match mention::typed(&state.text, cursor) {
        Some(beginning) if is_room => meant(app, beginning),
        _ => Vec::new(),
    };
    composer.set_mention_at(0);
    composer.set_mentions(ModelRc::new(VecModel::from(offered)));
}

/// Those in the open room whose names begin so; none if nothing is left to complete.
fn meant(app: &App, beginning: &str) -> Vec<PersonChoice> {
    let state = app.timeline.borrow();
    let begins = |member: &&RoomMember| {
        let username = member.username.as_ref().map_or("", |name| name.as_str());
        !member.is_own && begins_words(&format!("{} {username}", member.name()), beginning)
    };
    let mut members: Vec<_> = state.present().filter(begins).collect();
    members.sort_by_cached_key(|member| member.name().to_lowercase());
    let choices: Vec<_> = members
        .into_iter()
        .filter_map(|member| {
            Some(PersonChoice {
                account: member.account.to_string().into(),
                name: member.name().into(),
                username: member.username.as_ref()?.as_str().into(),
                picture: app.avatar(&member.identity),
                chosen: false,
            })
        })
        .take(OFFERED_MAX)
        .collect();
    match choices.as_slice() {
        [only] if only.username == beginning => Vec::new(),
        _ => choices,
    }
}

/// Completes the mention that is being typed.
fn complete(app: &App, username: &str) {
    let text = app.composer.borrow().text.clone();
    let cursor = usize::try_from(app.window.global::<Composer>().get_cursor()).unwrap_or(0);
    if let Some((text, cursor)) = mention::complete(&text, cursor, username) {
        composer::put(app, &text, cursor);
        composer::typed(app, &text);
        navigation::focus_page(app);
    }
}
