# prunner: build, test, install. GNU make; `make help` lists the targets.
#
#   make                     build/prunner, build/libprunner.so, build/lua/prunner/core.so
#   make check               installs what is missing, builds, runs every test
#   make CC=clang CFLAGS=-O3 a change of either rebuilds what it must
#
# Overridable: CC CFLAGS LTO LDFLAGS PREFIX DESTDIR BUILD LUAJIT_CFLAGS LUAJIT_LIBS LUAJIT, and for
# packages the directories below "install".

PREFIX ?= /usr/local
DESTDIR ?=
# Where the command looks for the library: beside it, or below its prefix.
RPATH ?= $$ORIGIN:$$ORIGIN/../lib
BUILD ?= build
CFLAGS ?= -O2 -g
LDFLAGS ?=
LUAJIT ?= luajit
SANITIZE ?=

include make/deps.mk

# engine/ has a folder a layer (engine/README.md). cli/ is the executable; all else is the
# library: a module is one .c there, and adding one needs no change here.
CMD_SRC = $(sort $(wildcard engine/cli/*.c))
LIB_SRC = $(filter-out $(CMD_SRC),$(sort $(wildcard engine/*/*.c)))
# Modules of the library that the command has too: of the library itself it sees prn_* only.
CMD_SHARED = \
    engine/base/columns.c \
    engine/base/path.c \
    engine/base/procstat.c \
    engine/base/text.c \
    engine/supervisor/control_dir.c \
    engine/supervisor/control_request.c

