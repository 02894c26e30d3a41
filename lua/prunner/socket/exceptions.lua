-- LuaSocket's protect and newtry: in C nothing could wait below them. They raise what the ones in C would,
-- and catch what these raise.
setfenv(1, require "prunner.globals")

local M = {}

-- The metatable of what a try raises; nil: it has none (3.0rc1), and each table is taken for an exception.
local function mark_of(socket)
  local _, exception = pcall(socket.newtry(), nil, "")
  return debug.getmetatable(exception)
end

local function nothing() end

--- Replaces them.
-- @tparam table socket the module `socket.core`
function M.patch(socket)
  local mark = mark_of(socket)

  local function finish(ok, ...)
    if ok then return ... end
    local err = ...
    if type(err) == "table" and (mark == nil or debug.getmetatable(err) == mark) then return nil, err[1] end
    error(err, 0)
  end

  function socket.protect(f)
    return function(...) return finish(pcall(f, ...)) end
  end

  function socket.newtry(finalizer)
    if finalizer == nil then finalizer = nothing end
    return function(...)
      local ok, message = ...
      if ok then return ... end
      finalizer()
      local exception = { message }
      debug.setmetatable(exception, mark) -- which is protected
      error(exception, 0)
    end
  end
end

return M
