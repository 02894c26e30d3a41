build/obj/engine/memlimit.o: engine/memlimit.c engine/memlimit.h \
 engine/cgroup.h
engine/memlimit.h:
engine/cgroup.h:
