--- math.random in workers: another seed in each, or the one that the script has given.

local helper = require "tests.e2e.helper"

describe("math.random", function()
  after_each(helper.cleanup)

  local SCRIPT = [[
    local prunner = require "prunner"
    SEED
    function work()
      prunner.collector("c"):add(table.concat({ math.random(1e9), math.random(1e9), math.random(1e9) }, " "))
      os.execute "sleep 0.05"
    end
    function begin() for _ = 1, 4 do prunner.post_task(work) end end
    function end_()
      local list = prunner.collector("c"):get()
      table.sort(list)
      print(table.concat(list, ","))
    end
  ]]

  local function numbers(seed, ...)
    return helper.expect(helper.prunner(helper.script((SCRIPT:gsub("SEED", seed))), ...), 0).out
  end

  it("gives other numbers in each run and worker, without a seed", function()
    local first = numbers("", "-n", 1)
    assert.are_not.equal(first, numbers("", "-n", 1))
    local seen = {}
    for three in numbers("", "-n", 4):gmatch "[^,\n]+" do
      assert.is_nil(seen[three])
      seen[three] = true
    end
  end)

  it("gives the same in every run with -n 1 and --serial, with a seed", function()
    local first = numbers("math.randomseed(42)", "-n", 1)
    assert.are.equal(first, numbers("math.randomseed(42)", "-n", 1))
    assert.are.equal(first, numbers("math.randomseed(42)", "--serial"))
    assert.are.equal(first, numbers("local seed = math.randomseed seed(42)", "-n", 1))
    assert.are_not.equal(first, numbers("math.randomseed(43)", "-n", 1))
  end)

  it("gives other numbers in each worker, and in its successor, with a seed", function()
    for _, options in ipairs { { "-n", 4 }, { "-n", 1, "--max-tasks", 1 } } do
      local seen = {}
      for three in numbers("math.randomseed(42)", unpack(options)):gmatch "[^,\n]+" do
        assert.is_nil(seen[three])
        seen[three] = true
      end
    end
  end)
end)
