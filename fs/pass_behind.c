/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "cover.h"
#include "lock.h"
#include "pass.h"

/*
 * Changes that came by no mount of the folder (fresh.c hears of them all): of a chapter that
 * somebody holds they are told to him (locks/.why), as nothing keeps them away.
 *
 * inotify does not say who did it. What was done through this mount is known by the leave that it
 * needed (pass_fence.c). A name is made or removed, and the event queued, while that leave lasts:
 * so it is ours if one ended since all that was queued had last been read. A file that was written
 * is told when it is closed, which may be long after: it is ours if it was changed last while the
 * last leave lasted, by the clock that files' times are of. So what came through the mount is never
 * taken for another's; what another does in the very moment in which the holder writes may be taken
 * for his.
 */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void pass_cover_begins(struct pass_cover *c)
{
	c->busy++;
}

void pass_cover_ends(struct pass_cover *c)
{
	c->busy--;
	c->ended = true;
	c->ended_ns = now_ns();
}

/* When it was changed, or for a name that is gone, its folder. -1: that is gone, too. */
static int64_t changed_ns(bool *gone, const struct pass *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_free) char *folder = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	CLEANUP(cleanup_close) int fd = pass_resolve(p->root.fd, path, O_PATH, 0);
	CLEANUP(cleanup_close) int above = -1;
	struct stat st;

	*gone = fd < 0;
	if (fd >= 0 && fstat(fd, &st) == 0)
		return ns_of(st.st_ctim);
	above = slash ? pass_resolve(p->root.fd, folder, O_PATH | O_DIRECTORY, 0) : -1;
	return fstat(slash ? above : p->root.fd, &st) == 0 ? ns_of(st.st_mtim) : -1;
}

static bool is_ours(const struct pass_cover *c, uint32_t mask, int64_t changed)
{
	return c->busy || (mask & IN_CLOSE_WRITE ? changed <= c->ended_ns : c->ended);
}

static void note(struct pass *p, struct pass_cover *c, const char *path, uint32_t mask)
{
	struct locks *l = lockfs_table(p->fs->locks);
	struct lock k;
	bool gone;
	int64_t changed;

	if (!l || locks_over(&k, l, c->resource) < 0)
		return;
	changed = changed_ns(&gone, p, path);
	if (changed / 1000000 <= k.acquired_unix_ms || is_ours(c, mask, changed) ||
	    pass_is_delegated(p, path))
		return;
	/* Whose making was told, or that he is gone. */
	if (mask & IN_CLOSE_WRITE && (gone || changed <= c->told_ns))
		return;
	c->told_ns = changed;
	lockfs_note_behind(p->fs->locks, path);
}

void pass_told(struct pass *p, const char *path, uint32_t mask)
{
	char resource[LOCK_RESOURCE_BYTES];

	if (mask & (IN_CREATE | IN_DELETE | IN_MOVE) && !strchr(path, '/'))
		pass_root_changed(p, path);
	if (p->fs->options->enforce != ENFORCE_OFF &&
	    mask & (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE) &&
	    cover_of(resource, pass_rules(p), path))
		note(p, pass_cover_named(p, resource), path, mask);
}

void pass_told_all(struct pass *p)
{
	pass_told_folder(p);
	for (struct link *l = p->covers.next; l != &p->covers; l = l->next)
		LINK_OWNER(l, struct pass_cover, link)->ended = false;
}
