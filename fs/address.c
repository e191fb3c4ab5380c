/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "settings.h"

static const struct scheme {
	const char *prefix, *port;
} schemes[] = {{"http://", ":80"}, {"https://", ":443"}};

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* What every reader of addresses takes for the same host, with one port at most: a key goes by this
 * comparison. */
static bool is_plain(const char *host, size_t len)
{
	const char *six = len && host[0] == '[' ? memchr(host, ']', len) : NULL;
	size_t name = six ? (size_t)(six - host) + 1 : strcspn(host, ":/?");

	for (size_t i = 0; i < name; i++)
		if (!isalnum((unsigned char)host[i]) && !strchr(six ? ":.[]" : ".-_", host[i]))
			return false;
	if (name && name < len && host[name] == ':')
		name += 1 + strspn(host + name + 1, "0123456789");
	return name > 0 && name == len && host[len - 1] != ':';
}

/* Azure's version of its interface is all that may stand behind a '?': keys do elsewhere. */
static bool is_plain_query(const char *query)
{
	static const char name[] = "?api-version=";

	if (!*query)
		return true;
	if (strncmp(query, name, sizeof(name) - 1))
		return false;
	for (query += sizeof(name) - 1; *query; query++)
		if (!isalnum((unsigned char)*query) && !strchr(".-", *query))
			return false;
	return true;
}

int address_parse(struct address *out, const char *url)
{
	struct address a = {0};
	const struct scheme *scheme = NULL;
	const char *host;
	size_t len, port;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strncasecmp(url, schemes[i].prefix, strlen(schemes[i].prefix)))
			scheme = &schemes[i];
	if (!scheme || !is_printable(url) || strpbrk(url, "#@") ||
	    !is_plain_query(url + strcspn(url, "?")))
		return -EINVAL;
	host = url + strlen(scheme->prefix);
	len = strcspn(host, "/?");
	if (!is_plain(host, len) || len >= sizeof(a.host))
		return -EINVAL;
	a.tls = scheme == &schemes[1];
	a.path = host + len;
	port = strlen(scheme->port);
	if (len > port && !memcmp(host + len - port, scheme->port, port))
		len -= port;
	for (size_t i = 0; i < len; i++)
		a.host[i] = (char)tolower((unsigned char)host[i]);
	*out = a;
	return 0;
}

bool address_same_server(const char *a, const char *b)
{
	struct address one, other;

	return a && b && address_parse(&one, a) == 0 && address_parse(&other, b) == 0 &&
	       one.tls == other.tls && !strcmp(one.host, other.host);
}

/* RFC 6761 for the names. Of the numbers only what is written in full: 127.1 is somebody's guess.
 */
bool address_is_loopback(const struct address *a)
{
	static const char local[] = ".localhost";
	char name[sizeof(a->host)];
	size_t len;
	int end = 0;

	memcpy(name, a->host, sizeof(name));
	if (!strncmp(name, "[::1]", 5) && (!name[5] || name[5] == ':'))
		return true;
	name[strcspn(name, ":")] = '\0';
	len = strlen(name);
	if (!strcmp(name, local + 1) ||
	    (len > sizeof(local) - 1 && !strcmp(name + len - (sizeof(local) - 1), local)))
		return true;
	return sscanf(name, "127.%*3[0-9].%*3[0-9].%*3[0-9]%n", &end) == 0 && end > 0 && !name[end];
}
