/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"

void tree_make(char root[TREE_SIZE])
{
	snprintf(root, TREE_SIZE, "/tmp/memonline-tree-XXXXXX");
	assert_non_null(mkdtemp(root));
}

void tree_put(const char *root, const char *path, const void *bytes, unsigned long len)
{
	char full[512], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

void tree_puts(const char *root, const char *path, const char *text)
{
	tree_put(root, path, text, strlen(text));
}

static int remove_one(const char *path, const struct stat *status, int kind,
		      struct FTW *scope)
{
	(void)status;
	(void)kind;
	(void)scope;
	return remove(path);
}

void tree_remove(const char *root)
{
	/* Only ever what tree_make made. */
	assert_memory_equal(root, "/tmp/memonline-tree-", 20);
	assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
