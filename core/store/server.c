/* SPDX-License-Identifier: MIT */
#include "internal.h"

/*
 * When servers may be asked, for all processes of the book. A start is a moment, taken ahead of it:
 * the sync is over when it comes, and starts are as far from each other as their moments are. Each
 * process takes one at a time, so that few are lost when it ends.
 */

/* No word of a server, and no damaged row, keeps anybody longer; then it is asked once more. */
#define WAIT_MOST_MS ((int64_t)24 * 3600 * 1000)
#define TOLD_MS 1000 /* a wait that is so much longer is an event */

struct server_row {
	int64_t start_boot_ms, tokens_boot_ms, told_boot_ms;
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t capped(int64_t at_boot_ms, int64_t now_boot_ms)
{
	return at_boot_ms - now_boot_ms > WAIT_MOST_MS ? now_boot_ms + WAIT_MOST_MS : at_boot_ms;
}

/* Zeroes if there is none. */
static int read_row(struct server_row *out, struct conn *c, const char *origin, enum job_kind kind)
{
	static const char sql[] =
		"SELECT boot = :boot, start_boot_ms, tokens_boot_ms, told_boot_ms, told_ms"
		" FROM server WHERE origin = :origin AND kind = :kind";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_text(&q, ":boot", process_boot());
	query_text(&q, ":origin", origin);
	query_int(&q, ":kind", kind);
	int more = query_row(&q);
	int64_t now = clock_boot_ms();
	*out = (struct server_row){0};
	if (more != 1)
		return more;
	if (query_get_int(&q, 0)) {
		out->start_boot_ms = capped(query_get_int(&q, 1), now);
		out->tokens_boot_ms = capped(query_get_int(&q, 2), now);
		out->told_boot_ms = capped(query_get_int(&q, 3), now);
	} else {
		out->told_boot_ms = capped(now + query_get_int(&q, 4) - clock_unix_ms(), now);
	}
	return q.failed;
}

static int write_row(struct store_tx *tx, const char *origin, enum job_kind kind,
		     const struct server_row *row)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO server (origin, kind, boot, start_boot_ms, tokens_boot_ms,"
		" told_boot_ms, told_ms) VALUES (:origin, :kind, :boot, :start, :tokens, :told,"
		" :told_unix)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_text(&q, ":origin", origin);
	query_int(&q, ":kind", kind);
	query_text(&q, ":boot", process_boot());
	query_int(&q, ":start", row->start_boot_ms);
	query_int(&q, ":tokens", row->tokens_boot_ms);
	query_int(&q, ":told", row->told_boot_ms);
	query_int(&q, ":told_unix", clock_unix_ms() + row->told_boot_ms - clock_boot_ms());
	return query_run(&q);
}

int store_server_wait(int64_t *wait_ms, struct store_reader *r, const char *origin,
		      enum job_kind kind)
{
	struct server_row row;
	int result = read_row(&row, &r->conn, origin, kind);
	if (result == 0)
		*wait_ms = later(row.told_boot_ms - clock_boot_ms(), 0);
	return result;
}

int tx_server_start(struct server_start *s, struct store_tx *tx)
{
	struct server_row row;
	int result = read_row(&row, &tx->conn, s->origin, s->kind);
	if (result < 0)
		return result;
	/* What was taken last was missed: it is free again. */
	if (s->missed_boot_ms && row.start_boot_ms == s->missed_boot_ms + s->interval_ms)
		row.start_boot_ms = 0;
	int64_t now = clock_boot_ms();
	s->at_boot_ms = later(now + s->lead_ms, later(row.start_boot_ms, row.told_boot_ms));
	if (s->tokens_ms && !s->missed_boot_ms)
		s->at_boot_ms = later(s->at_boot_ms, row.tokens_boot_ms);
	if (s->at_boot_ms - now > s->most_ms)
		return 0;
	row.start_boot_ms = s->at_boot_ms + s->interval_ms;
	if (!s->missed_boot_ms)
		row.tokens_boot_ms = later(row.tokens_boot_ms, s->at_boot_ms) + s->tokens_ms;
	return write_row(tx, s->origin, s->kind, &row);
}

int tx_server_tokens(struct store_tx *tx, const char *origin, enum job_kind kind, int64_t more_ms)
{
	struct server_row row;
	int result = read_row(&row, &tx->conn, origin, kind);
	if (result < 0)
		return result;
	row.tokens_boot_ms += more_ms;
	return write_row(tx, origin, kind, &row);
}

/* Many answers at once say nearly the same: one line of it is enough. */
static int tell_of_wait(struct store_tx *tx, const char *origin, enum job_kind kind,
			int64_t wait_ms)
{
	char until[ISO_TIME_BYTES];
	clock_iso(until, clock_unix_ms() + wait_ms);
	CLEANUP(cleanup_free)
	char *detail = xasprintf("%s is asked for no %s until %s", origin,
				 kind == JOB_ANALYZE ? "chapters" : "pictures", until);
	return tx_event(tx, &(struct store_event){.type = EVENT_SERVER_WAITS, .detail = detail});
}

int tx_server_told(struct store_tx *tx, const char *origin, enum job_kind kind,
		   int64_t until_boot_ms)
{
	struct server_row row;
	int result = read_row(&row, &tx->conn, origin, kind);
	if (result < 0 || row.told_boot_ms >= until_boot_ms)
		return result;
	int64_t now = clock_boot_ms(), before = later(row.told_boot_ms, now);
	row.told_boot_ms = capped(until_boot_ms, now);
	result = write_row(tx, origin, kind, &row);
	if (result == 0 && row.told_boot_ms - before >= TOLD_MS)
		result = tell_of_wait(tx, origin, kind, row.told_boot_ms - now);
	return result;
}

int store_servers_told(struct store_reader *r, int64_t after_unix_ms,
		       int (*fn)(void *arg, const char *origin, enum job_kind kind,
				 int64_t until_unix_ms),
		       void *arg)
{
	static const char sql[] = "SELECT origin, kind, told_ms FROM server WHERE told_ms > :after"
				  " ORDER BY origin, kind";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":after", after_unix_ms);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		enum job_kind kind = (enum job_kind)query_get_enum(&q, 1, JOB_ILLUSTRATE);
		if (q.failed)
			return q.failed;
		ended = fn(arg, query_string(&q, 0), kind, query_get_int(&q, 2));
	}
	return ended ? ended : more;
}
