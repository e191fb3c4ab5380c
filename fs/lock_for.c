/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cover.h"
#include "lock.h"
#include "pass.h"

/*
 * locks/.for/PATH: which lock covers a path of the mount, who has it, how to take it. PATH need not
 * be there, so any name can be looked up, and none is listed. But the kernel goes no further than a
 * file, and reads no folder: a path that is there is what it is there; of another one that has an
 * ending (notes.md) is a file, one without is a folder. What is said of a folder stands in .for in
 * it.
 *
 * A path is remembered while it is among the newest; a node that fell out is looked up again by the
 * kernel (ESTALE).
 */

enum { PATH_MOST_BYTES = 4096 };

static const char *path_of(const struct lockfs *l, const struct lock_node *n)
{
	const struct lock_path *p = &l->paths[n->number % LOCK_PATHS];

	if (n->what == LOCK_FOR)
		return "";
	return p->serial && p->serial == n->token ? p->path : NULL;
}

static struct lock_node remember(struct lockfs *l, enum lock_what what, const char *path)
{
	struct lock_path *p = l->paths;

	while (p < l->paths + LOCK_PATHS && !(p->serial && !strcmp(p->path, path)))
		p++;
	if (p == l->paths + LOCK_PATHS) {
		p = &l->paths[l->path_count++ % LOCK_PATHS];
		free(p->path);
		p->path = xstrdup(path);
		p->serial = l->path_count;
	}
	return (struct lock_node){what, (unsigned)(p - l->paths), p->serial};
}

/* ---- what is there */

static size_t first_part(char out[NAME_BYTES], const char *path)
{
	size_t len = strcspn(path, "/");

	snprintf(out, NAME_BYTES, "%.*s", (int)len, path);
	return path[len] ? len + 1 : len;
}

/* Is it one of the names that the mount adds to a folder? In a book that is a file all are. */
static bool is_ours(const struct lockfs *l, const char *path)
{
	char name[NAME_BYTES];

	first_part(name, path);
	return !l->fs->pass || pass_is_ours(l->fs->pass, &l->fs->pass->root, name);
}

/* Follows it as far as it is there: the last node on the way, and whether that is its end. */
static bool walk(struct view_attr *at, const struct lockfs *l, const char *path)
{
	char name[NAME_BYTES];

	*at = (struct view_attr){.node = VIEW_ROOT, .mode = S_IFDIR};
	while (*path) {
		struct view_attr next;

		path += first_part(name, path);
		if (node_lookup(&next, l->fs, at->node, name) < 0)
			return false;
		*at = next;
	}
	return true;
}

static bool has_ending(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return *name && strchr(name + 1, '.');
}

static bool is_folder(const struct lockfs *l, const char *path)
{
	struct view_attr at;
	struct stat st;

	if (is_ours(l, path))
		return walk(&at, l, path) ? S_ISDIR(at.mode) : !has_ending(path);
	CLEANUP(cleanup_close) int fd = pass_resolve(l->fs->pass->root.fd, path, O_PATH, 0);

	return fd >= 0 && fstat(fd, &st) == 0 ? S_ISDIR(st.st_mode) : !has_ending(path);
}

int lockfs_for_lookup(struct lock_node *out, struct lockfs *l, const struct lock_node *folder,
		      const char *name)
{
	CLEANUP(cleanup_free) char *path = NULL;
	const char *above = path_of(l, folder);

	if (!above)
		return -ESTALE;
	if (!strcmp(name, ".for")) {
		*out = remember(l, LOCK_FOR_FILE, above);
		return 0;
	}
	path = xasprintf("%s%s%s", above, *above ? "/" : "", name);
	if (strlen(path) > PATH_MOST_BYTES)
		return -ENAMETOOLONG;
	*out = remember(l, is_folder(l, path) ? LOCK_FOR_FOLDER : LOCK_FOR_FILE, path);
	return 0;
}

/* ---- the answer */

static bool resource_of(char out[LOCK_RESOURCE_BYTES], const struct lockfs *l, const char *path)
{
	struct view_attr at;

	if (!is_ours(l, path))
		return cover_of(out, pass_rules(l->fs->pass), path);
	walk(&at, l, path);
	return view_resource(out, l->fs->views, at.node);
}

static void add_free(struct buf *out, const struct lockfs *l, const char *resource)
{
	buf_addf(out, "held by: nobody\ntake: touch %s/locks/%s\n", l->fs->options->dir, resource);
}

static void add_mine(struct buf *out, const struct lockfs *l, const struct lock *k)
{
	buf_addf(out, "held by: you, as %s, token %lld\ngive back: rm %s/locks/%s\n",
		 k->holder.instance, (long long)k->token, l->fs->options->dir, k->resource);
}

int lockfs_for_text(struct buf *out, struct lockfs *l, fuse_req_t req, const struct lock_node *n)
{
	char resource[LOCK_RESOURCE_BYTES];
	const char *path = path_of(l, n);
	struct lock_holder me;
	struct lock k;
	int r;

	if (!path)
		return -ESTALE;
	if (!resource_of(resource, l, path))
		return buf_adds(out, "resource: none\nno lock covers this path: anybody may write "
				     "it\n");
	r = lockfs_table(l) ? locks_over(&k, l->table, resource) : -ENOLCK;
	if (r < 0 && r != -ENOENT)
		return r;
	buf_addf(out, "resource: %s\n", resource);
	if (r == -ENOENT)
		add_free(out, l, resource);
	else if (lockfs_who_of(&me, l, req, k.resource) == 0 && lock_is_of(&k, &me))
		add_mine(out, l, &k);
	else
		lockfs_describe(out, l, &k, resource);
	return buf_error(out);
}
