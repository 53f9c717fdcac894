# Signpost. GNU make.
#
#   make              build/signpost.fcgi, build/signpost
#   make check        build, run every test (installs nothing)
#   make check-asan   the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   make check-valgrind  the responder's tests under valgrind
#   make fuzz T=60    each harness of tests/fuzz for T seconds (clang, libFuzzer)
#   make fuzz-long NIGHT=28800  all of them together for so many seconds, on all cores; what it
#                     finds stays in build/fuzz (corpus, findings), and the next run goes on from it
#   make lint         format, static analysis, man pages, layers
#   make bench        measure, side by side; prints ratios
#   make bench-scale  the same with a million devices (takes long)
#   make install      PREFIX=/usr/local DESTDIR=
#   make dist         build/signpost-VERSION.tar.gz of the last commit, always the same bytes
#   make bench-restarts  what restarts lose, and what 20 million requests leave behind (takes long)

VERSION = 0.1.0

CC = cc
CFLAGS = -O2 -g
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE $(BRANCHES)
# Where the compiler knows it for its target: calls and returns go only where they may (CET on x86).
BRANCHES := $(shell for flag in -fcf-protection=full -mbranch-protection=standard; do \
    $(CC) -Werror $$flag -x c -c -o /dev/null /dev/null 2>/dev/null && echo $$flag && break; done)
WARN = -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
       -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2
WERROR =
LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed

# Small libraries are linked from their archives: a CGI start costs less than with shared ones.
# `make STATIC=` uses the shared ones.
STATIC = yes
ifeq ($(STATIC),yes)
link = $(patsubst %,-l:lib%.a,$(1))
else
link = $(patsubst %,-l%,$(1))
endif
# Debian has no archive of libqrencode.
LIBS = $(call link,yaml jansson b64 cdb md) -lqrencode
FCGI_LIBS = $(call link,fcgi seccomp)
HEALTH_LIBS = -lcurl -lnghttp2 -lssl -lcrypto

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec
MANDIR = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/signpost
DESTDIR =

B = build

# The same source gives the same bytes, in whatever directory, and with whatever B.
SAME = -ffile-prefix-map=$(CURDIR)=.

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(SAME) -Ilib -DSIGNPOST_VERSION='"$(VERSION)"' \
             -DSIGNPOST_BINDIR='"$(BINDIR)"' -DTEMPLATES_DIR='"templates"' $(HARDEN) $(WARN) $(WERROR) $(CFLAGS)

LIB_OBJ = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard lib/*.c)))
CGI_OBJ = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cgi/*.c)))
CLI_OBJ = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cli/*.c)))
HEALTH_OBJ = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard health/*.c)))

all: $(B)/signpost.fcgi $(B)/signpost $(B)/signpost-health

$(B)/libsignpost.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $^

$(B)/signpost-health: $(B)/health/main.o $(B)/libhealth.a $(B)/libsignpost.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(HEALTH_LIBS)

# What tests may take from health/: each only what it calls, so that few need its libraries.
$(B)/libhealth.a: $(filter-out $(B)/health/main.o,$(HEALTH_OBJ))
	@rm -f $@
	$(AR) rcsD $@ $^

$(B)/signpost.fcgi: $(CGI_OBJ) $(B)/libsignpost.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(LIBS)

$(B)/signpost: $(CLI_OBJ) $(B)/libsignpost.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/%.o: tests/unit/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icgi -Ihealth -DTESTS_DIR='"$(CURDIR)/tests"' -MMD -MP -c -o $@ $<

$(B)/lib/frame.o: $(wildcard templates/*)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Tests. tests/run says how to run single ones.

BENCH = $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
UNIT = $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))

$(B)/tests/%: $(B)/tests/unit/%.o $(filter-out $(B)/cgi/main.o,$(CGI_OBJ)) $(B)/libhealth.a $(B)/libsignpost.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(LIBS) $(HEALTH_LIBS) -lcmocka

# How many test programs run at once.
JOBS = 1

# What end-to-end tests drive that has no program of its own.
$(B)/tests/e2e/%.o: tests/e2e/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Ihealth -MMD -MP -c -o $@ $<

$(B)/tests/probe_links: $(B)/tests/e2e/probe_links.o $(B)/libhealth.a $(B)/libsignpost.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(HEALTH_LIBS)

$(B)/tests/without_landlock: $(B)/tests/e2e/without_landlock.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call link,seccomp)

# Into a program with AddressSanitizer it could not be loaded; nor is there a sandbox.
$(B)/tests/inside.so: tests/e2e/inside.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -fno-sanitize=all -shared -o $@ $< -ldl

# What it puts in place of libc's is not to be made into something else.
$(B)/tests/faults.so: tests/e2e/faults.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -U_FORTIFY_SOURCE -fno-builtin -fPIC -fno-sanitize=all -shared -o $@ $< -ldl

AIDS = $(B)/tests/probe_links $(B)/tests/without_landlock $(B)/tests/inside.so \
       $(B)/tests/faults.so

check: all $(UNIT) $(AIDS)
	tests/run --build $(B) --jobs $(JOBS)

ASAN = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

check-asan:
	$(MAKE) B=build/asan CFLAGS='$(ASAN)' HARDEN=-fPIE check

check-valgrind: all $(UNIT) $(AIDS)
	tests/run --build $(B) --valgrind --jobs $(JOBS) unit/ e2e/test_fastcgi

# Fuzzing: a program of clang's for each tests/fuzz/*.c, beside everything that it may call.

T = 60
NIGHT = 28800
FUZZ = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
       -fno-omit-frame-pointer
HARNESSES = $(patsubst tests/fuzz/%.c,$(B)/harness/%,$(wildcard tests/fuzz/*.c))

$(B)/tests/fuzz/%.o: tests/fuzz/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icgi -Ihealth -MMD -MP -c -o $@ $<

$(B)/harness/%: $(B)/tests/fuzz/%.o $(filter-out $(B)/cgi/main.o,$(CGI_OBJ)) $(B)/libhealth.a $(B)/libsignpost.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(LIBS) $(HEALTH_LIBS)

harnesses: $(HARNESSES)

fuzzers:
	$(MAKE) B=$(B)/fuzz CC=clang CFLAGS='$(FUZZ)' HARDEN=-fPIE WARN='-Wall -Wextra' harnesses

fuzz: fuzzers
	tests/fuzz/run --build $(B)/fuzz --seconds $(T)

fuzz-long: fuzzers
	tests/fuzz/run --build $(B)/fuzz --night $(NIGHT)

# Everything compiled, tests and measurements too; for WERROR=-Werror.
counted: all $(UNIT) $(AIDS) $(BENCH)
	@echo "1 passed, 0 failed"

lint:
	tests/lint

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR)
	install -m 755 $(B)/signpost $(DESTDIR)$(BINDIR)/
	install -m 755 $(B)/signpost.fcgi $(B)/signpost-health $(DESTDIR)$(LIBEXECDIR)/
	install -d $(DESTDIR)$(DATADIR)/templates
	install -m 644 templates/* $(DESTDIR)$(DATADIR)/templates/
	for page in man/*; do \
		install -d $(DESTDIR)$(MANDIR)/man$${page##*.}; \
		install -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/; \
	done

DIST = signpost-$(VERSION)

# Without git, of an unpacked one: what is there. gzip -n: neither a name nor a time.
dist:
	@mkdir -p $(B)
	@if [ -e .git ]; then \
		git -c tar.umask=022 archive --format=tar --prefix=$(DIST)/ HEAD; \
	else \
		tar -c --format=ustar --sort=name --owner=root:0 --group=root:0 --mode=go=rX,u+rw \
			--mtime="@$$(stat -c %Y Makefile)" --exclude=./build --exclude='./run/[!.]*' \
			--exclude=__pycache__ --transform='s,^\.,$(DIST),' .; \
	fi | gzip -9n >$(B)/$(DIST).tar.gz.new
	@mv $(B)/$(DIST).tar.gz.new $(B)/$(DIST).tar.gz

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CGI_OBJ) $(CLI_OBJ) $(HEALTH_OBJ)) \
         $(wildcard $(B)/tests/unit/*.d $(B)/tests/e2e/*.d $(B)/tests/fuzz/*.d)

# Measuring: never part of check.

$(B)/bench/%.o: bench/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Icgi -MMD -MP -c -o $@ $<

$(B)/bench/%: $(B)/bench/%.o $(filter-out $(B)/cgi/main.o,$(CGI_OBJ)) $(B)/libsignpost.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(LIBS)

bench-scale: all $(BENCH)
	bench/scale --build $(B)

# How many requests restarts lose, and what twenty million of them leave behind.
bench-restarts: all $(BENCH)
	bench/restarts --build $(B)
	bench/soak --build $(B) --graph $(B)/soak.svg

bench: all $(BENCH)
	bench/run --build $(B)
	bench/formats --build $(B)
	bench/health --build $(B)
	bench/hostile --build $(B)

clean:
	rm -rf build

.PHONY: all check check-asan check-valgrind harnesses fuzzers fuzz fuzz-long counted lint install \
        dist bench bench-scale bench-restarts clean
.SECONDARY:
.DELETE_ON_ERROR:
