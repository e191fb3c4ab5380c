/* SPDX-License-Identifier: MIT */
#include <sys/wait.h>

#include "check.h"
#include "lock_rig.h"
#include "setclock.h"

/* What one process sees of the lock table; the clock is the test's. Holders live as long as a
 * process that this one makes and kills. */

static int take_for(struct locks *l, const struct lock_holder *h, const char *name, int ttl_s)
{
	return locks_acquire(
		l,
		&(struct lock_claim){.resources = &name, .count = 1, .holder = h, .ttl_s = ttl_s},
		NULL);
}

static int flock_it(struct locks *l, const struct lock_holder *h, const char *name, int64_t id)
{
	struct lock_claim c = {.resources = &name,
			       .count = 1,
			       .holder = h,
			       .descriptor = id,
			       .descriptor_pid = getpid()};
	return locks_acquire(l, &c, NULL);
}

/* ---- names */

static void check_nearest(const char *name, const char *want)
{
	char got[LOCK_RESOURCE_BYTES] = "";
	lock_resource_nearest(got, name, 12);
	CHECK_STR(got, want);
}

static void test_names(void)
{
	static const char *const wrong[] = {
		"Chapter_3", "Chapter_00",  "Chapter_003", "Chapter_100", "chapter_03",
		"",	     "Chapter_03x", "Chapter_-1",  "Chapter_",	  "FrontMatters"};
	char name[LOCK_RESOURCE_BYTES];
	CHECK(lock_resource_valid("Chapter_03", 12));
	CHECK(lock_resource_valid("Chapter_99", 12)); /* somebody is adding it */
	CHECK(lock_resource_valid("Chapter_100", 100));
	CHECK(lock_resource_valid("ProjectConfig", 0));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		CHECK(!lock_resource_valid(wrong[i], 12));
	int count = 0;
	for (; lock_resource_name(name, count, 120); count++)
		CHECK(lock_resource_valid(name, 120));
	CHECK_INT(count, 127);
	check_nearest("Chapter_3", "Chapter_03");
	check_nearest("chapter-03", "Chapter_03");
	check_nearest("ch 7", "Chapter_07");
	check_nearest("12", "Chapter_12");
	check_nearest("frontmatter", "FrontMatter");
	check_nearest("Back_Mater", "BackMatter");
	check_nearest("style", "StyleSystem");
	check_nearest("ImageRegister", "ImageRegistry");
	check_nearest("Chapter_4711", "");
	check_nearest("xyzzy", "");
	check_nearest("", "");
	CHECK(lock_instance_valid("CLI-12345") && !lock_instance_valid("a b") &&
	      !lock_instance_valid("") && !lock_instance_valid("a/b"));
	CHECK(lock_reason_valid("Prompt 3: \xc3\xa9") && !lock_reason_valid("two\nlines") &&
	      !lock_reason_valid("\xff"));
}

/* ---- holding */

static void test_exclusion(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	pid_t a_pid = start_agent(), b_pid = start_agent();
	struct lock_holder a = holder("CLI-1", a_pid), b = holder("Desktop-2", b_pid);
	struct lock_refusal no = {0};
	const char *name = "Chapter_03";

	CHECK_INT(take(l, &a, "Chapter_03"), 0);
	CHECK_INT(take(l, &b, "Chapter_04"), 0);
	CHECK_INT(locks_acquire(l,
				&(struct lock_claim){.resources = &name, .count = 1, .holder = &b},
				&no),
		  -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_HELD);
	CHECK_STR(no.lock.holder.instance, "CLI-1");
	CHECK_STR(no.err.msg, "Chapter_03 is held by CLI-1");
	int64_t token = token_of(l, name);
	CHECK(token >= LOCK_FIRST_TOKEN);
	CHECK_INT(take(l, &a, "Chapter_03"), 0); /* mine: renewed, the same lock */
	CHECK_INT(token_of(l, name), token);
	CHECK_INT(locks_acquire(l,
				&(struct lock_claim){
					.resources = &name, .count = 1, .holder = &a, .make = true},
				&no),
		  -EEXIST);
	CHECK_INT(no.why, LOCK_REFUSED_MINE);
	CHECK_INT(locks_remove(l, &b, name, &no), -EBUSY);
	CHECK_INT(locks_remove(l, &a, name, NULL), 0);
	CHECK_INT(locks_remove(l, &a, name, &no), -ENOENT);
	CHECK_INT(no.why, LOCK_REFUSED_FREE);
	CHECK_INT(take(l, &b, name), 0);
	CHECK(token_of(l, name) > token);
	CHECK_INT(locks_fence(l, name, token), -ESTALE);
	CHECK_INT(locks_fence(l, name, token_of(l, name)), 0);
	CHECK_INT(take(l, &a, "Chapter_3"), -EINVAL);
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 2);
	end_agent(a_pid);
	end_agent(b_pid);
}

static void test_sets(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid()), b = holder("CLI-2", 0);
	CHECK_INT(take(l, &b, "StyleSystem"), 0);
	CHECK_INT(take(l, &a, "Chapter_01+StyleSystem+Chapter_02"), -EBUSY);
	CHECK_STR(owner_of(l, "Chapter_01"), "");
	CHECK_STR(owner_of(l, "Chapter_02"), "");
	CHECK_INT(take(l, &a, "Chapter_01+Chapter_02+Chapter_01"), 0);
	const char *mixed[] = {"Chapter_01", "StyleSystem"};
	CHECK_INT(locks_release(l, &a, mixed, 2, NULL), -EBUSY);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-1"); /* nothing was released */
	CHECK_INT(locks_renew(l, &a, NULL, 0, 60, "again", NULL), 2);
	struct lock k;
	CHECK_INT(locks_get(&k, l, "Chapter_02"), 0);
	CHECK_INT(k.ttl_s, 60);
	CHECK_STR(k.reason, "again");

	/* locks.json: some taken, some given back, at once. */
	const char *more[] = {"Chapter_05", "BackMatter"}, *less[] = {"Chapter_01", "StyleSystem"};
	struct lock_claim c = {.resources = more, .count = 2, .holder = &a};
	CHECK_INT(locks_exchange(l, &c, &a, less, 2, NULL), -EBUSY);
	CHECK_STR(owner_of(l, "Chapter_05"), "");
	CHECK_INT(locks_exchange(l, &c, &a, less, 1, NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_05"), "CLI-1");
	CHECK_STR(owner_of(l, "Chapter_01"), "");
	CHECK_INT(locks_exchange(l, NULL, &a, more, 2, NULL), 0);
	CHECK_STR(owner_of(l, "BackMatter"), "");
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 1);
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 1);
}

/* locks.md's table: anchor against idle time. */
static void test_death(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	pid_t agent = start_agent();
	struct lock_holder a = holder("CLI-1", agent), other = holder("CLI-2", getpid()),
			   lease = holder("Unseen", 0);
	struct lock_refusal no = {0};
	struct lock k;

	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take(l, &lease, "Chapter_02"), 0);
	clock_pass(LOCK_TTL_S * 1000 - 60000);
	CHECK_INT(take(l, &other, "Chapter_01"), -EBUSY);
	CHECK_INT(take(l, &other, "Chapter_02"), -EBUSY);
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), -EBUSY);
	clock_pass(61000);

	CHECK_INT(locks_get(&k, l, "Chapter_01"), 0);
	CHECK_INT(k.state, LOCK_STATE_STALE);
	const char *name = "Chapter_01";
	struct lock_claim c = {.resources = &name, .count = 1, .holder = &other};
	CHECK_INT(locks_acquire(l, &c, &no), -EBUSY); /* stale still excludes */
	CHECK_INT(no.why, LOCK_REFUSED_STALE);
	CHECK_INT(take(l, &other, "Chapter_02"), 0); /* an unknown one goes at the conflict */
	CHECK_INT(take(l, &a, "Chapter_01"), 0);     /* the holder is back */
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), -EBUSY);
	clock_pass(LOCK_TTL_S * 1000);
	int64_t token = token_of(l, "Chapter_01");
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), 0); /* override by rm */
	CHECK_INT(locks_fence(l, "Chapter_01", token), -ESTALE);
	CHECK_INT(locks_used(l, "Chapter_01", token), -ESTALE);

	CHECK_INT(take(l, &lease, "Chapter_03"), 0);
	clock_pass(LOCK_TTL_S * 1000);
	CHECK_INT(locks_remove(l, &other, "Chapter_03", NULL), 0); /* and by rm it is overridden */

	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	end_agent(agent); /* now a dead one's: gone at once, however young */
	CHECK_INT(take(l, &other, "Chapter_01"), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-2");
	CHECK_INT(locks_release(l, &other, NULL, 0, NULL), 2);

	agent = start_agent();
	a = holder("CLI-1", agent);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	end_agent(agent);
	CHECK_STR(owner_of(l, "Chapter_01"), ""); /* nor shown */
}

static void test_sleep(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid()), other = holder("CLI-2", 0);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take_for(l, &a, "Chapter_02", 5), 0);
	clock_sleep(8 * 3600 * 1000); /* over night */
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), -EBUSY);
	clock_pass(6000);
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), -EBUSY);
	CHECK_INT(locks_remove(l, &other, "Chapter_02", NULL), 0); /* its ttl is its grace */
	clock_pass(55000);
	CHECK_INT(locks_remove(l, &other, "Chapter_01", NULL), 0);
}

static void test_use(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid());
	struct lock k;
	int64_t before, after;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	int64_t token = token_of(l, "Chapter_01");
	CHECK_INT(locks_seq(&before, l), 0);
	CHECK_INT(locks_used(l, "Chapter_01", token), 0); /* too soon to be worth a commit */
	CHECK_INT(locks_seq(&after, l), 0);
	CHECK_INT(after, before);
	clock_pass(600000);
	CHECK_INT(locks_used(l, "Chapter_01", token), 0);
	CHECK_INT(locks_get(&k, l, "Chapter_01"), 0);
	CHECK(k.idle_ms < 5000);
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 1);
}

/* ---- who is who */

static void test_identity(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	pid_t one = start_agent(), two = start_agent();
	struct lock_holder a = holder("CLI-1", one), b = holder("CLI-1", two),
			   unseen = holder("CLI-1", 0), stranger = a, found;
	struct lock_refusal no = {0};
	const char *name = "Chapter_02";
	struct lock_claim c = {.resources = &name, .count = 1, .holder = &b};

	stranger.uid = 1001;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(locks_acquire(l, &c, &no), -EEXIST); /* two live trees, one id */
	CHECK_INT(no.why, LOCK_REFUSED_ID);
	CHECK_INT(no.lock.holder.anchor.pid, one);
	CHECK_INT(take(l, &stranger, "Chapter_02"), -EEXIST);
	CHECK_INT(take(l, &unseen, "Chapter_02"), 0); /* the same id and user: re-attached */
	CHECK_INT(locks_holder_of(&found, l, &a.anchor), 0);
	CHECK_STR(found.instance, "CLI-1");
	CHECK_INT(locks_holder_of(&found, l, &b.anchor), -ENOENT);
	CHECK_INT(locks_holder_named(&found, l, "CLI-1"), 0);
	CHECK_INT(locks_holder_named(&found, l, "CLI-9"), -ENOENT);

	/* A shell that gives itself a name keeps what it had. */
	struct lock_holder sh = holder("sh-4711", two), named = holder("Desktop-5", two);
	CHECK_INT(take(l, &sh, "FrontMatter"), 0);
	name = "FrontMatter";
	c = (struct lock_claim){.resources = &name, .count = 1, .holder = &named, .was = &sh};
	int64_t token = token_of(l, name);
	CHECK_INT(locks_acquire(l, &c, NULL), 0);
	CHECK_STR(owner_of(l, name), "Desktop-5");
	CHECK_INT(token_of(l, name), token);

	end_agent(one);
	CHECK_INT(take(l, &b, "Chapter_01"), 0); /* its first owner is dead */
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 2);
	CHECK_INT(locks_release(l, &named, NULL, 0, NULL), 1);
	end_agent(two);
}

static void test_transfer(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	pid_t agent = start_agent();
	struct lock_holder a = holder("CLI-1", getpid()), b = holder("CLI-2", agent),
			   b_by_name = holder("CLI-2", 0);
	struct lock k;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take(l, &b, "Chapter_02"), 0);
	int64_t token = token_of(l, "Chapter_01");
	CHECK_INT(locks_transfer(l, &a, "Chapter_02", &b_by_name, NULL), -EBUSY);
	CHECK_INT(locks_transfer(l, &a, "Chapter_07", &b_by_name, NULL), -ENOENT);
	CHECK_INT(locks_transfer(l, &a, "Chapter_01", &b_by_name, NULL), 0);
	CHECK_INT(locks_get(&k, l, "Chapter_01"), 0);
	CHECK_STR(k.holder.instance, "CLI-2");
	CHECK_INT(k.holder.anchor.pid, agent); /* as the table knows it */
	CHECK(k.token > token);
	CHECK_INT(locks_fence(l, "Chapter_01", token), -ESTALE);
	end_agent(agent);
	CHECK_STR(owner_of(l, "Chapter_01"), "");
}

/* ---- by force */

static void test_force(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid()), by = holder("Boss", 0);
	struct lock_refusal no = {0};
	int64_t seq;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	int64_t token = token_of(l, "Chapter_01");
	CHECK_INT(locks_break(l, &by, "Chapter_01", token, "", &no), -EINVAL);
	CHECK_INT(locks_break(l, &by, "Chapter_01", token - 1, "hung", &no), -ESTALE);
	CHECK_INT(no.why, LOCK_REFUSED_OLD);
	CHECK_INT(no.lock.token, token);
	CHECK_INT(locks_break(l, &by, "Chapter_01", token, "hung", NULL), 0);
	CHECK_INT(locks_break(l, &by, "Chapter_01", token, "hung", NULL), -ESTALE);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK(token_of(l, "Chapter_01") > token);

	CHECK_INT(take_for(l, &a, "Chapter_02", 10), 0);
	clock_pass(11000);
	CHECK_INT(locks_clear_stale(l, &by, NULL), 1);
	CHECK_INT(held(l), 1);
	CHECK_INT(locks_seq(&seq, l), 0);
	CHECK_INT(take(l, &a, "Chapter_03"), 0);
	CHECK_INT(locks_clear_all(l, &by, seq, &no), -ESTALE); /* not what was seen */
	CHECK_INT(held(l), 2);
	CHECK_INT(locks_seq(&seq, l), 0);
	CHECK_INT(locks_clear_all(l, &by, seq, &no), 2);
	CHECK_INT(held(l), 0);
}

/* A command that ends late gives back its own lock, not the one its agent has by now. */
static void test_token(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid());
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	int64_t token = token_of(l, "Chapter_01");
	CHECK_INT(locks_break(l, &a, "Chapter_01", token, "test", NULL), 0);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(locks_release_token(l, "Chapter_01", token), -ESTALE);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-1");
	CHECK_INT(locks_release_token(l, "Chapter_01", token_of(l, "Chapter_01")), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "");
}

/* ---- descriptors */

