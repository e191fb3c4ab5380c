/* SPDX-License-Identifier: MIT */
#include "holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A lock must outlive the command that took it and not the editor or agent that ran the command.
 * So what matters is not who asks, but on whose behalf: the process among his ancestors (the
 * anchor) that will be there until the work is done. Nothing says which that is; the rules below
 * are what shells, terminals and agents really do. An agent runs each call as a `bash -c` without a
 * terminal, in a session of its own; a person's commands share a session that has a terminal.
 *
 * What is found for a process is kept with an open descriptor of its /proc/PID/environ. That
 * belongs to the memory of the program that was running then: it reads nothing any more once the
 * process has ended or runs another program. One pread so tells that all that is remembered of a
 * process is still true, and no number that passed to another process can be mistaken.
 */

enum { TREE_DEPTH = 24, SEEN_SLOTS = 64, ENVIRON_BYTES = 128 * 1024 };

/* A process as /proc shows it. */
struct proc {
	pid_t pid, parent, session;
	int terminal;
	unsigned long stack; /* where it began, which is drawn at random; 0: not to be seen */
	char comm[16];
};

struct seen {
	pid_t pid;
	int environ; /* -1: an empty slot */
	char instance[LOCK_INSTANCE_BYTES];
	struct process tree[TREE_DEPTH]; /* itself, its parent, ... */
	int depth;
	struct process anchor; /* pid 0: none */
	bool is_new;	       /* not looked at before this call */
	bool id_is_none;
	bool anchor_carries; /* it has the same id in its environment */
	const char *because;
};

struct holders {
	struct seen *slots[SEEN_SLOTS];
	uint64_t unseen_count;
};

/* ---- /proc */

static int open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

