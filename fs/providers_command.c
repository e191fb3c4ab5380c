/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

/* `bookfs providers`: who there is, and what each needs. Nobody is asked. */

/* Where its key is found, in words; "": nowhere. */
static void find_key(struct buf *out, const struct preset *p, const struct config *c,
		     const char *path)
{
	static const char *const ways[] = {"api_key", "api_key_file", "api_key_command"};
	const char *value = p->key_variable ? getenv(p->key_variable) : NULL;

	if (value && *value) {
		buf_adds(out, "set");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const struct config_entry *e = config_find(c, p->name, ways[i]);

		if (e) {
			buf_addf(out, "%s:%d", path, e->line);
			return;
		}
	}
}

static const char *makes(const struct preset *p)
{
	return p->chat == WIRE_NONE    ? "pictures"
	       : p->image == WIRE_NONE ? "text"
				       : "text, pictures";
}

/* What a picture may be asked for with. */
static void say_limits(const struct preset *p)
{
	struct paint_limits l;

	if (p->image == WIRE_NONE)
		return;
	provider_paint_limits(&l, p, NULL);
	printf("%-12sprompts of at most %zu bytes; references: ", "", l.prompt_bytes);
	if (!l.references)
		puts("no");
	else if (*p->reference_models)
		printf("yes, with %s models, at most %zu\n", p->reference_models, l.references);
	else
		printf("yes, at most %zu\n", l.references);
}

static void say_preset(const struct preset *p, const struct config *c, const char *path)
{
	CLEANUP(buf_finish) struct buf key = {0};

	find_key(&key, p, c, path);
	printf("%-12s%-16s%s\n", p->name, makes(p), p->about);
	printf("%-12saddress %s\n", "", p->base_url ? p->base_url : "to be given: base_url=...");
	if (p->key_needed || key.len)
		printf("%-12skey     %s (%s)\n", "",
		       p->key_variable ? p->key_variable : "none needed",
		       key.len ? buf_str(&key) : "not set");
	if (p->model || p->image_model)
		printf("%-12smodel   %s%s%s\n", "", p->model ? p->model : "to be named",
		       p->image_model ? ", for pictures " : "",
		       p->image_model ? p->image_model : "");
	else if (p->key_needed)
		printf("%-12smodel   to be named: model=NAME\n", "");
	say_limits(p);
}

static void add_text(cJSON *item, const char *name, const char *value)
{
	cJSON_AddItemToObject(item, name, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

static const struct preset builtin = {
	.name = "builtin",
	.about = "this machine alone, offline",
	.chat = WIRE_CHAT,
	.image = WIRE_IMAGES,
};

static cJSON *preset_json(const struct preset *p, const struct config *c, const char *path)
{
	CLEANUP(buf_finish) struct buf key = {0};
	struct paint_limits limits = {0};
	cJSON *item = cJSON_CreateObject();

	if (p->image != WIRE_NONE && p != &builtin)
		provider_paint_limits(&limits, p, NULL);
	find_key(&key, p, c, path);
	cJSON_AddStringToObject(item, "name", p->name);
	cJSON_AddStringToObject(item, "about", p->about);
	cJSON_AddBoolToObject(item, "text", p->chat != WIRE_NONE);
	cJSON_AddBoolToObject(item, "pictures", p->image != WIRE_NONE);
	add_text(item, "base_url", p->base_url);
	add_text(item, "model", p->model);
	add_text(item, "image_model", p->image_model);
	cJSON_AddBoolToObject(item, "keyNeeded", p->key_needed);
	add_text(item, "keyVariable", p->key_variable);
	cJSON_AddBoolToObject(item, "keySet", key.len > 0);
	cJSON_AddNumberToObject(item, "promptBytes", (double)limits.prompt_bytes);
	cJSON_AddNumberToObject(item, "references", (double)limits.references);
	return item;
}

static cJSON *builtin_json(void)
{
	const struct config none = {0};

	return preset_json(&builtin, &none, "");
}

static int say_json(const struct config *c, const char *path)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *all = cJSON_AddArrayToObject(root, "providers");
	const struct preset *p;

	cJSON_AddItemToArray(all, builtin_json());
	for (size_t i = 0; (p = provider_preset_at(i)); i++)
		cJSON_AddItemToArray(all, preset_json(p, c, path));
	return say_object(root);
}

static void say_all(const struct config *c, const char *path)
{
	const struct preset *p;

	printf("%-12s%-16s%s\n", "builtin", "text, pictures",
	       "this machine alone: no key, no cost, the default");
	for (size_t i = 0; (p = provider_preset_at(i)); i++)
		say_preset(p, c, path);
}

static int run_providers(const struct command *c, int argc, char **argv)
{
	CLEANUP(config_finish) struct config config = {0};
	CLEANUP(cleanup_free) char *path = config_path();
	bool json = false;
	const struct flag flags[] = {{"--json", .on = &json}};
	struct err err = {0};
	int r = flags_parse_none(c, flags, ARRAY_LEN(flags), argc, argv);

	if (r)
		return r < 0 ? EXIT_DONE : r;
	if (path && config_read(&config, path, &err) < 0)
		return say_failed(&err);
	if (json)
		return say_json(&config, path);
	say_all(&config, path);
	return EXIT_DONE;
}

const struct command command_providers = {
	.name = "providers",
	.usage = "bookfs providers [--json]",
	.summary = "who can read and paint, and what each needs",
	.help = "Lists the providers for -o provider=NAME and image_provider=NAME: what each "
		"makes,\n"
		"its address, the variable of its key and whether that is set, and its model "
		"where\n"
		"none has to be named. Nobody is asked.\n"
		"\n"
		"    --json                the same for programs\n",
	.run = run_providers,
};
