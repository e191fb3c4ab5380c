/* SPDX-License-Identifier: MIT */
#include "http_curl.h"

static int load(struct http_curl *curl, struct err *err)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
#define NAME(name) "curl_" #name,
	static const char *const symbols[] = {HTTP_CURL_FUNCTIONS(NAME) NULL};
#undef NAME
	static const struct library library = {"to ask a server", names, symbols};
	int r = library_load(curl, &library, err);
	if (r == 0 && curl->global_init(CURL_GLOBAL_DEFAULT))
		return err_set(err, -ENOPKG, "libcurl cannot be started");
	return r;
}

int http_curl_load(const struct http_curl **out, struct err *err)
{
	static struct http_curl curl;
	static bool loaded;
	int r = loaded ? 0 : load(&curl, err);
	if (r < 0)
		return r;
	loaded = true;
	*out = &curl;
	return 0;
}
