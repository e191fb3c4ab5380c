/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "import.h"

/*
 * .bookfs/store.ndjson: the store written down, behind a line that says of which state of the
 * folder it is. Whoever edits the folder's files means them to be read: then the record is not of
 * this folder any more, and import leaves it alone. Pictures that no file shows, as a newer one
 * took their place, lie beside it under their hashes.
 */

enum { FLUSH_BYTES = 1 << 20, RECORD_BYTES = 1 << 30 };
#define PICTURES RECORD_FOLDER "/pictures"

static int folder_make(int folder, const char *path, struct err *err)
{
	return mkdirat(folder, path, 0777) < 0 && errno != EEXIST
		       ? err_set(err, -errno, "%s: %s", path, strerror(errno))
		       : 0;
}

/* ---- writing */

struct writing {
	int fd;
	struct buf lines;
};

static int flush(struct writing *w)
{
	int r = buf_error(&w->lines);

	if (r == 0)
		r = file_write(w->fd, w->lines.data, w->lines.len);
	buf_clear(&w->lines);
	return r;
}

static int add_line(void *arg, const char *line)
{
	struct writing *w = arg;

	w->lines.max_bytes = SIZE_MAX;
	buf_adds(&w->lines, line);
	buf_addc(&w->lines, '\n');
	return w->lines.len < FLUSH_BYTES ? 0 : flush(w);
}

static int first_line(char **out, int folder)
{
	CLEANUP(cleanup_close)
	int fd = openat(folder, RECORD_PATH, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char line[256];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line));

	if (n < 0)
		return -errno;
	*out = xstrndup(line, strnlen(line, (size_t)n));
	(*out)[strcspn(*out, "\n")] = '\0';
	return 0;
}

static char *head_of(const char *digest, int64_t seq)
{
	return xasprintf("[\"export\",\"%s\",%lld]", digest, (long long)seq);
}

static int write_lines(struct store_reader *r, int folder, const char *head)
{
	CLEANUP(part_finish) struct part part = {.fd = -1};
	struct writing w = {0};
	int code = part_begin(&part, folder, RECORD_PATH);

	w.fd = part.fd;
	if (code == 0)
		code = add_line(&w, head);
	if (code == 0)
		code = store_record(r, add_line, &w);
	if (code == 0)
		code = flush(&w);
	buf_finish(&w.lines);
	return code < 0 ? code : part_commit(&part, 0);
}

/* ---- pictures that no file shows */

struct numbers {
	int64_t *items;
	size_t len, cap;
};

struct unseen {
	struct exported *count;
	struct store_reader *reader;
	int folder;
	struct numbers pictures, portraits; /* that are seen */
	struct err *err;
};

static void numbers_add(struct numbers *n, int64_t number)
{
	n->items = xgrow(n->items, &n->cap, n->len + 1, sizeof(*n->items));
	n->items[n->len++] = number;
}

static int note_picture_seen(void *arg, const struct store_picture *p)
{
	struct unseen *u = arg;

	if (p->id)
		numbers_add(&u->pictures, p->id);
	return 0;
}

static int note_portrait_seen(void *arg, const struct store_portrait *p)
{
	struct unseen *u = arg;

	numbers_add(&u->portraits, p->id);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool numbers_have(const struct numbers *n, int64_t number)
{
	return n->len && bsearch(&number, n->items, n->len, sizeof(number), by_number);
}

static void numbers_sort(struct numbers *n)
{
	if (n->len)
		qsort(n->items, n->len, sizeof(*n->items), by_number);
}

static bool is_hash(const char *s)
{
	return strlen(s) == HASH_HEX - 1 && strspn(s, "0123456789abcdef") == HASH_HEX - 1;
}

static int write_picture(struct unseen *u, const struct picture_hash *p, const char *path)
{
	CLEANUP(buf_finish) struct buf bytes = {.max_bytes = FILE_BYTES};
	CLEANUP(part_finish) struct part part = {.fd = -1};
	int r = store_picture_hash_bytes(&bytes, u->reader, p);

	if (r == 0)
		r = part_begin(&part, u->folder, path);
	if (r == 0)
		r = file_write(part.fd, bytes.data, bytes.len);
	return r < 0 ? r : part_commit(&part, 0);
}

static int add_unseen(void *arg, const struct picture_hash *p)
{
	struct unseen *u = arg;
	CLEANUP(cleanup_free) char *path = xasprintf(PICTURES "/%s", p->hash);
	int r;

	if (numbers_have(p->portrait ? &u->portraits : &u->pictures, p->id) || !is_hash(p->hash))
		return 0;
	if (faccessat(u->folder, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		u->count->kept++;
		return 0;
	}
	r = folder_make(u->folder, PICTURES, u->err);
	if (r == 0 && (r = write_picture(u, p, path)) < 0)
		return err_set(u->err, r, "%s: %s", path, strerror(-r));
	u->count->written += r == 0;
	return r;
}

static int write_unseen(struct unseen *u)
{
	int r = store_pictures(u->reader, 0, note_picture_seen, u);

	if (r == 0)
		r = store_portraits(u->reader, note_portrait_seen, u);
	numbers_sort(&u->pictures);
	numbers_sort(&u->portraits);
	if (r == 0)
		r = store_picture_hashes(u->reader, add_unseen, u);
	free(u->pictures.items);
	free(u->portraits.items);
	return r;
}

int record_write(struct exported *count, struct store_reader *r, int folder, const char *digest,
		 struct err *err)
{
	CLEANUP(cleanup_free) char *was = NULL, *head = NULL;
	struct unseen unseen = {.count = count, .reader = r, .folder = folder, .err = err};
	int64_t seq;
	int code = store_seq(&seq, r);

	if (code == 0)
		code = folder_make(folder, RECORD_FOLDER, err);
	if (code == 0)
		code = write_unseen(&unseen);
	if (code < 0)
		return err->code ? code : err_set(err, code, "%s", store_reason(r, code));
	head = head_of(digest, seq);
	if (first_line(&was, folder) == 0 && was && !strcmp(was, head)) {
		count->kept++;
		return 0;
	}
	code = write_lines(r, folder, head);
	count->written += code == 0;
	return code < 0 ? err_set(err, code, "%s: %s", RECORD_PATH, strerror(-code)) : 0;
}

/* ---- reading */

struct picture_file {
	char hash[HASH_HEX];
	char *path;
};

struct reading {
	int folder;
	FILE *file;
	struct buf line;
	const char *sub;
	struct picture_file *pictures; /* in order of hash */
	size_t len, cap;
	struct restored *done;
};

static void reading_finish(struct reading *r)
{
	for (size_t i = 0; i < r->len; i++)
		free(r->pictures[i].path);
	free(r->pictures);
	buf_finish(&r->line);
	if (r->file)
		fclose(r->file);
}

static int by_hash(const void *a, const void *b)
{
	const struct picture_file *x = a, *y = b;

	return strcmp(x->hash, y->hash);
}

static void note_picture(void *arg, const char *name)
{
	struct reading *r = arg;
	CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", r->sub, name);
	CLEANUP(buf_finish) struct buf bytes = {0};
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();

	if (dir_read(&bytes, r->folder, path) < 0)
		return;
	r->pictures = xgrow(r->pictures, &r->cap, r->len + 1, sizeof(*r->pictures));
	r->pictures[r->len].path = path;
	path = NULL;
	hash_add(h, buf_str(&bytes), bytes.len);
	hash_hex(r->pictures[r->len++].hash, h);
}

static void find_pictures(struct reading *r)
{
	static const char hidden[] = PICTURES;
	static const char *const subs[] = {
		"images",	   hidden,	    "elements/characters", "elements/creatures",
		"elements/places", "elements/items"};

	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		r->sub = subs[i];
		dir_each(r->folder, subs[i], note_picture, r);
	}
	if (r->len)
		qsort(r->pictures, r->len, sizeof(*r->pictures), by_hash);
}

static int next_line(void *arg, const char **line)
{
	struct reading *r = arg;
	char part[65536];

	buf_clear(&r->line);
	while (fgets(part, sizeof(part), r->file)) {
		size_t len = strcspn(part, "\n");

		buf_add(&r->line, part, len);
		if (part[len] == '\n')
			break;
	}
	if (ferror(r->file))
		return -EIO;
	*line = buf_str(&r->line);
	if (!utf8_valid(*line, r->line.len))
		return -EBADMSG;
	return buf_error(&r->line) ? buf_error(&r->line) : r->line.len > 0;
}

static int picture_bytes(struct buf *out, void *arg, const char *hash)
{
	const struct reading *r = arg;
	struct picture_file wanted = {0}, *found;
	struct err err;
	const char *ext;
	int code;

	if (!is_hash(hash))
		return -EBADMSG;
	memcpy(wanted.hash, hash, HASH_HEX);
	found = r->len ? bsearch(&wanted, r->pictures, r->len, sizeof(wanted), by_hash) : NULL;
	code = found ? dir_read(out, r->folder, found->path) : -ENOENT;
	return code < 0 ? code : picture_check(&ext, buf_str(out), out->len, &err);
}

static int bring_back(struct store_tx *tx, void *arg, struct err *err)
{
	struct reading *r = arg;
	const struct record from = {next_line, picture_bytes, r};
	int code = tx_restore(r->done, tx, &from, err);

	return code == -ENOENT ? err_set(err, code, "a picture of it is not there") : code;
}

/* 1 it is there, 0 not. */
static int record_open(struct reading *r)
{
	struct stat st;
	int fd = openat(r->folder, RECORD_PATH, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > RECORD_BYTES ||
	    !(r->file = fdopen(fd, "r"))) {
		close(fd);
		return 0;
	}
	return 1;
}

int record_read(struct restored *out, struct store *s, int folder, const char *digest,
		struct err *err)
{
	CLEANUP(reading_finish) struct reading r = {.folder = folder, .done = out};
	CLEANUP(cleanup_free) char *head = xasprintf("[\"export\",\"%s\",", digest);
	const char *line = "";
	int code;

	if (!record_open(&r))
		return 0;
	if (next_line(&r, &line) < 0 || strncmp(line, head, strlen(head)))
		return err_set(err, -ECANCELED, "files were changed since the export");
	find_pictures(&r);
	code = store_write_wait(s, bring_back, &r, err);
	return code < 0 ? code : 1;
}
