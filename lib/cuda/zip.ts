import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { TwofourError } from '../errors.js'

type Member = {
  readonly method: number
  readonly compressed: number
  readonly bytes: number
  readonly header: number
}

// Sizes and signatures of PKWARE's APPNOTE, 4.3.7, 4.3.12 and 4.3.16.
const endSignature = 0x06054b50
const endBytes = 22
const longestComment = 0xffff
const entrySignature = 0x02014b50
const entryBytes = 46
const localBytes = 30
const stored = 0
const deflated = 8

/**
 * Writes one member of a zip file to `target`, which exists. For files whose hash is known: what it refuses is a zip
 * that it cannot read (zip64, another compression), not an attack.
 * @throws TwofourError DOWNLOAD_FAILED; `signal.reason`
 */
export async function extractMember(
  zip: string,
  name: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const handle = await open(zip, 'r')
  let member: Member
  let start: number
  try {
    member = await findMember(handle, zip, name)
    start = await dataStart(handle, member)
  } finally {
    await handle.close()
  }
  const from = createReadStream(zip, { start, end: start + member.compressed - 1 })
  const to = createWriteStream(target)
  if (member.method === deflated) await pipeline(from, createInflateRaw(), to, { signal })
  else await pipeline(from, to, { signal })
  if (to.bytesWritten !== member.bytes) throw unreadable(zip, `${name} has not the size that it says`)
}

async function findMember(handle: FileHandle, zip: string, name: string): Promise<Member> {
  const directory = await readDirectory(handle, zip)
  for (let at = 0; at + entryBytes <= directory.length; ) {
    if (directory.readUInt32LE(at) !== entrySignature) break
    const [nameBytes, extra, comment] = [28, 30, 32].map((offset) => directory.readUInt16LE(at + offset))
    const end = at + entryBytes + nameBytes!
    if (directory.toString('utf8', at + entryBytes, end) === name) return memberAt(directory, at, zip)
    at = end + extra! + comment!
  }
  throw unreadable(zip, `it has no ${name}`)
}

function memberAt(directory: Buffer, at: number, zip: string): Member {
  const method = directory.readUInt16LE(at + 10)
  const [compressed, bytes, header] = [20, 24, 42].map((offset) => directory.readUInt32LE(at + offset))
  if (method !== stored && method !== deflated) throw unreadable(zip, `compression ${method} is not known`)
  return { method, compressed: compressed!, bytes: bytes!, header: header! }
}

/** The list of members, at the end of the file, before a comment of any length. */
async function readDirectory(handle: FileHandle, zip: string): Promise<Buffer> {
  const { size } = await handle.stat()
  const tail = await readAt(handle, Math.max(0, size - endBytes - longestComment), size)
  let at = tail.length - endBytes
  while (at >= 0 && tail.readUInt32LE(at) !== endSignature) at--
  if (at < 0) throw unreadable(zip, 'it has no end record')
  const begin = tail.readUInt32LE(at + 16)
  return readAt(handle, begin, begin + tail.readUInt32LE(at + 12))
}

/** The local header repeats the name, with an extra field of its own length. */
async function dataStart(handle: FileHandle, { header }: Member): Promise<number> {
  const local = await readAt(handle, header, header + localBytes)
  return header + localBytes + local.readUInt16LE(26) + local.readUInt16LE(28)
}

async function readAt(handle: FileHandle, begin: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - begin)
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, begin)
  return buffer.subarray(0, bytesRead)
}

function unreadable(zip: string, why: string): TwofourError {
  return new TwofourError('DOWNLOAD_FAILED', `Cannot read ${zip}: ${why}.`, { file: zip })
}
