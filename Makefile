# What a developer does with Postroom. Each target installs what it needs (packaging/prerequisites says so first).
SHELL := /bin/bash
SWIFT ?= swift
FORMATTED := Package.swift Sources Tests

.PHONY: help demo run test release deb test-system bench fuzz fuzz-proof fuzz-report sanitize bounds format lint prerequisites clean

help:
	@sed -n 's/^## //p' Makefile

## make demo     build, start two appliances on loopback, send real mail through them, print its journey, stop
demo: debug
	@packaging/demo .build/debug/postroom

## make run      the same appliance in the foreground; it prints how to connect a mail program
run: debug
	@mkdir -p .build/run && exec .build/debug/postroom serve --demo .build/run

## make test     every test: units, and the built binary against real clients
test: prerequisites-test
	$(SWIFT) build --build-tests
	$(SWIFT) format lint --strict --recursive $(FORMATTED)
	packaging/run-tests

## make release  the binary as it is shipped: optimised, Swift's runtime linked in, stripped
release: prerequisites
	$(SWIFT) build -c release --product postroom --static-swift-stdlib
	strip -o .build/postroom .build/release/postroom
	@ls -l .build/postroom

## make deb      the Debian package, in .build/deb, looked at by lintian
deb:
	@packaging/prerequisites deb
	packaging/deb

## make test-system  the package on a fresh Debian 12 under a real systemd, in a container (root)
test-system: deb
	@packaging/prerequisites system
	packaging/test-system

## make bench    measure beside Postfix + Dovecot, write Benchmarks/RESULTS.md
bench: release
	@packaging/prerequisites bench
	Benchmarks/run
	Benchmarks/waiting

## make fuzz     each fuzz target for MINUTES of CPU (20), then what was gathered, minimised, into the corpora
MINUTES ?= 20
fuzz: prerequisites
	Tests/Fuzz/run build
	Tests/Fuzz/run fuzz $(MINUTES)
	Tests/Fuzz/run corpus

## make fuzz-proof   the fuzzer finds the bug that is planted for each target within a minute
fuzz-proof: prerequisites
	Tests/Fuzz/run build
	Tests/Fuzz/run proof

## make fuzz-report  writes Tests/Fuzz/COVERAGE.md; fails where a corpus covers less than 85 % of its parser
fuzz-report: prerequisites
	Tests/Fuzz/run build
	Tests/Fuzz/run report

## make sanitize the test suite under ThreadSanitizer, then AddressSanitizer (an hour on two cores)
sanitize: prerequisites-test
	packaging/sanitize thread
	packaging/sanitize address

## make bounds   the full sizes of the tests that overload a release build, for Benchmarks/BOUNDS.md (half an hour)
bounds: release prerequisites-test
	$(SWIFT) build --build-tests
	POSTROOM_BOUNDS=full POSTROOM_BINARY=$(CURDIR)/.build/postroom $(SWIFT) test --skip-build --filter 'EndToEnd\.Bounds|guessersDoNotLockOut'

## make format   lay out the sources as the lint in `make test` wants them
format:
	$(SWIFT) format --in-place --recursive $(FORMATTED)

.PHONY: debug prerequisites-test
debug: prerequisites
	$(SWIFT) build --product postroom

prerequisites:
	@packaging/prerequisites build

prerequisites-test:
	@packaging/prerequisites test

clean:
	rm -rf .build .build_fuzz
