/** docs/admin.md: the table of the admin API as the code has it, and how to use it. Called by scripts/docs.ts. */
import { DRY_RUN_REASONS } from '../src/dry-run.ts'
import { MAX_BODY_BYTES } from '../src/server/admin/body.ts'
import { REFUSALS } from '../src/server/admin/refused.ts'
import { ROUTES } from '../src/server/admin/routes.ts'

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string

export function adminPage(generated: string, table: Table): string {
  const routes = ROUTES.map(({ method, path, query, body, help }) => [
    `\`${method} ${path}\``,
    Object.entries(query)
      .map(([name, rule]) => `\`${name}\`: ${rule}`)
      .join('; '),
    body,
    help,
  ])
  const refusals = Object.entries(REFUSALS).map(([code, [status, help]]) => [String(status), `\`${code}\``, help])
  return `# The admin port

${generated}
What operators may and listeners may not: see who is slow and who has left, evict somebody, change the limits of a feed, find out what other
limits would do, and see what the hub runs with. It is a port of its own, so that a proxy in front of the feeds shows none of it:
the one after \`--port\`, unless \`--admin-port\` says otherwise; \`--admin-port off\` is none. \`spillway serve\` prints its address. On the
port of the feeds these paths are answered with 404.

\`/\` is the page, with the addresses of clients and a button that evicts; \`/metrics\` is what the feed port has, \`/healthz\` says ok.

## The API

JSON everywhere. Bodies are \`application/json\`, at most ${MAX_BODY_BYTES / 1024} KiB, and there within 10 s. What is unknown or malformed is refused and never
passed over. \`HEAD\` goes where \`GET\` does.

${table(['request', 'parameters', 'body', 'what it does'], routes)}

Times are milliseconds since 1970 (\`at\`, \`since\`), other amounts are in the unit of their name. Lag is what is published and not confirmed;
\`queued\` is not written yet, in flight is written and not confirmed; \`dataAgeSeconds\` is how old the data is that a reader waits for.

A refusal is \`{ "error": { "code", "message" } }\`:

${table(['status', 'code', 'because'], refusals)}

## Who may ask

Without a token it listens on loopback only, and answers everybody on the machine. A web page that is open there is not everybody: a request is
refused with 403 if its \`Origin\` is another page's, if a browser says that another site has sent it (\`Sec-Fetch-Site\`), or if its \`Host\`
is no loopback name (a site can have its own name resolve to 127.0.0.1). There are no CORS headers. A tunnel (\`ssh -L 9000:localhost:8081 host\`) works.

For any other address (\`--admin-host\`) there has to be a token of at least 16 characters, best in \`SPILLWAY_ADMIN_TOKEN\`, because flags are shown by \`ps\`.
It is asked for as \`Authorization: Bearer TOKEN\`, also by \`/metrics\`; only the page's own files and \`/healthz\` go without, and the page asks for
it. The port speaks plain HTTP: on a network, put TLS in front of it. A wrong token is answered with 401 and logged, once a second at the most.

## By hand

With \`npm start\` running these work as they stand; 17 is whoever has that number.

\`\`\`sh
curl -s 'localhost:8081/clients?sort=lag&limit=5'          # who is furthest behind
curl -s 'localhost:8081/closed?code=4408&limit=20'         # who was evicted last, and with what account
curl -s -X POST localhost:8081/clients/17/evict
curl -s -X PATCH localhost:8081/feeds/ticks/limits -H 'Content-Type: application/json' -d '{"maxLag":{"ms":5000}}'
curl -s -X PUT localhost:8081/feeds/ticks/dry-run -H 'Content-Type: application/json' -d '{"overflow":"evict","maxLag":{"ms":2000}}'
curl -s localhost:8081/feeds/ticks/dry-run                 # a while later
\`\`\`

## Changing limits

A change is laid over what holds (as a JSON merge patch, RFC 7396) and the whole goes through the rules of the start: either all of it is changed, or
the answer is 400 with the rule, and nothing is. Readers that are there are judged by the new limits at once: one that is over a lower limit is
evicted, or skips, at the next flush. It holds until the hub ends: what is to stay belongs in the configuration. \`GET /config\` shows
what was changed, when and by whom. Capacity, format and policies cannot be changed: memory, the wire and promises to readers depend on them.

## Dry runs

A dry run looks once a second at every reader of a feed as if it had other limits, and counts the different ones that would have been
evicted: ${DRY_RUN_REASONS.map(reason => `\`${reason}\``).join(', ')} mean what they mean in [metrics.md](metrics.md); with \`overflow\` \`skip\` it counts those that would have been moved on (\`skipped\`).
Nobody is touched, so a reader is counted once however long it stays over a limit; and one that is over for less than a second can be
missed. What makes the source wait, or ends who does (\`maxPauseMs\`, \`minGateBytesPerSec\`), cannot be tried dry: without the wait nothing would be as it is. Under \`pause\` the source waits, so lag does not come to what it would under \`evict\`. A \`stallTimeoutMs\` far below the hub's own is seen late
for clients with nothing in flight, who are asked seldom. What all dry runs of a feed have counted is in the metrics.

## In a program

\`\`\`ts
import { Hub, serve, serveAdmin } from 'spillway'

const hub = new Hub()
const feed = hub.feed('prices')
const serving = await serve(hub, { port: 8080 })
const admin = await serveAdmin(hub, { port: 8081, serving }) // host and token as above
feed.limit({ maxLag: { ms: 5_000 } })                        // what PATCH does
\`\`\`
`
}
