/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fs.h"
#include "press.h"

/*
 * illustrated.epub, .pdf and .cbz: the book to be held, as files of the mount. They cost seconds
 * and may be larger than memory, so they are no view: each is bound when somebody opens it, into a
 * file without a name, and read from there.
 *
 * A name leads to one of two nodes, as an analysis does (fuse.md): to a trigger, of which the opens
 * are parked, or to a version with its true size. A version is the book as it was when its binding
 * began. It is shown until pictures, scenes or cast change, and to those who waited for it in any
 * case: they are answered ESTALE, which the kernel takes once, so the name must lead to what they
 * waited for although the store went on meanwhile. Whoever has a version open keeps it.
 *
 * One is bound at a time: the pool is small, and others need it.
 */

enum {
	OWED_MS = 5000,	 /* so long after it was made a version waits for those who waited for it */
	KEPT_MS = 30000, /* so long it stays after somebody asked for it */
	FAILED_MS = 2000, /* so long a failure answers those who come after it, too */
};

struct held {
	struct link link; /* of table->versions */
	struct held_table *table;
	enum press_shape shape;
	uint64_t number;
	int fd;
	uint64_t size_bytes;
	int64_t seq, mtime_unix_ms; /* what it shows */
	int64_t made_unix_ms, made_boot_ms, asked_boot_ms;
	int owed, opens, reads;
};

struct build {
	struct held_table *table;
	enum press_shape shape;
	struct store *store;
	const char *book_path;
	int64_t seq, mtime_unix_ms;
	int fd, result;
	uint64_t size_bytes;
	struct err err;
};

struct failure {
	int64_t unix_ms;
	struct err err;
};

struct held_table {
	struct fs *fs;
	struct link versions; /* the newest last */
	bool wanted[PRESS_SHAPES];
	struct failure failed[PRESS_SHAPES];
	struct build *build; /* the one under way */
	atomic_bool stop;
	uint64_t numbers;
	struct timer *timer; /* of what nobody has open */
};

static const char *const names[PRESS_SHAPES] = {[PRESS_EPUB] = "illustrated.epub",
						[PRESS_PDF] = "illustrated.pdf",
						[PRESS_CBZ] = "illustrated.cbz"};

/* ---- versions */

static struct held *held_close(struct held *h)
{
	ring_remove(&h->link);
	close(h->fd);
	free(h);
	return NULL;
}

static bool shows_all(const struct held *h)
{
	int64_t seq, time;

	return view_book_stamp(&seq, &time, h->table->fs->views) == 0 && seq == h->seq;
}

static struct held *newest(const struct held_table *t, enum press_shape shape)
{
	for (struct link *l = t->versions.prev; l != &t->versions; l = l->prev) {
		struct held *h = LINK_OWNER(l, struct held, link);

		if (h->shape == shape)
			return h;
	}
	return NULL;
}

/* What the name leads to now; NULL: the trigger. */
static struct held *current(const struct held_table *t, enum press_shape shape)
{
	struct held *h = newest(t, shape);

	if (!h || shows_all(h))
		return h;
	return h->owed > 0 && clock_boot_ms() < h->made_boot_ms + OWED_MS ? h : NULL;
}

static struct held *version_of(const struct held_table *t, uint64_t number)
{
	for (struct link *l = t->versions.prev; l != &t->versions; l = l->prev) {
		struct held *h = LINK_OWNER(l, struct held, link);

		if (h->number == number)
			return h;
	}
	return NULL;
}

/* Nobody has it open, and nobody was told of it lately: its room on the disk is given back. */
static void sweep(void *arg)
{
	struct held_table *t = arg;
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (struct link *l = t->versions.next, *after; l != &t->versions; l = after) {
		struct held *h = LINK_OWNER(l, struct held, link);
		int64_t until = h->asked_boot_ms + (shows_all(h) ? KEPT_MS : OWED_MS);

		after = l->next;
		if (h->opens || h->reads)
			continue;
		if (until <= now)
			held_close(h);
		else if (until < next)
			next = until;
	}
	if (next != INT64_MAX)
		timer_set(t->timer, next);
}

/* ---- binding */

