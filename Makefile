# Tandem: what to type. `make help` prints the lines with ##.

GO        ?= go
FUZZTIME  ?= 10s
BOARD     ?= pc
SIMTIME   ?= 10m
# Tests against real programs take their time; the rest must be quick.
QUICK     := -timeout 10m
LAB       := -timeout 40m -count=1

.PHONY: help build test check run run-server image kernel-update bench bench-boot bench-readme sim fuzz deps deps-lab

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

build: ## programs into bin/
	$(GO) build -o bin/ ./cmd/...

test: deps ## every test; those with real clients and servers last
	$(GO) test $(QUICK) $$($(GO) list ./... | grep -v '/cmd/lab')
	$(GO) test $(LAB) ./cmd/lab/...

check: ## gofmt, vet, staticcheck, architecture
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	  [ -z "$$unformatted" ] || { echo "gofmt these:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -count=1 -run Architecture ./failover

run: deps ## two blank boxes in QEMU: setup typed on their consoles, then real clients
	$(GO) run ./cmd/lab boxes

run-server: deps-lab ## dhcpfd without a box: clients at work, then a pair that loses a server
	$(GO) run ./cmd/lab run

image: deps ## disk image of BOARD (go run ./cmd/mkimage boards) into out/
	$(GO) run ./cmd/mkimage -board $(BOARD) -o out/tandem-$(BOARD).img

kernel-update: deps ## take Debian's newest kernel and boot loader into the lock file
	$(GO) run ./cmd/mkimage kernel-update

bench: deps-lab ## dhcpfd, alone and as a pair, against its peers, as tables
	$(GO) run ./cmd/lab bench
	$(GO) run ./cmd/lab bench-pairs

bench-boot: deps ## power-on of a box to its first client, for every way to start
	$(GO) run ./cmd/lab bench-boot

bench-readme: deps-lab ## the same, and write the table into README.md
	$(GO) run ./cmd/lab bench -readme README.md
	$(GO) run ./cmd/lab bench-pairs -readme README.md

sim: ## lives of simulated pairs for SIMTIME, fresh seeds, with coverage
	$(GO) run ./failover/sim/cmd -for $(SIMTIME)

fuzz: ## each fuzzer for FUZZTIME
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | sed 's/func //'); do \
	    echo "== $$dir $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$dir; \
	  done; done

deps: ## Debian packages that the tests need
	@cmd/lab/deps.sh

deps-lab: ## those that run and bench need
	@cmd/lab/deps.sh lab
