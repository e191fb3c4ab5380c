/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "check.h"
#include "fence.h"
#include "holder.h"

/* flags.c wants it of main.c. */
int say_usage(const struct command *c, const char *fmt, ...)
{
	abort();
}

/* A handle that writes under a lock, through all that can happen to the lock. */

static const char *const three[] = {"Chapter_03"};

static struct lock_holder holder(const char *instance)
{
	struct lock_holder h = {.uid = getuid()};

	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	return h;
}

static int64_t take(struct locks *l, const struct lock_holder *h)
{
	const struct lock_claim c = {.resources = three, .count = 1, .holder = h};
	struct lock k;

	CHECK_INT(locks_acquire(l, &c, NULL), 0);
	CHECK_INT(locks_get(&k, l, three[0]), 0);
	return k.token;
}

static void test_conflict(struct locks *l)
{
	struct lock_holder a = holder("CLI-1"), b = holder("CLI-2");
	struct lock_refusal no = {0};
	struct fence f, g;

	/* Nobody's: anybody writes, until somebody else takes it. */
	CHECK_INT(fence_take(&f, l, ENFORCE_CONFLICT, three[0], &a, &no), 0);
	CHECK_INT(fence_check(&f, l, &no), 0);
	take(l, &b);
	CHECK_INT(fence_check(&f, l, &no), -EBUSY);
	CHECK_INT(no.why, LOCK_REFUSED_HELD);
	CHECK(!strcmp(no.lock.holder.instance, "CLI-2"));
	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, three[0], &a, &no), -EBUSY);
	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, "Chapter_04", &a, &no), 0);
	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, "", &a, &no), 0);
	CHECK_INT(locks_release(l, &b, three, 1, NULL), 1);
	/* Nobody's, then the opener's own: from now on it is fenced by that lock. */
	CHECK_INT(fence_check(&f, l, &no), 0);
	take(l, &a);
	CHECK_INT(fence_check(&f, l, &no), 0);
	CHECK(f.token > 0);
	CHECK_INT(locks_release(l, &a, three, 1, NULL), 1);
	CHECK_INT(fence_check(&f, l, &no), -ESTALE);
}

static void test_override(struct locks *l)
{
	struct lock_holder a = holder("CLI-1"), b = holder("CLI-2");
	struct lock_refusal no = {0};
	struct fence f, g;
	int64_t token = take(l, &a);

	CHECK_INT(fence_take(&f, l, ENFORCE_CONFLICT, three[0], &a, &no), 0);
	CHECK_INT(f.token, token);
	CHECK_INT(fence_check(&f, l, &no), 0);
	fence_used(&f, l);
	CHECK_INT(locks_break(l, &b, three[0], token, "he went home", NULL), 0);
	CHECK_INT(fence_check(&f, l, &no), -ESTALE);
	/* His own new lock does not bring the old handle back: another may have written between. */
	take(l, &b);
	CHECK_INT(locks_release(l, &b, three, 1, NULL), 1);
	take(l, &a);
	CHECK_INT(fence_check(&f, l, &no), -ESTALE);
	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, three[0], &a, &no), 0);
	CHECK_INT(fence_check(&g, l, &no), 0);
	CHECK_INT(locks_release(l, &a, three, 1, NULL), 1);
}

static void test_modes(struct locks *l)
{
	struct lock_holder a = holder("CLI-1"), b = holder("CLI-2");
	struct lock_refusal no = {0};
	struct fence f;

	CHECK_INT(fence_take(&f, l, ENFORCE_STRICT, three[0], &a, &no), -EPERM);
	take(l, &b);
	CHECK_INT(fence_take(&f, l, ENFORCE_STRICT, three[0], &a, &no), -EBUSY);
	CHECK_INT(fence_take(&f, l, ENFORCE_STRICT, three[0], &b, &no), 0);
	CHECK_INT(fence_take(&f, l, ENFORCE_OFF, three[0], &a, &no), 0);
	CHECK_INT(fence_check(&f, l, &no), 0);
	CHECK_INT(locks_release(l, &b, three, 1, NULL), 1);
	/* No table: closed, but for those who want nothing enforced. */
	CHECK_INT(fence_take(&f, NULL, ENFORCE_CONFLICT, three[0], &a, &no), -ENOLCK);
	CHECK_INT(fence_take(&f, NULL, ENFORCE_OFF, three[0], &a, &no), 0);
}

