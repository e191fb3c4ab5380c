/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "exchange.h"

/* What may go with a request for a picture, and how reference pictures are sent: to the byte. No
 * server is asked here. */

/* ---- limits */

static const struct limit {
	const char *preset, *model;
	size_t prompt_bytes, references;
} limits[] = {
	{"openai", "dall-e-2", 1000, 0},
	{"openai", "dall-e-3", 4000, 0},
	{"openai", "gpt-image-1", 32000, 16},
	{"openai", "gpt-image-1.5-mini", 32000, 16},
	{"openai", "some-other", 32000, 0},
	{"openai", NULL, 32000, 16},
	{"azure", "dall-e-3", 4000, 0},
	{"azure", "my-gpt-image-1", 32000, 16},
	{"openrouter", "openai/dall-e-3", 4000, 0},
	{"openrouter", "a/b", 32000, 3},
	{"gemini", NULL, 32000, 3},
	{"gemini", "gemini-3-pro-image", 32000, 14},
	{"xai", NULL, 32000, 0},
	{"localai", NULL, 32000, 0},
	{"sdcpp", "", 32000, 0},
	{"a1111", "xl", 32000, 0},
	{"comfyui", NULL, 32000, 0},
};

static void test_limit(const struct limit *t)
{
	struct paint_limits l = {0};
	provider_paint_limits(&l, provider_preset(t->preset), t->model);
	CHECK_INT(l.prompt_bytes, t->prompt_bytes);
	CHECK_INT(l.references, t->references);
	CHECK((l.reference_bytes > 0) == (t->references > 0));
	CHECK(l.all_references_bytes >= l.reference_bytes);
}

/* What is too large is passed over; what comes behind it may still go. */
static void test_taken(void)
{
	const struct paint_limits l = {0, 2, 100, 150};
	struct paint_reference all[] = {{"a", "", 101, "png"}, {"b", "", 100, "png"},
					{"c", "", 0, "png"},   {"d", "", 51, "png"},
					{"e", "", 50, "png"},  {"f", "", 0, "png"}};
	bool taken[ARRAY_LEN(all)];
	CHECK_INT(paint_references_taken(taken, &l, all, ARRAY_LEN(all)), 2);
	CHECK(!taken[0] && taken[1] && !taken[2] && !taken[3] && taken[4] && !taken[5]);
	CHECK_INT(paint_references_taken(NULL, &l, all, ARRAY_LEN(all)), 2);
	all[5].len = 1; /* room for it there is, but they are two already */
	CHECK_INT(paint_references_taken(NULL, &(struct paint_limits){0, 2, 100, 1000}, all, 6), 2);
	CHECK_INT(paint_references_taken(NULL, &(struct paint_limits){0}, all, 6), 0);
	CHECK_INT(paint_references_taken(NULL, &l, NULL, 0), 0);
}

static size_t prompt_bytes_of(const struct server_settings *s)
{
	struct service *service = NULL;
	struct err err = {0};
	CHECK_INT(service_new(&service, ROLE_IMAGE, s, &err), 0);
	struct exchange x = {.service = service, .aim = AIM_PICTURE, .prompt = xcalloc(1, 9001)};
	memset(x.prompt, 'a', 9000);
	char *cut = wire_prompt(&x);
	size_t len = strlen(cut);
	CHECK_INT(len, service->paint_limits.prompt_bytes);
	free(cut);
	exchange_finish(&x);
	service_drop(service);
	return len;
}

static void test_settings(void)
{
	struct server_settings s = {.preset = provider_preset("openai"), .model = "dall-e-3"};
	CHECK_INT(prompt_bytes_of(&s), 4000);
	s.prompt_bytes = 600;
	CHECK_INT(prompt_bytes_of(&s), 600);
	s.prompt_bytes = 8000; /* whoever knows better */
	CHECK_INT(prompt_bytes_of(&s), 8000);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		test_limit(&limits[i]);
	test_taken();
	test_settings();
	return check_result();
}
