/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#include "io/client.h"

/* Runs and frees it; *output where it is wanted. */
static int run(struct call *call, uint64_t deadline_msec, char **output,
	       struct call_error *error)
{
	int r;

	if (!call)
		return -ENOMEM;
	r = call_run(call, deadline_msec);
	if (r == 0 && call->result < 0) {
		*error = call->error;
		r = -ECOMM;
	}
	if (r == 0 && output) {
		*output = call->output;
		call->output = NULL;
	}
	call_free(call);
	return r;
}

static int run_xml(struct call *call)
{
	call->output = virDomainGetXMLDesc(call->domain, call->flags);
	return call->output ? 0 : -1;
}

int host_xml(virDomainPtr domain, unsigned flags, uint64_t deadline_msec, char **xml,
	     struct call_error *error)
{
	struct call *call = call_new(run_xml, NULL, domain, NULL);

	if (call)
		call->flags = flags;
	return run(call, deadline_msec, xml, error);
}

static int run_state(struct call *call)
{
	int state = 0, reason = 0, persistent;

	if (virDomainGetState(call->domain, &state, &reason, 0) < 0)
		return -1;
	persistent = virDomainIsPersistent(call->domain);
	call->output = malloc(2);
	if (persistent < 0 || !call->output)
		return -1;
	call->output[0] = (char)state;
	call->output[1] = (char)persistent;
	return 0;
}

int host_state(virDomainPtr domain, uint64_t deadline_msec, int *state, bool *persistent,
	       struct call_error *error)
{
	struct call *call = call_new(run_state, NULL, domain, NULL);
	char *both = NULL;
	int r = run(call, deadline_msec, &both, error);

	if (r < 0 || !both)
		return r;
	*state = (unsigned char)both[0];
	*persistent = both[1] != 0;
	free(both);
	return 0;
}

static enum host_activity activity_of_pause(int reason)
{
	switch (reason) {
	case VIR_DOMAIN_PAUSED_MIGRATION:
		return HOST_MIGRATES;
	case VIR_DOMAIN_PAUSED_SAVE:
	case VIR_DOMAIN_PAUSED_DUMP:
	case VIR_DOMAIN_PAUSED_FROM_SNAPSHOT:
	case VIR_DOMAIN_PAUSED_SNAPSHOT:
		return HOST_IS_COPIED;
	default:
		return HOST_IS_PAUSED;
	}
}

/* A driver that has no jobs has none that goes on. */
static enum host_activity activity_of_job(virDomainPtr domain)
{
	enum host_activity activity = HOST_RUNS;
	virTypedParameterPtr values = NULL;
	int type = VIR_DOMAIN_JOB_NONE, count = 0, operation = 0;

	if (virDomainGetJobStats(domain, &type, &values, &count, 0) < 0)
		return HOST_RUNS;
	if (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) {
		virTypedParamsGetInt(values, count, VIR_DOMAIN_JOB_OPERATION, &operation);
		activity = operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT ||
					   operation ==
						   VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN
				   ? HOST_MIGRATES
				   : HOST_IS_COPIED;
	}
	virTypedParamsFree(values, count);
	return activity;
}

static int run_activity(struct call *call)
{
	int state = 0, reason = 0;

	if (virDomainGetState(call->domain, &state, &reason, 0) < 0)
		return -1;
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		return (int)activity_of_job(call->domain);
	case VIR_DOMAIN_PAUSED:
		return (int)activity_of_pause(reason);
	case VIR_DOMAIN_PMSUSPENDED:
		return HOST_IS_PAUSED;
	default:
		return HOST_LEAVES;
	}
}

int host_activity(virDomainPtr domain, uint64_t deadline_msec,
		  enum host_activity *activity, struct call_error *error)
{
	struct call *call = call_new(run_activity, NULL, domain, NULL);
	int r;

	if (!call)
		return -ENOMEM;
	r = call_end(call, call_run(call, deadline_msec), error);
	if (r == 0) {
		*activity = (enum host_activity)call->result;
	}
	call_free(call);
	return r;
}

static int run_attach(struct call *call)
{
	return virDomainAttachDeviceFlags(call->domain, call->text, call->flags);
}

static int run_update(struct call *call)
{
	return virDomainUpdateDeviceFlags(call->domain, call->text, call->flags);
}

static int run_detach(struct call *call)
{
	return virDomainDetachDeviceAlias(call->domain, call->text, call->flags);
}

static int change(int (*how)(struct call *call), virDomainPtr domain, const char *text,
		  unsigned flags, uint64_t deadline_msec, struct call_error *error)
{
	struct call *call = call_new(how, NULL, domain, text);

	if (call)
		call->flags = flags;
	return run(call, deadline_msec, NULL, error);
}

int host_attach(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	return change(run_attach, domain, xml, flags, deadline_msec, error);
}

int host_update(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	return change(run_update, domain, xml, flags, deadline_msec, error);
}

int host_detach(virDomainPtr domain, const char *alias, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	return change(run_detach, domain, alias, flags, deadline_msec, error);
}

static int run_agent_command(struct call *call)
{
	call->output =
		virDomainQemuAgentCommand(call->domain, call->text, call->seconds, 0);
	return call->output ? 0 : -1;
}

int host_agent_command(virDomainPtr domain, const char *command, uint64_t deadline_msec,
		       char **reply, struct call_error *error)
{
	struct call *call = call_new(run_agent_command, NULL, domain, command);
	uint64_t now = client_now_msec();

	if (call)
		call->seconds = deadline_msec > now + 1000
					? (int)((deadline_msec - now) / 1000)
					: 1; /* 0 is not to wait at all */
	return run(call, deadline_msec, reply, error);
}

static int run_monitor_command(struct call *call)
{
	return virDomainQemuMonitorCommand(call->domain, call->text, &call->output,
					   VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT);
}

int host_monitor_command(virDomainPtr domain, const char *command, uint64_t deadline_msec,
			 char **reply, struct call_error *error)
{
	return run(call_new(run_monitor_command, NULL, domain, command), deadline_msec,
		   reply, error);
}

static void drop_stream(struct call *call)
{
	virStreamAbort(call->object);
	virStreamFree(call->object);
}

static int run_open_channel(struct call *call)
{
	virStreamPtr stream = virStreamNew(call->connect, VIR_STREAM_NONBLOCK);

	if (!stream)
		return -1;
	if (virDomainOpenChannel(call->domain, call->text, stream, call->flags) < 0) {
		call_keep_error(call); /* virStreamFree forgets it */
		virStreamFree(stream);
		return -1;
	}
	call->object = stream;
	return 0;
}

int host_open_channel(struct connection *connection, virDomainPtr domain,
		      const char *name, bool force, uint64_t deadline_msec,
		      virStreamPtr *stream, struct call_error *error)
{
	struct call *call = connection_call(connection, run_open_channel, domain, name);
	int r;

	if (!call)
		return -ENOMEM;
	call->flags = force ? VIR_DOMAIN_CHANNEL_FORCE : 0;
	call->drop = drop_stream;
	r = call_run(call, deadline_msec);
	if (r == 0 && call->result < 0) {
		*error = call->error;
		r = -ECOMM;
	} else if (r == 0) {
		*stream = call->object;
		call->object = NULL;
	}
	call_free(call);
	return r;
}

static int run_close_channel(struct call *call)
{
	if (virStreamFinish(call->stream) < 0)
		virStreamAbort(call->stream);
	return 0;
}

void host_close_channel(virStreamPtr stream, uint64_t deadline_msec)
{
	struct call *call = call_new(run_close_channel, NULL, NULL, NULL);

	if (!call)
		return;
	call->stream = stream;
	call_run(call, deadline_msec);
	call_free(call);
}
