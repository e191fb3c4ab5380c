-- The store of a book, version 7: who asked for a picture.

-- The newest process that asked for the picture, by its byte of NAME-live; of an analysis: that asked
-- for its pictures by name. 0: it is not known.
ALTER TABLE job ADD COLUMN asked_by INTEGER NOT NULL DEFAULT 0;
-- 1: of pictures it draws those that it was asked for, and that a person approved, and no others'.
ALTER TABLE worker ADD COLUMN only_asked INTEGER NOT NULL DEFAULT 0;
