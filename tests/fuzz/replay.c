/*
 * replay: runs a fuzz target over its seeds with any compiler, for `make check`.
 *
 *     NAME_replay [-mutants N] FILE…
 *
 * Every file is given to LLVMFuzzerTestOneInput() as it is, then N times with random damage.  The
 * damage comes from a fixed seed: a failing run fails again.  A target that finds something aborts;
 * the input at hand is then in NAME_replay.last, in the directory of the program.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16 };

static int last_input = -1;

static uint32_t random_below(uint32_t limit)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % limit;
}

static size_t read_file(const char *path, uint8_t *out)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(out, 1, INPUT_MAX, file);
	fclose(file);
	return size;
}

static void run(const uint8_t *data, size_t size)
{
	/* A heap copy of the exact size, so that a sanitizer sees a read past the end. */
	uint8_t *copy = malloc(size ? size : 1);

	/* Kept before the run, so that it is there after an abort. */
	if (!copy || pwrite(last_input, data, size, 0) != (ssize_t)size ||
	    ftruncate(last_input, (off_t)size) != 0) {
		perror("replay");
		exit(EXIT_FAILURE);
	}
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* One of: another byte, a bit, a run removed, a run doubled, the end cut. */
static size_t damage(uint8_t *data, size_t size)
{
	static const char favourites[] = "%{}/.:=-+ \0\n\"\\@<>();,\377\200";
	size_t at = random_below((uint32_t)size);
	size_t most = size - at < 64 ? size - at : 64;
	size_t length = 1 + random_below((uint32_t)most);

	switch (random_below(6)) {
	case 0:
		data[at] = (uint8_t)random_below(256);
		return size;
	case 1:
		data[at] = (uint8_t)favourites[random_below(sizeof favourites - 1)];
		return size;
	case 2:
		data[at] ^= (uint8_t)(1u << random_below(8));
		return size;
	case 3:
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	case 4:
		if (size + length > INPUT_MAX)
			return size;
		memmove(data + at + length, data + at, size - at);
		return size + length;
	default:
		return at;
	}
}

static void run_mutants(const uint8_t *seed, size_t seed_size, unsigned long mutants)
{
	static uint8_t data[INPUT_MAX];

	for (unsigned long i = 0; i < mutants; i++) {
		size_t size = seed_size;
		memcpy(data, seed, size);
		for (uint32_t hits = 1 + random_below(4); hits > 0 && size > 0; hits--)
			size = damage(data, size);
		run(data, size);
	}
}

int main(int argc, char **argv)
{
	static uint8_t seed[INPUT_MAX];
	char path[4096];
	unsigned long mutants = 0;
	int first = 1;

	snprintf(path, sizeof path, "%s.last", argv[0]);
	last_input = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (argc > 2 && strcmp(argv[1], "-mutants") == 0) {
		mutants = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	if (first >= argc) {
		fprintf(stderr, "%s: no seeds given\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (int i = first; i < argc; i++) {
		size_t size = read_file(argv[i], seed);
		run(seed, size);
		run_mutants(seed, size, mutants);
	}
	remove(path);
	printf("%s: %d seeds, %lu mutants of each\n",
	    strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], argc - first, mutants);
	return EXIT_SUCCESS;
}
