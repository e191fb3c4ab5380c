-- The store of a book, version 6: what the book as a whole is asked for.

-- 0: the job is an analysis of its text, or a picture of its concept. Else enum errand: it is the
-- book's. Its text and chapter are those of the first chapter then, its concept is 0, and subject says
-- what it is about: whose portrait ("characters/Ida"), of which state of the cast.
ALTER TABLE job ADD COLUMN errand INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN subject TEXT NOT NULL DEFAULT '';
DROP INDEX job_open;
CREATE UNIQUE INDEX job_open ON job (kind, text, concept, profile, errand, subject) WHERE state IN (1, 2);
CREATE INDEX job_errand ON job (errand, subject, id) WHERE errand > 0;

-- What a server answered to doubts of the cast: of two that they are one, or two. It holds as a
-- correction does, behind the corrections up to the number `place` and before all later ones, so that a
-- person's word goes over it. Nobody takes it back; a person says otherwise.
CREATE TABLE verdict (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	place   INTEGER NOT NULL,    -- the newest correction then; 0: none
	kind    INTEGER NOT NULL,    -- enum correction_kind
	type    INTEGER NOT NULL,    -- enum element_type
	name    TEXT NOT NULL,
	to_type INTEGER NOT NULL,
	to_name TEXT NOT NULL
) STRICT;

-- Two that each had a look line turned out to be one: the line that holds for it in place of this
-- one; NULL: this one holds.
ALTER TABLE look ADD COLUMN lost_to INTEGER REFERENCES look;

-- With whom a portrait was drawn, "openai gpt-image-1", and of what prompt; NULL: it is a person's own.
ALTER TABLE portrait ADD COLUMN drawn_by TEXT;
ALTER TABLE portrait ADD COLUMN prompt TEXT;
