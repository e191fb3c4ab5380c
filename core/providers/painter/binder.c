/* SPDX-License-Identifier: MIT */
#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "png.h"
#include "serve.h"
#include "sheet.h"

/*
 * bookfs-binder pdf|pages: reads sheets from standard input. pdf: writes one PDF to standard output
 * when its input ends. pages: answers each with a PNG. Not for people.
 */

enum { SCALE = 3 }; /* pixels a point */

/* arg: what went wrong with the file, which cairo's status does not say. */
static cairo_status_t put(void *arg, const unsigned char *data, unsigned len)
{
	int r = file_write(STDOUT_FILENO, data, len);

	if (r < 0)
		*(int *)arg = r;
	return r < 0 ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static int get(struct sheet *s, const char *body, size_t len, struct err *err)
{
	return wire_get_sheet(s, body, len) < 0
		       ? err_set(err, -EBADMSG, "the binder was asked for something else")
		       : 0;
}

static int page(struct buf *png, const char *body, size_t len, void *arg, struct err *err)
{
	CLEANUP(sheet_finish) struct sheet s = {0};
	cairo_surface_t *surface;
	cairo_t *cr;
	int r = get(&s, body, len, err);

	(void)arg;
	if (r < 0)
		return r;
	surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(SHEET_W * SCALE),
					     (int)(SHEET_H * SCALE));
	cr = cairo_create(surface);
	cairo_scale(cr, SCALE, SCALE);
	r = sheet_draw(cr, &s, err);
	cairo_destroy(cr);
	if (r == -EBADMSG)
		r = 0; /* its place stays empty */
	if (r == 0 && (r = png_write(png, surface, NULL, NULL)) < 0)
		err_set(err, r, "a page could not be drawn");
	cairo_surface_destroy(surface);
	return r;
}

static int pdf_page(struct buf *none, const char *body, size_t len, void *arg, struct err *err)
{
	CLEANUP(sheet_finish) struct sheet s = {0};
	cairo_surface_t *surface = arg;
	cairo_t *cr;
	int r = get(&s, body, len, err);

	(void)none;
	if (r < 0)
		return r;
	if (s.kind == SHEET_COVER)
		cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, s.title);
	cr = cairo_create(surface);
	r = sheet_draw(cr, &s, err);
	cairo_show_page(cr);
	cairo_destroy(cr);
	if (r == 0 && cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
		return err_set(err, -EIO, "a page could not be written");
	return r == -EBADMSG ? 0 : r;
}

static int bind_pdf(void)
{
	int r, written = 0;
	cairo_surface_t *surface =
		cairo_pdf_surface_create_for_stream(put, &written, SHEET_W, SHEET_H);

	/* The same pages are the same bytes, whenever they are bound. */
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, NULL);
	r = serve_silently(pdf_page, surface);
	cairo_surface_finish(surface);
	if (written < 0)
		r = written;
	else if (r == 0 && cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
		r = -EIO;
	cairo_surface_destroy(surface);
	return r;
}

int main(int argc, char **argv)
{
	bool pdf = argc == 2 && !strcmp(argv[1], "pdf");
	int r;

	if (isatty(0) || (!pdf && (argc != 2 || strcmp(argv[1], "pages")))) {
		fprintf(stderr, "bookfs-binder is started by bookfs export\n");
		return 2;
	}
	serve_set_up();
	r = pdf ? bind_pdf() : serve(page, NULL);
	/* Nothing is to be written at the end; what the fonts' libraries keep goes with us. */
	_exit(r < 0 ? -r : 0);
}
