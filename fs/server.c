/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"

/*
 * Who reads the chapters and who paints: chosen by an option or by the settings' file, never by the
 * environment. What is said of a server holds for the provider it was said of: in a section for
 * that one; above the sections for the one that the file itself names.
 */

enum { WAIT_BUILTIN_S = 60, WAIT_SERVER_S = 600, RETRIES_BUILTIN = 2, RETRIES_SERVER = 5 };

/* Of a free model OpenRouter answers one request a minute, and counts those it refuses. */
#define FREE_INTERVAL_S "65"

static const struct origin by_default = {.kind = FROM_DEFAULT};
static const struct origin by_preset = {.kind = FROM_PRESET};

void server_finish(struct server *s)
{
	free(s->base_url);
	free(s->model);
	secret_free(s->key);
	free(s->key_url);
	free(s->key_file);
	free(s->key_command);
}

bool server_costs(const struct server *s)
{
	return s->preset && s->key;
}

/* Before the keys are read too (options_keys, which says whose each is). */
static bool may_cost(const struct server *s)
{
	return server_costs(s) || (s->preset && !s->key_url && (s->key_file || s->key_command));
}

int64_t options_mount_requests(const struct options *o)
{
	enum { MOUNT_REQUESTS = 50 };
	bool costs = may_cost(&o->text_server) || may_cost(&o->image_server);

	return costs && !options_given(o, "max_requests") ? MOUNT_REQUESTS : o->budget.requests;
}

/* The key of the one that reads is the painter's too, where they are one server. */
static bool shares_key(const struct options *o)
{
	const struct server *text = &o->text_server, *image = &o->image_server;

	return image->preset && image->preset == text->preset && image->base_url &&
	       text->base_url && address_same_server(image->base_url, text->base_url);
}

/* What is free may be made at each half sentence that somebody reads; what costs waits for rest. */
int options_mount_fresh(const struct options *o)
{
	int by_itself = may_cost(&o->text_server) ? FRESH_BOTH : FRESH_YES;

	return o->fresh == FRESH_UNSET ? by_itself : o->fresh;
}

int options_mount_illustrate(const struct options *o)
{
	bool costs = may_cost(&o->image_server) || (shares_key(o) && may_cost(&o->text_server));

	return costs && o->illustrate == ILLUSTRATE_UNSET ? ILLUSTRATE_ASK : o->illustrate;
}

bool options_mount_only_asked(const struct options *o)
{
	return may_cost(&o->text_server);
}

const char *server_provider(const struct server *s)
{
	return s->preset ? s->preset->name : "builtin";
}

static bool uses_server(const struct options *o)
{
	return o->text_server.preset || o->image_server.preset;
}

/* NULL is no value. */
static int fill(struct options *o, const char *setting, const char *value,
		const struct origin *from, struct err *err)
{
	return value ? setting_take(o, setting_named(setting), value, from, err) : 0;
}

static int fill_number(struct options *o, const char *setting, int value, const struct origin *from,
		       struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	return value > 0 ? fill(o, setting, text, from, err) : 0;
}

/* ---- the file */

static int take_entry(struct options *o, const struct setting *as, const struct config_entry *e,
		      struct err *err)
{
	const struct origin from = {.kind = *e->section ? FROM_SECTION : FROM_FILE,
				    .line = e->line};
	int r = setting_take(o, as, e->value, &from, err);

	return r < 0 ? err_prefix(err, "%s:%d", o->config_path, e->line) : 0;
}

static int take_all_of(struct options *o, const struct config *c, const char *section,
		       enum setting_owner owner, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->count; i++)
		if (!strcmp(c->entries[i].section, section) &&
		    c->entries[i].setting->owner == owner)
			r = take_entry(o, c->entries[i].setting, &c->entries[i], err);
	return r;
}

/* In the section of one that only paints here, what has no "image_" before it is meant so. */
static int take_as_image(struct options *o, const struct config *c, const struct preset *p,
			 struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->count; i++) {
		const struct config_entry *e = &c->entries[i];
		const struct setting *as = setting_for_image(e->setting);

		/* A server of both may name the model that reads, for other times. */
		if (!as || strcmp(e->section, p->name) ||
		    (p->chat != WIRE_NONE && !strcmp(e->setting->name, "model")))
			continue;
		r = take_entry(o, as, e, err);
	}
	return r;
}

static bool is_same(const char *provider, const struct config_entry *named)
{
	return !named || (provider && !strcmp(provider, named->value));
}

static int take_global(struct options *o, const struct config *c, struct err *err)
{
	const struct config_entry *text = config_find(c, "", "provider");
	const struct config_entry *image = config_find(c, "", "image_provider");
	int r = take_all_of(o, c, "", OF_MOUNT, err);

	if (r == 0 && is_same(o->provider, text))
		r = take_all_of(o, c, "", OF_TEXT, err);
	if (r == 0 &&
	    is_same(o->image_provider ? o->image_provider : o->provider, image ? image : text))
		r = take_all_of(o, c, "", OF_IMAGE, err);
	return r;
}

static int take_sections(struct options *o, const struct config *c, struct err *err)
{
	const struct preset *text = o->text_server.preset, *image = o->image_server.preset;
	int r = 0;

	if (text)
		r = take_all_of(o, c, text->name, OF_TEXT, err);
	if (r == 0 && image && image != text)
		r = take_as_image(o, c, image, err);
	if (r == 0 && image)
		r = take_all_of(o, c, image->name, OF_IMAGE, err);
	return r;
}

/* ---- who */

/* "builtin" and "none" are no presets. */
static const struct preset *preset_of(const char *name)
{
	return name ? provider_preset(name) : NULL;
}

static int choose_text(struct options *o, struct err *err)
{
	const struct preset *p = preset_of(o->provider);

	if (p && p->chat == WIRE_NONE)
		return err_set(err, -EINVAL,
			       "%s only paints: say image_provider=%s, and with provider=... who "
			       "reads (builtin does it here)",
			       p->name, p->name);
	if (!p && (setting_origin(o, "model")->kind == FROM_OPTION ||
		   setting_origin(o, "base_url")->kind == FROM_OPTION))
		return err_set(err, -EINVAL,
			       "a model or a server was named, and no provider: add "
			       "provider=openai, or another that `bookfs providers` lists");
	o->text_server.preset = p;
	return fill(o, "provider", "builtin", &by_default, err);
}

static bool names_painter(const struct options *o, const struct config *c)
{
	const char *section = server_provider(&o->text_server);

	return o->image_server.model || o->image_server.base_url ||
	       config_find(c, section, "image_model") || config_find(c, section, "image_base_url");
}

/* Where nobody is named, a model to paint with is one of the server that reads. */
static int choose_image(struct options *o, const struct config *c, struct err *err)
{
	const struct preset *p = preset_of(o->image_provider);
	bool painter = names_painter(o, c);

	if (!o->image_provider && painter)
		p = o->text_server.preset;
	if (!o->image_provider && painter && !p)
		return err_set(err, -EINVAL,
			       "a model or a server for pictures was named, and no provider: add "
			       "image_provider=openai, or another that `bookfs providers` lists");
	if (p && p->image == WIRE_NONE)
		return err_set(err, -EINVAL,
			       "%s paints nothing: say image_provider=builtin, or another that "
			       "`bookfs providers` lists",
			       p->name);
	o->image_server.preset = p;
	if (o->image_provider && !strcmp(o->image_provider, "none"))
		o->images = IMAGES_OFF;
	return fill(o, "image_provider", p ? p->name : "builtin", &by_default, err);
}

/* ---- the environment */

