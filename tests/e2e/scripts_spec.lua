--- The scripts of scripts/ with the real binary, against what other programs say. Those that need a
-- server are in scripts_web_spec.lua.

local bit = require "bit"
local ffi = require "ffi"
local helper = require "tests.e2e.helper"

local scripts = helper.root .. "/scripts/"

--- Whether there is a program of this name.
local function installed(program)
  return os.execute("command -v " .. program .. " > /dev/null") == 0
end

--- Runs a shell command that must succeed; `...` are its $1, $2 ...
local function shell(command, ...)
  return helper.expect(helper.run({ "sh", "-ec", command, "sh", ... })).out
end

describe("the sum scripts", function()
  after_each(helper.cleanup)

  for _, name in ipairs { "sum_functions", "sum_methods", "sum_runner" } do
    local script = scripts .. name .. ".lua"

    for _, n in ipairs { 1, 2, 10, 100, 1000 } do
      it(("%s prints the sum with %d workers"):format(name, n), function()
        helper.expect(helper.prunner(script, "-n", n), 0, "4002000\n")
      end)
    end

    it(name .. " takes N as its argument", function()
      helper.expect(helper.prunner(script, "-n", 4, "--", 10000), 0, "100010000\n")
      helper.expect(helper.prunner("-n", 4, script, 1), 0, "2\n")
      helper.expect(helper.prunner(script, "-n", 2, "--", 0), 0, "0\n")
    end)

    it(name .. " runs with --serial", function()
      helper.expect(helper.prunner(script, "--serial"), 0, "4002000\n")
    end)

    it(name .. " runs under plain luajit", function()
      helper.expect(helper.luajit(script), 0, "4002000\n")
      helper.expect(helper.luajit(script, 100), 0, "10100\n")
    end)
  end

  for _, name in ipairs { "sum_counter", "sum_dict_incr", "sum_lock" } do
    it(("bench/%s prints the sum"):format(name), function()
      local script = scripts .. "bench/" .. name .. ".lua"
      for _, n in ipairs { 1, 2, 10 } do
        helper.expect(helper.prunner(script, "-n", n), 0, "4002000\n")
      end
      helper.expect(helper.prunner(script, "-n", 4, "--", 10000), 0, "100010000\n")
    end)
  end
end)

describe("nqueens.lua", function()
  after_each(helper.cleanup)

  local script = scripts .. "nqueens.lua"

  it("counts the solutions on small boards", function()
    for n, count in ipairs { 1, 0, 0, 2, 10, 4, 40, 92, 352 } do
      helper.expect(helper.prunner(script, "-n", 2, "--", n), 0, count .. "\n")
    end
  end)

  it("counts the same with any number of workers", function()
    for _, n in ipairs { 1, 2, 4, 20 } do
      helper.expect(helper.prunner(script, "-n", n), 0, "724\n")
    end
  end)

  it("counts the same wherever it stops to split", function()
    for _, depth in ipairs { 0, 1, 2, 5, 8, 30 } do
      helper.expect(helper.prunner(script, "-n", 3, "--", 8, depth), 0, "92\n")
    end
  end)

  it("refuses boards it cannot count", function()
    for _, n in ipairs { "0", "31", "2.5", "queens" } do
      local result = helper.expect(helper.prunner(script, "-n", 2, "--", n), 2, "")
      assert.has_match("usage: prunner nqueens.lua", result.err, 1, true)
    end
  end)
end)

