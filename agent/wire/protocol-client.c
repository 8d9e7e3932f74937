/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/protocol-client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"

#define BLOCK_SIZE_MIN (1024UL * 1024)
#define PROGRESS_ID "progress"
#define UNKNOWN "unknown" /* a text that is missing */

/* --- requests */

void protocol_ask_progress(struct text *out)
{
	text_puts(out, "{\"execute\": \"");
	text_puts(out, protocol_command_name(PROTOCOL_STATUS));
	text_puts(out, "\", \"id\": \"" PROGRESS_ID "\"}\n");
}

void protocol_ask_sync(struct text *out, int64_t id)
{
	struct protocol_request request;

	protocol_request_init(&request, PROTOCOL_GUEST_SYNC_DELIMITED);
	request.sync_id = id;
	text_putc(out, '\xff');
	protocol_ask(out, &request);
}

static const struct json_scan_limits limits[] = {
	[PROTOCOL_BOUNDS_SYNC] = { 4096, 4096, 16384, 1024, PROTOCOL_DEPTH_MAX, 256, 128,
				   NULL, 0 },
	/* An element may be a report of as many ranges as a journal holds. */
	[PROTOCOL_BOUNDS_ANSWER] = { 64UL << 20, 1UL << 20, 6UL << 20, SIZE_MAX,
				     PROTOCOL_DEPTH_MAX, SIZE_MAX, PROTOCOL_MEMBERS_MAX,
				     "return", 1 },
	[PROTOCOL_BOUNDS_DEVICES] = { 1UL << 20, 65536, 2UL << 20, 32768,
				      PROTOCOL_DEPTH_MAX, 4096, PROTOCOL_MEMBERS_MAX,
				      NULL, 0 },
};

/* The devices themselves, in the list or in QMP's reply around it. */
static int check_devices(const struct json_value *value, struct text *desc)
{
	struct json_value error = json_member(value, "error");
	struct json_value list = json_member(value, "return"), said;

	said = json_member(&error, "desc");
	if (json_string(&said)) {
		text_puts(desc, said.content);
		return -EREMOTEIO;
	}
	if (value->kind != JSON_OBJECT)
		list = *value;
	return list.kind == JSON_LIST ? 0 : -EBADMSG;
}

static const char space[] = " \t\r\n";

/* One value, with nothing behind it but white space. */
static int scan_devices(struct json_scan *scan, const char *devices, size_t len,
			struct json_value *value)
{
	enum json_scan_event event = json_scan_feed(scan, &devices, &len);

	if (event != JSON_SCAN_OBJECT && event != JSON_SCAN_SCALAR)
		return -EBADMSG;
	while (len && memchr(space, *devices, sizeof(space) - 1))
		devices++, len--;
	*value = json_scan_value(scan);
	return len ? -EBADMSG : 0;
}

int protocol_ask_devices(struct text *out, const struct protocol_request *request,
			 const char *devices, size_t len, struct text *desc)
{
	struct json_scan *scan;
	struct json_value value;
	int r;

	for (; len && memchr(space, devices[len - 1], sizeof(space) - 1); len--)
		;
	if (!len && request->command == PROTOCOL_PROBE) {
		protocol_ask(out, request);
		return 0;
	}
	scan = json_scan_new(&limits[PROTOCOL_BOUNDS_DEVICES]);
	r = scan ? scan_devices(scan, devices, len, &value) : -ENOMEM;
	if (r == 0)
		r = check_devices(&value, desc);
	if (r == 0)
		protocol_ask_with(out, request, "devices", &value);
	json_scan_free(scan);
	return r;
}

/* --- reading: json-scan checks and bounds, elements and what is printed pass by */

struct protocol_reader {
	struct json_scan *scan;
	protocol_element_fn on_element;
	void *data;
	int error; /* of on_element, in this answer */
	const char *fault;
	struct text *printed; /* not owned */
	enum { AFTER_VALUE, AFTER_OPENING, AFTER_KEY } last_printed;
};

static void take_element(const struct json_scan_element *element, void *data)
{
	struct protocol_reader *reader = data;
	struct protocol_answer answer = { .kind = PROTOCOL_ANSWER_RETURN,
					  .line = element->value,
					  .value = element->value,
					  .list = element->names[0] ? element->names[0]
								    : "",
					  .index = element->index };

	if (!reader->on_element || reader->error < 0 || element->names[1])
		return;
	reader->error = reader->on_element(&answer, reader->data);
	reader->fault = answer.fault;
}

static void put_newline(struct text *out, size_t depth)
{
	static const char spaces[] = "                                        ";

	text_putc(out, '\n');
	text_append(out, spaces, depth < sizeof(spaces) / 2 ? depth * 2 : 0);
}

/* Two spaces for each level; an empty list or object stays on its line. */
static void put_lead(struct protocol_reader *reader, const struct json_scan_token *token)
{
	struct text *out = reader->printed;

	if (reader->last_printed == AFTER_KEY) {
		text_putc(out, ' ');
		return;
	}
	if (reader->last_printed == AFTER_OPENING && token->closes)
		return;
	if (reader->last_printed == AFTER_VALUE && !token->closes)
		text_putc(out, ',');
	put_newline(out, token->depth - 1);
}

/* What stands in "return". A list or object closes at the depth at which it began. */
static void print_token(const struct json_scan_token *token, void *data)
{
	static const char opening[] = "[{", closing[] = "]}";
	struct protocol_reader *reader = data;
	struct text *out = reader->printed;
	struct json_value value = { token->kind, token->content, token->len };

	if (!out || !token->in_bulk_member || token->depth < 1 ||
	    (token->depth == 1 && token->is_key))
		return;
	if (token->depth > 1 || token->closes)
		put_lead(reader, token);
	if (token->kind < JSON_LIST)
		json_put_value(out, &value);
	else
		text_append(out,
			    &(token->closes ? closing : opening)[token->kind - JSON_LIST],
			    1);
	if (token->is_key)
		text_putc(out, ':');
	reader->last_printed = AFTER_VALUE;
	if (token->is_key)
		reader->last_printed = AFTER_KEY;
	else if (token->kind >= JSON_LIST && !token->closes)
		reader->last_printed = AFTER_OPENING;
}

struct protocol_reader *protocol_reader_new(void)
{
	struct protocol_reader *reader = calloc(1, sizeof(*reader));
	struct json_scan_watch watch = { take_element, print_token, reader };

	if (!reader)
		return NULL;
	reader->scan = json_scan_new(&limits[PROTOCOL_BOUNDS_SYNC]);
	if (!reader->scan) {
		free(reader);
		return NULL;
	}
	json_scan_watch(reader->scan, &watch);
	return reader;
}

void protocol_reader_free(struct protocol_reader *reader)
{
	if (!reader)
		return;
	json_scan_free(reader->scan);
	free(reader);
}

void protocol_reader_bound(struct protocol_reader *reader, enum protocol_bounds bounds)
{
	json_scan_limit(reader->scan, &limits[bounds]);
}

void protocol_reader_watch(struct protocol_reader *reader, protocol_element_fn fn,
			   void *data)
{
	reader->on_element = fn;
	reader->data = data;
}

void protocol_reader_print(struct protocol_reader *reader, struct text *out)
{
	reader->printed = out;
	reader->last_printed = AFTER_VALUE;
}

static const struct {
	const char *member; /* the first of these that is there says what the line is */
	const char *value;
	enum protocol_answer_kind kind;
} kinds[] = {
	{ "error", "error", PROTOCOL_ANSWER_ERROR },
	{ "return", "return", PROTOCOL_ANSWER_RETURN },
	{ "event", "data", PROTOCOL_ANSWER_EVENT },
	{ "QMP", "QMP", PROTOCOL_ANSWER_GREETING },
};

static int find_kind(struct protocol_answer *answer)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct json_value value = json_member(&answer->line, kinds[i].member);

		if (value.kind == JSON_NONE)
			continue;
		answer->kind = kinds[i].kind;
		answer->value = json_member(&answer->line, kinds[i].value);
		return 0;
	}
	return -EBADMSG;
}

/* An answer is one line: what does not end with it is cut off there. */
static enum json_scan_event scan_line(struct json_scan *scan, const char **bytes,
				      size_t *len)
{
	enum json_scan_event event = JSON_SCAN_MORE;

	while (*len && event == JSON_SCAN_MORE) {
		const char *newline = memchr(*bytes, '\n', *len);
		size_t part = newline ? (size_t)(newline + 1 - *bytes) : *len;
		size_t rest = *len - part;

		event = json_scan_feed(scan, bytes, &part);
		*len = rest + part;
		if (newline && event == JSON_SCAN_MORE && !json_scan_is_idle(scan)) {
			const char *flush = "\xff";
			size_t one = 1;

			event = json_scan_feed(scan, &flush, &one);
		}
	}
	return event;
}

int protocol_reader_feed(struct protocol_reader *reader, const char **bytes, size_t *len,
			 struct protocol_answer *answer)
{
	enum json_scan_event event = scan_line(reader->scan, bytes, len);
	int r = reader->error;

	if (event == JSON_SCAN_MORE)
		return -EAGAIN;
	reader->error = 0;
	if (event == JSON_SCAN_ERROR && json_scan_is_too_much(reader->scan))
		return -EMSGSIZE;
	if (event != JSON_SCAN_OBJECT)
		return -EBADMSG;
	memset(answer, 0, sizeof(*answer));
	answer->list = "";
	answer->line = json_scan_value(reader->scan);
	answer->fault = reader->fault;
	reader->fault = NULL;
	return r < 0 ? r : find_kind(answer);
}

/* --- answers */

bool protocol_answer_is_sync(const struct protocol_answer *answer, int64_t id)
{
	int64_t number;

	return answer->kind == PROTOCOL_ANSWER_RETURN &&
	       json_int64(&answer->value, &number) && number == id;
}

bool protocol_answer_is_progress(const struct protocol_answer *answer)
{
	struct json_value id = json_member(&answer->line, "id");

	return json_string(&id) && strcmp(id.content, PROGRESS_ID) == 0;
}

static const char *error_member(const struct protocol_answer *answer, const char *name)
{
	struct json_value member = json_member(&answer->value, name);
	const char *text = NULL;

	if (answer->kind == PROTOCOL_ANSWER_ERROR)
		text = json_string(&member);
	return text ? text : "";
}

const char *protocol_answer_error_class(const struct protocol_answer *answer)
{
	return error_member(answer, "class");
}

const char *protocol_answer_error_desc(const struct protocol_answer *answer)
{
	return error_member(answer, "desc");
}

const char *protocol_answer_event(const struct protocol_answer *answer)
{
	struct json_value event = json_member(&answer->line, "event");

	return answer->kind == PROTOCOL_ANSWER_EVENT ? json_string(&event) : NULL;
}

const char *protocol_word(const struct json_value *value)
{
	const char *word = json_string(value);

	return word ? word : UNKNOWN;
}

static int fault(struct protocol_answer *answer, const char *name)
{
	answer->fault = name;
	return -EBADMSG;
}

int protocol_answer_read_item(struct protocol_answer *answer,
			      const struct json_value *item,
			      const struct field_shape *shape, void *to)
{
	struct field_fault found;

	return field_read(shape, item, to, &found) ? 0 : fault(answer, found.name);
}

int protocol_answer_read(struct protocol_answer *answer, const struct field_shape *shape,
			 void *to)
{
	return protocol_answer_read_item(answer, &answer->value, shape, to);
}

int protocol_answer_check_list(struct protocol_answer *answer, const char *name)
{
	struct json_value value = answer->value;

	if (name)
		value = json_member(&answer->value, name);
	return value.kind == JSON_LIST ? 0 : fault(answer, name ? name : "return");
}

