/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "fs.h"

/*
 * What inotify tells of a folder that is mounted, by whomever it was changed. One descriptor serves
 * two who want to know: fresh.c of the folders that the book is read from, and pass_watch.c of
 * those of which the kernel remembers names. A folder that both watch has one number. What neither
 * watches any more is given back.
 *
 * fresh.c finds its folders in the pool, and they are put beneath the numbers that it got when it
 * has; until then nothing is given back, as that number may be one of them.
 *
 * Who writes a large file through the mount makes an event a write. So the events are read at once,
 * and then for PAUSE_MS no more: the kernel puts those that are alike together.
 */

enum { PAUSE_MS = 2, BUCKETS = 1024, SPOTS_MOST = 10000 };

struct spot {
	struct spot *chain;
	int number;    /* inotify's */
	char *path;    /* beneath the folder, for fresh.c; or NULL */
	uint64_t node; /* for pass_watch.c; or 0 */
};

struct watcher {
	struct fs *fs;
	int events;
	struct watch *watch;
	struct timer *pause;
	struct spot *buckets[BUCKETS];
	size_t count;
	bool walking; /* fresh.c is in the pool */
};

/* ---- what is watched */

static struct spot **place_of(struct watcher *w, int number)
{
	struct spot **at = &w->buckets[(unsigned)number % BUCKETS];

	while (*at && (*at)->number != number)
		at = &(*at)->chain;
	return at;
}

static struct spot *spot_of(struct watcher *w, int number)
{
	struct spot **at = place_of(w, number);

	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->number = number;
		w->count++;
	}
	return *at;
}

static void remove_at(struct watcher *w, struct spot **at)
{
	struct spot *s = *at;

	*at = s->chain;
	w->count--;
	free(s->path);
	free(s);
}

static void give_back_unused(struct watcher *w, struct spot **at)
{
	if ((*at)->path || (*at)->node || w->walking)
		return;
	inotify_rm_watch(w->events, (*at)->number);
	remove_at(w, at);
}

static int reach(const struct watcher *w, int folder, uint32_t what)
{
	char path[32];
	int number;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	number = inotify_add_watch(w->events, path,
				   what | IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD);
	return number < 0 ? -errno : number;
}

int watcher_add_node(struct watcher *w, int folder, uint64_t node)
{
	int number = w->count < SPOTS_MOST ? reach(w, folder, WATCHED_NAMES | IN_MODIFY | IN_ATTRIB)
					   : -ENOSPC;

	if (number > 0)
		spot_of(w, number)->node = node;
	return number;
}

void watcher_drop_node(struct watcher *w, int number)
{
	struct spot **at = place_of(w, number);

	if (!*at)
		return;
	(*at)->node = 0;
	give_back_unused(w, at);
}

void watcher_walk(struct watcher *w)
{
	w->walking = true;
}

int watcher_add(struct watcher *w, int folder)
{
	return reach(w, folder, WATCHED_NAMES);
}

static void forget_paths(struct watcher *w)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct spot *s = w->buckets[i]; s; s = s->chain) {
			free(s->path);
			s->path = NULL;
		}
}

static void give_back_all_unused(struct watcher *w)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct spot **at = &w->buckets[i], *s; (s = *at);) {
			give_back_unused(w, at);
			if (*at == s)
				at = &s->chain;
		}
}

void watcher_walked(struct watcher *w, const int *numbers, const struct strv *paths)
{
	w->walking = false;
	forget_paths(w);
	for (size_t i = 0; i < paths->len; i++) {
		struct spot *s = spot_of(w, numbers[i]);

		free(s->path);
		s->path = xstrdup(paths->items[i]);
	}
	give_back_all_unused(w);
}

/* ---- what is told */

/* Was it looked at? */
static bool tell(struct watcher *w, const struct inotify_event *e, bool again)
{
	struct spot **at = place_of(w, e->wd);
	const char *name = e->len ? e->name : "";
	bool looked = false;

	if (e->mask & IN_Q_OVERFLOW) {
		fresh_told(w->fs->fresh, NULL, name, e->mask);
		pass_told_nothing(w->fs->pass);
		return false;
	}
	if ((*at && (*at)->path) || w->walking)
		fresh_told(w->fs->fresh, *at ? (*at)->path : NULL, name, e->mask);
	if (*at && (*at)->node && !again)
		looked = pass_told_of(w->fs->pass, (*at)->node, name, e->mask);
	if (e->mask & IN_IGNORED && *at)
		remove_at(w, at);
	return looked;
}

/* Both had happened when it was looked at what a tells. */
static bool is_known_by(const struct inotify_event *a, const struct inotify_event *b)
{
	static const uint32_t contents = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE;

	return a && a->wd == b->wd && a->len && b->len && !strcmp(a->name, b->name) &&
	       (a->mask & WATCHED_NAMES & ~contents || !(b->mask & ~contents));
}

static bool read_some(struct watcher *w)
{
	_Alignas(struct inotify_event) char chunk[16384];
	ssize_t n = read(w->events, chunk, sizeof(chunk));
	const struct inotify_event *last = NULL;

	for (const char *p = chunk; n > 0 && p < chunk + n;) {
		const struct inotify_event *e = (const void *)p;

		if (tell(w, e, is_known_by(last, e)))
			last = e;
		p += sizeof(*e) + e->len;
	}
	return n > 0;
}

bool watcher_drain(struct watcher *w)
{
	bool any = false;

	while (w && read_some(w))
		any = true;
	if (w) {
		fresh_told_all(w->fs->fresh);
		pass_told_all(w->fs->pass);
	}
	return any;
}

static void on_events(void *arg, uint32_t revents)
{
	struct watcher *w = arg;

	watcher_drain(w);
	watch_events(w->watch, 0);
	timer_set(w->pause, clock_boot_ms() + PAUSE_MS);
}

static void on_pause(void *arg)
{
	struct watcher *w = arg;

	if (watcher_drain(w))
		timer_set(w->pause, clock_boot_ms() + PAUSE_MS);
	else
		watch_events(w->watch, EPOLLIN);
}

/* ---- life */

/* Where there is no descriptor to be had (max_user_instances), no folder can be watched. */
struct watcher *watcher_new(struct fs *fs)
{
	struct watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct watcher){.fs = fs};
	w->pause = timer_new(fs->loop, on_pause, w);
	w->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->events >= 0 && loop_watch(&w->watch, fs->loop, w->events, EPOLLIN, on_events, w) < 0)
		cleanup_close(&w->events);
	return w;
}

struct watcher *watcher_free(struct watcher *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		while (w->buckets[i])
			remove_at(w, &w->buckets[i]);
	watch_free(w->watch);
	timer_free(w->pause);
	cleanup_close(&w->events);
	free(w);
	return NULL;
}
