build/shared_counter/obj/engine/ctl_ask.o: engine/ctl_ask.c \
 engine/ctl_ask.h engine/ctl_dir.h
engine/ctl_ask.h:
engine/ctl_dir.h:
