build/shared_counter/obj/engine/cpus.o: engine/cpus.c engine/cpus.h \
 engine/cgroup.h
engine/cpus.h:
engine/cgroup.h:
