/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/root.h"
#include "io/textfile.h"
#include "tree.h"

struct fixture {
	char root[TREE_SIZE];
	char path[PATH_MAX];
	struct loop *loop;
	struct loop_timer *timer;
	struct textfile *textfile;
};

static int make(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	tree_make(fixture->root);
	snprintf(fixture->path, sizeof(fixture->path), "%s/memonline.prom",
		 fixture->root);
	fixture->loop = loop_new();
	fixture->textfile = textfile_new(fixture->loop);
	assert_non_null(fixture->textfile);
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;

	textfile_free(fixture->textfile);
	loop_free(fixture->loop);
	tree_remove(fixture->root);
	free(fixture);
	return 0;
}

static void hand_over(struct fixture *fixture, const char *content)
{
	struct text text = TEXT_INIT;

	text_puts(&text, content);
	textfile_write(fixture->textfile, fixture->path, &text);
	assert_int_equal(text.len, 0);
	text_free(&text);
}

/* What the file has, or "" without one. */
static const char *content_of(const char *path)
{
	static char content[256];
	FILE *in = fopen(path, "r");
	size_t len = in ? fread(content, 1, sizeof(content) - 1, in) : 0;

	content[len] = '\0';
	if (in)
		fclose(in);
	return content;
}

struct wish {
	struct fixture *fixture;
	const char *content;
};

static void look(void *data)
{
	struct wish *wish = data;
	struct fixture *fixture = wish->fixture;

	if (strcmp(content_of(fixture->path), wish->content) == 0)
		loop_quit(fixture->loop);
	else
		loop_timer_arm(fixture->timer, 1);
}

static void wait_for(struct fixture *fixture, const char *content)
{
	struct wish wish = { fixture, content };

	fixture->timer = loop_timer_add(fixture->loop, look, &wish);
	loop_timer_arm(fixture->timer, 1);
	assert_int_equal(loop_run(fixture->loop), 0);
	loop_timer_remove(fixture->timer);
}

static bool is_there(const struct fixture *fixture, const char *suffix)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s%s", fixture->path, suffix);
	return access(path, F_OK) == 0;
}

static void all_may_read_it_and_nothing_else_is_left(void **state)
{
	struct fixture *fixture = *state;
	mode_t mask = umask(0077);
	struct stat info;

	hand_over(fixture, "one 1\n");
	wait_for(fixture, "one 1\n");
	umask(mask);
	assert_int_equal(stat(fixture->path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0644);
	assert_false(is_there(fixture, ".new"));
}

static void the_last_of_many_is_written(void **state)
{
	struct fixture *fixture = *state;
	char content[32];
	unsigned i;

	for (i = 0; i < 100; i++) {
		snprintf(content, sizeof(content), "number %u\n", i);
		hand_over(fixture, content);
	}
	wait_for(fixture, "number 99\n");
}

/* A link that somebody has put there leads nowhere. */
static void a_link_is_not_followed(void **state)
{
	struct fixture *fixture = *state;
	char other[PATH_MAX], link[PATH_MAX + 8];

	tree_puts(fixture->root, "/other", "untouched");
	snprintf(other, sizeof(other), "%s/other", fixture->root);
	snprintf(link, sizeof(link), "%s.new", fixture->path);
	assert_int_equal(symlink(other, link), 0);
	assert_int_equal(symlink(other, fixture->path), 0);
	hand_over(fixture, "one 1\n");
	wait_for(fixture, "one 1\n");
	assert_string_equal(content_of(other), "untouched");
}

static void a_missing_directory_may_come_later(void **state)
{
	struct fixture *fixture = *state;
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s/later", fixture->root);
	snprintf(fixture->path, sizeof(fixture->path), "%s/later/memonline.prom",
		 fixture->root);
	hand_over(fixture, "one 1\n");
	assert_int_equal(mkdir(directory, 0700), 0);
	hand_over(fixture, "two 2\n");
	wait_for(fixture, "two 2\n");
}

/* What was handed over just before the end is in the file. */
static void the_end_waits_for_it(void **state)
{
	struct fixture *fixture = *state;

	hand_over(fixture, "one 1\n");
	textfile_free(fixture->textfile);
	fixture->textfile = NULL;
	assert_string_equal(content_of(fixture->path), "one 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_may_read_it_and_nothing_else_is_left,
						make, end),
		cmocka_unit_test_setup_teardown(the_last_of_many_is_written, make, end),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, make, end),
		cmocka_unit_test_setup_teardown(a_missing_directory_may_come_later, make,
						end),
		cmocka_unit_test_setup_teardown(the_end_waits_for_it, make, end),
	};

	return cmocka_run_group_tests_name("textfile", tests, NULL, NULL);
}
