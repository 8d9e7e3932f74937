/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs a fuzzer's entry once for every file that is given, and for every file in a directory
 * that is given. Without arguments, as `make check` calls it, replay-NAME or fuzz_NAME takes
 * the directory $srcdir/tests/data/fuzz/NAME. Finding no file at all is a failure.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096
#define INPUT_SIZE (8UL * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

/* In memory of its exact size, so that reading beyond it is found. */
static int run_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		return complain("malloc");
	memcpy(exact, bytes, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 1;
}

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	int r = -1;

	if (!file)
		return complain(path);
	bytes = malloc(INPUT_SIZE);
	if (bytes)
		r = run_bytes(bytes, fread(bytes, 1, INPUT_SIZE, file));
	free(bytes);
	fclose(file);
	return r;
}

static int run_entry(const char *directory, const char *name)
{
	char path[PATH_SIZE];

	if (name[0] == '.')
		return 0;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return run_file(path);
}

static int run_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int r = 0, count = 0;

	if (!directory)
		return complain(path);
	while (r >= 0 && (entry = readdir(directory))) {
		r = run_entry(path, entry->d_name);
		count += r > 0;
	}
	closedir(directory);
	return r < 0 ? r : count;
}

/* How many inputs were run, or -1 where one could not be read. */
static int run(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return complain(path);
	return S_ISDIR(info.st_mode) ? run_directory(path) : run_file(path);
}

static int run_default(const char *program)
{
	const char *source = getenv("srcdir");
	const char *name = program + strlen(program);
	char path[PATH_SIZE];

	while (name > program && !strchr("-_/", name[-1]))
		name--;
	snprintf(path, sizeof(path), "%s/tests/data/fuzz/%s", source ? source : ".",
		 name);
	return run(path);
}

int main(int argc, char **argv)
{
	int i, r = 0, count = 0;

	if (argc == 1)
		count = r = run_default(argv[0]);
	for (i = 1; i < argc && r >= 0; i++) {
		r = run(argv[i]);
		count += r > 0 ? r : 0;
	}
	if (r < 0 || count == 0)
		return EXIT_FAILURE;
	printf("%d inputs\n", count);
	return EXIT_SUCCESS;
}
