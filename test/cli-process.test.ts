import { once } from 'node:events'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Safetensors } from 'twofour'
import { demoModel, ended, goldenRoot, start, twofour } from './command-line.js'
import { temporaryDirectory } from './temporary-directory.js'

/** A BERT of 150 MB, all zeros: a file with a hole takes no time to write, and takes its time to prune. */
async function largeModel(): Promise<string> {
  const [hidden, inner, layers] = [512, 2048, 12]
  const config = {
    architectures: ['BertModel'],
    model_type: 'bert',
    hidden_size: hidden,
    intermediate_size: inner,
    num_attention_heads: 8,
    num_hidden_layers: layers,
    vocab_size: 8,
    max_position_embeddings: 8,
  }
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [hidden]],
    [`${name}.bias`, [hidden]],
  ]
  const linear = (name: string, rows: number, columns: number): [string, number[]][] => [
    [`${name}.weight`, [rows, columns]],
    [`${name}.bias`, [rows]],
  ]
  const tensors: [string, number[]][] = [
    ['embeddings.word_embeddings.weight', [8, hidden]],
    ['embeddings.position_embeddings.weight', [8, hidden]],
    ['embeddings.token_type_embeddings.weight', [2, hidden]],
    ...norm('embeddings.LayerNorm'),
  ]
  for (let at = 0; at < layers; at++) {
    const layer = `encoder.layer.${at}`
    for (const part of ['self.query', 'self.key', 'self.value', 'output.dense'])
      tensors.push(...linear(`${layer}.attention.${part}`, hidden, hidden))
    tensors.push(...norm(`${layer}.attention.output.LayerNorm`))
    tensors.push(...linear(`${layer}.intermediate.dense`, inner, hidden))
    tensors.push(...linear(`${layer}.output.dense`, hidden, inner), ...norm(`${layer}.output.LayerNorm`))
  }
  const directory = temporaryDirectory('large')
  await writeFile(join(directory, 'config.json'), JSON.stringify(config))
  await writeHollow(join(directory, 'model.safetensors'), tensors)
  return directory
}

async function writeHollow(path: string, tensors: readonly [string, number[]][]): Promise<void> {
  let end = 0
  const entries = tensors.map(([name, shape]) => {
    const begin = end
    end += 4 * shape.reduce((product, size) => product * size, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }]
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(path, 'w')
  await handle.write(Buffer.concat([length, header]))
  await handle.truncate(8 + header.length + end)
  await handle.close()
}

test('the program encodes token ids as its commands do in another process', async (t) => {
  for (const folder of ['bert-cls', 'mpnet-base']) {
    const model = join(goldenRoot, folder)
    const out = join(temporaryDirectory(), 'out.safetensors')
    const ran = await twofour(['encode', model, '--ids', join(model, 'ids.json'), '--out', out])
    t.is(ran.status, 0, ran.stderr)
    t.is(ran.stderr, '')
    const golden = await Safetensors.open(join(model, 'golden.safetensors'))
    const { tensors } = await Safetensors.open(out)
    for (const [name, { shape }] of golden.tensors) t.deepEqual(tensors.get(name)?.shape, shape)
  }
})

test('the exit status is 0, 1 or 2, and stdout holds one JSON value', async (t) => {
  const good = await twofour(['inspect', demoModel, '--json'])
  t.like(good, { status: 0, stderr: '' })
  t.is(JSON.parse(good.stdout).architecture, 'bert')
  const failed = await twofour(['inspect', '/no/such', '--json'])
  t.is(failed.status, 1)
  t.is(JSON.parse(failed.stdout).error.code, 'FILE_NOT_FOUND')
  t.is((await twofour(['inspect'])).status, 2)
})

test('without the addon doctor ends with 0 and names the command that compiles it; a file can still be read', async (t) => {
  const env = { TWOFOUR_ADDON: '/no/such/twofour.node' }
  const doctor = await twofour(['doctor', '--json'], env)
  t.is(doctor.status, 0, doctor.stderr)
  const { addon, problems } = JSON.parse(doctor.stdout)
  t.false(addon.available)
  t.like(problems[0], { what: 'addon', fix: 'npx twofour build' })
  t.regex((await twofour(['doctor'], env)).stdout, /npx twofour build/)

  const inspected = await twofour(['inspect', demoModel, '--json'], env)
  t.is(inspected.status, 0, inspected.stderr)
  t.is(JSON.parse(inspected.stdout).matrices, null)
  t.is((await twofour(['encode', demoModel, 'a text'], env)).status, 1)
})

test('a wrong TWOFOUR_ISA is a line of doctor', async (t) => {
  const { status, stdout } = await twofour(['doctor'], { TWOFOUR_ISA: 'sse9' })
  t.is(status, 0)
  t.regex(stdout, /TWOFOUR_ISA.*portable.*sse9/)
})

test('a reader that goes ends the work quietly', async (t) => {
  const texts = join(temporaryDirectory(), 'texts.txt')
  await writeFile(texts, 'some words to encode\n'.repeat(20_000))
  const child = start(['encode', demoModel, '--file', texts])
  const end = ended(child)
  await once(child.stdout!, 'data')
  child.stdout!.destroy()
  t.like(await end, { status: 0, stderr: '' })
})

test('a stdout that takes nothing is a failure', async (t) => {
  const full = await open('/dev/full', 'w')
  const child = start(['--version'], {}, full.fd)
  const { status, stderr } = await ended(child)
  await full.close()
  t.is(status, 1)
  t.regex(stderr, /^Cannot write to stdout: ENOSPC/)
})

test('Ctrl-C during prune leaves nothing behind', async (t) => {
  const model = await largeModel()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const root = temporaryDirectory()
    const child = start(['prune', model, '--out', join(root, 'pruned'), '--pattern', '2:4', '--json'])
    const end = ended(child)
    for (let tries = 0; tries < 4000 && (await readdir(root)).length === 0; tries++) await sleep(5)
    t.regex((await readdir(root))[0] ?? 'nothing', /^\.pruned\.twofour-\d+-.*\.tmp$/)
    child.kill(signal)
    const { status, stdout, stderr } = await end
    t.is(status, signal === 'SIGINT' ? 130 : 143)
    t.is(stderr, `Stopped by ${signal}.\n`)
    t.is(JSON.parse(stdout).error.code, 'CANCELLED')
    t.deepEqual(await readdir(root), [])
  }
})

test('Ctrl-C ends a command that waits for stdin', async (t) => {
  const child = start(['encode', demoModel])
  const end = ended(child)
  // More than a pipe holds: it is taken only when the command reads. The end never comes.
  await new Promise((taken) => child.stdin!.write('a line of text\n'.repeat(100_000), taken))
  child.kill('SIGINT')
  t.like(await end, { status: 130, stdout: '', stderr: 'Stopped by SIGINT.\n' })
})

test('the compiled program can be run as a file', async (t) => {
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
  t.regex(await readFile(main, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})
