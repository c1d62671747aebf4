#include "edge/os/version.h"

const char susmilter_version[] = VERSION;
