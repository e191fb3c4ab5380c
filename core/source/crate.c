/* SPDX-License-Identifier: MIT */
#include <libdeflate.h>
#include <string.h>

#include "source.h"

/*
 * A ZIP archive of members that are not packed (APPNOTE 6.3.10, 4.3): each with a local header
 * before it, and at the end a directory that repeats these with their places. libzip would keep all
 * members until the last is there. Every number is little-endian; without ZIP64 an archive ends at
 * 4 GB.
 */

enum {
	VERSION = 10, /* to extract: no packing, no encryption */
	UTF8_NAMES = 1 << 11,
	DATE = 1 << 5 | 2, /* 1980-01-02, as packer.c has it */
};

struct crate {
	int fd;
	char *name;
	uint64_t at;
	uint16_t count;
	struct buf directory;
};

struct crate *crate_new(int fd, const char *name)
{
	struct crate *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->name = xstrdup(name);
	return c;
}

struct crate *crate_free(struct crate *c)
{
	if (!c)
		return NULL;
	buf_finish(&c->directory);
	free(c->name);
	free(c);
	return NULL;
}

static void put_16(struct buf *out, unsigned n)
{
	buf_addc(out, (char)(n & 0xff));
	buf_addc(out, (char)(n >> 8 & 0xff));
}

static void put_32(struct buf *out, uint32_t n)
{
	put_16(out, n & 0xffff);
	put_16(out, n >> 16);
}

/* What a local header and an entry of the directory have in common. */
static void put_facts(struct buf *out, uint32_t crc, size_t len, size_t path_len)
{
	put_16(out, VERSION);
	put_16(out, UTF8_NAMES);
	put_16(out, 0); /* stored */
	put_16(out, 0); /* midnight */
	put_16(out, DATE);
	put_32(out, crc);
	put_32(out, (uint32_t)len); /* packed */
	put_32(out, (uint32_t)len);
	put_16(out, (unsigned)path_len);
	put_16(out, 0); /* no extra field */
}

static int put(struct crate *c, const void *data, size_t len, struct err *err)
{
	int r = file_write(c->fd, data, len);

	c->at += len;
	return r < 0 ? err_set(err, r, "%s cannot be written: %s", c->name, strerror(-r)) : 0;
}

int crate_add(struct crate *c, const char *path, const void *data, size_t len, struct err *err)
{
	CLEANUP(buf_finish) struct buf head = {0};
	size_t path_len = strlen(path);
	uint32_t crc = libdeflate_crc32(0, data, len);
	int r;

	if (c->count == UINT16_MAX || path_len > UINT16_MAX ||
	    len + c->at + c->directory.len + 1024 + 2 * path_len > UINT32_MAX)
		return err_set(err, -EFBIG, "%s would be larger than 4 GB", c->name);
	put_32(&c->directory, 0x02014b50);
	put_16(&c->directory, VERSION); /* made by */
	put_facts(&c->directory, crc, len, path_len);
	put_16(&c->directory, 0); /* no comment */
	put_16(&c->directory, 0); /* on this disk */
	put_16(&c->directory, 0); /* no text */
	put_32(&c->directory, 0); /* no attributes */
	put_32(&c->directory, (uint32_t)c->at);
	buf_adds(&c->directory, path);
	put_32(&head, 0x04034b50);
	put_facts(&head, crc, len, path_len);
	buf_adds(&head, path);
	c->count++;
	r = put(c, head.data, head.len, err);
	return r == 0 ? put(c, data, len, err) : r;
}

int crate_finish(struct crate *c, struct err *err)
{
	uint32_t at = (uint32_t)c->at, len = (uint32_t)c->directory.len;

	put_32(&c->directory, 0x06054b50);
	put_32(&c->directory, 0); /* one disk */
	put_16(&c->directory, c->count);
	put_16(&c->directory, c->count);
	put_32(&c->directory, len);
	put_32(&c->directory, at);
	put_16(&c->directory, 0); /* no comment */
	return buf_error(&c->directory) ? buf_error(&c->directory)
					: put(c, c->directory.data, c->directory.len, err);
}
