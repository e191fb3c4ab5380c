/* SPDX-License-Identifier: MIT */
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

/*
 * Measures on the pixels of pictures.
 *
 *   pixels similar FILE...                 per pair: its numbers from 0, and their similarity
 *   pixels ink WITH WITHOUT [X Y W H]...   of a card with and without its text: the box of all that
 *                                          differs, then per rectangle its contrast
 *
 * Similarity is the mean structural similarity of Wang, Bovik, Sheikh and Simoncelli, "Image
 * quality assessment: from error visibility to structural similarity", IEEE Transactions on Image
 * Processing 13 (2004): windows of 11 x 11 with Gaussian weights of 1.5 pixels, K1 = 0.01, K2 =
 * 0.03, L = 255, where a window lies wholly within the picture. Before it, both pictures are made
 * grey, their histograms equalised, and their size SIDE x SIDE, so that neither a palette nor the
 * brightness of an hour makes two drawings differ.
 *
 * Contrast is that of WCAG 2 (success criterion 1.4.3), between the ink as it was rendered and the
 * ground under it.
 */

enum { SIDE = 256, WINDOW = 11, INNER = SIDE - WINDOW + 1 };

struct picture {
	int w, h, stride;
	cairo_surface_t *surface;
	const unsigned char *data;
};

static int picture_open(struct picture *p, const char *path)
{
	p->surface = cairo_image_surface_create_from_png(path);
	if (cairo_surface_status(p->surface) != CAIRO_STATUS_SUCCESS) {
		fprintf(stderr, "%s: no picture\n", path);
		cairo_surface_destroy(p->surface);
		return -EBADMSG;
	}
	p->w = cairo_image_surface_get_width(p->surface);
	p->h = cairo_image_surface_get_height(p->surface);
	p->stride = cairo_image_surface_get_stride(p->surface);
	p->data = cairo_image_surface_get_data(p->surface);
	return 0;
}

static void picture_close(struct picture *p)
{
	cairo_surface_destroy(p->surface);
}

static uint32_t pixel(const struct picture *p, int x, int y)
{
	uint32_t value;

	memcpy(&value, p->data + (size_t)y * (size_t)p->stride + (size_t)x * 4, sizeof(value));
	return value & 0xffffff;
}

static unsigned char grey(uint32_t rgb)
{
	return (unsigned char)((299 * (rgb >> 16) + 587 * (rgb >> 8 & 255) + 114 * (rgb & 255)) /
			       1000);
}

/* ---- similarity */

struct plane {
	float at[SIDE][SIDE];
};
struct windows {
	float at[INNER][INNER];
};
struct look { /* a picture as it is compared, and what one window needs of it alone */
	struct plane grey;
	struct windows mean, variance;
};

/* The level each grey gets so that all levels are as frequent as can be. */
static void equalise(unsigned char map[256], const struct picture *p)
{
	size_t counts[256] = {0}, below = 0, all = (size_t)p->w * (size_t)p->h, first = 0;

	for (int y = 0; y < p->h; y++)
		for (int x = 0; x < p->w; x++)
			counts[grey(pixel(p, x, y))]++;
	for (int i = 0; i < 256 && !first; i++)
		first = counts[i];
	for (int i = 0; i < 256; i++) {
		below += counts[i];
		map[i] = all == first || below < first
				 ? 0
				 : (unsigned char)(255 * (below - first) / (all - first));
	}
}

static void shrink(struct plane *out, const struct picture *p, const unsigned char map[256])
{
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++) {
			int x0 = x * p->w / SIDE, x1 = (x + 1) * p->w / SIDE;
			int y0 = y * p->h / SIDE, y1 = (y + 1) * p->h / SIDE;
			long sum = 0;

			x1 += x1 == x0;
			y1 += y1 == y0;
			for (int v = y0; v < y1; v++)
				for (int u = x0; u < x1; u++)
					sum += map[grey(pixel(p, u, v))];
			out->at[y][x] = (float)sum / (float)((x1 - x0) * (y1 - y0));
		}
}

static float weights[WINDOW];

static void weights_init(void)
{
	float sum = 0;

	for (int i = 0; i < WINDOW; i++) {
		float d = (float)(i - WINDOW / 2);

		sum += weights[i] = expf(-d * d / (2 * 1.5f * 1.5f));
	}
	for (int i = 0; i < WINDOW; i++)
		weights[i] /= sum;
}

/* The weighted mean of a times b over each window. */
static void window_means(struct windows *out, const struct plane *a, const struct plane *b)
{
	static float rows[SIDE][INNER];

	for (int y = 0; y < SIDE; y++) {
		float product[SIDE];

		for (int x = 0; x < SIDE; x++)
			product[x] = a->at[y][x] * (b ? b->at[y][x] : 1);
		for (int x = 0; x < INNER; x++) {
			float sum = 0;

			for (int i = 0; i < WINDOW; i++)
				sum += weights[i] * product[x + i];
			rows[y][x] = sum;
		}
	}
	memset(out, 0, sizeof(*out));
	for (int y = 0; y < INNER; y++)
		for (int i = 0; i < WINDOW; i++)
			for (int x = 0; x < INNER; x++)
				out->at[y][x] += weights[i] * rows[y + i][x];
}

