-- NAME-locks, version 1: who works on what part of a book.
--
-- It stands beside the store and is shared by all processes of one boot of one machine; in another
-- boot all rows but the events are void. It may be deleted when no lock is held. Times that end in
-- _ms are Unix milliseconds, those in _boot_ms are CLOCK_BOOTTIME.
--
-- A resource is a number: Chapter_NN is NN; FrontMatter -1, BackMatter -2, StyleSystem -3,
-- QuoteRegistry -4, ImageRegistry -5, ProjectConfig -6, Book -7, of which -72 to -9 are shares; a
-- want of -8 is for one of these. One number grows through everything: an
-- event's seq is the change number, the token of the lock it made, and the id of the waiter it made.

-- What belongs to the table as a whole, one row.
CREATE TABLE meta (
	id              INTEGER PRIMARY KEY CHECK (id = 1),
	boot            TEXT NOT NULL,    -- boot_id of the kernel the locks belong to
	reserved        INTEGER NOT NULL, -- on the disk for sure; no seq above it was ever used
	slept_ms        INTEGER NOT NULL, -- CLOCK_BOOTTIME less CLOCK_MONOTONIC, when last looked at
	resumed_boot_ms INTEGER NOT NULL  -- when it was first seen to have grown
) STRICT;
INSERT INTO meta VALUES (1, '', 0, 0, 0);

-- A lock that is held; one row a resource, so that nothing can be held twice.
CREATE TABLE lock (
	resource         INTEGER PRIMARY KEY,
	token            INTEGER NOT NULL,
	instance         TEXT NOT NULL,    -- who holds it
	uid              INTEGER NOT NULL,
	pid              INTEGER NOT NULL, -- the anchor: while it lives the holder does; 0: not known
	start_ticks      INTEGER NOT NULL, -- of pid
	pid_namespace    INTEGER NOT NULL, -- of pid
	by_name          INTEGER NOT NULL, -- 1: by touch and the like; else by the descriptor alone
	descriptor       INTEGER NOT NULL, -- of a flock, as its process numbers them; 0: none
	descriptor_owner INTEGER NOT NULL, -- the byte of NAME-locks-live that process has locked
	descriptor_pid   INTEGER NOT NULL, -- who opened it
	waiter           INTEGER NOT NULL, -- the waiter it was granted to and that may not know yet; 0
	acquired_ms      INTEGER NOT NULL,
	renewed_ms       INTEGER NOT NULL,
	renewed_boot_ms  INTEGER NOT NULL,
	ttl_s            INTEGER NOT NULL, -- idle so long it is stale
	reason           TEXT NOT NULL     -- or empty
) STRICT;

-- Who waits, in order of arrival: by id.
CREATE TABLE waiter (
	id             INTEGER PRIMARY KEY, -- the seq of its event
	owner          INTEGER NOT NULL, -- the byte of NAME-locks-live its process has locked
	state          INTEGER NOT NULL, -- enum waiter_state: 0 waits, 1 granted, 2 its anchor died
	instance       TEXT NOT NULL,    -- as in lock, what is to be held
	uid            INTEGER NOT NULL,
	pid            INTEGER NOT NULL,
	start_ticks    INTEGER NOT NULL,
	pid_namespace  INTEGER NOT NULL,
	descriptor     INTEGER NOT NULL,
	descriptor_pid INTEGER NOT NULL,
	ttl_s          INTEGER NOT NULL,
	reason         TEXT,             -- NULL: as it is
	since_ms       INTEGER NOT NULL
) STRICT;
CREATE INDEX waiter_told ON waiter (owner, id) WHERE state <> 0;
CREATE INDEX waiter_instance ON waiter (instance);

-- The queues: what a waiter in state 0 waits for.
CREATE TABLE want (
	resource INTEGER NOT NULL,
	waiter   INTEGER NOT NULL,
	PRIMARY KEY (resource, waiter)
) STRICT, WITHOUT ROWID;
CREATE INDEX want_waiter ON want (waiter);

-- What happened. The oldest go when they are too many; the newest never does.
CREATE TABLE event (
	seq      INTEGER PRIMARY KEY,
	time_ms  INTEGER NOT NULL,
	type     INTEGER NOT NULL,       -- enum lock_event_type
	resource INTEGER NOT NULL,       -- 0: the table
	instance TEXT NOT NULL,          -- the holder, or who waits
	token    INTEGER NOT NULL,       -- the lock's, or the waiter
	detail   TEXT                    -- by whom, why
) STRICT;
