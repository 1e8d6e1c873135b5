/** A second reading of the event-stream format, from the whole text at once and as plain as can be. */

export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** Events of a text that is all there; an event whose blank line never came counts, as providers leave it out. */
export function serverEvents(text: string): readonly ServerEvent[] {
  const blocks = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .split(/\n\n+/)
  return blocks.flatMap((block) => {
    const event = readBlock(block)
    return event === undefined ? [] : [event]
  })
}

function readBlock(block: string): ServerEvent | undefined {
  const data: string[] = []
  let event = ''
  for (const line of block.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1).replace(/^ /, '')
    if (line.startsWith('data:')) data.push(value)
    else if (line.startsWith('event:')) event = value.trim()
    // GPUStack puts a whole error into a field of that name.
    else if (line.startsWith('error:')) return { event: 'error', data: value }
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') }
}
