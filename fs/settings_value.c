/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "settings.h"

enum { MICRO = 1000000 };

int value_decimal(int64_t *out, const char *s, int scale)
{
	int64_t n = 0;
	bool point = false;
	int left = scale;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; *s; s++) {
		if (*s == '.' && !point && left > 1 && s[1]) {
			point = true;
			continue;
		}
		if (!isdigit((unsigned char)*s) || (point && left == 1) ||
		    n > (INT64_MAX / scale - 9) / 10)
			return -EINVAL;
		n = n * 10 + (*s - '0');
		left = point ? left / 10 : left;
	}
	*out = n * left;
	return 0;
}

void value_print_decimal(struct buf *out, int64_t n, int scale)
{
	buf_addf(out, "%lld", (long long)(n / scale));
	n %= scale;
	if (n)
		buf_addc(out, '.');
	while (n) {
		scale /= 10;
		buf_addc(out, (char)('0' + n / scale));
		n %= scale;
	}
}

int value_prices(struct prices *out, const char *s)
{
	CLEANUP(cleanup_free) char *copy = xstrdup(s);
	char *rest = copy, *word;
	int64_t n[3];
	size_t count = 0;

	while ((word = strsep(&rest, ":"))) {
		while (isspace((unsigned char)*word))
			word++;
		for (size_t len = strlen(word); len && isspace((unsigned char)word[len - 1]);)
			word[--len] = '\0';
		if (count == ARRAY_LEN(n) || value_decimal(&n[count++], word, MICRO) < 0)
			return -EINVAL;
	}
	*out = count == 1 ? (struct prices){.per_image = n[0]}
			  : (struct prices){n[0], n[1], count == 3 ? n[2] : 0};
	return 0;
}

int value_path(char **out, const char *path, const char *folder)
{
	const char *home = getenv("HOME");
	CLEANUP(cleanup_free) char *here = NULL;

	if (path[0] == '~' && path[1] == '/' && home && home[0] == '/')
		*out = xasprintf("%s%s", home, path + 1);
	else if (path[0] == '/')
		*out = xstrdup(path);
	else if (folder)
		*out = xasprintf("%s/%s", folder, path);
	else if ((here = getcwd(NULL, 0)))
		*out = xasprintf("%s/%s", here, path);
	else
		return -errno;
	return 0;
}
