/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <zip.h>

#include "illustrate.h"

/* All members of our own have one time, so that the same book is the same bytes. */
#define MEMBER_TIME ((time_t)315619200) /* 1980-01-02: after midnight in every zone */

struct pending { /* a plate whose bytes are read while the archive is written */
	const struct book_plates *plates;
	size_t plate, read;
	struct buf bytes;
	zip_error_t error;
};

struct packer {
	char *path;
	zip_t *zip, *from;
};

static int failed(struct err *err, const char *path, zip_error_t *e)
{
	int system = zip_error_system_type(e) == ZIP_ET_SYS ? zip_error_code_system(e) : EIO;

	return err_set(err, -system, "%s cannot be written: %s", path, zip_error_strerror(e));
}

static int set_looks(struct packer *p, zip_int64_t index, bool stored, struct err *err)
{
	if (zip_set_file_compression(p->zip, (zip_uint64_t)index,
				     stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0) < 0 ||
	    zip_file_set_mtime(p->zip, (zip_uint64_t)index, MEMBER_TIME, 0) < 0)
		return failed(err, p->path, zip_get_error(p->zip));
	return 0;
}

static int add_source(struct packer *p, const char *path, zip_source_t *source, bool stored,
		      struct err *err)
{
	zip_int64_t index = source ? zip_file_add(p->zip, path, source, ZIP_FL_ENC_UTF_8) : -1;

	if (index < 0) {
		zip_source_free(source);
		return failed(err, p->path, zip_get_error(p->zip));
	}
	return set_looks(p, index, stored, err);
}

int packer_open(struct packer **out, const char *path, const char *from, const char *type,
		struct err *err)
{
	CLEANUP(packer_close_cleanup) struct packer *p = xcalloc(1, sizeof(*p));
	int code = 0, r;

	p->path = xstrdup(path);
	p->zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
	if (p->zip && from)
		p->from = zip_open(from, ZIP_RDONLY, &code);
	if (!p->zip || (from && !p->from)) {
		zip_error_t e;

		zip_error_init_with_code(&e, code);
		r = failed(err, p->zip ? from : path, &e);
		zip_error_fini(&e);
		return r;
	}
	r = type ? add_source(p, "mimetype", zip_source_buffer(p->zip, type, strlen(type), 0), true,
			      err)
		 : 0;
	if (r < 0)
		return r;
	*out = p;
	p = NULL;
	return 0;
}

/* As it is packed. Of two that have one name the first is the book's. */
int packer_copy(struct packer *p, uint64_t index, const char *path, struct err *err)
{
	zip_source_t *source;

	if (zip_name_locate(p->zip, path, 0) >= 0)
		return 0;
	source = zip_source_zip(p->zip, p->from, index, 0, 0, -1);
	if (source && zip_file_add(p->zip, path, source, ZIP_FL_ENC_UTF_8) >= 0)
		return 0;
	zip_source_free(source);
	return failed(err, p->path, zip_get_error(p->zip));
}

int packer_add(struct packer *p, const char *path, struct buf *bytes, bool packed, struct err *err)
{
	size_t len;
	int r = buf_error(bytes);
	char *data = buf_steal(bytes, &len);
	zip_source_t *source;

	if (!data)
		return err_set(err, r, "%s is too large", path);
	source = zip_source_buffer(p->zip, data, len, 1);
	if (!source)
		free(data);
	return add_source(p, path, source, packed, err);
}

/* ---- plates */

static zip_int64_t read_some(struct pending *s, void *data, zip_uint64_t len)
{
	size_t left = s->bytes.len - s->read;

	if (len > left)
		len = left;
	if (len)
		memcpy(data, buf_str(&s->bytes) + s->read, len);
	s->read += len;
	return (zip_int64_t)len;
}

static zip_int64_t say_stat(const struct pending *s, void *data)
{
	zip_stat_t *st = data;

	zip_stat_init(st);
	st->size = s->plates->items[s->plate].size_bytes;
	st->mtime = MEMBER_TIME;
	st->valid = ZIP_STAT_SIZE | ZIP_STAT_MTIME;
	return sizeof(*st);
}

static zip_int64_t begin(struct pending *s)
{
	int r;

	buf_clear(&s->bytes);
	s->read = 0;
	s->bytes.max_bytes = SIZE_MAX;
	r = s->plates->read(&s->bytes, s->plates->arg, s->plate);
	if (r == 0 && s->bytes.len == s->plates->items[s->plate].size_bytes)
		return 0;
	zip_error_set(&s->error, ZIP_ER_READ, r ? -r : EIO);
	return -1;
}

static zip_int64_t plate_source(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t what)
{
	struct pending *s = arg;

	switch (what) {
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
						      ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
						      ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
	case ZIP_SOURCE_OPEN:
		return begin(s);
	case ZIP_SOURCE_READ:
		return read_some(s, data, len);
	case ZIP_SOURCE_CLOSE:
		buf_finish(&s->bytes);
		return 0;
	case ZIP_SOURCE_STAT:
		return say_stat(s, data);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&s->error, data, len);
	case ZIP_SOURCE_FREE:
		buf_finish(&s->bytes);
		free(s);
		return 0;
	default:
		zip_error_set(&s->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

int packer_add_plate(struct packer *p, const char *path, const struct book_plates *plates,
		     size_t plate, struct err *err)
{
	struct pending *s = xcalloc(1, sizeof(*s));
	zip_source_t *source;

	s->plates = plates;
	s->plate = plate;
	zip_error_init(&s->error);
	source = zip_source_function(p->zip, plate_source, s);
	if (!source)
		free(s);
	/* It is packed as far as it goes. */
	return add_source(p, path, source, true, err);
}

int packer_write(struct packer *p, struct err *err)
{
	if (zip_close(p->zip) < 0)
		return failed(err, p->path, zip_get_error(p->zip));
	p->zip = NULL;
	return 0;
}

struct packer *packer_close(struct packer *p)
{
	if (!p)
		return NULL;
	if (p->zip)
		zip_discard(p->zip);
	if (p->from)
		zip_discard(p->from);
	free(p->path);
	free(p);
	return NULL;
}
