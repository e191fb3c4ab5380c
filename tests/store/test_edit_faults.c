/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "faultvfs.h"
#include "fixture.h"

/*
 * A person's edits on a disk that fails once, at every call they make, and by a process that is
 * killed. Each time: what said that it is done is in the journal and seen, what failed left
 * nothing of itself, the store is sound, and undo gives back what there was before.
 */

/* ---- a store with results, made once and copied */

static const struct result_info drawn = {
	.provider = "builtin", .model = "m", .prompt = "a lantern", .prompt_version = 1};

static int draw(struct store_tx *tx, void *arg, struct err *err)
{
	struct store_job job;
	int got = tx_claim(&job, tx, JOB_ILLUSTRATE, "painter");
	if (got != 1)
		return got;
	int result = tx_picture_done(tx, job.id, "PNG", 3, "png", &drawn);
	store_job_finish(&job);
	return result < 0 ? result : 1;
}

static void make_store(const struct fixture *f)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	struct book *b = make_book(5, 0);
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	CHECK_INT(import_book(s, b), 0);
	for (int chapter = 2; chapter <= 4; chapter++) {
		struct store_job job;
		CHECK_INT(wish(s, chapter, true, false), 0);
		CHECK_INT(claim(&job, s, JOB_ANALYZE), 1);
		CHECK_INT(finish_analysis(s, job.id, 2, "kept"), 0);
		store_job_finish(&job);
	}
	while (store_write_wait(s, draw, NULL, NULL) == 1)
		;
	free_book(b);
}

static void copy_file(const char *to, const char *from)
{
	char part[65536];
	ssize_t n;
	CLEANUP(cleanup_close) int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_close) int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	while ((n = read(in, part, sizeof(part))) > 0)
		CHECK_INT(write(out, part, (size_t)n), n);
	CHECK_INT(n, 0);
}

static int add_picture(void *arg, const struct store_picture *p)
{
	buf_addf(arg, "%d.%d: %lld %d %s\n", p->chapter, p->scene, (long long)p->id, p->state,
		 p->outdated ? p->outdated : "");
	return 0;
}

/* What can be seen of it. */
static char *seen(struct store *s)
{
	struct store_reader *r = store_reader(s);
	struct buf out = {0};
	int64_t id = 0;
	for (int chapter = 2; chapter <= 4; chapter++) {
		CHECK_INT(store_analysis_id(&id, r, chapter), 0);
		buf_addf(&out, "%d: %lld\n", chapter, (long long)id);
	}
	CHECK_INT(store_pictures(r, 0, add_picture, &out), 0);
	CHECK_INT(store_style(&out, &id, r), 0);
	CLEANUP(corrections_finish) struct corrections list = {0};
	CHECK_INT(store_corrections(&list, r), 0);
	buf_addf(&out, "%zu corrections\n", list.len);
	return buf_steal(&out, NULL);
}

/* ---- what a person does */

static int edit_style(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_set_style(tx, "ink");
}

static int edit_element(struct store_tx *tx, void *arg, struct err *err)
{
	CLEANUP(corrections_finish) struct corrections list = {0};
	struct look look = {ELEMENT_CHARACTER, "Alice", "Alice: fair"};
	corrections_add(&list, CORRECTION_DESCRIPTION, ELEMENT_CHARACTER, "Alice")->text =
		xstrdup("red hair");
	int result = tx_fix_looks(tx, &look, 1);
	return result < 0 ? result : tx_correct(tx, "elements/characters/Alice.md", &list);
}

static int edit_concepts(struct store_tx *tx, void *arg, struct err *err)
{
	CLEANUP(analysis_free_cleanup) struct analysis *a = make_analysis(3, "edited");
	return tx_edit_analysis(tx, 2, 0, a);
}

static int remove_picture(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_picture(tx, 2, 1);
}

static int remove_concepts(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_remove_analysis(tx, 3);
}

static int set_portrait(struct store_tx *tx, void *arg, struct err *err)
{
	static char bytes[30000];
	return tx_set_portrait(tx, ELEMENT_CHARACTER, "Alice",
			       &(struct bytes){bytes, sizeof(bytes), "png"});
}

static int approve(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_approve(NULL, tx, &(struct wish){.chapter = 4, .profile = "painter"}, 0);
}

static int undo_one(struct store_tx *tx, void *arg, struct err *err)
{
	int count = 0;
	int result = tx_undo(&count, tx, 1);
	return result < 0 ? result : count;
}

static int undo_all(struct store_tx *tx, void *arg, struct err *err)
{
	int count = 0;
	int result = tx_undo(&count, tx, 0);
	return result < 0 ? result : count;
}

static const store_work_fn deeds[] = {edit_style,      edit_element, edit_concepts, remove_picture,
				      remove_concepts, set_portrait, approve};

/* ---- judged */

struct journal {
	int edits, undone;
};

static int count_edit(void *arg, const struct store_edit *e)
{
	struct journal *j = arg;
	j->edits++;
	j->undone += e->undone_unix_ms > 0;
	return 0;
}