static void test_descriptors(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid()), b = holder("CLI-2", 0);
	struct lock_refusal no = {0};
	struct lock k;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(flock_it(l, &a, "Chapter_01", 7), 0); /* passes: the touch lock is mine */
	CHECK_INT(flock_it(l, &a, "Chapter_01", 7), 0); /* again, the same descriptor */
	CHECK_INT(flock_it(l, &a, "Chapter_01", 8), -EBUSY);
	CHECK_INT(flock_it(l, &b, "Chapter_01", 9), -EBUSY);
	CHECK_INT(locks_remove(l, &a, "Chapter_01", &no), -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_IN_USE);
	CHECK_INT(no.lock.descriptor_pid, getpid());
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 1); /* by name; the descriptor stays */
	CHECK_INT(locks_get(&k, l, "Chapter_01"), 0);
	CHECK(!k.by_name && k.descriptor == 7 && k.descriptor_ours);
	CHECK_INT(locks_release_descriptor(l, 8), -ENOENT);
	CHECK_INT(locks_release_descriptor(l, 7), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "");

	CHECK_INT(flock_it(l, &a, "Chapter_01", 7), 0);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(locks_release_descriptor(l, 7), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-1"); /* by name it stays */

	const char *set[] = {"Chapter_05", "Chapter_06"};
	struct lock_claim both = {.resources = set, .count = 2, .holder = &b, .descriptor = 11};
	CHECK_INT(locks_acquire(l, &both, NULL), 0); /* one command, a whole set */
	CHECK_INT(locks_release_descriptor(l, 11), 0);
	CHECK_STR(owner_of(l, "Chapter_06"), "");

	/* The process that had it open ends. */
	pid_t mount = fork();
	if (mount == 0) {
		struct locks *own = open_table();
		struct lock_holder c = holder("CLI-3", getppid());
		_exit(flock_it(own, &c, "Chapter_02", 1) != 0);
	}
	int status = -1;
	waitpid(mount, &status, 0);
	CHECK_INT(status, 0);
	CHECK_STR(owner_of(l, "Chapter_02"), "CLI-3"); /* nobody has looked yet */
	CHECK_INT(take(l, &b, "Chapter_02"), 0);
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL) + locks_release(l, &b, NULL, 0, NULL), 2);
}

/* ---- waiting */

