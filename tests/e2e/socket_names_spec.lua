--- Names and addresses in tasks that wait: threads of the worker ask, others go on. The name server is our own,
-- in namespaces of the test's own (tests/e2e/name_server.lua), and answers when others have gone on.

local helper = require "tests.e2e.helper"

local enter -- what a command is put behind; false: it is not possible here

-- Network and mount namespaces in which names are asked at 127.0.0.1.
local function namespaces()
  if enter ~= nil then return enter end
  local dir = helper.tmpdir()
  helper.write(dir .. "/hosts", "127.0.0.1 localhost\n")
  helper.write(dir .. "/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
  helper.write(dir .. "/nsswitch.conf", "hosts: files dns\n")
  local user = helper.run({ "id", "-u" }).out == "0\n" and "" or "-r "
  enter = ("unshare %s-n -m sh -c 'for f in hosts resolv.conf nsswitch.conf; do mount --bind %s/$f /etc/$f || exit 99;"
    .. ' done; exec "$@"\' sh %s %s/tests/e2e/name_server.lua '):format(user, dir, helper.interpreter, helper.root)
  if helper.run(enter .. "true").status ~= 0 then enter = false end
  return enter
end

local HEAD = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local http = require "socket.http"
  local function get(name, path)
    local body, problem = http.request(("http://%s/%s"):format(name, path))
    return body or error(problem, 0)
  end
  local function right() prunner.counter "right":add(1) end
  -- What tells of answers: the thread that asks has a socket for itself.
  local function eventfds()
    collectgarbage() collectgarbage()
    local n = 0
    for line in io.popen("ls -l /proc/" .. io.open "/proc/self/stat":read "*n" .. "/fd"):lines() do
      if line:find "eventfd" then n = n + 1 end
    end
    return n
  end
]]

local function run(text, out)
  if not namespaces() then return pending "no namespaces here (unshare, mount): names that take long are not tried" end
  local script = helper.script(HEAD .. text)
  helper.expect(helper.run(enter .. table.concat({ helper.command, helper.quote(script), "-n 1 -c 50 --quiet" }, " ")),
    0, out)
end

describe("a name whose server takes its time", function()
  -- The directory of namespaces() stays until the end.
  teardown(helper.cleanup)

  it("is asked by a thread, once for all, while other tasks go on", function()
    run([[
      local asked = 0
      function begin()
        for i = 1, 10 do prunner.post_task(slow, i) end
        for i = 1, 20 do prunner.post_task(fast, i) end
      end
      function slow(i)
        asked = asked + 1
        assert(get("slow.test", i) == "hello")
        right()
      end
      function fast()
        while asked < 10 do prunner.sleep(0) end
        assert(get("127.0.0.1", "go/20") == "gone")
        right()
      end
      -- One question each for IPv4 and IPv6.
      function end_() print(prunner.counter "right":get(), get("127.0.0.1", "queries")) end
    ]], "30\t2\n")
  end)

  it("does not hold up programs that a task starts meanwhile", function()
    run([[
      local asked = 0
      function begin()
        for i = 1, 40 do prunner.post_task(slow, i) end
        prunner.post_task(fast)
      end
      function slow(i)
        asked = asked + 1
        assert(get("slow" .. i .. ".test", i) == "hello")
        right()
      end
      function fast()
        while asked < 40 do prunner.sleep(0) end
        for i = 1, 5 do assert(io.popen("echo " .. i):read "*n" == i) end
        assert(os.execute "true" == 0)
        assert(get("127.0.0.1", "go/1") == "gone")
        right()
      end
      function end_() print(prunner.counter "right":get(), get("127.0.0.1", "queries")) end
    ]], "41\t80\n")
  end)

  it("is given up with the task's time", function()
    run([[
      local state = "begun"
      function look()
        local before = eventfds()
        state = "counted"
        while state ~= "late" do prunner.sleep(0) end
        assert(eventfds() == before)
        right()
      end
      function late()
        while state ~= "counted" do prunner.sleep(0) end
        local ok, problem = pcall(get, "never.test", "")
        state = "late"
        assert(not ok and problem:find("timed out after .* while it waited for the address of a name"), problem)
        right()
      end
      prunner.task("late", late, { timeout = 0.3 })
      function begin() prunner.post_task(look) prunner.post_task(late) end
      function end_() print(prunner.counter "right":get()) end
    ]], "2\n")
  end)

  it("keeps the worker where no other task can go on", function()
    run([[
      function begin() get("127.0.0.1", "go/1") prunner.post_task(work) end
      function work()
        local list = { "c.test", "a.test", "b.test" }
        table.sort(list, function(a, b)
          assert(socket.dns.toip(a) == "127.0.0.1")
          return a < b
        end)
        print(table.concat(list, " "))
      end
    ]], "a.test b.test c.test\n")
  end)
end)

describe("socket.dns in a task", function()
  after_each(helper.cleanup)

  it("says what it says elsewhere", function()
    local ASK = [[
      local socket = require "socket"
      local function show(value)
        if type(value) ~= "table" then return tostring(value) end
        local keys, out = {}, {}
        for key in pairs(value) do keys[#keys + 1] = key end
        table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
        for i, key in ipairs(keys) do out[i] = tostring(key) .. "=" .. show(value[key]) end
        return "{" .. table.concat(out, ",") .. "}"
      end
      local function ask(name, ...)
        local results = { pcall(socket.dns[name], ...) }
        for i = 1, 4 do results[i] = show(results[i]) end
        return name .. " " .. table.concat(results, " "):gsub("0x%x+", "")
      end
      function answers()
        local dns = socket.dns
        return table.concat({
          ask("toip", "localhost"), ask("toip", "127.0.0.1"), ask("tohostname", "localhost"),
          ask("tohostname", "127.0.0.1"), ask("getaddrinfo", "localhost"), ask("getaddrinfo", "127.0.0.1"),
          ask("getaddrinfo", "::1"), ask("getnameinfo", "127.0.0.1"), ask("getnameinfo", "127.0.0.1", "80"),
          ask("getnameinfo", nil, "80"), ask("getnameinfo"), ask("toip", {}), ask("getaddrinfo", {}),
          ask("toip", "no name"), ask("tohostname", "no name"), ask("getaddrinfo", "no name"),
          ask("getnameinfo", "no name"), ask("getnameinfo", "localhost", "no service"), ask("toip", 127),
          tostring(select(2, socket.connect("no name", 1))), tostring(select(2, socket.bind("no name", 1))),
          tostring(select(2, socket.tcp():bind("no name", 1))),
          tostring(select(2, socket.tcp6():connect("127.0.0.1", 1))),
          tostring(select(2, socket.udp():setpeername("no name", 1))),
        }, "\n")
      end
    ]]
    local elsewhere = helper.luajit(helper.script(ASK .. "print(answers())"))
    helper.expect(elsewhere)
    local script = helper.script(ASK .. [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function work() print(answers()) end
    ]])
    helper.expect(helper.prunner(script, "-n", 1, "-c", 2, "--quiet"), 0, elsewhere.out)
  end)
end)
