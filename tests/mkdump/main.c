// SPDX-License-Identifier: GPL-3.0-or-later
// mkdump: a dump from its description (see mkdump.h).
//
//   mkdump DESCRIPTION DUMP        "-" reads the description from standard input
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mkdump.h"

int main(int argc, char **argv)
{
	static char text[4 << 20];
	struct mkdump *m;
	FILE *in;
	size_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: mkdump DESCRIPTION DUMP\n");
		return 2;
	}
	in = strcmp(argv[1], "-") == 0 ? stdin : fopen(argv[1], "r");
	if (!in) {
		perror(argv[1]);
		return 2;
	}
	n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	m = mkdump_parse(text);
	mkdump_write(m, argv[2]);
	mkdump_free(m);
	return 0;
}
