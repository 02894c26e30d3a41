--- By name: what functions and classes are called, and which names the script has given itself.
--
-- With --failures and --retry-failed names are written down for another run. So there each names one
-- function or class only: further ones of the same name get their place, or a number, behind it.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local place = require "prunner.registry.place"

local M = {}

M.functions = {} -- [name] = the function called so, the last one
M.classes = {}   -- [name] = the class

local given = {} -- [function] = the name that prunner.task gave it

--- Are names written down for another run?
function M.last()
  return (core.config "failures" or core.config "retry_failed") ~= nil
end

local last = {} -- [table of holders][base] = the last number behind that name

--- The name itself if no other has it, or one made of it.
-- @tparam table holders functions or classes
function M.unique(holders, name, object)
  if holders[name] == nil or holders[name] == object then return name end
  local base = name
  if type(object) == "function" then base = name .. " " .. place.where_of(object) end
  local numbers = last[holders] or {}
  last[holders] = numbers
  local k = numbers[base] or 1
  name = k > 1 and string.format("%s #%d", base, k) or base
  while holders[name] ~= nil do
    k = k + 1
    name = string.format("%s #%d", base, k)
  end
  numbers[base] = k
  return name
end

--- Names a function for good.
-- @return the function that had the name, if it was another
function M.give(name, fn)
  local other = M.functions[name]
  given[fn] = name
  M.functions[name] = fn
  return other ~= fn and other or nil
end

--- The name that the script has given a function, or nil.
function M.given(fn)
  return given[fn]
end

return M
