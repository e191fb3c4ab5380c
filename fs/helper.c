/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "fs.h"

/*
 * inotify reports what is done through the mount and nothing that the daemon changes by itself. So
 * that watchers see a result arrive, a process makes a hidden name beside it and renames it to the
 * result's: create, close_write, moved_to. It is a process and not a thread, as a thread that is
 * killed within its own mount would keep the mount hanging (fuse.md, "Telling the kernel").
 *
 * The daemon asks for one name at a time and never waits for an answer. It plays its part only for
 * this process, only for that name, and only while the name leads to what was announced: the
 * hidden name exists from its creation to its rename, the result's own does not until then. The
 * entry that the rename leaves behind is never believed again (its timeout is 0), so the next
 * look-up finds the real node.
 */

enum { MESSAGE_BYTES = 8192 };

/* ---- the process */

struct request {
	dev_t device; /* of the mount: another one in its place is left alone */
	enum helper_act act;
	char strings[MESSAGE_BYTES]; /* the folder's absolute path, the hidden name, the name */
};

static void act(const struct request *r, const char *folder, const char *hidden, const char *name)
{
	CLEANUP(cleanup_close) int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int fd;

	if (dir < 0 || fstat(dir, &st) < 0 || st.st_dev != r->device)
		return;
	if (r->act == HELPER_UNLINK) {
		unlinkat(dir, name, 0);
		return;
	}
	if (r->act == HELPER_TOUCH) {
		fchownat(dir, hidden, (uid_t)-1, (gid_t)-1, AT_SYMLINK_NOFOLLOW);
		return;
	}
	fd = openat(dir, r->act == HELPER_RENAME ? hidden : name,
		    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
	if (fd < 0)
		return;
	close(fd);
	if (r->act == HELPER_RENAME)
		renameat(dir, hidden, dir, name);
}

static void serve(int fd)
{
	struct request r;

	while (recv(fd, &r, sizeof(r), 0) > 0) {
		const char *folder = r.strings, *hidden = folder + strlen(folder) + 1;

		act(&r, folder, hidden, hidden + strlen(hidden) + 1);
		if (send(fd, "", 1, MSG_NOSIGNAL) < 0)
			return;
	}
}

/* Nothing of the daemon stays open here: not the pipe its parent waits on, not the terminal. */
static void become_helper(int fd)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP};
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "bookfs-helper");
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(null, i);
	dup2(fd, STDERR_FILENO + 1);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	if (chdir("/") == 0)
		serve(STDERR_FILENO + 1);
	_exit(0);
}

int helper_fork(struct helper_process *out, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, -errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (pid == 0)
		become_helper(fds[1]);
	close(fds[1]);
	*out = (struct helper_process){.pid = pid, .fd = fds[0]};
	return 0;
}

/* ---- the daemon's side */

struct announcement {
	struct link link;
	enum helper_act act;
	bool (*still)(void *arg, const char *name); /* NULL: the name leads to node */
	void *arg;
	void (*done)(void *arg, uint64_t node);
	uint64_t folder, node;
	unsigned number;
	char hidden[32], name[NAME_BYTES];
};

struct helper {
	struct fs *fs;
	struct helper_process process; /* pid 0: it is gone */
	struct watch *watch;
	struct link waiting;
	struct announcement *current;
	bool created; /* the hidden name of the current one */
	unsigned numbers;
};

static void finish_current(struct helper *h)
{
	struct announcement *a = h->current;

	h->current = NULL;
	h->created = false;
	if (a && a->done)
		a->done(a->arg, a->node);
	free(a);
}

/* Does the name still lead to what was announced? */
static bool still_true(const struct helper *h, const struct announcement *a)
{
	struct view_attr attr;

	if (a->act == HELPER_TOUCH)
		return true;
	if (a->still)
		return a->still(a->arg, a->name);
	return view_lookup(&attr, h->fs->views, a->folder, a->name) == 0 && attr.node == a->node;
}

