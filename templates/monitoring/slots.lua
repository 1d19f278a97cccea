-- Run by redis_exporter (-script) on its node at every scrape: what INFO does not tell of slots. Reads only; the same on
-- Redis 5.0 to 7.0. Each name and number becomes redis_script_values{key="NAME"}.
local mine = ''
for line in string.gmatch(redis.call('CLUSTER', 'NODES'), '[^\n]+') do
  if string.find(line, 'myself', 1, true) then mine = line end
end
local field, owned, migrating, importing = 0, 0, 0, 0
for word in string.gmatch(mine, '%S+') do
  field = field + 1
  -- Slots begin at the ninth field: "0-5460", "7000", "[42->-ID]" on its way out, "[42-<-ID]" on its way in.
  if field > 8 then
    if string.find(word, '->-', 1, true) then
      migrating = migrating + 1
    elseif string.find(word, '-<-', 1, true) then
      importing = importing + 1
    else
      local first, last = string.match(word, '^(%d+)%-?(%d*)$')
      if first then owned = owned + (tonumber(last) or tonumber(first)) - tonumber(first) + 1 end
    end
  end
end
return {
  'slots_owned', tostring(owned), 'slots_migrating', tostring(migrating), 'slots_importing', tostring(importing)
}
