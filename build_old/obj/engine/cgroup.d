build/obj/engine/cgroup.o: engine/cgroup.c engine/cgroup.h
engine/cgroup.h:
