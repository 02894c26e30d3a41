--- prunner.registry: which functions and classes are found, and what they are called.

local prunner = require "prunner"
local core = require("prunner.native").core
local registry = require "prunner.registry"

local function name_of(fn) return registry.ids[fn] and registry.name_of(registry.ids[fn]) end

describe("prunner.registry", function()
  it("finds globals, fields, methods, upvalues and what hides in metatables", function()
    local upvalue = function() end
    local deeper = { list = { function() end } }
    local Class = { __index = { method = function() end } }
    local key = function() end
    _G.registry_spec = {
      plain = function() return upvalue, deeper end,
      object = setmetatable({}, Class),
      [key] = true,
    }
    registry.walk()
    assert.are.equal("registry_spec.plain", name_of(_G.registry_spec.plain))
    assert.are.equal("upvalue", name_of(upvalue))
    assert.are.equal("deeper.list[1]", name_of(deeper.list[1]))
    assert.is_truthy(registry.ids[Class.__index.method])
    assert.is_truthy(registry.ids[key])
    assert.is_truthy(registry.ids[string.rep])
    assert.are.equal(registry.ids[upvalue], registry.ids["upvalue"])
    _G.registry_spec = nil
  end)

  it("takes for a name what LuaJIT does", function()
    local f = function() end
    _G["zähle"] = f
    registry.walk()
    assert.are.equal("zähle", name_of(f))
    _G["zähle"] = nil
  end)

  it("prefers the name of a global to any other", function()
    local f = function() end
    _G.a_global_function = f
    package.loaded.a_module = { f = f, g = function() end }
    registry.walk()
    assert.are.equal("a_global_function", name_of(f))
    assert.are.equal("a_module.g", name_of(package.loaded.a_module.g))
    _G.a_global_function, package.loaded.a_module = nil, nil
  end)

  it("lets prunner.task rename, before and after a walk", function()
    local before, after = function() end, function() end
    prunner.task("named before", before)
    _G.registry_spec = { before = before, after = after }
    registry.walk()
    prunner.task("named after", after)
    registry.walk()
    assert.are.equal("named before", name_of(before))
    assert.are.equal("named after", name_of(after))
    assert.are.equal(registry.ids[after], registry.ids["named after"])
    _G.registry_spec = nil
  end)

  it("finds what is behind a function that nothing but prunner.task knows", function()
    local helper, Class = function() end, { __index = {} }
    prunner.task("nothing but named", function() return helper, Class end)
    registry.walk()
    assert.are.equal("helper", name_of(helper))
    assert.is_truthy(registry.class_of(Class))
  end)

  it("knows what prunner gives away, and nothing of its inside", function()
    registry.walk()
    assert.are.equal("prunner.post_task", name_of(prunner.post_task))
    for _, module in ipairs { "accumulators", "dict", "lock", "manager", "runner" } do
      for _, class in ipairs(require("prunner." .. module).classes) do
        assert.is_truthy(registry.class_of(class))
      end
    end
    assert.is_nil(registry.ids[registry.walk])
    assert.is_nil(registry.ids[core.post])
  end)

  it("gives a function one number however often it is met", function()
    local f = function() end
    registry.walk(f)
    local id = registry.ids[f]
    registry.walk(f)
    registry.walk({ f })
    assert.are.equal(id, registry.ids[f])
  end)

  it("survives data that is cyclic or nested deeply", function()
    local deep, bottom = {}, function() end
    local top = deep
    for _ = 1, 100000 do
      deep.next = { back = deep }
      deep = deep.next
    end
    deep.f = bottom
    registry.walk(top)
    assert.is_truthy(registry.ids[bottom])
  end)

  it("is not held up by tables that raise when looked at", function()
    local trap = setmetatable({}, {
      __index = function() error "looked" end, __pairs = function() error "looked" end,
      __metatable = "hidden", __len = function() error "looked" end,
    })
    registry.walk { trap }
    assert.is_truthy(core.decode(core.encode(setmetatable({}, debug.getmetatable(trap)))))
  end)

  -- How often fn() walks through everything.
  local function walks_of(fn)
    local walk, n = registry.walk, 0
    registry.walk = function(...)
      n = n + 1
      return walk(...)
    end
    local ok, problem = pcall(fn)
    registry.walk = walk
    assert(ok, problem)
    return n
  end

  it("walks once at most for all the functions, names and classes that begin() makes", function()
    registry.walk()
    local numbers = {}
    assert.are.equal(0, walks_of(function()
      for i = 1, 100 do
        local f = function() return i end
        numbers[registry.number_in_begin(f)] = true
        _G["registry_spec_" .. i] = function() return i end
        numbers[registry.number_in_begin("registry_spec_" .. i)] = true
        local Class = {}
        Class.__index = Class
        local g = function() return i end
        registry.add_inside(setmetatable({ { g } }, Class), nil, "text")
        assert.is_truthy(registry.class_of(Class))
        numbers[registry.ids[g]] = true
      end
    end))
    local n = 0
    for _ in pairs(numbers) do n = n + 1 end
    assert.are.equal(300, n)
    for i = 1, 100 do _G["registry_spec_" .. i] = nil end
  end)

  it("gives a function of begin() the name that the walk at its end finds, and looks behind it", function()
    registry.walk()
    local behind = function() end
    local Class = { __index = { method = function() end } }
    local named, nameless = function() return behind end, function() return Class end
    local given = function() end
    for _, f in ipairs { named, nameless, given } do registry.number_in_begin(f) end
    assert.are.equal(registry.where_of(named), name_of(named))
    prunner.task("given in begin", given)
    _G.registry_spec = { deep = { named = named, given = given } }
    local number = registry.ids[named]
    registry.walk()
    assert.are.equal("registry_spec.deep.named", name_of(named))
    assert.are.equal(number, registry.ids["registry_spec.deep.named"])
    assert.are.equal(registry.where_of(nameless), name_of(nameless))
    assert.are.equal("given in begin", name_of(given))
    assert.is_truthy(registry.ids[behind])
    assert.is_truthy(registry.class_of(Class))
    assert.is_truthy(registry.ids[Class.__index.method])
    _G.registry_spec = nil
  end)

  it("finds another name for each of many of one place without trying all", function()
    local names, holders = require "prunner.registry.names", {}
    for i = 1, 20000 do holders[names.unique(holders, "a name", {})] = i end
    assert.are.equal(20000, holders["a name #20000"])
  end)
end)
