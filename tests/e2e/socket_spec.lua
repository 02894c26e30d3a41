--- LuaSocket and LuaSec in tasks that wait (--concurrency): unmodified requests, many at a time in one
-- worker. That they are at the same time the server proves: it answers nobody before all have asked.

local helper = require "tests.e2e.helper"

local MANY = 200

local function server(...)
  local process = helper.spawn { helper.interpreter, helper.root .. "/tests/e2e/http_server.lua", ... }
  local port = helper.wait_until(function() return process:out():match "^(%d+)\n" end)
  assert(port, "the server did not say its port: " .. process:err())
  return port
end

-- Runs tasks 1 to n of the script, begun at the same time in one worker: each calls right().
-- @tparam table env variables for it: PORT ...
local function run(text, n, env)
  local script = helper.script([[
    local prunner = require "prunner"
    local socket = require "socket"
    local http = require "socket.http"
    local N = tonumber(os.getenv "N")
    local PORT = os.getenv "PORT"
    local function url(path) return ("http://127.0.0.1:%s/%s"):format(PORT, path) end
    function begin() for i = 1, N do prunner.post_task(work, i) end end
    function end_() print(prunner.counter "right":get()) end
    local function right() prunner.counter "right":add(1) end
  ]] .. text)
  env.N = n
  helper.expect(helper.prunner(script, "-n", 1, "-c", MANY, { env = env }), 0, n .. "\n")
end

describe("a request in a task", function()
  after_each(helper.cleanup)

  it("lets others go on: " .. MANY .. " wait at the same time", function()
    run([[
      function work(i)
        local body, code = http.request(url("all/]] .. MANY .. [[/" .. i))
        assert(code == 200 and body == "hello " .. i .. "\n", code)
        right()
      end
    ]], MANY, { PORT = server() })
  end)

  it("does so in a pcall, in a generator, and in both", function()
    run([[
      local function get(i)
        local body, code = http.request(url("all/]] .. MANY .. [[/" .. i))
        assert(code == 200, code)
        return body
      end
      local function each(...)
        local list = { ... }
        return coroutine.wrap(function() for _, i in ipairs(list) do coroutine.yield(get(i)) end end)
      end
      function work(i)
        if i % 3 == 0 then
          local ok, body = pcall(get, i)
          assert(ok and body == "hello " .. i .. "\n", body)
        elseif i % 3 == 1 then
          for body in each(i) do assert(body == "hello " .. i .. "\n") end
        else
          local ok, problem = pcall(function()
            for body in each(i) do error({ body }) end
          end)
          assert(not ok and problem[1] == "hello " .. i .. "\n")
        end
        right()
      end
    ]], MANY, { PORT = server() })
  end)

  it("keeps its worker in a comparison of table.sort, and gets its answer", function()
    run([[
      function work(i)
        local list = { "c", "a", "b" }
        local asked = 0
        table.sort(list, function(a, b)
          local body = assert(http.request(url("ok/" .. a)))
          asked = asked + 1
          assert(body == "hello " .. a .. "\n")
          return a < b
        end)
        assert(table.concat(list) == "abc" and asked > 1)
        right()
      end
    ]], 5, { PORT = server() })
  end)

  it("gives up when its time is over, also in mid-body", function()
    run([[
      http.TIMEOUT = 0.05
      function work(i)
        if i % 2 == 0 then
          local body, problem = http.request(url "hang")
          assert(body == nil and problem == "timeout", problem)
        else
          local got = {}
          local ok, problem = http.request {
            url = url "half/100000", sink = function(chunk) got[#got + 1] = chunk return 1 end,
          }
          assert(ok == nil and problem == "timeout", problem)
          assert(#table.concat(got) > 40000)
        end
        right()
      end
    ]], 20, { PORT = server() })
  end)

  it("waits as long as it may for a server that stops in mid-body, while others go on", function()
    run([[
      function late(i)
        local ok, problem = pcall(http.request, url "half/1000")
        assert(not ok and problem:find("timed out after .* while it waited for a socket"), problem)
        right()
      end
      prunner.task("late", late, { timeout = 0.2 })
      function work(i)
        if i == 1 then return prunner.post_task(late) end
        assert(http.request(url "all/20/x") == "hello x\n")
        right()
      end
    ]], 21, { PORT = server() })
  end)
end)

describe("a request by ssl.https in a task", function()
  after_each(helper.cleanup)

  local lua_sec = pcall(require, "ssl")

  it("lets others go on: " .. MANY .. " wait at the same time, and check the certificate", function()
    if not lua_sec then return pending "LuaSec is not installed" end
    local own, key = helper.certificate()
    local other = helper.certificate()
    local port = server(0, own, key)
    run([[
      local https, ltn12 = require "ssl.https", require "ltn12"
      local function get(path, cafile)
        local got = {}
        local ok, code = https.request {
          url = ("https://127.0.0.1:%s/%s"):format(PORT, path), sink = ltn12.sink.table(got),
          verify = "peer", cafile = cafile, protocol = "any",
        }
        return ok and table.concat(got), code
      end
      function work(i)
        if i == 1 then
          local body, problem = get("ok/1", os.getenv "OTHER")
          assert(not body and problem == "certificate verify failed", problem)
          return right()
        end
        local body, code = get("all/]] .. MANY - 1 .. [[/" .. i, os.getenv "OWN")
        assert(body == "hello " .. i .. "\n", code)
        right()
      end
    ]], MANY, { PORT = port, OWN = own, OTHER = other })
  end)
end)