static int add_string(struct request *r, size_t *len, const char *s)
{
	size_t n = strlen(s) + 1;

	if (sizeof(r->strings) - *len < n)
		return -ENAMETOOLONG;
	memcpy(r->strings + *len, s, n);
	*len += n;
	return 0;
}

static int ask(struct helper *h, const struct announcement *a)
{
	struct request r = {.device = makedev(h->fs->major, h->fs->minor), .act = a->act};
	CLEANUP(buf_finish) struct buf path = {0};
	struct view_attr folder;
	size_t len = 0;

	buf_addf(&path, "%s/", h->fs->options->dir);
	if (view_attr(&folder, h->fs->views, a->folder) < 0 ||
	    node_path(&path, h->fs, folder.ino) < 0 || add_string(&r, &len, buf_str(&path)) < 0 ||
	    add_string(&r, &len, a->hidden) < 0 || add_string(&r, &len, a->name) < 0)
		return -ENAMETOOLONG;
	len += offsetof(struct request, strings);
	return send(h->process.fd, &r, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static struct announcement *next_waiting(struct helper *h)
{
	struct announcement *a = LINK_OWNER(h->waiting.next, struct announcement, link);

	ring_remove(&a->link);
	return a;
}

static void ask_next(struct helper *h)
{
	while (!h->current && !ring_empty(&h->waiting)) {
		h->current = next_waiting(h);
		if (!still_true(h, h->current) || ask(h, h->current) < 0)
			finish_current(h);
	}
}

static void forget_all(struct helper *h)
{
	finish_current(h);
	while (!ring_empty(&h->waiting)) {
		h->current = next_waiting(h);
		finish_current(h);
	}
}

static void gone(struct helper *h)
{
	log_warn("the helper process ended: watchers of the mount see no more names arrive");
	/* Its end of the socket is closed as the last thing but one: this waits for no request. */
	waitpid(h->process.pid, NULL, 0);
	h->process.pid = 0;
	h->watch = watch_free(h->watch);
	forget_all(h);
}

static void on_answer(void *arg, uint32_t revents)
{
	struct helper *h = arg;
	char byte;
	ssize_t n = recv(h->process.fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		gone(h);
	} else if (n > 0) {
		finish_current(h);
		ask_next(h);
	}
}

int helper_new(struct helper **out, struct fs *fs, struct helper_process process)
{
	struct helper *h = xcalloc(1, sizeof(*h));
	int r;

	*h = (struct helper){.fs = fs, .process = process};
	ring_init(&h->waiting);
	r = loop_watch(&h->watch, fs->loop, process.fd, EPOLLIN, on_answer, h);
	if (r < 0) {
		free(h);
		return r;
	}
	*out = h;
	return 0;
}

/* It ends by the end of its socket. */
struct helper *helper_free(struct helper *h)
{
	if (!h)
		return NULL;
	watch_free(h->watch);
	free(h->current);
	while (!ring_empty(&h->waiting))
		free(next_waiting(h));
	close(h->process.fd);
	free(h);
	return NULL;
}

static void add(struct helper *h, const struct announcement *what, const char *name)
{
	struct announcement *a;

	if (!h->process.pid) {
		if (what->done)
			what->done(what->arg, what->node);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = *what;
	a->number = OWN_TEMPORARY_FIRST + h->numbers++ % (OWN_TEMPORARY_LAST - OWN_TEMPORARY_FIRST);
	snprintf(a->hidden, sizeof(a->hidden), ".arriving-%u", a->number);
	snprintf(a->name, sizeof(a->name), "%s", name);
	ring_add(&h->waiting, &a->link);
	ask_next(h);
}

void helper_announce(struct helper *h, const struct view_change *c)
{
	const struct announcement a = {.folder = c->folder, .node = c->node};

	add(h, &a, c->name);
}

void helper_show(struct helper *h, enum helper_act act, uint64_t folder, const char *name,
		 bool (*still)(void *arg, const char *name), void *arg)
{
	const struct announcement a = {.act = act, .still = still, .arg = arg, .folder = folder};

	add(h, &a, name);
}

static bool is_hidden(const struct helper *h, uint64_t folder, const char *name)
{
	return folder == h->current->folder && !strcmp(name, h->current->hidden);
}

void helper_touch(struct helper *h, uint64_t node, void (*done)(void *arg, uint64_t node),
		  void *arg)
{
	const struct announcement a = {.act = HELPER_TOUCH,
				       .done = done,
				       .arg = arg,
				       .folder = h->fs->control_folder,
				       .node = node};

	add(h, &a, "");
}

uint64_t helper_touches(const struct helper *h, uint64_t folder, const char *name)
{
	return h->current && h->current->act == HELPER_TOUCH && is_hidden(h, folder, name)
		       ? h->current->node
		       : 0;
}

bool helper_is_there(const struct helper *h)
{
	return h->process.pid != 0;
}

bool helper_has_pid(const struct helper *h, pid_t pid)
{
	return h->current && h->process.pid && pid == h->process.pid;
}

bool helper_is(const struct helper *h, fuse_req_t req)
{
	return helper_has_pid(h, fuse_req_ctx(req)->pid);
}

static bool is_name(const struct helper *h, uint64_t folder, const char *name)
{
	return folder == h->current->folder && !strcmp(name, h->current->name);
}

int helper_lookup(struct view_attr *out, struct helper *h, uint64_t folder, const char *name)
{
	if (is_hidden(h, folder, name) && h->created)
		return node_attr(out, h->fs, NODE_OWN(h->current->number));
	if (is_name(h, folder, name) && still_true(h, h->current))
		return -ENOENT;
	return node_lookup(out, h->fs, folder, name);
}

int helper_create(struct view_attr *out, struct helper *h, uint64_t folder, const char *name)
{
	if (!is_hidden(h, folder, name) || h->created || !still_true(h, h->current))
		return -EROFS;
	h->created = true;
	return node_attr(out, h->fs, NODE_OWN(h->current->number));
}

int helper_rename(struct helper *h, uint64_t folder, const char *name, uint64_t to_folder,
		  const char *to_name)
{
	if (!h->created || !is_hidden(h, folder, name) || !is_name(h, to_folder, to_name) ||
	    !still_true(h, h->current))
		return -EROFS;
	h->created = false;
	return 0;
}

/* ---- names that are shown as they are: created, unlinked */

static bool is_shown(const struct helper *h, fuse_req_t req, enum helper_act act, uint64_t folder,
		     const char *name)
{
	return helper_is(h, req) && h->current->act == act && is_name(h, folder, name) &&
	       still_true(h, h->current);
}

static void shown_entry(struct fuse_entry_param *e, struct helper *h)
{
	struct view_attr attr;

	node_attr(&attr, h->fs, NODE_OWN(h->current->number));
	node_entry(e, h->fs, &attr);
	e->entry_timeout = e->attr_timeout = 0;
}

bool helper_lookup_shown(struct fuse_entry_param *e, struct helper *h, fuse_req_t req,
			 uint64_t folder, const char *name)
{
	if (is_shown(h, req, HELPER_UNLINK, folder, name)) {
		shown_entry(e, h);
		return true;
	}
	*e = (struct fuse_entry_param){0};
	return is_shown(h, req, HELPER_CREATE, folder, name);
}

bool helper_create_shown(struct fuse_entry_param *e, struct helper *h, fuse_req_t req,
			 uint64_t folder, const char *name)
{
	if (!is_shown(h, req, HELPER_CREATE, folder, name))
		return false;
	shown_entry(e, h);
	return true;
}

bool helper_unlink_shown(struct helper *h, fuse_req_t req, uint64_t folder, const char *name)
{
	return is_shown(h, req, HELPER_UNLINK, folder, name);
}