--- A tree with all that is odd about files but their contents. Returns its directory.
local function odd_tree()
  local dir = helper.tmpdir() .. "/tree"
  shell([[
    mkdir -p "$1/sub/deep" "$1/-n" "$1/ space " "$1/$(printf 'new\nline')" "$1/empty"
    cd "$1"
    : > nothing
    : > sub/.nothing
    printf 'one two two\nthree three three' > plain
    printf 'one two two\nthree three three' > sub/copy
    printf 'one two two\nthree three threE' > sub/nearly
    printf 'one two two\nthree three three' > "$(printf 'a\nb')"
    printf 'two' > "it's \"\$(exit 9)\" * ? \\ ;"
    printf 'ends in a word' > ' '
    printf 'begins with one' > ' space /-rf'
    printf 'two' > ./-n/-print0
    printf 'umlaut \303\244 \344 l\303\244nge\000NUL\000\377x' > sub/deep/binary
    printf 'umlaut \303\244 \344 l\303\244nge\000NUL\000\377x' > sub/deep/binary2
    printf '\000\000\000' > zero
    ln plain hard
    ln plain sub/deep/hard
    ln -s plain soft
    ln -s sub softdir
    ln -s .. sub/up
    ln -s gone dangling
    mkfifo pipe
  ]], dir)
  return dir
end

--- A script prints `expected` about `dir`, and no errors, with any number of workers.
local function assert_prints(script, dir, expected)
  for _, n in ipairs { 1, 2, 10 } do
    local result = helper.expect(helper.prunner(script, "-n", n, "--", dir), 0, expected)
    assert.are.equal("", result.err)
  end
end

describe("wordcount.lua", function()
  after_each(helper.cleanup)

  local script = scripts .. "wordcount.lua"

  --- The reference, without its empty word.
  local function reference(...)
    return shell([[
      find "$@" -type f -exec sh -c 'for f; do cat "$f"; echo; done' _ {} + |
        LC_ALL=C tr -cs A-Za-z '\n' | LC_ALL=C sort | LC_ALL=C uniq -c | grep '[A-Za-z]'
    ]], ...)
  end

  it("counts the words of files with odd names", function()
    local dir = odd_tree()
    local expected = reference(dir)
    assert.has_match("     14 two\n", expected, 1, true)
    assert_prints(script, dir, expected)
  end)

  it("counts words that lie across the blocks it reads", function()
    local dir = helper.tmpdir()
    local mib = 1024 * 1024
    helper.write(dir .. "/across", ("."):rep(mib - 3) .. "across again")
    helper.write(dir .. "/ends", ("."):rep(mib - 4) .. "ends")
    helper.write(dir .. "/begins", ("."):rep(mib) .. "begins" .. ("."):rep(mib))
    helper.write(dir .. "/long", ("."):rep(5) .. ("L"):rep(2 * mib + 7) .. "." .. ("M"):rep(mib))
    helper.write(dir .. "/words", ("word "):rep(mib))
    helper.expect(helper.prunner(script, "-n", 3, "--", dir), 0, reference(dir))
  end)

  it("counts many small files and several directories", function()
    local dir = helper.tmpdir()
    shell([[
      cd "$1"
      mkdir a b
      i=0
      while [ $i -lt 500 ]; do
        echo "word number $i of file $i" > a/$i
        echo "Word Number $i of file $i" > b/$i
        i=$((i + 1))
      done
      seq 200000 | sed 's/$/ line/' > b/large
    ]], dir)
    local a, b = dir .. "/a", dir .. "/b"
    helper.expect(helper.prunner(script, "-n", 4, "--", a, b), 0, reference(a, b))
    helper.expect(helper.prunner(script, "-n", 2, "--", a), 0, reference(a))
  end)

  it("takes a directory whose name looks like an option", function()
    local dir = odd_tree()
    local result = helper.prunner(script, "-n", 2, "--", "-n", { cwd = dir })
    helper.expect(result, 0, "      1 two\n")
  end)

  it("prints nothing for a tree without words", function()
    local dir = helper.tmpdir()
    helper.expect(helper.prunner(script, "-n", 2, "--", dir), 0, "")
    helper.write(dir .. "/empty", "")
    helper.expect(helper.prunner(script, "-n", 2, "--", dir), 0, "")
  end)

  it("warns of a file it cannot read and goes on", function()
    -- Reading this file fails for everybody, also for root: nothing is mapped at address 0.
    local dir = odd_tree()
    local result = helper.prunner(script, "-n", 2, "--", "/proc/self/mem", dir)
    helper.expect(result, 0, reference(dir))
    assert.has_match("warning: /proc/self/mem: ", result.err, 1, true)
  end)

  it("ends with status 1 when a directory is missing, and counts the rest", function()
    local dir = odd_tree()
    local result = helper.prunner(script, "-n", 2, "--", dir .. "/missing", dir)
    helper.expect(result, 1, reference(dir))
    assert.has_match("/missing", result.err, 1, true)
    assert.has_match("incomplete result", result.err, 1, true)
  end)

  it("says what is wrong when there is nothing to do", function()
    local result = helper.expect(helper.prunner(script, "-n", 2), 2, "")
    assert.has_match("usage: prunner wordcount.lua", result.err, 1, true)
    result = helper.expect(helper.prunner(script, "-n", 2, "--", "/missing"), 2, "")
    assert.has_match("found no file to read", result.err, 1, true)
  end)
end)

