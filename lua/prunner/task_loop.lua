--- Loops that run one task after the other without leaving compiled code. Not for scripts.
--
-- Calling a function from C means: through the interpreter, into its trace, and out again,
-- which takes several times as long as a small task. When a worker has run the same function
-- often, with a number as its only argument, it makes a loop for it:
--
--     f(v); while C.prn_next_task() do f(cell[0]) end
--
-- prn_next_task() ends the task at hand and claims the next one (engine/worker/run.c); it is false when that
-- is another function's, or anything but "run it" is to be done. LuaJIT compiles the loop,
-- f included. Each function has a loop of its own bytecode: one that is shared would be
-- compiled for the first function only. A loop that cannot be compiled is given up: there the
-- call through FFI would cost more than it saves.
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local ffi = require "ffi"

local ABORTS = 8 -- LuaJIT itself gives a loop up after some more

local M = {}

-- Stripped: no line of it appears in error messages. f comes as an argument: it then has no
-- other name in tracebacks than its own.
local code = string.dump(assert(loadstring [[
  local C, cell = ...
  return function(v, f)
    f(v)
    while C.prn_next_task() do f(cell[0]) end
  end
]]), true)

local cell = ffi.cast("double *", native.C.prn_next_task_cell())
local open = {} -- [loop] = { number of its function, how often it could not be compiled }
local root      -- the loop that is being recorded

-- What LuaJIT tells of its traces; `fn` is the function that a new one starts in.
local function watch_traces(what, _, fn, _, parent)
  if what == "start" then
    root = not parent and open[fn] or nil
  elseif what == "stop" then
    root = nil
  elseif what == "abort" and root then
    root.aborts = root.aborts + 1
    if root.aborts >= ABORTS then
      native.core.task_loop_give_up(root.number)
      open[root.loop] = nil
    end
    root = nil
  end
end

--- Makes the loop for a function.
-- @tparam number number the function's
-- @tparam function f
-- @treturn function of the first task's argument and f; nil: none is wanted
function M.make(number, f)
  if not jit.status() or debug.getinfo(f, "S").what == "C" then return nil end
  if not next(open) then jit.attach(watch_traces, "trace") end
  local loop = loadstring(code, "=prunner.task_loop")(native.C, cell)
  open[loop] = { number = number, loop = loop, aborts = 0 }
  return loop
end

return M
