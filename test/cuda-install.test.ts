/** `twofour cuda install` with small wheels of this test's own, from a server on this machine. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import test from 'ava'
import { installCudaLibraries } from 'twofour'
import type { Progress } from '../lib/addon.js'
import { installWheels } from '../lib/cuda/install.js'
import { type Wheel, wheelsFor } from '../lib/cuda/wheels.js'
import { cli, json } from './command-line.js'
import { temporaryDirectory } from './temporary-directory.js'

type Packed = { name: string; bytes: Buffer; deflate: boolean }

/** A zip file of these members, with a comment at its end. */
function zipOf(members: readonly Packed[]): Buffer {
  const pieces: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const { name, bytes, deflate } of members) {
    const data = deflate ? deflateRawSync(bytes) : bytes
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(deflate ? 8 : 0, 4)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(bytes.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const local = Buffer.from(fields)
    // An extra field that the list at the end does not have.
    local.writeUInt16LE(4, 24)
    const piece = Buffer.concat([
      Buffer.from('PK\u0003\u0004'),
      local,
      Buffer.from(name),
      Buffer.alloc(4),
      data,
    ])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    entries.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), fields, place, Buffer.from(name)]))
    pieces.push(piece)
    at += piece.length
  }
  const list = Buffer.concat(entries)
  const comment = Buffer.from('made by a test')
  const end = Buffer.alloc(18)
  end.writeUInt32LE(list.length, 8)
  end.writeUInt32LE(at, 12)
  end.writeUInt16LE(comment.length, 16)
  return Buffer.concat([...pieces, list, Buffer.from('PK\u0005\u0006'), end, comment])
}

const library = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i) % 251))
const other = Buffer.from('the other library')
const license = { name: 'made-1.dist-info/License.txt', bytes: Buffer.from('free'), deflate: false }
const archives = {
  'made-one': zipOf([license, { name: 'nvidia/one/lib/libone.so.1', bytes: library, deflate: true }]),
  'made-two': zipOf([{ name: 'nvidia/two/lib/libtwo.so.0', bytes: other, deflate: false }, license]),
}

function wheelOf(project: keyof typeof archives, member: string): Wheel {
  const archive = archives[project]
  const sha256 = createHash('sha256').update(archive).digest('hex')
  return { project, version: '1.0', file: `${project}.whl`, bytes: archive.length, sha256, member }
}
const wheels = [
  wheelOf('made-one', 'nvidia/one/lib/libone.so.1'),
  wheelOf('made-two', 'nvidia/two/lib/libtwo.so.0'),
]

