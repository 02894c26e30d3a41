--- Every message of the engine has an entry in docs/messages.md, and every entry is still said.
-- tests/messages.lua knows what a message is, and what an entry.
local helper = require "tests.e2e.helper"
local messages = require "messages"

local PAGE = "docs/messages.md"

local function read(path)
  return assert(helper.read(path), path .. " cannot be read")
end

local function sources()
  local pipe = assert(io.popen("ls engine/*/*.[ch] lua/prunner/*.lua "
    .. "lua/prunner/registry/*.lua lua/prunner/socket/*.lua lua/prunner/report/init.lua"))
  local files = {}
  for file in pipe:lines() do
    files[#files + 1] = file
  end
  pipe:close()
  return files
end

local function texts(found)
  local list = {}
  for i, m in ipairs(found) do list[i] = m.text end
  return list
end

describe(PAGE, function()
  local entries = messages.entries(read(PAGE))
  local said = {}
  for _, file in ipairs(sources()) do
    for _, m in ipairs(messages.of(file, read(file))) do said[#said + 1] = m end
  end

  it("has an entry for every message", function()
    assert.is_true(#said > 150, "messages found: " .. #said)
    local missing = {}
    for _, m in ipairs(said) do
      local parts = messages.fixed_parts(m.text)
      local found = #parts == 0
      for _, entry in ipairs(entries) do found = found or messages.places(parts, entry) ~= nil end
      if not found then
        missing[#missing + 1] = ("%s:%d: %s"):format(m.file, m.line, table.concat(parts, " ... "))
      end
    end
    assert(#missing == 0, ("no entry in %s has these words. For each, please add a paragraph\n"
      .. "that begins with **`the message`** (in CAPITALS what varies) and says what it means and\n"
      .. "what to do. If it is no message, see `silent` in tests/messages.lua:\n\n%s\n")
      :format(PAGE, table.concat(missing, "\n")))
  end)

  it("has no entry for what is no longer said", function()
    local all, stale = {}, {}
    for i, m in ipairs(said) do all[i] = messages.fixed_parts(m.text) end
    for _, entry in ipairs(entries) do
      local unknown, count = messages.unknown_words(entry, all)
      if #unknown > 0 and 3 * #unknown > count then
        stale[#stale + 1] = ("%s\n    nobody says: %s"):format(entry, table.concat(unknown, ", "))
      end
    end
    assert(#stale == 0, ("entries of %s whose words are in no source any more: please\n"
      .. "correct or remove them:\n\n%s\n"):format(PAGE, table.concat(stale, "\n")))
  end)

  it("has no entry twice", function()
    local seen = {}
    for _, entry in ipairs(entries) do
      assert(not seen[entry], entry)
      seen[entry] = true
    end
  end)
end)

describe("tests/messages.lua", function()
  it("finds the strings of C that are said, joined as the compiler joins them", function()
    local found = messages.of("x.c", [[
      /* log_error("a comment is none"); */
      log_error("the file \"%s\" "
                "is %" PRIu64 " bytes too long", name, n);
      return complain(late ? "it comes too late" : "it comes early");
      log_debug("worker %u has come home", k);
      char c = '"';
      const char *s = "/proc/self/status";
      return bad ? "is no good file" : NULL;
      put(f, "<td class=x>one of these days</td>");
      snprintf(b, n, "one line of %d words", 4);
      say_it_otherwise("all of them are gone");
    ]])
    assert.are.same({
      'the file "%s" is %u bytes too long', "it comes too late", "it comes early",
      "is no good file", "all of them are gone",
    }, texts(found))
    assert.are.equal(2, found[1].line)
  end)

  it("finds those of Lua", function()
    local found = messages.of("x.lua", [[
      -- error "a comment is none"
      error(("%s: a number is " .. "needed, got %s"):format(what, type(v)), 2)
      error("commit: " .. why, 2)
      if text:match "is not a message" then return nil, "it was not to be found" end
      local t = { text = 'while the script loads', key = "x" }
    ]])
    assert.are.same({
      "%s: a number is needed, got %s", "commit: %s", "it was not to be found", "while the script loads",
    }, texts(found))
  end)

  it("compares what does not vary", function()
    local parts = messages.fixed_parts 'prunner: %s: "%s" is not %5.1f%% of it\n  more'
    assert.are.same({ '" is not ', "% of it" }, parts)
    assert.is_truthy(messages.places(parts, 'OPTION: "X" is not 10% of it'))
    assert.is_nil(messages.places(parts, "10% of it is not"))
  end)

  it("takes an entry that ends in ... for the beginning of a message", function()
    local parts = messages.fixed_parts "%s: the function at %s was not known: define it"
    assert.is_truthy(messages.places(parts, "FN: the function at PLACE was not known ..."))
    assert.is_truthy(messages.places(parts, "FN: the function at PLACE was not known: define ..."))
    assert.is_nil(messages.places(parts, "FN: the function at PLACE was not found ..."))
    assert.is_nil(messages.places(parts, "FN: the function at PLACE was ...")) -- too little of it
    assert.is_nil(messages.places(parts, "FN: the function at PLACE was not known"))
  end)

  it("knows the words of an entry that nobody says", function()
    local all = { { "the file ", " is gone" } }
    assert.are.same({}, (messages.unknown_words("the file NAME is gone", all)))
    assert.are.same({ "forever" }, (messages.unknown_words("the file NAME is gone forever", all)))
  end)

  it("takes the bold code spans at the beginning of a paragraph for entries", function()
    local page = "# Title\n\n**`one A`**,\n**`two\nB`**\nMeaning of **`no entry`**.\n\nText **`none`**.\n"
    assert.are.same({ "one A", "two B" }, messages.entries(page))
  end)
end)