static struct journal journal_of(struct store *s)
{
	struct journal j = {0};
	CHECK_INT(store_edits(store_reader(s), 0, count_edit, &j), 0);
	return j;
}

/* done, undone: what said it was. A commit that failed may be in the log after all. */
static void check_kept(const struct fixture *f, int done, int undone, const char *before)
{
	CLEANUP(store_close_cleanup) struct store *s = NULL;
	struct err err = {0};
	CHECK_INT(fixture_open(&s, f, NULL, &err), 0);
	if (!s)
		return;
	struct journal j = journal_of(s);
	CHECK(j.edits >= done && j.undone >= undone);
	CHECK_INT(check_store(s), 0);
	CHECK_INT(store_write_wait(s, undo_all, NULL, NULL), j.edits - j.undone);
	CLEANUP(cleanup_free) char *after = seen(s);
	CHECK_STR(after, before);
	CHECK_INT(check_store(s), 0);
}

static int64_t fail_at(const struct fixture *made, struct fault_plan plan, const char *before)
{
	struct store *s = NULL;
	struct err err = {0};
	struct fixture f;
	int done = 0, undone = 0, failures = check_failures;
	fixture_init(&f);
	copy_file(f.store_path, made->store_path);
	CHECK_INT(fixture_open(&s, &f, NULL, &err), 0);
	faultvfs_plan(&plan);
	for (size_t i = 0; i < ARRAY_LEN(deeds); i++) {
		int result = store_write_wait(s, deeds[i], NULL, &err);
		CHECK(result == 0 || result == -EIO || result == -ENOSPC);
		CHECK(result == 0 || err.msg[0]);
		done += result == 0;
	}
	for (int i = 0; i < 2; i++)
		undone += store_write_wait(s, undo_one, NULL, &err) == 1;
	int64_t failed = faultvfs_failed();
	CHECK(failed > 0 || (done == ARRAY_LEN(deeds) && undone == 2));
	store_close(s);
	faultvfs_plan(&(struct fault_plan){0});
	check_kept(&f, done, undone, before);
	if (check_failures > failures)
		fprintf(stderr, "... after fault %lld, how %d\n", (long long)plan.at, plan.how);
	fixture_finish(&f);
	return failed;
}

static void test_each_call(const struct fixture *made, const char *before)
{
	static const char *const names[] = {"EIO", "ENOSPC", "short write"};
	for (int how = FAULT_EIO; how <= FAULT_SHORT; how++) {
		struct fault_plan plan = {.how = (enum fault_how)how, .calls = FAULT_ALL, .at = 1};
		if (how == FAULT_SHORT)
			plan.calls = FAULT_WRITE;
		while (check_failures == 0 && fail_at(made, plan, before) > 0)
			plan.at++;
		printf("%s at each of %lld calls\n", names[how], (long long)plan.at - 1);
		CHECK(plan.at > 20); /* else the shim was not in the way */
	}
}

/* ---- killed */

/* Edits and takes back for ever; a byte tells of each that is done: 'e', or 'u'. */
static void edit_for_ever(const struct fixture *f, int told)
{
	struct store *s = NULL;
	if (fixture_open(&s, f, NULL, NULL) < 0)
		_exit(1);
	for (size_t i = 0;; i++) {
		size_t k = i % (ARRAY_LEN(deeds) + 2);
		bool back = k >= ARRAY_LEN(deeds);
		int result = store_write_wait(s, back ? undo_all : deeds[k], NULL, NULL);
		if (result >= (back ? 1 : 0) && write(told, back ? "u" : "e", 1) != 1)
			_exit(1);
	}
}

static void test_killed(const struct fixture *made, const char *before)
{
	int edits = 0, kills = 0;
	for (int ms = 5; ms < 60; ms += 5, kills++) {
		struct fixture f;
		int ends[2], done = 0;
		char told;
		fixture_init(&f);
		copy_file(f.store_path, made->store_path);
		CHECK_INT(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0)
			edit_for_ever(&f, ends[1]);
		close(ends[1]);
		CHECK_INT(read(ends[0], &told, 1), 1); /* it is at it */
		usleep((useconds_t)ms * 1000);	       /* the moment of the kill, not a wait */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		do
			done += told == 'e';
		while (read(ends[0], &told, 1) == 1);
		close(ends[0]);
		check_kept(&f, done, 0, before);
		edits += done;
		fixture_finish(&f);
	}
	printf("%d kills, %d edits, none lost\n", kills, edits);
}

int main(void)
{
	struct fixture made;
	struct stat st;
	if (stat("/dev/shm", &st) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	log_open(LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (faultvfs_install() < 0)
		return 1;
	fixture_init(&made);
	make_store(&made);
	struct store *s = NULL;
	CHECK_INT(fixture_open(&s, &made, NULL, NULL), 0);
	char *before = seen(s);
	store_close(s);
	test_killed(&made, before); /* before there are threads: it forks */
	test_each_call(&made, before);
	free(before);
	fixture_finish(&made);
	return check_result();
}
