--- What editors and checkers are told about prunner's scripts: the files of editor/, as installed.

local helper = require "tests.e2e.helper"

local quote = helper.quote

--- `make install` into a new directory; returns the prefix.
local function install()
  local prefix = helper.tmpdir() .. "/usr"
  local command = ("cd %s && env -u MAKEFLAGS make -s BUILD=%s install PREFIX=%s"):format(quote(helper.root),
    quote(helper.directory(helper.command)), quote(prefix))
  helper.expect(helper.run(command), 0)
  return prefix
end

local function luacheck(...)
  return helper.run { "luacheck", "--no-color", "--codes", ... }
end

describe("the files for editors", function()
  after_each(helper.cleanup)

  it("are installed, and luacheck then knows the hooks of a script", function()
    local prefix = install()
    local config = prefix .. "/share/prunner/editor/luacheckrc"
    assert(helper.read(prefix .. "/share/prunner/editor/meta/prunner.lua"))
    local names = { "--config", config }
    local list = helper.run("ls " .. quote(prefix) .. "/share/prunner/scripts/*.lua").out
    for name in list:gmatch "[^\n]+" do names[#names + 1] = name end
    assert.is_true(#names > 8)
    helper.expect(luacheck(unpack(names)), 0)
  end)

  it("do not keep luacheck from finding a misspelt name", function()
    local script = helper.script('local prunner = require "prunner"\n'
      .. "function begin() prunner.post_task(wrok, 1) end\n"
      .. "function work(n) print(n) end\n"
      .. "function end_() print(done) end\n")
    local result = luacheck("--config", helper.root .. "/editor/luacheckrc", script)
    assert.are.equal(1, result.status)
    assert.has_match("accessing undefined variable 'wrok'", result.out, 1, true)
    assert.has_match("accessing undefined variable 'done'", result.out, 1, true)
    assert.has_match("unused global variable 'work'", result.out, 1, true)
    assert.has_match("Total: 3 warnings", result.out, 1, true)
  end)

  it("can be part of a project's own .luacheckrc", function()
    local dir = helper.tmpdir()
    helper.write(dir .. "/.luacheckrc", ('std = "luajit"\nstds.prunner = dofile(%q)\n')
      :format(helper.root .. "/editor/luacheckrc"))
    helper.write(dir .. "/job.lua", "function begin() end\nfunction worker_begin() end\n")
    local options = { cwd = dir }
    helper.expect(helper.run({ "luacheck", "--std", "+prunner", "job.lua" }, options), 0)
    assert.are.equal(1, helper.run({ "luacheck", "job.lua" }, options).status)
  end)
end)