size_t proc_text(char *out, size_t cap, pid_t pid, const char *name)
{
	CLEANUP(cleanup_close) int fd = open_proc(pid, name);
	ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

long proc_field(const char *text, const char *label)
{
	const char *at = strstr(text, label);

	return at ? strtol(at + strlen(label), NULL, 10) : 0;
}

/* proc(5), stat: "pid (comm) state ppid pgrp session tty_nr ..."; startstack is the 28th. */
static bool proc_read(struct proc *out, pid_t pid)
{
	char text[512], *open_mark, *close_mark;
	size_t len;

	if (pid <= 0 || !proc_text(text, sizeof(text), pid, "stat"))
		return false;
	open_mark = strchr(text, '(');
	close_mark = strrchr(text, ')');
	if (!open_mark || !close_mark || close_mark <= open_mark)
		return false;
	*out = (struct proc){.pid = pid};
	if (sscanf(close_mark + 1,
		   " %*c %d %*d %d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %*u %*u %*d %*u %*u %*u %lu",
		   &out->parent, &out->session, &out->terminal, &out->stack) < 3)
		return false;
	len = (size_t)(close_mark - open_mark - 1);
	memcpy(out->comm, open_mark + 1, len < sizeof(out->comm) ? len : sizeof(out->comm) - 1);
	return true;
}

/* Was it killed since it asked? Its parent may be gone with it, and its ancestors others by now.
 * One that waits for our answer dies when it has it (proc(5), status: the signals that are
 * pending). */
static bool is_gone(pid_t pid)
{
	static const char *const labels[] = {"\nSigPnd:", "\nShdPnd:"};
	char status[4096], *at;
	unsigned long long pending = 0;

	if (!proc_text(status, sizeof(status), pid, "status"))
		return kill(pid, 0) < 0 && errno == ESRCH;
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if ((at = strstr(status, labels[i])))
			pending |= strtoull(at + strlen(labels[i]), NULL, 16);
	at = strstr(status, "\nState:\t");
	return pending & (1ULL << (SIGKILL - 1)) || (at && strchr("ZX", at[strlen("\nState:\t")]));
}

/* The value of BOOKFS_INSTANCE in an environment, or "". False: there is one, but it is no id. */
static bool read_instance(char out[LOCK_INSTANCE_BYTES], int fd)
{
	static const char key[] = "BOOKFS_INSTANCE=";
	CLEANUP(buf_finish) struct buf env = {.max_bytes = ENVIRON_BYTES + 4096};
	char part[4096];
	ssize_t n;

	out[0] = '\0';
	while (env.len < ENVIRON_BYTES && (n = pread(fd, part, sizeof(part), (off_t)env.len)) > 0)
		buf_add(&env, part, (size_t)n);
	for (const char *at = buf_str(&env), *end = at + env.len; at < end; at += strlen(at) + 1) {
		if (strncmp(at, key, sizeof(key) - 1) != 0)
			continue;
		at += sizeof(key) - 1;
		if (lock_instance_valid(at))
			snprintf(out, LOCK_INSTANCE_BYTES, "%s", at);
		return *out || !*at;
	}
	return true;
}

static bool carries(pid_t pid, const char *instance)
{
	CLEANUP(cleanup_close) int fd = open_proc(pid, "environ");
	char theirs[LOCK_INSTANCE_BYTES] = "";

	if (fd >= 0)
		read_instance(theirs, fd);
	return !strcmp(theirs, instance);
}

/* ---- the anchor */

/* What runs others' sessions outlives all of them, and its death says nothing of any. */
static bool is_keeper(const struct proc *p)
{
	static const char *const names[] = {
		"init",	   "systemd",	   "(sd-pam)",
		"sshd",	   "sshd-session", "dropbear",
		"cron",	   "crond",	   "atd",
		"login",   "tmux",	   "tmux: server",
		"screen",  "SCREEN",	   "zellij",
		"dtach",   "abduco",	   "mosh-server",
		"dockerd", "containerd",   "containerd-shim",
		"conmon",  "runc",	   "xinetd",
		"inetd",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(p->comm, names[i], sizeof(p->comm) - 1))
			return true;
	return p->pid <= 1;
}

/* What runs one command for somebody, and ends with it. */
static bool is_wrapper(const struct proc *p)
{
	static const char *const names[] = {"sudo",    "doas",	   "su",     "runuser", "timeout",
					    "unshare", "nsenter",  "setsid", "script",	"flock",
					    "xargs",   "find",	   "strace", "ltrace",	"time",
					    "watch",   "parallel", "bookfs"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(p->comm, names[i]))
			return true;
	return false;
}

enum shell { SHELL_NONE, SHELL_STAYS, SHELL_COMMAND };

/* `bash -c '...'` ends with the command it was given; others run one after another. */
static enum shell shell_kind(const struct proc *p)
{
	static const char *const shells[] = {"sh",  "bash", "dash", "zsh",    "ksh",
					     "ash", "fish", "mksh", "busybox"};
	char line[512];
	size_t len = proc_text(line, sizeof(line), p->pid, "cmdline");
	const char *name = strrchr(line, '/');
	bool shell = false;

	name = name ? name + 1 : line + (line[0] == '-');
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		shell = shell || !strcmp(name, shells[i]);
	if (!shell)
		return SHELL_NONE;
	/* Options come first: -c, -lc, -ec. */
	for (const char *at = line + strlen(line) + 1; at < line + len; at += strlen(at) + 1) {
		if (at[0] != '-' || at[1] == '\0')
			break;
		if (at[1] != '-' && strchr(at, 'c'))
			return SHELL_COMMAND;
	}
	return SHELL_STAYS;
}

static bool is_detached_leader(const struct proc *p, const struct proc *caller)
{
	return p->pid == caller->session && p->terminal == 0;
}

struct tree {
	struct proc procs[TREE_DEPTH];
	int depth;
};

/* Who is in a session that is neither his own nor his parent's has lost the parent he had: that one
 * only reaps him, and his death or life says nothing. */
static bool is_orphan(const struct proc *p, const struct proc *parent)
{
	return p->session != p->pid && p->session != parent->session;
}

static void tree_read(struct tree *t, pid_t pid)
{
	struct proc *p = t->procs;

	t->depth = 0;
	for (; t->depth < TREE_DEPTH && proc_read(p, pid); p++, t->depth++) {
		if (t->depth && is_orphan(p - 1, p))
			return;
		pid = p->parent;
	}
}

/* The first from `at` on that outlives the command; 0: none does, as far as can be told. */
static pid_t first_that_stays(const struct tree *t, int at, bool skip_leader)
{
	for (; at < t->depth && !is_keeper(&t->procs[at]); at++) {
		const struct proc *p = &t->procs[at];

		if (!is_wrapper(p) && shell_kind(p) != SHELL_COMMAND &&
		    !(skip_leader && is_detached_leader(p, &t->procs[0])))
			return p->pid;
	}
	return 0;
}

/*
 * Whoever asks is a command that ends, but for a shell that runs a builtin: it opens the file of
 * `echo ... > locks/R` itself. For other commands it forks, and the child opens their files before
 * it becomes them; that child has its stack where its parent has it.
 */
static int first_candidate(const struct tree *t)
{
	const struct proc *p = t->procs;
	bool forked = t->depth > 1 && p[0].stack && p[0].stack == p[1].stack;

	return !forked && shell_kind(&p[0]) == SHELL_STAYS ? 0 : 1;
}

static pid_t anchor_of_instance(const struct tree *t, const char *instance, const char **because)
{
	int top = 0;
	pid_t pid;

	for (int i = 1; i < t->depth; i++)
		if (carries(t->procs[i].pid, instance))
			top = i;
	pid = first_that_stays(t, top ? top : first_candidate(t), false);
	*because = top && pid == t->procs[top].pid
			   ? "the topmost ancestor with this BOOKFS_INSTANCE"
			   : "the first ancestor that outlives the command with this "
			     "BOOKFS_INSTANCE";
	return pid;
}

static pid_t anchor_of_session(const struct tree *t, const char **because)
{
	const struct proc *caller = &t->procs[0];
	struct proc leader;

	*because = "the leader of the terminal's session";
	if (caller->terminal && proc_read(&leader, caller->session) && leader.terminal &&
	    leader.session == leader.pid && !is_keeper(&leader))
		return leader.pid;
	*because = "the first ancestor that outlives the command";
	return first_that_stays(t, first_candidate(t), true);
}

static void choose_anchor(struct seen *s, const struct tree *t)
{
	pid_t pid = s->instance[0] ? anchor_of_instance(t, s->instance, &s->because)
				   : anchor_of_session(t, &s->because);

	s->anchor_carries = s->instance[0] && pid && carries(pid, s->instance);
	if (pid && process_find(&s->anchor, pid) == 0)
		return;
	s->anchor = (struct process){0};
	s->because = "no ancestor outlives the command: the lock is held for its ttl";
}

/* ---- remembering */

static struct seen *seen_free(struct seen *s)
{
	if (s && s->environ >= 0)
		close(s->environ);
	free(s);
	return NULL;
}

static bool is_still(const struct seen *s, pid_t pid)
{
	char byte;

	return s && s->pid == pid && pread(s->environ, &byte, 1, 0) == 1;
}

static void look(struct seen *s, pid_t pid)
{
	struct tree t;
	char status[4096];

	*s = (struct seen){.pid = pid, .environ = open_proc(pid, "environ"), .is_new = true};
	if (s->environ >= 0)
		s->id_is_none = !read_instance(s->instance, s->environ);
	/* The kernel names threads. */
	proc_text(status, sizeof(status), pid, "status");
	tree_read(&t, (pid_t)proc_field(status, "\nTgid:"));
	for (int i = 0; i < t.depth; i++)
		if (process_find(&s->tree[s->depth], t.procs[i].pid) == 0)
			s->depth++;
	if (t.depth)
		choose_anchor(s, &t);
}

/* Borrowed until the next call. NULL: it cannot be seen. */
static const struct seen *seen_find(struct holders *h, pid_t pid)
{
	struct seen **slot = &h->slots[(unsigned)pid % SEEN_SLOTS];

	if (pid <= 0)
		return NULL;
	if (is_still(*slot, pid)) {
		(*slot)->is_new = false;
		return *slot;
	}
	*slot = seen_free(*slot);
	*slot = xcalloc(1, sizeof(**slot));
	look(*slot, pid);
	if ((*slot)->depth)
		return *slot;
	*slot = seen_free(*slot);
	return NULL;
}

struct holders *holders_new(void)
{
	return xcalloc(1, sizeof(struct holders));
}

struct holders *holders_free(struct holders *h)
{
	for (size_t i = 0; h && i < SEEN_SLOTS; i++)
		seen_free(h->slots[i]);
	free(h);
	return NULL;
}

/* ---- pid= */

/* What /proc/PID/status says of a process in the innermost of its pid namespaces. */
struct inner {
	int levels;
	pid_t pid;
	uid_t uid;
};

static bool inner_read(struct inner *out, pid_t pid)
{
	char status[4096], *at;

	*out = (struct inner){0};
	if (!proc_text(status, sizeof(status), pid, "status") || !(at = strstr(status, "\nNSpid:")))
		return false;
	for (at += strlen("\nNSpid:"); *at && *at != '\n'; out->levels++)
		out->pid = (pid_t)strtol(at, &at, 10);
	at = strstr(status, "\nUid:");
	if (!at || sscanf(at, "\nUid: %*u %u", &out->uid) != 1)
		return false;
	return out->levels > 0;
}

static bool same_namespace(pid_t a, pid_t b)
{
	char path[64];
	struct stat sa, sb;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)a);
	if (stat(path, &sa) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)b);
	return stat(path, &sb) == 0 && sa.st_ino == sb.st_ino;
}

