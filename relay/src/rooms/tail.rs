//! What was just said in rooms, in memory, so that a message is not read from the store once for each
//! device that is connected.
//!
//! It holds posts alone, and of a room one run of them without gaps. Who may read a room changes with its
//! commits and departures, which are in the log alone: there the run breaks off, and who reads on goes to
//! the store, which knows. The oldest go when there are too many; then, too, the store is read.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use sotto_proto::{
    RoomId,
    room::{RoomEntry, RoomItem},
};

use super::weight;
use crate::online::lock;

/// The most posts, of all rooms together.
const POSTS_MAX: usize = 4096;
/// The most bytes of them.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The newest posts of all rooms.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Runs>);

#[derive(Debug, Default)]
struct Runs {
    rooms: HashMap<RoomId, VecDeque<Arc<RoomEntry>>>,
    /// The room of each post, oldest first.
    order: VecDeque<RoomId>,
    bytes: usize,
}

/// What a tail has for somebody.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Entries without gaps, one at least.
    pub(super) entries: Vec<Arc<RoomEntry>>,
    /// Whether there are more.
    pub(super) more: bool,
}

impl Tail {
    /// A post has come into a room's log, and is durable.
    pub(super) fn push(&self, room: RoomId, entry: RoomEntry) {
        let mut runs = lock(&self.0);
        match runs.rooms.get(&room).and_then(VecDeque::back) {
            // Another task was faster: the run has begun behind it.
            Some(last) if entry.sequence <= last.sequence => return,
            Some(last) if entry.sequence > last.sequence + 1 => runs.cut(room),
            _ => {}
        }
        runs.bytes += bytes(&entry.item);
        runs.order.push_back(room);
        runs.rooms.entry(room).or_default().push_back(Arc::new(entry));
        while runs.bytes > BYTES_MAX || runs.order.len() > POSTS_MAX {
            runs.drop_oldest();
        }
    }

    /// Something else than a post has come into a room's log, or the room is gone.
    pub(super) fn cut(&self, room: RoomId) {
        lock(&self.0).cut(room);
    }

    /// What stands behind a position, within these bounds; none if the run does not begin there.
    pub(super) fn behind(
        &self,
        room: RoomId,
        after: u64,
        entries: usize,
        bytes: usize,
    ) -> Option<Run> {
        let runs = lock(&self.0);
        let run = runs.rooms.get(&room)?;
        let first = run.front()?.sequence;
        let skipped = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let (mut size, mut found) = (0, Vec::new());
        for entry in run.iter().skip(skipped) {
            size += weight(&entry.item);
            if found.len() >= entries || (size > bytes && !found.is_empty()) {
                return Some(Run { entries: found, more: true });
            }
            found.push(Arc::clone(entry));
        }
        (!found.is_empty()).then_some(Run { entries: found, more: false })
    }
}

impl Runs {
    fn cut(&mut self, room: RoomId) {
        let Some(gone) = self.rooms.remove(&room) else { return };
        self.order.retain(|known| *known != room);
        self.bytes -= gone.iter().map(|entry| bytes(&entry.item)).sum::<usize>();
    }

    fn drop_oldest(&mut self) {
        let Some(room) = self.order.pop_front() else { return };
        let Some(run) = self.rooms.get_mut(&room) else { return };
        if let Some(gone) = run.pop_front() {
            self.bytes -= bytes(&gone.item);
        }
        if run.is_empty() {
            self.rooms.remove(&room);
        }
    }
}

/// What an entry takes, about.
const fn bytes(item: &RoomItem) -> usize {
    weight(item) + size_of::<RoomEntry>()
}

#[cfg(test)]
mod tests {
    use sotto_proto::{AccountId, DeviceAddress, DeviceId, EnvelopeId, Timestamp};

    use super::*;

    const ROOM: RoomId = RoomId([1; 16]);
    const OTHER: RoomId = RoomId([2; 16]);

