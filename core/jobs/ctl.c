/* SPDX-License-Identifier: MIT */
#include "ctl.h"
#include "budget.h"

#include <string.h>

/* Every byte is a stranger's. */

#define ALLOWED                                                                                    \
	"analyze 9 | analyze all | illustrate 9 | illustrate all | retry failed | pause | "        \
	"resume | budget +50 [requests|images|tokens|cost] | approve ch9_scene1 | approve 9 | "    \
	"regenerate ch9_scene1 | style watercolour | style propose | style none | "                \
	"style propose pictures | split characters/Ida: Poor Ida | portrait Ida | resolve"
#define COMMAND_BYTES 4096 /* one write; a person's line is a few words */

enum operand {
	OPERAND_NONE,
	OPERAND_CHAPTER,
	OPERAND_FAILED,
	OPERAND_AMOUNT,
	OPERAND_SCENES, /* a scene's id, a chapter, all */
	OPERAND_SCENE,
	OPERAND_STYLE,
	OPERAND_NAMES, /* the rest of the line */
	OPERAND_NAME   /* likewise */
};

static const struct {
	const char *word;
	enum operand operand;
} verbs[] = {
	[CTL_ANALYZE] = {"analyze", OPERAND_CHAPTER},
	[CTL_ILLUSTRATE] = {"illustrate", OPERAND_CHAPTER},
	[CTL_RETRY] = {"retry", OPERAND_FAILED},
	[CTL_PAUSE] = {"pause", OPERAND_NONE},
	[CTL_RESUME] = {"resume", OPERAND_NONE},
	[CTL_BUDGET] = {"budget", OPERAND_AMOUNT},
	[CTL_APPROVE] = {"approve", OPERAND_SCENES},
	[CTL_REGENERATE] = {"regenerate", OPERAND_SCENE},
	[CTL_STYLE] = {"style", OPERAND_STYLE},
	[CTL_SPLIT] = {"split", OPERAND_NAMES},
	[CTL_PORTRAIT] = {"portrait", OPERAND_NAME},
	[CTL_RESOLVE] = {"resolve", OPERAND_NONE},
};

static const char *word(const char **p, const char *end, size_t *len)
{
	while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r'))
		++*p;
	const char *start = *p;
	while (*p < end && **p != ' ' && **p != '\t' && **p != '\r')
		++*p;
	*len = (size_t)(*p - start);
	return start;
}

static bool is_word(const char *w, size_t len, const char *is)
{
	return strlen(is) == len && memcmp(w, is, len) == 0;
}

static int parse_chapter(int *chapter, const char *w, size_t len)
{
	int number = 0;
	if (is_word(w, len, "all")) {
		*chapter = 0;
		return 0;
	}
	if (len == 0 || len > 6)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (w[i] < '0' || w[i] > '9')
			return -EINVAL;
		number = number * 10 + (w[i] - '0');
	}
	*chapter = number;
	return number > 0 ? 0 : -EINVAL;
}

/* "front-1", "back-2": which chapter that is the book knows. */
static int parse_matter(struct ctl_command *c, const char *w, size_t len)
{
	const char *dash = memchr(w, '-', len);
	if (!dash || len >= sizeof(c->matter) ||
	    (!is_word(w, (size_t)(dash - w), "front") && !is_word(w, (size_t)(dash - w), "back")))
		return -EINVAL;
	memcpy(c->matter, w, len);
	c->matter[len] = '\0';
	return 0;
}

/* What a message shows of a word: enough to find it again. */
static int shown(size_t len)
{
	return len > 40 ? 40 : (int)len;
}

/* Millionths of "50" or "1.50"; -1: it is no such number. */
static int64_t parse_micro(const char *w, size_t len)
{
	const char *end = w + len, *point = memchr(w, '.', len);
	const char *whole_end = point ? point : end;
	int64_t micro = 0, unit = 1000000;
	if (whole_end == w || whole_end - w > 12 || (point && (end - point < 2 || end - point > 7)))
		return -1;
	for (const char *p = w; p < end; p++) {
		if (p == point)
			continue;
		if (*p < '0' || *p > '9')
			return -1;
		if (p > whole_end)
			micro += (*p - '0') * (unit /= 10);
		else
			micro = micro * 10 + (*p - '0') * unit;
	}
	return micro;
}

/* "+50", "+50 images", "+1.50 cost" */
static int parse_raise(struct ctl_command *c, const char *w, size_t len, const char **p,
		       const char *end, struct err *err)
{
	int64_t micro = len > 1 && *w == '+' ? parse_micro(w + 1, len - 1) : -1;
	size_t name_len;
	const char *name = word(p, end, &name_len);
	int64_t *part = &c->raise.requests;
	c->any_part = name_len == 0;
	if (name_len)
		part = budget_part(&c->raise, name, name_len);
	if (!part)
		return err_set(err, -EINVAL, "there is no budget of \"%.*s\"; allowed: " ALLOWED,
			       shown(name_len), name);
	bool is_cost = part == &c->raise.cost_micro;
	if (micro <= 0 || (!is_cost && micro % 1000000))
		return err_set(err, -EINVAL,
			       "\"budget\" cannot be followed by \"%.*s\"; allowed: " ALLOWED,
			       shown(len), w);
	*part = is_cost ? micro : micro / 1000000;
	return 0;
}

/* false: it is empty, too long for a name, or has a zero byte in it. */
static bool take(char out[NAME_BYTES], const char *s, size_t len)
{
	if (len == 0 || len >= NAME_BYTES || memchr(s, 0, len))
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

static int parse_scene(struct ctl_command *c, const char *w, size_t len)
{
	char id[NAME_BYTES];
	return take(id, w, len) ? concept_id_parse(&c->chapter, &c->scene, id) : -EINVAL;
}

static bool is_style(const struct ctl_command *c)
{
	return !strcmp(c->name, "none") || !strcmp(c->name, "propose") ||
	       style_preset_named(c->name);
}

/* "elements/characters/Ida.md": the type, and the name. */
static int parse_element(struct ctl_command *c, const char *s, size_t len)
{
	static const char top[] = "elements/", end[] = ".md";
	if (len > strlen(top) && !memcmp(s, top, strlen(top))) {
		s += strlen(top);
		len -= strlen(top);
	}
	if (len > strlen(end) && !memcmp(s + len - strlen(end), end, strlen(end)))
		len -= strlen(end);
	for (int t = 0; t < ELEMENT_TYPES; t++) {
		const char *folder = element_type_folder((enum element_type)t);
		size_t n = strlen(folder);
		if (len < n + 2 || memcmp(s, folder, n) || s[n] != '/')
			continue;
		c->type = (enum element_type)t;
		return take(c->name, s + n + 1, len - n - 1) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* "characters/Ida: Poor Ida" */
static int parse_split(struct ctl_command *c, const char *s, const char *end, struct err *err)
{
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	const char *colon = memmem(s, (size_t)(end - s), ": ", 2);
	const char *alias = colon ? colon + 2 : end;
	while (alias < end && *alias == ' ')
		alias++;
	if (!colon || parse_element(c, s, (size_t)(colon - s)) < 0 ||
	    !take(c->alias, alias, (size_t)(end - alias)))
		return err_set(err, -EINVAL,
			       "\"split\" needs who, and which of his names is another's: split "
			       "characters/Ida: Poor Ida");
	return 0;
}

/* "Ida", "characters/Ida", "elements/characters/Ida.md" or .png */
static int parse_portrait(struct ctl_command *c, const char *s, const char *end, struct err *err)
{
	static const char png[] = ".png";
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	size_t len = (size_t)(end - s);
	if (len > strlen(png) && !memcmp(end - strlen(png), png, strlen(png)))
		len -= strlen(png);
	if (parse_element(c, s, len) == 0)
		return 0;
	c->any_type = true;
	if (take(c->name, s, len))
		return 0;
	return err_set(err, -EINVAL,
		       "\"portrait\" needs whose: portrait Ida, or portrait "
		       "characters/Ida");
}

static int parse_operand(struct ctl_command *c, const char *w, size_t len, struct err *err)
{
	switch (verbs[c->verb].operand) {
	case OPERAND_CHAPTER:
		if (parse_chapter(&c->chapter, w, len) == 0 || parse_matter(c, w, len) == 0)
			return 0;
		break;
	case OPERAND_FAILED:
		if (is_word(w, len, "failed"))
			return 0;
		break;
	case OPERAND_NONE:
		if (len == 0)
			return 0;
		break;
	case OPERAND_SCENES:
		if (parse_scene(c, w, len) == 0 || parse_chapter(&c->chapter, w, len) == 0 ||
		    parse_matter(c, w, len) == 0)
			return 0;
		break;
	case OPERAND_SCENE:
		if (parse_scene(c, w, len) == 0)
			return 0;
		break;
	case OPERAND_STYLE:
		if (take(c->name, w, len) && is_style(c))
			return 0;
		break;
	case OPERAND_AMOUNT:
	case OPERAND_NAMES:
	case OPERAND_NAME:
		break;
	}
	if (len == 0)
		return err_set(err, -EINVAL, "\"%s\" needs one more word; allowed: " ALLOWED,
			       verbs[c->verb].word);
	return err_set(err, -EINVAL, "\"%s\" cannot be followed by \"%.*s\"; allowed: " ALLOWED,
		       verbs[c->verb].word, shown(len), w);
}

static int parse_command(struct ctl_command *c, const char *p, const char *end, struct err *err)
{
	size_t len;
	const char *w = word(&p, end, &len);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!is_word(w, len, verbs[i].word))
			continue;
		c->verb = (enum ctl_verb)i;
		w = word(&p, end, &len);
		if (verbs[i].operand == OPERAND_NAMES)
			return parse_split(c, w, end, err);
		if (verbs[i].operand == OPERAND_NAME)
			return parse_portrait(c, w, end, err);
		int rc = len && verbs[i].operand == OPERAND_AMOUNT
				 ? parse_raise(c, w, len, &p, end, err)
				 : parse_operand(c, w, len, err);
		if (rc < 0)
			return rc;
		c->on_demand = c->chapter != 0 && c->verb != CTL_STYLE;
		c->again = c->verb == CTL_ANALYZE && c->chapter != 0;
		w = word(&p, end, &len);
		if (c->verb == CTL_STYLE && !strcmp(c->name, "propose") &&
		    is_word(w, len, "pictures")) {
			c->by_pictures = true;
			w = word(&p, end, &len);
		}
		return len == 0 ? 0
				: err_set(err, -EINVAL,
					  "\"%.*s\" is one word too many; allowed: " ALLOWED,
					  shown(len), w);
	}
	return err_set(err, -EINVAL, "unknown command \"%.*s\"; allowed: " ALLOWED, shown(len), w);
}

static bool is_blank(const char *p, const char *end)
{
	size_t len;
	word(&p, end, &len);
	return len == 0;
}

int ctl_parse(struct ctl_command out[CTL_COMMANDS_MAX], size_t *count, const char *line, size_t len,
	      struct err *err)
{
	size_t n = 0;
	if (len > COMMAND_BYTES)
		return err_set(err, -EINVAL, "more than %d bytes at once; allowed: " ALLOWED,
			       COMMAND_BYTES);
	for (const char *p = line, *end = line + len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		stop = stop ? stop : end;
		if (!is_blank(p, stop)) {
			if (n == CTL_COMMANDS_MAX)
				return err_set(err, -EINVAL, "more than %d commands at once",
					       CTL_COMMANDS_MAX);
			out[n] = (struct ctl_command){0};
			int rc = parse_command(&out[n++], p, stop, err);
			if (rc < 0)
				return rc;
		}
		p = stop < end ? stop + 1 : end;
	}
	if (n == 0)
		return err_set(err, -EINVAL, "no command; allowed: " ALLOWED);
	*count = n;
	return 0;
}
