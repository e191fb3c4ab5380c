/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"

/*
 * source/ of the mount: members of an open book. libzip does not say where a member's bytes are,
 * so book_archive_stored reads the central directory itself (APPNOTE.TXT, 4.3), believes nothing,
 * and says -ENOENT at the first doubt: the caller then has the bytes copied.
 */

struct book_archive {
	int fd;
	uint64_t size_bytes;
	struct archive *zip; /* NULL: the one file itself */
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

int book_archive_member(struct buf *b, struct book_archive *a, uint64_t index)
{
	const struct archive_member *m;

	if (!a->zip)
		return index == 0 ? whole_file(b, a) : -ENOENT;
	m = archive_by_index(a->zip, index);
	return m ? archive_read(b, a->zip, m) : -ENOENT;
}

/* ---- where a stored member's bytes are */

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

/* The local header's offset of entry `index`; false also for what zip64 keeps elsewhere. */
static bool find_header(uint64_t *header, uint64_t *size_bytes, const struct book_archive *a,
			uint64_t index)
{
	struct directory d;
	unsigned char entry[46];
	uint64_t at, end;

	if (!find_directory(&d, a) || index >= d.count)
		return false;
	at = d.offset;
	end = d.offset + d.size_bytes;
	for (uint64_t i = 0;; i++) {
		if (at > end || end - at < sizeof(entry) || !read_at(a, entry, sizeof(entry), at) ||
		    memcmp(entry, "PK\1\2", 4))
			return false;
		if (i == index)
			break;
		at += sizeof(entry) + le16(entry + 28) + le16(entry + 30) + le16(entry + 32);
	}
	*header = le32(entry + 42);
	*size_bytes = le32(entry + 24);
	return le16(entry + 10) == 0 && !(le16(entry + 8) & 1) && *header != UINT32_MAX &&
	       *size_bytes != UINT32_MAX && le32(entry + 20) == *size_bytes;
}

int book_archive_stored(uint64_t *offset, uint64_t *size_bytes, struct book_archive *a,
			uint64_t index)
{
	const struct archive_member *m;
	unsigned char local[30];
	uint64_t header, size, data;

	if (!a->zip) {
		if (index)
			return -ENOENT;
		*offset = 0;
		*size_bytes = a->size_bytes;
		return 0;
	}
	m = archive_by_index(a->zip, index);
	if (!m || !find_header(&header, &size, a, index) || size != m->size_bytes ||
	    !read_at(a, local, sizeof(local), header) || memcmp(local, "PK\3\4", 4) ||
	    le16(local + 8) != 0 || le16(local + 6) & 1)
		return -ENOENT;
	data = header + sizeof(local) + le16(local + 26) + le16(local + 28);
	if (data > a->size_bytes || size > a->size_bytes - data)
		return -ENOENT;
	*offset = data;
	*size_bytes = size;
	return 0;
}
