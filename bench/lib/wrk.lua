-- Driver of wrk: what to ask, and the result as one line of JSON.
-- Arguments after `--`: hosts, paths. With hosts = 0 wrk's own request is sent again and again.
-- With more, requests go to random hosts (host-<i>.bench.example) and paths (/p<j>); with
-- hosts = 1 as many different random picks are made, all of host `localhost`, so that the load
-- tool's own work is the same whatever the number of routes.

local requests = {}
local PICKS = 10000

function init(args)
  local hosts = tonumber(args[1] or "0")
  local paths = tonumber(args[2] or "1")
  if hosts == 0 then
    return
  end
  math.randomseed(42)
  for i = 1, math.max(PICKS, hosts * paths) do
    local host, path = "localhost", "/"
    if hosts > 1 then
      host = "host-" .. ((i - 1) % hosts) .. ".bench.example"
      if paths > 1 then
        path = "/p" .. (math.floor((i - 1) / hosts) % paths)
      end
    end
    requests[i] = wrk.format("GET", path, { Host = host })
  end
  local count = #requests
  local random = math.random
  request = function()
    return requests[random(count)]
  end
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "micros": %d, "errors": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
