/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Costly contents: pictures and members of the book's archive. They are read on a pool thread with
 * a reader and an archive handle that nobody else uses meanwhile; one of each is kept for the next.
 * Who asks for a node that is being loaded waits for the same load. The store may be closed when
 * views are gone, so views wait for the load that a thread is at, and the others are not begun.
 */

#define MEMBER_BYTES_MAX ((size_t)2 << 30)

struct waiter {
	struct waiter *next;
	void (*done)(void *arg, int result, struct view_content *c);
	void *arg;
};

enum phase { LOAD_QUEUED, LOAD_AT_WORK, LOAD_CANCELLED };

struct load {
	struct views *views; /* NULL: gone, nobody waits */
	atomic_int phase;
	sem_t worked;
	struct load *next;
	struct ref ref;
	uint64_t size_bytes;
	int64_t mtime_unix_ms;
	int64_t picture_id;
	uint64_t member;
	struct store *store;
	char *book_path;
	struct stat book_file;
	struct store_reader *reader;
	struct book_archive *archive;
	struct waiter *waiters, **last;
	struct buf bytes;
	int result;
};

/* ---- pool */

static int load_picture(struct load *l)
{
	struct err err = {0};
	int rc = l->reader ? 0 : store_reader_open(&l->reader, l->store, &err);
	if (rc < 0) {
		log_warn("views: %s", err.msg);
		return rc;
	}
	if (l->ref.kind == KIND_PORTRAIT)
		return store_portrait_bytes(&l->bytes, l->reader, l->picture_id);
	return store_picture_bytes(&l->bytes, l->reader, l->picture_id);
}

static int load_member(struct load *l)
{
	struct err err = {0};
	int rc = l->archive ? 0 : book_archive_open(&l->archive, l->book_path, &err);
	if (rc < 0) {
		log_warn("views: %s", err.msg);
		return rc;
	}
	return book_archive_member(&l->bytes, l->archive, l->member);
}

static bool phase_move(struct load *l, int to)
{
	int from = LOAD_QUEUED;
	return atomic_compare_exchange_strong(&l->phase, &from, to);
}

static void work(void *arg)
{
	struct load *l = arg;
	if (!phase_move(l, LOAD_AT_WORK))
		return;
	l->bytes.max_bytes = l->size_bytes + 1; /* 0 would be no cap */
	l->result = l->ref.kind == KIND_SOURCE_FILE ? load_member(l) : load_picture(l);
	/* The size was promised; the book's file may have been changed under us. */
	if (l->result == -EFBIG || (l->result == 0 && l->bytes.len != l->size_bytes))
		l->result = -EIO;
	/* An archive that was damaged from the start is an I/O error; one that was written over is
	 * not what was mounted. */
	if (l->result < 0 && l->book_path && !file_is_still(l->book_path, &l->book_file))
		l->result = -ESTALE;
	sem_post(&l->worked);
}

/* ---- loop */

static void give_back(struct views *v, struct load *l)
{
	if (!v->load_reader)
		v->load_reader = l->reader;
	else
		store_reader_close(l->reader);
	/* A handle that failed may be of a file that was replaced. */
	if (!v->load_archive && l->result == 0)
		v->load_archive = l->archive;
	else
		book_archive_close(l->archive);
}

static void load_free(struct load *l)
{
	for (struct waiter *w = l->waiters, *next; w; w = next) {
		next = w->next;
		free(w);
	}
	sem_destroy(&l->worked);
	buf_finish(&l->bytes);
	free(l->book_path);
	free(l);
}

