# Included by Makefile: Debian packages, one a line.

# What Debian 12 calls the things needed to build and to run the examples,
DEMO_DEPS = \
    gcc \
    libc6-dev \
    make \
    pkg-config \
    libluajit-5.1-dev \
    libncurses-dev \
    luajit \
    lua-cjson \
    lua-argparse \
    lua-socket
# and those needed to test, to lint, to make packages and documents.
DEPS = \
    $(DEMO_DEPS) \
    lua-filesystem \
    lua-sec \
    lua-cqueues \
    openssl \
    util-linux \
    lua-busted \
    lua-check \
    lua-ldoc \
    lua-markdown \
    luarocks \
    libcmocka-dev \
    clang \
    libclang-rt-dev \
    clang-format \
    cppcheck \
    mandoc \
    fdupes \
    procps \
    tmux \
    libdevel-nytprof-perl \
    python3 \
    zsh \
    fish \
    spin

# What the peers of `make bench` need, and valgrind for `make instructions`.
BENCH_DEPS = \
    g++ \
    golang-go \
    erlang-base \
    python3 \
    perl \
    libmce-perl \
    libtbb-dev \
    parallel \
    valgrind

# What `make deb` needs.
DEB_DEPS = \
    debhelper \
    dpkg-dev \
    fakeroot \
    lintian
