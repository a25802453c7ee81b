# What a person runs. The tools' versions are pinned here; everything else is in go.mod.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
BENCHSTAT   = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
NFPM        = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: build run test lint bench profile soak generate packages

# A static binary, which needs nothing on the machine that it is copied to.
build:
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dumbprobe ./cmd/dumbprobe

# Checks of this very host, as JSON lines on stdout. Ctrl-C ends it.
run: build
	@./dumbprobe --checks scripts/host.lua

# The whole suite, with the race detector (which needs a C compiler). Here and for the linters, without the profile of the
# build: all would be compiled, or looked at, once more for it.
test:
	CGO_ENABLED=1 go test -race -pgo=off -timeout 15m ./...

lint:
	@files="$$(gofmt -l $$(git ls-files '*.go'))"; if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi
	go vet -pgo=off ./...
	GOFLAGS="$$(go env GOFLAGS) -pgo=off" go run $(STATICCHECK) ./...
	@if command -v luacheck >/dev/null; then luacheck --quiet scripts; else echo "luacheck is not installed (Debian: lua-check): the Lua scripts are not checked"; fi

# What is generated of the table of the Lua API: docs/reference.md and scripts/meta.
generate:
	go generate ./luaapi

# Two minutes with destinations that misbehave and kills of the daemon, see docs/delivery.md. SOAK is flags of internal/soak.
soak: build
	@go run ./internal/soak $(SOAK)

# Benchmarks, several times each, for benchstat: make bench > new.txt; go run $(BENCHSTAT) old.txt new.txt. With the
# profile of the build, and with the garbage collector as main sets it.
bench:
	@GOGC=$${GOGC:-200} go test -pgo=$(CURDIR)/cmd/dumbprobe/default.pgo -run '^$$' -bench . -benchmem -count $${COUNT:-6} $${PACKAGES:-./...}

# What the compiler takes from to build the binary, of benchmarks of what a run passes through: docs/benchmarks.md.
PROFILED = engine:TenThousandChecks luaapi:Run|JSON internal/output:Deliver internal/command:Commands
profile:
	@rm -rf dist/profile && mkdir -p dist/profile
	@for p in $(foreach p,$(PROFILED),'$(p)'); do name=$$(basename $${p%%:*}); \
		GOGC=200 go test -pgo=off -trimpath -run '^$$' -bench "$${p#*:}" -cpuprofile dist/profile/$$name.prof -o dist/profile/$$name.test ./$${p%%:*} || exit 1; done
	@go tool pprof -proto dist/profile/*.prof > dist/profile/all
	@go run -pgo=off ./internal/profile < dist/profile/all > dist/profile/stripped && mv dist/profile/stripped cmd/dumbprobe/default.pgo
	@rm -rf dist/profile

# A deb and an rpm in dist/, of this machine's architecture, or of another: make packages GOARCH=arm64. nfpm is built
# when it is used first. (The newer releases of nfpm need a module that the public proxy does not have.)
packages: export PACKAGE_ARCH = $(or $(GOARCH),$(shell go env GOARCH))
packages: export PACKAGE_VERSION = $(shell packaging/version.sh "$(VERSION)" "$$(git rev-list --count HEAD 2>/dev/null || echo 0)")
packages: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
packages:
	@rm -rf dist/stage && mkdir -p dist/stage
	CGO_ENABLED=0 GOOS=linux GOARCH=$(PACKAGE_ARCH) go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dist/stage/dumbprobe ./cmd/dumbprobe
	CGO_ENABLED=0 GOARCH= go build -pgo=off -ldflags "-X main.version=$(VERSION)" -o dist/stage/host ./cmd/dumbprobe
	@dist/stage/host man | gzip -9n > dist/stage/dumbprobe.1.gz
	@for shell in bash zsh fish; do dist/stage/host completion $$shell > dist/stage/completion.$$shell || exit 1; done
	@for kind in deb rpm; do GOARCH= CGO_ENABLED=0 go run $(NFPM) package --config packaging/nfpm.yaml --packager $$kind --target dist/ || exit 1; done
	@rm -rf dist/stage