static void load_unlink(struct views *v, struct load *l)
{
	struct load **at = &v->loads;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void answer(struct views *v, struct load *l)
{
	struct entry *e = NULL;
	if (l->result == 0) {
		size_t len;
		char *data = buf_steal(&l->bytes, &len);
		e = cache_add(v, ref_node(&l->ref), data, len, l->mtime_unix_ms);
		e->dropped = true;
		e->content.refs = 1; /* ours, while we give it to the others */
	}
	for (struct waiter *w = l->waiters; w; w = w->next) {
		if (e)
			e->content.refs++;
		w->done(w->arg, l->result, e ? &e->content : NULL);
	}
	if (e)
		cache_entry_release(v, e);
}

static void loaded(void *arg)
{
	struct load *l = arg;
	struct views *v = l->views;
	if (v) {
		load_unlink(v, l);
		give_back(v, l);
		answer(v, l);
	}
	load_free(l);
}

static struct load *load_new(struct views *v, const struct ref *ref, const struct view_attr *attr)
{
	struct load *l = xcalloc(1, sizeof(*l));
	sem_init(&l->worked, 0, 0);
	l->views = v;
	l->ref = *ref;
	l->size_bytes = attr->size_bytes;
	l->mtime_unix_ms = attr->mtime_unix_ms;
	l->store = v->store;
	l->last = &l->waiters;
	l->next = v->loads;
	v->loads = l;
	return l;
}

static int load_aim(struct load *l, struct views *v)
{
	if (l->ref.kind == KIND_SOURCE_FILE) {
		l->member = v->files[l->ref.item]->index;
		l->book_path = xstrdup(v->settings.book_path);
		l->book_file = v->book_file;
		l->archive = v->load_archive;
		v->load_archive = NULL;
		return 0;
	}
	struct store_picture p = {0};
	int err = 0;
	if (l->ref.kind == KIND_PORTRAIT)
		l->picture_id = portrait_id(v, l->ref.item);
	else
		err = store_picture(&p, v->reader, l->ref.chapter, l->ref.item);
	if (err < 0)
		return err;
	if (l->ref.kind != KIND_PORTRAIT)
		l->picture_id = p.id;
	l->reader = v->load_reader;
	v->load_reader = NULL;
	return 0;
}

static int load_start(struct load **out, struct views *v, struct loop *loop, uint64_t node)
{
	struct ref ref;
	struct view_attr attr = {0};
	int err = ref_decode(&ref, node);
	if (err == 0)
		err = views_refresh(v);
	if (err == 0)
		err = ref_resolve(&attr, v, &ref);
	if (err < 0 || attr.node != node)
		return err < 0 && err != -ENOENT ? err : -ESTALE;
	if (!attr.costly)
		return -EINVAL;
	if (attr.size_bytes > MEMBER_BYTES_MAX)
		return -EFBIG;
	struct load *l = load_new(v, &ref, &attr);
	err = load_aim(l, v);
	if (err < 0) {
		load_unlink(v, l);
		load_free(l);
		return err;
	}
	*out = l;
	loop_work(loop, work, loaded, l);
	return 0;
}

static struct load *load_find(const struct views *v, uint64_t node)
{
	struct load *l = v->loads;
	while (l && ref_node(&l->ref) != node)
		l = l->next;
	return l;
}

/* done is never called from inside the call that asked, so that fs need not care: a content that
 * is there already, and a refusal, come by the loop too. */
struct reply {
	void (*done)(void *arg, int result, struct view_content *c);
	void *arg;
	int result;
	struct view_content *content;
};

static void reply(void *arg)
{
	struct reply *r = arg;
	r->done(r->arg, r->result, r->content);
	free(r);
}

void view_load(struct views *v, struct loop *loop, uint64_t node,
	       void (*done)(void *arg, int result, struct view_content *c), void *arg)
{
	struct entry *e = cache_find(v, node);
	struct load *l = load_find(v, node);
	int err = e || l ? 0 : load_start(&l, v, loop, node);
	if (e || err < 0) {
		struct reply *r = xcalloc(1, sizeof(*r));
		*r = (struct reply){done, arg, err, e ? &e->content : NULL};
		if (e)
			e->content.refs++;
		loop_post(loop, reply, r);
		return;
	}
	struct waiter *w = xcalloc(1, sizeof(*w));
	w->done = done;
	w->arg = arg;
	*l->last = w;
	l->last = &w->next;
}

/* ---- in pieces: no load at all */

static int piece_of(uint64_t *member, uint64_t *size_bytes, struct views *v, uint64_t node)
{
	struct ref ref;
	struct view_attr attr;
	if (!v->load_archive || ref_decode(&ref, node) < 0 || ref.kind != KIND_SOURCE_FILE ||
	    views_refresh(v) < 0 || ref_resolve(&attr, v, &ref) < 0 || attr.node != node)
		return -EAGAIN;
	*member = v->files[ref.item]->index;
	*size_bytes = attr.size_bytes;
	return 0;
}

int view_piece(const char **data, size_t *len, struct views *v, uint64_t node, uint64_t offset)
{
	uint64_t member, size_bytes;
	int err = piece_of(&member, &size_bytes, v, node);
	if (err < 0)
		return err;
	return book_archive_piece(data, len, v->load_archive, member, size_bytes, offset);
}

void view_ahead(struct views *v, uint64_t node, uint64_t offset, size_t len)
{
	uint64_t member, size_bytes;
	struct view_content *c;
	if (cache_find(v, node))
		return;
	if (piece_of(&member, &size_bytes, v, node) == 0)
		book_archive_ahead(v->load_archive, member, size_bytes, offset, len);
	else if (view_content(&c, v, node) == 0)
		view_content_release(v, c);
}

/* ---- life */

void views_loads_idle(struct views *v)
{
	v->load_reader = store_reader_close(v->load_reader);
	v->load_archive = book_archive_close(v->load_archive);
}

void views_loads_orphan(struct views *v)
{
	for (struct load *l = v->loads; l; l = l->next) {
		if (!phase_move(l, LOAD_CANCELLED))
			while (sem_wait(&l->worked) < 0)
				continue; /* a signal */
		l->reader = store_reader_close(l->reader);
		l->archive = book_archive_close(l->archive);
		l->views = NULL;
	}
	v->loads = NULL;
}
