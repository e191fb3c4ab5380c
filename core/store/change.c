/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/epoll.h>

#include "internal.h"

/*
 * How the loop hears of commits. Three things make it look: our own writer posts, the bell of
 * another process rings, and a timer asks four times a second in case a bell was lost. Each of them
 * only asks SQLite's data_version, which moves with every commit of another connection: so of many
 * that come together one is told, and nothing is told twice.
 *
 * A process that ended closes NAME-live. Whoever sees that puts its claims back, which is a commit
 * like any other.
 */

#define NET_MS 250
/* The kernel tells of the close a moment before it drops the lock. */
#define AFTER_CLOSE_MS 5

struct change {
	struct store *store; /* NULL: closed, the posted call that is under way frees this */
	struct watch *watch;
	struct timer *net;
	atomic_bool posted;
	int64_t version;
	void (*fn)(void *arg);
	void *arg;
};

static int64_t data_version(struct change *c)
{
	static const char sql[] = "PRAGMA data_version";
	CLEANUP(query_end) struct query q = query_begin(&c->store->reader.conn, sql);
	return query_row(&q) == 1 ? query_get_int(&q, 0) : c->version;
}

static void look(struct change *c)
{
	int64_t version = data_version(c);
	if (version == c->version)
		return;
	c->version = version;
	if (c->fn)
		c->fn(c->arg);
}

static int release_dead(struct store_tx *tx, void *arg, struct err *err)
{
	return tx_release_dead(tx, NULL);
}

static void on_net(void *arg)
{
	struct change *c = arg;
	struct store *s = c->store;
	timer_set(c->net, clock_boot_ms() + NET_MS);
	if (s->writer && store_has_dead(s, &s->reader.conn) > 0)
		store_write(s, release_dead, NULL, NULL);
	look(c);
}

static void on_bell(void *arg, uint32_t revents)
{
	struct change *c = arg;
	if (live_drain(c->store->live))
		timer_set(c->net, clock_boot_ms() + AFTER_CLOSE_MS);
	look(c);
}

static void on_post(void *arg)
{
	struct change *c = arg;
	atomic_store(&c->posted, false);
	if (c->store)
		look(c);
	else
		free(c);
}

void change_post(struct change *c)
{
	if (c && !atomic_exchange(&c->posted, true))
		loop_post(c->store->loop, on_post, c);
}

struct change *change_new(struct store *s)
{
	struct change *c = xcalloc(1, sizeof(*c));
	c->store = s;
	c->version = data_version(c);
	return c;
}

struct change *change_free(struct change *c)
{
	if (!c)
		return NULL;
	c->watch = watch_free(c->watch);
	c->net = timer_free(c->net);
	c->store = NULL;
	if (!atomic_load(&c->posted))
		free(c);
	return NULL;
}

void store_on_change(struct store *s, void (*fn)(void *arg), void *arg)
{
	struct change *c = s->change;
	c->fn = fn;
	c->arg = arg;
	if (c->net)
		return;
	int fd = live_fd(s->live);
	if (fd >= 0 && loop_watch(&c->watch, s->loop, fd, EPOLLIN, on_bell, c) < 0)
		log_warn("store: no bell; changes of other processes are seen %d ms late", NET_MS);
	c->net = timer_new(s->loop, on_net, c);
	timer_set(c->net, clock_boot_ms() + NET_MS);
}
