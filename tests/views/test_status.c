/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <string.h>

#include <cjson/cJSON.h>

/* status.json: what was spent, how fast it goes, and what is waited for. */

static cJSON *status(struct bench *b)
{
	CLEANUP(buf_finish) struct buf out = {0};
	CHECK_INT(view_status(&out, b->views), 0);
	return cJSON_Parse(buf_str(&out));
}

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static int do_spend(struct store_tx *tx, void *arg, struct err *err)
{
	const struct store_usage u = {
		.requests = 2, .tokens_in = 1000, .tokens_out = 50, .cost_micro = 12500};
	return tx_job_spent(tx, *(int64_t *)arg, &u);
}

static void check_usage(const cJSON *json, int times)
{
	CHECK(number(json, "requests") == 2 * times);
	CHECK(number(json, "tokensIn") == 1000 * times);
	CHECK(number(json, "tokensOut") == 50 * times);
	CHECK(number(json, "cost") > 0.01249 * times && number(json, "cost") < 0.01251 * times);
}

static void test_spent(void)
{
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	cJSON *j = status(&b);
	CHECK(number(get(j, "totals"), "cost") == 0);
	cJSON_Delete(j);
	wish(b.store, 2, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	CHECK_INT(store_write_wait(b.store, do_spend, &job.id, NULL), 0);
	CHECK_INT(finish_analysis(b.store, job.id, 2, "a cold lamp"), 0);
	store_job_finish(&job);
	CHECK_INT(claim_for(&job, b.store, JOB_ILLUSTRATE, builtin_info.image_profile), 1);
	CHECK_INT(store_write_wait(b.store, do_spend, &job.id, NULL), 0);
	CHECK_INT(finish_picture(b.store, job.id, "PICTURE", 7), 0);
	store_job_finish(&job);
	j = status(&b);
	check_usage(cJSON_GetArrayItem(get(j, "chapters"), 1), 1);
	check_usage(cJSON_GetArrayItem(get(j, "images"), 0), 1);
	check_usage(get(j, "totals"), 2);
	CHECK(number(cJSON_GetArrayItem(get(j, "chapters"), 2), "cost") == 0);
	cJSON_Delete(j);
	CLEANUP(cleanup_free) char *one = text(&b, "chapters/2/status.json");
	j = cJSON_Parse(one);
	check_usage(j, 1);
	cJSON_Delete(j);
	bench_close(&b);
}

struct ended {
	enum store_event_type type;
	int64_t at_unix_ms;
};

static int do_event(struct store_tx *tx, void *arg, struct err *err)
{
	const struct ended *e = arg;
	return tx_event(tx, &(struct store_event){
				    .type = e->type, .time_unix_ms = e->at_unix_ms, .chapter = 2});
}

static void ended(struct bench *b, enum store_event_type type, int64_t at_unix_ms)
{
	struct ended e = {type, at_unix_ms};
	CHECK_INT(store_write_wait(b->store, do_event, &e, NULL), 0);
}

/* Three ends in a minute are two pauses of half a minute; who rested for an hour began anew. */
static void test_pace(void)
{
	const int64_t now = clock_unix_ms();
	struct bench b;
	struct store_job job = {0};
	bench_open(&b, 5);
	cJSON *j = status(&b);
	CHECK(cJSON_IsNull(get(get(j, "pace"), "chaptersPerMinute")));
	CHECK(cJSON_IsNull(get(get(j, "pace"), "eta")));
	cJSON_Delete(j);
	wish(b.store, 3, true, false);
	wish(b.store, 4, true, false);
	CHECK_INT(claim(&job, b.store, JOB_ANALYZE), 1);
	store_job_finish(&job);
	ended(&b, EVENT_CONCEPTS_READY, now - 3700000);
	ended(&b, EVENT_IMAGE_COMPLETE, now - 70000);
	ended(&b, EVENT_CONCEPTS_READY, now - 60000);
	ended(&b, EVENT_CONCEPTS_READY, now - 30000);
	ended(&b, EVENT_CONCEPTS_READY, now);
	j = status(&b);
	CHECK(number(get(j, "pace"), "chaptersPerMinute") == 2);
	CHECK(cJSON_IsNull(get(get(j, "pace"), "imagesPerMinute")));
	char eta[ISO_TIME_BYTES];
	clock_iso(eta, now + 60000); /* two are open */
	CHECK_STR(cJSON_GetStringValue(get(get(j, "pace"), "eta")), eta);
	cJSON_Delete(j);
	bench_close(&b);
}

static int do_told(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_server_told(tx, "https://api.example.org", JOB_ILLUSTRATE,
			      clock_boot_ms() + *(int64_t *)arg);
}

static int do_rest(struct store_tx *tx, void *arg, struct err *err)
{
	int r = tx_adopt(tx, &(struct worker){.kind = JOB_ANALYZE, .profile = "builtin"});
	if (r == 0)
		r = tx_rest(tx, JOB_ANALYZE, "the budget is spent: max_requests=50");
	return r < 0 ? r : tx_event(tx, &(struct store_event){.type = EVENT_BUDGET_SPENT});
}

static void test_waiting(void)
{
	int64_t wait_ms = 90000, no_more_ms = 90300, seq, later;
	struct bench b;
	bench_open(&b, 5);
	CHECK_INT(store_write_wait(b.store, do_told, &wait_ms, NULL), 0);
	cJSON *j = status(&b);
	CHECK_INT(cJSON_GetArraySize(get(j, "waiting")), 1);
	const cJSON *w = cJSON_GetArrayItem(get(j, "waiting"), 0);
	CHECK_STR(cJSON_GetStringValue(get(w, "reason")),
		  "https://api.example.org asked to be left alone, with pictures");
	CHECK(cJSON_IsString(get(w, "until")));
	cJSON_Delete(j);
	CHECK_INT(store_seq(&seq, store_reader(b.store)), 0);
	CHECK_INT(store_write_wait(b.store, do_told, &no_more_ms, NULL), 0);
	CHECK_INT(store_seq(&later, store_reader(b.store)), 0);
	CHECK_INT(later, seq); /* nearly the same is no news */
	CHECK_INT(store_write_wait(b.store, do_rest, NULL, NULL), 0);
	j = status(&b);
	CHECK_INT(cJSON_GetArraySize(get(j, "waiting")), 2);
	w = cJSON_GetArrayItem(get(j, "waiting"), 0);
	CHECK_STR(cJSON_GetStringValue(get(w, "reason")),
		  "analyses wait: the budget is spent: max_requests=50");
	CHECK_STR(cJSON_GetStringValue(get(w, "remedy")), "echo budget +50 > .bookfs/ctl goes on");
	cJSON_Delete(j);
	bench_close(&b);
}

int main(void)
{
	log_open(LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	test_spent();
	test_pace();
	test_waiting();
	return check_result();
}
