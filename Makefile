# susmilter: how to build, try, test and install it
#
#   make              the daemon and susmilterctl, in build/
#   make demo         installs what is missing, then plays real SMTP sessions through a private
#                     Postfix and shows what was accepted and refused, and why
#   make check        installs what is missing, builds and runs all tests
#   make unit         only the unit tests        make wire    only those with servers
#   make check SANITIZER=thread  the same, instrumented; also SANITIZER=address,undefined
#   make check-coverage  unit, scenario, replay and wire on a build that counts which lines ran
#   make bench        lookups, builds, reloads and transactions against peers, by hand
#   make check-long   what takes hours: model, oom, soak, the package, the other Debian
#   make model        a million sessions through the product and through a slow model of it
#   make sim          the fleet's protocol: nodes, losses and crashes from a seed (SIM_STEPS, SIM_SEED)
#   make backtest-pairs  fast and full backtests of 1,000 pairs of rule sets
#   make oom          every allocation of messages, reloads and commands fails once
#   make soak         the long runs: reloads under load, signal storms, kill -9
#   make valgrind     the unit tests under valgrind
#   make fuzz         ten minutes for each fuzz target (FUZZ_SECONDS=600, FUZZ=NAME for one)
#   make deb          the Debian package build/susmilter_*.deb, judged by lintian
#   make check-package  installs, upgrades and purges it in a fresh Debian, as root, by hand
#   make check-debian RELEASE=trixie  all of these in a fresh Debian of that release, by hand
#   make install      below $(DESTDIR)$(prefix); `make uninstall` removes it
#   make clean        removes build/
#   make help         prints this
#
#   CC=clang                        another compiler
#   V=1                             shows the commands that compile and link
#   SANITIZER=address,undefined     instrumented, in a build directory of its own; also thread
#   COVERAGE=yes                    counts which lines run, in a build directory of its own
#   SPF=native                      without libspf2, in a build directory of its own
#   prefix=/usr/local  sysconfdir=/etc  DESTDIR=
#
# A new source or test in a room (src/HALF/ROOM, tests/unit/HALF/ROOM) is found by itself.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

prefix     ?= /usr/local
sysconfdir ?= /etc
sbindir    ?= $(prefix)/sbin
mandir     ?= $(prefix)/share/man
unitdir    ?= $(prefix)/lib/systemd/system
completiondir ?= $(prefix)/share/bash-completion/completions
zshdir     ?= $(prefix)/share/zsh/vendor-completions

ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZER  ?=
COVERAGE   ?=
SHARED     ?= ../shared
export SHARED
# Check's own four seconds are too few for an instrumented test on a busy machine.
export CK_DEFAULT_TIMEOUT ?= $(if $(COVERAGE),180,60)
FUZZ_SECONDS ?= 600
FUZZ_MUTANTS ?= 300
comma      := ,
# Who evaluates SPF (include/edge/auth/spf.h): the sources of each, and the library.
SPF        ?= libspf2
SPF_SOURCES_libspf2 := auth/spf_libspf2 auth/spf_tokens
SPF_SOURCES_native  := auth/spf_native
SPF_LIBS_libspf2    := -lspf2
$(if $(SPF_SOURCES_$(SPF)),,$(error SPF is "$(SPF)": it can be libspf2 or native))
BUILD      ?= build$(if $(filter native,$(SPF)),/native)$(if $(SANITIZER),/san-$(subst $(comma),-,$(SANITIZER)))$(if $(COVERAGE),/coverage)$(if $(filter clang%,$(notdir $(CC))),/clang)
# Data of tests that is not part of the sources: RFC 7208's suite is in a package of Debian, too.
SPF_SUITE  ?= $(firstword $(wildcard $(SHARED)/data/spf/rfc7208-tests.yml) $(BUILD)/rfc7208-tests.yml)
# What was not run for want of data, a line each; `make check` says it at its end.
NOT_RUN    ?= $(BUILD)/not-run
export SPF_SUITE NOT_RUN

$(foreach name,BUILD DESTDIR prefix sysconfdir,$(if $(word 2,$($(name))),\
    $(error $(name) is "$($(name))": make can do nothing with a blank in it)))

# ---- what there is ------------------------------------------------------------------------

# A room (src/HALF/ROOM/) has its sources found by itself, and so have its tests (tests/unit/HALF/ROOM/).
stems = $(patsubst $(1)/%$(3),%,$(sort $(wildcard $(addsuffix $(3),$(addprefix $(1)/,$(2))))))
CORE := $(call stems,src/core,* */*,.c)
EDGE := $(filter-out main %/main $(filter-out $(SPF_SOURCES_$(SPF)),$(SPF_SOURCES_libspf2) \
    $(SPF_SOURCES_native)),$(call stems,src/edge,* */*,.c))
CTL  := $(call stems,src/ctl,*,.c)
UNIT := $(call stems,tests/unit,* */*/*,_test.c)
FAKE := $(call stems,tests/fake,*,.c)
FUZZ := $(call stems,tests/fuzz,*,_fuzz.c)
# With real servers: tests/wire/NAME_test.c, and with real MTAs tests/wire/NAME_test.py BUILD_DIRECTORY.
WIRE_MTA := $(call stems,tests/wire,*,_test.py)
WIRE := $(call stems,tests/wire,*,_test.c)

# ---- Debian packages ----------------------------------------------------------------------

PACKAGES_BUILD := gcc make pkg-config libc6-dev libpcre2-dev libidn2-dev libconfig-dev libmaxminddb-dev libspf2-dev libunbound-dev libmilter-dev libmicrohttpd-dev libjansson-dev libopendkim-dev libssl-dev libzstd-dev libsqlite3-dev libunistring-dev
ifeq ($(SPF),native)
    PACKAGES_BUILD := $(filter-out libspf2-dev,$(PACKAGES_BUILD))
endif
PACKAGES_CHECK := check git zsh libyaml-dev python3 python3-dkim python3-nacl perl libmaxmind-db-writer-perl mandoc systemd
PACKAGES_DEB   := build-essential debhelper dpkg-dev lintian
PACKAGES_PACKAGE := debootstrap python3 util-linux iproute2 systemd-container
PACKAGES_BENCH := jq python3-spf libspf2-dev libmaxminddb-dev liblmdb-dev opendkim opendmarc unbound openssl
PACKAGES_VALGRIND := valgrind
PACKAGES_FUZZ  := clang libclang-rt-dev
PACKAGES_STYLE := clang-format cppcheck
# What the private servers of demo and wire tests need; Sendmail's own packages, which conflict with
# Postfix, are only unpacked in the build directory, beside the libraries that they want; so is
# Prometheus.
PACKAGES_DEMO  := postfix python3 perl libmaxmind-db-writer-perl sasl2-bin libsasl2-modules libsasl2-modules-db
PACKAGES_WIRE  := $(PACKAGES_DEMO) tmux dns-root-data openssl python3-prometheus-client iproute2 util-linux m4 libwrap0 'libldap-2.5-0|libldap2' liblockfile1 libnsl2 'libdb5.3|libdb5.3t64'

# ---- how it is compiled -------------------------------------------------------------------

CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wwrite-strings \
            -Wmissing-prototypes -Wpointer-arith -Wvla -Werror
HARDEN   := -fstack-protector-strong -fPIE $(if $(SANITIZER),,-D_FORTIFY_SOURCE=2)
SANFLAGS := $(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
# Lines as they are written, since an optimizer merges some, and from several threads at once.
COUNTED  := $(if $(COVERAGE),-O0 -U_FORTIFY_SOURCE --coverage -fprofile-update=atomic)
# Says what is made instead of how, unless V=1.
told      = $(if $(V),,@echo '  $(1) $(@:$(BUILD)/%=%)';)
COMPILE   = $(call told,CC  )$(CC) -std=c11 $(CFLAGS) $(WARN) $(HARDEN) $(SANFLAGS) -Iinclude -MMD -MP
LINK      = $(call told,LINK)$(CC) $(CFLAGS) $(SANFLAGS) $(if $(COVERAGE),--coverage) -pie -Wl,-z,relro,-z,now $(LDFLAGS)
ARCHIVE   = $(call told,AR  )rm -f $@ && $(AR) rcs $@ $^

# Libraries are named where they are used: pcre2 is the one that core may know.
CORE_LIBS := libpcre2-8
EDGE_LIBS := $(CORE_LIBS) libidn2 libconfig libmaxminddb milter jansson opendkim libcrypto libmicrohttpd libzstd sqlite3
# libspf2 and libunistring have no pkg-config file, and libunbound's wants what only static linking needs.
EDGE_PLAIN := $(SPF_LIBS_$(SPF)) -lunbound -lunistring -lm
CHECK_LIBS := check yaml-0.1
pc_cflags  = $(shell pkg-config --cflags $(1))
pc_libs    = $(shell pkg-config --libs $(1))
SYSTEM     := -D_GNU_SOURCE

CORE_OBJECTS := $(CORE:%=$(BUILD)/core/%.o)
EDGE_OBJECTS := $(EDGE:%=$(BUILD)/edge/%.o)
CTL_OBJECTS  := $(CTL:%=$(BUILD)/ctl/%.o)
UNIT_TESTS   := $(UNIT:%=$(BUILD)/tests/unit/%_test)

# Objects of tests are kept, not taken for intermediate files.
.PRECIOUS: $(BUILD)/tests/%.o

all: $(BUILD)/susmilter $(BUILD)/susmilterctl

# What it is built with is installed, or named, before the first object is made.
$(BUILD)/needs: Makefile
	@mkdir -p $(@D)
	@contrib/install-missing $(sort $(PACKAGES_BUILD))
	@touch $@

$(BUILD)/core/%.o: src/core/%.c | $(BUILD)/needs
	@mkdir -p $(@D)
	$(COMPILE) $(COUNTED) -c -o $@ $<

$(BUILD)/edge/%.o: src/edge/%.c | $(BUILD)/needs
	@mkdir -p $(@D)
	$(COMPILE) $(COUNTED) $(SYSTEM) -pthread $(call pc_cflags,$(EDGE_LIBS)) -c -o $@ $<

# The version is that of the package, whose changelog has another place while it is built.
CHANGELOG := $(firstword $(wildcard contrib/debian/changelog debian/changelog))
$(BUILD)/edge/os/version.o: private SYSTEM += -DVERSION='"$(shell sed -n '1s/.*(\(.*\)).*/\1/p' $(CHANGELOG))"'
$(BUILD)/edge/os/version.o: $(CHANGELOG)

$(BUILD)/ctl/%.o: src/ctl/%.c | $(BUILD)/needs
	@mkdir -p $(@D)
	$(COMPILE) $(COUNTED) $(SYSTEM) -pthread $(call pc_cflags,$(EDGE_LIBS)) -c -o $@ $<

$(BUILD)/libcore.a: $(CORE_OBJECTS)
	$(ARCHIVE)

$(BUILD)/libedge.a: $(EDGE_OBJECTS)
	$(ARCHIVE)

$(BUILD)/susmilter: $(BUILD)/edge/daemon/main.o $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(EDGE_LIBS)) $(EDGE_PLAIN)

