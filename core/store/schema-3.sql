-- The store of a book, version 3: what servers let be asked of them, and what it took.

-- What the processes know together of a server: one row for each kind of request to an origin.
-- Times that end in _boot_ms are CLOCK_BOOTTIME, of the boot that the row names: no clock that is set
-- brings two starts nearer to each other, or keeps one for ever.
CREATE TABLE server (
	origin         TEXT NOT NULL,    -- "https://api.example.org"
	kind           INTEGER NOT NULL, -- enum job_kind: what is asked for
	boot           TEXT NOT NULL,    -- boot_id; in another boot only told_ms counts
	start_boot_ms  INTEGER NOT NULL, -- no request starts before
	tokens_boot_ms INTEGER NOT NULL, -- when what was asked so far is within the tokens a minute
	told_boot_ms   INTEGER NOT NULL, -- until when the server asked to be left alone
	told_ms        INTEGER NOT NULL, -- the same, as Unix time
	PRIMARY KEY (origin, kind)
) STRICT, WITHOUT ROWID;

-- What a job has taken in all its attempts, and a result with it. A cost is in millionths of the
-- currency that the prices were given in. tokens is the sum, of older versions all that is known.
ALTER TABLE job ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cost_micro INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE analysis ADD COLUMN cost_micro INTEGER NOT NULL DEFAULT 0;
ALTER TABLE picture ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE picture ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE picture ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE picture ADD COLUMN cost_micro INTEGER NOT NULL DEFAULT 0;

-- Why this process begins nothing of this kind at present (its budget is spent); NULL: it does.
ALTER TABLE worker ADD COLUMN rests TEXT;
