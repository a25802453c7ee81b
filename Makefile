# What a person runs. The tools' versions are pinned here; everything else is in go.mod.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: build run test lint bench generate

# A static binary, which needs nothing on the machine that it is copied to.
build:
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dumbprobe ./cmd/dumbprobe

# Checks of this very host, as JSON lines on stdout. Ctrl-C ends it.
run: build
	@./dumbprobe --checks scripts/host.lua

# The whole suite, with the race detector (which needs a C compiler).
test:
	CGO_ENABLED=1 go test -race -timeout 15m ./...

lint:
	@files="$$(gofmt -l $$(git ls-files '*.go'))"; if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@if command -v luacheck >/dev/null; then luacheck --quiet scripts; else echo "luacheck is not installed (Debian: lua-check): the Lua scripts are not checked"; fi

# What is generated of the table of the Lua API: docs/reference.md and scripts/meta.
generate:
	go generate ./luaapi

# Benchmarks, several times each, for benchstat: make bench > new.txt; go run $(BENCHSTAT) old.txt new.txt
bench:
	@go test -run '^$$' -bench . -benchmem -count $${COUNT:-6} $${PACKAGES:-./...}
