--- What LuaJIT's own string.buffer takes to encode a value and to decode it again: the least that
-- a task argument can cost in pure Lua.
--
--   luajit bench/peers/lua/buffer.lua table|string|number ROUNDS      ns_per_op 286.0

package.path = "scripts/bench/?.lua;" .. package.path
local clock = require "clock"
local buffer = require "string.buffer"

local values = {
  number = 5,
  table = { id = 5, name = "hello", x = { 1, 2, 3 } },
  string = ("s"):rep(1024),
}

local value = values[arg[1]] or error("usage: buffer.lua table|string|number ROUNDS", 0)
local rounds = tonumber(arg[2]) or 1000000

local start, copy = clock.now(), nil
for _ = 1, rounds do copy = buffer.decode(buffer.encode(value)) end
local seconds = clock.now() - start

assert(type(copy) == type(value) and (arg[1] ~= "table" or copy.x[3] == 3))
print(("ns_per_op %.1f"):format(seconds / rounds * 1e9))
