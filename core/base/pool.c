/* SPDX-License-Identifier: MIT */
#include "pool.h"
#include "thread.h"

struct item {
	struct item *next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct pool {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct item *head, **tail; /* under lock */
	bool ending;		   /* under lock */
	pthread_t *threads;
	int count;
};

/* The next item, or NULL when the pool ends and nothing is left. */
static struct item *next_item(struct pool *p)
{
	struct item *i;

	pthread_mutex_lock(&p->lock);
	while (!p->head && !p->ending)
		pthread_cond_wait(&p->wake, &p->lock);
	i = p->head;
	if (i) {
		p->head = i->next;
		if (!p->head)
			p->tail = &p->head;
	}
	pthread_mutex_unlock(&p->lock);
	return i;
}

static void *pool_thread(void *arg)
{
	struct pool *p = arg;
	struct item *i;

	while ((i = next_item(p))) {
		i->work(i->arg);
		loop_post(p->loop, i->done, i->arg);
		free(i);
	}
	return NULL;
}

int pool_new(struct pool **out, struct loop *loop, int threads)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	int r = 0;

	p->loop = loop;
	p->tail = &p->head;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->threads = xcalloc((size_t)threads, sizeof(*p->threads));
	while (p->count < threads && (r = thread_start(&p->threads[p->count], pool_thread, p)) == 0)
		p->count++;
	if (r < 0) {
		pool_free(p);
		return r;
	}
	*out = p;
	return 0;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
	return NULL;
}

void pool_add(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct item *i = xcalloc(1, sizeof(*i));

	*i = (struct item){.work = work, .done = done, .arg = arg};
	pthread_mutex_lock(&p->lock);
	*p->tail = i;
	p->tail = &i->next;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}
