/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "late.h"
#include "markup.h"

/* Far more than any element has: libxml2 compares each with all before it. */
#define ATTRS_MAX 1000

struct reader {
	const struct markup_events *events;
	void *arg;
	xmlParserCtxt *ctxt;
};

void markup_local(char out[MARKUP_NAME_BYTES], const char *name, size_t len)
{
	const char *colon = memrchr(name, ':', len);
	size_t skip = colon ? (size_t)(colon - name) + 1 : 0, n = 0;

	for (; skip < len && n < MARKUP_NAME_BYTES - 1; skip++)
		out[n++] = (char)tolower((unsigned char)name[skip]);
	out[n] = '\0';
}

static void on_start(void *arg, const xmlChar *name, const xmlChar **attrs)
{
	static const char *const none[] = {NULL};
	struct reader *r = arg;
	char local[MARKUP_NAME_BYTES];

	markup_local(local, (const char *)name, strlen((const char *)name));
	r->events->start(r->arg, local, attrs ? (const char *const *)attrs : none);
}

static void on_end(void *arg, const xmlChar *name)
{
	struct reader *r = arg;
	char local[MARKUP_NAME_BYTES];

	markup_local(local, (const char *)name, strlen((const char *)name));
	r->events->end(r->arg, local);
}

static void on_text(void *arg, const xmlChar *s, int len)
{
	struct reader *r = arg;

	r->events->text(r->arg, (const char *)s, (size_t)len);
}

/* The first fault ends it: without this libxml2 would go on to the end, with nothing to say. */
static void on_error(void *arg, const char *fmt, ...)
{
	struct reader *r = arg;

	(void)fmt;
	if (!r->ctxt->wellFormed)
		libxml.StopParser(r->ctxt);
}

/* The SAX1 interface on purpose: prefixes that nobody declared are no error then. Without
 * getEntity and entityDecl no document can define an entity, so none can be blown up. */
static const xmlSAXHandler handler = {
	.startElement = on_start,
	.endElement = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_text,
	.error = on_error,
	.fatalError = on_error,
};

/* The attributes of the tag at s, or more than are its own where it is malformed. */
static size_t tag_attrs(const char *s, const char *end)
{
	size_t count = 0;
	char quote = 0;

	for (s++; s < end && *s != '<' && (quote || *s != '>'); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'') {
			quote = quote ? 0 : *s;
			count += !quote;
		}
	}
	return count;
}

static bool has_endless_tag(const char *s, size_t len)
{
	const char *end = s + len;

	while ((s = memchr(s, '<', (size_t)(end - s))))
		if (tag_attrs(s++, end) > ATTRS_MAX)
			return true;
	return false;
}

static int read_xml(struct reader *r, const char *s, size_t len)
{
	xmlParserCtxt *ctxt = libxml.CreateMemoryParserCtxt(s, (int)len);
	xmlSAXHandler *own, sax = handler;
	int well_formed;

	if (!ctxt)
		return 0;
	own = ctxt->sax;
	ctxt->sax = &sax;
	ctxt->userData = r;
	r->ctxt = ctxt;
	libxml.CtxtUseOptions(ctxt, XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC);
	libxml.ParseDocument(ctxt);
	well_formed = ctxt->wellFormed;
	ctxt->sax = own;
	if (ctxt->myDoc)
		libxml.FreeDoc(ctxt->myDoc);
	ctxt->myDoc = NULL;
	libxml.FreeParserCtxt(ctxt);
	return well_formed;
}

int markup_read(const struct markup_events *events, void *arg, const char *s, size_t len,
		enum markup_kind kind)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct reader r = {.events = events, .arg = arg};

	pthread_once(&once, libxml.InitParser);
	if (len && len < INT32_MAX && !has_endless_tag(s, len) && read_xml(&r, s, len))
		return 0;
	events->restart(arg);
	soup_read(events, arg, s, len, kind);
	return 1;
}

const char *markup_attr(const char *const *attrs, const char *name)
{
	for (size_t i = 0; attrs[i]; i += 2)
		if (!strcasecmp(attrs[i], name))
			return attrs[i + 1] ? attrs[i + 1] : "";
	for (size_t i = 0; attrs[i]; i += 2) {
		const char *colon = strrchr(attrs[i], ':');

		if (colon && !strcasecmp(colon + 1, name))
			return attrs[i + 1] ? attrs[i + 1] : "";
	}
	return NULL;
}

const char *markup_epub_type(const char *const *attrs)
{
	for (size_t i = 0; attrs[i]; i += 2) {
		const char *colon = strrchr(attrs[i], ':');

		if (colon && !strcasecmp(colon + 1, "type"))
			return attrs[i + 1] ? attrs[i + 1] : "";
	}
	return NULL;
}

bool markup_has_token(const char *list, const char *token)
{
	size_t len = strlen(token);

	while (list && *list) {
		size_t n;

		list += strspn(list, " \t\r\n");
		n = strcspn(list, " \t\r\n");
		if (n == len && !strncasecmp(list, token, n))
			return true;
		list += n;
	}
	return false;
}
