//! A model of a room's life: members come, go, talk, race and lose their state, in any order. Every
//! operation starts from what is stored. After each, all agree on epoch, members, policy and content.

use proptest::prelude::*;

use super::world::{Device, Memory, ROOM, Relay, assert_agreed, open_kind, policy};
use crate::room::{Room, RoomChange, RosterError};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The first member adds whom it may.
    Add,
    Enter,
    Remove,
    Update,
    Race,
    Policy,
    /// Somebody's vault is copied.
    Copy,
    /// Somebody goes back to the copy, and finds its way in again.
    Restore,
    /// Somebody is asked to commit and the relay never hears of it.
    Withdraw,
}

fn steps() -> impl Strategy<Value = Vec<(Step, prop::sample::Index, prop::sample::Index)>> {
    let step = prop_oneof![
        Just(Step::Add),
        Just(Step::Enter),
        Just(Step::Remove),
        Just(Step::Update),
        Just(Step::Race),
        Just(Step::Policy),
        Just(Step::Copy),
        Just(Step::Restore),
        Just(Step::Withdraw),
    ];
    proptest::collection::vec(
        (step, any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        1..30,
    )
}

struct Model<'a> {
    relay: Relay,
    inside: Vec<&'a Device>,
    outside: Vec<&'a Device>,
    copy: Option<(&'a Device, Memory)>,
}

impl<'a> Model<'a> {
    fn others(&self, than: &[&Device]) -> Vec<&'a Device> {
        let is_other =
            |device: &&&Device| than.iter().all(|than| than.address() != device.address());
        self.inside.iter().filter(is_other).copied().collect()
    }

    fn step(&mut self, step: Step, a: prop::sample::Index, b: prop::sample::Index) {
        let by = self.inside[a.index(self.inside.len())];
        match step {
            Step::Add if !self.outside.is_empty() => {
                let new = self.outside.remove(b.index(self.outside.len()));
                self.relay.add(by, &self.others(&[by]), &[new]);
                self.inside.push(new);
            }
            Step::Enter if !self.outside.is_empty() => {
                let new = self.outside.remove(b.index(self.outside.len()));
                self.relay.enter(new, &self.inside);
                self.inside.push(new);
            }
            Step::Remove => self.remove(by, b),
            Step::Update => {
                self.relay.change(by, &RoomChange::default(), &self.others(&[by]), &[]);
            }
            Step::Race => self.race(by, b),
            Step::Policy => {
                // The commit and the policy in it are seen by all; everybody stays an admin.
                let kind = if b.index(2) == 0 { open_kind() } else { other_kind() };
                let new = policy(kind, &[&self.inside[..], &self.outside].concat());
                let change = RoomChange { policy: Some(&new), ..RoomChange::default() };
                self.relay.change(by, &change, &self.others(&[by]), &[]);
            }
            Step::Copy => self.copy = Some((by, by.storage.clone())),
            Step::Restore => self.restore(),
            Step::Withdraw => {
                by.propose(&RoomChange::default()).unwrap();
                by.room().withdraw(&by.storage).unwrap();
            }
            Step::Add | Step::Enter => {}
        }
    }

    fn remove(&mut self, by: &'a Device, b: prop::sample::Index) {
        let others = self.others(&[by]);
        if others.is_empty() {
            return;
        }
        let gone = others[b.index(others.len())];
        let change = RoomChange { remove: &[gone.address()], ..RoomChange::default() };
        self.relay.change(by, &change, &others, &[]);
        assert!(!gone.room().is_active());
        Room::forget(&gone.storage, ROOM).unwrap();
        self.inside = self.others(&[gone]);
        self.outside.push(gone);
        self.copy = self.copy.take().filter(|(device, _)| device.address() != gone.address());
    }

    fn race(&mut self, by: &'a Device, b: prop::sample::Index) {
        let others = self.others(&[by]);
        if others.is_empty() {
            return;
        }
        let rival = others[b.index(others.len())];
        let lost = rival.propose(&RoomChange::default()).unwrap();
        self.relay.change(by, &RoomChange::default(), &others, &[]);
        assert!(matches!(self.relay.take(&lost), Err(RosterError::StaleEpoch)));
        self.relay.change(rival, &RoomChange::default(), &self.others(&[rival]), &[]);
    }

    fn restore(&mut self) {
        let Some((device, old)) = self.copy.take() else { return };
        device.storage.restore(&old);
        // Even in the same epoch: the copy would seal with keys that were used since.
        self.relay.enter(device, &self.others(&[device]));
    }
}

fn other_kind() -> crate::room::RoomKind {
    crate::room::RoomKind::Open { name: "Elsewhere".parse().unwrap(), topic: "".parse().unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_agree_whatever_happens(steps in steps()) {
        let devices =
            [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (4, 1)].map(|(p, d)| Device::new(p, d));
        let everybody: Vec<_> = devices.iter().collect();
        let relay = Relay::found(&devices[0], &policy(open_kind(), &everybody));
        let outside = everybody[1..].to_vec();
        let mut model = Model { relay, inside: vec![&devices[0]], outside, copy: None };
        for (step, a, b) in steps {
            model.step(step, a, b);
            let mut in_order = model.inside.clone();
            in_order.sort_by_key(|device| device.address());
            assert_agreed(&model.relay, &in_order);
        }
    }
}
