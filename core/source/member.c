/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "archive.h"

/*
 * source/ of the mount: members of an open book, read whole. libzip hands out a member in pieces
 * that it copies and sums slowly, and does not say where its bytes are. So the archive's central
 * directory is read here once (APPNOTE.TXT, 4.3), nothing in it is believed, and a member that is
 * plainly stored or deflated goes from the file into the buffer in one read, or one read and one
 * pass of libdeflate. At the first doubt libzip has the last word, and its errors.
 *
 * A stored member that is read from its first byte on can be given out in pieces, none of which
 * waits for the disk: they are summed as they pass, and the last one is kept back if the sum is
 * wrong. Who asks in another order is served by the whole member, summed before its first byte.
 */

struct place {
	uint64_t offset, packed_bytes, size_bytes;
	uint32_t crc;
	unsigned method;
};

/* The member that is given out in pieces. */
struct passing {
	bool begun;
	uint64_t index;
	struct place place;
	uint64_t given;	  /* bytes of it, so far */
	size_t at, ready; /* the bytes that follow, in `piece` */
	uint32_t sum;	  /* of what was given and what is ready */
};

struct book_archive {
	int fd;
	uint64_t size_bytes;
	struct archive *zip; /* NULL: the one file itself */
	bool listed;
	struct buf directory;	     /* the central directory's bytes, once listed */
	size_t *entries, count, cap; /* where in it each entry begins, by index */
	struct libdeflate_decompressor *inflater;
	struct passing passing;
	char *piece; /* PIECE_BYTES_MAX, once there was one */
};

int book_archive_open(struct book_archive **out, const char *path, struct err *err)
{
	CLEANUP(book_archive_close_cleanup) struct book_archive *a = xcalloc(1, sizeof(*a));
	char magic[4] = "";
	struct stat st;

	a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return err_set(err, -errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s: not a regular file", path);
	a->size_bytes = (uint64_t)st.st_size;
	if (pread(a->fd, magic, sizeof(magic), 0) < 0)
		return err_set(err, -errno, "%s: %m", path);
	if (archive_is_zip(magic, sizeof(magic))) {
		int r = archive_open(&a->zip, a->fd, &book_limits_default, err);

		if (r < 0) {
			err_prefix(err, "%s", path);
			return r;
		}
	}
	*out = a;
	a = NULL;
	return 0;
}

struct book_archive *book_archive_close(struct book_archive *a)
{
	if (!a)
		return NULL;
	archive_close(a->zip);
	buf_finish(&a->directory);
	free(a->entries);
	libdeflate_free_decompressor(a->inflater);
	free(a->piece);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
	return NULL;
}

static int whole_file(struct buf *b, const struct book_archive *a)
{
	off_t at = 0;

	for (;;) {
		char chunk[16384];
		ssize_t n = pread(a->fd, chunk, sizeof(chunk), at);

		if (n <= 0)
			return n < 0 ? -EIO : 0;
		if (buf_add(b, chunk, (size_t)n) < 0)
			return buf_error(b);
		at += n;
	}
}

/* ---- where a member's bytes are */

static uint16_t le16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const unsigned char *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const unsigned char *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static bool read_at(const struct book_archive *a, void *to, size_t len, uint64_t offset)
{
	return offset <= a->size_bytes && len <= a->size_bytes - offset &&
	       pread(a->fd, to, len, (off_t)offset) == (ssize_t)len;
}

/* The same of what need not be fetched from the disk. */
static bool read_cached(const struct book_archive *a, void *to, size_t len, uint64_t offset)
{
	struct iovec part = {.iov_base = to, .iov_len = len};

	return offset <= a->size_bytes && len <= a->size_bytes - offset &&
	       preadv2(a->fd, &part, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)len;
}

enum { ENTRY_BYTES = 46 }; /* without its name, extra field and comment */

struct directory {
	uint64_t offset, size_bytes, count;
};

/* The end record is the last one whose comment reaches exactly to the end, as libzip prefers it. */
static bool find_directory(struct directory *d, const struct book_archive *a)
{
	unsigned char tail[22 + 65535];
	size_t len = a->size_bytes < sizeof(tail) ? (size_t)a->size_bytes : sizeof(tail);
	unsigned char zip64[56];

	if (len < 22 || !read_at(a, tail, len, a->size_bytes - len))
		return false;
	for (size_t i = len - 22 + 1; i-- > 0;) {
		const unsigned char *p = tail + i;

		if (memcmp(p, "PK\5\6", 4) || i + 22 + le16(p + 20) != len)
			continue;
		*d = (struct directory){le32(p + 16), le32(p + 12), le16(p + 10)};
		if (i >= 20 && !memcmp(p - 20, "PK\6\7", 4) &&
		    read_at(a, zip64, sizeof(zip64), le64(p - 20 + 8)) &&
		    !memcmp(zip64, "PK\6\6", 4))
			*d = (struct directory){le64(zip64 + 48), le64(zip64 + 40),
						le64(zip64 + 32)};
		return d->offset <= a->size_bytes && d->size_bytes <= a->size_bytes - d->offset;
	}
	return false;
}

/* Reads the directory and notes where each entry begins; what cannot be read is not listed. */
static void list_entries(struct book_archive *a)
{
	struct directory d;
	size_t at = 0;

	a->listed = true;
	if (!find_directory(&d, a) || buf_reserve(&a->directory, d.size_bytes) < 0 ||
	    !read_at(a, a->directory.data, d.size_bytes, d.offset))
		return;
	a->directory.len = d.size_bytes;
	for (uint64_t i = 0; i < d.count; i++) {
		const unsigned char *p = (unsigned char *)a->directory.data + at;

		if (a->directory.len - at < ENTRY_BYTES || memcmp(p, "PK\1\2", 4))
			return;
		a->entries = xgrow(a->entries, &a->cap, a->count + 1, sizeof(*a->entries));
		a->entries[a->count++] = at;
		at += (size_t)ENTRY_BYTES + le16(p + 28) + le16(p + 30) + le16(p + 32);
		if (at > a->directory.len)
			return;
	}
}

enum method { METHOD_STORED = 0, METHOD_DEFLATED = 8 };

/* False for what is encrypted, what zip64 keeps elsewhere, and what directory, local header and
 * libzip do not agree on. */
static bool find_listed(struct place *out, const struct book_archive *a, uint64_t index,
			bool (*read)(const struct book_archive *a, void *to, size_t len,
				     uint64_t offset))
{
	const struct archive_member *m = archive_by_index(a->zip, index);
	const unsigned char *entry;
	unsigned char local[30];
	struct place p;

	if (!m || index >= a->count)
		return false;
	entry = (unsigned char *)a->directory.data + a->entries[index];
	p = (struct place){le32(entry + 42), le32(entry + 20), le32(entry + 24), le32(entry + 16),
			   le16(entry + 10)};
	if (p.offset == UINT32_MAX || p.packed_bytes == UINT32_MAX || p.size_bytes == UINT32_MAX ||
	    p.size_bytes != m->size_bytes || le16(entry + 8) & 1 ||
	    !read(a, local, sizeof(local), p.offset) || memcmp(local, "PK\3\4", 4) ||
	    le16(local + 8) != p.method || le16(local + 6) & 1)
		return false;
	p.offset += sizeof(local) + le16(local + 26) + le16(local + 28);
	*out = p;
	return p.offset <= a->size_bytes && p.packed_bytes <= a->size_bytes - p.offset;
}

static bool find_place(struct place *out, struct book_archive *a, uint64_t index)
{
	if (!a->listed)
		list_entries(a);
	return find_listed(out, a, index, read_at);
}

/* ---- the member itself */

static bool inflate_at(void *to, struct book_archive *a, const struct place *p)
{
	CLEANUP(cleanup_free) void *packed = NULL;

	if (p->packed_bytes > BUF_MAX_DEFAULT ||
	    p->packed_bytes < p->size_bytes / book_limits_default.ratio)
		return false;
	if (!a->inflater)
		a->inflater = libdeflate_alloc_decompressor();
	packed = malloc(p->packed_bytes + 1);
	return packed && a->inflater && read_at(a, packed, p->packed_bytes, p->offset) &&
	       libdeflate_deflate_decompress(a->inflater, packed, p->packed_bytes, to,
					     p->size_bytes, NULL) == LIBDEFLATE_SUCCESS;
}

/* Appends the member in one go; false: b is as it was, ask libzip. */
static bool read_whole(struct buf *b, struct book_archive *a, uint64_t index)
{
	struct place p;
	char *to;
	bool read = false;

	if (!find_place(&p, a, index) || b->failed ||
	    p.size_bytes > (b->max_bytes ? b->max_bytes : BUF_MAX_DEFAULT) - b->len ||
	    buf_reserve(b, p.size_bytes) < 0)
		return false;
	to = b->data + b->len;
	if (p.method == METHOD_STORED && p.packed_bytes == p.size_bytes)
		read = read_at(a, to, p.size_bytes, p.offset);
	else if (p.method == METHOD_DEFLATED)
		read = inflate_at(to, a, &p);
	if (read && libdeflate_crc32(0, to, p.size_bytes) == p.crc)
		b->len += p.size_bytes;
	else
		read = false;
	b->data[b->len] = '\0';
	return read;
}

int book_archive_member(struct buf *b, struct book_archive *a, uint64_t index)
{
	const struct archive_member *m;

	if (!a->zip)
		return index == 0 ? whole_file(b, a) : -ENOENT;
	if (read_whole(b, a, index))
		return 0;
	m = archive_by_index(a->zip, index);
	return m ? archive_read(b, a->zip, m) : -ENOENT;
}

/* ---- in pieces */

static bool passing_begin(struct book_archive *a, uint64_t index, uint64_t size_bytes)
{
	struct passing *p = &a->passing;

	*p = (struct passing){.index = index};
	p->begun = a->zip && a->listed && find_listed(&p->place, a, index, read_cached) &&
		   p->place.method == METHOD_STORED && p->place.size_bytes == size_bytes &&
		   p->place.packed_bytes == size_bytes;
	if (p->begun && !a->piece)
		a->piece = malloc(PIECE_BYTES_MAX);
	return p->begun && a->piece;
}

/* Has the next `len` bytes ready. */
static bool passing_fill(struct book_archive *a, size_t len)
{
	struct passing *p = &a->passing;
	char *end = a->piece + p->ready;

	if (len <= p->ready)
		return true;
	if (p->at)
		memmove(a->piece, a->piece + p->at, p->ready);
	p->at = 0;
	if (!read_cached(a, end, len - p->ready, p->place.offset + p->given + p->ready))
		return false;
	p->sum = libdeflate_crc32(p->sum, end, len - p->ready);
	p->ready = len;
	return p->given + len < p->place.size_bytes || p->sum == p->place.crc;
}

/* Goes to offset, if that is where the next piece begins, and makes the piece ready. */
static bool passing_on(size_t *len, struct book_archive *a, uint64_t index, uint64_t size_bytes,
		       uint64_t offset)
{
	struct passing *p = &a->passing;
	bool next = p->begun && p->index == index && p->given == offset;

	if (offset > size_bytes || (!next && (offset || !passing_begin(a, index, size_bytes))))
		return false;
	if (*len > PIECE_BYTES_MAX)
		*len = PIECE_BYTES_MAX;
	if (*len > size_bytes - offset)
		*len = (size_t)(size_bytes - offset);
	p->begun = passing_fill(a, *len);
	return p->begun;
}

void book_archive_ahead(struct book_archive *a, uint64_t index, uint64_t size_bytes,
			uint64_t offset, size_t len)
{
	const struct passing *p = &a->passing;

	/* Who opens and does not read is not helped a second time. */
	if (offset == 0 && p->begun && p->given == 0)
		return;
	passing_on(&len, a, index, size_bytes, offset);
}

int book_archive_piece(const char **data, size_t *len, struct book_archive *a, uint64_t index,
		       uint64_t size_bytes, uint64_t offset)
{
	struct passing *p = &a->passing;
	size_t have = *len;

	if (!passing_on(&have, a, index, size_bytes, offset))
		return -EAGAIN;
	*data = a->piece + p->at;
	*len = have;
	p->given += have;
	p->at += have;
	p->ready -= have;
	return 0;
}
