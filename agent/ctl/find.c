/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "ctl.h"
#include "domain.h"
#include "io/client.h"
#include "print.h"

/* A name goes to the terminal, and may be whatever the command line holds. */
static void say_of_domain(const char *domain, const char *what)
{
	struct text name = TEXT_INIT;

	print_escaped(&name, domain);
	ctl_say("domain %s %s", name.failed || !name.data ? "?" : name.data, what);
	text_free(&name);
}

static int use_channel(struct ctl *ctl, enum domain_channel channel, struct text *path)
{
	struct ctl_session *session = &ctl->session;

	switch (channel) {
	case DOMAIN_OWN:
		session->path = path->data;
		return 0;
	case DOMAIN_GUEST_AGENT:
		session->path = DOMAIN_GUEST_AGENT_PORT;
		session->by_virsh = true;
		return 0;
	case DOMAIN_OWN_WITHOUT_PATH:
		say_of_domain(session->virsh.domain,
			      "has no socket for " DOMAIN_OWN_PORT ": is it running?");
		return CTL_FAILED;
	case DOMAIN_NO_CHANNEL:
		break;
	}
	say_of_domain(session->virsh.domain,
		      "has no channel " DOMAIN_OWN_PORT ", nor " DOMAIN_GUEST_AGENT_PORT);
	return CTL_FAILED;
}

int ctl_find_domain(struct ctl *ctl)
{
	/* session->path points into it until the program ends */
	static struct text path = TEXT_INIT;
	struct ctl_session *session = &ctl->session;
	enum domain_channel channel;
	struct text xml = TEXT_INIT;
	int r;

	session->path = "libvirt's virsh";
	r = virsh_dumpxml(&session->virsh,
			  client_now_msec() + (uint64_t)session->timeout_sec * 1000,
			  &xml);
	if (r == -ETIMEDOUT) {
		say_of_domain(session->virsh.domain, "is not told by virsh in time");
		r = CTL_FAILED;
	}
	if (r == 0)
		r = xml.len ? domain_find_channel(xml.data, xml.len, &channel, &path)
			    : -EBADMSG;
	if (r == -EBADMSG) {
		say_of_domain(session->virsh.domain,
			      "has no XML that virsh prints whole");
		r = CTL_FAILED;
	}
	if (r == 0)
		r = use_channel(ctl, channel, &path);
	text_free(&xml);
	return r;
}
