/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CURL_H
#define HTTP_CURL_H

/*
 * Private to http.c: the functions of libcurl, found when the first server is to be asked
 * (library_load). Linked, libcurl and what it stands on (TLS, HTTP/2, Kerberos, LDAP) would cost
 * every mount 6 MB, also one that never asks anybody.
 */

#include "base.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* clang-format off */
#define HTTP_CURL_FUNCTIONS(X) \
	X(global_init) X(easy_init) X(easy_cleanup) X(easy_setopt) X(easy_getinfo) \
	X(easy_strerror) X(slist_append) X(slist_free_all) X(getdate) X(multi_init) \
	X(multi_cleanup) X(multi_setopt) X(multi_add_handle) X(multi_remove_handle) \
	X(multi_socket_action) X(multi_info_read) X(multi_assign)
/* clang-format on */

struct http_curl {
#define HTTP_CURL_MEMBER(name) __typeof__(&curl_##name) name;
	HTTP_CURL_FUNCTIONS(HTTP_CURL_MEMBER)
#undef HTTP_CURL_MEMBER
};

/* Loaded once and for the life of the process. -ENOPKG: there is none here. */
int http_curl_load(const struct http_curl **out, struct err *err);

#endif
