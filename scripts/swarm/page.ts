/** docs/swarm.md: the manual. What is a table in it comes from the code. Written by `npm run docs`. */
import { allScenarios } from './arguments.ts'
import { BEHAVIOURS } from './behaviours.ts'
import { type Figure, HUB_FIGURES, POPULATION_FIGURES, SWARM_FIGURES } from './figures.ts'
import { JUNK } from './junk.ts'
import { scenarioFile } from './scenario.ts'

export function swarmPage(
  generated: string,
  table: (head: readonly string[], rows: readonly (readonly string[])[]) => string,
): string {
  const figures = (prefix: string, of: Readonly<Record<string, Figure<never>>>) =>
    Object.entries(of).map(([name, { unit, about }]) => [`\`${prefix}${name}\``, unit, about])
  const behaviours = Object.entries(BEHAVIOURS).map(([name, { about, params }]) => [
    `\`${name}\``,
    about,
    Object.entries(params)
      .map(([param, { about, default: otherwise }]) => `\`${param}\` (${otherwise}): ${about}`)
      .join('; '),
  ])
  const scenarios = allScenarios().map(file => {
    const { name, about, loopFails } = scenarioFile(file)
    return [
      `\`${name}\``,
      about,
      loopFails?.map(text => `\`${text}\``).join(', ') ?? 'not said: it depends on the machine',
    ]
  })
  return `# The swarm

${generated}
A population of real sockets on one thread, that attacks a WebSocket server: slowly, rudely, or in a herd. It measures what that does to
the clients who behave, and says with its exit code whether it held. It works against any WebSocket server; of Spillway it also asks
\`/metrics\`.

    npm run swarm -- ws://localhost:8080/feeds/ticks --clients healthy=200,never-reads=50 --duration 20s --assert 'healthy.p99 < 250ms'
    npm run swarm -- never-readers --against spillway
    npm run swarm -- --all

The first attacks a server that runs; the second starts one for a scenario, on loopback, in a process of its own and on another core
where there are two; the third sends every scenario against the hub and against the loop that people write today. \`--help\` has every
flag. Exit codes: 0 all assertions hold, 1 some do not, 2 bad input. Ctrl-C ends it early, and it still tells; a second one ends it at once.

Progress is on standard error, a block on a terminal and a line a second elsewhere; the table is on standard output; \`--json FILE\` has
every figure. Ten thousand sockets need as many open files (\`ulimit -n\`), and one address has some 28,000 ports.

## Behaviours

\`--clients [NAME:]BEHAVIOUR=COUNT[@PARAMETER],…\`, where COUNT may be a share of \`--total\` and PARAMETER is the first in the table.
Whatever a behaviour does not say, its clients do as healthy ones do: read all they get, answer pings and close frames. Times count from the
opening, or from the end of the ramp where that is later.

${table(['behaviour', 'what it does', 'parameters (default)'], behaviours)}

The kinds of junk:

${table(
  ['kind', 'what it sends'],
  Object.entries(JUNK).map(([kind, { about }]) => [`\`${kind}\``, about]),
)}

Clients that do not read cannot know that they were closed. So when all is over, they read what is left, and how the server had ended
them is in \`evicted\`, \`closed\` and \`connected\`. One that goes on sending to a server that has ended it is cut off before it can read that
(\`liar\`, \`ping-flood\`): it is \`closed\`, and why, only the server's metrics say.

## Figures

Latency, age and rates count from the end of the ramp and the warm-up; handshakes, gaps and closes from the beginning. Latency
and age need the time of publication in the messages: a run of 13 digits (milliseconds since 1970) or 16 (microseconds) within the first
128 bytes, that says a time within a day of now; where it stands is learned from what comes. Where a message begins with microseconds, a
space and a number, that is the number of the message, and gaps are known. On one machine both ends have the same clock; across machines
the difference of their clocks is in latency and age. Percentiles are exact to 2 %.

Of a population, by its name (\`healthy.p99\`):

${table(['figure', 'unit', 'meaning'], figures('', POPULATION_FIGURES))}

Of the whole swarm:

${table(['figure', 'unit', 'meaning'], figures('', SWARM_FIGURES))}

Of the server; most are from its \`/metrics\`, asked every two seconds, and unknown where there are none. The prefix may be left out.
Memory of a server that the swarm has started is known from the system.

${table(['figure', 'unit', 'meaning'], figures('hub.', HUB_FIGURES))}

\`account\` compares what was published to readers, counted as they come and go, with what their cursors say became of it. It cannot find
a hub that lies consistently; \`overstated\` can: it compares what the hub counts as delivered with what the swarm has read.

## Assertions

\`--assert 'FIGURE OPERATOR VALUE'\`, as often as you like, or the list \`assert\` of a scenario. Operators are \`<\`, \`<=\`, \`>\`, \`>=\`, \`==\` and
\`!=\`. The value has the figure's unit: times \`50ms\`, \`2s\`, \`1m\`; sizes \`65536\`, \`16KiB\`, \`1MB\`; shares \`100%\`; counts \`0\`. It may be another
figure of the same unit, with a factor if you like: \`hub.rss < bound\`, \`healthy.p99 < 20 * healthy.p50\`. What could not be measured does
not hold, and says why. What is misspelled is refused before anything starts.

    ✓ healthy.p99 < 50ms (12.3 ms)
    ✗ healthy.p99 < 50ms: 812 ms

## Scenarios

A scenario is a file of JSON; what is unknown or wrong in it is refused with a sentence. Flags go before what it says.

    {
      "about": "Half of the audience closes its laptop: nobody else notices.",
      "clients": [
        { "behaviour": "healthy", "count": 100 },
        { "behaviour": "stalls", "name": "stalled", "count": 100, "after": "1s", "for": "5m" }
      ],
      "ramp": "1s", "warmup": "0s", "duration": "10s", "seed": 1,
      "server": { "rate": 200, "bytes": "1KiB", "burst": 1, "feed": { "capacity": 1048576 }, "hub": { "stallTimeoutMs": 2500 } },
      "assert": ["stalled.evicted == 100%", "healthy.p99 < 250ms"],
      "loopFails": ["stalled.evicted == 100%"]
    }

\`clients\` have a \`count\`, or a \`share\` of \`total\`, and the parameters of their behaviour. \`server\` is what \`--against\` starts: messages a
second, bytes of each, how many at once, and the options of feed and hub (in the library's names and units: docs/options.md).
\`loopFails\` are the assertions that the loop must fail: with several servers the run ends with 1 unless the hub keeps every assertion and
the loop fails exactly these; left out, nothing is expected of the loop. What only Spillway's metrics could tell is unknown of the loop (\`·\`) and counts neither way.

Those that come along, in scripts/swarm/scenarios:

${table(['scenario', 'the disaster', 'what the loop cannot keep'], scenarios)}

## Attacking another server

Publish messages that begin with the time in microseconds and a number (\`1763769600123456 42 …\`), or have milliseconds near their
beginning, and give its address: \`npm run swarm -- ws://HOST:PORT/PATH never-readers\`. \`--protocol\` asks for a subprotocol. Server-side
peers that speak something of their own on top of WebSocket answer handshakes and pings all the same. When the swarm itself uses more
than 80 % of a core it says so: then what it measured is its own limit.
`
}
