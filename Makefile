# Every target installs what it needs; 'make help' lists them. Longer recipes are scripts in packaging/build/.

TARGET ?= $(shell uname -m)-unknown-linux-musl
PREFIX ?= /usr
INIT ?= systemd
DESTDIR ?=
# The front-end's remotes, and the architectures of its hosts.
REMOTES ?= /var/lib/one/remotes
DRIVER_ARCHS ?= $(MACHINE)
# Empty if the binaries are built already: AGENT and DRIVER are their paths.
BUILD ?= build
FUZZ_SECONDS ?= 20
# The groups of the lab's checks; all groups if empty.
LAB_GROUPS ?=

TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# The commit that a program prints, and its date. Source archives have both in a file.
BUILT_FROM := $(shell cat .commit 2>/dev/null || git log -1 --abbrev=12 --format='%h %cs' 2>/dev/null)
export ONE_SRIOV_COMMIT ?= $(word 1,$(BUILT_FROM))
export ONE_SRIOV_DATE ?= $(word 2,$(BUILT_FROM))
MACHINE = $(firstword $(subst -, ,$(TARGET)))
# The same target for another architecture.
target = $(TARGET:$(MACHINE)-%=$(1)-%)
release = $(TARGET_DIR)/$(call target,$(1))/release
AGENT = $(call release,$(MACHINE))/one-sriov-agent
DRIVER = $(call release,$(MACHINE))/one-sriov-driver
# The binaries for the other architecture are tested, too.
AGENT_AARCH64 = $(call release,aarch64)/one-sriov-agent
DRIVER_AARCH64 = $(call release,aarch64)/one-sriov-driver
TEST_PROGRAMS = cc c++ genisoimage xorriso ip unshare setpriv script patch strace augtool ldd readelf qemu-aarch64-static
# Programs that the driver works with.
TEST_PROGRAMS += rsync virsh libvirtd virt-xml-validate qemu-system-x86_64 xmllint sudo
# Network stacks are not installed just for a test; CI has them all.
TEST_PROGRAMS += $(if $(CI),NetworkManager systemd-networkd netplan ifup busybox dbus-daemon dnsmasq dhclient perl cloud-init udevadm mkfs.vfat\
	cpio depmod debootstrap dpkg-deb rpmbuild rpmlint lintian systemd-analyze visudo)
LAB_PROGRAMS = mmdebstrap genisoimage cpio depmod mke2fs zstd xz ssh rsync setpriv

.DEFAULT_GOAL := help
.PHONY: help setup readers build test check demo bench fuzz lint man licences install-agent install-node install-frontend deb rpm sbom dist lab lab-shell clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Install the programs that the tests run (as root, or with sudo)
	@packaging/build/setup $(TEST_PROGRAMS)
	@$(if $(CI),packaging/build/readers,echo "setup: not CI: the tests run ifupdown-ng and NetworkManager's reader of ifcfg files after 'make readers'")

readers: ## Fetch ifupdown-ng, and build NetworkManager with its reader of ifcfg files, for the tests (as root)
	@packaging/build/setup NetworkManager dpkg-deb
	@packaging/build/readers

build: ## Build the static agent and driver for TARGET (this machine's by default)
	@packaging/build/setup cc
	@packaging/build/rust-target $(TARGET)
	cargo build --release --locked --package one-sriov-agent --package one-sriov-driver --target $(TARGET)

build-%:
	@$(MAKE) --no-print-directory build TARGET=$(call target,$*)

test: setup build build-aarch64 ## Run all tests, those from outside on the static binaries
	ONE_SRIOV_AGENT=$(AGENT) ONE_SRIOV_AGENT_AARCH64=$(AGENT_AARCH64) \
		ONE_SRIOV_DRIVER=$(DRIVER) ONE_SRIOV_DRIVER_AARCH64=$(DRIVER_AARCH64) \
		cargo test --workspace --locked

check: ## Run the tests that need no installed program and no root
	cargo test --locked --workspace --exclude one-sriov-tests --exclude one-sriov-lab --lib
	cargo test --locked --package hwaddr --package one-sriov-tests --test round_trips --test hostile_input --test docs

demo: build ## Show what both halves do (DEMO_REQUIRE_REAL=1: on a real network stack or not at all)
	@packaging/build/setup 'genisoimage|xorriso' ip virsh
	DEMO_REQUIRE_REAL=$(DEMO_REQUIRE_REAL) tests/demo/run $(AGENT) $(DRIVER)

bench: setup build ## Measure the parts of both halves, and each beside what it replaces and beside its floor
	@packaging/build/setup valgrind
	cargo build --release --locked --package one-sriov-tests --bin floor --target $(TARGET)
	cargo bench --locked --package one-sriov-agent --package one-sriov-driver
	ONE_SRIOV_AGENT=$(AGENT) ONE_SRIOV_DRIVER=$(DRIVER) ONE_SRIOV_FLOOR=$(call release,$(MACHINE))/floor \
		cargo run --release --locked --package one-sriov-tests --bin side-by-side

fuzz: ## Fuzz each target for FUZZ_SECONDS (needs a nightly Rust)
	@packaging/build/setup cc c++
	@FUZZ_SECONDS=$(FUZZ_SECONDS) packaging/build/fuzz

lint: ## Format, clippy, licences and advisories, shell scripts, documentation
	@packaging/build/setup cc shellcheck
	@packaging/build/lint

man: ## Regenerate the man pages and the shell completions
	cargo run --quiet --locked --package one-sriov-xtask -- man packaging/man
	cargo run --quiet --locked --package one-sriov-xtask -- completions packaging/completions

licences: ## Regenerate the licences of everything that is linked into the programs
	cargo run --quiet --locked --package one-sriov-xtask -- licences packaging/licences

install-agent: $(BUILD) ## Install the agent below DESTDIR and PREFIX, for INIT=systemd, sysv or openrc
	PREFIX=$(PREFIX) INIT=$(INIT) packaging/build/install-agent '$(DESTDIR)' $(AGENT)

install-node: $(BUILD) ## Install what a host needs, and its operators, below DESTDIR and PREFIX
	PREFIX=$(PREFIX) packaging/build/install-node '$(DESTDIR)' $(DRIVER)

install-frontend: $(if $(BUILD),$(addprefix build-,$(DRIVER_ARCHS))) ## Install the driver below DESTDIR into the front-end's REMOTES
	packaging/build/install-remotes $(DESTDIR)$(REMOTES) $(VERSION) \
		$(foreach arch,$(DRIVER_ARCHS),$(arch)=$(if $(filter $(MACHINE),$(arch)),$(DRIVER),$(call release,$(arch))/one-sriov-driver))

deb: build ## Build the Debian packages for TARGET into dist/
	@packaging/build/setup dpkg-deb
	packaging/build/deb $(VERSION) $(MACHINE) $(AGENT) $(DRIVER)

sbom: ## Write what the programs are made of into dist/
	@mkdir -p dist
	cargo run --quiet --locked --package one-sriov-xtask -- sbom $(TARGET) > dist/one-sriov-$(VERSION).cdx.json

dist: ## Make the archive of the source, and that of its crates, which the spec file takes, in dist/
	@mkdir -p dist
	packaging/build/source $(VERSION) dist/one-sriov-$(VERSION).tar.gz
	packaging/build/vendor dist/one-sriov-$(VERSION)-vendor.tar.gz

rpm: build ## Build the RPMs for TARGET into dist/
	@packaging/build/setup rpmbuild
	packaging/build/rpm $(VERSION) $(MACHINE) $(AGENT) $(DRIVER)

LAB = cargo run --quiet --locked --package one-sriov-lab --
lab: deb ## Check the whole system on emulated SR-IOV hardware, as root (LAB_GROUPS=...)
	@packaging/build/setup $(LAB_PROGRAMS)
	$(LAB) run $(LAB_GROUPS)

lab-shell: deb ## Boot the lab and leave it up, to look around in it
	@packaging/build/setup $(LAB_PROGRAMS)
	$(LAB) shell

clean: ## Remove what was built
	cargo clean
	rm -rf dist fuzz/target fuzz/artifacts fuzz/coverage
