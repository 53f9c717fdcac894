-- Limits of requests behind lighttpd.conf, by mod_magnet (Debian: lighttpd-modules-lua). What is
-- over one is answered as any miss is, and every path is limited alike: neither bytes nor time tell
-- which paths count.
--
-- Of one subscription's address, which is what its path starts with: so many requests at once (apps
-- try several times, with HEAD and side by side), then some a second. Of one peer, an IPv4 address
-- or about an IPv6 /64, only a high ceiling: whole towns share one behind a carrier's NAT. Users who
-- poll through their tunnel all come from its node, which has none.
local NODES = {} -- CHANGE: { ["203.0.113.21"] = true, ["2001:db8:1::7"] = true }
local ASKED = { burst = 40, rate = 1 }
local PEERS = { burst = 2000, rate = 200 }
local MOST = 20000 -- of each, so many are remembered at least, twice as many at most
local INNER = #"/.signpost"

-- A script has globals of its own at each request; what shall last is in the table of all.
local kept = _G.signpost_limits
if not kept then
    kept = { asked = { new = {}, old = {}, count = 0 }, peers = { new = {}, old = {}, count = 0 } }
    _G.signpost_limits = kept
end

-- Whether it is one too many. Who has not been seen for long is forgotten, so memory is bounded.
local function is_over(buckets, key, limit, now)
    local bucket = buckets.new[key]
    if not bucket then
        if buckets.count >= MOST then
            buckets.old, buckets.new, buckets.count = buckets.new, {}, 0
        end
        bucket = buckets.old[key] or { level = 0, at = now }
        buckets.new[key] = bucket
        buckets.count = buckets.count + 1
    end
    bucket.level = math.max(0, bucket.level - (now - bucket.at) * limit.rate)
    bucket.at = now
    if bucket.level > limit.burst then
        return true
    end
    bucket.level = bucket.level + 1
    return false
end

local seconds, nanoseconds = lighty.c.hrtime()
local now = seconds + nanoseconds / 1e9
local peer = lighty.r.req_attr["request.remote-addr"] or ""
local path = lighty.r.req_attr["uri.path-raw"] or ""
local net = peer:match("^%x*:%x*:%x*:%x*:") or peer
if not NODES[peer] and is_over(kept.peers, net, PEERS, now) then
    return 404
end
if is_over(kept.asked, path:sub(INNER + 1, INNER + 41), ASKED, now) then
    return 404
end
