/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "illustrate.h"
#include "late.h"

/*
 * libzip writes an archive only where it may read one, and under a name that it chooses itself
 * until it is whole. We have a descriptor, perhaps of a file without any name, so the archive goes
 * through a source of our own (libzip, libzip.source_function(3)) that knows nothing but to write.
 */

/* All members of our own have one time, so that the same book is the same bytes. */
#define MEMBER_TIME ((time_t)315619200) /* 1980-01-02: after midnight in every zone */

struct packer {
	char *name; /* for messages */
	zip_t *zip, *from;
};

static int failed(struct err *err, const char *path, zip_error_t *e)
{
	int system = libzip.error_system_type(e) == ZIP_ET_SYS ? libzip.error_code_system(e) : EIO;

	return err_set(err, -system, "%s cannot be written: %s", path, libzip.error_strerror(e));
}

/* ---- the archive */

struct output {
	int fd; /* borrowed */
	zip_int64_t at, size;
	zip_error_t error;
};

static zip_int64_t output_write(struct output *o, const char *data, zip_uint64_t len)
{
	for (zip_uint64_t done = 0; done < len;) {
		ssize_t n = pwrite(o->fd, data + done, len - done, o->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			libzip.error_set(&o->error, ZIP_ER_WRITE, n < 0 ? errno : EIO);
			return -1;
		}
		done += (zip_uint64_t)n;
		o->at += n;
	}
	o->size = o->at > o->size ? o->at : o->size;
	return (zip_int64_t)len;
}

static zip_int64_t output_seek(struct output *o, void *data, zip_uint64_t len)
{
	zip_int64_t at = libzip.source_seek_compute_offset(
		(zip_uint64_t)o->at, (zip_uint64_t)o->size, data, len, &o->error);

	if (at < 0)
		return -1;
	o->at = at;
	return 0;
}

static zip_int64_t output_stat(const struct output *o, void *data)
{
	zip_stat_t *st = data;

	libzip.stat_init(st);
	st->size = (zip_uint64_t)o->size;
	st->valid = ZIP_STAT_SIZE;
	return sizeof(*st);
}

