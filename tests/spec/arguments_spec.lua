--- What a function gets too much would be lost without a word: it raises.
local prunner = require "prunner"

local manager = prunner.get_manager()

-- [how it is called] = the function and arguments that it would take
local calls = {
  counter = { prunner.counter, "arguments_spec" },
  max = { prunner.max, "arguments_spec" },
  min = { prunner.min, "arguments_spec" },
  collector = { prunner.collector, "arguments_spec" },
  lock = { prunner.lock, "arguments_spec" },
  expect = { prunner.expect, 0 },
  sleep = { prunner.sleep, 0 },
  wait_fd = { prunner.wait_fd, 0, "r", 0 },
  range = { prunner.range, 1, 2 },
  cursor = { prunner.cursor },
  commit = { prunner.commit, 1 },
  constant = { prunner.constant, "arguments_spec", {} },
  task = { prunner.task, "arguments_spec", print, {} },
  init = { prunner.init, 1, false, print, print },
  socket_patch = { prunner.socket_patch, true },
  pool = { prunner.pool, print, 1 },
  execute = { prunner.execute, "true" },
  sh = { prunner.sh, "true" },
  quote = { prunner.quote, "word" },
  popen = { prunner.popen, "true", "r" },
  ["manager:dict"] = { manager.dict, manager, "arguments_spec" },
  ["manager:lock"] = { manager.lock, manager, "arguments_spec" },
  ["manager:queue"] = { manager.queue, manager, "arguments_spec" },
  ["manager:value"] = { manager.value, manager, "arguments_spec", 1 },
}
local counter, collector = prunner.counter "arguments_spec", prunner.collector "arguments_spec"
local queue, value = manager:queue "arguments_spec", manager:value "arguments_spec"
local d, lock = prunner.dict, prunner.lock "arguments_spec"
for name, call in pairs {
  ["counter:add"] = { counter.add, counter, 1 }, ["counter:get"] = { counter.get, counter },
  ["collector:add"] = { collector.add, collector, 1 }, ["collector:get"] = { collector.get, collector },
  ["queue:put"] = { queue.put, queue, 1 }, ["queue:get"] = { queue.get, queue, 0 },
  ["queue:len"] = { queue.len, queue },
  ["value:get"] = { value.get, value }, ["value:set"] = { value.set, value, 1 },
  ["value:incr"] = { value.incr, value, 1 }, ["value:update"] = { value.update, value, function() return 1 end },
  ["d:get"] = { d.get, d, "k" }, ["d:set"] = { d.set, d, "k", 1 }, ["d:add"] = { d.add, d, "k", 1 },
  ["d:incr"] = { d.incr, d, "k", 1 }, ["d:append"] = { d.append, d, "s", "x" }, ["d:len"] = { d.len, d },
  ["d:cas"] = { d.cas, d, "k", 1, 2 }, ["d:delete"] = { d.delete, d, "k" }, ["d:each"] = { d.each, d },
  ["d:update"] = { d.update, d, "k", function() return 1 end },
  ["lock:acquire"] = { lock.acquire, lock, 1 }, ["lock:try_acquire"] = { lock.try_acquire, lock },
  ["lock:release"] = { lock.release, lock },
} do
  calls[name] = call
end

describe("an argument too many", function()
  for name, call in pairs(calls) do
    it("is an error: " .. name, function()
      local fn, arguments = call[1], { unpack(call, 2) }
      arguments[#arguments + 1] = "too many"
      local ok, problem = pcall(function() local result = fn(unpack(arguments)) return result end)
      assert.is_false(ok)
      assert.has_match("^[^ ]*arguments_spec%.lua:%d+: ", problem)
      assert.is_truthy(problem:find "would be lost" or problem:find "too many arguments" or problem:find "at a time"
        or problem:find "no more", problem)
    end)
  end

  it("is what all functions refuse that take a fixed number", function()
    local any = { -- what they take, or give, has no fixed number
      post_task = true, post_once = true, post_many = true, -- errors_post_spec
      global_lock = true, options = true, Task = true, ParallelTaskRunner = true,
    }
    local none = { -- they take nothing, and nobody expects it
      attempt = true, get_dict = true, get_manager = true, nworkers = true, start = true, stats = true,
      task_id = true, worker_id = true,
    }
    for name, fn in pairs(prunner) do
      if type(fn) == "function" and not any[name] and not none[name] then
        assert.is_truthy(calls[name], name .. " is not tried")
      end
    end
  end)
end)
