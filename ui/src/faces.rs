//! What people and rooms look like: pictures that their keys and ids make, and those that rooms were
//! given.

use std::collections::HashMap;

use slint::Image;
use sotto_client::{
    model::{Correspondent, Room},
    proto::{IdentityKey, RoomId},
};

use crate::{
    app::{App, image},
    controllers::{people, room, timeline},
    generated::Picture,
    pictures::{
        identicon::{self, Seed},
        thumbnail,
    },
};

/// Pictures that are kept.
const DRAWN_MAX: usize = 4096;

/// The pictures that were made until now.
#[derive(Default)]
pub(crate) struct Faces {
    drawn: HashMap<Seed, Picture>,
    /// Those of rooms; none while one is being read, or if it is no image.
    photos: HashMap<RoomId, Option<Image>>,
}

impl App {
    /// The picture that an identity key makes.
    pub(crate) fn avatar(&self, identity: &IdentityKey) -> Picture {
        self.drawn(*identity.as_bytes())
    }

    /// The picture of whom a conversation is with.
    pub(crate) fn face(&self, with: &Correspondent) -> Picture {
        match with {
            Correspondent::Contact(contact) => self.avatar(&contact.identity),
            Correspondent::Room(room) => self.room_face(room),
        }
    }

    /// The picture that a room was given, else the one that its id makes.
    pub(crate) fn room_face(&self, room: &Room) -> Picture {
        let drawn = self.id_face(room.id);
        if !room.has_picture {
            return drawn;
        }
        let known = self.faces.borrow().photos.get(&room.id).cloned();
        match known {
            Some(Some(photo)) => Picture { photo, ..drawn },
            Some(None) => drawn,
            None => {
                self.faces.borrow_mut().photos.insert(room.id, None);
                read_photo(self, room.id);
                drawn
            }
        }
    }

    /// The picture that the id of a room makes.
    pub(crate) fn id_face(&self, room: RoomId) -> Picture {
        let mut seed = [0; 32];
        for half in seed.chunks_mut(RoomId::LEN) {
            half.copy_from_slice(room.as_bytes());
        }
        self.drawn(seed)
    }

    fn drawn(&self, seed: Seed) -> Picture {
        let drawn = &mut self.faces.borrow_mut().drawn;
        if drawn.len() >= DRAWN_MAX {
            drawn.clear();
        }
        let draw = || {
            let [red, green, blue] = identicon::ground(&seed);
            Picture {
                ground: slint::Color::from_rgb_u8(red, green, blue),
                pattern: image(identicon::pattern(&seed)),
                photo: Image::default(),
            }
        };
        drawn.entry(seed).or_insert_with(draw).clone()
    }
}

/// A room may have another picture than before.
pub(crate) fn changed(app: &App, room: &Room) {
    let is_known = app.faces.borrow().photos.contains_key(&room.id);
    match (is_known, room.has_picture) {
        (true, true) => read_photo(app, room.id),
        (true, false) => {
            app.faces.borrow_mut().photos.remove(&room.id);
        }
        (false, _) => {}
    }
}

fn read_photo(app: &App, id: RoomId) {
    let read = move |engine: sotto_client::Engine| async move {
        let picture = engine.room_picture(id).await.ok().flatten()?;
        let decode = tokio::task::spawn_blocking(move || thumbnail::round(&picture));
        match decode.await.ok()? {
            Ok(pixels) => Some(pixels),
            Err(error) => {
                tracing::info!(%error, "the picture of a room is not shown");
                None
            }
        }
    };
    app.ask(read, move |app, pixels| {
        let photo = pixels.map(image);
        app.faces.borrow_mut().photos.insert(id, photo);
        people::show_face(app, id);
        timeline::show_person(app);
        room::show_face(app);
    });
}
