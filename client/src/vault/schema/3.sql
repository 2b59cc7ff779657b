-- A conversation is a direct chat, by the account's id, or a room, by an 'r' and the room's id: whoever
-- makes a room chooses its id, and must not be able to take that of a person.
CREATE TABLE conversations (
    id             BLOB    PRIMARY KEY,
    timer          INTEGER,
    draft          TEXT,
    draft_reply_to BLOB,
    muted          INTEGER NOT NULL DEFAULT 0,
    pinned         INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO conversations
SELECT account, timer, draft, draft_reply_to, muted, pinned FROM contacts;

ALTER TABLE contacts DROP COLUMN timer;
ALTER TABLE contacts DROP COLUMN draft;
ALTER TABLE contacts DROP COLUMN draft_reply_to;
ALTER TABLE contacts DROP COLUMN muted;
ALTER TABLE contacts DROP COLUMN pinned;

CREATE TABLE rooms (
    id         BLOB    PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    topic      TEXT    NOT NULL,
    picture    BLOB,
    state      TEXT    NOT NULL,
    own_role   TEXT    NOT NULL,
    invited_by BLOB,
    -- The last position of the room's log that is in this vault.
    cursor     INTEGER NOT NULL,
    joined_at  INTEGER,
    -- Whether this device has lost its place in the group, and is to join again.
    lost       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Those who are in a room, and, without devices, those who were: their messages keep a name.
CREATE TABLE room_members (
    room         BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    account      BLOB    NOT NULL,
    username     TEXT,
    display_name TEXT,
    identity     BLOB    NOT NULL,
    is_admin     INTEGER NOT NULL,
    devices      INTEGER NOT NULL,
    PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_members_by_username ON room_members (room, username);

-- Invitations that nobody has looked at yet. One from everybody: no other can take its place.
CREATE TABLE room_invites (
    room       BLOB    NOT NULL,
    invited_by BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    invite     BLOB    NOT NULL,
    arrived_at INTEGER NOT NULL,
    PRIMARY KEY (room, invited_by)
) STRICT;

-- What this device has asked the relay to do to a room, until the relay has answered and the room's log
-- has brought it.
CREATE TABLE room_commits (
    room     BLOB PRIMARY KEY,
    envelope BLOB NOT NULL,
    pending  BLOB NOT NULL
) STRICT;

-- Devices that are in a room's group and that the relay serves no longer.
CREATE TABLE room_departed (
    room    BLOB    NOT NULL,
    account BLOB    NOT NULL,
    device  INTEGER NOT NULL,
    PRIMARY KEY (room, account, device)
) STRICT, WITHOUT ROWID;

-- What MLS keeps of its groups.
CREATE TABLE room_state (
    key   BLOB PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- The place that was last given away.
CREATE TABLE last_place (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    place INTEGER NOT NULL
) STRICT;
INSERT INTO last_place
SELECT 1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0);

-- What refers to the messages is made anew with them: a table that others refer to cannot go.
CREATE TABLE messages_3 (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation     BLOB    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    id               BLOB    NOT NULL,
    outgoing         INTEGER NOT NULL,
    -- In a room, whoever else it is by.
    sender           BLOB,
    -- The order in which messages are shown. No place is given away twice, so a page mark stays good.
    place            INTEGER NOT NULL,
    sent_at          INTEGER NOT NULL,
    arrived_at       INTEGER NOT NULL,
    kind             TEXT    NOT NULL,
    text             TEXT,
    file_name        TEXT,
    event            TEXT,
    reply_to         BLOB,
    mentions_me      INTEGER NOT NULL DEFAULT 0,
    edited           INTEGER NOT NULL DEFAULT 0,
    state            TEXT,
    failure          TEXT,
    -- Whether the relay has taken it for one device at least.
    submitted        INTEGER NOT NULL DEFAULT 0,
    read             INTEGER NOT NULL,
    disappears_after INTEGER,
    disappears_at    INTEGER,
    UNIQUE (conversation, id)
) STRICT;
INSERT INTO messages_3
SELECT position, conversation, id, outgoing, NULL, position, sent_at, arrived_at, kind, text,
    file_name, event, reply_to, 0, edited, state, failure, submitted, read, disappears_after,
    disappears_at
FROM messages ORDER BY position;

CREATE TABLE attachments_3 (
    message    INTEGER PRIMARY KEY REFERENCES messages_3 (position) ON DELETE CASCADE,
    pointer    BLOB,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    path       TEXT,
    transfer   TEXT    NOT NULL,
    -- Whether the transfer is to be gone on with after a start.
    unfinished INTEGER NOT NULL
) STRICT;
INSERT INTO attachments_3 SELECT * FROM attachments ORDER BY message;

-- The owner as a reactor is the empty one.
CREATE TABLE reactions_3 (
    message INTEGER NOT NULL REFERENCES messages_3 (position) ON DELETE CASCADE,
    reactor BLOB    NOT NULL,
    emoji   TEXT    NOT NULL,
    PRIMARY KEY (message, reactor)
) STRICT, WITHOUT ROWID;
INSERT INTO reactions_3
SELECT r.message, CASE r.outgoing WHEN 1 THEN x'' ELSE m.conversation END, r.emoji
FROM reactions r JOIN messages m ON m.position = r.message;

-- Content that is still to be sealed, in order; with the envelope's id, if it was sealed before.
CREATE TABLE waiting_3 (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation BLOB    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message      INTEGER REFERENCES messages_3 (position) ON DELETE CASCADE,
    content      BLOB    NOT NULL,
    envelope     BLOB
) STRICT;
INSERT INTO waiting_3 SELECT position, account, message, content, NULL FROM waiting ORDER BY position;

CREATE TABLE outbox_3 (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    envelope BLOB    NOT NULL UNIQUE,
    account  BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    device   INTEGER NOT NULL,
    sealed   BLOB    NOT NULL,
    message  INTEGER REFERENCES messages_3 (position) ON DELETE SET NULL,
    content  BLOB    NOT NULL
) STRICT;
INSERT INTO outbox_3 SELECT * FROM outbox ORDER BY position;

CREATE TABLE sent_envelopes_3 (
    envelope BLOB    PRIMARY KEY,
    message  INTEGER NOT NULL REFERENCES messages_3 (position) ON DELETE CASCADE,
    sent_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sent_envelopes_3 SELECT * FROM sent_envelopes;

CREATE TABLE owed_receipts_3 (
    conversation BLOB NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    message      BLOB NOT NULL,
    state        TEXT NOT NULL,
    PRIMARY KEY (conversation, message)
) STRICT, WITHOUT ROWID;
INSERT INTO owed_receipts_3 SELECT * FROM owed_receipts;

-- A position that was used and is free again stays used.
DELETE FROM sqlite_sequence WHERE name IN ('messages_3', 'waiting_3', 'outbox_3');
INSERT INTO sqlite_sequence
SELECT name || '_3', seq FROM sqlite_sequence WHERE name IN ('messages', 'waiting', 'outbox');

DROP TABLE owed_receipts;
DROP TABLE sent_envelopes;
DROP TABLE outbox;
DROP TABLE waiting;
DROP TABLE reactions;
DROP TABLE attachments;
DROP TABLE messages;
ALTER TABLE messages_3 RENAME TO messages;
ALTER TABLE attachments_3 RENAME TO attachments;
ALTER TABLE reactions_3 RENAME TO reactions;
ALTER TABLE waiting_3 RENAME TO waiting;
ALTER TABLE outbox_3 RENAME TO outbox;
ALTER TABLE sent_envelopes_3 RENAME TO sent_envelopes;
ALTER TABLE owed_receipts_3 RENAME TO owed_receipts;

CREATE INDEX messages_by_conversation ON messages (conversation, place);
CREATE INDEX messages_unread ON messages (conversation, place) WHERE read = 0;
CREATE INDEX messages_mentioning ON messages (conversation) WHERE read = 0 AND mentions_me = 1;
CREATE INDEX messages_disappearing ON messages (disappears_at) WHERE disappears_at IS NOT NULL;
CREATE INDEX messages_queued ON messages (position) WHERE state = 'queued';
CREATE INDEX messages_with_file ON messages (conversation, place) WHERE kind = 'attachment';
CREATE INDEX attachments_unfinished ON attachments (message) WHERE unfinished = 1;
CREATE INDEX waiting_by_conversation ON waiting (conversation, position);
CREATE INDEX waiting_by_message ON waiting (message);
CREATE INDEX waiting_by_envelope ON waiting (envelope) WHERE envelope IS NOT NULL;
CREATE INDEX outbox_by_account ON outbox (account, position);
CREATE INDEX outbox_by_message ON outbox (message);
CREATE INDEX sent_envelopes_by_message ON sent_envelopes (message);
CREATE INDEX sent_envelopes_by_age ON sent_envelopes (sent_at);

CREATE TRIGGER messages_indexed AFTER INSERT ON messages
BEGIN
    INSERT INTO message_search (rowid, text, file_name)
    VALUES (new.position, new.text, new.file_name);
END;

CREATE TRIGGER messages_unindexed AFTER DELETE ON messages
BEGIN
    INSERT INTO message_search (message_search, rowid, text, file_name)
    VALUES ('delete', old.position, old.text, old.file_name);
END;

CREATE TRIGGER messages_reindexed AFTER UPDATE OF text, file_name ON messages
BEGIN
    INSERT INTO message_search (message_search, rowid, text, file_name)
    VALUES ('delete', old.position, old.text, old.file_name);
    INSERT INTO message_search (rowid, text, file_name)
    VALUES (new.position, new.text, new.file_name);
END;

-- How far an own message came with each person of its room.
CREATE TABLE room_receipts (
    message INTEGER NOT NULL REFERENCES messages (position) ON DELETE CASCADE,
    account BLOB    NOT NULL,
    state   TEXT    NOT NULL,
    PRIMARY KEY (message, account)
) STRICT, WITHOUT ROWID;

-- Contents that are sealed for an epoch of their room, at the positions at which they waited, until
-- the room's log brings them. `taken` is whether the relay has acknowledged the post.
CREATE TABLE posts (
    position INTEGER PRIMARY KEY,
    room     BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    envelope BLOB    NOT NULL UNIQUE,
    epoch    INTEGER NOT NULL,
    sealed   BLOB    NOT NULL,
    message  INTEGER REFERENCES messages (position) ON DELETE SET NULL,
    content  BLOB    NOT NULL,
    taken    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX posts_by_room ON posts (room, position);
CREATE INDEX posts_by_message ON posts (message);
