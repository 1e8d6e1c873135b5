/** Stands in for curl where a machine has none: the few options that the documents use, over `fetch`. */

const headers: Record<string, string> = {}
let body: string | undefined
let url = ''

const args = process.argv.slice(2)
for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
  if (arg === '-H') {
    const [name = '', ...rest] = (args.shift() ?? '').split(':')
    headers[name.trim()] = rest.join(':').trim()
  } else if (arg === '-d') body = args.shift()
  else if (!arg.startsWith('-')) url = arg
}

const answer = await fetch(url, body === undefined ? { headers } : { method: 'POST', headers, body })
process.stdout.write(await answer.text())
