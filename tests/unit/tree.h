/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_TREE_H
#define MEMONLINE_TREE_H

/* A directory in /tmp that stands for /: what root_open takes. Its failures are the test's. */

#define TREE_SIZE 64

void tree_make(char root[TREE_SIZE]);
/* Writes a file, with the directories above it. */
void tree_put(const char *root, const char *path, const void *bytes, unsigned long len);
void tree_puts(const char *root, const char *path, const char *text);
void tree_remove(const char *root);

#endif
