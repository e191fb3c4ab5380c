-- A series: books that share how their cast looks. Version 1.

CREATE TABLE book (
	id    INTEGER PRIMARY KEY,
	key   TEXT NOT NULL UNIQUE, -- what tells the books apart: identifier, else title
	title TEXT NOT NULL
) STRICT;

-- What a book fixed. Who asks gets the one with the least id, of another book: the earliest.
CREATE TABLE look (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	book    INTEGER NOT NULL REFERENCES book,
	type    INTEGER NOT NULL,  -- enum element_type
	name    TEXT NOT NULL,
	line    TEXT NOT NULL,
	made_ms INTEGER NOT NULL,
	UNIQUE (book, type, name)
) STRICT;

-- By what they are found.
CREATE TABLE name (
	folded TEXT NOT NULL,      -- fold_name()
	look   INTEGER NOT NULL REFERENCES look,
	main   INTEGER NOT NULL,   -- 1: it is the name, 0: an alias
	PRIMARY KEY (folded, look)
) STRICT, WITHOUT ROWID;
