/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cover.h"
#include "lock.h"

enum { TAG = 62, TAG_BITS = 6, WHAT_BITS = 4, NUMBER_BITS = 20 };
#define NUMBER_MAX ((1u << NUMBER_BITS) - 1)
#define INO_LOCKS ((uint64_t)1 << 51)

static_assert(LOCK_WHATS <= 1 << WHAT_BITS, "what a node is fits its bits");

/* ---- node ids */

uint64_t lock_node_id(const struct lockfs *l, const struct lock_node *n)
{
	if (n->what == LOCK_LOCKS || n->what == LOCK_OLD)
		return l->folders[n->what].node;
	return (uint64_t)TAG | (uint64_t)n->what << TAG_BITS |
	       (uint64_t)n->number << (TAG_BITS + WHAT_BITS) |
	       n->token << (TAG_BITS + WHAT_BITS + NUMBER_BITS);
}

bool lock_node_decode(struct lock_node *out, const struct lockfs *l, uint64_t node)
{
	*out = (struct lock_node){.what = LOCK_LOCKS};
	if (node == l->folders[LOCK_LOCKS].node)
		return true;
	out->what = LOCK_OLD;
	if (node == l->folders[LOCK_OLD].node)
		return true;
	if ((node & ((1 << TAG_BITS) - 1)) != TAG)
		return false;
	out->what = (enum lock_what)(node >> TAG_BITS & ((1 << WHAT_BITS) - 1));
	out->number = (unsigned)(node >> (TAG_BITS + WHAT_BITS)) & NUMBER_MAX;
	out->token = node >> (TAG_BITS + WHAT_BITS + NUMBER_BITS);
	return true;
}

/* A lock's is its token. */
static uint64_t ino_of(const struct lockfs *l, const struct lock_node *n)
{
	if (n->what == LOCK_LOCKS || n->what == LOCK_OLD)
		return l->folders[n->what].ino;
	if (n->what == LOCK_HELD)
		return n->token;
	return INO_LOCKS | (uint64_t)n->what << NUMBER_BITS | n->number;
}

/* ---- resources: a number each: the shares of Book first, then as lock_resource_name counts */

enum { SHARES = 64 };

int lockfs_chapters(const struct lockfs *l)
{
	int count = view_chapters(l->fs->views);

	return l->of_folder && count < COVER_CHAPTER_MOST ? COVER_CHAPTER_MOST : count;
}

bool lockfs_name(char out[LOCK_RESOURCE_BYTES], const struct lockfs *l, unsigned number)
{
	if (number < SHARES) {
		snprintf(out, LOCK_RESOURCE_BYTES, "Book.%u", number + 1);
		return true;
	}
	return number <= NUMBER_MAX &&
	       lock_resource_name(out, (int)number - SHARES, lockfs_chapters(l));
}

static bool is_chapter(const char *name)
{
	return strncmp(name, "Chapter_", strlen("Chapter_")) == 0;
}

static bool is_share(const char *name)
{
	return strncmp(name, "Book.", strlen("Book.")) == 0;
}

/* Those with names come first, then the chapters. */
int lockfs_number(const struct lockfs *l, const char *name)
{
	char other[LOCK_RESOURCE_BYTES];
	unsigned k = 0;

	if (is_chapter(name))
		k = l->named + (unsigned)strtoul(name + strlen("Chapter_"), NULL, 10) - 1;
	for (; lockfs_name(other, l, k); k++) {
		if (!strcmp(other, name))
			return (int)k;
		if (k >= l->named)
			break;
	}
	return -ENOENT;
}

unsigned lockfs_named(const struct lockfs *l)
{
	char name[LOCK_RESOURCE_BYTES];
	unsigned count = 0;

	while (lockfs_name(name, l, count) && !is_chapter(name))
		count++;
	return count;
}

/* Who may not write where the table would be has none, and so has nobody else there. Any other
 * table that cannot be used may well hold locks. */
static bool is_forbidden(const struct lockfs *l)
{
	int code = l->no_table.code;

	return code == -EROFS || code == -EACCES || code == -EPERM;
}

int lockfs_now(struct lock *out, struct lockfs *l, const char *resource)
{
	if (!lockfs_table(l))
		return is_forbidden(l) ? -ENOENT : -ENOLCK;
	return locks_get(out, l->table, resource);
}

int lockfs_read(struct lock_list *out, struct lockfs *l)
{
	if (!lockfs_table(l))
		return is_forbidden(l) ? 0 : -ENOLCK;
	return lock_list_read(out, l->table) < 0 ? -ENOLCK : 0;
}

/* ---- sets */

static bool same_names(const struct strv *a, const struct strv *b)
{
	bool same = a->len == b->len;

	for (size_t i = 0; same && i < a->len; i++)
		same = !strcmp(a->items[i], b->items[i]);
	return same;
}

struct lock_node lock_set_node(struct lockfs *l, const struct strv *names)
{
	struct lock_node n = {.what = LOCK_SET};
	struct lock_names *set = l->sets;

	while (set < l->sets + LOCK_SETS && !(set->serial && same_names(&set->list, names)))
		set++;
	if (set == l->sets + LOCK_SETS) {
		set = &l->sets[l->set_count++ % LOCK_SETS];
		strv_finish(&set->list);
		for (size_t i = 0; i < names->len; i++)
			strv_add(&set->list, names->items[i]);
		set->serial = l->set_count;
	}
	n.number = (unsigned)(set - l->sets);
	n.token = set->serial;
	return n;
}

int lock_node_names(struct strv *out, const struct lockfs *l, const struct lock_node *n)
{
	char name[LOCK_RESOURCE_BYTES];
	const struct lock_names *set;

	if (n->what == LOCK_HELD && lockfs_name(name, l, n->number)) {
		strv_add(out, name);
		return 0;
	}
	set = &l->sets[n->number % LOCK_SETS];
	if (n->what != LOCK_SET || set->serial != n->token)
		return -ESTALE;
	for (size_t i = 0; i < set->list.len; i++)
		strv_add(out, set->list.items[i]);
	return 0;
}

/* ---- names */

static const char *const helpers[LOCK_HELPERS] = {
	[LOCK_HELPER_RESOURCES] = ".resources",
	[LOCK_HELPER_WHY] = ".why",
	[LOCK_HELPER_CTL] = ".ctl",
	[LOCK_HELPER_TABLE] = ".table",
	[LOCK_HELPER_TABLE_JSON] = ".table.json",
	[LOCK_HELPER_DASHBOARD] = ".dashboard.md",
	[LOCK_HELPER_LOG] = ".log",
	[LOCK_HELPER_ME] = ".me",
};

static int find_hidden(struct lock_node *out, const char *name)
{
	if (!strcmp(name, ".for")) {
		*out = (struct lock_node){.what = LOCK_FOR};
		return 0;
	}
	if (!strcmp(name, ".all") || !strcmp(name, ".wait")) {
		*out = (struct lock_node){.what = name[1] == 'a' ? LOCK_ALL : LOCK_WAIT};
		return 0;
	}
	for (unsigned i = 0; i < LOCK_HELPERS; i++)
		if (!strcmp(name, helpers[i])) {
			*out = (struct lock_node){.what = LOCK_HELPER, .number = i};
			return 0;
		}
	return -ENOENT;
}

/* A set is there when all of it is held. */
static int find_set(struct lock_node *out, struct lockfs *l, const char *name)
{
	CLEANUP(strv_finish) struct strv names = {0};
	struct lock k;
	int r = lock_set_parse(&names, name, strlen(name), lockfs_chapters(l), NULL);

	for (size_t i = 0; r == 0 && i < names.len; i++)
		r = lockfs_now(&k, l, names.items[i]);
	if (r == 0)
		*out = lock_set_node(l, &names);
	return r == -EINVAL ? -ENOENT : r;
}

static int find_held(struct lock_node *out, struct lock *k, struct lockfs *l, const char *name)
{
	int number = lockfs_number(l, name);
	int r = number < 0 ? number : lockfs_now(k, l, name);

	if (r == 0)
		*out = (struct lock_node){
			.what = LOCK_HELD,
			.number = (unsigned)number,
			.token = (uint64_t)k->token,
		};
	return r;
}

int lock_node_lookup(struct lock_node *out, struct lock *k, struct lockfs *l,
		     const struct lock_node *folder, const char *name)
{
	int number;

	if (folder->what == LOCK_LOCKS) {
		if (name[0] == '.')
			return find_hidden(out, name);
		return strchr(name, '+') ? find_set(out, l, name) : find_held(out, k, l, name);
	}
	if (folder->what == LOCK_FOR || folder->what == LOCK_FOR_FOLDER)
		return lockfs_for_lookup(out, l, folder, name);
	number = lockfs_number(l, name);
	if (number < 0 || (folder->what != LOCK_WAIT && is_share(name)))
		return -ENOENT;
	if (folder->what != LOCK_ALL && folder->what != LOCK_WAIT)
		return -ENOENT;
	*out = (struct lock_node){
		.what = folder->what == LOCK_ALL ? LOCK_ANY : LOCK_AWAITED,
		.number = (unsigned)number,
	};
	return 0;
}

