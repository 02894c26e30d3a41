build/obj/engine/procstat.o: engine/procstat.c engine/procstat.h
engine/procstat.h:
