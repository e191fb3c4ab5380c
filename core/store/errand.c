/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* What the book as a whole is asked for: jobs of no chapter's text and no scene (errand.h). */

static const struct {
	enum job_kind kind; /* with whom */
	const char *words;
} errands[ERRANDS] = {
	[ERRAND_DOUBTS] = {JOB_ANALYZE, "who of the cast is one with whom"},
	[ERRAND_STYLE] = {JOB_ANALYZE, "a style by the first chapters"},
	[ERRAND_STYLE_PICTURES] = {JOB_ANALYZE, "a style by the first pictures"},
	[ERRAND_PORTRAIT] = {JOB_ILLUSTRATE, "the portrait of"},
};

char *errand_words(enum errand e, const char *subject)
{
	const char *name = e == ERRAND_PORTRAIT ? strchr(subject, '/') : NULL;
	return xasprintf("%s%s%s", errands[e].words, name ? " " : "", name ? name + 1 : "");
}

/* Where it goes along: by the first chapter that is story. */
static int find_place(struct job_wish *out, struct store_tx *tx)
{
	static const char sql[] =
		"SELECT number, text FROM chapter WHERE kind = 0 ORDER BY number LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	int more = query_row(&q);
	if (more != 1)
		return more < 0 ? more : -ENOENT;
	out->chapter = (int)query_get_int(&q, 0);
	out->text = query_get_int(&q, 1);
	return 0;
}

static int is_known(struct conn *c, enum errand e, const char *subject)
{
	static const char sql[] = "SELECT 1 FROM job WHERE errand = :errand AND subject = :subject"
				  " AND errand > 0 AND state <> 5 LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(c, sql);
	query_int(&q, ":errand", e);
	query_text(&q, ":subject", subject);
	return query_row(&q);
}

int store_errand_known(bool *known, struct store_reader *r, enum errand e, const char *subject)
{
	int found = is_known(&r->conn, e, subject);
	if (found >= 0)
		*known = found == 1;
	return found < 0 ? found : 0;
}

/* One that is open, whoever has it; 0: none is. */
static int find_open(int64_t *id, struct store_tx *tx, const struct errand_wish *w)
{
	static const char sql[] = "SELECT id FROM job WHERE errand = :errand AND subject = :subject"
				  " AND errand > 0 AND state IN (1, 2) LIMIT 1";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":errand", w->errand);
	query_text(&q, ":subject", w->subject);
	int more = query_row(&q);
	*id = more == 1 ? query_get_int(&q, 0) : 0;
	return more < 0 ? more : 0;
}

int tx_wish_errand(int64_t *job_id, struct store_tx *tx, const struct errand_wish *w)
{
	struct job_wish job = {
		.kind = errands[w->errand].kind,
		.profile = w->profile,
		.on_demand = w->on_demand,
		.errand = w->errand,
		.subject = w->subject,
	};
	int64_t id = 0;
	int result = find_open(&id, tx, w);
	int known = w->again ? id != 0 : is_known(&tx->conn, w->errand, w->subject);
	if (result == 0 && known == 0)
		result = find_place(&job, tx);
	if (result < 0 || known < 0)
		return result < 0 ? result : known;
	if (job_id)
		*job_id = 0;
	if (known)
		return 0;
	result = tx_put_job(&id, tx, &job);
	if (result >= 0 && job_id)
		*job_id = id;
	return result < 0 ? result : tx_tell_queued(tx, 0);
}

/* ---- portraits */

static size_t find_entry(const struct catalogue *c, const enum element_type *type, const char *name)
{
	if (type)
		return catalogue_owner(c, *type, name);
	return catalogue_owner(c, ELEMENT_CHARACTER, name);
}

int tx_wish_portrait(struct store_tx *tx, const enum element_type *type, const char *name,
		     const char *profile, struct err *err)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	const struct catalogue *c = NULL;
	int result = cast_read(&c, cast, &tx->conn);
	if (result < 0)
		return err_set(err, result, "the cast cannot be read: %s", strerror(-result));
	size_t i = find_entry(c, type, name);
	if (i == NO_ENTRY)
		return err_set(err, -ENODATA,
			       "nobody and nothing in elements/ is called \"%.80s\": analyse the "
			       "chapters first, or make elements/characters/NAME.md",
			       name);
	const struct catalogue_entry *e = &c->entries[i];
	const char *folder = element_type_folder(e->type);
	int own = portrait_own(tx, c, i);
	if (own < 0)
		return err_set(err, own, "the portraits cannot be read: %s", strerror(-own));
	if (own)
		return err_set(err, -EEXIST,
			       "%s has a picture of your own, which is not drawn over: rm it in "
			       "elements/%s/ first",
			       e->name, folder);
	CLEANUP(cleanup_free) char *subject = xasprintf("%s/%s", folder, e->name);
	const struct errand_wish w = {
		.errand = ERRAND_PORTRAIT,
		.subject = subject,
		.profile = profile,
		.on_demand = true,
		.again = true,
	};
	result = tx_wish_errand(NULL, tx, &w);
	return result < 0 ? err_set(err, result, "%s: %s", subject, strerror(-result)) : 0;
}

/* ---- doubts */

static int insert_verdict(struct store_tx *tx, const struct correction *v)
{
	static const char sql[] =
		"INSERT INTO verdict (place, kind, type, name, to_type, to_name)"
		" VALUES ((SELECT coalesce(max(id), 0) FROM correction), :kind, :type, :name,"
		" :to_type, :to_name)";
	CLEANUP(query_end) struct query q = query_begin(&tx->conn, sql);
	query_int(&q, ":kind", v->kind);
	query_int(&q, ":type", v->type);
	query_text(&q, ":name", v->name);
	query_int(&q, ":to_type", v->to_type);
	query_text(&q, ":to_name", v->to);
	return query_run(&q);
}

/* By the cast as it is now: a person may have decided since the question was put. */
static int keep_verdicts(struct store_tx *tx, struct corrections *verdicts)
{
	CLEANUP(store_cast_free_cleanup) struct store_cast *cast = store_cast_new();
	CLEANUP(corrections_finish) struct corrections decided = {0};
	const struct catalogue *c = NULL;
	int result = cast_read(&c, cast, &tx->conn);
	if (result == 0)
		result = decided_read(&decided, &tx->conn);
	CLEANUP(cleanup_free) bool *hold = xcalloc(verdicts->len + 1, sizeof(*hold));
	if (result == 0)
		verdicts_judge(hold, verdicts, c, &decided);
	for (size_t i = 0; i < verdicts->len && result == 0; i++)
		if (hold[i])
			result = insert_verdict(tx, &verdicts->items[i]);
	if (result == 0)
		result = cast_read(&c, cast, &tx->conn);
	return result < 0 ? result : looks_settle(tx, c);
}

int tx_doubts_done(struct store_tx *tx, int64_t job_id, struct corrections *verdicts)
{
	CLEANUP(store_job_finish) struct store_job job = {0};
	int result = tx_own_job(&job, tx, job_id, JOB_ANALYZE);
	if (result == 0)
		result = keep_verdicts(tx, verdicts);
	if (result == 0)
		result = tx_complete_job(tx, job_id, 0);
	return result < 0 ? result
			  : tx_event(tx, &(struct store_event){.type = EVENT_CAST_SETTLED});
}

/* ---- a style */

/* What a person has written since it was asked for stays; the proposal is kept as if it had been
 * undone. */
int tx_style_done(struct store_tx *tx, int64_t job_id, const char *body)
{
	CLEANUP(store_job_finish) struct store_job job = {0};
	CLEANUP(buf_finish) struct buf now = {0};
	int64_t style = 0;
	int result = tx_own_job(&job, tx, job_id, JOB_ANALYZE);
	if (result == 0)
		result = style_now(&now, &style, &tx->conn);
	if (result == 0)
		result = style_set(tx, body, "proposed", strtoll(job.subject, NULL, 10) != style);
	return result < 0 ? result : tx_complete_job(tx, job_id, 0);
}
