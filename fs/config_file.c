/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <fcntl.h>
#include <ini.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "settings.h"

/*
 * The settings' file: lines NAME = VALUE, first those for all, then under [PROVIDER] those of one
 * server. inih cuts the lines apart; it neither numbers them nor says that one was too long for it,
 * so they are handed to it one by one.
 *
 * Who can write to the file can have a command run in our name (api_key_command), and who can read
 * it has the keys in it. So it is judged as ssh judges its own: refused, with the command that puts
 * it right. A warning would go by unread while the key is open to all.
 */

enum { SIZE_MOST = 1 << 20, ENTRIES_MOST = 4096 };

struct reading {
	struct config *config;
	FILE *file;
	const char *path;
	int line, section_line;
	struct err *err;
	int code;
};

char *config_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const struct passwd *us;

	if (base && base[0] == '/') /* a relative one is to be ignored, says the specification */
		return xasprintf("%s/bookfs/config", base);
	if (!home || home[0] != '/') {
		us = getpwuid(geteuid());
		home = us ? us->pw_dir : NULL;
	}
	return home ? xasprintf("%s/.config/bookfs/config", home) : NULL;
}

static int refuse(struct reading *r, const char *fmt, ...) PRINTF(2, 3);
static int refuse(struct reading *r, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->code = err_set(r->err, -EINVAL, "%s:%d: %s", r->path, r->line, line);
	return 0; /* inih's word for no */
}

/* Without the space before a setting: inih would take it for more of the line above. */
static char *next_line(char *line, int size, void *stream)
{
	struct reading *r = stream;
	CLEANUP(cleanup_free) char *whole = NULL;
	const char *start;
	size_t room = 0;
	ssize_t len;

	if (r->code < 0)
		return NULL;
	len = getline(&whole, &room, r->file);
	if (len < 0)
		return NULL;
	r->line++;
	start = whole + strspn(whole, " \t\r\v\f");
	r->section_line = *start == '[' ? r->line : r->section_line;
	if (strlen(whole) != (size_t)len)
		refuse(r, "a zero byte is in it");
	else if (strlen(start) >= (size_t)size - 2)
		refuse(r,
		       "longer than %d characters: a long key goes into a file of its own, with "
		       "api_key_file",
		       size - 3);
	else
		memcpy(line, start, strlen(start) + 1);
	explicit_bzero(whole, room);
	return r->code < 0 ? NULL : line;
}

static char *without_quotes(const char *value)
{
	size_t len = strlen(value);
	char quote = value[0];

	if (len >= 2 && (quote == '"' || quote == '\'') &&
	    strchr(value + 1, quote) == value + len - 1)
		return xstrndup(value + 1, len - 2);
	return xstrdup(value);
}

static int check_section(struct reading *r, const char *section)
{
	const char *names[64], *near;
	size_t count = 0;

	if (!*section || provider_preset(section))
		return 1;
	while (count < ARRAY_LEN(names) && provider_preset_at(count)) {
		names[count] = provider_preset_at(count)->name;
		count++;
	}
	near = flags_nearest(section, names, count);
	r->line = r->section_line;
	return refuse(r, "[%s] is no provider%s%s%s (bookfs providers lists them)", section,
		      near ? "; " : "", near ? near : "", near ? " is near" : "");
}

static int check_name(struct reading *r, const struct setting *s, const char *section,
		      const char *name)
{
	const char *near = s ? NULL : setting_nearest(name);

	if (!s && !*name)
		return refuse(r, "a name is missing before the =");
	if (!s)
		return refuse(r, "%s is not known%s%s%s", name, near ? "; " : "", near ? near : "",
			      near ? " is near" : "");
	if (s->book_only)
		return refuse(r, "%s is of one book: give it as an option", name);
	if (*section && s->owner == OF_MOUNT)
		return refuse(r, "%s is of no server: write it above the first [section]", name);
	if (!*section && strstr(name, "api_key"))
		return refuse(r, "%s belongs to a server: write it under its name, as in [openai]",
			      name);
	return 1;
}

