-- The store of a book, version 4: what persons decide.

-- What a person did, in order (store.h, "what persons decide").
CREATE TABLE edit (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	time_ms   INTEGER NOT NULL,
	kind      INTEGER NOT NULL,           -- enum edit_kind
	chapter   INTEGER NOT NULL,           -- 0: no chapter's
	subject   TEXT NOT NULL,              -- a path of the mount
	detail    TEXT NOT NULL,
	undone_ms INTEGER NOT NULL DEFAULT 0  -- 0: it stands
) STRICT;

-- In these tables and in each below: made_by is the edit that brought the row, or that took away what
-- stood in its place; NULL: no person's doing. hidden_by is the edit that took it away, or the one that
-- brought it and was undone; NULL: it is shown. Nothing deletes a row that is hidden.
ALTER TABLE analysis ADD COLUMN made_by INTEGER REFERENCES edit;
ALTER TABLE analysis ADD COLUMN hidden_by INTEGER REFERENCES edit;
ALTER TABLE picture ADD COLUMN made_by INTEGER REFERENCES edit;
ALTER TABLE picture ADD COLUMN hidden_by INTEGER REFERENCES edit;
-- The indexes hold all that is asked of them, so that a list of pictures opens no table it does not show.
DROP INDEX analysis_best;
CREATE INDEX analysis_best ON analysis (text, rank, id, hidden_by) WHERE hidden_by IS NULL;
DROP INDEX picture_concept;
CREATE INDEX picture_concept ON picture (concept, id, hidden_by) WHERE hidden_by IS NULL;
CREATE INDEX analysis_made ON analysis (made_by) WHERE made_by IS NOT NULL;
CREATE INDEX analysis_hidden ON analysis (hidden_by, text) WHERE hidden_by IS NOT NULL;
CREATE INDEX picture_made ON picture (made_by) WHERE made_by IS NOT NULL;
CREATE INDEX picture_hidden ON picture (hidden_by, concept) WHERE hidden_by IS NOT NULL;

-- A scene that a person kept when editing an analysis is the same concept in both: root is the
-- serial number that its pictures, jobs and files go by; NULL: its own. Scenes of one analysis may have
-- gaps in their numbers from now on. hash: concept_hash(); NULL in what earlier versions stored.
ALTER TABLE concept ADD COLUMN root INTEGER;
ALTER TABLE concept ADD COLUMN hash TEXT;
CREATE INDEX concept_seen ON concept (analysis, scene, root);
CREATE INDEX concept_root ON concept (root) WHERE root IS NOT NULL;

-- What a picture was drawn of, to tell whether it would be drawn so now.
ALTER TABLE picture ADD COLUMN scene_hash TEXT;   -- the concept's hash then
ALTER TABLE picture ADD COLUMN style INTEGER;     -- the style; NULL: none

-- A person's edit, an analysis, whose place the result is to take, with those before; 0: none. And a
-- job that nobody wants any more, as what it was to draw was taken away, is in state 5: it keeps what
-- it took.
ALTER TABLE job ADD COLUMN over_edit INTEGER NOT NULL DEFAULT 0;
DROP INDEX job_concept;
CREATE INDEX job_concept ON job (concept, id, state) WHERE concept > 0 AND state <> 5;

-- What a person says of the catalogue (story.h, "corrections"), in this order.
CREATE TABLE correction (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	kind      INTEGER NOT NULL,  -- enum correction_kind
	type      INTEGER NOT NULL,  -- enum element_type
	name      TEXT NOT NULL,
	to_type   INTEGER NOT NULL,
	to_name   TEXT,
	text      TEXT,
	made_by   INTEGER NOT NULL REFERENCES edit,
	hidden_by INTEGER REFERENCES edit
) STRICT;

-- How an element looks in all its pictures.
CREATE TABLE look (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	type      INTEGER NOT NULL,  -- enum element_type
	name      TEXT NOT NULL,     -- of the entry of the catalogue then
	line      TEXT NOT NULL,
	source    TEXT,              -- the book of the series that has it first; NULL: this one
	made_ms   INTEGER NOT NULL,
	made_by   INTEGER REFERENCES edit,
	hidden_by INTEGER REFERENCES edit
) STRICT;
CREATE UNIQUE INDEX look_of ON look (type, name) WHERE hidden_by IS NULL;
CREATE INDEX look_hidden ON look (hidden_by) WHERE hidden_by IS NOT NULL;

-- The look lines in the prompt of a picture.
CREATE TABLE picture_look (
	picture INTEGER NOT NULL REFERENCES picture,
	look    INTEGER NOT NULL REFERENCES look,
	PRIMARY KEY (picture, look)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_look_of ON picture_look (look, picture);

-- style.md; the newest that is shown is the style, an empty one says that there is none.
CREATE TABLE style (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	body      TEXT NOT NULL,
	made_by   INTEGER NOT NULL REFERENCES edit,
	hidden_by INTEGER REFERENCES edit
) STRICT;

-- Scenes that a person lets be drawn, by their root.
CREATE TABLE approval (
	concept   INTEGER NOT NULL,
	made_by   INTEGER NOT NULL REFERENCES edit,
	hidden_by INTEGER REFERENCES edit,
	PRIMARY KEY (concept, made_by)
) STRICT, WITHOUT ROWID;

-- A picture of how an element looks; the newest of an element that is shown is it.
CREATE TABLE portrait (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	type       INTEGER NOT NULL, -- enum element_type
	name       TEXT NOT NULL,
	ext        TEXT NOT NULL,
	hash       TEXT NOT NULL,    -- SHA-256 of the bytes
	size_bytes INTEGER NOT NULL,
	made_ms    INTEGER NOT NULL,
	made_by    INTEGER NOT NULL REFERENCES edit,
	hidden_by  INTEGER REFERENCES edit
) STRICT;
CREATE TABLE portrait_data (
	id    INTEGER PRIMARY KEY REFERENCES portrait,
	bytes BLOB NOT NULL
) STRICT;
