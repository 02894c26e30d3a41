/* large: keeps large static variables away from the small ones. What a process writes of the
 * command's variables are small ones; side by side they are on a few pages, which the kernel
 * copies at the first write after each fork. */
#ifndef PRN_LARGE_H
#define PRN_LARGE_H

#define LARGE_BSS __attribute__((section(".bss.large"))) /* all 0 at first */

#endif
