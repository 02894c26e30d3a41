build/obj/engine/steer.o: engine/steer.c engine/steer.h engine/options.h \
 engine/config.h engine/ctl.h engine/ctl_ask.h engine/help.h
engine/steer.h:
engine/options.h:
engine/config.h:
engine/ctl.h:
engine/ctl_ask.h:
engine/help.h:
