/* SPDX-License-Identifier: MIT */
#include "lock_rig.h"

#include <signal.h>
#include <sys/wait.h>

#include "check.h"

struct fixture fixture;

struct locks *open_table(void)
{
	struct locks *l = NULL;
	struct err err = {0};
	CHECK_INT(locks_open(&l, NULL, fixture.store_path, &err), 0);
	if (!l) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	return l;
}

/* A process that does nothing until it is killed. */
pid_t start_agent(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

void end_agent(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct lock_holder holder(const char *instance, pid_t anchor)
{
	struct lock_holder h = {.uid = 1000};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	if (anchor)
		CHECK_INT(process_find(&h.anchor, anchor), 0);
	return h;
}

int take(struct locks *l, const struct lock_holder *h, const char *names)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(names);
	const char *set[8];
	int count = 0;
	for (char *p = strtok(copy, "+"); p; p = strtok(NULL, "+"))
		set[count++] = p;
	return locks_acquire(l, &(struct lock_claim){.resources = set, .count = count, .holder = h},
			     NULL);
}

int queue_up(int64_t *waiter, struct locks *l, const struct lock_holder *h, const char *names)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(names);
	const char *set[8];
	int count = 0;
	for (char *p = strtok(copy, "+"); p; p = strtok(NULL, "+"))
		set[count++] = p;
	struct lock_claim c = {.resources = set, .count = count, .holder = h};
	return locks_wait(waiter, l, &c, NULL);
}

const char *owner_of(struct locks *l, const char *name)
{
	static struct lock k;
	int result = locks_get(&k, l, name);
	return result == 0 ? k.holder.instance : result == -ENOENT ? "" : "error";
}

int64_t token_of(struct locks *l, const char *name)
{
	struct lock k = {0};
	return locks_get(&k, l, name) == 0 ? k.token : 0;
}

static int count_one(void *arg, const struct lock *k)
{
	++*(int *)arg;
	return 0;
}

int held(struct locks *l)
{
	int count = 0;
	CHECK_INT(locks_each(l, count_one, &count), 0);
	return count;
}
