/* SPDX-License-Identifier: MIT */
#include "tree.h"

/*
 * Contents by node id. What somebody holds stays; what nobody holds stays while there is room, and
 * in any case for the seconds in which an id that was just handed out may still be opened. Sizes
 * are remembered apart from the bytes: they are few, and equal ids have equal sizes for ever.
 */

#define CACHE_BYTES ((size_t)4 << 20)
#define HANDED_MS 5000

static size_t mix(uint64_t node)
{
	return (size_t)((node * 0x9e3779b97f4a7c15ull) >> 40);
}

static struct entry **bucket(struct views *v, uint64_t node)
{
	return &v->cache.buckets[mix(node) % CACHE_BUCKETS];
}

static void order_remove(struct cache *c, struct entry *e)
{
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
}

static void order_add(struct cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static size_t weight(const struct entry *e)
{
	return sizeof(*e) + e->content.len;
}

static void unlink_entry(struct views *v, struct entry *e)
{
	struct entry **at = bucket(v, e->node);
	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	order_remove(&v->cache, e);
	v->cache.bytes -= weight(e);
	e->linked = false;
}

static void entry_free(struct entry *e)
{
	free((char *)e->content.data);
	free(e);
}

static void trim(struct views *v, size_t keep_bytes, int64_t handed_before_ms)
{
	struct entry *next;
	for (struct entry *e = v->cache.oldest; e && v->cache.bytes > keep_bytes; e = next) {
		next = e->newer;
		if (e->handed_boot_ms >= handed_before_ms)
			break; /* and all that follow are newer */
		if (e->content.refs)
			continue;
		unlink_entry(v, e);
		entry_free(e);
	}
}

struct entry *cache_find(struct views *v, uint64_t node)
{
	struct entry *e = *bucket(v, node);
	while (e && e->node != node)
		e = e->chain;
	return e;
}

void cache_handed(struct views *v, struct entry *e)
{
	e->handed_boot_ms = clock_boot_ms();
	if (!e->linked)
		return;
	order_remove(&v->cache, e);
	order_add(&v->cache, e);
}

struct entry *cache_entry_new(uint64_t node, char *data, size_t len, int64_t mtime)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	e->content.data = data;
	e->content.len = len;
	e->node = node;
	e->mtime_unix_ms = mtime;
	e->handed_boot_ms = clock_boot_ms();
	return e;
}

struct entry *cache_add(struct views *v, uint64_t node, char *data, size_t len, int64_t mtime)
{
	struct entry *e = cache_entry_new(node, data, len, mtime);
	trim(v, CACHE_BYTES > weight(e) ? CACHE_BYTES - weight(e) : 0,
	     e->handed_boot_ms - HANDED_MS);
	e->linked = true;
	e->chain = *bucket(v, node);
	*bucket(v, node) = e;
	order_add(&v->cache, e);
	v->cache.bytes += weight(e);
	return e;
}

void cache_entry_release(struct views *v, struct entry *e)
{
	if (--e->content.refs > 0)
		return;
	/* What was loaded, not rendered, is large and can be loaded again. */
	if (e->linked && e->dropped)
		unlink_entry(v, e);
	if (!e->linked)
		entry_free(e);
}

void cache_clear(struct views *v)
{
	trim(v, 0, INT64_MAX);
}

bool cache_memo_size(uint64_t *size_bytes, const struct views *v, uint64_t node)
{
	size_t slot = mix(node) % MEMO_SLOTS;
	if (v->cache.memo[slot].node != node)
		return false;
	*size_bytes = v->cache.memo[slot].size_bytes;
	return true;
}

void cache_memo_set(struct views *v, uint64_t node, uint64_t size_bytes)
{
	size_t slot = mix(node) % MEMO_SLOTS;
	v->cache.memo[slot].node = node;
	v->cache.memo[slot].size_bytes = size_bytes;
}
