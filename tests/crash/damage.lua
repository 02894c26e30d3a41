--- Damages state files and resumes them: never a crash, a hang, or a wrong answer with status 0.
--
--     luajit tests/crash/damage.lua [-n TRIES] [-s SEED] [-k KIND] [-v] PRUNNER
--
-- A job of each kind is killed in the middle, and its file goes on once as it is: that is the right
-- answer. Then, TRIES times in all, 1, 12 or 100 bytes of a copy are changed and it is resumed: it has
-- to be refused, or to fail with a message and a status that is not 0, or to give the right answer.
local ffi = require "ffi"
local bit = require "bit"

ffi.cdef [[
  int open(const char *, int, int);
  int close(int);
  long pread(int, void *, size_t, long);
  long pwrite(int, const void *, size_t, long);
  long lseek(int, long, int);
  int ftruncate(int, long);
]]
local C = ffi.C
local O_RDONLY, O_RDWR_CREAT_TRUNC = 0, 578
local SEEK_END, SEEK_DATA, SEEK_HOLE = 2, 3, 4
local KILLED, TIMED_OUT = 137, 124

local options = { n = 1000, s = os.time(), k = nil }
local verbose, prunner
do
  local i = 1
  while arg[i] do
    local letter = arg[i]:match "^%-([nsk])$"
    if letter then
      options[letter] = tonumber(arg[i + 1]) or arg[i + 1]
      i = i + 1
    elseif arg[i] == "-v" then
      verbose = true
    else
      prunner = arg[i]
    end
    i = i + 1
  end
end
assert(prunner, "usage: damage.lua [-n TRIES] [-s SEED] [-k KIND] [-v] PRUNNER")

---------------------------------------------------------------------------------------------------
-- Jobs
---------------------------------------------------------------------------------------------------

local PRELUDE = [[
local prunner = require "prunner"
local function stop_here()
  if io.open(arg[1]) then return end
  os.execute "kill -9 $(ps -o ppid= -p $PPID)"
  while true do end
end
]]

-- Each prints in end_ what depends on nothing but what was done, once.
local JOBS = {
  args = [[
    function begin()
      for i = 1, 60 do prunner.post_task(work, i, ("text"):rep(i % 7 * 20), { i, tostring(i) }) end
    end
    function work(i, text, t)
      if i == 30 then stop_here() end
      prunner.counter "sum":add(i + #text + t[1] + #t[2])
      if i % 2 == 0 then prunner.post_task(leaf, i) end
    end
    function leaf(i) prunner.counter "leaves":add(i) end
    function end_() print(prunner.counter "sum":get(), prunner.counter "leaves":get()) end
  ]],
  accumulators = [[
    function begin() for i = 1, 60 do prunner.post_task(work, i) end end
    function work(i)
      if i == 40 then stop_here() end
      for k = 1, 5 do prunner.counter("c" .. k):add(i * k) end
      prunner.max "max":add(i % 37)
      prunner.min "min":add(-i % 41)
      prunner.collector "all":add(("v"):rep(i) .. i)
      prunner.collector "more":add(i)
    end
    function end_()
      for k = 1, 5 do print(prunner.counter("c" .. k):get()) end
      print(prunner.max "max":get(), prunner.min "min":get())
      for _, name in ipairs { "all", "more" } do
        local all = prunner.collector(name):get()
        table.sort(all)
        print(table.concat(all, " "))
      end
    end
  ]],
  dict = [[
    local d = prunner.dict
    function begin()
      for i = 1, 150 do d:set("key" .. i, i % 3 == 0 and i or ("value"):rep(i % 9) .. i) end
      for i = 1, 60 do prunner.post_task(work, i) end
    end
    function work(i)
      if i == 40 then stop_here() end
      d:incr("n" .. i % 5, i)
      d:set("key" .. i, "new" .. i)
      d:delete("key" .. 150 - i)
      d:append("text" .. i % 3, i % 10 .. "")
      prunner.get_manager():dict "other":set(i, { i })
    end
    function end_()
      local all = {}
      for k, v in d:each() do
        if type(v) == "string" and k:find "^text" then v = #v end
        all[#all + 1] = k .. "=" .. tostring(v)
      end
      local n = 0
      for i = 1, 60 do n = n + prunner.get_manager():dict "other":get(i)[1] end
      table.sort(all)
      print(table.concat(all, " "), d:len(), prunner.get_manager():dict "other":len(), n)
      for i = 1, 150 do io.write(tostring(d:get("key" .. i)), " ") end
    end
  ]],
  queue = [[
    function begin()
      local q = prunner.get_manager():queue "q"
      for i = 1, 40 do q:put(i) end
      for i = 1, 40 do prunner.post_task(work, i) end
    end
    function work(i)
      local q = prunner.get_manager():queue "q"
      local v = q:get()
      if i == 20 then stop_here() end
      prunner.counter "sum":add(v)
      prunner.get_manager():queue "results":put(v * 2)
    end
    function end_()
      local sum, r = 0, prunner.get_manager():queue "results"
      for _ = 1, 40 do sum = sum + r:get() end
      print(prunner.counter "sum":get(), sum)
    end
  ]],
  retries = [[
    local again = prunner.task("again", function(i)
      prunner.dict:incr "tries"
      if prunner.attempt() == 1 then error "once more" end
      prunner.counter "sum":add(i)
    end, { retries = 3, backoff = 0.2 })
    local stop = prunner.task("stop", function()
      while prunner.stats().retried < 30 do end
      stop_here()
    end)
    function begin()
      for i = 1, 30 do prunner.post_task(again, i) end
      prunner.post_task(stop)
    end
    function end_() print(prunner.counter "sum":get(), prunner.dict.tries) end
  ]],
  texts = [[
    local d = prunner.dict
    function begin()
      for i = 1, 8 do d:set("text" .. i, ("begins"):rep(i)) end
      for i = 1, 80 do prunner.post_task(work, i) end
    end
    function work(i)
      for _ = 1, 8 do
        d:append("text" .. i % 8 + 1, "eight by")
        d:append("long", "a piece of a longer one, ")
      end
      if i == 60 then stop_here() end
      prunner.get_manager():dict "other":append("same", "x")
    end
    function end_()
      for i = 1, 8 do print(d["text" .. i]) end
      print(d.long, prunner.get_manager():dict "other":get "same")
    end
  ]],
  once = [[
    -- Numbers below 97, each once, whoever finds it first.
    function begin() for i = 1, 20 do prunner.post_once(i, visit, i) end end
    function visit(i)
      if i == 60 then stop_here() end
      prunner.counter "visits":add(1)
      prunner.counter "sum":add(i)
      for k = 2, 10 do
        local next = i * k % 97
        prunner.post_once(next, visit, next)
      end
    end
    function end_() print(prunner.counter "visits":get(), prunner.counter "sum":get()) end
  ]],
  overdue = [[
    -- Runs that are ended by the supervisor, in the name of a worker that it has killed.
    local slow = prunner.task("slow", function(i)
      prunner.collector "all":add(i)
      if prunner.attempt() == 1 and i % 4 == 0 then while true do end end
      prunner.counter "sum":add(i)
      prunner.post_task(leaf, i)
    end, { timeout = 0.2, retries = 5, backoff = 0.3 })
    local stop = prunner.task("stop", function()
      while prunner.stats().retried < 3 do end
      stop_here()
    end)
    function leaf(i) prunner.counter "leaves":add(i) end
    function begin()
      prunner.post_task(stop)
      for i = 1, 16 do prunner.post_task(slow, i) end
    end
    function end_()
      local all = prunner.collector "all":get()
      table.sort(all)
      print(prunner.counter "sum":get(), prunner.counter "leaves":get(), table.concat(all, " "))
    end
  ]],
  cursors = [[
    function begin() for i = 1, 6 do prunner.post_task(long, i) end end
    function long(i)
      local from = prunner.cursor() or { 1 }
      for k = from[1], 20 do
        if i == 3 and k == 11 then stop_here() end
        prunner.counter "sum":add(i * k)
        prunner.dict:incr("d" .. i, k)
        if k % 5 == 0 then prunner.commit { k + 1, ("cursor"):rep(k) } end
      end
    end
    function end_()
      print(prunner.counter "sum":get())
      for i = 1, 6 do print(prunner.dict:get("d" .. i)) end
    end
  ]],
  locks = [[
    function begin() for i = 1, 40 do prunner.post_task(work, i) end end
    function work(i)
      local l, d = prunner.lock "l", prunner.dict
      l:acquire()
      d:set("a", (d:get "a" or 0) + i)
      d:set("b", (d:get "b" or "") .. "x")
      l:release()
      d:incr("c", i)
      l:acquire()
      d:set("a", (d:get "a" or 0) + 1)
      if i == 20 then stop_here() end
      l:release()
      d:incr("c", 1)
    end
    function end_() local d = prunner.dict print(d.a, #d.b, d.c) end
  ]],
  producer = [[
    function begin() prunner.post_task(produce) end
    function produce()
      for i = 1, 5000 do
        if i == 4500 then stop_here() end
        prunner.post_task(work, i)
      end
    end
    function work(i) prunner.counter "sum":add(i) if i % 1000 == 0 then error "thousand" end end
    function end_() print(prunner.counter "sum":get(), prunner.stats().failed) end
  ]],
}

---------------------------------------------------------------------------------------------------
-- Files
---------------------------------------------------------------------------------------------------

local dir = assert(io.popen "mktemp -d"):read "*l"

local function write(path, text)
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
end

local function read(path)
  local f = assert(io.open(path))
  local text = f:read "*a"
  f:close()
  return text
end

-- What a sparse file has: a list of { at =, bytes =, n = }, and its size.
local function load(path)
  local fd, parts, at = C.open(path, O_RDONLY, 0), {}, 0
  assert(fd >= 0)
  while true do
    local from = C.lseek(fd, at, SEEK_DATA)
    if from < 0 then break end
    local to = C.lseek(fd, from, SEEK_HOLE)
    local n = tonumber(to - from)
    local bytes = ffi.new("uint8_t[?]", n)
    assert(C.pread(fd, bytes, n, from) == n)
    parts[#parts + 1] = { at = tonumber(from), bytes = bytes, n = n }
    at = to
  end
  local size = C.lseek(fd, 0, SEEK_END)
  C.close(fd)
  return { parts = parts, size = size }
end

local function store(image, path)
  os.remove(path)
  local fd = C.open(path, O_RDWR_CREAT_TRUNC, 384)
  assert(fd >= 0 and C.ftruncate(fd, image.size) == 0)
  for _, p in ipairs(image.parts) do
    -- Pages that are all 0 need not be there.
    for from = 0, p.n - 1, 4096 do
      local n, any = math.min(4096, p.n - from), false
      for i = from, from + n - 1 do
        if p.bytes[i] ~= 0 then any = true break end
      end
      if any then assert(C.pwrite(fd, p.bytes + from, n, p.at + from) == n) end
    end
  end
  C.close(fd)
end

-- Where something is: places of 8 bytes that are not 0, in lists of those that are near each other
-- (slots, names, chunks ...). A list is as likely as another one: names are the most.
local function places(image)
  local lists = {}
  for _, p in ipairs(image.parts) do
    local words = ffi.cast("uint64_t *", p.bytes)
    for i = 0, p.n / 8 - 1 do
      local at, list = p.at + i * 8, lists[#lists]
      if words[i] ~= 0 then
        if not list or at - list[#list] > 1024 * 1024 then
          list = {}
          lists[#lists + 1] = list
        end
        list[#list + 1] = at
      end
    end
  end
  return lists
end

local function damage(path, image)
  local list = image.places[math.random(#image.places)]
  local at = list[math.random(#list)] + math.random(0, 7)
  local n = ({ 1, 12, 100 })[math.random(3)]
  local how = math.random(4) -- 1: zeros, 2: one bit each, else any bytes
  local fd = C.open(path, 2, 0)
  local bytes = ffi.new("uint8_t[?]", n)
  C.pread(fd, bytes, n, at)
  for i = 0, n - 1 do
    if how == 1 then
      bytes[i] = 0
    elseif how == 2 then
      bytes[i] = bit.bxor(bytes[i], 2 ^ math.random(0, 7))
    else
      bytes[i] = math.random(0, 255)
    end
  end
  C.pwrite(fd, bytes, n, at)
  C.close(fd)
  return ("%d bytes at %d, way %d"):format(n, at, how)
end

---------------------------------------------------------------------------------------------------
-- Runs
---------------------------------------------------------------------------------------------------

local function run(kind, option)
  local script = ("%s/%s.lua"):format(dir, kind)
  local status = os.execute(("timeout -s KILL 20 sh -c '%s -n 3 --no-progress %s %s/state %s %s/go; "
    .. "echo $? >%s/status' >%s/out 2>%s/err </dev/null"):format(prunner, option, dir, script, dir, dir, dir, dir))
  if status ~= 0 then return TIMED_OUT, read(dir .. "/out"), read(dir .. "/err") end
  return tonumber(read(dir .. "/status")), read(dir .. "/out"), read(dir .. "/err")
end

-- The file of a job that was killed, and how it ends.
local function prepare(kind)
  os.remove(dir .. "/go")
  os.remove(dir .. "/state")
  write(("%s/%s.lua"):format(dir, kind), PRELUDE .. JOBS[kind])
  local status, out, err = run(kind, "--state")
  assert(status == KILLED, ("%s: it was to be killed: status %d\n%s%s"):format(kind, status, out, err))
  local image = load(dir .. "/state")
  image.places = places(image)
  write(dir .. "/go", "")
  image.status, image.out = run(kind, "--resume")
  assert(image.status == (kind == "producer" and 1 or 0) and #image.out > 1,
    ("%s: cannot be resumed: status %d\n%s%s"):format(kind, image.status, image.out, read(dir .. "/err")))
  return image
end

local function verdict(image, status, out)
  if status >= 124 then return status == TIMED_OUT and "HANGS" or "DIES" end
  if status == image.status and out == image.out then return "right" end
  if status == 2 then return "refused" end
  return status == 0 and "WRONG" or "failed"
end

local kinds = {}
for kind in pairs(JOBS) do
  if not options.k or options.k == kind then kinds[#kinds + 1] = kind end
end
table.sort(kinds)
math.randomseed(options.s)

local images, counts, bad = {}, {}, 0
for i = 1, options.n do
  local kind = kinds[i % #kinds + 1]
  images[kind] = images[kind] or prepare(kind)
  local image = images[kind]
  store(image, dir .. "/state")
  local what = damage(dir .. "/state", image)
  local status, out, err = run(kind, "--resume")
  local v = verdict(image, status, out)
  counts[v] = (counts[v] or 0) + 1
  if v:find "^%u" then
    bad = bad + 1
    print(("%s: try %d of seed %s, %s: %s (status %d)\n%s%s"):format(v, i, options.s, kind, what, status,
      out:sub(1, 300), err:sub(1, 600)))
  elseif verbose then
    print(("%s: %s: %s: %s"):format(v, kind, what, err:match "[^\n]*"))
  end
end
os.execute("rm -rf " .. dir)

local words = {}
for v, n in pairs(counts) do words[#words + 1] = ("%d %s"):format(n, v) end
table.sort(words)
print(("%d damages of seed %s: %s"):format(options.n, options.s, table.concat(words, ", ")))
os.exit(bad == 0 and 0 or 1)
