/* SPDX-License-Identifier: MIT */
#include "cover_rules.h"
#include "fs.h"
#include "fuzz.h"
#include "lock_json.h"
#include "lock_words.h"
#include "settings.h"

#include <cjson/cJSON.h>

/* flags.c wants it of main.c; no option is a usage error of the command line. */
int say_usage(const struct command *c, const char *fmt, ...)
{
	abort();
}

/* What /etc/fstab or a desktop's mounter hands to -o. */
static void fuzz_options(const char *s, size_t len)
{
	CLEANUP(options_finish) struct options o;
	CLEANUP(cleanup_free) char *list = xstrndup(s, len);
	struct err err = {0};

	options_init(&o);
	int r = options_parse(&o, list, &err);
	FUZZ_HOLDS(r == 0 || (r == -EINVAL && err.msg[0] && !strchr(err.msg, '\n')));
	FUZZ_HOLDS(o.wait_s >= 0 && o.grace_s >= 0 && o.depth >= 0 && o.pages_per_image >= 1);
	FUZZ_HOLDS(!o.store || o.store[0] == '/');
	for (size_t i = 0; i < o.kernel.len; i++) /* nothing else is slipped to the kernel */
		FUZZ_HOLDS(!strpbrk(o.kernel.items[i], ",= \\"));
}

/* What a person writes into the settings' file. */
static void fuzz_config(const char *s, size_t len)
{
	CLEANUP(config_finish) struct config c = {0};
	FILE *file = len ? fmemopen((void *)s, len, "r") : NULL; /* is not written to */
	struct err err = {0};
	int r = file ? config_parse(&c, file, "config", &err) : 0;

	FUZZ_HOLDS(r == 0 || (r == -EINVAL && !c.count && !strchr(err.msg, '\n')));
	FUZZ_HOLDS(r == 0 || (!strncmp(err.msg, "config:", 7) && err.msg[7] >= '1'));
	for (size_t i = 0; i < c.count; i++) {
		const struct config_entry *e = &c.entries[i];

		FUZZ_HOLDS(config_find(&c, e->section, e->setting->name) == e);
		FUZZ_HOLDS(!*e->section || provider_preset(e->section));
		FUZZ_HOLDS(!*e->section || e->setting->owner != OF_MOUNT);
		FUZZ_HOLDS(*e->section || e->setting->kind != SETTING_SECRET);
	}
	if (file)
		fclose(file);
}

/* Whatever an address is taken for: a key goes by that. */
static void fuzz_address(const char *s, size_t len)
{
	CLEANUP(cleanup_free) char *url = xstrndup(s, len);
	CLEANUP(cleanup_free) char *again = NULL;
	struct address a, b;

	if (address_parse(&a, url) < 0)
		return;
	FUZZ_HOLDS(*a.host && !strpbrk(a.host, "/@?#\\ ") && strchr("/?", *a.path));
	again = xasprintf("http%s://%s%s", a.tls ? "s" : "", a.host, a.path);
	FUZZ_HOLDS(address_parse(&b, again) == 0 && address_same_server(url, again));
	FUZZ_HOLDS(address_is_loopback(&a) == address_is_loopback(&b));
	FUZZ_HOLDS(!address_is_loopback(&a) || !strncmp(a.host, "127.", 4) ||
		   !strncmp(a.host, "[::1]", 5) || strstr(a.host, "localhost"));
}

enum { CHAPTERS = 12 };

static void check_words(const struct lock_words *w)
{
	FUZZ_HOLDS(!w->id[0] || lock_instance_valid(w->id));
	FUZZ_HOLDS(lock_reason_valid(w->reason));
	FUZZ_HOLDS(w->pid >= 0 && w->ttl_s >= 0 && w->ttl_s <= LOCK_TTL_MOST_S);
}

/* What anybody writes into a lock's file. */
static void fuzz_lock_words(const char *s, size_t len)
{
	struct lock_words w = {0};
	struct err err = {0};
	int r = lock_words_parse(&w, s, len, &err);

	FUZZ_HOLDS(r == 0 || (r == -EINVAL && err.msg[0]));
	check_words(&w);
}

static void check_names(const struct strv *names)
{
	FUZZ_HOLDS(names->len <= LOCK_SET_MOST);
	for (size_t i = 0; i < names->len; i++)
		FUZZ_HOLDS(lock_resource_valid(names->items[i], CHAPTERS));
}

/* What anybody writes to locks/.ctl; and, as a name that is made in locks/. */
static void fuzz_lock_command(const char *s, size_t len)
{
	CLEANUP(lock_command_finish) struct lock_command c = {0};
	CLEANUP(strv_finish) struct strv names = {0};
	struct err err = {0};
	int r = lock_command_parse(&c, s, len, CHAPTERS, &err);

	FUZZ_HOLDS(r == 0 || (r == -EINVAL && err.msg[0] && !c.resources.len));
	check_words(&c.words);
	check_names(&c.resources);
	if (r == 0 && c.verb == LOCK_VERB_BREAK)
		FUZZ_HOLDS(c.number > 0 && c.words.reason[0] && c.resources.len == 1);
	if (r == 0 && c.verb == LOCK_VERB_CLEAR && c.all)
		FUZZ_HOLDS(c.number > 0);
	if (lock_set_parse(&names, s, len, CHAPTERS, &err) == 0)
		check_names(&names);
}

/* The scanner and the parser are of one mind, and no part of a whole text is called broken. */
static void fuzz_lock_json(const char *s, size_t len)
{
	CLEANUP(lock_entries_finish) struct lock_entries entries = {0};
	enum lock_json_state state = lock_json_scan(s, len);
	struct err err = {0};
	int r = lock_json_parse(&entries, s, len, CHAPTERS, &err);

	FUZZ_HOLDS(r == 0 ? state == LOCK_JSON_WHOLE : r == -EINVAL && err.msg[0]);
	for (size_t i = 0; i < entries.len; i++) {
		FUZZ_HOLDS(lock_resource_valid(entries.items[i].resource, CHAPTERS));
		FUZZ_HOLDS(lock_entries_find(&entries, entries.items[i].resource) ==
			   &entries.items[i]);
	}
	for (size_t part = 0; part < len && len < 2000; part++)
		FUZZ_HOLDS(lock_json_scan(s, part) != LOCK_JSON_BROKEN ||
			   state == LOCK_JSON_BROKEN);
}

/* Three lists drawn from the bytes: of each resource a byte of what was read, is, and was written.
 */
static void draw(struct lock_entries *out, const char *name, unsigned bits, bool written)
{
	struct lock_entry e = {.token = written ? 0 : 1 + (bits >> 2 & 1)};

	if ((bits & 3) == 3)
		return;
	snprintf(e.resource, sizeof(e.resource), "%s", name);
	snprintf(e.instance, sizeof(e.instance), "I-%u", bits & 3);
	e.whose = (enum lock_whose)((bits & 3) % 3);
	lock_entries_add(out, &e);
}

/* Whatever was read, is and was written: another's live lock is never in a plan, what nobody saw is
 * not removed, and a refusal plans nothing but what `clear` may. */
static void fuzz_lock_plan(const char *s, size_t len)
{
	CLEANUP(lock_entries_finish) struct lock_entries read = {0};
	CLEANUP(lock_entries_finish) struct lock_entries now = {0};
	CLEANUP(lock_entries_finish) struct lock_entries written = {0};
	CLEANUP(lock_plan_finish) struct lock_plan plan = {0};
	const struct lock_entry *conflict = NULL;
	char name[LOCK_RESOURCE_BYTES];
	int r;

	for (size_t i = 0; i + 2 < len && lock_resource_name(name, (int)(i / 3), CHAPTERS);
	     i += 3) {
		draw(&read, name, (unsigned char)s[i], false);
		draw(&now, name, (unsigned char)s[i + 1], false);
		draw(&written, name, (unsigned char)s[i + 2], true);
	}
	r = lock_plan_make(&plan, &conflict, &read, &now, &written);
	FUZZ_HOLDS(r == 0 ? !conflict : r == -EBUSY && conflict && conflict->whose != LOCK_MINE);
	FUZZ_HOLDS(r == 0 || plan.clear ||
		   (!plan.take.len && !plan.remove.len && !plan.rename.len));
	for (size_t i = 0; i < plan.remove.len; i++) {
		const struct lock_entry *e = &plan.remove.items[i];
		const struct lock_entry *seen = lock_entries_find(&read, e->resource);

		FUZZ_HOLDS(e->whose != LOCK_OTHERS);
		FUZZ_HOLDS(plan.clear || (seen && seen->token == e->token));
	}
	for (size_t i = 0; i < plan.take.len; i++) {
		const struct lock_entry *e = lock_entries_find(&now, plan.take.items[i].resource);

		FUZZ_HOLDS(!e || lock_entries_find(&plan.remove, e->resource));
	}
	for (size_t i = 0; i < plan.rename.len; i++)
		FUZZ_HOLDS(lock_entries_find(&now, plan.rename.items[i].resource)->whose ==
			   LOCK_MINE);
}

/* What a person writes into .config/locks.json; the same bytes then are a path. */
static void fuzz_cover(const char *s, size_t len)
{
	CLEANUP(cover_rules_free_cleanup) struct cover_rules *r = xcalloc(1, sizeof(*r));
	CLEANUP(cleanup_free) char *path = xstrndup(s, len);
	char out[LOCK_RESOURCE_BYTES];
	struct err err = {0};
	int result = cover_rules_parse(r, s, len, &err);

	FUZZ_HOLDS(result == 0 || (result == -EINVAL && err.msg[0] && !strchr(err.msg, '\n')));
	FUZZ_HOLDS(r->count <= COVER_RULES_MOST);
	for (size_t i = 0; result == 0 && i < r->count; i++) {
		const struct cover_rule *rule = &r->rules[i];

		FUZZ_HOLDS(rule->path.count && rule->path.count <= COVER_PARTS);
		FUZZ_HOLDS(!rule->resource[0] ||
			   lock_resource_valid(rule->resource, COVER_CHAPTER_MOST));
	}
	r->figures = len & 1;
	const struct cover_rules *rules = result == 0 ? r : NULL;
	if (cover_of(out, rules, path)) { /* and so all folders above it lead there */
		FUZZ_HOLDS(lock_resource_valid(out, COVER_CHAPTER_MOST));
		bool odd = strstr(path, ".."); /* takes back what was above */
		for (size_t end = strlen(path) + 1; !odd && end-- > 0;)
			if (!path[end] || path[end] == '/') {
				path[end] = '\0';
				FUZZ_HOLDS(cover_reaches(rules, out, path));
			}
	}
}

static const struct fuzz_target targets[] = {
	{"lock_words", fuzz_lock_words}, {"lock_command", fuzz_lock_command},
	{"lock_json", fuzz_lock_json},	 {"lock_plan", fuzz_lock_plan},
	{"options", fuzz_options},	 {"config", fuzz_config},
	{"address", fuzz_address},	 {"cover", fuzz_cover},
};
FUZZ_MAIN(targets)
