/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_FIELD_H
#define MEMONLINE_FIELD_H

/*
 * The members of a JSON object as rows of a table: the same table reads an object into a
 * struct and writes the struct as an object. Errors have the texts of QEMU.
 */

#include "core/contract.h"
#include "wire/json.h"

enum field_type {
	FIELD_STRING, /* const char * */
	FIELD_TEXT, /* char [room]: longer is an error */
	FIELD_UINT64,
	FIELD_WRAPPED, /* uint64_t; a negative one counts down from 2^64, as QEMU reads it */
	FIELD_INT64,
	FIELD_INT32,
	FIELD_BOOLEAN,
	FIELD_SECONDS, /* uint64_t from 1 to 3600 */
	FIELD_ONLINE_TYPE, /* enum online_type, one that brings a block online */
	FIELD_OBJECT, /* a struct of `of`; without `of` only its presence is checked */
	FIELD_LIST /* struct field_list */
};

/* A member that is missing where it need not be there becomes zero: 0, NULL, false. */
enum field_need {
	FIELD_REQUIRED,
	FIELD_OPTIONAL, /* need not be there; not written where it is zero */
	FIELD_OR_NONE, /* may be missing: all bits set, UINT64_MAX or -1 */
	FIELD_NULLABLE, /* must be there; null means all bits set, both ways */
	FIELD_LENIENT /* need not be there; always written */
};

struct field {
	const char *name;
	const char *
		head; /* what comes before the value in an object that has begun: `, "NAME": ` */
	size_t head_len;
	enum field_type type;
	const struct field_shape *of; /* an object, a list's elements; NULL: strings */
	enum field_need need;
	size_t offset;
	size_t room; /* of FIELD_TEXT */
};

/* The first three of them; the name is a literal. */
#define FIELD_NAME(name) (name), FIELD_HEAD(name), sizeof(FIELD_HEAD(name)) - 1
#define FIELD_HEAD(name) ", \"" name "\": "

struct field_shape {
	const struct field *fields;
	size_t count;
	size_t size; /* of the struct */
};

#define FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))
#define FIELD_SHAPE(fields, type)                         \
	{                                                 \
		fields, FIELD_COUNT(fields), sizeof(type) \
	}

/* A list within a struct. Read: `value`, and `count` for it. Written: all but that. */
struct field_list {
	const void *items; /* `count` of them, `stride` bytes apart */
	size_t count;
	size_t stride;
	/* Writes one; NULL: a struct of the field's shape, or a const char *. */
	void (*put)(struct text *out, const void *item);
	struct json_value value;
};

/* What is wrong with an object. */
struct field_fault {
	const char *name; /* of the member; NULL: the object itself */
	enum field_type type;
	enum {
		FIELD_IS_MISSING,
		FIELD_IS_WRONG,
		FIELD_IS_LONG,
		FIELD_IS_OTHER,
		FIELD_IS_UNEXPECTED
	} kind;
};

/*
 * Reads one member into the struct `to`, which is untouched if an optional member is
 * missing; false, with *fault, if the member is wrong.
 */
bool field_read_one(const struct field *field, const struct json_value *object, void *to,
		    struct field_fault *fault) _nonnull_(1);
/* All of them, in their order. Strings live as long as the object. */
bool field_read(const struct field_shape *shape, const struct json_value *object,
		void *to, struct field_fault *fault) _nonnull_(1);
/* Whether every member of the object is among the fields; false with *fault. */
bool field_knows_all(const struct field *fields, size_t count,
		     const struct json_value *object, struct field_fault *fault)
	_nonnull_(1);
/* The whole message; `path`, "" or one that ends with a dot, stands before the name. */
void field_explain(struct text *out, const char *path, const struct field_fault *fault)
	_nonnull_(1);

/* {"name": value, …} */
void field_put(struct text *out, const struct field_shape *shape, const void *from)
	_nonnull_(1);

/* The same without the braces, after the members that the object already has. */
void field_put_members(struct text *out, const struct field_shape *shape,
		       const void *from) _nonnull_(1);

#endif