/* Where large files belong. */
static const char *workplace(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* A file without a name. */
static int open_nameless(struct err *err)
{
	const char *dir = workplace();
	CLEANUP(cleanup_free) char *path = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		path = xasprintf("%s/bookfs-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	return fd >= 0 ? fd
		       : err_set(err, -errno, "no file can be made in %s (TMPDIR): %s", dir,
				 strerror(errno));
}

static int bind_book(struct build *b, struct store_reader *r)
{
	const struct press press = {
		.shape = b->shape, .reader = r, .book_path = b->book_path, .stop = &b->table->stop};
	struct stat st;
	int result = press_make(b->fd, names[b->shape], &press, &b->err);

	if (result == -ENOSPC)
		err_set(&b->err, result, "the disk of %s (TMPDIR), where it is bound, is full",
			workplace());
	if (result == 0 && fstat(b->fd, &st) < 0)
		result = err_set(&b->err, -errno, "%s", strerror(errno));
	if (result == 0)
		b->size_bytes = (uint64_t)st.st_size;
	return result;
}

static void work(void *arg)
{
	struct build *b = arg;
	CLEANUP(store_reader_close_cleanup) struct store_reader *r = NULL;

	b->fd = open_nameless(&b->err);
	b->result = b->fd < 0 ? b->fd : store_reader_open(&r, b->store, &b->err);
	if (b->result == 0)
		b->result = bind_book(b, r);
	/* A child that died says nothing that a reader could do something about. */
	if (b->result == -EPIPE)
		b->result = -EIO;
}

static void build_next(struct held_table *t);

static void keep_version(const struct build *b)
{
	struct held *h = xcalloc(1, sizeof(*h));

	*h = (struct held){
		.table = b->table,
		.shape = b->shape,
		.number = ++b->table->numbers,
		.fd = b->fd,
		.size_bytes = b->size_bytes,
		.seq = b->seq,
		.mtime_unix_ms = b->mtime_unix_ms,
		.made_unix_ms = clock_unix_ms(),
		.made_boot_ms = clock_boot_ms(),
		.asked_boot_ms = clock_boot_ms(),
	};
	ring_add(&b->table->versions, &h->link);
	log_info("%s: %llu bytes are bound", names[b->shape], (unsigned long long)b->size_bytes);
}

static void built(void *arg)
{
	struct build *b = arg;
	struct held_table *t = b->table;
	struct fs *fs = t->fs;

	t->build = NULL;
	if (b->result == 0) {
		keep_version(b);
	} else {
		t->failed[b->shape] = (struct failure){clock_unix_ms(), b->err};
		t->failed[b->shape].err.code = b->result;
		if (b->fd >= 0)
			close(b->fd);
	}
	free(b);
	parked_changed(fs->parked);
	sweep(t);
	build_next(t);
	fs_done(fs);
}

static void build_next(struct held_table *t)
{
	struct build *b;
	int shape = 0;

	while (shape < PRESS_SHAPES && !t->wanted[shape])
		shape++;
	if (t->build || shape == PRESS_SHAPES || t->stop)
		return;
	t->wanted[shape] = false;
	t->build = b = xcalloc(1, sizeof(*b));
	*b = (struct build){.table = t,
			    .shape = (enum press_shape)shape,
			    .store = t->fs->engine->store,
			    .book_path = options_reach(t->fs->options),
			    .fd = -1};
	view_book_stamp(&b->seq, &b->mtime_unix_ms, t->fs->views);
	t->fs->pending++;
	loop_work(t->fs->loop, work, built, b);
}

void held_wish(struct held_table *t, int host)
{
	int shape = host - HOST_HELD;

	if (t->build && (int)t->build->shape == shape)
		return;
	t->wanted[shape] = true;
	build_next(t);
}

int held_look(struct held_table *t, int host, int64_t asked_unix_ms, struct err *err)
{
	int shape = host - HOST_HELD;
	const struct failure *f = &t->failed[shape];
	const struct held *h = newest(t, (enum press_shape)shape);

	/* Who asked while it was bound waited for this one, whatever changed meanwhile. */
	if (h && (h->made_unix_ms >= asked_unix_ms || current(t, h->shape)))
		return 1;
	if (t->wanted[shape] || (t->build && (int)t->build->shape == shape))
		return 0;
	if (f->unix_ms && f->unix_ms + FAILED_MS > asked_unix_ms)
		return err_set(err, f->err.code, "%s: %s", names[shape], f->err.msg);
	return 0;
}

void held_owe(struct held_table *t, int host, int readers)
{
	struct held *h = newest(t, (enum press_shape)(host - HOST_HELD));

	if (h)
		h->owed += readers;
}

/* ---- nodes */

/* The trigger of a shape, and then each version, has a number of its own. */
static uint64_t node_of(enum press_shape shape, uint64_t number)
{
	return NODE_OWN(OWN_HELD_FIRST + PRESS_SHAPES * number + (uint64_t)shape);
}

static void trigger_attr(struct view_attr *out, const struct held_table *t, enum press_shape shape)
{
	int64_t seq, time = 0;

	view_book_stamp(&seq, &time, t->fs->views);
	*out = (struct view_attr){
		.node = node_of(shape, 0),
		.ino = INO_OWN(OWN_HELD_FIRST + (uint64_t)shape),
		.class = VIEW_TRIGGER,
		.host = (enum view_host)(HOST_HELD + shape),
		.mode = S_IFREG | 0444,
		.links = 1,
		.size_bytes = VIEW_PLACEHOLDER_BYTES,
		.mtime_unix_ms = time,
	};
}

static void version_attr(struct view_attr *out, struct held *h)
{
	trigger_attr(out, h->table, h->shape);
	out->node = node_of(h->shape, h->number);
	out->class = VIEW_HELD;
	out->size_bytes = h->size_bytes;
	out->mtime_unix_ms = h->mtime_unix_ms;
	h->asked_boot_ms = clock_boot_ms();
}

int held_lookup(struct view_attr *out, struct held_table *t, const char *name)
{
	for (int shape = 0; shape < PRESS_SHAPES; shape++) {
		struct held *h;

		if (strcmp(name, names[shape]) != 0)
			continue;
		h = current(t, (enum press_shape)shape);
		if (h)
			version_attr(out, h);
		else
			trigger_attr(out, t, (enum press_shape)shape);
		return 0;
	}
	return -ENOENT;
}

int held_attr(struct view_attr *out, struct held_table *t, uint64_t own)
{
	uint64_t number = (own - OWN_HELD_FIRST) / PRESS_SHAPES;
	struct held *h = number ? version_of(t, number) : NULL;

	if (number && !h)
		return -ESTALE;
	if (h)
		version_attr(out, h);
	else
		trigger_attr(out, t, (enum press_shape)((own - OWN_HELD_FIRST) % PRESS_SHAPES));
	return 0;
}

const char *held_name(uint64_t ino)
{
	for (uint64_t shape = 0; shape < PRESS_SHAPES; shape++)
		if (ino == INO_OWN(OWN_HELD_FIRST + shape))
			return names[shape];
	return NULL;
}

/* ---- reading */

void held_open(fuse_req_t req, const struct view_attr *a, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	uint64_t own = (UINT64_MAX - a->node) >> 6;
	struct held *h = version_of(fs->held, (own - OWN_HELD_FIRST) / PRESS_SHAPES);
	struct handle *handle;

	if (!h) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	why_settle_by(fs->why, req, a->ino, NULL, true);
	handle = handle_new(fs, a);
	handle->held = h;
	h->opens++;
	h->owed -= h->owed > 0;
	fi->keep_cache = 1;
	handle_reply(req, fi, handle);
}

void held_closed(struct held *h)
{
	h->opens--;
	h->asked_boot_ms = clock_boot_ms();
	sweep(h->table);
}

struct held_read {
	fuse_req_t req;
	struct held *held;
	size_t size;
	off_t offset;
	char *data;
	ssize_t got; /* or -errno */
};

static void read_reply(struct held_read *r)
{
	if (r->got < 0)
		fuse_reply_err(r->req, (int)-r->got);
	else
		fuse_reply_buf(r->req, r->data, (size_t)r->got);
	free(r->data);
	free(r);
}

static void read_work(void *arg)
{
	struct held_read *r = arg;

	r->got = pread(r->held->fd, r->data, r->size, r->offset);
	if (r->got < 0)
		r->got = -errno;
}

static void read_done(void *arg)
{
	struct held_read *r = arg;
	struct held *h = r->held;

	h->reads--;
	read_reply(r);
	sweep(h->table);
	fs_done(h->table->fs);
}

/* What was bound a moment ago is in the page cache; the loop waits for no disk. */
void held_read(fuse_req_t req, struct handle *handle, size_t size, off_t offset)
{
	struct held_read *r = xcalloc(1, sizeof(*r));

	*r = (struct held_read){.req = req, .held = handle->held, .size = size, .offset = offset};
	r->data = malloc(size ? size : 1);
	r->got = -ENOMEM;
	if (r->data)
		r->got =
			preadv2(r->held->fd, &(struct iovec){r->data, size}, 1, offset, RWF_NOWAIT);
	/* Less than was asked for may be all that is in memory. */
	if (r->data && (r->got < 0 || ((uint64_t)r->got < size &&
				       (uint64_t)(offset + r->got) < r->held->size_bytes))) {
		r->held->reads++;
		handle->fs->pending++;
		loop_work(handle->fs->loop, read_work, read_done, r);
		return;
	}
	read_reply(r);
}

/* ---- life */

struct held_table *held_new(struct fs *fs)
{
	struct held_table *t = xcalloc(1, sizeof(*t));

	t->fs = fs;
	ring_init(&t->versions);
	t->timer = timer_new(fs->loop, sweep, t);
	return t;
}

void held_changed(struct held_table *t)
{
	sweep(t);
}

void held_end(struct held_table *t)
{
	t->stop = true;
}

struct held_table *held_free(struct held_table *t)
{
	if (!t)
		return NULL;
	while (!ring_empty(&t->versions))
		held_close(LINK_OWNER(t->versions.next, struct held, link));
	timer_free(t->timer);
	free(t);
	return NULL;
}
