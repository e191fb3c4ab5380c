/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

/*
 * `bookfs config`: every setting, its value, and where that came from. No command for a key is run
 * and no file with one is read: what would be used is shown, not fetched.
 */

enum { NAME_CELLS = 26, VALUE_CELLS = 34 };

/* A list of names is cut; an address, a path or a command is not. */
static void print_row(const struct setting *s, const char *value, const char *origin)
{
	bool cut = s->kind == SETTING_NAMES && strlen(value) > VALUE_CELLS;

	printf("%-*s %-*.*s%s %s\n", NAME_CELLS, s->name, cut ? VALUE_CELLS - 3 : VALUE_CELLS,
	       cut ? VALUE_CELLS - 3 : -1, *value ? value : "-", cut ? "..." : "", origin);
}

/* What a mount makes of it, where that is another value. */
static void print_of_mount(struct buf *out, const struct options *o, const struct setting *s)
{
	if (!strcmp(s->name, "max_requests") && options_mount_requests(o) != o->budget.requests)
		buf_addf(out, "%lld", (long long)options_mount_requests(o));
	if (!strcmp(s->name, "illustrate") && options_mount_illustrate(o) != o->illustrate)
		buf_adds(out, "ask");
	if (!strcmp(s->name, "fresh") && options_mount_fresh(o) != o->fresh)
		buf_adds(out, options_mount_fresh(o) == FRESH_BOTH ? "both" : "yes");
}

static void say_all(const struct options *o)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++) {
		CLEANUP(buf_finish) struct buf value = {0}, origin = {0}, of_mount = {0};

		setting_print(&value, o, s);
		print_of_mount(&of_mount, o, s);
		if (of_mount.len)
			buf_addf(&value, "%s(a mount: %s)", value.len ? " " : "- ",
				 buf_str(&of_mount));
		setting_print_origin(&origin, o, setting_origin(o, s->name));
		print_row(s, buf_str(&value), buf_str(&origin));
	}
	if (o->config_path)
		printf("\nsettings' file: %s%s\n", o->config_path,
		       access(o->config_path, F_OK) < 0 ? " (there is none)" : "");
}

static void add_origin(cJSON *item, const struct options *o, const struct origin *from)
{
	static const char *const words[] = {
		[FROM_DEFAULT] = "default", [FROM_PRESET] = "provider",
		[FROM_FILE] = "file",	    [FROM_SECTION] = "file",
		[FROM_OPTION] = "option",   [FROM_ENVIRONMENT] = "environment"};

	cJSON_AddStringToObject(item, "source", words[from->kind]);
	if (from->kind == FROM_ENVIRONMENT)
		cJSON_AddStringToObject(item, "variable", from->variable);
	if (from->line) {
		cJSON_AddStringToObject(item, "file", o->config_path);
		cJSON_AddNumberToObject(item, "line", from->line);
	}
}

static int say_json(const struct options *o)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *all = cJSON_AddArrayToObject(root, "settings");
	const struct setting *s;

	cJSON_AddStringToObject(root, "file", o->config_path ? o->config_path : "");
	for (size_t i = 0; (s = setting_at(i)); i++) {
		CLEANUP(buf_finish) struct buf value = {0}, of_mount = {0};
		cJSON *item = cJSON_CreateObject();

		setting_print(&value, o, s);
		cJSON_AddItemToArray(all, item);
		cJSON_AddStringToObject(item, "name", s->name);
		cJSON_AddItemToObject(item, "value",
				      value.len ? cJSON_CreateString(buf_str(&value))
						: cJSON_CreateNull());
		print_of_mount(&of_mount, o, s);
		if (of_mount.len)
			cJSON_AddStringToObject(item, "mount", buf_str(&of_mount));
		add_origin(item, o, setting_origin(o, s->name));
	}
	return say_object(root);
}

int say_object(struct cJSON *root)
{
	char *text = cJSON_Print(root);
	int r = text ? puts(text) : EOF;

	free(text);
	cJSON_Delete(root);
	return r == EOF ? EXIT_FAILED : EXIT_DONE;
}

static int run_config(const struct command *c, int argc, char **argv)
{
	CLEANUP(options_finish) struct options o;
	bool json = false;
	const struct flag flags[] = {
		{"--json", .on = &json},
		{"--options", "-o", .take = options_parse, .options = &o},
	};
	struct err err = {0};
	int r;

	options_init(&o);
	r = flags_parse_none(c, flags, ARRAY_LEN(flags), argc, argv);
	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (options_gather(&o, &err) < 0)
		return say_usage(c, "%s", err.msg);
	if (json)
		return say_json(&o);
	say_all(&o);
	return EXIT_DONE;
}

const struct command command_config = {
	.name = "config",
	.usage = "bookfs config [--json] [-o OPTION,...]",
	.summary = "show all settings, and where each is from",
	.help = "Prints each setting of mount and run, its value, and where that is from: an\n"
		"option, the environment, a line of the settings' file, what is known of the\n"
		"provider, or the default. The first of these that has one counts. Keys are "
		"masked.\n"
		"Where a server costs, a mount asks less by itself: that stands beside.\n"
		"\n"
		"    -o OPTION,...         as mount and run would be given them\n"
		"    --json                the same for programs\n"
		"\n"
		"The settings' file is $XDG_CONFIG_HOME/bookfs/config, ~/.config/bookfs/config. It "
		"has\n"
		"lines NAME = VALUE with the names of the options: first those for all, then "
		"under\n"
		"[PROVIDER] those of one server:\n"
		"\n"
		"    provider = openai\n"
		"    [openai]\n"
		"    model = gpt-4.1-mini\n"
		"    api_key_command = pass show openai\n"
		"    prices = 0.40:1.60\n"
		"\n"
		"A key is there as api_key, api_key_file or api_key_command; with api_key only "
		"you\n"
		"may read the file (chmod 600).\n",
	.run = run_config,
};
