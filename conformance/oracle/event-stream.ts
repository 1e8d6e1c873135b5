/** A second reading of AWS's binary event stream: frames of a prelude, headers, a payload and checksums. */

export interface Frame {
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string
}

/** Checksums are the transport's affair, not the oracle's. */
export function frames(bytes: Buffer): readonly Frame[] {
  const found: Frame[] = []
  for (let at = 0; at + 16 <= bytes.length; ) {
    const total = bytes.readUInt32BE(at)
    const headerLength = bytes.readUInt32BE(at + 4)
    if (total < 16 || at + total > bytes.length) break
    const payloadStart = at + 12 + headerLength
    found.push({
      headers: readHeaders(bytes.subarray(at + 12, payloadStart)),
      payload: bytes.toString('utf8', payloadStart, at + total - 4),
    })
    at += total
  }
  return found
}

/** Only headers that hold text (type 7) matter here, and no others occur. */
function readHeaders(bytes: Buffer): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + bytes.readUInt8(at)
    const name = bytes.toString('utf8', at + 1, nameEnd)
    if (bytes.readUInt8(nameEnd) !== 7) break
    const valueStart = nameEnd + 3
    const valueEnd = valueStart + bytes.readUInt16BE(nameEnd + 1)
    headers[name] = bytes.toString('utf8', valueStart, valueEnd)
    at = valueEnd
  }
  return headers
}
