/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const char *const names[EVENT_TYPES] = {
	[EVENT_ANALYSIS_STARTED] = "analysisStarted",
	[EVENT_CONCEPTS_READY] = "conceptsReady",
	[EVENT_ANALYSIS_FAILED] = "analysisFailed",
	[EVENT_IMAGE_STARTED] = "imageStarted",
	[EVENT_IMAGE_COMPLETE] = "imageComplete",
	[EVENT_IMAGE_FAILED] = "imageFailed",
	[EVENT_REFUSED] = "refused",
	[EVENT_WAITING] = "waiting",
	[EVENT_BUDGET_SPENT] = "budgetSpent",
	[EVENT_OUTDATED] = "outdated",
	[EVENT_EDITED] = "edited",
	[EVENT_MOUNTED] = "mounted",
	[EVENT_UNMOUNTED] = "unmounted",
	[EVENT_IMPORTED] = "imported",
	[EVENT_QUEUED] = "queued",
	[EVENT_PAUSED] = "paused",
	[EVENT_RESUMED] = "resumed",
	[EVENT_BUDGET_RAISED] = "budgetRaised",
	[EVENT_SERVER_WAITS] = "serverWaits",
	[EVENT_LOOKS_FIXED] = "looksFixed",
	[EVENT_CAST_SETTLED] = "castSettled",
	[EVENT_FAILED] = "failed",
};

const char *store_event_name(enum store_event_type t)
{
	return names[t];
}

void store_event_finish(struct store_event *e)
{
	free(e->id);
	free(e->provider);
	free(e->detail);
	*e = (struct store_event){0};
}

static int ask_seq(int64_t *seq, struct store_reader *r)
{
	static const char sql[] = "SELECT coalesce(max(seq), 0) FROM event";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	int more = query_row(&q);
	if (more == 1)
		*seq = query_get_int(&q, 0);
	return more < 0 ? more : 0;
}

/* Every request of the kernel asks for this, so it is not asked of the database while nothing was
 * committed. In a snapshot it is: the first query is what fixes the snapshot's moment. */
int store_seq(int64_t *seq, struct store_reader *r)
{
	struct conn_moment now;
	bool told = r->snapshots == 0 && conn_moment(&now, &r->conn);
	if (told && r->seq_known && memcmp(&now, &r->seq_moment, sizeof(now)) == 0) {
		*seq = r->seq;
		return 0;
	}
	int result = ask_seq(seq, r);
	if (result < 0 || r->snapshots > 0)
		return result;
	conn_index(&r->conn);
	r->seq_known = told;
	if (told) {
		r->seq = *seq;
		r->seq_moment = now;
	}
	return 0;
}

int store_events(struct store_reader *r, int64_t after, int max,
		 int (*fn)(void *arg, const struct store_event *e), void *arg)
{
	static const char sql[] = "SELECT seq, time_ms, type, chapter, id, provider, detail"
				  " FROM event WHERE seq > :after ORDER BY seq LIMIT :max";
	CLEANUP(query_end) struct query q = query_begin(&r->conn, sql);
	query_int(&q, ":after", after);
	query_int(&q, ":max", max);
	int more, ended = 0;
	while (!ended && (more = query_row(&q)) == 1) {
		struct store_event e = {
			.seq = query_get_int(&q, 0),
			.time_unix_ms = query_get_int(&q, 1),
			.type = (enum store_event_type)query_get_enum(&q, 2, EVENT_TYPES - 1),
			.chapter = (int)query_get_int(&q, 3),
			.id = query_dup(&q, 4),
			.provider = query_dup(&q, 5),
			.detail = query_dup(&q, 6),
		};
		ended = q.failed ? q.failed : fn(arg, &e);
		store_event_finish(&e);
	}
	return ended ? ended : more;
}

int tx_event(struct store_tx *tx, const struct store_event *e)
{
	static const char sql[] = "INSERT INTO event (time_ms, type, chapter, id, provider, detail)"
				  " VALUES (:time, :type, :chapter, :id, :provider, :detail)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":time", TIME_OR_NOW(e->time_unix_ms));
	query_int(&q, ":type", e->type);
	query_int(&q, ":chapter", e->chapter);
	query_text(&q, ":id", e->id);
	query_text(&q, ":provider", e->provider);
	query_text(&q, ":detail", e->detail);
	return query_run(&q);
}

/* In one chapter, or in none (0). A picture's detail is its file's name there. */
static int announce_in(struct store_tx *tx, const struct announcement *a, int chapter)
{
	char id[CONCEPT_ID_BYTES] = "", file[64] = "";
	if (a->scene)
		concept_id(id, chapter, a->scene);
	if (a->ext)
		snprintf(file, sizeof(file), "chapter_%d_scene_%d.%s", chapter, a->scene, a->ext);
	/* The event only lends its strings to the insert. */
	return tx_event(tx, &(struct store_event){
				    .type = a->type,
				    .chapter = chapter,
				    .id = a->scene && chapter ? id : NULL,
				    .provider = (char *)a->provider,
				    .detail = a->ext && chapter ? file : (char *)a->detail,
			    });
}

int tx_announce(struct store_tx *tx, const struct announcement *a)
{
	static const char sql[] =
		"SELECT number FROM chapter WHERE text = :text AND kind <> 3 ORDER BY number";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":text", a->text);
	int more, result = 0, chapters = 0;
	while (result == 0 && (more = query_row(&q)) == 1) {
		result = announce_in(tx, a, (int)query_get_int(&q, 0));
		chapters++;
	}
	if (result == 0 && more == 0 && chapters == 0)
		result = announce_in(tx, a, 0);
	return result ? result : more;
}
