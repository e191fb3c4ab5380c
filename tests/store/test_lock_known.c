/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "fixture.h"
#include "lock_table.h"

/* What is remembered of the table is true (lock_known.c): also if another process commits between
 * our own commit and the look at the moment of it. Here it does so always. Argument `faulty`: the
 * table is one whose memory is not, and that must be seen. */

static struct fixture fixture;
static struct locks *ours, *theirs;
static struct lock_holder us = {.instance = "Us"}, them = {.instance = "Them"};

static int take(struct locks *l, const struct lock_holder *h, const char *name)
{
	return locks_acquire(l, &(struct lock_claim){.resources = &name, .count = 1, .holder = h},
			     NULL);
}

/* When our transaction is over, and nothing was read since. */
static int on_end(unsigned type, void *arg, void *statement, void *took)
{
	const char **name = arg;
	if (*name && !strcmp(sqlite3_sql(statement), "COMMIT")) {
		const char *taken = *name;
		*name = NULL;
		CHECK_INT(take(theirs, &them, taken), 0);
	}
	return 0;
}

/* Do we see what they took just after our commit? Ours writes, or is a refusal that writes nothing.
 */
static bool sees(const char *wanted, int result, const char *behind)
{
	struct lock k;
	const char *name = behind;
	sqlite3_trace_v2(ours->conn.db, SQLITE_TRACE_PROFILE, on_end, &name);
	CHECK_INT(take(ours, &us, wanted), result);
	sqlite3_trace_v2(ours->conn.db, 0, NULL, NULL);
	CHECK(name == NULL);
	return locks_get(&k, ours, behind) == 0 && lock_is_of(&k, &them);
}

int main(int argc, char **argv)
{
	bool faulty = argc == 2 && !strcmp(argv[1], "faulty");
	struct err err = {0};
	fixture_init(&fixture);
	us.uid = them.uid = getuid();
	CHECK_INT(locks_open(&ours, NULL, fixture.store_path, &err), 0);
	CHECK_INT(locks_open(&theirs, NULL, fixture.store_path, &err), 0);
	CHECK_INT(take(theirs, &them, "Chapter_01"), 0);
	CHECK(sees("Chapter_02", 0, "Chapter_03"));
	CHECK(sees("Chapter_01", -EBUSY, "Chapter_04") != faulty);
	locks_close(theirs);
	locks_close(ours);
	fixture_finish(&fixture);
	return check_result();
}
