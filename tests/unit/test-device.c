/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"
#include "wire/lists.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct json_scan_limits limits = { 1 << 20, 65536, 1 << 20, 1024, 16,
						4096,	 128,	"bulk",	 2 };

static void take(const struct json_scan_element *element, void *data)
{
	if (!element->names[1] || strcmp(element->names[1], "return") == 0)
		lists_take(data, &lists_devices, "devices", element->index,
			   &element->value);
}

/* The list, in 'single quotes', as the value of a member of the bulk member. */
static void scan(const char *list, struct lists_list *devices)
{
	struct json_scan *scan = json_scan_new(&limits);
	struct json_scan_watch watch = { take, NULL, NULL };
	struct text request = TEXT_INIT;
	const char *bytes;
	size_t len;

	text_puts(&request, "{'bulk':{'devices':");
	text_puts(&request, list);
	text_puts(&request, "}}");
	assert_false(request.failed);
	bytes = request.data;
	len = request.len;
	memset(devices, 0, sizeof(*devices));
	watch.data = devices;
	json_scan_watch(scan, &watch);
	assert_int_equal(json_scan_feed(scan, &bytes, &len), JSON_SCAN_OBJECT);
	json_scan_free(scan);
	text_free(&request);
}

/* type id slot node start+size/span requested h, each device on its line; or the error */
static void describe(const struct lists_list *devices, struct text *out)
{
	size_t i;

	text_puts(out, devices->error.len ? devices->error.data : "");
	for (i = 0; i < devices->count && !devices->error.len; i++) {
		const struct device *device =
			(const struct device *)devices->elements + i;

		text_printf(out, "%s%s %s %d %d", i ? "\n" : "", device->type, device->id,
			    device->slot, device->node);
		if (device->has_range)
			text_printf(out, " %" PRIu64 "+%" PRIu64 "/%" PRIu64,
				    device->start, device->size, device->span);
		if (device->requested != device->size)
			text_printf(out, " %" PRIu64, device->requested);
		text_puts(out, device->hotplugged ? " h" : "");
	}
}

struct row {
	const char *list;
	const char *expected;
};

static void check_all(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct lists_list devices;
		struct text out = TEXT_INIT;

		scan(rows[i].list, &devices);
		describe(&devices, &out);
		assert_string_equal(out.data, rows[i].expected);
		text_free(&out);
		lists_clear(&devices);
	}
}

#define DIMM(data) "[{'type':'dimm','data':{" data "}}]"
#define RANGE "'addr':4294967296,'size':536870912"
#define ID32 "abcdefghijklmnopqrstuvwxyz012345"

static void refuses_bad_elements(void **state)
{
	static const struct row rows[] = {
		{ "[1]", "Invalid parameter type for 'devices[0]', expected: object" },
		{ "[[{'type':'dimm'}]]",
		  "Invalid parameter type for 'devices[0]', expected: object" },
		{ "[{}]", "Parameter 'devices[0].type' is missing" },
		{ "[{'type':'dimm'}]", "Parameter 'devices[0].data' is missing" },
		{ "[{'data':{" RANGE "}}]", "Parameter 'devices[0].type' is missing" },
		{ "[{'type':1,'data':{}}]",
		  "Invalid parameter type for 'devices[0].type', expected: string" },
		{ "[{'type':'dimm','data':[]}]",
		  "Invalid parameter type for 'devices[0].data', expected: object" },
		{ "[{'type':'dimm','data':'x'}]",
		  "Invalid parameter type for 'devices[0].data', expected: object" },
		{ DIMM(""), "Parameter 'devices[0].data.addr' is missing" },
		{ DIMM("'addr':1"), "Parameter 'devices[0].data.size' is missing" },
		/* memaddr is not a DIMM's, and neither are members that lie deeper */
		{ DIMM("'memaddr':1,'size':1"),
		  "Parameter 'devices[0].data.addr' is missing" },
		{ DIMM("'x':{'addr':1},'size':1"),
		  "Parameter 'devices[0].data.addr' is missing" },
		{ "[{'type':'dimm','addr':1,'size':1,'data':{},'x':{" RANGE "}}]",
		  "Parameter 'devices[0].data.addr' is missing" },
		{ DIMM("'addr':-1,'size':1"),
		  "Parameter 'devices[0].data.addr' expects uint64" },
		{ DIMM("'addr':18446744073709551616,'size':1"),
		  "Parameter 'devices[0].data.addr' expects uint64" },
		{ DIMM("'addr':'1','size':1"),
		  "Parameter 'devices[0].data.addr' expects uint64" },
		{ DIMM("'addr':1,'size':1.5"),
		  "Parameter 'devices[0].data.size' expects uint64" },
		{ DIMM(RANGE ",'slot':2147483648"),
		  "Invalid parameter type for 'devices[0].data.slot', expected: integer" },
		{ DIMM(RANGE ",'node':null"),
		  "Invalid parameter type for 'devices[0].data.node', expected: integer" },
		{ DIMM(RANGE ",'id':1"),
		  "Invalid parameter type for 'devices[0].data.id', expected: string" },
		{ DIMM(RANGE ",'id':'" ID32 ID32 ID32 ID32 "'"),
		  "Parameter 'devices[0].data.id' is too long" },
		{ DIMM(RANGE ",'hotplugged':1"),
		  "Invalid parameter type for 'devices[0].data.hotplugged', expected: "
		  "boolean" },
		{ "[{'type':'" ID32 "','data':{}}]",
		  "Parameter 'devices[0].type' is too long" },
		/* nothing of the element before, and the first fault stands */
		{ "[{'type':'dimm','data':{" RANGE
		  "}},{'type':'dimm','data':{'size':1}},1]",
		  "Parameter 'devices[1].data.addr' is missing" },
		{ "[{'type':'dimm','data':{" RANGE "}},{}]",
		  "Parameter 'devices[1].type' is missing" },
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void takes_devices(void **state)
{
	static const struct row rows[] = {
		{ "[]", "" },
		{ "{'return':[]}", "" },
		/* QEMU 7.2, with members that nobody here knows */
		{ "{'return':[{'type':'dimm','data':{'memdev':'/objects/m1','hotplugged':"
		  "true,'addr':4294967296,'hotpluggable':true,'size':536870912,'slot':0,"
		  "'node':1,'id':'dimm1','x':{'addr':1},'y':[{'addr':2}]},'z':[]}],"
		  "'id':'libvirt-12'}",
		  "dimm dimm1 0 1 4294967296+536870912/536870912 h" },
		/* the order of members is free; the least there may be; the most there can be */
		{ "[{'data':{'size':1,'addr':2},'type':'dimm'},"
		  "{'type':'dimm','data':{'addr':18446744073709551615,"
		  "'size':18446744073709551615,'slot':2147483647,'node':-1,'max-size':1}}]",
		  "dimm  -1 -1 2+1/1\ndimm  2147483647 -1 "
		  "18446744073709551615+18446744073709551615/18446744073709551615" },
		{ "[{'type':'nvdimm','data':{'addr':1,'size':2,'id':'n'}}]",
		  "nvdimm n -1 -1 1+2/2" },
		{ "[{'type':'virtio-mem','data':{'memaddr':8,'size':2,'max-size':16,"
		  "'requested-size':4,'block-size':2,'node':0,'id':'vm0'}}]",
		  "virtio-mem vm0 -1 0 8+2/16 4" },
		{ "[{'type':'virtio-mem','data':{'memaddr':8,'size':2,'max-size':16,"
		  "'requested-size':0}}]",
		  "virtio-mem  -1 -1 8+2/16 0" },
		/* of others it is not asked for */
		{ "[{'type':'dimm','data':{'addr':1,'size':2,'requested-size':4}}]",
		  "dimm  -1 -1 1+2/2" },
		{ "[{'type':'virtio-pmem','data':{'memaddr':8,'size':2,'memdev':'m'}}]",
		  "virtio-pmem  -1 -1 8+2/2" },
		/* what a later QEMU may have, with members of other types */
		{ "[{'type':'hv-balloon','data':{'addr':'none','slot':[],'id':'b'}}]",
		  "hv-balloon b -1 -1" },
		/* lists of other names are ignored */
		{ "{'x':[1],'return':[{'type':'dimm','data':{'addr':1,'size':2}}]}",
		  "dimm  -1 -1 1+2/2" },
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void takes_no_more_than_there_can_be(void **state)
{
	struct text list = TEXT_INIT;
	struct lists_list devices;
	size_t i;

	(void)state;
	text_puts(&list, "[");
	for (i = 0; i < LISTS_DEVICES_MAX + 1; i++)
		text_printf(&list, "%s{'type':'x','data':{}}", i ? "," : "");
	list.data[list.len - strlen(",{'type':'x','data':{}}")] = '\0';
	text_puts(&list, "");
	list.len = strlen(list.data);
	text_puts(&list, "]");
	scan(list.data, &devices);
	assert_int_equal(devices.count, LISTS_DEVICES_MAX);
	assert_int_equal(devices.error.len, 0);
	lists_clear(&devices);
	list.data[list.len - 1] = ',';
	text_puts(&list, "{'type':'x','data':{}}]");
	scan(list.data, &devices);
	assert_string_equal(devices.error.data, "JSON list element limit exceeded");
	lists_clear(&devices);
	text_free(&list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_elements),
		cmocka_unit_test(takes_devices),
		cmocka_unit_test(takes_no_more_than_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
