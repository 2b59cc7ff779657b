//! The people of a room: in what order they are listed, and how those are told apart who are called
//! the same.

use std::collections::HashMap;

use sotto_client::{model::RoomMember, proto::AccountId};

/// Those who are in a room, as they are listed: the owner, the admins, the others, each by their names.
pub(crate) fn in_order(mut members: Vec<RoomMember>) -> Vec<RoomMember> {
    members.retain(RoomMember::is_present);
    members.sort_by_cached_key(|member| {
        (!member.is_own, !member.is_admin, member.name().to_lowercase(), member.account)
    });
    members
}

/// How each of them is called among the others: who shares a name has the username beside it.
pub(crate) fn distinct_names(people: &[RoomMember]) -> HashMap<AccountId, String> {
    let mut called = HashMap::<String, usize>::new();
    for member in people {
        *called.entry(member.name().to_lowercase()).or_default() += 1;
    }
    let name = |member: &RoomMember| {
        let name = member.name();
        let is_shared = called.get(&name.to_lowercase()).is_some_and(|count| *count > 1);
        match (&member.username, is_shared) {
            (Some(username), true) => format!("{name} (@{username})"),
            _ => name,
        }
    };
    people.iter().map(|member| (member.account, name(member))).collect()
}

#[cfg(test)]
mod tests {
    use sotto_client::proto::IdentityKey;

    use super::*;

    fn member(number: u8, username: &str, name: &str) -> RoomMember {
        RoomMember {
            account: AccountId([number; 16]),
            username: Some(username.parse().unwrap()),
            display_name: Some(name.parse().unwrap()),
            alias: None,
            identity: IdentityKey([number; 32]),
            is_admin: false,
            is_own: false,
            is_contact: false,
            devices: 1,
        }
    }

    #[test]
    fn who_shares_a_name_is_told_apart_by_the_username() {
        let people = [member(1, "anna", "Anna"), member(2, "ann", "anna"), member(3, "bob", "Bob")];
        let names = distinct_names(&people);
        let called = |number: u8| names[&AccountId([number; 16])].as_str();
        assert_eq!((called(1), called(2), called(3)), ("Anna (@anna)", "anna (@ann)", "Bob"));
    }

    #[test]
    fn the_owner_stands_first_then_the_admins_and_who_left_nowhere() {
        let admin = RoomMember { is_admin: true, ..member(2, "zoe", "Zoe") };
        let own = RoomMember { is_own: true, ..member(3, "me.too", "Me") };
        let gone = RoomMember { devices: 0, ..member(4, "gone", "Gone") };
        let listed = in_order(vec![member(1, "bob", "Bob"), gone, own, admin]);
        let names: Vec<_> = listed.iter().map(RoomMember::name).collect();
        assert_eq!(names, ["Me", "Zoe", "Bob"]);
    }
}
