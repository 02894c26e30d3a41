--- Jobs for the specs of sockets.
--
--   local jobs = require "tests.e2e.socket_jobs"
--   jobs.run(text, n)       runs a script that begins with jobs.HEAD; n of its tasks have to end right

local helper = require "tests.e2e.helper"

local jobs = {}

-- What every script begins with. together(a, b, ...): tasks that call these functions, in one worker.
jobs.HEAD = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local tasks = {}
  local function together(...) tasks = { ... } end
  function run(i) tasks[i]() prunner.counter "right":add(1) end
  function begin() for i = 1, #tasks do prunner.post_task(run, i) end end
  function end_() print(prunner.counter "right":get()) end
  local function equal(got, wanted, ...)
    if got ~= wanted then
      error(("got %s, wanted %s"):format(tostring(got):sub(1, 200), tostring(wanted):sub(1, 200)), 2)
    end
  end
  -- A listener of the worker, on any port, and who connects to it.
  local listener, port
  local function listen(host)
    if not listener then
      listener = assert(socket.bind(host or "127.0.0.1", 0))
      port = select(2, listener:getsockname())
    end
    return listener
  end
  local function dial()
    listen()
    return assert(socket.connect("127.0.0.1", port))
  end
  -- Others go first, some times.
  local function let_others() for _ = 1, 5 do prunner.sleep(0) end end
]]

function jobs.run(text, n, options)
  local script = helper.script(jobs.HEAD .. text)
  helper.expect(helper.prunner(script, "-n", 1, "-c", 50, options or {}), 0, n .. "\n")
end

return jobs