static bool fits(uint64_t start, uint64_t size)
{
	return start <= INT64_MAX && size <= INT64_MAX - start;
}

static int check_extent(struct protocol_answer *answer, uint64_t start, uint64_t size)
{
	return fits(start, size) && size > 0 ? 0 : fault(answer, "size");
}

int protocol_answer_progress(struct protocol_answer *answer, uint64_t *pending)
{
	const char *name = protocol_answer_event(answer);
	struct message_progress progress;
	int r = name && strcmp(name, PROTOCOL_PROGRESS) == 0 ? 0 : -EBADMSG;

	if (r == 0)
		r = protocol_answer_read(answer, &message_progress, &progress);
	if (r == 0)
		*pending = progress.blocks > progress.done
				   ? progress.blocks - progress.done
				   : 0;
	return r;
}

int protocol_answer_block_size(struct protocol_answer *answer, uint64_t *bytes)
{
	struct message_block_size got;
	int r = protocol_answer_read(answer, &message_block_size, &got);

	if (r < 0)
		return r;
	if (got.size < BLOCK_SIZE_MIN || got.size > INT64_MAX ||
	    (got.size & (got.size - 1)) != 0)
		return fault(answer, "size");
	*bytes = got.size;
	return 0;
}

int protocol_answer_range(struct protocol_answer *answer, struct message_range *range)
{
	int r = protocol_answer_read(answer, &message_range, range);

	return r < 0 ? r : check_extent(answer, range->start, range->size);
}

int protocol_answer_block(struct protocol_answer *answer, uint64_t block_bytes,
			  struct message_block *block)
{
	int r = protocol_answer_read(answer, &message_block, block);

	block->response = block->response ? block->response : UNKNOWN;
	block->state = block->state ? block->state : UNKNOWN;
	block->reason = block->reason ? block->reason : UNKNOWN;
	if (r == 0 && block->phys_index >= INT64_MAX / block_bytes)
		r = fault(answer, "phys-index");
	return r;
}

/* A missing text is empty. */
static int complete_device(struct protocol_answer *answer, const char **id,
			   uint64_t *start, uint64_t *size)
{
	*id = *id ? *id : "";
	*start = *start == MESSAGE_NO_ADDRESS ? 0 : *start;
	*size = *size == MESSAGE_NO_ADDRESS ? 0 : *size;
	return fits(*start, *size) ? 0 : fault(answer, "size");
}

int protocol_answer_device(struct protocol_answer *answer, struct message_device *device)
{
	int r = protocol_answer_read(answer, &message_device, device);

	if (r == 0)
		r = complete_device(answer, &device->id, &device->start, &device->size);
	if (device->requested == MESSAGE_NO_ADDRESS)
		device->requested = device->size;
	return r;
}

int protocol_answer_probed(struct protocol_answer *answer, struct message_probed *probed)
{
	int r = protocol_answer_read(answer, &message_probed, probed);

	return r < 0 ? r
		     : complete_device(answer, &probed->id, &probed->start,
				       &probed->size);
}

int protocol_answer_report(struct protocol_answer *answer, struct message_report *report)
{
	bool is_event = answer->kind == PROTOCOL_ANSWER_EVENT;
	struct json_value time =
		json_member(is_event ? &answer->line : &answer->value, "timestamp");
	int r = protocol_answer_read(answer, &message_report, report);

	report->lost = report->lost == UINT64_MAX ? 0 : report->lost;
	if (r == 0 && time.kind != JSON_OBJECT)
		r = fault(answer, "timestamp");
	return r < 0 ? r
		     : protocol_answer_read_item(answer, &time, &message_timestamp,
						 &report->time);
}

int protocol_answer_report_range(struct protocol_answer *answer,
				 const struct json_value *item,
				 struct message_report_range *range)
{
	int r = protocol_answer_read_item(answer, item, &message_report_range, range);

	return r < 0 ? r : check_extent(answer, range->start, range->size);
}