# Each test_*.c is a program; what lies beside their folders are fixtures for any of them.
UNIT_SRC = $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_COMMON = $(sort $(wildcard tests/unit/*.c))
STRESS_SRC = $(sort $(wildcard tests/stress/*.c))
FUZZ_SRC = $(sort $(wildcard tests/fuzz/*.c))

# What lives in shared memory, and what it stands on.
SHARED_SRC = $(sort $(wildcard engine/memory/*.c engine/store/*.c engine/task/*.c)) \
    engine/base/parent_death.c engine/base/tmpfile.c

# The simulator has it compiled for itself and stands in for the kernel (tests/crash/sim.h).
SIM_SRC = $(SHARED_SRC) $(sort $(wildcard engine/job/state_*.c tests/crash/sim*.c))
SIM_CFLAGS = -DPRN_SIM -DPRN_NAMES=64 -Dclock_gettime=sim_clock -Dfallocate=sim_fallocate -Dmadvise=sim_madvise

# The stepper walks it instruction by instruction: a small table of names, no lazy
# binding, and nobody really sleeps (tests/crash/step.h).
STEP_SRC = $(SHARED_SRC) $(sort $(wildcard engine/job/state_*.c tests/crash/step*.c))
STEP_CFLAGS = -DPRN_NAMES=16
STEP_LDFLAGS = -no-pie -Wl,-z,now -Wl,--wrap=syscall

LUAJIT_CFLAGS ?= $(shell pkg-config --cflags luajit 2>/dev/null)
LUAJIT_LIBS ?= $(shell pkg-config --libs luajit 2>/dev/null)
# The command has LuaJIT and the engine in itself where LuaJIT's archive is there: fewer mappings
# to make at each start and to copy at each fork. What it shows (make/exports.list) is for Lua's C
# modules and FFI. With LUAJIT_ARCHIVE= it is linked to the libraries.
LUAJIT_ARCHIVE ?= $(if $(SANITIZE),,$(wildcard $(shell pkg-config --variable=libdir luajit 2>/dev/null)/libluajit-5.1.a))
# The command's only, for `prunner top`: part of it where the archives are there. As libraries of
# their own, each start would map them, and each fork of a worker copy that (7 % of a small job).
CURSES_ARCHIVES := $(filter /%,$(foreach l,ncursesw tinfo,$(shell $(CC) -print-file-name=lib$(l).a)))
CURSES_LIBS ?= $(if $(word 2,$(CURSES_ARCHIVES)),$(CURSES_ARCHIVES), \
    $(shell pkg-config --libs ncursesw 2>/dev/null || echo -lncursesw -ltinfo))

OBJ = $(BUILD)/obj
LIB_OBJ = $(LIB_SRC:%.c=$(OBJ)/%.o)
CMD_OBJ = $(CMD_SRC:%.c=$(OBJ)/%.o)
CMD_LINK = $(CMD_OBJ) $(CMD_SHARED:%.c=$(OBJ)/%.o)
UNIT_BIN = $(UNIT_SRC:%.c=$(BUILD)/%)
STRESS_BIN = $(STRESS_SRC:%.c=$(BUILD)/%)
FUZZ_BIN = $(FUZZ_SRC:%.c=$(BUILD)/%)
SIM_OBJ = $(SIM_SRC:%.c=$(OBJ)/sim/%.o)
SIM_BIN = $(BUILD)/tests/crash/sim
STEP_OBJ = $(STEP_SRC:%.c=$(OBJ)/step/%.o)
STEP_BIN = $(BUILD)/tests/crash/step
# Those that torment the real command: no room of the engine is linked to them.
CHAOS_BIN = $(BUILD)/tests/crash/chaos $(BUILD)/tests/crash/treekill

PRN_CFLAGS = -std=gnu11 -D_GNU_SOURCE= -Wall -Wextra -Wshadow \
    -fPIC -fno-plt -fvisibility=hidden -pthread -Iengine -Itests/unit $(LUAJIT_CFLAGS)
# now: all symbols are looked up once, before the workers are forked, and not in each of them.
PRN_LDFLAGS = -pthread -Wl,-z,now,-z,relro
ifneq ($(SANITIZE),)
PRN_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
PRN_LDFLAGS += -fsanitize=$(SANITIZE)
endif
# The rooms are small and call each other for every task: the library is optimized as one.
# (gcc only: clang would want another linker.) The objects hold machine code as well: tests
# link them one by one. In one partition: small variables are then side by side (base/large.h).
LTO ?= $(if $(SANITIZE)$(filter clang%,$(notdir $(CC))),,-flto=auto -flto-partition=one -ffat-lto-objects)
COMPILE = $(CC) $(CFLAGS) $(PRN_CFLAGS)
LINK = $(CC) $(CFLAGS) $(PRN_LDFLAGS) $(LDFLAGS)

.DELETE_ON_ERROR:
.PHONY: all help deps demo check check-built unit stress spec e2e tests \
    asan tsan fuzz lint format install uninstall install-rock clean FORCE

all: $(BUILD)/prunner $(BUILD)/lua/prunner/core.so

help:
	@echo 'all (default)     the command, the library, the Lua module, below build/'
	@echo 'deps              apt-get install what is missing (root or sudo)'
	@echo 'demo              what it takes to build, build, and the sum job: prints 4002000'
	@echo 'check             deps, build, all tests; ends with "N passed, N failed"'
	@echo 'unit stress spec e2e    one kind of test; `make stress` runs at full length'
	@echo 'sim spin          simulated jobs with deaths, SIM="-n 30000"; models of the protocols'
	@echo 'step step-all     a worker killed at each instruction; with each compiler and -O'
	@echo 'chaos treekill    workers, or everything, killed at random while jobs run'
	@echo 'damage            state files with damaged bytes, resumed: refused, or right'
	@echo 'torture           all of this, the long runs shortened; torture-full: at full length'
	@echo 'mutants           is each of the seeded bugs caught?'
	@echo 'asan tsan         unit and stress tests under sanitizers, in build/asan, build/tsan'
	@echo 'fuzz              each tests/fuzz/*.c (libFuzzer, clang) for FUZZ_SECONDS=20'
	@echo 'bench             against the peers; ONLY=sum,wake ROUNDS=1 QUICK=1 DOCS=1; bench-deps installs them'
	@echo 'instructions      of a task, counted, against bench/instructions.txt'
	@echo 'faults            of a job and of each worker, counted, against bench/faults.txt'
	@echo 'lint format       check, or apply, how the sources are written'
	@echo 'docs              the API reference, into build/docs'
	@echo 'options-docs      the lists of options in docs/, from engine/job/options.c'
	@echo 'install uninstall PREFIX=/usr/local DESTDIR='
	@echo 'deb deb-check     a Debian package, into build/deb; the same, looked at and run from a directory'
	@echo 'clean             remove build/'

# ---- build ----------------------------------------------------------------

# Holds what objects depend on beside their sources: changes when CC or flags do.
$(OBJ)/flags: FORCE
	@pkg-config --exists luajit 2>/dev/null || [ -n "$(LUAJIT_CFLAGS)" ] || { \
	  echo 'prunner: LuaJIT 2.1 for development is not installed: run `make deps`' \
	    '(Debian: pkg-config libluajit-5.1-dev)' >&2; exit 1; }
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LTO) | $(SIM_CFLAGS) | $(STEP_CFLAGS) | $(LINK) | $(LUAJIT_LIBS) $(LUAJIT_ARCHIVE) $(CURSES_LIBS)' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

# The Lua modules as bytes for engine/lua/bytecode.c. Without luajit: none, the sources do.
MODULES = $(sort $(wildcard lua/prunner/*.lua lua/prunner/*/*.lua))
$(OBJ)/bytecode.inc: $(MODULES) $(OBJ)/flags
	@mkdir -p $(@D)
	@list=; for f in $(if $(shell command -v $(LUAJIT)),$(MODULES)); do \
	  m=$${f#lua/}; m=$${m%.lua}; m=$${m%/init}; m=$$(echo $$m | tr / .); \
	  id=$$(echo $$m | tr . _); \
	  $(LUAJIT) -bg -n $$id -t h $$f - || exit 1; \
	  list="$$list X($$id, \"$$m\")"; \
	done >$@; echo "#define MODULES(X)$$list" >>$@

$(OBJ)/engine/lua/bytecode.o: $(OBJ)/bytecode.inc
$(OBJ)/engine/lua/bytecode.o: PRN_CFLAGS += -I$(OBJ)

# Which files there are: a room that came or went links the library anew.
$(OBJ)/files: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC) $(CMD_SRC) $(UNIT_COMMON)' >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Without libluajit: the host (prunner or luajit) has it, and there must be one
# only. No soname: the rock knows the same file by another name. It stays
# mapped until the process ends (nodelete), whatever Lua closes.
$(LIB_OBJ): PRN_CFLAGS += $(LTO)
$(BUILD)/libprunner.so: $(LIB_OBJ) $(OBJ)/files
	$(LINK) $(LTO) -shared -Wl,-z,nodelete -o $@ $(LIB_OBJ)

$(BUILD)/lua/prunner/core.so: $(BUILD)/libprunner.so
	@mkdir -p $(@D)
	ln -sf ../../libprunner.so $@

ifneq ($(LUAJIT_ARCHIVE),)
$(BUILD)/prunner: $(CMD_OBJ) $(LIB_OBJ) $(OBJ)/files make/exports.list
	$(LINK) $(LTO) -Wl,--dynamic-list=make/exports.list -o $@ $(CMD_OBJ) $(LIB_OBJ) \
	  -Wl,--whole-archive $(LUAJIT_ARCHIVE) -Wl,--no-whole-archive $(CURSES_LIBS) -lm -ldl
else
$(BUILD)/prunner: $(CMD_LINK) $(BUILD)/libprunner.so
	$(LINK) -Wl,-rpath,'$(RPATH)' -o $@ $(CMD_LINK) \
	  -L$(BUILD) -lprunner $(LUAJIT_LIBS) $(CURSES_LIBS)
endif

# Tests take the rooms they need from an archive, past the library's visibility.
$(BUILD)/libengine.a: $(LIB_OBJ) $(CMD_OBJ) $(OBJ)/files
	@rm -f $@
	ar rcs $@ $(LIB_OBJ) $(filter-out %/main.o,$(CMD_OBJ))

# Each unit test links the fixtures it uses, and what these stand on, no more.
$(BUILD)/libfixture.a: $(UNIT_COMMON:%.c=$(OBJ)/%.o) $(OBJ)/files
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

$(UNIT_BIN): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libfixture.a $(BUILD)/libengine.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $< $(BUILD)/libfixture.a $(BUILD)/libengine.a -lcmocka $(LUAJIT_LIBS) $(CURSES_LIBS) -lm

$(STRESS_BIN): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libengine.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $< $(BUILD)/libengine.a $(LUAJIT_LIBS) -lm

$(OBJ)/sim/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(SIM_CFLAGS) -MMD -MP -c -o $@ $<

$(SIM_BIN): $(SIM_OBJ)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^

$(OBJ)/step/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(STEP_CFLAGS) -MMD -MP -c -o $@ $<

$(STEP_BIN): $(STEP_OBJ)
	@mkdir -p $(@D)
	$(LINK) $(STEP_LDFLAGS) -o $@ $^ -lm

# MUTANT=NAME: both with one seeded bug. The files that it changes are in $(MUT)/src
# (tests/crash/run-mutants); what was made from one of them is made anew, all else is from above.
ifneq ($(MUTANT),)
MUT = $(BUILD)/$(MUTANT)
MUT_SRC := $(shell cd $(MUT)/src && find * -type f)
MUT_OBJ := $(patsubst $(OBJ)/%.d,$(MUT)/%.o,$(shell grep -rlwF --include='*.d' \
    $(MUT_SRC:%=-e %) $(OBJ)/step $(OBJ)/sim))
ifeq ($(MUT_OBJ),)
$(error neither the stepper nor the simulator has $(MUT_SRC))
endif
mut_objects = $(foreach o,$(1:$(OBJ)/%=%),$(if $(filter $(MUT)/$(o),$(MUT_OBJ)),$(MUT),$(OBJ))/$(o))

$(MUT)/%.o: private PRN_CFLAGS := -I$(MUT)/src/engine -iquote tests/crash $(PRN_CFLAGS)

$(MUT)/step/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(STEP_CFLAGS) -c -o $@ $(or $(wildcard $(MUT)/src/$<),$<)

$(MUT)/sim/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(SIM_CFLAGS) -c -o $@ $(or $(wildcard $(MUT)/src/$<),$<)

$(MUT)/run-step: $(call mut_objects,$(STEP_OBJ))
	@mkdir -p $(@D)
	$(LINK) $(STEP_LDFLAGS) -o $@ $^ -lm

$(MUT)/run-sim: $(call mut_objects,$(SIM_OBJ))
	@mkdir -p $(@D)
	$(LINK) -o $@ $^
endif

$(CHAOS_BIN): $(BUILD)/%: $(OBJ)/%.o $(OBJ)/tests/crash/proc.o
	@mkdir -p $(@D)
	$(LINK) -o $@ $^

$(FUZZ_BIN): $(BUILD)/%: $(OBJ)/%.o $(BUILD)/libengine.a
	@mkdir -p $(@D)
	$(LINK) -fsanitize=fuzzer -o $@ $< $(BUILD)/libengine.a $(LUAJIT_LIBS) -lm

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- from nothing ---------------------------------------------------------

