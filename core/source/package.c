/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "flow.h"
#include "markup.h"
#include "package.h"

#define VALUE_BYTES 65536

/* ---- links */

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0 && (s[1] != '0' || s[2] != '0')) {
			*out++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Drops "." and "", lets ".." take the folder before it; never above the archive's root. */
static char *normalised(const char *path)
{
	char *out = xcalloc(1, strlen(path) + 2);
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path, "/\\");

		if (len == 2 && !memcmp(path, "..", 2)) {
			while (n && out[n - 1] != '/')
				n--;
			n -= n > 0;
		} else if (len && !(len == 1 && *path == '.')) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len + (path[len] != '\0');
	}
	out[n] = '\0';
	return out;
}

static bool has_scheme(const char *href)
{
	size_t n =
		strspn(href, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return (n > 1 && href[n] == ':') || !strncmp(href, "//", 2);
}

bool href_resolve(char **path, char **fragment, const char *base, const char *href)
{
	CLEANUP(cleanup_free) char *own = NULL;
	CLEANUP(cleanup_free) char *joined = NULL;
	const char *slash = strrchr(base, '/');
	char *hash;

	href += strspn(href, " \t\r\n");
	if (has_scheme(href))
		return false;
	own = xstrdup(href);
	for (size_t n = strlen(own); n && strchr(" \t\r\n", own[n - 1]); n--)
		own[n - 1] = '\0';
	hash = strchr(own, '#');
	if (hash)
		*hash++ = '\0';
	own[strcspn(own, "?")] = '\0';
	unescape(own);
	if (hash)
		unescape(hash);
	if (!*own)
		joined = xstrdup(base);
	else if (*own == '/' || !slash)
		joined = xstrdup(own);
	else
		joined = xasprintf("%.*s/%s", (int)(slash - base), base, own);
	*path = normalised(joined);
	*fragment = xstrdup(hash ? hash : "");
	return true;
}

/* ---- container.xml */

struct container {
	char *rootfile;
};

static void container_start(void *arg, const char *name, const char *const *attrs)
{
	struct container *c = arg;
	const char *path = markup_attr(attrs, "full-path");
	const char *type = markup_attr(attrs, "media-type");
	char *fragment;

	if (strcmp(name, "rootfile") || !path || !*path || c->rootfile)
		return;
	if (type && *type && !strcasestr(type, "oebps-package") && !strcasestr(path, ".opf"))
		return;
	if (href_resolve(&c->rootfile, &fragment, "", path))
		free(fragment);
}

static void nothing_end(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static void nothing_text(void *arg, const char *s, size_t len)
{
	(void)arg;
	(void)s;
	(void)len;
}

static void container_restart(void *arg)
{
	struct container *c = arg;

	free(c->rootfile);
	c->rootfile = NULL;
}

char *container_rootfile(const char *s, size_t len)
{
	static const struct markup_events events = {container_start, nothing_end, nothing_text,
						    container_restart};
	struct container c = {0};

	markup_read(&events, &c, s, len, MARKUP_XML);
	return c.rootfile;
}

/* ---- the package document */

enum field {
	FIELD_NONE,
	FIELD_TITLE,
	FIELD_CREATOR,
	FIELD_LANGUAGE,
	FIELD_PUBLISHER,
	FIELD_IDENTIFIER
};

struct opf {
	struct package *p;
	const struct book_limits *limits;
	enum field field;
	struct buf value;
	size_t field_depth, depth;
	char *unique_id;	   /* the id of the identifier that counts */
	bool is_unique, is_author; /* of the element being read */
	struct strv others;	   /* dc:creator with another role, if there is no author */
	bool in_metadata, in_collection;
};

static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{"title", FIELD_TITLE},		  {"creator", FIELD_CREATOR},
	{"language", FIELD_LANGUAGE},	  {"publisher", FIELD_PUBLISHER},
	{"identifier", FIELD_IDENTIFIER},
};

static void set_once(char **to, const char *value)
{
	if (!*to && *value)
		*to = xstrdup(value);
}

static void field_begin(struct opf *o, const char *name, const char *const *attrs)
{
	const char *role = markup_attr(attrs, "role"), *id = markup_attr(attrs, "id");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!strcmp(name, fields[i].name)) {
			o->field = fields[i].field;
			o->field_depth = o->depth;
			o->is_author = !role || !*role || !strcasecmp(role, "aut");
			o->is_unique = id && o->unique_id && !strcmp(id, o->unique_id);
			buf_clear(&o->value);
		}
}

static void add_creator(struct opf *o, const char *value)
{
	struct strv *to = o->is_author ? &o->p->creators : &o->others;

	if (*value && !strv_has(to, value) && to->len < 1000)
		strv_add(to, value);
}

static void field_end(struct opf *o)
{
	CLEANUP(cleanup_free) char *value = text_folded(buf_str(&o->value), o->value.len);
	struct package *p = o->p;

	switch (o->field) {
	case FIELD_TITLE:
		set_once(&p->title, value);
		break;
	case FIELD_CREATOR:
		add_creator(o, value);
		break;
	case FIELD_LANGUAGE:
		set_once(&p->language, value);
		break;
	case FIELD_PUBLISHER:
		set_once(&p->publisher, value);
		break;
	case FIELD_IDENTIFIER:
		if (o->is_unique && *value) {
			free(p->identifier);
			p->identifier = NULL;
		}
		set_once(&p->identifier, value);
		break;
	case FIELD_NONE:
		break;
	}
	o->field = FIELD_NONE;
}

static void add_item(struct opf *o, const char *const *attrs)
{
	struct package *p = o->p;
	const char *id = markup_attr(attrs, "id"), *href = markup_attr(attrs, "href");
	struct package_item item = {0};
	char *fragment;

	if (!id || !href || p->item_count >= o->limits->entries ||
	    !href_resolve(&item.path, &fragment, p->path, href))
		return;
	free(fragment);
	item.id = text_folded(id, strlen(id)); /* XML's ID type ignores blanks around it */
	item.href = xstrdup(href);
	item.media_type = xstrdup(markup_attr(attrs, "media-type"));
	item.properties = xstrdup(markup_attr(attrs, "properties"));
	item.fallback = xstrdup(markup_attr(attrs, "fallback"));
	p->items = xgrow(p->items, &p->item_cap, p->item_count + 1, sizeof(*p->items));
	p->items[p->item_count++] = item;
	symbols_add(&p->ids, p->items[p->item_count - 1].id, "", p->item_count);
}

static void add_itemref(struct opf *o, const char *const *attrs)
{
	struct package *p = o->p;
	const char *idref = markup_attr(attrs, "idref"), *linear = markup_attr(attrs, "linear");

	if (!idref || p->spine_count >= o->limits->entries)
		return;
	p->spine = xgrow(p->spine, &p->spine_cap, p->spine_count + 1, sizeof(*p->spine));
	p->spine[p->spine_count++] =
		(struct package_spine){.idref = text_folded(idref, strlen(idref)),
				       .linear = !linear || strcasecmp(linear, "no")};
}

static void add_reference(struct opf *o, const char *const *attrs)
{
	struct package *p = o->p;
	const char *type = markup_attr(attrs, "type"), *href = markup_attr(attrs, "href");
	struct package_guide g = {0};

	if (!type || !href || p->guide_count >= 1000 ||
	    !href_resolve(&g.path, &g.fragment, p->path, href))
		return;
	g.type = xstrdup(type);
	g.title = xstrdup(markup_attr(attrs, "title"));
	p->guide = xgrow(p->guide, &p->guide_cap, p->guide_count + 1, sizeof(*p->guide));
	p->guide[p->guide_count++] = g;
}

static void set_trimmed(char **to, const char *value)
{
	*to = value ? text_folded(value, strlen(value)) : NULL;
}

static void package_start(struct opf *o, const char *const *attrs)
{
	const char *id = markup_attr(attrs, "unique-identifier");

	if (id && !o->unique_id)
		o->unique_id = xstrdup(id);
	if (!o->p->version)
		set_trimmed(&o->p->version, markup_attr(attrs, "version"));
}

static void opf_start(void *arg, const char *name, const char *const *attrs)
{
	struct opf *o = arg;

	o->depth++;
	if (!strcmp(name, "package"))
		package_start(o, attrs);
	else if (!strcmp(name, "metadata"))
		o->in_metadata = true;
	else if (!strcmp(name, "collection"))
		o->in_collection = true; /* has metadata and links of its own */
	else if (o->in_collection)
		return;
	else if (!strcmp(name, "item"))
		add_item(o, attrs);
	else if (!strcmp(name, "itemref"))
		add_itemref(o, attrs);
	else if (!strcmp(name, "reference"))
		add_reference(o, attrs);
	else if (!strcmp(name, "spine") && !o->p->toc_id)
		set_trimmed(&o->p->toc_id, markup_attr(attrs, "toc"));
	else if (o->in_metadata && o->field == FIELD_NONE)
		field_begin(o, name, attrs);
}

static void opf_end(void *arg, const char *name)
{
	struct opf *o = arg;

	if (o->field != FIELD_NONE && o->depth == o->field_depth)
		field_end(o);
	if (!strcmp(name, "metadata"))
		o->in_metadata = false;
	if (!strcmp(name, "collection"))
		o->in_collection = false;
	o->depth--;
}

static void opf_text(void *arg, const char *s, size_t len)
{
	struct opf *o = arg;

	if (o->field != FIELD_NONE)
		buf_add(&o->value, s, len);
}

static void package_clear(struct package *p)
{
	for (size_t i = 0; i < p->item_count; i++) {
		struct package_item *item = &p->items[i];

		free(item->id);
		free(item->href);
		free(item->path);
		free(item->media_type);
		free(item->properties);
		free(item->fallback);
	}
	for (size_t i = 0; i < p->spine_count; i++)
		free(p->spine[i].idref);
	for (size_t i = 0; i < p->guide_count; i++) {
		free(p->guide[i].type);
		free(p->guide[i].path);
		free(p->guide[i].fragment);
		free(p->guide[i].title);
	}
	free(p->items);
	free(p->spine);
	free(p->guide);
	free(p->version);
	free(p->toc_id);
	free(p->title);
	free(p->language);
	free(p->publisher);
	free(p->identifier);
	strv_finish(&p->creators);
	symbols_finish(&p->ids);
	*p = (struct package){.path = p->path};
}

static void opf_restart(void *arg)
{
	struct opf *o = arg;

	package_clear(o->p);
	free(o->unique_id);
	strv_finish(&o->others);
	buf_finish(&o->value);
	*o = (struct opf){.p = o->p, .limits = o->limits, .value.max_bytes = VALUE_BYTES};
}

struct package *package_read(const char *path, const char *s, size_t len,
			     const struct book_limits *limits)
{
	static const struct markup_events events = {opf_start, opf_end, opf_text, opf_restart};
	struct package *p = xcalloc(1, sizeof(*p));
	struct opf o = {.p = p, .limits = limits, .value.max_bytes = VALUE_BYTES};

	p->path = xstrdup(path);
	markup_read(&events, &o, s, len, MARKUP_XML);
	if (!p->creators.len) {
		p->creators = o.others;
		o.others = (struct strv){0};
	}
	strv_finish(&o.others);
	free(o.unique_id);
	buf_finish(&o.value);
	return p;
}

struct package *package_free(struct package *p)
{
	if (!p)
		return NULL;
	package_clear(p);
	free(p->path);
	free(p);
	return NULL;
}

struct package_item *package_item(const struct package *p, const char *id)
{
	size_t number = symbols_get(&p->ids, id, "");

	return number ? &p->items[number - 1] : NULL;
}

const struct package_item *package_with_property(const struct package *p, const char *property)
{
	for (size_t i = 0; i < p->item_count; i++)
		if (markup_has_token(p->items[i].properties, property))
			return &p->items[i];
	return NULL;
}
