//! The rooms on the relay, of which an admin sees how much there is.

use slint::ComponentHandle;
use sotto_client::proto::{
    RoomId,
    admin::{Command, Room, RoomsPage},
};

use super::{PAGE, carry_out, drop_row, list};
use crate::{app::App, generated::Admin};

pub(super) fn wire(app: &App) {
    app.window.global::<Admin>().on_delete_room(app.on_text(delete));
}

/// What asks for the rooms.
pub(super) fn page() -> Command {
    Command::Rooms(RoomsPage { after: None, limit: PAGE })
}

fn delete(app: &App, id: &str) {
    let Ok(room) = id.parse::<RoomId>() else { return };
    let id = id.to_owned();
    carry_out(app, Command::DeleteRoom(Room { room }), move |app, _| {
        drop_row(app, &app.admin.borrow().lists.rooms, |row| row.id == id.as_str());
        // The lobby is there again, empty.
        list(app, page());
    });
}
