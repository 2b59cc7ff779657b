//! Making a room, and finding those that anyone may join.

use std::{collections::BTreeSet, path::PathBuf};

use slint::{ComponentHandle, Image, ModelRc, VecModel};
use sotto_client::{
    Engine, EngineError, NewRoom,
    model::{Room as Joined, RoomKind, RoomState},
    proto::{
        DisplayName, RoomId,
        content::RoomProfile,
        limits::{PICTURE_MAX, TOPIC_MAX},
        room::ListedRoom,
    },
};

use crate::{
    adapters::{ids, problem::Trouble},
    app::{App, image},
    controllers::{
        choosing,
        files::{self, PictureFor, Purpose},
        navigation, people, timeline,
    },
    generated::{Navigation, OpenRoom, Problem, Rooms, Sheet},
    pictures::thumbnail,
};

/// The room that is being made, and those that the relay lists.
#[derive(Default)]
pub(crate) struct State {
    picture: Option<Vec<u8>>,
    listed: Vec<ListedRoom>,
    /// Rises with each list that is asked for, so that late answers are known.
    asked: u64,
}

pub(crate) fn wire(app: &App) {
    let rooms = app.window.global::<Rooms>();
    rooms.on_make(app.on0(make));
    rooms.on_choose_picture(
        app.on0(|app| files::choose(app, Purpose::Picture(PictureFor::NewRoom))),
    );
    rooms.on_drop_picture(app.on0(|app| {
        app.rooms.borrow_mut().picture = None;
        app.window.global::<Rooms>().set_picture(Image::default());
    }));
    rooms.on_load_more(app.on0(load_more));
    rooms.on_join(app.on_text(|app, id| {
        if let Some(room) = ids::conversation(id).and_then(|id| id.room()) {
            join(app, room);
        }
    }));
}

/// Begins a new room.
pub(crate) fn begin_new(app: &App) {
    app.rooms.borrow_mut().picture = None;
    let rooms = app.window.global::<Rooms>();
    rooms.set_name("".into());
    rooms.set_topic("".into());
    rooms.set_open(false);
    rooms.set_picture(Image::default());
    rooms.set_name_problem(Problem::None);
    rooms.set_problem(Problem::None);
    rooms.set_busy(false);
    choosing::begin(app, BTreeSet::new());
}

/// A picture was chosen for the room that is being made.
pub(crate) fn set_picture(app: &App, path: PathBuf) {
    app.window.global::<Navigation>().set_sheet(Sheet::NewRoom);
    read_picture(app, path, |app, picture| {
        let shown = thumbnail::round(&picture).map(image).unwrap_or_default();
        app.rooms.borrow_mut().picture = Some(picture);
        app.window.global::<Rooms>().set_picture(shown);
    });
}

/// Makes an image file a room's picture.
pub(crate) fn read_picture(
    app: &App,
    path: PathBuf,
    then: impl FnOnce(&App, Vec<u8>) + Send + 'static,
) {
    app.bridge.work(
        move || thumbnail::for_room(&path, PICTURE_MAX),
        move |app, read| match read {
            Ok(picture) => then(app, picture),
            Err(error) => {
                tracing::info!(%error, "no picture for a room");
                files::refuse(app, Problem::ImageUnreadable);
            }
        },
    );
}

/// What a room is to look like, or what is wrong with that.
pub(crate) fn looks(
    name: &str,
    topic: &str,
    picture: Option<Vec<u8>>,
) -> Result<RoomProfile, Problem> {
    let name: DisplayName = name.trim().parse().map_err(|_| Problem::NotADisplayName)?;
    let topic = topic.trim().to_owned();
    if topic.len() > TOPIC_MAX {
        return Err(Problem::TooLarge);
    }
    Ok(RoomProfile { name, topic, picture: picture.map(Into::into) })
}