static int look_init(struct look *l, const char *path)
{
	struct picture p;
	unsigned char map[256];

	if (picture_open(&p, path) < 0)
		return -EBADMSG;
	equalise(map, &p);
	shrink(&l->grey, &p, map);
	picture_close(&p);
	window_means(&l->mean, &l->grey, NULL);
	window_means(&l->variance, &l->grey, &l->grey);
	for (int y = 0; y < INNER; y++)
		for (int x = 0; x < INNER; x++)
			l->variance.at[y][x] -= l->mean.at[y][x] * l->mean.at[y][x];
	return 0;
}

static double similarity(const struct look *a, const struct look *b)
{
	static struct windows both;
	const float c1 = .01f * 255 * .01f * 255, c2 = .03f * 255 * .03f * 255;
	double sum = 0;

	window_means(&both, &a->grey, &b->grey);
	for (int y = 0; y < INNER; y++)
		for (int x = 0; x < INNER; x++) {
			float ma = a->mean.at[y][x], mb = b->mean.at[y][x];
			float covariance = both.at[y][x] - ma * mb;
			float spread = a->variance.at[y][x] + b->variance.at[y][x];

			sum += (double)((2 * ma * mb + c1) * (2 * covariance + c2) /
					((ma * ma + mb * mb + c1) * (spread + c2)));
		}
	return sum / (INNER * INNER);
}

static int similar(int count, char **paths)
{
	struct look *looks = xcalloc((size_t)count + 1, sizeof(*looks));
	int result = 0;

	weights_init();
	for (int i = 0; i < count && result == 0; i++)
		result = look_init(&looks[i], paths[i]);
	for (int i = 0; i < count && result == 0; i++)
		for (int j = i + 1; j < count; j++)
			printf("%d %d %.4f\n", i, j, similarity(&looks[i], &looks[j]));
	free(looks);
	return result;
}

/* ---- ink */

static double linear(double v)
{
	return v <= .03928 ? v / 12.92 : pow((v + .055) / 1.055, 2.4);
}

static double luminance(uint32_t rgb)
{
	return .2126 * linear((rgb >> 16) / 255.) + .7152 * linear((rgb >> 8 & 255) / 255.) +
	       .0722 * linear((rgb & 255) / 255.);
}

static double contrast(double a, double b)
{
	return a > b ? (a + .05) / (b + .05) : (b + .05) / (a + .05);
}

static int distance(uint32_t a, uint32_t b)
{
	int sum = 0;

	for (int shift = 0; shift <= 16; shift += 8)
		sum += abs((int)(a >> shift & 255) - (int)(b >> shift & 255));
	return sum;
}

static void print_box(const struct picture *with, const struct picture *without)
{
	int left = with->w, top = with->h, right = -1, bottom = -1;

	for (int y = 0; y < with->h; y++)
		for (int x = 0; x < with->w; x++)
			if (pixel(with, x, y) != pixel(without, x, y)) {
				left = x < left ? x : left;
				top = y < top ? y : top;
				right = x > right ? x : right;
				bottom = y > bottom ? y : bottom;
			}
	printf("%d %d %d %d of %d %d\n", left, top, right, bottom, with->w, with->h);
}

struct rectangle {
	int x, y, w, h;
};

static void clip(struct rectangle *r, const struct picture *p)
{
	int right = r->x + r->w < p->w ? r->x + r->w : p->w;
	int bottom = r->y + r->h < p->h ? r->y + r->h : p->h;

	r->x = r->x < 0 ? 0 : r->x;
	r->y = r->y < 0 ? 0 : r->y;
	r->w = right - r->x;
	r->h = bottom - r->y;
}

/*
 * Letters have soft edges: their ink is the mean luminance of the pixels that changed the most
 * (nine tenths of the greatest change and more). Set against every ground on which a pixel changed
 * by half of that, the least contrast counts. 0 for a rectangle without ink.
 */
static double ink_contrast(const struct picture *with, const struct picture *without,
			   struct rectangle r)
{
	int most = 0;
	double ink = 0, least = 21;
	long count = 0;

	clip(&r, with);
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++) {
			int d = distance(pixel(with, x, y), pixel(without, x, y));
			most = d > most ? d : most;
		}
	for (int y = r.y; most && y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			if (distance(pixel(with, x, y), pixel(without, x, y)) * 10 >= most * 9) {
				ink += luminance(pixel(with, x, y));
				count++;
			}
	for (int y = r.y; most && y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++)
			if (distance(pixel(with, x, y), pixel(without, x, y)) * 2 >= most) {
				double c = contrast(ink / (double)count,
						    luminance(pixel(without, x, y)));
				least = c < least ? c : least;
			}
	return most ? least : 0;
}

static int ink(int count, char **args)
{
	struct picture with, without;

	if (picture_open(&with, args[0]) < 0)
		return -EBADMSG;
	if (picture_open(&without, args[1]) < 0) {
		picture_close(&with);
		return -EBADMSG;
	}
	print_box(&with, &without);
	for (int i = 2; i + 3 < count; i += 4) {
		struct rectangle r = {atoi(args[i]), atoi(args[i + 1]), atoi(args[i + 2]),
				      atoi(args[i + 3])};

		printf("%.2f\n", ink_contrast(&with, &without, r));
	}
	picture_close(&with);
	picture_close(&without);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "similar"))
		return similar(argc - 2, argv + 2) < 0;
	if (argc >= 4 && !strcmp(argv[1], "ink"))
		return ink(argc - 2, argv + 2) < 0;
	fprintf(stderr, "usage: pixels similar FILE... | pixels ink WITH WITHOUT [X Y W H]...\n");
	return 2;
}