    fn post(sequence: u64, size: usize) -> RoomEntry {
        let from = DeviceAddress { account: AccountId([3; 16]), device: DeviceId::new(1).unwrap() };
        let item = RoomItem::Post { from, id: EnvelopeId([4; 16]), sealed: vec![5; size] };
        RoomEntry { sequence, accepted_at: Timestamp(6), item }
    }

    /// The sequences behind a position, and whether there are more.
    fn behind(tail: &Tail, after: u64, entries: usize, bytes: usize) -> Option<(Vec<u64>, bool)> {
        let Run { entries, more } = tail.behind(ROOM, after, entries, bytes)?;
        Some((entries.iter().map(|entry| entry.sequence).collect(), more))
    }

    fn all(tail: &Tail, after: u64) -> Option<Vec<u64>> {
        behind(tail, after, 99, 9999).map(|(sequences, _)| sequences)
    }

    #[test]
    fn it_has_what_stands_behind_a_position_in_it() {
        let tail = Tail::default();
        assert_eq!(all(&tail, 0), None);
        for sequence in 5..9 {
            tail.push(ROOM, post(sequence, 10));
        }
        assert_eq!(all(&tail, 4), Some(vec![5, 6, 7, 8]));
        assert_eq!(all(&tail, 6), Some(vec![7, 8]));
        assert_eq!(all(&tail, 3), None, "it does not reach back so far");
        assert_eq!(all(&tail, 8), None, "what comes next may stand in the log alone");
        assert_eq!(all(&tail, u64::MAX - 1), None);
        assert_eq!(behind(&tail, 4, 2, 9999), Some((vec![5, 6], true)));
        assert_eq!(behind(&tail, 4, 99, 25), Some((vec![5, 6], true)));
        assert_eq!(behind(&tail, 4, 99, 1), Some((vec![5], true)), "never empty");
        assert_eq!(behind(&tail, 7, 1, 10), Some((vec![8], false)));
        assert!(tail.behind(OTHER, 4, 9, 9).is_none());
    }

    #[test]
    fn a_run_breaks_off_where_something_else_stands() {
        let tail = Tail::default();
        tail.push(ROOM, post(5, 1));
        tail.push(ROOM, post(7, 1));
        assert_eq!(all(&tail, 4), None);
        assert_eq!(all(&tail, 5), None, "entry 6 is not known here");
        assert_eq!(all(&tail, 6), Some(vec![7]));
        tail.push(ROOM, post(6, 1));
        assert_eq!(all(&tail, 6), Some(vec![7]), "who comes late stays out");
        tail.cut(ROOM);
        assert_eq!(all(&tail, 6), None);
    }

    #[test]
    fn it_is_bounded_over_all_rooms() {
        let tail = Tail::default();
        tail.push(ROOM, post(1, 1));
        for sequence in 1..=POSTS_MAX as u64 {
            tail.push(OTHER, post(sequence, 1));
        }
        assert_eq!(all(&tail, 0), None, "the oldest went");
        tail.push(ROOM, post(2, BYTES_MAX / 2));
        tail.push(ROOM, post(3, BYTES_MAX / 2));
        assert_eq!(all(&tail, 2), Some(vec![3]));
        let runs = lock(&tail.0);
        assert!(runs.bytes <= BYTES_MAX && runs.order.len() <= POSTS_MAX);
        assert!(!runs.rooms.contains_key(&OTHER), "all of them are older");
    }

    #[test]
    fn what_was_cut_leaves_nothing_behind() {
        let tail = Tail::default();
        for sequence in 0..2 * POSTS_MAX as u64 {
            tail.push(ROOM, post(sequence, 1));
            tail.cut(ROOM);
        }
        {
            let runs = lock(&tail.0);
            assert!(runs.rooms.is_empty() && runs.order.is_empty());
            assert_eq!(runs.bytes, 0);
        }
        tail.push(ROOM, post(9, 1));
        assert_eq!(all(&tail, 8), Some(vec![9]), "what was cut takes nobody's place");
    }
}
