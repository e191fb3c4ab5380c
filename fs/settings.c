/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "settings.h"

#define FIELD(name) offsetof(struct options, name)
#define DAY_S 86400

static const char *const enforce_words[] = {
	[ENFORCE_CONFLICT] = "conflict", [ENFORCE_STRICT] = "strict", [ENFORCE_OFF] = "off", NULL};
static const char *const illustrate_words[] = {
	[ILLUSTRATE_UNSET] = "", [ILLUSTRATE_AUTO] = "auto", [ILLUSTRATE_ASK] = "ask", NULL};
static const char *const fresh_words[] = {[FRESH_UNSET] = "",
					  [FRESH_YES] = "yes",
					  [FRESH_STALE] = "stale",
					  [FRESH_BOTH] = "both",
					  NULL};
static const char *const images_words[] = {
	[IMAGES_AUTO] = "auto", [IMAGES_APPROVE] = "approve", [IMAGES_OFF] = "off", NULL};
static const char *const no_server[] = {"builtin", NULL};
static const char *const no_server_nor_pictures[] = {"builtin", "none", NULL};

/* A name with "image_" before it is the same of the server that paints. */
static const struct setting settings[] = {
	{"provider", SETTING_PRESET, FIELD(provider), .more = no_server},
	{"base_url", SETTING_URL, FIELD(text_server.base_url), OF_TEXT},
	{"model", SETTING_TEXT, FIELD(text_server.model), OF_TEXT},
	{"api_key", SETTING_SECRET, FIELD(text_server.key), OF_TEXT},
	{"api_key_file", SETTING_PATH, FIELD(text_server.key_file), OF_TEXT},
	{"api_key_command", SETTING_TEXT, FIELD(text_server.key_command), OF_TEXT},
	{"chat_slots", SETTING_NUMBER, FIELD(text_server.slots), OF_TEXT, 1, 256},
	{"chat_interval", SETTING_DECIMAL, FIELD(text_server.limits.interval_ms), OF_TEXT, 0, DAY_S,
	 .scale = 1000},
	{"requests_per_minute", SETTING_NUMBER, FIELD(text_server.limits.requests_per_minute),
	 OF_TEXT, 1, 1000000},
	{"tokens_per_minute", SETTING_DECIMAL, FIELD(text_server.limits.tokens_per_minute), OF_TEXT,
	 1, 1000000000, .scale = 1},
	{"prices", SETTING_PRICES, FIELD(text_server.prices), OF_TEXT},
	{"context", SETTING_DECIMAL, FIELD(context_tokens), OF_TEXT, 1024, 100000000, .scale = 1},
	{"temperature", SETTING_DECIMAL, FIELD(temperature_milli), OF_TEXT, 0, 2, .scale = 1000},

	{"image_provider", SETTING_PRESET, FIELD(image_provider), .more = no_server_nor_pictures},
	{"image_base_url", SETTING_URL, FIELD(image_server.base_url), OF_IMAGE},
	{"image_model", SETTING_TEXT, FIELD(image_server.model), OF_IMAGE},
	{"image_api_key", SETTING_SECRET, FIELD(image_server.key), OF_IMAGE},
	{"image_api_key_file", SETTING_PATH, FIELD(image_server.key_file), OF_IMAGE},
	{"image_api_key_command", SETTING_TEXT, FIELD(image_server.key_command), OF_IMAGE},
	{"image_slots", SETTING_NUMBER, FIELD(image_server.slots), OF_IMAGE, 1, 256},
	{"image_interval", SETTING_DECIMAL, FIELD(image_server.limits.interval_ms), OF_IMAGE, 0,
	 DAY_S, .scale = 1000},
	{"image_requests_per_minute", SETTING_NUMBER,
	 FIELD(image_server.limits.requests_per_minute), OF_IMAGE, 1, 1000000},
	{"image_tokens_per_minute", SETTING_DECIMAL, FIELD(image_server.limits.tokens_per_minute),
	 OF_IMAGE, 1, 1000000000, .scale = 1},
	{"image_prices", SETTING_PRICES, FIELD(image_server.prices), OF_IMAGE},
	{"image_size", SETTING_TEXT, FIELD(image_size), OF_IMAGE},
	{"image_quality", SETTING_TEXT, FIELD(image_quality), OF_IMAGE},
	{"image_prompt_bytes", SETTING_DECIMAL, FIELD(prompt_bytes), OF_IMAGE, 200, 1000000,
	 .scale = 1},
	{"workflow", SETTING_PATH, FIELD(workflow), OF_IMAGE},

	{"insecure", SETTING_CHOICE, FIELD(insecure), .off = "no", .not = "yes"},
	{"seed", SETTING_DECIMAL, FIELD(seed), .min = 0, .max = INT32_MAX, .scale = 1},
	{"timeout", SETTING_NUMBER, FIELD(timeout_s), .min = 1, .max = DAY_S},
	{"retries", SETTING_NUMBER, FIELD(retries), .min = 0, .max = 100},
	{"prompt_dir", SETTING_PATH, FIELD(prompt_dir)},
	{"record", SETTING_PATH, FIELD(record_dir)},
	{"max_requests", SETTING_DECIMAL, FIELD(budget.requests), .max = 1000000000, .scale = 1,
	 .endless = true},
	{"max_tokens", SETTING_DECIMAL, FIELD(budget.tokens), .max = 1000000000000, .scale = 1,
	 .endless = true},
	{"max_images", SETTING_DECIMAL, FIELD(budget.images), .max = 1000000000, .scale = 1,
	 .endless = true},
	{"max_cost", SETTING_DECIMAL, FIELD(budget.cost_micro), .max = 1000000000, .scale = 1000000,
	 .endless = true},
	{"overlap", SETTING_CHOICE, FIELD(in_turn), .off = "yes", .not = "no"},
	{"resolve", SETTING_CHOICE, FIELD(resolve), .off = "no", .not = "yes"},
	{"illustrate", SETTING_ONE_OF, FIELD(illustrate), .words = illustrate_words},
	{"readahead", SETTING_NUMBER, FIELD(readahead), .min = 0, .max = 1000},

	{"trigger", SETTING_CHOICE, FIELD(never_trigger), .off = "read", .not = "never"},
	{"fresh", SETTING_ONE_OF, FIELD(fresh), .words = fresh_words},
	{"no_trigger", SETTING_NAMES, FIELD(never_trigger_for)},
	{"wait", SETTING_NUMBER, FIELD(wait_s), .min = 1, .max = DAY_S},
	{"grace", SETTING_NUMBER, FIELD(grace_s), .min = 0, .max = DAY_S},
	{"depth", SETTING_NUMBER, FIELD(depth), .min = 0, .max = 256},
	{"pages_per_image", SETTING_NUMBER, FIELD(pages_per_image), .min = 1, .max = 10000},
	{"images", SETTING_ONE_OF, FIELD(images), .words = images_words},
	{"series", SETTING_PATH, FIELD(series)},
	{"store", SETTING_PATH, FIELD(store), .book_only = true},
	{"enforce", SETTING_ONE_OF, FIELD(enforce), .words = enforce_words},
	{"figures", SETTING_CHOICE, FIELD(figures), .off = "registry", .not = "chapter"},
	{"allow_other", SETTING_SWITCH, FIELD(allow_other)},
};
_Static_assert(ARRAY_LEN(settings) <= SETTINGS_MOST, "struct options has no room for all origins");

/* ---- the table */

const struct setting *setting_at(size_t k)
{
	return k < ARRAY_LEN(settings) ? &settings[k] : NULL;
}

const struct setting *setting_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!strcmp(name, settings[i].name))
			return &settings[i];
	return NULL;
}

const char *setting_nearest(const char *name)
{
	const char *names[ARRAY_LEN(settings)];

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		names[i] = settings[i].name;
	return flags_nearest(name, names, ARRAY_LEN(names));
}

const struct setting *setting_for_image(const struct setting *s)
{
	char name[64];

	if (s->owner != OF_TEXT)
		return NULL;
	snprintf(name, sizeof(name), "image_%s", s->name);
	return setting_named(name);
}

/* ---- taking */

static int take_number(int *out, const struct setting *s, const char *value, struct err *err)
{
	int64_t n;

	if (value_decimal(&n, value, 1) < 0 || n < s->min || n > s->max)
		return err_set(err, -EINVAL, "option %s: a number from %lld to %lld, not \"%s\"",
			       s->name, (long long)s->min, (long long)s->max, value);
	*out = (int)n;
	return 0;
}

static int take_decimal(int64_t *out, const struct setting *s, const char *value, struct err *err)
{
	int64_t n;

	if (s->endless && !strcmp(value, "unlimited")) {
		*out = -1;
		return 0;
	}
	if (value_decimal(&n, value, s->scale) < 0 || n < s->min * s->scale ||
	    n > s->max * s->scale)
		return err_set(err, -EINVAL, "option %s: a number from %lld to %lld%s, not \"%s\"",
			       s->name, (long long)s->min, (long long)s->max,
			       s->endless ? ", or \"unlimited\"" : "", value);
	*out = n;
	return 0;
}

static int take_choice(bool *out, const struct setting *s, const char *value, struct err *err)
{
	if (strcmp(value, s->off) && strcmp(value, s->not ))
		return err_set(err, -EINVAL, "option %s: \"%s\" or \"%s\", not \"%s\"", s->name,
			       s->off, s->not, value);
	*out = !strcmp(value, s->not );
	return 0;
}

static int take_one_of(int *out, const struct setting *s, const char *value, struct err *err)
{
	CLEANUP(buf_finish) struct buf all = {0};

	for (int i = 0; s->words[i]; i++) {
		if (*value && !strcmp(value, s->words[i])) {
			*out = i;
			return 0;
		}
		buf_addf(&all, "%s%s", all.len ? ", " : "", s->words[i]);
	}
	return err_set(err, -EINVAL, "option %s: one of %s, not \"%s\"", s->name, buf_str(&all),
		       value);
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

static void replace(char **out, char *value)
{
	if (*out)
		explicit_bzero(*out, strlen(*out));
	free(*out);
	*out = value;
}

static int take_path(char **out, const struct options *o, const char *value,
		     const struct origin *from, struct err *err)
{
	CLEANUP(cleanup_free) char *folder = NULL;
	const char *slash = o->config_path ? strrchr(o->config_path, '/') : NULL;
	char *path;
	int r;

	if ((from->kind == FROM_FILE || from->kind == FROM_SECTION) && slash)
		folder = xstrndup(o->config_path, (size_t)(slash - o->config_path));
	r = value_path(&path, value, folder);
	if (r < 0)
		return err_set(err, r, "the current directory: %s", strerror(-r));
	replace(out, path);
	return 0;
}

/* It is not repeated: what is wrong with it may be a password in it. */
static int take_url(char **out, const struct setting *s, const char *value, struct err *err)
{
	struct address a;

	if (address_parse(&a, value) < 0)
		return err_set(err, -EINVAL,
			       "option %s: an address like https://host/v1, without name, "
			       "password and query",
			       s->name);
	replace(out, xstrdup(value));
	return 0;
}

static int take_preset(char **out, const struct setting *s, const char *value, struct err *err)
{
	const char *names[64], *near;
	size_t count = 0;

	for (size_t i = 0; s->more[i]; i++)
		names[count++] = s->more[i];
	for (size_t i = 0; provider_preset_at(i) && count < ARRAY_LEN(names); i++)
		names[count++] = provider_preset_at(i)->name;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(value, names[i])) {
			replace(out, xstrdup(value));
			return 0;
		}
	}
	near = flags_nearest(value, names, count);
	return err_set(err, -EINVAL,
		       "option %s: \"%s\" is not known%s%s%s (%s, or one that `bookfs "
		       "providers` lists)",
		       s->name, value, near ? "; " : "", near ? near : "", near ? " is near" : "",
		       s->more[0]);
}

static int take_prices(struct prices *out, const struct setting *s, const char *value,
		       struct err *err)
{
	bool of_text = s->owner == OF_TEXT;

	if (value_prices(out, value) < 0 || (of_text && !strchr(value, ':')))
		return err_set(err, -EINVAL,
			       "option %s: %sIN:OUT or IN:OUT:PICTURE, for a million tokens read "
			       "and written and for a picture, as in 0.15:0.6:0.04; not \"%s\"",
			       s->name, of_text ? "" : "PICTURE, ", value);
	return 0;
}

/* Arguments are for all users of the machine to see. */
static int take_secret(char **out, const struct setting *s, const char *value,
		       const struct origin *from, struct err *err)
{
	if (from->kind == FROM_OPTION)
		return err_set(err, -EINVAL,
			       "option %s: a key is no argument, which everybody on this machine "
			       "can see; set the provider's variable (bookfs providers) or write "
			       "it into ~/.config/bookfs/config under [PROVIDER]",
			       s->name);
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, -EINVAL, "%s%s: it holds a character that no key has",
				       from->variable ? "" : "option ",
				       from->variable ? from->variable : s->name);
	replace(out, xstrdup(value));
	return 0;
}

static int take_switch(bool *out, const struct setting *s, const char *value,
		       const struct origin *from, struct err *err)
{
	bool yes = value && !strcmp(value, "yes");

	if (from->kind == FROM_OPTION && value)
		return err_set(err, -EINVAL, "option %s takes no value", s->name);
	if (from->kind != FROM_OPTION && !yes && (!value || strcmp(value, "no")))
		return err_set(err, -EINVAL, "option %s: \"yes\" or \"no\"", s->name);
	*out = yes || from->kind == FROM_OPTION;
	return 0;
}

static int take(struct options *o, const struct setting *s, const char *value,
		const struct origin *from, struct err *err)
{
	void *field = (char *)o + s->field;

	if (s->kind == SETTING_SWITCH)
		return take_switch(field, s, value, from, err);
	if (!value || !*value)
		return err_set(err, -EINVAL, "option %s needs a value: %s=...", s->name, s->name);
	switch (s->kind) {
	case SETTING_NUMBER:
		return take_number(field, s, value, err);
	case SETTING_DECIMAL:
		return take_decimal(field, s, value, err);
	case SETTING_CHOICE:
		return take_choice(field, s, value, err);
	case SETTING_ONE_OF:
		return take_one_of(field, s, value, err);
	case SETTING_NAMES:
		return take_names(field, value);
	case SETTING_PATH:
		return take_path(field, o, value, from, err);
	case SETTING_URL:
		return take_url(field, s, value, err);
	case SETTING_PRESET:
		return take_preset(field, s, value, err);
	case SETTING_PRICES:
		return take_prices(field, s, value, err);
	case SETTING_SECRET:
		return take_secret(field, s, value, from, err);
	default:
		replace(field, xstrdup(value));
		return 0;
	}
}

static struct origin *origin_of(struct options *o, const struct setting *s)
{
	return &o->origins[s - settings];
}

int setting_take(struct options *o, const struct setting *s, const char *value,
		 const struct origin *from, struct err *err)
{
	struct origin *now = origin_of(o, s);
	int r = 0;

	if (from->kind < now->kind)
		return 0;
	r = take(o, s, value, from, err);
	if (r == 0)
		*now = *from;
	return r;
}

/* ---- showing */

const struct origin *setting_origin(const struct options *o, const char *name)
{
	return &o->origins[setting_named(name) - settings];
}

bool options_given(const struct options *o, const char *setting)
{
	return setting_origin(o, setting)->kind > FROM_PRESET;
}

static bool is_text(const struct setting *s)
{
	return s->kind == SETTING_PATH || s->kind == SETTING_TEXT || s->kind == SETTING_URL ||
	       s->kind == SETTING_PRESET || s->kind == SETTING_SECRET;
}

bool setting_is_unset(const struct options *o, const struct setting *s)
{
	const void *field = (const char *)o + s->field;

	if (is_text(s))
		return !*(char *const *)field;
	if (s->kind == SETTING_NUMBER)
		return *(const int *)field < 0 || (s->min > 0 && *(const int *)field == 0);
	if (s->kind == SETTING_DECIMAL)
		return *(const int64_t *)field < (s->min > 0) && !s->endless;
	if (s->kind == SETTING_ONE_OF)
		return !*s->words[*(const int *)field];
	if (s->kind == SETTING_PRICES)
		return setting_origin(o, s->name)->kind == FROM_DEFAULT;
	return false;
}

static void print_prices(struct buf *out, const struct prices *p)
{
	value_print_decimal(out, p->per_million_in, 1000000);
	buf_addc(out, ':');
	value_print_decimal(out, p->per_million_out, 1000000);
	buf_addc(out, ':');
	value_print_decimal(out, p->per_image, 1000000);
}

static void print_names(struct buf *out, const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		buf_addf(out, "%s%s", i ? ":" : "", names->items[i]);
}

void setting_print(struct buf *out, const struct options *o, const struct setting *s)
{
	const void *field = (const char *)o + s->field;

	if (setting_is_unset(o, s))
		return;
	if (s->kind == SETTING_SECRET)
		secret_print_masked(out, *(char *const *)field);
	else if (is_text(s))
		buf_adds(out, *(char *const *)field);
	else if (s->kind == SETTING_NUMBER)
		buf_addf(out, "%d", *(const int *)field);
	else if (s->kind == SETTING_DECIMAL && *(const int64_t *)field < 0)
		buf_adds(out, "unlimited");
	else if (s->kind == SETTING_DECIMAL)
		value_print_decimal(out, *(const int64_t *)field, s->scale);
	else if (s->kind == SETTING_CHOICE)
		buf_adds(out, *(const bool *)field ? s->not : s->off);
	else if (s->kind == SETTING_ONE_OF)
		buf_adds(out, s->words[*(const int *)field]);
	else if (s->kind == SETTING_PRICES)
		print_prices(out, field);
	else if (s->kind == SETTING_NAMES)
		print_names(out, field);
	else
		buf_adds(out, *(const bool *)field ? "yes" : "no");
}

void setting_print_origin(struct buf *out, const struct options *o, const struct origin *from)
{
	static const char *const words[] = {
		[FROM_DEFAULT] = "default", [FROM_PRESET] = "provider", [FROM_OPTION] = "option"};

	if (from->kind == FROM_FILE || from->kind == FROM_SECTION)
		buf_addf(out, "%s:%d", o->config_path, from->line);
	else if (from->kind == FROM_ENVIRONMENT)
		buf_addf(out, "environment, %s", from->variable);
	else
		buf_adds(out, words[from->kind]);
}
