/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "check.h"
#include "fixture.h"
#include "trim.h"

/* The diary of a store does not grow for ever, and whoever reads in it has nothing to fear. */

struct batch {
	int count;
	int64_t time_unix_ms;
};

static int put_events(struct store_tx *tx, void *arg, struct err *err)
{
	const struct batch *b = arg;
	int result = 0;
	for (int i = 0; i < b->count && result == 0; i++)
		result = tx_event(tx, &(struct store_event){.type = EVENT_QUEUED,
							    .time_unix_ms = b->time_unix_ms});
	return result;
}

static void add_events(struct store *s, int count, int64_t age_ms)
{
	struct err err = {0};
	struct batch b = {count, clock_unix_ms() - age_ms};
	CHECK_INT(store_write_wait(s, put_events, &b, &err), 0);
}

struct seen {
	int count;
	int64_t first, second, last;
};

static int see(void *arg, const struct store_event *e)
{
	struct seen *seen = arg;
	seen->count++;
	seen->last = e->seq;
	if (!seen->first)
		seen->first = e->seq;
	else if (!seen->second)
		seen->second = e->seq;
	return 0;
}

static struct seen look(struct store *s, int64_t after)
{
	struct seen seen = {0};
	CHECK_INT(store_events(store_reader(s), after, 1000000, see, &seen), 0);
	return seen;
}

static struct store *opened(const struct fixture *f)
{
	struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	return s;
}

static void check_kept(struct store *s, int count, int64_t newest)
{
	int64_t seq = 0;
	struct seen all = look(s, 0);
	CHECK_INT(all.count, count);
	CHECK_INT(all.first, 1); /* when it began */
	CHECK_INT(all.last, newest);
	CHECK_INT(store_seq(&seq, store_reader(s)), 0);
	CHECK_INT(seq, newest);
}

static void test_old_ones_go(struct fixture *f)
{
	struct store *s = opened(f);
	add_events(s, TRIM_KEPT + 500, TRIM_AGE_MS + 60000);
	store_close(s);
	s = opened(f);
	check_kept(s, TRIM_KEPT + 1, TRIM_KEPT + 500);
	/* Who comes with an old number gets the next that there is, in order, and none twice. */
	struct seen later = look(s, 7);
	CHECK_INT(later.first, 501);
	CHECK_INT(later.count, TRIM_KEPT);
	CHECK_INT(later.last, TRIM_KEPT + 500);
	add_events(s, 1, 0);
	CHECK_INT(look(s, TRIM_KEPT + 500).first, TRIM_KEPT + 501); /* no number is used twice */
	CHECK_INT(check_store(s), 0);
	store_close(s);
}

static void test_young_ones_stay(struct fixture *f)
{
	struct store *s = opened(f);
	add_events(s, TRIM_KEPT + 500, TRIM_AGE_MS - 60000);
	store_close(s);
	s = opened(f);
	check_kept(s, TRIM_KEPT + 500, TRIM_KEPT + 500);
	store_close(s);
}

static void test_many_go(struct fixture *f)
{
	struct store *s = opened(f);
	add_events(s, TRIM_MOST + 500, 0);
	store_close(s);
	s = opened(f);
	check_kept(s, TRIM_MOST + 1, TRIM_MOST + 500);
	store_close(s);
}

/* Not under somebody who reads: he would miss what he has not read yet. */
static void test_not_while_others_read(struct fixture *f)
{
	struct store *s = opened(f), *other = opened(f);
	add_events(s, TRIM_KEPT + 500, TRIM_AGE_MS + 60000);
	store_close(s);
	check_kept(other, TRIM_KEPT + 500, TRIM_KEPT + 500);
	store_close(other);
	s = opened(f);
	check_kept(s, TRIM_KEPT + 1, TRIM_KEPT + 500);
	store_close(s);
}

int main(void)
{
	static void (*const tests[])(struct fixture * f) = {
		test_old_ones_go,
		test_young_ones_stay,
		test_many_go,
		test_not_while_others_read,
	};
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		struct fixture f;
		fixture_init(&f);
		tests[i](&f);
		fixture_finish(&f);
	}
	return check_result();
}