static int take_address(struct options *o, struct err *err)
{
	const struct origin from = {.kind = FROM_ENVIRONMENT, .variable = "OPENAI_BASE_URL"};
	const struct preset *p = provider_preset("openai");
	const char *url = getenv(from.variable);
	int r = 0;

	if (!url || !*url)
		return 0;
	if (o->text_server.preset == p)
		r = fill(o, "base_url", url, &from, err);
	else if (o->image_server.preset == p)
		r = fill(o, "image_base_url", url, &from, err);
	return r < 0 ? err_prefix(err, "OPENAI_BASE_URL") : 0;
}

/* In one line, for keys that lie there: what would use them. */
static void say_unused(const struct options *o)
{
	CLEANUP(buf_finish) struct buf names = {0}, ways = {0};
	const struct preset *p;
	int count = 0;

	for (size_t i = 0; (p = provider_preset_at(i)); i++) {
		const char *key = p->key_variable ? getenv(p->key_variable) : NULL;

		if (!key || !*key)
			continue;
		buf_addf(&names, "%s%s", count ? " and " : "", p->key_variable);
		buf_addf(&ways, "%s-o provider=%s%s", count ? " or " : "", p->name,
			 p->model ? "" : ",model=NAME");
		count++;
	}
	if (count && !uses_server(o) && !options_given(o, "provider"))
		fprintf(stderr, "bookfs: %s %s set and not used: nothing is sent without %s\n",
			buf_str(&names), count > 1 ? "are" : "is", buf_str(&ways));
}

/* ---- what is known of a server */

static int need_address(const struct server *s, const char *prefix, struct err *err)
{
	if (s->base_url)
		return 0;
	return err_set(err, -EINVAL, "%sprovider=%s needs %sbase_url=...: %s", prefix,
		       s->preset->name, prefix, s->preset->about);
}

/* Servers of this kind answer below /v1, and this address names nothing. */
bool server_lacks_version(const struct server *s)
{
	struct address ours, usual;

	return s->preset->base_url && address_parse(&ours, s->base_url) == 0 &&
	       address_parse(&usual, s->preset->base_url) == 0 && !strcmp(usual.path, "/v1") &&
	       (!*ours.path || !strcmp(ours.path, "/"));
}

static void note_path(const struct server *s, const char *setting)
{
	if (server_lacks_version(s))
		fprintf(stderr,
			"bookfs: %s=%s names no path, and most such servers want /v1 behind it\n",
			setting, s->base_url);
}

/* What is one too many is seen at once, and not after a "404". */
static int check_path(const struct server *s, const char *setting, struct err *err)
{
	static const char *const ends[] = {"/chat/completions", "/completions", "/messages",
					   "/images/generations", "/models"};
	size_t len = strlen(s->base_url);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && !strcmp(s->base_url + len - end, ends[i]))
			return err_set(err, -EINVAL, "%s ends before %s: %s=%.*s", setting, ends[i],
				       setting, (int)(len - end), s->base_url);
	}
	note_path(s, setting);
	return 0;
}

static bool is_free(const struct server *s)
{
	size_t len = s->model ? strlen(s->model) : 0;

	return !strcmp(s->preset->name, "openrouter") && len > 5 &&
	       !strcmp(s->model + len - 5, ":free");
}

static int complete_text(struct options *o, struct err *err)
{
	struct server *s = &o->text_server;
	const struct preset *p = s->preset;
	int r = fill(o, "base_url", p->base_url, &by_preset, err);

	if (r == 0)
		r = fill(o, "model", p->model, &by_preset, err);
	if (r == 0)
		r = fill_number(o, "chat_slots", p->chat_slots, &by_preset, err);
	if (r == 0 && is_free(s))
		r = fill(o, "chat_interval", FREE_INTERVAL_S, &by_preset, err);
	if (r == 0)
		r = need_address(s, "", err);
	return r == 0 ? check_path(s, "base_url", err) : r;
}

