/* SPDX-License-Identifier: MIT */
#include "late.h"

#include <pthread.h>

struct late_zip libzip;
struct late_xml libxml;

static int load(void *functions, bool *loaded, const struct library *library, struct err *err)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int r = 0;

	pthread_mutex_lock(&mutex);
	if (!*loaded)
		r = library_load(functions, library, err);
	*loaded = r == 0;
	pthread_mutex_unlock(&mutex);
	return r;
}

int late_zip(struct err *err)
{
	static const char *const names[] = {LIBZIP_NAME, NULL};
#define NAME(name) "zip_" #name,
	static const char *const symbols[] = {LATE_ZIP(NAME) NULL};
#undef NAME
	static const struct library library = {"to read and to write books", names, symbols};
	static bool loaded;

	return load(&libzip, &loaded, &library, err);
}

int late_xml(struct err *err)
{
	static const char *const names[] = {LIBXML_NAME, NULL};
#define NAME(name) "xml" #name,
	static const char *const symbols[] = {LATE_XML(NAME) "htmlEntityLookup", NULL};
#undef NAME
	static const struct library library = {"to read books", names, symbols};
	static bool loaded;

	return load(&libxml, &loaded, &library, err);
}
