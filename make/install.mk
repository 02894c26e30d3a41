# Included by Makefile: installing, and packages.

# ---- install --------------------------------------------------------------

LUA_FILES = $(patsubst lua/%,%,$(shell find lua -name '*.lua' 2>/dev/null))
SCRIPT_FILES = $(patsubst scripts/%,%,$(shell find scripts -name '*.lua' 2>/dev/null))
EDITOR_FILES = $(patsubst editor/%,%,$(shell find editor -type f 2>/dev/null))
DOC_FILES = $(wildcard README.md CHANGELOG.md LICENSE docs/*.md docs/internals/*.md docs/*.svg docs/*.png bench/results/*.md)

BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
LUA_LIBDIR = $(PREFIX)/lib/lua/5.1
LUA_DIR = $(PREFIX)/share/lua/5.1
MANDIR = $(PREFIX)/share/man/man1
DOCDIR = $(PREFIX)/share/doc/prunner
SCRIPTDIR = $(PREFIX)/share/prunner/scripts
EDITORDIR = $(PREFIX)/share/prunner/editor
BASH_COMPDIR = $(PREFIX)/share/bash-completion/completions
ZSH_COMPDIR = $(PREFIX)/share/zsh/site-functions
FISH_COMPDIR = $(PREFIX)/share/fish/vendor_completions.d
COMPLETIONS = \
    bash:$(BASH_COMPDIR)/prunner \
    zsh:$(ZSH_COMPDIR)/_prunner \
    fish:$(FISH_COMPDIR)/prunner.fish

# core.so is a link to the library: a process that has one has the other, and
# the shared state exists once.
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(LUA_LIBDIR)/prunner $(DESTDIR)$(DOCDIR)
	install -m 755 $(BUILD)/prunner $(DESTDIR)$(BINDIR)/prunner
	install -m 644 $(BUILD)/libprunner.so $(DESTDIR)$(LIBDIR)/libprunner.so
	ln -srf $(DESTDIR)$(LIBDIR)/libprunner.so $(DESTDIR)$(LUA_LIBDIR)/prunner/core.so
	for f in $(LUA_FILES); do install -D -m 644 lua/$$f $(DESTDIR)$(LUA_DIR)/$$f || exit 1; done
	for f in $(SCRIPT_FILES); do install -D -m 644 scripts/$$f $(DESTDIR)$(SCRIPTDIR)/$$f || exit 1; done
	for f in $(EDITOR_FILES); do install -D -m 644 editor/$$f $(DESTDIR)$(EDITORDIR)/$$f || exit 1; done
	for f in $(DOC_FILES); do install -D -m 644 $$f $(DESTDIR)$(DOCDIR)/$$f || exit 1; done
	for f in $(wildcard docs/*.1); do install -D -m 644 $$f $(DESTDIR)$(MANDIR)/$${f##*/} || exit 1; done
	for c in $(COMPLETIONS); do $(BUILD)/prunner --completion $${c%%:*} >$(OBJ)/completion && \
	  install -D -m 644 $(OBJ)/completion $(DESTDIR)$${c#*:} || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR),$(foreach c,$(COMPLETIONS),$(lastword $(subst :, ,$(c)))))
	rm -f $(DESTDIR)$(BINDIR)/prunner $(DESTDIR)$(LIBDIR)/libprunner.so
	rm -f $(DESTDIR)$(LUA_LIBDIR)/prunner/core.so $(DESTDIR)$(MANDIR)/prunner.1
	rm -f $(addprefix $(DESTDIR)$(LUA_DIR)/,$(LUA_FILES))
	rm -f $(addprefix $(DESTDIR)$(SCRIPTDIR)/,$(SCRIPT_FILES))
	rm -f $(addprefix $(DESTDIR)$(EDITORDIR)/,$(EDITOR_FILES))
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,$(DOC_FILES))
	for d in $(LUA_LIBDIR)/prunner $(LUA_DIR)/prunner $(PREFIX)/share/prunner $(DOCDIR)/docs $(DOCDIR); do \
	  [ ! -d $(DESTDIR)$$d ] || find $(DESTDIR)$$d -depth -type d -empty -delete; done

# For LuaRocks, which copies files (so no link) and keeps core.so deeper: the
# command is linked against the one file there is, and finds it from where it is.
install-rock: all
	install -d $(ROCK_BINDIR) $(ROCK_LIBDIR)/prunner
	install -m 644 $(BUILD)/libprunner.so $(ROCK_LIBDIR)/prunner/core.so
	$(LINK) -Wl,-rpath,'$$ORIGIN/../lib/lua/5.1/prunner' -o $(ROCK_BINDIR)/prunner \
	  $(CMD_LINK) -L$(ROCK_LIBDIR)/prunner -l:core.so $(LUAJIT_LIBS) $(CURSES_LIBS)
	for f in $(LUA_FILES); do install -D -m 644 lua/$$f $(ROCK_LUADIR)/$$f || exit 1; done

# ---- a Debian package -----------------------------------------------------

VERSION = $(shell sed -n 's/.*PRUNNER_VERSION "\(.*\)".*/\1/p' engine/base/version.h)
DEB_DIR = $(BUILD)/deb
DEB_TREE = $(DEB_DIR)/prunner-$(VERSION)

.PHONY: deb deb-check deb-deps

deb-deps: deps
	@$(MAKE) --no-print-directory deps DEPS='$(DEB_DEPS)'

# From a copy, so that this tree stays what it is.
deb: deb-deps
	@[ "$$(dpkg-parsechangelog -S Version)" = '$(VERSION)' ] || { \
	  echo 'deb: debian/changelog does not begin with version $(VERSION), that of engine/base/version.h' >&2; exit 1; }
	rm -rf $(DEB_DIR)
	mkdir -p $(DEB_TREE)
	cp -a Makefile make README.md CHANGELOG.md LICENSE engine lua scripts editor docs tests debian $(DEB_TREE)
	cd $(DEB_TREE) && dpkg-buildpackage -us -uc -b
	@ls $(DEB_DIR)/*.deb

deb-check: deb
	tests/deb $(DEB_DIR)/prunner_*.deb
