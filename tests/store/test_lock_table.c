/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "check.h"
#include "lock_rig.h"
#include "setclock.h"

/* The lock table as a file: its log, a restart, damage, and who deletes it. */

static void remove_table(void)
{
	static const char *const sides[] = {"-locks", "-locks-wal", "-locks-shm", "-locks-live",
					    "-locks-bell"};
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		CLEANUP(cleanup_free) char *path = fixture_path(&fixture, sides[i]);
		unlink(path);
	}
}

static int last_event(void *arg, const struct lock_event *e)
{
	*(struct lock_event *)arg = *e;
	return 0;
}

static struct lock_event newest(struct locks *l)
{
	struct lock_event e = {0};
	int64_t seq = 0;
	CHECK_INT(locks_seq(&seq, l), 0);
	CHECK_INT(locks_log(l, seq - 1, 10, last_event, &e), 0);
	CHECK_INT(e.seq, seq);
	return e;
}

static int count_event(void *arg, const struct lock_event *e)
{
	++*(int *)arg;
	return 0;
}

static void test_log(void)
{
	struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", 0);
	int64_t first, seq;
	CHECK_INT(locks_seq(&first, l), 0);
	int count = 0;
	for (int i = 0; i < 2000; i++) {
		CHECK_INT(take(l, &a, "Chapter_01+Chapter_02+Chapter_03"), 0);
		CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 3);
	}
	CHECK_INT(locks_seq(&seq, l), 0);
	CHECK_INT(seq, first + 12000); /* each change moves it, and nothing else */
	CHECK_INT(locks_log(l, 0, 100000, count_event, &count), 0);
	CHECK(count >= LOCK_LOG_KEEP && count <= LOCK_LOG_KEEP + LOCK_LOG_KEEP / 10);
	CHECK_INT(newest(l).type, LOCK_EVENT_RELEASED);
	CHECK_STR(newest(l).resource, "Chapter_03");
	CHECK_STR(newest(l).instance, "CLI-1");
	locks_close(l);
}

static void run_sql(const char *sql)
{
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	sqlite3 *db = NULL;
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_restart(void)
{
	struct locks *l = open_table();
	pid_t agent = start_agent();
	struct lock_holder a = holder("CLI-1", getpid()), b = holder("CLI-2", agent);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(take(l, &b, "Chapter_02"), 0);
	int64_t token = token_of(l, "Chapter_02");
	l = locks_close(l);
	end_agent(agent);
	l = open_table(); /* the living keep theirs, the dead do not */
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-1");
	CHECK_STR(owner_of(l, "Chapter_02"), "");
	CHECK_INT(newest(l).type, LOCK_EVENT_EXPIRED);
	l = locks_close(l);

	run_sql("UPDATE meta SET boot = 'another'");
	l = open_table();
	CHECK_INT(held(l), 0);
	CHECK_INT(newest(l).type, LOCK_EVENT_VOIDED);
	CHECK(newest(l).seq > token + 100); /* behind the block that was in use */
	locks_close(l);
}

static void overwrite(const char *bytes, size_t len, long at)
{
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	FILE *f = fopen(path, "r+");
	CHECK(f != NULL);
	if (!f)
		return;
	fseek(f, at, SEEK_SET);
	fwrite(bytes, 1, len, f);
	fclose(f);
}

static char *read_table(size_t *len)
{
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	CLEANUP(buf_finish) struct buf b = {0};
	char bytes[4096];
	FILE *f = fopen(path, "r");
	size_t got;
	while (f && (got = fread(bytes, 1, sizeof(bytes), f)) > 0)
		buf_add(&b, bytes, got);
	if (f)
		fclose(f);
	return buf_steal(&b, len);
}

/* Whatever is wrong with the file, it is said and not written over. */
static void test_damage(void)
{
	struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", getpid());
	struct err err = {0};
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	locks_close(l);
	size_t len, again;
	CLEANUP(cleanup_free) char *good = read_table(&len);

	char noise[1024];
	memset(noise, 0xa5, sizeof(noise));
	overwrite(noise, 100, 0); /* no database any more */
	CHECK_INT(locks_open(&l, NULL, fixture.store_path, &err), -ENOLCK);
	CHECK(strstr(err.msg, "-locks: ") && strstr(err.msg, "damaged"));
	CLEANUP(cleanup_free) char *bad = read_table(&again);
	CHECK_INT(again, len);
	CHECK(memcmp(bad, noise, 100) == 0);

	overwrite(good, len, 0);
	for (long at = 1024; at + 1024 <= (long)len; at += 1024)
		overwrite(noise, sizeof(noise), at); /* the rows */
	int result = locks_open(&l, NULL, fixture.store_path, &err);
	if (result == 0) { /* not every page is read by an open; then the claim must fail */
		CHECK_INT(take(l, &a, "Chapter_01"), -ENOLCK);
		CHECK(strstr(locks_reason(l), "damaged"));
		locks_close(l);
	} else
		CHECK_INT(result, -ENOLCK);

	overwrite(good, len, 0);
	l = open_table();
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-1");
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 1);
	locks_close(l);

	run_sql("PRAGMA application_id = 7");
	CHECK_INT(locks_open(&l, NULL, fixture.store_path, &err), -ENOLCK);
	CHECK(strstr(err.msg, "not a table of locks") != NULL);
	remove_table();
}

static void let_time_pass(int signal)
{
	clock_pass(4000);
}

/* Somebody is in a transaction, and stays there: it is not waited for for ever. */
static void test_busy(void)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	struct locks *l = open_table();
	struct lock_holder a = holder("CLI-1", 0);
	sqlite3 *db = NULL;
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	signal(SIGALRM, let_time_pass);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_INT(take(l, &a, "Chapter_01"), -ENOLCK);
	CHECK(strstr(locks_reason(l), "does not come out (is one stopped?); try again"));
	sqlite3_close(db);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(locks_release(l, &a, NULL, 0, NULL), 1);
	locks_close(l);
}

/* A person deletes the file while it is in use. */
static void test_deleted(void)
{
	struct locks *l = open_table(), *second = open_table();
	struct lock_holder a = holder("CLI-1", getpid()), b = holder("CLI-2", 0);
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	int64_t token = token_of(l, "Chapter_01");
	CLEANUP(cleanup_free) char *path = fixture_path(&fixture, "-locks");
	unlink(path);
	/* While one still has the old file, there is no second truth. */
	CHECK_INT(take(l, &b, "Chapter_01"), -ENOLCK);
	CHECK(strstr(locks_reason(l), "deleted") != NULL);
	CHECK_INT(locks_fence(second, "Chapter_01", token), -ESTALE); /* sees it, makes a new one */
	CHECK_INT(take(l, &b, "Chapter_01"), 0);
	CHECK_STR(owner_of(second, "Chapter_01"), "CLI-2");
	CHECK(token_of(l, "Chapter_01") > token);
	locks_close(second);
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-2");
	locks_close(l);
	l = open_table();
	CHECK_STR(owner_of(l, "Chapter_01"), "CLI-2");
	CHECK_INT(locks_release(l, &b, NULL, 0, NULL), 1);
	int64_t waiter = 0;
	CHECK_INT(take(l, &a, "Chapter_01"), 0);
	CHECK_INT(queue_up(&waiter, l, &b, "Chapter_01"), 0);
	unlink(path);
	CHECK_STR(owner_of(l, "Chapter_01"), "");
	CHECK_INT(locks_wait_next(&waiter, l), -ENOLCK); /* its place is lost, and it is told */
	CHECK_INT(locks_wait_next(&waiter, l), 0);
	unlink(path);
	locks_close(l);
	CHECK(!fixture_exists(&fixture, "-locks")); /* who leaves makes none */

	/* Who may not read the store need not know who works on it. */
	FILE *store = fopen(fixture.store_path, "w");
	CHECK(store && fclose(store) == 0 && chmod(fixture.store_path, 0600) == 0);
	l = open_table();
	struct stat st = {0};
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	locks_close(l);
}

int main(void)
{
	fixture_init(&fixture);
	test_log();
	test_restart();
	test_damage();
	test_busy();
	test_deleted();
	fixture_finish(&fixture);
	return check_result();
}
