/* SPDX-License-Identifier: MIT */
#include "http_curl.h"

#include <dlfcn.h>

static void *open_library(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	void *library = NULL;
	for (size_t i = 0; !library && i < ARRAY_LEN(names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

static int load(struct http_curl *curl, struct err *err)
{
	void *library = open_library();
	if (!library)
		return err_set(err, -ENOPKG,
			       "to ask a server libcurl is needed: install the package libcurl4");
#define FIND(name)                                                                                 \
	if (!(curl->name = (__typeof__(curl->name))dlsym(library, "curl_" #name)))                 \
		return err_set(err, -ENOPKG, "this libcurl is too old: it has no curl_" #name);
	HTTP_CURL_FUNCTIONS(FIND)
#undef FIND
	if (curl->global_init(CURL_GLOBAL_DEFAULT))
		return err_set(err, -ENOPKG, "libcurl cannot be started");
	return 0;
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
