//! Answers as lines for a person, the same in every face that is text.
//!
//! Pure: how a time reads is the face's to say. Columns are separated by tabs, so that a script
//! can take them apart.

use super::{
    Account, AccountLine, Answer, AuditLine, Figures, Invitation, Registration, RoomLine, Storage,
    Traffic,
};
use crate::{
    account::{DeviceLine, LoginLine},
    announcement::Announcement,
    id::Timestamp,
    login::RegistrationPolicy,
};

/// How a face shows a time.
pub type Clock<'a> = &'a dyn Fn(Timestamp) -> String;

/// The lines of an answer; none where it says only that it is done.
pub fn lines(answer: &Answer, time: Clock<'_>) -> Vec<String> {
    match answer {
        Answer::Done(_) => Vec::new(),
        Answer::Accounts(page) => page.accounts.iter().map(|line| account(line, time)).collect(),
        Answer::Account(one) => whole(one, time),
        Answer::Invitation(made) => vec![made.code.clone()],
        Answer::Invitations(page) => {
            page.invitations.iter().map(|line| invitation(line, time)).collect()
        }
        Answer::Registration(state) => vec![registration(*state)],
        Answer::Rooms(page) => page.rooms.iter().map(|line| room(line, time)).collect(),
        Answer::Announced(posted) => vec![format!("announcement {} is posted", posted.number)],
        Answer::Announcements(all) => all.iter().map(|one| announcement(one, time)).collect(),
        Answer::Figures(now) => figures(now),
        Answer::Audit(page) => page.lines.iter().map(|line| audit(line, time)).collect(),
    }
}

/// A time, or that it never was.
fn or_never(at: Option<Timestamp>, time: Clock<'_>) -> String {
    at.map_or_else(|| "never".to_owned(), time)
}

fn account(line: &AccountLine, time: Clock<'_>) -> String {
    let seen = if line.devices.iter().any(|device| device.online) {
        "online".to_owned()
    } else {
        or_never(line.last_seen, time)
    };
    format!(
        "{}\t{}\t{}\t{}\tdevices: {}\tseen {seen}\t{}",
        line.username,
        line.display_name.as_str(),
        if line.suspended { "suspended" } else { "active" },
        if line.admin { "admin" } else { "member" },
        line.devices.len(),
        storage(line.storage),
    )
}

fn storage(taken: Storage) -> String {
    let Storage { mailbox_entries, mailbox_bytes, blob_bytes } = taken;
    format!("{mailbox_entries} waiting ({mailbox_bytes} bytes), {blob_bytes} bytes of files")
}

fn whole(one: &Account, time: Clock<'_>) -> Vec<String> {
    let line = &one.account;
    let mut all = vec![account(line, time), format!("registered\t{}", time(line.created_at))];
    all.extend(line.devices.iter().map(|known| device(known, time)));
    all.extend(one.logins.iter().map(|login| self::login(login, time)));
    all.push("Passwords and keys are not here: the relay has none that could be reset.".to_owned());
    all
}

fn device(known: &DeviceLine, time: Clock<'_>) -> String {
    let seen = if known.online { "online".to_owned() } else { or_never(known.last_seen, time) };
    format!("device {}\tenrolled {}\tseen {seen}", known.id.number(), time(known.enrolled_at))
}

fn login(line: &LoginLine, time: Clock<'_>) -> String {
    let device = line.device.map_or_else(String::new, |id| format!(" {}", id.number()));
    let outcome = line
        .refused
        .map_or_else(|| "succeeded".to_owned(), |code| format!("refused ({})", code.number()));
    format!("login {}\tby {}{device}\tfrom {}\t{outcome}", time(line.at), line.means, line.from)
}

fn invitation(line: &Invitation, time: Clock<'_>) -> String {
    let made = line.made.as_ref().map_or_else(
        || "made by an older relay".to_owned(),
        |made| format!("made {} by {}", time(made.at), made.by),
    );
    let note = line.note.as_ref().map_or_else(String::new, |note| format!("\t{}", note.as_str()));
    format!("{}\t{} uses left\t{made}{note}", line.code, line.uses_left)
}

fn registration(state: Registration) -> String {
    let word = |policy| match policy {
        RegistrationPolicy::Open => "open",
        RegistrationPolicy::Invitation => "invitation",
        RegistrationPolicy::Closed => "closed",
    };
    let source = if state.overridden {
        format!("set by an admin; configured is {}", word(state.configured))
    } else {
        "as configured".to_owned()
    };
    format!("{}\t({source})", word(state.policy))
}

fn room(line: &RoomLine, time: Clock<'_>) -> String {
    let name = line.name.as_ref().map_or("(by invitation)", |name| name.as_str());
    let RoomLine { room, people, devices, bytes, .. } = line;
    let lobby = if line.lobby { "\tlobby" } else { "" };
    let made = time(line.created_at);
    format!(
        "{room}\t{name}\tpeople: {people}\tdevices: {devices}\t{bytes} bytes\tmade {made}{lobby}"
    )
}

fn announcement(one: &Announcement, time: Clock<'_>) -> String {
    format!("{}\t{}\t{}", one.number, time(one.at), one.text.as_str().replace('\n', "\n\t\t"))
}

fn audit(line: &AuditLine, time: Clock<'_>) -> String {
    let entry = &line.entry;
    let outcome = entry
        .refused
        .map_or_else(|| "done".to_owned(), |code| format!("refused ({})", code.number()));
    let target = entry.target.as_deref().unwrap_or("-");
    format!(
        "{}\t{}\t{}\t{}\t{target}\t{outcome}",
        line.number,
        time(entry.at),
        entry.actor,
        entry.act
    )
}

fn figures(now: &Figures) -> Vec<String> {
    let rate = |Traffic { accepted, delivered }: Traffic, seconds: u64| {
        let tenths = |count: u64| {
            let tenths = count.saturating_mul(10) / seconds;
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        format!("{} accepted, {} delivered a second", tenths(accepted), tenths(delivered))
    };
    vec![
        format!("version\t{}", now.version),
        format!("running for\t{} s", now.uptime_seconds),
        format!("connections\t{}", now.connections),
        format!("online\t{} devices of {} accounts", now.devices_online, now.accounts_online),
        format!("in all\t{} devices of {} accounts", now.devices, now.accounts),
        format!("last 10 s\t{}", rate(now.last_10_s, 10)),
        format!("last 60 s\t{}", rate(now.last_60_s, 60)),
        format!("mailboxes\t{} entries, {} bytes", now.mailbox_entries, now.mailbox_bytes),
        format!("blobs\t{}, {} bytes", now.blobs, now.blob_bytes),
        format!("database\t{} bytes, {} free on its disk", now.database_bytes, now.free_bytes),
        format!("commits\t{}", now.syncs),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;
    use crate::admin::{Actor, Audit, AuditEntry};

    #[test]
    fn a_refusal_in_the_audit_log_reads_on_one_line() {
        let entry = AuditEntry {
            at: Timestamp(7),
            actor: Actor::Account("mallory".parse().unwrap()),
            act: "delete".to_owned(),
            target: Some("anna".to_owned()),
            refused: Some(crate::ErrorCode::NotAdmin),
        };
        let answer =
            Answer::Audit(Audit { lines: vec![AuditLine { number: 3, entry }], more: false });
        let shown = lines(&answer, &|at| format!("at {}", at.0));
        assert_eq!(shown, ["3\tat 7\tmallory\tdelete\tanna\trefused (40108)"]);
    }
}
