--- What scripts give to functions and methods, where Lua itself would say nothing.
setfenv(1, require "prunner.globals")

local M = {}

--- Without this, what is given too much would be lost without a word.
-- @tparam string what the function, as messages call it
-- @tparam integer n how many arguments it takes
-- @param ... those that are too many
-- @raise if there are any, at the caller's caller
function M.no_more(what, n, ...)
  if select("#", ...) == 0 then return end
  error(string.format("%s: further arguments would be lost: it takes %s", what, n > 0 and n or "none"), 3)
end

local function called_with_a_dot(kind, method)
  error(string.format("%s: %s was not called on a %s: write x:%s(...), with a colon", kind, method, kind,
    method), 4)
end

--- A method is called on a handle. (On that of another kind its field raises: prunner.handle.)
-- @param self what it was called on
-- @tparam string kind "lock" ...
-- @tparam string method its name
-- @raise if that is none, at the caller's caller
function M.check_self(self, kind, method)
  if type(self) ~= "cdata" then called_with_a_dot(kind, method) end
end

return M
