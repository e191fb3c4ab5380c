-- The store of a book, version 5: a chapter whose text was changed still shows what was made of it.

-- The text that stood there before, as long as the new one has no analysis; NULL: none did.
ALTER TABLE chapter ADD COLUMN former INTEGER REFERENCES text;
