// Asks for a URL over and over, in a process of its own so that it measures the server and not a busy test; tells the delays
// in milliseconds, as JSON, when its input ends.
const url = process.argv[2]
const delays = []
let asked = true
process.stdin.resume().on('end', () => {
  asked = false
})
await fetch(url) // the first opens the connection
process.stdout.write('ready\n')
while (asked) {
  const started = performance.now()
  const response = await fetch(url)
  if ((await response.text()) !== 'ok\n') throw new Error(`${url} said ${response.status}`)
  delays.push(performance.now() - started)
}
process.stdout.write(`${JSON.stringify(delays)}\n`)
