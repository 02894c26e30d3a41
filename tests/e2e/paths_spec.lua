--- Files named by options: found again wherever the script goes, and never mistaken for others.

local lfs = require "lfs"
local helper = require "tests.e2e.helper"
local expect, has, script = helper.expect, helper.has, helper.script

-- A directory with `other` in it, in which a file of each name is precious.
local function place(...)
  local dir = helper.tmpdir()
  assert(lfs.mkdir(dir .. "/other"))
  for _, name in ipairs { ... } do helper.write(dir .. "/other/" .. name, "precious\n") end
  return dir
end

local function entries(dir)
  local names = {}
  for name in lfs.dir(dir) do
    if not name:find "^%." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local prelude = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int chdir(const char *); int setenv(const char *, const char *, int);"
]]

describe("paths", function()
  after_each(helper.cleanup)

  it("removes the state of a job that never began where it was made", function()
    for _, where in ipairs { "top level", "begin" } do
      local dir = place "job.state"
      local path = script(prelude .. (where == "begin" and 'function begin() ffi.C.chdir "other" error "bad" end'
        or 'ffi.C.chdir "other" error "bad"'))
      helper.prunner(path, "--state", "job.state", { cwd = dir })
      assert.are.equal("precious\n", helper.read(dir .. "/other/job.state"))
      assert.are.same({ "other" }, entries(dir))
    end
  end)

  it("leaves alone what stands in the place of its state", function()
    local dir = place()
    local path = script(prelude .. [[
      function begin()
        os.rename("job.state", "moved")
        io.open("job.state", "w"):write "precious\n"
        error "bad"
      end
    ]])
    expect(helper.prunner(path, "--state", "job.state", { cwd = dir }), 2)
    assert.are.equal("precious\n", helper.read(dir .. "/job.state"))
    assert.is_truthy(lfs.attributes(dir .. "/moved"))
  end)

  it("writes all files where the command was started", function()
    local names = { "failures", "joblog", "trace", "report.json", "profile", "state" }
    local dir = place(unpack(names))
    local path = script(prelude .. [[
      ffi.C.chdir "other"
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function work(i) print(i) if i == 7 then error "seven" end end
      function end_() ffi.C.chdir "/" end
    ]])
    local result = helper.prunner(path, "-n", 2, "--failures", "failures", "--joblog", "joblog", "--trace", "trace",
      "--report", "report.json", "--profile", "profile", "--state", "state", "--output-dir", "out", { cwd = dir })
    expect(result, 1)
    for _, name in ipairs(names) do
      assert.are.equal("precious\n", helper.read(dir .. "/other/" .. name))
    end
    assert.are.same({ "failures", "joblog", "other", "out", "profile", "report.json", "state", "trace" }, entries(dir))
    assert.are.same({ "work" }, entries(dir .. "/out"))
    has('"task":"work"', helper.read(dir .. "/failures"))
    has('"seven"', helper.read(dir .. "/report.json"):gsub("[^\"]*seven", "seven"))
  end)

  it("reads --retry-failed, and makes files without a name, there", function()
    local dir = place()
    local path = script(prelude .. [[
      if arg[1] == "away" then ffi.C.chdir "/proc/self" ffi.C.setenv("TMPDIR", "/missing", 1) end
      function begin() prunner.post_task(work, 7) end
      function work(i) print(("x"):rep(100000):len() + i) if arg[1] == "fail" then error "no" end end
    ]])
    expect(helper.prunner(path, "-n", 1, "--failures", "failures", "fail", { cwd = dir }), 1)
    assert(lfs.mkdir(dir .. "/tmp"))
    for _, how in ipairs { { "--tmpdir", "tmp" }, {} } do
      local words = { path, "-n", 1, "--group", "--retry-failed", "failures", unpack(how) }
      words[#words + 1] = "away"
      words[#words + 1] = { cwd = dir, env = { TMPDIR = "tmp" } }
      expect(helper.prunner(unpack(words)), 0, "100007\n")
    end
  end)

  it("says which directory for temporary files cannot be used, before the job", function()
    local path = script [[
      local prunner = require "prunner"
      print "loaded"
      function begin() prunner.post_task(work) end
      function work() print "worked" end
    ]]
    local file = helper.write(helper.tmpdir() .. "/file", "")
    for dir, why in pairs { ["/missing"] = "No such file or directory", [file] = "Not a directory" } do
      local options = { env = { TMPDIR = dir } }
      for _, option in ipairs { "--group", "--keep-order", "--memory=64M" } do
        local result = expect(helper.prunner(path, "-n", 1, option, options), 2, "")
        assert.are.equal(('prunner: $TMPDIR: no file can be made in "%s": %s. Name another directory '
          .. "by --tmpdir\n"):format(dir, why), result.err)
        expect(helper.prunner(path, "-n", 1, option, "--tmpdir", "/tmp", options), 0, "loaded\nworked\n")
      end
      expect(helper.prunner(path, "-n", 1, options), 0, "loaded\nworked\n")
    end
  end)
end)
