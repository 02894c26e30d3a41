--- `prunner new FILE`, and how sub-commands and scripts of the same name are told apart.

local helper = require "tests.e2e.helper"
local expect, prunner, has = helper.expect, helper.prunner, helper.has

describe("prunner new", function()
  after_each(helper.cleanup)

  it("writes a script that runs as it is and prints something", function()
    local dir = helper.tmpdir()
    local result = expect(prunner("new", "job.lua", { cwd = dir }), 0, "")
    assert.are.equal("", result.err)
    local words = select(2, helper.read(dir .. "/job.lua"):gsub("%a+", ""))
    expect(prunner("job.lua", "-n", 2, { cwd = dir }), 0, "words: " .. words .. ", files: 1, failed: 0\n")
    helper.write(dir .. "/two", "one three\n")
    expect(prunner("job.lua", "two", "job.lua", { cwd = dir }), 0,
      "words: " .. words + 2 .. ", files: 2, failed: 0\n")
    expect(prunner("job.lua", "two", "--longer", 3, { cwd = dir }), 0, "words: 1, files: 1, failed: 0\n")
    result = expect(prunner("job.lua", "two", "missing", { cwd = dir }), 1,
      "words: 2, files: 2, failed: 1\n")
    has("missing: No such file", result.err)
    has("Counts words in files.", expect(prunner("job.lua", "--help", { cwd = dir })).out)
  end)

  it("writes a script that is a command", function()
    local dir = helper.tmpdir()
    expect(prunner("new", "job", { cwd = dir }), 0, "")
    local path = helper.directory(helper.command) .. ":" .. os.getenv("PATH")
    local result = expect(helper.run({ "./job", "-n", 2, "job" }, { cwd = dir, env = { PATH = path } }))
    assert.has_match("^words: %d+, files: 1, failed: 0\n$", result.out)
  end)

  it("writes a script that luacheck has nothing against", function()
    if helper.run("command -v luacheck").status ~= 0 then
      pending "luacheck is not installed"
      return
    end
    local dir = helper.tmpdir()
    expect(prunner("new", dir .. "/job.lua"), 0, "")
    expect(helper.run({ "luacheck", "--quiet", "--no-config", "--std", "luajit", "--allow-defined-top",
      "--ignore", "131", "--", dir .. "/job.lua" }))
  end)

  it("leaves a file that exists alone, and nothing when it cannot write", function()
    local dir = helper.tmpdir()
    helper.write(dir .. "/job.lua", "mine")
    local result = expect(prunner("new", dir .. "/job.lua"), 2, "")
    has('job.lua": it exists already', result.err)
    assert.are.equal("mine", helper.read(dir .. "/job.lua"))
    has("No such file", expect(prunner("new", dir .. "/no/such/job.lua"), 2, "").err)
    -- Room for a part of it only.
    result = expect(helper.run("ulimit -f 1; trap '' XFSZ; exec "
      .. helper.quote(helper.command) .. " new " .. dir .. "/new.lua"), 2, "")
    has('new.lua": File too large', result.err)
    assert.is_nil(helper.read(dir .. "/new.lua"))
  end)

  it("says how it is called", function()
    for _, words in ipairs { { "--help" }, { "-h" } } do
      has("usage: prunner new FILE\n", expect(prunner("new", unpack(words))).out)
    end
    has("no file given", expect(prunner("new"), 2, "").err)
    has("one file is made at a time", expect(prunner("new", "a", "b"), 2, "").err)
    has("unknown option --class", expect(prunner("new", "--class", "a"), 2, "").err)
    has("\n  prunner new FILE ", expect(prunner("--help")).out)
  end)

  it("leaves a script called new to those who say so", function()
    local dir = helper.tmpdir()
    helper.write(dir .. "/new", "function begin() end function end_() print('mine', #arg) end")
    for _, words in ipairs { { "./new", "x" }, { "--", "new", "x" }, { "-n", "2", "new", "x" } } do
      words[#words + 1] = { cwd = dir }
      expect(prunner(unpack(words)), 0, "mine\t1\n")
    end
  end)
end)