describe("dupfiles.lua", function()
  after_each(helper.cleanup)

  local script = scripts .. "dupfiles.lua"

  --- Groups of names, as this script prints them.
  local function groups_of(text)
    local groups = {}
    for group in (text:gsub("\n*$", "\n\n")):gmatch("(.-)\n\n") do
      local names = {}
      for name in (group .. "\n"):gmatch("([^\n]+)\n") do names[#names + 1] = name end
      table.sort(names)
      if #names > 0 then groups[#groups + 1] = table.concat(names, "\n") .. "\n" end
    end
    table.sort(groups)
    return table.concat(groups, "\n")
  end

  --- What fdupes finds; it cannot print names with a newline so that they can be told from two.
  local function reference(...)
    return groups_of(shell('fdupes -q -r "$@"', ...))
  end

  --- Files that are the same, nearly the same, and the same at the beginning.
  local function large_files(dir)
    local kib = ("0123456789abcdef"):rep(64)
    local files = {
      a4 = kib:rep(4), b4 = kib:rep(4), c4 = kib:rep(4):sub(1, -2) .. "x", -- as long as the sample
      a5 = kib:rep(4) .. "5", b5 = kib:rep(4) .. "5", c5 = kib:rep(4) .. "6",
      a600 = kib:rep(600), b600 = kib:rep(600), c600 = kib:rep(599) .. kib:reverse(),
      d600 = kib:rep(599) .. kib:reverse(), e600 = kib:reverse() .. kib:rep(599),
    }
    for name, contents in pairs(files) do helper.write(dir .. "/" .. name, contents) end
  end

  it("finds the groups among files with odd names", function()
    local dir = odd_tree()
    shell([[ rm "$1"/hard "$1"/sub/deep/hard ]], dir)
    local expected = ([[
DIR/-n/-print0
DIR/it's "$(exit 9)" * ? \ ;

DIR/a
b
DIR/plain
DIR/sub/copy

DIR/nothing
DIR/sub/.nothing

DIR/sub/deep/binary
DIR/sub/deep/binary2
]]):gsub("DIR", (dir:gsub("%%", "%%%%")))
    assert_prints(script, dir, expected)
  end)

  it("finds the groups among files that begin alike", function()
    local dir = helper.tmpdir()
    large_files(dir)
    local expected = ("D/a4\nD/b4\n\nD/a5\nD/b5\n\nD/a600\nD/b600\n\nD/c600\nD/d600\n")
      :gsub("D", dir)
    assert_prints(script, dir, expected)
  end)

  it("finds the groups that fdupes finds", function()
    if not installed("fdupes") then return pending("needs fdupes") end
    local dir = odd_tree()
    shell([[
      cd "$1"
      rm "$(printf 'a\nb')"
      mkdir hardlinks copies
      cp -r sub copies
      echo linked > hardlinks/b
      ln hardlinks/b hardlinks/a
      ln hardlinks/b sub/z
      cp hardlinks/a hardlinks/c
      echo alone > hardlinks/d
      ln hardlinks/d hardlinks/e
      seq 300 | while read i; do echo $((i % 50)) > copies/$i; done
    ]], dir)
    large_files(dir .. "/copies")
    local expected = reference(dir)
    assert.has_match("/copies/a600\n", expected, 1, true)
    assert_prints(script, dir, expected)

    -- Several directories, one twice, one by a symbolic link.
    local copies, link = dir .. "/copies", dir .. "/softdir"
    helper.expect(helper.prunner(script, "-n", 3, "--", copies, link, copies), 0,
      reference(copies, link, copies))
  end)

  it("shows one name of a file that has several", function()
    local dir = helper.tmpdir()
    shell([[ cd "$1"; echo x > a; ln a b; ln a c; echo x > d; echo y > e; ln e f ]], dir)
    local out = helper.expect(helper.prunner(script, "-n", 2, "--", dir)).out
    local first, second = out:match("^([^\n]*/[abc])\n([^\n]*/d)\n$")
    assert.is_truthy(first and second, out)
  end)

  it("tells files apart that have the same checksum", function()
    -- The script's checksum of 16 bytes: two rounds of this. For any other first 8 bytes there are
    -- second ones that lead to the same end.
    local function round(hash, word)
      hash = bit.bxor(hash, word) * 0x9E3779B97F4A7C15ULL
      return bit.bxor(hash, bit.rshift(hash, 29))
    end
    local start = 0xCBF29CE484222325ULL
    local function file(word)
      local middle = round(start, word)
      local words = ffi.new("uint64_t[2]", word, bit.bxor(middle, 42ULL))
      return ffi.string(words, 16)
    end
    local dir = helper.tmpdir()
    for i = 1, 9 do helper.write(dir .. "/" .. i, file(ffi.cast("uint64_t", i % 3))) end
    local expected = ("D/1\nD/4\nD/7\n\nD/2\nD/5\nD/8\n\nD/3\nD/6\nD/9\n"):gsub("D", dir)
    for _, n in ipairs { 1, 4 } do
      helper.expect(helper.prunner(script, "-n", n, "--", dir), 0, expected)
    end
  end)

  it("prints nothing when all files differ", function()
    local dir = helper.tmpdir()
    helper.expect(helper.prunner(script, "-n", 2, "--", dir), 0, "")
    helper.write(dir .. "/one", "one")
    helper.write(dir .. "/two", "two")
    helper.expect(helper.prunner(script, "-n", 2, "--", dir), 0, "")
  end)

  it("ends with status 1 when a directory is missing, and compares the rest", function()
    local dir = helper.tmpdir()
    large_files(dir)
    local whole = helper.expect(helper.prunner(script, "-n", 2, "--", dir)).out
    local result = helper.prunner(script, "-n", 2, "--", dir .. "/missing", dir)
    helper.expect(result, 1, whole)
    assert.has_match("/missing", result.err, 1, true)
    assert.has_match("incomplete result", result.err, 1, true)
  end)

  it("says how it is used", function()
    local result = helper.expect(helper.prunner(script, "-n", 2), 2, "")
    assert.has_match("usage: prunner dupfiles.lua", result.err, 1, true)
  end)
end)

describe("a script of this directory", function()
  it("has a test, here, in scripts_web_spec.lua or in bench_spec.lua", function()
    local this = ""
    for _, spec in ipairs { "scripts", "scripts_web", "bench" } do
      this = this .. helper.read(("%s/tests/e2e/%s_spec.lua"):format(helper.root, spec))
    end
    for _, path in ipairs(helper.lines_of("find " .. helper.quote(scripts) .. " -name '*.lua'")) do
      local name = path:match("([^/]*)%.lua$")
      -- Modules beside the scripts are tested with the scripts that use them.
      if name ~= "files" and name ~= "clock" then
        assert.has_match('"' .. name, this, 1, true)
      end
    end
  end)

  it("opens by saying what it shows", function()
    for _, path in ipairs(helper.lines_of("find " .. helper.quote(scripts) .. " -name '*.lua'")) do
      assert.has_match("^%-%-%- %u", helper.read(path))
    end
  end)
end)
