--- Handles: what scripts hold of shared objects: dicts, locks, counters ...
--
-- A handle is not a table: pairs(), next() and # of one would find nothing of what is shared, and say
-- nothing. It is a cdata with a number, so that compiled code loads that and no more. What else is
-- known of it lies in its form, a table: that is what the codec sends in its place, and what it makes a
-- handle of in the process that gets it. In one process there is one handle for each form.
setfenv(1, require "prunner.globals")

local ffi = require "ffi"
local core = require("prunner.native").core

local M = {}

local kinds = {}    -- [number of the C type] = forms: [handle] = its form
local by_class = {} -- [metatable of forms] = a function: the handle of a form that came here

-- Raises for what people do with tables.
local function refusal(what, instead)
  return function()
    error(string.format("a %s is not a table: %s", what, instead), 2)
  end
end

--- The field that has the number, in handles of this kind only: a method that is called with another one
-- raises. No key of a dict is called so, it is not UTF-8.
function M.field(what)
  return "\255" .. what
end

--- A kind of handles.
-- @tparam string what "lock": names the C type; the last word is what messages call it
-- @tparam table Class the metatable of forms, and the methods unless `meta` has an __index
-- @tparam table meta metamethods of handles. `use` says what to use instead of pairs() and #;
--   `of_form(form)` returns the handle of a form that was received, or nil if it is damaged
-- @treturn function(id, form) makes a handle; the caller keeps one for each object
-- @treturn table [handle] = its form
function M.class(what, Class, meta)
  local ID = M.field(what)
  ffi.cdef(string.format("struct prunner_%s { const uint32_t %s; };", what, ID))
  local ct = ffi.typeof("struct prunner_" .. what)
  local forms = setmetatable({}, { __mode = "k" })
  local shown = string.match(what, "%a+$")
  local refuse = refusal(shown, meta.use)
  ffi.metatype(ct, {
    __index = meta.__index or Class,
    __newindex = meta.__newindex or refusal(shown, "it has no fields to be set"),
    __tostring = meta.__tostring or function(self)
      local name = forms[self].name
      return name and string.format("%s %q", what, name) or "prunner." .. what
    end,
    __len = refuse, __pairs = refuse, __ipairs = refuse, __call = refuse,
  })
  kinds[tonumber(ct)] = forms
  by_class[Class] = meta.of_form
  core.know_handle(Class)
  return function(id, form)
    local handle = ct(id)
    forms[handle] = setmetatable(form, Class)
    return handle
  end, forms
end

core.know_forms(function(value)
  local forms = kinds[tonumber(ffi.typeof(value))]
  local form = forms and forms[value] -- none: the type itself, or a copy of a handle
  if form then return 3, form end
end, function(form)
  return by_class[getmetatable(form)](form)
end)

return M
