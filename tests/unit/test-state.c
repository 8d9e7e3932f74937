/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/lockfile.h"
#include "io/state.h"
#include "tree.h"

#define BYTES 10000
#define GROWN 20000

static void path_of(char path[PATH_MAX], const char *root, const char *name)
{
	snprintf(path, PATH_MAX, "%s/run/memonline/%s", root, name);
}

/* What the next process finds. */
static void expect_found(const char *root, const char *text)
{
	struct state *next = state_open_copy(root, "state", BYTES);

	assert_non_null(next);
	assert_string_equal((char *)state_memory(next) + 5000, text);
	state_close(next);
}

static void put(struct state *state, const char *text, int expected)
{
	char *place = (char *)state_memory(state) + 5000;

	memcpy(place, text, strlen(text) + 1);
	assert_int_equal(state_store(state, place, strlen(text) + 1), expected);
}

static void overwrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void what_is_stored_is_found_again(void **state)
{
	char root[TREE_SIZE], path[PATH_MAX];
	struct state *kept;
	struct stat status;

	(void)state;
	tree_make(root);
	kept = state_open(root, "state", BYTES);
	assert_non_null(kept);
	put(kept, "one", 0);
	expect_found(root, "one");
	assert_int_equal(state_keep(kept, root, "state"), 0);
	path_of(path, root, "state");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, BYTES + 8);
	assert_int_equal(status.st_mode & 0777, 0600);
	state_close(kept);
	tree_remove(root);
}

/* No signal, and nothing is stored behind what is missing. */
static void a_shortened_file_is_written_again_as_a_whole(void **state)
{
	char root[TREE_SIZE], path[PATH_MAX];
	struct state *kept;

	(void)state;
	tree_make(root);
	path_of(path, root, "state");
	kept = state_open(root, "state", BYTES);
	put(kept, "one", 0);
	assert_int_equal(truncate(path, 5004), 0);
	assert_false(state_is_whole(kept));
	/* Nothing rather than half of it. */
	expect_found(root, "");
	put(kept, "two", -ENODATA);
	put(kept, "three", 0);
	expect_found(root, "");
	assert_int_equal(state_keep(kept, root, "state"), 1);
	assert_true(state_is_whole(kept));
	expect_found(root, "three");
	put(kept, "four", 0);
	expect_found(root, "four");
	state_close(kept);
	tree_remove(root);
}

/* Nobody has it open: what is left of it is not taken for all that was stored. */
static void a_file_that_was_cut_is_a_new_start(void **state)
{
	const off_t sizes[] = { BYTES + 7, BYTES, 5004, 8, 7, 1, 0 };
	char root[TREE_SIZE], path[PATH_MAX];
	size_t i;

	(void)state;
	tree_make(root);
	path_of(path, root, "state");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct state *kept = state_open(root, "state", BYTES);

		put(kept, "one", 0);
		state_close(kept);
		expect_found(root, "one");
		assert_int_equal(truncate(path, sizes[i]), 0);
		expect_found(root, "");
		kept = state_open(root, "state", BYTES);
		assert_int_equal(*((char *)state_memory(kept) + 5000), 0);
		state_close(kept);
	}
	tree_remove(root);
}

/* More blocks than at the last start: what was the end is the owner's, and zero. */
static void a_file_grows_and_stays_large(void **state)
{
	char root[TREE_SIZE], path[PATH_MAX];
	const char *memory;
	struct state *kept;
	struct stat status;
	size_t i;

	(void)state;
	tree_make(root);
	path_of(path, root, "state");
	kept = state_open(root, "state", BYTES);
	put(kept, "one", 0);
	state_close(kept);
	kept = state_open_copy(root, "state", GROWN);
	assert_int_equal(state_bytes(kept), GROWN);
	memory = state_memory(kept);
	assert_string_equal(memory + 5000, "one");
	for (i = BYTES; i < GROWN; i++)
		assert_int_equal(memory[i], 0);
	state_close(kept);
	for (i = 0; i < 3; i++) {
		kept = state_open(root, "state", i == 1 ? BYTES : GROWN);
		assert_int_equal(state_bytes(kept), GROWN);
		memory = state_memory(kept);
		assert_string_equal(memory + 5000, "one");
		assert_int_equal(memory[BYTES], 0);
		assert_int_equal(memory[BYTES + 7], 0);
		assert_true(state_is_whole(kept));
		state_close(kept);
	}
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, GROWN + 8);
	expect_found(root, "one");
	tree_remove(root);
}

/* Overwritten, and no room for another one: the next process finds nothing rather than half of it. */
static void a_damaged_file_that_cannot_be_written_again_is_emptied(void **state)
{
	char root[TREE_SIZE], path[PATH_MAX], path_new[PATH_MAX];
	struct state *kept;

	(void)state;
	tree_make(root);
	path_of(path, root, "state");
	path_of(path_new, root, "state.new");
	kept = state_open(root, "state", BYTES);
	put(kept, "one", 0);
	overwrite(path, "?");
	assert_int_equal(mkdir(path_new, 0700), 0);
	assert_int_equal(state_keep(kept, root, "state"), -EEXIST);
	expect_found(root, "");
	put(kept, "two", 0);
	expect_found(root, "");
	assert_int_equal(rmdir(path_new), 0);
	assert_int_equal(state_keep(kept, root, "state"), 1);
	expect_found(root, "two");
	state_close(kept);
	tree_remove(root);
}

static void a_removed_file_comes_back_and_a_foreign_one_stays(void **state)
{
	char root[TREE_SIZE], path[PATH_MAX];
	struct state *kept;

	(void)state;
	tree_make(root);
	path_of(path, root, "state");
	kept = state_open(root, "state", BYTES);
	put(kept, "one", 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(state_keep(kept, root, "state"), -EEXIST);
	assert_int_equal(unlink(path), 0);
	/* What a killed process left halfway is in nobody's way. */
	path_of(path, root, "state.new");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(state_keep(kept, root, "state"), 1);
	assert_int_equal(access(path, F_OK), -1);
	expect_found(root, "one");
	state_close(kept);
	tree_remove(root);
}

static void one_lock_for_one_root(void **state)
{
	char root[TREE_SIZE];
	struct lockfile *lockfile, *second;

	(void)state;
	tree_make(root);
	lockfile = lockfile_take(root);
	assert_non_null(lockfile);
	second = lockfile_take(root);
	assert_null(second);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_false(lockfile_holder_is_ending(root));
	assert_false(lockfile_has_mark(lockfile));
	assert_int_equal(lockfile_set_mark(lockfile, true), 0);
	lockfile_release(lockfile);
	lockfile = lockfile_take(root);
	assert_true(lockfile_has_mark(lockfile));
	assert_int_equal(lockfile_set_mark(lockfile, false), 0);
	assert_false(lockfile_has_mark(lockfile));
	lockfile_release(lockfile);
	lockfile_release(NULL);
	tree_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_stored_is_found_again),
		cmocka_unit_test(a_shortened_file_is_written_again_as_a_whole),
		cmocka_unit_test(a_file_that_was_cut_is_a_new_start),
		cmocka_unit_test(a_file_grows_and_stays_large),
		cmocka_unit_test(a_damaged_file_that_cannot_be_written_again_is_emptied),
		cmocka_unit_test(a_removed_file_comes_back_and_a_foreign_one_stays),
		cmocka_unit_test(one_lock_for_one_root),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
