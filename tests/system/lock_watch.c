/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock_field.h"
#include "store.h"

/* Who is in the queue, and how long the dead are in the way. */

/* ---- watching the queue */

struct glance {
	struct seen {
		int generation, operation, since;
		bool waits;
	} slots[PROCESSES];
};

/* Not one of an earlier operation, whose mount died and is not swept away yet. */
static int note_waiter(void *arg, const struct lock_waiter *w)
{
	struct glance *l = arg;
	int slot, generation;

	if (sscanf(w->holder.instance, "P%d.%d", &slot, &generation) == 2 && slot < PROCESSES &&
	    l->slots[slot].generation == generation &&
	    (int32_t)w->since_unix_ms - l->slots[slot].since >= 0)
		l->slots[slot].waits = true;
	return 0;
}

/* Who waits for the same operation before the look and after it was in the queue for it. */
static void look_once(struct locks *table, int last[PROCESSES])
{
	struct glance l = {0};
	long long seen;

	for (int i = 0; i < PROCESSES; i++) {
		const struct slot *s = &field->slots[i];

		l.slots[i] = (struct seen){s->generation, s->waiting, s->since, false};
	}
	locks_waiters_each(table, NULL, note_waiter, &l);
	seen = field_now();
	for (int i = 0; i < PROCESSES; i++) {
		const struct seen *s = &l.slots[i];

		if (!s->waits || !s->operation || s->operation == last[i] ||
		    field->slots[i].waiting != s->operation ||
		    field->slots[i].generation != s->generation)
			continue;
		last[i] = s->operation;
		field_note("Q P%d.%d/%d %lld\n", i, s->generation, s->operation, seen);
	}
}

int lock_watch(const char *store)
{
	struct locks *table;
	struct err err = {0};
	int last[PROCESSES] = {0};

	field_record("queue");
	if (locks_open(&table, NULL, store, &err) < 0) {
		fprintf(stderr, "lock_client: %s\n", err.msg);
		return 1;
	}
	while (!field->stop) {
		look_once(table, last);
		usleep(1000);
	}
	locks_close(table);
	return 0;
}

/* ---- deaths */

#define DEATH_RESOURCE "QuoteRegistry"

struct eye {
	pthread_t thread;
	int m;
	bool waits;
	_Atomic bool ready;
	long long at;
};

static void *look_for_end(void *arg)
{
	struct eye *e = arg;
	struct stat st;

	while (fstatat(field_door(e->m), DEATH_RESOURCE, &st, 0) == 0) {
		e->ready = true;
		usleep(200);
	}
	e->at = field_now();
	return NULL;
}

static void *wait_for_it(void *arg)
{
	struct eye *e = arg;
	int fd = field_open(e->m, ".all/" DEATH_RESOURCE, O_RDONLY);

	e->ready = true;
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		field_die("flock");
	e->at = field_now();
	flock(fd, LOCK_UN);
	close(fd);
	return NULL;
}

static pid_t start_holder(int number, int m)
{
	char line[128];
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe(fds) < 0)
		field_die("pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(line, sizeof(line), "acquire as D-%d pid=%d " DEATH_RESOURCE, number,
			 (int)getpid());
		if (field_command(m, line) < 0 || write(fds[1], "", 1) != 1)
			field_die("a holder");
		pause();
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1)
		field_die("no holder");
	close(fds[0]);
	return pid;
}

static void kill_one(int number, bool grants)
{
	int m = number % MOUNTS, count = grants ? 1 : MOUNTS;
	pid_t pid = start_holder(number, m);
	struct eye eyes[MOUNTS] = {{.m = grants ? number / 2 % MOUNTS : 0}, {.m = 1}};
	long long killed;

	for (int i = 0; i < count; i++)
		pthread_create(&eyes[i].thread, NULL, grants ? wait_for_it : look_for_end,
			       &eyes[i]);
	for (int i = 0; i < count; i++)
		while (!eyes[i].ready)
			usleep(100);
	/* Until it is parked for sure; and not always at the same moment of the daemon's rounds. */
	usleep(grants ? 20000 + field_draw(20000) : field_draw(20000));
	killed = field_now();
	kill(pid, SIGKILL);
	for (int i = 0; i < count; i++)
		pthread_join(eyes[i].thread, NULL);
	waitpid(pid, NULL, 0);
	printf("%d %d %lld", m, grants ? eyes[0].m : 0, eyes[0].at - killed);
	if (!grants)
		printf(" %lld", eyes[1].at - killed);
	printf("\n");
}

int lock_deaths(int count, bool grants)
{
	for (int m = 0; m < MOUNTS; m++)
		if (field_door(m) < 0)
			field_die("a mount");
	for (int i = 0; i < count; i++)
		kill_one(i, grants);
	return 0;
}