# An instrumented worker looks for its leaks as well.
ifneq ($(findstring address,$(SANITIZER)),)
$(BUILD)/susmilter: $(BUILD)/tests/lab/leaks.o
$(BUILD)/susmilter: private LDFLAGS += -Wl,--wrap=_exit
endif

$(BUILD)/susmilterctl: $(CTL_OBJECTS) $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(EDGE_LIBS)) $(EDGE_PLAIN)

# One that counts its lines writes them however it leaves.
ifneq ($(COVERAGE),)
$(BUILD)/susmilter $(BUILD)/susmilterctl: $(BUILD)/tests/lab/counts.o
$(BUILD)/susmilter $(BUILD)/susmilterctl: private LDFLAGS += -Wl,--wrap=_exit
endif

# ---- tests --------------------------------------------------------------------------------

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(COMPILE) $(SYSTEM) -I. -Itests -pthread -c -o $@ $<

# The outside world of tests, in memory.
$(BUILD)/tests/libfake.a: $(FAKE:%=$(BUILD)/tests/fake/%.o)
	$(ARCHIVE)

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(BUILD)/tests/unit/main.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(CHECK_LIBS) $(EDGE_LIBS)) $(EDGE_PLAIN)

# Tests of core are linked with core alone, but for those that read a configuration, make names of
# IDNs or ask the DNS in memory.
UNIT_NEEDS_EDGE := core/auth/dmarc core/base/setting core/change/% core/suggest/% core/explain/% core/rules/facts core/policy/gather \
    core/policy/match core/policy/policy core/policy/reply
UNIT_CORE := $(filter-out $(UNIT_NEEDS_EDGE),$(filter core/%,$(UNIT)))
$(UNIT_CORE:%=$(BUILD)/tests/unit/%_test): $(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o \
    $(BUILD)/tests/unit/main.o $(BUILD)/tests/libfake.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(CHECK_LIBS) $(CORE_LIBS)) -lm

# Against real servers, on loopback: tests/wire/NAME_test.c.
$(BUILD)/tests/wire/%_test: $(BUILD)/tests/wire/%_test.o $(BUILD)/tests/unit/main.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(CHECK_LIBS) $(EDGE_LIBS)) $(EDGE_PLAIN)

# For whole programs, preloaded.
$(BUILD)/tests/lab/failmalloc.so: tests/lab/failmalloc.c
	@mkdir -p $(@D)
	$(COMPILE) $(SYSTEM) -Itests -fPIC -shared -o $@ $< -ldl

wire: $(WIRE:%=$(BUILD)/tests/wire/%_test) all $(BUILD)/tests/lab/failmalloc.so $(BUILD)/sendmail $(BUILD)/exim $(BUILD)/prometheus
	@failed=0; for t in $(WIRE:%=$(BUILD)/tests/wire/%_test); do $$t || failed=1; done; \
	for t in $(WIRE_MTA); do tests/wire/$${t}_test.py $(BUILD) || failed=1; done; exit $$failed

# Sendmail's and Exim's packages conflict with Postfix's, and Prometheus's would start a server for everybody:
# they are unpacked here, not installed, and before the tests go to a network of their own, where
# there is nothing to download from.
UNPACK := sendmail exim prometheus pyspf
build/sendmail: UNPACKED := sendmail-bin sendmail-base sendmail-cf
# With the libraries that it alone wants; those of the C compiler's own system are there.
build/exim: UNPACKED = exim4-daemon-heavy $(filter-out libc6 libgcc% libcrypt1,$(shell \
    apt-cache depends -i exim4-daemon-heavy 2>/dev/null | sed -n 's/.*Depends: \(lib[a-z0-9.+-]*\)$$/\1/p'))
build/prometheus: UNPACKED = prometheus $(if $(shell apt-cache policy promtool 2>/dev/null),promtool)
build/pyspf: UNPACKED := python3-spf
download := apt-get -qq -o APT::Sandbox::User=root download
$(UNPACK:%=build/%):
	@rm -rf $@.new && mkdir -p $@.new/debs
	@cd $@.new/debs && { $(download) $(UNPACKED) || \
	    { apt-get -qq update && $(download) $(UNPACKED); }; }
	@for deb in $@.new/debs/*.deb; do dpkg -x $$deb $@.new || exit 1; done
	@rm -r $@.new/debs && mv $@.new $@

# Other builds use the same.
ifneq ($(BUILD),build)
$(UNPACK:%=$(BUILD)/%): $(BUILD)/%: | build/%
	@mkdir -p $(@D) && ln -sfn $(abspath $|) $@
endif

$(BUILD)/rfc7208-tests.yml: | $(BUILD)/pyspf
	@gzip -dc $(BUILD)/pyspf/usr/share/doc/python3-spf/rfc7208-tests.yml.gz >$@

# Lets allocations fail.
$(BUILD)/tests/unit/core/base/diag_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc
$(BUILD)/tests/unit/core/base/table_test: LDFLAGS += -Wl,--wrap=calloc
$(BUILD)/tests/unit/core/name/name_radix_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc
$(BUILD)/tests/unit/edge/auth/dkim_hostile_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

# A libopendkim with faults.
$(BUILD)/tests/unit/edge/auth/dkim_opendkim_test: LDFLAGS += -Wl,--wrap=dkim_free,--wrap=dkim_eoh,--wrap=dkim_sig_gethashes
$(BUILD)/tests/unit/edge/config/config_feeds_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
# Lets those of libraries fail, too; a sanitizer has its own allocator.
FAILING := $(addprefix $(BUILD)/tests/unit/,core/history/history_memory_test core/change/message_window_test core/suggest/suggest_domains_test \
    edge/auth/spf_memory_test edge/auth/dkim_memory_test \
    edge/control/json_memory_test)
ifeq ($(SANITIZER),)
$(FAILING): $(BUILD)/tests/lab/failmalloc.o
else
$(FAILING:=.o): CFLAGS += -DNO_FAILMALLOC
endif

# Counts them, too.
$(BUILD)/tests/unit/core/net/ip_radix_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free

# Side by side, each with its output in one piece; all are run even when one fails.
UNIT_SCRIPTS := layering pages unit_file packaging dashboards rules_in_git
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

unit-programs: $(UNIT_TESTS)

unit: $(UNIT_TESTS) $(BUILD)/libcore.a $(BUILD)/susmilter $(BUILD)/susmilterctl
	@$(MAKE) --no-print-directory -k $(jobs) $(UNIT:%=run/%) $(UNIT_SCRIPTS:%=run/%)

# Without what only looks at sources.
unit-run: $(UNIT_TESTS)
	@$(MAKE) --no-print-directory -k $(jobs) $(UNIT:%=run/%)

run_quietly = mkdir -p $(@D:run%=$(BUILD)/run%) && if $(1) >$(BUILD)/$@.log 2>&1; then cat $(BUILD)/$@.log; \
    else cat $(BUILD)/$@.log; exit 1; fi

$(UNIT:%=run/%): run/%: $(BUILD)/tests/unit/%_test
	@$(call run_quietly,$<)

run/layering: $(BUILD)/libcore.a
	@$(call run_quietly,tests/unit/layering $<)

$(filter-out run/layering,$(UNIT_SCRIPTS:%=run/%)): run/%: $(BUILD)/susmilter $(BUILD)/susmilterctl
	@$(call run_quietly,tests/unit/$* $(BUILD))

# The unit tests again, slowly, by hand: each in one process, so that its leaks are its own.  The
# flood of reports is shorter, since its memory is measured and valgrind's is several times as much.
valgrind: deps-valgrind $(UNIT_TESTS)
	@failed=0; for t in $(UNIT_TESTS); do \
		CK_FORK=no REPORTS_FLOOD=50000 valgrind -q --leak-check=full --num-callers=40 \
		    --suppressions=tests/lab/valgrind.supp --error-exitcode=9 $$t || failed=1; \
	done; exit $$failed

# Fuzz targets are tests/fuzz/NAME_fuzz.c with seeds in tests/fuzz/seeds/NAME.  `make replay` needs
# no clang: it runs the seeds and some repeatable damage to them.
$(BUILD)/tests/fuzz/%_replay: $(BUILD)/tests/fuzz/%_fuzz.o $(BUILD)/tests/fuzz/replay.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(CHECK_LIBS) $(EDGE_LIBS)) $(EDGE_PLAIN)

replay: $(FUZZ:%=$(BUILD)/tests/fuzz/%_replay)
	@for t in $(FUZZ); do $(BUILD)/tests/fuzz/$${t}_replay -mutants $(FUZZ_MUTANTS) \
		tests/fuzz/seeds/$$t/* || exit 1; done

$(BUILD)/tests/fuzz/%_fuzzer: $(BUILD)/tests/fuzz/%_fuzz.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	clang $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ -pthread \
		$(call pc_libs,$(CHECK_LIBS) $(EDGE_LIBS)) $(EDGE_PLAIN)

fuzz: deps-fuzz
	@$(MAKE) --no-print-directory CC=clang SANITIZER=fuzzer-no-link,address,undefined \
		BUILD=$(BUILD)/fuzz fuzz-run

# One after the other; what a target finds is left beside it.
fuzz-run: $(FUZZ:%=$(BUILD)/tests/fuzz/%_fuzzer)
	@for t in $(FUZZ); do mkdir -p $(BUILD)/corpus/$$t; \
		$(BUILD)/tests/fuzz/$${t}_fuzzer -max_total_time=$(FUZZ_SECONDS) -max_len=8192 \
		-print_final_stats=1 -artifact_prefix=$(BUILD)/tests/fuzz/$$t- \
		$(BUILD)/corpus/$$t tests/fuzz/seeds/$$t || exit 1; done

# Benchmarks are tests/bench/NAME_bench.c and the target bench-NAME; each needs its peers.
$(BUILD)/tests/bench/%_bench: $(BUILD)/tests/bench/%_bench.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) -pthread $(call pc_libs,$(CHECK_LIBS) $(EDGE_LIBS)) $(EDGE_PLAIN) $(LDLIBS)

# What a benchmark has besides: files of its own and the libraries of its peers.
$(BUILD)/tests/bench/ip_radix_bench: $(BUILD)/tests/bench/routes.o $(BUILD)/tests/bench/triedump.o
$(BUILD)/tests/bench/ip_radix_bench: LDLIBS = -lm
$(BUILD)/tests/bench/spf_bench: LDLIBS = -lspf2
$(BUILD)/tests/bench/name_bench: $(BUILD)/tests/bench/names.o
$(BUILD)/tests/bench/name_bench: LDLIBS = $(call pc_libs,lmdb) -lm

bench: bench-spf bench-ip bench-name bench-pattern bench-dkim bench-policy bench-verdict bench-reload bench-resolver bench-milter bench-message bench-flood

$(BUILD)/tests/bench/milter_bench: $(BUILD)/tests/bench/mtadriver.o

$(BUILD)/tests/bench/noop_milter: $(BUILD)/tests/bench/noop_milter.o
	$(LINK) -o $@ $^ -pthread $(call pc_libs,milter)

bench-milter: deps-bench all $(BUILD)/tests/bench/milter_bench $(BUILD)/tests/bench/noop_milter
	@tests/bench/milter_bench.py $(BUILD) $(SHARED)/data/lists/ranges-2025-10.txt

$(BUILD)/tests/bench/flood_bench: $(BUILD)/tests/bench/mtadriver.o

bench-flood: deps-bench all $(BUILD)/tests/bench/flood_bench
	@tests/bench/flood_bench.py $(BUILD)

$(BUILD)/tests/bench/message_bench: $(BUILD)/tests/bench/message_bench.o
	$(LINK) -o $@ $^ -pthread

bench-message: deps-bench all $(BUILD)/tests/bench/message_bench $(BUILD)/tests/bench/noop_milter
	@tests/bench/message_bench.py $(BUILD)

# Is it slower than an earlier one?  BEFORE: its build directory.
bench-pairs: deps-bench all $(BUILD)/tests/bench/milter_bench $(BUILD)/tests/bench/message_bench
	@tests/bench/pairs_bench.py $(BUILD) $(BEFORE)

bench-evaluate: deps-bench all $(BUILD)/tests/bench/message_bench
	@tests/bench/evaluate_bench.py $(BUILD)

bench-ip: deps-bench $(BUILD)/tests/bench/ip_radix_bench
	@$(BUILD)/tests/bench/ip_radix_bench $(SHARED)/data/lists/ranges-2025-10.txt

bench-name: deps-bench $(BUILD)/tests/bench/name_bench
	@$(BUILD)/tests/bench/name_bench $(wildcard $(SHARED)/data/lists/helo-2026-08.txt)

bench-pattern: deps-bench $(BUILD)/tests/bench/pattern_bench
	@$(BUILD)/tests/bench/pattern_bench

bench-policy: deps-bench $(BUILD)/tests/bench/policy_bench
	@$(BUILD)/tests/bench/policy_bench

bench-verdict: deps-bench all $(BUILD)/tests/bench/milter_bench
	@tests/bench/verdict_bench.py $(BUILD)

bench-history: deps-bench all $(BUILD)/tests/bench/history_bench
	@tests/bench/history_bench.py $(BUILD)

bench-backtest: deps-bench all $(BUILD)/tests/bench/backtest_bench
	@dir=$$(mktemp -d); $(BUILD)/tests/bench/backtest_bench $$dir/history 10000000 \
	    $(wildcard $(SHARED)/data/lists/ranges-2025-10.txt $(SHARED)/data/lists/helo-2026-08.txt); \
	    status=$$?; rm -rf $$dir; exit $$status

# Fast and full backtests of 1,000 pairs of rule sets, by hand; `make unit` has a short form.
backtest-pairs: deps-check $(BUILD)/tests/unit/edge/history/history_backtest_test
	@BACKTEST_PAIRS=1000 BACKTEST_ROWS=20000 $(BUILD)/tests/unit/edge/history/history_backtest_test

bench-reload: deps-bench $(BUILD)/tests/bench/reload_bench
	@$(BUILD)/tests/bench/reload_bench $(wildcard $(SHARED)/data/lists/ranges-2025-10.txt \
	    $(SHARED)/data/lists/helo-2026-08.txt)

bench-resolver: deps-bench $(BUILD)/tests/bench/resolver_bench
	@$(BUILD)/tests/bench/resolver_bench

bench-dkim: deps-bench $(BUILD)/tests/bench/dkim_bench
	@$(BUILD)/tests/bench/dkim_bench

bench-spf: deps-bench $(BUILD)/tests/bench/spf_bench
	@$(BUILD)/tests/bench/spf_bench 4 1
	@$(BUILD)/tests/bench/spf_bench 4 2
	@tests/bench/spf_pyspf.py 2

SCENARIOS := $(sort $(wildcard tests/scenario/*.txt))

$(BUILD)/tests/scenario/play: $(BUILD)/tests/scenario/play.o $(BUILD)/tests/scenario/expect.o \
    $(BUILD)/tests/libfake.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(EDGE_LIBS)) $(EDGE_PLAIN)

# Scenarios: SMTP read aloud, through transaction and policy.
scenario: $(BUILD)/tests/scenario/play
	@$< $(SCENARIOS)
	@$< --sampled $(SCENARIOS)

# The model of the policy that knows nothing of the product, and sessions through both.
MODEL := model model_conf model_list model_values

$(BUILD)/tests/model/model: $(MODEL:%=$(BUILD)/tests/model/%.o)
	$(LINK) -o $@ $^ $(call pc_libs,libconfig jansson libidn2) -lunistring

# What explain prints of each rule against what decides.
$(BUILD)/tests/model/outcomes: $(BUILD)/tests/model/outcomes.o $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(EDGE_LIBS)) $(EDGE_PLAIN)

# What becomes of each recipient of a message.
$(BUILD)/tests/model/messages: $(BUILD)/tests/model/messages.o $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(LINK) -o $@ $^ -pthread $(call pc_libs,$(EDGE_LIBS)) $(EDGE_PLAIN)

# Its walks over a quarter of a million entries are worth a vectorising compiler.
$(BUILD)/tests/model/%.o: CFLAGS += -O3

MODEL_PROGRAMS := model outcomes messages

# The fleet's protocol: fifty nodes and their faults in one thread, with core alone.
SIM := $(call stems,tests/sim,*,.c)
SIM_STEPS ?= 200000
SIM_SEED ?= 1

$(BUILD)/tests/sim/fleet_sim: $(SIM:%=$(BUILD)/tests/sim/%.o) $(BUILD)/libcore.a
	$(LINK) -o $@ $^ $(call pc_libs,$(CORE_LIBS)) -lm

sim: $(BUILD)/tests/sim/fleet_sim
	@$< $(SIM_STEPS) $(SIM_SEED)

model-short: $(MODEL_PROGRAMS:%=$(BUILD)/tests/model/%) all
	@tests/model/compare.py $(BUILD)

model: deps-check $(MODEL_PROGRAMS:%=$(BUILD)/tests/model/%) all
	@tests/model/compare.py $(BUILD) --sets 1000 --sessions 880 --real 120000

demo: deps-demo
	@$(MAKE) --no-print-directory -s all
	@tests/demo/demo.py $(BUILD)

# The long runs, by hand; `make check` has a short form.
$(BUILD)/tests/soak/deliver: $(BUILD)/tests/soak/deliver.o $(BUILD)/tests/bench/mtadriver.o
	$(LINK) -o $@ $^ -pthread

soak: deps-check all $(BUILD)/tests/soak/deliver
	@tests/soak/reload_soak.py $(BUILD)

soak-short: all $(BUILD)/tests/soak/deliver
	@tests/soak/reload_soak.py $(BUILD) --short

# Every allocation, by hand; `make check` has a short form, tests/wire/memory_test.py.
oom: deps-check all $(BUILD)/tests/lab/failmalloc.so
	@tests/wire/memory_test.py $(BUILD) --full

# Everything that continuous integration holds; each part says how long it took.
# Without the suite of RFC 7208, offline, the rest is run.
check: deps-check-all
	@rm -f $(NOT_RUN)
	@$(MAKE) --no-print-directory -s $(SPF_SUITE) || true
	@$(foreach part,unit scenario model-short $(if $(SANITIZER),sim replay wire,check-coverage) soak-short \
	    check-native check-style check-clang check-address check-thread fuzz-short,$(call timed,$(part)) &&) \
	    :; status=$$?; \
	    tests/not_run $(NOT_RUN); exit $$status

# By hand, before it is said that all is well: figures of scale, every allocation, the package here and
# everything in a fresh Debian of another release.
check-long:
	@$(foreach part,model backtest-pairs oom soak check-package check-debian,$(call timed,$(part)) &&) :

timed = { start=$$(date +%s); $(MAKE) --no-print-directory $(jobs) $(2) $(1) && \
    echo "== $(1): $$(($$(date +%s) - start)) s"; }

# The wire tests run here, once, and with them what else shows that a line does what it should.
# Files for the counts are there first, so that a daemon that has given up root can write them, too.
COUNTED_PARTS := unit-run scenario sim replay wire
COUNTS := $(BUILD:%/clang=%)/coverage
check-coverage:
	@$(MAKE) --no-print-directory $(jobs) CC=gcc COVERAGE=yes all unit-programs
	@find $(COUNTS) -name '*.gcda' -delete
	@find $(COUNTS) -name '*.gcno' | sed 's/gcno$$/gcda/' | xargs sh -c 'touch "$$@" && chmod 666 "$$@"' -
	@$(foreach part,$(COUNTED_PARTS),$(call timed,$(part),CC=gcc COVERAGE=yes) &&) :
	@tests/coverage $(COUNTS)

# Formatting as clang-format 14 does it (Debian 12's; others differ in small things), and cppcheck.
# Its varFuncNullUB is about systems where NULL is a plain 0.
check-style:
	@if clang-format --version | grep -q 'version 14\.'; then \
		find src include tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror; \
	else echo 'check-style: NOT RUN: formatting is judged by clang-format 14 only'; fi
	@cppcheck --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=varFuncNullUB --error-exitcode=1 -q -j2 \
	    -Iinclude src

# The build without libspf2.
check-native:
	@$(MAKE) --no-print-directory SPF=native scenario

# Both compilers without a warning, tests included.
check-clang:
	@$(MAKE) --no-print-directory CC=clang all unit-programs sim

# The sanitizers of gcc 12 and clang 14 cannot start where the kernel places memory at random within
# more bits than they know (vm.mmap_rnd_bits above 28): there it is placed as always, if we may.
PLACED := $(shell setarch -R true 2>/dev/null && echo setarch -R)

check-address:
	@CFLAGS='-O1 -g' $(PLACED) $(MAKE) --no-print-directory SANITIZER=address,undefined unit scenario sim replay

check-thread:
	@CFLAGS='-O1 -g' $(PLACED) $(MAKE) --no-print-directory SANITIZER=thread unit scenario replay

fuzz-short:
	@$(PLACED) $(MAKE) --no-print-directory CC=clang SANITIZER=fuzzer-no-link,address,undefined \
		BUILD=$(BUILD)/fuzz FUZZ_SECONDS=10 fuzz-run >$(BUILD)/fuzz-short.log 2>&1 || \
		{ tail -n 60 $(BUILD)/fuzz-short.log; exit 1; }

# All at once, so that who may not install is told one command.
deps-build:    NEEDED = $(PACKAGES_BUILD)
deps-check:    NEEDED = $(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_WIRE)
deps-check-all: NEEDED = $(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_WIRE) $(PACKAGES_FUZZ) $(PACKAGES_STYLE)
deps-demo:     NEEDED = $(PACKAGES_BUILD) $(PACKAGES_DEMO)
deps-bench:    NEEDED = $(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_WIRE) $(PACKAGES_BENCH)
deps-valgrind: NEEDED = $(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_WIRE) $(PACKAGES_VALGRIND)
deps-fuzz:     NEEDED = $(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_WIRE) $(PACKAGES_FUZZ)
deps-deb:      NEEDED = $(PACKAGES_BUILD) $(PACKAGES_DEB)
deps-package:  NEEDED = $(PACKAGES_BUILD) $(PACKAGES_DEB) $(PACKAGES_PACKAGE)

deps-build deps-check deps-check-all deps-demo deps-bench deps-valgrind deps-fuzz deps-deb deps-package:
	@contrib/install-missing $(sort $(NEEDED))

# ---- the package --------------------------------------------------------------------------

deb: deps-deb
	@contrib/make-deb build

check-package: deps-package deb
	@rm -rf build/installed
	@$(MAKE) --no-print-directory -s DESTDIR=build/installed install >/dev/null
	@tests/package/run build $(shell . /etc/os-release && echo $$VERSION_CODENAME)

# Everything in a fresh Debian of that release: hours on a small machine, most of them `make check`.
RELEASE ?= trixie
check-debian: deps-package
	@tests/package/debian build/debian/$(RELEASE) $(RELEASE)

# ---- installing ---------------------------------------------------------------------------

SYSTEMD_UNITS := susmilter.service susmilter-reload.service susmilter-reload.path susmilter-reload.timer \
    susmilter-digest.service susmilter-digest.timer
MAN8 := $(sort $(wildcard src/*.8))
MAN5 := $(sort $(wildcard conf/*.5))

# A configuration that is there already is left alone; a new one keeps decisions and refusals, and a
# whitelist for susmilterctl.
install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(unitdir) $(DESTDIR)$(mandir)/man5 \
	    $(DESTDIR)$(mandir)/man8 $(DESTDIR)$(prefix)/lib/sysusers.d \
	    $(DESTDIR)$(prefix)/lib/tmpfiles.d $(DESTDIR)$(prefix)/lib/susmilter \
	    $(DESTDIR)$(completiondir) $(DESTDIR)$(zshdir) $(DESTDIR)$(sysconfdir)/susmilter/lists \
	    $(DESTDIR)$(sysconfdir)/logrotate.d
	install -m 755 $(BUILD)/susmilter $(BUILD)/susmilterctl $(DESTDIR)$(sbindir)
	install -m 755 contrib/asked-by-mta $(DESTDIR)$(prefix)/lib/susmilter/asked-by-mta
	for unit in $(SYSTEMD_UNITS); do \
	    sed 's|@sbindir@|$(sbindir)|; s|@sysconfdir@|$(sysconfdir)|' \
	        contrib/systemd/$$unit >$(DESTDIR)$(unitdir)/$$unit || exit 1; done
	install -m 644 contrib/systemd/sysusers.conf \
	    $(DESTDIR)$(prefix)/lib/sysusers.d/susmilter.conf
	install -m 644 contrib/systemd/tmpfiles.conf \
	    $(DESTDIR)$(prefix)/lib/tmpfiles.d/susmilter.conf
	install -m 644 $(MAN8) $(DESTDIR)$(mandir)/man8
	install -m 644 $(MAN5) $(DESTDIR)$(mandir)/man5
	install -m 644 contrib/completion/susmilterctl $(DESTDIR)$(completiondir)/susmilterctl
	install -m 644 contrib/completion/_susmilterctl $(DESTDIR)$(zshdir)/_susmilterctl
	install -m 644 contrib/logrotate.conf $(DESTDIR)$(sysconfdir)/logrotate.d/susmilter
	install -m 644 conf/lists/*.example $(DESTDIR)$(sysconfdir)/susmilter/lists
	[ -e $(DESTDIR)$(sysconfdir)/susmilter/susmilter.conf ] || { \
	    install -m 644 conf/susmilter.conf $(DESTDIR)$(sysconfdir)/susmilter/susmilter.conf && \
	    contrib/first-configuration $(DESTDIR)$(sysconfdir)/susmilter/susmilter.conf; }

# Stops what it removes, says which MTA is left asking, and leaves the configuration.
uninstall:
	[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || \
	    [ ! -e $(unitdir)/susmilter.service ] || systemctl disable --now susmilter.service
	[ -n "$(DESTDIR)" ] || contrib/asked-by-mta
	rm -f $(DESTDIR)$(sbindir)/susmilter $(DESTDIR)$(sbindir)/susmilterctl \
	    $(SYSTEMD_UNITS:%=$(DESTDIR)$(unitdir)/%) \
	    $(DESTDIR)$(prefix)/lib/sysusers.d/susmilter.conf \
	    $(DESTDIR)$(prefix)/lib/tmpfiles.d/susmilter.conf \
	    $(DESTDIR)$(completiondir)/susmilterctl $(DESTDIR)$(zshdir)/_susmilterctl \
	    $(DESTDIR)$(sysconfdir)/logrotate.d/susmilter \
	    $(MAN8:src/%=$(DESTDIR)$(mandir)/man8/%) $(MAN5:conf/%=$(DESTDIR)$(mandir)/man5/%)
	rm -rf $(DESTDIR)$(prefix)/lib/susmilter

clean:
	rm -rf build

help:
	@sed -n '/^[^#]/q;s/^# \{0,1\}//p' Makefile

.PHONY: check-coverage check-long unit-run oom bench-pairs deps-check-all check-native check-style check-clang check-address check-thread fuzz-short unit-programs $(UNIT:%=run/%) $(UNIT_SCRIPTS:%=run/%) all demo deb check-package check-debian deps-deb deps-package install uninstall unit wire replay model model-short fuzz fuzz-run bench bench-spf bench-ip bench-name bench-pattern bench-dkim bench-resolver bench-message bench-flood check deps-build deps-check deps-demo deps-bench deps-fuzz deps-valgrind valgrind clean help scenario sim soak soak-short bench-milter bench-policy bench-verdict bench-reload bench-history bench-backtest backtest-pairs bench-evaluate

-include $(wildcard $(addprefix $(BUILD)/,core/*/*.d edge/*/*.d ctl/*.d tests/*/*.d tests/unit/*/*/*.d))
