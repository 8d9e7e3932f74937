/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "virt/domain.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* As libvirt 9.0 prints a running domain, cut down to what is read. */
#define HEAD                                                                            \
	"<domain type='qemu' id='1'><name>g&amp;1</name>"                               \
	"<uuid>8f8cf7a5-7a6c-4f9e-8c1f-0d6a3b1c2d3e</uuid>"                             \
	"<memory unit='KiB'>2228224</memory>"                                           \
	"<currentMemory unit='KiB'>1179648</currentMemory>"                             \
	"<maxMemory slots='32' unit='KiB'>67108864</maxMemory>"                         \
	"<cpu mode='maximum'><numa><cell id='0' cpus='0' memory='1048576' unit='KiB'/>" \
	"<cell id='1' memory='0' unit='KiB'/></numa></cpu><devices>"
#define DIMM                                                                        \
	"<memory model='dimm'><target><size unit='KiB'>131072</size><node>1</node>" \
	"</target><alias name='ua-memonline-2'/>"                                   \
	"<address type='dimm' slot='3' base='0x100000000'/></memory>"
#define VMEM                                                                          \
	"<memory model='virtio-mem'><target><size unit='KiB'>1048576</size>"          \
	"<node>0</node><block unit='KiB'>2048</block>"                                \
	"<requested unit='KiB'>262144</requested>"                                    \
	"<current unit='KiB'>131072</current></target><alias name='ua-vm'/>"          \
	"<address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>" \
	"</memory>"
#define CHANNEL(name, state)                                                       \
	"<channel type='unix'><target type='virtio' name='" name "' state='" state \
	"'/></channel>"
#define TAIL "</devices></domain>"

static void refuses_what_is_no_domain(void **state)
{
	static const char *const bad[] = {
		"", "no XML", "<network/>", "<domain>", HEAD, "<!DOCTYPE domain><a/>",
	};
	struct domain domain;
	size_t i;

	(void)state;
	memset(&domain, 0x5a, sizeof(domain));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(domain_parse(bad[i], &domain), -EBADMSG);
		assert_int_equal((unsigned char)domain.name[0], 0x5a);
	}
}

static void refuses_too_many_devices(void **state)
{
	struct text xml = TEXT_INIT;
	struct domain domain;
	size_t i;

	(void)state;
	text_puts(&xml, HEAD);
	for (i = 0; i <= CAPACITY_DEVICES_MAX; i++)
		text_puts(&xml, DIMM);
	text_puts(&xml, TAIL);
	assert_false(xml.failed);
	assert_int_equal(domain_parse(xml.data, &domain), -E2BIG);
	text_free(&xml);
}

static void what_is_missing_is_not_known(void **state)
{
	struct domain domain;
	const struct capacity_device *device;

	(void)state;
	assert_int_equal(domain_parse("<domain><devices><memory model='nvdimm'/><memory/>"
				      "</devices></domain>",
				      &domain),
			 0);
	assert_string_equal(domain.name, "");
	assert_int_equal(domain.capacity.max, 0);
	assert_int_equal(domain.capacity.cells, 0);
	assert_int_equal(domain.channel, DOMAIN_NO_CHANNEL);
	assert_int_equal(domain.capacity.count, 2);
	device = &domain.capacity.devices[0];
	assert_int_equal(device->model, CAPACITY_OTHER);
	assert_int_equal(device->base, CAPACITY_UNKNOWN);
	assert_int_equal(device->slot, -1);
	assert_int_equal(device->node, -1);
	assert_int_equal(device->size, 0);
	domain_clear(&domain);
	domain_clear(&domain);
}

static void reads_a_domain(void **state)
{
	struct domain domain;
	const struct capacity_device *dimm, *vmem;

	(void)state;
	assert_int_equal(domain_parse(HEAD DIMM VMEM TAIL, &domain), 0);
	assert_string_equal(domain.name, "g&1");
	assert_int_equal(domain.capacity.memory, 2176 * MIB);
	assert_int_equal(domain.capacity.current, 1152 * MIB);
	assert_int_equal(domain.capacity.max, 64 * GIB);
	assert_int_equal(domain.capacity.slots, 32);
	assert_int_equal(domain.capacity.cells, 2);
	assert_false(domain.has_vmem_base);
	dimm = domain_device(&domain, "ua-memonline-2");
	vmem = domain_device(&domain, "ua-vm");
	assert_null(domain_device(&domain, "ua-v"));
	assert_int_equal(dimm->model, CAPACITY_DIMM);
	assert_int_equal(dimm->base, 4 * GIB);
	assert_int_equal(dimm->slot, 3);
	assert_int_equal(dimm->node, 1);
	assert_int_equal(dimm->current, 128 * MIB);
	assert_int_equal(vmem->model, CAPACITY_VIRTIO_MEM);
	assert_int_equal(vmem->base, CAPACITY_UNKNOWN);
	assert_int_equal(vmem->slot, -1);
	assert_int_equal(vmem->size, GIB);
	assert_int_equal(vmem->requested, 256 * MIB);
	assert_int_equal(vmem->current, 128 * MIB);
	assert_int_equal(vmem->block, 2 * MIB);
	/* 2176 - 896 of virtio-mem that is not plugged - 1152 */
	assert_int_equal(capacity_ballooned(&domain.capacity), 128 * MIB);
	domain_clear(&domain);
}

static void prefers_the_agents_own_channel(void **state)
{
	static const struct {
		const char *xml;
		enum domain_channel channel;
		bool disconnected;
	} rows[] = {
		{ HEAD TAIL, DOMAIN_NO_CHANNEL, false },
		{ HEAD CHANNEL("org.spice", "connected") TAIL, DOMAIN_NO_CHANNEL, false },
		{ HEAD CHANNEL(DOMAIN_GUEST_AGENT_PORT, "disconnected") TAIL,
		  DOMAIN_GUEST_AGENT, true },
		{ HEAD CHANNEL(DOMAIN_OWN_PORT, "connected")
			  CHANNEL(DOMAIN_GUEST_AGENT_PORT, "disconnected") TAIL,
		  DOMAIN_OWN, false },
		{ HEAD CHANNEL(DOMAIN_GUEST_AGENT_PORT, "connected")
			  CHANNEL(DOMAIN_OWN_PORT, "disconnected") TAIL,
		  DOMAIN_OWN, true },
	};
	struct domain domain;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(domain_parse(rows[i].xml, &domain), 0);
		assert_int_equal(domain.channel, rows[i].channel);
		assert_int_equal(domain.disconnected, rows[i].disconnected);
		domain_clear(&domain);
	}
}

static void numbers_in_other_units(void **state)
{
	static const struct {
		const char *xml;
		uint64_t bytes;
	} rows[] = {
		{ "<domain><memory unit='GiB'>2</memory></domain>", 2 * GIB },
		{ "<domain><memory>2</memory></domain>", 2048 },
		{ "<domain><memory unit='b'> 2 </memory></domain>", 2 },
		{ "<domain><memory unit='furlong'>2</memory></domain>", 0 },
		{ "<domain><memory>-2</memory></domain>", 0 },
		{ "<domain><memory unit='TiB'>18446744073709551615</memory></domain>",
		  0 },
	};
	struct domain domain;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(domain_parse(rows[i].xml, &domain), 0);
		assert_int_equal(domain.capacity.memory, rows[i].bytes);
		domain_clear(&domain);
	}
}

static void finds_a_free_alias(void **state)
{
	(void)state;
	assert_int_equal(domain_free_alias("<domain/>", NULL), 1);
	assert_int_equal(domain_free_alias(HEAD DIMM TAIL, NULL), 1);
	assert_int_equal(domain_free_alias(HEAD DIMM TAIL, "'ua-memonline-1'"), 3);
	assert_int_equal(domain_free_alias("'ua-memonline-1x' 'ua-memonline-99999'", ""),
			 2);
	assert_true(domain_has_alias(HEAD DIMM TAIL, "ua-memonline-2"));
	assert_false(domain_has_alias(HEAD DIMM TAIL, "ua-memonline-1"));
}

static void asks_for_another_size_by_the_live_element(void **state)
{
	struct text out = TEXT_INIT;

	(void)state;
	assert_int_equal(domain_put_request(&out, HEAD VMEM TAIL, "nobody", GIB),
			 -ENODEV);
	assert_int_equal(domain_put_request(&out, HEAD DIMM TAIL, "ua-memonline-2", GIB),
			 -ENODEV);
	assert_int_equal(domain_put_request(&out, "no XML", "ua-vm", GIB), -ENODEV);
	assert_int_equal(out.len, 0);
	assert_int_equal(
		domain_put_request(&out, HEAD DIMM VMEM TAIL, "ua-vm", 768 * MIB), 0);
	assert_non_null(strstr(out.data, "<requested unit=\"KiB\">786432</requested>"));
	assert_non_null(strstr(out.data, "slot=\"0x05\""));
	assert_null(strstr(out.data, "ua-memonline-2"));
	text_free(&out);
}

static void writes_a_dimm(void **state)
{
	struct text out = TEXT_INIT;

	(void)state;
	domain_put_dimm(&out, "ua-memonline-7", 512 * MIB, 1);
	assert_string_equal(out.data,
			    "<memory model='dimm'><alias name='ua-memonline-7'/><target>"
			    "<size unit='KiB'>524288</size><node>1</node></target>"
			    "</memory>");
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_domain),
		cmocka_unit_test(refuses_too_many_devices),
		cmocka_unit_test(what_is_missing_is_not_known),
		cmocka_unit_test(reads_a_domain),
		cmocka_unit_test(prefers_the_agents_own_channel),
		cmocka_unit_test(numbers_in_other_units),
		cmocka_unit_test(finds_a_free_alias),
		cmocka_unit_test(asks_for_another_size_by_the_live_element),
		cmocka_unit_test(writes_a_dimm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
