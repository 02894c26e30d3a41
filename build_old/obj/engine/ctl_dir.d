build/obj/engine/ctl_dir.o: engine/ctl_dir.c engine/ctl_dir.h
engine/ctl_dir.h:
