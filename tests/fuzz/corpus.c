// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a fuzz target on files, without a fuzzer: target_corpus FILE...
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		uint8_t *data;
		long size;

		if (!in || fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0) {
			perror(argv[i]);
			return 1;
		}
		rewind(in);
		data = malloc((size_t)size + 1);
		if (!data || fread(data, 1, (size_t)size, in) != (size_t)size) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(data, (size_t)size);
		free(data);
		fclose(in);
	}
	printf("%s: %d inputs\n", argv[0], argc - 1);
	return argc < 2; /* without any, nothing was tried */
}
