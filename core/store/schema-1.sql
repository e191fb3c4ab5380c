-- The store of a book, version 1.
--
-- A step that was released is never edited: a later version is a step of its own, schema-2.sql and
-- so on, that changes what the steps before it made. PRAGMA user_version counts the steps a file
-- has had. Times are Unix milliseconds. Enumerations are the numbers of the C enums named in the
-- notes; those too only ever grow at their end.
--
-- In short: chapter -> text <- analysis <- concept <- picture. Results hang on texts, and texts on
-- nothing but their own bytes, so a chapter that changes loses its result and one that changes back
-- has it again.

-- The book as it was imported last, one row. size_bytes, mtime_ns and inode tell cheaply whether
-- the file is still that; if one of them differs, hash does.
CREATE TABLE book (
	id           INTEGER PRIMARY KEY CHECK (id = 1),
	generation   INTEGER NOT NULL,  -- grows with each import
	path         TEXT NOT NULL,     -- absolute, where the file was seen last
	size_bytes   INTEGER NOT NULL,
	mtime_ns     INTEGER NOT NULL,
	inode        INTEGER NOT NULL,
	hash         TEXT NOT NULL,     -- SHA-256 of the file, in hex
	options_key  TEXT NOT NULL,     -- the settings that change an import
	imported_ms  INTEGER NOT NULL,
	title        TEXT NOT NULL,
	language     TEXT NOT NULL,     -- BCP 47, or empty
	publisher    TEXT NOT NULL,     -- or empty
	identifier   TEXT NOT NULL,     -- or empty
	pages        INTEGER NOT NULL,
	real_pages   INTEGER NOT NULL,  -- 1: counted by the book itself
	words        INTEGER NOT NULL
) STRICT;

-- Lines that belong to the book: who made it, and what an import could not read.
CREATE TABLE book_line (
	kind  INTEGER NOT NULL,         -- 0 creator, 1 warning
	place INTEGER NOT NULL,         -- 0.. in the book's order
	line  TEXT NOT NULL,
	PRIMARY KEY (kind, place)
) STRICT, WITHOUT ROWID;

-- A chapter's text, kept once however many chapters, imports and results stand on it. It goes when
-- none does any more.
CREATE TABLE text (
	id    INTEGER PRIMARY KEY,
	hash  TEXT NOT NULL UNIQUE,     -- SHA-256 of body, in hex
	bytes INTEGER NOT NULL,         -- length of body, readable without it
	words INTEGER NOT NULL,
	body  BLOB NOT NULL             -- Markdown, UTF-8
) STRICT;

-- The chapters of the book, in reading order. Rewritten by each import.
CREATE TABLE chapter (
	number INTEGER PRIMARY KEY,     -- 1..
	title  TEXT NOT NULL,           -- one line, may be empty
	kind   INTEGER NOT NULL,        -- enum book_kind: 0 story, 1 front, 2 back matter
	text   INTEGER NOT NULL REFERENCES text
) STRICT;
CREATE INDEX chapter_text ON chapter (text, number);

-- Where the book's pages begin within the chapters.
CREATE TABLE page (
	chapter INTEGER NOT NULL REFERENCES chapter,
	place   INTEGER NOT NULL,       -- 0.. within the chapter
	start   INTEGER NOT NULL,       -- byte of the text
	label   TEXT NOT NULL,          -- what the book prints: "12", "xii"
	PRIMARY KEY (chapter, place)
) STRICT, WITHOUT ROWID;

-- The book's table of contents, every entry of it.
CREATE TABLE content (
	place   INTEGER PRIMARY KEY,    -- 0.. in the book's order
	title   TEXT NOT NULL,
	depth   INTEGER NOT NULL,       -- 0 is the top
	chapter INTEGER NOT NULL,       -- where its text is; 0: it leads nowhere
	role    INTEGER NOT NULL,       -- enum book_role
	within  TEXT                    -- title of the chapter or part it belongs to, or NULL
) STRICT;

-- The files of the book's archive.
CREATE TABLE file (
	place      INTEGER PRIMARY KEY, -- 0.. in the archive's order
	name       TEXT NOT NULL,       -- sanitised, '/' between folders
	member     INTEGER NOT NULL,    -- index in the archive
	size_bytes INTEGER NOT NULL,    -- uncompressed
	mtime_s    INTEGER NOT NULL
) STRICT;

-- An analysis of a text: a result that may have been paid for, so nothing deletes it. The best of a
-- text is the first by (rank, id), highest first.
CREATE TABLE analysis (
	id             INTEGER PRIMARY KEY,
	key            TEXT NOT NULL,   -- SHA-256 over text's hash, provider, model, prompt version, options
	text           INTEGER NOT NULL REFERENCES text,
	rank           INTEGER NOT NULL,-- 0 builtin, 1 a server, 2 a person's edit
	provider       TEXT NOT NULL,
	model          TEXT NOT NULL,
	options        TEXT NOT NULL,   -- what else went into the key
	prompt_version INTEGER NOT NULL,
	completed_ms   INTEGER NOT NULL,
	tokens         INTEGER NOT NULL,
	concepts       INTEGER NOT NULL,-- how many it has
	body           BLOB NOT NULL    -- analysis_encode()
) STRICT;
CREATE INDEX analysis_best ON analysis (text, rank, id);

