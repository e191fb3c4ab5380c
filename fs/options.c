/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"

/*
 * The options of -o: our own, and those that mount(8) and fstab hand to every file system. Of the
 * latter some go to the kernel, and some mean something to mount(8) alone. A book is mounted
 * nosuid, nodev, noexec whatever is asked: mount(8) as root adds dev and suid by itself.
 */

enum option_kind {
	OPTION_NUMBER,
	OPTION_CHOICE,
	OPTION_ONE_OF,
	OPTION_NAMES,
	OPTION_PATH,
	OPTION_TEXT,
	OPTION_SWITCH
};

struct option {
	const char *name;
	enum option_kind kind;
	size_t field;		  /* in struct options */
	int min, max;		  /* OPTION_NUMBER */
	const char *off, *not ;	  /* OPTION_CHOICE: the words for false and true */
	const char *const *words; /* OPTION_ONE_OF: the word for 0, for 1 ...; NULL */
};

#define FIELD(name) offsetof(struct options, name)

static const char *const enforce_words[] = {
	[ENFORCE_CONFLICT] = "conflict", [ENFORCE_STRICT] = "strict", [ENFORCE_OFF] = "off", NULL};

static const struct option known[] = {
	{"trigger", OPTION_CHOICE, FIELD(never_trigger), .off = "read", .not = "never"},
	{"no_trigger", OPTION_NAMES, FIELD(never_trigger_for)},
	{"wait", OPTION_NUMBER, FIELD(wait_s), .min = 1, .max = 86400},
	{"depth", OPTION_NUMBER, FIELD(depth), .min = 0, .max = 256},
	{"grace", OPTION_NUMBER, FIELD(grace_s), .min = 0, .max = 86400},
	{"pages_per_image", OPTION_NUMBER, FIELD(pages_per_image), .min = 1, .max = 10000},
	{"images", OPTION_CHOICE, FIELD(no_images), .off = "auto", .not = "off"},
	{"store", OPTION_PATH, FIELD(store)},
	{"provider", OPTION_CHOICE, FIELD(openai), .off = "builtin", .not = "openai"},
	{"base_url", OPTION_TEXT, FIELD(text_server.base_url)},
	{"model", OPTION_TEXT, FIELD(text_server.model)},
	{"chat_slots", OPTION_NUMBER, FIELD(text_server.slots), .min = 1, .max = 256},
	{"image_base_url", OPTION_TEXT, FIELD(image_server.base_url)},
	{"image_model", OPTION_TEXT, FIELD(image_server.model)},
	{"image_slots", OPTION_NUMBER, FIELD(image_server.slots), .min = 1, .max = 256},
	{"timeout", OPTION_NUMBER, FIELD(timeout_s), .min = 1, .max = 86400},
	{"enforce", OPTION_ONE_OF, FIELD(enforce), .words = enforce_words},
	{"allow_other", OPTION_SWITCH, FIELD(allow_other)},
};

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
			      .text_server.slots = 3,
			      .image_server.slots = 3};
	for (size_t i = 0; i < ARRAY_LEN(never_asked); i++)
		strv_add(&o->never_trigger_for, never_asked[i]);
}

void options_finish(struct options *o)
{
	free(o->book);
	free(o->dir);
	free(o->store);
	server_finish(&o->text_server);
	server_finish(&o->image_server);
	strv_finish(&o->never_trigger_for);
	strv_finish(&o->kernel);
}

static int take_number(int *out, const struct option *k, const char *value, struct err *err)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (!*value || *end || n < k->min || n > k->max)
		return err_set(err, -EINVAL, "option %s: a number from %d to %d, not \"%s\"",
			       k->name, k->min, k->max, value);
	*out = (int)n;
	return 0;
}

static int take_choice(bool *out, const struct option *k, const char *value, struct err *err)
{
	if (strcmp(value, k->off) && strcmp(value, k->not ))
		return err_set(err, -EINVAL, "option %s: \"%s\" or \"%s\", not \"%s\"", k->name,
			       k->off, k->not, value);
	*out = !strcmp(value, k->not );
	return 0;
}

static int take_one_of(int *out, const struct option *k, const char *value, struct err *err)
{
	CLEANUP(buf_finish) struct buf all = {0};

	for (int i = 0; k->words[i]; i++) {
		if (!strcmp(value, k->words[i])) {
			*out = i;
			return 0;
		}
		buf_addf(&all, "%s%s", i ? ", " : "", k->words[i]);
	}
	return err_set(err, -EINVAL, "option %s: one of %s, not \"%s\"", k->name, buf_str(&all),
		       value);
}

static int take_text(char **out, const struct option *k, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, -EINVAL, "option %s needs a value: %s=...", k->name, k->name);
	free(*out);
	*out = xstrdup(value);
	return 0;
}

/* "a:b:c", as a comma would end the option. */
static int take_names(struct strv *out, const char *value)
{
	strv_finish(out);
	for (const char *p = value; *p; p += strspn(p, ":")) {
		size_t len = strcspn(p, ":");

		if (len)
			strv_add_len(out, p, len);
		p += len;
	}
	return 0;
}

int options_store(struct options *o, const char *path, struct err *err)
{
	CLEANUP(cleanup_free) char *cwd = NULL;

	if (!*path)
		return err_set(err, -EINVAL, "the store's path is missing");
	if (path[0] != '/' && !(cwd = getcwd(NULL, 0)))
		return err_set(err, -errno, "the current directory: %s", strerror(errno));
	free(o->store);
	o->store = cwd ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
	return 0;
}

static int take_known(struct options *o, const struct option *k, const char *value, struct err *err)
{
	void *field = (char *)o + k->field;

	if (k->kind == OPTION_SWITCH) {
		if (value)
			return err_set(err, -EINVAL, "option %s takes no value", k->name);
		*(bool *)field = true;
		return 0;
	}
	if (!value)
		return err_set(err, -EINVAL, "option %s needs a value: %s=...", k->name, k->name);
	switch (k->kind) {
	case OPTION_NUMBER:
		return take_number(field, k, value, err);
	case OPTION_CHOICE:
		return take_choice(field, k, value, err);
	case OPTION_ONE_OF:
		return take_one_of(field, k, value, err);
	case OPTION_NAMES:
		return take_names(field, value);
	case OPTION_TEXT:
		return take_text(field, k, value, err);
	default:
		return options_store(o, value, err);
	}
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

static int unknown_option(const char *name, struct err *err)
{
	const char *names[ARRAY_LEN(known)], *near;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		names[i] = known[i].name;
	near = flags_nearest(name, names, ARRAY_LEN(names));
	if (near)
		return err_set(err, -EINVAL, "option %s is not known; %s is near", name, near);
	return err_set(err, -EINVAL, "option %s is not known", name);
}

static int take_option(struct options *o, char *word, struct err *err)
{
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
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(word, known[i].name))
			return take_known(o, &known[i], value, err);
	return unknown_option(word, err);
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

int options_book(struct options *o, const char *book, struct err *err)
{
	char *path = realpath(book, NULL);
	struct stat st;

	if (!path)
		return err_set(err, -errno, "%s: %s", book,
			       errno == ENOENT ? "there is no such book" : strerror(errno));
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		free(path);
		return err_set(err, -EISDIR,
			       "%s is no file: name an EPUB, text, Markdown or HTML file", book);
	}
	free(o->book);
	o->book = path;
	return 0;
}
