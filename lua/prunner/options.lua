--- The options that a script declares, so that a job is a proper command; lua-argparse reads them.
--
--     local prunner = require "prunner"
--     local opt = prunner.options {
--       description = "Fetches pages.",
--       { "start", description = "the first page" },
--       { "--depth", default = 3, description = "how far to follow links" },
--       { "-v --verbose", flag = true, description = "say more" },
--     }
--     print(opt.start, opt.depth, opt.verbose)
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local exit = require "prunner.exit"
local foreign = require "prunner.foreign"

local EXIT = core.EXIT

local M = {}

local declared = false -- has the script declared its options?

local function set(words)
  local s = {}
  for word in string.gmatch(words, "%S+") do s[word] = true end
  return s
end

-- What may be said of an argument, of an option and of the whole; argparse itself is silent about
-- names that it does not know.
local OF_ARGUMENT = set [[ name description default convert args target defmode show_default argname
  choices hidden action init ]]
local OF_OPTION = set [[ name description default convert args target defmode show_default argname
  choices hidden action init count hidden_name overwrite flag ]]
local OF_WHOLE = set "description epilog usage"

local function fail(...)
  error({ problem = string.format("options: " .. (...), select(2, ...)) }, 0)
end

-- The option of prunner's own that would be taken for this one, or nil. After the script's name
-- prunner's long names are not shortened; a word of several letters belongs to whom its first
-- letter belongs.
local function own_option(alias)
  local long = string.match(alias, "^%-%-(.+)")
  for _, own in ipairs(core.options()) do
    if long and own.name == long then return "--" .. own.name end
    if not long and own.letter and string.sub(alias, 1, 2) == "-" .. own.letter then
      return "-" .. own.letter
    end
  end
end

local function check_alias(alias, seen)
  if seen[alias] then fail('"%s" is declared twice', alias) end
  seen[alias] = true
  local own = own_option((string.gsub(alias, "_", "-")))
  if own then fail('"%s" would be taken for prunner\'s own %s: choose another name', alias, own) end
end

local function check_properties(where, given, allowed)
  for key in pairs(given) do
    if not allowed[key] then fail("%s has no property %s", where, tostring(key)) end
  end
end

-- With the name and the value in what is said of a value that cannot be converted.
local function wrap_convert(name, convert)
  if type(convert) == "function" then
    return function(value)
      local result, problem = convert(value)
      if result ~= nil then return result end
      problem = problem and ": " .. problem or convert == tonumber and " is not a number"
        or " is not a value that it takes"
      return nil, string.format('%s: "%s"%s', name, value, problem)
    end
  end
  if type(convert) ~= "table" then return convert end
  if type(convert[1]) ~= "function" then -- values by their text
    return wrap_convert(name, function(value) return convert[value] end)
  end
  local wrapped = {}
  for i, each in ipairs(convert) do wrapped[i] = wrap_convert(name, each) end
  return wrapped
end

-- A default that is a number: then all its values are numbers, unless the script converts them
-- itself. Argparse converts and shows strings only, and has no other defaults for arguments.
local function put_default(properties, is_option)
  local default = properties.default
  if default == nil or type(default) == "string" then return end
  properties.convert = properties.convert or type(default) == "number" and tonumber or nil
  if type(default) == "number" and properties.convert == tonumber then
    properties.default = string.format("%.17g", default)
    local short = string.format("%.14g", default)
    if tonumber(short) == default then properties.default = short end
  elseif not is_option then
    fail("%s: the default of an argument is a string, which is converted", properties.name)
  end
end

-- One row of the declaration: { "-o --output", description = ..., ... }
local function declare(parser, row, seen)
  local name = type(row) == "table" and (row[1] or row.name)
  if type(name) ~= "string" or not string.find(name, "%S") then
    fail('each of the list is a table that begins with a name, such as { "--depth", default = "3" }')
  end
  local is_option = string.find(name, "^%s*%-")
  local properties = {}
  for key, value in pairs(row) do
    if key ~= 1 then properties[key] = value end
  end
  check_properties(name, properties, is_option and OF_OPTION or OF_ARGUMENT)
  for alias in string.gmatch(name, "%S+") do check_alias(alias, seen) end

  properties.name, properties.flag = name, nil
  put_default(properties, is_option)
  local shown = string.match(name, "%-%-%S+") or string.match(name, "%S+")
  properties.convert = wrap_convert(shown, properties.convert)
  local element = not is_option and parser:argument() or row.flag and parser:flag() or parser:option()
  local ok, problem = pcall(element, properties)
  if not ok then fail("%s: %s", name, (string.gsub(tostring(problem), "^[^:]*:%d+: ", ""))) end
