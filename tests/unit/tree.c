/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"

void tree_make(char root[TREE_SIZE])
{
	strcpy(root, "/tmp/memonline-tree-XXXXXX");
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

void tree_remove(const char *root)
{
	char command[TREE_SIZE + 16];

	/* Only ever what tree_make made. */
	assert_memory_equal(root, "/tmp/memonline-tree-", 20);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	assert_int_equal(system(command), 0);
}