fn make(app: &App) {
    let rooms = app.window.global::<Rooms>();
    rooms.set_name_problem(Problem::None);
    rooms.set_problem(Problem::None);
    let kind = if rooms.get_open() { RoomKind::Open } else { RoomKind::Invite };
    let picture = app.rooms.borrow().picture.clone().filter(|_| kind == RoomKind::Invite);
    let profile = match looks(&rooms.get_name(), &rooms.get_topic(), picture) {
        Ok(profile) => profile,
        Err(problem) => return rooms.set_name_problem(problem),
    };
    rooms.set_busy(true);
    let people = choosing::chosen(app);
    let make = move |engine: Engine| async move {
        let made = engine.create_room(NewRoom { kind, profile, people: Vec::new() }).await?;
        // The room is there, whoever of them can be added.
        let added = engine.add_to_room(made.id, &people).await;
        Ok((made, added.err()))
    };
    app.ask(make, |app, made: Result<(Joined, Option<EngineError>), EngineError>| match made {
        Ok((room, not_added)) => {
            enter(app, &room);
            if let Some(error) = not_added {
                app.tell_error(&error);
            }
        }
        Err(error) => tell(app, &error),
    });
}

/// Opens a room that this account has just come into.
fn enter(app: &App, room: &Joined) {
    app.window.global::<Rooms>().set_busy(false);
    navigation::close_sheet(app);
    people::reload(app);
    timeline::open_room(app, room.clone());
}

fn tell(app: &App, error: &EngineError) {
    let Trouble { problem, detail } = Trouble::from(error);
    let rooms = app.window.global::<Rooms>();
    rooms.set_busy(false);
    rooms.set_problem_detail(detail.into());
    rooms.set_problem(problem);
}

/// Asks the relay for its open rooms.
pub(crate) fn list_open(app: &App) {
    {
        let mut state = app.rooms.borrow_mut();
        state.listed.clear();
        state.asked += 1;
    }
    let rooms = app.window.global::<Rooms>();
    rooms.set_busy(false);
    rooms.set_problem(Problem::None);
    rooms.set_loaded(false);
    show_listed(app);
    load_more(app);
}

fn load_more(app: &App) {
    let (asked, after) = {
        let state = app.rooms.borrow();
        (state.asked, state.listed.last().map(|room| room.room))
    };
    app.ask(
        move |engine| async move { engine.open_rooms(after).await },
        move |app, page| {
            if app.rooms.borrow().asked != asked {
                return;
            }
            match page {
                Ok(page) => {
                    app.rooms.borrow_mut().listed.extend(page.rooms);
                    let rooms = app.window.global::<Rooms>();
                    rooms.set_listed_all(!page.more);
                    rooms.set_loaded(true);
                    show_listed(app);
                }
                Err(error) => tell(app, &error),
            }
        },
    );
}

fn show_listed(app: &App) {
    let (state, people) = (app.rooms.borrow(), app.people.borrow());
    let is_joined = |room: RoomId| {
        let known = people.summary(room.into()).and_then(|found| found.with.room());
        known.is_some_and(|known| known.state == RoomState::Joined)
    };
    let items: Vec<_> = state
        .listed
        .iter()
        .map(|room| OpenRoom {
            id: ids::shown(room.room.into()).into(),
            name: room.name.as_str().into(),
            topic: room.topic.as_str().into(),
            members: i32::try_from(room.members).unwrap_or(i32::MAX),
            picture: app.id_face(room.room),
            joined: is_joined(room.room),
        })
        .collect();
    app.window.global::<Rooms>().set_listed(ModelRc::new(VecModel::from(items)));
}

/// Comes into an open room.
pub(crate) fn join(app: &App, room: RoomId) {
    app.window.global::<Rooms>().set_busy(true);
    app.ask(
        move |engine| async move { engine.join_room(room).await },
        |app, joined| match joined {
            Ok(room) => enter(app, &room),
            Err(error) => {
                tell(app, &error);
                if app.window.global::<Navigation>().get_sheet() != Sheet::OpenRooms {
                    app.tell_error(&error);
                }
            }
        },
    );
}

/// Follows an invitation.
pub(crate) fn accept(app: &App, room: RoomId) {
    app.ask(
        move |engine| async move { engine.accept_room(room).await },
        |app, joined| {
            app.tell_failure(joined);
            people::reload(app);
        },
    );
}

/// Takes a room from the list that one is not in: an invitation is declined by it.
pub(crate) fn forget(app: &App, room: RoomId) {
    app.ask(
        move |engine| async move { engine.forget_room(room).await },
        |app, forgotten| {
            if let Err(error) = forgotten {
                return app.tell_error(&error);
            }
            timeline::close(app);
            app.window.global::<Navigation>().set_reading(false);
            people::reload(app);
        },
    );
}