/* The process that the caller calls `number`, in our numbers; 0: there is none. */
static pid_t translate(pid_t caller, pid_t number)
{
	struct inner of, mine;
	pid_t found = 0;
	DIR *d;

	if (!inner_read(&mine, caller) || mine.levels == 1)
		return number;
	d = opendir("/proc");
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && inner_read(&of, pid) && of.levels == mine.levels &&
		    of.pid == number && same_namespace(pid, caller))
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

static int find_written_anchor(struct process *out, pid_t caller, uid_t uid, pid_t number,
			       struct err *err)
{
	struct inner of;
	pid_t pid = caller > 0 ? translate(caller, number) : 0;

	if (caller <= 0)
		return err_set(err, -ESRCH, "pid=%d: your processes cannot be seen from the mount",
			       (int)number);
	if (!pid || !inner_read(&of, pid) || process_find(out, pid) < 0)
		return err_set(err, -ESRCH, "pid=%d: there is no such process", (int)number);
	if (of.uid != uid && uid != 0)
		return err_set(err, -EPERM, "pid=%d: another user's process", (int)number);
	return 0;
}

/* ---- who it is */

static bool may_be(const struct lock_holder *h, uid_t uid)
{
	return h->uid == uid || uid == 0;
}

/* The holder whose anchor is nearest above a process. */
struct above {
	const struct seen *seen;
	uid_t uid;
	int distance; /* to the nearest so far; -1: none */
	struct lock_holder *out;
};

static int look_above(void *arg, const struct lock *k)
{
	struct above *a = arg;
	int most = a->distance < 0 ? a->seen->depth : a->distance;

	for (int i = 0; k->holder.anchor.pid && i < most && may_be(&k->holder, a->uid); i++)
		if (process_is(&k->holder.anchor, &a->seen->tree[i])) {
			*a->out = k->holder;
			a->distance = i;
			break;
		}
	return 0;
}

/* Who only waits is not asked about: what he is called follows from the other rules. */
static bool find_above(struct lock_holder *out, const struct seen *s, struct locks *l, uid_t uid)
{
	struct above a = {.seen = s, .uid = uid, .distance = -1, .out = out};

	if (l && s)
		locks_each(l, look_above, &a);
	return a.distance >= 0;
}

/* Named after its anchor, so that all that has the same anchor is the same holder. Without one
 * nobody else may be taken for it: its number soon passes to another. */
static void name_new(struct holder *out, struct holders *h, const struct seen *s)
{
	char *name = out->as.instance;
	size_t size = sizeof(out->as.instance);

	out->rule = HOLDER_NEW;
	if (out->as.anchor.pid)
		snprintf(name, size, "sh-%d", (int)out->as.anchor.pid);
	else if (s)
		snprintf(name, size, "sh-%d-%llu-%llu", (int)s->tree[0].pid,
			 (unsigned long long)s->tree[0].pid_namespace,
			 (unsigned long long)s->tree[0].start_ticks);
	else
		snprintf(name, size, "sh-unseen-%d-%llu-%llu", (int)getpid(),
			 (unsigned long long)clock_mono_us(),
			 (unsigned long long)++h->unseen_count);
}

int holder_find(struct holder *out, struct holders *h, struct locks *l, pid_t pid, uid_t uid,
		const char *id, pid_t anchor_pid, struct err *err)
{
	const struct seen *s = seen_find(h, pid);
	struct holder found = {.as = {.uid = uid},
			       .because = "your processes cannot be seen from "
					  "the mount: the lock is held for its "
					  "ttl"};
	int r = 0;

	if (pid > 0 && (!s || s->is_new) && is_gone(pid))
		return err_set(err, -ESRCH, "process %d, which asked, is gone", (int)pid);
	if (s) {
		found.as.anchor = s->anchor;
		found.because = s->because;
		found.id_is_none = s->id_is_none;
	}
	if (anchor_pid) {
		r = find_written_anchor(&found.as.anchor, pid, uid, anchor_pid, err);
		found.because = "pid= was written";
	}
	if (r < 0)
		return r;
	if (id && *id) {
		found.rule = HOLDER_WRITTEN;
		snprintf(found.as.instance, sizeof(found.as.instance), "%s", id);
	} else if (s && s->instance[0]) {
		found.rule = HOLDER_ENVIRONMENT;
		memcpy(found.as.instance, s->instance, sizeof(found.as.instance));
	} else if (!anchor_pid && find_above(&found.as, s, l, uid)) {
		found.rule = HOLDER_ANCESTOR;
		found.because = "an ancestor of yours is this holder's process";
	} else {
		name_new(&found, h, s);
	}
	*out = found;
	return 0;
}

bool holder_is_above(struct holders *h, const struct lock_holder *of, pid_t pid, uid_t uid)
{
	const struct seen *s = seen_find(h, pid);

	if (!s || !may_be(of, uid))
		return false;
	/* Who has an id of his own is not all that his ancestors are, nor those beside him that
	 * have the same. */
	if (process_is(&of->anchor, &s->anchor) && (!s->instance[0] || s->anchor_carries))
		return true;
	for (int i = 0; !s->instance[0] && i < s->depth; i++)
		if (process_is(&of->anchor, &s->tree[i]))
			return true;
	return false;
}
