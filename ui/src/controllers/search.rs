//! Searching people and messages, everywhere or in one conversation.

use slint::ComponentHandle;
use sotto_client::model::{ConversationId, SearchHit};

use crate::{
    app::App,
    controllers::{people, timeline},
    generated::{Navigation, People},
};

/// The most messages that are listed.
const HITS_MAX: usize = 100;

/// What is searched for, and was found.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) query: String,
    /// The one conversation that is searched, if it is one.
    pub(crate) within: Option<ConversationId>,
    pub(crate) hits: Vec<SearchHit>,
    /// Rises with each question.
    asked: u64,
}

impl State {
    pub(crate) fn is_on(&self) -> bool {
        !self.query.is_empty()
    }
}

pub(crate) fn wire(app: &App) {
    let people = app.window.global::<People>();
    people.on_find(app.on0(|app| find(app, None)));
    people.on_search(app.on_text(search));
    people.on_clear_search(app.on0(clear));
}

/// Takes the keyboard to the search.
pub(crate) fn find(app: &App, within: Option<ConversationId>) {
    let name = within
        .and_then(|id| app.people.borrow().summary(id).map(|found| found.with.name().to_owned()));
    app.people.borrow_mut().search.within = within;
    app.window.global::<Navigation>().set_reading(false);
    let people = app.window.global::<People>();
    people.set_within(name.unwrap_or_default().into());
    people.set_wants_search(true);
    let query = people.get_query();
    search(app, &query);
}

/// In the conversation that is open.
pub(crate) fn find_here(app: &App) {
    let open = timeline::open_conversation(app);
    if open.is_some() {
        find(app, open);
    }
}

fn search(app: &App, query: &str) {
    let (query, within, number) = {
        let mut state = app.people.borrow_mut();
        let search = &mut state.search;
        query.trim().clone_into(&mut search.query);
        search.asked += 1;
        if search.query.is_empty() {
            search.hits.clear();
        }
        (search.query.clone(), search.within, search.asked)
    };
    people::show(app);
    if query.is_empty() {
        return;
    }
    app.ask(
        move |engine| async move { engine.search(&query, within, HITS_MAX).await },
        move |app, found| {
            {
                let search = &mut app.people.borrow_mut().search;
                if search.asked != number {
                    return;
                }
                search.hits = found.unwrap_or_else(|error| {
                    tracing::info!(%error, "nothing could be searched");
                    Vec::new()
                });
            }
            people::show(app);
        },
    );
}

/// Back to the conversations.
pub(crate) fn clear(app: &App) {
    app.people.borrow_mut().search.within = None;
    let people = app.window.global::<People>();
    people.set_within("".into());
    people.set_query("".into());
    search(app, "");
}