/* Who has the book has each of its parts. */
static void test_book(struct locks *l)
{
	static const char *const book[] = {"Book"};
	struct lock_holder a = holder("CLI-1"), b = holder("CLI-2");
	const struct lock_claim all = {.resources = book, .count = 1, .holder = &a};
	struct lock_refusal no = {0};
	struct fence f, g;

	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, three[0], &b, &no), 0);
	CHECK_INT(locks_acquire(l, &all, NULL), 0);
	CHECK_INT(fence_check(&g, l, &no), -EBUSY);
	CHECK_INT(fence_take(&g, l, ENFORCE_CONFLICT, three[0], &b, &no), -EBUSY);
	CHECK(!strcmp(no.lock.resource, "Book"));
	CHECK_INT(fence_take(&f, l, ENFORCE_STRICT, three[0], &a, &no), 0);
	CHECK_INT(fence_check(&f, l, &no), 0);
	fence_used(&f, l);
	CHECK_INT(locks_release(l, &a, book, 1, NULL), 1);
	CHECK_INT(fence_check(&f, l, &no), -ESTALE);
}

/* ---- who asks */

static int find(struct holder *out, pid_t pid)
{
	CLEANUP(holders_free_cleanup) struct holders *h = holders_new();
	struct err err = {0};

	return holder_find(out, h, NULL, pid, getuid(), NULL, 0, &err);
}

/* A process that lives until the pipe is closed; its own child, too, in a session of theirs. */
static pid_t start(pid_t *child, int end)
{
	int said[2];
	pid_t pid;
	char byte;

	CHECK_INT(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		*child = fork();
		if (*child > 0 && write(said[1], child, sizeof(*child)) != sizeof(*child))
			_exit(1);
		_exit(read(end, &byte, 1) != 0);
	}
	CHECK_INT(read(said[0], child, sizeof(*child)), sizeof(*child));
	close(said[0]);
	close(said[1]);
	return pid;
}

static void end(pid_t pid)
{
	siginfo_t info;

	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* Who lost his parent is not anchored to whoever reaps him; and who is gone is nobody. */
static void test_asker(void)
{
	struct holder h;
	pid_t child, parent;
	int pipes[2];

	CHECK_INT(pipe(pipes), 0);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = start(&child, pipes[0]);
	CHECK_INT(find(&h, child), 0);
	CHECK_INT(h.as.anchor.pid, getpid()); /* as an agent that detaches each call */
	end(parent);
	CHECK_INT(find(&h, parent), -ESRCH);
	CHECK_INT(waitpid(parent, NULL, 0), parent);
	CHECK_INT(find(&h, parent), -ESRCH);
	CHECK_INT(find(&h, child), 0);
	CHECK_INT(h.as.anchor.pid, 0);
	CHECK(strstr(h.because, "held for its ttl"));
	end(child);
	CHECK_INT(find(&h, child), -ESRCH);
	CHECK_INT(waitpid(child, NULL, 0), child);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	char folder[] = "/tmp/bookfs-fence-XXXXXX";
	struct locks *l = NULL;
	struct err err = {0};

	if (!mkdtemp(folder))
		return 1;
	CLEANUP(cleanup_free) char *store = xasprintf("%s/b.bookfs", folder);
	CLEANUP(cleanup_free) char *rm = xasprintf("rm -r %s", folder);
	close(open(store, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	CHECK_INT(locks_open(&l, NULL, store, &err), 0);
	test_conflict(l);
	test_override(l);
	test_modes(l);
	test_book(l);
	test_asker();
	locks_close(l);
	CHECK_INT(system(rm), 0);
	return check_result();
}