deps:
	@missing=; \
	if ! command -v dpkg-query >/dev/null; then \
	  echo 'prunner: not a Debian system; please see to these yourself: $(strip $(DEPS))'; exit 0; \
	fi; \
	for p in $(DEPS); do \
	  case $$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null) in \
	  installed*) ;; *) missing="$$missing $$p" ;; esac; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	sudo=; \
	if [ $$(id -u) != 0 ]; then sudo=sudo; \
	  command -v sudo >/dev/null || { \
	    echo "prunner: as root, please: apt-get install$$missing" >&2; exit 1; }; \
	fi; \
	echo "prunner: installing with $${sudo:+sudo }apt-get, which may take minutes:$$missing"; \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq || true; \
	$$sudo env DEBIAN_FRONTEND=noninteractive \
	  apt-get install -qq -y --no-install-recommends $$missing </dev/null

# $(call need,PROGRAM...): programs that a target runs. Only `deps`, `demo` and `check` install.
need = @for p in $(1); do command -v $$p >/dev/null || { \
	  echo "prunner: $$p is not installed: run \`make deps\`" >&2; exit 1; }; done

# The parts run one after the other, each in a make that sees what the last installed.
demo:
	@$(MAKE) --no-print-directory deps DEPS='$(DEMO_DEPS)'
	@$(MAKE) --no-print-directory all
	$(BUILD)/prunner scripts/sum_functions.lua -n 10

check:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) tests/run unit stress spec e2e crash

# ---- tests ----------------------------------------------------------------

tests: all $(UNIT_BIN) $(STRESS_BIN) $(if $(SANITIZE),,$(STEP_BIN) $(SIM_BIN))

unit: $(UNIT_BIN)
	@BUILD=$(BUILD) tests/run unit

stress: $(STRESS_BIN)
	@BUILD=$(BUILD) STRESS=long tests/run stress

spec: all
	@BUILD=$(BUILD) tests/run spec

e2e: all
	@BUILD=$(BUILD) tests/run e2e

# SIM: -n SEEDS -f FIRST, or one seed.
SIM ?= -n 30000
sim: $(SIM_BIN)
	$(SIM_BIN) $(SIM)

spin:
	@BUILD=$(BUILD) tests/crash/spin.sh

# STEP: -n EVERY of the images go to the nested stepper, for -t SECONDS a scenario.
STEP ?= -v -n 5 -t 5
STEP_ALL ?= -n 40 -t 1
STEP_KINDS = $(foreach c,gcc clang,$(foreach o,-O0 -O2 -O3,step/$(c)$(o)))

step: $(STEP_BIN)
	$(STEP_BIN) $(STEP)

# Each compiler makes other instructions of it.
step-all: $(STEP_KINDS)

.PHONY: $(STEP_KINDS)
$(STEP_KINDS):
	@kind=$(@F); $(MAKE) --no-print-directory -s BUILD=build/$@ CC=$${kind%%-*} \
	  CFLAGS="-$${kind#*-} -g" build/$@/tests/crash/step
	@echo '$@: $(STEP_ALL)'; build/$@/tests/crash/step $(STEP_ALL)

mutants:
	@BUILD=build/mutants tests/crash/run-mutants

# CHAOS: -s SECONDS of signals; TREEKILL: -r ROUNDS of killing everything.
CHAOS ?= -s 10
TREEKILL ?= -r 12
chaos: all $(CHAOS_BIN)
	$(BUILD)/tests/crash/chaos $(CHAOS) $(sort $(wildcard tests/crash/jobs/*.lua))

treekill: all $(CHAOS_BIN)
	$(BUILD)/tests/crash/treekill $(TREEKILL) $(sort $(wildcard tests/crash/jobs/*.lua))

# DAMAGE: -n TRIES of damaged state files that are resumed.
DAMAGE ?= -n 1000
damage: all
	$(LUAJIT) tests/crash/damage.lua $(DAMAGE) $(BUILD)/prunner

torture:
	@tests/torture short

torture-full:
	@tests/torture full

# Each has a tree of its own, so build/ stays what `make` made.
asan:
	@$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=address,undefined \
	  CFLAGS='-O1 -g' tests
	@BUILD=build/asan tests/run unit stress sum

tsan:
	@$(MAKE) --no-print-directory BUILD=build/tsan SANITIZE=thread CFLAGS='-O1 -g' tests-stress
	@BUILD=build/tsan tests/run stress

fuzz:
	$(call need,clang)
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang \
	  SANITIZE=fuzzer-no-link,address,undefined \
	  CFLAGS='-O1 -g -DPRN_NAMES=256' tests-fuzz
	@BUILD=build/fuzz tests/run fuzz

.PHONY: tests-stress tests-fuzz sim spin step step-all mutants damage chaos treekill torture torture-full
tests-stress: $(STRESS_BIN)
tests-fuzz: $(FUZZ_BIN)

# ---- bench ----------------------------------------------------------------

.PHONY: bench bench-deps instructions faults

# Whole, on an idle machine: about 15 minutes. DOCS=1 writes docs/benchmarks.md too.
bench:
	@BUILD=$(BUILD) $(LUAJIT) bench/run.lua $(if $(ONLY),--only '$(ONLY)') \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(if $(DOCS),--write-docs)

bench-deps: deps
	@$(MAKE) --no-print-directory deps DEPS='$(BENCH_DEPS)'

instructions: all
	@BUILD=$(BUILD) bench/instructions
faults: all
	@BUILD=$(BUILD) bench/faults

# ---- lint -----------------------------------------------------------------

LINT_C = $(sort $(wildcard engine/*/*.[ch] tests/unit/*.[ch] tests/unit/*/*.[ch] tests/stress/*.[ch] tests/crash/*.[ch] \
    tests/fuzz/*.[ch]))
LINT_LUA = $(wildcard docs/*.lua docs/picture lua scripts tests bench editor/meta)

lint: $(OBJ)/bytecode.inc
	$(call need,clang-format clang cppcheck luacheck mandoc)
	@echo 'clang-format --dry-run'; clang-format --dry-run -Werror $(LINT_C) || { \
	  echo 'lint: run `make format`' >&2; exit 1; }
	@for cc in gcc clang; do echo "$$cc -fsyntax-only"; for f in $(filter %.c,$(LINT_C)); do \
	  $$cc -fsyntax-only -Werror -O1 $(PRN_CFLAGS) -I$(OBJ) $$f || exit 1; done; done
	cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr \
	  --enable=warning,performance,portability --suppress=missingIncludeSystem \
	  -D__GNUC__=12 -D__x86_64__ -D_GNU_SOURCE= -Iengine $(CMD_SRC) $(LIB_SRC)
	luacheck --quiet $(LINT_LUA)
	$(if $(wildcard docs/*.1),mandoc -T lint -W warning $(wildcard docs/*.1))
	@tests/run lint

format:
	clang-format -i $(LINT_C)

# ---- API reference --------------------------------------------------------

# What users see as one module lies in several files; ldoc is given one.
API_PARTS = init task wait socket/init pool program pipe options accumulators dict lock manager runner

.PHONY: docs
docs: $(BUILD)/api/prunner.lua
	$(call need,ldoc)
	$(LUAJIT) "$$(command -v ldoc)" -c docs/config.ld -d $(abspath $(BUILD)/docs) $(LDOC_FLAGS) $(abspath $<)

$(BUILD)/api/prunner.lua: $(API_PARTS:%=lua/prunner/%.lua)
	@mkdir -p $(@D)
	@cat $^ >$@

# The lists of options in the manual page and the guide, from the rows in engine/job/options.c.
.PHONY: options-docs
options-docs: all
	$(BUILD)/prunner docs/options.lua

# The picture in README.md, from a run of docs/picture/crawl.lua. No other target needs these programs.
.PHONY: picture
picture: all
	@for p in tmux chromium pngquant; do command -v $$p >/dev/null || { \
	  echo "make picture: apt-get install $$p" >&2; exit 1; }; done
	$(LUAJIT) docs/picture/make.lua $(abspath $(BUILD)/prunner) docs/progress.png

include make/install.mk

clean:
	rm -rf build
