/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "settings.h"

/*
 * To whom a key may go. A key is the key of a provider, and goes to that provider's server alone:
 *
 *   of the environment, or named by an option	to base_url, wherever that is from: who calls us
 *						says "this provider, with this key, is there"
 *   of the settings' file			to the base_url of that file, else to the provider's
 *						own: an option that tries another server does not
 *						lend it a key that was stored for this one
 *
 * Not to another provider's own address, which is a mistake and no wish; and over a network not
 * unencrypted, unless insecure=yes: a key that was read once is lost, and a warning comes too late.
 */

/* A key and what tells of it, by the names of settings. */
struct key_names {
	const char *key, *file, *command, *url;
};
static const struct key_names text_names = {"api_key", "api_key_file", "api_key_command",
					    "base_url"};
static const struct key_names image_names = {"image_api_key", "image_api_key_file",
					     "image_api_key_command", "image_base_url"};

#define IMAGE_KEY_VARIABLE "OPENAI_IMAGE_API_KEY"

/* ---- the environment */

static int take_from_environment(struct options *o, const char *setting, const char *variable,
				 const char *key, struct err *err)
{
	const struct origin from = {.kind = FROM_ENVIRONMENT, .variable = variable};

	return setting_take(o, setting_named(setting), key, &from, err);
}

static int take_variable(struct options *o, const struct preset *p, struct err *err)
{
	char *key = secret_from_environment(p->key_variable);
	const struct preset *text = o->text_server.preset, *image = o->image_server.preset;
	int r = 0;

	if (!key)
		return 0;
	if (p == text)
		r = take_from_environment(o, "api_key", p->key_variable, key, err);
	else if (p == image)
		r = take_from_environment(o, "image_api_key", p->key_variable, key, err);
	else if (!o->unused_key)
		o->unused_key = p;
	secret_free(key);
	return r;
}

static int take_image_variable(struct options *o, struct err *err)
{
	const struct preset *image = o->image_server.preset;
	char *key = secret_from_environment(IMAGE_KEY_VARIABLE);
	int r = 0;

	if (key && image && !strcmp(image->name, "openai"))
		r = take_from_environment(o, "image_api_key", IMAGE_KEY_VARIABLE, key, err);
	secret_free(key);
	return r;
}

int keys_from_environment(struct options *o, struct err *err)
{
	const struct preset *p;
	int r = 0, first = 0;

	for (size_t i = 0; (p = provider_preset_at(i)); i++) {
		r = p->key_variable ? take_variable(o, p, err) : 0;
		first = first < 0 ? first : r; /* and yet none of them stays there */
	}
	r = take_image_variable(o, err);
	return first < 0 ? first : r;
}

/* ---- which one */

static bool is_of_file(const struct origin *from)
{
	return from->kind == FROM_FILE || from->kind == FROM_SECTION;
}

/* The setting of the strongest origin; NULL: none was given. -EINVAL: two of one origin. */
static int key_setting(const char **out, const struct options *o, const struct key_names *n,
		       struct err *err)
{
	const char *const names[] = {n->key, n->file, n->command};
	const char *best = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		enum origin_kind kind = setting_origin(o, names[i])->kind;

		if (kind == FROM_DEFAULT)
			continue;
		if (best && kind == setting_origin(o, best)->kind)
			return err_set(err, -EINVAL, "%s and %s are both given: one key will do",
				       best, names[i]);
		if (!best || kind > setting_origin(o, best)->kind)
			best = names[i];
	}
	*out = best;
	return 0;
}

static int read_key(struct server *s, const struct key_names *n, const char *setting,
		    struct err *err)
{
	char *key = NULL;
	int r;

	if (!strcmp(setting, n->key))
		return 0;
	r = !strcmp(setting, n->file) ? secret_from_file(&key, s->key_file, err)
				      : secret_from_command(&key, s->key_command, err);
	if (r < 0)
		return r;
	secret_free(s->key);
	s->key = key;
	return 0;
}

/* ---- to whom */

static const struct preset *owner_of(const char *url)
{
	const struct preset *p;

	for (size_t i = 0; (p = provider_preset_at(i)); i++)
		if (p->key_needed && address_same_server(p->base_url, url))
			return p;
	return NULL;
}

static const char *own_url(const struct server *s, const struct key_names *n)
{
	return n == &image_names && s->preset->image_base_url ? s->preset->image_base_url
							      : s->preset->base_url;
}

static int check_owner(const struct options *o, const struct server *s, const struct key_names *n,
		       const char *setting, struct err *err)
{
	const struct preset *owner = owner_of(s->base_url);
	const struct origin *url = setting_origin(o, n->url);

	/* Key and address from one place belong together, whatever they are called. */
	if (!owner || owner == s->preset || url->kind == setting_origin(o, setting)->kind)
		return 0;
	return err_set(err, -EINVAL, "%s is %s's: say %sprovider=%s, whose key is %s", s->base_url,
		       owner->name, n == &image_names ? "image_" : "", owner->name,
		       owner->key_variable);
}

/* Where the key was meant to go; own_url may be NULL. */
static const char *home_of(const struct options *o, const struct server *s,
			   const struct key_names *n, const char *setting)
{
	const char *own = own_url(s, n);
	bool stored = is_of_file(setting_origin(o, setting));

	return !stored || !own || is_of_file(setting_origin(o, n->url)) ? s->base_url : own;
}

static void withhold(const struct options *o, struct server *s, const char *setting)
{
	CLEANUP(buf_finish) struct buf whence = {0};

	setting_print_origin(&whence, o, setting_origin(o, setting));
	fprintf(stderr,
		"bookfs: the key of %s is %s's and is not sent to %s: write base_url beside it if "
		"it should be\n",
		buf_str(&whence), s->key_url, s->base_url);
	s->key = secret_free(s->key);
}

static int find_key(struct options *o, struct server *s, const struct key_names *n, struct err *err)
{
	const char *setting = NULL;
	int r = key_setting(&setting, o, n, err);

	if (r < 0 || !setting)
		return r;
	r = check_owner(o, s, n, setting, err);
	if (r < 0)
		return r;
	free(s->key_url);
	s->key_url = xstrdup(home_of(o, s, n, setting));
	if (!address_same_server(s->key_url, s->base_url)) {
		withhold(o, s, setting);
		return 0;
	}
	return read_key(s, n, setting, err);
}

/* One server, one key. */
static void share_key(struct server *image, const struct server *text)
{
	if (image->key || !text->key || image->preset != text->preset ||
	    !address_same_server(image->base_url, text->key_url))
		return;
	image->key = xstrdup(text->key);
	image->key_url = xstrdup(text->key_url);
}

/* ---- judged */

static int check_way(const struct options *o, const struct server *s, struct err *err)
{
	struct address a;

	if (!s->key || o->insecure || address_parse(&a, s->base_url) < 0 || a.tls ||
	    address_is_loopback(&a))
		return 0;
	return err_set(err, -EINVAL,
		       "the key would go to %s unencrypted: use https, or insecure=yes where "
		       "nobody else can listen",
		       s->base_url);
}

static int need_key(const struct options *o, const struct server *s, const struct key_names *n,
		    struct err *err)
{
	CLEANUP(buf_finish) struct buf other = {0};
	const struct preset *p = s->preset;
	bool image = n == &image_names;

	if (s->key || !p->key_needed ||
	    (p->base_url && !address_same_server(own_url(s, n), s->base_url)))
		return 0;
	if (o->unused_key)
		buf_addf(&other, " (%s is set, and is for %sprovider=%s)",
			 o->unused_key->key_variable, image ? "image_" : "", o->unused_key->name);
	/* The text's own is for another address. */
	return err_set(
		err, -EINVAL, "%sprovider=%s needs a key: set %s%s, or name one under [%s] in %s",
		image ? "image_" : "", p->name,
		image && o->text_server.preset == p && !strcmp(p->name, "openai")
			? IMAGE_KEY_VARIABLE
			: p->key_variable,
		buf_str(&other), p->name, o->config_path ? o->config_path : "a settings' file");
}

static int check_key(const struct options *o, const struct server *s, const struct key_names *n,
		     struct err *err)
{
	int r = check_way(o, s, err);

	return r == 0 ? need_key(o, s, n, err) : r;
}

int options_keys(struct options *o, struct err *err)
{
	struct server *text = &o->text_server, *image = &o->image_server;
	int r = 0;

	if (text->preset)
		r = find_key(o, text, &text_names, err);
	if (r == 0 && text->preset)
		r = check_key(o, text, &text_names, err);
	if (r == 0 && image->preset)
		r = find_key(o, image, &image_names, err);
	if (r == 0 && image->preset) {
		share_key(image, text);
		r = check_key(o, image, &image_names, err);
	}
	return r;
}
