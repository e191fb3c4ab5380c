-- NAME-locks, version 2: what happens to the book beside the locks.

-- The last change to what it covers that came through no mount, while it is held.
ALTER TABLE lock ADD COLUMN behind_ms INTEGER NOT NULL DEFAULT 0; -- 0: there was none
ALTER TABLE lock ADD COLUMN behind TEXT NOT NULL DEFAULT '';      -- the path

-- What was taken in from a locks.json on the disk, which stays as it is: nothing comes twice.
CREATE TABLE taken_in (
	entry TEXT PRIMARY KEY -- resource, instance and time, as they are written there
) STRICT, WITHOUT ROWID;
