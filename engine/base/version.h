/* version: which prunner this is. The Makefile reads the number from here; a state file
 * belongs to the version that wrote it. */
#ifndef PRN_VERSION_H
#define PRN_VERSION_H

#define PRUNNER_VERSION "0.1.0"

#endif
