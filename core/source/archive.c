/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "late.h"
#include "symbols.h"

/* Small members may inflate by any ratio: what they cost is bounded anyway. */
#define RATIO_FREE_BYTES ((uint64_t)1 << 20)
#define SUFFIX_BYTES 24 /* "~", a number, NUL */

struct archive {
	zip_t *zip;
	struct book_limits limits;
	struct archive_member *members;
	size_t count, cap;
	uint64_t inflated_bytes;
	struct symbols paths, folded; /* path -> member number + 1 */
	/* Of the names that are shown, each within a folder: the root is "0". */
	struct symbols folders; /* number of the folder above, as it is called -> its own number */
	struct symbols taken;	/* the names given so far */
	struct symbols stems;	/* of those with a number -> the last one given */
	struct strv folder_names; /* as given, by number - 1 */
};

bool archive_is_zip(const void *data, size_t len)
{
	return len >= 4 && (!memcmp(data, "PK\3\4", 4) || !memcmp(data, "PK\5\6", 4));
}

/* ---- names */

static void fold(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* Of a name that is not the only one: what stands before the number, with room for any. */
static void cut_stem(char name[NAME_BYTES])
{
	size_t len = strlen(name), most = NAME_BYTES - SUFFIX_BYTES;

	if (len <= most)
		return;
	for (len = most; len && ((unsigned char)name[len] & 0xc0) == 0x80;)
		len--;
	name[len] = '\0';
}

/* Makes name one that nothing else in the folder has: "name~2" and so on. Each stem goes on where
 * it was, so that no number is tried twice. */
static void take_name(struct archive *a, const char *folder, char name[NAME_BYTES])
{
	char tried[NAME_BYTES];
	size_t number;

	if (!symbols_get(&a->taken, folder, name)) {
		symbols_set(&a->taken, folder, name, 1);
		return;
	}
	cut_stem(name);
	number = symbols_get(&a->stems, folder, name);
	number = number ? number : 1;
	do
		snprintf(tried, sizeof(tried), "%.*s~%zu", NAME_BYTES - SUFFIX_BYTES, name,
			 ++number);
	while (symbols_get(&a->taken, folder, tried));
	symbols_set(&a->stems, folder, name, number);
	symbols_set(&a->taken, folder, tried, 1);
	strcpy(name, tried);
}

/* A folder within the folder of number *folder, which is its own number then. */
static int enter_folder(size_t *folder, struct archive *a, const char *part, size_t len)
{
	char name[NAME_BYTES], above[24];
	size_t number;

	utf8_name(name, part, len);
	snprintf(above, sizeof(above), "%zu", *folder);
	number = symbols_get(&a->folders, above, name);
	if (!number) {
		if (a->folder_names.len >= a->limits.entries)
			return -EFBIG;
		number = a->folder_names.len + 1;
		symbols_set(&a->folders, above, name, number);
		take_name(a, above, name);
		strv_add(&a->folder_names, name);
	}
	*folder = number;
	return 0;
}

/* NULL: nested deeper than the limit, or in one folder too many. */
static char *sanitised(struct archive *a, const char *path)
{
	struct buf out = {.max_bytes = 1 << 20};
	size_t depth = 0, folder = 0;
	char name[NAME_BYTES], above[24];

	for (size_t len; len = strcspn(path, "/"), path[len]; path += len + 1) {
		if (++depth >= a->limits.depth)
			break;
		if (!len || (len == 1 && *path == '.'))
			continue;
		if (enter_folder(&folder, a, path, len) < 0)
			break;
		buf_addf(&out, "%s/", a->folder_names.items[folder - 1]);
	}
	if (strchr(path, '/') || buf_error(&out)) {
		buf_finish(&out);
		return NULL;
	}
	utf8_name(name, path, strlen(path));
	snprintf(above, sizeof(above), "%zu", folder);
	take_name(a, above, name);
	buf_adds(&out, name);
	return buf_steal(&out, NULL);
}

/* ---- opening */

static bool is_regular(zip_t *zip, uint64_t index, const char *path)
{
	zip_uint8_t system = 0;
	zip_uint32_t attributes = 0;
	size_t len = strlen(path);
	mode_t type;

	if (!len || path[len - 1] == '/')
		return false;
	if (libzip.file_get_external_attributes(zip, index, 0, &system, &attributes))
		return true;
	type = (mode_t)(attributes >> 16) & S_IFMT;
	return system != ZIP_OPSYS_UNIX || type == 0 || type == S_IFREG;
}

/* Archives made on Windows may have '\\' between folders. */
static char *slashed(const char *path)
{
	char *s = xstrdup(path);

	if (!strchr(s, '/'))
		for (char *p = s; *p; p++)
			if (*p == '\\')
				*p = '/';
	return s;
}

static void add_member(struct archive *a, uint64_t index)
{
	zip_stat_t st;
	const char *raw = libzip.get_name(a->zip, index, ZIP_FL_ENC_GUESS);
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_free) char *folded = NULL;
	struct archive_member *m;
	char *name;

	if (!raw || libzip.stat_index(a->zip, index, 0, &st))
		return;
	path = slashed(raw);
	if (!is_regular(a->zip, index, path))
		return;
	name = sanitised(a, path);
	if (!name)
		return;
	a->members = xgrow(a->members, &a->cap, a->count + 1, sizeof(*a->members));
	m = &a->members[a->count++];
	*m = (struct archive_member){
		.path = xstrdup(path),
		.name = name,
		.index = index,
		.size_bytes = st.valid & ZIP_STAT_SIZE ? st.size : 0,
		.packed_bytes = st.valid & ZIP_STAT_COMP_SIZE ? st.comp_size : 0,
		.mtime_unix_s = st.valid & ZIP_STAT_MTIME ? (int64_t)st.mtime : 0,
		.encrypted = st.valid & ZIP_STAT_ENCRYPTION_METHOD && st.encryption_method,
	};
	symbols_add(&a->paths, path, "", a->count);
	folded = xstrdup(path);
	fold(folded);
	symbols_add(&a->folded, folded, "", a->count);
}