/** Serves the archives, each as `change` makes it; null is 404. @returns its address, and what was asked for */
async function serving(change: (path: string, archive: Buffer) => Buffer | null = (_, archive) => archive) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const archive = archives[path.split('/')[2] as keyof typeof archives]
    const body = archive === undefined ? null : change(path, archive)
    response.statusCode = body === null ? 404 : 200
    response.end(body ?? 'nothing')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  return { index: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`, asked }
}

test('libraries are taken out of their wheels, and nothing else is left', async (t) => {
  const { index, asked } = await serving()
  const directory = join(temporaryDirectory(), 'cuda')
  const seen: Progress[] = []
  const options = { index: `${index}/`, onProgress: (progress: Progress) => seen.push(progress) }

  const installed = await installWheels(wheels, directory, options)
  t.deepEqual(installed, [
    { file: join(directory, 'libone.so.1'), version: '1.0', fetched: true },
    { file: join(directory, 'libtwo.so.0'), version: '1.0', fetched: true },
  ])
  t.deepEqual(readdirSync(directory).sort(), ['libone.so.1', 'libtwo.so.0', 'versions.json'])
  t.deepEqual(readFileSync(join(directory, 'libone.so.1')), library)
  t.deepEqual(readFileSync(join(directory, 'libtwo.so.0')), other)
  t.deepEqual(asked, ['/simple/made-one/made-one.whl', '/simple/made-two/made-two.whl'])
  t.like(seen.at(-1), { stage: 'fetch made-two 1.0', unit: 'MB' })

  const again = await installWheels(wheels, directory, { index })
  t.deepEqual(
    again.map(({ fetched }) => fetched),
    [false, false],
  )
  t.is(asked.length, 2)
})

test('a newer version replaces the older, and a whole wheel that was left behind is used', async (t) => {
  const { index, asked } = await serving()
  const directory = temporaryDirectory()
  await installWheels(wheels, directory, { index })
  const newer = wheels.map((wheel) => ({ ...wheel, version: '2.0' }))
  writeFileSync(join(directory, 'made-one.whl'), archives['made-one'])
  writeFileSync(join(directory, 'made-two.whl'), Buffer.alloc(archives['made-two'].length))

  const installed = await installWheels(newer, directory, { index })
  t.true(installed.every(({ fetched, version }) => fetched && version === '2.0'))
  t.deepEqual(asked.slice(2), ['/simple/made-two/made-two.whl'])
  t.deepEqual(readdirSync(directory).sort(), ['libone.so.1', 'libtwo.so.0', 'versions.json'])
})

const flipped = (archive: Buffer) => Buffer.from(archive.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)))
const tampered: Record<string, [change: (archive: Buffer) => Buffer | null, code: string, sentence: RegExp]> =
  {
    'with one bit changed': [
      flipped,
      'DOWNLOAD_MISMATCH',
      /sha256 [0-9a-f]{64}, but it has the sha256 [0-9a-f]{64}\./,
    ],
    'that is longer': [
      (archive) => Buffer.concat([archive, archive]),
      'DOWNLOAD_MISMATCH',
      /it has more bytes/,
    ],
    'that is cut off': [(archive) => archive.subarray(0, 500), 'DOWNLOAD_MISMATCH', /it has fewer bytes/],
    'that is not there': [() => null, 'DOWNLOAD_FAILED', /the server answered 404 Not Found\./],
  }
for (const [what, [change, code, message]] of Object.entries(tampered)) {
  test(`a wheel ${what} is refused, and what was there stays`, async (t) => {
    const { index } = await serving((_, archive) => change(archive))
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'libone.so.1'), 'before')
    await t.throwsAsync(installWheels(wheels, directory, { index }), { code, message })
    t.deepEqual(readdirSync(directory), ['libone.so.1'])
    t.is(readFileSync(join(directory, 'libone.so.1'), 'utf8'), 'before')
  })
}

test('a wheel without the library in it is refused', async (t) => {
  const { index } = await serving()
  const directory = temporaryDirectory()
  const wheel = { ...wheels[0]!, member: 'nvidia/one/lib/libnone.so' }
  await t.throwsAsync(installWheels([wheel], directory, { index }), {
    code: 'DOWNLOAD_FAILED',
    message: /it has no nvidia\/one\/lib\/libnone\.so\./,
  })
  t.deepEqual(readdirSync(directory), [])
})

test('an abort stops it with its reason, and leaves nothing', async (t) => {
  const directory = temporaryDirectory()
  const controller = new AbortController()
  const { index } = await serving((_, archive) => {
    controller.abort(new Error('enough'))
    return archive
  })
  const { signal } = controller
  await t.throwsAsync(installWheels(wheels, directory, { index, signal }), { message: 'enough' })
  t.deepEqual(readdirSync(directory), [])
})

test('a server that is not there is named', async (t) => {
  const directory = temporaryDirectory()
  await t.throwsAsync(installWheels(wheels, directory, { index: 'http://127.0.0.1:9' }), {
    code: 'DOWNLOAD_FAILED',
    message: /^Cannot fetch http:\/\/127\.0\.0\.1:9\/made-one\/made-one\.whl: .+\. Look at the network/,
  })
  t.deepEqual(readdirSync(directory), [])
})

test('wrong options are refused by name', async (t) => {
  for (const index of ['ftp://x', 'somewhere', 7])
    await t.throwsAsync(installCudaLibraries({ index } as object), {
      name: 'TypeError',
      message: /`index`.*http/,
    })
  await t.throwsAsync(installCudaLibraries({ idnex: 'x' } as object), {
    name: 'TypeError',
    message: /`index`/,
  })
  const { status, stderr } = await cli(['cuda', 'instal'])
  t.is(status, 2)
  t.regex(stderr, /Expected `install` after `twofour cuda`, got instal\. Did you mean `install`\?/)
})

test.serial('the command refuses what does not have the hash that twofour knows', async (t) => {
  const directory = temporaryDirectory()
  const before = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = directory
  try {
    const server = createServer((_, response) => response.end('not a wheel'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.unref()
    const index = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { error } = await json<{ error: { code: string } }>(['cuda', 'install', '--index', index], 1)
    t.is(error.code, 'DOWNLOAD_MISMATCH')
    t.deepEqual(readdirSync(join(directory, 'twofour', 'cuda')), [])
  } finally {
    process.env.XDG_CACHE_HOME = before
  }
})

test('what is installed has a hash and a size for every processor that NVIDIA publishes for', (t) => {
  for (const machine of ['x64', 'arm64'] as const) {
    const listed = wheelsFor(machine)
    t.deepEqual(
      listed.map(({ member }) => member.split('/').at(-1)),
      ['libcublasLt.so.13', 'libcusparseLt.so.0'],
    )
    for (const { sha256, bytes, file, version } of listed) {
      t.regex(sha256, /^[0-9a-f]{64}$/)
      t.true(bytes > 1e8)
      t.true(
        file.includes(`-${version}-`) && file.endsWith(`${machine === 'x64' ? 'x86_64' : 'aarch64'}.whl`),
      )
    }
  }
  t.deepEqual(wheelsFor('s390x'), [])
})
