-- Ids are blobs, times milliseconds since the Unix epoch, switches 0 or 1.

CREATE TABLE own_account (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    account      BLOB    NOT NULL,
    device       INTEGER NOT NULL,
    username     TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    identity     BLOB    NOT NULL,
    device_keys  BLOB    NOT NULL
) STRICT;

CREATE TABLE own_prekeys (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    state BLOB    NOT NULL
) STRICT;

CREATE TABLE mailbox (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    consumed INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    account BLOB    NOT NULL,
    device  INTEGER NOT NULL,
    state   BLOB    NOT NULL,
    PRIMARY KEY (account, device)
) STRICT;

CREATE TABLE contacts (
    account          BLOB    PRIMARY KEY,
    username         TEXT    NOT NULL,
    display_name     TEXT    NOT NULL,
    alias            TEXT,
    identity         BLOB    NOT NULL,
    verified         INTEGER NOT NULL DEFAULT 0,
    pending_identity BLOB,
    state            TEXT    NOT NULL,
    added_at         INTEGER NOT NULL,
    timer            INTEGER,
    draft            TEXT,
    draft_reply_to   BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_by_username ON contacts (username);

CREATE TABLE messages (
    -- AUTOINCREMENT: a position is never used twice, so a page mark stays good.
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation     BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    id               BLOB    NOT NULL,
    outgoing         INTEGER NOT NULL,
    sent_at          INTEGER NOT NULL,
    arrived_at       INTEGER NOT NULL,
    kind             TEXT    NOT NULL,
    text             TEXT,
    file_name        TEXT,
    event            TEXT,
    reply_to         BLOB,
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
CREATE INDEX messages_by_conversation ON messages (conversation, position);
CREATE INDEX messages_unread ON messages (conversation, position) WHERE read = 0;
CREATE INDEX messages_disappearing ON messages (disappears_at) WHERE disappears_at IS NOT NULL;

CREATE TABLE attachments (
    message    INTEGER PRIMARY KEY REFERENCES messages (position) ON DELETE CASCADE,
    pointer    BLOB,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    path       TEXT,
    transfer   TEXT    NOT NULL,
    -- Whether the transfer is to be gone on with after a start.
    unfinished INTEGER NOT NULL
) STRICT;
CREATE INDEX attachments_unfinished ON attachments (message) WHERE unfinished = 1;

CREATE TABLE reactions (
    message  INTEGER NOT NULL REFERENCES messages (position) ON DELETE CASCADE,
    outgoing INTEGER NOT NULL,
    emoji    TEXT    NOT NULL,
    PRIMARY KEY (message, outgoing)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_envelopes (
    account  BLOB    NOT NULL,
    device   INTEGER NOT NULL,
    envelope BLOB    NOT NULL,
    seen_at  INTEGER NOT NULL,
    PRIMARY KEY (account, device, envelope)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_envelopes_by_age ON seen_envelopes (seen_at);

CREATE TABLE seen_contents (
    account BLOB    NOT NULL,
    id      BLOB    NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_contents_by_age ON seen_contents (seen_at);

-- Content that is still to be sealed, in order.
CREATE TABLE waiting (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    account  BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    message  INTEGER REFERENCES messages (position) ON DELETE CASCADE,
    content  BLOB    NOT NULL
) STRICT;
CREATE INDEX waiting_by_account ON waiting (account, position);
CREATE INDEX waiting_by_message ON waiting (message);

-- Sealed envelopes that the relay has not acknowledged, in order. `content` is what they hold, in
-- case that the device they were sealed for is no more.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    envelope BLOB    NOT NULL UNIQUE,
    account  BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    device   INTEGER NOT NULL,
    sealed   BLOB    NOT NULL,
    message  INTEGER REFERENCES messages (position) ON DELETE SET NULL,
    content  BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_by_account ON outbox (account, position);
CREATE INDEX outbox_by_message ON outbox (message);

-- Which message an acknowledged envelope was of, until it is delivered or expires.
CREATE TABLE sent_envelopes (
    envelope BLOB    PRIMARY KEY,
    message  INTEGER NOT NULL REFERENCES messages (position) ON DELETE CASCADE,
    sent_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_envelopes_by_message ON sent_envelopes (message);
CREATE INDEX sent_envelopes_by_age ON sent_envelopes (sent_at);

CREATE TABLE owed_receipts (
    account BLOB NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    message BLOB NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (account, message)
) STRICT, WITHOUT ROWID;

-- The index reads the texts from `messages`; the triggers keep it true. `secure-delete` takes words
-- out of the index at once instead of at the next merge.
CREATE VIRTUAL TABLE message_search USING fts5 (
    text, file_name,
    content = 'messages', content_rowid = 'position',
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);

-- Rows without words are indexed too: FTS5 counts a row of `messages` that it does not know as damage.
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