-- A visual concept of an analysis: a scene that can be painted. Its serial number is the NNN of
-- concept_NNN.json: given when the analysis is stored, in order of the scenes, never used again
-- (AUTOINCREMENT).
CREATE TABLE concept (
	serial   INTEGER PRIMARY KEY AUTOINCREMENT,
	analysis INTEGER NOT NULL REFERENCES analysis,
	scene    INTEGER NOT NULL,      -- 1.. within the analysis
	UNIQUE (analysis, scene)
) STRICT;

-- A finished picture of a concept. The newest of a concept is the one shown. Its bytes are apart,
-- so that whoever lists pictures reads none of them.
CREATE TABLE picture (
	id             INTEGER PRIMARY KEY,
	concept        INTEGER NOT NULL REFERENCES concept,
	key            TEXT NOT NULL,   -- SHA-256 over prompt, provider, model, prompt version, options
	hash           TEXT NOT NULL,   -- SHA-256 of the bytes
	ext            TEXT NOT NULL,   -- "png", "jpg", "webp"
	size_bytes     INTEGER NOT NULL,
	completed_ms   INTEGER NOT NULL,
	provider       TEXT NOT NULL,
	model          TEXT NOT NULL,
	options        TEXT NOT NULL,
	prompt_version INTEGER NOT NULL,
	prompt         TEXT NOT NULL    -- as it was sent
) STRICT;
CREATE INDEX picture_concept ON picture (concept, id);

-- The bytes of picture id.
CREATE TABLE picture_data (
	id    INTEGER PRIMARY KEY REFERENCES picture,
	bytes BLOB NOT NULL
) STRICT;

-- Work: one analysis of one text, or one picture of one concept, wished for by somebody.
CREATE TABLE job (
	id            INTEGER PRIMARY KEY,
	kind          INTEGER NOT NULL, -- enum job_kind: 0 analyze, 1 illustrate
	state         INTEGER NOT NULL, -- enum job_state: 1 pending, 2 in progress, 3 completed, 4 failed
	text          INTEGER NOT NULL REFERENCES text,
	concept       INTEGER NOT NULL, -- a concept's serial; 0 for an analysis
	chapter       INTEGER NOT NULL, -- the first that has this text now; 0: none has, nobody claims it
	scene         INTEGER NOT NULL, -- 0 for an analysis
	profile       TEXT NOT NULL,    -- with whom and how: only a process that can do it claims it
	on_demand     INTEGER NOT NULL, -- 1: somebody waits for it
	attempts      INTEGER NOT NULL, -- begun, less those that were given back
	error_code    INTEGER NOT NULL, -- -errno of the last failure, or 0
	error         TEXT,             -- its reason
	not_before_ms INTEGER NOT NULL, -- a retry's time; 0: at once
	tokens        INTEGER NOT NULL,
	owner         INTEGER NOT NULL, -- in progress: the byte of NAME-live its owner has locked
	started_ms    INTEGER NOT NULL,
	ended_ms      INTEGER NOT NULL,
	changed_ms    INTEGER NOT NULL  -- its last move
) STRICT;
CREATE UNIQUE INDEX job_open ON job (kind, text, concept, profile) WHERE state IN (1, 2);
CREATE INDEX job_text ON job (kind, text, id);
CREATE INDEX job_concept ON job (concept, id) WHERE concept > 0;
CREATE INDEX job_next ON job (kind, profile, on_demand DESC, chapter, scene, id) WHERE state = 1;
CREATE INDEX job_owner ON job (owner) WHERE state = 2;
CREATE INDEX job_failed ON job (chapter) WHERE state = 4;

-- Which profiles the running processes can do, to tell jobs nobody here will ever claim. A row
-- whose owner's byte is not locked is of a process that ended.
CREATE TABLE worker (
	owner   INTEGER NOT NULL,
	kind    INTEGER NOT NULL,       -- enum job_kind
	profile TEXT NOT NULL,
	PRIMARY KEY (owner, kind)
) STRICT, WITHOUT ROWID;

-- What happened, for whoever was not there: views, progress.md, other processes. The newest seq is
-- the store's change number, so it is never used again (AUTOINCREMENT).
CREATE TABLE event (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT,
	time_ms  INTEGER NOT NULL,
	type     INTEGER NOT NULL,      -- enum store_event_type
	chapter  INTEGER NOT NULL,      -- 0: none
	id       TEXT,                  -- a concept's: "ch9_scene1"
	provider TEXT,
	detail   TEXT                   -- an error, a file, what is waited for
) STRICT;

-- What people set for the store as a whole and every process obeys, one row.
CREATE TABLE control (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	paused INTEGER NOT NULL         -- 1: on-demand work only
) STRICT;
INSERT INTO control (id, paused) VALUES (1, 0);