static void test_queue(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", 0), b = holder("CLI-2", 0), c = holder("CLI-3", 0),
			   d = holder("CLI-4", 0);
	int64_t w[4] = {0}, told = 0;
	CHECK_INT(queue_up(&w[0], l, &a, "Chapter_01"), 1); /* free: at once */
	CHECK_INT(queue_up(&w[1], l, &b, "Chapter_01"), 0);
	CHECK_INT(queue_up(&w[2], l, &c, "Chapter_01"), 0);
	CHECK_INT(locks_wait_next(&told, l), 0);
	CHECK_INT(locks_remove(l, &a, "Chapter_01", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-2"); /* in the freeing transaction */
	CHECK_INT(take(l, &d, "Chapter_01"), -EBUSY);
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(told, w[1]);
	CHECK_INT(locks_wait_next(&told, l), 0);
	CHECK_INT(locks_wait_cancel(l, w[1]), -ENOENT); /* too late: it is ours */
	CHECK_INT(locks_remove(l, &b, "Chapter_01", NULL), 0);
	CHECK_INT(locks_wait_cancel(l, w[2]), 0); /* granted, not told: given back */
	CHECK_STR(owner_of(l, "Chapter_01"), "");
	CHECK_INT(locks_wait_next(&told, l), 0);

	/* A set waits for all, and keeps its place for each. */
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(queue_up(&w[1], l, &b, "Chapter_01+Chapter_02"), 0);
	CHECK_STR(owner_of(l, "Chapter_02"), "");
	struct lock_refusal no = {0};
	const char *name = "Chapter_02";
	struct lock_claim claim = {.resources = &name, .count = 1, .holder = &d};
	CHECK_INT(locks_acquire(l, &claim, &no), -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_AWAITED);
	CHECK_STR(no.lock.holder.instance, "CLI-2");
	CHECK_INT(queue_up(&w[2], l, &c, "Chapter_02"), 0);
	CHECK_INT(locks_wait_cancel(l, w[1]), 0); /* the one behind it moves up */
	CHECK_STR(owner_of(l, "Chapter_02"), "CLI-3");
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(queue_up(&w[1], l, &b, "Chapter_01+Chapter_02"), 0);
	CHECK_INT(locks_remove(l, &a, "Chapter_01", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "");
	CHECK_INT(locks_remove(l, &c, "Chapter_02", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-2");
	CHECK_STR(owner_of(l, "Chapter_02"), "CLI-2");
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 2);

	/* First in one queue, but not in the other. */
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take(l, &b, "Chapter_03"), 0);
	CHECK_INT(queue_up(&w[1], l, &c, "Chapter_01+Chapter_02"), 0);
	CHECK_INT(queue_up(&w[2], l, &d, "Chapter_02+Chapter_03"), 0);
	CHECK_INT(locks_remove(l, &b, "Chapter_03", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_02"), "");
	CHECK_INT(locks_remove(l, &a, "Chapter_01", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_02"), "CLI-3");
	CHECK_STR(owner_of(l, "Chapter_03"), "");
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(locks_release(l, &c, NULL, 0, NULL), 2);
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(told, w[2]);
	CHECK_INT(locks_release(l, &d, NULL, 0, NULL), 2);
}

static void test_circles(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", 0), b = holder("CLI-2", 0), c = holder("CLI-3", 0);
	int64_t w, w2, told;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take(l, &b, "Chapter_02"), 0);
	CHECK_INT(take(l, &c, "Chapter_03"), 0);
	CHECK_INT(queue_up(&w, l, &a, "Chapter_02"), 0);
	CHECK_INT(queue_up(&w2, l, &b, "Chapter_03"), 0);
	struct lock_refusal no = {0};
	const char *name = "Chapter_01";
	struct lock_claim claim = {.resources = &name, .count = 1, .holder = &c};
	int64_t w3;
	CHECK_INT(locks_wait(&w3, l, &claim, &no), -EDEADLK); /* c -> a -> b -> c */
	CHECK_INT(no.why, LOCK_REFUSED_CIRCLE);
	CHECK_INT(queue_up(&w3, l, &c, "Chapter_04"), 1); /* it stands in nobody's way */
	CHECK_INT(locks_release(l, &c, NULL, 0, NULL), 2);
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(told, w2);
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 2);
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(told, w);
	/* Behind one who waits for what I hold. */
	CHECK_INT(queue_up(&w, l, &b, "Chapter_01+Chapter_05"), 0);
	CHECK_INT(queue_up(&w2, l, &a, "Chapter_05"), -EDEADLK);
	CHECK_INT(locks_wait_cancel(l, w), 0);
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 2);
}

static void test_dead_waiters(void)
{
	CLEANUP(locks_close_cleanup) struct locks *l = open_table();
	pid_t agent = start_agent();
	struct lock_holder a = holder("CLI-1", 0), b = holder("CLI-2", agent),
			   c = holder("CLI-3", 0);
	int64_t w1, w2, told;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	/* A process that waits for itself, and ends; then one whose anchor ends. */
	pid_t other = fork();
	if (other == 0) {
		struct locks *own = open_table();
		struct lock_holder d = holder("CLI-4", 0);
		_exit(queue_up(&w1, own, &d, "Chapter_01+Chapter_02") != 0);
	}
	int status = -1;
	waitpid(other, &status, 0);
	CHECK_INT(status, 0);
	CHECK_INT(queue_up(&w1, l, &b, "Chapter_01"), 0);
	CHECK_INT(queue_up(&w2, l, &c, "Chapter_01"), 0);
	end_agent(agent);
	CHECK_INT(locks_remove(l, &a, "Chapter_01", NULL), 0);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-3");
	CHECK_INT(locks_wait_next(&told, l), -ECANCELED);
	CHECK_INT(told, w1);
	CHECK_INT(locks_wait_next(&told, l), 1);
	CHECK_INT(told, w2);
	CHECK_INT(locks_wait_next(&told, l), 0);
	CHECK_INT(locks_release(l, &c, NULL, 0, NULL), 1);
}

int main(void)
{
	fixture_init(&fixture);
	test_names();
	test_exclusion();
	test_sets();
	test_death();
	test_sleep();
	test_use();
	test_identity();
	test_transfer();
	test_force();
	test_token();
	test_descriptors();
	test_queue();
	test_circles();
	test_dead_waiters();
	fixture_finish(&fixture);
	return check_result();
}
