/* SPDX-License-Identifier: MIT */
/*
 * The protocol of the lock table, for SPIN: holders behind two mounts, two resources, a kill and an
 * override at any moment. What is checked, in every reachable state:
 *
 *	exclusion	a resource never has two holders who were both granted it and not overridden (grant())
 *	fencing		a write that is let through is the present holder's (write())
 *	tokens		each grant's token is larger than every earlier one of its resource (grant())
 *	sets		who waits for a set has nothing of it (ask())
 *	order		nobody is granted what an earlier one waits for (hand_over())
 *	wake-up, circles	nobody waits for ever: SPIN's own "invalid end state"
 *
 * Which code a step stands for. A transaction of core/store/lock*.c is BEGIN IMMEDIATE ... COMMIT, which no other
 * process can come between: an atomic{} here.
 *
 *	ask()		locks_acquire() and locks_wait(): look, take or queue, in one transaction
 *	hand_over()	what every freeing transaction ends with
 *	give_back()	locks_release(), by token
 *	override()	locks_break(), locks_remove() of a stale lock, locks_clear_all()
 *	mount()		the loop of one mount: bell, then the rows of its waiters, then the answers
 *	write()		the check of a write handle's token
 *	reap()		a holder's death, seen by pidfd or at the next look
 *
 * HOLDERS and ROUNDS bound the search; KILL, OVERRIDE and NESTED add what may happen. A FAULT_ name puts one mistake
 * in, and the search must find it: model.py runs them all.
 */

#define RESOURCES 2
#define MOUNTS 2
#define NOBODY HOLDERS

#define MOUNT_OF(h) ((h) % MOUNTS)
#define BIT(r) (1 << (r))
#define FREE(set) (!((set) & taken))

byte owner[RESOURCES];	/* the lock rows */
byte token[RESOURCES];	/* the newest grant's, kept when the row goes */
byte taken;		/* resources that have an owner, as a set */
byte queue[HOLDERS];	/* the waiter rows, in order of arrival */
byte queued;
byte wants[HOLDERS];	/* what a waiter waits for; 0 for none */
bit granted[HOLDERS];	/* its row says so */
bit answered[HOLDERS];	/* its mount has told it */
bit bell[MOUNTS];
bit dead[HOLDERS];

/* What a holder believes, and what is true though nobody can see it. */
byte ticket[HOLDERS * RESOURCES];	/* the token that it was granted */
byte valid[HOLDERS];			/* resources granted and neither given back nor taken away */
#ifdef FAULT_OVERRIDE_KEEPS_TOKEN
bit reuse[RESOURCES];
#endif

#define TICKET(h, r) ticket[(h) * RESOURCES + (r)]

/* Working cells of the transactions; they hold nothing between two. */
hidden byte i, j, r, w, chosen, blocked, awaited, ahead, circle;

inline ring()
{
	d_step { bell[0] = 1; bell[1] = 1 }
}

inline grant(to, what)
{
	r = 0;
	do
	:: r < RESOURCES ->
		if
		:: what & BIT(r) ->
			j = 0;
			do
			:: j < HOLDERS ->
				assert(j == to || !(valid[j] & BIT(r)));	/* exclusion */
				j++
			:: else -> break
			od;
			owner[r] = to;
#ifdef FAULT_OVERRIDE_KEEPS_TOKEN
			token[r] = token[r] + (reuse[r] -> 0 : 1);
			reuse[r] = 0;
#else
			token[r]++;
#endif
			TICKET(to, r) = token[r];
			taken = taken | BIT(r);
			valid[to] = valid[to] | BIT(r)
		:: else
		fi;
		r++
	:: else -> break
	od
}

inline leave_queue(to)
{
	i = 0;
	do
	:: i < queued && queue[i] != to -> i++
	:: else -> break
	od;
	if
	:: i < queued ->
		queued--;
		do
		:: i < queued -> queue[i] = queue[i + 1]; i++
		:: else -> break
		od;
		queue[queued] = 0
	:: else
	fi
}

/* Each waiter in order of arrival whose whole set is free and who is first in every queue of it. Who is dead is passed. */
inline hand_over()
{
	w = 0;
	blocked = 0;
	do
	:: w < queued ->
		chosen = queue[w];
		if
		:: !dead[chosen] && FREE(wants[chosen]) && !(wants[chosen] & blocked) ->
			grant(chosen, wants[chosen]);
			wants[chosen] = 0;
			granted[chosen] = 1;
			leave_queue(chosen)
		:: else ->
			blocked = blocked | (dead[chosen] -> 0 : wants[chosen]);
			w++
		fi
	:: else -> break
	od
}

inline free_one(one)
{
	owner[one] = NOBODY;
	taken = taken & ~BIT(one)
}

/* What those who wait already will have before anybody who asks now. */
inline find_awaited()
{
	awaited = 0;
	i = 0;
	do
	:: i < queued -> awaited = awaited | (dead[queue[i]] -> 0 : wants[queue[i]]); i++
	:: else -> break
	od
}

/* Who, waiting for asked, would wait for itself: from a waiter to the holders of what it wants and to those before it
 * in its queues, and on from these. A way has at most as many steps as there are holders. */
inline find_circle(who, asked)
{
	ahead = 0;
	r = 0;
	do
	:: r < RESOURCES ->
		if
		:: (asked & BIT(r)) && owner[r] != NOBODY -> ahead = ahead | BIT(owner[r])
		:: else
		fi;
		r++
	:: else -> break
	od;
	w = 0;
	do
	:: w < HOLDERS ->
		j = queued;
		blocked = asked;
		do	/* from the last in the queue to the first: blocked is what those behind want, who are in the way */
		:: j > 0 ->
			j--;
			if
			:: wants[queue[j]] & blocked -> ahead = ahead | BIT(queue[j])
			:: else
			fi;
			if
			:: ahead & BIT(queue[j]) ->
				blocked = blocked | wants[queue[j]];
				r = 0;
				do
				:: r < RESOURCES ->
					if
					:: (wants[queue[j]] & BIT(r)) && owner[r] != NOBODY -> ahead = ahead | BIT(owner[r])
					:: else
					fi;
					r++
				:: else -> break
				od
			:: else
			fi
		:: else -> break
		od;
		w++
	:: else -> break
	od;
	circle = (ahead & BIT(who)) != 0 && valid[who]
}

inline answer_all(m)
{
	d_step {
		i = 0;
		do
		:: i < HOLDERS ->
			if
			:: MOUNT_OF(i) == m && granted[i] -> granted[i] = 0; answered[i] = 1
			:: else
			fi;
			i++
		:: else -> break
		od
	}
}

proctype mount(byte m)
{
end:	do
#ifdef FAULT_LOST_WAKE_UP
	:: bell[m] -> answer_all(m); bell[m] = 0
#else
	/* The bell is emptied before the rows are read: a ring in between means another look. */
	:: atomic { bell[m] -> bell[m] = 0 }; answer_all(m)
#endif
	od
}

/* A free set is taken, else the holder queues, or is told EBUSY, or EDEADLK. */
inline ask(who, asked, patient, gained)
{
#ifdef FAULT_NO_RECHECK
	d_step {
		if
		:: free_then ->
#else
	d_step {
		find_awaited();
		if
		:: FREE(asked) && !(asked & awaited) ->
#endif
			grant(who, asked);
			gained = asked
		:: else ->
#ifdef FAULT_SET_IN_PART
			if
			:: (asked & ~taken) -> part = asked & ~taken; grant(who, part)
			:: else -> part = 0
			fi;
#endif
#ifdef FAULT_NO_CIRCLES
			circle = 0;
#else
			find_circle(who, asked);
#endif
			if
			:: patient && !circle ->
				wants[who] = asked;
				queue[queued] = who;
				queued++;
#ifdef FAULT_SET_IN_PART
				wants[who] = asked & ~part;
#endif
				assert(!(valid[who] & asked))	/* sets */
			:: else
			fi
		fi
	}
}

inline give_back(who, asked)
{
	d_step {
		w = 0;
		do
		:: w < RESOURCES ->
			if
#ifdef FAULT_RELEASE_BY_NAME
			:: (asked & BIT(w)) && owner[w] != NOBODY ->
#else
			:: (asked & BIT(w)) && owner[w] == who && token[w] == TICKET(who, w) ->
#endif
				free_one(w)
			:: else
			fi;
			w++
		:: else -> break
		od;
		valid[who] = valid[who] & ~asked;
		TICKET(who, 0) = 0;
		TICKET(who, 1) = 0;
		hand_over()
	}
	ring()
}

inline write(who, one)
{
	d_step {
		if
		:: TICKET(who, one) == token[one] && owner[one] != NOBODY ->
			assert(valid[who] & BIT(one))	/* fencing */
		:: else	-> skip /* ESTALE: nothing is written */
		fi
	}
}

/* A waiter gives up (Ctrl-C, or its time is over, or it was killed) or waits to the end. What was granted just before
 * it gave up is its own, to be given back. */
inline wait_answer(who, asked, gained)
{
	if
	:: atomic {
		wants[who] || granted[who] || answered[who] ->
			if
			:: true
			:: true -> answered[who] || dead[who]	/* decided to wait, however long */
			fi;
			if
			:: wants[who] -> d_step { leave_queue(who); wants[who] = 0; hand_over(); skip }
			:: else -> granted[who] = 0; answered[who] = 0; gained = valid[who] & asked
			fi
		}
		ring()
	:: else
	fi
}

proctype holder(byte h)
{
	byte set, got, more, rounds;
	bit waits;
#ifdef FAULT_NO_RECHECK
	bit free_then;
#endif
#ifdef FAULT_SET_IN_PART
	byte part;
#endif

	do
	:: rounds == ROUNDS -> break
	:: rounds < ROUNDS ->
		atomic {	/* what it asks for is its own affair until it asks */
			rounds++;
			if
			:: dead[h] -> goto done
			:: else
			fi;
			if
			:: set = 1
			:: set = 3
#ifdef NESTED
			:: set = 2
#endif
			fi;
			if
			:: waits = 0
			:: waits = 1
			fi;
#ifdef FAULT_NO_RECHECK
			free_then = FREE(set)	/* looked at outside the transaction that takes */
		}
		atomic {
#endif
			ask(h, set, waits, got)
		}
		wait_answer(h, set, got);
#ifdef NESTED
		if
		:: got == 1 || got == 2 ->	/* asks for the other one with the first in hand */
			ask(h, 3 - got, 1, more);
			wait_answer(h, 3 - set, more)
		:: else
		fi;
#endif
		if
		:: got | more ->
			write(h, ((got & 1) -> 0 : 1));
			give_back(h, (got | more))
		:: else
		fi;
		atomic { set = 0; got = 0; more = 0; waits = 0 }
	od;
done:	skip
}

/* One kill at any moment. The holder's process does nothing after it, which the model need not force: a dead
 * holder's writes are refused once reap() has run, as an overridden one's are. */
proctype kill()
{
	byte h;

	if
	:: h = 0
	:: h = 1
	:: true -> goto done
	fi;
	dead[h] = 1;
	d_step {	/* reap() */
		if
		:: wants[h] -> leave_queue(h); wants[h] = 0
		:: else
		fi;
		w = 0;
		do
		:: w < RESOURCES ->
			if
			:: owner[w] == h -> free_one(w)
			:: else
			fi;
			w++
		:: else -> break
		od;
		valid[h] = 0;
		hand_over()
	}
	ring();
done:	skip
}

/* One override at any moment, of whatever is held then. */
proctype override()
{
	byte res, t;

	if
	:: res = 0
	:: res = 1
	:: true -> goto done
	fi;
	t = token[res];			/* what the person saw */
	d_step {
		if
		:: owner[res] != NOBODY && token[res] == t ->
			valid[owner[res]] = valid[owner[res]] & ~BIT(res);
			free_one(res);
#ifdef FAULT_OVERRIDE_KEEPS_TOKEN
			reuse[res] = 1;
#endif
			hand_over()
		:: else			/* ESTALE */
		fi
	}
	ring();
done:	skip
}

init {
	atomic {
		owner[0] = NOBODY;
		owner[1] = NOBODY;
		run mount(0);
		run mount(1);
		run holder(0);
		run holder(1);
#if HOLDERS > 2
		run holder(2);
#endif
#ifdef KILL
		run kill();
#endif
#ifdef OVERRIDE
		run override();
#endif
		skip
	}
}
