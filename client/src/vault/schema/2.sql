ALTER TABLE contacts ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;

-- Every identity key that a contact has shown; without `accepted_at` it was never pinned.
CREATE TABLE contact_identities (
    account     BLOB    NOT NULL REFERENCES contacts (account) ON DELETE CASCADE,
    identity    BLOB    NOT NULL,
    seen_at     INTEGER NOT NULL,
    accepted_at INTEGER,
    PRIMARY KEY (account, identity)
) STRICT, WITHOUT ROWID;

INSERT INTO contact_identities
SELECT account, identity, added_at, added_at FROM contacts;

-- When a pending key showed up is known by the event that told of it.
INSERT INTO contact_identities
SELECT c.account, c.pending_identity, coalesce(max(m.arrived_at), c.added_at), NULL
FROM contacts c LEFT JOIN messages m
    ON m.conversation = c.account AND m.event = '{"event":"identity_changed"}'
WHERE c.pending_identity IS NOT NULL
GROUP BY c.account;

CREATE INDEX messages_queued ON messages (position) WHERE state = 'queued';
CREATE INDEX messages_with_file ON messages (conversation, position) WHERE kind = 'attachment';