/* It begins as an archive, or it would not be opened as one. */
static int open_failed(struct err *err, int zip_code)
{
	zip_error_t e;
	int r;

	if (zip_code == ZIP_ER_NOZIP)
		return err_set(err, -EBADMSG,
			       "the archive has no end: it was cut short, or is damaged");
	libzip.error_init_with_code(&e, zip_code);
	r = err_set(err, zip_code == ZIP_ER_MEMORY ? -ENOMEM : -EBADMSG,
		    "the archive cannot be read: %s", libzip.error_strerror(&e));
	libzip.error_fini(&e);
	return r;
}

/* takes zip */
static int archive_new(struct archive **out, zip_t *zip, const struct book_limits *limits,
		       struct err *err)
{
	CLEANUP(archive_close_cleanup) struct archive *a = xcalloc(1, sizeof(*a));
	zip_int64_t count = libzip.get_num_entries(zip, 0);

	a->zip = zip;
	a->limits = *limits;
	if (count < 0 || (uint64_t)count > limits->entries)
		return err_set(err, -EFBIG, "the archive has more than %zu members",
			       limits->entries);
	for (zip_int64_t i = 0; i < count; i++)
		add_member(a, (uint64_t)i);
	*out = a;
	a = NULL;
	return 0;
}

int archive_open(struct archive **out, int fd, const struct book_limits *limits, struct err *err)
{
	int code = late_zip(err), own;
	zip_t *zip;

	if (code < 0)
		return code;
	own = dup(fd);
	if (own < 0)
		return err_set(err, -errno, "cannot read the archive: %m");
	zip = libzip.fdopen(own, 0, &code);
	if (!zip) {
		close(own);
		return open_failed(err, code);
	}
	return archive_new(out, zip, limits, err);
}

int archive_open_memory(struct archive **out, const void *data, size_t len,
			const struct book_limits *limits, struct err *err)
{
	zip_error_t error;
	zip_source_t *source;
	zip_t *zip;
	int code = late_zip(err);

	if (code < 0)
		return code;
	libzip.error_init(&error);
	source = libzip.source_buffer_create(data, len, 0, &error);
	zip = source ? libzip.open_from_source(source, ZIP_RDONLY, &error) : NULL;
	code = libzip.error_code_zip(&error);
	libzip.error_fini(&error);
	if (!zip) {
		libzip.source_free(source);
		return open_failed(err, code);
	}
	return archive_new(out, zip, limits, err);
}

struct archive *archive_close(struct archive *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < a->count; i++) {
		free(a->members[i].path);
		free(a->members[i].name);
	}
	free(a->members);
	symbols_finish(&a->paths);
	symbols_finish(&a->folded);
	symbols_finish(&a->folders);
	symbols_finish(&a->taken);
	symbols_finish(&a->stems);
	strv_finish(&a->folder_names);
	libzip.discard(a->zip);
	free(a);
	return NULL;
}

/* ---- members */

size_t archive_count(const struct archive *a)
{
	return a->count;
}

const struct archive_member *archive_at(const struct archive *a, size_t i)
{
	return &a->members[i];
}

const struct archive_member *archive_find(const struct archive *a, const char *path)
{
	size_t number = symbols_get(&a->paths, path, "");

	if (!number) {
		CLEANUP(cleanup_free) char *folded = xstrdup(path);

		fold(folded);
		number = symbols_get(&a->folded, folded, "");
	}
	return number ? &a->members[number - 1] : NULL;
}

/* Members are in the order of their indices, some left out. */
const struct archive_member *archive_by_index(const struct archive *a, uint64_t index)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (a->members[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < a->count && a->members[low].index == index ? &a->members[low] : NULL;
}

static int read_failed(zip_error_t *e)
{
	switch (libzip.error_code_zip(e)) {
	case ZIP_ER_NOPASSWD:
	case ZIP_ER_WRONGPASSWD:
		return -EACCES;
	case ZIP_ER_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* The declared sizes are the archive's word only: what really comes out is what is bounded. */
static int inflate_into(struct buf *b, struct archive *a, const struct archive_member *m,
			zip_file_t *f)
{
	uint64_t most = m->packed_bytes > UINT64_MAX / a->limits.ratio
				? UINT64_MAX
				: m->packed_bytes * a->limits.ratio;
	size_t start = b->len;

	if (most < RATIO_FREE_BYTES)
		most = RATIO_FREE_BYTES;
	for (;;) {
		char chunk[16384];
		zip_int64_t n = libzip.fread(f, chunk, sizeof(chunk));

		if (n < 0)
			return read_failed(libzip.file_get_error(f));
		if (n == 0)
			return 0;
		a->inflated_bytes += (uint64_t)n;
		if (a->inflated_bytes > a->limits.total_bytes || b->len - start + (size_t)n > most)
			return -EFBIG;
		if (buf_add(b, chunk, (size_t)n) < 0)
			return buf_error(b);
	}
}

int archive_read(struct buf *b, struct archive *a, const struct archive_member *m)
{
	zip_file_t *f;
	int r;

	if (m->encrypted)
		return -EACCES;
	f = libzip.fopen_index(a->zip, m->index, 0);
	if (!f)
		return read_failed(libzip.get_error(a->zip));
	r = inflate_into(b, a, m, f);
	libzip.fclose(f);
	return r;
}
