--- What a script says, shown to people: any bytes, in any locale.

local helper = require "tests.e2e.helper"
local has = helper.has

describe("an error message of any bytes", function()
  after_each(helper.cleanup)

  local BYTES = [["a\0b\27[2J\7\194\155c\155d\127 é \233 tab\tline\nend"]]
  local SHOWN = "a\\x00b\\x1b[2J\\x07\\xc2\\x9bc\\x9bd\\x7f é \233 tab\tline\nend"

  -- Nothing of it is obeyed by a terminal, and it is there to its end.
  local function check(text, name)
    assert.is_nil(text:find "[%z\1-\8\11-\31\127]", name)
    assert.is_nil(text:find("\194\155", 1, true) or text:find("c\155d", 1, true))
  end

  it("is whole, and escaped, in reports, the summary, job log, profile and report", function()
    local path = helper.script([[
      local prunner = require "prunner"
      prunner.task("name\27\194\155", function()
        local t = os.clock() + 0.05
        while os.clock() < t do end
        error(]] .. BYTES .. [[, 0)
      end)
      function begin() prunner.post_task("name\27\194\155", "\27\194\155") end
      function on_error(_, e) assert(e == ]] .. BYTES .. [[) end
    ]])
    local files = {}
    for _, option in ipairs { "joblog", "profile", "failures", "report", "trace" } do
      files[option] = helper.beside(path, option .. (option == "report" and ".html" or ""))
    end
    local result = helper.prunner(path, "--summary", "--joblog", files.joblog, "--profile", files.profile,
      "--failures", files.failures, "--report", files.report, "--trace", files.trace, "--tag")
    assert.are.equal(1, result.status, result.err)
    has(SHOWN, result.err)
    check(result.err)
    for name, file in pairs(files) do
      local text = helper.read(file)
      check(text, name)
      if name == "joblog" then has("a\\x00b\\x1b[2J\\x07\\xc2\\x9bc\\x9bd", text) end
      if name == "failures" then
        local retried = helper.prunner("-q", "--retry-failed", file, path)
        assert.are.equal(1, retried.status, retried.err)
        has("task name???(", retried.err)
      end
      if name == "failures" then has("a\\u0000b\\u001b[2J", text) end
    end
  end)

  it("is whole when the script, begin, end_ or a hook raises it", function()
    for _, where in ipairs {
      "error(E, 0)", "function begin() error(E, 0) end", "function begin() end function end_() error(E, 0) end",
      "function begin() prunner.post_task(print) end function worker_end() error(E, 0) end",
    } do
      local path = helper.script("local prunner = require 'prunner' E = " .. BYTES .. " " .. where)
      local result = helper.prunner(path, "-n", 1)
      has(SHOWN, result.err)
      check(result.err)
    end
  end)
end)

describe("a character that a terminal would obey", function()
  after_each(helper.cleanup)

  it("is escaped whole in names, messages and the job log", function()
    local path = helper.script [[
      local prunner = require "prunner"
      function w() error("a\226\128\174b\226\128\168c\252d", 0) end
      function begin() prunner.post_task(w) end
    ]]
    local log = helper.beside(path, "log")
    local result = helper.prunner(path, "-q", "--joblog", log)
    for _, text in ipairs { result.err, helper.read(log) } do
      helper.has("a\\xe2\\x80\\xaeb\\xe2\\x80\\xa8c\252d", text)
    end
  end)
end)

describe("a script's locale", function()
  after_each(helper.cleanup)

  it("changes no number that prunner writes", function()
    local dir = helper.tmpdir()
    if os.execute(("localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null"):format(dir)) ~= 0 then
      return pending "localedef cannot make de_DE.UTF-8"
    end
    local path = helper.script [[
      local prunner = require "prunner"
      assert(os.setlocale "de_DE.UTF-8")
      function w() error "no" end
      function begin() prunner.post_task(w, 0.25, 7) end
    ]]
    local joblog, failures = helper.beside(path, "joblog"), helper.beside(path, "failures")
    local report = helper.beside(path, "r.json")
    local result = helper.prunner(path, "--joblog", joblog, "--failures", failures, "--report", report,
      "--summary", "yes", { env = { LOCPATH = dir } })
    assert.are.equal(1, result.status)
    has("w(0.25, 7) failed", result.err)
    assert.is_nil(result.err:find "%d,%d+[um]?s")
    has("w(0.25, 7)", helper.read(joblog))
    has('"arguments":"0.25, 7"', helper.read(failures))
    assert.is_nil(helper.read(joblog):find "%d,%d%d%d")
  end)
end)
