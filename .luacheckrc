std = "luajit"
max_line_length = 110
codes = true

-- A script's globals are its hooks and its tasks: that is how jobs are written.
files["scripts"] = {
  allow_defined_top = true,
  ignore = {
    "131", -- a global that is set and never read: the hooks, read by prunner
  },
}

files["tests/spec"] = { std = "+busted" }
files["tests/e2e"] = { std = "+busted" }

-- Jobs that tests run.
files["tests/**/jobs"] = {
  allow_defined_top = true,
  ignore = { "131" },
}
