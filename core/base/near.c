/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "near.h"

/*
 * A request takes two wake-ups: of who serves it, and of who waits for the answer. On the same
 * processor each is a switch from one to the other. Across two it is an interrupt, which in a
 * virtual machine takes ten times as long; and one of them is always idle, as it waits for the
 * other. Where there are just two, the scheduler leaves both where they are. So while requests come
 * it is looked every LOOK_US (less often once it was there) where the client ran last, and the
 * thread goes there. It is not bound to it: should that processor be too busy for both, the
 * scheduler may part them again.
 *
 * While it waits for the next request it gives way, as the client may be on its own processor. What
 * else computes there has the processor for all of its turn then, and if the client was on the
 * other one he waited for that: after such a turn (CROWDED_US) it is not done for a while.
 *
 * Where there are more processors, it would wake the thread on an idle one the next time, and
 * nothing is done.
 */

enum { LOOK_US = 1000, LOOK_MOST_US = 16000, CROWDED_US = 1200, PROCESSOR_FIELD = 39 };

void near_init(struct near *n)
{
	cpu_set_t allowed;

	*n = (struct near){.pause_us = LOOK_US,
			   .possible = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 &&
				       CPU_COUNT(&allowed) == 2};
}

/* The second field is the process's name in brackets and may hold anything. */
static int processor_of(pid_t pid)
{
	char path[32], text[1024];
	CLEANUP(cleanup_close) int fd = -1;
	const char *at;
	ssize_t n;
	int processor = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < PROCESSOR_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %d", &processor) == 1 ? processor : -1;
}

static void go_to(int processor)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 || !CPU_ISSET(processor, &allowed))
		return;
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == 0)
		sched_setaffinity(0, sizeof(allowed), &allowed);
}

void near_give_way(struct near *n)
{
	int64_t now_us = n->possible ? clock_mono_us() : 0;

	if (!n->possible || is_calm(&n->calm, now_us))
		return;
	sched_yield();
	n->away_us = clock_mono_us() - now_us;
}

void near_client(struct near *n, pid_t client)
{
	int64_t now_us;
	int processor;
	bool waited, is_here;

	if (!n->possible || client <= 0)
		return;
	now_us = clock_mono_us();
	waited = n->away_us > CROWDED_US;
	n->away_us = 0;
	if (now_us < n->look_us && !waited)
		return;
	processor = processor_of(client);
	is_here = processor < 0 || processor == sched_getcpu();
	if (is_here) {
		n->pause_us *= n->pause_us < LOOK_MOST_US ? 2 : 1;
	} else {
		n->pause_us = LOOK_US;
		go_to(processor);
	}
	if (waited && !is_here)
		be_calm(&n->calm, now_us);
	n->look_us = now_us + n->pause_us;
}