/* Its value is tried, whether it will be used or not. */
static int check_value(struct reading *r, const struct setting *s, const char *value)
{
	CLEANUP(options_finish) struct options scratch;
	const struct origin from = {.kind = FROM_FILE, .line = r->line};
	struct err err = {0};

	options_init(&scratch);
	return setting_take(&scratch, s, value, &from, &err) < 0 ? refuse(r, "%s", err.msg) : 1;
}

static int take_line(void *arg, const char *section, const char *name, const char *given)
{
	struct reading *r = arg;
	const struct setting *s = setting_named(name);
	const struct config_entry *twin = s ? config_find(r->config, section, name) : NULL;
	struct config *c = r->config;
	char *value;

	if (r->code < 0 || !check_section(r, section) || !check_name(r, s, section, name))
		return 0;
	if (twin)
		return refuse(r, "%s stands in line %d already", name, twin->line);
	if (c->count >= ENTRIES_MOST)
		return refuse(r, "there are too many lines");
	value = without_quotes(given);
	c->entries = xgrow(c->entries, &c->cap, c->count + 1, sizeof(*c->entries));
	c->entries[c->count++] = (struct config_entry){s, xstrdup(section), value, r->line};
	return check_value(r, s, value);
}

const struct config_entry *config_find(const struct config *c, const char *section,
				       const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->entries[i].section, section) &&
		    !strcmp(c->entries[i].setting->name, name))
			return &c->entries[i];
	return NULL;
}

void config_finish(struct config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->entries[i].section);
		secret_free(c->entries[i].value);
	}
	free(c->entries);
	*c = (struct config){0};
}

int config_parse(struct config *out, FILE *file, const char *path, struct err *err)
{
	CLEANUP(config_finish) struct config config = {0};
	struct reading r = {.config = &config, .file = file, .path = path, .err = err};
	int at = ini_parse_stream(next_line, &r, take_line, &r);

	if (r.code == 0 && at != 0) {
		r.line = at;
		refuse(&r, "neither NAME = VALUE nor [PROVIDER] nor a # comment");
	}
	if (r.code < 0)
		return r.code;
	*out = config;
	config = (struct config){0};
	return 0;
}

static bool holds_key(const struct config *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->entries[i].setting->kind == SETTING_SECRET)
			return true;
	return false;
}

static int check_file(const struct stat *st, const char *path, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, -EINVAL, "%s is no file", path);
	if (st->st_size > SIZE_MOST)
		return err_set(err, -EINVAL, "%s is too large to be a file of settings", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(err, -EACCES, "%s belongs to somebody else: chown %u %s", path,
			       geteuid(), path);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EACCES, "%s can be changed by others: chmod go-w %s", path,
			       path);
	return 0;
}

/* Or hidden from us: of another user's home nothing is asked. Leaves errno as it is. */
static bool is_absent(const char *path)
{
	int reason = errno;
	bool absent = access(path, F_OK) < 0;

	errno = reason;
	return absent;
}

int config_read(struct config *out, const char *path, struct err *err)
{
	CLEANUP(config_finish) struct config config = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat st;
	int r;

	if (!file)
		return is_absent(path) ? 0 : err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = fstat(fd, &st) < 0 ? err_set(err, -errno, "%s: %s", path, strerror(errno))
			       : check_file(&st, path, err);
	if (r == 0)
		r = config_parse(&config, file, path, err);
	fclose(file);
	if (r == 0 && holds_key(&config) && (st.st_mode & (S_IRGRP | S_IROTH)))
		r = err_set(err, -EACCES, "%s holds a key and others can read it: chmod 600 %s",
			    path, path);
	if (r < 0)
		return r;
	*out = config;
	config = (struct config){0};
	return 0;
}
