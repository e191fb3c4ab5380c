/* SPDX-License-Identifier: MIT */
#include "lock_words.h"

#include <string.h>

const char lock_commands_help[] =
	"acquire [as ID] [pid=N] [ttl=SECONDS] [reason=\"...\"] RESOURCE...\n"
	"renew [as ID] RESOURCE...|all\n"
	"release [as ID] RESOURCE...|all\n"
	"transfer RESOURCE from=ID to=ID\n"
	"break RESOURCE token=N reason=\"...\"\n"
	"clear stale\n"
	"clear all seq=N\n";

#define TRY_HELP "; reading locks/.ctl lists the commands"

/* ---- words: runs without blanks; a value in double quotes may hold some */

struct word {
	const char *at;
	size_t len;
	const char *value; /* behind `key=`, without its quotes; NULL: a plain word */
	size_t value_len;
};

struct reader {
	const char *at, *end;
	struct err *err;
};

/* What a message shows of a word: enough to find it again. */
static int shown(const struct word *w)
{
	return w->len > 40 ? 40 : (int)w->len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return true;
	return false;
}

static int take_quoted(struct word *w, struct reader *r)
{
	const char *close = memchr(r->at + 1, '"', (size_t)(r->end - r->at - 1));

	if (!close)
		return err_set(r->err, -EINVAL, "a quoted value has no closing quote");
	w->value = r->at + 1;
	w->value_len = (size_t)(close - w->value);
	r->at = close + 1;
	if (r->at < r->end && !is_blank(*r->at))
		return err_set(r->err, -EINVAL, "a blank is missing behind a quoted value");
	return 0;
}

static void take_unquoted(struct word *w, struct reader *r)
{
	w->value = r->at;
	while (r->at < r->end && !is_blank(*r->at))
		r->at++;
	w->value_len = (size_t)(r->at - w->value);
}

/* 1 a word, 0 the end. */
static int next_word(struct word *w, struct reader *r)
{
	int code = 0;

	while (r->at < r->end && is_blank(*r->at))
		r->at++;
	*w = (struct word){.at = r->at};
	while (r->at < r->end && !is_blank(*r->at) && *r->at != '=')
		r->at++;
	if (r->at < r->end && *r->at == '=') {
		r->at++;
		if (r->at < r->end && *r->at == '"')
			code = take_quoted(w, r);
		else
			take_unquoted(w, r);
	}
	w->len = (size_t)(r->at - w->at);
	if (code < 0 || w->len == 0)
		return code;
	if (!utf8_valid(w->at, w->len) || has_control(w->at, w->len))
		return err_set(r->err, -EINVAL, "not a line of text");
	return 1;
}

static bool is_word(const struct word *w, const char *is)
{
	return w->len == strlen(is) && !memcmp(w->at, is, w->len);
}

static bool is_key(const struct word *w, const char *key)
{
	size_t len = strlen(key);

	return w->value && (size_t)(w->value - w->at) > len && !memcmp(w->at, key, len) &&
	       w->at[len] == '=';
}

/* ---- values */

static int take_id(char out[LOCK_INSTANCE_BYTES], const char *s, size_t len, struct err *err)
{
	char id[LOCK_INSTANCE_BYTES] = "";

	if (len < sizeof(id))
		memcpy(id, s, len);
	if (!lock_instance_valid(id))
		return err_set(err, -EINVAL,
			       "\"%.*s\" is no instance id: 1 to %d letters, digits and . _ : @ -, "
			       "such as CLI-12345",
			       len > 40 ? 40 : (int)len, s, LOCK_INSTANCE_BYTES - 1);
	if (out[0])
		return err_set(err, -EINVAL, "two instance ids: %s and %s", out, id);
	memcpy(out, id, sizeof(id));
	return 0;
}

static int take_number(int64_t *out, const struct word *w, int64_t max, struct err *err)
{
	int64_t n = 0;

	for (size_t i = 0; i < w->value_len; i++) {
		int digit = w->value[i] - '0';

		if (digit < 0 || digit > 9 || n > (max - digit) / 10)
			return err_set(err, -EINVAL, "%.*s: a number from 1 to %lld", shown(w),
				       w->at, (long long)max);
		n = n * 10 + digit;
	}
	if (n == 0 || *out)
		return err_set(err, -EINVAL, "%.*s: a number from 1 to %lld, once", shown(w), w->at,
			       (long long)max);
	*out = n;
	return 0;
}

