/* control_status: how the job stands, in one line for `prunner ctl`: what it does, how far it
 * is, since when, and the script with its arguments as a shell would take them. */
#ifndef PRN_CONTROL_STATUS_H
#define PRN_CONTROL_STATUS_H

#include "base/text.h"

/* control_status adds the line, without its end. */
void control_status(struct text *t);

#endif