/* Where it is the server that reads too, its address and prices hold for both. */
static int share_with_image(struct options *o, struct err *err)
{
	CLEANUP(buf_finish) struct buf prices = {0};
	const struct origin *url = setting_origin(o, "base_url");
	const struct setting *s = setting_named("prices");
	int r = 0;

	if (url->kind > FROM_PRESET)
		r = fill(o, "image_base_url", o->text_server.base_url, url, err);
	if (r == 0 && !setting_is_unset(o, s) &&
	    setting_is_unset(o, setting_named("image_prices"))) {
		setting_print(&prices, o, s);
		r = fill(o, "image_prices", buf_str(&prices), setting_origin(o, "prices"), err);
	}
	return r;
}

static bool address_same(const struct server *a, const struct server *b)
{
	return a->base_url && b->base_url && !strcmp(a->base_url, b->base_url);
}

static int complete_image(struct options *o, struct err *err)
{
	struct server *s = &o->image_server;
	const struct preset *p = s->preset;
	int r = 0;

	if (p == o->text_server.preset && !s->base_url)
		r = share_with_image(o, err);
	if (r == 0)
		r = fill(o, "image_base_url", p->image_base_url ? p->image_base_url : p->base_url,
			 &by_preset, err);
	if (r == 0)
		r = fill(o, "image_model", p->image_model, &by_preset, err);
	if (r == 0)
		r = fill_number(o, "image_slots", p->image_slots, &by_preset, err);
	if (r == 0 && is_free(s))
		r = fill(o, "image_interval", FREE_INTERVAL_S, &by_preset, err);
	if (r == 0)
		r = need_address(s, "image_", err);
	if (r < 0 || address_same(s, &o->text_server))
		return r;
	return check_path(s, "image_base_url", err);
}

/* ---- all of it */

static int gather(struct options *o, const struct config *c, struct err *err)
{
	int r = take_global(o, c, err);

	if (r == 0)
		r = choose_text(o, err);
	if (r == 0)
		r = choose_image(o, c, err);
	if (r == 0)
		say_unused(o);
	if (r == 0)
		r = take_address(o, err);
	if (r == 0)
		r = take_sections(o, c, err);
	if (r == 0)
		r = keys_from_environment(o, err);
	if (r == 0 && o->text_server.preset)
		r = complete_text(o, err);
	if (r == 0 && o->image_server.preset)
		r = complete_image(o, err);
	if (r == 0)
		r = fill_number(o, "wait", o->text_server.preset ? WAIT_SERVER_S : WAIT_BUILTIN_S,
				&by_default, err);
	if (r == 0)
		r = fill_number(o, "retries", uses_server(o) ? RETRIES_SERVER : RETRIES_BUILTIN,
				&by_default, err);
	return r;
}

int options_gather(struct options *o, struct err *err)
{
	CLEANUP(config_finish) struct config config = {0};
	int r = 0;

	free(o->config_path);
	o->config_path = config_path();
	if (o->config_path)
		r = config_read(&config, o->config_path, err);
	return r == 0 ? gather(o, &config, err) : r;
}

/* One that is billed has many, and none is chosen for whoever pays; a server of one's own may have
 * a single one that needs no name. */
static int need_model(const struct server *s, bool needed, const char *prefix, const char *also,
		      struct err *err)
{
	if (!s->preset || s->model ||
	    (!needed &&
	     !(s->preset->key_needed && address_same_server(s->base_url, s->preset->base_url))))
		return 0;
	return err_set(
		err, -EINVAL,
		"%sprovider=%s needs the model too: %smodel=NAME (bookfs models%s lists them)",
		prefix, s->preset->name, prefix, also);
}

int options_models(const struct options *o, struct err *err)
{
	const struct server *text = &o->text_server, *image = &o->image_server;
	int r = need_model(text, text->preset && text->preset->chat == WIRE_OLLAMA, "", "", err);

	if (r == 0)
		r = need_model(image, false, "image_", " --images", err);
	if (r == 0 && image->preset && image->preset->image == WIRE_COMFYUI && !o->workflow)
		r = err_set(err, -EINVAL,
			    "image_provider=%s needs the workflow too: workflow=FILE, exported for "
			    "the API",
			    image->preset->name);
	return r;
}

enum { TEXT_BYTES_MOST = 1 << 20 };

/* A person's own prompt or workflow, whole. NULL path: there is none. */
static int read_text(char **out, const char *path, struct err *err)
{
	CLEANUP(buf_finish) struct buf text = {.max_bytes = TEXT_BYTES_MOST};
	CLEANUP(cleanup_close) int fd = -1;
	char part[16384];
	ssize_t n;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)n);
	if (fd < 0 || n < 0)
		return err_set(err, -EINVAL, "%s: %s", path, strerror(errno));
	if (buf_error(&text) < 0 || !utf8_valid(buf_str(&text), text.len) ||
	    strlen(buf_str(&text)) != text.len)
		return err_set(err, -EINVAL, "%s: no text of at most %d KB", path,
			       TEXT_BYTES_MOST / 1024);
	*out = buf_steal(&text, NULL);
	return 0;
}

static bool tells_scene(const char *words)
{
	return strstr(words, "{prompt}") || strstr(words, "{description}") ||
	       strstr(words, "{quote}");
}

static int read_texts(struct options *o, struct err *err)
{
	const struct {
		const char *name;
		char **text;
		const struct server *who;
	} prompts[] = {{"chapter.txt", &o->instructions, &o->text_server},
		       {"picture.txt", &o->picture_words, &o->image_server}};
	bool found = false;
	int r = 0;

	for (size_t i = 0; o->prompt_dir && r == 0 && i < ARRAY_LEN(prompts); i++) {
		CLEANUP(cleanup_free)
		char *path = xasprintf("%s/%s", o->prompt_dir, prompts[i].name);
		if (access(path, F_OK) < 0)
			continue;
		found = true;
		if (prompts[i].who->preset)
			r = read_text(prompts[i].text, path, err);
	}
	if (o->prompt_dir && !found && (o->text_server.preset || o->image_server.preset))
		r = err_set(err, -EINVAL, "prompt_dir=%s: there is no chapter.txt nor picture.txt",
			    o->prompt_dir);
	if (r == 0 && o->picture_words && !tells_scene(o->picture_words))
		r = err_set(err, -EINVAL,
			    "%s/picture.txt: all pictures would be one: it needs {prompt}, "
			    "{description} or {quote}",
			    o->prompt_dir);
	return r == 0 ? read_text(&o->workflow_text, o->workflow, err) : r;
}

int options_complete(struct options *o, struct err *err)
{
	int r = options_gather(o, err);

	if (r == 0)
		r = options_models(o, err);
	if (r == 0)
		r = read_texts(o, err);
	return r == 0 ? options_keys(o, err) : r;
}

/* "1024x768"; other words are between the person and the server. */
static void take_size(struct jobs_settings *out, const char *size)
{
	int width, height, end = 0;

	if (size && sscanf(size, "%5dx%5d%n", &width, &height, &end) == 2 && !size[end] &&
	    width > 0 && height > 0) {
		out->image_width_px = width;
		out->image_height_px = height;
	}
}

void options_jobs(struct jobs_settings *out, const struct options *o)
{
	out->limits[JOB_ANALYZE] = o->text_server.limits;
	out->limits[JOB_ILLUSTRATE] = o->image_server.limits;
	out->prices[JOB_ANALYZE] = o->text_server.prices;
	out->prices[JOB_ILLUSTRATE] = o->image_server.prices;
	out->budget = o->budget;
	/* Who reads at once is waited for: the whole book says who is one, and how all look. */
	out->in_turn = o->in_turn || !o->text_server.preset;
	out->resolve = o->resolve;
	out->only_asked = o->only_asked;
	out->picture_words = o->picture_words;
	out->images = o->images == IMAGES_AUTO && o->illustrate != ILLUSTRATE_ASK;
	out->pages_per_image = o->pages_per_image;
	out->max_attempts = (o->retries < 0 ? RETRIES_BUILTIN : o->retries) + 1;
	take_size(out, o->image_size);
}
