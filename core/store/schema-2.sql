-- The store of a book, version 2: what version 1 lacked.

-- 1: the pictures of what the analysis finds are wanted by name, also by one who is set to draw none.
ALTER TABLE job ADD COLUMN pictures INTEGER NOT NULL DEFAULT 0;

-- SHA-256 of body, in hex; NULL in what version 1 stored.
ALTER TABLE analysis ADD COLUMN hash TEXT;
