import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { withTemporary, withTemporaryDirectory, writeFileDurably } from '../lib/checkpoint/durable.js'
import { saveSafetensors } from '../lib/checkpoint/safetensors-write.js'
import { temporaryDirectory } from './temporary-directory.js'

const module = fileURLToPath(new URL('../lib/checkpoint/durable.ts', import.meta.url))
const root = temporaryDirectory('durable')

let count = 0
async function folder(): Promise<string> {
  const path = join(root, `folder-${count++}`)
  await mkdir(path)
  return path
}

async function put(directory: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
}

/** The id of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid
}

const unwritable = (message: RegExp) => ({ name: 'TwofourError', code: 'FILE_UNWRITABLE', message })

test('a file is written through a temporary one beside it', async (t) => {
  const path = join(await folder(), 'new', 'deep', 'a.bin')
  await withTemporary(path, async (temporary) => {
    t.regex(temporary, new RegExp(`/new/deep/\\.a\\.bin\\.twofour-${process.pid}-[0-9a-f]+\\.tmp$`))
    t.is((await stat(temporary)).size, 0)
    await t.throwsAsync(stat(path), { code: 'ENOENT' })
    await writeFile(temporary, 'weights')
  })
  t.is(await readFile(path, 'utf8'), 'weights')
  t.deepEqual(await readdir(join(path, '..')), ['a.bin'])
})

test('bytes and text replace what was there', async (t) => {
  const path = join(await folder(), 'a')
  await writeFileDurably(path, 'a longer text')
  await writeFileDurably(path, Uint8Array.of(104, 105))
  t.is(await readFile(path, 'utf8'), 'hi')
})

test('a long name still has room for its temporary one', async (t) => {
  const path = join(await folder(), 'n'.repeat(255))
  await writeFileDurably(path, 'x')
  t.is(await readFile(path, 'utf8'), 'x')
})

test('a symbolic link is replaced, and its target stays', async (t) => {
  const directory = await folder()
  await put(directory, { blob: 'old' })
  await symlink('blob', join(directory, 'link'))
  await writeFileDurably(join(directory, 'link'), 'new')
  t.is(await readFile(join(directory, 'link'), 'utf8'), 'new')
  t.is(await readFile(join(directory, 'blob'), 'utf8'), 'old')
})

test('a directory is filled beside its place and appears whole', async (t) => {
  const directory = join(await folder(), 'parent', 'model')
  await withTemporaryDirectory(directory, async (temporary) => {
    t.regex(temporary, /\/parent\/\.model\.twofour-\d+-[0-9a-f]+\.tmp$/)
    await put(temporary, { 'config.json': '{}' })
    await mkdir(join(temporary, 'onnx'))
    await put(join(temporary, 'onnx'), { 'model.onnx': 'x' })
    await t.throwsAsync(stat(directory), { code: 'ENOENT' })
  })
  t.deepEqual((await readdir(directory)).sort(), ['config.json', 'onnx'])
  t.deepEqual(await readdir(join(directory, '..')), ['model'])
})

test('an empty directory is replaced', async (t) => {
  const directory = await folder()
  await withTemporaryDirectory(directory, (temporary) => put(temporary, { a: '1' }))
  t.deepEqual(await readdir(directory), ['a'])
})

test('an empty directory behind a symbolic link is replaced, and the link stays', async (t) => {
  const directory = await folder()
  const link = `${directory}-link`
  await symlink(directory, link)
  await withTemporaryDirectory(link, (temporary) => put(temporary, { a: '1' }))
  t.deepEqual(await readdir(directory), ['a'])
  t.deepEqual(await readdir(link), ['a'])
})

test('the working directory is filled from inside', async (t) => {
  const directory = await folder()
  const script = `
    const { withTemporaryDirectory } = await import(${JSON.stringify(module)})
    const { writeFile } = await import('node:fs/promises')
    await withTemporaryDirectory('.', (temporary) => writeFile(temporary + '/config.json', '{}'))
    console.log(process.cwd())`
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments(script), {
    cwd: directory,
    encoding: 'utf8',
  })
  t.is(status, 0, stderr)
  t.is(stdout.trim(), directory)
  t.deepEqual(await readdir(directory), ['config.json'])
})

test('overwriting replaces files of the same name, removes the obsolete and keeps others', async (t) => {
  const directory = await folder()
  await put(directory, {
    'config.json': 'old',
    'model.safetensors': 'old',
    'model.safetensors.index.json': 'old',
    'notes.txt': 'mine',
  })
  const fill = async (temporary: string) => {
    await put(temporary, { 'config.json': 'new', 'model.safetensors': 'new' })
    await mkdir(join(temporary, '1_Pooling'))
    await put(join(temporary, '1_Pooling'), { 'config.json': 'pool' })
  }
  await withTemporaryDirectory(directory, fill, {
    overwrite: true,
    obsolete: (file) => file.endsWith('.index.json'),
  })
  t.deepEqual((await readdir(directory)).sort(), [
    '1_Pooling',
    'config.json',
    'model.safetensors',
    'notes.txt',
  ])
  t.is(await readFile(join(directory, 'config.json'), 'utf8'), 'new')
  t.is(await readFile(join(directory, 'model.safetensors'), 'utf8'), 'new')
  t.is(await readFile(join(directory, '1_Pooling', 'config.json'), 'utf8'), 'pool')
  t.is(await readFile(join(directory, 'notes.txt'), 'utf8'), 'mine')
})

test('overwriting that fails half way leaves no config.json over a mixture', async (t) => {
  const directory = await folder()
  await put(directory, { 'a.safetensors': 'old', 'config.json': 'old' })
  await mkdir(join(directory, 'b.safetensors', 'x'), { recursive: true })
  const fill = (temporary: string) =>
    put(temporary, { 'a.safetensors': 'new', 'b.safetensors': 'new', 'config.json': 'new' })
  await t.throwsAsync(
    withTemporaryDirectory(directory, fill, { overwrite: true }),
    unwritable(/Choose another path/),
  )
  t.deepEqual((await readdir(directory)).sort(), ['a.safetensors', 'b.safetensors'])
})

test('the mode of files and directories follows the umask', async (t) => {
  const directory = await folder()
  const script = `
    const { writeFileDurably, withTemporaryDirectory } = await import(${JSON.stringify(module)})
    for (const umask of [0o022, 0o077, 0o002]) {
      process.umask(umask)
      await writeFileDurably('file-' + umask, 'x')
      await withTemporaryDirectory('folder-' + umask, async () => {})
    }`
  const { status, stderr } = spawnSync(process.execPath, nodeArguments(script), {
    cwd: directory,
    encoding: 'utf8',
  })
  t.is(status, 0, stderr)
  for (const umask of [0o022, 0o077, 0o002]) {
    t.is((await stat(join(directory, `file-${umask}`))).mode & 0o777, 0o666 & ~umask)
    t.is((await stat(join(directory, `folder-${umask}`))).mode & 0o777, 0o777 & ~umask)
  }
})

test('temporaries of dead processes for the same target are removed, all others stay', async (t) => {
  const directory = await folder()
  const dead = deadPid()
  const stays = [
    `.a.twofour-${process.ppid}-00.tmp`, // alive
    `.a.twofour-${process.pid}-00.tmp`, // this process
    `.b.twofour-${dead}-00.tmp`, // another target
    `.a.twofour-${dead}-00`,
    `.a.twofour-x-00.tmp`,
    `a.twofour-${dead}-00.tmp`,
  ]
  await put(directory, Object.fromEntries(stays.map((name) => [name, 'x'])))
  await put(directory, { [`.a.twofour-${dead}-00.tmp`]: 'x' })
  await mkdir(join(directory, `.a.twofour-${dead}-01.tmp`))
  await put(join(directory, `.a.twofour-${dead}-01.tmp`), { x: 'x' })
  await writeFileDurably(join(directory, 'a'), 'new')
  t.deepEqual((await readdir(directory)).sort(), ['a', ...stays].sort())
})

test('a temporary that is older than this process, under its id, is removed', async (t) => {
  const directory = await folder()
  const name = `.a.twofour-${process.pid}-00.tmp`
  await put(directory, { [name]: 'x' })
  await utimes(join(directory, name), 1000, 1000)
  await writeFileDurably(join(directory, 'a'), 'new')
  t.deepEqual(await readdir(directory), ['a'])
})

test('stale temporary directories are removed on the next save', async (t) => {
  const parent = await folder()
  const stale = join(parent, `.model.twofour-${deadPid()}-00.tmp`)
  await mkdir(stale)
  await put(stale, { a: 'x' })
  await withTemporaryDirectory(join(parent, 'model'), (temporary) => put(temporary, { b: 'y' }))
  t.deepEqual(await readdir(parent), ['model'])
})

// Serial: others must not listen for signals meanwhile.
test.serial('files saved at the same time to one path do not mix', async (t) => {
  const directory = await folder()
  const texts = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000))
  await Promise.all(texts.map((text) => writeFileDurably(join(directory, 'a'), text)))
  t.true(texts.includes(await readFile(join(directory, 'a'), 'utf8')))
  t.deepEqual(await readdir(directory), ['a'])
  t.is(process.listenerCount('SIGTERM'), 0)
})

test('a failure leaves the old file and no temporary', async (t) => {
  const directory = await folder()
  await put(directory, { a: 'old' })
  const fail = async (temporary: string) => {
    await writeFile(temporary, 'half')
    throw new Error('out of ideas')
  }
  await t.throwsAsync(withTemporary(join(directory, 'a'), fail), { message: 'out of ideas' })
  await t.throwsAsync(
    withTemporaryDirectory(join(directory, 'model'), (path) => fail(join(path, 'x'))),
    {
      message: 'out of ideas',
    },
  )
  t.deepEqual(await readdir(directory), ['a'])
  t.is(await readFile(join(directory, 'a'), 'utf8'), 'old')
})

test('a signal leaves the old file and no temporary', async (t) => {
  const directory = await folder()
  await put(directory, { a: 'old' })
  const reason = new Error('enough')
  const controller = new AbortController()
  const { signal } = controller
  const abort = async () => controller.abort(reason)
  t.is(await t.throwsAsync(withTemporary(join(directory, 'a'), abort, { signal })), reason)
  t.is(await t.throwsAsync(withTemporary(join(directory, 'a'), abort, { signal })), reason)
  t.is(await t.throwsAsync(withTemporaryDirectory(join(directory, 'b'), abort, { signal })), reason)
  t.is(await t.throwsAsync(saveSafetensors(join(directory, 'c'), [], { signal })), reason)
  t.deepEqual(await readdir(directory), ['a'])

  const late = new AbortController()
  const abortLate = async () => late.abort(reason)
  const filling = withTemporaryDirectory(join(directory, 'b'), abortLate, { signal: late.signal })
  t.is(await t.throwsAsync(filling), reason)
  t.deepEqual(await readdir(directory), ['a'])
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends the process and leaves no temporary`, async (t) => {
    const directory = await folder()
    const child = startWriter(directory, '')
    await line(child)
    t.is((await readdir(directory)).length, 2)
    child.kill(signal)
    t.deepEqual(await ended(child), [null, signal])
    t.deepEqual(await readdir(directory), [])
  })
}

test('a host that handles the signal itself decides, and its exit leaves no temporary', async (t) => {
  const directory = await folder()
  const child = startWriter(directory, `process.on('SIGTERM', () => process.exit(7))`)
  await line(child)
  child.kill('SIGTERM')
  t.deepEqual(await ended(child), [7, null])
  t.deepEqual(await readdir(directory), [])
})

test('what cannot be written is refused with the reason', async (t) => {
  const directory = await folder()
  await put(directory, { file: 'x' })
  await t.throwsAsync(writeFileDurably(directory, 'x'), unwritable(/to be a file, got a directory/))
  await t.throwsAsync(writeFileDurably(join(directory, 'file', 'a'), 'x'), unwritable(/ENOTDIR|EEXIST/))
  await t.throwsAsync(
    writeFileDurably('/proc/twofour/a', 'x'),
    unwritable(/Expected `\/proc\/twofour\/a` to be writable/),
  )
  await t.throwsAsync(writeFileDurably('', 'x'), { instanceOf: TypeError })
  await t.throwsAsync(
    withTemporaryDirectory(join(directory, 'file'), async () => {}),
    unwritable(/a directory, got a file/),
  )
})

test('a directory with files is refused before it is filled', async (t) => {
  const directory = await folder()
  await put(directory, { 'notes.txt': 'mine' })
  const fill = () => t.fail() as never
  await t.throwsAsync(
    withTemporaryDirectory(directory, fill),
    unwritable(/empty folder, or pass `overwrite`/),
  )
  t.deepEqual(await readdir(directory), ['notes.txt'])
})

test('a directory that gets files while it is filled is refused', async (t) => {
  const directory = await folder()
  const fill = async (temporary: string) => {
    await put(temporary, { a: 'x' })
    await put(directory, { 'notes.txt': 'mine' })
  }
  await t.throwsAsync(withTemporaryDirectory(directory, fill), unwritable(/empty folder/))
  t.deepEqual(await readdir(directory), ['notes.txt'])
})

function nodeArguments(script: string): string[] {
  const loader = createRequire(import.meta.url).resolve('tsx')
  return [`--import=${loader}`, '--input-type=module', '--eval', script]
}

/** A process that writes a file and a directory, says so, and never ends by itself. */
function startWriter(directory: string, before: string): ChildProcess {
  const script = `
    ${before}
    const { withTemporary, withTemporaryDirectory } = await import(${JSON.stringify(module)})
    let open = 0
    const wait = () => new Promise((resolve) => { if (++open === 2) console.log('writing'); setTimeout(resolve, 60_000) })
    await Promise.all([withTemporary('a', wait), withTemporaryDirectory('b', wait)])`
  return spawn(process.execPath, nodeArguments(script), {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function line(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => child.stdout?.once('data', resolve))
}

async function ended(child: ChildProcess): Promise<[number | null, string | null]> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])))
}
