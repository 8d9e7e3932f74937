/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

/*
 * No XML parser: a walk over the tags that knows where it is, so that what a user wrote
 * into <metadata>, a comment or CDATA is never taken for a channel.
 */

struct span {
	const char *data; /* NULL: not there */
	size_t len;
};

struct tag {
	struct span name;
	struct span attributes; /* all between the name and the end */
	bool closes; /* </name> */
	bool empty; /* <name/> */
};

enum { DEPTH_DOMAIN = 1, DEPTH_DEVICES, DEPTH_CHANNEL, DEPTH_IN_CHANNEL };

struct walk {
	const char *at;
	const char *end;
	unsigned depth; /* of elements that are open */
	bool is_domain;
	bool in_devices;
	bool in_channel;
	struct span path; /* of the channel that is open */
	struct span port;
	enum domain_channel found;
	struct span found_path;
};

static bool span_is(struct span span, const char *text)
{
	return span.data && span.len == strlen(text) &&
	       memcmp(span.data, text, span.len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_name(char c)
{
	return is_space(c) || c == '=' || c == '/' || c == '>';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

static struct span take_name(const char *at, const char *end)
{
	struct span name = { at, 0 };

	while (at + name.len < end && !ends_name(at[name.len]))
		name.len++;
	return name;
}

/* Attributes */

/* One name='value' at *at; false where there is none. */
static bool next_attribute(const char **at, const char *end, struct span *name,
			   struct span *value)
{
	const char *begin, *quote;

	*name = take_name(skip_space(*at, end), end);
	begin = skip_space(name->data + name->len, end);
	if (name->len == 0 || begin == end || *begin != '=')
		return false;
	begin = skip_space(begin + 1, end);
	if (begin == end || (*begin != '\'' && *begin != '"'))
		return false;
	quote = memchr(begin + 1, *begin, (size_t)(end - begin - 1));
	if (!quote)
		return false;
	value->data = begin + 1;
	value->len = (size_t)(quote - value->data);
	*at = quote + 1;
	return true;
}

static struct span attribute(const struct tag *tag, const char *wanted)
{
	const char *at = tag->attributes.data;
	const char *end = at + tag->attributes.len;
	struct span name, value, none = { NULL, 0 };

	while (next_attribute(&at, end, &name, &value))
		if (span_is(name, wanted))
			return value;
	return none;
}

/* Entities */

static const struct {
	const char *name;
	char c;
} entities[] = {
	{ "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' },
};

static void put_utf8(struct text *out, unsigned long code)
{
	char bytes[4];
	size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char leads[] = { 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	for (i = more; i > 0; i--) {
		bytes[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	bytes[0] = (char)(leads[more] | code);
	text_append(out, bytes, more + 1);
}

/* "#38" or "#x26"; no path holds NUL. */
static bool put_number(struct text *out, struct span entity)
{
	bool hex = entity.len > 1 && entity.data[1] == 'x';
	const char *at = entity.data + (hex ? 2 : 1), *end = entity.data + entity.len;
	uint64_t code;

	if (!number_take(&at, end, hex ? 16 : 10, &code) || at != end || code == 0 ||
	    code > 0x10ffff)
		return false;
	put_utf8(out, (unsigned long)code);
	return true;
}

static bool put_entity(struct text *out, struct span entity)
{
	size_t i;

	if (entity.len > 0 && entity.data[0] == '#')
		return put_number(out, entity);
	for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (span_is(entity, entities[i].name)) {
			text_append(out, &entities[i].c, 1);
			return true;
		}
	}
	return false;
}

static int put_value(struct text *out, struct span value)
{
	const char *at = value.data, *end = at + value.len;

	while (at < end) {
		const char *mark = memchr(at, '&', (size_t)(end - at));
		struct span entity;

		text_append(out, at, (size_t)((mark ? mark : end) - at));
		if (!mark)
			break;
		entity.data = mark + 1;
		at = memchr(mark, ';', (size_t)(end - mark));
		if (!at)
			return -EBADMSG;
		entity.len = (size_t)(at - entity.data);
		if (!put_entity(out, entity))
			return -EBADMSG;
		at++;
	}
	return out->failed ? -ENOMEM : 0;
}

/* Tags */

/* What begins with '<' and is no tag; "<!" stands last since others begin with it. */
static const struct {
	const char *begin, *end;
} others[] = {
	{ "<!--", "-->" },
	{ "<![CDATA[", "]]>" },
	{ "<?", "?>" },
	{ "<!", ">" },
};

/* 1 where one was skipped, 0 where there is none, -EBADMSG where it does not end. */
static int skip_other(struct walk *walk)
{
	size_t left = (size_t)(walk->end - walk->at);
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t len = strlen(others[i].begin);
		const char *end;

		if (left < len || memcmp(walk->at, others[i].begin, len) != 0)
			continue;
		end = memmem(walk->at + len, left - len, others[i].end,
			     strlen(others[i].end));
		if (!end)
			return -EBADMSG;
		walk->at = end + strlen(others[i].end);
		return 1;
	}
	return 0;
}

/* The '>' that ends a tag: not one within quotes. NULL where there is none. */
static const char *tag_end(const char *at, const char *end)
{
	while (at && at < end && *at != '>') {
		if (*at == '\'' || *at == '"')
			at = memchr(at + 1, *at, (size_t)(end - at - 1));
		if (at)
			at++;
	}
	return at < end ? at : NULL;
}

static int take_tag(struct walk *walk, struct tag *tag)
{
	const char *at = walk->at + 1;
	const char *end = tag_end(at, walk->end);

	if (!end)
		return -EBADMSG;
	walk->at = end + 1;
	tag->closes = *at == '/';
	tag->empty = !tag->closes && end[-1] == '/';
	tag->name = take_name(at + (tag->closes ? 1 : 0), end);
	if (tag->name.len == 0)
		return -EBADMSG;
	tag->attributes.data = tag->name.data + tag->name.len;
	tag->attributes.len = (size_t)(end - tag->attributes.data);
	return 1;
}

/* 1 with the next tag, 0 at the end, -EBADMSG. */
static int next_tag(struct walk *walk, struct tag *tag)
{
	int r;

	do {
		walk->at = memchr(walk->at, '<', (size_t)(walk->end - walk->at));
		if (!walk->at)
			return 0;
		r = skip_other(walk);
	} while (r > 0);
	return r < 0 ? r : take_tag(walk, tag);
}

/* Elements */

static void found(struct walk *walk, enum domain_channel channel)
{
	if (channel <= walk->found) /* the first of several that are as good */
		return;
	walk->found = channel;
	walk->found_path = walk->path;
}

static void end_channel(struct walk *walk)
{
	if (span_is(walk->port, DOMAIN_OWN_PORT))
		found(walk, walk->path.len ? DOMAIN_OWN : DOMAIN_OWN_WITHOUT_PATH);
	else if (span_is(walk->port, DOMAIN_GUEST_AGENT_PORT))
		found(walk, DOMAIN_GUEST_AGENT);
	walk->in_channel = false;
}

static void begin_channel(struct walk *walk, const struct tag *tag)
{
	struct span none = { NULL, 0 };

	walk->in_channel = walk->in_devices && span_is(tag->name, "channel") &&
			   span_is(attribute(tag, "type"), "unix");
	walk->path = walk->port = none;
}

static void look_into_channel(struct walk *walk, const struct tag *tag)
{
	if (span_is(tag->name, "target"))
		walk->port = attribute(tag, "name");
	else if (span_is(tag->name, "source") && span_is(attribute(tag, "mode"), "bind"))
		walk->path = attribute(tag, "path");
}

static void open_element(struct walk *walk, const struct tag *tag)
{
	switch (++walk->depth) {
	case DEPTH_DOMAIN:
		walk->is_domain = span_is(tag->name, "domain");
		break;
	case DEPTH_DEVICES:
		walk->in_devices = walk->is_domain && span_is(tag->name, "devices");
		break;
	case DEPTH_CHANNEL:
		begin_channel(walk, tag);
		break;
	case DEPTH_IN_CHANNEL:
		if (walk->in_channel)
			look_into_channel(walk, tag);
		break;
	}
}

static void close_element(struct walk *walk)
{
	if (walk->depth == DEPTH_CHANNEL && walk->in_channel)
		end_channel(walk);
	walk->depth--;
}

static int take_element(struct walk *walk, const struct tag *tag)
{
	if (tag->closes && walk->depth == 0)
		return -EBADMSG;
	if (!tag->closes)
		open_element(walk, tag);
	if (tag->closes || tag->empty)
		close_element(walk);
	return 0;
}

static int put_path(struct text *path, struct span value)
{
	struct text plain = TEXT_INIT;
	int r = put_value(&plain, value);

	if (r == 0)
		text_append(path, plain.data, plain.len);
	text_free(&plain);
	return r < 0 ? r : path->failed ? -ENOMEM : 0;
}

int domain_find_channel(const char *xml, size_t len, enum domain_channel *channel,
			struct text *path)
{
	struct walk walk;
	struct tag tag;
	int r;

	memset(&walk, 0, sizeof(walk));
	walk.at = xml;
	walk.end = xml + len;
	while ((r = next_tag(&walk, &tag)) > 0)
		if ((r = take_element(&walk, &tag)) < 0)
			break;
	if (r == 0 && (!walk.is_domain || walk.depth > 0))
		r = -EBADMSG;
	if (r == 0 && walk.found == DOMAIN_OWN)
		r = put_path(path, walk.found_path);
	if (r == 0)
		*channel = walk.found;
	return r;
}
