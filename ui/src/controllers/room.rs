//! The page of the open room: what it looks like, who is in it, and what can be done.

use std::path::PathBuf;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use sotto_client::{
    Engine, EngineError,
    model::{Room as Known, RoomKind, RoomMember},
    proto::{AccountId, RoomId},
};

use crate::{
    adapters::{members::in_order, problem::Trouble},
    app::App,
    controllers::{
        about, choosing,
        files::{self, PictureFor, Purpose},
        navigation, new_chat, people, rooms, timeline,
    },
    generated::{Member, Navigation, Problem, Room, Sheet},
};

pub(crate) fn wire(app: &App) {
    let room = app.window.global::<Room>();
    room.on_save(app.on2(|app, name: SharedString, topic: SharedString| save(app, &name, &topic)));
    room.on_choose_picture(app.on0(|app| files::choose(app, Purpose::Picture(PictureFor::Room))));
    room.on_drop_picture(app.on0(|app| give_picture(app, None)));
    room.on_add_chosen(app.on0(add_chosen));
    room.on_set_admin(app.on2(|app, who: SharedString, admin: bool| {
        with_member(app, &who, |app, who| {
            act(
                app,
                move |engine, room| async move { engine.set_room_admin(room, who, admin).await },
            );
        });
    }));
    room.on_remove(app.on_text(|app, who| {
        with_member(app, who, |app, who| {
            act(app, move |engine, room| async move { engine.remove_from_room(room, who).await });
        });
    }));
    room.on_write_to(app.on_text(|app, username| {
        navigation::close_sheet(app);
        new_chat::write_to(app, username);
    }));
    room.on_leave(app.on0(leave));
}

/// The room that is open.
fn open_room(app: &App) -> Option<Known> {
    let state = app.timeline.borrow();
    state.with.as_ref().and_then(|with| with.room()).cloned()
}

/// Fills the page as it opens.
pub(crate) fn open(app: &App) {
    let Some(known) = open_room(app) else { return };
    let room = app.window.global::<Room>();
    room.set_new_name(known.name.as_str().into());
    room.set_new_topic(known.topic.as_str().into());
    room.set_opened("".into());
    room.set_removing(false);
    room.set_leaving(false);
    room.set_busy(false);
    clear_problems(app);
    show(app, &known);
    load_members(app, known.id);
    about::open(app, known.id.into());
}

/// Begins to choose whom to add.
pub(crate) fn begin_adding(app: &App) {
    let there = app.timeline.borrow().present().map(|member| member.account).collect();
    clear_problems(app);
    choosing::begin(app, there);
}

/// The room, or who is in it, is another than before.
pub(crate) fn changed(app: &App, known: &Known) {
    if !matches!(app.window.global::<Navigation>().get_sheet(), Sheet::Room | Sheet::AddPeople) {
        return;
    }
    let room = app.window.global::<Room>();
    // What is being written is not written over.
    if room.get_new_name() == room.get_name() {
        room.set_new_name(known.name.as_str().into());
    }
    if room.get_new_topic() == room.get_topic() {
        room.set_new_topic(known.topic.as_str().into());
    }
    show(app, known);
    load_members(app, known.id);
}

fn clear_problems(app: &App) {
    let room = app.window.global::<Room>();
    room.set_name_problem(Problem::None);
    room.set_problem(Problem::None);
}

fn show(app: &App, known: &Known) {
    let room = app.window.global::<Room>();
    room.set_name(known.name.as_str().into());
    room.set_topic(known.topic.as_str().into());
    room.set_picture(app.room_face(known));
    room.set_has_picture(known.has_picture);
    room.set_is_open(known.kind == RoomKind::Open);
    room.set_is_admin(known.is_admin);
}

/// The room's photo has been read.
pub(crate) fn show_face(app: &App) {
    if let Some(known) = open_room(app) {
        app.window.global::<Room>().set_picture(app.room_face(&known));
    }
}

fn load_members(app: &App, room: RoomId) {
    app.ask(
        move |engine| async move { engine.room_members(room).await },
        move |app, members| match members {
            Ok(members) if timeline::open_conversation(app) == Some(room.into()) => {
                show_members(app, members);
            }
            Ok(_) => {}
            Err(error) => app.tell_error(&error),
        },
    );
}

fn show_members(app: &App, members: Vec<RoomMember>) {
    let items: Vec<_> = in_order(members)
        .iter()
        .map(|member| Member {
            account: member.account.to_string().into(),
            name: member.name().into(),
            username: member.username.as_ref().map(|name| name.as_str().into()).unwrap_or_default(),
            picture: app.avatar(&member.identity),
            is_admin: member.is_admin,
            is_own: member.is_own,
        })
        .collect();
    app.window.global::<Room>().set_members(ModelRc::new(VecModel::from(items)));
}

fn with_member(app: &App, account: &str, act: impl FnOnce(&App, AccountId)) {
    if let Ok(account) = account.parse() {
        act(app, account);
    }
}

/// Has the engine change the room; what went wrong stands on the page.
fn act<F>(app: &App, act: impl FnOnce(Engine, RoomId) -> F)
where
    F: Future<Output = Result<Known, EngineError>> + Send + 'static,
{
    let Some(known) = open_room(app) else { return };
    clear_problems(app);
    app.window.global::<Room>().set_busy(true);
    app.ask(
        |engine| act(engine, known.id),
        |app, done| {
            let room = app.window.global::<Room>();
            room.set_busy(false);
            room.set_removing(false);
            match done {
                Ok(known) => {
                    if app.window.global::<Navigation>().get_sheet() == Sheet::AddPeople {
                        app.window.global::<Navigation>().set_sheet(Sheet::Room);
                    }
                    changed(app, &known);
                    people::reload(app);
                }
                Err(error) => {
                    let Trouble { problem, detail } = Trouble::from(&error);
                    room.set_problem_detail(detail.into());
                    room.set_problem(problem);
                }
            }
        },
    );
}

fn save(app: &App, name: &str, topic: &str) {
    let profile = match rooms::looks(name, topic, None) {
        Ok(profile) => profile,
        Err(problem) => return app.window.global::<Room>().set_name_problem(problem),
    };
    act(app, |engine, room| async move {
        let picture = engine.room_picture(room).await?.map(Into::into);
        engine
            .set_room_profile(
                room,
                sotto_client::proto::content::RoomProfile { picture, ..profile },
            )
            .await
    });
}

/// A picture was chosen for the open room.
pub(crate) fn set_picture(app: &App, path: PathBuf) {
    app.window.global::<Navigation>().set_sheet(Sheet::Room);
    rooms::read_picture(app, path, |app, picture| give_picture(app, Some(picture)));
}

fn give_picture(app: &App, picture: Option<Vec<u8>>) {
    let Some(known) = open_room(app) else { return };
    if let Ok(profile) = rooms::looks(known.name.as_str(), &known.topic, picture) {
        act(app, |engine, room| async move { engine.set_room_profile(room, profile).await });
    }
}

fn add_chosen(app: &App) {
    let people = choosing::chosen(app);
    act(app, move |engine, room| async move { engine.add_to_room(room, &people).await });
}

fn leave(app: &App) {
    let Some(known) = open_room(app) else { return };
    app.window.global::<Room>().set_busy(true);
    app.ask(
        move |engine| async move { engine.leave_room(known.id).await },
        |app, left| {
            app.window.global::<Room>().set_busy(false);
            match left {
                Ok(()) => {
                    navigation::close_sheet(app);
                    people::reload(app);
                }
                Err(error) => app.tell_error(&error),
            }
        },
    );
}
