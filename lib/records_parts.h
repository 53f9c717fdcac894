/* What is read of records in files of its own; for records.c only. */
#ifndef SIGNPOST_RECORDS_PARTS_H
#define SIGNPOST_RECORDS_PARTS_H

#include "records.h"

/*
 * Reads `tokens` and `uuid_addresses` into device->addresses. A wrong token is an error and none;
 * it costs the device nothing else. No message holds a token.
 */
void device_read_addresses(struct fields *fields, struct device *device);

#endif
