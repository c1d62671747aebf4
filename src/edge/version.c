#include "edge/version.h"

const char susmilter_version[] = VERSION;
