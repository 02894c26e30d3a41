build/obj/tests/unit/test_journal.o: tests/unit/test_journal.c \
 tests/unit/fixture_dict.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/journal.h engine/record.h
tests/unit/fixture_dict.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/journal.h:
engine/record.h:
