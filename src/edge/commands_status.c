#include "edge/commands.h"
#include "edge/milter.h"

int command_status(struct asked *a)
{
	channel_print(a->channel, "generation %llu, %u sessions\n",
	    (unsigned long long)a->generation->number, milter_sessions());
	return STATUS_OK;
}