static zip_int64_t output(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t what)
{
	struct output *o = arg;

	switch (what) {
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_WRITABLE;
	case ZIP_SOURCE_STAT:
		return output_stat(o, data);
	case ZIP_SOURCE_OPEN: /* to truncate what may be there */
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_BEGIN_WRITE:
	case ZIP_SOURCE_COMMIT_WRITE:
	case ZIP_SOURCE_ROLLBACK_WRITE:
		return 0;
	case ZIP_SOURCE_WRITE:
		return output_write(o, data, len);
	case ZIP_SOURCE_SEEK_WRITE:
		return output_seek(o, data, len);
	case ZIP_SOURCE_TELL_WRITE:
		return o->at;
	case ZIP_SOURCE_ERROR:
		return libzip.error_to_data(&o->error, data, len);
	case ZIP_SOURCE_FREE:
		free(o);
		return 0;
	default:
		libzip.error_set(&o->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

static zip_t *open_output(int fd, zip_error_t *e)
{
	struct output *o = xcalloc(1, sizeof(*o));
	zip_source_t *source;
	zip_t *zip;

	o->fd = fd;
	libzip.error_init(&o->error);
	source = libzip.source_function_create(output, o, e);
	if (!source) {
		free(o);
		return NULL;
	}
	zip = libzip.open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, e);
	if (!zip)
		libzip.source_free(source);
	return zip;
}

static zip_t *open_input(const char *path, zip_error_t *e)
{
	int code = 0;
	zip_t *zip = libzip.open(path, ZIP_RDONLY, &code);

	if (!zip)
		libzip.error_init_with_code(e, code);
	return zip;
}

/* ---- members */

static int set_looks(struct packer *p, zip_int64_t index, bool stored, struct err *err)
{
	if (libzip.set_file_compression(p->zip, (zip_uint64_t)index,
					stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0) < 0 ||
	    libzip.file_set_mtime(p->zip, (zip_uint64_t)index, MEMBER_TIME, 0) < 0)
		return failed(err, p->name, libzip.get_error(p->zip));
	return 0;
}

static int add_source(struct packer *p, const char *path, zip_source_t *source, bool stored,
		      struct err *err)
{
	zip_int64_t index = source ? libzip.file_add(p->zip, path, source, ZIP_FL_ENC_UTF_8) : -1;

	if (index < 0) {
		libzip.source_free(source);
		return failed(err, p->name, libzip.get_error(p->zip));
	}
	return set_looks(p, index, stored, err);
}

int packer_open(struct packer **out, int fd, const char *name, const char *from, const char *type,
		struct err *err)
{
	CLEANUP(packer_close_cleanup) struct packer *p = xcalloc(1, sizeof(*p));
	zip_error_t e;
	int r = late_zip(err);

	if (r < 0)
		return r;
	libzip.error_init(&e);
	p->name = xstrdup(name);
	p->zip = open_output(fd, &e);
	if (p->zip && from)
		p->from = open_input(from, &e);
	if (!p->zip || (from && !p->from)) {
		r = failed(err, p->zip ? from : name, &e);
		libzip.error_fini(&e);
		return r;
	}
	libzip.error_fini(&e);
	r = add_source(p, "mimetype", libzip.source_buffer(p->zip, type, strlen(type), 0), true,
		       err);
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

	if (libzip.name_locate(p->zip, path, 0) >= 0)
		return 0;
	source = libzip.source_zip(p->zip, p->from, index, 0, 0, -1);
	if (source && libzip.file_add(p->zip, path, source, ZIP_FL_ENC_UTF_8) >= 0)
		return 0;
	libzip.source_free(source);
	return failed(err, p->name, libzip.get_error(p->zip));
}

int packer_add(struct packer *p, const char *path, struct buf *bytes, struct err *err)
{
	size_t len;
	int r = buf_error(bytes);
	char *data = buf_steal(bytes, &len);
	zip_source_t *source;

	if (!data)
		return err_set(err, r, "%s is too large", path);
	source = libzip.source_buffer(p->zip, data, len, 1);
	if (!source)
		free(data);
	return add_source(p, path, source, false, err);
}

/* ---- plates: their bytes are read when it is their turn to be written */

struct pending {
	const struct book_plates *plates;
	size_t plate, at;
	struct buf bytes;
	zip_error_t error;
};

/* libzip asks for all of them before it writes the first. */
static zip_int64_t say_stat(const struct pending *s, void *data)
{
	zip_stat_t *st = data;

	libzip.stat_init(st);
	st->size = s->plates->items[s->plate].size_bytes;
	st->mtime = MEMBER_TIME;
	st->valid = ZIP_STAT_SIZE | ZIP_STAT_MTIME;
	return sizeof(*st);
}

static zip_int64_t begin(struct pending *s)
{
	int r;

	buf_clear(&s->bytes);
	s->at = 0;
	s->bytes.max_bytes = SIZE_MAX;
	r = s->plates->read(&s->bytes, s->plates->arg, s->plate);
	if (r == 0 && s->bytes.len == s->plates->items[s->plate].size_bytes)
		return 0;
	libzip.error_set(&s->error, ZIP_ER_READ, r ? -r : EIO);
	return -1;
}

static zip_int64_t read_some(struct pending *s, void *data, zip_uint64_t len)
{
	size_t left = s->bytes.len - s->at;

	if (len > left)
		len = left;
	if (len)
		memcpy(data, buf_str(&s->bytes) + s->at, len);
	s->at += len;
	return (zip_int64_t)len;
}

static zip_int64_t plate_source(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t what)
{
	struct pending *s = arg;

	switch (what) {
	case ZIP_SOURCE_SUPPORTS:
		return libzip.source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
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
		return libzip.error_to_data(&s->error, data, len);
	case ZIP_SOURCE_FREE:
		buf_finish(&s->bytes);
		free(s);
		return 0;
	default:
		libzip.error_set(&s->error, ZIP_ER_OPNOTSUPP, 0);
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
	libzip.error_init(&s->error);
	source = libzip.source_function(p->zip, plate_source, s);
	if (!source)
		free(s);
	/* A picture is packed as far as it goes. */
	return add_source(p, path, source, true, err);
}

int packer_write(struct packer *p, struct err *err)
{
	if (libzip.close(p->zip) < 0)
		return failed(err, p->name, libzip.get_error(p->zip));
	p->zip = NULL;
	return 0;
}

struct packer *packer_close(struct packer *p)
{
	if (!p)
		return NULL;
	if (p->zip)
		libzip.discard(p->zip);
	if (p->from)
		libzip.discard(p->from);
	free(p->name);
	free(p);
	return NULL;
}
