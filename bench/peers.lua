--- The programs that prunner is measured against: how each is built, and whether it can be.
--
-- peers.prepare() returns two tables: name -> the command as a list of words; and name -> why there
-- is no such program here. The sources are below bench/peers. Items call the programs by these names
-- and append the arguments.

local process = require "process"

local peers = {}

local function has(program)
  return process.capture("command -v " .. program) ~= nil
end

--- Debian's Python, not one that lies before it in PATH.
local function python()
  return process.capture("test -x /usr/bin/python3") and "/usr/bin/python3" or "python3"
end

-- needs: a program that must be there. build: a shell command that must succeed; $O is where the
-- programs are put. env: further variables when it runs.
local function list(out)
  local go = "cd bench/peers/go && GO111MODULE=on GOPROXY=off GOTOOLCHAIN=local "
    .. "GOFLAGS='-mod=mod -buildvcs=false' go build -o $O/go_%s ./%s"
  local c = "gcc -O2 -o $O/%s bench/peers/c/%s.c %s"
  return {
    { name = "go_pool", needs = "go", build = go:format("pool", "pool"), run = { out .. "/go_pool" } },
    { name = "go_client", needs = "go", build = go:format("client", "client"),
      run = { out .. "/go_client" } },
    { name = "server", needs = "gcc", build = c:format("server", "server", ""),
      run = { out .. "/server" } },
    { name = "omp", needs = "gcc", build = c:format("omp", "omp", "-fopenmp"), run = { out .. "/omp" } },
    { name = "shmpool", needs = "gcc", build = c:format("shmpool", "shmpool", "-pthread"),
      run = { out .. "/shmpool" } },
    { name = "futex", needs = "gcc", build = c:format("futex", "futex", ""), run = { out .. "/futex" } },
    { name = "tbb", needs = "g++", build = "g++ -O2 -o $O/tbb bench/peers/c/tbb.cpp -ltbb",
      run = { out .. "/tbb" } },
    { name = "erlang", needs = "erlc", build = "erlc -o $O bench/peers/erlang/chain.erl",
      run = { "erl", "-noshell", "-noinput", "-pa", out, env = { ERL_CRASH_DUMP = "/dev/null" } } },
    { name = "python_queue", needs = "python3", run = { python(), "bench/peers/python/queue_sum.py" } },
    { name = "python_pool", needs = "python3", run = { python(), "bench/peers/python/pool_get.py" } },
    { name = "perl_mce", needs = "perl", build = "perl -MMCE::Flow -MMCE::Queue -e 1",
      run = { "perl", "bench/peers/perl/mce_sum.pl" } },
    { name = "parallel", needs = "parallel", build = "parallel --version | grep -q GNU",
      run = { "parallel" } },
    { name = "luajit", needs = "luajit", run = { "luajit" } },
    { name = "buffer", needs = "luajit", build = "luajit -e 'require \"string.buffer\"'",
      run = { "luajit", "bench/peers/lua/buffer.lua" } },
  }
end

--- What is built into prunner for measuring only: it ends by a counter that all workers share,
-- instead of by a flag for each worker.
local COUNTER = "PRN_BENCH_SHARED_COUNTER"

local function shared_counter(build)
  if not process.capture("grep -rq " .. COUNTER .. " engine") then
    return nil, "the engine has no -D" .. COUNTER
  end
  local dir = build .. "/shared_counter"
  local result = process.run({ "make", "--no-print-directory", "BUILD=" .. dir,
    "CFLAGS=-O2 -g -D" .. COUNTER, "all" }, { timeout = 600 })
  if result.problem then return nil, "make -D" .. COUNTER .. " " .. result.problem end
  return { dir .. "/prunner", env = { LUA_PATH = "lua/?.lua;lua/?/init.lua;;" } }
end

--- Builds what can be built.
-- @tparam string build where prunner is built
-- @tparam string out an absolute path: where the peers are put
function peers.prepare(build, out)
  local commands, missing = { prunner = { build .. "/prunner" } }, {}
  for _, peer in ipairs(list(out)) do
    local ok = has(peer.needs)
    if not ok then
      missing[peer.name] = peer.needs .. " is not installed (make bench-deps)"
    elseif peer.build then
      ok = not process.run({ "sh", "-c", peer.build }, { timeout = 600, env = { O = out } }).problem
      if not ok then missing[peer.name] = "does not build: " .. peer.build end
    end
    commands[peer.name] = ok and peer.run or nil
  end
  commands.shared_counter, missing.shared_counter = shared_counter(build)
  return commands, missing
end

return peers
