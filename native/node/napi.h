#pragma once

/// How this room includes Node-API: always through here, so that every file sees the same classes.
///
/// While a worker is being terminated, Node refuses to run or throw anything. What node-addon-api throws for
/// that can be told to nobody, and without this definition it ends the whole process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>
