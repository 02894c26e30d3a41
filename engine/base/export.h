/* export: what of the library is visible outside it. All else is hidden
 * (-fvisibility=hidden): names that begin with prn_, and what Lua opens it by. */
#ifndef PRN_EXPORT_H
#define PRN_EXPORT_H

#define PRN_EXPORT __attribute__((visibility("default")))

#endif
