/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "pass.h"

/*
 * A repository in the folder must not take our names for files that were forgotten to be added. Git
 * is told by .git/info/exclude, which is the repository's own and in no commit: a block of ours,
 * put there when the mount begins, and whenever git is about to read the file and it is missing, as
 * a repository may be made in the mount. The folder without the mount reads it, too: it says that
 * the store is no one's either.
 */

#define BEGIN "# bookfs: names of its mount\n"
#define END "# bookfs: end\n"
enum { EXCLUDE_MAX_BYTES = 1 << 20 };

enum pass_git pass_git_of(const struct pass *p, const struct pass_node *folder, const char *name)
{
	if (folder == &p->root)
		return strcmp(name, ".git") ? PASS_NOT_GIT : PASS_GIT;
	if (folder->git == PASS_GIT)
		return strcmp(name, "info") ? PASS_NOT_GIT : PASS_GIT_INFO;
	if (folder->git == PASS_GIT_INFO)
		return strcmp(name, "exclude") ? PASS_NOT_GIT : PASS_GIT_EXCLUDE;
	return PASS_NOT_GIT;
}

static int load(struct buf *out, int info)
{
	int fd = pass_resolve(info, "exclude", O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > EXCLUDE_MAX_BYTES ||
	    buf_reserve(out, (size_t)st.st_size + 1) < 0 ||
	    (n = read(fd, out->data, (size_t)st.st_size)) < 0) {
		close(fd);
		return -EINVAL;
	}
	out->len = (size_t)n;
	out->data[n] = '\0';
	close(fd);
	return 0;
}

/* Complete under another name first: git may be reading it. */
static void replace(int info, const struct buf *text)
{
	static const char temporary[] = "exclude.bookfs";
	int fd = pass_resolve(info, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0644), r;

	if (fd < 0)
		return;
	r = file_write(fd, text->data, text->len);
	close(fd);
	if (r < 0 || renameat(info, temporary, info, "exclude") < 0)
		unlinkat(info, temporary, 0);
}

void pass_git_exclude(struct pass *p, int info)
{
	CLEANUP(buf_finish) struct buf had = {0}, text = {.max_bytes = 2 * EXCLUDE_MAX_BYTES};
	const char *begin, *end;
	int r = load(&had, info);

	if ((r < 0 && r != -ENOENT) || strstr(buf_str(&had), p->git_names))
		return;
	begin = strstr(buf_str(&had), BEGIN);
	end = begin ? strstr(begin, END) : NULL;
	if (end) {
		buf_add(&text, had.data, (size_t)(begin - had.data));
		buf_adds(&text, end + strlen(END));
	} else {
		buf_adds(&text, buf_str(&had));
	}
	if (text.len && text.data[text.len - 1] != '\n')
		buf_addc(&text, '\n');
	buf_adds(&text, p->git_names);
	if (!buf_error(&text))
		replace(info, &text);
}

void pass_git_names(struct pass *p)
{
	CLEANUP(buf_finish) struct buf names = {0};
	struct view_list *ours;
	int git, info;

	buf_adds(&names, BEGIN);
	if (p->store_ino == p->root.ino && p->store_dev == p->root.dev)
		buf_addf(&names, "/%s\n/%s-*\n", p->store_name, p->store_name);
	if (view_list(&ours, p->fs->views, VIEW_ROOT) == 0) {
		for (size_t i = 0; i < ours->len; i++)
			if (pass_is_ours(p, &p->root, ours->items[i].name))
				buf_addf(&names, "/%s\n", ours->items[i].name);
		view_list_free(ours);
	}
	buf_adds(&names, END);
	free(p->git_names);
	p->git_names = buf_steal(&names, NULL);
	git = pass_resolve(p->root.fd, ".git", O_PATH | O_DIRECTORY, 0);
	info = git < 0 ? git : pass_resolve(git, "info", O_PATH | O_DIRECTORY, 0);
	if (info >= 0) {
		pass_git_exclude(p, info);
		close(info);
	}
	if (git >= 0)
		close(git);
}
