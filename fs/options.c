/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "settings.h"

/*
 * The options of -o: settings of our own, and those that mount(8) and fstab hand to every file
 * system. Of the latter some go to the kernel, and some mean something to mount(8) alone. A book is
 * mounted nosuid, nodev, noexec whatever is asked: mount(8) as root adds dev and suid by itself.
 */

static const char *const for_kernel[] = {"ro", "sync", "dirsync", "noatime", "nodiratime"};
static const char *const for_mount[] = {"rw",
					"dev",
					"nodev",
					"suid",
					"nosuid",
					"exec",
					"noexec",
					"atime",
					"async",
					"user",
					"users",
					"nouser",
					"owner",
					"group",
					"auto",
					"noauto",
					"nofail",
					"_netdev",
					"defaults",
					"relatime",
					"norelatime",
					"strictatime",
					"lazytime",
					"nolazytime",
					"diratime",
					"silent",
					"loud",
					"nosymfollow",
					"default_permissions"};

/* Programs that open whatever they find, without anybody having asked for the content. */
static const char *const never_asked[] = {"tracker-miner-f",
					  "tracker-extract",
					  "tracker-extract-3",
					  "baloo_file",
					  "baloo_file_extractor",
					  "updatedb",
					  "updatedb.mlocate",
					  "updatedb.plocate",
					  "mlocate",
					  "plocate",
					  "recollindex",
					  "localsearch-3",
					  "localsearch-ext",
					  "thumbnailer",
					  "tumblerd",
					  "gnome-thumbnailer",
					  "gdk-pixbuf-thumbnailer",
					  "evince-thumbnailer",
					  "totem-video-thumbnailer",
					  "ffmpegthumbnailer",
					  "kio_thumbnail",
					  "thumbnail.so",
					  "glycin-loader",
					  "clamscan",
					  "clamd",
					  "freshclam",
					  "mds",
					  "duplicity",
					  "restic-indexer"};

void options_init(struct options *o)
{
	*o = (struct options){.grace_s = 70,
			      .pages_per_image = 10,
			      .timeout_s = 600,
			      .retries = -1,
			      .temperature_milli = -1,
			      .seed = -1,
			      .budget = {-1, -1, -1, -1},
			      .readahead = -1};
	for (size_t i = 0; i < ARRAY_LEN(never_asked); i++)
		strv_add(&o->never_trigger_for, never_asked[i]);
}

void options_finish(struct options *o)
{
	char *const texts[] = {o->reach,      o->book,		 o->dir,	  o->store,
			       o->provider,   o->image_provider, o->image_size,	  o->image_quality,
			       o->workflow,   o->prompt_dir,	 o->instructions, o->workflow_text,
			       o->record_dir, o->series,	 o->config_path,  o->picture_words};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	server_finish(&o->text_server);
	server_finish(&o->image_server);
	strv_finish(&o->never_trigger_for);
	strv_finish(&o->kernel);
}

static const struct origin by_option = {.kind = FROM_OPTION};

int options_store(struct options *o, const char *path, struct err *err)
{
	if (!*path)
		return err_set(err, -EINVAL, "the store's path is missing");
	return setting_take(o, setting_named("store"), path, &by_option, err);
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* What only mount(8), systemd or a person reads. */
static bool is_comment(const char *word)
{
	static const char *const prefixes[] = {"x-", "X-", "comment=", "uhelper=", "helper="};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (!strncmp(word, prefixes[i], strlen(prefixes[i])))
			return true;
	return is_one_of(word, for_mount, ARRAY_LEN(for_mount));
}

static int take_option(struct options *o, char *word, struct err *err)
{
	const struct setting *s;
	const char *near;
	char *value;

	if (is_comment(word))
		return 0;
	if (is_one_of(word, for_kernel, ARRAY_LEN(for_kernel))) {
		strv_add(&o->kernel, word);
		return 0;
	}
	value = strchr(word, '=');
	if (value)
		*value++ = '\0';
	s = setting_named(word);
	if (s)
		return setting_take(o, s, value, &by_option, err);
	near = setting_nearest(word);
	return err_set(err, -EINVAL, "option %s is not known%s%s%s", word, near ? "; " : "",
		       near ? near : "", near ? " is near" : "");
}

int options_parse(struct options *o, const char *list, struct err *err)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(list);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		int r = *word ? take_option(o, word, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* What a mount shows is no book: its documents would be chapters, and a server asked for each. */
static int check_no_mount(const char *path, const char *book, struct err *err)
{
	struct mountpoint there;
	int r = 0;

	if (mountpoint_find(&there, path) != 1)
		return 0;
	if (strcmp(there.source, path) != 0)
		r = err_set(err, -EISDIR, "%s is a mount of %s: name that book", book,
			    there.source);
	mountpoint_finish(&there);
	return r;
}

int options_book(struct options *o, const char *book, struct err *err)
{
	CLEANUP(cleanup_free) char *path = realpath(book, NULL);
	struct stat st;
	int r;

	if (!path)
		return err_set(err, -errno, "%s: %s", book,
			       errno == ENOENT ? "there is no such book" : strerror(errno));
	r = check_no_mount(path, book, err);
	if (r < 0)
		return r;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !book_is_folder(path))
		return err_set(err, -EISDIR,
			       "%s is no book: name an EPUB, text, Markdown or HTML file, or a "
			       "folder of texts",
			       book);
	free(o->book);
	o->book = path;
	path = NULL;
	if (!o->store)
		mountpoint_is_over(&o->store, o->book);
	return 0;
}

const char *options_reach(const struct options *o)
{
	return o->reach ? o->reach : o->book;
}
