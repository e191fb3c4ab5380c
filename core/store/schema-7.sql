-- The store of a book, version 7: who asked for what.

-- The newest process that asked for it, by its byte of NAME-live; 0: it is not known.
ALTER TABLE job ADD COLUMN asked_by INTEGER NOT NULL DEFAULT 0;
-- 1: it takes what it was asked for itself, and what a person approved, and nothing that others left.
ALTER TABLE worker ADD COLUMN only_asked INTEGER NOT NULL DEFAULT 0;