static int take_reason(char out[LOCK_REASON_BYTES], const struct word *w, struct err *err)
{
	if (w->value_len == 0 || w->value_len >= LOCK_REASON_BYTES || out[0])
		return err_set(err, -EINVAL, "reason=\"...\": 1 to %d bytes, once",
			       LOCK_REASON_BYTES - 1);
	memcpy(out, w->value, w->value_len);
	out[w->value_len] = '\0';
	return 0;
}

/* 1: it was one of the words of a claim; 0: it is none. */
static int take_claim_word(struct lock_words *out, const struct word *w, struct err *err)
{
	int64_t n = 0;
	int r;

	if (is_key(w, "reason")) {
		r = take_reason(out->reason, w, err);
	} else if (is_key(w, "pid")) {
		n = out->pid;
		r = take_number(&n, w, INT32_MAX, err);
		out->pid = (pid_t)n;
	} else if (is_key(w, "ttl")) {
		n = out->ttl_s;
		r = take_number(&n, w, LOCK_TTL_MOST_S, err);
		out->ttl_s = (int)n;
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

int lock_words_parse(struct lock_words *out, const char *text, size_t len, struct err *err)
{
	struct reader r = {text, text + len, err};
	struct lock_words words = {0};
	struct word w;
	int code;

	if (len > LOCK_TEXT_BYTES)
		return err_set(err, -EINVAL, "more than %d bytes", LOCK_TEXT_BYTES);
	while ((code = next_word(&w, &r)) > 0) {
		code = take_claim_word(&words, &w, err);
		if (code == 0 && w.value)
			code = err_set(err, -EINVAL,
				       "%.*s: a lock's file takes an id, pid=, ttl= and reason=",
				       shown(&w), w.at);
		else if (code == 0)
			code = take_id(words.id, w.at, w.len, err);
		if (code < 0)
			break;
	}
	if (code == 0)
		*out = words;
	return code;
}

/* ---- resources */

static int take_resource(struct strv *out, const char *s, size_t len, int chapters, struct err *err)
{
	CLEANUP(cleanup_free) char *name = xstrndup(s, len);
	char near[LOCK_RESOURCE_BYTES];

	if (!lock_resource_valid(name, chapters)) {
		if (lock_resource_nearest(near, name, chapters))
			return err_set(err, -EINVAL,
				       "there is no resource \"%.60s\"; was %s meant?", name, near);
		return err_set(err, -EINVAL,
			       "there is no resource \"%.60s\"; locks/.resources lists them", name);
	}
	if (!strv_has(out, name))
		strv_add(out, name);
	return out->len <= LOCK_SET_MOST
		       ? 0
		       : err_set(err, -EINVAL, "more than %d resources at once", LOCK_SET_MOST);
}

int lock_set_parse(struct strv *out, const char *text, size_t len, int chapters, struct err *err)
{
	const char *end = text + len;
	int r = 0;

	for (const char *at = text, *stop; r == 0 && at <= end; at = stop + 1) {
		stop = memchr(at, '+', (size_t)(end - at));
		stop = stop ? stop : end;
		r = take_resource(out, at, (size_t)(stop - at), chapters, err);
	}
	return r;
}

/* ---- commands */

enum takes {
	TAKES_AS = 1,
	TAKES_CLAIM = 2, /* pid=, ttl=, reason= */
	TAKES_ALL = 4,
	TAKES_MOVE = 8, /* from=, to= */
	TAKES_TOKEN = 16,
	TAKES_SEQ = 32,
	TAKES_STALE = 64,
	TAKES_REASON = 128,
	TAKES_RESOURCES = 256,
	TAKES_ONE = 512,
};

static const struct {
	const char *word;
	unsigned takes;
} verbs[] = {
	[LOCK_VERB_ACQUIRE] = {"acquire", TAKES_AS | TAKES_CLAIM | TAKES_RESOURCES},
	[LOCK_VERB_RENEW] = {"renew", TAKES_AS | TAKES_ALL | TAKES_RESOURCES},
	[LOCK_VERB_RELEASE] = {"release", TAKES_AS | TAKES_ALL | TAKES_RESOURCES},
	[LOCK_VERB_TRANSFER] = {"transfer", TAKES_MOVE | TAKES_RESOURCES | TAKES_ONE},
	[LOCK_VERB_BREAK] = {"break", TAKES_TOKEN | TAKES_REASON | TAKES_RESOURCES | TAKES_ONE},
	[LOCK_VERB_CLEAR] = {"clear", TAKES_STALE | TAKES_ALL | TAKES_SEQ},
};

struct parse {
	struct lock_command *c;
	struct reader r;
	unsigned takes;
	int chapters;
	bool stale;
};

static int take_keyed(struct parse *p, const struct word *w)
{
	struct lock_command *c = p->c;

	if (p->takes & TAKES_MOVE && is_key(w, "from"))
		return take_id(c->from, w->value, w->value_len, p->r.err);
	if (p->takes & TAKES_MOVE && is_key(w, "to"))
		return take_id(c->words.id, w->value, w->value_len, p->r.err);
	if ((p->takes & TAKES_TOKEN && is_key(w, "token")) ||
	    (p->takes & TAKES_SEQ && is_key(w, "seq")))
		return take_number(&c->number, w, INT64_MAX, p->r.err);
	if (p->takes & TAKES_REASON && is_key(w, "reason"))
		return take_reason(c->words.reason, w, p->r.err);
	if (p->takes & TAKES_CLAIM) {
		int r = take_claim_word(&c->words, w, p->r.err);

		if (r != 0)
			return r < 0 ? r : 0;
	}
	return err_set(p->r.err, -EINVAL, "\"%s\" does not take %.*s" TRY_HELP, verbs[c->verb].word,
		       shown(w), w->at);
}

static int take_plain(struct parse *p, const struct word *w)
{
	struct lock_command *c = p->c;
	struct word id;
	int r;

	if (p->takes & TAKES_AS && is_word(w, "as")) {
		r = next_word(&id, &p->r);
		if (r <= 0 || id.value)
			return r < 0 ? r : err_set(p->r.err, -EINVAL, "\"as\" needs an id");
		return take_id(c->words.id, id.at, id.len, p->r.err);
	}
	if (p->takes & TAKES_ALL && is_word(w, "all")) {
		c->all = true;
		return 0;
	}
	if (p->takes & TAKES_STALE && is_word(w, "stale")) {
		p->stale = true;
		return 0;
	}
	if (p->takes & TAKES_RESOURCES)
		return lock_set_parse(&c->resources, w->at, w->len, p->chapters, p->r.err);
	return err_set(p->r.err, -EINVAL, "\"%s\" cannot be followed by \"%.*s\"" TRY_HELP,
		       verbs[c->verb].word, shown(w), w->at);
}

/* Is everything there that the command needs, and nothing too much? */
static bool is_whole(const struct parse *p)
{
	const struct lock_command *c = p->c;
	size_t n = c->resources.len;

	switch (c->verb) {
	case LOCK_VERB_TRANSFER:
		return n == 1 && c->from[0] && c->words.id[0];
	case LOCK_VERB_BREAK:
		return n == 1 && c->number && c->words.reason[0];
	case LOCK_VERB_CLEAR:
		return c->all ? c->number && !p->stale : p->stale && !c->number;
	default:
		return (n > 0) != c->all;
	}
}

static int parse_command(struct parse *p)
{
	struct word w;
	int r = next_word(&w, &p->r);
	size_t verb = 0;

	if (r < 0)
		return r;
	while (verb < ARRAY_LEN(verbs) && !is_word(&w, verbs[verb].word))
		verb++;
	if (verb == ARRAY_LEN(verbs))
		return err_set(p->r.err, -EINVAL, "unknown command \"%.*s\"" TRY_HELP, shown(&w),
			       w.at);
	p->c->verb = (enum lock_verb)verb;
	p->takes = verbs[verb].takes;
	while ((r = next_word(&w, &p->r)) > 0) {
		r = w.value ? take_keyed(p, &w) : take_plain(p, &w);
		if (r < 0)
			return r;
	}
	if (r == 0 && !is_whole(p))
		return err_set(p->r.err, -EINVAL,
			       "\"%s\" is not whole, or has a word too many" TRY_HELP,
			       verbs[verb].word);
	return r;
}

int lock_command_parse(struct lock_command *out, const char *text, size_t len, int chapters,
		       struct err *err)
{
	struct lock_command c = {0};
	struct parse p = {.c = &c, .r = {text, text + len, err}, .chapters = chapters};
	int r = len > LOCK_TEXT_BYTES
			? err_set(err, -EINVAL, "more than %d bytes at once", LOCK_TEXT_BYTES)
			: parse_command(&p);

	if (r < 0)
		lock_command_finish(&c);
	else
		*out = c;
	return r;
}

void lock_command_finish(struct lock_command *c)
{
	strv_finish(&c->resources);
}