end

-- The global `arg`, if it still is a table.
function M.words_given()
  local words = rawget(_G, "arg")
  return type(words) == "table" and words or {}
end

-- How the script is called: "prunner job.lua".
local function command_name()
  local names = M.words_given()
  return string.format("%s %s", core.config "command" and "prunner" or names[-1] or "luajit", names[0] or "?")
end

local function epilog(own)
  if not core.config "command" then return own end
  local pointer = "prunner's own options, such as -n, may be given too: see prunner --help"
  return own and own .. "\n\n" .. pointer or pointer
end

local function make_parser(declaration)
  local argparse, absent = foreign.load("argparse", "version",
    "to declare options (Debian: apt-get install lua-argparse)")
  if not argparse then fail("%s", absent) end
  if type(declaration) ~= "table" then fail("a table is needed, got %s", type(declaration)) end
  local whole, seen = {}, {}
  for key, value in pairs(declaration) do
    if type(key) ~= "number" then whole[key] = value end
  end
  check_properties("the declaration", whole, OF_WHOLE)
  local parser = argparse(command_name()):add_help(false):help_max_width(80)
  parser:flag "-h --help" :description "print this and exit" :action(function()
    io.stdout:write(parser:get_help(), "\n")
    exit.now(EXIT.DONE)
  end)
  for _, row in ipairs(declaration) do declare(parser, row, seen) end
  whole.epilog = epilog(whole.epilog)
  local ok, problem = pcall(parser, whole)
  if not ok then fail("%s", (string.gsub(tostring(problem), "^[^:]*:%d+: ", ""))) end
  return parser
end

-- What the command line has that only a declaration of options could explain.
-- Says what is wrong, and returns the exit status with which the command ends; nil: nothing is.
function M.undeclared()
  if declared then return nil end
  if core.config "help" then return EXIT.NO_OPTIONS end
  local complaint = core.config "unknown"
  if not complaint then return nil end
  core.error(complaint)
  return EXIT.USAGE
end

--- The words of the command line that are the script's, with the -- that the command took out.
function M.words()
  local list = { unpack(M.words_given()) }
  local literal = core.config "nliteral"
  if literal > 0 then table.insert(list, #list - literal + 1, "--") end
  return list
end

--- The command line
-- @section options

--- Declares the options and arguments of the script and reads them from the command line. If the command
-- line is wrong, prints an error and ends with status 2. `--help` prints the declared options.
-- @tparam table declaration description, epilog, usage; and a list of tables, one for each option or
--   argument: first its name (`"input"`, `"--depth"`, `"-o --output"`), then properties of argparse:
--   description, default, convert, args, count, choices, argname, action ... With `flag = true` an option
--   takes no value. If the default is a number, all values are converted to numbers
-- @treturn table the values, by their long names, with _ for - inside
-- @raise if the declaration is wrong, is the second one, or comes too late
function M.options(declaration)
  if declared then error("options: they were declared already; there is one declaration a script", 2) end
  if core.moment() ~= "loading" then
    error("options: they are declared while the script loads, not in begin(), tasks or hooks", 2)
  end
  declared = true
  local ok, parser = pcall(make_parser, declaration)
  if not ok then error(type(parser) == "table" and parser.problem or parser, 2) end
  if core.config "help" then
    io.stdout:write(parser:get_help(), "\n")
    exit.now(EXIT.DONE)
  end
  local fine, result = parser:pparse(M.words())
  if fine then return result end
  local problem = string.gsub(result, "^(unknown option '%-.').*", "%1") -- any letter is like any other
  problem = string.gsub(problem, "\nDid you mean (.-)%?$", " (did you mean %1?)")
  core.error(string.format("%s: %s; see %s --help", M.words_given()[0] or "?", problem, command_name()))
  exit.now(EXIT.USAGE)
end

return M
