/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <ctype.h>
#include <string.h>

static const struct scheme {
	const char *prefix, *port;
} schemes[] = {{"http://", ":80"}, {"https://", ":443"}};

/* What every reader of addresses takes for the same host: a key goes by this comparison. */
static bool is_plain(const char *host, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && !strchr(".-_:[]", host[i]))
			return false;
	return len > 0 && host[0] != ':';
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

int http_origin(char out[HTTP_ORIGIN_BYTES], const char *url)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		const struct scheme *s = &schemes[i];
		size_t prefix = strlen(s->prefix), port = strlen(s->port);
		if (strncasecmp(url, s->prefix, prefix))
			continue;
		const char *host = url + prefix;
		size_t len = strcspn(host, "/?#");
		if (!is_plain(host, len) || !is_printable(url) || prefix + len >= HTTP_ORIGIN_BYTES)
			return -EINVAL;
		if (len > port && !memcmp(host + len - port, s->port, port))
			len -= port;
		for (size_t k = 0; k < prefix + len; k++)
			out[k] = (char)tolower((unsigned char)url[k]);
		out[prefix + len] = '\0';
		return 0;
	}
	return -EINVAL;
}
