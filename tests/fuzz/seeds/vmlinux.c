// SPDX-License-Identifier: GPL-3.0-or-later
// What the seeds of fuzz_vmlinux are made of: a bit of each kind of thing that a kernel's debugging information has.
typedef const volatile struct inner inner_t;

struct inner {
	union u {
		int a;
		struct {
			long b[3];
		};
	} array[2][4];
	unsigned bits : 3, more : 5;
};

enum order { FIRST = -1, SECOND = 77 };

struct outer {
	struct outer *next;
	struct {
		inner_t nested;
		enum order c;
	};
	char a[];
};

static inline __attribute__((always_inline)) int inlined(const struct outer *o, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		int here = o->nested.array[i & 1][i & 3].a;

		sum += here;
	}
	return sum;
}

int first(struct outer *o, int n);
int second(struct outer *o);

__attribute__((noinline)) int first(struct outer *o, int n)
{
	char room[n];

	room[n / 2] = (char)inlined(o, n);
	return second(o->next) + room[n / 2];
}

int second(struct outer *o)
{
	return o->c == SECOND ? first(o, 3) : inlined(o, 2);
}
