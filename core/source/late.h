/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_LATE_H
#define SOURCE_LATE_H

/*
 * libzip and libxml2, loaded when a book is read or written; the mount of a book that is in its
 * store does neither. They stand on libcrypto, ICU and the C++ library, which took most of the time
 * before main(), of `bookfs lock` as of a mount (library_load).
 */

#include "base.h"

#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <zip.h>

/* clang-format off */
#define LATE_ZIP(X) \
	X(close) X(discard) X(error_code_system) X(error_code_zip) X(error_fini) X(error_init) \
	X(error_init_with_code) X(error_set) X(error_strerror) X(error_system_type) \
	X(error_to_data) X(fclose) X(fdopen) X(file_add) X(file_get_error) \
	X(file_get_external_attributes) X(file_set_mtime) X(fopen_index) X(fread) X(get_error) \
	X(get_name) X(get_num_entries) X(name_locate) X(open) X(open_from_source) \
	X(set_file_compression) X(source_buffer) X(source_buffer_create) X(source_free) \
	X(source_function) X(source_function_create) X(source_make_command_bitmap) \
	X(source_seek_compute_offset) X(source_zip) X(stat_index) X(stat_init)

#define LATE_XML(X) \
	X(CreateMemoryParserCtxt) X(CtxtUseOptions) X(FreeDoc) X(FreeParserCtxt) X(InitParser) \
	X(ParseDocument) X(StopParser)
/* clang-format on */

struct late_zip {
#define LATE_MEMBER(name) __typeof__(&zip_##name) name;
	LATE_ZIP(LATE_MEMBER)
#undef LATE_MEMBER
};

struct late_xml {
#define LATE_MEMBER(name) __typeof__(&xml##name) name;
	LATE_XML(LATE_MEMBER)
#undef LATE_MEMBER
	__typeof__(&htmlEntityLookup) html_entity;
};

extern struct late_zip libzip;
extern struct late_xml libxml;

/* Before the first call of either: by who opens or makes an archive, by who reads a text. In any
 * thread. -ENOPKG: it is not installed. */
int late_zip(struct err *err);
int late_xml(struct err *err);

#endif
