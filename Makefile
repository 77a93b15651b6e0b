# mailmill - `make help` lists the targets.
#
# One set of rules builds every variant.  A variant is a compiler, flags and a folder:
#   make                    build/mailmill            gcc or cc, optimised and hardened
#   make VARIANT=asan       build/asan/mailmill       address and undefined behaviour sanitizers
#   make VARIANT=gcc        build/gcc/mailmill        gcc, every warning an error (for lint)
#   make VARIANT=clang      build/clang/mailmill      clang, every warning an error (for lint)
#   make VARIANT=fuzz       build/fuzz/targets/...    the library and tests/fuzz for libFuzzer
#   make VARIANT=torture    build/torture/mailmill    -DMAILMILL_TORTURE: hostile scheduling
#   make VARIANT=fault      build/fault/mailmill      -DMAILMILL_FAULT: planted bugs for tests/fault
# Sources are found by themselves: every src/**/*.c goes into libmailmill.a, except
# src/main.c; every lua/**/*.lua is embedded; every tests/unit/X_test.c is a program.

VERSION  = 0.1.0
VARIANT ?= default
WERROR  ?=
PREFIX  ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 30
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(JOBS)
endif
.DELETE_ON_ERROR:
.SUFFIXES:

# --- variants ----------------------------------------------------------------------

B        = build/$(VARIANT)
OPT      = -O2 -g
HARDEN   = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
LHARDEN  = -pie -Wl,-z,relro,-z,now
SANITIZE = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
DEFINES  =

ifeq ($(VARIANT),default)
B        = build
else ifeq ($(VARIANT),asan)
OPT      = $(SANITIZE) -fsanitize=address,undefined
HARDEN   =
LHARDEN  =
else ifeq ($(VARIANT),gcc)
CC       = gcc
WERROR   = 1
else ifeq ($(VARIANT),clang)
CC       = clang
WERROR   = 1
else ifeq ($(VARIANT),fuzz)
CC       = clang
OPT      = $(SANITIZE) -fsanitize=fuzzer-no-link,address,undefined
HARDEN   =
LHARDEN  =
else ifeq ($(VARIANT),torture)
DEFINES  = -DMAILMILL_TORTURE
else ifeq ($(VARIANT),fault)
DEFINES  = -DMAILMILL_FAULT
else
$(error VARIANT is one of default asan gcc clang fuzz torture fault)
endif

# --- libraries ---------------------------------------------------------------------

LUA_NAMES = lua5.4 lua-5.4 lua54 lua5.5 lua-5.5 lua55 lua
LUA_PC   := $(firstword $(foreach p,$(LUA_NAMES),$(shell \
	pkg-config --exists '$p >= 5.4' 2>/dev/null && echo $p)))
PACKAGES  = libuv sqlite3 libpcre2-8 libutf8proc libssl libcrypto $(or $(LUA_PC),lua5.4)
HAVE_ALL := $(shell pkg-config --exists $(PACKAGES) 2>/dev/null && echo yes)
PC_CFLAGS := $(if $(HAVE_ALL),$(shell pkg-config --cflags $(PACKAGES)))
PC_LIBS   := $(if $(HAVE_ALL),$(shell pkg-config --libs $(PACKAGES)))

# --- flags -------------------------------------------------------------------------

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef $(if $(WERROR),-Werror)
ALL_CPPFLAGS = -D_GNU_SOURCE -DMAILMILL_VERSION='"$(VERSION)"' $(DEFINES) -Isrc $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(OPT) $(HARDEN) $(WARN) $(PC_CFLAGS) $(CFLAGS)
ALL_LDFLAGS  = $(OPT) $(LHARDEN) $(LDFLAGS)
LIBS         = $(PC_LIBS) -lm -lpthread -ldl
COMPILE      = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS)

# --- files -------------------------------------------------------------------------

SRCS  := $(sort $(shell find src -name '*.c' ! -path src/main.c))
LUAS  := $(sort $(if $(wildcard lua),$(shell find lua -name '*.lua')))
UNITS := $(sort $(wildcard tests/unit/*_test.c))
FUZZS := $(sort $(wildcard tests/fuzz/*_fuzz.c))
LIB    = $(B)/libmailmill.a
BIN    = $(if $(wildcard src/main.c),$(B)/mailmill)
GEN    = build/gen/embedded.c
OBJS   = $(SRCS:src/%.c=$(B)/obj/%.o) $(B)/obj/gen/embedded.o
TEST_OBJS = $(UNITS:tests/%.c=$(B)/obj/tests/%.o) $(FUZZS:tests/%.c=$(B)/obj/tests/%.o) \
	$(TALK_OBJS) $(WIRE_OBJS)
TALK_OBJS = $(addprefix $(B)/obj/tests/talk/,talk.o talk_session.o talk_do.o talk_script.o)
WIRE_OBJS = $(addprefix $(B)/obj/tests/talk/,wire.o wire_server.o talk_script.o)
UNIT_BINS = $(UNITS:tests/unit/%.c=$(B)/unit/%)
FUZZ_BINS = $(FUZZS:tests/fuzz/%.c=$(B)/targets/%)

.PHONY: all lib unit-programs fuzz-programs golden-program talk-programs fault-killer objects \
	help test unit lint \
	asan valgrind gc fuzz fault bench doc demo install clean need-packages FORCE

all: $(LIB) $(BIN)	## build build/mailmill (and build/libmailmill.a)
lib: $(LIB)		## build the library only
unit-programs: $(UNIT_BINS)
fuzz-programs: $(FUZZ_BINS)
golden-program: $(B)/golden
talk-programs: $(B)/talk $(B)/talk-wire
fault-killer: $(B)/fault/killer.so
objects: $(OBJS) $(TEST_OBJS)

$(B)/mailmill: $(B)/obj/main.o $(LIB)
	@echo "  LD   $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(OBJS) $(B)/files
	@echo "  AR   $@"
	@rm -f $@
	@$(AR) crs $@ $(OBJS)

$(B)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/obj/gen/embedded.o: $(GEN) $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/obj/tests/%.o: tests/%.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -Itests/unit -I. -MMD -MP -c -o $@ $<

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/obj/tests/unit/unit.o $(LIB)
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/golden: $(B)/obj/tests/golden/golden.o $(LIB)
	@echo "  TEST $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/talk: $(TALK_OBJS) $(LIB)
	@echo "  TEST $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/talk-wire: $(WIRE_OBJS) $(LIB)
	@echo "  TEST $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Goes into a program that may have no sanitizer's runtime, and stands before one that has.
$(B)/fault/killer.so: tests/fault/killer.c
	@mkdir -p $(@D)
	@echo "  TEST $@"
	@$(CC) -D_GNU_SOURCE -std=c11 -O2 -g -fPIC -shared $(WARN) -o $@ $< -ldl

# libFuzzer brings its main(), so this links in VARIANT=fuzz only.
$(B)/targets/%: $(B)/obj/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  FUZZ $@"
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(GEN): $(LUAS) scripts/embed build/gen/files
	@scripts/embed lua $(LUAS) > $@

# Stamps: rewritten only when what they hold changes, so that other flags rebuild all
# objects, and a source that went away leaves the library.
define stamp
@mkdir -p $(@D)
@printf '%s\n' $1 | cmp -s - $@ || printf '%s\n' $1 > $@
endef

$(B)/flags: FORCE | need-packages
	$(call stamp,'$(subst ','\'',$(COMPILE))')
$(B)/files: FORCE
	$(call stamp,$(SRCS))
build/gen/files: FORCE
	$(call stamp,$(LUAS) .)

need-packages:
	@$(if $(HAVE_ALL),:,echo "make: a library is missing; run scripts/setup build" >&2; exit 1)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# Objects are kept between runs although only pattern rules name them.
.SECONDARY:

# --- what people run -----------------------------------------------------------------
# The scripts call make themselves for what they need, after scripts/setup has run.

help:			## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo "With VARIANT=asan, gcc, clang, torture or fault, all and test work in build/VARIANT."

test:			## install what is missing, build, run every test
	@scripts/setup test
	@scripts/test

unit:			## the unit tests only
	@scripts/test unit

asan:			## every test under the address and undefined behaviour sanitizers
	@scripts/test --variant asan

valgrind:		## the unit tests under valgrind
	@scripts/test --valgrind unit

gc:			## the Lua tests with a collector that runs all the time
	@MAILMILL_GC=aggressive scripts/test lua

fault:			## kill the daemon at every step and look at what is left
	@scripts/test --full fault

fuzz:			## each fuzz target (or those of FUZZ="a b") for FUZZ_SECONDS (30)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(FUZZ)

lint:			## layers, headers, globals, gcc and clang warnings, luacheck, sizes
	@scripts/lint

bench: all		## the figures: speed and memory
	@tests/bench/run

doc: all		## rebuild what is generated under doc/ and check it
	@scripts/doc

demo:			## install what is missing, build, and show rules at work on a sample Maildir
	@scripts/setup build
	@$(MAKE) --no-print-directory all
	@scripts/demo

install: all		## copy the program, its manual and examples under DESTDIR PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/mailmill
	install -m 755 $(B)/mailmill $(DESTDIR)$(PREFIX)/bin/mailmill
	cp -R README.md LICENSE doc/. $(DESTDIR)$(PREFIX)/share/doc/mailmill/
	@for page in doc/*.1; do test ! -f "$$page" || \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 "$$page"; done

clean:			## remove everything that was built
	rm -rf build
