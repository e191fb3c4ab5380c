/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#include "check.h"
#include "fixture.h"
#include "store.h"

/* Book, alone and shared: what it excludes, who waits for whom, and that a reader who died is no
 * reader. */

static struct fixture fixture;
static struct locks *locks, *other; /* of two processes, as far as the table can tell */

static struct lock_holder holder(const char *instance)
{
	struct lock_holder h = {.uid = getuid()};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	return h;
}

/* "shared" is Book, shared. */
static int ask(struct locks *l, const char *instance, const char *name, int64_t descriptor,
	       int64_t *waiter)
{
	const struct lock_holder h = holder(instance);
	bool shared = !strcmp(name, "shared");
	const char *one = shared ? "Book" : name;
	const struct lock_claim c = {.resources = &one,
				     .count = 1,
				     .holder = &h,
				     .shared = shared,
				     .descriptor = descriptor};
	struct lock_refusal no = {0};
	int result = waiter ? locks_wait(waiter, l, &c, &no) : locks_acquire(l, &c, &no);
	CHECK(result >= 0 || no.err.msg[0]);
	return result;
}

static int take(const char *instance, const char *name)
{
	return ask(locks, instance, name, 0, NULL);
}

static int give_back(const char *instance)
{
	const struct lock_holder h = holder(instance);
	return locks_release(locks, &h, NULL, 0, NULL);
}

/* May he write there? 1 it is his, 0 nobody's. */
static int over(const char *instance, const char *resource)
{
	const struct lock_holder h = holder(instance);
	struct lock k;
	int result = locks_over(&k, locks, resource);
	return result == -ENOENT ? 0 : result < 0 ? result : lock_is_of(&k, &h) ? 1 : -EBUSY;
}

static bool is_held(const char *name)
{
	struct lock k;
	return locks_get(&k, locks, name) == 0;
}

static void test_alone(void)
{
	CHECK_INT(take("A", "Book"), 0);
	CHECK_INT(take("A", "Book"), 0);
	CHECK_INT(take("B", "Book"), -EBUSY);
	CHECK_INT(take("B", "Chapter_03"), -EBUSY);
	CHECK_INT(take("B", "shared"), -EBUSY);
	CHECK_INT(take("A", "Chapter_03"), 0); /* his own */
	CHECK_INT(over("A", "Chapter_04"), 1);
	CHECK_INT(over("B", "Chapter_04"), -EBUSY);
	CHECK_INT(give_back("A"), 2);
	CHECK_INT(over("B", "Chapter_04"), 0);
	CHECK_INT(take("B", "Chapter_03"), 0);
	CHECK_INT(take("A", "Book"), -EBUSY);
	CHECK_INT(take("B", "Book"), 0);
	CHECK_INT(give_back("B"), 2);
}

static void test_shared(void)
{
	const struct lock_holder a = holder("A");
	const char *book = "Book", *three = "Chapter_03";
	CHECK_INT(take("W", "Chapter_03"), 0);
	CHECK_INT(take("A", "shared"), -EBUSY);
	CHECK_INT(give_back("W"), 1);
	CHECK_INT(take("A", "shared"), 0);
	CHECK_INT(take("A", "shared"), 0); /* the same one */
	CHECK_INT(take("B", "shared"), 0);
	CHECK(is_held("Book.1") && is_held("Book.2") && !is_held("Book.3") && !is_held("Book"));
	CHECK_INT(take("W", "Chapter_03"), -EBUSY);
	CHECK_INT(take("W", "Book"), -EBUSY);
	CHECK_INT(take("A", "Chapter_03"), -EBUSY); /* B reads */
	CHECK_INT(over("W", "Chapter_03"), -EBUSY);
	CHECK_INT(over("A", "Chapter_03"), -EBUSY);
	CHECK_INT(over("B", "Chapter_03"), -EBUSY);
	CHECK_INT(locks_release(locks, &a, &book, 1, NULL), 1);
	CHECK(!is_held("Book.1") && is_held("Book.2"));
	CHECK_INT(over("A", "Chapter_03"), -EBUSY);
	CHECK_INT(over("B", "Chapter_03"), 1); /* who alone reads it disturbs nobody */
	CHECK_INT(take("B", "Chapter_03"), 0);
	CHECK_INT(over("B", "Chapter_03"), 1);
	CHECK_INT(take("A", "shared"), -EBUSY);
	CHECK_INT(give_back("B"), 2);
	/* A share is had by sharing, and only the book is shared. */
	CHECK_INT(take("A", "Book.1"), -EINVAL);
	CHECK_INT(locks_acquire(
			  locks,
			  &(struct lock_claim){
				  .resources = &three, .count = 1, .holder = &a, .shared = true},
			  NULL),
		  -EINVAL);
	CHECK(!lock_resource_valid("Book.0", 0) && !lock_resource_valid("Book.65", 0));
	CHECK(!lock_resource_valid("Book.01", 0) && !lock_resource_valid("Book.", 0));
	CHECK(lock_resource_valid("Book.64", 0) && lock_resource_valid("Book", 0));
}

static void test_descriptors(void)
{
	CHECK_INT(ask(locks, "A", "shared", 1, NULL), 0);
	CHECK_INT(ask(locks, "A", "shared", 2, NULL), 0);
	CHECK_INT(ask(other, "B", "shared", 1, NULL), 0);
	CHECK(is_held("Book.3"));
	CHECK_INT(ask(other, "B", "Chapter_01", 2, NULL), -EBUSY);
	CHECK_INT(locks_release_descriptor(locks, 1), 0);
	CHECK_INT(locks_release_descriptor(locks, 2), 0);
	CHECK_INT(locks_release_descriptor(locks, 2), -ENOENT);
	CHECK_INT(take("W", "Chapter_01"), -EBUSY);
	CHECK_INT(locks_release_descriptor(other, 1), 0);
	CHECK_INT(take("W", "Chapter_01"), 0);
	CHECK_INT(give_back("W"), 1);
}

static int next(struct locks *l)
{
	int64_t waiter;
	return locks_wait_next(&waiter, l);
}

/* Who holds nothing does not come between the book and who waits for it; who holds something goes
 * on. */
static void test_queue(void)
{
	int64_t snapshot, writer, more;
	CHECK_INT(take("W", "Chapter_01"), 0);
	CHECK_INT(ask(other, "R", "shared", 1, &snapshot), 0);
	CHECK_INT(take("X", "Chapter_02"), -EBUSY);
	CHECK_INT(ask(locks, "X", "Chapter_02", 0, &writer), 0);
	CHECK_INT(take("W", "Chapter_03"), 0);
	CHECK_INT(next(other), 0);
	CHECK_INT(give_back("W"), 2);
	CHECK_INT(next(other), 1);
	CHECK_INT(next(locks), 0);
	CHECK_INT(ask(other, "S", "shared", 2, &more), 0); /* behind X, who waits */
	CHECK_INT(locks_release_descriptor(other, 1), 0);
	CHECK_INT(next(locks), 1);
	CHECK_INT(next(other), 0);
	CHECK_INT(give_back("X"), 1);
	CHECK_INT(next(other), 1);
	CHECK_INT(locks_release_descriptor(other, 2), 0);
}

/* Two who wait to read get it together; one who gives up lets those behind him. */
static void test_many(void)
{
	int64_t one, two, alone, writer;
	CHECK_INT(take("W", "Book"), 0);
	CHECK_INT(ask(other, "R", "shared", 1, &one), 0);
	CHECK_INT(ask(other, "S", "shared", 2, &two), 0);
	CHECK_INT(ask(other, "T", "Book", 3, &alone), 0);
	CHECK_INT(ask(locks, "X", "StyleSystem", 0, &writer), 0);
	CHECK_INT(give_back("W"), 1);
	CHECK_INT(next(other), 1);
	CHECK_INT(next(other), 1);
	CHECK_INT(next(other), 0);
	CHECK_INT(locks_release_descriptor(other, 1), 0);
	CHECK_INT(locks_wait_cancel(other, alone), 0);
	CHECK_INT(next(locks), 0);
	CHECK_INT(locks_release_descriptor(other, 2), 0);
	CHECK_INT(next(locks), 1);
	CHECK_INT(give_back("X"), 1);
}

static void test_circle(void)
{
	int64_t book, chapter;
	CHECK_INT(take("A", "Chapter_01"), 0);
	CHECK_INT(take("B", "Chapter_02"), 0);
	CHECK_INT(ask(locks, "A", "Book", 0, &book), 0);
	CHECK_INT(ask(locks, "B", "shared", 0, &chapter), -EDEADLK);
	CHECK_INT(ask(locks, "B", "Chapter_01", 0, &chapter), -EDEADLK);
	CHECK_INT(ask(locks, "B", "Chapter_03", 0, &chapter), 1); /* no circle: he goes on */
	CHECK_INT(give_back("B"), 2);
	CHECK_INT(next(locks), 1);
	CHECK_INT(give_back("A"), 2);
}

static void test_dead(void)
{
	const char *book = "Book";
	struct lock_holder dead = holder("Dead");
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_INT(process_find(&dead.anchor, pid), 0);
	CHECK_INT(locks_acquire(
			  locks,
			  &(struct lock_claim){
				  .resources = &book, .count = 1, .holder = &dead, .shared = true},
			  NULL),
		  0);
	CHECK_INT(over("W", "Chapter_01"), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(over("W", "Chapter_01"), 0);
	CHECK_INT(take("W", "Chapter_01"), 0);
	CHECK_INT(give_back("W"), 1);
}

static void test_most(void)
{
	char name[32];
	for (int i = 1; i <= 64; i++)
		CHECK_INT(ask(locks, "A", "shared", i, NULL), 0);
	CHECK_INT(ask(locks, "A", "shared", 65, NULL), -EBUSY);
	for (int i = 1; i <= 64; i++) {
		snprintf(name, sizeof(name), "Book.%d", i);
		CHECK(is_held(name));
		CHECK_INT(locks_release_descriptor(locks, i), 0);
	}
}

/* A write that is under way is waited for, whatever part of the book it is to. */
static void test_guard(void)
{
	CHECK_INT(locks_guard(other, "Chapter_05"), 0);
	CHECK_INT(take("A", "Chapter_06"), 0);
	CHECK_INT(take("A", "shared"), -EBUSY);
	CHECK_INT(take("A", "Book"), -EBUSY);
	locks_unguard(other, "Chapter_05");
	CHECK_INT(take("A", "shared"), 0);
	CHECK_INT(give_back("A"), 2);
}

/* ---- what happens without the table */

static int note_detail(void *arg, const struct lock_event *e)
{
	if (e->type == LOCK_EVENT_CHANGED_BEHIND && !strcmp(e->detail, "a/b?c.md"))
		(*(int *)arg)++;
	return 0;
}

static void test_behind(void)
{
	struct lock k;
	int count = 0;
	CHECK_INT(locks_note_behind(locks, "Chapter_03", "a/b"), 0); /* nobody's */
	CHECK_INT(take("A", "Chapter_03"), 0);
	CHECK_INT(take("B", "Chapter_04"), 0);
	CHECK_INT(locks_note_behind(other, "Chapter_03", "a/b\nc.md"), 1);
	CHECK_INT(locks_get(&k, locks, "Chapter_03"), 0);
	CHECK_STR(k.behind, "a/b?c.md");
	CHECK(k.behind_unix_ms >= k.acquired_unix_ms);
	CHECK_INT(take("A", "Chapter_03"), 0);
	CHECK_INT(locks_get(&k, other, "Chapter_03"), 0);
	CHECK_STR(k.behind, "a/b?c.md");
	CHECK_INT(locks_get(&k, other, "Chapter_04"), 0);
	CHECK_INT(k.behind_unix_ms, 0);
	CHECK_INT(locks_log(locks, 0, 10000, note_detail, &count), 0);
	CHECK_INT(count, 1);
	CHECK_INT(give_back("A"), 1);
	CHECK_INT(take("A", "Chapter_03"), 0);
	CHECK_INT(locks_get(&k, locks, "Chapter_03"), 0);
	CHECK_INT(k.behind_unix_ms, 0);
	CHECK_INT(give_back("A"), 1);
	CHECK_INT(give_back("B"), 1);
	CHECK_INT(take("A", "shared"), 0);
	CHECK_INT(take("B", "shared"), 0);
	CHECK_INT(locks_note_behind(locks, "Chapter_03", "a"), 2); /* who reads is told, too */
	CHECK_INT(give_back("A"), 1);
	CHECK_INT(give_back("B"), 1);
}

struct noted {
	char ids[256];
};

static void note_taker(void *arg, const char *instance)
{
	struct noted *n = arg;
	size_t len = strlen(n->ids);
	snprintf(n->ids + len, sizeof(n->ids) - len, "%s%s", len ? " " : "",
		 instance[0] ? instance : "?");
}

static struct noted takers(int64_t *seq, const char *resource)
{
	struct noted n = {0};
	struct lock k;
	int result = locks_over(&k, locks, resource);
	CHECK(result == 0 || result == -ENOENT);
	CHECK_INT(locks_takers(seq, locks, resource, result == 0 ? k.token : 0, note_taker, &n), 0);
	return n;
}

static void take_a_while(const char *instance, const char *name)
{
	const struct lock_holder h = holder(instance);
	CHECK_INT(ask(other, instance, name, 0, NULL), 0);
	CHECK_INT(locks_release(other, &h, NULL, 0, NULL), 1);
}

/* An old event goes as it does when there are too many. */
static void forget(int64_t seq)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s-locks", fixture.store_path);
	CLEANUP(cleanup_free)
	char *sql = xasprintf("DELETE FROM event WHERE seq <= %lld", (long long)seq);
	sqlite3 *db;
	CHECK_INT(sqlite3_open(path, &db), 0);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), 0);
	sqlite3_close(db);
}

static void test_takers(void)
{
	const struct lock_holder a = holder("A"), b = holder("B");
	int64_t three = 0, book = 0;
	take_a_while("X", "Chapter_03");
	CHECK_STR(takers(&three, "Chapter_03").ids, ""); /* from now on */
	CHECK_STR(takers(&book, "Book").ids, "");
	take_a_while("A", "Chapter_03");
	take_a_while("B", "Chapter_04");
	CHECK_STR(takers(&three, "Chapter_03").ids, "A");
	CHECK_STR(takers(&three, "Chapter_03").ids, "");
	CHECK_STR(takers(&book, "Book").ids, "A B");
	take_a_while("A", "Book");
	take_a_while("B", "shared");
	CHECK_STR(takers(&three, "Chapter_03").ids, "A B");
	/* What is held is told by that; before it was another's, or is after. */
	take_a_while("B", "Chapter_03");
	CHECK_INT(take("A", "Chapter_03"), 0);
	CHECK_INT(take("A", "Chapter_03"), 0);
	CHECK_STR(takers(&three, "Chapter_03").ids, "B");
	CHECK_INT(locks_transfer(other, &a, "Chapter_03", &b, NULL), 0);
	CHECK_STR(takers(&three, "Chapter_03").ids, "");
	CHECK_INT(locks_transfer(other, &b, "Chapter_03", &a, NULL), 0);
	CHECK_INT(give_back("A"), 1);
	CHECK_STR(takers(&three, "Chapter_03").ids, "A");
	/* Nobody knows any more. */
	take_a_while("A", "Chapter_04");
	forget(three - 1);
	CHECK_STR(takers(&three, "Chapter_03").ids, "");
	take_a_while("A", "Chapter_04");
	forget(three);
	CHECK_STR(takers(&three, "Chapter_03").ids, "?");
	CHECK_STR(takers(&three, "Chapter_03").ids, "");
}

static int take_in(struct locks *l, const char *instance, const char *name, const char *entry)
{
	const struct lock_holder h = holder(instance);
	return locks_take_in(l, &(struct lock_claim){.resources = &name, .count = 1, .holder = &h},
			     entry);
}

static void test_taken_in(void)
{
	CHECK_INT(take_in(locks, "A", "Chapter_03", "three"), 1);
	CHECK_INT(take_in(locks, "B", "Chapter_03", "other"), -EBUSY);
	CHECK(is_held("Chapter_03"));
	CHECK_INT(give_back("A"), 1);
	CHECK_INT(take_in(other, "A", "Chapter_03", "three"), 0);
	CHECK_INT(take_in(other, "B", "Chapter_03", "other"), 0);
	CHECK(!is_held("Chapter_03"));
	CHECK_INT(take_in(other, "B", "Chapter_03", "again"), 1);
	CHECK_INT(give_back("B"), 1);
}

/* A table of an earlier version, with a lock in it. */
static void test_upgrade(void)
{
	CLEANUP(cleanup_free) char *path = xasprintf("%s-locks", fixture.store_path);
	struct err err = {0};
	struct lock k;
	sqlite3 *db;
	CHECK_INT(take("A", "Chapter_03"), 0);
	other = locks_close(other);
	locks = locks_close(locks);
	CHECK_INT(sqlite3_open(path, &db), 0);
	CHECK_INT(sqlite3_exec(db,
			       "ALTER TABLE lock DROP COLUMN behind_ms;"
			       "ALTER TABLE lock DROP COLUMN behind;"
			       "DROP TABLE taken_in; PRAGMA user_version = 1",
			       NULL, NULL, NULL),
		  0);
	sqlite3_close(db);
	CHECK_INT(locks_open(&locks, NULL, fixture.store_path, &err), 0);
	CHECK_INT(locks_open(&other, NULL, fixture.store_path, &err), 0);
	CHECK_INT(locks_get(&k, locks, "Chapter_03"), 0);
	CHECK_STR(k.behind, "");
	CHECK_INT(take_in(other, "A", "Chapter_04", "three"), 1);
	CHECK_INT(give_back("A"), 2);
}

int main(void)
{
	struct err err = {0};
	fixture_init(&fixture);
	CHECK_INT(locks_open(&locks, NULL, fixture.store_path, &err), 0);
	CHECK_INT(locks_open(&other, NULL, fixture.store_path, &err), 0);
	test_alone();
	test_shared();
	test_descriptors();
	test_queue();
	test_many();
	test_circle();
	test_dead();
	test_most();
	test_guard();
	test_behind();
	test_takers();
	test_taken_in();
	test_upgrade();
	locks_close(other);
	locks_close(locks);
	fixture_finish(&fixture);
	return check_result();
}
