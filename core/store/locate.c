/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "internal.h"
#include "schema.h"

#define SUFFIX ".bookfs"
#define WITHIN ".bookfs.db" /* of a book that is a folder, in that folder */

/* The longest name of a file beside the store is the store's and this. */
#define LONGEST_SIDE "-v99.bak.part-journal"
#define NAME_BYTES_MOST (NAME_MAX - strlen(LONGEST_SIDE))

/* ---- file systems */

/* Those where a lock taken here may be unknown to another machine, or to the next process, and
 * where SQLite's log cannot be shared memory. The numbers are statfs(2)'s. */
static const struct {
	unsigned long magic;
	const char *name;
} unsafe[] = {
	{0x6969, "NFS"},	{0x517b, "SMB"},       {0xff534d42, "CIFS"},
	{0xfe534d42, "SMB2"},	{0x01021997, "9p"},    {0x65735546, "FUSE or virtiofs"},
	{0x00c36400, "Ceph"},	{0x5346414f, "AFS"},   {0x6b414653, "AFS"},
	{0x73757245, "Coda"},	{0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},
	{0x0bd00bd0, "Lustre"}, {0x564c, "NCP"},       {0x47504653, "GPFS"},
	{0x19830326, "BeeGFS"},
};

const char *locate_unsafe_file_system(long magic)
{
	for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
		if (unsafe[i].magic == ((unsigned long)magic & 0xffffffff))
			return unsafe[i].name;
	return NULL;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The kind of file system a folder is on if it is unsafe, else NULL. */
static const char *unsafe_folder(const char *folder)
{
	struct statfs fs;
	return statfs(folder, &fs) < 0 ? NULL : locate_unsafe_file_system((long)fs.f_type);
}

int locate_check_file_system(const char *path, struct err *err)
{
	CLEANUP(cleanup_free) char *folder = folder_of(path);
	const char *name = unsafe_folder(folder);
	if (!name)
		return 0;
	return err_set(
		err, -ENOTSUP,
		"%s: on %s, where locks cannot be trusted; choose a file on a local disk with "
		"--store",
		path, name);
}

/* "/proc/N/fd/N/NAME" is a file of a folder that may be mounted over: what the link says would lead
 * to another one. */
static bool is_by_descriptor(const char *path)
{
	return strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

/* SQLite names its side files after what a link leads to, and so must we. */
char *locate_absolute_path(const char *path)
{
	if (is_by_descriptor(path))
		return xstrdup(path);
	char *real = realpath(path, NULL);
	if (real || errno != ENOENT)
		return real;
	CLEANUP(cleanup_free) char *folder = folder_of(path);
	CLEANUP(cleanup_free) char *real_folder = realpath(folder, NULL);
	if (!real_folder)
		return NULL;
	return xasprintf("%s/%s", strcmp(real_folder, "/") ? real_folder : "", base_name(path));
}

bool locate_is_taken(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !(S_ISREG(st.st_mode) && st.st_size == 0);
}

/* ---- names */

/* The start of a name, and a hash of all that tells it from others with that start. */
static char *marked_name(const char *folder, const char *name, const char *hashed)
{
	char hex[HASH_HEX], start[NAME_BYTES];
	CLEANUP(hash_free_cleanup) struct hash *h = hash_new();
	hash_adds(h, hashed);
	hash_hex(hex, h);
	utf8_name(start, name, strlen(name));
	size_t len = strlen(start), most = NAME_BYTES_MOST - strlen(SUFFIX) - strlen("-") - 16;
	for (len = len < most ? len : most; ((unsigned char)start[len] & 0xc0) == 0x80;)
		len--;
	return xasprintf("%s/%.*s-%.16s" SUFFIX, folder, (int)len, start, hex);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where the store of a book is by itself. */
static char *home_of(const char *book_path)
{
	return is_folder(book_path) ? xstrdup(book_path) : folder_of(book_path);
}

static char *name_beside(const char *folder, const char *book_path)
{
	const char *name = base_name(book_path);
	if (!strcmp(folder, book_path))
		return xasprintf("%s/" WITHIN, folder);
	if (strlen(name) + strlen(SUFFIX) > NAME_BYTES_MOST)
		return marked_name(folder, name, name);
	return xasprintf("%s" SUFFIX, book_path);
}

/* Books of one name stand in many folders. */
static char *name_in_state(const char *state, const char *book_path)
{
	return marked_name(state, base_name(book_path), book_path);
}

/* ---- the state folder */

static char *state_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (state && state[0] == '/')
		return xasprintf("%s/bookfs", state);
	return home && home[0] == '/' ? xasprintf("%s/.local/state/bookfs", home) : NULL;
}

static int make_folders(const char *path)
{
	CLEANUP(cleanup_free) char *part = xstrdup(path);
	for (char *p = part + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			if (mkdir(part, 0700) < 0 && errno != EEXIST)
				return -errno;
			*p = '/';
		}
	return mkdir(part, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* ---- a store of a book that was moved */

struct search {
	const char *book_path;
	char hash[HASH_HEX]; /* the book's; "" until a candidate makes it needed */
};

/* What book a file is the store of; -ENOENT if none, or if it is no store. */
static int book_of(char **path, char hash[HASH_HEX], const char *store_path)
{
	static const char sql[] = "SELECT path, hash FROM book";
	struct conn c = {0};
	int64_t version;
	int result = conn_open(&c, store_path, conn_reading_mode(store_path), NULL);
	if (result == 0 && schema_identify(&version, &c, store_path, NULL) < 0)
		result = -ENOENT;
	if (result == 0) {
		CLEANUP(query_end) struct query q = query_begin(&c, sql);
		result = query_row(&q) == 1 ? 0 : -ENOENT;
		if (result == 0) {
			query_hex(hash, &q, 1);
			*path = xstrdup(query_string(&q, 0));
		}
	}
	conn_close(&c);
	return result;
}

/* Does this store hold our book, and is the book it was made for gone, or ours? */
static bool is_ours(struct search *search, const char *store_path)
{
	CLEANUP(cleanup_free) char *path = NULL;
	char hash[HASH_HEX];
	if (book_of(&path, hash, store_path) != 0)
		return false;
	struct stat st;
	bool gone = stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
	if (!gone && strcmp(path, search->book_path) != 0)
		return false;
	struct book_identity id;
	if (!search->hash[0] && book_identity_of(&id, search->book_path, true, NULL) == 0)
		memcpy(search->hash, id.hash, HASH_HEX);
	return strcmp(hash, search->hash) == 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), most = strlen(suffix);
	return len > most && strcmp(name + len - most, suffix) == 0;
}

/* The store in folder that holds the book; owned, or NULL. */
static char *search_folder(struct search *search, const char *folder)
{
	DIR *dir = opendir(folder);
	char *found = NULL;
	struct dirent *entry;
	while (dir && !found && (entry = readdir(dir)) != NULL) {
		if (!ends_with(entry->d_name, SUFFIX))
			continue;
		CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", folder, entry->d_name);
		if (is_ours(search, path))
			found = xstrdup(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* ---- by the book's file
 *
 * A link in the state folder for each book that is in use leads to its store. Its name is the
 * file's number and birth, which no other file will have. So a book is found that was moved to
 * another folder, or that has two names. */

#define BY_FILE "/by-file"

static char *link_of(const char *book_path)
{
	CLEANUP(cleanup_free) char *state = state_folder();
	struct statx st;
	if (!state || statx(AT_FDCWD, book_path, 0, STATX_INO | STATX_BTIME, &st) < 0 ||
	    !(st.stx_mask & STATX_BTIME))
		return NULL;
	return xasprintf("%s" BY_FILE "/%x-%x-%llx-%llx.%x", state, st.stx_dev_major,
			 st.stx_dev_minor, (unsigned long long)st.stx_ino,
			 (unsigned long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
}

static char *read_link(const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));
	return len > 0 && (size_t)len < sizeof(target) ? xstrndup(target, (size_t)len) : NULL;
}

/* There may be only locks yet. */
static bool is_in_use(const char *store_path)
{
	CLEANUP(cleanup_free) char *locks = xasprintf("%s-locks", store_path);
	return locate_is_taken(store_path) || locate_is_taken(locks);
}

static char *search_by_file(const char *book_path)
{
	CLEANUP(cleanup_free) char *link = link_of(book_path);
	char *found = link ? read_link(link) : NULL;
	if (found && is_in_use(found))
		return found;
	free(found);
	return NULL;
}

/* Those of stores that are gone go, whenever one comes. */
static void sweep_links(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) != NULL) {
		CLEANUP(cleanup_free) char *path = xasprintf("%s/%s", folder, entry->d_name);
		CLEANUP(cleanup_free) char *target = read_link(path);
		if (target && !is_in_use(target))
			unlink(path);
	}
	if (dir)
		closedir(dir);
}

void locate_remember(const char *book_path, const char *store_path)
{
	CLEANUP(cleanup_free) char *link = link_of(book_path);
	CLEANUP(cleanup_free) char *before = link ? read_link(link) : NULL;
	if (!link || is_by_descriptor(store_path) || (before && !strcmp(before, store_path)))
		return;
	CLEANUP(cleanup_free) char *folder = folder_of(link);
	CLEANUP(cleanup_free) char *new = xasprintf("%s.%d", link, (int)getpid());
	if (make_folders(folder) < 0)
		return;
	sweep_links(folder);
	if (symlink(store_path, new) < 0 || rename(new, link) < 0)
		unlink(new);
}

/* ---- where */

static int locate_new(char **path, char **note, const char *book_path, const char *state,
		      struct err *err)
{
	CLEANUP(cleanup_free) char *folder = home_of(book_path);
	const char *fs = unsafe_folder(folder);
	if (!fs && access(folder, W_OK) == 0) {
		*path = name_beside(folder, book_path);
		return 0;
	}
	if (!state)
		return err_set(
			err, -EACCES,
			"%s: nothing can be kept beside the book, and HOME is not set; say where "
			"with --store",
			folder);
	int result = make_folders(state);
	if (result < 0)
		return err_set(err, result, "%s: %s; say where to keep the store with --store",
			       state, strerror(-result));
	const char *state_fs = unsafe_folder(state);
	if (state_fs)
		return err_set(
			err, -ENOTSUP,
			"%s: on %s, where locks cannot be trusted; choose a file on a local disk "
			"with --store",
			state, state_fs);
	*path = name_in_state(state, book_path);
	if (note && fs)
		*note = xasprintf("%s is on %s: the store is kept in %s, and locks do not reach "
				  "other machines",
				  folder, fs, state);
	else if (note)
		*note = xasprintf("%s cannot be written: the store is kept in %s", folder, state);
	return 0;
}

static int locate_explicit(char **path, const char *explicit_path, struct err *err)
{
	if (strlen(base_name(explicit_path)) > NAME_BYTES_MOST)
		return err_set(err, -ENAMETOOLONG,
			       "%s: files beside it would have too long a name; choose a shorter "
			       "one with --store",
			       explicit_path);
	CLEANUP(cleanup_free) char *absolute = locate_absolute_path(explicit_path);
	if (!absolute)
		return err_set(err, -errno, "%s: %s", explicit_path, strerror(errno));
	int result = locate_check_file_system(absolute, err);
	if (result < 0)
		return result;
	*path = absolute;
	absolute = NULL;
	return 0;
}

int store_locate(char **path, char **note, const char *book_path, const char *explicit_path,
		 struct err *err)
{
	if (note)
		*note = NULL;
	if (explicit_path)
		return locate_explicit(path, explicit_path, err);
	CLEANUP(cleanup_free) char *book = locate_absolute_path(book_path);
	if (!book)
		return err_set(err, -errno, "%s: %s", book_path, strerror(errno));
	CLEANUP(cleanup_free) char *state = state_folder();
	CLEANUP(cleanup_free) char *folder = home_of(book);
	char *known[] = {name_beside(folder, book), state ? name_in_state(state, book) : NULL};
	char *found = NULL;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!found && known[i] && locate_is_taken(known[i]))
			found = known[i];
		else
			free(known[i]);
	}
	struct search search = {.book_path = book};
	if (!found)
		found = search_by_file(book);
	if (!found)
		found = search_folder(&search, folder);
	if (!found && state)
		found = search_folder(&search, state);
	if (!found)
		return locate_new(path, note, book, state, err);
	*path = found;
	return 0;
}
