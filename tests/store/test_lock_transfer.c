/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "check.h"
#include "fixture.h"
#include "store.h"

/* What is handed on is not lost: neither to whom the table does not know, nor to who has just died
 * and was not swept away yet. */

static struct fixture fixture;
static struct locks *locks;

static int take(const struct lock_holder *h, const char *name)
{
	return locks_acquire(
		locks, &(struct lock_claim){.resources = &name, .count = 1, .holder = h}, NULL);
}

static struct lock_holder of_process(const char *instance, pid_t pid)
{
	struct lock_holder h = {.uid = getuid()};
	snprintf(h.instance, sizeof(h.instance), "%s", instance);
	CHECK_INT(process_find(&h.anchor, pid), 0);
	return h;
}

static void test_to(const char *instance)
{
	const struct lock_holder us = of_process("Us", getpid());
	struct lock_holder to = {.uid = getuid()};
	struct lock k;
	snprintf(to.instance, sizeof(to.instance), "%s", instance);
	CHECK_INT(take(&us, "Chapter_01"), 0);
	CHECK_INT(locks_transfer(locks, &us, "Chapter_01", &to, NULL), 0);
	CHECK_INT(locks_get(&k, locks, "Chapter_01"), 0);
	CHECK(lock_is_of(&k, &to));
	CHECK_INT(locks_remove(locks, &to, "Chapter_01", NULL), 0);
}

int main(void)
{
	struct err err = {0};
	fixture_init(&fixture);
	CHECK_INT(locks_open(&locks, NULL, fixture.store_path, &err), 0);
	test_to("Nobody");
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	const struct lock_holder dead = of_process("Dead", pid);
	CHECK_INT(take(&dead, "Chapter_02"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	test_to("Dead");
	locks_close(locks);
	fixture_finish(&fixture);
	return check_result();
}
