/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "ctl/domain.h"

#define DOMAIN(devices) \
	"<domain type='kvm' id='1'>\n  <name>g</name>\n" devices "</domain>\n"
#define DEVICES(channels)                                                                      \
	DOMAIN("  <devices>\n    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"           \
	       "    <console type='pty'><target type='virtio' port='0'/></console>\n" channels \
	       "  </devices>\n")
#define GUEST_AGENT                                                                       \
	"    <channel type='unix'>\n"                                                     \
	"      <source mode='bind' path='/var/lib/libvirt/qemu/channel/target/"           \
	"domain-1-g/org.qemu.guest_agent.0'/>\n"                                          \
	"      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>\n" \
	"      <alias name='channel0'/>\n"                                                \
	"      <address type='virtio-serial' controller='0' bus='0' port='1'/>\n"         \
	"    </channel>\n"
#define SPICE                                                       \
	"    <channel type='spicevmc'>\n"                           \
	"      <target type='virtio' name='com.redhat.spice.0'/>\n" \
	"    </channel>\n"
#define TARGET "<target type='virtio' name='org.memonline.agent.0' state='connected'/>"
#define OWN(source) "<channel type='unix'>" source TARGET "</channel>"
#define SOURCE(path) "<source mode='bind' path='" path "'/>"

static const struct {
	const char *xml;
	enum domain_channel channel;
	const char *path; /* NULL: none */
} domains[] = {
	{ DEVICES(""), DOMAIN_NO_CHANNEL, NULL },
	{ DOMAIN(""), DOMAIN_NO_CHANNEL, NULL },
	{ DOMAIN("<devices/>"), DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES(SPICE), DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES(SPICE GUEST_AGENT), DOMAIN_GUEST_AGENT, NULL },
	{ DEVICES(GUEST_AGENT OWN(SOURCE("/run/m"))), DOMAIN_OWN, "/run/m" },
	{ DEVICES(OWN(SOURCE("/run/m")) SPICE GUEST_AGENT), DOMAIN_OWN, "/run/m" },
	{ DEVICES(OWN(SOURCE("/a")) OWN(SOURCE("/b"))), DOMAIN_OWN, "/a" },
	{ DEVICES(OWN("") OWN(SOURCE("/b"))), DOMAIN_OWN, "/b" },
	{ DEVICES(OWN("")), DOMAIN_OWN_WITHOUT_PATH, NULL },
	{ DEVICES(OWN("<source mode='connect' path='/c'/>")), DOMAIN_OWN_WITHOUT_PATH,
	  NULL },
	{ DEVICES(OWN("<source path='/d' mode=\"bind\"><seclabel model='dac' "
		      "relabel='no'/></source>")),
	  DOMAIN_OWN, "/d" },
	{ DEVICES("<channel\n type = \"unix\" >" TARGET
		  "<source path = \"/it's\"\n mode='bind' /></channel>"),
	  DOMAIN_OWN, "/it's" },
	{ DEVICES(OWN(SOURCE("/a&amp;b&lt;&gt;&quot;&apos;&#x20;&#228;&#x20ac;"))),
	  DOMAIN_OWN, "/a&b<>\"' \xc3\xa4\xe2\x82\xac" },
	{ DEVICES(OWN(SOURCE("/with>sign"))), DOMAIN_OWN, "/with>sign" },
	/* what only looks like one */
	{ DEVICES("<!-- " OWN(SOURCE("/x")) " -->"), DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<![CDATA[" OWN(SOURCE("/x")) "]]>"), DOMAIN_NO_CHANNEL, NULL },
	{ DOMAIN("<metadata><m:devices>" OWN(SOURCE("/x")) "</m:devices></metadata>"),
	  DOMAIN_NO_CHANNEL, NULL },
	{ DOMAIN("<metadata>" OWN(SOURCE("/x")) "</metadata>"), DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<serial type='unix'>" SOURCE("/x") TARGET "</serial>"),
	  DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<channel type='pty'>" SOURCE("/x") TARGET "</channel>"),
	  DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<channel type='unix'>" SOURCE("/x") "</channel>" TARGET),
	  DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<channel type='unix'>" SOURCE("/x") "<o>" TARGET "</o></channel>"),
	  DOMAIN_NO_CHANNEL, NULL },
	{ DEVICES("<channel type='unix'>" SOURCE(
		  "/x") "<target name='org.memonline.agent.01'/></channel>"),
	  DOMAIN_NO_CHANNEL, NULL },
	{ "<?xml version='1.0'?>\n<!DOCTYPE domain>\n" DEVICES(OWN(SOURCE("/p"))),
	  DOMAIN_OWN, "/p" },
};

static void finds_the_channel(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		enum domain_channel channel = DOMAIN_NO_CHANNEL;
		struct text path = TEXT_INIT;
		int r = domain_find_channel(domains[i].xml, strlen(domains[i].xml),
					    &channel, &path);

		if (r != 0 || channel != domains[i].channel)
			fail_msg("%d, channel %d: %s", r, (int)channel, domains[i].xml);
		if (domains[i].path)
			assert_string_equal(path.data, domains[i].path);
		else
			assert_int_equal(path.len, 0);
		text_free(&path);
	}
}

static void refuses_what_is_no_domain(void **state)
{
	static const char *const bad[] = {
		"",
		"error",
		"<network></network>",
		"<domain>",
		"</domain>",
		"<domain type='",
		"<domain><!-- </domain>",
		"<domain><![CDATA[ </domain>",
		"<domain>< </domain>",
		DEVICES(OWN(SOURCE("/a&nbsp;b"))),
		DEVICES(OWN(SOURCE("/a&amp"))),
		DEVICES(OWN(SOURCE("/a&#0;"))),
		DEVICES(OWN(SOURCE("/a&#x110000;"))),
		DEVICES(OWN(SOURCE("/a&#x;"))),
		DEVICES(OWN(SOURCE("/a&#-1;"))),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum domain_channel channel = DOMAIN_GUEST_AGENT;
		struct text path = TEXT_INIT;

		if (domain_find_channel(bad[i], strlen(bad[i]), &channel, &path) !=
		    -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(channel, DOMAIN_GUEST_AGENT);
		assert_int_equal(path.len, 0);
		text_free(&path);
	}
}

/* Each beginning of a good one lies in a block of its own, for the sanitizers. */
static void reads_no_further_than_the_text(void **state)
{
	static const char xml[] = DEVICES(GUEST_AGENT OWN(SOURCE("/a&#x41;&amp;")));
	size_t whole = sizeof(xml) - 2; /* without the newline */
	size_t len;

	(void)state;
	for (len = 0; len < whole; len++) {
		enum domain_channel channel;
		struct text path = TEXT_INIT;
		char *cut = test_malloc(len + 1);

		memcpy(cut + 1, xml, len);
		assert_int_equal(domain_find_channel(cut + 1, len, &channel, &path),
				 -EBADMSG);
		test_free(cut);
		text_free(&path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_channel),
		cmocka_unit_test(refuses_what_is_no_domain),
		cmocka_unit_test(reads_no_further_than_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
