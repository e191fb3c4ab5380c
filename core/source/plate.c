/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "illustrate.h"

/* What is written into documents: links, and the block of a picture. */

static void add_escaped(struct buf *out, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~/";

	for (; *path; path++)
		if (strchr(plain, *path))
			buf_addc(out, *path);
		else
			buf_addf(out, "%%%02X", (unsigned char)*path);
}

void xml_href(struct buf *out, const char *document, const char *file)
{
	size_t common = 0;

	for (size_t i = 0; document[i] && document[i] == file[i]; i++)
		if (document[i] == '/')
			common = i + 1;
	for (const char *p = document + common; (p = strchr(p, '/')); p++)
		buf_adds(out, "../");
	add_escaped(out, file + common);
}

const char *plate_media_type(const char *name)
{
	static const char *const types[][2] = {
		{".png", "image/png"}, {".jpg", "image/jpeg"}, {".webp", "image/webp"}};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
		if (!strcmp(dot, types[i][0]))
			return types[i][1];
	return NULL;
}

/* EPUB 2 knows no figures. The looks are said in place: who owns the style sheets is the book. That
 * they are blocks too: a reader to whom a figure is none (mupdf) shows it where the chapter begins.
 */
void plate_add(struct buf *out, const struct book_plate *p, const char *document, const char *file,
	       const char *prefix, bool epub2)
{
	const char *block = epub2 ? "div" : "figure", *caption = epub2 ? "p" : "figcaption";

	buf_addf(out,
		 "\n<%s%s class=\"bookfs-plate\" style=\"display: block; margin: 1em 0; "
		 "text-align: center; page-break-inside: avoid\"><%simg src=\"",
		 prefix, block, prefix);
	xml_href(out, document, file);
	buf_adds(out, "\" alt=\"");
	buf_add_xml(out, p->alt);
	buf_addf(out, "\" style=\"max-width: 100%%; max-height: 90vh\"/><%s%s style=\"", prefix,
		 caption);
	buf_adds(out, "display: block; margin: 0.5em 0; text-indent: 0; font-size: 0.85em\">");
	buf_add_xml(out, p->caption);
	buf_addf(out, "</%s%s></%s%s>", prefix, caption, prefix, block);
}