/* ---- attributes */

static const mode_t modes[LOCK_WHATS] = {
	[LOCK_LOCKS] = S_IFDIR | S_ISVTX | 0777,
	[LOCK_OLD] = S_IFDIR | S_ISVTX | 0777,
	[LOCK_ALL] = S_IFDIR | 0555,
	[LOCK_WAIT] = S_IFDIR | 0555,
	[LOCK_HELD] = S_IFREG | 0644,
	[LOCK_SET] = S_IFREG | 0644,
	[LOCK_ANY] = S_IFREG | 0666,
	[LOCK_AWAITED] = S_IFREG | 0444,
	[LOCK_HELPER] = S_IFREG | 0444,
	[LOCK_OLD_JSON] = S_IFREG | 0666,
	[LOCK_OLD_COPY] = S_IFREG | 0600,
	[LOCK_FOR] = S_IFDIR | 0555,
	[LOCK_FOR_FOLDER] = S_IFDIR | 0555,
	[LOCK_FOR_FILE] = S_IFREG | 0444,
};

void lock_node_stat(struct stat *st, const struct lockfs *l, const struct lock_node *n,
		    const struct lock *k)
{
	*st = (struct stat){
		.st_ino = ino_of(l, n),
		.st_mode = modes[n->what],
		.st_nlink = n->what == LOCK_HELD && !k ? 0 : 1,
		.st_uid = k ? k->holder.uid : getuid(),
		.st_gid = getgid(),
		.st_mtim = clock_timespec(k ? k->renewed_unix_ms : l->changed_unix_ms),
		.st_ctim = clock_timespec(k ? k->acquired_unix_ms : l->changed_unix_ms),
	};
	st->st_atim = st->st_mtim;
	if (n->what == LOCK_HELPER && n->number == LOCK_HELPER_CTL)
		st->st_mode |= 0222;
}

int lock_node_lock(struct lock *out, struct lockfs *l, const struct lock_node *n)
{
	char name[LOCK_RESOURCE_BYTES];
	int r = lockfs_name(name, l, n->number) ? lockfs_now(out, l, name) : -ESTALE;

	if (r == -ENOENT || (r == 0 && (uint64_t)out->token != n->token))
		return -ESTALE;
	return r;
}

/* ---- lists */

static void list_add(struct view_list *list, const struct lockfs *l, const char *name,
		     const struct lock_node *n)
{
	list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(list->items[0]));
	list->items[list->len++] = (struct view_item){
		.name = xstrdup(name),
		.node = lock_node_id(l, n),
		.ino = ino_of(l, n),
		.mode = modes[n->what],
	};
}

static int list_held(struct view_list *list, struct lockfs *l)
{
	CLEANUP(lock_list_finish) struct lock_list locks = {0};
	int r = lockfs_read(&locks, l);

	for (size_t i = 0; i < locks.len; i++) {
		const struct lock *k = &locks.items[i];
		int number = lockfs_number(l, k->resource);
		struct lock_node n = {LOCK_HELD, (unsigned)number, (uint64_t)k->token};

		if (number >= 0 && process_life(&k->holder.anchor) != PROCESS_DEAD)
			list_add(list, l, k->resource, &n);
	}
	return r;
}

/* The helpers are not listed: who walks the tree wants what is locked, and some of them block. */
int lock_node_list(struct view_list **out, struct lockfs *l, const struct lock_node *n)
{
	struct view_list *list = xcalloc(1, sizeof(*list));
	struct lock_node item = {.what = n->what == LOCK_ALL ? LOCK_ANY : LOCK_AWAITED};
	char name[LOCK_RESOURCE_BYTES];
	int r = n->what == LOCK_LOCKS ? list_held(list, l) : 0;

	if (n->what == LOCK_ALL || n->what == LOCK_WAIT)
		for (; lockfs_name(name, l, item.number); item.number++)
			if (!is_share(name))
				list_add(list, l, name, &item);
	if (n->what == LOCK_OLD)
		list_add(list, l, "locks.json", &(struct lock_node){.what = LOCK_OLD_JSON});
	if (r < 0)
		view_list_free(list);
	else
		*out = list;
	return r;
}
